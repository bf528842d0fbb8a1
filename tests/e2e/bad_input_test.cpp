// What people get wrong, met through the command line as they meet it: each mistake ends with its exit status and with words
// that say what failed, why, and what to try; and the region goes on. What single parts refuse is in their own tests
// (manifests, labs, modules, sources): here is what a person sees of it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "tests/e2e/region.hpp"

namespace {

using namespace proxima::tests;
using nlohmann::json;
namespace fs = std::filesystem;

using Words = std::vector<std::string>;

/// A person's command: no --json, stdout and stderr together.
Finished cli(Words words, std::chrono::milliseconds limit = std::chrono::seconds(120)) {
  words.insert(words.begin(), program("proxima"));
  return run(words, limit);
}

/// The same command's stdout alone.
Finished only_stdout(Words words) {
  words.insert(words.begin(), {"/bin/sh", "-c", R"(exec "$0" "$@" 2>/dev/null)", program("proxima")});
  return run(words);
}

void check_says(const Finished& done, int status, const Words& words) {
  BOOST_TEST(done.status == status, done.output);
  for (const std::string& word : words) BOOST_TEST(done.output.find(word) != std::string::npos, "'" << word << "' is not in: " << done.output);
  BOOST_TEST(done.output.find('\x1b') == std::string::npos, "colour where there is no terminal: " << done.output);
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  BOOST_TEST_REQUIRE(in.good(), path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string guest(const std::string& name) { return slurp(std::string(PROXIMA_GUESTS) + "/" + name + "/" + name + ".wasm"); }
std::string motion() { return slurp(std::string(PROXIMA_TASKS) + "/motion/motion.wasm"); }

/// A folder with a task of this name and module; `resources` is the manifest's memory_mib as it is written there.
std::string write_task(const std::string& folder, const std::string& name, const std::string& module, const std::string& memory_mib = "16") {
  fs::create_directories(folder);
  write_file(folder + "/module.wasm", module);
  write_file(folder + "/task.toml", "[task]\nname = \"" + name +
                                        "\"\nversion = \"0.1.0\"\nkind = \"stream\"\nmodule = \"module.wasm\"\n\n"
                                        "[contract]\ndeadline_ms = 2000\nrate_hz = 30\n\n[resources]\nmemory_mib = " +
                                        memory_mib + "\n\n[input]\nformat = \"grey8\"\nwidth = 320\nheight = 240\nmax_bytes = 76800\n");
  return folder;
}

/// A port of 127.0.0.1 that somebody listens on.
class TakenPort {
 public:
  TakenPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(fd_, 1) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw std::runtime_error("no port to listen on");
    port_ = ntohs(address.sin_port);
  }
  ~TakenPort() { close(fd_); }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  [[nodiscard]] std::string text() const { return std::to_string(port_); }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

/// A file system of its own at `place`, `bytes` large, for one command; empty where the kernel gives no namespaces.
Words with_small_disk(const std::string& place, int bytes) {
  Words out{"/usr/bin/bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--size", std::to_string(bytes), "--tmpfs", place};
  Words probe = out;
  probe.insert(probe.end(), {"--", "/usr/bin/true"});
  if (run(probe).status != 0) return {};
  out.push_back("--");
  return out;
}

json task_of(Region& region, const std::string& name) {
  const json tasks = region.ask({"tasks"});
  BOOST_TEST_REQUIRE(tasks.is_object());
  for (const json& one : tasks.at("tasks"))
    if (one.at("name") == name) return one;
  return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_wrong_command_line_is_explained_and_ends_with_2) {
  struct Row { const char* name; Words words; Words says; };
  const Row rows[] = {
      {"no verb", {}, {"cannot read the command line", "try: proxima --help"}},
      {"unknown verb", {"nods"}, {"there is no verb 'nods'", "the verbs are up, down"}},
      {"unknown verb's help", {"nods", "--help"}, {"there is no verb 'nods'"}},
      {"unknown option", {"nodes", "--jsn"}, {"--jsn", "try: proxima nodes --help"}},
      {"one word too many", {"nodes", "all"}, {"all", "try: proxima nodes --help"}},
      {"no task", {"plan"}, {"TASK is required", "try: proxima plan --help"}},
      {"out of range", {"stream", "motion", "--fps", "0"}, {"--fps", "try: proxima stream --help"}},
      {"two ends", {"stream", "motion", "--seconds", "1", "--frames", "2"}, {"--seconds", "--frames", "try:"}},
      {"a name that is none", {"up", "--insecure-loopback", "--region", "My Home"}, {"bad --region 'My Home'", "not a name", "try:"}},
      {"unknown log level", {"up", "--insecure-loopback", "--log-level", "loud"}, {"--log-level", "loud", "try: proxima up --help"}},
      {"unknown host function", {"up", "--insecure-loopback", "--host", "magic"}, {"--host", "magic", "try: proxima up --help"}},
      {"an address that is none", {"nodes", "--api", "somewhere"}, {"bad --api 'somewhere'", "http://HOST:PORT", "try:"}},
      {"no keys", {"up"}, {"refusing to start without keys", "try: proxima up --insecure-loopback"}},
      {"no such lab", {"up", "--insecure-loopback", "--lab", "/no/lab.toml"}, {"'/no/lab.toml'", "no such file", "try: check the path"}},
      {"no such task", {"plan", "moton", "--api", "http://127.0.0.1:1"}, {"no task 'moton'", "try:", "`motion` and `detect` are shipped"}},
  };
  for (const Row& row : rows) BOOST_TEST_CONTEXT(row.name) check_says(cli(row.words), 2, row.says);
}

BOOST_AUTO_TEST_CASE(without_a_region_every_verb_ends_with_3_and_says_how_to_get_one) {
  const TempDir dir;
  const Words verbs[] = {{"status"}, {"nodes"}, {"tasks"}, {"plan", "motion"}, {"run", "motion"}, {"stop", "motion"}, {"stream", "motion"}, {"explain", "motion"}};
  for (Words words : verbs) {
    BOOST_TEST_CONTEXT(words.front()) {
      words.insert(words.end(), {"--dir", dir.file("none")});
      check_says(cli(words), 3, {"no region runs here", dir.file("none"), "try: start one with `proxima up --insecure-loopback"});
      words.push_back("--json");
      const Finished silent = only_stdout(words);
      BOOST_TEST(silent.status == 3);
      BOOST_TEST(silent.output == "");  // words go to stderr alone
    }
  }
  check_says(cli({"down", "--dir", dir.file("none")}), 3, {"nothing to stop", "no region runs in", "try: name its place with --dir"});
  check_says(cli({"nodes", "--api", "http://127.0.0.1:1"}), 3, {"cannot reach the coordinator at http://127.0.0.1:1", "Connection refused", "try:"});
}

BOOST_AUTO_TEST_CASE(every_verbs_help_begins_with_examples) {
  for (const char* verb : {"up", "down", "status", "nodes", "tasks", "plan", "run", "stop", "stream", "explain", "version"}) {
    BOOST_TEST_CONTEXT(verb) {
      const Finished help = cli({verb, "--help"});
      BOOST_TEST(help.status == 0);
      BOOST_TEST(help.output.rfind("Example", 0) == 0U, help.output);
      BOOST_TEST(help.output.find("--json") != std::string::npos, help.output);
    }
  }
}

BOOST_AUTO_TEST_CASE(files_that_are_wrong_are_told_by_line_and_column) {
  const TempDir dir;
  struct Row { const char* name; const char* from; const char* to; const char* says; };
  const Row manifests[] = {
      {"unknown key", "memory_mib", "memroy_mib", "task.toml:12:1: [resources] has the unknown key 'memroy_mib'; nothing reads it; did you mean 'memory_mib'?"},
      {"wrong type", "deadline_ms = 2000", "deadline_ms = \"soon\"", "task.toml:8:15: 'deadline_ms'"},
      {"out of range", "rate_hz = 30", "rate_hz = -3", "task.toml:9:11: 'rate_hz'"},
  };
  const auto replaced = [](std::string text, const Row& row) {
    const std::size_t at = text.find(row.from);
    BOOST_TEST_REQUIRE(at != std::string::npos);
    return text.replace(at, std::string(row.from).size(), row.to);
  };
  for (const Row& row : manifests) {
    BOOST_TEST_CONTEXT(row.name) {
      const std::string task = write_task(dir.file("task"), "spoiled", motion());
      write_file(task + "/task.toml", replaced(slurp(task + "/task.toml"), row));
      check_says(cli({"plan", task, "--api", "http://127.0.0.1:1"}), 2, {"the manifest cannot be used", row.says});
    }
  }
  const std::string lab = lab_text({{"near", 2, 100, 64, false}, {"far", 9, 100, 64, false}});
  const Row labs[] = {
      {"unknown key", "memory_mib = 64", "memory = 64", "lab.toml:5:1: unknown key 'memory'"},
      {"wrong type", "rate_mbit = 100", "rate_mbit = \"fast\"", "lab.toml:4:13: "},
      {"out of range", "memory_mib = 64", "memory_mib = -64", "lab.toml:5:14: "},
      {"two nodes of one name", "\"far\"", "\"near\"", "lab.toml:11:8: "},
  };
  for (const Row& row : labs) {
    BOOST_TEST_CONTEXT(row.name) {
      write_file(dir.file("lab.toml"), replaced(lab, row));
      check_says(cli({"up", "--insecure-loopback", "--lab", dir.file("lab.toml"), "--dir", dir.file("run")}), 2, {row.says});
    }
  }
}

BOOST_AUTO_TEST_CASE(a_module_that_cannot_be_read_is_said_before_anything_is_asked) {
  const TempDir dir;
  const std::string none = write_task(dir.file("none"), "none", "");
  check_says(cli({"run", none, "--api", "http://127.0.0.1:1"}), 2, {"cannot use the module", "it is empty", "try: build the task again"});
  fs::remove(none + "/module.wasm");
  check_says(cli({"run", none, "--api", "http://127.0.0.1:1"}), 2, {"cannot read the module", "No such file", "task.toml names", "try: build the task"});
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_named) {
  const TempDir dir;
  for (const char* option : {"--api-port", "--broker-port"}) {
    BOOST_TEST_CONTEXT(option) {
      const TakenPort taken;
      check_says(cli({"up", "--insecure-loopback", "--dir", dir.file("run"), option, taken.text()}), 1,
                 {"port " + taken.text(), "another program uses it", std::string("choose another with ") + option});
      BOOST_TEST(!fs::exists(dir.file("run/region.json")));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_machine_without_mosquitto_is_told_what_to_install) {
  const TempDir dir;
  Words words = with_small_disk("/usr/sbin", 1 << 20);
  if (words.empty()) {
    BOOST_TEST_MESSAGE("skipped: this kernel gives no namespaces");
    return;
  }
  words.insert(words.end(), {"/usr/bin/env", "PATH=" + dir.path(), program("proxima"), "up", "--insecure-loopback", "--dir", dir.file("run")});
  check_says(run(words), 1, {"cannot start the broker", "mosquitto is not installed", "try: ", "apt-get install mosquitto"});
}

BOOST_AUTO_TEST_CASE(a_place_that_cannot_be_used_is_named) {
  const TempDir dir;
  write_file(dir.file("taken"), "a file where a folder is wanted");
  check_says(cli({"up", "--insecure-loopback", "--dir", dir.file("taken")}), 1, {dir.file("taken"), "it is not a directory", "try: choose another place with --dir"});
}

BOOST_AUTO_TEST_CASE(a_part_that_does_not_start_says_why_in_one_line) {
  const TempDir dir;
  fs::create_directories(dir.file("run/builder"));
  write_file(dir.file("run/coordinator"), "a file where a folder is wanted");
  check_says(cli({"up", "--insecure-loopback", "--dir", dir.file("run")}), 1,
             {"cannot start the coordinator", dir.file("run/coordinator"), "exit status", "try: read " + dir.file("run/logs/coordinator.log")});
}

BOOST_AUTO_TEST_CASE(bad_modules_are_refused_with_their_reason_and_the_region_goes_on) {
  Region region({{"only", 1, 900, 1024, true}});
  const std::string whole = motion();
  struct Row { std::string name; std::string module; const char* memory_mib; Words says; };
  const Row rows[] = {
      {"cut", whole.substr(0, whole.size() / 2), "16", {"the module is refused", "it ends in the middle", "docs/tasks.md"}},
      {"a-letter", "This is a letter and no module.\n", "16", {"the module is refused", "it is not a WebAssembly module"}},
      {"no-exports", guest("no_exports"), "16", {"the module is refused", "it does not export 'proxima_abi'", "PROXIMA_TASK registers a task"}},
      {"trap-at-once", guest("trap_at_once"), "16", {"the task trapped while starting", "trap(199)"}},
      {"loop-for-ever", guest("loop_for_ever"), "16", {"hang", "no answer in"}},
      {"wants-4-gib", guest("wants_4_gib"), "16", {"its memory may grow to 4096 MiB", "the manifest allows 16", "link with a smaller --max-memory"}},
      {"wants-and-says-so", guest("wants_4_gib"), "4096", {"memory_mib: needs 4096, has 1024"}},
  };
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      const std::string folder = write_task(region.file(row.name), row.name, row.module, row.memory_mib);
      Words says = row.says;
      says.push_back("no node can serve '" + row.name + "'");
      check_says(cli({"run", folder, "--dir", region.directory()}), 5, says);
      const json task = task_of(region, row.name);
      BOOST_TEST_REQUIRE(task.is_object());
      BOOST_TEST(task.at("state") == "refused");
      check_says(cli({"explain", row.name, "--dir", region.directory()}), 0, {row.says.front()});
    }
  }
  const json nodes = region.ask({"nodes"});
  BOOST_TEST_REQUIRE(nodes.is_object());
  BOOST_TEST(nodes.at("nodes").at(0).at("state") == "present");
  // And a good one is served; whoever knows only its id can feed it.
  const json placed = region.ask({"run", write_task(region.file("good"), "good", whole)});
  BOOST_TEST_REQUIRE(placed.is_object());
  BOOST_TEST_REQUIRE(placed.at("placed") == true, placed.dump());
  const std::string id = placed.at("task").get<std::string>();
  for (const std::string& by : {id, std::string("good")}) {
    const json stream = region.ask({"stream", by, "--frames", "5"});
    BOOST_TEST_REQUIRE(stream.is_object());
    BOOST_TEST(stream.at("tasks").at(0).at("frames_sent") == 5, stream.dump());
    BOOST_TEST(stream.at("tasks").at(0).at("failed") == 0, stream.dump());
  }
  check_says(cli({"stream", id, "--pin", "only", "--frames", "1", "--dir", region.directory()}), 2, {"cannot pin the running task", "it has its node already", "try: stop it"});
  check_says(cli({"plan", "motion", "--pin", "nobody", "--dir", region.directory()}), 5, {"residency: needs nobody, has only", "no node is named 'nobody'; see `proxima nodes`"});
  check_says(cli({"stop", id, "--dir", region.directory()}), 0, {"stopped good"});
  check_says(cli({"stream", id, "--frames", "1", "--dir", region.directory()}), 5, {"task good does not run", "stopped on request", "try:"});
  check_says(cli({"stop", "good", "--dir", region.directory()}), 2, {"no task 'good' runs", "try: see `proxima tasks`"});
  check_says(cli({"explain", "0123456789abcdef", "--dir", region.directory()}), 2, {"there is no such task", "try: see"});
}

BOOST_AUTO_TEST_CASE(clips_that_cannot_be_played_are_refused_and_one_that_changes_its_size_is_played) {
  Region region({{"only", 1, 900, 512, true}});
  write_file(region.file("letter.avi"), "This is a letter and not a video.\n");
  write_file(region.file("empty.avi"), "");
  write_file(region.file("signature.png"), "\x89PNG\r\n\x1a\n");
  struct Row { std::string source; const char* why; };
  const Row rows[] = {{region.file("none.avi"), "no such file"},
                      {region.directory(), "it is not a file"},
                      {region.file("letter.avi"), "it is not a video that can be decoded"},
                      {region.file("empty.avi"), "it is not a video that can be decoded"},
                      {region.file("signature.png"), "it has no frames"}};
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.source) {
      const Words says{"cannot open the source '" + row.source + "'", row.why, "try: "};
      check_says(cli({"stream", "motion", "--frames", "3", "--source", row.source, "--dir", region.directory()}), 2, says);
      check_says(cli({"plan", "motion", "--source", row.source, "--dir", region.directory()}), 2, says);
    }
  }
  const std::string path = region.file("changing.mjpeg");
  {
    std::ofstream file(path, std::ios::binary);
    for (int i = 0; i < 12; ++i) {
      std::vector<std::uint8_t> jpeg;
      cv::imencode(".jpg", cv::Mat(i < 6 ? cv::Size(640, 480) : cv::Size(160, 120), CV_8UC3, cv::Scalar(20 * i, 90, 60)), jpeg);
      file.write(reinterpret_cast<const char*>(jpeg.data()), static_cast<std::streamsize>(jpeg.size()));
    }
  }
  const json stream = region.ask({"stream", "motion", "--no-contract", "--frames", "24", "--fps", "10", "--source", path});
  BOOST_TEST_REQUIRE(stream.is_object());
  BOOST_TEST(stream.at("source").at("width") == 640);
  const json& task = stream.at("tasks").at(0);
  BOOST_TEST(task.at("frames_sent") == 24, stream.dump());
  BOOST_TEST(task.at("failed") == 0, stream.dump());
  BOOST_TEST(task.at("results").get<int>() > 12, stream.dump());  // twelve are large: small ones were answered too
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_full_while_building_is_named_where_the_task_is_refused) {
  const TempDir dir;
  fs::create_directories(dir.file("run/builder"));
  Words words = with_small_disk(dir.file("run/builder"), 256 << 10);
  if (words.empty()) {
    BOOST_TEST_MESSAGE("skipped: this kernel gives no namespaces");
    return;
  }
  words.insert(words.end(), {program("proxima"), "up", "--insecure-loopback", "--json", "--dir", dir.file("run")});
  Process up(words);
  BOOST_TEST_REQUIRE(up.wait_for_output("\"ready\":true", std::chrono::seconds(60)), up.output());
  check_says(cli({"run", "motion", "--no-contract", "--dir", dir.file("run")}), 5, {"no node can serve 'motion'", "the disk is full", "make room", "try again"});
  check_says(cli({"tasks", "--dir", dir.file("run")}), 0, {"refused", "the module cannot be built"});
  BOOST_TEST(cli({"down", "--dir", dir.file("run")}).status == 0);
  up.wait(std::chrono::seconds(10));
}
