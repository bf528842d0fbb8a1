// The frame of every peer program: a server process with the kernel behind it, a client process beside it, and lines on
// stdin that say how many frames to exchange. A peer supplies only its transport. One thread a process.
//
//   $ echo 3 | proxima-peer-tcp
//   ready
//   61204 58310 57992        nanoseconds: round trip − execution, one number a frame
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "tests/bench/peers/kernel.hpp"

namespace proxima::bench {

/// Shared by the two processes, made before they part: how long the last frame was executed.
struct Ledger {
  std::atomic<std::uint64_t> execute_ns{0};
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
};

/// The server's side of a frame: runs the kernel and writes its time into the ledger.
[[nodiscard]] Answer execute(std::span<const std::uint8_t> frame, Ledger& ledger);

/// A page that both sides of a coming fork see. Never unmapped: it is there for the process's whole life.
[[nodiscard]] void* shared_memory(std::size_t bytes);

// Virtual: five transports are five real clients.
class FrameClient {
 public:
  virtual ~FrameClient() = default;
  /// Sends one frame and waits for its answer; throws std::runtime_error.
  virtual Answer exchange(std::span<const std::uint8_t> frame) = 0;
};

/// Tells the waiting client where the server is; called once, when it accepts.
using Announce = std::function<void(const std::string& endpoint)>;

struct Peer {
  std::function<void(Ledger& ledger, const Announce& announce)> serve;  ///< the child process; serves until it is killed
  std::function<std::unique_ptr<FrameClient>(const std::string& endpoint)> connect;
};

/// Forks the server, connects, and exchanges as many frames as each line of stdin says. Every answer is compared with the
/// kernel's own. Exit status 0 at the end of stdin, 1 with words on stderr otherwise.
int peer_main(const Peer& peer);

/// Throws with the words of errno where `ok` is false.
void require(bool ok, const char* what);

}  // namespace proxima::bench
