// Any text as server-sent events: the same events, whole or byte by byte, none longer than allowed.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/assert.hpp"
#include "common/io/event_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using proxima::io::EventText;
  constexpr std::size_t event_max = 1'024;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string whole;
  std::string pieces;
  const auto into = [](std::string& out) {
    return [&out](std::string_view event, std::string_view text) {
      PROXIMA_ASSERT(text.size() <= event_max);
      out.append(event).append("|").append(text).append(";");
    };
  };
  EventText first(event_max);
  const bool good = first.feed(bytes, into(whole));
  EventText second(event_max);
  bool good_too = true;
  for (std::size_t i = 0; i < size && good_too; ++i) good_too = second.feed(bytes.substr(i, 1), into(pieces));
  PROXIMA_ASSERT(good == good_too);
  PROXIMA_ASSERT(whole == pieces);
  return 0;
}
