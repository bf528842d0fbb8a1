// A broker that sends what no broker should: the client survives each, and connects again to a good one.
// The packets are mosquitto's own client vectors, in the data folder beside the project; without it the test says so and
// tries only those written here.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/mqtt_link.hpp"
#include "tests/support/run_loop.hpp"

using namespace proxima;

namespace {

const std::string good_connack("\x20\x03\x00\x00\x00", 5);

struct Attack {
  std::string name;
  bool after_connack = true;
  std::string bytes;
};

std::string variable_length(std::uint32_t value) {
  std::string out;
  do {
    const std::uint32_t low = value % 128;
    value /= 128;
    out += static_cast<char>(value > 0 ? low | 0x80U : low);
  } while (value > 0);
  return out;
}

std::string big_endian(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// The vectors' notation: hex bytes; r and v variable-length, i one byte, H s and m two, L four; 'text'.
std::string bytes_of(const std::string& notation) {
  std::istringstream in(notation);
  std::string out;
  for (std::string word; in >> word;) {
    const auto number = [&] { return static_cast<std::uint32_t>(std::stoul(word.substr(1))); };
    switch (word[0]) {
      case '\'': out += word.substr(1, word.size() - 2); break;
      case 'r':
      case 'v': out += variable_length(number()); break;
      case 'i': out += big_endian(number(), 1); break;
      case 'H':
      case 's':
      case 'm': out += big_endian(number(), 2); break;
      case 'L': out += big_endian(number(), 4); break;
      default: out += static_cast<char>(std::stoul(word, nullptr, 16));
    }
  }
  return out;
}

void add_vectors(const std::string& path, std::vector<Attack>& out) {
  std::ifstream file(path);
  if (!file) {
    BOOST_TEST_MESSAGE("skipped: there is no " + path);
    return;
  }
  for (const auto& group : nlohmann::json::parse(file)) {
    for (const auto& test : group["tests"]) {
      Attack attack{group["group"].get<std::string>() + ": " + test["name"].get<std::string>(),
                    group.value("connack", true), ""};
      for (const auto& message : test["msgs"]) {
        if (message["type"] == "send") attack.bytes += bytes_of(message["payload"]);
      }
      out.push_back(attack);
    }
  }
}

std::vector<Attack> attacks() {
  std::vector<Attack> out = {
      {"silence", false, ""},
      {"text", false, "HTTP/1.1 400 Bad Request\r\n\r\n"},
      {"a length of five bytes", false, "\x20\xff\xff\xff\xff\xff"},
      {"a packet that is never finished", true, bytes_of("30 r1000 s5 'topic'")},
      {"a publish of 256 MB that is announced", true, bytes_of("30 r268435455 s5 'topic'")},
      {"an acknowledgement of nothing", true, bytes_of("40 r2 m77")},
      {"a second answer to the connect", true, good_connack},
      {"zeros", true, std::string(4'096, '\0')},
      {"ones", true, std::string(4'096, '\xff')},
  };
  add_vectors(PROXIMA_SHARED_DATA "/conformance/mqtt-client/CONNACK.json", out);
  add_vectors(PROXIMA_SHARED_DATA "/conformance/mqtt-client/PUBLISH.json", out);
  return out;
}

/// Plays the attacks, one a connection and each connection on a thread; then is a good broker that only says hello.
class HostileBroker {
 public:
  explicit HostileBroker(std::vector<Attack> attacks) : attacks_(std::move(attacks)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    BOOST_REQUIRE(bind(listener_, raw, size) == 0);
    BOOST_REQUIRE(listen(listener_, 64) == 0);
    BOOST_REQUIRE(getsockname(listener_, raw, &size) == 0);
    endpoint_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    acceptor_ = std::thread([this] { serve(); });
  }
  ~HostileBroker() {
    done_ = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : connections_) thread.join();
    close(listener_);
  }
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] std::size_t played() const { return played_; }

 private:
  /// True while the connection is open, whether or not something came.
  static bool read_some(int fd, int limit_ms) {
    pollfd readable{fd, POLLIN, 0};
    if (poll(&readable, 1, limit_ms) <= 0) return true;
    std::string bytes(65'536, '\0');
    return recv(fd, bytes.data(), bytes.size(), 0) > 0;
  }
  static void put(int fd, const std::string& bytes) {
    static_cast<void>(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));  // the client may have cut it already
  }
  void serve() {
    while (!done_) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      connections_.emplace_back([this, fd] {
        if (read_some(fd, 10'000)) play(fd);
        close(fd);
      });
    }
  }
  void play(int fd) {
    const std::size_t mine = next_++;
    if (mine >= attacks_.size()) {
      put(fd, good_connack);
      while (!done_ && read_some(fd, 50)) {
      }
      return;
    }
    if (attacks_[mine].after_connack) put(fd, good_connack);
    put(fd, attacks_[mine].bytes);
    shutdown(fd, SHUT_WR);  // the client reads all of it and then the end
    while (!done_ && read_some(fd, 1'000)) {
    }
    ++played_;
  }

  std::vector<Attack> attacks_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> played_{0};
  std::atomic<bool> done_{false};
  int listener_ = -1;
  std::string endpoint_;
  std::thread acceptor_;
  std::vector<std::thread> connections_;
};

}  // namespace

// Many links, because Paho's one thread looks at a new connection only once a second, but then at all of them.
BOOST_AUTO_TEST_CASE(clients_survive_every_attack_and_then_find_the_good_broker) {
  const std::vector<Attack> all = attacks();
  HostileBroker broker(all);
  io::Loop loop;
  std::size_t largest = 0;
  std::vector<std::unique_ptr<io::MqttLink>> links;
  io::MqttOptions options;
  options.endpoint = broker.endpoint();
  options.backoff_min = Duration::millis(1);
  options.backoff_max = Duration::millis(2);
  for (int i = 0; i < 32; ++i) {
    options.client_id = "steadfast-" + std::to_string(i);
    auto link = io::MqttLink::start(loop, options,
                                    {[] {}, [](const std::string&) {},
                                     [&](io::MqttMessage&& message) {
                                       largest = std::max(largest, message.payload.size());
                                     },
                                     {}});
    BOOST_REQUIRE(link.has_value());
    links.push_back(std::move(*link));
  }
  while (broker.played() < all.size()) {
    const std::size_t before = broker.played();
    BOOST_REQUIRE_MESSAGE(tests::run_until(loop, [&] { return broker.played() > before; }, Duration::seconds(60)),
                          "stuck after " << before << " of " << all.size() << " attacks");
  }
  const auto all_connected = [&] {
    return std::all_of(links.begin(), links.end(), [](const auto& link) { return link->connected(); });
  };
  BOOST_TEST(tests::run_until(loop, all_connected, Duration::seconds(60)));
  BOOST_TEST(largest <= options.message_bytes);
  BOOST_TEST_MESSAGE(all.size() << " attacks");
}
