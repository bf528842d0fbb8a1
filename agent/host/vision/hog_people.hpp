// The host function vision.hog_people: finds people in a grey JPEG. Used by the host-function process on its only thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace proxima::vision {

class HogPeople {
 public:
  HogPeople();
  ~HogPeople();
  HogPeople(const HogPeople&) = delete;
  HogPeople& operator=(const HogPeople&) = delete;

  /// `jpeg`: a JPEG of at most picture_pixels_max pixels and picture_side_max a side; decoded to grey. `boxes`: room for the
  /// answer in boxes v1 (proxima/boxes.hpp), in the order in which OpenCV finds them; what does not fit is left out, the last first.
  /// Returns the bytes written, or −1 for a picture that cannot be used.
  [[nodiscard]] std::int32_t operator()(std::span<const std::uint8_t> jpeg, std::span<std::uint8_t> boxes);

  /// Runs once over a picture of its own, so that all that OpenCV loads and allocates lazily is there.
  void warm_up();

 private:
  struct Detector;
  std::unique_ptr<Detector> detector_;
};

inline constexpr std::uint32_t picture_side_max = 4096;
inline constexpr std::uint32_t picture_pixels_max = 4096U * 4096U;

}  // namespace proxima::vision
