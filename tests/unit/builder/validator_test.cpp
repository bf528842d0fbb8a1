#include "coordinator/builder/validator.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>

#include "common/base/prng.hpp"
#include "coordinator/builder/files.hpp"
#include "tests/unit/builder/module_parts.hpp"

using proxima::builder::validate;
using proxima::tests::Bytes;
using proxima::tests::leb;
using proxima::tests::operator+;
using proxima::tests::Parts;
using proxima::tests::text;
using namespace std::string_literals;

namespace {

constexpr std::size_t deepest = proxima::builder::module_limits::nesting - 1;  // the function is a block too

struct Row {
  const char* name;
  std::function<void(Parts&)> spoil;
  const char* words;  ///< part of the refusal; nullptr: it passes
};

Bytes repeated(const Bytes& part, std::size_t count) {
  Bytes out;
  for (std::size_t i = 0; i < count; ++i) out.insert(out.end(), part.begin(), part.end());
  return out;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"as it is", [](Parts&) {}, nullptr},
      {"another file", [](Parts& p) { p.header = {'G', 'I', 'F', '8', 1, 0, 0, 0}; }, "it is not a WebAssembly module"},
      {"another version", [](Parts& p) { p.header[4] = 2; }, "it is not version 1 of the binary format"},
      {"no exports", [](Parts& p) { p.exports.clear(); }, "does not export its 'memory'"},
      {"one export missing", [](Parts& p) { p.exports.pop_back(); }, "it does not export 'on_close' () -> nothing"},
      {"an export of another type", [](Parts& p) { p.exports[5] = text("on_frame") + Bytes{0, 2}; },
       "it exports 'on_frame' as () -> i32, but it must be (i32, i32, i32, i32) -> i32"},
      {"an export with a strange name", [](Parts& p) { p.exports.push_back(text("a */ #include") + Bytes{0, 1}); },
       "names are made of a-z, 0-9 and _"},
      {"an export with a long name", [](Parts& p) { p.exports.push_back(text(std::string(64, 'a')) + Bytes{0, 1}); },
       "names are made of a-z, 0-9 and _"},
      {"one more export", [](Parts& p) { p.exports.push_back(text("helper_2") + Bytes{0, 1}); }, nullptr},
      {"an export twice", [](Parts& p) { p.exports.push_back(p.exports[1]); }, "it exports '_initialize' twice"},
      {"an exported table", [](Parts& p) { p.exports.push_back(text("table") + Bytes{1, 0}); }, "which is not a function"},
      {"an export of nothing", [](Parts& p) { p.exports[1] = text("_initialize") + Bytes{0, 99}; }, "there is no function 99"},
      {"memory that is a function", [](Parts& p) { p.exports[0] = text("memory") + Bytes{0, 1}; }, "is not its memory"},
      {"an unknown import", [](Parts& p) { p.imports[0] = text("wasi_snapshot_preview1") + text("fd_write") + Bytes{0, 5}; },
       "it imports 'fd_write' from 'wasi_snapshot_preview1', which no host offers"},
      {"an unknown version of a module", [](Parts& p) { p.imports[0] = text("proxima:task@2") + text("output") + Bytes{0, 5}; },
       "which no host offers"},
      {"an import of another type", [](Parts& p) { p.imports[0] = text("proxima:task@1") + text("output") + Bytes{0, 1}; },
       "as () -> i32, but it is (i32, i32) -> nothing"},
      {"an import twice", [](Parts& p) { p.imports.push_back(p.imports[0]); }, "twice"},
      {"an imported memory", [](Parts& p) { p.imports[0] = text("env") + text("memory") + Bytes{2, 0, 1}; },
       "which is not a function"},
      {"control characters in a name", [](Parts& p) { p.imports[0] = text("a\n\x1b") + text("b") + Bytes{0, 5}; }, "from 'a?"},
      {"no memory", [](Parts& p) { p.memory.clear(); }, "exactly one memory of its own"},
      {"two memories", [](Parts& p) { p.memory = {2, 1, 1, 1, 1, 1, 1}; }, "exactly one memory of its own"},
      {"memory without a maximum", [](Parts& p) { p.memory = {1, 0, 2}; }, "its memory has no maximum"},
      {"shared memory", [](Parts& p) { p.memory = {1, 3, 2, 64}; }, "shared between threads"},
      {"64-bit memory", [](Parts& p) { p.memory = {1, 5, 2, 64}; }, "64-bit addresses"},
      {"4 GiB", [](Parts& p) { p.memory = Bytes{1, 1, 2} + leb(65536); },
       "its memory may grow to 4096 MiB, the manifest allows 16"},
      {"a page too much", [](Parts& p) { p.memory = Bytes{1, 1, 2} + leb(257); }, "the manifest allows 16"},
      {"all of the manifest's memory", [](Parts& p) { p.memory = Bytes{1, 1, 2} + leb(256); }, nullptr},
      {"more pages than there are", [](Parts& p) { p.memory = Bytes{1, 1, 2} + leb(65537); }, "a senseless size"},
      {"more at first than at last", [](Parts& p) { p.memory = {1, 1, 9, 8}; }, "a senseless size"},
      {"a start function", [](Parts& p) { p.start = {1}; }, "it has a start function"},
      {"a vector parameter", [](Parts& p) { p.types[0] = {0x60, 1, 0x7b, 0}; }, "not a number"},
      {"two results", [](Parts& p) { p.types.push_back({0x60, 0, 2, 0x7f, 0x7f}); }, "2 results, allowed are 1"},
      {"a type that is no function", [](Parts& p) { p.types.push_back({0x5f, 0}); }, "a type is not that of a function"},
      {"a table of externals", [](Parts& p) { p.table[1] = 0x6f; }, "something else than functions"},
      {"two tables", [](Parts& p) { p.table = {2, 0x70, 0, 1, 0x70, 0, 1}; }, "2 tables, allowed are 1"},
      {"a huge table", [](Parts& p) { p.table = Bytes{1, 0x70, 0} + leb(0xffffffffU); }, "table elements, allowed are"},
      {"a global that asks another", [](Parts& p) { p.globals = {1, 0x7f, 1, 0x23, 0, 0x0b}; }, "not a constant of its type"},
      {"elements", [](Parts& p) { p.elements = {1, 0, 0x41, 0, 0x0b, 1, 1}; }, nullptr},
      {"elements of no function", [](Parts& p) { p.elements = {1, 0, 0x41, 0, 0x0b, 1, 77}; }, "there is no function 77"},
      {"declared elements", [](Parts& p) { p.elements = {1, 3, 0, 1, 1}; }, "not a plain one of the table"},
      {"data", [](Parts& p) { p.data = {1, 0, 0x41, 0, 0x0b, 3, 1, 2, 3}; }, nullptr},
      {"data of another memory", [](Parts& p) { p.data = {1, 2, 1, 0x41, 0, 0x0b, 0}; }, "kind of a data segment"},
      {"data that is cut", [](Parts& p) { p.data = {1, 0, 0x41, 0, 0x0b, 9, 1}; }, "it ends in the middle"},
      {"a false count of data", [](Parts& p) { p.data_count = {2}; p.data = {0}; }, "another number of data segments"},
      {"fewer bodies than functions", [](Parts& p) { p.bodies.pop_back(); }, "another number of functions"},
      {"more locals than allowed", [](Parts& p) { p.bodies[4] = Bytes{1} + leb(2049) + Bytes{0x7f, 0x41, 0, 0x0b}; },
       "2049 locals, allowed are 2048"},
      {"locals that add up", [](Parts& p) { p.bodies[4] = Bytes{2} + leb(2000) + Bytes{0x7f} + leb(2000) + Bytes{0x7f, 0x41, 0, 0x0b}; },
       "more than 2048 locals"},
      {"the deepest nesting", [](Parts& p) { p.in_on_frame(repeated({0x02, 0x40}, deepest) + repeated({0x0b}, deepest)); }, nullptr},
      {"deeper nesting", [](Parts& p) { p.in_on_frame(repeated({0x02, 0x40}, deepest + 1) + repeated({0x0b}, deepest + 1)); },
       "nested deeper than 128"},
      {"a body without an end", [](Parts& p) { p.bodies[4] = {0, 0x41, 0}; }, "it ends in the middle"},
      {"code after the end", [](Parts& p) { p.bodies[4] = {0, 0x41, 0, 0x0b, 0x01}; }, "code after the end"},
      {"an else without if", [](Parts& p) { p.in_on_frame({0x02, 0x40, 0x05, 0x0b}); }, "an else without its if"},
      {"a branch out of the function", [](Parts& p) { p.in_on_frame({0x0c, 1}); }, "there is no block 1"},
      {"a branch table with too many targets", [](Parts& p) { p.in_on_frame(Bytes{0x0e} + leb(4097)); }, "targets of a branch table"},
      {"a call of nothing", [](Parts& p) { p.in_on_frame({0x10, 7}); }, "there is no function 7"},
      {"an indirect call through another table", [](Parts& p) { p.in_on_frame({0x11, 0, 1}); }, "only one table"},
      {"an indirect call without a table", [](Parts& p) { p.table.clear(); p.in_on_frame({0x11, 0, 0}); }, "without a table"},
      {"a local that is not there", [](Parts& p) { p.in_on_frame({0x20, 4}); }, "there is no local 4"},
      {"a global that is not there", [](Parts& p) { p.in_on_frame({0x23, 1}); }, "there is no global 1"},
      {"vector code", [](Parts& p) { p.in_on_frame({0xfd, 0x0c}); }, "vector instructions are not supported"},
      {"atomic code", [](Parts& p) { p.in_on_frame({0xfe, 0x00}); }, "threads are not supported"},
      {"a reference", [](Parts& p) { p.in_on_frame({0xd0, 0x70}); }, "reference types are not supported"},
      {"table.grow", [](Parts& p) { p.in_on_frame({0xfc, 15, 0}); }, "reference types are not supported"},
      {"a tail call", [](Parts& p) { p.in_on_frame({0x12, 1}); }, "tail calls are not supported"},
      {"an exception", [](Parts& p) { p.in_on_frame({0x08, 0}); }, "exceptions are not supported"},
      {"memory.copy", [](Parts& p) { p.in_on_frame({0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 10, 0, 0}); }, nullptr},
      {"memory.init without a count", [](Parts& p) { p.in_on_frame({0xfc, 8, 0, 0}); }, "without a count of data segments"},
      {"an impossible alignment", [](Parts& p) { p.in_on_frame({0x41, 0, 0x28, 3, 0, 0x1a}); }, "impossible alignment"},
      {"a number that is too long", [](Parts& p) { p.in_on_frame({0x20, 0x80, 0x80, 0x80, 0x80, 0x70}); }, "longer than 32 bits"},
      {"a constant that is too long", [](Parts& p) { p.in_on_frame({0x41, 0x80, 0x80, 0x80, 0x80, 0x10, 0x1a}); }, "longer than its type"},
      {"the lowest constant", [](Parts& p) { p.in_on_frame({0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x1a}); }, nullptr},
      {"a custom section", [](Parts& p) { p.after = {0, 3, 1, 'n', 9}; }, nullptr},
      {"a section after the last", [](Parts& p) { p.after = {1, 1, 0}; }, "repeated or out of order"},
      {"an unknown section", [](Parts& p) { p.after = {13, 1, 0}; }, "unknown section 13"},
      {"a section that leaves the file", [](Parts& p) { p.after = {0, 9, 1}; }, "it ends in the middle"},
      {"a hundred sections", [](Parts& p) { p.after = repeated({0, 2, 1, 'n'}, 100); }, "too many sections"},
  };
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(validator)

BOOST_AUTO_TEST_CASE(each_spoiled_module_is_refused_in_words_and_the_good_ones_pass) {
  for (const Row& row : rows()) {
    BOOST_TEST_CONTEXT(row.name) {
      Parts parts;
      row.spoil(parts);
      const auto facts = validate(parts.module(), 16);
      if (row.words == nullptr) {
        BOOST_TEST(facts.has_value(), (facts ? ""s : facts.error().text()));
        continue;
      }
      BOOST_REQUIRE(!facts.has_value());
      BOOST_TEST(facts.error().why.find(row.words) != std::string::npos, facts.error().text());
      BOOST_TEST(facts.error().why.starts_with("at byte "));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_module_without_functions_of_its_own_is_refused) {
  Parts parts;
  parts.functions.clear();
  parts.bodies.clear();
  BOOST_TEST(!validate(parts.module(), 16).has_value());
  BOOST_TEST(!validate({}, 16).has_value());
}

BOOST_AUTO_TEST_CASE(bodies_and_code_are_bounded) {
  Parts parts;
  parts.in_on_frame(repeated({0x01}, 128U << 10U));
  const auto long_body = validate(parts.module(), 16);
  BOOST_REQUIRE(!long_body.has_value());
  BOOST_TEST(long_body.error().why.find("bytes in one function") != std::string::npos);
  Parts many;
  for (int i = 0; i < 9; ++i) {
    many.functions.push_back({0});
    many.bodies.push_back(Bytes{0} + repeated({0x01}, 127U << 10U) + Bytes{0x0b});
  }
  const auto much_code = validate(many.module(), 16);
  BOOST_REQUIRE(!much_code.has_value());
  BOOST_TEST(much_code.error().why.find("its code has") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_facts_of_a_real_module_are_read) {
  const auto module = proxima::builder::read_file(PROXIMA_TASKS "/detect/detect.wasm", 1U << 20U);
  BOOST_REQUIRE(module.has_value());
  const auto facts = validate(*module, 32);
  BOOST_REQUIRE_MESSAGE(facts.has_value(), (facts ? ""s : facts.error().text()));
  BOOST_TEST(facts->memory_max_pages == 512U);
  BOOST_TEST(facts->functions > 5U);
  BOOST_REQUIRE(facts->groups.size() == 1);
  BOOST_TEST(facts->groups[0] == "vision");
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_real_module_is_refused) {
  const auto module = proxima::builder::read_file(PROXIMA_TASKS "/motion/motion.wasm", 1U << 20U);
  BOOST_REQUIRE(module.has_value());
  // A cut just before trailing custom sections leaves a whole module; everything the task needs ends with its code.
  const auto whole = validate(*module, 16);
  BOOST_REQUIRE(whole.has_value());
  std::size_t passed = 0;
  for (std::size_t length = 0; length < module->size(); ++length)
    passed += validate(std::span<const std::uint8_t>(*module).first(length), 16).has_value() ? 1 : 0;
  BOOST_TEST(passed <= 3U);
}

BOOST_AUTO_TEST_CASE(damaged_modules_never_break_it) {
  const auto module = proxima::builder::read_file(PROXIMA_TASKS "/motion/motion.wasm", 1U << 20U);
  BOOST_REQUIRE(module.has_value());
  proxima::Prng prng(11);
  std::size_t refused = 0;
  for (int round = 0; round < 4000; ++round) {
    Bytes damaged = *module;
    for (int i = 0; i < 3; ++i) damaged[prng.below(damaged.size())] = static_cast<std::uint8_t>(prng.next());
    refused += validate(damaged, 16).has_value() ? 0 : 1;
  }
  BOOST_TEST(refused > 0U);
}

BOOST_AUTO_TEST_SUITE_END()
