// The wire form of every message: fixed order, little-endian, bounded, versioned; no heap beyond the values' own.
// A decoder takes any bytes and answers with a value or a Failure that names the field; it never reads past the end,
// never allocates more than the bytes present justify, and refuses trailing bytes. docs/adr/0001-codec.md says why it is ours.
// An encoder cleans and cuts texts (a reason may be anybody's words); lists, tickets and ranges beyond limits.hpp and
// values that are no enumerator are bugs of the caller, and asserted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/result.hpp"
#include "common/protocol/control.hpp"
#include "common/protocol/frames.hpp"

namespace proxima::protocol {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

[[nodiscard]] Bytes encode(const Presence& message);
[[nodiscard]] Bytes encode(const Beat& message);
[[nodiscard]] Bytes encode(const NodeEvent& message);
[[nodiscard]] Bytes encode(const Desired& message);
[[nodiscard]] Bytes encode(const ClientMessage& message);
[[nodiscard]] Bytes encode(const AgentMessage& message);
[[nodiscard]] Bytes encode(const Echo& message);

[[nodiscard]] Result<Presence> decode_presence(View bytes);
[[nodiscard]] Result<Beat> decode_beat(View bytes);
[[nodiscard]] Result<NodeEvent> decode_node_event(View bytes);
[[nodiscard]] Result<Desired> decode_desired(View bytes);
[[nodiscard]] Result<ClientMessage> decode_client_message(View bytes);
[[nodiscard]] Result<AgentMessage> decode_agent_message(View bytes);
[[nodiscard]] Result<Echo> decode_echo(View bytes);

}  // namespace proxima::protocol
