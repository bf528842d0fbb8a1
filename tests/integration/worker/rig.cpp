#include "tests/integration/worker/rig.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>

namespace proxima::test {

agent::WorkerSpec spec_of(const std::string& object) {
  agent::WorkerSpec spec;
  spec.instance = InstanceId{0x1234};
  spec.epoch = Epoch{1};
  spec.task_name = object;
  spec.object_path = PROXIMA_OBJECTS + object + ".so";
  spec.memory_mib = 8;
  spec.frame_limit_ms = 5000;
  return spec;
}

Rig::Rig() {
  (void)std::signal(SIGPIPE, SIG_IGN);
  BOOST_REQUIRE_EQUAL(uv_loop_init(&loop_), 0);
}

Rig::~Rig() {
  runner_.reset();
  uv_run(&loop_, UV_RUN_DEFAULT);
  BOOST_CHECK_EQUAL(uv_loop_close(&loop_), 0);
}

Result<void> Rig::start(const agent::WorkerSpec& spec, const std::string& worker_program) {
  agent::WorkerCallbacks callbacks;
  callbacks.on_ready = [this](const agent::WorkerProcesses& value) { processes = value; };
  callbacks.on_done = [this](const agent::WorkDone& done) {
    answers.push_back({done.token, done.ok, done.code, done.executed_us, done.cpu_us,
                       std::vector<std::uint8_t>(done.output.begin(), done.output.end())});
  };
  callbacks.on_gone = [this](const std::string& reason, std::uint64_t token) {
    gone = reason;
    culprit = token;
    ++gone_count;
  };
  callbacks.on_log = [this](int level, std::string_view text) { log.push_back(std::to_string(level) + std::string(text)); };
  auto runner = agent::WorkerRunner::start(loop_, worker_program, PROXIMA_VISION, spec, std::move(callbacks));
  if (!runner) return runner.failure();
  runner_ = std::move(*runner);
  return {};
}

bool Rig::until_ready() {
  while (!processes && !gone) uv_run(&loop_, UV_RUN_ONCE);
  return !gone;
}

void Rig::submit(std::uint64_t token, std::string_view frame) {
  protocol::InputSpec shape;
  runner_->submit(token, shape, {reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()});
}

bool Rig::until_answers(std::size_t count) {
  while (answers.size() < count && !gone) uv_run(&loop_, UV_RUN_ONCE);
  return answers.size() >= count;
}

std::optional<Answer> Rig::run(std::string_view frame) {
  const std::size_t before = answers.size();
  submit(next_token_++, frame);
  if (!until_answers(before + 1)) return std::nullopt;
  return answers.back();
}

std::string Rig::until_gone() {
  while (!gone) uv_run(&loop_, UV_RUN_ONCE);
  return *gone;
}

void Rig::stop() {
  runner_->stop();
  until_gone();
  runner_.reset();
  uv_run(&loop_, UV_RUN_DEFAULT);
}

std::string proc_status(std::uint32_t pid, const std::string& name) {
  std::istringstream lines(read_text("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return {};
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

}  // namespace proxima::test
