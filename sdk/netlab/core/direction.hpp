// One direction of one link: decides when each piece of traffic arrives. Pure: it knows sizes and times, never bytes
// or sockets. Owned by its path, used on the loop thread only.
//
// Pieces wait in one queue for the rate, TCP and UDP together. A piece leaves at max(arrival, departure of the piece
// before) + size / rate and then travels for its own delay. What waits can still be changed (rate, cut); what travels
// cannot, so pieces are given their departure only shortly before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "common/base/instant.hpp"
#include "common/base/prng.hpp"
#include "sdk/netlab/core/link_shape.hpp"

namespace proxima::netlab {

inline constexpr std::size_t max_piece_bytes = 1448;         ///< what a TCP segment carries over Ethernet
inline constexpr Duration jitter_period = Duration::millis(10);
inline constexpr Duration loss_extra_wait = Duration::millis(10);
inline constexpr std::size_t min_waiting_bytes = 256 * 1024;  ///< a flow may always have this much waiting for the rate
inline constexpr Duration max_waiting_time = Duration::millis(50);  ///< or this much time at the link's rate
inline constexpr std::size_t max_travelling_bytes = 256U * 1024 * 1024;  ///< bounds memory: 10 Gbit/s for 0.2 s

/// What a piece is. Marks have no size and keep their place among the bytes of their flow.
enum class PieceKind : std::uint8_t {
  bytes,          ///< TCP payload
  open,           ///< the connection's first packet
  finish,         ///< end of stream (FIN)
  reset,          ///< the other end is gone (RST)
  datagram,       ///< one UDP datagram, delivered
  lost_datagram,  ///< one UDP datagram, dropped: its owner may forget it
};

/// A piece that has arrived. `id` is the flow's, or the datagram's own.
struct Release {
  std::uint64_t id = 0;
  PieceKind kind = PieceKind::bytes;
  std::size_t size = 0;

  bool operator==(const Release&) const = default;
};

class Direction {
 public:
  Direction(const LinkShape& shape, std::uint64_t seed);

  /// Takes effect on everything that does not travel yet, of open flows too.
  void set_shape(const LinkShape& shape) { shape_ = shape; }

  /// `size` bytes of the flow came in at `now`.
  void add_bytes(std::uint64_t flow, std::size_t size, Instant now);
  /// open, finish or reset of a flow, behind what the flow has sent so far.
  void add_mark(std::uint64_t flow, PieceKind mark, Instant now);
  /// One datagram under an id of its own. False: dropped at once (cut, or too much waits).
  [[nodiscard]] bool add_datagram(std::uint64_t datagram, std::size_t size, Instant now);

  /// Appends all that has arrived by `now`, in the order of arrival; bytes of one flow that follow each other are merged.
  void take_due(Instant now, std::vector<Release>& out);
  /// When take_due has work next; never when cut or idle.
  [[nodiscard]] Instant next_deadline() const;

  /// False while so much of the flow waits for the rate that its sender should feel it. What travels does not count.
  [[nodiscard]] bool has_room(std::uint64_t flow) const;

  /// From now on nothing passes. TCP that travels or waits is held; datagrams are appended to `lost`.
  void cut(std::vector<Release>& lost);
  /// Ends a cut: what was held is sent anew, through the rate and the delay, as a sender would that tries again.
  void heal(Instant now);
  [[nodiscard]] bool is_cut() const { return cut_; }

  /// The flow is over: what is left of it is dropped.
  void forget(std::uint64_t flow);

  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  [[nodiscard]] std::size_t travelling_bytes() const { return travelling_bytes_; }

 private:
  struct Waiting {
    std::uint64_t id;
    PieceKind kind;
    std::size_t size;
    Instant arrival;
  };
  struct Travelling {
    Instant release;
    std::uint64_t order;  // equal times keep the order of departure
    std::uint64_t id;
    PieceKind kind;
    std::size_t size;
  };
  struct Flow {
    std::size_t waiting = 0;
    Instant last_release;
  };
  struct Later {
    bool operator()(const Travelling& a, const Travelling& b) const;
  };

  void depart_until(Instant limit);
  void depart(std::uint64_t id, PieceKind kind, std::size_t size, Instant start);
  [[nodiscard]] Duration draw_delay(Instant departure);
  [[nodiscard]] bool draw_loss();
  [[nodiscard]] Duration send_time(std::size_t size) const;
  [[nodiscard]] std::size_t waiting_limit() const;

  LinkShape shape_;
  Prng prng_;
  std::deque<Waiting> waiting_;
  std::vector<Travelling> travelling_;  // a heap, the earliest on top
  std::unordered_map<std::uint64_t, Flow> flows_;
  Instant busy_until_;
  std::uint64_t next_order_ = 0;
  std::int64_t jitter_index_ = -1;
  double jitter_normal_ = 0.0;
  std::size_t waiting_bytes_ = 0;
  std::size_t waiting_datagram_bytes_ = 0;
  std::size_t travelling_bytes_ = 0;
  bool cut_ = false;
};

}  // namespace proxima::netlab
