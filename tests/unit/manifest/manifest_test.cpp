// The manifest: what is read, and for every mistake its place and what to try.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "sdk/src/manifest.hpp"
#include "sdk/src/spelling.hpp"

namespace proxima::manifest {

namespace {

const std::string good = R"([task]
name = "detect"
version = "0.1.0"
kind = "stream"
module = "detect.wasm"

[contract]
deadline_ms = 250
p95_ms = 200.5
rate_hz = 4

[resources]
memory_mib = 32

[host]
functions = ["vision"]

[input]
format = "jpeg_grey"
width = 640
height = 480
quality = 90
max_bytes = 500000
)";

std::string replaced(const std::string& from, const std::string& to) {
  std::string out = good;
  const std::size_t at = out.find(from);
  BOOST_REQUIRE(at != std::string::npos);
  return out.replace(at, from.size(), to);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manifests)

BOOST_AUTO_TEST_CASE(a_whole_manifest_is_read_into_its_values) {
  const Reading reading = parse_manifest(good, "task.toml");
  BOOST_REQUIRE_MESSAGE(reading.manifest, reading.text());
  const protocol::TaskSpec& spec = reading.manifest->spec;
  BOOST_TEST(spec.name == "detect");
  BOOST_TEST(spec.version == "0.1.0");
  BOOST_TEST(reading.manifest->module == "detect.wasm");
  BOOST_TEST(*spec.contract.deadline_ms == 250);
  BOOST_TEST(*spec.contract.p95_ms == 200.5);
  BOOST_TEST(spec.contract.rate_hz == 4);
  BOOST_TEST(spec.memory_mib == 32);
  BOOST_TEST(spec.functions == std::vector<std::string>{"vision"});
  BOOST_TEST((spec.input.format == protocol::FrameFormat::jpeg_grey));
  BOOST_TEST(spec.input.width == 640);
  BOOST_TEST(spec.input.height == 480);
  BOOST_TEST(spec.input.quality == 90);
  BOOST_TEST(spec.input.max_bytes == 500'000);
}

BOOST_AUTO_TEST_CASE(sections_that_are_left_out_have_their_defaults) {
  const Reading reading = parse_manifest(
      "[task]\nname='a'\nversion='1'\nmodule='a.wasm'\n[contract]\ndeadline_ms=5\nrate_hz=1\n", "task.toml");
  BOOST_REQUIRE_MESSAGE(reading.manifest, reading.text());
  BOOST_TEST(reading.manifest->spec.memory_mib == 16);
  BOOST_TEST((reading.manifest->spec.input.format == protocol::FrameFormat::bytes));
  BOOST_TEST(reading.manifest->spec.functions.empty());
}

struct MistakeRow {
  const char* name;
  std::string text;
  const char* expected;  // how the first line begins
};

BOOST_AUTO_TEST_CASE(each_mistake_is_told_with_its_line_and_column) {
  const MistakeRow rows[] = {
      {"unknown key", replaced("memory_mib", "memroy_mib"),
       "task.toml:13:1: [resources] has the unknown key 'memroy_mib'; nothing reads it; did you mean 'memory_mib'?"},
      {"unknown section", replaced("[input]", "[imput]"), "task.toml:18:2: unknown section or key 'imput'"},
      {"unknown key on top", "colour = 1\n" + good, "task.toml:1:1: unknown section or key 'colour'"},
      {"wrong type", replaced("deadline_ms = 250", "deadline_ms = \"fast\""),
       "task.toml:8:15: 'deadline_ms' is a string; it must be a number"},
      {"a fraction", replaced("memory_mib = 32", "memory_mib = 1.5"),
       "task.toml:13:14: 'memory_mib' is a number; it must be a whole number"},
      {"too small", replaced("deadline_ms = 250", "deadline_ms = 0"),
       "task.toml:8:15: 'deadline_ms' is 0; it must be between 0.1 and 60000"},
      {"too large", replaced("memory_mib = 32", "memory_mib = 1000000"),
       "task.toml:13:14: 'memory_mib' is 1000000; it must be between 1 and "},
      {"negative", replaced("quality = 90", "quality = -1"), "task.toml:22:11: 'quality' is -1"},
      {"not a number", replaced("rate_hz = 4", "rate_hz = nan"), "task.toml:10:11: 'rate_hz' is nan"},
      {"infinite", replaced("rate_hz = 4", "rate_hz = inf"), "task.toml:10:11: 'rate_hz' is inf"},
      {"bad name", replaced("\"detect\"", "\"De tect\""), "task.toml:2:8: 'name' cannot be used"},
      {"empty name", replaced("\"detect\"", "\"\""), "task.toml:2:8: 'name' has 0 bytes"},
      {"unknown kind", replaced("\"stream\"", "\"steam\""),
       "task.toml:4:8: 'kind' is 'steam'; it must be one of \"stream\"; did you mean \"stream\"?"},
      {"unknown format", replaced("jpeg_grey", "jpg_grey"), "task.toml:19:10: 'format' is 'jpg_grey'"},
      {"functions is no array", replaced("[\"vision\"]", "\"vision\""),
       "task.toml:16:13: 'functions' is a string; it must be an array of strings"},
      {"a function is no string", replaced("[\"vision\"]", "[\"vision\", 3]"), "task.toml:16:24: an entry of 'functions'"},
      {"too many functions", replaced("[\"vision\"]", "[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]"),
       "task.toml:16:13: 'functions' has 9 entries; at most 8 are allowed"},
      {"no module", replaced("module = \"detect.wasm\"\n", ""), "task.toml:1:1: [task] has no 'module'; it is required"},
      {"no task", "[contract]\ndeadline_ms=1\nrate_hz=1\n", "task.toml:1:1: there is no [task]"},
      {"task is no section", "task = 3\n[contract]\ndeadline_ms=1\nrate_hz=1\n", "task.toml:1:8: 'task' is no table"},
      {"p95 after the deadline", replaced("p95_ms = 200.5", "p95_ms = 251"),
       "task.toml:9:10: 'p95_ms' is longer than 'deadline_ms'"},
      {"width alone", replaced("height = 480\n", ""), "task.toml:20:9: [input] has only one of 'width' and 'height'"},
      {"picture larger than allowed", replaced("\"jpeg_grey\"\nwidth = 640", "\"grey8\"\nwidth = 6400"),
       "task.toml:20:9: a picture of this size has 3072000 bytes"},
      {"not TOML", replaced("= 250", "= = 250"), "task.toml:8:15: this is not TOML"},
      {"a key twice", replaced("rate_hz = 4", "rate_hz = 4\nrate_hz = 5"), "task.toml:11:"},
      {"empty", "", "task.toml:1:1: there is no [task]"},
      {"a picture file", std::string("\x89PNG\r\n\x1a\n\0\0", 10), "task.toml:1:1: this is not TOML"},
      {"too large a file", std::string(70'000, '#'), "task.toml: the manifest is too large"},
      {"control characters are not passed on", replaced("\"stream\"", "\"a\\u001b[31m\""), "task.toml:4:8: 'kind' is 'a?[31m'"},
  };
  for (const MistakeRow& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      const Reading reading = parse_manifest(row.text, "task.toml");
      BOOST_TEST(!reading.manifest.has_value());
      BOOST_TEST_INFO(reading.text());
      BOOST_TEST(reading.text().rfind(row.expected, 0) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(all_mistakes_are_told_at_once_in_the_order_of_their_places) {
  const Reading reading = parse_manifest(
      "[task]\nname = 3\nversion = \"1\"\nmodule = \"m\"\nspeed = 1\n[contract]\ndeadline_ms = -1\nrate_hz = 1\n[hosts]\n",
      "t");
  BOOST_REQUIRE_EQUAL(reading.mistakes.size(), 4);
  BOOST_TEST(reading.mistakes[0].line == 2);
  BOOST_TEST(reading.mistakes[1].line == 5);
  BOOST_TEST(reading.mistakes[2].line == 7);
  BOOST_TEST(reading.mistakes[3].line == 9);
  BOOST_TEST(reading.mistakes[3].hint == "did you mean [host]?");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_named) {
  const Reading reading = read_manifest("no/such/task.toml");
  BOOST_REQUIRE_EQUAL(reading.mistakes.size(), 1);
  BOOST_TEST(reading.text().rfind("no/such/task.toml: cannot read the manifest; No such file", 0) == 0);
}

BOOST_AUTO_TEST_CASE(a_word_is_suggested_only_if_it_is_near) {
  const std::vector<std::string> known{"memory_mib", "format", "width"};
  BOOST_TEST(nearest_word("memroy_mib", known).value_or("") == "memory_mib");
  BOOST_TEST(nearest_word("widht", known).value_or("none") == "none");  // two edits of five letters are too many
  BOOST_TEST(nearest_word("with", known).value_or("") == "width");
  BOOST_TEST(!nearest_word("colour", known).has_value());
  BOOST_TEST(!nearest_word("", known).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::manifest
