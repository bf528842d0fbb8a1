// Any bytes are an object or a refusal in words.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/object/gate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using proxima::object::Machine;
  for (const Machine machine : {Machine::x86_64, Machine::arm}) {
    const auto checked = proxima::object::check({data, size}, machine);
    if (!checked && checked.error().why.empty()) std::abort();
  }
  return 0;
}
