// Any bytes as a stream of HTTP requests: the same requests, whole or cut into two pieces.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/assert.hpp"
#include "common/io/http_parser.hpp"

namespace {

using proxima::io::HttpParser;

void feed(HttpParser& parser, std::string_view bytes, std::vector<std::string>& out) {
  while (!bytes.empty() && parser.state() != HttpParser::State::bad) {
    bytes.remove_prefix(parser.feed(bytes));
    if (parser.state() == HttpParser::State::bad) out.push_back("bad " + std::to_string(parser.status()));
    if (parser.state() != HttpParser::State::done) continue;
    const auto request = parser.take();
    std::string text = request.method + " " + request.path + " " + request.body;
    for (const auto& [name, value] : request.query) text += "?" + name + "=" + value;
    for (const auto& [name, value] : request.headers) text += "\n" + name + ":" + value;
    out.push_back(text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> whole;
  HttpParser first(2'048, 4'096);
  feed(first, bytes, whole);
  const std::size_t middle = size == 0 ? 0 : data[0] % size;
  std::vector<std::string> pieces;
  HttpParser second(2'048, 4'096);
  feed(second, bytes.substr(0, middle), pieces);
  feed(second, bytes.substr(middle), pieces);
  PROXIMA_ASSERT(whole == pieces);
  return 0;
}
