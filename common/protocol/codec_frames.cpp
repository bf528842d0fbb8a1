// ClientMessage, AgentMessage, Echo: the messages of frames.hpp.
#include "common/protocol/limits.hpp"
#include "common/protocol/wire.hpp"

namespace proxima::protocol {
namespace {

using wire::Reader;
using wire::Text;
using wire::Type;
using wire::Writer;

// Each `fields` serves both hands: M is const for a Writer.

template <class Io, class M>
void fields(Io& io, M& m) requires std::is_same_v<std::remove_const_t<M>, Hello> {
  io.number("version", m.version);
  io.number("capabilities", m.capabilities);
  io.number("instance", m.instance.value);
  io.number("epoch", m.epoch.value);
  io.blob("ticket", m.ticket, limits::ticket_bytes);
}

template <class Io, class M>
void fields(Io& io, M& m) requires std::is_same_v<std::remove_const_t<M>, Frame> {
  io.number("instance", m.instance.value);
  io.number("epoch", m.epoch.value);
  io.number("sequence", m.sequence);
  io.number("deadline_left_us", m.deadline_left_us);
  io.flag("trial", m.trial);
  io.flag("resend", m.resend);
  io.choice("format", m.format, FrameFormat::bytes, FrameFormat::jpeg_grey);
  io.number("width", m.width);
  io.number("height", m.height);
  io.number("key_id", m.key_id);
  io.number("tag_high", m.tag_high);
  io.number("tag_low", m.tag_low);
  io.blob("ticket", m.ticket, limits::ticket_bytes);
}

template <class Io, class M>
void fields(Io& io, M& m) requires std::is_same_v<std::remove_const_t<M>, Bye> {
  io.number("instance", m.instance.value);
}

template <class M>
concept HasOnlyToken = std::is_same_v<std::remove_const_t<M>, Ping> || std::is_same_v<std::remove_const_t<M>, Pong> ||
                       std::is_same_v<std::remove_const_t<M>, Transfer>;

template <class Io, HasOnlyToken M>
void fields(Io& io, M& m) {
  io.number("token", m.token);
}

template <class Io, class M>
void fields(Io& io, M& m) requires std::is_same_v<std::remove_const_t<M>, Welcome> {
  io.number("version", m.version);
  io.number("capabilities", m.capabilities);
  io.number("instance", m.instance.value);
  io.number("epoch", m.epoch.value);
  io.number("credit", m.credit);
  io.number("max_frame_bytes", m.max_frame_bytes);
}

template <class Io, class M>
void fields(Io& io, M& m) requires std::is_same_v<std::remove_const_t<M>, Refused> {
  io.choice("code", m.code, RefusalCode::version, RefusalCode::ticket);
  io.number("instance", m.instance.value);
  io.number("epoch", m.epoch.value);
  io.number("sequence", m.sequence);
  io.text("reason", m.reason, limits::text_bytes, Text::free);
}

template <class Io, class M>
void fields(Io& io, M& m) requires std::is_same_v<std::remove_const_t<M>, ResultHeader> {
  io.number("instance", m.instance.value);
  io.number("epoch", m.epoch.value);
  io.number("sequence", m.sequence);
  io.choice("status", m.status, ResultStatus::ok, ResultStatus::dropped_late);
  io.flag("trial", m.trial);
  io.number("queued_us", m.queued_us);
  io.number("executed_us", m.executed_us);
  io.number("inside_us", m.inside_us);
  io.number("credit", m.credit);
  io.text("reason", m.reason, limits::text_bytes, Text::free);
}

template <class Io, class M>
void fields(Io& io, M& m) requires std::is_same_v<std::remove_const_t<M>, TransferDone> {
  io.number("token", m.token);
  io.number("bytes", m.bytes);
  io.number("inside_us", m.inside_us);
}

constexpr Type type_of(const Hello&) { return Type::hello; }
constexpr Type type_of(const Frame&) { return Type::frame; }
constexpr Type type_of(const Ping&) { return Type::ping; }
constexpr Type type_of(const Transfer&) { return Type::transfer; }
constexpr Type type_of(const Bye&) { return Type::bye; }
constexpr Type type_of(const Welcome&) { return Type::welcome; }
constexpr Type type_of(const Refused&) { return Type::refused; }
constexpr Type type_of(const ResultHeader&) { return Type::result; }
constexpr Type type_of(const Pong&) { return Type::pong; }
constexpr Type type_of(const TransferDone&) { return Type::transfer_done; }

template <class Variant>
Bytes encode_any(const Variant& message) {
  return std::visit(
      [](const auto& value) {
        Writer writer(type_of(value));
        fields(writer, value);
        return writer.take();
      },
      message);
}

// Sets `out` to an M and reads it if the message says that it is one.
template <class M, class Variant>
bool read_as(Reader& reader, Variant& out) {
  if (reader.type() != type_of(M{})) return false;
  fields(reader, out.template emplace<M>());
  return true;
}

// Longer than any header: the fixed fields and one text or ticket.
constexpr std::size_t header_bytes_max = 128 + limits::ticket_bytes + limits::text_bytes;

// An echo: version, type, zeros, token, zeros, then what is kept for authentication.
constexpr std::size_t echo_zeros = 6;
constexpr std::size_t echo_padding = 16;
constexpr std::size_t echo_authentication = 32;
static_assert(2 + echo_zeros + 8 + echo_padding + echo_authentication == limits::echo_bytes);

template <class Io, class Token>
void echo_fields(Io& io, Token& token) {
  io.zeros("reserved", echo_zeros);
  io.number("token", token);
  io.zeros("reserved", echo_padding);
  io.zeros("authentication", echo_authentication);
}

}  // namespace

Bytes encode(const ClientMessage& message) { return encode_any(message); }
Bytes encode(const AgentMessage& message) { return encode_any(message); }

Bytes encode(const Echo& message) {
  Writer writer(message.reply ? Type::echo_reply : Type::echo_request);
  echo_fields(writer, message.token);
  return writer.take();
}

Result<ClientMessage> decode_client_message(View bytes) {
  Reader reader(bytes, header_bytes_max);
  ClientMessage message;
  const bool known = read_as<Hello>(reader, message) || read_as<Frame>(reader, message) ||
                     read_as<Ping>(reader, message) || read_as<Transfer>(reader, message) ||
                     read_as<Bye>(reader, message);
  if (!known) reader.refuse_type();
  PROXIMA_TRY(reader.finish("client"));
  return message;
}

Result<AgentMessage> decode_agent_message(View bytes) {
  Reader reader(bytes, header_bytes_max);
  AgentMessage message;
  const bool known = read_as<Welcome>(reader, message) || read_as<Refused>(reader, message) ||
                     read_as<ResultHeader>(reader, message) || read_as<Pong>(reader, message) ||
                     read_as<TransferDone>(reader, message);
  if (!known) reader.refuse_type();
  PROXIMA_TRY(reader.finish("agent"));
  return message;
}

Result<Echo> decode_echo(View bytes) {
  Reader reader(bytes, limits::echo_bytes);
  Echo echo;
  if (reader.type() != Type::echo_request && reader.type() != Type::echo_reply) reader.refuse_type();
  echo.reply = reader.type() == Type::echo_reply;
  echo_fields(reader, echo.token);
  PROXIMA_TRY(reader.finish("echo"));
  return echo;
}

}  // namespace proxima::protocol
