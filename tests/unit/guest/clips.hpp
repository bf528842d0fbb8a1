// A synthetic clip and the ways to run it: natively and in node. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/prng.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/guest/objects.hpp"

namespace proxima::tests {

inline constexpr int width = 320;
inline constexpr int height = 240;
inline constexpr int frames = 40;
inline constexpr std::uint8_t grey8 = 1;

using Frame = std::vector<std::uint8_t>;

/// A noisy, slanted background with two "people" that walk across it from opposite sides.
inline std::vector<Frame> synthetic_clip() {
  Prng prng(7);
  std::vector<Frame> clip;
  for (int n = 0; n < frames; ++n) {
    Frame frame(width * height);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        frame[static_cast<std::size_t>(y * width + x)] =
            static_cast<std::uint8_t>(90 + x / 8 + y / 6 + static_cast<int>(prng.next() % 5));
    const auto walker = [&](int left, int top, std::uint8_t shade) {
      for (int y = top; y < top + 40; ++y)
        for (int x = std::max(left, 0); x < std::min(left + 14, width); ++x)
          frame[static_cast<std::size_t>(y * width + x)] = shade;
    };
    if (n > 5) {
      walker(4 * n, 60, 20);
      walker(300 - 3 * n, 150, 240);
    }
    clip.push_back(std::move(frame));
  }
  return clip;
}

inline std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

/// One line a call, as run.mjs prints them.
inline std::string run_native(const std::string& name, const std::vector<Frame>& clip) {
  Loaded loaded(name);
  std::ostringstream out;
  const auto opened = loaded.guest->open({grey8, width, height});
  out << "open " << opened.code << '\n';
  for (const Frame& frame : clip) {
    const worker::GuestOutcome outcome = loaded.guest->frame({grey8, width, height}, frame);
    out << "frame " << outcome.code << ' ' << hex(outcome.output) << '\n';
  }
  return out.str();
}

/// The file of frames that run.mjs and run_object read.
inline void write_frames(const std::string& path, const std::vector<Frame>& clip) {
  builder::Bytes file;
  for (const Frame& frame : clip) {
    for (unsigned i = 0; i < 4; ++i) file.push_back(static_cast<std::uint8_t>(frame.size() >> (8 * i)));
    file.insert(file.end(), frame.begin(), frame.end());
  }
  BOOST_REQUIRE(builder::write_file(path, std::span<const std::uint8_t>(file)));
}

inline std::string run_in_node(const std::string& name, const std::vector<Frame>& clip) {
  const TempDir folder;
  write_frames(folder.file("frames"), clip);
  const auto module = module_of(name);
  BOOST_REQUIRE(builder::write_file(folder.file("task.wasm"), std::span<const std::uint8_t>(module)));
  const auto done = run({"node", PROXIMA_RUN_MJS, folder.file("task.wasm"), folder.file("frames"), "1",
                                         std::to_string(width), std::to_string(height)});
  BOOST_REQUIRE_MESSAGE(done.status == 0, done.output);
  return done.output;
}

}  // namespace proxima::tests
