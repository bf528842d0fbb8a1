// Reads server-sent events from text as it comes (WHATWG HTML, "Interpreting an event stream"), bounded. A value; the
// client's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace proxima::io {

class EventText {
 public:
  explicit EventText(std::size_t event_bytes) : event_bytes_(event_bytes) {}

  /// Calls `deliver` with the event's name and data for each one that is complete. False if one is longer than allowed:
  /// then the stream is of no more use.
  bool feed(std::string_view bytes, const std::function<void(std::string_view event, std::string_view data)>& deliver);

 private:
  void end_line(const std::function<void(std::string_view, std::string_view)>& deliver);

  std::size_t event_bytes_;
  std::string line_;
  std::string event_;
  std::string data_;
  bool has_data_ = false;
  bool after_cr_ = false;
};

}  // namespace proxima::io
