#include "sdk/netlab/serve.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>

#include "sdk/netlab/exit_codes.hpp"
#include "sdk/netlab/io/control_server.hpp"
#include "sdk/netlab/io/keep_awake.hpp"
#include "sdk/netlab/io/lab.hpp"

namespace proxima::netlab {

namespace {

int tell(const Error& error, int code) {
  std::fprintf(stderr, "proxima-netlab: %s\n", error.text().c_str());
  return code;
}

// Every relayed connection takes two descriptors; the usual soft limit of 1024 is small for that.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A wire waits for no processor. Short turns let the scheduler (Linux 6.12 and later) run us as soon as we wake up beside
// processes that compute; it takes no privilege, and an older kernel refuses or ignores it.
void ask_for_short_turns() {
  struct {  // the kernel's struct sched_attr, version 0; its header cannot be included beside the C library's
    std::uint32_t size = 48;
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = ::getpriority(PRIO_PROCESS, 0);
    std::uint32_t priority = 0;
    std::uint64_t runtime_ns = 100'000;  // of a turn; the least there is
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
  } attributes;
  static_assert(sizeof attributes == 48);
  (void)::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

// The loop with its two signals. Closing them is what lets the loop end.
class StopSignals {
 public:
  explicit StopSignals(uv_loop_t* loop) {
    for (std::size_t i = 0; i < signals_.size(); ++i) {
      uv_signal_init(loop, &signals_[i]);
      uv_signal_start(&signals_[i], [](uv_signal_t* signal, int) { uv_stop(signal->loop); },
                      i == 0 ? SIGTERM : SIGINT);
    }
  }
  ~StopSignals() {
    for (uv_signal_t& signal : signals_) uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  std::array<uv_signal_t, 2> signals_{};
};

int run(uv_loop_t* loop, const ServeOptions& options, const Lab& lab) {
  Result<std::unique_ptr<RunningLab>> running = RunningLab::open(loop, lab, options.seed);
  if (!running) return tell(running.error(), exit_failed);
  if (options.api || options.broker) {
    if (const auto done = (*running)->apply(SetTargets{options.api, options.broker}); !done) {
      return tell(done.error(), exit_usage);
    }
  }
  Result<std::unique_ptr<ControlServer>> control = ControlServer::open(loop, options.socket, **running);
  if (!control) return tell(control.error(), exit_failed);
  std::fprintf(stderr, "proxima-netlab: seed %llu, socket %s\n", static_cast<unsigned long long>(options.seed),
               options.socket.c_str());
  std::printf("%s\n", (*running)->ready().dump().c_str());
  std::fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
  return exit_ok;
}

}  // namespace

int serve(const ServeOptions& options) {
  const Result<Lab> lab = read_lab(options.lab);
  if (!lab) return tell(lab.error(), exit_usage);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  const KeepAwake awake;
  if (!awake.granted()) {
    std::fprintf(stderr, "proxima-netlab: processors may fall asleep (no right to write /dev/cpu_dma_latency): in a virtual "
                         "machine each hop may then take a millisecond more\n");
  }
  ask_for_short_turns();
  uv_loop_t loop{};
  if (uv_loop_init(&loop) != 0) return tell({"cannot start", "no event loop", "raise ulimit -n"}, exit_failed);
  int code = exit_ok;
  {
    const StopSignals signals(&loop);
    code = run(&loop, options, *lab);
  }
  uv_run(&loop, UV_RUN_DEFAULT);  // lets what was closed end
  uv_loop_close(&loop);
  return code;
}

}  // namespace proxima::netlab
