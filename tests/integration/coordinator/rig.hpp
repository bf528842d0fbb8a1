// What the coordinator's tests share: a region of a real broker and the real program, HTTP by hand over a socket (so that
// anything can be sent), server-sent events, and an agent that does as the test says. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/ids.hpp"
#include "common/io/loop.hpp"
#include "common/io/mqtt_link.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/topics.hpp"
#include "tests/support/network.hpp"
#include "tests/support/process.hpp"
#include "tests/support/run_loop.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::tests {

inline constexpr const char* region_name = "home";

struct Answer {
  int status = 0;                              ///< 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  /// The body as JSON; null if it is none.
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  /// error.why of an error answer.
  [[nodiscard]] std::string why() const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One request, as it goes out. A Host and a Content-Length are added unless they are among `headers`.
struct Ask {
  std::string method;
  std::string path;
  std::string body;
  Headers headers;
};

/// One connection to the API. Reading gives up after 60 s, so that a test that would hang fails.
class Connection {
 public:
  explicit Connection(std::uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&& other) noexcept : fd_(std::exchange(other.fd_, -1)), port_(other.port_), pending_(std::move(other.pending_)),
        head_only_(other.head_only_) {}

  void send(const Ask& ask);
  /// Whatever bytes.
  bool send_raw(const std::string& bytes);
  Answer answer();
  /// Whether something has come that answer() would read.
  [[nodiscard]] bool readable() const;
  struct Event {
    std::string event;
    nlohmann::json data;
  };
  /// The next server-sent event; nullopt at the end of the stream. Call after answer() has read the head.
  std::optional<Event> event();

 private:
  bool fill();
  bool read_head(Answer& answer);

  int fd_;
  std::uint16_t port_;
  std::string pending_;
  bool head_only_ = false;  // the answer has a length and no body
};

/// A broker and a coordinator, with an HTTP side that is asked by the test's thread.
class Region {
 public:
  explicit Region(const std::vector<std::string>& extra_arguments = {});

  /// Starts the program on the same data and broker; waits for its ready line.
  void start();
  [[nodiscard]] std::vector<std::string> argv() const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] Process& program() { return *program_; }
  [[nodiscard]] Broker& broker() { return broker_; }
  [[nodiscard]] const TempDir& data() const { return data_; }

  Answer ask(const Ask& ask) const;
  Answer get(const std::string& path) const { return ask({"GET", path, "", {}}); }
  Answer post(const std::string& path, const nlohmann::json& body) const;
  /// PUTs the bytes under their own digest, which is returned.
  std::string put_blob(const std::string& bytes) const;
  /// Asks until the coordinator has its broker.
  bool wait_for_broker() const;
  /// The node of this name as GET /v1/nodes shows it; null if it is not there.
  nlohmann::json node(const std::string& name) const;
  bool wait_for_node(const std::string& name, const std::string& state) const;

 private:
  Broker broker_;
  TempDir data_;
  std::vector<std::string> extra_;
  std::unique_ptr<Process> program_;
  std::uint16_t port_ = 0;
};

/// An agent as the broker sees it. It takes every desired instance on as ready unless told otherwise.
class Agent {
 public:
  struct Traits {
    std::string name;
    std::uint8_t number = 1;                   ///< becomes its node id
    std::vector<std::string> functions;
    std::uint32_t benchmark_us = 1000;
  };
  Agent(io::Loop& loop, const Region& region, Traits traits);

  /// Runs the loop until its birth is out and the coordinator shows it.
  bool join();
  [[nodiscard]] NodeId id() const { return id_; }
  [[nodiscard]] const Traits& traits() const { return traits_; }
  [[nodiscard]] const std::vector<protocol::Desired>& desired() const { return desired_; }
  /// Runs the loop until the newest desired state satisfies `condition`.
  bool wait_for_desired(const std::function<bool(const protocol::Desired&)>& condition);
  void report(const protocol::InstanceReport& report);
  /// Any bytes on any of its topics.
  void publish(protocol::NodeTopic kind, const std::vector<std::uint8_t>& bytes, bool retain = false);
  void beat();
  /// The connection ends without a goodbye: another client takes its id, so the broker cuts it and sends the will.
  bool die();
  protocol::InstanceState takes_on_as = protocol::InstanceState::ready;

 private:
  void on_message(const io::MqttMessage& message);
  [[nodiscard]] protocol::Birth birth() const;

  io::Loop& loop_;
  const Region& region_;
  Traits traits_;
  NodeId id_;
  std::uint64_t incarnation_;
  std::uint32_t beats_ = 0;
  bool connected_ = false;
  std::vector<protocol::Desired> desired_;
  std::unique_ptr<io::MqttLink> link_;
};

/// A task request that docs/api.md would accept.
[[nodiscard]] nlohmann::json task_request(const std::string& module);

}  // namespace proxima::tests
