// The messages of joining: payloads of the mesh's application frames, between a guest (the holder
// of an invite's key) and a member.
//
//     message := version:u8 kind:u8 body
//     redeem  := 1 workspace:16 device:32 invite:32 name:varstring consent:64 proof:64
//                `workspace` is what the invite has, the first half of its id; `consent` is the
//                joining device's signature, `proof` the invite key's (see below)
//     welcome := 2 workspace:32 keys:sealed_keys frontier:(count:varuint
//                (device:32 incarnation:u64 seq:varuint hash:32)*) card:varbytes*
//                the guest is a member now; `frontier` is what to have before calling it joined,
//                the cards (card_messages.hpp) say where the members are
//     refused := 3 reason:u8
//     waiting := 4 workspace:32
//                a host has to approve: the request is written down; ask again later
//
// `proof` signs admission_proof(workspace, device) and goes into the admit operation, where every
// replica checks it. `consent` signs hash("coterie redeem v1" workspace:16 device invite name):
// nobody is made a member, or named, by others.

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "node/core/card_messages.hpp"
#include "node/core/invite.hpp"
#include "node/core/membership/operations.hpp"

namespace coterie::node {

/// Wire format: never renumber.
enum class RefusalReason : std::uint8_t {
  kUnknownInvite = 1,
  kExpired = 2,
  kUsedUp = 3,
  kNotEntitled = 4,  ///< The member asked may not admit, or has no key to give.
  kBusy = 5,         ///< Too many attempts, or its disk is full: later.
  kBadSignature = 6,
  kRevoked = 7,
  kRemoved = 8,  ///< The device was removed after this invite was made.
  kDenied = 9,   ///< A host was asked and said no.
};

/// What the person who joins is told.
Error refusal_error(RefusalReason reason);

struct Redeem {
  WorkspaceTag workspace;
  DeviceId device;
  DeviceId invite;  ///< Public half of the invite's key. A guest's link is authenticated by it.
  std::string name;
  crypto::Signature consent;
  crypto::Signature proof;
};
struct Welcome {
  WorkspaceId workspace;
  std::vector<SealedKey> keys;
  Frontier frontier;
  std::vector<Card> cards;  ///< At most kWelcomeCardBytesMax.
};
struct Refused {
  RefusalReason reason;
};
struct Waiting {
  WorkspaceId workspace;
};
using JoinMessage = std::variant<Redeem, Welcome, Refused, Waiting>;

/// A Welcome names at most as many logs as fit one application frame.
Bytes encode_join_message(const JoinMessage& message);

/// Errors: kMalformed, kLimitExceeded.
Result<JoinMessage> decode_join_message(ByteView payload);

Redeem make_redeem(const WorkspaceTag& workspace, const crypto::SigningKey& device,
                   const std::string& name, const crypto::SigningKey& invite);

/// Whether both signatures are right.
bool verify_redeem(const Redeem& redeem);

}  // namespace coterie::node
