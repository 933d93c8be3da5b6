// Who is linked with whom in a workspace: what a node knows of its own links, and what the others
// claim of theirs.
//
// A claim travels as presence (presence.hpp): signed by its device, sealed for the members, passed
// on once by everybody, forgotten 30 s after it was last said. It is said in a room of its own, of
// which no document has the id, and only while some member looks at the picture: who looks says so
// in its own claim, and the others hear that and say theirs.
//
//     room   := first 16 bytes of BLAKE2b-256("coterie links v1" workspace)
//     state  := {"links":[[device, in_step, round_trip]...], "look":true?}
//               device: the first 16 hexadecimal digits; in_step: 0 or 1; round_trip: in us, -1
//               where it is not known
//
// A claim is the word of its device and of nobody else. One that nobody confirms is shown as such,
// and counts only if whoever says it can be reached from here over links that count: so a node that
// is gone takes its claims with it, whatever it said last. Who says nothing, a relay, which has no
// key, or an older node, is spoken for by those who claim to be linked with it.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "transport/core/mesh.hpp"

namespace coterie::node {

/// Links in one claim: a device with more tells some of them.
inline constexpr std::size_t kLinksClaimedMax = 64;
/// How long after it was last asked for a picture a node says that it looks.
inline constexpr Duration kLinksLookedAt = std::chrono::seconds(30);
/// How often a claim is said anew, where it changed; less often in a large workspace:
inline constexpr Duration kLinksEvery = std::chrono::seconds(5);
inline constexpr Duration kLinksEveryMax = std::chrono::seconds(15);
inline constexpr Duration kLinksEveryPerMember = std::chrono::milliseconds(100);
/// And so soon when a link came or went.
inline constexpr Duration kLinksSoon = std::chrono::milliseconds(250);

struct LinkClaims {
  struct Link {
    std::string device;  ///< The first 16 hexadecimal digits of its id.
    bool in_step = false;
    std::optional<Duration> round_trip;

    bool operator==(const Link&) const = default;
  };
  std::vector<Link> links;  ///< At most kLinksClaimedMax.
  bool looks = false;

  bool operator==(const LinkClaims&) const = default;
};

/// Of the linked ones of `peers`. Round trips are rounded to two digits, so that not every one of
/// them is news.
LinkClaims claims_of(const std::vector<transport::PeerStatus>& peers, bool looks);
/// An awareness state.
std::string encode_link_claims(const LinkClaims& claims);
/// Nothing if it is none.
std::optional<LinkClaims> decode_link_claims(std::string_view state);
DocumentId links_room(const WorkspaceId& workspace);

struct MeshNode {
  DeviceId device;
  bool online = false;  ///< There is a way to it over links that are shown.
  /// It holds the same as this node: there is a way to it over links whose ends do. Nothing where
  /// that is not known.
  std::optional<bool> in_step;

  bool operator==(const MeshNode&) const = default;
};
struct MeshLink {
  DeviceId a;  ///< Before `b`.
  DeviceId b;
  bool both = false;  ///< Each end says that it is there, or it is this node's own.
  std::optional<bool> in_step;
  std::optional<Duration> round_trip;

  bool operator==(const MeshLink&) const = default;
};
struct MeshPicture {
  std::vector<MeshNode> nodes;  ///< All members, by id; this one, too.
  std::vector<MeshLink> links;  ///< By their ends.
};

/// `peers` are this node's, as the mesh knows them. Cost: O(members + links) log members.
MeshPicture draw_mesh(const DeviceId& self, const std::set<DeviceId>& members,
                      const std::vector<transport::PeerStatus>& peers,
                      const std::map<DeviceId, LinkClaims>& claims);

}  // namespace coterie::node
