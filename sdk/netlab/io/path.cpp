#include "sdk/netlab/io/path.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace proxima::netlab {

namespace {

constexpr int listen_backlog = 128;
constexpr Duration pause_without_descriptors = Duration::millis(100);

bool is_datagram(const Release& release) {
  return release.kind == PieceKind::datagram || release.kind == PieceKind::lost_datagram;
}

}  // namespace

Path::Path(uv_loop_t* loop, const LinkShape& shape, std::uint64_t seed)
    : loop_(loop), lanes_{Direction(shape, 2 * seed), Direction(shape, 2 * seed + 1)} {}

Result<std::size_t> Path::add_listener() {
  Result<Fd> socket = bind_tcp();
  if (!socket) return socket.failure();
  listeners_.push_back(std::make_unique<Listener>());
  Listener& listener = *listeners_.back();
  listener.socket = std::move(*socket);
  listener.watch =
      std::make_unique<Watch>(loop_, listener.socket.get(), [this, &listener](int) { accept_some(listener); });
  return listeners_.size() - 1;
}

Result<void> Path::add_echo() {
  Result<Fd> socket = bind_udp();
  if (!socket) return socket.failure();
  echo_ = std::make_unique<EchoRelay>(loop_, std::move(*socket), lanes_, carried_);
  return {};
}

Result<void> Path::set_target(std::size_t index, const Endpoint& target) {
  Listener& listener = *listeners_[index];
  if (!listener.target && ::listen(listener.socket.get(), listen_backlog) != 0) {
    return fail("cannot listen on " + local_endpoint(listener.socket).text(), last_error());
  }
  listener.target = target;
  lanes_.touched = true;
  return {};
}

void Path::set_shape(const LinkShape& shape) {
  lanes_.up.set_shape(shape);
  lanes_.down.set_shape(shape);
}

void Path::cut() {
  lanes_.up.cut(arrived_up_);
  lanes_.down.cut(arrived_down_);
  lanes_.touched = true;
}

void Path::heal() {
  const Instant now = monotonic_now();
  lanes_.up.heal(now);
  lanes_.down.heal(now);
  lanes_.touched = true;
}

void Path::accept_some(Listener& listener) {
  lanes_.touched = true;
  while (connections_.size() < max_path_connections) {
    Fd client(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.is_open()) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno != EAGAIN) accept_again_at_ = monotonic_now() + pause_without_descriptors;
      return;
    }
    const std::uint64_t id = next_connection_++;
    connections_.emplace(id, std::make_unique<Connection>(loop_, id, std::move(client), lanes_, carried_,
                                                          [&listener] { return listener.target; }));
  }
}

bool Path::tick(Instant now) {
  const bool due = next_deadline() <= now;
  if (!due && !lanes_.touched && arrived_up_.empty() && arrived_down_.empty()) return false;
  lanes_.touched = false;
  lanes_.up.take_due(now, arrived_up_);
  lanes_.down.take_due(now, arrived_down_);
  const auto has_bytes = [](const Release& release) { return release.kind == PieceKind::bytes; };
  const bool bytes = std::any_of(arrived_up_.begin(), arrived_up_.end(), has_bytes) ||
                     std::any_of(arrived_down_.begin(), arrived_down_.end(), has_bytes);
  deliver();
  settle();
  return bytes;
}

void Path::deliver() {
  const auto each = [this](std::vector<Release>& arrived, auto to_echo, auto to_connection) {
    for (const Release& release : arrived) {
      if (is_datagram(release)) {
        ((*echo_).*to_echo)(release);
      } else if (const auto found = connections_.find(release.id); found != connections_.end()) {
        ((*found->second).*to_connection)(release);
      }
    }
    arrived.clear();
  };
  each(arrived_up_, &EchoRelay::arrived_up, &Connection::arrived_up);
  each(arrived_down_, &EchoRelay::arrived_down, &Connection::arrived_down);
}

void Path::settle() {
  for (auto& [id, connection] : connections_) connection->settle();
  std::erase_if(connections_, [this](const auto& entry) {
    if (!entry.second->finished()) return false;
    lanes_.up.forget(entry.first);
    lanes_.down.forget(entry.first);
    return true;
  });
  if (accept_again_at_ <= monotonic_now()) accept_again_at_ = Instant::never();
  const bool may_accept = !is_cut() && connections_.size() < max_path_connections && accept_again_at_.is_never();
  for (const auto& listener : listeners_) {
    listener->watch->want(may_accept && listener->target ? UV_READABLE : 0);
  }
}

Instant Path::next_deadline() const {
  return std::min({lanes_.up.next_deadline(), lanes_.down.next_deadline(), accept_again_at_});
}

}  // namespace proxima::netlab
