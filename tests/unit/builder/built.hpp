// The real builder and what it makes of the tasks, once a program. One thread.
#pragma once

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>

#include "coordinator/builder/builder.hpp"
#include "coordinator/builder/files.hpp"

namespace proxima::tests {

using Bytes = builder::Bytes;

inline const builder::Builder& the_builder() {
  static const auto made = builder::Builder::open({PROXIMA_WASM2C, PROXIMA_RT});
  BOOST_REQUIRE_MESSAGE(made.has_value(), (made ? std::string{} : made.error().text()));
  return *made;
}

inline Bytes read(const std::string& path) {
  auto bytes = builder::read_file(path, 16U << 20U);
  BOOST_REQUIRE_MESSAGE(bytes.has_value(), (bytes ? std::string{} : bytes.error().text()));
  return std::move(*bytes);
}

/// A task's module, or that of a misbehaving guest.
inline Bytes task(const std::string& name) { return read(PROXIMA_TASKS "/" + name + "/" + name + ".wasm"); }
inline Bytes guest(const std::string& name) { return read(PROXIMA_GUESTS "/" + name + "/" + name + ".wasm"); }

/// The object of a task for x86-64.
inline const Bytes& built(const std::string& name) {
  static std::map<std::string, Bytes> made;
  const auto found = made.find(name);
  if (found != made.end()) return found->second;
  auto object = the_builder().build(task(name), {});
  BOOST_REQUIRE_MESSAGE(object.has_value(), (object ? std::string{} : object.error().text()));
  return made[name] = std::move(*object);
}

}  // namespace proxima::tests
