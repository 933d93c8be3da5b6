// Address cards: where a member of a workspace can be dialled, as it says and signs; and the
// messages that they travel in, payloads of the mesh's application frames between members.
//
//     card    := version:u8 device:32 serial:varuint name:varstring
//                count:varuint address:varstring* signature:64            version = 1
//     message := version:u8 kind:u8 workspace:32 body
//                version = 1; kinds 1 to 7 are those of joining and of checkpoint transfer
//     digest  := 8 digest:32                        of all cards that the sender holds (cards.hpp)
//     list    := 9 (device:32 serial:varuint)*      those cards, ascending by device; the receiver
//                answers with what it holds of newer ones
//     cards   := 10 card:varbytes*

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

struct Card {
  DeviceId device;
  /// Milliseconds by the device's clock when it made this, or one above its last one: the highest
  /// stands.
  std::uint64_t serial = 0;
  std::string name;                    ///< See check_name().
  std::vector<std::string> addresses;  ///< At most kAddressesMax; see check_address().
  crypto::Signature signature;

  bool operator==(const Card&) const = default;
};

/// The signature is over BLAKE2b-256("coterie card v1" workspace card-without-signature).
Card make_card(const WorkspaceId& workspace, const crypto::SigningKey& device, std::uint64_t serial,
               std::string name, std::vector<std::string> addresses);
bool verify_card(const WorkspaceId& workspace, const Card& card);
Bytes encode_card(const Card& card);
/// Errors: kMalformed, kLimitExceeded.
Result<Card> decode_card(ByteView bytes);

struct CardDigest {
  WorkspaceId workspace;
  Hash digest;
};
struct CardList {
  WorkspaceId workspace;
  std::map<DeviceId, std::uint64_t> serials;  ///< At most kMembersMax.
};
struct CardBatch {
  WorkspaceId workspace;
  std::vector<Card> cards;
};
using CardMessage = std::variant<CardDigest, CardList, CardBatch>;

Bytes encode_card_message(const CardMessage& message);
/// Whether the payload of an application frame is one of these.
bool is_card_message(ByteView payload);
/// Errors: kMalformed, kLimitExceeded (a batch above kCardBatchBytes, a list above kMembersMax).
Result<CardMessage> decode_card_message(ByteView payload);
const WorkspaceId& workspace_of(const CardMessage& message);

}  // namespace coterie::node
