// Frames through an MQTT broker, by libmosquitto on both sides, QoS 0, Nagle off everywhere: client → broker → server and back.
//
//   proxima-peer-mosquitto BROKER_PORT
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

#include <mosquitto.h>

#include "tests/bench/peers/peer.hpp"

namespace {

using namespace proxima::bench;

constexpr const char* frame_topic = "bench/frame";
constexpr const char* answer_topic = "bench/answer";
constexpr int keep_alive_s = 60;

void require_mqtt(int code, const char* what) {
  if (code != MOSQ_ERR_SUCCESS) throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(code));
}

/// One connection, driven by the calling thread alone.
class Link {
 public:
  Link(int port, const char* topic) {
    mosquitto_lib_init();
    client_ = mosquitto_new(nullptr, true, this);
    if (client_ == nullptr) throw std::runtime_error("mosquitto_new failed");
    mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* self, int, int, const int*) {
      static_cast<Link*>(self)->subscribed_ = true;
    });
    mosquitto_message_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message) {
      static_cast<Link*>(self)->take(*message);
    });
    mosquitto_connect_callback_set(client_, [](mosquitto*, void* self, int code) {
      static_cast<Link*>(self)->connected_ = code == 0;
    });
    require_mqtt(mosquitto_connect(client_, "127.0.0.1", port, keep_alive_s), "mosquitto_connect");
    while (!connected_) turn();
    require_mqtt(mosquitto_subscribe(client_, nullptr, topic, 0), "mosquitto_subscribe");
    while (!subscribed_) turn();
  }
  ~Link() { mosquitto_destroy(client_); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void publish(const char* topic, const void* data, std::size_t size) {
    require_mqtt(mosquitto_publish(client_, nullptr, topic, static_cast<int>(size), data, 0, false), "mosquitto_publish");
  }

  /// Waits for the next message; its bytes are valid until the next call.
  const std::vector<std::uint8_t>& next() {
    arrived_ = false;
    while (!arrived_) turn();
    return payload_;
  }

 private:
  void turn() { require_mqtt(mosquitto_loop(client_, 1000, 1), "mosquitto_loop"); }

  // Answered outside the callback: a publish from within would wait for the next turn.
  void take(const mosquitto_message& message) {
    const auto* bytes = static_cast<const std::uint8_t*>(message.payload);
    payload_.assign(bytes, bytes + message.payloadlen);
    arrived_ = true;
  }

  mosquitto* client_ = nullptr;
  bool connected_ = false;
  bool subscribed_ = false;
  bool arrived_ = false;
  std::vector<std::uint8_t> payload_;
};

class Client : public FrameClient {
 public:
  explicit Client(int port) : link_(port, answer_topic) {}

  Answer exchange(std::span<const std::uint8_t> frame) override {
    link_.publish(frame_topic, frame.data(), frame.size());
    const std::vector<std::uint8_t>& got = link_.next();
    if (got.size() != answer_bytes) throw std::runtime_error("the MQTT answer has another size");
    Answer answer{};
    std::memcpy(answer.data(), got.data(), answer_bytes);
    return answer;
  }

 private:
  Link link_;
};

}  // namespace

int main(int argc, char** argv) {
  const int port = argc == 2 ? std::atoi(argv[1]) : 0;
  if (port <= 0) {
    std::fputs("usage: proxima-peer-mosquitto BROKER_PORT\n", stderr);
    return 2;
  }
  const auto serve = [port](Ledger& ledger, const Announce& announce) {
    Link link(port, frame_topic);
    announce("broker");
    while (true) {
      const Answer answer = execute(link.next(), ledger);
      link.publish(answer_topic, answer.data(), answer_bytes);
    }
  };
  return peer_main({serve, [port](const std::string&) { return std::make_unique<Client>(port); }});
}
