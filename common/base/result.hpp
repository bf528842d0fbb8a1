// Result<T>: a value or a failure that must be read. Member names follow std::expected, which g++ 12 and
// clang-tidy 14 do not both have.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "common/base/assert.hpp"

namespace proxima {

/// What went wrong, in the order in which a person asks.
struct Error {
  std::string what;  ///< what failed: "cannot open the source 'a.avi'"
  std::string why;   ///< the cause: "no such file"
  std::string hint;  ///< what to try; may be empty

  /// "what: why; hint" on one line.
  [[nodiscard]] std::string text() const {
    std::string out = what;
    if (!why.empty()) out += ": " + why;
    if (!hint.empty()) out += "; " + hint;
    return out;
  }
};

/// The failed side of a Result, so that `return fail(...)` converts to any Result<T>.
struct Failure {
  Error error;
};

[[nodiscard]] inline Failure fail(std::string what, std::string why = {}, std::string hint = {}) {
  return Failure{Error{std::move(what), std::move(why), std::move(hint)}};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                      // NOLINT(google-explicit-constructor)
  Result(Failure failure) : error_(std::move(failure.error)) {}      // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] T& value() & { PROXIMA_ASSERT(has_value()); return *value_; }
  [[nodiscard]] const T& value() const& { PROXIMA_ASSERT(has_value()); return *value_; }
  [[nodiscard]] T&& value() && { PROXIMA_ASSERT(has_value()); return std::move(*value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  [[nodiscard]] const Error& error() const { PROXIMA_ASSERT(!has_value()); return error_; }
  [[nodiscard]] Failure failure() const { return Failure{error()}; }

 private:
  std::optional<T> value_;
  Error error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Failure failure) : error_(std::move(failure.error)) {}      // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] const Error& error() const { PROXIMA_ASSERT(!has_value()); return *error_; }
  [[nodiscard]] Failure failure() const { return Failure{error()}; }

 private:
  std::optional<Error> error_;
};

}  // namespace proxima

/// Evaluates a Result expression; on failure returns it from the enclosing function, else yields nothing.
#define PROXIMA_TRY(expression)                                          \
  do {                                                                   \
    if (auto proxima_try_ = (expression); !proxima_try_.has_value())     \
      return proxima_try_.failure();                                     \
  } while (false)
