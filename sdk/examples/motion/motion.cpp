// Finds what moves in a fixed camera's picture: grey frames in, boxes labelled "moving" out (boxes.hpp).
//
//   blur 5×5 → compare with a running background → clean up → grow → label connected regions → boxes
//
// Each pixel keeps a mean and a mean absolute deviation of its blurred brightness, in fixed point. A pixel that is
// further from its mean than several deviations is moving; moving pixels change the model slowly, so that a walker
// leaves no ghost and a parked car becomes background after some seconds. Only integers decide, so that the boxes are
// the same on every processor.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "proxima/boxes.hpp"
#include "proxima/guest.hpp"

namespace {

using proxima::boxes::Box;

constexpr std::uint32_t width_max = 320;
constexpr std::uint32_t height_max = 240;
constexpr std::size_t pixels_max = std::size_t{width_max} * height_max;

// Failure codes of on_open and on_frame.
constexpr int wrong_format = 100;
constexpr int wrong_size = 101;

// What a developer tunes. Brightness counts in 1/16 grey levels, the model in 1/256 of that.
constexpr std::int32_t contrast_min = 14 * 16;     // never call a smaller difference motion
constexpr std::int32_t deviations = 4;             // nor one below so many mean deviations
constexpr int learn_shift = 6;                     // background pixels: 1/64 of the difference a frame
constexpr int absorb_shift = 7;                    // moving pixels: 1/128, some seconds at 30 frames a second
constexpr std::uint32_t quick_frames = 24;         // at first the model follows at up to 1/2, then 1/4, …
constexpr std::int32_t first_deviation = 3 * 16;
constexpr int neighbours_min = 5;                  // of nine, for a moving pixel to stay
constexpr int grow_x = 2;                          // pixels to each side
constexpr int grow_y = 4;                          // people are taller than wide: join heads, bodies, legs
constexpr std::int32_t area_min = 48;              // moving pixels in a region, before growing
constexpr std::size_t boxes_max = 64;

struct Region {
  std::int32_t left = 0, top = 0, right = 0, bottom = 0;  // inclusive, of moving pixels before growing
  std::int32_t area = 0;
};

class Motion {
 public:
  int on_open(const proxima::guest::Shape& input) {
    return input.format == proxima::guest::Format::grey8 ? 0 : wrong_format;
  }

  int on_frame(const proxima::guest::Frame& frame) {
    if (frame.shape.format != proxima::guest::Format::grey8) return wrong_format;
    if (!takes(frame)) return wrong_size;
    blur(frame.data);
    model();
    clean();
    grow();
    const std::size_t count = find_boxes();
    const std::size_t bytes = proxima::boxes::encode(boxes_.data(), count, answer_.data(), answer_.size());
    proxima::guest::output(answer_.data(), static_cast<std::uint32_t>(bytes));
    return 0;
  }

  void on_close() {}

 private:
  /// Checks the frame's shape; another shape than before starts a new model.
  bool takes(const proxima::guest::Frame& frame) {
    const std::uint32_t w = frame.shape.width;
    const std::uint32_t h = frame.shape.height;
    if (w < 8 || h < 8 || w > width_max || h > height_max || frame.size != w * h) return false;
    if (w != width_ || h != height_) seen_ = 0;
    width_ = w;
    height_ = h;
    return true;
  }

  /// Binomial 5×5 (1 4 6 4 1 each way), edges repeated. Result in 1/16 grey levels, rounded.
  void blur(const std::uint8_t* in) {
    const std::size_t w = width_;
    for (std::size_t y = 0; y < height_; ++y) {
      std::array<std::uint16_t, width_max + 4> line;
      const std::uint8_t* from = in + y * w;
      std::copy(from, from + w, line.begin() + 2);
      line[0] = line[1] = from[0];
      line[w + 2] = line[w + 3] = from[w - 1];
      std::uint16_t* to = rows_.data() + y * w;
      for (std::size_t x = 0; x < w; ++x) {
        to[x] = static_cast<std::uint16_t>(line[x] + line[x + 4] + 4 * (line[x + 1] + line[x + 3]) + 6 * line[x + 2]);
      }
    }
    for (std::size_t y = 0; y < height_; ++y) {
      const auto row = [&](std::ptrdiff_t dy) {
        const auto at = std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(y) + dy, 0,
                                                   static_cast<std::ptrdiff_t>(height_) - 1);
        return rows_.data() + static_cast<std::size_t>(at) * w;
      };
      const std::uint16_t *a = row(-2), *b = row(-1), *c = row(0), *d = row(1), *e = row(2);
      std::uint16_t* to = smooth_.data() + y * w;
      for (std::size_t x = 0; x < w; ++x) {
        to[x] = static_cast<std::uint16_t>((a[x] + e[x] + 4 * (b[x] + d[x]) + 6 * c[x] + 8) >> 4);
      }
    }
  }

  /// Marks what differs from the background, and lets the background follow.
  void model() {
    const std::size_t pixels = std::size_t{width_} * height_;
    if (seen_ == 0) {
      for (std::size_t i = 0; i < pixels; ++i) {
        mean_[i] = smooth_[i] << 8;
        deviation_[i] = first_deviation << 8;
        moving_[i] = 0;
      }
      seen_ = 1;
      return;
    }
    int quick = 1;  // while young: halves, quarters, eighths of the difference
    while ((1U << quick) < seen_) ++quick;
    const bool young = seen_ < quick_frames;
    const int learn = young ? std::min(quick, learn_shift) : learn_shift;
    const int absorb = young ? learn + 1 : absorb_shift;
    for (std::size_t i = 0; i < pixels; ++i) {
      const std::int32_t difference = (static_cast<std::int32_t>(smooth_[i]) << 8) - mean_[i];
      const std::int32_t distance = difference < 0 ? -difference : difference;
      const std::int32_t limit = std::max(contrast_min << 8, deviations * deviation_[i]);
      const bool moves = distance > limit;
      moving_[i] = moves ? 1 : 0;
      mean_[i] += moves ? difference >> absorb : difference >> learn;
      deviation_[i] += moves ? 0 : (distance - deviation_[i]) >> learn;
    }
    if (young) ++seen_;
  }

  /// Keeps moving pixels with enough moving neighbours; the picture's rim is still.
  void clean() {
    const std::size_t w = width_;
    std::fill_n(cleaned_.begin(), w * height_, std::uint8_t{0});
    for (std::size_t y = 1; y + 1 < height_; ++y) {
      const std::uint8_t* above = moving_.data() + (y - 1) * w;
      const std::uint8_t* here = moving_.data() + y * w;
      const std::uint8_t* below = moving_.data() + (y + 1) * w;
      std::array<std::uint8_t, width_max> column;
      for (std::size_t x = 0; x < w; ++x) column[x] = static_cast<std::uint8_t>(above[x] + here[x] + below[x]);
      std::uint8_t* to = cleaned_.data() + y * w;
      for (std::size_t x = 1; x + 1 < w; ++x) {
        to[x] = column[x - 1] + column[x] + column[x + 1] >= neighbours_min ? 1 : 0;
      }
    }
  }

  /// Spreads moving pixels over a rectangle, first along rows, then along columns.
  void grow() {
    const std::size_t w = width_;
    for (std::size_t y = 0; y < height_; ++y) {
      std::array<std::uint8_t, width_max + 2 * grow_x> line{};
      std::copy_n(cleaned_.data() + y * w, w, line.begin() + grow_x);
      std::uint8_t* to = wide_.data() + y * w;
      for (std::size_t x = 0; x < w; ++x) {
        std::uint8_t any = 0;
        for (std::size_t k = 0; k <= 2 * grow_x; ++k) any |= line[x + k];
        to[x] = any;
      }
    }
    for (std::size_t y = 0; y < height_; ++y) {
      const std::size_t first = y < grow_y ? 0 : y - grow_y;
      const std::size_t last = std::min<std::size_t>(y + grow_y, height_ - 1);
      std::uint8_t* to = grown_.data() + y * w;
      std::copy_n(wide_.data() + first * w, w, to);
      for (std::size_t k = first + 1; k <= last; ++k) {
        const std::uint8_t* from = wide_.data() + k * w;
        for (std::size_t x = 0; x < w; ++x) to[x] |= from[x];
      }
    }
  }

  [[nodiscard]] std::uint16_t root_of(std::uint16_t label) {
    while (parent_[label] != label) {
      parent_[label] = parent_[parent_[label]];
      label = parent_[label];
    }
    return label;
  }

  /// Joins two labels under the smaller one, so that the result does not depend on the order of joining.
  std::uint16_t join(std::uint16_t a, std::uint16_t b) {
    a = root_of(a);
    b = root_of(b);
    const std::uint16_t small = std::min(a, b);
    parent_[std::max(a, b)] = small;
    return small;
  }

  /// Gives each grown pixel the label of its region (8-connected). Returns the number of labels used, 0 among them.
  std::size_t label() {
    const std::size_t w = width_;
    std::size_t used = 1;  // 0 is the still background
    for (std::size_t y = 0; y < height_; ++y) {
      for (std::size_t x = 0; x < w; ++x) {
        const std::size_t i = y * w + x;
        if (grown_[i] == 0) {
          labels_[i] = 0;
          continue;
        }
        std::uint16_t label = x > 0 ? labels_[i - 1] : std::uint16_t{0};
        if (y > 0) {
          for (std::size_t k = x > 0 ? x - 1 : 0; k <= std::min<std::size_t>(x + 1, w - 1); ++k) {
            const std::uint16_t above = labels_[i - w - x + k];
            if (above != 0 && above != label) label = label == 0 ? above : join(label, above);
          }
        }
        if (label == 0) {
          label = static_cast<std::uint16_t>(used++);
          parent_[label] = label;
        }
        labels_[i] = label;
      }
    }
    return used;
  }

  /// Fills boxes_ with the regions that are large enough: the largest first, then from top to bottom.
  std::size_t find_boxes() {
    const std::size_t used = label();
    std::fill_n(regions_.begin(), used, Region{static_cast<std::int32_t>(width_), static_cast<std::int32_t>(height_), -1, -1, 0});
    const std::size_t w = width_;
    for (std::size_t y = 0; y < height_; ++y) {
      for (std::size_t x = 0; x < w; ++x) {
        if (cleaned_[y * w + x] == 0) continue;
        Region& region = regions_[root_of(labels_[y * w + x])];
        region.left = std::min(region.left, static_cast<std::int32_t>(x));
        region.right = std::max(region.right, static_cast<std::int32_t>(x));
        region.top = std::min(region.top, static_cast<std::int32_t>(y));
        region.bottom = static_cast<std::int32_t>(y);
        ++region.area;
      }
    }
    const auto end = std::remove_if(regions_.begin(), regions_.begin() + static_cast<std::ptrdiff_t>(used),
                                    [](const Region& region) { return region.area < area_min; });
    std::sort(regions_.begin(), end, [](const Region& a, const Region& b) {
      if (a.area != b.area) return a.area > b.area;
      return a.top != b.top ? a.top < b.top : a.left < b.left;
    });
    const std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(end - regions_.begin()), boxes_max);
    for (std::size_t i = 0; i < count; ++i) boxes_[i] = box_of(regions_[i]);
    return count;
  }

  /// The score is the part of the box that moves.
  static Box box_of(const Region& region) {
    Box box;
    box.x = region.left;
    box.y = region.top;
    box.w = region.right - region.left + 1;
    box.h = region.bottom - region.top + 1;
    box.score = static_cast<float>(region.area) / static_cast<float>(box.w * box.h);
    proxima::boxes::set_label(box, "moving");
    return box;
  }

  // Each label's first pixel has no labelled neighbour before it: at most every second one of every second row.
  static constexpr std::size_t labels_max = pixels_max / 4 + width_max + 2;

  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  std::uint32_t seen_ = 0;  // frames in the model, counted up to quick_frames
  std::array<std::uint16_t, pixels_max> rows_;
  std::array<std::uint16_t, pixels_max> smooth_;
  std::array<std::int32_t, pixels_max> mean_;
  std::array<std::int32_t, pixels_max> deviation_;
  std::array<std::uint8_t, pixels_max> moving_;
  std::array<std::uint8_t, pixels_max> cleaned_;
  std::array<std::uint8_t, pixels_max> wide_;
  std::array<std::uint8_t, pixels_max> grown_;
  std::array<std::uint16_t, pixels_max> labels_;
  std::array<std::uint16_t, labels_max> parent_;
  std::array<Region, labels_max> regions_;
  std::array<Box, boxes_max> boxes_;
  std::array<std::uint8_t, proxima::boxes::encoded_bytes(boxes_max)> answer_;
};

}  // namespace

PROXIMA_TASK(Motion)
