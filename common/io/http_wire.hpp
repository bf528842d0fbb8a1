// A TCP connection with time-outs that another thread can break off. Internal to http_client.cpp; used by one thread,
// CancelSwitch::ask() by any.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/instant.hpp"
#include "common/base/result.hpp"

namespace proxima::io {

/// Once asked it stays asked: waits end at once and no new one begins.
class CancelSwitch {
 public:
  CancelSwitch();
  ~CancelSwitch();
  CancelSwitch(const CancelSwitch&) = delete;
  CancelSwitch& operator=(const CancelSwitch&) = delete;
  void ask();
  [[nodiscard]] bool asked() const { return asked_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  std::atomic<bool> asked_{false};
};

class HttpWire {
 public:
  /// `host` is "127.0.0.1:8080", "[::1]:80" or "name:80"; without a port 80.
  static Result<std::unique_ptr<HttpWire>> connect(const std::string& host, Duration limit, const CancelSwitch& cancel);
  ~HttpWire();
  HttpWire(const HttpWire&) = delete;
  HttpWire& operator=(const HttpWire&) = delete;

  /// All of it; a failure if nothing is taken for `limit`.
  Result<void> send(std::string_view bytes, Duration limit);
  /// What comes next, up to 64 kB; empty at the end of the stream.
  Result<std::string> receive(Duration limit);
  /// Nothing is there to read and the other side has not closed.
  [[nodiscard]] bool idle_and_open() const;

 private:
  HttpWire(int fd, const CancelSwitch& cancel) : fd_(fd), cancel_(cancel) {}
  Result<void> wait(short events, Duration limit) const;
  int fd_;
  const CancelSwitch& cancel_;
};

}  // namespace proxima::io
