// Paho sets no TCP_NODELAY and offers no option for it; with Nagle's algorithm a QoS 1 round trip takes 88 ms instead of
// 0.4. A program that defines `connect` itself is asked first by the dynamic linker, also for calls from shared libraries
// such as Paho's. This one sets the option and goes on to the kernel. Nothing else changes, except that it is no
// cancellation point: nobody here cancels threads.
#include "common/io/nodelay.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace proxima::io {

bool connects_without_nagle() { return true; }

}  // namespace proxima::io

extern "C" __attribute__((visibility("default"))) int connect(int fd, const sockaddr* address, socklen_t size) {
  const bool internet = address != nullptr && size >= sizeof(sa_family_t) &&
                        (address->sa_family == AF_INET || address->sa_family == AF_INET6);
  int type = 0;
  socklen_t type_size = sizeof(type);
  if (internet && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_STREAM) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // a socket that refuses it still connects
  }
  return static_cast<int>(syscall(SYS_connect, fd, address, size));
}
