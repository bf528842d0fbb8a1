#include "common/io/digest.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

namespace proxima::io {

struct Sha256::State {
  crypto_hash_sha256_state sum{};
};

Sha256::Sha256() : state_(std::make_unique<State>()) { crypto_hash_sha256_init(&state_->sum); }
Sha256::~Sha256() = default;

void Sha256::add(View bytes) { crypto_hash_sha256_update(&state_->sum, bytes.data(), bytes.size()); }

Digest Sha256::finish() {
  Digest digest;
  static_assert(sizeof(digest.bytes) == crypto_hash_sha256_BYTES);
  crypto_hash_sha256_final(&state_->sum, digest.bytes.data());
  return digest;
}

Digest sha256(View bytes) {
  Digest digest;
  crypto_hash_sha256(digest.bytes.data(), bytes.data(), bytes.size());
  return digest;
}

Result<Digest> sha256_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail("cannot read '" + path + "'", std::strerror(errno));
  Sha256 sum;
  std::array<std::uint8_t, 65536> piece{};
  ssize_t got = 0;
  do {
    got = read(fd, piece.data(), piece.size());
    if (got > 0) sum.add(View(piece.data(), static_cast<std::size_t>(got)));
  } while (got > 0 || (got < 0 && errno == EINTR));
  const int error = errno;
  close(fd);
  if (got < 0) return fail("cannot read '" + path + "'", std::strerror(error));
  return sum.finish();
}

}  // namespace proxima::io
