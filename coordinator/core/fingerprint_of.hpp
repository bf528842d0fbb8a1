// Adds the core's value types to a Fingerprint. Pure; included by the tables.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/fingerprint.hpp"
#include "common/base/ids.hpp"
#include "common/base/instant.hpp"

namespace proxima::coordinator {

inline void mix(Fingerprint& print, const NodeId& id) { print.add_bytes(id.bytes); }
inline void mix(Fingerprint& print, const Digest& digest) { print.add_bytes(digest.bytes); }
inline void mix(Fingerprint& print, TaskId id) { print.add(id.value); }
inline void mix(Fingerprint& print, InstanceId id) { print.add(id.value); }
inline void mix(Fingerprint& print, Epoch epoch) { print.add(epoch.value); }
inline void mix(Fingerprint& print, Instant at) { print.add(at.ns); }
inline void mix(Fingerprint& print, std::optional<double> value) {
  print.add(value.has_value());
  print.add(value.value_or(0.0));
}

/// How many there are of something: equal on machines with narrower sizes.
inline void mix_count(Fingerprint& print, std::size_t count) { print.add(static_cast<std::uint64_t>(count)); }

}  // namespace proxima::coordinator
