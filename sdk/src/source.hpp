// Pictures for a stream: from a video file, or drawn. Client side only; owned and used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.hpp"

namespace cv {
class Mat;
}

namespace proxima::media {

inline constexpr int picture_width_most = 768;   // a larger source is scaled down, keeping its shape
inline constexpr int picture_height_most = 576;

/// One picture of a source, in colour. Cheap to copy; its pixels are never changed.
class Picture {
 public:
  Picture() = default;
  Picture(std::shared_ptr<const cv::Mat> pixels, std::uint64_t index) : pixels_(std::move(pixels)), index_(index) {}

  [[nodiscard]] const cv::Mat& pixels() const { return *pixels_; }
  [[nodiscard]] bool empty() const { return pixels_ == nullptr; }
  /// Its number within the clip, from 0; starts again with the clip.
  [[nodiscard]] std::uint64_t index() const { return index_; }

 private:
  std::shared_ptr<const cv::Mat> pixels_;
  std::uint64_t index_ = 0;
};

struct SourceInfo {
  std::string name;         ///< the file's name without its folder, or "synthetic"
  int width = 0;            ///< as delivered
  int height = 0;
  double fps = 0;           ///< as the file says; 0 if it does not
  std::uint64_t frames = 0; ///< of the clip as it says, and as counted once its end was seen; 0 if unknown
};

/// Something worth one line on stderr: "frame 12 is 320×240, the first was 640×480: it is scaled".
using Notice = std::function<void(const std::string&)>;

// Virtual: a file and a drawing are two real sources.
class Source {
 public:
  virtual ~Source() = default;
  /// The next picture; after the last one the clip starts again.
  virtual Result<Picture> next() = 0;
  [[nodiscard]] virtual const SourceInfo& info() const = 0;
};

/// `what` is a path or "synthetic". The first picture has been decoded when it returns, so that what cannot be played is
/// said at once.
[[nodiscard]] Result<std::unique_ptr<Source>> open_source(const std::string& what, Notice notice = {});

/// The size that a picture of this size is delivered in.
struct Size {
  int width = 0;
  int height = 0;
  bool operator==(const Size&) const = default;
};
[[nodiscard]] Size fitted(Size original);

// The two kinds, for open_source().
[[nodiscard]] Result<std::unique_ptr<Source>> open_video(const std::string& path, Notice notice);
[[nodiscard]] std::unique_ptr<Source> make_synthetic();

}  // namespace proxima::media
