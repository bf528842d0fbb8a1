// Measures round trips to many nodes at once with UDP echoes of 64 bytes. Each echo counts alone: nothing is sent again,
// what is lost is lost. Made and used on one loop's thread; reports once, from that loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "common/io/loop.hpp"
#include "common/io/udp_socket.hpp"

namespace proxima::client {

struct EchoPlan {
  std::size_t wanted = 7;                        ///< answers to a node
  std::size_t enough = 5;                        ///< answers that will do if others were lost
  std::size_t most = 20;                         ///< probes to one node
  Duration spacing = Duration::millis(8);        ///< between probes to one node
  Duration retry_spacing = Duration::millis(50); ///< the same beyond `wanted`
  Duration patience = Duration::millis(2500);    ///< from the first probe, where nothing ever answers
};

struct EchoFigures {
  bool reachable = false;
  double rtt_ms = 0;                             ///< median
  double error_ms = 0;                           ///< max(0.1, 1.48 × median absolute deviation)
  std::size_t answers = 0;
};

class EchoProbe {
 public:
  using OnDone = std::function<void(const std::vector<EchoFigures>& figures)>;

  /// `endpoints` are "127.0.0.1:4001"; the figures come in their order. One that cannot be read counts as unreachable.
  EchoProbe(io::Loop& loop, const std::vector<std::string>& endpoints, const EchoPlan& plan, OnDone on_done);

 private:
  struct Probed {
    bool usable = false;
    io::Address address;
    Instant first{};
    Instant last{};
    Instant next{};
    std::size_t sent = 0;
    std::vector<double> rtts_ms;
    bool done = false;
  };

  void tick();
  void send(std::size_t index, Instant now);
  void received(const io::Address& from, io::View bytes);
  [[nodiscard]] bool settled(const Probed& node, Instant now) const;
  void finish();

  EchoPlan plan_;
  OnDone on_done_;
  std::vector<Probed> nodes_;
  struct Outstanding { std::size_t node; Instant at; };
  std::map<std::uint64_t, Outstanding> outstanding_;  // at most `most` a node
  std::unique_ptr<io::UdpSocket> socket_;
  io::Timer timer_;
  bool finished_ = false;
};

}  // namespace proxima::client
