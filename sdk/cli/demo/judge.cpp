#include "sdk/cli/demo/judge.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

namespace proxima::demo {
namespace {

using nlohmann::json;

constexpr double silent_gap_ms_motion = 300;   // the bounds for a task with a short and with a long service time
constexpr double silent_gap_ms_slow = 450;
constexpr double slow_deadline_ms = 100;       // from this deadline on a task counts as slow
constexpr double kept_share = 0.99;
constexpr std::int64_t misses_always_allowed = 2;
constexpr double payload_share = 1.1;

/// A frame without an answer counts as lost after this time: one submitted earlier was no longer awaited.
constexpr double awaited_ms = 2000;

bool unanswered_at(const FrameRow& row, double t_ms) {
  if (row.submit_ms > t_ms) return false;
  return row.arrival_ms ? *row.arrival_ms > t_ms : row.submit_ms > t_ms - awaited_ms;
}

Gap find_gap(const std::vector<FrameRow>& rows, const Fault& fault) {
  Gap gap;
  gap.begin_ms = gap.end_ms = fault.t_ms;
  auto first = std::find_if(rows.begin(), rows.end(), [&](const FrameRow& row) { return unanswered_at(row, fault.t_ms); });
  if (first == rows.end())
    first = std::find_if(rows.begin(), rows.end(), [&](const FrameRow& row) { return row.submit_ms > fault.t_ms; });
  const auto answered = std::find_if(first, rows.end(), [&](const FrameRow& row) {
    return row.arrival_ms && row.status == "ok" && *row.arrival_ms > fault.t_ms;
  });
  if (answered != rows.end()) {
    gap.end_ms = *answered->arrival_ms;
    gap.gap_ms = *answered->arrival_ms - std::max(fault.t_ms, answered->submit_ms);
  } else {
    gap.end_ms = std::numeric_limits<double>::max();
  }
  // An answer that was under way at the fault may still arrive from the target itself.
  const auto elsewhere = std::find_if(first, rows.end(), [&](const FrameRow& row) {
    return row.status == "ok" && row.arrival_ms && *row.arrival_ms > fault.t_ms && row.node != fault.target;
  });
  if (elsewhere != rows.end()) gap.moved_to = elsewhere->node;
  for (const FrameRow& row : rows) {
    if (inside(row, gap) && (row.status == "lost" || row.status == "failed")) ++gap.frames_lost;
    if (row.status == "ok" && row.arrival_ms && *row.arrival_ms >= gap.end_ms) ++gap.results_after;
  }
  return gap;
}

class Checks {
 public:
  void add(const std::string& name, bool ok, bool timed, json had, json needed) {
    all_ok_ = all_ok_ && ok;
    list_.push_back({{"name", name}, {"ok", ok}, {"timed", timed}, {"had", std::move(had)}, {"needed", std::move(needed)}});
  }
  [[nodiscard]] bool all_ok() const { return all_ok_; }
  [[nodiscard]] json list() const { return list_; }

 private:
  bool all_ok_ = true;
  json list_ = json::array();
};

bool in_some_gap(const FrameRow& row, const std::vector<Gap>& gaps, const std::string& task) {
  return std::any_of(gaps.begin(), gaps.end(), [&](const Gap& gap) { return gap.task == task && inside(row, gap); });
}

/// Frames outside gaps: within the deadline, and lost or failed.
void check_calm(Checks& checks, const std::string& name, double deadline_ms, const std::vector<FrameRow>& rows, const std::vector<Gap>& gaps) {
  std::int64_t calm = 0;
  std::int64_t in_time = 0;
  std::int64_t gone = 0;
  for (const FrameRow& row : rows) {
    if (in_some_gap(row, gaps, name)) continue;
    ++calm;
    if (row.status == "ok" && row.arrival_ms && *row.arrival_ms - row.submit_ms <= deadline_ms) ++in_time;
    if (row.status == "lost" || row.status == "failed") ++gone;
  }
  const std::int64_t needed =
      std::min(static_cast<std::int64_t>(std::ceil(kept_share * static_cast<double>(calm))), std::max<std::int64_t>(0, calm - misses_always_allowed));
  checks.add(name + ".in_time", calm > 0 && in_time >= needed, true, std::to_string(in_time) + " of " + std::to_string(calm),
             "at least " + std::to_string(needed));
  checks.add(name + ".lost_outside_faults", gone == 0, false, gone, 0);
}

void check_task(Checks& checks, const json& task, const JudgeInput& input, const std::vector<Gap>& gaps) {
  const std::string name = task.at("task").get<std::string>();
  const bool placed = task.at("placed_on").is_string();
  const std::vector<std::string> best = best_nodes(task.at("candidates"));
  checks.add(name + ".placed", placed && std::find(best.begin(), best.end(), task["placed_on"].get<std::string>()) != best.end(), false,
             task.at("placed_on"), best);
  if (!placed) return;
  const auto rows = input.rows.find(name);
  static const std::vector<FrameRow> none;
  const std::vector<FrameRow>& frames = rows == input.rows.end() ? none : rows->second;
  check_calm(checks, name, task.at("deadline_ms").get<double>(), frames, gaps);
  checks.add(name + ".duplicates", task.at("duplicates") == 0, false, task.at("duplicates"), 0);
  checks.add(name + ".out_of_order", task.at("out_of_order") == 0, false, task.at("out_of_order"), 0);

  const auto touched = std::count_if(gaps.begin(), gaps.end(), [&](const Gap& gap) { return gap.task == name; });
  const auto moves = static_cast<std::int64_t>(task.at("moves").size());
  checks.add(name + ".moves_without_fault", moves <= touched, false, std::max<std::int64_t>(0, moves - touched), 0);

  std::int64_t attempts = 0;
  for (const FrameRow& row : frames) attempts += row.attempts;
  const double sent = task.at("sent_bytes").get<double>();
  const double mean = attempts > 0 ? sent / static_cast<double>(attempts) : 0;
  const double allowed = std::ceil(payload_share * mean * static_cast<double>(frames.size()));
  checks.add(name + ".payload_bytes", !frames.empty() && sent <= allowed, false, sent, allowed);
}

void check_gaps(Checks& checks, const JudgeInput& input, const std::vector<Gap>& gaps) {
  for (const Gap& gap : gaps) {
    const Fault& fault = input.faults[gap.fault];
    const std::string name = fault.what + "." + gap.task;
    checks.add(name + ".went_on", gap.gap_ms.has_value() && gap.results_after > 0 && !gap.moved_to.empty(), false,
               gap.moved_to.empty() ? json() : json(gap.moved_to), "another node than " + fault.target);
    if (fault.what == "node") {
      checks.add(name + ".frames_lost", gap.frames_lost <= 1, false, gap.frames_lost, 1);
      continue;
    }
    const auto task = std::find_if(input.tasks.begin(), input.tasks.end(), [&](const json& one) { return one.at("task") == gap.task; });
    const bool slow = task != input.tasks.end() && task->at("deadline_ms").get<double>() > slow_deadline_ms;
    const double bound = slow ? silent_gap_ms_slow : silent_gap_ms_motion;
    checks.add(name + ".gap_ms", gap.gap_ms.has_value() && *gap.gap_ms <= bound, true, gap.gap_ms ? json(*gap.gap_ms) : json(), bound);
  }
}

json fault_rows(const JudgeInput& input, const std::vector<Gap>& gaps) {
  json out = json::array();
  for (std::size_t i = 0; i < input.faults.size(); ++i) {
    const Fault& fault = input.faults[i];
    const json shared = {{"what", fault.what}, {"target", fault.target}, {"t_ms", fault.t_ms - input.origin_ms}};
    bool any = false;
    for (const Gap& gap : gaps) {
      if (gap.fault != i) continue;
      any = true;
      json row = shared;
      row["task"] = gap.task;
      row["gap_ms"] = gap.gap_ms ? json(*gap.gap_ms) : json();
      row["frames_lost"] = gap.frames_lost;
      row["moved_to"] = gap.moved_to.empty() ? json() : json(gap.moved_to);
      row["results_after"] = gap.results_after;
      out.push_back(std::move(row));
    }
    if (any) continue;
    json row = shared;
    row.update({{"task", nullptr}, {"gap_ms", nullptr}, {"frames_lost", 0}, {"moved_to", nullptr}, {"results_after", 0}});
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

Result<Rows> read_results(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail("cannot read the results '" + path + "'", "the client did not write it");
  Rows rows;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const json one = json::parse(line, nullptr, false);
    try {
      FrameRow row;
      row.sequence = one.at("seq").get<std::int64_t>();
      row.source_frame = one.at("source_frame").get<std::int64_t>();
      row.submit_ms = one.at("submit_ms").get<double>();
      if (one.at("arrival_ms").is_number()) row.arrival_ms = one["arrival_ms"].get<double>();
      row.status = one.at("status").get<std::string>();
      if (one.at("node").is_string()) row.node = one["node"].get<std::string>();
      row.attempts = one.at("attempts").get<std::int64_t>();
      row.items = one.at("items");
      rows[one.at("task").get<std::string>()].push_back(std::move(row));
    } catch (const json::exception& error) {
      return fail(path + ":" + std::to_string(number), error.what());
    }
  }
  for (auto& [task, list] : rows)
    std::stable_sort(list.begin(), list.end(), [](const FrameRow& a, const FrameRow& b) { return a.sequence < b.sequence; });
  return rows;
}

bool inside(const FrameRow& row, const Gap& gap) {
  return unanswered_at(row, gap.begin_ms) || (row.submit_ms > gap.begin_ms && row.submit_ms < gap.end_ms);
}

std::vector<Gap> find_gaps(const Rows& rows, const std::vector<Fault>& faults) {
  std::vector<Gap> gaps;
  for (std::size_t i = 0; i < faults.size(); ++i)
    for (const std::string& task : faults[i].touched) {
      const auto found = rows.find(task);
      if (found == rows.end()) continue;
      Gap gap = find_gap(found->second, faults[i]);
      gap.fault = i;
      gap.task = task;
      gaps.push_back(std::move(gap));
    }
  return gaps;
}

std::vector<std::string> best_nodes(const json& candidates) {
  const json* best = nullptr;
  for (const json& one : candidates)
    if (one.at("feasible") == true && (best == nullptr || one.at("predicted_ms") < best->at("predicted_ms"))) best = &one;
  std::vector<std::string> out;
  if (best == nullptr) return out;
  for (const json& one : candidates) {
    if (one.at("feasible") != true) continue;
    const double error = std::max(one.at("predicted_error_ms").get<double>(), best->at("predicted_error_ms").get<double>());
    const bool equal = &one == best || one.at("predicted_ms").get<double>() - best->at("predicted_ms").get<double>() < error;
    if (equal) out.push_back(one.at("node").get<std::string>());
  }
  return out;
}

Verdict judge(const JudgeInput& input) {
  Checks checks;
  const std::vector<Gap> gaps = find_gaps(input.rows, input.faults);
  std::int64_t stale = 0;
  for (const json& task : input.tasks) {
    check_task(checks, task, input, gaps);
    stale += task.at("stale_refused").get<std::int64_t>();
  }
  check_gaps(checks, input, gaps);
  const bool silent = std::any_of(input.faults.begin(), input.faults.end(), [](const Fault& fault) { return fault.what == "node_silent"; });
  if (silent) checks.add("stale_refused", stale >= 1, false, stale, 1);
  if (input.faults_wanted) checks.add("rejoined", input.not_back.empty(), false, input.not_back, json::array());
  return {checks.all_ok(), checks.list(), fault_rows(input, gaps)};
}

}  // namespace proxima::demo
