// Native objects of the tests' modules, built once a program by the real builder; and a host that writes down what it
// is asked. One thread.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "agent/worker/guest.hpp"
#include "coordinator/builder/builder.hpp"
#include "coordinator/builder/files.hpp"

namespace proxima::tests {

/// The module of a task ("motion") or of a misbehaving guest ("hostile").
inline builder::Bytes module_of(const std::string& name) {
  for (const std::string folder : {PROXIMA_TASKS, PROXIMA_GUESTS}) {
    auto bytes = builder::read_file(folder + "/" + name + "/" + name + ".wasm", 8U << 20U);
    if (bytes) return *bytes;
  }
  BOOST_REQUIRE_MESSAGE(false, "no module " << name << ": build the target proxima_tasks");
  return {};
}

inline const builder::Builder& the_builder() {
  static const auto made = builder::Builder::open({PROXIMA_WASM2C, PROXIMA_RT});
  BOOST_REQUIRE_MESSAGE(made.has_value(), (made ? std::string{} : made.error().text()));
  return *made;
}

inline const builder::Bytes& object_of(const std::string& name, std::uint32_t memory_mib = 16) {
  static std::map<std::string, builder::Bytes> made;
  const auto found = made.find(name);
  if (found != made.end()) return found->second;
  auto object = the_builder().build(module_of(name), {"x86_64-linux-gnu", "scalar", memory_mib});
  BOOST_REQUIRE_MESSAGE(object.has_value(), (object ? std::string{} : object.error().text()));
  return made[name] = std::move(*object);
}

/// A file in memory that holds an object.
class ObjectFile {
 public:
  explicit ObjectFile(std::span<const std::uint8_t> bytes) : fd_(memfd_create("object", MFD_CLOEXEC)) {
    BOOST_REQUIRE(fd_ >= 0);
    BOOST_REQUIRE(write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ObjectFile(const ObjectFile&) = delete;
  ObjectFile& operator=(const ObjectFile&) = delete;
  ~ObjectFile() { close(fd_); }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

class RecordingHost final : public worker::HostCalls {
 public:
  void log(int level, std::string_view text) override { logged.emplace_back(std::to_string(level) + " " + std::string(text)); }
  std::uint64_t now_ns() override { return 4242; }
  std::int32_t call(std::string_view group, std::string_view function, std::span<const std::uint8_t> input,
                    std::span<std::uint8_t> output) override {
    calls.push_back(std::string(group) + "." + std::string(function) + " " + std::to_string(input.size()) + " " +
                    std::to_string(output.size()));
    return -2;
  }
  std::vector<std::string> logged;
  std::vector<std::string> calls;
};

/// A loaded guest with its file and host.
struct Loaded {
  explicit Loaded(const std::string& name, std::uint32_t memory_mib = 16) : file(object_of(name, memory_mib)) {
    auto loaded = worker::Guest::load(file.fd(), {memory_mib}, host);
    BOOST_REQUIRE_MESSAGE(loaded.has_value(), (loaded ? std::string{} : loaded.error().text()));
    guest = std::move(*loaded);
  }
  ObjectFile file;
  RecordingHost host;
  std::unique_ptr<worker::Guest> guest;
};

}  // namespace proxima::tests
