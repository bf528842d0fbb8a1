#include "tests/bench/peer_process.hpp"

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace proxima::bench {

PeerProcess::PeerProcess(std::string name, const std::vector<std::string>& argv) : name_(std::move(name)) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], 0);
    dup2(out[1], 1);
    execv(words.front(), words.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = fdopen(in[1], "w");
  from_ = fdopen(out[0], "r");
  if (read_line() != "ready") throw std::runtime_error("the peer " + name_ + " does not start");
}

PeerProcess::~PeerProcess() {
  std::fclose(to_);
  std::fclose(from_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string PeerProcess::read_line() {
  char* text = nullptr;
  std::size_t room = 0;
  const ssize_t length = getline(&text, &room, from_);
  std::string line(text != nullptr && length > 0 ? text : "", length > 0 ? static_cast<std::size_t>(length) - 1 : 0);
  std::free(text);
  return line;
}

std::vector<double> PeerProcess::exchange(int frames) {
  std::fprintf(to_, "%d\n", frames);
  std::fflush(to_);
  std::istringstream line(read_line());
  std::vector<double> times_us;
  for (double ns = 0; line >> ns;) times_us.push_back(ns / 1e3);
  if (times_us.size() != static_cast<std::size_t>(frames)) throw std::runtime_error("the peer " + name_ + " has failed");
  return times_us;
}

}  // namespace proxima::bench
