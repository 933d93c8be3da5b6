// Invite strings: what a host hands to a newcomer, in any channel it trusts.
//
//     invite   := "coterie1" base32(content checksum:4)
//     content  := workspace:16 secret:16 contact+
//     contact  := device:32 address*
//     address  := flags:u8 [ipv4:4 | host:varstring] [port:u16]
//                 flags: 0 neither host nor port (a contact without an address), 1 an IPv4
//                 address, 2 any other host as it is written in "tcp://HOST:PORT"; besides 4,
//                 another address of this contact follows, and 8, another contact follows
//     checksum := first 4 bytes of BLAKE2b-256("coterie invite v1" content)
//
// base32 uses 0-9 and a-z without i, l, o and u (Crockford); reading takes i and l for 1, o for 0,
// and upper case, so that a QR code may use its alphanumeric mode. `workspace` is the beginning of
// the workspace's id: to pass off another workspace one would have to find a genesis with the same
// 128 bits. The invite's one-time Ed25519 key has the seed BLAKE2b-256("coterie invite key v1"
// workspace secret): whoever has the string may join, within the invite's terms. One contact with
// an IPv4 address makes 128 characters. Golden file: tests/golden/entries/entries_v1.json.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// The first half of a workspace's id.
using WorkspaceTag = FixedId<struct WorkspaceTagTag, 16>;
WorkspaceTag tag_of(const WorkspaceId& workspace);

/// A member that may be online to let the newcomer in.
struct InviteContact {
  DeviceId device;
  std::vector<std::string> addresses;  ///< "tcp://HOST:PORT", most promising first.
};

struct InviteSecret {
  WorkspaceTag workspace;
  crypto::SecretKey secret;             ///< kInviteSecretBytes, then zeros.
  std::vector<InviteContact> contacts;  ///< 1 to kInviteContactsMax; the inviter first.
};

inline constexpr std::size_t kInviteSecretBytes = 16;

/// A fresh secret, without contacts.
InviteSecret make_invite(const WorkspaceId& workspace, SecureRandom& random);

/// The key whose public half the invite operation registers.
crypto::SigningKey invite_key(const InviteSecret& invite);

/// Addresses beyond kInviteAddressesMax a contact, and contacts beyond kInviteContactsMax, are left
/// out. Precondition: addresses passed check_address().
std::string format_invite(const InviteSecret& invite);

/// Surrounding white space is ignored. Errors, each with its own text for the person who pasted it:
/// kMalformed (no invite, mistyped or cut off, of a newer version), kLimitExceeded.
Result<InviteSecret> parse_invite(std::string_view text);

}  // namespace coterie::node
