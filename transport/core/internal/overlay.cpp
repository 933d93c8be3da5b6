// With whom to be linked: with every member of a small workspace; in a large one with a few, chosen
// at random, so that the graph of all nodes stays connected when many of them fail at once.

#include <algorithm>
#include <vector>

#include "transport/core/internal/state.hpp"

namespace coterie::transport {

using internal::kChosenPatience;
using internal::kDegree;
using internal::kDegreeMax;
using internal::kDegreeMin;
using internal::kDrawMax;
using internal::kExploreInterval;
using internal::kOutgoingDegree;
using internal::kOverlayInterval;

/// Dials what is lacking and closes what is too much. Cost: O(members and links).
void Mesh::State::tend_overlay() {
  if (shutting_down) return;
  overlay_due = now.steady + kOverlayInterval;
  std::set<DeviceId> wanted_now;
  for (auto& [id, workspace] : workspaces) {
    if (workspace.full_mesh()) {
      for (const auto& [device, addresses] : workspace.members) wanted_now.insert(device);
      continue;
    }
    choose(workspace);
    explore(workspace);
    for (const auto& [device, since] : workspace.chosen) wanted_now.insert(device);
  }
  std::erase_if(wanted_now, [&](const DeviceId& device) { return is_quarantined(device); });
  for (const DeviceId& device : wanted_peers) {
    if (!wanted_now.contains(device)) dialer.want(device, false);
  }
  for (const DeviceId& device : wanted_now) {
    if (!wanted_peers.contains(device)) dialer.want(device, true);
  }
  wanted_peers = std::move(wanted_now);
  for (const auto& [id, workspace] : workspaces) {
    if (!workspace.full_mesh()) thin_out(id, workspace);
  }
}

bool Mesh::State::has_partial_mesh() const {
  return std::any_of(workspaces.begin(), workspaces.end(),
                     [](const auto& item) { return !item.second.full_mesh(); });
}

/// A link of which a heartbeat is missing is not counted on: its place is filled before it is given
/// up.
bool Mesh::State::is_silent(const Link& link) const {
  return now.steady - link.last_heard > options.heartbeat * 3 / 2;
}

std::size_t Mesh::State::degree(const Workspace& workspace) {
  return static_cast<std::size_t>(
      std::count_if(workspace.linked.begin(), workspace.linked.end(), [&](const DeviceId& device) {
        const Link* link = active_link(device);
        return link != nullptr && !is_silent(*link);
      }));
}

/// Adds members to `workspace.chosen` if there are too few links of it.
void Mesh::State::choose(Workspace& workspace) {
  std::erase_if(workspace.chosen, [&](const auto& item) {
    return !workspace.members.contains(item.first) || workspace.linked.contains(item.first);
  });
  std::size_t outgoing = 0;
  for (const DeviceId& device : workspace.linked) {
    const Link* link = active_link(device);
    if (link != nullptr && link->outgoing && !is_silent(*link)) ++outgoing;
  }
  const auto under_way = static_cast<std::size_t>(
      std::count_if(workspace.chosen.begin(), workspace.chosen.end(),
                    [&](const auto& item) { return now.steady - item.second < kChosenPatience; }));
  const std::size_t all = degree(workspace);
  std::size_t lacking = kOutgoingDegree - std::min(outgoing + under_way, kOutgoingDegree);
  // Others choose us as well: what is lacking beside our own choice is made up a little later.
  if (all < kDegreeMin && now.steady - workspace.last_chosen >= kOverlayInterval) {
    lacking = std::max(lacking, kDegree - std::min(all + under_way, kDegree));
  }
  // Where some do not answer, more will not.
  lacking += std::min(lacking, workspace.chosen.size() - under_way);
  if (lacking > 0) draw(workspace, std::min(lacking, kDrawMax));
}

/// Chooses `count` members at random, of those that can be dialled now.
void Mesh::State::draw(Workspace& workspace, std::size_t count) {
  std::vector<DeviceId> candidates;
  for (const auto& [device, addresses] : workspace.members) {
    if (!workspace.chosen.contains(device) && dialer.rested(now.steady, device) &&
        !is_quarantined(device)) {
      candidates.push_back(device);
    }
  }
  for (; count > 0 && !candidates.empty(); --count) {
    const std::size_t drawn = random.below(candidates.size());
    workspace.chosen.emplace(candidates[drawn], now.steady);
    workspace.last_chosen = now.steady;
    candidates[drawn] = candidates.back();
    candidates.pop_back();
  }
}

/// Now and then dials one more; thin_out() lets another go when it is up.
void Mesh::State::explore(Workspace& workspace) {
  if (now.steady < workspace.explore_due) return;
  const bool first = workspace.explore_due == Instant{};
  const auto all = static_cast<std::uint64_t>(kExploreInterval.count());
  const Duration pause =
      kExploreInterval / 2 + Duration(static_cast<Duration::rep>(random.below(all)));
  workspace.explore_due = now.steady + pause;
  if (!first) draw(workspace, 1);
}

/// Closes links that are too many: of those that others opened the slowest, of our own choice any.
void Mesh::State::thin_out(const WorkspaceId& id, const Workspace& workspace) {
  std::vector<std::pair<Duration, LinkId>> incoming;
  std::vector<LinkId> outgoing;
  const Link* newest = nullptr;
  std::size_t chosen = 0;
  for (const DeviceId& device : workspace.linked) {
    const Link* link = active_link(device);
    if (link == nullptr) continue;
    if (link->outgoing) {
      ++chosen;
      if (newest == nullptr || newest->order < link->order) newest = link;
    }
    if (!may_spare(*link) || !has_others(*link, id)) continue;
    if (link->outgoing) {
      outgoing.push_back(link->id);
    } else {
      incoming.emplace_back(devices[device].round_trip.value_or(Duration::max()), link->id);
    }
  }
  std::size_t all = degree(workspace);
  // The newest is what another is exchanged for.
  if (newest != nullptr) std::erase(outgoing, newest->id);
  for (; all > kDegree && chosen > kOutgoingDegree && !outgoing.empty(); --all, --chosen) {
    const std::size_t drawn = random.below(outgoing.size());
    spare(outgoing[drawn]);
    outgoing.erase(outgoing.begin() + static_cast<std::ptrdiff_t>(drawn));
  }
  std::sort(incoming.begin(), incoming.end());
  for (; all > kDegreeMax && !incoming.empty(); --all) {
    spare(incoming.back().second);
    incoming.pop_back();
  }
}

/// Whether the other side of a link has enough others: one with few, perhaps because nobody can
/// dial it, is kept.
bool Mesh::State::has_others(const Link& link, const WorkspaceId& id) const {
  const auto shared = link.shared.find(id);
  return shared != link.shared.end() && shared->second.neighbours.size() >= kDegreeMin;
}

/// Whether nothing is under way on the link, and no other workspace needs it.
bool Mesh::State::may_spare(const Link& link) {
  if (link.pulls_out > 0 || !link.outbox.serve.empty() || !link.outbox.application_bulk.empty()) {
    return false;
  }
  return std::all_of(link.shared.begin(), link.shared.end(), [&](const auto& item) {
    const Workspace& workspace = workspaces.at(item.first);
    return !workspace.full_mesh() && degree(workspace) > kDegree;
  });
}

void Mesh::State::spare(LinkId id) {
  Link& link = links.at(id);
  ++counters.links_spared;
  outputs.emplace_back(handed_out(link, TrafficClass::kControl, encode(Goodbye{})));
  close_link(id, "enough other links");
}

}  // namespace coterie::transport
