#include "agent/worker/vision_calls.hpp"

#include <algorithm>
#include <cstring>

namespace proxima::worker {
namespace {

constexpr std::int32_t bad_input = -1;
constexpr std::int32_t not_offered = -2;
constexpr std::int32_t process_died = -3;

}  // namespace

std::int32_t VisionCalls::call(std::string_view function, std::span<const std::uint8_t> input,
                               std::span<std::uint8_t> output, std::uint64_t& cpu_ns) {
  if (!memory_ || function.size() >= call_name_room) return not_offered;
  if (input.size() > call_input_bytes) return bad_input;
  auto& head = *reinterpret_cast<CallChannel*>(memory_.at(0));
  head.function.fill(0);
  std::copy(function.begin(), function.end(), head.function.begin());
  head.input_bytes.store(static_cast<std::uint32_t>(input.size()), std::memory_order_relaxed);
  head.output_room.store(static_cast<std::uint32_t>(std::min(output.size(), call_output_bytes)), std::memory_order_relaxed);
  if (!input.empty()) std::memcpy(memory_.at(call_input_at), input.data(), input.size());
  Bell bell{};
  if (!ring(doorbell_, Bell::call) || !await_bell(doorbell_, bell) || bell != Bell::answer) return process_died;
  cpu_ns += head.cpu_ns.load(std::memory_order_relaxed);
  const std::int32_t status = head.status.load(std::memory_order_relaxed);
  if (status < 0) return std::max(status, not_offered);
  const std::size_t written = static_cast<std::size_t>(status);
  if (written > call_output_bytes || written > output.size()) return bad_input;
  std::memcpy(output.data(), memory_.at(call_output_at), written);
  return status;
}

}  // namespace proxima::worker
