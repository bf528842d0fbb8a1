// Clients' connections to agents, as a DEALER and a ROUTER show them: a client learns of connecting, breaking and refusal
// and connects again by itself; an agent learns only that a message could not be sent. Owned by the simulated region.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "agent/core/events.hpp"
#include "common/base/prng.hpp"
#include "common/protocol/frames.hpp"
#include "tests/sim/network.hpp"

namespace proxima::sim {

struct FromAgent {
  protocol::AgentMessage message;
  std::optional<agent::InstanceKey> made_by;  ///< who executed the frame that this answers
};

struct DataCallbacks {
  std::function<void()> on_connected;
  std::function<void()> on_disconnected;
  std::function<void()> on_refused;
  std::function<void(const FromAgent&)> on_message;
};

struct DataLink {
  std::size_t client = 0;
  std::size_t node = 0;
  DataCallbacks callbacks;
  agent::PeerId peer;
  PipePtr up;
  PipePtr down;
  bool connected = false;
  bool closed = false;   ///< by the client
};
using DataLinkPtr = std::shared_ptr<DataLink>;

/// What a node's machine does with a connection.
enum class Answer : std::uint8_t { accepts, refuses, silent };

class DataPlane {
 public:
  using Ask = std::function<Answer(std::size_t node)>;
  using Deliver = std::function<void(std::size_t node, const agent::PeerId&, const protocol::ClientMessage&, std::uint32_t)>;

  DataPlane(EventQueue& queue, Network& network, std::uint64_t seed, Ask ask, Deliver deliver)
      : queue_(queue), network_(network), rng_(seed), ask_(std::move(ask)), deliver_(std::move(deliver)) {}

  [[nodiscard]] DataLinkPtr open(std::size_t client, std::size_t node, DataCallbacks callbacks);
  void close(const DataLinkPtr& link);
  /// False if it did not leave.
  bool send(const DataLinkPtr& link, const protocol::ClientMessage& message, std::uint32_t bytes);
  /// False if the agent can tell that nobody is there.
  bool answer(const agent::PeerId& peer, const FromAgent& message);
  /// How likely the socket is full.
  void set_full(double likely) { full_ = likely; }

  void node_died(std::size_t node);
  void client_died(std::size_t client);
  /// A reset in the middle, of any connection.
  void break_one();

 private:
  void attempt(const DataLinkPtr& link);
  void break_link(const DataLinkPtr& link, bool all_lost);

  EventQueue& queue_;
  Network& network_;
  Prng rng_;
  Ask ask_;
  Deliver deliver_;
  double full_ = 0;
  std::uint64_t peers_made_ = 0;
  std::map<agent::PeerId, DataLinkPtr> peers_;
};

}  // namespace proxima::sim
