// Invite strings: what a host hands to a newcomer, in any channel it trusts.
//
//     invite   := "coterie1" base32(content checksum:4)
//     content  := version:u8 workspace:32 seed:32 contacts:(count:varuint contact*)
//     contact  := device:32 addresses:(count:varuint address:varstring*)
//     checksum := first 4 bytes of BLAKE2b-256("coterie invite v1" content)
//
// base32 uses 0-9 and a-z without i, l, o and u (Crockford); reading takes i and l for 1, o for 0,
// and upper case. `seed` is the secret half of the invite's one-time Ed25519 key: whoever has the
// string may join, within the invite's expiry and uses. Golden file:
// tests/golden/entries/invites.json.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// A member that may be online to let the newcomer in.
struct InviteContact {
  DeviceId device;
  std::vector<std::string> addresses;  ///< "tcp://HOST:PORT", most promising first.
};

struct InviteSecret {
  WorkspaceId workspace;
  crypto::SecretKey seed;
  std::vector<InviteContact> contacts;  ///< 1 to kInviteContactsMax; the inviter first.
};

std::string format_invite(const InviteSecret& invite);

/// Surrounding white space is ignored. Errors, each with its own text for the person who pasted it:
/// kMalformed (no invite, mistyped or cut off, of a newer version), kLimitExceeded.
Result<InviteSecret> parse_invite(std::string_view text);

}  // namespace coterie::node
