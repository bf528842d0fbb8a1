#include "sdk/cli/demo/report.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "common/io/file.hpp"
#include "sdk/cli/demo/report_page.hpp"
#include "sdk/src/source.hpp"

namespace proxima::demo {
namespace {

using nlohmann::json;

constexpr int picture_width = 480;
constexpr int picture_quality = 72;
constexpr int motion_input_width = 320;   // sdk/examples/motion/task.toml
constexpr int motion_input_height = 240;

std::string base64(const std::vector<unsigned char>& bytes) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    unsigned word = static_cast<unsigned>(bytes[i]) << 16U;
    if (left > 1) word |= static_cast<unsigned>(bytes[i + 1]) << 8U;
    if (left > 2) word |= bytes[i + 2];
    out += letters[word >> 18U];
    out += letters[(word >> 12U) & 63U];
    out += left > 1 ? letters[(word >> 6U) & 63U] : '=';
    out += left > 2 ? letters[word & 63U] : '=';
  }
  return out;
}

/// Frames to show, spread over the run: of the task with the fewest results, since the others saw those frames too.
std::vector<const FrameRow*> choose(const Rows& rows) {
  const std::vector<FrameRow>* rarest = nullptr;
  for (const auto& [task, list] : rows)
    if (!list.empty() && (rarest == nullptr || list.size() < rarest->size())) rarest = &list;
  std::vector<const FrameRow*> answered;
  if (rarest == nullptr) return answered;
  for (const FrameRow& row : *rarest)
    if (row.status == "ok") answered.push_back(&row);
  std::vector<const FrameRow*> out;
  const std::size_t wanted = std::min(pictures_wanted, answered.size());
  for (std::size_t i = 0; i < wanted; ++i) out.push_back(answered[(2 * i + 1) * answered.size() / (2 * wanted)]);
  return out;
}

/// Boxes of every task on this very submission of the source's frame, in pixels of the picture shown.
void add_boxes(json& picture, const Rows& rows, const FrameRow& shown, double scale) {
  for (const auto& [task, list] : rows) {
    const auto row = std::find_if(list.begin(), list.end(), [&](const FrameRow& one) {
      return one.source_frame == shown.source_frame && std::abs(one.submit_ms - shown.submit_ms) < 500 && one.status == "ok";
    });
    if (row == list.end()) continue;
    double to_x = scale;
    double to_y = scale;
    if (task == "motion") {
      to_x = picture.at("width").get<double>() / motion_input_width;
      to_y = picture.at("height").get<double>() / motion_input_height;
    }
    for (const json& item : row->items)
      picture["boxes"].push_back({{"task", task}, {"x", item.at("x").get<double>() * to_x}, {"y", item.at("y").get<double>() * to_y},
                                  {"w", item.at("w").get<double>() * to_x}, {"h", item.at("h").get<double>() * to_y}});
    picture["captions"].push_back(std::to_string(row->items.size()) + (task == "detect" ? " people, " : " moving, ") + row->node);
  }
}

Result<json> take_pictures(const ReportInput& input) {
  json out = json::array();
  std::multimap<std::int64_t, const FrameRow*> wanted;
  for (const FrameRow* row : choose(input.rows)) wanted.emplace(row->source_frame, row);
  if (wanted.empty()) return out;
  Result<std::unique_ptr<media::Source>> source = media::open_source(input.source);
  if (!source) return source.failure();
  const std::int64_t last = wanted.rbegin()->first;
  for (std::int64_t number = 0; number <= last; ++number) {
    const Result<media::Picture> picture = (*source)->next();
    if (!picture) return picture.failure();
    const auto [begin, end] = wanted.equal_range(number);
    if (begin == end) continue;
    const cv::Mat& pixels = picture->pixels();
    const double scale = static_cast<double>(picture_width) / pixels.cols;
    cv::Mat small;
    cv::resize(pixels, small, cv::Size(), scale, scale, cv::INTER_AREA);
    std::vector<unsigned char> jpeg;
    cv::imencode(".jpg", small, jpeg, {cv::IMWRITE_JPEG_QUALITY, picture_quality});
    for (auto row = begin; row != end; ++row) {
      json one = {{"frame", number},    {"t_ms", row->second->submit_ms - input.origin_ms}, {"width", small.cols}, {"height", small.rows},
                  {"jpeg", base64(jpeg)}, {"boxes", json::array()},                           {"captions", json::array()}};
      add_boxes(one, input.rows, *row->second, scale);
      out.push_back(std::move(one));
    }
  }
  std::sort(out.begin(), out.end(), [](const json& a, const json& b) { return a.at("t_ms") < b.at("t_ms"); });
  return out;
}

/// Every frame of every task: [submitted, e2e or null, status, node], times in milliseconds from the run's beginning.
json row_points(const ReportInput& input) {
  json out = json::object();
  for (const auto& [task, list] : input.rows)
    for (const FrameRow& row : list) {
      const bool answered = row.arrival_ms && row.status == "ok";
      out[task].push_back({row.submit_ms - input.origin_ms, answered ? json(*row.arrival_ms - row.submit_ms) : json(), row.status, row.node});
    }
  return out;
}

/// JSON that cannot end the script element it stands in.
std::string for_script(const json& value) {
  std::string text = value.dump();
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at)) text.replace(at, 1, "\\u003c");
  return text;
}

void fill(std::string& page, std::string_view place, const std::string& text) { page.replace(page.find(place), place.size(), text); }

}  // namespace

Result<void> write_report(const std::string& path, const ReportInput& input) {
  const Result<json> pictures = take_pictures(input);
  if (!pictures) return pictures.failure();
  std::string page = report_page;
  fill(page, "@DEMO_JSON@", for_script(input.demo));
  fill(page, "@ROWS_JSON@", for_script(row_points(input)));
  fill(page, "@PICTURES_JSON@", for_script(*pictures));
  return io::replace_file(path, page, 0644);
}

}  // namespace proxima::demo
