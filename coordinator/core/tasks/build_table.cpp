#include "coordinator/core/tasks/build_table.hpp"

#include "coordinator/core/fingerprint_of.hpp"
#include "coordinator/core/to_text.hpp"

namespace proxima::coordinator {

bool BuildTable::request(const BuildKey& key) { return builds_.try_emplace(key).second; }

void BuildTable::retry_failed(const Digest& module) {
  std::erase_if(builds_, [&](const auto& entry) { return entry.first.module == module && entry.second.error; });
}

void BuildTable::built(const BuildKey& key, const Digest& object) {
  if (const auto found = builds_.find(key); found != builds_.end()) found->second = {object, std::nullopt};
}

void BuildTable::failed(const BuildKey& key, const std::string& reason) {
  if (const auto found = builds_.find(key); found != builds_.end()) found->second = {std::nullopt, bounded(reason)};
}

void BuildTable::keep_only(const std::set<Digest>& modules) {
  std::erase_if(builds_, [&](const auto& entry) { return !modules.contains(entry.first.module); });
}

std::optional<std::string> BuildTable::error(const BuildKey& key) const {
  const auto found = builds_.find(key);
  return found == builds_.end() ? std::nullopt : found->second.error;
}

void BuildTable::fingerprint(Fingerprint& print) const {
  for (const auto& [key, build] : builds_) {
    mix(print, key.module);
    print.add(std::string_view(key.target));
    print.add(std::string_view(key.variant));
    print.add(build.object.has_value());
    if (build.object) mix(print, *build.object);
    print.add(std::string_view(build.error ? *build.error : std::string()));
  }
}

}  // namespace proxima::coordinator
