#include "sdk/cli/first_frame.hpp"

#include <iostream>
#include <utility>

#include "sdk/cli/output.hpp"

namespace proxima::cli {

FrameView view_of(const media::Payload& payload) {
  return {payload.bytes, static_cast<Format>(payload.format), payload.width, payload.height};
}

FrameView FirstFrame::view() const { return view_of(payload); }

protocol::InputSpec spec_of(const InputShape& input) {
  protocol::InputSpec out;
  out.format = static_cast<protocol::FrameFormat>(input.format);
  out.width = input.width;
  out.height = input.height;
  out.quality = input.quality;
  out.max_bytes = input.max_bytes;
  return out;
}

void say(const std::string& line) { std::cerr << "proxima: " << line << std::endl; }

Expected<FirstFrame> first_frame(const std::string& source, const InputShape& input) {
  Result<std::unique_ptr<media::Source>> opened = media::open_source(source, say);
  if (!opened) return problem_from(opened.error(), ProblemKind::usage);
  Result<media::Picture> picture = (*opened)->next();
  if (!picture) return problem_from(picture.error(), ProblemKind::usage);
  Result<media::Payload> payload = media::to_input(*picture, spec_of(input));
  if (!payload) return problem_from(payload.error(), ProblemKind::usage);
  return FirstFrame{std::move(*payload)};
}

}  // namespace proxima::cli
