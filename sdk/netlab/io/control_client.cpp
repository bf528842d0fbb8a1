#include "sdk/netlab/io/control_client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "sdk/netlab/io/fd.hpp"
#include "sdk/netlab/io/sockets.hpp"

namespace proxima::netlab {

namespace {

constexpr timeval answer_limit{5, 0};
constexpr std::size_t max_answer_bytes = 1024 * 1024;
constexpr const char* start_hint = "start one with proxima-netlab serve, or name its --socket";

Result<Fd> connect_to(const std::string& path) {
  const std::string what = "cannot reach a lab at '" + path + "'";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(what, "a socket's path has 1 to 107 bytes", start_hint);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return fail(what, last_error());
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &answer_limit, sizeof answer_limit);
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &answer_limit, sizeof answer_limit);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(what, last_error(), start_hint);
  }
  return socket;
}

}  // namespace

std::string default_socket_path() {
  if (const char* dir = std::getenv("PROXIMA_DIR"); dir != nullptr && *dir != '\0') {
    return std::string(dir) + "/netlab.sock";
  }
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string base = runtime != nullptr && *runtime != '\0' ? runtime : "/tmp";
  return base + "/proxima-" + std::to_string(::getuid()) + "/current/netlab.sock";
}

Result<std::string> ask_line(const std::string& socket_path, const std::string& line) {
  Result<Fd> socket = connect_to(socket_path);
  if (!socket) return socket.failure();
  std::string rest = line + "\n";
  while (!rest.empty()) {
    const ssize_t sent = ::send(socket->get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) break;  // an answer that refuses the line may wait for us
    rest.erase(0, static_cast<std::size_t>(sent));
  }
  std::string answer;
  std::array<char, 4096> block{};
  while (answer.size() < max_answer_bytes) {
    const ssize_t got = ::recv(socket->get(), block.data(), block.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(block.data(), static_cast<std::size_t>(got));
    if (const std::size_t end = answer.find('\n'); end != std::string::npos) return answer.substr(0, end);
  }
  return fail("no answer from the lab at '" + socket_path + "'", "it closed the connection or took over five seconds",
              "see whether proxima-netlab still runs");
}

Result<nlohmann::json> ask(const std::string& socket_path, const Request& request) {
  Result<std::string> line = ask_line(socket_path, to_line(request));
  if (!line) return line.failure();
  nlohmann::json answer = nlohmann::json::parse(*line, nullptr, false);
  if (!answer.is_object() || !answer.value("ok", nlohmann::json()).is_boolean()) {
    return fail("cannot read the answer from '" + socket_path + "'", "it is not what proxima-netlab answers",
                "check that the socket is its");
  }
  return answer;
}

}  // namespace proxima::netlab
