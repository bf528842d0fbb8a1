#include "sdk/src/source.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace proxima::media {

Result<std::unique_ptr<Source>> open_source(const std::string& what, Notice notice) {
  if (what == "synthetic") return make_synthetic();
  return open_video(what, std::move(notice));
}

Size fitted(Size original) {
  const double scale = std::min({1.0, static_cast<double>(picture_width_most) / original.width,
                                 static_cast<double>(picture_height_most) / original.height});
  const auto scaled = [scale](int side) { return std::max(static_cast<int>(std::lround(side * scale)), 1); };
  return {scaled(original.width), scaled(original.height)};
}

}  // namespace proxima::media
