// Makes child processes that inherit nothing but what they are given, and the memory that is shared with them.
// Called on the agent's loop thread, which must outlive the children: its death is their end (PR_SET_PDEATHSIG).
#pragma once

#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/result.hpp"

namespace proxima::agent {

/// A file descriptor, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release();
  void reset();

 private:
  int fd_;
};

struct Pipe {
  Descriptor in;   ///< to read from
  Descriptor out;  ///< to write to
};

/// A child that is not reaped yet. Whoever holds it reaps it.
struct SpawnedChild {
  pid_t pid = -1;
  Descriptor exit_notice;  ///< a pidfd: readable when the child has ended
};

/// Starts `program` with descriptors 0 to 2 on /dev/null, `descriptors` from 3 upwards, no other descriptor, an environment
/// of `environment` alone, no signal blocked or handled, in a session of its own (a Ctrl-C is for the agent to deal with).
Result<SpawnedChild> spawn_child(const std::string& program, const std::vector<std::string>& arguments,
                                 std::span<const int> descriptors, const std::vector<std::string>& environment);

/// Memory of `bytes`, zero, whose size nobody can change any more.
Result<Descriptor> make_shared_memory(const char* name, std::size_t bytes);

/// A copy of the file that nobody can change any more, at most `limit` bytes. It lies in memory, so neither the file's owner nor
/// a mount without execution matter to a process of another user that loads it.
Result<Descriptor> make_sealed_copy(const std::string& path, std::size_t limit);

/// Both ends block until never_block() is told otherwise; each end is its own file, so nobody can undo that from the other.
Result<Pipe> make_pipe();
void never_block(const Descriptor& end);

}  // namespace proxima::agent
