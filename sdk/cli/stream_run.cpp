#include "sdk/cli/stream_run.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <ctime>
#include <iostream>
#include <utility>

#include <unistd.h>

#include "common/io/digest.hpp"
#include "common/io/loop.hpp"
#include "common/protocol/limits.hpp"
#include "sdk/cli/decision_table.hpp"
#include "sdk/cli/first_frame.hpp"
#include "sdk/cli/output.hpp"

namespace proxima::cli {

namespace {

using client::Json;

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::uint32_t last_answers_ms = 3000;
constexpr std::int64_t nodes_ready_most_ns = 5'000'000'000;
constexpr double kept_share = 0.99;
constexpr std::uint64_t misses_always_allowed = 2;
constexpr std::uint32_t lease_ms = 10'000;

volatile std::sig_atomic_t interrupted = 0;

void on_signal(int) { interrupted = 1; }

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;  // without SA_RESTART: it ends the wait for the next frame
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

std::int64_t now_ns() { return io::Loop::now().ns; }

void sleep_until(std::int64_t at_ns) {
  timespec at{};
  at.tv_sec = static_cast<std::time_t>(at_ns / second_ns);
  at.tv_nsec = static_cast<long>(at_ns % second_ns);
  while (interrupted == 0 && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) continue;
}

std::string percent_text(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "–" : number_text(100.0 * static_cast<double>(part) / static_cast<double>(whole), 1) + " %";
}

/// What a person who watches wants to know when it happens.
void tell(const std::string& task, const StreamEvent& event) {
  const std::string why = event.reason.empty() ? "" : ": " + safe(event.reason);
  switch (event.kind) {
    case StreamEventKind::takeover:
    case StreamEventKind::move: return say(task + " goes on at " + safe(event.to) + " instead of " + safe(event.from) + why);
    case StreamEventKind::interrupted: return say(task + " is served by nobody at present" + why);
    case StreamEventKind::resumed: return say(task + " is served again, by " + safe(event.to));
    default: return;
  }
}

}  // namespace

int StreamRun::run() {
  catch_signals();
  if (auto prepared = prepare(); !prepared) return complain(prepared.error());
  for (const std::string& argument : arguments_.tasks) {
    if (interrupted != 0) break;
    if (auto opened = open(argument); !opened) {
      finish();
      return complain(opened.error());
    }
  }
  const bool any = std::any_of(feeds_.begin(), feeds_.end(), [](const auto& feed) { return feed->stream.has_value(); });
  if (any) {
    await_nodes();
    if (auto played = play(); !played) {
      stopped_by_ = played.error().text();
      complain(played.error());
    }
  }
  finish();
  return report();
}

Expected<Done> StreamRun::prepare() {
  Expected<std::string> api = arguments_.access.find();
  if (!api) return api.error();
  api_ = *api;
  if (!arguments_.results.empty())
    if (auto opened = results_.open(arguments_.results); !opened) return opened.error();
  if (!arguments_.events.empty())
    if (auto opened = events_.open(arguments_.events); !opened) return opened.error();
  Result<std::unique_ptr<media::Source>> source = media::open_source(arguments_.source, say);
  if (!source) return problem_from(source.error(), ProblemKind::usage);
  source_ = std::move(*source);
  Result<media::Picture> picture = source_->next();
  if (!picture) return problem_from(picture.error(), ProblemKind::usage);
  picture_ = std::move(*picture);
  Expected<Client> client = Client::connect(api_);
  if (!client) return client.error();
  client_ = std::move(*client);
  return Done{};
}

Expected<Done> StreamRun::open(const std::string& argument) {
  client::ApiClient api(api_);
  Expected<TaskArgument> task = resolve_task(api, argument);
  if (!task) return task.error();
  if (task->running && !arguments_.pin.empty())
    return Problem{ProblemKind::usage, "cannot pin the running task '" + argument + "'", "it has its node already",
                   "stop it, then `proxima run` it with --pin"};
  if (task->running && (!task->running->input || task->running->rate_hz < limits::rate_hz_min))
    return Problem{ProblemKind::failed, "cannot feed the running task '" + argument + "'",
                   "the coordinator does not tell what pictures it wants", "are client and coordinator of one version?"};
  auto feed = std::make_unique<Feed>();
  feed->name = task->running ? task->running->name : task->description->name;
  for (const auto& other : feeds_)
    if (other->name == feed->name)
      return Problem{ProblemKind::usage, "task '" + feed->name + "' is named twice", "its results could not be told apart",
                     "run a second `proxima stream`"};
  feed->deadline_ms = (task->running ? task->running->deadline_ms : task->description->deadline_ms).value_or(0);
  feed->judged = feed->deadline_ms > 0 && !arguments_.no_contract;
  feed->rate_hz = task->running ? task->running->rate_hz : task->description->rate_hz;
  feed->input = task->running ? *task->running->input : spec_of(task->description->input);
  feed->ledger = std::make_unique<StreamLedger>(feed->name, results_, events_);
  feed->description = std::move(task->description);
  feeds_.push_back(std::move(feed));
  return start(*feeds_.back(), *task);
}

Expected<Done> StreamRun::start(Feed& feed, const TaskArgument& task) {
  StreamCallbacks callbacks;
  callbacks.on_result = [ledger = feed.ledger.get()](const FrameResult& result) { ledger->on_result(result); };
  callbacks.on_event = [ledger = feed.ledger.get(), name = feed.name](const StreamEvent& event) {
    ledger->on_event(event);
    tell(name, event);
  };
  std::string id = task.running ? task.running->id : "";
  if (task.running) {
    feed.placement = Placement{id, feed.name, true, "", task.running->decision.value_or(PlacementDecision{})};
  } else {
    Result<media::Payload> first = media::to_input(picture_, feed.input);
    if (!first) return problem_from(first.error(), ProblemKind::usage);
    PlaceOptions options;
    options.pinned_node = arguments_.pin;
    options.with_contract = !arguments_.no_contract;
    options.lease_ms = lease_ms;
    if (isatty(STDERR_FILENO) != 0) options.on_progress = [](const std::string& step) { say(step + "…"); };
    Expected<Placement> placement = client_->place(*feed.description, view_of(*first), options);
    if (!placement) return placement.error();
    feed.placement = std::move(*placement);
    feed.ours = true;
    id = feed.placement->task;
  }
  const Placement& placed = *feed.placement;
  Json decision{{"summary", placed.decision.summary}, {"placed", placed.placed}};
  decision["placed_on"] = placed.placed && placed.decision.placed_on ? Json(*placed.decision.placed_on) : Json(nullptr);
  decision["standby"] = placed.decision.standby ? Json(*placed.decision.standby) : Json(nullptr);
  feed.ledger->event("decision", std::move(decision));
  if (!placed.placed) {
    say("task " + feed.name + " cannot be placed: " +
        safe(placed.reason.empty() ? placed.decision.summary : placed.reason));
    return Done{};
  }
  Expected<Stream> stream = client_->attach(id, std::move(callbacks));
  if (!stream) return stream.error();
  feed.stream = std::move(*stream);
  return Done{};
}

bool StreamRun::over(std::int64_t at_ns) const {
  if (interrupted != 0) return true;
  if (arguments_.seconds > 0 && static_cast<double>(at_ns) >= arguments_.seconds * static_cast<double>(second_ns))
    return true;
  return arguments_.frames > 0 && std::all_of(feeds_.begin(), feeds_.end(), [&](const auto& feed) {
    return !feed->stream || feed->submitted >= arguments_.frames;
  });
}

// After the trials the instances begin anew. Frames that are sent meanwhile would be late, and a node that dies before its
// standby is ready costs more than one that dies later. Who is not ready in time is fed all the same.
void StreamRun::await_nodes() {
  const auto ready = [](const std::unique_ptr<Feed>& feed) {
    if (!feed->stream) return true;
    const StreamStats stats = feed->stream->stats();
    return stats.open && (!feed->placement->decision.standby || !stats.standby.empty());
  };
  const std::int64_t last_ns = now_ns() + nodes_ready_most_ns;
  while (interrupted == 0 && now_ns() < last_ns && !std::all_of(feeds_.begin(), feeds_.end(), ready))
    sleep_until(now_ns() + 5'000'000);
}

// Picture number i is due at i / fps. What can be prepared of it is prepared before, but only in the second half of the
// time between two: right after a picture was sent, its way to the node needs the processors more. A source that cannot
// keep up is overtaken: pictures are left out, the clock is not stretched.
Expected<Done> StreamRun::play() {
  const auto frame_ns = static_cast<std::int64_t>(static_cast<double>(second_ns) / arguments_.fps);
  begun_ns_ = now_ns() + frame_ns;
  next_live_ns_ = second_ns;
  for (std::int64_t number = 0; !over(number * frame_ns); ++number) {
    const std::int64_t at_ns = number * frame_ns;
    if (number > 0) {
      sleep_until(begun_ns_ + at_ns - frame_ns / 2);
      if (interrupted != 0) break;
      Result<media::Picture> next = source_->next();
      if (!next) return problem_from(next.error(), ProblemKind::failed);
      picture_ = std::move(*next);
    }
    if (now_ns() > begun_ns_ + at_ns + frame_ns) {
      ++skipped_;
      continue;
    }
    if (auto converted = convert(at_ns); !converted) return converted.error();
    sleep_until(begun_ns_ + at_ns);
    if (interrupted != 0) break;
    submit();
    live_line(at_ns);
  }
  return Done{};
}

Expected<Done> StreamRun::convert(std::int64_t at_ns) {
  for (const auto& feed : feeds_) {
    feed->payload.reset();
    const bool wanted = feed->stream && (arguments_.frames == 0 || feed->submitted < arguments_.frames);
    constexpr std::int64_t early_ns = 1'000'000;  // a rate equal to the source's takes every picture
    if (!wanted || feed->next_due_ns > at_ns + early_ns) continue;
    const auto interval_ns = static_cast<std::int64_t>(static_cast<double>(second_ns) / feed->rate_hz);
    while (feed->next_due_ns <= at_ns + early_ns) feed->next_due_ns += interval_ns;
    Result<media::Payload> payload = media::to_input(picture_, feed->input);
    if (!payload) return problem_from(payload.error(), ProblemKind::failed);
    feed->payload = std::move(*payload);
    feed->frame.source_frame = picture_.index();
    feed->frame.bytes = static_cast<std::uint32_t>(feed->payload->bytes.size());
    feed->frame.input_sha256 = to_text(io::sha256(feed->payload->bytes));
  }
  return Done{};
}

void StreamRun::submit() {
  for (const auto& feed : feeds_) {
    if (!feed->payload) continue;
    const auto sent = feed->ledger->submit(feed->frame, [&] { return feed->stream->submit(view_of(*feed->payload)); });
    if (sent) {
      ++feed->submitted;
    } else if (feed->refused++ == 0) {
      say("task " + feed->name + ": " + sent.error().text());
    }
    feed->payload.reset();
  }
}

void StreamRun::live_line(std::int64_t at_ns) {
  if (at_ns < next_live_ns_ || isatty(STDERR_FILENO) == 0) return;
  next_live_ns_ += second_ns;
  std::string line = number_text(static_cast<double>(at_ns) / second_ns, 0) + " s";
  for (const auto& feed : feeds_) {
    if (!feed->stream) continue;
    const LedgerFigures recent = feed->ledger->take_recent();
    line += "  ·  " + feed->name + " on " + safe(feed->stream->stats().node) + ": " + std::to_string(recent.answered) +
            "/s, p95 " + ms_text(recent.p95_ms);
  }
  std::cerr << "\r\x1b[K" << line << std::flush;
}

void StreamRun::finish() {
  if (isatty(STDERR_FILENO) != 0 && begun_ns_ != 0) std::cerr << "\r\x1b[K";
  for (const auto& feed : feeds_)
    if (feed->stream) feed->stream->drain(last_answers_ms);
  for (const auto& feed : feeds_) {
    if (!feed->stream) continue;
    const StreamStats before = feed->stream->stats();
    feed->stream->close(feed->ours);
    feed->stats = feed->stream->stats();
    feed->stats.node = before.node;
    feed->stats.standby = before.standby;
    feed->ledger->event("closed", {{"epoch", feed->stats.epoch}});
  }
}

bool StreamRun::kept(const Feed& feed) {
  const LedgerFigures figures = feed.ledger->figures();
  const std::uint64_t missed = figures.submitted - figures.in_time;
  return missed <= misses_always_allowed ||
         static_cast<double>(figures.in_time) >= kept_share * static_cast<double>(figures.submitted);
}

Json StreamRun::json_of(const Feed& feed) const {
  const PlacementDecision& decision = feed.placement->decision;
  const bool placed = feed.placement->placed;
  Json out{{"task", feed.name},
           {"deadline_ms", feed.deadline_ms},
           {"epoch", feed.stats.epoch},
           {"frames_sent", feed.stats.submitted},
           {"results", feed.stats.ok},
           {"lost", feed.stats.lost},
           {"dropped_late", feed.stats.dropped_late},
           {"failed", feed.stats.failed},
           {"sent_bytes", feed.stats.sent_bytes},
           {"stale_refused", feed.stats.stale_refused},
           {"cloud_e2e_ms", nullptr},
           {"candidates", client::candidates_json(decision, false)}};
  out["placed_on"] = placed && decision.placed_on ? Json(*decision.placed_on) : Json(nullptr);
  out["standby"] = placed && decision.standby ? Json(*decision.standby) : Json(nullptr);
  feed.ledger->fill(out);
  return out;
}

void StreamRun::print_summary() const {
  for (const auto& feed : feeds_) {
    if (!feed->placement) continue;
    if (!feed->placement->placed) {
      print_decision(feed->name, feed->placement->decision);
      continue;
    }
    const LedgerFigures figures = feed->ledger->figures();
    std::cout << bold(feed->name) << " on " << safe(feed->stats.node) << ": " << figures.answered << " of "
              << figures.submitted << " frames answered, p95 " << ms_text(figures.p95_ms);
    if (feed->judged)
      std::cout << ", " << percent_text(figures.in_time, figures.submitted) << " within " << feed->deadline_ms << " ms "
                << (kept(*feed) ? green("(kept)") : red("(missed)"));
    if (feed->stats.takeovers + feed->stats.moves > 0)
      std::cout << ", " << feed->stats.takeovers + feed->stats.moves << " moves";
    for (const auto& [count, what] : {std::pair{feed->stats.late, " late"}, std::pair{feed->stats.dropped_late, " dropped as too late"},
                                      std::pair{feed->stats.failed, " failed"}, std::pair{feed->stats.lost, " lost"}})
      if (count > 0) std::cout << ", " << count << what;
    std::cout << '\n';
  }
  if (skipped_ > 0) say(std::to_string(skipped_) + " pictures were left out: this machine could not prepare them in time");
}

int StreamRun::report() {
  int status = exit_ok;
  Json tasks = Json::array();
  for (const auto& feed : feeds_) {
    if (!feed->placement) continue;
    if (feed->placement->placed && feed->judged && !kept(*feed) && status == exit_ok) status = exit_contract_missed;
    if (!feed->placement->placed) status = exit_not_placed;
    if (arguments_.access.json) tasks.push_back(json_of(*feed));
  }
  if (!stopped_by_.empty()) status = exit_failed;
  if (!results_.good() || !events_.good()) {
    say("not all lines of --results or --events could be written: is the disk full?");
    status = exit_failed;
  }
  if (!arguments_.access.json) {
    print_summary();
    return status;
  }
  const media::SourceInfo& info = source_->info();
  const Json out{{"schema", "proxima/v1/stream"},
                 {"ok", status == exit_ok},
                 {"tasks", tasks},
                 {"source", {{"name", info.name}, {"width", info.width}, {"height", info.height},
                             {"fps", arguments_.fps}, {"frames", info.frames}}}};
  std::cout << client::write(out) << std::endl;
  return status;
}

}  // namespace proxima::cli
