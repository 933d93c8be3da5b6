// The Hocuspocus provider protocol, as bytes. One WebSocket message holds one protocol message.
//
//     message := address:varstring type:varuint body   |  9  |  10      ping and pong
//     address := document | document 0 session         which of the socket's documents
//     type    body
//     0       as y-websocket's type 0, without the 0   sync
//     1       as y-websocket's type 1, without the 1   awareness
//     2       0 token:varstring version:varstring?     "this is who I am" (client)
//             0                                        "tell me again" (we)
//             1 reason:varstring                       permission denied (we)
//             2 scope:varstring                        "read-write" or "readonly" (we)
//     3       nothing                                  "tell me everybody's presence"
//     5       payload:varstring                        stateless: here, events (events.md)
//     7       reason:varstring                         the document is detached
//     8       0 | 1                                    one step 2 or update was refused, or is
//     saved
//
// Source: @hocuspocus/provider 4.7.0 src/MessageReceiver.ts, HocuspocusProvider.ts;
// @hocuspocus/server 4.7.0 for the order of answers.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"

namespace coterie::node {

/// Of an address, in bytes: a path, a workspace's name, a session.
inline constexpr std::size_t kHocuspocusAddressBytesMax = 1600;

enum class HocuspocusType : std::uint8_t {
  kSync = 0,
  kAwareness = 1,
  kAuth = 2,
  kQueryAwareness = 3,
  kStateless = 5,
  kBroadcastStateless = 6,
  kClose = 7,
  kSyncStatus = 8,
  kPing = 9,
  kPong = 10,
};

struct HocuspocusMessage {
  std::string_view address;  ///< Points into the message; of ping and pong empty.
  HocuspocusType type = HocuspocusType::kPing;
  /// What follows the type.
  ByteView body;
  /// Of sync, awareness and their query: as y-websocket would have sent it.
  ByteView yjs;
};

/// Errors: kMalformed, kLimitExceeded (kHocuspocusAddressBytesMax).
Result<HocuspocusMessage> read_hocuspocus(ByteView message);
/// The token of an auth message's body. Errors: kMalformed.
Result<std::string> read_hocuspocus_token(ByteView body);
/// The text of a stateless message's body. Errors: kMalformed.
Result<std::string_view> read_hocuspocus_text(ByteView body);
/// The document of an address: without the session.
std::string_view hocuspocus_document(std::string_view address);

using SharedBytes = std::shared_ptr<const Bytes>;

/// A message that y-websocket would be sent, for that address.
SharedBytes hocuspocus_wrap(std::string_view address, ByteView yjs);
SharedBytes hocuspocus_authenticated(std::string_view address, bool may_edit);
SharedBytes hocuspocus_denied(std::string_view address, std::string_view reason);
SharedBytes hocuspocus_ask_token(std::string_view address);
SharedBytes hocuspocus_status(std::string_view address, bool saved);
SharedBytes hocuspocus_stateless(std::string_view address, std::string_view payload);
SharedBytes hocuspocus_close(std::string_view address, std::string_view reason);
SharedBytes hocuspocus_pong();

}  // namespace coterie::node
