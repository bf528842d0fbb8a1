// Presence, Beat, NodeEvent, Desired: the messages of control.hpp.
#include "common/protocol/limits.hpp"
#include "common/protocol/wire.hpp"

namespace proxima::protocol {
namespace {

using wire::Reader;
using wire::Text;
using wire::Type;
using wire::Writer;

constexpr std::uint32_t deadline_us_max = 60'000'000;
constexpr std::uint32_t rate_mhz_max = 1'000'000;
static_assert(static_cast<double>(deadline_us_max) == limits::deadline_ms_max * 1000);
static_assert(static_cast<double>(rate_mhz_max) == limits::rate_hz_max * 1000);

// Each `fields` serves both hands: M is const for a Writer.

template <class Io, class Functions>
void function_list(Io& io, Functions& functions) {
  io.list("functions", functions, limits::functions,
          [](Io& each, auto& name) { each.text("functions", name, limits::function_bytes, Text::word); });
}

template <class Io, class M>
void birth_fields(Io& io, M& m) {
  io.number("incarnation", m.incarnation);
  io.text("name", m.name, limits::name_bytes, Text::name);
  io.text("target", m.target, limits::endpoint_bytes, Text::symbol);
  io.text("device_class", m.device_class, limits::text_bytes, Text::free);
  io.choice("isolation", m.isolation, Isolation::none, Isolation::full);
  io.number("cores", m.cores);
  io.number("memory_mib", m.memory_mib);
  io.number("cpu_percent", m.cpu_percent, std::uint8_t{0}, std::uint8_t{100});
  function_list(io, m.functions);
  io.number("benchmark_us", m.benchmark_us);
  io.text("frames_endpoint", m.frames_endpoint, limits::endpoint_bytes, Text::symbol);
  io.text("echo_endpoint", m.echo_endpoint, limits::endpoint_bytes, Text::symbol);
  io.number("pid", m.pid);
}

template <class Io, class M>
void lost_fields(Io& io, M& m) {
  io.number("incarnation", m.incarnation);
}

template <class Io, class M>
void beat_fields(Io& io, M& m) {
  io.number("incarnation", m.incarnation);
  io.number("sequence", m.sequence);
  io.number("applied_generation", m.applied_generation);
  io.number("instances", m.instances);
  io.number("memory_mib_used", m.memory_mib_used);
  io.number("cpu_percent_used", m.cpu_percent_used);
  io.number("frames_executed", m.frames_executed);
}
// Version, type and the fields above: an idle beat is as long as any other.
static_assert(2 + 8 + 4 + 8 + 2 + 2 + 1 + 4 <= limits::beat_bytes);

template <class Io, class M>
void report_fields(Io& io, M& m) {
  io.number("incarnation", m.incarnation);
  io.number("instance", m.instance.value);
  io.number("epoch", m.epoch.value);
  io.choice("state", m.state, InstanceState::fetching, InstanceState::refused);
  io.text("reason", m.reason, limits::text_bytes, Text::free);
  io.number("worker_pid", m.worker_pid);
  io.number("host_pid", m.host_pid);
  io.choice("isolation", m.isolation, Isolation::none, Isolation::full);
  io.number("frames", m.frames);
  io.number("execute_us_mean", m.execute_us_mean);
  io.number("execute_us_error", m.execute_us_error);
  io.number("queue_us_mean", m.queue_us_mean);
}

template <class Io, class M>
void input_fields(Io& io, M& m) {
  io.choice("input.format", m.format, FrameFormat::bytes, FrameFormat::jpeg_grey);
  io.number("input.width", m.width);
  io.number("input.height", m.height);
  io.number("input.quality", m.quality, std::uint8_t{1}, std::uint8_t{100});
  io.number("input.max_bytes", m.max_bytes, std::uint32_t{0}, std::uint32_t{limits::frame_bytes});
}

template <class Io, class M>
void desired_instance_fields(Io& io, M& m) {
  io.number("instance", m.instance.value);
  io.number("epoch", m.epoch.value);
  io.number("task", m.task.value);
  io.choice("role", m.role, Role::serving, Role::trial);
  io.text("task_name", m.task_name, limits::name_bytes, Text::name);
  io.array("module", m.module.bytes);
  io.text("variant", m.variant, limits::name_bytes, Text::word);
  io.number("memory_mib", m.memory_mib, std::uint32_t{0}, limits::memory_mib_max);
  function_list(io, m.functions);
  input_fields(io, m.input);
  io.number("deadline_us", m.deadline_us, std::uint32_t{0}, deadline_us_max);
  io.number("rate_mhz", m.rate_mhz, std::uint32_t{0}, rate_mhz_max);
}

// The largest wish fits a control message: header, then every instance with every text at its limit.
constexpr std::size_t desired_instance_bytes_max = 8 + 4 + 8 + 1 + (1 + limits::name_bytes) + 32 +
                                                   (1 + limits::name_bytes) + 4 +
                                                   (1 + limits::functions * (1 + limits::function_bytes)) +
                                                   (1 + 2 + 2 + 1 + 4) + 4 + 4;
static_assert(2 + 8 + 8 + 1 + limits::instances_per_node * desired_instance_bytes_max <=
              limits::control_message_bytes);
static_assert(limits::instances_per_node <= 255 && limits::functions <= 255 && limits::text_bytes <= 255 &&
              limits::name_bytes <= 255 && limits::endpoint_bytes <= 255, "counts and lengths of texts are one byte");

template <class Io, class M>
void desired_fields(Io& io, M& m) {
  io.number("term", m.term);
  io.number("generation", m.generation);
  io.list("instances", m.instances, limits::instances_per_node,
          [](Io& each, auto& instance) { desired_instance_fields(each, instance); });
}

}  // namespace

Bytes encode(const Presence& message) {
  if (const Birth* birth = std::get_if<Birth>(&message)) {
    Writer writer(Type::birth);
    birth_fields(writer, *birth);
    return writer.take();
  }
  Writer writer(Type::lost);
  lost_fields(writer, std::get<Lost>(message));
  return writer.take();
}

Bytes encode(const Beat& message) {
  Writer writer(Type::beat);
  beat_fields(writer, message);
  return writer.take();
}

Bytes encode(const NodeEvent& message) {
  Writer writer(Type::instance_report);
  report_fields(writer, std::get<InstanceReport>(message));
  return writer.take();
}

Bytes encode(const Desired& message) {
  Writer writer(Type::desired);
  desired_fields(writer, message);
  return writer.take();
}

Result<Presence> decode_presence(View bytes) {
  Reader reader(bytes, limits::control_message_bytes);
  Birth birth;
  Lost lost;
  switch (reader.type()) {
    case Type::birth: birth_fields(reader, birth); break;
    case Type::lost: lost_fields(reader, lost); break;
    default: reader.refuse_type();
  }
  PROXIMA_TRY(reader.finish("presence"));
  if (reader.type() == Type::lost) return Presence(lost);
  return Presence(std::move(birth));
}

Result<Beat> decode_beat(View bytes) {
  Reader reader(bytes, limits::beat_bytes);
  Beat beat;
  if (reader.type() != Type::beat) reader.refuse_type();
  beat_fields(reader, beat);
  PROXIMA_TRY(reader.finish("beat"));
  return beat;
}

Result<NodeEvent> decode_node_event(View bytes) {
  Reader reader(bytes, limits::control_message_bytes);
  InstanceReport report;
  if (reader.type() != Type::instance_report) reader.refuse_type();
  report_fields(reader, report);
  PROXIMA_TRY(reader.finish("node event"));
  return NodeEvent(std::move(report));
}

Result<Desired> decode_desired(View bytes) {
  Reader reader(bytes, limits::control_message_bytes);
  Desired desired;
  if (reader.type() != Type::desired) reader.refuse_type();
  desired_fields(reader, desired);
  PROXIMA_TRY(reader.finish("desired state"));
  return desired;
}

}  // namespace proxima::protocol
