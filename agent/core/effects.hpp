// All that an agent can ask for.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "agent/core/events.hpp"
#include "common/protocol/control.hpp"
#include "common/protocol/frames.hpp"

namespace proxima::agent {

// To the broker.
struct PublishPresence { protocol::Presence presence; };
struct PublishBeat { protocol::Beat beat; };
struct PublishEvent { protocol::NodeEvent event; };

/// Have the object in the cache, from the coordinator if need be; ObjectReady or ObjectUnavailable follows.
struct FetchObject { InstanceKey key; Digest module; std::string variant; };
/// Its answer is no longer wanted; none follows.
struct CancelFetch { InstanceKey key; };

/// WorkerReady or WorkerGone follows, in the end always WorkerGone.
struct StartWorker { InstanceKey key; protocol::DesiredInstance desired; std::string object_path; };
struct StopWorker { InstanceKey key; };

/// Hand the frame's payload to the worker; FrameDone or WorkerGone follows.
struct HandOver { InstanceKey key; FrameToken token; protocol::InputSpec shape; };
/// The frame waits: its payload must outlive this event.
struct KeepPayload { FrameToken token; };
struct DropPayload { FrameToken token; };

/// `with_output`: the output of the FrameDone that is being handled goes along as payload.
struct SendToClient { PeerId peer; protocol::AgentMessage message; bool with_output = false; };

using Effect = std::variant<PublishPresence, PublishBeat, PublishEvent, FetchObject, CancelFetch, StartWorker, StopWorker,
                            HandOver, KeepPayload, DropPayload, SendToClient>;
using Effects = std::vector<Effect>;

}  // namespace proxima::agent
