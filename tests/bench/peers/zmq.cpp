// Frames through libzmq as it comes: DEALER to ROUTER over TCP, blocking calls, no encryption.
#include <cstring>
#include <stdexcept>

#include <zmq.h>

#include "tests/bench/peers/peer.hpp"

namespace {

using namespace proxima::bench;

void require_zmq(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string(what) + ": " + zmq_strerror(zmq_errno()));
}

class Socket {
 public:
  explicit Socket(int type) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, type)) {
    require_zmq(socket_ != nullptr, "zmq_socket");
    const int linger = 0;
    zmq_setsockopt(socket_, ZMQ_LINGER, &linger, sizeof linger);
  }
  ~Socket() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  void* get() { return socket_; }

 private:
  void* context_;
  void* socket_;
};

class Message {
 public:
  Message() { zmq_msg_init(&message_); }
  ~Message() { zmq_msg_close(&message_); }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  void receive(void* socket) { require_zmq(zmq_msg_recv(&message_, socket, 0) >= 0, "zmq_msg_recv"); }
  void send(void* socket, int flags) { require_zmq(zmq_msg_send(&message_, socket, flags) >= 0, "zmq_msg_send"); }
  std::span<const std::uint8_t> bytes() {
    return {static_cast<const std::uint8_t*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
  }

 private:
  zmq_msg_t message_{};
};

void serve(Ledger& ledger, const Announce& announce) {
  Socket router(ZMQ_ROUTER);
  require_zmq(zmq_bind(router.get(), "tcp://127.0.0.1:*") == 0, "zmq_bind");
  char endpoint[256];
  std::size_t length = sizeof endpoint;
  require_zmq(zmq_getsockopt(router.get(), ZMQ_LAST_ENDPOINT, endpoint, &length) == 0, "ZMQ_LAST_ENDPOINT");
  announce(endpoint);
  while (true) {
    Message from;
    Message frame;
    from.receive(router.get());
    frame.receive(router.get());
    const Answer answer = execute(frame.bytes(), ledger);
    from.send(router.get(), ZMQ_SNDMORE);
    require_zmq(zmq_send(router.get(), answer.data(), answer_bytes, 0) >= 0, "zmq_send");
  }
}

class Client : public FrameClient {
 public:
  explicit Client(const std::string& endpoint) : dealer_(ZMQ_DEALER) {
    require_zmq(zmq_connect(dealer_.get(), endpoint.c_str()) == 0, "zmq_connect");
  }

  Answer exchange(std::span<const std::uint8_t> frame) override {
    Answer answer{};
    require_zmq(zmq_send(dealer_.get(), frame.data(), frame.size(), 0) >= 0, "zmq_send");
    require_zmq(zmq_recv(dealer_.get(), answer.data(), answer_bytes, 0) == static_cast<int>(answer_bytes), "zmq_recv");
    return answer;
  }

 private:
  Socket dealer_;
};

}  // namespace

int main() {
  return peer_main({serve, [](const std::string& endpoint) { return std::make_unique<Client>(endpoint); }});
}
