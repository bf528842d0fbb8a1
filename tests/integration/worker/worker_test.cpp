// A real worker with hand-written objects: frames, isolation, and every way in which it can end.
#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <filesystem>
#include <set>

#include <poll.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/worker/channel.hpp"
#include "common/protocol/limits.hpp"
#include "tests/integration/worker/rig.hpp"

namespace {

using namespace proxima;
using namespace proxima::test;
using protocol::Isolation;

// A sanitizer's worker keeps standard error for its report, and its memory cannot be limited.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

std::string text_of(const Answer& answer) { return {answer.output.begin(), answer.output.end()}; }

std::string pid_path(std::uint32_t pid, const std::string& rest) { return "/proc/" + std::to_string(pid) + "/" + rest; }

/// A rig whose worker is ready.
struct Running : Rig {
  explicit Running(const agent::WorkerSpec& spec = spec_of("obedient")) {
    BOOST_REQUIRE(start(spec));
    const bool ready = until_ready();
    BOOST_REQUIRE_MESSAGE(ready, *gone);
  }
};

BOOST_AUTO_TEST_CASE(a_frame_goes_through_shared_memory_and_comes_back) {
  Running rig;
  const auto answer = rig.run("echo this");
  BOOST_REQUIRE(answer);
  BOOST_CHECK(answer->ok);
  BOOST_CHECK_EQUAL(text_of(*answer), "echo this");
  BOOST_CHECK(rig.log.empty());
  rig.stop();
  BOOST_CHECK_EQUAL(*rig.gone, "stopped");
  BOOST_CHECK_EQUAL(rig.gone_count, 1);
  BOOST_CHECK_EQUAL(rig.culprit, 0U);
}

BOOST_AUTO_TEST_CASE(two_frames_at_once_are_answered_in_order_and_a_third_has_to_wait) {
  Running rig;
  for (std::uint64_t round = 0; round < 50; ++round) {
    const std::string first = "e first " + std::to_string(round);
    const std::string second = "e second " + std::to_string(round);
    rig.submit(2 * round + 1, first);
    BOOST_CHECK(rig.runner().idle());
    rig.submit(2 * round + 2, second);
    BOOST_CHECK(!rig.runner().idle());
    BOOST_REQUIRE(rig.until_answers(2 * round + 2));
    BOOST_CHECK_EQUAL(rig.answers[2 * round].token, 2 * round + 1);
    BOOST_CHECK_EQUAL(text_of(rig.answers[2 * round]), first);
    BOOST_CHECK_EQUAL(rig.answers[2 * round + 1].token, 2 * round + 2);
    BOOST_CHECK_EQUAL(text_of(rig.answers[2 * round + 1]), second);
  }
}

BOOST_AUTO_TEST_CASE(a_frame_of_every_allowed_size_arrives_whole) {
  auto spec = spec_of("obedient");
  spec.input.max_bytes = limits::frame_bytes;
  Running rig(spec);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{65536}}) {
    std::string frame(size, 'e');
    for (std::size_t i = 1; i < size; ++i) frame[i] = static_cast<char>(i * 7 + i / 256);
    const auto answer = rig.run(frame);
    BOOST_REQUIRE(answer);
    if (size != 0) BOOST_CHECK(text_of(*answer) == frame);
  }
  std::string largest(limits::frame_bytes, 'x');
  largest[0] = 'e';
  const auto answer = rig.run(largest);
  BOOST_REQUIRE(answer);
  BOOST_CHECK(text_of(*answer) == largest.substr(0, 65536));
}

BOOST_AUTO_TEST_CASE(the_state_is_the_instances_own_and_starts_empty) {
  for (int life = 0; life < 2; ++life) {
    Running rig;
    for (const int expected : {1, 2, 3}) {
      const auto answer = rig.run("i");
      BOOST_REQUIRE(answer);
      BOOST_REQUIRE_EQUAL(answer->output.size(), 1U);
      BOOST_CHECK_EQUAL(answer->output[0], expected);
    }
    rig.stop();
  }
}

BOOST_AUTO_TEST_CASE(a_task_that_says_no_is_answered_with_its_code_and_goes_on) {
  Running rig;
  const auto refused = rig.run("f");
  BOOST_REQUIRE(refused);
  BOOST_CHECK(!refused->ok);
  BOOST_CHECK_EQUAL(refused->code, 7);
  BOOST_CHECK(refused->output.empty());
  const auto next = rig.run("e");
  BOOST_REQUIRE(next);
  BOOST_CHECK(next->ok);
}

BOOST_AUTO_TEST_CASE(a_logged_line_arrives_without_control_characters) {
  Running rig;
  BOOST_REQUIRE(rig.run("ga\x1b[31mline\n"));
  BOOST_REQUIRE_EQUAL(rig.log.size(), 1U);
  BOOST_CHECK_EQUAL(rig.log[0], "2a [31mline ");
  BOOST_REQUIRE(rig.run("e"));
  BOOST_CHECK_EQUAL(rig.log.size(), 1U);
}

BOOST_AUTO_TEST_CASE(a_worker_is_shut_in_as_its_status_says) {
  Running rig;
  BOOST_REQUIRE(rig.run("e"));
  const std::uint32_t pid = rig.processes->worker_pid;
  BOOST_CHECK(rig.processes->isolation == Isolation::full);
  BOOST_CHECK_EQUAL(rig.processes->host_pid, 0U);
  BOOST_CHECK_EQUAL(proc_status(pid, "Seccomp"), "2");
  BOOST_CHECK_EQUAL(proc_status(pid, "NoNewPrivs"), "1");
  BOOST_CHECK_EQUAL(proc_status(pid, "CapEff"), "0000000000000000");
  BOOST_CHECK_EQUAL(proc_status(pid, "CapPrm"), "0000000000000000");
  BOOST_CHECK(!proc_status(pid, "Uid").starts_with("0\t"));
  BOOST_CHECK(proc_status(pid, "Uid").find("\t0") == std::string::npos);
  BOOST_CHECK(proc_status(pid, "Gid").find("\t0") == std::string::npos);
  if (geteuid() == 0) {
    BOOST_CHECK_EQUAL(proc_status(pid, "Groups"), " ");
    BOOST_CHECK_NE(std::filesystem::read_symlink(pid_path(pid, "ns/net")), std::filesystem::read_symlink("/proc/self/ns/net"));
  }
  BOOST_CHECK(read_text(pid_path(pid, "limits")).find("Max core file size        0                    0") != std::string::npos);
  BOOST_CHECK(read_text(pid_path(pid, "environ")).starts_with(std::string("LC_ALL=C\0", 9)));
}

BOOST_AUTO_TEST_CASE(a_worker_holds_nothing_but_its_doorbell, *boost::unit_test::enable_if<!sanitized>()) {
  const int secret = open("/proc/self/cmdline", O_RDONLY);  // without O_CLOEXEC: a careless library's descriptor
  Running rig;
  std::multiset<std::string> held;
  for (const auto& entry : std::filesystem::directory_iterator(pid_path(rig.processes->worker_pid, "fd"))) {
    const std::string target = std::filesystem::read_symlink(entry.path());
    held.insert(target.substr(0, target.find('[')));
  }
  close(secret);
  BOOST_CHECK((held == std::multiset<std::string>{"/dev/null", "/dev/null", "/dev/null", "pipe:", "pipe:"}));
  const std::string maps = read_text(pid_path(rig.processes->worker_pid, "maps"));
  BOOST_CHECK(maps.find("proxima-object") != std::string::npos);
  BOOST_CHECK(maps.find("opencv") == std::string::npos);
}

struct Misbehaviour {
  const char* name;
  const char* frame;
  const char* reason;
};

const Misbehaviour misbehaviours[] = {
    {"opens a file", "o", "called the forbidden system call openat"},
    {"makes a socket", "s", "called the forbidden system call socket"},
    {"executes a program", "x", "called the forbidden system call execve"},
    {"traces", "p", "called the forbidden system call ptrace"},
    {"kills", "k", "called the forbidden system call kill"},
    {"replaces the handler", "a", "called the forbidden system call rt_sigaction"},
    {"blocks the signal", "b", "called the forbidden system call rt_sigprocmask"},
    {"makes a thread", "c", "called the forbidden system call clone"},
    {"makes memory executable", "m", "called the forbidden system call mprotect"},
    {"writes to another descriptor", "w", "called the forbidden system call write"},
    {"makes a call that does not exist", "n", "called the forbidden system call number 9999"},
    {"leaves", "q", "ended with status 5"},
    {"crashes", "y", "killed by signal 4"},
    {"reads beyond its memory", "t", "trap: out-of-bounds memory access"},
};

BOOST_AUTO_TEST_CASE(a_task_that_misbehaves_is_ended_and_the_reason_named) {
  for (const Misbehaviour& row : misbehaviours) {
    BOOST_TEST_CONTEXT(row.name) {
      Running rig;
      BOOST_REQUIRE(rig.run("e"));
      rig.submit(77, row.frame);
      BOOST_CHECK_EQUAL(rig.until_gone(), row.reason);
      BOOST_CHECK_EQUAL(rig.culprit, 77U);
      BOOST_CHECK_EQUAL(rig.gone_count, 1);
    }
  }
}

// AddressSanitizer reads /proc when a fault's handler jumps out of it, which is forbidden here.
BOOST_AUTO_TEST_CASE(a_fault_is_a_trap_inside_the_guests_memory_and_a_death_outside, *boost::unit_test::enable_if<!sanitized>()) {
  for (const auto& [frame, reason] : {std::pair{"u", "trap: out-of-bounds memory access"}, std::pair{"d", "killed by signal 11"}}) {
    Running rig;
    rig.submit(1, frame);
    BOOST_CHECK_EQUAL(rig.until_gone(), reason);
    BOOST_CHECK_EQUAL(rig.culprit, 1U);
  }
}

BOOST_AUTO_TEST_CASE(memory_over_the_limit_is_not_given, *boost::unit_test::enable_if<!sanitized>()) {
  Running rig;
  const auto answer = rig.run("v");
  BOOST_REQUIRE(answer);
  BOOST_CHECK_EQUAL(answer->code, ENOMEM);
}

BOOST_AUTO_TEST_CASE(the_frame_that_was_executed_is_the_culprit_not_the_one_answered_before) {
  Running rig;
  rig.submit(1, "e");
  rig.submit(2, "s");
  BOOST_CHECK_EQUAL(rig.until_gone(), "called the forbidden system call socket");
  BOOST_CHECK_EQUAL(rig.culprit, 2U);
  BOOST_CHECK_EQUAL(rig.answers.size(), 1U);
}

BOOST_AUTO_TEST_CASE(an_object_is_shut_in_before_its_first_instruction) {
  const std::pair<const char*, const char*> rows[] = {
      {"hostile_bind", "called the forbidden system call socket"},
      {"hostile_start", "called the forbidden system call openat"},
  };
  for (const auto& [object, reason] : rows) {
    Rig rig;
    BOOST_REQUIRE(rig.start(spec_of(object)));
    BOOST_CHECK_EQUAL(rig.until_gone(), reason);
    BOOST_CHECK(!rig.processes);
  }
}

struct BadOpen {
  const char* name;
  std::uint16_t width;
  std::uint32_t limit_ms;
  const char* reason;
};

BOOST_AUTO_TEST_CASE(a_task_that_does_not_open_is_gone_with_a_reason) {
  const BadOpen rows[] = {
      {"says no", 1, 5000, "refused: on_open returned 9"},
      {"traps", 2, 5000, "trap: unreachable"},
      {"hangs", 3, 50, "hang: no answer in 50 ms"},
  };
  for (const BadOpen& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      auto spec = spec_of("obedient");
      spec.input.width = row.width;
      spec.frame_limit_ms = row.limit_ms;
      Rig rig;
      BOOST_REQUIRE(rig.start(spec));
      BOOST_CHECK_EQUAL(rig.until_gone(), row.reason);
      BOOST_CHECK(!rig.processes);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_task_that_hangs_is_ended) {
  auto spec = spec_of("obedient");
  spec.frame_limit_ms = 700;  // also on_open's, which a busy machine may keep waiting
  Running rig(spec);
  rig.submit(5, "l");
  BOOST_CHECK_EQUAL(rig.until_gone(), "hang: no answer in 700 ms");
  BOOST_CHECK_EQUAL(rig.culprit, 5U);
}

BOOST_AUTO_TEST_CASE(the_limit_grows_as_the_share_of_the_core_shrinks) {
  auto spec = spec_of("obedient");
  spec.frame_limit_ms = 140;
  spec.cpu_percent = 20;
  Running rig(spec);
  rig.submit(5, "l");
  BOOST_CHECK_EQUAL(rig.until_gone(), "hang: no answer in 700 ms");
}

BOOST_AUTO_TEST_CASE(a_share_of_the_core_stretches_the_time_that_is_seen) {
  auto spec = spec_of("obedient");
  spec.cpu_percent = 20;
  Running rig(spec);
  for (int i = 0; i < 5; ++i) {
    const auto answer = rig.run("z");
    BOOST_REQUIRE(answer);
    BOOST_CHECK_GT(answer->cpu_us, 0U);
    // What the CPU clock counted before the frame's turn came is in cpu_us as well, and counted within the same share.
    BOOST_CHECK_GE(answer->executed_us + 1, answer->cpu_us * 5);
  }
}

BOOST_AUTO_TEST_CASE(a_worker_that_is_stopped_and_continued_goes_on) {
  auto spec = spec_of("obedient");
  spec.cpu_percent = 10;
  Running rig(spec);
  const auto pid = static_cast<pid_t>(rig.processes->worker_pid);
  rig.submit(1, "z");
  for (int i = 0; i < 20; ++i) {
    BOOST_REQUIRE_EQUAL(kill(pid, SIGSTOP), 0);
    BOOST_REQUIRE_EQUAL(kill(pid, SIGCONT), 0);
  }
  const bool answered = rig.until_answers(1);
  BOOST_REQUIRE_MESSAGE(answered, *rig.gone);
  BOOST_CHECK(rig.run("e"));
}

BOOST_AUTO_TEST_CASE(a_worker_that_is_killed_is_reported) {
  Running rig;
  BOOST_REQUIRE_EQUAL(kill(static_cast<pid_t>(rig.processes->worker_pid), SIGKILL), 0);
  BOOST_CHECK_EQUAL(rig.until_gone(), "killed by signal 9");
  BOOST_CHECK_EQUAL(rig.culprit, 0U);
}

BOOST_AUTO_TEST_CASE(stop_is_obeyed_in_every_phase_and_said_once) {
  Rig starting;
  BOOST_REQUIRE(starting.start(spec_of("obedient")));
  starting.runner().stop();
  starting.runner().stop();
  BOOST_CHECK_EQUAL(starting.until_gone(), "stopped");
  Running busy;
  busy.submit(3, "l");
  busy.stop();
  BOOST_CHECK_EQUAL(*busy.gone, "stopped");
  BOOST_CHECK_EQUAL(busy.culprit, 3U);
  BOOST_CHECK_EQUAL(busy.gone_count, 1);
}

struct BadStart {
  const char* name;
  void (*spoil)(agent::WorkerSpec&);
  const char* says;
};

BOOST_AUTO_TEST_CASE(what_cannot_be_started_is_refused_with_a_reason) {
  const BadStart rows[] = {
      {"no object", [](agent::WorkerSpec& spec) { spec.object_path = "/nonexistent.so"; }, "No such file"},
      {"a folder", [](agent::WorkerSpec& spec) { spec.object_path = "/proc"; }, "not a file"},
      {"frames too large", [](agent::WorkerSpec& spec) { spec.input.max_bytes = limits::frame_bytes + 1; }, "4194304 are possible"},
      {"no frames", [](agent::WorkerSpec& spec) { spec.input.max_bytes = 0; }, "are possible"},
      {"results too large", [](agent::WorkerSpec& spec) { spec.output_limit_bytes = 1U << 20U; }, "are possible"},
      {"no memory", [](agent::WorkerSpec& spec) { spec.memory_mib = 0; }, "memory_mib is 0"},
      {"no CPU", [](agent::WorkerSpec& spec) { spec.cpu_percent = 0; }, "cpu_percent is 0"},
      {"unknown functions", [](agent::WorkerSpec& spec) { spec.functions = {"teleport"}; }, "'teleport' is not offered here"},
  };
  for (const BadStart& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      auto spec = spec_of("obedient");
      row.spoil(spec);
      Rig rig;
      const auto started = rig.start(spec);
      BOOST_REQUIRE(!started);
      BOOST_CHECK_MESSAGE(started.error().text().find(row.says) != std::string::npos, started.error().text());
    }
  }
}

BOOST_AUTO_TEST_CASE(an_object_that_the_worker_refuses_is_reported) {
  auto text = spec_of("obedient");
  text.object_path = "/etc/passwd";
  auto hungry = spec_of("obedient");
  hungry.memory_mib = 1;
  for (const auto& spec : {text, hungry}) {
    Rig rig;
    BOOST_REQUIRE(rig.start(spec));
    BOOST_CHECK_MESSAGE(rig.until_gone().starts_with("refused: "), *rig.gone);
  }
}

BOOST_AUTO_TEST_CASE(a_result_over_the_limit_ends_the_instance) {
  auto spec = spec_of("obedient");
  spec.output_limit_bytes = 64;
  Running rig(spec);
  BOOST_REQUIRE(rig.run("e" + std::string(63, 'x')));
  rig.submit(2, "e" + std::string(64, 'x'));
  BOOST_CHECK_EQUAL(rig.until_gone(), "overrun: a result of 65 bytes, over the limit of 64");
}

BOOST_AUTO_TEST_CASE(two_hundred_lives_leave_no_descriptor_and_no_child) {
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 200; ++i) {
    Running rig;
    if (i % 3 == 0) BOOST_REQUIRE(rig.run("e"));
    if (i % 3 == 1) kill(static_cast<pid_t>(rig.processes->worker_pid), SIGKILL);
    if (i % 3 == 2) rig.runner().stop();
    if (i % 2 == 0) rig.stop();  // else the rig ends while its runner lives
  }
  BOOST_CHECK_EQUAL(open_descriptors(), before);
  BOOST_CHECK_EQUAL(waitpid(-1, nullptr, WNOHANG), -1);
  BOOST_CHECK_EQUAL(errno, ECHILD);
}

struct Lie {
  const char* name;
  std::string ends;
};

BOOST_AUTO_TEST_CASE(a_worker_that_was_taken_over_cannot_harm_its_agent) {
  const std::string protocol = "broke the protocol between worker and agent";
  const Lie lies[] = {
      {"ready-first", protocol},
      {"sealed-twice", protocol},
      {"unknown-bell", protocol},
      {"answers-nothing", protocol},
      {"answers-twice", protocol},
      {"hangs-up", "killed by signal 9"},
      {"lies-in-farewell", "trap: " + std::string(worker::text_room, '?')},
      {"lies-about-a-call", "called the forbidden system call number -5"},
      {"unknown-farewell", "ended with status 3"},
  };
  for (const Lie& lie : lies) {
    BOOST_TEST_CONTEXT(lie.name) {
      auto spec = spec_of("obedient");
      spec.task_name = lie.name;
      Rig rig;
      BOOST_REQUIRE(rig.start(spec, PROXIMA_HOSTILE_WORKER));
      if (spec.task_name == "answers-twice" && rig.until_ready()) rig.submit(1, "e");
      BOOST_CHECK_EQUAL(rig.until_gone(), lie.ends);
      BOOST_CHECK_EQUAL(rig.gone_count, 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_that_a_worker_invents_are_cut_to_what_there_is) {
  auto spec = spec_of("obedient");
  spec.task_name = "lies-in-answers";
  spec.output_limit_bytes = 100;
  Rig rig;
  BOOST_REQUIRE(rig.start(spec, PROXIMA_HOSTILE_WORKER));
  BOOST_REQUIRE(rig.until_ready());
  const auto answer = rig.run("e");
  BOOST_REQUIRE(answer);
  BOOST_CHECK_EQUAL(answer->output.size(), 100U);
  BOOST_REQUIRE_EQUAL(rig.log.size(), 1U);
  BOOST_CHECK_EQUAL(rig.log[0], "1" + std::string(worker::log_room - 1, '?'));
}

/// Runs `body` in a child process; its exit status.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  BOOST_REQUIRE_NE(child, -1);
  if (child == 0) _exit(body());
  int status = 0;
  BOOST_REQUIRE_EQUAL(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

BOOST_AUTO_TEST_CASE(workers_do_not_outlive_their_agent) {
  int report[2];
  BOOST_REQUIRE_EQUAL(pipe(report), 0);
  const pid_t agent = fork();
  BOOST_REQUIRE_NE(agent, -1);
  if (agent == 0) {
    Rig rig;
    auto spec = spec_of("obedient");
    spec.functions = {"vision"};
    if (!rig.start(spec) || !rig.until_ready()) _exit(1);
    rig.submit(1, "l");
    const std::array<std::uint32_t, 2> pids{rig.processes->worker_pid, rig.processes->host_pid};
    (void)!write(report[1], pids.data(), sizeof pids);
    for (;;) pause();
  }
  close(report[1]);
  std::array<std::uint32_t, 2> pids{};
  BOOST_REQUIRE_EQUAL(read(report[0], pids.data(), sizeof pids), static_cast<ssize_t>(sizeof pids));
  close(report[0]);
  std::array<pollfd, 2> ends{};
  for (std::size_t i = 0; i < pids.size(); ++i) {
    ends[i] = {static_cast<int>(syscall(SYS_pidfd_open, pids[i], 0)), POLLIN, 0};
    BOOST_REQUIRE_GE(ends[i].fd, 0);
  }
  kill(agent, SIGKILL);
  waitpid(agent, nullptr, 0);
  for (pollfd& end : ends) {
    BOOST_CHECK_EQUAL(poll(&end, 1, 10'000), 1);
    close(end.fd);
  }
}

/// Makes the kernel look as if it had no seccomp, for this process and its children.
void hide_seccomp() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  const scmp_arg_cmp set_seccomp{0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0};
  seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0);
  seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, &set_seccomp);
  seccomp_load(filter);
  seccomp_release(filter);
}

BOOST_AUTO_TEST_CASE(the_isolation_is_measured_with_a_real_worker) {
  BOOST_CHECK(agent::measure_isolation(PROXIMA_WORKER) == Isolation::full);
  BOOST_CHECK(agent::measure_isolation("/nonexistent") == Isolation::none);
  BOOST_CHECK(agent::measure_isolation("/bin/true") == Isolation::none);
}

BOOST_AUTO_TEST_CASE(without_seccomp_the_isolation_is_less_and_said_to_be) {
  BOOST_CHECK_EQUAL(in_child([] {
                      hide_seccomp();
                      return static_cast<int>(agent::measure_isolation(PROXIMA_WORKER));
                    }),
                    static_cast<int>(Isolation::process));
  BOOST_CHECK_EQUAL(in_child([] {
                      hide_seccomp();
                      Rig rig;
                      if (!rig.start(spec_of("obedient")) || !rig.until_ready() || !rig.run("e")) return 100;
                      return static_cast<int>(rig.processes->isolation);
                    }),
                    static_cast<int>(Isolation::process));
}

BOOST_AUTO_TEST_CASE(system_calls_have_their_names) {
  BOOST_CHECK_EQUAL(worker::system_call_name(SYS_openat), "openat");
  BOOST_CHECK_EQUAL(worker::system_call_name(SYS_ptrace), "ptrace");
  BOOST_CHECK_EQUAL(worker::system_call_name(-1), "");
}

}  // namespace
