// Any bytes: refused with a reason, or a message whose encoding is exactly those bytes. PROXIMA_DECODE names the decoder.
#include <cstddef>
#include <cstdint>

#include "common/base/assert.hpp"
#include "common/protocol/codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxima::protocol;
  const View bytes(data, size);
  const auto message = PROXIMA_DECODE(bytes);
  if (!message) {
    PROXIMA_ASSERT(!message.error().why.empty());
    return 0;
  }
  const Bytes again = encode(*message);
  PROXIMA_ASSERT(again.size() == size);
  for (std::size_t i = 0; i < size; ++i) PROXIMA_ASSERT(again[i] == data[i]);
  return 0;
}
