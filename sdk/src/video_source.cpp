#include <cstdlib>
#include <filesystem>
#include <limits>
#include <mutex>
#include <system_error>
#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include "sdk/src/source.hpp"

namespace proxima::media {

namespace {

constexpr double frames_believable = 1e9;

// What a decoder grumbles about a damaged file is not for the user: the errors here say it in words.
void silence_libraries() {
  static std::once_flag once;
  std::call_once(once, [] {
    setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  });
}

Failure cannot(const std::string& path, std::string why, std::string hint) {
  return fail("cannot open the source '" + path + "'", std::move(why), std::move(hint));
}

class VideoSource final : public Source {
 public:
  VideoSource(std::string path, Notice notice) : path_(std::move(path)), notice_(std::move(notice)) {}

  Result<void> open() {
    if (!rewind()) return cannot(path_, "it is not a video that can be decoded", "play it with another program to see "
                                 "whether it is damaged, or use --source synthetic");
    info_.name = std::filesystem::path(path_).filename().string();
    const double fps = capture_.get(cv::CAP_PROP_FPS);
    const double frames = capture_.get(cv::CAP_PROP_FRAME_COUNT);
    if (fps > 0 && fps < 1000) info_.fps = fps;
    if (frames > 0 && frames < frames_believable) info_.frames = static_cast<std::uint64_t>(frames);
    Result<Picture> first = decode();
    if (!first) return first.failure();
    ahead_ = std::move(*first);
    return {};
  }

  Result<Picture> next() override {
    if (!ahead_.empty()) return std::exchange(ahead_, Picture{});
    return decode();
  }

  const SourceInfo& info() const override { return info_; }

 private:
  bool rewind() {
    index_ = 0;
    try {
      capture_.release();
      return capture_.open(path_, cv::CAP_FFMPEG);
    } catch (const cv::Exception&) {
      return false;
    }
  }

  Result<Picture> decode() {
    auto pixels = std::make_shared<cv::Mat>();
    try {
      if (!capture_.read(*pixels) || pixels->empty()) {
        if (index_ == 0) return cannot(path_, "it has no frames", "is it cut short?");
        info_.frames = index_;
        if (!rewind() || !capture_.read(*pixels) || pixels->empty())
          return cannot(path_, "it could not be played again from its start", "has the file been changed?");
      }
      fit(*pixels);
    } catch (const cv::Exception& error) {
      return cannot(path_, "a frame could not be decoded (" + error.err + ")", "");
    }
    const std::uint64_t index = index_++;
    return Picture(std::move(pixels), index);
  }

  void fit(cv::Mat& pixels) {
    if (info_.width == 0) {
      first_ = {pixels.cols, pixels.rows};
      const Size size = fitted(first_);
      info_.width = size.width;
      info_.height = size.height;
    } else if (Size{pixels.cols, pixels.rows} != first_ && !told_) {
      told_ = true;
      if (notice_)
        notice_("frame " + std::to_string(index_) + " of '" + info_.name + "' is " + std::to_string(pixels.cols) + "x" +
                std::to_string(pixels.rows) + ", the first was " + std::to_string(first_.width) + "x" +
                std::to_string(first_.height) + ": such frames are scaled to the first one's size");
    }
    if (pixels.cols != info_.width || pixels.rows != info_.height) {
      cv::Mat scaled;
      cv::resize(pixels, scaled, {info_.width, info_.height}, 0, 0, cv::INTER_AREA);
      pixels = std::move(scaled);
    }
  }

  std::string path_;
  Notice notice_;
  cv::VideoCapture capture_;
  SourceInfo info_;
  Picture ahead_;
  Size first_;
  std::uint64_t index_ = 0;
  bool told_ = false;
};

}  // namespace

Result<std::unique_ptr<Source>> open_video(const std::string& path, Notice notice) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    return cannot(path, "no such file", "check the path, or use --source synthetic");
  if (status.type() != fs::file_type::regular)
    return cannot(path, error ? error.message() : "it is not a file", "name a video file");
  silence_libraries();
  // An absolute path, so that a name like "http:…" is never taken for an address.
  auto source = std::make_unique<VideoSource>(fs::absolute(path, error).string(), std::move(notice));
  PROXIMA_TRY(source->open());
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace proxima::media
