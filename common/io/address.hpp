// An IP address with a port, as text and as the kernel wants it. A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/base/result.hpp"

namespace proxima::io {

class Address {
 public:
  Address() = default;
  /// Reads "127.0.0.1:4000" or "[::1]:4000": a literal address, no name is looked up.
  static Result<Address> parse(std::string_view text);
  /// From what the kernel gave; an unknown family gives an empty Address.
  static Address from(const sockaddr& raw);

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] const sockaddr& raw() const { return reinterpret_cast<const sockaddr&>(storage_); }
  [[nodiscard]] socklen_t raw_size() const;
  bool operator==(const Address& other) const;

 private:
  sockaddr_storage storage_{};
};

}  // namespace proxima::io
