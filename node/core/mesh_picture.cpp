#include "node/core/mesh_picture.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>

#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr std::string_view kRoomDomain = "coterie links v1";
constexpr std::size_t kDigits = 16;
/// What is longer is no round trip.
constexpr std::int64_t kRoundTripUsMax = 3'600'000'000;

std::string digits_of(const DeviceId& device) { return device.hex().substr(0, kDigits); }

Duration rounded(Duration time) {
  std::int64_t us = std::max<std::int64_t>(duration_cast<microseconds>(time).count(), 0);
  std::int64_t unit = 1;
  while (us / unit >= 100) unit *= 10;
  return microseconds(us / unit * unit);
}

/// What one end says of a link.
struct Side {
  std::optional<bool> in_step;
  std::optional<Duration> round_trip;
  bool said = true;  ///< Else it says nothing at all, and the other end speaks for it.
};
using Sides = std::map<DeviceId, std::map<DeviceId, Side>>;

Sides sides_of(const DeviceId& self, const std::set<DeviceId>& members,
               const std::vector<transport::PeerStatus>& peers,
               const std::map<DeviceId, LinkClaims>& claims) {
  std::map<std::string, DeviceId> known;
  for (const DeviceId& member : members) known.emplace(digits_of(member), member);
  Sides sides;
  for (const auto& [device, said] : claims) {
    if (device == self || !members.contains(device)) continue;
    for (const LinkClaims::Link& link : said.links) {
      const auto to = known.find(link.device);
      // Of its own links this node knows best.
      if (to == known.end() || to->second == device || to->second == self) continue;
      sides[device][to->second] = {link.in_step, link.round_trip, true};
    }
  }
  std::set<DeviceId> linked;
  for (const transport::PeerStatus& peer : peers) {
    if (!members.contains(peer.device)) continue;
    if (peer.linked) {
      linked.insert(peer.device);
      sides[self][peer.device] = {peer.in_step, peer.round_trip, true};
      sides[peer.device][self] = {peer.in_step, peer.round_trip, true};
    }
    // Whom those are linked to that this node is linked to, they say anyhow.
    for (const DeviceId& by : peer.via) {
      if (by != peer.device && members.contains(by)) sides[by].try_emplace(peer.device);
    }
  }
  const Sides told = sides;
  for (const auto& [from, ends] : told) {
    for (const auto& [to, side] : ends) {
      if (to == self || linked.contains(to) || claims.contains(to)) continue;
      sides[to].try_emplace(from, Side{side.in_step, side.round_trip, false});
    }
  }
  // What one end does not say of a link, the other does.
  for (auto& [from, ends] : sides) {
    for (auto& [to, side] : ends) {
      const auto other = sides.find(to);
      if (side.in_step || other == sides.end()) continue;
      const auto back = other->second.find(from);
      if (back != other->second.end()) side.in_step = back->second.in_step;
    }
  }
  return sides;
}

/// Who can be reached from `self` over links of which `passes` is true.
template <typename Passes>
std::set<DeviceId> reached_from(const DeviceId& self, const Sides& sides, Passes passes) {
  std::set<DeviceId> reached{self};
  std::vector<DeviceId> open{self};
  while (!open.empty()) {
    const auto found = sides.find(open.back());
    open.pop_back();
    if (found == sides.end()) continue;
    for (const auto& [to, side] : found->second) {
      if (passes(side) && reached.insert(to).second) open.push_back(to);
    }
  }
  return reached;
}

}  // namespace

LinkClaims claims_of(const std::vector<transport::PeerStatus>& peers, bool looks) {
  LinkClaims out;
  out.looks = looks;
  for (const transport::PeerStatus& peer : peers) {
    if (!peer.linked || out.links.size() == kLinksClaimedMax) continue;
    auto round_trip = peer.round_trip;
    if (round_trip) round_trip = rounded(*round_trip);
    out.links.push_back({digits_of(peer.device), peer.in_step, round_trip});
  }
  return out;
}

std::string encode_link_claims(const LinkClaims& claims) {
  json links = json::array();
  for (const LinkClaims::Link& one : claims.links) {
    const std::int64_t us =
        one.round_trip ? duration_cast<microseconds>(*one.round_trip).count() : -1;
    links.push_back(json::array({one.device, one.in_step ? 1 : 0, us}));
  }
  json state = {{"links", std::move(links)}};
  if (claims.looks) state["look"] = true;
  return state.dump();
}

std::optional<LinkClaims> decode_link_claims(std::string_view state) {
  const json said = json::parse(state, nullptr, false);
  if (!said.is_object()) return std::nullopt;
  const auto links = said.find("links");
  if (links == said.end() || !links->is_array() || links->size() > kLinksClaimedMax) {
    return std::nullopt;
  }
  LinkClaims out;
  for (const json& one : *links) {
    const bool fits = one.is_array() && one.size() >= 3 && one[0].is_string() &&
                      one[0].get_ref<const std::string&>().size() == kDigits &&
                      one[1].is_number_integer() && one[2].is_number_integer();
    if (!fits) return std::nullopt;
    LinkClaims::Link link{one[0].get<std::string>(), one[1].get<std::int64_t>() == 1, {}};
    const auto us = one[2].get<std::int64_t>();
    if (us >= 0 && us <= kRoundTripUsMax) link.round_trip = microseconds(us);
    out.links.push_back(std::move(link));
  }
  const auto look = said.find("look");
  out.looks = look != said.end() && look->is_boolean() && look->get<bool>();
  return out;
}

DocumentId links_room(const WorkspaceId& workspace) {
  const Hash whole = crypto::hash({as_bytes(kRoomDomain), workspace.view()});
  DocumentId room;
  std::memcpy(room.bytes.data(), whole.bytes.data(), DocumentId::kBytes);
  return room;
}

MeshPicture draw_mesh(const DeviceId& self, const std::set<DeviceId>& members,
                      const std::vector<transport::PeerStatus>& peers,
                      const std::map<DeviceId, LinkClaims>& claims) {
  const Sides sides = sides_of(self, members, peers, claims);
  const auto online = reached_from(self, sides, [](const Side&) { return true; });
  const auto in_step =
      reached_from(self, sides, [](const Side& side) { return side.in_step.value_or(false); });
  const auto may_be =
      reached_from(self, sides, [](const Side& side) { return side.in_step.value_or(true); });
  MeshPicture out;
  std::set<DeviceId> all = members;
  all.insert(self);
  for (const DeviceId& device : all) {
    MeshNode node{device, online.contains(device), {}};
    if (in_step.contains(device)) {
      node.in_step = true;
    } else if (node.online && !may_be.contains(device)) {
      node.in_step = false;
    }
    out.nodes.push_back(node);
  }
  const auto says = [&](const DeviceId& from, const DeviceId& to) {
    const auto one = sides.find(from);
    if (one == sides.end() || !online.contains(from)) return false;
    const auto side = one->second.find(to);
    return side != one->second.end() && side->second.said;
  };
  std::map<std::pair<DeviceId, DeviceId>, MeshLink> links;
  for (const auto& [from, ends] : sides) {
    if (!online.contains(from)) continue;
    for (const auto& [to, side] : ends) {
      const auto [a, b] = std::minmax(from, to);
      MeshLink& link = links.try_emplace({a, b}, MeshLink{a, b, false, {}, {}}).first->second;
      link.both = says(from, to) && says(to, from);
      // In step is what both ends call so.
      if (side.in_step) link.in_step = link.in_step.value_or(true) && *side.in_step;
      if (!link.round_trip) link.round_trip = side.round_trip;
    }
  }
  for (auto& [ends, link] : links) out.links.push_back(std::move(link));
  return out;
}

}  // namespace coterie::node
