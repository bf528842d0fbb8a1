// The command line and the control socket of the real proxima-netlab, with everything that is not meant for them.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "sdk/netlab/io/control_client.hpp"
#include "sdk/netlab/io/fd.hpp"
#include "sdk/netlab/served_lab.hpp"

namespace {

using namespace proxima::netlab;

constexpr const char* lab_text = "[[node]]\nname = \"one\"\nrtt_ms = 1\n[[node]]\nname = \"two\"\nrtt_ms = 2\n";

struct Served {
  Served() {
    auto started = ServedLab::start(NETLAB_PROGRAM, lab_text);
    BOOST_TEST_REQUIRE(started.has_value());
    lab = std::make_unique<ServedLab>(std::move(*started));
  }
  std::unique_ptr<ServedLab> lab;
};

bool contains(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

struct LineRow {
  const char* name;
  std::string line;
  const char* code;
  const char* words;
};

const LineRow bad_lines[] = {
    {"nothing", "", "usage", "not JSON"},
    {"not JSON", "set idle-rig rtt_ms=80", "usage", "not JSON"},
    {"half of an object", "{\"verb\": \"set\"", "usage", "not JSON"},
    {"bytes that are no text", std::string("\x00\xff\xfe\x01", 4), "usage", "not JSON"},
    {"a list", "[1, 2]", "usage", "not a JSON object"},
    {"deep nesting", std::string(8'000, '['), "usage", "not JSON"},
    {"longer than a line may be", std::string(100'000, 'x'), "usage", "longer than 16 KiB"},
    {"no verb", "{}", "usage", "'verb' is missing"},
    {"verb is a number", "{\"verb\": 1}", "usage", "'verb' is missing or not a string"},
    {"unknown verb", "{\"verb\": \"explode\"}", "usage", "unknown verb 'explode'"},
    {"unknown key", "{\"verb\": \"status\", \"colour\": 1}", "usage", "unknown key 'colour'"},
    {"heal without a node", "{\"verb\": \"heal\"}", "usage", "'node' is missing"},
    {"node is no name", "{\"verb\": \"heal\", \"node\": \"../etc\"}", "usage", "not a name"},
    {"unknown node", "{\"verb\": \"heal\", \"node\": \"three\"}", "failed", "the lab has one, two"},
    {"cut with a number", "{\"verb\": \"cut\", \"node\": \"one\", \"control\": 1}", "usage", "not true or false"},
    {"set nothing", "{\"verb\": \"set\", \"node\": \"one\", \"changes\": {}}", "usage", "missing or empty"},
    {"set a string", "{\"verb\": \"set\", \"node\": \"one\", \"changes\": {\"rtt_ms\": \"8\"}}", "usage", "not a number"},
    {"set out of range", "{\"verb\": \"set\", \"node\": \"one\", \"changes\": {\"rtt_ms\": 2001}}", "usage", "use 0 to 2000"},
    {"set something else", "{\"verb\": \"set\", \"node\": \"one\", \"changes\": {\"speed\": 1}}", "usage", "unknown key 'speed'"},
    {"backend without echo", "{\"verb\": \"backend\", \"node\": \"one\", \"frames\": \"127.0.0.1:1\"}", "usage", "'echo' is missing"},
    {"backend elsewhere", "{\"verb\": \"backend\", \"node\": \"one\", \"frames\": \"10.0.0.1:1\", \"echo\": \"127.0.0.1:1\"}", "usage",
     "stays on this machine"},
    {"port 0", "{\"verb\": \"target\", \"api\": \"127.0.0.1:0\"}", "usage", "1 to 65535"},
    {"no port", "{\"verb\": \"target\", \"api\": \"127.0.0.1\"}", "usage", "no port"},
    {"no target at all", "{\"verb\": \"target\"}", "usage", "neither"},
};

struct CommandRow {
  const char* name;
  std::vector<std::string> words;
  int status;
  const char* output;
};

const CommandRow commands[] = {
    {"no verb", {}, 2, "subcommand"},
    {"unknown verb", {"explode"}, 2, ""},
    {"no such option", {"status", "--colour"}, 2, "--colour"},
    {"set without a change", {"set", "one"}, 2, "changes"},
    {"set without =", {"set", "one", "rtt_ms"}, 2, "it has no '='"},
    {"set a word", {"set", "one", "rtt_ms=far"}, 2, "not a number"},
    {"set nan", {"set", "one", "rtt_ms=nan"}, 2, "out of range"},
    {"set out of range", {"set", "one", "rate_mbit=0"}, 2, "use 0.1 to 10000"},
    {"set unknown", {"set", "one", "ram=1"}, 2, "unknown key 'ram'"},
    {"unknown node", {"cut", "three"}, 1, "the lab has one, two"},
    {"node is no name", {"cut", "Kitchen Router"}, 2, "not a name"},
    {"backend elsewhere", {"backend", "one", "--frames", "8.8.8.8:53", "--echo", "127.0.0.1:1"}, 2, "stays on this machine"},
    {"target without one", {"target"}, 2, "neither"},
    {"status", {"status"}, 0, "nowhere yet"},
    {"status as JSON", {"status", "--json"}, 0, "\"ok\":true"},
    {"an error as JSON", {"heal", "three", "--json"}, 1, "\"code\":\"failed\""},
    {"set", {"set", "one", "rtt_ms=80", "rate_mbit=20"}, 0, "80.0 ms"},
    {"cut", {"cut", "one"}, 0, ", CUT"},
    {"cut control", {"cut", "one", "--control"}, 0, "control CUT"},
    {"heal", {"heal", "one"}, 0, "one"},
    {"help", {"--help"}, 0, "Examples:"},
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(control, Served)

BOOST_AUTO_TEST_CASE(every_bad_line_is_answered_and_changes_nothing) {
  const auto before = ask(lab->socket(), AskStatus{});
  BOOST_TEST_REQUIRE(before.has_value());
  for (const LineRow& row : bad_lines) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto line = ask_line(lab->socket(), row.line);
      BOOST_TEST_REQUIRE(line.has_value());
      const auto answer = nlohmann::json::parse(*line, nullptr, false);
      BOOST_TEST_REQUIRE(answer.is_object());
      BOOST_TEST(!answer["ok"].get<bool>());
      BOOST_TEST(answer["error"]["code"] == row.code);
      BOOST_TEST_INFO(*line);
      BOOST_TEST(contains(*line, row.words));
    }
  }
  const auto after = ask(lab->socket(), AskStatus{});
  BOOST_TEST_REQUIRE(after.has_value());
  BOOST_CHECK(*before == *after);
}

BOOST_AUTO_TEST_CASE(several_lines_at_once_get_as_many_answers) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  lab->socket().copy(address.sun_path, sizeof address.sun_path - 1);
  BOOST_TEST_REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const std::string lines = "{\"verb\":\"status\"}\nrubbish\n{\"verb\":\"status\"}\n{\"verb\":";
  BOOST_TEST_REQUIRE(::send(socket.get(), lines.data(), lines.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(lines.size()));
  ::shutdown(socket.get(), SHUT_WR);
  std::string answers;
  std::string block(4096, '\0');
  for (ssize_t got = 0; (got = ::recv(socket.get(), block.data(), block.size(), 0)) > 0;) {
    answers.append(block.data(), static_cast<std::size_t>(got));
  }
  BOOST_TEST(std::count(answers.begin(), answers.end(), '\n') == 3);
  BOOST_TEST(contains(answers, "not JSON"));
}

BOOST_AUTO_TEST_CASE(commands_answer_and_exit_as_documented) {
  for (const CommandRow& row : commands) {
    BOOST_TEST_CONTEXT(row.name) {
      std::vector<std::string> words{NETLAB_PROGRAM};
      words.insert(words.end(), row.words.begin(), row.words.end());
      if (row.words.size() > 0 && row.words[0] != "--help" && row.words[0] != "explode") {
        words.insert(words.end(), {"--socket", lab->socket()});
      }
      const Finished done = run_program(words);
      BOOST_TEST_INFO(done.output);
      BOOST_TEST(done.status == row.status);
      BOOST_TEST_INFO(done.output);
      BOOST_TEST(contains(done.output, row.output));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_socket_is_found_in_the_run_directory_and_is_its_owners_alone) {
  struct stat found {};
  BOOST_TEST_REQUIRE(::stat(lab->socket().c_str(), &found) == 0);
  BOOST_TEST((found.st_mode & 0777U) == 0600U);
  const auto directory = std::filesystem::path(lab->socket()).parent_path();
  std::filesystem::create_symlink(lab->socket(), directory / "netlab.sock");
  ::setenv("PROXIMA_DIR", directory.c_str(), 1);
  const Finished done = run_program({NETLAB_PROGRAM, "status", "--json"});
  ::unsetenv("PROXIMA_DIR");
  BOOST_TEST(done.status == 0);
}

BOOST_AUTO_TEST_CASE(a_second_lab_at_one_socket_is_refused_and_the_first_goes_on) {
  const Finished second = run_program({NETLAB_PROGRAM, "serve", "--lab", lab->lab_file(), "--socket", lab->socket()});
  BOOST_TEST(second.status == 1);
  BOOST_TEST(contains(second.output, "another proxima-netlab serves there"));
  BOOST_TEST(ask(lab->socket(), AskStatus{}).has_value());
}

BOOST_AUTO_TEST_CASE(a_socket_that_a_dead_lab_left_is_taken_over) {
  BOOST_TEST_REQUIRE(lab->kill_and_restart().has_value());
  BOOST_TEST(ask(lab->socket(), AskStatus{}).has_value());
}

BOOST_AUTO_TEST_CASE(it_stops_when_asked_and_takes_its_socket_along) {
  BOOST_TEST(lab->stop() == 0);
  BOOST_TEST(!std::filesystem::exists(lab->socket()));
  const Finished late = run_program({NETLAB_PROGRAM, "status", "--socket", lab->socket()});
  BOOST_TEST(late.status == 3);
  BOOST_TEST(contains(late.output, "proxima-netlab serve"));
}

BOOST_AUTO_TEST_CASE(serve_refuses_what_it_cannot_serve) {
  const std::string directory = std::filesystem::path(lab->socket()).parent_path();
  const std::string bad_lab = directory + "/bad.toml";
  std::ofstream(bad_lab) << "[[node]]\nname = \"a\"\nrtt_ms = 1\nram = 2\n";
  const std::string taken = directory + "/taken";
  std::ofstream(taken) << "not a socket";
  const auto serve = [&](const std::string& file, const std::string& socket, std::vector<std::string> more = {}) {
    std::vector<std::string> words{NETLAB_PROGRAM, "serve", "--lab", file, "--socket", socket};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words);
  };
  Finished done = serve(bad_lab, directory + "/s");
  BOOST_TEST(done.status == 2);
  BOOST_TEST(contains(done.output, bad_lab + ":4:1: unknown key 'ram'"));
  done = serve(directory + "/none.toml", directory + "/s");
  BOOST_TEST(done.status == 2);
  BOOST_TEST(contains(done.output, "no such file"));
  done = serve(lab->lab_file(), taken);
  BOOST_TEST(done.status == 1);
  BOOST_TEST(contains(done.output, "something else is there"));
  done = serve(lab->lab_file(), directory + "/no/such/place");
  BOOST_TEST(done.status == 1);
  done = serve(lab->lab_file(), directory + "/" + std::string(120, 'x'));
  BOOST_TEST(done.status == 1);
  BOOST_TEST(contains(done.output, "107 bytes"));
  done = serve(lab->lab_file(), directory + "/s", {"--api", "example.org:80"});
  BOOST_TEST(done.status == 2);
  BOOST_TEST(contains(done.output, "example.org:80"));
}

BOOST_AUTO_TEST_SUITE_END()
