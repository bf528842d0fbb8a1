#include "agent/worker/runtime/trap.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <pthread.h>

#include "common/base/assert.hpp"

namespace proxima::worker {
namespace {

constexpr std::size_t alternate_stack_bytes = 64U << 10U;
// A fault this far below the stack's end is still the stack's: a large frame steps over the guard page.
constexpr std::uintptr_t stack_overshoot_bytes = 1U << 20U;
constexpr std::uintptr_t stack_reserve_bytes = 64U << 10U;

struct ThreadStack {
  std::uintptr_t low = 0;
};

// Read by the signal handler, which runs on the thread that faulted.
thread_local GuestCall* call_under_way = nullptr;
thread_local volatile std::sig_atomic_t guest_runs = 0;
thread_local ThreadStack stack;

struct sigaction earlier_segv;
struct sigaction earlier_bus;

bool near_stack_end(std::uintptr_t address) {
  return stack.low != 0 && address < stack.low + stack_reserve_bytes &&
         address >= stack.low - std::min(stack.low, stack_overshoot_bytes);
}

/// A fault that is not the guest's goes where it would have gone without us.
void pass_on(int number, siginfo_t* info, void* context) {
  const struct sigaction& earlier = number == SIGSEGV ? earlier_segv : earlier_bus;
  if ((earlier.sa_flags & SA_SIGINFO) != 0 && earlier.sa_sigaction != nullptr) {
    earlier.sa_sigaction(number, info, context);
    return;
  }
  std::signal(number, SIG_DFL);  // returning repeats the fault, which now ends the process
}

void on_fault(int number, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (guest_runs != 0 && call_under_way != nullptr) {
    if (call_under_way->memory != nullptr && call_under_way->memory->covers(address)) leave_guest(PROXIMA_TRAP_OOB);
    if (near_stack_end(address)) leave_guest(PROXIMA_TRAP_STACK);
  }
  pass_on(number, info, context);
}

Result<void> learn_stack() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return fail("cannot learn where the stack ends");
  void* low = nullptr;
  std::size_t bytes = 0;
  const int status = pthread_attr_getstack(&attributes, &low, &bytes);
  pthread_attr_destroy(&attributes);
  if (status != 0) return fail("cannot learn where the stack ends", std::strerror(status));
  stack.low = reinterpret_cast<std::uintptr_t>(low);
  return {};
}

/// A stack for the handler, which runs when the ordinary one is used up. Kept if something has set one already.
Result<void> set_alternate_stack() {
  alignas(16) static thread_local std::byte room[alternate_stack_bytes];
  stack_t present{};
  if (sigaltstack(nullptr, &present) != 0) return fail("cannot read the signal stack", std::strerror(errno));
  if ((present.ss_flags & SS_DISABLE) == 0) return {};
  stack_t wanted{};
  wanted.ss_sp = room;
  wanted.ss_size = sizeof room;
  if (sigaltstack(&wanted, nullptr) != 0) return fail("cannot set the signal stack", std::strerror(errno));
  return {};
}

/// Installs the handler for one signal, unless it is there, and remembers what was there before.
Result<void> install(int number, struct sigaction& earlier) {
  struct sigaction present {};
  if (sigaction(number, nullptr, &present) != 0) return fail("cannot read the fault handlers", std::strerror(errno));
  if ((present.sa_flags & SA_SIGINFO) != 0 && present.sa_sigaction == on_fault) return {};
  earlier = present;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;  // left by siglongjmp with the mask as it is
  sigemptyset(&action.sa_mask);
  if (sigaction(number, &action, nullptr) != 0) return fail("cannot install the fault handlers", std::strerror(errno));
  return {};
}

}  // namespace

Result<void> prepare_traps() {
  PROXIMA_TRY(learn_stack());
  PROXIMA_TRY(set_alternate_stack());
  PROXIMA_TRY(install(SIGSEGV, earlier_segv));
  return install(SIGBUS, earlier_bus);
}

GuestCall* current_call() { return call_under_way; }
void set_current_call(GuestCall* call) { call_under_way = call; }
void set_in_guest(bool in_guest) { guest_runs = in_guest ? 1 : 0; }

void leave_guest(std::uint32_t trap, std::int32_t code) {
  GuestCall* call = call_under_way;
  PROXIMA_ASSERT(call != nullptr);
  guest_runs = 0;
  call->trap = trap;
  call->code = code;
  siglongjmp(call->leave, 1);
}

std::string trap_text(std::uint32_t trap, std::int32_t code) {
  switch (trap) {
    case PROXIMA_TRAP_OOB: return "out-of-bounds memory access";
    case PROXIMA_TRAP_INT_OVERFLOW: return "integer overflow";
    case PROXIMA_TRAP_DIV_BY_ZERO: return "integer divide by zero";
    case PROXIMA_TRAP_INVALID_CONVERSION: return "conversion of not-a-number to an integer";
    case PROXIMA_TRAP_UNREACHABLE: return "unreachable";
    case PROXIMA_TRAP_CALL_INDIRECT: return "indirect call of an empty or different function";
    case PROXIMA_TRAP_STACK: return "stack exhausted";
    case PROXIMA_TRAP_HOST_RANGE: return "gave a host function a range outside its memory";
    case PROXIMA_TRAP_OUTPUT: return "output larger than a result may be";
    case PROXIMA_TRAP_TASK: break;
    default: return "trap " + std::to_string(trap);
  }
  switch (code) {
    case 1: return "the task aborted";
    case 2: return "out of memory";
    case 3: return "the task called a pure virtual function";
    case 4: return "an assertion of the task failed";
    case 5: return "frame larger than its buffer";
    default: return "the task called trap(" + std::to_string(code) + ")";
  }
}

}  // namespace proxima::worker
