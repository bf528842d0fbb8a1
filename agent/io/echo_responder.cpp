#include "agent/io/echo_responder.hpp"

#include <string>
#include <utility>

#include <netinet/in.h>

#include "common/protocol/codec.hpp"
#include "common/protocol/limits.hpp"

namespace proxima::agent {
namespace {

// The address without the port: whoever owns one can send from all its ports.
std::string source_of(const io::Address& from) {
  const sockaddr& raw = from.raw();
  if (raw.sa_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(raw);
    return {reinterpret_cast<const char*>(&in.sin_addr), sizeof(in.sin_addr)};
  }
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(raw);
  return {reinterpret_cast<const char*>(&in6.sin6_addr), 8};  // a /64 is one owner
}

}  // namespace

EchoResponder::EchoResponder(const EchoLimits& limits) : gate_(limits, io::Loop::now()) {}

Result<std::unique_ptr<EchoResponder>> EchoResponder::open(io::Loop& loop, const io::Address& local, const EchoLimits& limits) {
  std::unique_ptr<EchoResponder> responder(new EchoResponder(limits));
  auto socket = io::UdpSocket::bind(loop, local, [own = responder.get()](const io::Address& from, io::View bytes) {
    own->answer(from, bytes);
  });
  if (!socket) return socket.failure();
  responder->socket_ = std::move(*socket);
  return responder;
}

void EchoResponder::answer(const io::Address& from, io::View bytes) {
  if (bytes.size() != limits::echo_bytes) {
    ++counts_.ignored;
    return;
  }
  auto echo = protocol::decode_echo(bytes);
  // A reply is never answered: two responders must not play with each other.
  if (!echo || echo->reply) {
    ++counts_.ignored;
    return;
  }
  if (!gate_.admits(source_of(from), io::Loop::now())) {
    ++counts_.over_rate;
    return;
  }
  echo->reply = true;
  const protocol::Bytes reply = protocol::encode(*echo);
  if (socket_->send(from, reply)) ++counts_.answered;
}

}  // namespace proxima::agent
