// The messages of checkpoint transfer: payloads of the mesh's application frames, between members.
//
//     message := version:u8 kind:u8 body          version = 1; kinds 1 to 4 are those of joining
//     offer   := 5 workspace:32 checkpoint:32 bytes:varuint hash:32
//                what the sender can give instead of entries that it pruned: a bundle of `bytes`
//                bytes, whose BLAKE2b-256 is `hash`, made for the checkpoint of that entry hash
//     fetch   := 6 workspace:32 hash:32 offset:varuint
//     part    := 7 workspace:32 hash:32 offset:varuint bytes (to the end)
//                kTransferPartBytes, fewer only at the end of the bundle; none when the bundle is
//                not to be had here (any more)

#pragma once

#include <cstdint>
#include <variant>

#include "crdt/base/bytes.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

struct CheckpointOffer {
  WorkspaceId workspace;
  Hash checkpoint;
  std::uint64_t bytes = 0;  ///< 1 to kCheckpointBytesMax.
  Hash hash;

  bool operator==(const CheckpointOffer&) const = default;
};
struct CheckpointFetch {
  WorkspaceId workspace;
  Hash hash;
  std::uint64_t offset = 0;

  bool operator==(const CheckpointFetch&) const = default;
};
struct CheckpointPart {
  WorkspaceId workspace;
  Hash hash;
  std::uint64_t offset = 0;
  Bytes bytes;

  bool operator==(const CheckpointPart&) const = default;
};
using TransferMessage = std::variant<CheckpointOffer, CheckpointFetch, CheckpointPart>;

Bytes encode_transfer_message(const TransferMessage& message);

/// Whether the payload of an application frame is one of these, and not one of joining.
bool is_transfer_message(ByteView payload);

/// Errors: kMalformed, kLimitExceeded (a bundle above kCheckpointBytesMax, a part above
/// kTransferPartBytes).
Result<TransferMessage> decode_transfer_message(ByteView payload);

const WorkspaceId& workspace_of(const TransferMessage& message);

}  // namespace coterie::node
