#include "common/io/address.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace proxima::io {
namespace {

const sockaddr_in& as_v4(const sockaddr_storage& storage) { return reinterpret_cast<const sockaddr_in&>(storage); }
const sockaddr_in6& as_v6(const sockaddr_storage& storage) { return reinterpret_cast<const sockaddr_in6&>(storage); }

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  const auto bad = [&](const char* why) {
    return fail("cannot read the address '" + std::string(text.substr(0, 80)) + "'", why, "write it as 127.0.0.1:4000");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("it has no port");
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return bad("the port is not a number up to 65535");
  std::string host(text.substr(0, colon));
  Address out;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage_);
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return bad("it is not an IPv6 address");
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return out;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage_);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return bad("it is not an IPv4 address");
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  return out;
}

Address Address::from(const sockaddr& raw) {
  Address out;
  if (raw.sa_family == AF_INET) std::memcpy(&out.storage_, &raw, sizeof(sockaddr_in));
  if (raw.sa_family == AF_INET6) std::memcpy(&out.storage_, &raw, sizeof(sockaddr_in6));
  return out;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (storage_.ss_family == AF_INET) {
    inet_ntop(AF_INET, &as_v4(storage_).sin_addr, host.data(), host.size());
    return std::string(host.data()) + ":" + std::to_string(port());
  }
  if (storage_.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &as_v6(storage_).sin6_addr, host.data(), host.size());
    return "[" + std::string(host.data()) + "]:" + std::to_string(port());
  }
  return {};
}

std::uint16_t Address::port() const {
  if (storage_.ss_family == AF_INET) return ntohs(as_v4(storage_).sin_port);
  if (storage_.ss_family == AF_INET6) return ntohs(as_v6(storage_).sin6_port);
  return 0;
}

bool Address::is_loopback() const {
  if (storage_.ss_family == AF_INET) return (ntohl(as_v4(storage_).sin_addr.s_addr) >> 24U) == 127;
  if (storage_.ss_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&as_v6(storage_).sin6_addr);
  return false;
}

socklen_t Address::raw_size() const {
  return storage_.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

bool Address::operator==(const Address& other) const {
  if (storage_.ss_family != other.storage_.ss_family || port() != other.port()) return false;
  if (storage_.ss_family == AF_INET) return as_v4(storage_).sin_addr.s_addr == as_v4(other.storage_).sin_addr.s_addr;
  if (storage_.ss_family == AF_INET6) {
    return std::memcmp(&as_v6(storage_).sin6_addr, &as_v6(other.storage_).sin6_addr, sizeof(in6_addr)) == 0;
  }
  return true;
}

}  // namespace proxima::io
