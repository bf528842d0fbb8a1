#include "agent/core/region_link.hpp"

#include <algorithm>
#include <utility>

namespace proxima::agent {

RegionLink::RegionLink(protocol::Birth birth, Duration serving_beat, Duration idle_beat)
    : birth_(std::move(birth)), serving_beat_(serving_beat), idle_beat_(idle_beat) {}

bool RegionLink::obeys(const protocol::Desired& desired) {
  const bool newer = !obeyed_any_ || desired.term > term_ || (desired.term == term_ && desired.generation > generation_);
  if (!newer) return false;
  obeyed_any_ = true;
  term_ = desired.term;
  generation_ = desired.generation;
  return true;
}

void RegionLink::connected(Effects& out) {
  connected_ = true;
  out.emplace_back(PublishPresence{birth_});
}

void RegionLink::leave(Effects& out) {
  if (connected_) out.emplace_back(PublishPresence{protocol::Lost{birth_.incarnation}});
  connected_ = false;
}

void RegionLink::beat(const Load& load, Instant now, Effects& out) {
  if (!connected_) return;
  protocol::Beat beat;
  beat.incarnation = birth_.incarnation;
  beat.sequence = ++sequence_;
  beat.applied_generation = generation_;
  beat.instances = load.instances;
  beat.memory_mib_used = load.memory_mib_used;
  beat.frames_executed = load.frames_executed;
  const std::int64_t passed_us = std::max<std::int64_t>((now - last_beat_).ns / 1000, 1);
  const std::uint64_t percent = (load.cpu_us - cpu_us_told_) * 100 / static_cast<std::uint64_t>(passed_us);
  beat.cpu_percent_used = static_cast<std::uint8_t>(std::min<std::uint64_t>(percent, 255));
  last_beat_ = now;
  cpu_us_told_ = load.cpu_us;
  out.emplace_back(PublishBeat{beat});
}

Instant RegionLink::next_beat(bool serving) const {
  if (!connected_) return Instant::never();
  return last_beat_ + (serving ? serving_beat_ : idle_beat_);
}

void RegionLink::fingerprint(Fingerprint& into) const {
  into.add(birth_.incarnation);
  into.add(term_);
  into.add(generation_);
  into.add(connected_);
  into.add(sequence_);
  into.add(last_beat_.ns);
  into.add(cpu_us_told_);
}

}  // namespace proxima::agent
