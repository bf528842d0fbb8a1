#include <boost/test/unit_test.hpp>

#include <functional>
#include <string>

#include "agent/core/admission.hpp"
#include "common/protocol/limits.hpp"
#include "tests/unit/agent/cases.hpp"

namespace proxima::tests {
namespace {

struct Row {
  const char* name;
  std::function<void(agent::Offer&, agent::InUse&, protocol::DesiredInstance&)> change;
  const char* refusal;  // nullptr: admitted
};

const Row rows[] = {
    {"fits", [](auto&, auto&, auto&) {}, nullptr},
    {"fits to the last MiB", [](auto&, auto& use, auto& wanted) { use.memory_mib = 48; wanted.memory_mib = 16; }, nullptr},
    {"process isolation is enough", [](auto& offer, auto&, auto&) { offer.isolation = protocol::Isolation::process; }, nullptr},
    {"an offered function", [](auto&, auto&, auto& wanted) { wanted.functions = {"vision"}; }, nullptr},
    {"a small share of CPU is no refusal", [](auto& offer, auto&, auto&) { offer.cpu_percent = 1; }, nullptr},
    {"too much memory for an empty node", [](auto&, auto&, auto& wanted) { wanted.memory_mib = 65; },
     "needs 65 MiB of memory; 64 MiB are given"},
    {"too much memory beside others", [](auto&, auto& use, auto&) { use.memory_mib = 49; },
     "needs 16 MiB of memory; 64 MiB are given, 49 MiB of them in use"},
    {"memory that overflows 32 bits", [](auto&, auto& use, auto& wanted) { use.memory_mib = 1; wanted.memory_mib = 0xffffffffU; },
     "needs 4294967295 MiB of memory; 64 MiB are given, 1 MiB of them in use"},
    {"a function that is not offered", [](auto& offer, auto&, auto& wanted) { offer.functions.clear(); wanted.functions = {"vision"}; },
     "needs the host function 'vision', which is not offered here"},
    {"no isolation", [](auto& offer, auto&, auto&) { offer.isolation = protocol::Isolation::none; },
     "this device cannot shut a task in (isolation: none)"},
    {"too many instances", [](auto&, auto& use, auto&) { use.instances = limits::instances_per_node; },
     "runs 64 instances already, the most that one device takes"},
    {"a variant that is a path", [](auto&, auto&, auto& wanted) { wanted.variant = "../x"; },
     "asks for a variant whose name cannot be used"},
    {"no variant", [](auto&, auto&, auto& wanted) { wanted.variant.clear(); }, "asks for a variant whose name cannot be used"},
    {"frames too large", [](auto&, auto&, auto& wanted) { wanted.input.max_bytes = 5U << 20U; },
     "wants frames of 5242880 bytes; at most 4194304 are taken"},
    {"all reasons at once",
     [](auto& offer, auto&, auto& wanted) {
       offer.functions.clear();
       wanted.memory_mib = 65;
       wanted.functions = {"nn", "vision"};
     },
     "needs 65 MiB of memory; 64 MiB are given; needs the host function 'nn', which is not offered here; "
     "needs the host function 'vision', which is not offered here"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(admission)

BOOST_AUTO_TEST_CASE(what_the_owner_gives_decides_and_the_words_say_why) {
  for (const Row& row : rows) {
    agent::Offer offer = roomy_offer();
    agent::InUse use;
    protocol::DesiredInstance wanted = desired_instance(1, 1);
    row.change(offer, use, wanted);
    const auto refused = agent::refusal(offer, use, wanted);
    BOOST_TEST_CONTEXT(row.name) {
      BOOST_TEST(refused.has_value() == (row.refusal != nullptr));
      if (refused && row.refusal != nullptr) BOOST_TEST(*refused == row.refusal);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_words_stay_within_a_reports_text) {
  protocol::DesiredInstance wanted = desired_instance(1, 1);
  wanted.functions.assign(limits::functions, std::string(limits::function_bytes, 'f'));
  const auto refused = agent::refusal(roomy_offer(), {}, wanted);
  BOOST_REQUIRE(refused.has_value());
  BOOST_TEST(refused->size() == limits::text_bytes);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests
