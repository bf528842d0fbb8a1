// A stream core with hand-driven time and messages, for tests that read as a story. One thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sdk/core/stream.hpp"

namespace proxima::stream {

inline constexpr std::uint32_t serving_epoch = 1;
inline constexpr std::uint32_t standby_epoch = 2;

[[nodiscard]] Grant grant(const std::string& node, std::uint32_t epoch);

class Rig {
 public:
  explicit Rig(std::optional<double> deadline_ms = 20);

  /// Grants for "near" (epoch 1) and "far" (epoch 2), both connected and welcomed with this credit.
  void open(std::uint32_t credit = 4);
  void handle(const Event& event);
  void submit(std::uint64_t sequence, std::uint32_t bytes = 100);
  void receive(std::uint32_t session, const protocol::AgentMessage& message);
  void welcome(std::uint32_t session, std::uint32_t epoch, std::uint32_t credit = 4);
  void result(std::uint32_t session, std::uint32_t epoch, std::uint64_t sequence,
              protocol::ResultStatus status = protocol::ResultStatus::ok);
  void refuse(std::uint32_t session, protocol::RefusalCode code, std::uint64_t sequence = 0);
  /// Lets time pass; the core is woken at each deadline that it asked for.
  void pass(double ms);
  /// The same, and every ping of these sessions is answered at once.
  void pass_answering(double ms, const std::vector<std::uint32_t>& sessions);
  /// Lets time pass without waking it, as if the process had been stopped.
  void stall(double ms);

  /// Effects of one kind since the last clear().
  template <class T>
  [[nodiscard]] std::vector<T> all() const {
    std::vector<T> out;
    for (const Effect& effect : effects)
      if (const T* one = std::get_if<T>(&effect)) out.push_back(*one);
    return out;
  }
  /// Frames sent since the last clear(), with their sessions.
  [[nodiscard]] std::vector<std::pair<std::uint32_t, protocol::Frame>> frames() const;
  template <class T>
  [[nodiscard]] std::size_t messages(std::uint32_t session) const {
    std::size_t count = 0;
    for (const SendMessage& sent : all<SendMessage>())
      if (sent.session.value == session && std::holds_alternative<T>(sent.message)) ++count;
    return count;
  }
  [[nodiscard]] std::vector<Note> notes(NoteKind kind) const;
  void clear() { effects.clear(); }

  Stream core;
  Effects effects;
  Instant now{1'000'000'000};

 private:
  void answer_pings(std::size_t from, const std::vector<std::uint32_t>& sessions);
};

}  // namespace proxima::stream
