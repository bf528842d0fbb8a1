// Sources that are played and sources that cannot be; what a task is fed with.
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include "sdk/src/input.hpp"
#include "sdk/src/source.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::media {

namespace {

void write_clip(const std::string& path, int width, int height, int frames) {
  cv::VideoWriter writer(path, cv::CAP_OPENCV_MJPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 25, {width, height});
  BOOST_REQUIRE(writer.isOpened());
  for (int i = 0; i < frames; ++i) writer.write(cv::Mat(height, width, CV_8UC3, cv::Scalar(i * 20, 128, 255 - i * 20)));
}

Picture first_of(const std::string& what) {
  auto source = open_source(what);
  BOOST_REQUIRE(source.has_value());
  auto picture = (*source)->next();
  BOOST_REQUIRE(picture.has_value());
  return *picture;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(media_sources)

BOOST_AUTO_TEST_CASE(the_drawn_source_is_the_same_each_time_and_moves) {
  auto a = make_synthetic();
  auto b = make_synthetic();
  cv::Mat before;
  for (int i = 0; i < 4; ++i) {
    const Picture one = *a->next();
    const Picture other = *b->next();
    BOOST_TEST(cv::norm(one.pixels(), other.pixels(), cv::NORM_INF) == 0);
    BOOST_TEST(one.index() == static_cast<std::uint64_t>(i));
    if (!before.empty()) BOOST_TEST(cv::norm(one.pixels(), before, cv::NORM_INF) > 0);
    before = one.pixels().clone();
  }
  BOOST_TEST(a->info().width == 768);
  BOOST_TEST(a->info().height == 576);
}

BOOST_AUTO_TEST_CASE(a_clip_starts_again_when_it_ends_and_then_knows_its_length) {
  const tests::TempDir dir;
  const std::string path = dir.path() + "/clip.avi";
  write_clip(path, 64, 48, 5);
  auto source = open_source(path);
  BOOST_REQUIRE(source.has_value());
  std::vector<std::uint64_t> indices;
  for (int i = 0; i < 12; ++i) indices.push_back((*source)->next()->index());
  const std::vector<std::uint64_t> expected{0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1};
  BOOST_TEST(indices == expected, boost::test_tools::per_element());
  BOOST_TEST((*source)->info().frames == 5);
  BOOST_TEST((*source)->info().name == "clip.avi");
  BOOST_TEST((*source)->info().fps == 25);
}

BOOST_AUTO_TEST_CASE(a_large_clip_is_scaled_down_and_keeps_its_shape) {
  struct Row { Size original; Size delivered; };
  const Row rows[] = {{{768, 576}, {768, 576}}, {{320, 240}, {320, 240}}, {{1920, 1080}, {768, 432}},
                      {{600, 1200}, {288, 576}}, {{10'000, 1}, {768, 1}}};
  for (const Row& row : rows) BOOST_TEST((fitted(row.original) == row.delivered));
  const tests::TempDir dir;
  write_clip(dir.path() + "/large.avi", 1280, 720, 2);
  const Picture picture = first_of(dir.path() + "/large.avi");
  BOOST_TEST(picture.pixels().cols == 768);
  BOOST_TEST(picture.pixels().rows == 432);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_played_is_said_in_words) {
  const tests::TempDir dir;
  std::ofstream(dir.path() + "/text.avi") << "This is a letter and not a video.\n";
  std::ofstream(dir.path() + "/empty.avi");
  write_clip(dir.path() + "/whole.avi", 64, 48, 3);
  std::filesystem::copy_file(dir.path() + "/whole.avi", dir.path() + "/cut.avi");
  std::filesystem::resize_file(dir.path() + "/cut.avi", 300);
  struct Row { std::string path; const char* why; };
  const Row rows[] = {{dir.path() + "/none.avi", "no such file"},
                      {dir.path(), "it is not a file"},
                      {"http://127.0.0.1:1/a.avi", "no such file"},
                      {dir.path() + "/text.avi", "it is not a video that can be decoded"},
                      {dir.path() + "/empty.avi", "it is not a video that can be decoded"},
                      {dir.path() + "/cut.avi", "it "}};
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.path) {
      const auto source = open_source(row.path);
      BOOST_REQUIRE(!source.has_value());
      BOOST_TEST(source.error().what.find(row.path) != std::string::npos);
      BOOST_TEST(source.error().why.rfind(row.why, 0) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_size_that_changes_inside_is_scaled_to_the_first) {
  // Raw MJPEG: pictures one after the other, each with a size of its own.
  const tests::TempDir dir;
  const std::string path = dir.path() + "/changing.mjpeg";
  {
    std::ofstream file(path, std::ios::binary);
    for (int i = 0; i < 6; ++i) {
      std::vector<std::uint8_t> jpeg;
      const cv::Size size = i < 3 ? cv::Size(320, 240) : cv::Size(160, 120);
      cv::imencode(".jpg", cv::Mat(size, CV_8UC3, cv::Scalar(40 * i, 90, 60)), jpeg);
      file.write(reinterpret_cast<const char*>(jpeg.data()), static_cast<std::streamsize>(jpeg.size()));
    }
  }
  std::vector<std::string> said;
  auto source = open_source(path, [&](const std::string& line) { said.push_back(line); });
  BOOST_REQUIRE(source.has_value());
  for (int i = 0; i < 6; ++i) {
    const auto picture = (*source)->next();
    BOOST_REQUIRE(picture.has_value());
    BOOST_TEST(picture->pixels().cols == 320);
    BOOST_TEST(picture->pixels().rows == 240);
  }
  BOOST_TEST(said.size() <= 1);  // none where the decoder has scaled it by itself, never one for each frame
}

BOOST_AUTO_TEST_CASE(a_task_gets_grey_pictures_in_the_shape_that_it_asks_for) {
  const Picture picture = first_of("synthetic");
  protocol::InputSpec wanted;
  wanted.format = protocol::FrameFormat::grey8;
  wanted.width = 320;
  wanted.height = 240;
  const auto raw = to_input(picture, wanted);
  BOOST_REQUIRE(raw.has_value());
  BOOST_TEST(raw->bytes.size() == 76'800);
  cv::Mat grey;
  cv::Mat scaled;
  cv::cvtColor(picture.pixels(), grey, cv::COLOR_BGR2GRAY);
  cv::resize(grey, scaled, {320, 240}, 0, 0, cv::INTER_AREA);
  BOOST_TEST(std::equal(raw->bytes.begin(), raw->bytes.end(), scaled.ptr()));

  wanted = {};
  wanted.format = protocol::FrameFormat::jpeg_grey;
  const auto jpeg = to_input(picture, wanted);
  BOOST_REQUIRE(jpeg.has_value());
  BOOST_TEST(jpeg->width == 768);
  const cv::Mat decoded = cv::imdecode(jpeg->bytes, cv::IMREAD_UNCHANGED);
  BOOST_TEST(decoded.channels() == 1);
  BOOST_TEST(decoded.cols == 768);
}

BOOST_AUTO_TEST_CASE(a_picture_that_the_task_does_not_take_is_refused_with_both_sizes) {
  protocol::InputSpec wanted;
  wanted.max_bytes = 1000;
  const auto payload = to_input(first_of("synthetic"), wanted);
  BOOST_REQUIRE(!payload.has_value());
  BOOST_TEST(payload.error().what == "a frame has 442368 bytes");
  BOOST_TEST(payload.error().why == "the task takes at most 1000");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::media
