// HttpServer and HttpClient against each other and against hostile bytes.
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/http_client.hpp"
#include "common/io/http_server.hpp"
#include "common/io/inbox.hpp"
#include "tests/support/network.hpp"

using namespace proxima;

namespace {

/// A server on a loop of its own thread, so that the test may block in clients.
class Serving {
 public:
  using Routes = std::function<void(io::HttpServer&)>;

  explicit Serving(const Routes& routes, const io::HttpOptions& options = {}) {
    std::promise<void> ready;
    thread_ = std::thread([&, routes, options] {
      io::Loop loop;
      auto server = io::HttpServer::listen(loop, *io::Address::parse("127.0.0.1:0"), options);
      if (server) {
        io::Inbox<std::function<void()>> inbox(loop, 1'000, [](std::function<void()>&& call) { call(); });
        sender_ = std::make_unique<io::Inbox<std::function<void()>>::Sender>(inbox.sender());
        loop_ = &loop;
        server_ = server->get();
        address_ = server_->local();
        routes(*server_);
        ready.set_value();
        loop.run();
        server->reset();
        owned_.clear();
      }
    });
    ready.get_future().wait();
  }
  ~Serving() {
    post([this] { loop_->stop(); });
    thread_.join();
  }
  void post(std::function<void()> call) { sender_->push(std::move(call), io::WhenFull::report); }
  /// Runs `call` on the loop and brings its result back.
  template <class Call>
  auto ask(Call call) {
    std::promise<decltype(call(*server_))> answer;
    post([&] { answer.set_value(call(*server_)); });
    return answer.get_future().get();
  }
  [[nodiscard]] std::string endpoint() const { return address_.text(); }
  [[nodiscard]] const io::Address& address() const { return address_; }
  /// Kept until the loop ends: for responders and streams, which belong to its thread.
  std::deque<std::shared_ptr<void>> owned_;

 private:
  std::thread thread_;
  io::Loop* loop_ = nullptr;
  io::HttpServer* server_ = nullptr;
  std::unique_ptr<io::Inbox<std::function<void()>>::Sender> sender_;
  io::Address address_;
};

/// A plain socket, for what no client would send.
class Raw {
 public:
  explicit Raw(const io::Address& address) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    BOOST_REQUIRE(connect(fd_, &address.raw(), address.raw_size()) == 0);
  }
  ~Raw() { close(fd_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  void send(const std::string& bytes) const { static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL)); }
  void end() const { shutdown(fd_, SHUT_WR); }
  /// All until the server closes (empty after a reset).
  [[nodiscard]] std::string read_all() const { return read_until(""); }
  /// All until `mark` has come or the server closes.
  [[nodiscard]] std::string read_until(const std::string& mark) const {
    std::string out;
    std::string piece(65536, '\0');
    while (mark.empty() || out.find(mark) == std::string::npos) {
      pollfd readable{fd_, POLLIN, 0};
      if (poll(&readable, 1, 30'000) <= 0) break;
      const ssize_t got = recv(fd_, piece.data(), piece.size(), 0);
      if (got <= 0) break;
      out.append(piece.data(), static_cast<std::size_t>(got));
    }
    return out;
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

void echo_routes(io::HttpServer& server) {
  server.route("GET", "/hello", [](const io::HttpRequest&, io::Responder responder) {
    responder.send({200, "text/plain", "hello", {}});
  });
  server.route("POST", "/echo", [](const io::HttpRequest& request, io::Responder responder) {
    responder.send({200, "application/octet-stream", request.body, {}});
  });
  server.route("GET", "/things/{name}/part/{number}", [](const io::HttpRequest& request, io::Responder responder) {
    std::string body = request.captures[0] + "|" + request.captures[1];
    for (const auto& [name, value] : request.query) body += "|" + name + "=" + value;
    responder.send({200, "text/plain", body, {}});
  });
  server.route("GET", "/forgotten", [](const io::HttpRequest&, const io::Responder&) {});
}

std::string head(const std::string& first_line) { return first_line + "\r\nHost: 127.0.0.1\r\n"; }

}  // namespace

BOOST_AUTO_TEST_CASE(requests_are_answered_over_one_kept_connection) {
  Serving serving(echo_routes);
  io::HttpClient client(serving.endpoint());
  for (int i = 0; i < 20; ++i) {
    const auto answer = client.get("/hello");
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status == 200);
    BOOST_TEST(answer->body == "hello");
    BOOST_TEST(answer->content_type == "text/plain");
  }
  BOOST_TEST(serving.ask([](io::HttpServer& server) { return server.connections(); }) == 1U);
}

BOOST_AUTO_TEST_CASE(paths_and_queries_are_decoded_and_captured) {
  Serving serving(echo_routes);
  io::HttpClient client(serving.endpoint());
  const auto answer = client.get("/things/a%20b/part/7?x=1%262&y=a+b&z");
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->body == "a b|7|x=1&2|y=a b|z=");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_said_with_what_why_and_hint) {
  Serving serving(echo_routes);
  io::HttpClient client(serving.endpoint());
  const auto missing = client.get("/nothing");
  BOOST_REQUIRE(missing.has_value());
  BOOST_TEST(missing->status == 404);
  BOOST_TEST(missing->body.find(R"("what":"cannot GET /nothing")") != std::string::npos);
  const auto wrong = client.remove("/hello");
  BOOST_REQUIRE(wrong.has_value());
  BOOST_TEST(wrong->status == 405);
}

BOOST_AUTO_TEST_CASE(a_body_of_sixteen_mebibytes_goes_both_ways_and_one_byte_more_is_refused) {
  Serving serving(echo_routes);
  io::HttpClient client(serving.endpoint());
  const std::string largest(16U << 20U, 'x');
  const auto echoed = client.post("/echo", largest, "application/octet-stream");
  BOOST_REQUIRE(echoed.has_value());
  BOOST_TEST(echoed->status == 200);
  BOOST_TEST((echoed->body == largest));
  const auto refused = client.post("/echo", largest + "x", "application/octet-stream");
  BOOST_REQUIRE(refused.has_value());
  BOOST_TEST(refused->status == 413);
  BOOST_TEST(client.get("/hello")->status == 200);
}

BOOST_AUTO_TEST_CASE(a_handler_that_drops_its_request_gives_a_500) {
  Serving serving(echo_routes);
  io::HttpClient client(serving.endpoint());
  const auto answer = client.get("/forgotten");
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->status == 500);
}

BOOST_AUTO_TEST_CASE(long_polls_wait_without_holding_up_others) {
  std::vector<io::Responder> waiting;
  Serving serving([&](io::HttpServer& server) {
    echo_routes(server);
    server.route("GET", "/poll", [&](const io::HttpRequest&, io::Responder responder) {
      waiting.push_back(std::move(responder));
    });
  });
  std::vector<std::future<std::string>> polls;
  for (int i = 0; i < 32; ++i) {
    polls.push_back(std::async(std::launch::async, [&] {
      io::HttpClient client(serving.endpoint());
      const auto answer = client.get("/poll");
      return answer ? answer->body : answer.error().text();
    }));
  }
  BOOST_REQUIRE(tests::eventually([&] {
    return serving.ask([&](io::HttpServer&) { return waiting.size(); }) == 32U;
  }));
  io::HttpClient other(serving.endpoint());
  BOOST_TEST(other.get("/hello")->body == "hello");
  serving.post([&] {
    for (io::Responder& responder : waiting) responder.send({200, "text/plain", "now", {}});
    waiting.clear();
  });
  for (auto& poll : polls) BOOST_TEST(poll.get() == "now");
}

BOOST_AUTO_TEST_CASE(a_long_poll_whose_client_has_gone_is_known_to_wait_no_more) {
  std::vector<io::Responder> waiting;
  Serving serving([&](io::HttpServer& server) {
    server.route("GET", "/poll", [&](const io::HttpRequest&, io::Responder responder) {
      waiting.push_back(std::move(responder));
    });
  });
  auto raw = std::make_unique<Raw>(serving.address());
  raw->send(head("GET /poll HTTP/1.1") + "\r\n");
  BOOST_REQUIRE(tests::eventually([&] { return serving.ask([&](io::HttpServer&) { return waiting.size(); }) == 1U; }));
  BOOST_TEST(serving.ask([&](io::HttpServer&) { return waiting[0].waiting(); }));
  raw.reset();
  BOOST_TEST(tests::eventually([&] { return !serving.ask([&](io::HttpServer&) { return waiting[0].waiting(); }); }));
  serving.ask([&](io::HttpServer&) {
    waiting.clear();
    return 0;
  });
}

BOOST_AUTO_TEST_CASE(events_reach_every_subscriber_in_order) {
  std::vector<io::EventStream> streams;
  Serving serving([&](io::HttpServer& server) {
    server.route("GET", "/events", [&](const io::HttpRequest&, io::Responder responder) {
      streams.push_back(responder.stream());
    });
  });
  constexpr int count = 500;
  std::vector<std::future<bool>> subscribers;
  for (int i = 0; i < 16; ++i) {
    subscribers.push_back(std::async(std::launch::async, [&] {
      io::HttpClient client(serving.endpoint());
      int next = 0;
      bool ordered = true;
      const auto ended = client.events("/events", [&](const io::HttpEvent& event) {
        ordered = ordered && event.event == "tick" && event.data == "line " + std::to_string(next) + "\nsecond";
        return ++next < count;
      });
      return ended.has_value() && ordered && next == count;
    }));
  }
  BOOST_REQUIRE(tests::eventually([&] { return serving.ask([&](io::HttpServer&) { return streams.size(); }) == 16U; }));
  serving.post([&] {
    for (int i = 0; i < count; ++i) {
      for (io::EventStream& stream : streams) stream.send("tick", "line " + std::to_string(i) + "\nsecond");
    }
  });
  for (auto& subscriber : subscribers) BOOST_TEST(subscriber.get());
}

BOOST_AUTO_TEST_CASE(a_subscriber_that_reads_nothing_is_cut_and_counted) {
  std::vector<io::EventStream> streams;
  Serving serving([&](io::HttpServer& server) {
    server.route("GET", "/events", [&](const io::HttpRequest&, io::Responder responder) {
      streams.push_back(responder.stream());
    });
  });
  Raw raw(serving.address());
  raw.send(head("GET /events HTTP/1.1") + "\r\n");
  BOOST_REQUIRE(tests::eventually([&] { return serving.ask([&](io::HttpServer&) { return streams.size(); }) == 1U; }));
  const bool cut = serving.ask([&](io::HttpServer&) {
    for (int i = 0; i < 10'000; ++i) {
      if (!streams[0].send("", std::string(10'000, 'x'))) return true;
    }
    return false;
  });
  BOOST_TEST(cut);
  BOOST_TEST(serving.ask([&](io::HttpServer& server) { return server.slow_subscribers(); }) == 1U);
  BOOST_TEST(!serving.ask([&](io::HttpServer&) { return streams[0].open(); }));
}

BOOST_AUTO_TEST_CASE(a_stream_of_events_can_be_cancelled_from_another_thread) {
  std::vector<io::EventStream> streams;
  Serving serving([&](io::HttpServer& server) {
    server.route("GET", "/events", [&](const io::HttpRequest&, io::Responder responder) {
      streams.push_back(responder.stream());
      streams.back().send("first", "1");
    });
  });
  io::HttpClient client(serving.endpoint());
  std::atomic<bool> first{false};
  auto reading = std::async(std::launch::async, [&] {
    return client.events("/events", [&](const io::HttpEvent&) {
      first = true;
      return true;
    }).has_value();
  });
  BOOST_REQUIRE(tests::eventually([&] { return first.load(); }));
  client.cancel();
  BOOST_TEST(reading.get());
  BOOST_TEST(!client.get("/hello").has_value());
}

BOOST_AUTO_TEST_CASE(an_event_stream_that_the_server_ends_is_a_failure_for_the_reader) {
  Serving serving([](io::HttpServer& server) {
    server.route("GET", "/events", [](const io::HttpRequest&, io::Responder responder) {
      io::EventStream stream = responder.stream();
      stream.send("", "last");
      stream.close();
    });
  });
  io::HttpClient client(serving.endpoint());
  std::string seen;
  const auto ended = client.events("/events", [&](const io::HttpEvent& event) {
    seen = event.data;
    return true;
  });
  BOOST_TEST(seen == "last");
  BOOST_REQUIRE(!ended.has_value());
  BOOST_TEST(ended.error().why == "the stream ended");
}

BOOST_AUTO_TEST_CASE(a_hundred_slow_connections_do_not_stop_another) {
  Serving serving(echo_routes);
  std::vector<std::unique_ptr<Raw>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<Raw>(serving.address()));
    slow.back()->send(i % 2 == 0 ? "GET /hel" : head("POST /echo HTTP/1.1") + "Content-Length: 1000\r\n\r\nfew");
  }
  io::HttpClient client(serving.endpoint());
  BOOST_TEST(client.get("/hello")->body == "hello");
  BOOST_TEST(serving.ask([](io::HttpServer& server) { return server.connections(); }) == 101U);
}

BOOST_AUTO_TEST_CASE(bytes_that_drip_in_do_not_buy_time) {
  io::HttpOptions options;
  options.request_time = Duration::millis(200);
  Serving serving(echo_routes, options);
  Raw raw(serving.address());
  std::atomic<bool> cut{false};
  std::thread dripping([&] {
    while (!cut) {
      raw.send("x");
      poll(nullptr, 0, 20);
    }
  });
  raw.send("GET /");
  BOOST_TEST(raw.read_all() == "");
  cut = true;
  dripping.join();
  BOOST_TEST(serving.ask([](io::HttpServer& server) { return server.cut_connections(); }) == 1U);
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_closed_at_once) {
  io::HttpOptions options;
  options.connections = 2;
  Serving serving(echo_routes, options);
  Raw first(serving.address());
  Raw second(serving.address());
  first.send(head("GET /hello HTTP/1.1") + "\r\n");
  BOOST_TEST(first.read_until("hello").find("200 OK") != std::string::npos);
  second.send(head("GET /hello HTTP/1.1") + "\r\n");
  BOOST_TEST(second.read_until("hello").find("200 OK") != std::string::npos);
  Raw third(serving.address());
  BOOST_TEST(third.read_all() == "");
  BOOST_TEST(serving.ask([](io::HttpServer& server) { return server.cut_connections(); }) == 1U);
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_order) {
  Serving serving(echo_routes);
  Raw raw(serving.address());
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += head("GET /things/t/part/" + std::to_string(i) + " HTTP/1.1") + "\r\n";
  raw.send(requests + head("GET /hello HTTP/1.1") + "Connection: close\r\n\r\n");
  const std::string answers = raw.read_all();
  std::size_t place = 0;
  for (int i = 0; i < 50; ++i) {
    place = answers.find("t|" + std::to_string(i), place);
    BOOST_REQUIRE(place != std::string::npos);
  }
  BOOST_TEST(answers.ends_with("hello"));
}

BOOST_AUTO_TEST_CASE(a_client_that_closes_its_side_early_still_gets_the_answer) {
  Serving serving([](io::HttpServer& server) {
    server.route("GET", "/large", [](const io::HttpRequest&, io::Responder responder) {
      responder.send({200, "text/plain", std::string(8U << 20U, 'x'), {}});
    });
  });
  Raw raw(serving.address());
  raw.send(head("GET /large HTTP/1.1") + "\r\n");
  raw.end();
  BOOST_TEST(raw.read_all().size() > (8U << 20U));
}

struct Bad {
  const char* name;
  std::string request;
  const char* answer;
};

const std::vector<Bad> bad_requests = {
    {"no http at all", "\x16\x03\x01\x02 nonsense\r\n\r\n", "400"},
    {"an empty line", "\r\n\r\n", "400"},
    {"lower-case method", head("get /hello HTTP/1.1") + "\r\n", "400"},
    {"a full address as target", head("GET http://x/hello HTTP/1.1") + "\r\n", "400"},
    {"version 2", head("GET /hello HTTP/2.0") + "\r\n", "505"},
    {"no host", "GET /hello HTTP/1.1\r\n\r\n", "400"},
    {"two hosts", head("GET /hello HTTP/1.1") + "Host: 127.0.0.1\r\n\r\n", "400"},
    {"a header without a colon", head("GET /hello HTTP/1.1") + "Nonsense\r\n\r\n", "400"},
    {"a folded header", head("GET /hello HTTP/1.1") + "A: b\r\n c\r\n\r\n", "400"},
    {"a space before the colon", head("GET /hello HTTP/1.1") + "Content-Length : 3\r\n\r\n", "400"},
    {"a control character in a header", head("GET /hello HTTP/1.1") + "A: b\x01\r\n\r\n", "400"},
    {"a negative length", head("POST /echo HTTP/1.1") + "Content-Length: -1\r\n\r\n", "400"},
    {"a length with a plus", head("POST /echo HTTP/1.1") + "Content-Length: +1\r\n\r\nx", "400"},
    {"two lengths", head("POST /echo HTTP/1.1") + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "400"},
    {"a length beyond 64 bits", head("POST /echo HTTP/1.1") + "Content-Length: 99999999999999999999\r\n\r\n", "413"},
    {"a chunked body", head("POST /echo HTTP/1.1") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "411"},
    {"an odd expectation", head("POST /echo HTTP/1.1") + "Expect: a miracle\r\n\r\n", "417"},
    {"a broken escape", head("GET /hel%2 HTTP/1.1") + "\r\n", "400"},
    {"an escaped zero", head("GET /hel%00 HTTP/1.1") + "\r\n", "400"},
    {"a header that never ends", head("GET /hello HTTP/1.1") + "A: " + std::string(20'000, 'x'), "431"},
    {"a name for a host", "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"},
    {"a page of another site", head("GET /hello HTTP/1.1") + "Origin: http://evil.example\r\n\r\n", "403"},
};

BOOST_AUTO_TEST_CASE(broken_and_foreign_requests_get_their_status_and_disturb_nobody) {
  Serving serving(echo_routes);
  for (const Bad& bad : bad_requests) {
    BOOST_TEST_CONTEXT(bad.name) {
      Raw raw(serving.address());
      raw.send(bad.request);
      const std::string answer = raw.read_until("\"hint\"");
      BOOST_TEST(answer.starts_with(std::string("HTTP/1.1 ") + bad.answer));
    }
  }
  std::string headers;
  for (int i = 0; i < 70; ++i) headers += "H" + std::to_string(i) + ": x\r\n";
  Raw many(serving.address());
  many.send(head("GET /hello HTTP/1.1") + headers + "\r\n");
  BOOST_TEST(many.read_until("\"hint\"").starts_with("HTTP/1.1 431"));
  io::HttpClient client(serving.endpoint());
  BOOST_TEST(client.get("/hello")->body == "hello");
}

BOOST_AUTO_TEST_CASE(a_request_that_comes_byte_by_byte_is_understood) {
  Serving serving(echo_routes);
  Raw raw(serving.address());
  for (const char c : head("POST /echo HTTP/1.1") + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n") raw.send({c});
  BOOST_TEST(raw.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  for (const char c : {'a', 'b', 'c'}) raw.send({c});
  BOOST_TEST(raw.read_until("abc").ends_with("abc"));
}

BOOST_AUTO_TEST_CASE(a_client_without_a_server_fails_in_words) {
  io::HttpClient client("127.0.0.1:" + std::to_string(tests::free_port()));
  const auto answer = client.get("/hello");
  BOOST_REQUIRE(!answer.has_value());
  BOOST_TEST(answer.error().text().find("Connection refused") != std::string::npos);
  BOOST_TEST(!client.get("/a b").has_value(), "a path that would break the request line");
}
