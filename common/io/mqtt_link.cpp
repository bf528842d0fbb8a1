#include "common/io/mqtt_link.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include <MQTTAsync.h>
#include <mqtt/async_client.h>

#include "common/base/assert.hpp"
#include "common/base/prng.hpp"
#include "common/io/inbox.hpp"
#include "common/io/nodelay.hpp"

namespace proxima::io {
namespace {

/// What Paho's thread tells the loop. `attempt` counts connections: news of an earlier one are ignored.
struct Event {
  enum class Kind { connected, subscribed, failed, lost, drained, disconnected, message } kind = Kind::lost;
  std::uint64_t attempt = 0;
  std::string reason;
  MqttMessage message;
};

/// Everything that Paho's thread touches. Held by the link until the client is destroyed.
class PahoSide : public mqtt::callback {
 public:
  PahoSide(Inbox<Event>::Sender sender, std::size_t message_bytes)
      : sender_(std::move(sender)), message_bytes_(message_bytes) {}

  void begin_attempt(std::uint64_t attempt) {
    attempt_ = attempt;
    outstanding_ = 0;
  }
  [[nodiscard]] std::uint64_t attempt() const { return attempt_; }
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }
  void count_published() { ++outstanding_; }
  /// One event when nothing is outstanding; false if that is so now.
  [[nodiscard]] bool tell_when_drained() {
    wants_drained_ = true;
    return outstanding_ > 0;
  }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  void count_dropped() { ++dropped_; }

  void connection_lost(const std::string& cause) override {
    tell(Event::Kind::lost, cause.empty() ? "the connection broke" : cause);
  }
  void message_arrived(mqtt::const_message_ptr message) override {
    const auto& payload = message->get_payload_ref();
    if (payload.size() > message_bytes_) {
      ++dropped_;
      return;
    }
    Event event;
    event.kind = Event::Kind::message;
    event.attempt = attempt_;
    event.message.topic = message->get_topic();
    event.message.payload.assign(payload.data(), payload.data() + payload.size());
    event.message.qos = message->get_qos();
    event.message.retained = message->is_retained();
    const bool telemetry = event.message.qos == 0;
    sender_.push(std::move(event), telemetry ? WhenFull::drop : WhenFull::report);
  }

  /// Answers to our own requests, one listener for each kind. The user context says of which attempt.
  struct Listener : mqtt::iaction_listener {
    Listener(PahoSide& owner, Event::Kind success) : side(owner), on_done(success) {}
    void on_success(const mqtt::token& token) override { side.answered(on_done, token, true); }
    void on_failure(const mqtt::token& token) override { side.answered(on_done, token, false); }
    PahoSide& side;
    Event::Kind on_done;
  };
  struct Published : mqtt::iaction_listener {
    explicit Published(PahoSide& owner) : side(owner) {}
    void on_success(const mqtt::token& token) override { side.published(token); }
    void on_failure(const mqtt::token& token) override { side.published(token); }
    PahoSide& side;
  };
  Listener connecting{*this, Event::Kind::connected};
  Listener subscribing{*this, Event::Kind::subscribed};
  Listener disconnecting{*this, Event::Kind::disconnected};
  Published publishing{*this};

  void* context() const { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(attempt_.load())); }

 private:
  void tell(Event::Kind kind, std::string reason) {
    Event event;
    event.kind = kind;
    event.attempt = attempt_;
    event.reason = std::move(reason);
    sender_.push(std::move(event), WhenFull::report);
  }
  [[nodiscard]] bool is_of_now(const mqtt::token& token) const { return token.get_user_context() == context(); }

  void answered(Event::Kind kind, const mqtt::token& token, bool success) {
    if (!is_of_now(token)) return;
    if (kind == Event::Kind::disconnected || success) return tell(kind, subscription_refusal(kind, token));
    const bool refused = token.get_reason_code() >= 0x80;
    tell(Event::Kind::failed, refused ? "the broker refuses: " + mqtt::exception::reason_code_str(token.get_reason_code())
                                      : mqtt::exception::error_str(token.get_return_code()));
  }
  // A SUBACK may refuse single filters and still be a success for Paho.
  static std::string subscription_refusal(Event::Kind kind, const mqtt::token& token) {
    if (kind != Event::Kind::subscribed) return {};
    const mqtt::subscribe_response response = token.get_subscribe_response();
    for (const auto code : response.get_reason_codes()) {
      if (code >= 0x80) return "the broker refuses a subscription with reason code " + std::to_string(code);
    }
    return {};
  }
  void published(const mqtt::token& token) {
    if (!is_of_now(token)) return;
    std::size_t before = outstanding_;  // 0 if an attempt began just now
    while (before > 0 && !outstanding_.compare_exchange_weak(before, before - 1)) {
    }
    if (before == 1 && wants_drained_) tell(Event::Kind::drained, {});
  }

  Inbox<Event>::Sender sender_;
  std::size_t message_bytes_;
  std::atomic<std::uint64_t> attempt_{0};
  std::atomic<std::size_t> outstanding_{0};
  std::atomic<bool> wants_drained_{false};
  std::atomic<std::uint64_t> dropped_{0};
};

constexpr Duration longest_attempt = Duration::seconds(8);  // Paho's limit, twice, with room for its clock of a second

mqtt::connect_options connect_options(const MqttOptions& options) {
  mqtt::connect_options out;
  out.set_mqtt_version(MQTTVERSION_5);
  out.set_clean_start(true);
  out.set_keep_alive_interval(std::max(1, static_cast<int>(options.keep_alive.ns / 1'000'000'000)));
  out.set_connect_timeout(3);
  // Room for topic and header; a broker that keeps to the standard then sends nothing larger.
  mqtt::properties properties;
  properties.add({mqtt::property::MAXIMUM_PACKET_SIZE, static_cast<int>(options.message_bytes + 1024)});
  out.set_properties(properties);
  if (options.will) {
    const MqttMessage& will = *options.will;
    out.set_will(mqtt::will_options(mqtt::message(will.topic, will.payload.data(), will.payload.size(), will.qos,
                                                  will.retained)));
  }
  return out;
}

}  // namespace

class MqttLink::Impl {
 public:
  Impl(Loop& loop, MqttOptions options, MqttCallbacks callbacks)
      : options_(std::move(options)),
        calls_(std::make_shared<MqttCallbacks>(std::move(callbacks))),
        jitter_(static_cast<std::uint64_t>(Loop::now().ns) ^ std::hash<std::string>{}(options_.client_id)),
        backoff_(options_.backoff_min),
        inbox_(loop, options_.received_limit, [this](Event&& event) { handle(std::move(event)); },
               [this] { reopen("more messages came than the loop could take"); }),
        retry_(loop, [this] { connect(); }),
        attempt_limit_(loop, [this] { give_up_attempt(); }),
        closing_(loop, [this] { finish_close(); }),
        side_(inbox_.sender(), options_.message_bytes),
        // Paho's own bound (100 unless told) lies just above ours, which counts.
        client_("tcp://" + options_.endpoint, options_.client_id,
                mqtt::create_options(MQTTVERSION_5, static_cast<int>(options_.outstanding_limit) + 16), nullptr) {
    client_.set_callback(side_);
    retry_.once_in({});
  }

  // Paho ends a connection by a goodbye; the wait is for its thread, which runs nothing of ours but the inbox's push.
  ~Impl() {
    try {
      if (client_.is_connected()) client_.disconnect(100)->wait_for(500);
    } catch (const mqtt::exception&) {
      // It was on its way down already.
    }
  }

  void connect() {
    state_ = State::connecting;
    ++attempt_;
    side_.begin_attempt(attempt_);
    attempt_limit_.once_in(longest_attempt);
    try {
      client_.connect(connect_options(options_), side_.context(), side_.connecting);
    } catch (const mqtt::exception& error) {
      attempt_failed(error.what());
    }
  }

  Result<void> publish(const std::string& topic, View bytes, int qos, bool retain) {
    const std::string what = "cannot publish on " + topic;
    if (state_ != State::connected) return fail(what, "not connected to the broker " + options_.endpoint);
    if (side_.outstanding() >= options_.outstanding_limit) return refuse_publish(what, qos, "too much is outstanding");
    try {
      side_.count_published();
      client_.publish(mqtt::make_message(topic, bytes.data(), bytes.size(), qos, retain), side_.context(),
                      side_.publishing);
    } catch (const mqtt::exception& error) {
      return refuse_publish(what, qos, error.what());
    }
    return {};
  }

  void close(std::function<void()> done) {
    done_ = std::move(done);
    retry_.cancel();
    attempt_limit_.cancel();
    const bool up = state_ == State::connected || state_ == State::subscribing;
    state_ = State::closing;
    closing_.once_in(up ? Duration::seconds(2) : Duration{});
    // Paho would wait by itself, but it looks only once a second.
    if (up && !side_.tell_when_drained()) say_goodbye();
  }

  [[nodiscard]] bool connected() const { return state_ == State::connected; }
  [[nodiscard]] std::uint64_t dropped() const { return inbox_.dropped() + side_.dropped(); }

 private:
  enum class State { waiting, connecting, subscribing, connected, leaving, closing, closed };

  void handle(Event&& event) {
    if (event.attempt != attempt_ || state_ == State::closed) return;
    const auto calls = calls_;  // a callback may destroy this link
    switch (event.kind) {
      case Event::Kind::message:
        if (state_ == State::connected || state_ == State::subscribing) calls->on_message(std::move(event.message));
        return;
      case Event::Kind::connected:
        if (state_ == State::connecting) subscribe();
        return;
      case Event::Kind::subscribed:
        if (state_ == State::subscribing) subscribed(event.reason);
        return;
      case Event::Kind::failed:
        if (state_ == State::connecting || state_ == State::subscribing) attempt_failed(event.reason);
        return;
      case Event::Kind::drained:
        if (state_ == State::closing) say_goodbye();
        return;
      case Event::Kind::lost:
      case Event::Kind::disconnected:
        if (state_ == State::closing) return finish_close();
        return connection_gone(event.reason);
    }
  }

  void subscribe() {
    state_ = State::subscribing;
    if (options_.subscriptions.empty()) return subscribed({});
    auto filters = std::make_shared<mqtt::string_collection>();
    mqtt::async_client::qos_collection qos;
    for (const MqttSubscription& subscription : options_.subscriptions) {
      filters->push_back(subscription.filter);
      qos.push_back(subscription.qos);
    }
    try {
      client_.subscribe(filters, qos, side_.context(), side_.subscribing);
    } catch (const mqtt::exception& error) {
      attempt_failed(error.what());
    }
  }

  void subscribed(const std::string& refusal) {
    if (!refusal.empty()) return attempt_failed(refusal);
    attempt_limit_.cancel();
    state_ = State::connected;
    backoff_ = options_.backoff_min;
    const auto calls = calls_;
    calls->on_connected();
  }

  /// The connection has ended, by itself or because reopen() asked.
  void connection_gone(const std::string& reason) {
    const State before = std::exchange(state_, State::waiting);
    if (before == State::waiting) return;
    retry();
    const auto calls = calls_;
    if (before == State::connected) return calls->on_lost(reason);
    if (before != State::leaving && calls->on_attempt_failed) calls->on_attempt_failed(reason);
  }

  /// Paho has a limit of its own for an attempt, but an attempt that begins while it still ends a connection may get no
  /// answer at all.
  void give_up_attempt() {
    if (state_ != State::connecting && state_ != State::subscribing) return;
    if (state_ == State::connecting) begin_disconnect(0);
    attempt_failed("no answer within " + std::to_string(longest_attempt.ns / 1'000'000'000) + " s");
  }

  void attempt_failed(const std::string& reason) {
    attempt_limit_.cancel();
    const bool half_up = state_ == State::subscribing && begin_disconnect(0);
    state_ = half_up ? State::leaving : State::waiting;
    retry();
    const auto calls = calls_;
    if (calls->on_attempt_failed) calls->on_attempt_failed(reason);
  }

  /// Ends the connection so that both sides start afresh; on_lost comes now, the next attempt by the back-off.
  void reopen(const std::string& reason) {
    if (state_ != State::connected && state_ != State::subscribing) return;
    const bool was_connected = state_ == State::connected;
    state_ = begin_disconnect(0) ? State::leaving : State::waiting;
    retry();
    const auto calls = calls_;
    if (was_connected) calls->on_lost(reason);
  }

  bool begin_disconnect(int timeout_ms) {
    try {
      client_.disconnect(timeout_ms, side_.context(), side_.disconnecting);
      return true;
    } catch (const mqtt::exception&) {
      return false;  // not connected any more
    }
  }

  Failure refuse_publish(const std::string& what, int qos, const std::string& why) {
    if (qos == 0) {
      side_.count_dropped();
    } else {
      reopen(why);
    }
    return fail(what, why);
  }

  /// Between half and the whole of the back-off, so that many agents do not come back at once.
  void retry() {
    const double part = 0.5 + 0.5 * jitter_.unit();
    retry_.once_in(Duration::from_ms(backoff_.ms() * part));
    backoff_ = std::min(backoff_ * 2, options_.backoff_max);
  }

  void say_goodbye() {
    if (!begin_disconnect(0)) closing_.once_in({});
  }

  void finish_close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    closing_.cancel();
    const auto done = std::move(done_);
    if (done) done();
  }

  MqttOptions options_;
  std::shared_ptr<MqttCallbacks> calls_;
  Prng jitter_;
  Duration backoff_;
  State state_ = State::waiting;
  std::uint64_t attempt_ = 0;
  std::function<void()> done_;
  Inbox<Event> inbox_;
  Timer retry_;
  Timer attempt_limit_;
  Timer closing_;
  PahoSide side_;
  mqtt::async_client client_;  // last: destroyed first, while all that its thread touches is there
};

MqttLink::MqttLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MqttLink::~MqttLink() = default;

namespace {

// Paho would set OpenSSL up at once, for links without TLS too: 1.3 MB of memory. OpenSSL 3 does so itself when it is used.
void leave_openssl_alone() {
  static std::once_flag once;
  std::call_once(once, [] {
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
    options.do_openssl_init = 0;
    MQTTAsync_global_init(&options);
  });
}

}  // namespace

Result<std::unique_ptr<MqttLink>> MqttLink::start(Loop& loop, MqttOptions options, MqttCallbacks callbacks) {
  PROXIMA_ASSERT(connects_without_nagle());
  leave_openssl_alone();
  try {
    auto impl = std::make_unique<Impl>(loop, std::move(options), std::move(callbacks));
    return std::unique_ptr<MqttLink>(new MqttLink(std::move(impl)));
  } catch (const std::exception& error) {
    return fail("cannot make an MQTT client", error.what());
  }
}

Result<void> MqttLink::publish(const std::string& topic, View bytes, int qos, bool retain) {
  return impl_->publish(topic, bytes, qos, retain);
}
void MqttLink::close(std::function<void()> done) { impl_->close(std::move(done)); }
bool MqttLink::connected() const { return impl_->connected(); }
std::uint64_t MqttLink::dropped() const { return impl_->dropped(); }

}  // namespace proxima::io
