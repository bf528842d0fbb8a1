// Stands where `proxima up` looks for proxima-agent: enters a time namespace whose monotonic and boot clocks are ahead by as many
// seconds as the number at the end of --name says ("plus-100000"), and becomes the real agent there. With --probe it
// only tells whether the kernel allows that: status 77 where it takes more rights.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace {

constexpr int not_permitted = 77;

int complain(const char* what) {
  const int error = errno;
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(error));
  return error == EPERM ? not_permitted : 1;
}

bool set_clocks_ahead(const std::string& seconds) {
  const std::string text = "monotonic " + seconds + " 0\nboottime " + seconds + " 0\n";
  const int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

/// unshare() alone moves only children to come.
bool enter() {
  const int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
  const bool entered = fd >= 0 && setns(fd, CLONE_NEWTIME) == 0;
  close(fd);
  return entered;
}

}  // namespace

int main(int argc, char** argv) {
  if (unshare(CLONE_NEWTIME) != 0) return complain("unshare");
  if (argc == 2 && std::strcmp(argv[1], "--probe") == 0) return 0;
  std::string name;
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], "--name") == 0) name = argv[i + 1];
  if (!set_clocks_ahead(name.substr(name.rfind('-') + 1))) return complain("the clocks' offsets");
  if (!enter()) return complain("setns");
  execv(PROXIMA_PROGRAMS "/proxima-agent", argv);
  return complain(PROXIMA_PROGRAMS "/proxima-agent");
}
