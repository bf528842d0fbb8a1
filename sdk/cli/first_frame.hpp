// Between pictures and the client library: a task's input made from a source.
#pragma once

#include <string>

#include "sdk/include/proxima/client.hpp"
#include "sdk/src/input.hpp"

namespace proxima::cli {

struct FirstFrame {
  media::Payload payload;
  [[nodiscard]] FrameView view() const;
};

[[nodiscard]] FrameView view_of(const media::Payload& payload);
[[nodiscard]] protocol::InputSpec spec_of(const InputShape& input);

/// Opens the source and turns its first picture into the task's input.
[[nodiscard]] Expected<FirstFrame> first_frame(const std::string& source, const InputShape& input);

/// One line on stderr.
void say(const std::string& line);

}  // namespace proxima::cli
