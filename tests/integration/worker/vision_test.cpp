// A real host-function process beside a real worker: what it finds, and what hostile pictures and deaths cost.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <set>
#include <sys/wait.h>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>

#include "agent/host/vision/jpeg_header.hpp"
#include "sdk/include/proxima/boxes.hpp"
#include "tests/integration/worker/rig.hpp"

namespace {

using namespace proxima;
using namespace proxima::test;

agent::WorkerSpec vision_spec() {
  auto spec = spec_of("obedient");
  spec.functions = {"vision"};
  spec.frame_limit_ms = 60'000;  // a sanitizer makes HOG slow; no test here waits for it
  return spec;
}

/// A rig with a host-function process, both ready.
struct Running : Rig {
  explicit Running(const agent::WorkerSpec& spec = vision_spec()) {
    BOOST_REQUIRE(start(spec));
    const bool ready = until_ready();
    BOOST_REQUIRE_MESSAGE(ready, *gone);
  }
};

/// Figures of a head, a body and legs on a textured wall: enough like people for the detector.
cv::Mat street(int width, int height, int people) {
  cv::Mat picture(height, width, CV_8UC1);
  cv::RNG random(7);
  random.fill(picture, cv::RNG::NORMAL, 170, 12);
  cv::GaussianBlur(picture, picture, cv::Size(5, 5), 0);
  for (int i = 0; i < people; ++i) {
    const int x = (2 * i + 1) * width / (2 * people);
    const int top = height / 5;
    const int tall = height * 3 / 5;
    cv::ellipse(picture, {x, top + tall / 12}, {tall / 16, tall / 12}, 0, 0, 360, 60, cv::FILLED);
    cv::ellipse(picture, {x, top + tall * 7 / 20}, {tall / 8, tall / 5}, 0, 0, 360, 40, cv::FILLED);
    cv::line(picture, {x - tall / 20, top + tall / 2}, {x - tall / 12, top + tall}, 45, tall / 12);
    cv::line(picture, {x + tall / 20, top + tall / 2}, {x + tall / 12, top + tall}, 45, tall / 12);
  }
  cv::GaussianBlur(picture, picture, cv::Size(3, 3), 0);
  return picture;
}

std::string jpeg_of(const cv::Mat& picture) {
  std::vector<std::uint8_t> bytes;
  BOOST_REQUIRE(cv::imencode(".jpg", picture, bytes, {cv::IMWRITE_JPEG_QUALITY, 85}));
  return {bytes.begin(), bytes.end()};
}

struct Found {
  std::vector<cv::Rect> boxes;
  std::vector<double> scores;
};

Found detect_directly(const std::string& jpeg) {
  const cv::Mat bytes(1, static_cast<int>(jpeg.size()), CV_8UC1, const_cast<char*>(jpeg.data()));
  cv::HOGDescriptor hog;
  hog.setSVMDetector(cv::HOGDescriptor::getDefaultPeopleDetector());
  cv::setNumThreads(1);  // with more, the order of what is found is chance
  Found found;
  hog.detectMultiScale(cv::imdecode(bytes, cv::IMREAD_GRAYSCALE), found.boxes, found.scores, 0, {8, 8}, {0, 0}, 1.1);
  return found;
}

BOOST_AUTO_TEST_CASE(people_are_found_as_a_direct_call_finds_them) {
  Running rig;
  std::size_t in_all = 0;
  for (const int people : {1, 2, 3}) {
    const std::string jpeg = jpeg_of(street(480, 320, people));
    const Found expected = detect_directly(jpeg);
    const auto answer = rig.run("h" + jpeg);
    BOOST_REQUIRE(answer);
    BOOST_REQUIRE(answer->ok);
    BOOST_REQUIRE_EQUAL(boxes::count(answer->output.data(), answer->output.size()),
                        static_cast<std::int64_t>(expected.boxes.size()));
    for (std::size_t i = 0; i < expected.boxes.size(); ++i) {
      const boxes::Box box = boxes::at(answer->output.data(), i);
      BOOST_CHECK((cv::Rect(box.x, box.y, box.w, box.h) == expected.boxes[i]));
      BOOST_CHECK_EQUAL(box.score, static_cast<float>(expected.scores[i]));
      BOOST_CHECK_EQUAL(std::string(box.label, boxes::label_length(box)), "person");
    }
    in_all += expected.boxes.size();
    BOOST_CHECK_GT(answer->cpu_us, 0U);
  }
  BOOST_CHECK_GT(in_all, 0U);
}

BOOST_AUTO_TEST_CASE(the_host_function_process_is_shut_in_and_alone_maps_opencv) {
  Running rig;
  BOOST_REQUIRE(rig.run("h" + jpeg_of(street(200, 200, 1))));
  BOOST_CHECK(rig.processes->isolation == protocol::Isolation::full);
  const std::uint32_t host = rig.processes->host_pid;
  BOOST_REQUIRE_NE(host, 0U);
  BOOST_CHECK_EQUAL(proc_status(host, "Seccomp"), "2");
  BOOST_CHECK_EQUAL(proc_status(host, "NoNewPrivs"), "1");
  BOOST_CHECK_EQUAL(proc_status(host, "CapEff"), "0000000000000000");
  BOOST_CHECK(proc_status(host, "Uid").find("\t0") == std::string::npos && !proc_status(host, "Uid").starts_with("0"));
  BOOST_CHECK_EQUAL(proc_status(host, "Threads"), "1");
  BOOST_CHECK(read_text("/proc/" + std::to_string(host) + "/maps").find("opencv_objdetect") != std::string::npos);
  const std::string maps = read_text("/proc/" + std::to_string(rig.processes->worker_pid) + "/maps");
  BOOST_CHECK(maps.find("proxima-worker") != std::string::npos);
  BOOST_CHECK(maps.find("opencv") == std::string::npos);
}

std::string with_size(std::string jpeg, std::uint32_t width, std::uint32_t height) {
  const std::size_t at = jpeg.find("\xff\xc0");
  BOOST_REQUIRE_NE(at, std::string::npos);
  jpeg[at + 5] = static_cast<char>(height >> 8U);
  jpeg[at + 6] = static_cast<char>(height);
  jpeg[at + 7] = static_cast<char>(width >> 8U);
  jpeg[at + 8] = static_cast<char>(width);
  return jpeg;
}

struct Header {
  const char* name;
  std::string bytes;
  std::int64_t width;   // 0: refused
  std::int64_t height;
};

BOOST_AUTO_TEST_CASE(a_pictures_size_is_read_out_of_its_header) {
  using namespace std::string_literals;
  const std::string start = "\xff\xd8"s;
  const std::string frame = "\xff\xc0\x00\x0b\x08\x00\x64\x00\xc8\x01\x01\x11\x00"s;  // 200 x 100, one component
  const std::string progressive = "\xff\xc2"s + frame.substr(2);
  const std::string comment = "\xff\xfe\x00\x04hi"s;
  const Header rows[] = {
      {"plain", start + frame, 200, 100},
      {"progressive", start + progressive, 200, 100},
      {"behind a comment", start + comment + frame, 200, 100},
      {"behind filling bytes", start + "\xff\xff"s + frame, 200, 100},
      {"behind tables", start + "\xff\xdb\x00\x03\x00\xff\xc4\x00\x03\x00"s + frame, 200, 100},
      {"garbage between segments", start + comment + "x"s + frame, 0, 0},
      {"a scan before a frame", start + "\xff\xda\x00\x03\x00"s + frame, 0, 0},
      {"a restart before a frame", start + "\xff\xd0"s + frame, 0, 0},
      {"lossless", start + "\xff\xc3"s + frame.substr(2), 0, 0},
      {"arithmetic", start + "\xff\xc9"s + frame.substr(2), 0, 0},
      {"a frame header too short", start + "\xff\xc0\x00\x07\x08\x00\x64\x00\xc8"s, 0, 0},
      {"a length of 0", start + "\xff\xfe\x00\x00"s + frame, 0, 0},
      {"a length beyond the end", start + "\xff\xfe\xff\xff"s + frame, 0, 0},
      {"nothing but comments", start + comment + comment, 0, 0},
      {"the end of a lead", start + "\xff"s, 0, 0},
  };
  for (const Header& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto size = vision::jpeg_size({reinterpret_cast<const std::uint8_t*>(row.bytes.data()), row.bytes.size()});
      BOOST_CHECK_EQUAL(size ? size->width : 0, row.width);
      BOOST_CHECK_EQUAL(size ? size->height : 0, row.height);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_hostile_picture_costs_an_answer_and_nothing_else) {
  const std::string good = jpeg_of(street(160, 200, 1));
  std::string garbage(5000, '\0');
  for (std::size_t i = 0; i < garbage.size(); ++i) garbage[i] = static_cast<char>(i * i * 31 + i / 3);
  std::string scrambled = good;
  for (std::size_t i = good.size() / 3; i < good.size(); i += 7) scrambled[i] = static_cast<char>(scrambled[i] ^ 0x5a);
  const std::pair<const char*, std::string> refused[] = {
      {"nothing", ""},
      {"one byte", "\xff"},
      {"only the start", good.substr(0, 2)},
      {"cut in its header", good.substr(0, 40)},
      {"garbage", garbage},
      {"garbage behind a start", "\xff\xd8" + garbage},
      {"a PNG's signature", "\x89PNG\r\n\x1a\n" + garbage},
      {"65535 x 65535", with_size(good, 65535, 65535)},
      {"4097 x 1", with_size(good, 4097, 1)},
      {"no height", with_size(good, 160, 0)},
      {"no width", with_size(good, 0, 200)},
      {"a start and an end", "\xff\xd8\xff\xd9"},
  };
  const std::pair<const char*, std::string> survived[] = {
      {"cut in its data", good.substr(0, good.size() / 2)},
      {"scrambled data", scrambled},
      {"larger than its data", with_size(good, 2000, 1000)},
      {"a single dot", jpeg_of(cv::Mat(1, 1, CV_8UC1, cv::Scalar(9)))},
      {"lower than the window", jpeg_of(street(640, 100, 1))},
  };
  Running rig;
  for (const auto& [name, picture] : refused) {
    BOOST_TEST_CONTEXT(name) {
      const auto answer = rig.run("h" + picture);
      BOOST_REQUIRE(answer);
      BOOST_CHECK(!answer->ok);
      BOOST_CHECK_EQUAL(answer->code, -1);
    }
  }
  for (const auto& [name, picture] : survived) {
    BOOST_TEST_CONTEXT(name) {
      const auto answer = rig.run("h" + picture);
      BOOST_REQUIRE(answer);
      BOOST_CHECK(answer->ok || answer->code == -1);
    }
  }
  const auto after = rig.run("h" + good);
  BOOST_REQUIRE(after);
  BOOST_CHECK(after->ok);
}

BOOST_AUTO_TEST_CASE(every_cut_and_many_flips_of_a_picture_are_survived) {
  const std::string good = jpeg_of(street(72, 136, 1));
  Running rig;
  cv::RNG random(11);
  for (std::size_t cut = 0; cut < good.size(); cut += good.size() / 60 + 1) BOOST_REQUIRE(rig.run("h" + good.substr(0, cut)));
  for (int i = 0; i < 200; ++i) {
    std::string flipped = good;
    for (int flips = random.uniform(1, 6); flips > 0; --flips) {
      flipped[static_cast<std::size_t>(random.uniform(0, static_cast<int>(flipped.size())))] = static_cast<char>(random.uniform(0, 256));
    }
    const auto answer = rig.run("h" + flipped);
    BOOST_REQUIRE_MESSAGE(answer, "flip " << i);
  }
}

BOOST_AUTO_TEST_CASE(a_task_without_the_function_group_gets_no_people) {
  auto spec = vision_spec();
  spec.functions.clear();
  Running rig(spec);
  BOOST_CHECK_EQUAL(rig.processes->host_pid, 0U);
  const auto answer = rig.run("h" + jpeg_of(street(160, 200, 1)));
  BOOST_REQUIRE(answer);
  BOOST_CHECK_EQUAL(answer->code, -2);
}

BOOST_AUTO_TEST_CASE(the_death_of_either_process_ends_the_instance_and_is_named) {
  Running host_dies;
  kill(static_cast<pid_t>(host_dies.processes->host_pid), SIGKILL);
  BOOST_CHECK_EQUAL(host_dies.until_gone(), "host function process died (signal 9)");
  Running worker_dies;
  kill(static_cast<pid_t>(worker_dies.processes->worker_pid), SIGKILL);
  BOOST_CHECK_EQUAL(worker_dies.until_gone(), "killed by signal 9");
  Running worker_traps;
  worker_traps.submit(1, "t");
  BOOST_CHECK_EQUAL(worker_traps.until_gone(), "trap: out-of-bounds memory access");
  Running while_it_works;
  while_it_works.submit(9, "h" + jpeg_of(street(1600, 1200, 3)));
  kill(static_cast<pid_t>(while_it_works.processes->host_pid), SIGKILL);
  BOOST_CHECK_EQUAL(while_it_works.until_gone(), "host function process died (signal 9)");
}

BOOST_AUTO_TEST_CASE(a_share_of_the_core_counts_the_host_functions_time) {
  auto spec = vision_spec();
  spec.cpu_percent = 50;
  Running rig(spec);
  const auto answer = rig.run("h" + jpeg_of(street(240, 240, 1)));
  BOOST_REQUIRE(answer);
  BOOST_CHECK_GT(answer->cpu_us, 1000U);
  BOOST_CHECK_GE(answer->executed_us + 1, answer->cpu_us * 2);
}

BOOST_AUTO_TEST_CASE(a_program_that_is_missing_is_said_at_once) {
  uv_loop_t loop;
  BOOST_REQUIRE_EQUAL(uv_loop_init(&loop), 0);
  {
    const auto runner = agent::WorkerRunner::start(loop, PROXIMA_WORKER, "/nonexistent", vision_spec(), {});
    BOOST_REQUIRE(!runner);
    BOOST_CHECK(runner.error().text().find("/nonexistent") != std::string::npos);
    const auto other = agent::WorkerRunner::start(loop, "/nonexistent", PROXIMA_VISION, vision_spec(), {});
    BOOST_REQUIRE(!other);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  BOOST_CHECK_EQUAL(uv_loop_close(&loop), 0);
  BOOST_CHECK_EQUAL(waitpid(-1, nullptr, WNOHANG), -1);
}

BOOST_AUTO_TEST_CASE(lives_with_a_host_function_process_leave_no_descriptor_and_no_child) {
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 5; ++i) {
    Running rig;
    if (i % 2 == 0) rig.stop();
  }
  BOOST_CHECK_EQUAL(open_descriptors(), before);
  BOOST_CHECK_EQUAL(waitpid(-1, nullptr, WNOHANG), -1);
}

}  // namespace
