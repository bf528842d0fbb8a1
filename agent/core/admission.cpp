#include "agent/core/admission.hpp"

#include <algorithm>

#include "common/protocol/limits.hpp"

namespace proxima::agent {
namespace {

std::string memory_refusal(const Offer& offer, const InUse& in_use, std::uint32_t needed) {
  std::string text = "needs " + std::to_string(needed) + " MiB of memory; " + std::to_string(offer.memory_mib) + " MiB are given";
  if (in_use.memory_mib > 0) text += ", " + std::to_string(in_use.memory_mib) + " MiB of them in use";
  return text;
}

// The variant becomes part of a file's name and of a request's path.
bool is_variant(const std::string& text) {
  const auto usable = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !text.empty() && text.size() <= limits::name_bytes && std::all_of(text.begin(), text.end(), usable);
}

}  // namespace

std::optional<std::string> refusal(const Offer& offer, const InUse& in_use, const protocol::DesiredInstance& wanted) {
  std::vector<std::string> reasons;
  if (offer.isolation == protocol::Isolation::none)
    reasons.emplace_back("this device cannot shut a task in (isolation: none)");
  if (in_use.instances >= limits::instances_per_node)
    reasons.push_back("runs " + std::to_string(in_use.instances) + " instances already, the most that one device takes");
  if (in_use.memory_mib + wanted.memory_mib > offer.memory_mib)
    reasons.push_back(memory_refusal(offer, in_use, wanted.memory_mib));
  for (const std::string& function : wanted.functions) {
    if (std::find(offer.functions.begin(), offer.functions.end(), function) == offer.functions.end())
      reasons.push_back("needs the host function '" + function + "', which is not offered here");
  }
  if (!is_variant(wanted.variant)) reasons.emplace_back("asks for a variant whose name cannot be used");
  if (wanted.input.max_bytes > limits::frame_bytes)
    reasons.push_back("wants frames of " + std::to_string(wanted.input.max_bytes) + " bytes; at most " +
                      std::to_string(limits::frame_bytes) + " are taken");
  if (reasons.empty()) return std::nullopt;
  std::string text = reasons.front();
  for (std::size_t i = 1; i < reasons.size(); ++i) text += "; " + reasons[i];
  if (text.size() > limits::text_bytes) text.resize(limits::text_bytes);
  return text;
}

}  // namespace proxima::agent
