// One value of each message with every field different from its default, and its name: for golden vectors, round trips and
// the first seeds of the fuzzer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/protocol/codec.hpp"

namespace proxima::tests {

struct CodecExample {
  std::string name;                                          ///< tests/vectors/protocol/<name>.hex
  protocol::Bytes bytes;                                     ///< what encode() gives now
  std::function<Result<protocol::Bytes>(protocol::View)> again;  ///< decodes and encodes
};

template <class Decode>
CodecExample example(std::string name, protocol::Bytes bytes, Decode decode) {
  return {std::move(name), std::move(bytes), [decode](protocol::View view) -> Result<protocol::Bytes> {
            auto message = decode(view);
            if (!message) return message.failure();
            return protocol::encode(*message);
          }};
}

inline protocol::Birth example_birth() {
  protocol::Birth birth;
  birth.incarnation = 0x1122334455667788;
  birth.name = "kitchen-router";
  birth.target = "x86_64-linux-gnu";
  birth.device_class = "ARMv7 Processor rev 5 (v7l), 900 MHz, caf\u00e9";
  birth.isolation = protocol::Isolation::full;
  birth.cores = 4;
  birth.memory_mib = 512;
  birth.cpu_percent = 60;
  birth.functions = {"vision", "nn"};
  birth.benchmark_us = 1'234;
  birth.frames_endpoint = "127.0.0.1:4000";
  birth.echo_endpoint = "127.0.0.1:4001";
  birth.pid = 4'711;
  return birth;
}

inline protocol::Beat example_beat() {
  protocol::Beat beat;
  beat.incarnation = 0x1122334455667788;
  beat.sequence = 7;
  beat.applied_generation = 9;
  beat.instances = 2;
  beat.memory_mib_used = 48;
  beat.cpu_percent_used = 33;
  beat.frames_executed = 100'000;
  return beat;
}

inline protocol::InstanceReport example_report() {
  protocol::InstanceReport report;
  report.incarnation = 0x1122334455667788;
  report.instance = InstanceId{0xabcdef};
  report.epoch = Epoch{3};
  report.state = protocol::InstanceState::failed;
  report.reason = "trap: out-of-bounds memory access";
  report.worker_pid = 1'001;
  report.host_pid = 1'002;
  report.isolation = protocol::Isolation::process;
  report.frames = 17;
  report.execute_us_mean = 850;
  report.execute_us_error = 12;
  report.queue_us_mean = 40;
  return report;
}

inline protocol::DesiredInstance example_instance(std::uint64_t number) {
  protocol::DesiredInstance instance;
  instance.instance = InstanceId{number};
  instance.epoch = Epoch{2};
  instance.task = TaskId{0x77};
  instance.role = protocol::Role::standby;
  instance.task_name = "motion";
  for (std::size_t i = 0; i < 32; ++i) instance.module.bytes[i] = static_cast<std::uint8_t>(i);
  instance.variant = "scalar";
  instance.memory_mib = 16;
  instance.functions = {"vision"};
  instance.input = {protocol::FrameFormat::grey8, 640, 360, 90, 230'400};
  instance.deadline_us = 20'000;
  instance.rate_mhz = 30'000;
  return instance;
}

inline protocol::Frame example_frame() {
  protocol::Frame frame;
  frame.instance = InstanceId{0xabcdef};
  frame.epoch = Epoch{3};
  frame.sequence = 42;
  frame.deadline_left_us = 19'500;
  frame.trial = true;
  frame.resend = true;
  frame.format = protocol::FrameFormat::jpeg_grey;
  frame.width = 640;
  frame.height = 360;
  frame.key_id = 5;
  frame.tag_high = 0x0102030405060708;
  frame.tag_low = 0x1112131415161718;
  frame.ticket = {0xde, 0xad};
  return frame;
}

inline protocol::ResultHeader example_result() {
  protocol::ResultHeader result;
  result.instance = InstanceId{0xabcdef};
  result.epoch = Epoch{3};
  result.sequence = 42;
  result.status = protocol::ResultStatus::failed;
  result.trial = true;
  result.queued_us = 10;
  result.executed_us = 800;
  result.inside_us = 900;
  result.credit = 2;
  result.reason = "the task said 7";
  return result;
}

inline std::vector<CodecExample> codec_examples() {
  using namespace protocol;
  const InstanceId instance{0xabcdef};
  std::vector<CodecExample> out;
  out.push_back(example("birth", encode(Presence(example_birth())), decode_presence));
  out.push_back(example("lost", encode(Presence(Lost{0x1122334455667788})), decode_presence));
  out.push_back(example("beat", encode(example_beat()), decode_beat));
  out.push_back(example("instance_report", encode(NodeEvent(example_report())), decode_node_event));
  out.push_back(example("desired", encode(Desired{5, 6, {example_instance(1), example_instance(2)}}), decode_desired));
  out.push_back(example("desired_empty", encode(Desired{1, 1, {}}), decode_desired));
  out.push_back(example("hello", encode(ClientMessage(Hello{1, 3, instance, Epoch{3}, {1, 2, 3}})), decode_client_message));
  out.push_back(example("frame", encode(ClientMessage(example_frame())), decode_client_message));
  out.push_back(example("ping", encode(ClientMessage(Ping{0x99})), decode_client_message));
  out.push_back(example("transfer", encode(ClientMessage(Transfer{0x98})), decode_client_message));
  out.push_back(example("bye", encode(ClientMessage(Bye{instance})), decode_client_message));
  out.push_back(example("welcome", encode(AgentMessage(Welcome{1, 3, instance, Epoch{3}, 2, 1U << 20U})), decode_agent_message));
  out.push_back(example("refused", encode(AgentMessage(Refused{RefusalCode::stale_epoch, instance, Epoch{4}, 42, "replaced"})),
                        decode_agent_message));
  out.push_back(example("result", encode(AgentMessage(example_result())), decode_agent_message));
  out.push_back(example("pong", encode(AgentMessage(Pong{0x99})), decode_agent_message));
  out.push_back(example("transfer_done", encode(AgentMessage(TransferDone{0x98, 80'000, 55})), decode_agent_message));
  out.push_back(example("echo_request", encode(Echo{false, 0x1234}), decode_echo));
  out.push_back(example("echo_reply", encode(Echo{true, 0x1234}), decode_echo));
  return out;
}

}  // namespace proxima::tests
