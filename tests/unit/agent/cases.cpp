#include "tests/unit/agent/cases.hpp"

namespace proxima::tests {

protocol::DesiredInstance desired_instance(std::uint64_t instance, std::uint32_t epoch, std::uint32_t memory_mib) {
  protocol::DesiredInstance wanted;
  wanted.instance = {instance};
  wanted.epoch = {epoch};
  wanted.task = {instance};
  wanted.task_name = "motion";
  wanted.module.bytes[0] = static_cast<std::uint8_t>(instance);
  wanted.variant = "scalar";
  wanted.memory_mib = memory_mib;
  wanted.input.max_bytes = 1000;
  return wanted;
}

protocol::Desired desired(std::uint64_t term, std::uint64_t generation, std::vector<protocol::DesiredInstance> instances) {
  return {term, generation, std::move(instances)};
}

agent::Offer roomy_offer() { return {64, 100, {"vision"}, protocol::Isolation::full}; }

protocol::Frame frame(std::uint64_t instance, std::uint32_t epoch, std::uint64_t sequence, std::uint32_t deadline_left_us) {
  protocol::Frame made;
  made.instance = {instance};
  made.epoch = {epoch};
  made.sequence = sequence;
  made.deadline_left_us = deadline_left_us;
  return made;
}

std::vector<protocol::InstanceReport> reports(const agent::Effects& effects) {
  std::vector<protocol::InstanceReport> found;
  for (const agent::PublishEvent& event : all_of<agent::PublishEvent>(effects))
    found.push_back(std::get<protocol::InstanceReport>(event.event));
  return found;
}

}  // namespace proxima::tests
