#include "common/io/udp_socket.hpp"

#include <array>
#include <utility>

namespace proxima::io {

struct UdpSocket::State {
  uv_udp_t handle{};
  OnPacket on_packet;
  // One datagram at a time: libuv hands it over before it asks for the next buffer. A byte more shows what was cut.
  std::array<char, 2049> buffer{};
  std::uint64_t dropped = 0;
  bool alive = true;
};

Result<std::unique_ptr<UdpSocket>> UdpSocket::bind(Loop& loop, const Address& local, OnPacket on_packet) {
  auto* state = new State;
  state->on_packet = std::move(on_packet);
  uv_udp_init(&loop.raw(), &state->handle);
  state->handle.data = state;
  std::unique_ptr<UdpSocket> socket(new UdpSocket(state));  // from here on it closes what was opened
  int status = uv_udp_bind(&state->handle, &local.raw(), 0);
  if (status == 0) {
    status = uv_udp_recv_start(
        &state->handle,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
          auto& buffer = static_cast<State*>(handle->data)->buffer;
          *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
        },
        [](uv_udp_t* handle, ssize_t size, const uv_buf_t* buffer, const sockaddr* from, unsigned flags) {
          auto* own = static_cast<State*>(handle->data);
          if (!own->alive || from == nullptr || size < 0) return;
          const bool too_long = (flags & UV_UDP_PARTIAL) != 0 || static_cast<std::size_t>(size) == own->buffer.size();
          if (too_long) {
            ++own->dropped;
            return;
          }
          own->on_packet(Address::from(*from), View(reinterpret_cast<const std::uint8_t*>(buffer->base),
                                                    static_cast<std::size_t>(size)));
        });
  }
  if (status != 0) {
    return fail("cannot receive UDP on " + local.text(), uv_strerror(status), "use another address, or port 0");
  }
  return socket;
}

UdpSocket::~UdpSocket() {
  state_->alive = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

bool UdpSocket::send(const Address& to, View bytes) {
  // libuv only reads from the buffer.
  auto* data = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
  const uv_buf_t buffer = uv_buf_init(data, static_cast<unsigned>(bytes.size()));
  const bool sent = uv_udp_try_send(&state_->handle, &buffer, 1, &to.raw()) == static_cast<int>(bytes.size());
  if (!sent) ++state_->dropped;
  return sent;
}

Address UdpSocket::local() const {
  sockaddr_storage storage{};
  int size = sizeof(storage);
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  if (uv_udp_getsockname(&state_->handle, raw, &size) != 0) return {};
  return Address::from(*raw);
}

std::uint64_t UdpSocket::dropped() const { return state_->dropped; }

}  // namespace proxima::io
