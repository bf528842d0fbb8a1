#include "tests/support/temp_dir.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace proxima::tests {

TempDir::TempDir() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/proxima-test-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make the directory " + path_);
}

TempDir::~TempDir() {
  std::error_code ignored;  // a directory that stays behind must not hide the test's own result
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace proxima::tests
