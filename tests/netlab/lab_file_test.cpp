// Lab files: what is read, and what is refused where and with which words.
#include <boost/test/unit_test.hpp>
#include <string>

#include "sdk/netlab/lab_file.hpp"

namespace {

using namespace proxima::netlab;

struct BadRow {
  const char* name;
  std::string text;
  const char* place;  // line:column
  const char* words;  // somewhere in the message
};

std::string node(const std::string& lines) { return "[[node]]\nname = \"a\"\nrtt_ms = 1\n" + lines + "\n"; }

std::string many_nodes(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "[[node]]\nname = \"n" + std::to_string(i) + "\"\nrtt_ms = 1\n";
  return text;
}

const BadRow bad_rows[] = {
    {"nothing in it", "", "1:1", "no nodes"},
    {"only a comment", "# a lab\n", "1:1", "no nodes"},
    {"an empty list", "node = []\n", "1:1", "no nodes"},
    {"not TOML", "[[node]\n", "1:8", "not TOML"},
    {"a table's name that cannot be one", "[?node]]\n", "1:2", "not TOML"},
    {"a key twice", node("rtt_ms = 2"), "4:10", "cannot redefine"},
    {"a key that TOML does not take", "[[node]]\nname = \"a\"\nrtt ms = 2\n", "3:5", "not TOML"},
    {"not UTF-8", std::string("[[node]]\nname = \"\xff\xfe\"\n"), "2:8", "not TOML"},
    {"unknown key of the lab", "[[node]]\nname = \"a\"\nrtt_ms = 1\n[region]\nname = \"x\"\n", "4:2", "unknown key 'region'"},
    {"unknown key of a node", node("rtt = 2"), "4:1", "unknown key 'rtt'"},
    {"unknown key, and the known ones are named", node("ram = 2"), "4:1", "memory_mib"},
    {"node as one table", "[node]\nname = \"a\"\nrtt_ms = 1\n", "1:1", "'node' has the wrong type"},
    {"node as a list of names", "node = [\"a\"]\n", "1:9", "'node' has the wrong type"},
    {"no name", "[[node]]\nrtt_ms = 1\n", "1:1", "no 'name'"},
    {"no distance", "[[node]]\nname = \"a\"\n", "1:1", "no 'rtt_ms'"},
    {"name is a number", "[[node]]\nname = 3\nrtt_ms = 1\n", "2:8", "it is an integer"},
    {"name is empty", "[[node]]\nname = \"\"\nrtt_ms = 1\n", "2:8", "[a-z0-9][a-z0-9-]{0,31}"},
    {"name in capitals", "[[node]]\nname = \"Kitchen\"\nrtt_ms = 1\n", "2:8", "[a-z0-9][a-z0-9-]{0,31}"},
    {"name begins with a hyphen", "[[node]]\nname = \"-a\"\nrtt_ms = 1\n", "2:8", "not a name"},
    {"name of 33 letters", "[[node]]\nname = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\nrtt_ms = 1\n", "2:8", "not a name"},
    {"two nodes of one name", node("") + node(""), "6:8", "second node named 'a'"},
    {"distance is a string", "[[node]]\nname = \"a\"\nrtt_ms = \"1\"\n", "3:10", "it is a string"},
    {"distance is negative", "[[node]]\nname = \"a\"\nrtt_ms = -0.5\n", "3:10", "use 0 to 2000"},
    {"distance is too far", "[[node]]\nname = \"a\"\nrtt_ms = 2000.1\n", "3:10", "rtt_ms = 2000.1"},
    {"distance is infinite", "[[node]]\nname = \"a\"\nrtt_ms = inf\n", "3:10", "out of range"},
    {"distance is not a number", "[[node]]\nname = \"a\"\nrtt_ms = nan\n", "3:10", "out of range"},
    {"jitter is negative", node("jitter_ms = -1"), "4:13", "use 0 to 2000"},
    {"jitter is a table", node("jitter_ms = {sd = 1}"), "4:13", "it is a table"},
    {"loss above 100", node("loss_percent = 101"), "4:16", "use 0 to 100"},
    {"rate is 0", node("rate_mbit = 0"), "4:13", "use 0.1 to 10000"},
    {"rate above 10 Gbit/s", node("rate_mbit = 10001"), "4:13", "use 0.1 to 10000"},
    {"rate is a date", node("rate_mbit = 2026-01-01"), "4:13", "it is a date or time"},
    {"no share of a core", node("cpu_percent = 0"), "4:15", "use 1 to 100"},
    {"more than a core", node("cpu_percent = 101"), "4:15", "use 1 to 100"},
    {"share as a boolean", node("cpu_percent = true"), "4:15", "it is a boolean"},
    {"no memory", node("memory_mib = 0"), "4:14", "memory_mib = 0"},
    {"too much memory", node("memory_mib = 9000000000000000000"), "4:14", "out of range"},
    {"half a MiB", node("memory_mib = 0.5"), "4:14", "a whole number of MiB"},
    {"host is a string", node("host = \"vision\""), "4:8", "an array of strings"},
    {"host holds a number", node("host = [\"vision\", 1]"), "4:19", "it is an integer"},
    {"unknown host function", node("host = [\"visoin\"]"), "4:9", "unknown host function 'visoin'"},
    {"host function twice", node("host = [\"vision\", \"vision\"]"), "4:19", "named twice"},
    {"cloud is a number", node("cloud = 1"), "4:9", "true or false"},
    {"two clouds", node("cloud = true") + "[[node]]\nname = \"b\"\nrtt_ms = 1\ncloud = true\n", "8:9", "at most one"},
    {"seventeen nodes", many_nodes(17), "49:1", "at most 16"},
    {"of two mistakes the first by line", node("zebra = 1\nbanana = 2"), "4:1", "'zebra'"},
};

}  // namespace

BOOST_AUTO_TEST_CASE(bad_labs_are_refused_with_place_and_reason) {
  for (const BadRow& row : bad_rows) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto lab = parse_lab(row.text, "my.toml");
      BOOST_TEST(!lab.has_value());
      if (lab) continue;
      const std::string text = lab.error().text();
      BOOST_TEST_INFO(text);
      BOOST_TEST(text.starts_with(std::string("my.toml:") + row.place + ": "));
      BOOST_TEST_INFO(text);
      BOOST_TEST(text.find(row.words) != std::string::npos);
      BOOST_TEST(!lab.error().why.empty());
      BOOST_TEST(!lab.error().hint.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_said_has_its_default) {
  const auto lab = parse_lab("[[node]]\nname = \"a\"\nrtt_ms = 1.5\n", "my.toml");
  BOOST_TEST_REQUIRE(lab.has_value());
  BOOST_TEST_REQUIRE(lab->nodes.size() == 1U);
  const LabNode& a = lab->nodes[0];
  BOOST_TEST(a.name == "a");
  BOOST_TEST(a.rtt_ms == 1.5);
  BOOST_TEST(a.jitter_ms == 0.0);
  BOOST_TEST(a.loss_percent == 0.0);
  BOOST_TEST(a.rate_mbit == 1000.0);
  BOOST_TEST(a.cpu_percent == 100.0);
  BOOST_TEST(a.memory_mib == 256U);
  BOOST_TEST(a.host.empty());
  BOOST_TEST(!a.cloud);
}

BOOST_AUTO_TEST_CASE(all_that_can_be_said_is_read_at_both_ends_of_its_range) {
  const auto lab = parse_lab(
      "[[node]]\nname = \"near\"\nrtt_ms = 0\njitter_ms = 0\nloss_percent = 0\nrate_mbit = 0.1\ncpu_percent = 1\n"
      "memory_mib = 1\nhost = []\ncloud = false\n"
      "[[node]]\nname = \"9-far\"\nrtt_ms = 2000\njitter_ms = 2000\nloss_percent = 100.0\nrate_mbit = 1e4\n"
      "cpu_percent = 100\nmemory_mib = 16384\nhost = [\"vision\"]\ncloud = true\n",
      "my.toml");
  BOOST_TEST_REQUIRE(lab.has_value());
  BOOST_TEST_REQUIRE(lab->nodes.size() == 2U);
  BOOST_TEST(lab->nodes[0].rate_mbit == 0.1);
  BOOST_TEST(lab->nodes[0].memory_mib == 1U);
  const LabNode& far = lab->nodes[1];
  BOOST_TEST(far.name == "9-far");
  BOOST_TEST(far.rtt_ms == 2000.0);
  BOOST_TEST(far.jitter_ms == 2000.0);
  BOOST_TEST(far.loss_percent == 100.0);
  BOOST_TEST(far.rate_mbit == 10000.0);
  BOOST_TEST(far.memory_mib == 16384U);
  BOOST_TEST(far.host.size() == 1U);
  BOOST_TEST(far.cloud);
}

BOOST_AUTO_TEST_CASE(sixteen_nodes_fit) {
  const auto lab = parse_lab(many_nodes(16), "my.toml");
  BOOST_TEST_REQUIRE(lab.has_value());
  BOOST_TEST(lab->nodes.size() == 16U);
  BOOST_TEST(lab->nodes[15].name == "n15");
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_read_say_why) {
  BOOST_TEST(read_lab("/nonexistent/lab.toml").error().text().find("no such file") != std::string::npos);
  BOOST_TEST(read_lab("/").error().text().find("directory") != std::string::npos);
  BOOST_TEST(read_lab("/dev/zero").error().text().find("larger than 64 KiB") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_an_error_and_not_a_crash) {
  const auto lab = parse_lab("x = " + std::string(60'000, '['), "my.toml");
  BOOST_TEST(!lab.has_value());
}
