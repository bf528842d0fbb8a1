// Ids, Instant, Prng, Fingerprint, Result.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <set>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "common/base/fingerprint.hpp"
#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "common/base/prng.hpp"
#include "common/base/result.hpp"

using namespace proxima;

BOOST_AUTO_TEST_CASE(ids_come_back_from_their_text) {
  NodeId node;
  for (std::size_t i = 0; i < node.bytes.size(); ++i) node.bytes[i] = static_cast<std::uint8_t>(0xf0 + i);
  BOOST_TEST(to_text(node) == "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  BOOST_TEST((node_id_from(to_text(node)) == node));
  Digest digest;
  digest.bytes[31] = 0xab;
  BOOST_TEST(to_text(digest) == std::string(62, '0') + "ab");
  BOOST_TEST((digest_from(to_text(digest)) == digest));
  BOOST_TEST(to_text(TaskId{0x1234}) == "0000000000001234");
  BOOST_TEST((task_id_from("0000000000001234") == TaskId{0x1234}));
  BOOST_TEST((instance_id_from("ffffffffffffffff") == InstanceId{UINT64_MAX}));
}

BOOST_AUTO_TEST_CASE(nothing_but_the_exact_text_is_an_id) {
  for (const std::string text : {"", "0", "000000000000123", "00000000000012345", "000000000000123G", "000000000000123A",
                                 "0x00000000001234", " 00000000001234", "000000000000-123"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(!task_id_from(text).has_value());
      BOOST_TEST(!instance_id_from(text).has_value());
      BOOST_TEST(!node_id_from(text).has_value());
      BOOST_TEST(!digest_from(text).has_value());
    }
  }
}

struct NameRow {
  std::string text;
  bool good;
};

BOOST_AUTO_TEST_CASE(names_are_short_lower_case_words) {
  const std::vector<NameRow> rows = {{"a", true}, {"7", true}, {"kitchen-router", true}, {"a--b-", true},
                                     {std::string(32, 'x'), true}, {std::string(33, 'x'), false}, {"", false},
                                     {"-a", false}, {"A", false}, {"a_b", false}, {"a b", false}, {"a.b", false},
                                     {"\xc3\xa9", false}, {std::string("a\0", 2), false}};
  for (const NameRow& row : rows) {
    BOOST_TEST_CONTEXT(row.text) { BOOST_TEST(is_name(row.text) == row.good); }
  }
}

BOOST_AUTO_TEST_CASE(spans_and_instants_add_up) {
  BOOST_TEST(Duration::seconds(2).ns == 2'000'000'000);
  BOOST_TEST((Duration::millis(3) + Duration::micros(500)).ns == 3'500'000);
  BOOST_TEST((Duration::from_ms(1.5) == Duration::micros(1'500)));
  BOOST_TEST(Duration::micros(2'500).ms() == 2.5);
  const Instant start{1'000};
  BOOST_TEST(((start + Duration::nanos(5)) - start).ns == 5);
  BOOST_TEST(((start - Duration::nanos(5)) < start));
}

BOOST_AUTO_TEST_CASE(never_stays_never) {
  BOOST_TEST((Instant::never() + Duration::seconds(1)).is_never());
  BOOST_TEST((Instant::never() - Duration::seconds(1)).is_never());
  BOOST_TEST((Instant{0} < Instant::never()));
}

// From the reference implementation of SplitMix64 with seed 1234567.
BOOST_AUTO_TEST_CASE(the_generator_gives_the_published_numbers) {
  Prng prng(1234567);
  for (const std::uint64_t expected : {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL,
                                       4593380528125082431ULL, 16408922859458223821ULL}) {
    BOOST_TEST(prng.next() == expected);
  }
}

BOOST_AUTO_TEST_CASE(the_generator_keeps_its_bounds_and_reaches_all_values) {
  Prng prng(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) {
    const std::uint64_t value = prng.below(7);
    BOOST_REQUIRE(value < 7);
    seen.insert(value);
    const double unit = prng.unit();
    BOOST_REQUIRE(unit >= 0.0);
    BOOST_REQUIRE(unit < 1.0);
  }
  BOOST_TEST(seen.size() == 7U);
}

// FNV-1a, 64 bits: the offset basis, and "a" and "foobar" as its authors give them.
BOOST_AUTO_TEST_CASE(the_fingerprint_is_fnv_1a) {
  BOOST_TEST(Fingerprint().value() == 0xcbf29ce484222325ULL);
  Fingerprint a;
  a.add_bytes(std::string("a"));
  BOOST_TEST(a.value() == 0xaf63dc4c8601ec8cULL);
  Fingerprint foobar;
  foobar.add_bytes(std::string("foobar"));
  BOOST_TEST(foobar.value() == 0x85944171f73967e8ULL);
}

BOOST_AUTO_TEST_CASE(the_fingerprint_tells_apart_what_runs_together_in_text) {
  Fingerprint first;
  first.add(std::string_view("ab"));
  first.add(std::string_view("c"));
  Fingerprint second;
  second.add(std::string_view("a"));
  second.add(std::string_view("bc"));
  BOOST_TEST(first.value() != second.value());
}

namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail("cannot halve", std::to_string(number) + " is odd", "add one");
  return number / 2;
}

Result<void> halve_twice(int number, int& out) {
  const auto first = half(number);
  PROXIMA_TRY(first);
  const auto second = half(*first);
  PROXIMA_TRY(second);
  out = *second;
  return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_result_carries_a_value_or_says_why_not) {
  BOOST_TEST(*half(4) == 2);
  const auto failed = half(3);
  BOOST_REQUIRE(!failed);
  BOOST_TEST(failed.error().text() == "cannot halve: 3 is odd; add one");
  int out = 0;
  BOOST_TEST(halve_twice(8, out).has_value());
  BOOST_TEST(out == 2);
  const auto inner = halve_twice(6, out);
  BOOST_REQUIRE(!inner.has_value());
  BOOST_TEST(inner.error().why == "3 is odd");
}

BOOST_AUTO_TEST_CASE(reading_a_value_that_is_not_there_ends_the_program) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    close(2);
    const auto failed = half(3);
    _exit(*failed);
  }
  int status = 0;
  waitpid(child, &status, 0);
  BOOST_TEST(WIFSIGNALED(status));
  BOOST_TEST(WTERMSIG(status) == SIGABRT);
}
