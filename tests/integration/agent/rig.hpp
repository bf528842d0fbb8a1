// A region for one real agent: a real mosquitto, a coordinator that does what the test says, clients on ZeroMQ. All of it
// but the agent and the broker on the test's own loop; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/io/http_server.hpp"
#include "common/io/loop.hpp"
#include "common/io/mqtt_link.hpp"
#include "common/io/zmq_sockets.hpp"
#include "common/protocol/control.hpp"
#include "common/protocol/frames.hpp"
#include "tests/support/network.hpp"
#include "tests/support/process.hpp"
#include "tests/support/run_loop.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::tests {

using Blob = std::vector<std::uint8_t>;

/// What the coordinator answers for an object.
struct ObjectAnswer {
  int status = 200;
  Blob bytes;
  std::string digest;  ///< of X-Proxima-Digest; empty: the right one
};

/// Broker and coordinator.
class Region {
 public:
  Region();
  io::Loop& loop() { return loop_; }
  io::ZmqContext& zmq() { return zmq_; }
  Broker& broker() { return broker_; }
  [[nodiscard]] std::string api() const { return "http://" + server_->local().text(); }
  /// The HTTP API goes away.
  void stop_api() { server_.reset(); }
  /// Answers for the object of a module (by the first byte of its digest), the last one again and again.
  void offer(std::uint8_t module, std::vector<ObjectAnswer> answers) { objects_[module] = std::move(answers); }
  /// Sends the whole desired state of the node that was born last, under the next generation.
  void wish(std::vector<protocol::DesiredInstance> instances);
  /// Sends any bytes as a command to that node.
  void command(const Blob& bytes);

  /// Runs the loop until the condition holds; a test failure in words if it does not.
  void until(const std::string& what, const std::function<bool()>& condition);
  void until_state(std::uint64_t instance, protocol::InstanceState state);
  [[nodiscard]] const protocol::InstanceReport* last_report(std::uint64_t instance) const;

  std::vector<protocol::Birth> births;
  std::vector<protocol::Lost> losts;
  std::vector<protocol::Beat> beats;
  std::vector<protocol::InstanceReport> reports;
  std::size_t object_requests = 0;

 private:
  void on_message(const io::MqttMessage& message);
  void on_object(const io::HttpRequest& request, io::Responder responder);

  Broker broker_;
  io::Loop loop_;
  io::ZmqContext zmq_;
  std::unique_ptr<io::HttpServer> server_;
  std::unique_ptr<io::MqttLink> link_;
  std::map<std::uint8_t, std::vector<ObjectAnswer>> objects_;
  NodeId node_;
  std::uint64_t generation_ = 0;
};

/// A real proxima-agent in a data directory, ready.
class AgentProcess {
 public:
  AgentProcess(Region& region, const TempDir& data, const std::vector<std::string>& more = {});
  Process& process() { return *process_; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  std::string node;
  std::string frames;
  std::string echo;
  std::string isolation;

 private:
  std::unique_ptr<Process> process_;
};

/// What one message of an agent was.
struct Heard {
  protocol::AgentMessage message;
  Blob payload;
};

class Client {
 public:
  Client(Region& region, const std::string& frames_endpoint);
  void say(const protocol::ClientMessage& message, const std::optional<Blob>& payload = {});
  void say_raw(const std::vector<Blob>& parts);
  void hello(std::uint64_t instance, std::uint32_t epoch);
  void frame(std::uint64_t instance, std::uint32_t epoch, std::uint64_t sequence, const std::string& bytes);
  /// Says hello until it is welcome.
  void enter(std::uint64_t instance, std::uint32_t epoch);
  /// Waits for the next message that has not been taken, and takes it.
  Heard next();
  template <class T>
  std::pair<T, Blob> next_as() {
    Heard heard = next();
    const T* message = std::get_if<T>(&heard.message);
    if (message == nullptr) wrong_kind(heard);
    return {*message, std::move(heard.payload)};
  }
  [[nodiscard]] std::size_t waiting() const { return heard_.size(); }
  [[nodiscard]] std::size_t disconnects() const { return disconnects_; }

 private:
  [[noreturn]] static void wrong_kind(const Heard& heard);
  Region& region_;
  std::unique_ptr<io::DealerSocket> socket_;
  std::vector<Heard> heard_;
  std::size_t disconnects_ = 0;
};

/// An instance of a module (by the first byte of its digest) that takes frames of up to 4 KiB.
[[nodiscard]] protocol::DesiredInstance instance_of(std::uint8_t module, std::uint64_t instance, std::uint32_t epoch);
/// The object whose frames say what it does (tests/integration/worker/obedient_object.c).
[[nodiscard]] ObjectAnswer obedient();
[[nodiscard]] Blob blob(const std::string& text);
/// VmRSS of a process in KiB.
[[nodiscard]] std::uint64_t rss_kib(pid_t pid);
/// argv of an agent, for tests of its start.
[[nodiscard]] std::vector<std::string> agent_argv(const std::string& broker, const std::string& api, const std::string& data,
                                                  const std::vector<std::string>& more = {});

}  // namespace proxima::tests
