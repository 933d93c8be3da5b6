// What the load generator says and hears: Yjs updates of its own making, and the messages of the
// protocols around them.
//
//     y-websocket    type:varuint payload                      one message in each WebSocket
//     message Hocuspocus     document:varstring type:varuint payload
//
// Source: y-protocols 1.0.7 sync.js and awareness.js; @hocuspocus/common 4.7.0 types.ts.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::bench {

enum class Protocol : std::uint8_t { kYWebsocket, kHocuspocus };

/// The text that all clients write to.
inline constexpr std::string_view kTextRoot = "monaco";

struct Message {
  enum class Kind : std::uint8_t {
    kStep1,   ///< Asks for what is missing: `payload` is a state vector.
    kStep2,   ///< `payload` is an update.
    kUpdate,  ///< `payload` is an update.
    kAwareness,
    kRefused,  ///< Not let in, or an edit not taken.
    kSaved,    ///< Hocuspocus: an update of ours has been taken.
    kOther,
  };
  Kind kind = Kind::kOther;
  ByteView payload;
};

/// kOther for what does not parse.
Message parse_message(Protocol protocol, ByteView bytes);

/// What a client says once its socket is open: who it is (Hocuspocus), and that it holds nothing.
std::vector<Bytes> hello(Protocol protocol, std::string_view document);
Bytes step2_message(Protocol protocol, std::string_view document, ByteView update);
Bytes update_message(Protocol protocol, std::string_view document, ByteView update);
/// Where the cursor of `client` is after so many moves, counted from 1.
Bytes awareness_message(Protocol protocol, std::string_view document, crdt::ClientId client,
                        std::uint64_t moves);

/// One client's insertion of `text` (ASCII) behind all that it wrote before, of which `clock` is
/// the length: what stock Yjs makes of typing at the end of one's own words.
Bytes insertion(crdt::ClientId client, crdt::Clock clock, std::string_view text);
/// The removal of what one client wrote.
Bytes deletion(crdt::ClientId client, crdt::Clock clock, crdt::Clock length);

/// What an awareness message says of one client.
struct AwarenessEntry {
  crdt::ClientId client = 0;
  std::optional<std::uint64_t> moves;  ///< None of one who is gone, or who shows no cursor.
};
/// None where `payload` does not parse.
std::vector<AwarenessEntry> awareness_entries(ByteView payload);

}  // namespace coterie::bench
