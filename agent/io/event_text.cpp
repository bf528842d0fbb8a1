#include "agent/io/event_text.hpp"

#include <type_traits>

namespace proxima::agent {
namespace {

std::string key_text(const InstanceKey& key) { return to_text(key.instance) + " epoch " + std::to_string(key.epoch.value); }

const char* state_text(protocol::InstanceState state) {
  using S = protocol::InstanceState;
  switch (state) {
    case S::fetching: return "fetches its object";
    case S::starting: return "starts";
    case S::ready: return "is ready";
    case S::failed: return "failed";
    case S::stopped: return "stopped";
    case S::refused: return "is refused";
  }
  return "is in an unknown state";
}

const char* said_text(const protocol::ClientMessage& message) {
  return std::visit(
      [](const auto& said) {
        using T = std::decay_t<decltype(said)>;
        if constexpr (std::is_same_v<T, protocol::Hello>) return "hello";
        else if constexpr (std::is_same_v<T, protocol::Frame>) return "frame";
        else if constexpr (std::is_same_v<T, protocol::Ping>) return "ping";
        else if constexpr (std::is_same_v<T, protocol::Transfer>) return "transfer";
        else return "bye";
      },
      message);
}

struct TextOf {
  std::string operator()(const BrokerConnected&) const { return "broker connected"; }
  std::string operator()(const BrokerLost&) const { return "broker lost"; }
  std::string operator()(const DesiredReceived& e) const {
    return "desired: term " + std::to_string(e.desired.term) + " generation " + std::to_string(e.desired.generation) + ", " +
           std::to_string(e.desired.instances.size()) + " instances";
  }
  std::string operator()(const ObjectReady& e) const { return "object ready: " + key_text(e.key); }
  std::string operator()(const ObjectUnavailable& e) const { return "object unavailable: " + key_text(e.key) + ": " + e.reason; }
  std::string operator()(const WorkerReady& e) const { return "worker ready: " + key_text(e.key) + " pid " + std::to_string(e.worker_pid); }
  std::string operator()(const WorkerGone& e) const { return "worker gone: " + key_text(e.key) + ": " + e.reason; }
  std::string operator()(const FrameDone& e) const {
    return "frame done: " + std::to_string(e.token.value) + " in " + std::to_string(e.executed_us) + " us";
  }
  std::string operator()(const ClientSaid& e) const {
    return std::string("client said ") + said_text(e.message) + ", " + std::to_string(e.payload_bytes) + " bytes";
  }
  std::string operator()(const ClientGarbled& e) const { return "client garbled: " + e.reason; }
  std::string operator()(const ClientUnreachable&) const { return "client unreachable"; }
  std::string operator()(const LeaveRequested&) const { return "leave requested"; }
};

}  // namespace

std::string event_text(const Event& event) { return std::visit(TextOf{}, event); }

void log_report(const io::Log& log, const protocol::InstanceReport& report) {
  using S = protocol::InstanceState;
  const bool bad = report.state == S::failed || report.state == S::refused;
  const bool figures = report.frames > 0 && report.state == S::ready;
  const io::LogLevel level = bad ? io::LogLevel::warning : figures ? io::LogLevel::debug : io::LogLevel::info;
  if (!log.enabled(level)) return;
  std::string text = "instance " + key_text({report.instance, report.epoch}) + " " + state_text(report.state);
  if (!report.reason.empty()) text += ": " + report.reason;
  log.write(level, "instance", text);
}

}  // namespace proxima::agent
