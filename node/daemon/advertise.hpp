// Which addresses a node tells others to dial.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.hpp"

namespace coterie::node {

/// "tcp://HOST:PORT", taken apart.
struct MeshAddress {
  std::string host;  ///< Without brackets.
  std::uint16_t port = 0;
};

/// HOST is a name, an IPv4 address, or an IPv6 address in brackets; "*" for all of this machine.
/// Errors: kMalformed.
Result<MeshAddress> parse_mesh_address(std::string_view text);

/// What a node that listens at `listen` is reached at: that address, or, when it listens on all,
/// the addresses of this machine's interfaces (at most kAdvertisedMax, without loopback and
/// link-local ones).
std::vector<std::string> default_advertised(const MeshAddress& listen);

inline constexpr std::size_t kAdvertisedMax = 8;

/// `addresses` and, unless it is empty or among them, `mapped`: in the third place at the latest,
/// because invites name three (kInviteAddressesMax). At most kAdvertisedMax.
std::vector<std::string> with_mapped(std::vector<std::string> addresses, const std::string& mapped);

}  // namespace coterie::node
