// Workspace: the picture of who is linked with whom, and what this device says for it.

#include <algorithm>

#include "node/core/workspace.hpp"

namespace coterie::node {

namespace {

/// Of what presence holds as a client's: no client has it.
constexpr ClientHandle kLinksHandle = ~ClientHandle{0};

}  // namespace

/// What others claim now.
std::map<DeviceId, LinkClaims> Workspace::link_claims() const {
  std::map<DeviceId, LinkClaims> claims;
  for (const auto& [device, state] : presence_.said_in(links_.room)) {
    if (auto one = decode_link_claims(state)) claims.emplace(device, *std::move(one));
  }
  return claims;
}

MeshPicture Workspace::mesh_picture(Now now) {
  const bool looked = now.steady < links_.look_until;
  links_.look_until = now.steady + kLinksLookedAt;
  if (!looked) links_.due = now.steady;
  std::set<DeviceId> members;
  for (const auto& [device, member] : membership().members()) members.insert(device);
  return draw_mesh(context_.identity.id(), members, mesh_.peers(id()), link_claims());
}

/// Somebody said something of its links: perhaps that it looks.
void Workspace::links_heard(Now now) {
  if (links_.telling) return;  // It is looked at with the next claim.
  const Instant due = std::max(now.steady, links_.looked_at + kLinksSoon);
  links_.due = std::min(links_.due.value_or(due), due);
}

void Workspace::links_moved(Now now) {
  if (!links_.telling) return;
  const Instant due = now.steady + kLinksSoon;
  links_.due = std::min(links_.due.value_or(due), due);
}

/// Says what links there are while anybody looks.
void Workspace::tend_links(Now now) {
  if (!links_.due || now.steady < *links_.due) return;
  links_.due.reset();
  links_.looked_at = now.steady;
  const bool looks = now.steady < links_.look_until;
  const auto claims = link_claims();
  const bool wanted = looks || std::any_of(claims.begin(), claims.end(),
                                           [](const auto& one) { return one.second.looks; });
  const Member* self = membership().find(context_.identity.id());
  const bool may = self != nullptr && self->role != Role::kRelay && !hurry_;
  if (!wanted || !may) {
    if (links_.telling) presence_.leave(now, links_.room, kLinksHandle);
    links_.telling = false;
    links_.own.clear();
    return;
  }
  const crdt::ClientId client = links_.client;
  presence_.announce(
      now, links_.room, kLinksHandle, "", false, links_.own,
      {{client, ++links_.clock, encode_link_claims(claims_of(mesh_.peers(id()), looks))}});
  links_.telling = true;
  const auto members = static_cast<Duration::rep>(membership().members().size());
  links_.due = now.steady +
               std::clamp(Duration(kLinksEveryPerMember * members), kLinksEvery, kLinksEveryMax);
}

}  // namespace coterie::node
