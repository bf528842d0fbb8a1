#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "coordinator/builder/translate.hpp"
#include "coordinator/builder/validator.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/builder/built.hpp"
#include "tests/unit/builder/module_parts.hpp"

using proxima::builder::Builder;
using proxima::builder::Order;
using proxima::tests::built;
using proxima::tests::guest;
using proxima::tests::operator+;
using proxima::tests::task;
using proxima::tests::the_builder;

namespace {

std::string refusal(const proxima::tests::Bytes& module, const Order& order) {
  const auto object = the_builder().build(module, order);
  return object ? "built" : object.error().text();
}

bool has(const std::string& all, const std::string& part) { return all.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(build)

BOOST_AUTO_TEST_CASE(the_same_module_gives_the_same_bytes) {
  const auto again = Builder::open({PROXIMA_WASM2C, PROXIMA_RT});
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST((again->version() == the_builder().version()));
  const auto object = again->build(task("motion"), {});
  BOOST_REQUIRE(object.has_value());
  BOOST_TEST((*object == built("motion")));
}

BOOST_AUTO_TEST_CASE(every_target_is_built_and_passes_the_gate) {
  for (const char* target : {"x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu", "arm-linux-gnueabihf"}) {
    const auto object = the_builder().build(task("trivial"), {target, "scalar", 16});
    BOOST_TEST(object.has_value(), target << ": " << (object ? std::string{} : object.error().text()));
  }
}

BOOST_AUTO_TEST_CASE(orders_that_cannot_be_met_are_refused_in_words) {
  BOOST_TEST(has(refusal(task("trivial"), {"vax-dec-vms", "scalar", 16}), "cannot build for 'vax-dec-vms'"));
  BOOST_TEST(has(refusal(task("trivial"), {"x86_64-linux-gnu", "fast", 16}), "the variant 'fast'"));
  BOOST_TEST(has(refusal(task("trivial"), {"x86_64-linux-gnu", "scalar", 8}), "the manifest allows 8"));
  BOOST_TEST(has(refusal(guest("wants_4_gib"), {}), "its memory may grow to 4096 MiB, the manifest allows 16"));
  BOOST_TEST(has(refusal(guest("no_exports"), {}), "it does not export"));
  auto cut = task("motion");
  cut.resize(cut.size() / 2);
  BOOST_TEST(has(refusal(cut, {}), "it ends in the middle"));
}

BOOST_AUTO_TEST_CASE(code_whose_types_are_wrong_is_refused_by_the_translator_with_a_reason) {
  proxima::tests::Parts parts;
  parts.in_on_frame({0x42, 0, 0x21, 0});  // an i64 into an i32 local
  const std::string why = refusal(parts.module(), {});
  BOOST_TEST(has(why, "node failed"), why);
  BOOST_TEST(has(why, "type mismatch"), why);
}

BOOST_AUTO_TEST_CASE(the_deepest_nesting_with_a_branch_in_each_block_is_built) {
  proxima::tests::Parts parts;
  proxima::tests::Bytes code;
  constexpr std::size_t deepest = proxima::builder::module_limits::nesting - 1;
  for (std::size_t i = 0; i < deepest; ++i) code = std::move(code) + proxima::tests::Bytes{0x02, 0x40, 0x20, 0, 0x0d, 0};
  for (std::size_t i = 0; i < deepest; ++i) code.push_back(0x0b);
  parts.in_on_frame(code + proxima::tests::Bytes{0x41, 0, 0x28, 2, 0, 0x1a});
  BOOST_TEST(refusal(parts.module(), {}) == "built");
}

BOOST_AUTO_TEST_CASE(a_translator_that_is_not_the_pinned_one_is_refused) {
  const proxima::tests::TempDir folder;
  BOOST_REQUIRE(proxima::builder::write_file(folder.file("wasm2c"), std::string("#!/bin/sh\n")));
  const auto other = Builder::open({folder.file("wasm2c"), PROXIMA_RT});
  BOOST_REQUIRE(!other.has_value());
  BOOST_TEST(has(other.error().why, "is not the wasm2c of wabt 1.0.39"));
  const auto none = Builder::open({folder.file("nothing"), PROXIMA_RT});
  BOOST_REQUIRE(!none.has_value());
  BOOST_TEST(has(none.error().hint, "scripts/install-wabt"));
}

BOOST_AUTO_TEST_CASE(generated_text_that_is_not_known_is_refused) {
  using proxima::builder::bind_header;
  using proxima::builder::patched_code;
  BOOST_TEST(!patched_code("int main(void) {}").has_value());
  BOOST_TEST(!bind_header("void wasm2c_task_free(w2c_task*);").has_value());
  BOOST_TEST(!bind_header("void wasm2c_task_instantiate(w2c_task*, int x);").has_value());
  BOOST_TEST(*bind_header("void wasm2c_task_instantiate(w2c_task*);") == "#define PX_HOSTS\n");
  BOOST_TEST(*bind_header("void wasm2c_task_instantiate(w2c_task*, struct a*, struct b*);") ==
             "#define PX_HOSTS , (struct a*)host , (struct b*)host\n");
}

BOOST_AUTO_TEST_CASE(the_program_builds_a_file_and_prints_json) {
  const proxima::tests::TempDir folder;
  const std::string out = folder.file("motion.so");
  const auto done = proxima::tests::run({PROXIMA_BUILDER, "build", PROXIMA_TASKS "/motion/motion.wasm", "-o", out, "--wasm2c",
                                         PROXIMA_WASM2C, "--json"});
  BOOST_REQUIRE_MESSAGE(done.status == 0, done.output);
  BOOST_TEST((proxima::tests::read(out) == built("motion")));
  BOOST_TEST(has(done.output, proxima::to_text(proxima::builder::digest_of(built("motion")))), done.output);
}

BOOST_AUTO_TEST_CASE(the_program_says_what_is_wrong_and_leaves_nothing_behind) {
  const proxima::tests::TempDir folder;
  const std::string out = folder.file("x.so");
  const auto refused = proxima::tests::run({PROXIMA_BUILDER, "build", PROXIMA_GUESTS "/wants_4_gib/wants_4_gib.wasm", "-o", out,
                                            "--wasm2c", PROXIMA_WASM2C});
  BOOST_TEST(refused.status == 1);
  BOOST_TEST(has(refused.output, "may grow to 4096 MiB"), refused.output);
  const auto missing = proxima::tests::run({PROXIMA_BUILDER, "build", folder.file("none.wasm"), "-o", out});
  BOOST_TEST(missing.status == 2);
  BOOST_TEST(has(missing.output, "No such file"), missing.output);
  BOOST_TEST(proxima::tests::run({PROXIMA_BUILDER, "bake"}).status == 2);
  BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_named) {
  // A file system of 256 KiB for temporary files, in a namespace of its own.
  const std::vector<std::string> jail{"/usr/bin/bwrap", "--dev-bind", "/", "/", "--size", "262144", "--tmpfs", "/mnt"};
  auto probe = jail;
  probe.insert(probe.end(), {"--", "/usr/bin/true"});
  if (proxima::tests::run(probe).status != 0) {
    BOOST_TEST_MESSAGE("skipped: this kernel gives no namespaces");
    return;
  }
  auto command = jail;
  command.insert(command.end(), {"--setenv", "TMPDIR", "/mnt", "--", PROXIMA_BUILDER, "build",
                                 PROXIMA_TASKS "/motion/motion.wasm", "-o", "/mnt/motion.so", "--wasm2c", PROXIMA_WASM2C});
  const auto done = proxima::tests::run(command);
  BOOST_TEST(done.status == 1);
  BOOST_TEST((has(done.output, "the disk is full") || has(done.output, "No space left on device")), done.output);
}

BOOST_AUTO_TEST_SUITE_END()
