// Files, digests, log lines, addresses, UDP.
#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/address.hpp"
#include "common/io/digest.hpp"
#include "common/io/file.hpp"
#include "common/io/log.hpp"
#include "common/io/udp_socket.hpp"
#include "tests/support/run_loop.hpp"
#include "tests/support/temp_dir.hpp"

using namespace proxima;

namespace {

io::View view(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

mode_t mode_of(const std::string& path) {
  struct stat info {};
  BOOST_REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

int entries(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  BOOST_REQUIRE(folder != nullptr);
  int count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count - 2;  // . and ..
}

/// What a log with these options writes for one message.
std::string logged(bool json, std::string_view area, std::string_view message) {
  int ends[2] = {};
  BOOST_REQUIRE(pipe(ends) == 0);
  const io::Log log({io::LogLevel::info, json, ends[1]});
  log.debug(area, "below the level");
  log.warning(area, message);
  close(ends[1]);
  std::string text(65'536, '\0');
  const ssize_t size = read(ends[0], text.data(), text.size());
  close(ends[0]);
  BOOST_REQUIRE(size > 0);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_is_replaced_whole_and_nothing_stays_beside_it) {
  const tests::TempDir folder;
  const std::string path = folder.file("state");
  BOOST_REQUIRE(io::replace_file(path, "first").has_value());
  BOOST_REQUIRE(io::replace_file(path, "second", 0640).has_value());
  BOOST_TEST(*io::read_text_file(path, 100) == "second");
  BOOST_TEST(mode_of(path) == 0640U);
  BOOST_TEST(entries(folder.path()) == 1);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_replaced_stays_and_leaves_nothing_beside_it) {
  const tests::TempDir folder;
  const std::string path = folder.file("occupied");
  BOOST_REQUIRE(mkdir(path.c_str(), 0700) == 0);
  const auto failed = io::replace_file(path, "text");
  BOOST_REQUIRE(!failed.has_value());
  BOOST_TEST(failed.error().what.find("occupied") != std::string::npos);
  BOOST_TEST(entries(folder.path()) == 1);
  BOOST_TEST(!io::replace_file(folder.file("no/where"), "text").has_value());
}

BOOST_AUTO_TEST_CASE(reading_is_bounded_and_takes_regular_files_only) {
  const tests::TempDir folder;
  const std::string path = folder.file("data");
  BOOST_REQUIRE(io::replace_file(path, std::string(100'000, 'x')).has_value());
  BOOST_TEST(io::read_file(path, 100'000)->size() == 100'000U);
  const auto large = io::read_file(path, 99'999);
  BOOST_REQUIRE(!large.has_value());
  BOOST_TEST(large.error().why == "it is larger than 99999 bytes");
  BOOST_TEST(!io::read_file(folder.path(), 100).has_value());
  BOOST_TEST(io::read_file(folder.file("none"), 100).error().why == "No such file or directory");
  BOOST_REQUIRE(mkfifo(folder.file("fifo").c_str(), 0600) == 0);
  BOOST_TEST(io::read_file(folder.file("fifo"), 100).error().why == "it is not a regular file");
  BOOST_TEST(!io::read_text_file("/proc/self/status", 1'000'000)->empty(), "a file whose size is told as 0");
}

BOOST_AUTO_TEST_CASE(private_directories_are_made_with_their_parents) {
  const tests::TempDir folder;
  const std::string path = folder.file("a/b/c");
  BOOST_REQUIRE(io::make_private_directory(path).has_value());
  BOOST_TEST(mode_of(path) == 0700U);
  BOOST_TEST(mode_of(folder.file("a")) == 0700U);
  BOOST_TEST(io::make_private_directory(path).has_value(), "twice is no failure");
  BOOST_REQUIRE(io::replace_file(folder.file("file"), "x").has_value());
  BOOST_TEST(!io::make_private_directory(folder.file("file")).has_value());
  BOOST_TEST(!io::make_private_directory(folder.file("file/below")).has_value());
}

BOOST_AUTO_TEST_CASE(random_bytes_differ) {
  BOOST_TEST(io::random_u64() != io::random_u64());
}

// FIPS 180-2, appendix B, and the empty message.
BOOST_AUTO_TEST_CASE(digests_are_the_published_ones) {
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  BOOST_TEST(to_text(io::sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(to_text(io::sha256(view("abc"))) == abc);
  io::Sha256 pieces;
  pieces.add(view("a"));
  pieces.add(view("bc"));
  BOOST_TEST(to_text(pieces.finish()) == abc);
  const tests::TempDir folder;
  BOOST_REQUIRE(io::replace_file(folder.file("million"), std::string(1'000'000, 'a')).has_value());
  BOOST_TEST(to_text(*io::sha256_file(folder.file("million"))) ==
             "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  BOOST_TEST(!io::sha256_file(folder.file("none")).has_value());
}

BOOST_AUTO_TEST_CASE(a_log_line_is_one_line_whatever_is_in_it) {
  const std::string line = logged(false, "store", "a\nb\x1b[31m\xff caf\xc3\xa9 \"q\"");
  BOOST_TEST(line.ends_with(" warning store: a\\x0ab\\x1b[31m\\xff caf\xc3\xa9 \"q\"\n"));
  BOOST_TEST(line.find("below") == std::string::npos);
  BOOST_TEST(logged(false, "x", std::string(100'000, 'y')).size() < 5'000U);
}

BOOST_AUTO_TEST_CASE(a_json_log_line_is_json_whatever_is_in_it) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  for (const std::string& message : {std::string("plain"), std::string("a\"b\\c\nd"), all, std::string("cut \xe2\x82")}) {
    const auto line = nlohmann::json::parse(logged(true, "area", message), nullptr, false);
    BOOST_REQUIRE(!line.is_discarded());
    BOOST_TEST(line["level"] == "warning");
    BOOST_TEST(line["area"] == "area");
    BOOST_TEST(line["message"].get<std::string>().size() >= 1U);
  }
}

BOOST_AUTO_TEST_CASE(levels_are_read_by_name) {
  BOOST_TEST((io::log_level_from("debug") == io::LogLevel::debug));
  BOOST_TEST((io::log_level_from("error") == io::LogLevel::error));
  BOOST_TEST(!io::log_level_from("loud").has_value());
}

struct AddressRow {
  std::string text;
  bool good;
};

BOOST_AUTO_TEST_CASE(addresses_are_literal_and_come_back_as_they_were) {
  const std::vector<AddressRow> rows = {{"127.0.0.1:4000", true}, {"0.0.0.0:0", true}, {"[::1]:65535", true},
                                        {"127.0.0.1", false}, {"127.0.0.1:", false}, {"127.0.0.1:65536", false},
                                        {"127.0.0.1:-1", false}, {"127.0.0.1:4000x", false}, {"localhost:80", false},
                                        {"::1:80", false}, {"[::1]", false}, {":80", false}, {"", false}};
  for (const AddressRow& row : rows) {
    BOOST_TEST_CONTEXT(row.text) {
      const auto address = io::Address::parse(row.text);
      BOOST_REQUIRE(address.has_value() == row.good);
      if (address) BOOST_TEST(address->text() == row.text);
    }
  }
  BOOST_TEST(io::Address::parse("127.9.9.9:1")->is_loopback());
  BOOST_TEST(io::Address::parse("[::1]:1")->is_loopback());
  BOOST_TEST(!io::Address::parse("10.0.0.1:1")->is_loopback());
  BOOST_TEST(!(*io::Address::parse("127.0.0.1:1") == *io::Address::parse("127.0.0.1:2")));
}

BOOST_AUTO_TEST_CASE(datagrams_go_and_come_back_and_long_ones_are_dropped) {
  io::Loop loop;
  const auto any = *io::Address::parse("127.0.0.1:0");
  std::unique_ptr<io::UdpSocket> server;
  server = std::move(*io::UdpSocket::bind(loop, any, [&](const io::Address& from, io::View bytes) {
    server->send(from, bytes);
  }));
  std::vector<std::string> answers;
  auto client = io::UdpSocket::bind(loop, any, [&](const io::Address& from, io::View bytes) {
    BOOST_TEST((from == server->local()));
    answers.emplace_back(bytes.begin(), bytes.end());
  });
  BOOST_REQUIRE(client.has_value());
  BOOST_TEST((*client)->send(server->local(), view(std::string(2'049, 'x'))));
  BOOST_TEST((*client)->send(server->local(), view("")));
  BOOST_TEST((*client)->send(server->local(), view("ping")));
  BOOST_TEST(tests::run_until(loop, [&] { return answers.size() == 2; }));
  BOOST_TEST(answers[0].empty());
  BOOST_TEST(answers[1] == "ping");
  BOOST_TEST(server->dropped() == 1U);
  const auto taken = io::UdpSocket::bind(loop, server->local(), [](const io::Address&, io::View) {});
  BOOST_REQUIRE(!taken.has_value());
  BOOST_TEST(taken.error().why == "address already in use");
}
