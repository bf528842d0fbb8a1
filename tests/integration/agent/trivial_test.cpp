// A real task: C++ compiled to wasm, built to a native object by the real builder, run by a real agent.
#include <boost/test/unit_test.hpp>

#include <cstring>

#include "common/io/file.hpp"
#include "common/protocol/limits.hpp"
#include "coordinator/builder/builder.hpp"
#include "tests/integration/agent/rig.hpp"

namespace proxima::tests {

BOOST_AUTO_TEST_SUITE(agent_with_a_real_task)

BOOST_AUTO_TEST_CASE(trivial_sums_each_frame_that_it_gets) {
  auto tools = builder::Builder::open({PROXIMA_WASM2C, PROXIMA_RT});
  BOOST_REQUIRE_MESSAGE(tools.has_value(), (tools ? "" : tools.error().text()));
  const auto module = io::read_file(std::string(PROXIMA_TASKS) + "/trivial/trivial.wasm", limits::module_bytes);
  BOOST_REQUIRE_MESSAGE(module.has_value(), (module ? "" : module.error().text()));
  const auto object = tools->build(*module, {});
  BOOST_REQUIRE_MESSAGE(object.has_value(), (object ? "" : object.error().text()));

  Region region;
  region.offer(1, {{200, *object, {}}});
  TempDir data;
  AgentProcess agent(region, data);
  protocol::DesiredInstance wanted = instance_of(1, 7, 1);
  wanted.task_name = "trivial";
  wanted.memory_mib = 16;
  wanted.input.max_bytes = 230'400;
  region.wish({wanted});
  region.until_state(7, protocol::InstanceState::ready);
  Client client(region, agent.frames);
  client.enter(7, 1);
  for (std::uint64_t n = 1; n <= 30; ++n) {
    const Blob picture(230'400, static_cast<std::uint8_t>(n));
    protocol::Frame frame;
    frame.instance = {7};
    frame.epoch = {1};
    frame.sequence = n;
    client.say(frame, picture);
    const auto [result, output] = client.next_as<protocol::ResultHeader>();
    BOOST_TEST(result.sequence == n);
    BOOST_REQUIRE((result.status == protocol::ResultStatus::ok));
    BOOST_REQUIRE(output.size() == 64U);
    for (std::size_t k = 0; k < 8; ++k) {
      std::uint64_t sum = 0;
      std::memcpy(&sum, output.data() + 8 * k, 8);
      BOOST_TEST(sum == 28'800 * n);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests
