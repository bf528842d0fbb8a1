// The unix socket on which a running lab is asked: one JSON object a line, one line of answer each. Owned by main; loop
// thread only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "sdk/netlab/io/lab.hpp"

namespace proxima::netlab {

inline constexpr std::size_t max_control_clients = 32;  ///< more wait in the kernel's backlog

class ControlServer {
 public:
  /// Listens at `path` (mode 0600). A lock file beside it makes a second server at one path fail, and lets a socket that
  /// a dead one left be replaced. `lab` outlives the server.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> open(uv_loop_t* loop, const std::string& path,
                                                                   RunningLab& lab);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct Client {
    Fd socket;
    std::unique_ptr<Watch> watch;
    std::string in;
    std::string out;
    bool closing = false;  // nothing more is read; closed when `out` is written
  };

  ControlServer(uv_loop_t* loop, std::string path, Fd lock, Fd socket, RunningLab& lab);
  void accept_some();
  void ready(Client& client);
  void answer_lines(Client& client);
  [[nodiscard]] std::string answer(std::string_view line);
  void write_some(Client& client);
  void remove_closed();

  uv_loop_t* loop_;
  std::string path_;
  Fd lock_;
  Fd socket_;
  RunningLab& lab_;
  std::map<int, std::unique_ptr<Client>> clients_;
  Watch watch_;
  uv_check_t* after_poll_;  // closes clients outside of their own callbacks; lives until the loop has closed it
};

}  // namespace proxima::netlab
