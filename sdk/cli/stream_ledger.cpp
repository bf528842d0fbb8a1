#include "sdk/cli/stream_ledger.hpp"

#include <algorithm>
#include <utility>

#include "common/io/digest.hpp"
#include "common/io/loop.hpp"
#include "sdk/include/proxima/boxes.hpp"
#include "sdk/src/statistics.hpp"

namespace proxima::cli {

namespace {

using client::Json;

double ms_of(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

const char* status_text(FrameStatus status) {
  switch (status) {
    case FrameStatus::ok: return "ok";
    case FrameStatus::failed: return "failed";
    case FrameStatus::dropped_late: return "dropped_late";
    case FrameStatus::lost: return "lost";
  }
  return "lost";
}

/// The boxes of an output; none where it is something else.
Json items_of(std::span<const std::uint8_t> output) {
  Json items = Json::array();
  const std::int64_t count = boxes::count(output.data(), output.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const boxes::Box box = boxes::at(output.data(), static_cast<std::size_t>(i));
    items.push_back({{"x", box.x}, {"y", box.y}, {"w", box.w}, {"h", box.h}, {"score", box.score},
                     {"label", std::string(box.label, boxes::label_length(box))}});
  }
  return items;
}

Json distribution(const std::vector<double>& samples) {
  if (samples.empty()) return nullptr;
  return {{"p50", client::percentile(samples, 50)}, {"p95", client::percentile(samples, 95)},
          {"p99", client::percentile(samples, 99)}, {"max", client::percentile(samples, 100)}};
}

}  // namespace

Expected<std::uint64_t> StreamLedger::submit(const SubmittedFrame& frame,
                                             const std::function<Expected<std::uint64_t>()>& submit) {
  const std::lock_guard lock(mutex_);
  Expected<std::uint64_t> sequence = submit();
  if (!sequence) return sequence;
  ++submitted_;
  open_[*sequence] = frame;
  event("submitted", {{"seq", *sequence}, {"source_frame", frame.source_frame}, {"bytes", frame.bytes}});
  return sequence;
}

void StreamLedger::on_result(const FrameResult& result) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(result.sequence);
  const SubmittedFrame frame = found == open_.end() ? SubmittedFrame{} : found->second;
  if (found != open_.end()) open_.erase(found);
  if (result.status == FrameStatus::ok) {
    if (delivered_[result.sequence]++ > 0) ++duplicates_;
    if (delivered_.size() > delivered_memory) delivered_.erase(delivered_.begin());
    if (result.sequence < highest_delivered_) ++out_of_order_;
    highest_delivered_ = std::max(highest_delivered_, result.sequence);
    if (result.late) ++late_;
    e2e_ms_.push_back(result.e2e_ms);
    network_ms_.push_back(result.network_ms);
    queue_ms_.push_back(result.queue_ms);
    execute_ms_.push_back(result.execute_ms);
  }
  write_result(result, frame);
}

void StreamLedger::write_result(const FrameResult& result, const SubmittedFrame& frame) {
  const bool arrived = result.status == FrameStatus::ok;
  Json items = arrived ? items_of(result.output) : Json::array();
  items_ += items.size();
  Json line{{"task", task_},
            {"seq", result.sequence},
            {"source_frame", frame.source_frame},
            {"submit_ms", ms_of(result.submitted_ns)},
            {"status", status_text(result.status)},
            {"attempts", result.attempts},
            {"input_sha256", frame.input_sha256},
            {"items", std::move(items)}};
  line["arrival_ms"] = arrived ? Json(ms_of(result.arrived_ns)) : Json(nullptr);
  line["node"] = result.node.empty() ? Json(nullptr) : Json(result.node);
  line["epoch"] = result.epoch == 0 ? Json(nullptr) : Json(result.epoch);
  line["output_sha256"] = arrived ? Json(to_text(io::sha256(result.output))) : Json(nullptr);
  results_.write(line);
}

void StreamLedger::event(const char* name, Json fields) {
  fields["t_ms"] = ms_of(io::Loop::now().ns);
  fields["event"] = name;
  fields["task"] = task_;
  events_.write(fields);
}

void StreamLedger::on_event(const StreamEvent& event) {
  Json line{{"t_ms", ms_of(event.at_ns)}, {"event", to_text(event.kind)}, {"task", task_}, {"epoch", event.epoch}};
  if (!event.from.empty()) line["from"] = event.from;
  if (!event.to.empty()) line["to"] = event.to;
  if (!event.reason.empty()) line["reason"] = event.reason;
  switch (event.kind) {
    case StreamEventKind::takeover:
    case StreamEventKind::move: {
      line["resent"] = event.resent;
      const std::lock_guard lock(mutex_);
      moves_.push_back({{"t_ms", ms_of(event.at_ns)}, {"from", event.from}, {"to", event.to}, {"reason", event.reason}});
      break;
    }
    case StreamEventKind::stale_refused: line["seq"] = event.sequence; break;
    case StreamEventKind::standby_ready:
    case StreamEventKind::standby_lost:
      line["event"] = "standby";
      line["state"] = event.kind == StreamEventKind::standby_ready ? "ready" : "lost";
      line["node"] = event.kind == StreamEventKind::standby_ready ? event.to : event.from;
      break;
    default: break;
  }
  events_.write(line);
}

void StreamLedger::fill(Json& task) const {
  const std::lock_guard lock(mutex_);
  task["duplicates"] = duplicates_;
  task["out_of_order"] = out_of_order_;
  task["deadline_missed"] = late_;
  task["items"] = items_;
  task["e2e_ms"] = distribution(e2e_ms_);
  task["network_ms"] = distribution(network_ms_);
  task["queue_ms"] = distribution(queue_ms_);
  task["execute_ms"] = distribution(execute_ms_);
  task["moves"] = moves_;
}

LedgerFigures StreamLedger::figures() const {
  const std::lock_guard lock(mutex_);
  LedgerFigures out;
  out.submitted = submitted_;
  out.answered = e2e_ms_.size();
  out.in_time = e2e_ms_.size() - late_;
  if (!e2e_ms_.empty()) out.p95_ms = client::percentile(e2e_ms_, 95);
  return out;
}

LedgerFigures StreamLedger::take_recent() {
  const std::lock_guard lock(mutex_);
  LedgerFigures out;
  const std::vector<double> recent(e2e_ms_.begin() + static_cast<std::ptrdiff_t>(recent_from_), e2e_ms_.end());
  recent_from_ = e2e_ms_.size();
  out.answered = recent.size();
  out.submitted = submitted_;
  out.in_time = e2e_ms_.size() - late_;
  if (!recent.empty()) out.p95_ms = client::percentile(recent, 95);
  return out;
}

}  // namespace proxima::cli
