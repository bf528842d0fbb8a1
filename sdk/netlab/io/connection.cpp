#include "sdk/netlab/io/connection.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace proxima::netlab {

namespace {

constexpr int max_reads_a_turn = 8;                         // of a block each, so that no connection starves another
constexpr std::size_t max_unwritten_bytes = 256 * 1024;     // arrived, but the receiver does not take it
constexpr std::size_t max_write_parts = 64;

}  // namespace

Connection::Connection(uv_loop_t* loop, std::uint64_t id, Fd client, Lanes& lanes, Carried& carried, Target target)
    : loop_(loop), id_(id), lanes_(lanes), carried_(carried), target_(std::move(target)) {
  client_.socket = std::move(client);
  client_.connected = true;
  watch(client_);
  lanes_.up.add_mark(id_, PieceKind::open, monotonic_now());
}

void Connection::watch(End& end) {
  end.watch = std::make_unique<Watch>(loop_, end.socket.get(), [this, &end](int events) { ready(end, events); });
}

void Connection::ready(End& end, int events) {
  if (end.broken || end.closed) return;
  lanes_.touched = true;
  if (!end.connected) return connect_done(end);
  if ((events & UV_READABLE) != 0 && may_read(end)) read_some(end);
}

void Connection::connect_done(End& end) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(end.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return broke(end);
  end.connected = true;
}

void Connection::read_some(End& end) {
  End& to = other(end);
  for (int turn = 0; turn < max_reads_a_turn && may_read(end); ++turn) {
    const std::span<char> space = to.out.free_space();
    const ssize_t got = ::recv(end.socket.get(), space.data(), space.size(), 0);
    if (got > 0) {
      to.out.filled(static_cast<std::size_t>(got));
      lane_from(end).add_bytes(id_, static_cast<std::size_t>(got), monotonic_now());
      (&end == &client_ ? carried_.bytes_up : carried_.bytes_down) += static_cast<std::uint64_t>(got);
      if (static_cast<std::size_t>(got) < space.size()) return;
    } else if (got == 0) {
      end.read_finished = true;
      lane_from(end).add_mark(id_, PieceKind::finish, monotonic_now());
      return;
    } else {
      if (errno != EAGAIN && errno != EINTR) broke(end);
      return;
    }
  }
}

void Connection::broke(End& end) {
  if (end.broken) return;
  end.broken = true;
  end.read_finished = true;
  if (!other(end).closed) lane_from(end).add_mark(id_, PieceKind::reset, monotonic_now());
}

void Connection::dial() {
  const std::optional<Endpoint> to = target_();
  Result<Fd> socket = to ? start_connect(*to) : Result<Fd>(fail("no backend"));
  if (!socket) return broke(server_);
  server_.socket = std::move(*socket);
  watch(server_);
}

void Connection::arrived(End& end, const Release& release) {
  switch (release.kind) {
    case PieceKind::bytes: end.arrived += release.size; break;
    case PieceKind::open: dial(); break;
    case PieceKind::finish: end.write_finish_due = true; break;
    case PieceKind::reset: end.reset_due = true; break;
    case PieceKind::datagram:
    case PieceKind::lost_datagram: break;
  }
}

void Connection::write_some(End& end) {
  std::array<iovec, max_write_parts> parts{};
  while (end.arrived > 0) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = static_cast<std::size_t>(end.out.first(parts, end.arrived));
    const ssize_t sent = ::sendmsg(end.socket.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) broke(end);
      return;
    }
    end.out.drop(static_cast<std::size_t>(sent));
    end.arrived -= static_cast<std::size_t>(sent);
  }
  if (end.write_finish_due && !end.write_finished) {
    end.write_finished = true;
    ::shutdown(end.socket.get(), SHUT_WR);
  }
}

bool Connection::may_read(End& end) {
  const End& to = other(end);
  return end.connected && !end.read_finished && !end.closed && !to.broken && lane_from(end).has_room(id_) &&
         to.arrived < max_unwritten_bytes;
}

void Connection::close(End& end, bool with_reset) {
  end.watch.reset();
  if (with_reset) close_with_reset(end.socket);
  end.socket.close();
  end.out.clear();
  end.arrived = 0;
  end.closed = true;
}

void Connection::settle_end(End& end) {
  if (end.closed) return;
  if (end.connected && !end.broken && !lane_to(end).is_cut()) write_some(end);
  if (end.broken) return close(end, false);
  if (end.reset_due) return close(end, true);
  const End& peer = other(end);
  if (end.read_finished && end.write_finished && (peer.closed || peer.write_finished)) return close(end, false);
  if (!end.watch) return;
  int wanted = 0;
  if (may_read(end)) wanted |= UV_READABLE;
  if (!end.connected || (end.arrived > 0 && !lane_to(end).is_cut())) wanted |= UV_WRITABLE;
  end.watch->want(wanted);
}

void Connection::settle() {
  settle_end(server_);
  settle_end(client_);
  settle_end(server_);  // the client's end may have been what it waited for
}

}  // namespace proxima::netlab
