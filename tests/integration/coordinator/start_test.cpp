// The program's start and end: arguments, the data directory, signals, crashes.
#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "common/io/digest.hpp"
#include "tests/integration/coordinator/rig.hpp"

namespace proxima::tests {
namespace {

using Argv = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(start)

BOOST_AUTO_TEST_CASE(wrong_arguments_are_explained_and_end_with_2) {
  const TempDir dir;
  const Argv good = {PROXIMA_COORDINATOR, "--insecure-loopback", "--region", "home", "--data", dir.file("data"),
                     "--broker", "127.0.0.1:1883"};
  const auto with = [&good](const std::string& option, const std::string& value) {
    Argv argv = good;
    for (std::size_t i = 0; i + 1 < argv.size(); ++i) {
      if (argv[i] != option) continue;
      argv[i + 1] = value;
      return argv;
    }
    argv.push_back(option);
    argv.push_back(value);
    return argv;
  };
  Argv without_flag = good;
  without_flag.erase(without_flag.begin() + 1);
  struct Row {
    Argv argv;
    const char* says;
  };
  const Row rows[] = {
      {without_flag, "--insecure-loopback"},
      {{PROXIMA_COORDINATOR}, "--region"},
      {with("--region", "Not A Name"), "--region"},
      {with("--broker", "0.0.0.0:1883"), "127.0.0.1 only"},
      {with("--broker", "nowhere"), "--broker"},
      {with("--listen", "192.168.1.1:80"), "127.0.0.1 only"},
      {with("--listen", "127.0.0.1"), "--listen"},
      {with("--log-level", "loud"), "--log-level"},
      {with("--seed", "x"), "seed"},
      {with("--unknown", "x"), "--unknown"},
  };
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.says) {
      const Finished finished = run(row.argv);
      BOOST_TEST(finished.status == 2);
      BOOST_TEST(finished.output.find(row.says) != std::string::npos, finished.output);
    }
  }
  BOOST_TEST(!std::filesystem::exists(dir.file("data")));
}

BOOST_AUTO_TEST_CASE(help_begins_with_examples_and_the_version_is_told) {
  const Finished help = run({PROXIMA_COORDINATOR, "--help"});
  BOOST_TEST(help.status == 0);
  BOOST_TEST(help.output.starts_with("Examples:"));
  const Finished version = run({PROXIMA_COORDINATOR, "--version"});
  BOOST_TEST(version.status == 0);
  BOOST_TEST(version.output.starts_with("proxima-coordinator "));
}

BOOST_AUTO_TEST_CASE(a_second_coordinator_on_one_directory_is_refused) {
  Region region;
  const Finished second = run(region.argv());
  BOOST_TEST(second.status == 1);
  BOOST_TEST(second.output.find("another coordinator is running on it") != std::string::npos, second.output);
  BOOST_TEST(region.get("/v1/region").status == 200);
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_named) {
  Region region;
  const TempDir other;
  Argv argv = region.argv();
  argv.at(5) = other.file("data");
  argv.insert(argv.end(), {"--listen", "127.0.0.1:" + std::to_string(region.port())});
  const Finished second = run(argv);
  BOOST_TEST(second.status == 1);
  BOOST_TEST(second.output.find("127.0.0.1:" + std::to_string(region.port())) != std::string::npos, second.output);
}

BOOST_AUTO_TEST_CASE(a_signal_ends_it_cleanly_whoever_waits) {
  for (const int number : {SIGTERM, SIGINT}) {
    Region region;
    BOOST_REQUIRE(region.wait_for_broker());
    Connection stream(region.port());
    stream.send({"GET", "/v1/events", "", {}});
    BOOST_REQUIRE(stream.answer().status == 200);
    Connection builder(region.port());
    builder.send({"GET", "/v1/builds/next?wait_s=30", "", {}});
    BOOST_TEST(region.get("/v1/region").status == 200);
    region.program().signal(number);
    BOOST_TEST(region.program().wait().value_or(-1) == 0);
    BOOST_TEST(!stream.event().has_value());
    region.start();
    BOOST_TEST(region.get("/v1/region").status == 200);
  }
}

BOOST_AUTO_TEST_CASE(it_serves_without_a_broker_and_says_so) {
  const TempDir dir;
  Process program({PROXIMA_COORDINATOR, "--insecure-loopback", "--region", "home", "--data", dir.file("data"), "--broker",
                   "127.0.0.1:" + std::to_string(free_port())});
  BOOST_REQUIRE(program.wait_for_output("\"ready\":true"));
  program.signal(SIGTERM);
  BOOST_TEST(program.wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_crash_during_uploads_leaves_only_whole_blobs) {
  Region region;
  std::map<std::string, std::string> acknowledged;
  std::vector<std::string> attempted;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 6; ++i) {
      const std::string bytes(200'000, static_cast<char>('a' + round * 6 + i));
      acknowledged[region.put_blob(bytes)] = bytes;
    }
    std::vector<Connection> uploads;  // under way at the moment of the crash, at different points
    for (std::size_t i = 0; i < 6; ++i) {
      const std::string bytes(1'000'000, static_cast<char>('A' + round * 6 + static_cast<int>(i)));
      const std::string digest = to_text(io::sha256({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
      attempted.push_back(digest);
      uploads.emplace_back(region.port());
      const std::string head = "PUT /v1/blobs/" + digest + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n";
      uploads.back().send_raw(head + bytes.substr(0, 200'000 * i));
    }
    region.program().signal(SIGKILL);
    BOOST_REQUIRE(region.program().wait().has_value());
    region.start();
    for (const auto& [digest, bytes] : acknowledged) BOOST_TEST((region.get("/v1/blobs/" + digest).body == bytes));
    for (const std::string& digest : attempted) {
      const Answer answer = region.get("/v1/blobs/" + digest);
      BOOST_TEST((answer.status == 404 || answer.body.size() == 1'000'000U));
    }
    for (const auto& entry : std::filesystem::directory_iterator(region.data().file("data/blobs"))) {
      BOOST_TEST(digest_from(entry.path().filename().string()).has_value(), entry.path().string());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::tests
