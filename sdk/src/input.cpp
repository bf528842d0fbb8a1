#include "sdk/src/input.hpp"

#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace proxima::media {

namespace {

Result<std::vector<std::uint8_t>> encode_jpeg(const cv::Mat& pixels, int quality) {
  std::vector<std::uint8_t> bytes;
  if (!cv::imencode(".jpg", pixels, bytes, {cv::IMWRITE_JPEG_QUALITY, quality}))
    return fail("cannot encode a frame as JPEG");
  return bytes;
}

cv::Mat grey_of(const cv::Mat& pixels, const protocol::InputSpec& wanted) {
  cv::Mat grey;
  if (pixels.channels() == 1) {
    grey = pixels;
  } else {
    cv::cvtColor(pixels, grey, cv::COLOR_BGR2GRAY);
  }
  if (wanted.width == 0 || (grey.cols == wanted.width && grey.rows == wanted.height)) return grey;
  cv::Mat scaled;
  cv::resize(grey, scaled, {wanted.width, wanted.height}, 0, 0, cv::INTER_AREA);
  return scaled;
}

}  // namespace

Result<Payload> to_input(const Picture& picture, const protocol::InputSpec& wanted) {
  Payload out;
  out.format = wanted.format;
  try {
    const cv::Mat grey = grey_of(picture.pixels(), wanted);
    out.width = static_cast<std::uint16_t>(grey.cols);
    out.height = static_cast<std::uint16_t>(grey.rows);
    if (wanted.format == protocol::FrameFormat::jpeg_grey) {
      Result<std::vector<std::uint8_t>> bytes = encode_jpeg(grey, wanted.quality);
      if (!bytes) return bytes.failure();
      out.bytes = std::move(*bytes);
    } else {
      const cv::Mat whole = grey.isContinuous() ? grey : grey.clone();
      out.bytes.assign(whole.ptr(), whole.ptr() + whole.total());
    }
  } catch (const cv::Exception& error) {
    return fail("cannot turn a picture into the task's input", error.err);
  }
  if (out.bytes.size() > wanted.max_bytes)
    return fail("a frame has " + std::to_string(out.bytes.size()) + " bytes",
                "the task takes at most " + std::to_string(wanted.max_bytes),
                "make the picture smaller, or raise [input] max_bytes");
  return out;
}

Result<std::vector<std::uint8_t>> to_jpeg(const Picture& picture, int width_most, int quality) {
  try {
    cv::Mat pixels = picture.pixels();
    if (pixels.cols > width_most) {
      cv::Mat scaled;
      cv::resize(pixels, scaled, {width_most, pixels.rows * width_most / pixels.cols}, 0, 0, cv::INTER_AREA);
      pixels = std::move(scaled);
    }
    return encode_jpeg(pixels, quality);
  } catch (const cv::Exception& error) {
    return fail("cannot encode a picture", error.err);
  }
}

}  // namespace proxima::media
