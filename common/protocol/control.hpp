// Messages between agents and coordinator, over MQTT 5. Values only; codec.hpp puts them on the wire.
//
//   agent → coordinator   node/<id>/birth   Presence  retained, QoS 1; the last will replaces it by Lost
//                         node/<id>/beat    Beat      QoS 0, every second while serving, every ten when idle, at once on change
//                         node/<id>/event   NodeEvent QoS 1
//   coordinator → agent   node/<id>/command Desired   QoS 1: the whole desired state of this node, never a delta
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/protocol/task_spec.hpp"

namespace proxima::protocol {

/// How far a worker is shut in on this node, measured at the agent's start.
enum class Isolation : std::uint8_t {
  none = 0,     ///< not even an own user id: tasks are refused
  process = 1,  ///< own process, not root, no_new_privs, rlimits; the kernel lacks seccomp
  full = 2,     ///< all of that and a seccomp allow-list
};

/// Incarnation: drawn at random at each start of an agent, so that a message of an earlier life is known as such.
struct Birth {
  std::uint64_t incarnation = 0;
  std::string name;                    ///< label for people
  std::string target;                  ///< "x86_64-linux-gnu": what objects it runs
  std::string device_class;            ///< CPU model and the like; nodes of one class share a first service estimate
  Isolation isolation = Isolation::none;
  std::uint32_t cores = 1;
  std::uint32_t memory_mib = 0;        ///< what the owner gives to tasks
  std::uint8_t cpu_percent = 100;      ///< share of one core that the owner gives
  std::vector<std::string> functions;  ///< host function groups on offer
  std::uint32_t benchmark_us = 0;      ///< the reference kernel's time here (agent/core/benchmark.hpp), cpu_percent applied
  std::string frames_endpoint;         ///< where clients reach its data plane: "127.0.0.1:4000"
  std::string echo_endpoint;           ///< where clients reach its UDP echo
  std::uint32_t pid = 0;
};

/// The last will, and a clean leave.
struct Lost {
  std::uint64_t incarnation = 0;
};

using Presence = std::variant<Birth, Lost>;

struct Beat {
  std::uint64_t incarnation = 0;
  std::uint32_t sequence = 0;
  std::uint64_t applied_generation = 0;  ///< of Desired: the last one taken on
  std::uint16_t instances = 0;
  std::uint16_t memory_mib_used = 0;
  std::uint8_t cpu_percent_used = 0;     ///< by tasks, of one core, since the last beat
  std::uint32_t frames_executed = 0;     ///< since the agent's start, wraps
};

enum class InstanceState : std::uint8_t {
  fetching = 0,  ///< the object is on its way
  starting = 1,  ///< the worker is being made
  ready = 2,     ///< on_open has returned; frames are taken
  failed = 3,    ///< reason says why; the worker is gone
  stopped = 4,   ///< gone as desired
  refused = 5,   ///< the owner's limits do not allow it; reason says which
};

/// An instance changed, with its latest measured figures. Sent on each change and with new figures at most once a second.
struct InstanceReport {
  std::uint64_t incarnation = 0;
  InstanceId instance;
  Epoch epoch;
  InstanceState state = InstanceState::fetching;
  std::string reason;                    ///< for failed and refused, in an owner's words
  std::uint32_t worker_pid = 0;
  std::uint32_t host_pid = 0;            ///< host-function process, 0 if none
  Isolation isolation = Isolation::none;
  std::uint32_t frames = 0;              ///< executed by this instance
  std::uint32_t execute_us_mean = 0;     ///< over the last 64 frames, 0 if none
  std::uint32_t execute_us_error = 0;    ///< 1.48 × median absolute deviation of the same
  std::uint32_t queue_us_mean = 0;
};

using NodeEvent = std::variant<InstanceReport>;

enum class Role : std::uint8_t { serving = 0, standby = 1, trial = 2 };

/// One instance that shall run on this node.
struct DesiredInstance {
  InstanceId instance;
  Epoch epoch;
  TaskId task;
  Role role = Role::serving;
  std::string task_name;
  Digest module;                         ///< with target and variant the key of the native object
  std::string variant;                   ///< "scalar"
  std::uint32_t memory_mib = 0;
  std::vector<std::string> functions;
  InputSpec input;
  std::uint32_t deadline_us = 0;         ///< 0: none
  std::uint32_t rate_mhz = 0;            ///< thousandths of a frame a second
};

/// The complete wish for one node. An agent obeys the highest generation of the coordinator's newest term.
struct Desired {
  std::uint64_t term = 0;                ///< grows with each start of a coordinator
  std::uint64_t generation = 0;          ///< grows within a term with each change
  std::vector<DesiredInstance> instances;
};

}  // namespace proxima::protocol
