#include "common/object/gate.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>

#include "common/base/prng.hpp"
#include "coordinator/builder/files.hpp"
#include "tests/unit/builder/built.hpp"

using proxima::object::check;
using proxima::object::Machine;
using proxima::tests::Bytes;

namespace {

struct Row {
  const char* file;
  const char* words;
};

// Made by CMakeLists.txt out of objects/*.c, with the linker flags of real objects or one flag less.
constexpr Row rows[] = {
    {"constructor", "it runs code when loaded (DT_INIT_ARRAY)"},
    {"destructor", "it runs code when unloaded (DT_FINI_ARRAY)"},
    {"init", "it runs code when loaded (DT_INIT)"},
    {"needed", "it needs another library (DT_NEEDED)"},
    {"extra_symbol", "it has 3 dynamic symbols"},
    {"undefined_symbol", "dynamic symbol"},
    {"other_name", "its symbol is not named proxima_object_v1"},
    {"is_function", "its symbol is not a defined global object"},
    {"resolver", "dynamic"},
    {"thread_local", "a segment of the unexpected type 7"},
    {"executable_stack", "it asks for an executable stack"},
    {"run_path", "it names a library path (DT_RUNPATH)"},
};

Bytes file(const std::string& name) {
  const auto bytes = proxima::builder::read_file(PROXIMA_TEST_OBJECTS "/" + name + ".so", 1U << 24U);
  BOOST_REQUIRE_MESSAGE(bytes.has_value(), (bytes ? std::string{} : bytes.error().text()));
  return *bytes;
}

std::string refusal(std::span<const std::uint8_t> bytes) {
  const auto result = check(bytes, Machine::x86_64);
  return result ? "passed" : result.error().why;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gate)

BOOST_AUTO_TEST_CASE(hand_built_objects_are_refused_for_what_they_do) {
  BOOST_TEST(refusal(file("plain")) == "passed");  // the same build without a misdeed
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.file) {
      const std::string why = refusal(file(row.file));
      BOOST_TEST(why.find(row.words) != std::string::npos, why);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_object_for_another_processor_is_refused) {
  const Bytes& object = proxima::tests::built("trivial");
  BOOST_TEST(check(object, Machine::x86_64).has_value());
  BOOST_TEST(!check(object, Machine::aarch64).has_value());
  BOOST_TEST(!check(object, Machine::arm).has_value());
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_real_object_before_its_last_segment_ends_is_refused) {
  const Bytes& object = proxima::tests::built("trivial");
  std::size_t passed = 0;
  std::size_t shortest = object.size();
  for (std::size_t length = 0; length < object.size(); ++length) {
    if (!check(std::span<const std::uint8_t>(object).first(length), Machine::x86_64).has_value()) continue;
    ++passed;
    shortest = std::min(shortest, length);
  }
  // What follows the last segment is the section table, which no loader reads.
  BOOST_TEST(object.size() - shortest < 1024U);
  BOOST_TEST(passed < 1024U);
}

BOOST_AUTO_TEST_CASE(damaged_objects_never_break_it) {
  const Bytes& object = proxima::tests::built("trivial");
  proxima::Prng prng(5);
  std::size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    Bytes damaged = object;
    const std::size_t reach = round % 2 == 0 ? damaged.size() : std::size_t{1024};
    for (int i = 0; i < 2; ++i) damaged[prng.below(reach)] = static_cast<std::uint8_t>(prng.next());
    refused += check(damaged, Machine::x86_64).has_value() ? 0 : 1;
  }
  BOOST_TEST(refused > 1000U);
}

BOOST_AUTO_TEST_CASE(a_relocation_outside_the_writable_segments_is_refused) {
  Bytes object = proxima::tests::built("trivial");
  // The first relative relocation: offset, info 8, addend. Its target is turned to the file's header.
  const std::uint8_t info[] = {8, 0, 0, 0, 0, 0, 0, 0};
  std::size_t at = 0;
  for (std::size_t i = 8; i + 16 < object.size() && at == 0; i += 8) {
    if (std::memcmp(object.data() + i, info, sizeof info) == 0 && std::memcmp(object.data() + i + 24, info, sizeof info) == 0) at = i;
  }
  BOOST_REQUIRE(at != 0);
  std::memset(object.data() + at - 8, 0, 8);
  BOOST_TEST(refusal(object) == "a relocation lies outside its writable segments");
  std::memset(object.data() + at, 6, 1);
  BOOST_TEST(refusal(object) == "it asks the loader for more than relative relocations");
}

BOOST_AUTO_TEST_SUITE_END()
