#include "agent/host/vision/hog_people.hpp"

#include <algorithm>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/objdetect.hpp>

#include "agent/host/vision/jpeg_header.hpp"
#include "sdk/include/proxima/boxes.hpp"

namespace proxima::vision {
namespace {

std::int32_t write_boxes(const std::vector<cv::Rect>& found, const std::vector<double>& scores, std::span<std::uint8_t> room) {
  std::vector<boxes::Box> out;
  out.reserve(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    boxes::Box box{found[i].x, found[i].y, found[i].width, found[i].height, static_cast<float>(scores[i]), {}};
    boxes::set_label(box, "person");
    out.push_back(box);
  }
  const std::size_t fitting = room.size() < boxes::header_bytes ? 0 : (room.size() - boxes::header_bytes) / boxes::item_bytes;
  const std::size_t written = boxes::encode(out.data(), std::min(out.size(), fitting), room.data(), room.size());
  return written == 0 ? -1 : static_cast<std::int32_t>(written);
}

}  // namespace

struct HogPeople::Detector {
  cv::HOGDescriptor hog;
};

HogPeople::HogPeople() : detector_(std::make_unique<Detector>()) {
  cv::setNumThreads(1);
  detector_->hog.setSVMDetector(cv::HOGDescriptor::getDefaultPeopleDetector());
}

HogPeople::~HogPeople() = default;

std::int32_t HogPeople::operator()(std::span<const std::uint8_t> jpeg, std::span<std::uint8_t> boxes) {
  const auto size = jpeg_size(jpeg);
  if (!size || size->width > picture_side_max || size->height > picture_side_max ||
      static_cast<std::uint64_t>(size->width) * size->height > picture_pixels_max) {
    return -1;
  }
  try {
    // imdecode reads only; its parameter is not const for want of a const InputArray over raw memory.
    const cv::Mat bytes(1, static_cast<int>(jpeg.size()), CV_8UC1, const_cast<std::uint8_t*>(jpeg.data()));
    const cv::Mat grey = cv::imdecode(bytes, cv::IMREAD_GRAYSCALE);
    if (grey.empty()) return -1;
    // A picture smaller than the detector's window has no place for a person in it; OpenCV would refuse it.
    std::vector<cv::Rect> found;
    std::vector<double> scores;
    if (grey.cols >= detector_->hog.winSize.width && grey.rows >= detector_->hog.winSize.height) {
      detector_->hog.detectMultiScale(grey, found, scores, 0, cv::Size(8, 8), cv::Size(0, 0), 1.1);
    }
    return write_boxes(found, scores, boxes);
  } catch (const cv::Exception&) {
    return -1;
  } catch (const std::bad_alloc&) {
    return -1;
  }
}

void HogPeople::warm_up() {
  cv::Mat picture(192, 128, CV_8UC1);
  for (int y = 0; y < picture.rows; ++y) {
    for (int x = 0; x < picture.cols; ++x) picture.at<std::uint8_t>(y, x) = static_cast<std::uint8_t>((x * 7 + y * 3) & 0xff);
  }
  std::vector<std::uint8_t> jpeg;
  cv::imencode(".jpg", picture, jpeg);
  std::vector<std::uint8_t> boxes(4096);
  (void)(*this)(jpeg, boxes);
  // The way of a broken picture as well: exceptions and messages have their own first times.
  jpeg.resize(jpeg.size() / 2);
  (void)(*this)(jpeg, boxes);
  try {
    CV_Error(cv::Error::StsError, "");
  } catch (const cv::Exception&) {
  }
}

}  // namespace proxima::vision
