// Measures the rate to one node: frame-sized transfers over its data plane, each answered with its size.
// Made and used on one loop's thread; reports once, from that loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "common/io/loop.hpp"
#include "common/io/zmq_sockets.hpp"

namespace proxima::client {

struct TransferPlan {
  std::uint32_t frame_bytes = 0;
  double rtt_ms = 0;                             ///< as measured: it is taken off each transfer
  double rtt_error_ms = 0;
  std::size_t runs = 3;
  std::uint32_t small_bytes = 8U << 10U;         ///< the first one warms the connection up and shows a thin line
  double longest_ms = 2000;                      ///< a frame that would take longer is not sent: the small one tells
  Duration patience = Duration::seconds(8);      ///< for all of it
};

struct RateFigures {
  double rate_mbit = 0;
  double error_mbit = 0;
};

class TransferProbe {
 public:
  using OnDone = std::function<void(const std::optional<RateFigures>& figures)>;

  /// Nothing is reported before the loop runs. nullopt: it could not be measured.
  TransferProbe(io::Loop& loop, io::ZmqContext& context, const std::string& endpoint, const TransferPlan& plan,
                OnDone on_done);

 private:
  void begin(std::uint32_t bytes);
  void received(io::Parts parts);
  void answered(double took_ms);
  void finish(std::optional<RateFigures> figures);

  TransferPlan plan_;
  OnDone on_done_;
  std::unique_ptr<io::DealerSocket> socket_;
  io::Timer timer_;
  io::SharedBytes payload_;
  std::uint64_t token_ = 0;
  std::uint32_t bytes_ = 0;
  Instant sent_{};
  bool warm_ = false;
  std::vector<double> times_ms_;
  bool finished_ = false;
};

}  // namespace proxima::client
