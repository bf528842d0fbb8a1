#include "coordinator/io/trace_text.hpp"

#include <cstdio>
#include <optional>
#include <span>
#include <type_traits>

#include "common/protocol/codec.hpp"

namespace proxima::coordinator {
namespace {

// Gathers "name key=value key=value".
class Line {
 public:
  explicit Line(const char* name) : text_(name) {}
  Line& add(const char* key, const std::string& value) {
    text_ += ' ';
    text_ += key;
    text_ += '=';
    text_ += value;
    return *this;
  }
  Line& add(const char* key, const char* value) { return add(key, std::string(value)); }
  Line& add(const char* key, double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", value);  // all its bits
    return add(key, std::string(text));
  }
  Line& add(const char* key, bool value) { return add(key, std::string(value ? "yes" : "no")); }
  Line& add(const char* key, std::uint64_t value) { return add(key, std::to_string(value)); }
  Line& add(const char* key, std::uint32_t value) { return add(key, std::to_string(value)); }
  Line& add(const char* key, RequestId id) { return add(key, id.value); }
  Line& add(const char* key, Epoch epoch) { return add(key, epoch.value); }
  Line& add(const char* key, TaskId id) { return add(key, to_text(id)); }
  Line& add(const char* key, InstanceId id) { return add(key, to_text(id)); }
  Line& add(const char* key, const NodeId& id) { return add(key, to_text(id)); }
  Line& add(const char* key, const Digest& digest) { return add(key, to_text(digest)); }
  template <class T>
  Line& add(const char* key, const std::optional<T>& value) {
    return value ? add(key, *value) : add(key, "none");
  }
  Line& quote(const char* key, const std::string& value) { return add(key, "\"" + value + "\""); }
  // Wire messages as they were: hexadecimal.
  Line& wire(const char* key, std::span<const std::uint8_t> bytes) {
    std::string hex;
    for (const std::uint8_t byte : bytes) {
      char text[3];
      std::snprintf(text, sizeof text, "%02x", byte);
      hex += text;
    }
    return add(key, hex);
  }
  [[nodiscard]] std::string text() const { return text_; }

 private:
  std::string text_;
};

std::string numbers(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    char number[32];
    std::snprintf(number, sizeof number, "%s%.17g", text.empty() ? "" : ",", value);
    text += number;
  }
  return "[" + text + "]";
}

template <class Key>
Line& add_key(Line& line, const Key& key) {
  return line.add("module", key.module).add("target", key.target).add("variant", key.variant);
}

struct EventText {
  std::string operator()(const PresenceReceived& e) const {
    return Line("presence").add("node", e.node).wire("message", protocol::encode(e.presence)).text();
  }
  std::string operator()(const BeatReceived& e) const {
    return Line("beat").add("node", e.node).wire("message", protocol::encode(e.beat)).text();
  }
  std::string operator()(const NodeEventReceived& e) const {
    return Line("node-event").add("node", e.node).wire("message", protocol::encode(e.event)).text();
  }
  std::string operator()(const BrokerLinkChanged& e) const { return Line("broker-link").add("up", e.up).text(); }
  std::string operator()(const ObjectBuilt& e) const {
    Line line("object-built");
    return add_key(line, e).add("object", e.object).text();
  }
  std::string operator()(const BuildFailed& e) const {
    Line line("build-failed");
    return add_key(line, e).quote("reason", e.reason).text();
  }
  std::string operator()(const TaskRequested& e) const {
    const protocol::TaskSpec& spec = e.spec;
    Line line("task-requested");
    line.add("request", e.request).add("name", spec.name).add("version", spec.version).add("module", spec.module);
    line.add("deadline_ms", spec.contract.deadline_ms).add("p95_ms", spec.contract.p95_ms);
    line.add("rate_hz", spec.contract.rate_hz).add("memory_mib", spec.memory_mib);
    for (const std::string& function : spec.functions) line.add("function", function);
    line.add("format", std::uint32_t{static_cast<std::uint8_t>(spec.input.format)});
    line.add("width", std::uint32_t{spec.input.width}).add("height", std::uint32_t{spec.input.height});
    line.add("quality", std::uint32_t{spec.input.quality}).add("max_bytes", spec.input.max_bytes);
    line.quote("pinned_node", spec.pinned_node).add("dry_run", e.dry_run).add("frame_bytes", e.frame_bytes);
    return line.add("lease_ms", e.lease_ms).text();
  }
  std::string operator()(const MeasurementsReported& e) const {
    Line line("measurements");
    line.add("request", e.request).add("task", e.task);
    for (const NodeMeasurement& m : e.nodes) {
      line.add("node", m.node).add("reachable", m.reachable).add("rtt_ms", m.rtt_ms).add("rtt_error_ms", m.rtt_error_ms);
      line.add("rate_mbit", m.rate_mbit).add("rate_error_mbit", m.rate_error_mbit);
    }
    return line.text();
  }
  std::string operator()(const TrialsReported& e) const {
    Line line("trials");
    line.add("request", e.request).add("task", e.task);
    for (const TrialResult& t : e.trials) {
      line.add("instance", t.instance).add("epoch", t.epoch).add("ok", t.ok).quote("reason", t.reason);
      line.add("execute_ms", numbers(t.execute_ms)).add("queue_ms", numbers(t.queue_ms));
    }
    return line.text();
  }
  std::string operator()(const TakeoverReported& e) const {
    return Line("takeover").add("request", e.request).add("task", e.task).add("to", e.to).quote("reason", e.reason).text();
  }
  std::string operator()(const StandbyLost& e) const {
    return Line("standby-lost").add("request", e.request).add("task", e.task).add("epoch", e.epoch).text();
  }
  std::string operator()(const ClientReport& e) const {
    Line line("report");
    line.add("request", e.request).add("task", e.task).add("frames", e.frames).add("late", e.late);
    line.add("e2e_p50_ms", e.e2e_p50_ms).add("e2e_p95_ms", e.e2e_p95_ms);
    return line.add("network_p50_ms", e.network_p50_ms).text();
  }
  std::string operator()(const StopRequested& e) const {
    return Line("stop").add("request", e.request).add("task", e.task).quote("reason", e.reason).text();
  }
};

struct ReplyText {
  Line& line;
  void operator()(const TaskAccepted& b) const {
    line.add("accepted", b.task).add("targets", std::uint64_t{b.targets.size()});
  }
  void operator()(const TrialsWanted& b) const {
    line.add("trials-wanted", b.task);
    for (const Grant& grant : b.trials) line.add("node", grant.node_name).add("epoch", grant.epoch);
  }
  void operator()(const TaskAnswer& b) const { line.add("task", b.task); }
  void operator()(const RequestRefused& b) const {
    line.add("refused", std::uint32_t{b.code}).quote("what", b.what).quote("why", b.why);
  }
};

struct EffectText {
  std::string operator()(const SendDesired& e) const {
    return Line("send-desired").add("node", e.node).wire("message", protocol::encode(e.desired)).text();
  }
  std::string operator()(const RequestBuild& e) const {
    Line line("request-build");
    return add_key(line, e).add("memory_mib", e.memory_mib).text();
  }
  std::string operator()(const Reply& e) const {
    Line line("reply");
    line.add("request", e.request);
    std::visit(ReplyText{line}, e.body);
    return line.text();
  }
  std::string operator()(const TaskChanged& e) const { return Line("task-changed").add("task", e.task).text(); }
  std::string operator()(const NodeChanged& e) const { return Line("node-changed").add("node", e.node).text(); }
};

}  // namespace

std::string trace_text(const Event& event) { return std::visit(EventText{}, event); }
std::string trace_text(const Effect& effect) { return std::visit(EffectText{}, effect); }

}  // namespace proxima::coordinator
