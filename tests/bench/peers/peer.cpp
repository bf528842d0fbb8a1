#include "tests/bench/peers/peer.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <vector>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/prng.hpp"

namespace proxima::bench {
namespace {

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

class Server {
 public:
  Server(const Peer& peer, Ledger& ledger) {
    int ends[2];
    require(pipe(ends) == 0, "pipe");
    const pid_t parent = getpid();
    pid_ = fork();
    require(pid_ >= 0, "fork");
    if (pid_ == 0) serve(peer, ledger, ends[1], parent);
    close(ends[1]);
    char byte = 0;
    while (read(ends[0], &byte, 1) == 1 && byte != '\n') endpoint_ += byte;
    close(ends[0]);
    if (byte != '\n') throw std::runtime_error("the server ended before it served");
  }
  ~Server() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

 private:
  [[noreturn]] static void serve(const Peer& peer, Ledger& ledger, int report, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    try {
      peer.serve(ledger, [report](const std::string& endpoint) {
        const std::string line = endpoint + "\n";
        require(write(report, line.data(), line.size()) == static_cast<ssize_t>(line.size()), "write");
      });
    } catch (const std::exception& error) {
      std::fprintf(stderr, "server: %s\n", error.what());
    }
    _exit(1);
  }

  pid_t pid_ = -1;
  std::string endpoint_;
};

std::vector<std::uint8_t> first_frame() {
  Prng random(1);
  std::vector<std::uint8_t> frame(frame_bytes);
  for (std::uint8_t& pixel : frame) pixel = static_cast<std::uint8_t>(random.next());
  return frame;
}

/// Every frame differs from the one before, so that an answer that is late by one frame is seen.
void change(std::vector<std::uint8_t>& frame, std::uint64_t sequence) { std::memcpy(frame.data(), &sequence, sizeof sequence); }

void talk(const Peer& peer) {
  Ledger& ledger = *new (shared_memory(sizeof(Ledger))) Ledger;
  const Server server(peer, ledger);
  const std::unique_ptr<FrameClient> client = peer.connect(server.endpoint());
  std::vector<std::uint8_t> frame = first_frame();
  std::uint64_t sequence = 0;
  std::cout << "ready" << std::endl;
  for (long count = 0; std::cin >> count;) {
    std::string line;
    for (long i = 0; i < count; ++i) {
      change(frame, ++sequence);
      const Answer expected = sum_frame(frame);
      const std::uint64_t began = now_ns();
      const Answer answer = client->exchange(frame);
      const std::uint64_t took = now_ns() - began;
      if (answer != expected) throw std::runtime_error("a wrong answer came back");
      const std::uint64_t executed = ledger.execute_ns.load(std::memory_order_acquire);
      line += (i == 0 ? "" : " ") + std::to_string(took - std::min(took, executed));
    }
    std::cout << line << std::endl;
  }
}

}  // namespace

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void* shared_memory(std::size_t bytes) {
  void* place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  require(place != MAP_FAILED, "mmap");
  return place;
}

Answer execute(std::span<const std::uint8_t> frame, Ledger& ledger) {
  const std::uint64_t began = now_ns();
  const Answer answer = sum_frame(frame);
  ledger.execute_ns.store(now_ns() - began, std::memory_order_release);
  return answer;
}

int peer_main(const Peer& peer) {
  (void)std::signal(SIGPIPE, SIG_IGN);
  try {
    talk(peer);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "peer: %s\n", error.what());
    return 1;
  }
}

}  // namespace proxima::bench
