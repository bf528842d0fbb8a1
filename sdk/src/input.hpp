// Turns a picture into what a task wants to be fed with. Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.hpp"
#include "common/protocol/task_spec.hpp"
#include "sdk/src/source.hpp"

namespace proxima::media {

/// One frame as it goes on the wire.
struct Payload {
  std::vector<std::uint8_t> bytes;
  protocol::FrameFormat format = protocol::FrameFormat::bytes;
  std::uint16_t width = 0;
  std::uint16_t height = 0;
};

/// Grey, scaled to the wanted size if there is one, then raw (`bytes`, `grey8`) or as a JPEG. A failure if it is larger
/// than the task takes.
[[nodiscard]] Result<Payload> to_input(const Picture& picture, const protocol::InputSpec& wanted);

/// A colour JPEG of at most this width, for people to look at.
[[nodiscard]] Result<std::vector<std::uint8_t>> to_jpeg(const Picture& picture, int width_most, int quality);

}  // namespace proxima::media
