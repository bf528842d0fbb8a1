#include "common/io/zmq_sockets.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <zmq.h>

#include "common/base/assert.hpp"

namespace proxima::io {
namespace {

// Messages received in one round of the loop before timers and other handles get their turn.
constexpr int messages_a_round = 64;
constexpr std::size_t parts_hard_max = 16;

struct CloseSocket {
  void operator()(void* socket) const { zmq_close(socket); }
};
using Socket = std::unique_ptr<void, CloseSocket>;

/// One received part.
class Message {
 public:
  Message() { zmq_msg_init(&message_); }
  ~Message() { zmq_msg_close(&message_); }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  [[nodiscard]] zmq_msg_t* raw() { return &message_; }
  [[nodiscard]] bool more() const { return zmq_msg_more(&message_) != 0; }
  [[nodiscard]] View bytes() {
    return {static_cast<const std::uint8_t*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
  }

 private:
  zmq_msg_t message_{};
};

bool set(void* socket, int option, int value) { return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0; }

int ms(Duration span) { return static_cast<int>(span.ns / 1'000'000); }

Result<Socket> make_socket(ZmqContext& context, int type, const ZmqOptions& options) {
  Socket socket(zmq_socket(context.raw(), type));
  if (!socket) return fail("cannot make a ZeroMQ socket", zmq_strerror(zmq_errno()));
  void* raw = socket.get();
  bool good = set(raw, ZMQ_LINGER, 0) && set(raw, ZMQ_SNDHWM, options.send_queue) &&
              set(raw, ZMQ_RCVHWM, options.receive_queue) && set(raw, ZMQ_HANDSHAKE_IVL, ms(options.handshake)) &&
              set(raw, ZMQ_RECONNECT_IVL, ms(options.reconnect_min)) &&
              set(raw, ZMQ_RECONNECT_IVL_MAX, ms(options.reconnect_max)) &&
              zmq_setsockopt(raw, ZMQ_MAXMSGSIZE, &options.max_part_bytes, sizeof(options.max_part_bytes)) == 0;
  if (options.kernel_send_bytes > 0) good = good && set(raw, ZMQ_SNDBUF, options.kernel_send_bytes);
  if (options.kernel_receive_bytes > 0) good = good && set(raw, ZMQ_RCVBUF, options.kernel_receive_bytes);
  if (options.heartbeat_interval.ns > 0) {
    good = good && set(raw, ZMQ_HEARTBEAT_IVL, ms(options.heartbeat_interval)) &&
           set(raw, ZMQ_HEARTBEAT_TIMEOUT, ms(options.heartbeat_timeout)) &&
           set(raw, ZMQ_HEARTBEAT_TTL, ms(options.heartbeat_timeout));
  }
  if (!good) return fail("cannot set up a ZeroMQ socket", zmq_strerror(zmq_errno()));
  return socket;
}

/// Calls `on_ready` on the loop while the socket has something to receive. See the header for why three handles.
class Drain {
 public:
  Drain(Loop& loop, void* socket, std::function<void()> on_ready) : handles_(new Handles) {
    handles_->socket = socket;
    handles_->on_ready = std::move(on_ready);
    int fd = -1;
    std::size_t size = sizeof(fd);
    PROXIMA_ASSERT(zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0);
    uv_poll_init(&loop.raw(), &handles_->poll, fd);
    uv_prepare_init(&loop.raw(), &handles_->prepare);
    uv_check_init(&loop.raw(), &handles_->check);
    uv_idle_init(&loop.raw(), &handles_->idle);
    for (uv_handle_t* handle : handles_->all()) handle->data = handles_;
    // Only to wake the loop: prepare and check do the rest.
    uv_poll_start(&handles_->poll, UV_READABLE, [](uv_poll_t*, int, int) {});
    uv_prepare_start(&handles_->prepare, [](uv_prepare_t* handle) { before_wait(*static_cast<Handles*>(handle->data)); });
    uv_check_start(&handles_->check, [](uv_check_t* handle) { after_wait(*static_cast<Handles*>(handle->data)); });
  }
  // The socket is closed only after uv_close has taken its descriptor out of the loop's poll set.
  ~Drain() {
    handles_->socket = nullptr;
    for (uv_handle_t* handle : handles_->all()) {
      uv_close(handle, [](uv_handle_t* closed) {
        auto* own = static_cast<Handles*>(closed->data);
        if (--own->open == 0) delete own;
      });
    }
  }
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

 private:
  struct Handles {
    uv_poll_t poll{};
    uv_prepare_t prepare{};
    uv_check_t check{};
    uv_idle_t idle{};
    void* socket = nullptr;
    std::function<void()> on_ready;
    int open = 4;
    std::array<uv_handle_t*, 4> all() {
      return {reinterpret_cast<uv_handle_t*>(&poll), reinterpret_cast<uv_handle_t*>(&prepare),
              reinterpret_cast<uv_handle_t*>(&check), reinterpret_cast<uv_handle_t*>(&idle)};
    }
  };

  static bool readable(const Handles& handles) {
    if (handles.socket == nullptr) return false;
    int events = 0;
    std::size_t size = sizeof(events);
    return zmq_getsockopt(handles.socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
  }
  static void before_wait(Handles& handles) {
    if (readable(handles)) {
      uv_idle_start(&handles.idle, [](uv_idle_t*) {});
    } else {
      uv_idle_stop(&handles.idle);
    }
  }
  static void after_wait(Handles& handles) {
    for (int i = 0; i < messages_a_round && readable(handles); ++i) handles.on_ready();
  }

  Handles* handles_;  // freed by the last close callback
};

/// Receives one whole message and keeps its parts alive while `use` runs. False if there was none.
template <class Use>
bool receive(void* socket, Use use) {
  std::array<Message, parts_hard_max> messages;
  std::array<View, parts_hard_max> views;
  std::size_t count = 0;
  bool more = true;
  while (more) {
    Message surplus;  // parts beyond the maximum are read and thrown away: a message is taken whole or not at all
    Message& into = count < parts_hard_max ? messages[count] : surplus;
    if (zmq_msg_recv(into.raw(), socket, ZMQ_DONTWAIT) < 0) return false;
    if (count < parts_hard_max) views[count] = into.bytes();
    more = into.more();
    ++count;
  }
  use(std::span<const View>(views.data(), std::min(count, parts_hard_max)), count);
  return true;
}

SendOutcome outcome_of_error() {
  return zmq_errno() == EHOSTUNREACH ? SendOutcome::unreachable : SendOutcome::full;
}

bool send_copy(void* socket, View bytes, bool more) {
  return zmq_send(socket, bytes.data(), bytes.size(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0;
}

bool send_shared(void* socket, SharedBytes bytes) {
  if (!bytes || bytes->empty()) return send_copy(socket, {}, false);
  auto* holder = new SharedBytes(std::move(bytes));
  auto* data = const_cast<std::uint8_t*>((*holder)->data());  // ZeroMQ only reads what it sends
  zmq_msg_t message;
  const auto let_go = [](void*, void* hint) { delete static_cast<SharedBytes*>(hint); };
  zmq_msg_init_data(&message, data, (*holder)->size(), let_go, holder);
  if (zmq_msg_send(&message, socket, ZMQ_DONTWAIT) >= 0) return true;
  zmq_msg_close(&message);  // calls let_go
  return false;
}

}  // namespace

ZmqContext::ZmqContext() : context_(zmq_ctx_new()) {
  PROXIMA_ASSERT(context_ != nullptr);
  zmq_ctx_set(context_, ZMQ_IO_THREADS, 1);
}

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(context_) != 0 && zmq_errno() == EINTR) {
  }
}

class RouterSocket::Impl {
 public:
  Impl(Loop& loop, Socket socket, std::string endpoint, std::size_t max_parts, OnMessage on_message)
      : socket_(std::move(socket)),
        endpoint_(std::move(endpoint)),
        max_parts_(max_parts),
        on_message_(std::make_shared<OnMessage>(std::move(on_message))),
        drain_(std::make_unique<Drain>(loop, socket_.get(), [this] { receive_one(); })) {}

  ~Impl() { drain_.reset(); }

  void receive_one() {
    receive(socket_.get(), [this](Parts parts, std::size_t count) {
      if (count < 2 || count > max_parts_ + 1) {
        ++dropped_;
        return;
      }
      const std::string_view peer(reinterpret_cast<const char*>(parts[0].data()), parts[0].size());
      const auto call = on_message_;  // it may destroy this socket
      (*call)(peer, parts.subspan(1));
    });
  }

  /// The peer's name first. ROUTER_MANDATORY: a peer that has gone, or has no room, is told of here, and then nothing of
  /// the message was taken. Later parts go to the same pipe and cannot fail for lack of room.
  template <class SendRest>
  SendOutcome send(std::string_view peer, SendRest rest) {
    const View name(reinterpret_cast<const std::uint8_t*>(peer.data()), peer.size());
    if (!send_copy(socket_.get(), name, true)) return outcome_of_error();
    return rest(socket_.get()) ? SendOutcome::sent : outcome_of_error();
  }

  Socket socket_;
  std::string endpoint_;
  std::size_t max_parts_;
  std::shared_ptr<OnMessage> on_message_;
  std::uint64_t dropped_ = 0;
  std::unique_ptr<Drain> drain_;
};

RouterSocket::RouterSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RouterSocket::~RouterSocket() = default;

Result<std::unique_ptr<RouterSocket>> RouterSocket::bind(Loop& loop, ZmqContext& context, const std::string& endpoint,
                                                         const ZmqOptions& options, OnMessage on_message) {
  auto socket = make_socket(context, ZMQ_ROUTER, options);
  if (!socket) return socket.failure();
  void* raw = socket->get();
  const std::size_t max_parts = std::min(options.max_parts, parts_hard_max - 1);
  const bool ready = set(raw, ZMQ_ROUTER_MANDATORY, 1) && set(raw, ZMQ_ROUTER_HANDOVER, 1) &&
                     zmq_bind(raw, ("tcp://" + endpoint).c_str()) == 0;
  if (!ready) {
    return fail("cannot listen for frames on " + endpoint, zmq_strerror(zmq_errno()), "use another port, or port 0");
  }
  std::array<char, 256> bound{};
  std::size_t size = bound.size();
  if (zmq_getsockopt(raw, ZMQ_LAST_ENDPOINT, bound.data(), &size) != 0) {
    return fail("cannot tell where frames are received", zmq_strerror(zmq_errno()));
  }
  std::string name(bound.data());
  if (name.starts_with("tcp://")) name.erase(0, 6);
  return std::unique_ptr<RouterSocket>(new RouterSocket(std::make_unique<Impl>(
      loop, std::move(*socket), std::move(name), max_parts, std::move(on_message))));
}

SendOutcome RouterSocket::send(std::string_view peer, View header) {
  return impl_->send(peer, [&](void* socket) { return send_copy(socket, header, false); });
}

SendOutcome RouterSocket::send(std::string_view peer, View header, View payload) {
  return impl_->send(peer, [&](void* socket) {
    return send_copy(socket, header, true) && send_copy(socket, payload, false);
  });
}

SendOutcome RouterSocket::send(std::string_view peer, View header, SharedBytes payload) {
  return impl_->send(peer, [&](void* socket) {
    return send_copy(socket, header, true) && send_shared(socket, std::move(payload));
  });
}

const std::string& RouterSocket::endpoint() const { return impl_->endpoint_; }
std::uint64_t RouterSocket::dropped() const { return impl_->dropped_; }

class DealerSocket::Impl {
 public:
  Impl(Loop& loop, Socket socket, Socket monitor, std::size_t max_parts, Callbacks callbacks)
      : socket_(std::move(socket)),
        monitor_(std::move(monitor)),
        max_parts_(max_parts),
        callbacks_(std::make_shared<Callbacks>(std::move(callbacks))),
        drain_(std::make_unique<Drain>(loop, socket_.get(), [this] { receive_one(); })),
        monitor_drain_(std::make_unique<Drain>(loop, monitor_.get(), [this] { receive_event(); })) {}

  ~Impl() {
    drain_.reset();
    monitor_drain_.reset();
    zmq_socket_monitor(socket_.get(), nullptr, 0);
  }

  void receive_one() {
    receive(socket_.get(), [this](Parts parts, std::size_t count) {
      if (count > max_parts_) {
        ++dropped_;
        return;
      }
      const auto calls = callbacks_;  // it may destroy this socket
      calls->on_message(parts);
    });
  }

  // Part 1: 16 bits event, 32 bits value; part 2: the address (zmq_socket_monitor(3)).
  void receive_event() {
    receive(monitor_.get(), [this](Parts parts, std::size_t) {
      std::uint16_t event = 0;
      if (parts[0].size() >= sizeof(event)) std::memcpy(&event, parts[0].data(), sizeof(event));
      const auto calls = callbacks_;  // it may destroy this socket
      if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        connected_ = true;
        calls->on_event(DealerEvent::connected);
      } else if (event == ZMQ_EVENT_CONNECT_RETRIED) {
        // Comes after each failed attempt and after each lost connection.
        if (!std::exchange(lost_told_, false)) calls->on_event(DealerEvent::refused);
      } else if (std::exchange(connected_, false)) {
        lost_told_ = true;
        calls->on_event(DealerEvent::disconnected);
      }
    });
  }

  /// For a moment after the connection has died its queue would still take messages, and lose them.
  template <class SendParts>
  SendOutcome send(SendParts parts) {
    if (!connected_) return SendOutcome::full;
    return parts(socket_.get()) ? SendOutcome::sent : outcome_of_error();
  }

  Socket socket_;
  Socket monitor_;
  std::size_t max_parts_;
  std::shared_ptr<Callbacks> callbacks_;
  bool connected_ = false;
  bool lost_told_ = false;
  std::uint64_t dropped_ = 0;
  std::unique_ptr<Drain> drain_;
  std::unique_ptr<Drain> monitor_drain_;
};

DealerSocket::DealerSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DealerSocket::~DealerSocket() = default;

Result<std::unique_ptr<DealerSocket>> DealerSocket::connect(Loop& loop, ZmqContext& context,
                                                            const std::string& endpoint, const ZmqOptions& options,
                                                            Callbacks callbacks) {
  auto socket = make_socket(context, ZMQ_DEALER, options);
  if (!socket) return socket.failure();
  void* raw = socket->get();
  // The address of the object is a name that no other monitor of this context has at this time.
  const std::string watch = "inproc://monitor-" + std::to_string(reinterpret_cast<std::uintptr_t>(raw));
  const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED |
                     ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
  Socket monitor(zmq_socket(context.raw(), ZMQ_PAIR));
  const bool ready = monitor && set(raw, ZMQ_IMMEDIATE, 1) && set(monitor.get(), ZMQ_LINGER, 0) &&
                     zmq_socket_monitor(raw, watch.c_str(), events) == 0 &&
                     zmq_connect(monitor.get(), watch.c_str()) == 0 &&
                     zmq_connect(raw, ("tcp://" + endpoint).c_str()) == 0;
  if (!ready) return fail("cannot connect to " + endpoint, zmq_strerror(zmq_errno()));
  return std::unique_ptr<DealerSocket>(new DealerSocket(std::make_unique<Impl>(
      loop, std::move(*socket), std::move(monitor), std::min(options.max_parts, parts_hard_max), std::move(callbacks))));
}

SendOutcome DealerSocket::send(View header) {
  return impl_->send([&](void* socket) { return send_copy(socket, header, false); });
}

SendOutcome DealerSocket::send(View header, View payload) {
  return impl_->send([&](void* socket) {
    return send_copy(socket, header, true) && send_copy(socket, payload, false);
  });
}

SendOutcome DealerSocket::send(View header, SharedBytes payload) {
  return impl_->send([&](void* socket) {
    return send_copy(socket, header, true) && send_shared(socket, std::move(payload));
  });
}

bool DealerSocket::connected() const { return impl_->connected_; }
std::uint64_t DealerSocket::dropped() const { return impl_->dropped_; }

}  // namespace proxima::io
