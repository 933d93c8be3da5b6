// The y-websocket protocol, as bytes. One WebSocket message from us holds one protocol message;
// from a client it may hold several, as the coming @y/websocket 4 sends them.
//
//     message   := 0 0 stateVector:varbytes      sync step 1: "what do you have that I lack?"
//                | 0 1 update:varbytes           sync step 2: the answer
//                | 0 2 update:varbytes           an update
//                | 1 awareness:varbytes          presence of some Yjs clients
//                | 2 0 reason:varstring          permission denied (we to client)
//                | 3                             "tell me everybody's presence"
//                | 100 count:varuint             ours, on request: how many of this connection's
//                                                step 2 and update messages are on disk here
//     awareness := count:varuint (client:varuint clock:varuint state:varstring)*
//                  state: JSON, "null" when the client left
//
// Source: y-protocols 1.0.7 sync.js and awareness.js, y-websocket 3.1.0 src/y-websocket.js.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::node {

using Message = std::shared_ptr<const Bytes>;

struct AwarenessState {
  crdt::ClientId client = 0;
  std::uint64_t clock = 0;
  std::string state;  ///< JSON; empty when the client left.

  bool operator==(const AwarenessState&) const = default;
};

struct SyncStep1 {
  crdt::StateVector have;
};
struct SyncUpdate {  ///< Step 2 or update.
  ByteView update;   ///< Points into the message.
};
struct AwarenessMessage {
  ByteView payload;  ///< Points into the message; see decode_awareness().
};
struct AwarenessQuery {};
struct IgnoredMessage {};  ///< Of a type we do not know: the rest of the frame is skipped.
using ClientMessage =
    std::variant<SyncStep1, SyncUpdate, AwarenessMessage, AwarenessQuery, IgnoredMessage>;

/// Reads the next protocol message. Errors: kMalformed, kLimitExceeded.
Result<ClientMessage> read_client_message(ByteReader& in);

/// Errors: kMalformed (truncated, trailing, a state that is no JSON object), kLimitExceeded
/// (kAwarenessIdsPerMessageMax, kAwarenessStateBytesMax).
Result<std::vector<AwarenessState>> decode_awareness(ByteView payload);
Bytes encode_awareness(const std::vector<AwarenessState>& states);

Message step1_message(const crdt::StateVector& have);
Message step2_message(ByteView update);
Message update_message(ByteView update);
Message refusal_message(const std::string& why);
Message awareness_message(const std::vector<AwarenessState>& states);
Message saved_message(std::uint64_t count);

}  // namespace coterie::node
