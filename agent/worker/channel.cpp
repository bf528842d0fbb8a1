#include "agent/worker/channel.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace proxima::worker {

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

SharedMemory SharedMemory::map(int fd, std::size_t bytes) {
  SharedMemory out;
  struct stat info{};
  if (fstat(fd, &info) != 0) return out;
  if (info.st_size < 0 || static_cast<std::uint64_t>(info.st_size) < bytes) {
    errno = EINVAL;
    return out;
  }
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return out;
  out.base_ = static_cast<std::uint8_t*>(base);
  out.bytes_ = bytes;
  return out;
}

bool ring(const Doorbell& doorbell, Bell bell) {
  const auto byte = static_cast<std::uint8_t>(bell);
  ssize_t sent = 0;
  do {
    sent = write(doorbell.out, &byte, 1);
  } while (sent < 0 && errno == EINTR);
  return sent == 1;
}

bool await_bell(const Doorbell& doorbell, Bell& bell) {
  std::uint8_t byte = 0;
  ssize_t got = 0;
  do {
    got = read(doorbell.in, &byte, 1);
  } while (got < 0 && errno == EINTR);
  bell = static_cast<Bell>(byte);
  return got == 1;
}

void say_farewell(Farewell& farewell, FarewellKind kind, std::string_view text) {
  const std::size_t count = text.size() < text_room ? text.size() : text_room;
  for (std::size_t i = 0; i < count; ++i) {
    const char c = text[i];
    farewell.text[i] = (c >= 0x20 && c < 0x7f) ? c : '?';
  }
  farewell.text_bytes.store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
  farewell.kind.store(static_cast<std::uint32_t>(kind), std::memory_order_release);
}

namespace {

struct CallName {
  std::int32_t number;
  std::string_view name;
};

constexpr CallName call_names[] = {
#include "system_call_names.inc"
};

}  // namespace

std::string_view system_call_name(std::int32_t number) {
  for (const CallName& entry : call_names) {
    if (entry.number == number) return entry.name;
  }
  return {};
}

}  // namespace proxima::worker
