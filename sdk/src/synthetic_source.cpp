#include <array>
#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "sdk/src/source.hpp"

namespace proxima::media {

namespace {

constexpr int clip_frames = 600;
constexpr double clip_fps = 30;

/// Somebody who walks through the picture and comes back on the other side.
struct Walker {
  int height;       // pixels
  int start;        // of the feet's middle
  int feet;         // vertical place
  int pace;         // pixels in three frames, negative to the left
  int shade;
};

constexpr std::array<Walker, 4> walkers{{
    {190, 90, 470, 5, 60}, {150, 420, 400, -4, 200}, {170, 650, 520, -7, 35}, {120, 250, 330, 3, 150}}};

// Deterministic: every frame depends on its number alone, and integer arithmetic places all.
class SyntheticSource final : public Source {
 public:
  SyntheticSource() {
    info_ = {"synthetic", picture_width_most, picture_height_most, clip_fps, clip_frames};
    background_.create(picture_height_most, picture_width_most, CV_8UC3);
    for (int y = 0; y < background_.rows; ++y)
      for (int x = 0; x < background_.cols; ++x) {
        const int tile = ((x / 48) + (y / 48)) % 2 == 0 ? 8 : 0;
        const auto level = static_cast<unsigned char>(96 + y / 12 + tile);
        background_.at<cv::Vec3b>(y, x) = {level, level, static_cast<unsigned char>(level - 10)};
      }
  }

  Result<Picture> next() override {
    const int number = static_cast<int>(index_);
    index_ = (index_ + 1) % clip_frames;
    auto pixels = std::make_shared<cv::Mat>(background_.clone());
    for (const Walker& walker : walkers) draw(*pixels, walker, number);
    return Picture(std::move(pixels), static_cast<std::uint64_t>(number));
  }

  const SourceInfo& info() const override { return info_; }

 private:
  static void draw(cv::Mat& into, const Walker& walker, int number) {
    const int span = into.cols + walker.height;
    const int travelled = walker.start + walker.pace * number / 3 + walker.height / 2;
    const int x = ((travelled % span) + span) % span - walker.height / 2;
    const int unit = walker.height / 8;
    const int top = walker.feet - walker.height;
    const int swing = (number / 6 + walker.start) % 4 < 2 ? unit / 2 : unit;
    const cv::Scalar body(walker.shade, walker.shade, walker.shade);
    const cv::Scalar skin(walker.shade / 2 + 60, walker.shade / 2 + 70, walker.shade / 2 + 90);
    cv::circle(into, {x, top + unit / 2}, unit / 2, skin, cv::FILLED);
    cv::rectangle(into, {x - unit, top + unit}, {x + unit, top + unit * 4}, body, cv::FILLED);
    cv::rectangle(into, {x - swing - unit / 3, top + unit * 4}, {x - swing + unit / 3, walker.feet}, body, cv::FILLED);
    cv::rectangle(into, {x + swing - unit / 3, top + unit * 4}, {x + swing + unit / 3, walker.feet}, body, cv::FILLED);
  }

  SourceInfo info_;
  cv::Mat background_;
  std::uint64_t index_ = 0;
};

}  // namespace

std::unique_ptr<Source> make_synthetic() { return std::make_unique<SyntheticSource>(); }

}  // namespace proxima::media
