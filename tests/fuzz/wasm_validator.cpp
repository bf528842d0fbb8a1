// Any bytes are a module or a refusal in words; what passes keeps the limits it was promised.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "coordinator/builder/validator.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto facts = proxima::builder::validate({data, size}, 16);
  if (!facts && facts.error().why.empty()) std::abort();
  if (facts && (facts->memory_max_pages > 256 || facts->memory_pages > facts->memory_max_pages ||
                facts->functions > proxima::builder::module_limits::functions))
    std::abort();
  return 0;
}
