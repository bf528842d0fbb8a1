#include "common/io/event_text.hpp"

#include <utility>

namespace proxima::io {

bool EventText::feed(std::string_view bytes, const std::function<void(std::string_view, std::string_view)>& deliver) {
  for (const char c : bytes) {
    const bool second_half = std::exchange(after_cr_, c == '\r') && c == '\n';
    if (second_half) continue;  // CRLF is one end of line
    if (c == '\r' || c == '\n') {
      end_line(deliver);
    } else {
      line_ += c;
    }
    if (line_.size() + data_.size() > event_bytes_) return false;
  }
  return true;
}

void EventText::end_line(const std::function<void(std::string_view, std::string_view)>& deliver) {
  const std::string line = std::exchange(line_, {});
  if (line.empty()) {
    if (has_data_) deliver(event_, data_);
    event_.clear();
    data_.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = std::string_view(line).substr(0, colon);
  std::string_view value = colon == std::string::npos ? std::string_view() : std::string_view(line).substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") event_ = value;
  if (field != "data") return;  // comments, ids and retry times are not used
  if (std::exchange(has_data_, true)) data_ += '\n';
  data_ += value;
}

}  // namespace proxima::io
