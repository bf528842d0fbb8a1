// What the tests of the agent's core share: instances, frames and effects at hand. Values only.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/core/effects.hpp"
#include "agent/core/events.hpp"
#include "agent/core/supervisor.hpp"

namespace proxima::tests {

[[nodiscard]] inline agent::InstanceKey key(std::uint64_t instance, std::uint32_t epoch) { return {{instance}, {epoch}}; }
[[nodiscard]] inline Instant at_ms(std::int64_t ms) { return {ms * 1'000'000}; }
[[nodiscard]] inline agent::PeerId peer(const std::string& name) { return {name}; }

/// An instance that every offer of these tests takes.
[[nodiscard]] protocol::DesiredInstance desired_instance(std::uint64_t instance, std::uint32_t epoch, std::uint32_t memory_mib = 16);
[[nodiscard]] protocol::Desired desired(std::uint64_t term, std::uint64_t generation, std::vector<protocol::DesiredInstance> instances);
/// 64 MiB, full isolation, vision.
[[nodiscard]] agent::Offer roomy_offer();
/// A frame of ten bytes.
[[nodiscard]] protocol::Frame frame(std::uint64_t instance, std::uint32_t epoch, std::uint64_t sequence, std::uint32_t deadline_left_us = 0);

/// The effects of one kind, in order.
template <class T>
[[nodiscard]] std::vector<T> all_of(const agent::Effects& effects) {
  std::vector<T> found;
  for (const agent::Effect& effect : effects) {
    if (const T* one = std::get_if<T>(&effect)) found.push_back(*one);
  }
  return found;
}

/// The messages of one kind that go to clients, in order.
template <class T>
[[nodiscard]] std::vector<std::pair<agent::PeerId, T>> sent(const agent::Effects& effects) {
  std::vector<std::pair<agent::PeerId, T>> found;
  for (const agent::SendToClient& send : all_of<agent::SendToClient>(effects)) {
    if (const T* one = std::get_if<T>(&send.message)) found.emplace_back(send.peer, *one);
  }
  return found;
}

/// The reports to the region, in order.
[[nodiscard]] std::vector<protocol::InstanceReport> reports(const agent::Effects& effects);

}  // namespace proxima::tests
