#include "sdk/netlab/io/echo_relay.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

namespace proxima::netlab {

namespace {

constexpr int max_datagrams_a_turn = 64;
constexpr std::size_t max_datagram_bytes = 64 * 1024;
constexpr Duration max_stamp_age = Duration::millis(20);

// Sends one datagram; a full socket buffer loses it, as a network would.
void send_datagram(const Fd& from, const std::vector<char>& bytes, const Endpoint& to) {
  const sockaddr_in address = to.socket_address();
  (void)::sendto(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

struct Received {
  std::size_t size;
  Endpoint from;
  Instant arrival;
};

// When the kernel got a datagram, by its own stamp of the wall clock: earlier than now by our wake-up, which would
// otherwise count as distance. A stamp that the clock's owner has made senseless is not used.
Instant arrival_of(msghdr& message) {
  const Instant now = monotonic_now();
  const cmsghdr* stamp = CMSG_FIRSTHDR(&message);
  if (stamp == nullptr || stamp->cmsg_level != SOL_SOCKET || stamp->cmsg_type != SCM_TIMESTAMPNS) return now;
  timespec got{};
  std::memcpy(&got, CMSG_DATA(stamp), sizeof got);
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  const Duration age = Duration::seconds(wall.tv_sec - got.tv_sec) + Duration::nanos(wall.tv_nsec - got.tv_nsec);
  return age >= Duration{} && age <= max_stamp_age ? now - age : now;
}

// Receives one datagram into the buffer; nullopt when there is none.
std::optional<Received> receive_datagram(const Fd& socket, std::vector<char>& buffer) {
  sockaddr_in from{};
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control{};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket.get(), &message, MSG_DONTWAIT);
  if (got < 0) return std::nullopt;
  return Received{static_cast<std::size_t>(got), endpoint_of(from), arrival_of(message)};
}

}  // namespace

EchoRelay::EchoRelay(uv_loop_t* loop, Fd socket, Lanes& lanes, Carried& carried)
    : loop_(loop),
      lanes_(lanes),
      carried_(carried),
      socket_(std::move(socket)),
      watch_(loop, socket_.get(), [this](int) { read_clients(); }),
      buffer_(max_datagram_bytes) {
  watch_.want(UV_READABLE);
}

void EchoRelay::read_clients() {
  for (int turn = 0; turn < max_datagrams_a_turn; ++turn) {
    const auto got = receive_datagram(socket_, buffer_);
    if (!got) break;
    if (client_of(got->from) != nullptr) send_off(lanes_.up, got->size, got->from, got->arrival);
  }
  watch_.want(UV_READABLE);
}

void EchoRelay::read_backend(const Endpoint& client, Client& through) {
  for (int turn = 0; turn < max_datagrams_a_turn; ++turn) {
    const auto got = receive_datagram(through.socket, buffer_);
    if (!got) break;
    if (backend_ && got->from == *backend_) send_off(lanes_.down, got->size, client, got->arrival);
  }
  through.watch->want(UV_READABLE);
}

EchoRelay::Client* EchoRelay::client_of(const Endpoint& client) {
  if (const auto found = clients_.find(client); found != clients_.end()) {
    found->second.last_used = monotonic_now();
    return &found->second;
  }
  if (clients_.size() >= max_echo_clients) {
    clients_.erase(std::min_element(clients_.begin(), clients_.end(), [](const auto& a, const auto& b) {
      return a.second.last_used < b.second.last_used;
    }));
  }
  Result<Fd> socket = bind_udp();
  if (!socket) return nullptr;  // out of descriptors: the datagram is lost
  Client& made = clients_[client];
  made.socket = std::move(*socket);
  made.last_used = monotonic_now();
  made.watch = std::make_unique<Watch>(loop_, made.socket.get(),
                                       [this, client, &made](int) { read_backend(client, made); });
  made.watch->want(UV_READABLE);
  return &made;
}

void EchoRelay::send_off(Direction& lane, std::size_t size, const Endpoint& client, Instant arrival) {
  const std::uint64_t id = next_id_++;
  if (!lane.add_datagram(id, size, arrival)) {
    ++carried_.datagrams_lost;
    return;
  }
  on_the_way_.emplace(id, Datagram{{buffer_.data(), buffer_.data() + size}, client});
}

std::optional<EchoRelay::Datagram> EchoRelay::take(const Release& release) {
  auto found = on_the_way_.extract(release.id);
  if (found.empty()) return std::nullopt;
  if (release.kind == PieceKind::lost_datagram) {
    ++carried_.datagrams_lost;
    return std::nullopt;
  }
  return std::move(found.mapped());
}

void EchoRelay::arrived_up(const Release& release) {
  const auto datagram = take(release);
  if (!datagram || !backend_) return;
  if (const Client* client = client_of(datagram->client); client != nullptr) {
    send_datagram(client->socket, datagram->bytes, *backend_);
    ++carried_.datagrams_up;
  }
}

void EchoRelay::arrived_down(const Release& release) {
  if (const auto datagram = take(release)) {
    send_datagram(socket_, datagram->bytes, datagram->client);
    ++carried_.datagrams_down;
  }
}

}  // namespace proxima::netlab
