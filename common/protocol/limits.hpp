// Every bound of the wire, the tables and the queues, by name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace proxima::limits {

// Names and texts.
inline constexpr std::size_t name_bytes = 32;            // node, task and region names
inline constexpr std::size_t endpoint_bytes = 64;        // "127.0.0.1:65535"
inline constexpr std::size_t text_bytes = 200;           // a reason, a CPU model
inline constexpr std::size_t function_bytes = 32;        // the name of a host function group: "vision"
inline constexpr std::size_t functions = 8;              // groups that a node offers or a task asks for
inline constexpr std::size_t ticket_bytes = 256;

// Region.
inline constexpr std::size_t nodes = 10'000;
inline constexpr std::size_t tasks = 50'000;
inline constexpr std::size_t instances_per_node = 64;
inline constexpr std::size_t candidates = 256;           // nodes that one task is judged on
inline constexpr std::size_t trial_nodes = 3;            // nodes that run one task's first frame before it is placed
inline constexpr std::size_t ended_tasks = 1'000;        // stopped and refused tasks that can still be asked about
inline constexpr std::size_t moves_per_task = 64;        // the latest ones are kept
inline constexpr std::size_t learnt_tasks = 4'096;       // tasks whose service times are remembered
inline constexpr std::size_t past_incarnations = 8;      // earlier lives of a node whose late messages are known as such

// Data plane.
inline constexpr std::size_t frame_bytes = 4U << 20U;    // one frame's payload
inline constexpr std::size_t output_bytes = 64U << 10U;  // one result's payload
inline constexpr std::size_t sessions_per_agent = 256;
inline constexpr std::size_t frames_queued_per_instance = 4;
inline constexpr std::size_t echo_bytes = 64;            // a probe and its reply, always
inline constexpr std::size_t trial_runs = 3;

// Control plane.
inline constexpr std::size_t control_message_bytes = 32U << 10U;  // the largest Desired fits: codec_control.cpp
inline constexpr std::size_t beat_bytes = 64;            // an idle beat stays below
inline constexpr std::size_t module_bytes = 4U << 20U;   // a .wasm
inline constexpr std::size_t object_bytes = 16U << 20U;  // a native object
inline constexpr std::size_t manifest_bytes = 64U << 10U;
inline constexpr std::size_t http_body_bytes = 16U << 20U;

// Ranges of a contract.
inline constexpr double deadline_ms_min = 0.1;
inline constexpr double deadline_ms_max = 60'000;
inline constexpr double rate_hz_min = 0.01;
inline constexpr double rate_hz_max = 1'000;
inline constexpr std::uint32_t memory_mib_max = 4'096;             // of one task: all that wasm can address
inline constexpr std::uint32_t node_memory_mib_max = 1U << 20U;     // that an owner gives

static_assert(frames_queued_per_instance >= 2, "one frame runs while the next one arrives");
static_assert(object_bytes <= http_body_bytes && module_bytes <= http_body_bytes);

}  // namespace proxima::limits
