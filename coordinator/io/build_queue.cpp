#include "coordinator/io/build_queue.hpp"

#include <algorithm>

namespace proxima::coordinator {

bool BuildQueue::ask(const ObjectKey& key, std::uint32_t memory_mib) {
  if (asked(key)) return true;
  if (jobs_.size() >= options_.jobs) return false;
  const std::uint64_t id = next_id_++;
  jobs_[id].job = {id, key, memory_mib};
  by_key_[key] = id;
  failures_.erase(key);
  return true;
}

std::optional<BuildJob> BuildQueue::take(Instant now) {
  for (auto& [id, job] : jobs_) {
    if (!job.taken_until.is_never()) continue;
    job.taken_until = now + options_.builder_time;
    ++job.attempts;
    return job.job;
  }
  return std::nullopt;
}

std::optional<BuildJob> BuildQueue::find(std::uint64_t id) const {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return std::nullopt;
  return job->second.job;
}

void BuildQueue::finish(std::uint64_t id) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  by_key_.erase(job->second.job.key);
  jobs_.erase(job);
}

void BuildQueue::fail(std::uint64_t id, const std::string& reason, Instant now) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  // As many failures as jobs are kept: the one that ends first makes room.
  if (failures_.size() >= options_.jobs) {
    failures_.erase(std::min_element(failures_.begin(), failures_.end(), [](const auto& a, const auto& b) {
      return a.second.until < b.second.until;
    }));
  }
  failures_[job->second.job.key] = {reason, now + options_.failure_kept};
  finish(id);
}

std::optional<std::string> BuildQueue::failure(const ObjectKey& key, Instant now) const {
  const auto failed = failures_.find(key);
  if (failed == failures_.end() || failed->second.until <= now) return std::nullopt;
  return failed->second.reason;
}

void BuildQueue::forget_failures(const Digest& module) {
  std::erase_if(failures_, [&module](const auto& entry) { return entry.first.module == module; });
}

std::vector<FailedBuild> BuildQueue::expire(Instant now) {
  std::vector<FailedBuild> failed;
  std::vector<std::uint64_t> given_up;
  for (auto& [id, job] : jobs_) {
    if (job.taken_until > now) continue;
    job.taken_until = Instant::never();
    if (job.attempts >= options_.attempts) given_up.push_back(id);
  }
  for (const std::uint64_t id : given_up) {
    const std::string reason = "no builder finished it in " + std::to_string(options_.attempts) + " attempts";
    failed.push_back({jobs_[id].job.key, reason});
    fail(id, reason, now);
  }
  return failed;
}

Instant BuildQueue::next_deadline() const {
  Instant next = Instant::never();
  for (const auto& [id, job] : jobs_) next = std::min(next, job.taken_until);
  return next;
}

bool BuildQueue::waiting() const {
  return std::any_of(jobs_.begin(), jobs_.end(), [](const auto& entry) { return entry.second.taken_until.is_never(); });
}

}  // namespace proxima::coordinator
