// A UDP socket on the loop. Owned by an adapter; all calls and callbacks on the loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "common/base/result.hpp"
#include "common/io/address.hpp"
#include "common/io/bytes.hpp"
#include "common/io/loop.hpp"

namespace proxima::io {

class UdpSocket {
 public:
  using OnPacket = std::function<void(const Address& from, View bytes)>;

  /// Binds to `local` (port 0: any free one) and begins to receive. A datagram over 2 048 bytes is dropped and counted.
  static Result<std::unique_ptr<UdpSocket>> bind(Loop& loop, const Address& local, OnPacket on_packet);
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  /// Sends now or not at all (UDP may lose anyway): false, and counted, if the kernel does not take it at once.
  bool send(const Address& to, View bytes);
  [[nodiscard]] Address local() const;
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct State;
  explicit UdpSocket(State* state) : state_(state) {}
  State* state_;  // freed by libuv's close callback
};

}  // namespace proxima::io
