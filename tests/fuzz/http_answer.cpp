// Any bytes as an HTTP answer: the body is the same whole or cut into two pieces, and never beyond its bound.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/assert.hpp"
#include "common/io/http_answer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using proxima::io::HttpAnswerParser;
  constexpr std::size_t body_max = 4'096;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HttpAnswerParser whole(2'048, body_max);
  const bool good = whole.feed(bytes) && whole.end();
  const std::size_t middle = size == 0 ? 0 : data[0] % size;
  HttpAnswerParser pieces(2'048, body_max);
  const bool good_too = pieces.feed(bytes.substr(0, middle)) &&
                        (middle == size || pieces.feed(bytes.substr(middle))) && pieces.end();
  if (!good) PROXIMA_ASSERT(!whole.why().empty());
  if (!good || !good_too) return 0;
  PROXIMA_ASSERT(whole.status() == pieces.status());
  const std::string body = whole.take_body();
  PROXIMA_ASSERT(body.size() <= body_max);
  PROXIMA_ASSERT(body == pieces.take_body());
  return 0;
}
