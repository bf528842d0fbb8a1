#include "agent/worker/guest.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <limits>
#include <new>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "agent/worker/runtime/memory.hpp"
#include "agent/worker/runtime/trap.hpp"
#include "common/object/gate.hpp"
#include "common/object/object_abi.h"
#include "common/protocol/limits.hpp"

namespace proxima::worker {
namespace {

constexpr std::size_t log_bytes = 200;
constexpr std::uint64_t table_elements_max = 65536;

/// Frees what calloc gave.
struct Freed {
  void operator()(void* memory) const { std::free(memory); }
};

struct Unloaded {
  void operator()(void* library) const { dlclose(library); }
};

class LoadedGuest final : public Guest {
 public:
  LoadedGuest(void* library, const proxima_object& object, std::unique_ptr<LinearMemory> memory, HostCalls& host)
      : library_(library), object_(object), linear_(std::move(memory)), host_(host) {
    output_.resize(limits::output_bytes);
    instance_.reset(std::calloc(1, object.instance_bytes));
  }
  ~LoadedGuest() override {
    if (instantiated_) object_.destroy(instance_.get());
  }
  LoadedGuest(const LoadedGuest&) = delete;
  LoadedGuest& operator=(const LoadedGuest&) = delete;

  Result<void> start();

  GuestOutcome open(const FrameInfo& input) override;
  GuestOutcome frame(const FrameInfo& info, std::span<const std::uint8_t> bytes) override;
  GuestOutcome close() override;

  // What the table of functions below works with, inside a call.
  [[nodiscard]] LinearMemory& linear() { return *linear_; }
  [[nodiscard]] HostCalls& host() { return host_; }
  [[nodiscard]] std::span<std::uint8_t> range(std::uint32_t address, std::uint32_t length) const;
  void set_output(std::span<const std::uint8_t> bytes);

 private:
  template <class Call>
  [[nodiscard]] bool enter(Call&& call, std::uint32_t& value);
  [[nodiscard]] GuestOutcome trapped();
  [[nodiscard]] GuestOutcome answered(std::uint32_t value) const;

  std::unique_ptr<void, Unloaded> library_;
  const proxima_object& object_;
  std::unique_ptr<LinearMemory> linear_;
  HostCalls& host_;
  std::unique_ptr<void, Freed> instance_;
  std::vector<std::uint8_t> output_;
  std::size_t output_bytes_ = 0;
  bool instantiated_ = false;
  std::string ended_;  ///< why it can no longer be called
  GuestCall call_;
};

// The functions that objects call. They run between guest frames: leave_guest() skips them, so they own nothing.

LoadedGuest* running = nullptr;  // the guest whose call is under way, on the one thread that runs guests

/// Runs a host function with the fault handler off.
template <class Function>
auto as_host(Function&& function) {
  set_in_guest(false);
  if constexpr (std::is_void_v<decltype(function())>) {
    function();
    set_in_guest(true);
  } else {
    const auto value = function();
    set_in_guest(true);
    return value;
  }
}

void trap(std::uint32_t why) { leave_guest(why); }

void memory_allocate(proxima_memory* memory, std::uint64_t initial, std::uint64_t max) {
  if (!running->linear().open(*memory, initial, max)) leave_guest(PROXIMA_TRAP_OOB);
}

std::uint64_t memory_grow(proxima_memory* memory, std::uint64_t pages) { return running->linear().grow(*memory, pages); }

void* table_allocate(std::uint64_t elements, std::size_t element_bytes) {
  void* table = elements <= table_elements_max
                    ? std::calloc(std::max<std::size_t>(static_cast<std::size_t>(elements), 1), element_bytes)
                    : nullptr;
  if (table == nullptr) leave_guest(PROXIMA_TRAP_TASK, 2);
  return table;
}

void output(void*, std::uint32_t address, std::uint32_t length) {
  running->set_output(running->range(address, length));
}

void log(void*, std::uint32_t level, std::uint32_t address, std::uint32_t length) {
  const std::span<const std::uint8_t> text = running->range(address, length);
  char line[log_bytes];
  std::size_t used = 0;
  for (const std::uint8_t byte : text.first(std::min(text.size(), log_bytes)))
    line[used++] = byte >= 0x20 && byte != 0x7f ? static_cast<char>(byte) : ' ';
  as_host([&] {
    running->host().log(static_cast<int>(std::min<std::uint32_t>(level, 3)), std::string_view(line, used));
  });
}

std::uint64_t now_ns(void*) {
  return as_host([] { return running->host().now_ns(); });
}

void task_trap(void*, std::uint32_t code) { leave_guest(PROXIMA_TRAP_TASK, static_cast<std::int32_t>(code)); }

std::uint32_t hog_people(void*, std::uint32_t in, std::uint32_t in_length, std::uint32_t out,
                         std::uint32_t out_capacity) {
  const std::span<const std::uint8_t> input = running->range(in, in_length);
  const std::span<std::uint8_t> room = running->range(out, out_capacity);
  return as_host([&] { return static_cast<std::uint32_t>(running->host().call("vision", "hog_people", input, room)); });
}

const proxima_runtime& runtime() {
  static const proxima_runtime table = [] {
    proxima_runtime r{};
    r.bytes = sizeof r;
    r.trap = trap;
    r.memory_allocate = memory_allocate;
    r.memory_grow = memory_grow;
    r.table_allocate = table_allocate;
    r.table_free = [](void* memory) { std::free(memory); };
    r.memory_copy = [](void* to, const void* from, std::size_t bytes) { return std::memcpy(to, from, bytes); };
    r.memory_move = [](void* to, const void* from, std::size_t bytes) { return std::memmove(to, from, bytes); };
    r.memory_set = [](void* to, int value, std::size_t bytes) { return std::memset(to, value, bytes); };
    r.memory_compare = [](const void* a, const void* b, std::size_t bytes) { return std::memcmp(a, b, bytes); };
    r.round_up = [](double x) { return std::ceil(x); };
    r.round_down = [](double x) { return std::floor(x); };
    r.round_to_zero = [](double x) { return std::trunc(x); };
    r.round_to_even = [](double x) { return std::nearbyint(x); };
    r.round_up_f = [](float x) { return std::ceil(x); };
    r.round_down_f = [](float x) { return std::floor(x); };
    r.round_to_zero_f = [](float x) { return std::trunc(x); };
    r.round_to_even_f = [](float x) { return std::nearbyint(x); };
    r.output = output;
    r.log = log;
    r.now_ns = now_ns;
    r.task_trap = task_trap;
    r.hog_people = hog_people;
    return r;
  }();
  return table;
}

std::span<std::uint8_t> LoadedGuest::range(std::uint32_t address, std::uint32_t length) const {
  const proxima_memory& memory = *object_.memory(instance_.get());
  if (address > memory.size || length > memory.size - address) leave_guest(PROXIMA_TRAP_HOST_RANGE);
  return {memory.data + address, length};
}

void LoadedGuest::set_output(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > output_.size()) leave_guest(PROXIMA_TRAP_OUTPUT);
  std::copy(bytes.begin(), bytes.end(), output_.begin());
  output_bytes_ = bytes.size();
}

/// Runs `call` as the guest; false: it trapped. Anything made inside `call` must own nothing.
template <class Call>
bool LoadedGuest::enter(Call&& call, std::uint32_t& value) {
  running = this;
  call_.memory = linear_.get();
  set_current_call(&call_);
  const bool returned = [&] {
    if (sigsetjmp(call_.leave, 0) != 0) return false;  // 0: no signal mask to restore, which would be a system call
    set_in_guest(true);
    value = call();
    set_in_guest(false);
    return true;
  }();
  set_current_call(nullptr);
  running = nullptr;
  return returned;
}

GuestOutcome LoadedGuest::trapped() {
  if (ended_.empty()) ended_ = trap_text(call_.trap, call_.code);
  GuestOutcome outcome;
  outcome.kind = GuestOutcome::Kind::trapped;
  outcome.reason = ended_;
  return outcome;
}

GuestOutcome LoadedGuest::answered(std::uint32_t value) const {
  GuestOutcome outcome;
  outcome.code = static_cast<std::int32_t>(value);
  if (outcome.code != 0) {
    outcome.kind = GuestOutcome::Kind::failed;
    return outcome;
  }
  outcome.output = std::span(output_).first(output_bytes_);
  return outcome;
}

Result<void> LoadedGuest::start() {
  if (instance_ == nullptr) return fail("cannot start the task", "out of memory");
  object_.bind(&runtime());
  std::uint32_t version = 0;
  const auto run = [this]() -> std::uint32_t {
    object_.instantiate(instance_.get(), this);
    instantiated_ = true;
    object_.initialize(instance_.get());
    return object_.abi_version(instance_.get());
  };
  if (!enter(run, version)) return fail("the task trapped while starting", trap_text(call_.trap, call_.code));
  if (version != 1)
    return fail("the task cannot run here", "it speaks version " + std::to_string(version) + " of the task interface",
                "compile it against this release's proxima/guest.hpp");
  return {};
}

GuestOutcome LoadedGuest::open(const FrameInfo& input) {
  if (!ended_.empty()) return trapped();
  output_bytes_ = 0;
  std::uint32_t value = 0;
  if (!enter([&] { return object_.on_open(instance_.get(), input.format, input.width, input.height); }, value))
    return trapped();
  return answered(value);
}

GuestOutcome LoadedGuest::frame(const FrameInfo& info, std::span<const std::uint8_t> bytes) {
  if (!ended_.empty()) return trapped();
  output_bytes_ = 0;
  const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), limits::frame_bytes + 1));
  std::uint32_t address = 0;
  if (length > limits::frame_bytes) {
    ended_ = "frame larger than " + std::to_string(limits::frame_bytes) + " bytes";
    return trapped();
  }
  if (!enter([&] { return object_.frame_buffer(instance_.get(), length); }, address)) return trapped();
  const proxima_memory& memory = *object_.memory(instance_.get());
  if (length != 0 && (address == 0 || address > memory.size || length > memory.size - address)) {
    ended_ = "no room in its memory for a frame of " + std::to_string(length) + " bytes";
    return trapped();
  }
  if (length != 0) std::memcpy(memory.data + address, bytes.data(), length);
  std::uint32_t value = 0;
  const auto run = [&] { return object_.on_frame(instance_.get(), length, info.format, info.width, info.height); };
  if (!enter(run, value)) return trapped();
  return answered(value);
}

GuestOutcome LoadedGuest::close() {
  if (!ended_.empty()) return trapped();
  output_bytes_ = 0;
  std::uint32_t value = 0;
  const auto run = [&]() -> std::uint32_t {
    object_.on_close(instance_.get());
    return 0;
  };
  if (!enter(run, value)) return trapped();
  return answered(value);
}

Result<std::vector<std::uint8_t>> read_object(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return fail("cannot read the native object", std::strerror(errno));
  if (!S_ISREG(info.st_mode) || info.st_size <= 0 || info.st_size > static_cast<off_t>(limits::object_bytes))
    return fail("cannot read the native object", "it is not a file of a sensible size", "fetch it again");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail("cannot read the native object", got < 0 ? std::strerror(errno) : "it is cut");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

Result<void> check_table(const proxima_object& object, const GuestLimits& given) {
  if (object.magic != PROXIMA_OBJECT_MAGIC || object.abi != PROXIMA_OBJECT_ABI || object.bytes != sizeof object ||
      object.memory_mode > PROXIMA_MEMORY_CONSTANT_MAX || object.instance_bytes > limits::object_bytes)
    return fail("the native object is refused", "it was made for another release", "build it again");
  const std::uint64_t allowed = std::uint64_t{given.memory_mib} * 1024 * 1024 / wasm_page_bytes;
  if (object.memory_max_pages > allowed)
    return fail("the task is refused",
                "its module may grow to " + std::to_string(object.memory_max_pages * wasm_page_bytes >> 20U) +
                    " MiB, the manifest says " + std::to_string(given.memory_mib),
                "raise memory_mib, or link with a smaller --max-memory");
  return {};
}

}  // namespace

Result<std::unique_ptr<Guest>> Guest::load(int object_fd, const GuestLimits& limits, HostCalls& host) {
  const auto bytes = read_object(object_fd);
  if (!bytes) return bytes.failure();
  PROXIMA_TRY(object::check(*bytes, object::this_machine()));
  PROXIMA_TRY(prepare_traps());
  std::unique_ptr<void, Unloaded> library(
      dlopen(("/proc/self/fd/" + std::to_string(object_fd)).c_str(), RTLD_NOW | RTLD_LOCAL));
  if (library == nullptr) {
    const char* why = dlerror();
    return fail("cannot load the native object", why != nullptr ? why : "the loader does not say why");
  }
  const auto* object = static_cast<const proxima_object*>(dlsym(library.get(), PROXIMA_OBJECT_SYMBOL));
  if (object == nullptr) return fail("cannot load the native object", "its table is missing");
  PROXIMA_TRY(check_table(*object, limits));
  auto memory =
      LinearMemory::reserve(static_cast<proxima_memory_mode>(object->memory_mode), object->memory_max_pages);
  if (!memory) return memory.failure();
  auto guest = std::make_unique<LoadedGuest>(library.release(), *object, std::move(*memory), host);
  host.before_first_call();
  PROXIMA_TRY(guest->start());
  return std::unique_ptr<Guest>(std::move(guest));
}

}  // namespace proxima::worker
