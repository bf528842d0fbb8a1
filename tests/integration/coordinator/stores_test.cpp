// Blob store, object store and data directory on a real disk.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

#include "common/io/digest.hpp"
#include "common/protocol/limits.hpp"
#include "coordinator/io/blob_store.hpp"
#include "coordinator/io/data_directory.hpp"
#include "coordinator/io/object_store.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::coordinator {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes filled(std::size_t size, std::uint8_t value) { return Bytes(size, value); }

bool none_pinned(const Digest&) { return false; }

void overwrite(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::size_t files_in(const std::string& directory) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) count += entry.is_regular_file() ? 1U : 0U;
  return count;
}

BOOST_AUTO_TEST_SUITE(blobs)

BOOST_AUTO_TEST_CASE(a_blob_comes_out_as_it_went_in_and_survives_a_restart) {
  const tests::TempDir dir;
  const Bytes bytes = filled(1000, 7);
  const Digest digest = io::sha256(bytes);
  {
    auto store = BlobStore::open(dir.file("blobs"));
    BOOST_REQUIRE(store);
    BOOST_TEST(!store->has(digest));
    const auto first = store->put(digest, bytes, none_pinned);
    BOOST_REQUIRE(first);
    BOOST_TEST((*first == BlobStore::Put::created));
    const auto second = store->put(digest, bytes, none_pinned);
    BOOST_REQUIRE(second);
    BOOST_TEST((*second == BlobStore::Put::kept));
  }
  auto store = BlobStore::open(dir.file("blobs"));
  BOOST_REQUIRE(store);
  const auto read = store->get(digest);
  BOOST_REQUIRE(read);
  BOOST_TEST(*read == bytes, boost::test_tools::per_element());
  BOOST_TEST(store->shelf().total_bytes() == 1000U);
}

BOOST_AUTO_TEST_CASE(bytes_with_another_digest_are_refused_and_leave_nothing) {
  const tests::TempDir dir;
  auto store = BlobStore::open(dir.file("blobs"));
  BOOST_REQUIRE(store);
  const Digest digest = io::sha256(filled(10, 1));
  const auto put = store->put(digest, filled(10, 2), none_pinned);
  BOOST_REQUIRE(!put);
  BOOST_TEST(put.error().why.find(to_text(digest)) != std::string::npos);
  BOOST_TEST(!store->has(digest));
  BOOST_TEST(files_in(dir.file("blobs")) == 0U);
}

BOOST_AUTO_TEST_CASE(a_blob_that_the_disk_changed_is_never_handed_out_and_can_be_sent_again) {
  const tests::TempDir dir;
  auto store = BlobStore::open(dir.file("blobs"));
  BOOST_REQUIRE(store);
  const Bytes bytes = filled(64, 3);
  const Digest digest = io::sha256(bytes);
  BOOST_REQUIRE(store->put(digest, bytes, none_pinned));
  overwrite(dir.file("blobs/" + to_text(digest)), "something else");
  BOOST_TEST(!store->get(digest).has_value());
  BOOST_TEST(!store->has(digest));

  BOOST_REQUIRE(store->put(digest, bytes, none_pinned));
  overwrite(dir.file("blobs/" + to_text(digest)), "something else again");
  const auto mended = store->put(digest, bytes, none_pinned);
  BOOST_REQUIRE(mended);
  BOOST_TEST((*mended == BlobStore::Put::created));
  BOOST_TEST(store->get(digest).has_value());
}

BOOST_AUTO_TEST_CASE(what_was_used_longest_ago_makes_room_but_what_is_pinned_stays) {
  const tests::TempDir dir;
  auto store = BlobStore::open(dir.file("blobs"), 300);
  BOOST_REQUIRE(store);
  std::vector<Digest> digests;
  for (std::uint8_t i = 0; i < 3; ++i) {
    digests.push_back(io::sha256(filled(100, i)));
    BOOST_REQUIRE(store->put(digests.back(), filled(100, i), none_pinned));
  }
  BOOST_REQUIRE(store->get(digests[0]));  // now 1 was used longest ago, but it is pinned: 2 goes
  const Digest fourth = io::sha256(filled(100, 9));
  BOOST_REQUIRE(store->put(fourth, filled(100, 9), [&](const Digest& digest) { return digest == digests[1]; }));
  BOOST_TEST(store->has(digests[0]));
  BOOST_TEST(store->has(digests[1]));
  BOOST_TEST(!store->has(digests[2]));
  BOOST_TEST(store->shelf().total_bytes() == 300U);
  BOOST_TEST(files_in(dir.file("blobs")) == 3U);

  const auto full = store->put(digests[2], filled(100, 2), [](const Digest&) { return true; });
  BOOST_REQUIRE(!full);
  BOOST_TEST(full.error().hint.find("stop tasks") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(half_written_files_of_a_crash_are_cleared_at_start) {
  const tests::TempDir dir;
  const Bytes bytes = filled(50, 5);
  const Digest digest = io::sha256(bytes);
  {
    auto store = BlobStore::open(dir.file("blobs"));
    BOOST_REQUIRE(store);
    BOOST_REQUIRE(store->put(digest, bytes, none_pinned));
  }
  overwrite(dir.file("blobs/" + to_text(digest) + ".new-123"), "half");
  overwrite(dir.file("blobs/stray"), "stray");
  auto store = BlobStore::open(dir.file("blobs"));
  BOOST_REQUIRE(store);
  BOOST_TEST(files_in(dir.file("blobs")) == 1U);
  BOOST_TEST(store->get(digest).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(objects)

const ObjectKey key{io::sha256(filled(1, 1)), "x86_64-linux-gnu", "scalar"};

BOOST_AUTO_TEST_CASE(an_object_keeps_its_digest_over_a_restart) {
  const tests::TempDir dir;
  const Bytes bytes = filled(5000, 8);
  {
    auto store = ObjectStore::open(dir.file("objects"));
    BOOST_REQUIRE(store);
    const auto digest = store->put(key, bytes, none_pinned);
    BOOST_REQUIRE(digest);
    BOOST_TEST((*digest == io::sha256(bytes)));
  }
  auto store = ObjectStore::open(dir.file("objects"));
  BOOST_REQUIRE(store);
  BOOST_TEST(store->has(key));
  BOOST_TEST(!store->has({key.module, key.target, "simd"}));
  const auto object = store->get(key);
  BOOST_REQUIRE(object);
  BOOST_TEST((object->digest == io::sha256(bytes)));
  BOOST_TEST(object->bytes == bytes, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(empty_oversized_and_damaged_objects_are_refused) {
  const tests::TempDir dir;
  auto store = ObjectStore::open(dir.file("objects"));
  BOOST_REQUIRE(store);
  BOOST_TEST(!store->put(key, Bytes{}, none_pinned).has_value());
  BOOST_TEST(!store->put(key, filled(limits::object_bytes + 1, 0), none_pinned).has_value());
  BOOST_REQUIRE(store->put(key, filled(100, 1), none_pinned));
  overwrite(dir.file("objects/" + to_text(key)), "not its digest, not its bytes, but long enough to look at");
  BOOST_TEST(!store->get(key).has_value());
  BOOST_TEST(!store->has(key));
}

BOOST_AUTO_TEST_CASE(a_key_is_read_back_only_from_what_was_written) {
  BOOST_TEST((object_key_from(to_text(key)) == key));
  const std::string module = to_text(key.module);
  for (const std::string& text : {module, module + ".x86_64-linux-gnu", module + "..scalar", module + ".a.b.c",
                                  module + ".a.b.new-12", module + ".A.b", std::string("abc.a.b"), std::string()}) {
    BOOST_TEST_CONTEXT(text) BOOST_TEST(!object_key_from(text).has_value());
  }
  for (const std::string& target : {std::string(), std::string("../x"), std::string("a/b"), std::string(33, 'a')}) {
    BOOST_TEST_CONTEXT(target) BOOST_TEST(!is_target(target));
  }
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(directory)

BOOST_AUTO_TEST_CASE(the_directory_is_private_and_each_start_has_a_higher_term) {
  const tests::TempDir dir;
  std::uint64_t last = 0;
  for (int start = 0; start < 3; ++start) {
    const auto data = DataDirectory::open(dir.file("data"));
    BOOST_REQUIRE(data);
    BOOST_TEST(data->term() > last);
    last = data->term();
  }
  struct stat info {};
  BOOST_REQUIRE(::stat(dir.file("data").c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 0777U) == 0700U);
}

BOOST_AUTO_TEST_CASE(a_second_owner_is_refused_until_the_first_has_gone) {
  const tests::TempDir dir;
  {
    const auto first = DataDirectory::open(dir.file("data"));
    BOOST_REQUIRE(first);
    const auto second = DataDirectory::open(dir.file("data"));
    BOOST_REQUIRE(!second);
    BOOST_TEST(second.error().why.find("another coordinator") != std::string::npos);
    BOOST_TEST(!second.error().hint.empty());
  }
  BOOST_TEST(DataDirectory::open(dir.file("data")).has_value());
}

BOOST_AUTO_TEST_CASE(a_term_that_is_no_number_stops_the_start_and_a_half_written_one_does_not) {
  const tests::TempDir dir;
  BOOST_REQUIRE(DataDirectory::open(dir.file("data")).has_value());
  overwrite(dir.file("data/term.new-77"), "99");
  const auto again = DataDirectory::open(dir.file("data"));
  BOOST_REQUIRE(again);
  BOOST_TEST(again->term() == 2U);
  BOOST_TEST(!std::filesystem::exists(dir.file("data/term.new-77")));
  for (const char* bad : {"", "abc", "-1", "12 ", "99999999999999999999", "18446744073709551615"}) {
    BOOST_TEST_CONTEXT("'" << bad << "'") {
      const tests::TempDir other;
      BOOST_REQUIRE(DataDirectory::open(other.file("data")).has_value());
      overwrite(other.file("data/term"), bad);
      const auto opened = DataDirectory::open(other.file("data"));
      BOOST_REQUIRE(!opened);
      BOOST_TEST(opened.error().hint.find("higher") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator
