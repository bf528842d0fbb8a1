#include "coordinator/builder/cache.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/builder/built.hpp"

using proxima::builder::Bytes;
using proxima::builder::Cache;

BOOST_AUTO_TEST_SUITE(cache)

BOOST_AUTO_TEST_CASE(what_is_kept_is_found_again_by_its_key_alone) {
  const proxima::tests::TempDir folder;
  const proxima::Digest module{{1}};
  const proxima::Digest version{{2}};
  const auto key = Cache::key(module, {}, version);
  const Bytes object{1, 2, 3};
  {
    const auto cache = Cache::open(folder.path());
    BOOST_REQUIRE(cache.has_value());
    BOOST_TEST(!cache->find(key).has_value());
    BOOST_TEST(cache->keep(key, object).has_value());
  }
  const auto cache = Cache::open(folder.path());
  BOOST_REQUIRE(cache.has_value());
  BOOST_REQUIRE(cache->find(key).has_value());
  BOOST_TEST((*cache->find(key) == object));
  BOOST_TEST(!cache->find(Cache::key(version, {}, version)).has_value());
  BOOST_TEST(!cache->find(Cache::key(module, {"aarch64-linux-gnu", "scalar", 16}, version)).has_value());
  BOOST_TEST(!cache->find(Cache::key(module, {"x86_64-linux-gnu", "simd", 16}, version)).has_value());
  BOOST_TEST(!cache->find(Cache::key(module, {"x86_64-linux-gnu", "scalar", 17}, version)).has_value());
  BOOST_TEST(!cache->find(Cache::key(module, {}, module)).has_value());
}

BOOST_AUTO_TEST_CASE(a_damaged_object_is_forgotten) {
  const proxima::tests::TempDir folder;
  const auto cache = Cache::open(folder.path());
  BOOST_REQUIRE(cache.has_value());
  const proxima::Digest key{{7}};
  BOOST_TEST(cache->keep(key, Bytes(100, 5)).has_value());
  const std::string path = folder.file(proxima::to_text(key) + ".pxo");
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(50);
    file.put('x');
  }
  BOOST_TEST(!cache->find(key).has_value());
  BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(what_a_killed_builder_left_half_done_is_removed) {
  const proxima::tests::TempDir folder;
  std::ofstream(folder.file("deadbeef.pxo.aB3xYz")) << "half";
  const auto cache = Cache::open(folder.path());
  BOOST_REQUIRE(cache.has_value());
  BOOST_TEST(!std::filesystem::exists(folder.file("deadbeef.pxo.aB3xYz")));
}

BOOST_AUTO_TEST_CASE(two_builders_do_not_share_a_folder) {
  const proxima::tests::TempDir folder;
  const auto first = Cache::open(folder.path());
  BOOST_REQUIRE(first.has_value());
  const auto second = Cache::open(folder.path());
  BOOST_REQUIRE(!second.has_value());
  BOOST_TEST(second.error().why == "another builder uses it");
}

BOOST_AUTO_TEST_CASE(the_oldest_objects_make_room) {
  const proxima::tests::TempDir folder;
  const auto cache = Cache::open(folder.path());
  BOOST_REQUIRE(cache.has_value());
  for (std::uint32_t i = 0; i < 260; ++i) {
    proxima::Digest key;
    key.bytes[0] = static_cast<std::uint8_t>(i >> 8U);
    key.bytes[1] = static_cast<std::uint8_t>(i);
    BOOST_REQUIRE(cache->keep(key, Bytes{1}).has_value());
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) files += entry.path().extension() == ".pxo" ? 1U : 0U;
  BOOST_TEST(files == 256U);
}

BOOST_AUTO_TEST_SUITE_END()
