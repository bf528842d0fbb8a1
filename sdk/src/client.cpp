// The public handles: a loop thread for each Client, and for each Stream the plumbing between callers and that thread.
#include "sdk/include/proxima/client.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "common/io/inbox.hpp"
#include "common/io/loop.hpp"
#include "common/io/zmq_sockets.hpp"
#include "common/protocol/limits.hpp"
#include "sdk/src/api_client.hpp"
#include "sdk/src/control_link.hpp"
#include "sdk/src/loop_thread.hpp"
#include "sdk/src/placer.hpp"
#include "sdk/src/stream_driver.hpp"

namespace proxima {

namespace {

constexpr std::uint32_t default_lease_ms = 10'000;
constexpr std::size_t unanswered_frames_most = 256;
constexpr std::size_t unanswered_bytes_most = 64U << 20U;
constexpr Duration last_words = Duration::millis(500);

Problem problem(ProblemKind kind, std::string what, std::string why = {}, std::string hint = {}) {
  return {kind, std::move(what), std::move(why), std::move(hint)};
}

}  // namespace

const char* to_text(StreamEventKind kind) {
  switch (kind) {
    case StreamEventKind::opened: return "opened";
    case StreamEventKind::standby_ready: return "standby_ready";
    case StreamEventKind::standby_lost: return "standby_lost";
    case StreamEventKind::takeover: return "takeover";
    case StreamEventKind::move: return "move";
    case StreamEventKind::stale_refused: return "stale_refused";
    case StreamEventKind::interrupted: return "interrupted";
    case StreamEventKind::resumed: return "resumed";
    case StreamEventKind::ended: return "ended";
  }
  return "unknown";
}

struct Client::Impl {
  explicit Impl(std::string url) : api(std::move(url)) {}
  const std::string api;
  client::LoopThread thread;
};

// Counts what is unanswered under `mutex`; all else of the stream lives on the loop thread.
struct Stream::Impl {
  Impl(std::shared_ptr<Client::Impl> owner, std::string id) : client(std::move(owner)), task(std::move(id)) {}

  std::shared_ptr<Client::Impl> client;
  const std::string task;

  std::mutex mutex;
  std::condition_variable answered;
  std::uint64_t submitted = 0;
  std::size_t unanswered = 0;
  std::size_t unanswered_bytes = 0;
  bool closed = false;
  StreamStats stats;

  // Of the loop thread.
  std::unique_ptr<client::StreamDriver> driver;
  std::unique_ptr<io::Inbox<client::Submission>> frames;
  std::unique_ptr<io::Inbox<client::TaskInfo>> tasks;

  std::optional<io::Inbox<client::Submission>::Sender> submit_to;
  std::unique_ptr<client::ControlLink> control;

  void start(const client::TaskInfo& info, StreamCallbacks callbacks);
  client::StreamHooks hooks(StreamCallbacks callbacks);
  void close(bool stop_task);
};

client::StreamHooks Stream::Impl::hooks(StreamCallbacks callbacks) {
  client::StreamHooks out;
  out.on_result = std::move(callbacks.on_result);
  out.on_event = std::move(callbacks.on_event);
  out.on_ended = [this](std::uint32_t bytes) {
    const std::lock_guard lock(mutex);
    --unanswered;
    unanswered_bytes -= bytes;
    if (unanswered == 0) answered.notify_all();
  };
  out.takeover = [this](Epoch to, const std::string& reason) { control->report_takeover(to, reason); };
  out.standby_lost = [this](Epoch epoch) { control->report_standby_lost(epoch); };
  out.ask_task = [this] { control->ask(); };
  out.report = [this](const client::Report& report) { control->report(report); };
  out.stats = [this](const StreamStats& now) {
    const std::lock_guard lock(mutex);
    stats = now;
  };
  return out;
}

void Stream::Impl::start(const client::TaskInfo& info, StreamCallbacks callbacks) {
  // The driver first speaks to the control link from the loop thread, and the link to the driver through an inbox: so
  // the inboxes come first, then the link, then the first event.
  std::optional<io::Inbox<client::TaskInfo>::Sender> tell;
  client->thread.run([&] {
    stream::StreamOptions options;
    if (info.deadline_ms) options.deadline = Duration::from_ms(*info.deadline_ms);
    io::Loop& loop = client->thread.loop();
    driver = std::make_unique<client::StreamDriver>(loop, client->thread.context(), options,
                                                    hooks(std::move(callbacks)));
    frames = std::make_unique<io::Inbox<client::Submission>>(
        loop, unanswered_frames_most, [this](client::Submission&& one) { driver->submit(std::move(one)); });
    tasks = std::make_unique<io::Inbox<client::TaskInfo>>(
        loop, 64, [this](client::TaskInfo&& one) { driver->update(one); });
    submit_to = frames->sender();
    tell = tasks->sender();
    control = std::make_unique<client::ControlLink>(
        client->api, task, [sender = *tell](client::TaskInfo one) mutable {
          sender.push(std::move(one), io::WhenFull::drop);
        });
    driver->update(info);
  });
}

void Stream::Impl::close(bool stop_task) {
  {
    const std::lock_guard lock(mutex);
    if (closed) return;
    closed = true;
  }
  client->thread.run([] {});  // a round of the loop: frames that were on their way to it have arrived after it
  client->thread.run([this] {
    frames.reset();
    tasks.reset();
    driver->close();
    driver.reset();
  });
  control->finish(last_words);  // nobody speaks to it any more
  control.reset();
  if (!stop_task) return;
  client::ApiClient api(client->api);
  static_cast<void>(api.stop(task));  // best effort: a lease, where there is one, ends it too
}

// ---- Stream

Stream::Stream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  if (this == &other) return *this;
  if (impl_) impl_->close(false);
  impl_ = std::move(other.impl_);
  return *this;
}
Stream::~Stream() {
  if (impl_) impl_->close(false);
}

Expected<std::uint64_t> Stream::submit(const FrameView& frame) {
  const Instant now = io::Loop::now();
  const auto refuse = [](const char* why) { return problem(ProblemKind::failed, "the frame was not taken", why); };
  if (frame.bytes.empty()) return refuse("it is empty");
  if (frame.bytes.size() > limits::frame_bytes) return refuse("it is larger than 4 MiB");
  client::Submission submission;
  submission.payload = std::make_shared<const std::vector<std::uint8_t>>(frame.bytes.begin(), frame.bytes.end());
  submission.frame.bytes = static_cast<std::uint32_t>(frame.bytes.size());
  submission.frame.format = static_cast<protocol::FrameFormat>(frame.format);
  submission.frame.width = frame.width;
  submission.frame.height = frame.height;
  submission.frame.at = now;
  // The lock spans the push, so that frames reach the loop in the order of their sequences.
  const std::lock_guard lock(impl_->mutex);
  if (impl_->closed) return refuse("the stream is closed");
  if (impl_->unanswered >= unanswered_frames_most) return refuse("too many frames are unanswered");
  if (impl_->unanswered_bytes + frame.bytes.size() > unanswered_bytes_most)
    return refuse("too many bytes are unanswered");
  submission.frame.sequence = impl_->submitted + 1;
  if (!impl_->submit_to->push(std::move(submission), io::WhenFull::drop)) return refuse("the library is overloaded");
  ++impl_->submitted;
  ++impl_->unanswered;
  impl_->unanswered_bytes += frame.bytes.size();
  return impl_->submitted;
}

const std::string& Stream::task() const { return impl_->task; }

StreamStats Stream::stats() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stats;
}

bool Stream::drain(std::uint32_t timeout_ms) {
  std::unique_lock lock(impl_->mutex);
  return impl_->answered.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                                  [this] { return impl_->unanswered == 0; });
}

void Stream::close(bool stop_task) { impl_->close(stop_task); }

// ---- Client

Client::Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Expected<Client> Client::connect(const std::string& api) {
  client::ApiClient asked(api);
  const Expected<std::string> region = asked.get("/v1/region");
  if (!region) return region.error();
  return Client(std::make_shared<Impl>(api));
}

Expected<Placement> Client::plan(const TaskDescription& task, const FrameView& first, const PlaceOptions& options) {
  client::ApiClient api(impl_->api);
  return client::Placer(api, impl_->thread.context()).place({task, first, options, true});
}

Expected<Placement> Client::place(const TaskDescription& task, const FrameView& first, const PlaceOptions& options) {
  client::ApiClient api(impl_->api);
  return client::Placer(api, impl_->thread.context()).place({task, first, options, false});
}

Expected<Stream> Client::attach(const std::string& task, StreamCallbacks callbacks) {
  client::ApiClient api(impl_->api);
  const Expected<client::TaskInfo> info = api.task(task);
  if (!info) return info.error();
  if (info->state != "placed")
    return problem(ProblemKind::not_placed, "task " + info->name + " does not run", "it is " + info->state +
                       (info->reason.empty() ? "" : ": " + info->reason), "see `proxima explain " + task + "`");
  auto impl = std::make_shared<Stream::Impl>(impl_, info->id);
  impl->start(*info, std::move(callbacks));
  return Stream(std::move(impl));
}

Expected<Stream> Client::open(const TaskDescription& task, const FrameView& first, PlaceOptions options,
                              StreamCallbacks callbacks) {
  if (options.lease_ms == 0) options.lease_ms = default_lease_ms;
  const Expected<Placement> placement = place(task, first, options);
  if (!placement) return placement.error();
  if (!placement->placed)
    return problem(ProblemKind::not_placed, "task " + task.name + " cannot be placed",
                   placement->reason.empty() ? placement->decision.summary : placement->reason,
                   "see `proxima plan`");
  return attach(placement->task, std::move(callbacks));
}

Expected<Done> Client::stop(const std::string& task) {
  client::ApiClient api(impl_->api);
  const Expected<client::TaskInfo> stopped = api.stop(task);
  if (!stopped) return stopped.error();
  return Done{};
}

}  // namespace proxima
