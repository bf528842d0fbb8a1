#include "tests/sim/broker.hpp"

#include <utility>

namespace proxima::sim {
namespace {

constexpr std::size_t remembered = 4;  // QoS 1 messages that a broken connection left unacknowledged, at most

void remember(std::deque<Publication>& recent, const Publication& message) {
  if (recent.size() == remembered) recent.pop_front();
  recent.push_back(message);
}

void send_down(const MqttSessionPtr& session, const Publication& message) {
  session->down->send([session, message] {
    if (session->at_peer) session->on_message(message);
  });
}

}  // namespace

MqttSessionPtr Broker::session_of(Place who) const {
  const auto found = sessions_.find(who);
  return found == sessions_.end() ? nullptr : found->second;
}

MqttSessionPtr Broker::connect(Place who, const protocol::Bytes& will, std::function<void(const Publication&)> on_message,
                               std::function<void()> on_closed) {
  if (!network_.is_open(who, broker_place)) return nullptr;
  if (const MqttSessionPtr old = session_of(who)) close_at_broker(old, rng_.below(2) == 0);
  auto session = std::make_shared<MqttSession>();
  session->who = who;
  session->up = network_.open({who, broker_place});
  session->down = network_.open({broker_place, who});
  session->will = will;
  session->on_message = std::move(on_message);
  session->on_closed = std::move(on_closed);
  sessions_[who] = session;
  if (who == coordinator_place) {
    for (const auto& [node, birth] : retained_) send_down(session, birth);
    replay_to(session, recent_events_);
  } else {
    replay_to(session, recent_commands_[who - first_node_place]);
  }
  return session;
}

void Broker::replay_to(const MqttSessionPtr& session, const std::deque<Publication>& recent) {
  for (const Publication& message : recent) {
    if (rng_.unit() >= options_.replay) continue;
    const auto wait = Duration::millis(static_cast<std::int64_t>(rng_.below(3000)));
    queue_.in(wait, [session, message] {
      if (session->at_broker) send_down(session, message);
    });
  }
}

void Broker::publish(const MqttSessionPtr& session, const Publication& message) {
  if (message.topic == Publication::Topic::beat && rng_.unit() < options_.beat_loss) return;
  session->up->send([this, session, message] {
    if (session->at_broker) arrived(message);
  });
}

void Broker::arrived(const Publication& message) {
  if (message.topic == Publication::Topic::command) {
    remember(recent_commands_[message.node], message);
    if (const MqttSessionPtr node = session_of(node_place(message.node))) send_down(node, message);
    return;
  }
  if (message.topic == Publication::Topic::birth) retained_[message.node] = message;
  if (message.topic != Publication::Topic::beat) remember(recent_events_, message);
  if (const MqttSessionPtr coordinator = session_of(coordinator_place)) send_down(coordinator, message);
}

void Broker::close_at_broker(const MqttSessionPtr& session, bool publish_will) {
  if (!session->at_broker) return;
  session->at_broker = false;
  if (session_of(session->who) == session) sessions_.erase(session->who);
  session->down->send([session] {
    if (std::exchange(session->at_peer, false)) session->on_closed();
  });
  if (publish_will && !session->will.empty())
    arrived({Publication::Topic::birth, session->who - first_node_place, session->will});
}

void Broker::let_go(const MqttSessionPtr& session, bool cleanly) {
  session->at_peer = false;
  session->up->send([this, session, cleanly] { close_at_broker(session, !cleanly); });
}

void Broker::watch_stillness(const MqttSessionPtr& session, const std::function<bool()>& moves_again) {
  queue_.in(options_.keep_alive * 3 / 2, [this, session, moves_again] {
    if (!moves_again()) close_at_broker(session, true);
  });
}

// Each end finds out by itself, by its own keep-alive, that it hears nothing any more.
void Broker::line_was_cut(Way way) {
  if (way.to == broker_place) {
    if (const MqttSessionPtr session = session_of(way.from))
      network_.when_cut_for(way, options_.keep_alive * 3 / 2, [this, session] { close_at_broker(session, true); });
  } else if (way.from == broker_place) {
    if (const MqttSessionPtr session = session_of(way.to))
      network_.when_cut_for(way, options_.keep_alive, [this, session] {
        if (!session->at_peer) return;
        let_go(session, false);
        session->on_closed();
      });
  }
}

void Broker::restart(bool keep_retained) {
  const auto sessions = std::exchange(sessions_, {});
  for (const auto& [who, session] : sessions) {
    session->at_broker = false;
    session->up->close();
    session->down->close();
    queue_.in(Duration::millis(static_cast<std::int64_t>(rng_.below(500))), [session = session] {
      if (std::exchange(session->at_peer, false)) session->on_closed();
    });
  }
  if (!keep_retained) retained_.clear();
  recent_events_.clear();
  recent_commands_.clear();
}

}  // namespace proxima::sim
