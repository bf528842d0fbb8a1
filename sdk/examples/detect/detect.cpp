// Finds people in a grey JPEG: asks the host's detector and answers boxes labelled "person" (boxes.hpp), the surest
// first. What is not a plausible box is left out.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "proxima/boxes.hpp"
#include "proxima/guest.hpp"

namespace {

using proxima::boxes::Box;

// Failure codes of on_open and on_frame.
constexpr int wrong_format = 100;
constexpr int wrong_picture = 101;
constexpr int no_detector = 102;
constexpr int detector_died = 103;
constexpr int wrong_answer = 104;

constexpr std::size_t boxes_max = 256;
constexpr float score_min = 0;

class Detect {
 public:
  int on_open(const proxima::guest::Shape& input) {
    return input.format == proxima::guest::Format::jpeg_grey ? 0 : wrong_format;
  }

  int on_frame(const proxima::guest::Frame& frame) {
    if (frame.shape.format != proxima::guest::Format::jpeg_grey) return wrong_format;
    const std::int32_t got = proxima::guest::hog_people(frame.data, frame.size, bytes_.data(), bytes_.size());
    if (got < 0) return got == -1 ? wrong_picture : got == -2 ? no_detector : detector_died;
    const std::int64_t found = proxima::boxes::count(bytes_.data(), static_cast<std::size_t>(got));
    if (found < 0) return wrong_answer;
    const std::size_t kept = take(std::min(static_cast<std::size_t>(found), boxes_max));
    const std::size_t length = proxima::boxes::encode(boxes_.data(), kept, bytes_.data(), bytes_.size());
    proxima::guest::output(bytes_.data(), static_cast<std::uint32_t>(length));
    return 0;
  }

  void on_close() {}

 private:
  /// Reads the detector's boxes, keeps the plausible ones, sorts them; returns how many.
  std::size_t take(std::size_t found) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < found; ++i) {
      Box box = proxima::boxes::at(bytes_.data(), i);
      if (box.w <= 0 || box.h <= 0 || !(box.score >= score_min)) continue;  // also drops not-a-number
      proxima::boxes::set_label(box, "person");
      boxes_[kept++] = box;
    }
    std::sort(boxes_.begin(), boxes_.begin() + static_cast<std::ptrdiff_t>(kept), [](const Box& a, const Box& b) {
      if (a.score != b.score) return a.score > b.score;
      if (a.x != b.x) return a.x < b.x;
      return a.y != b.y ? a.y < b.y : a.h < b.h;
    });
    return kept;
  }

  std::array<Box, boxes_max> boxes_;
  std::array<std::uint8_t, proxima::boxes::encoded_bytes(boxes_max)> bytes_;
};

}  // namespace

PROXIMA_TASK(Detect)
