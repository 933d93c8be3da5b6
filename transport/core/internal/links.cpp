// Links from first contact to loss; hello and heartbeat; two links to one device.

#include <algorithm>
#include <iterator>
#include <utility>

#include "transport/core/internal/state.hpp"

namespace coterie::transport {

using internal::kFarewellMax;
using internal::kLinksPerDeviceMax;
using internal::kNeighbourDelay;
using internal::Shared;

namespace {

/// Fills in how many entries each side lacks. A peer can claim any number: sums stop at the top.
void count_difference(const EntrySource& source, const WorkspaceId& workspace, const Shared& shared,
                      PeerStatus& status) {
  static const Frontier kEmpty;
  const Frontier* frontier = source.frontier(workspace);
  const Frontier& ours = frontier == nullptr ? kEmpty : *frontier;
  const auto add = [](std::uint64_t& sum, Seq more, Seq less) {
    if (more > less) sum = std::min(sum + (more - less), kSeqMax);
  };
  for (const auto& [log, head] : ours) {
    const auto view = shared.logs.find(log);
    add(status.entries_ahead, head.seq, view == shared.logs.end() ? 0 : view->second.claimed);
  }
  for (const auto& [log, view] : shared.logs) {
    const HeldLog held = source.held(workspace, log);
    if (!held.closed) add(status.entries_behind, view.claimed, held.head.seq);
  }
}

}  // namespace

// Membership.

void Mesh::State::set_members(const WorkspaceId& id, const std::vector<MemberAddress>& members) {
  std::map<DeviceId, std::vector<std::string>> wanted_members;
  for (const MemberAddress& member : members) {
    if (member.device != options.self) wanted_members[member.device] = member.addresses;
  }
  const auto [found, added] = workspaces.try_emplace(id);
  Workspace& workspace = found->second;
  if (added) workspace.last_chosen = now.steady;
  workspace.digest.reset();
  for (auto& [log, state] : workspace.logs) {  // Who was unknown may be known now.
    state.defer_pause = {};
    state.deferred_until = {};
  }
  if (!added && workspace.members == wanted_members) return schedule_pulls();
  workspace.members = std::move(wanted_members);

  std::vector<LinkId> strangers;
  std::set<DeviceId> peers;
  for (auto& [link_id, link] : links) {
    if (link.guest) continue;
    share_workspaces(link);
    peers.insert(link.peer);
    if (is_member(link.peer)) {
      link.leave_at.reset();
    } else if (link.parted.empty()) {
      strangers.push_back(link_id);
    } else if (!link.leave_at) {
      link.leave_at = now.steady + kFarewellMax;
      link.outbox.hello_due.reset();
      link.outbox.heartbeat_due = false;
    }
  }
  for (const LinkId link_id : strangers) close_link(link_id, "no longer a member");
  for (const DeviceId& peer : peers) update_linked(peer);
  std::erase_if(devices, [&](const auto& item) { return !is_member(item.first); });

  std::map<DeviceId, std::vector<std::string>> targets;
  for (const auto& [other_id, other] : workspaces) {
    for (const auto& [device, addresses] : other.members) {
      auto& all = targets[device];
      for (const std::string& address : addresses) {
        if (std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
      }
    }
  }
  dialer.set_targets(now.steady, targets);
  std::erase_if(wanted_peers, [&](const DeviceId& device) { return !targets.contains(device); });
  for (const auto& [link_id, link] : links) {
    if (!link.guest && !link.leave_at) dialer.linked(link.peer, false);
  }
  tend_overlay();
  heartbeat_soon();
  schedule_pulls();
}

bool Mesh::State::is_member(const DeviceId& device) const {
  return std::any_of(workspaces.begin(), workspaces.end(),
                     [&](const auto& item) { return item.second.members.contains(device); });
}

void Mesh::State::share_workspaces(Link& link) {
  const auto still_shared = [&](const WorkspaceId& id) {
    const auto found = workspaces.find(id);
    return found != workspaces.end() && found->second.members.contains(link.peer);
  };
  std::vector<LogKey> orphaned;
  for (const auto& [key, pull] : pulls) {
    if (pull.link == link.id && !still_shared(key.first)) orphaned.push_back(key);
  }
  for (const LogKey& key : orphaned) end_pull(key);
  std::vector<WorkspaceId> ended;
  for (const auto& [id, shared] : link.shared) {
    if (!still_shared(id)) ended.push_back(id);
  }
  for (const WorkspaceId& id : ended) part(link, id);
  std::erase_if(link.parted, [&](const auto& item) { return still_shared(item.first); });
  for (const auto& [id, workspace] : workspaces) {
    if (link.shared.size() == kSharedWorkspacesMax) break;
    if (workspace.members.contains(link.peer)) link.shared.try_emplace(id);
  }
}

/// The peer is not in `workspace` any more. What was queued for it of entries still goes out.
void Mesh::State::part(Link& link, const WorkspaceId& workspace) {
  const auto shared = link.shared.find(workspace);
  if (shared->second.joined) link.parted.insert_or_assign(workspace, std::move(shared->second));
  link.shared.erase(shared);
  link.outbox.exchanges.erase(workspace);
  link.outbox.neighbours_due.erase(workspace);
  link.outbox.awareness.drop(workspace);
  std::erase_if(link.outbox.announces,
                [&](const auto& item) { return item.first.first == workspace; });
}

// Up and down.

void Mesh::State::link_up(LinkId id, const DeviceId& peer, bool outgoing, bool guest) {
  COTERIE_ASSERT(!links.contains(id));  // Given once.
  std::string address;
  if (outgoing && !guest) {
    if (const auto found = dialled.find(peer); found != dialled.end()) {
      address = std::move(found->second);
      dialled.erase(found);
    }
  }
  if (guest) {
    const auto guests = std::count_if(links.begin(), links.end(),
                                      [](const auto& item) { return item.second.guest; });
    if (static_cast<std::size_t>(guests) >= kGuestLinksMax) {
      outputs.emplace_back(CloseLink{id, "too many guests"});
      return;
    }
  } else if (!is_member(peer)) {
    outputs.emplace_back(CloseLink{id, "not a member"});
    return;
  } else if (is_quarantined(peer)) {
    outputs.emplace_back(CloseLink{id, "quarantined"});
    return;
  }
  if (!guest && links_of.contains(peer) && links_of[peer].size() >= kLinksPerDeviceMax) {
    const auto by_order = [this](LinkId a, LinkId b) { return links[a].order < links[b].order; };
    const auto& ids = links_of[peer];
    close_link(*std::min_element(ids.begin(), ids.end(), by_order), "too many links of one device");
  }

  Link& link = links[id];
  link.id = id;
  link.peer = peer;
  link.outgoing = outgoing;
  link.guest = guest;
  link.order = ++links_seen;
  link.last_heard = now.steady;
  link.heartbeat_due = now.steady + options.heartbeat;
  link.address = std::move(address);
  if (guest) return;
  links_of[peer].insert(id);
  share_workspaces(link);
  link.outbox.hello_due = false;
  dialer.linked(peer, outgoing);
  ready(link);
}

void Mesh::State::close_link(LinkId id, const char* reason) {
  outputs.emplace_back(CloseLink{id, reason});
  forget_link(id);
}

void Mesh::State::forget_link(LinkId id) {
  const auto found = links.find(id);
  if (found == links.end()) return;  // Closed by us before.
  std::vector<LogKey> orphaned;
  for (const auto& [key, pull] : pulls) {
    if (pull.link == id) orphaned.push_back(key);
  }
  for (const LogKey& key : orphaned) end_pull(key);
  const DeviceId peer = found->second.peer;
  const bool guest = found->second.guest;
  links.erase(found);
  sendable.erase(id);
  if (guest) return;
  links_of[peer].erase(id);
  if (links_of[peer].empty()) {
    links_of.erase(peer);
    dialer.unlinked(now.steady, peer);
  }
  update_linked(peer);
  overlay_due = now.steady;
  schedule_pulls();
}

/// Leaves one greeted link to `device` if the decision is ours (see mesh.hpp). May close any of
/// them, but never the last.
void Mesh::State::settle(const DeviceId& device) {
  Link* newest[2] = {nullptr, nullptr};  // By direction: theirs, ours.
  std::vector<const Link*> greeted;
  for (const LinkId id : links_of.at(device)) {
    Link& link = links.at(id);
    if (!link.greeted) continue;
    greeted.push_back(&link);
    Link*& kept = newest[link.outgoing ? 1 : 0];
    if (kept == nullptr || kept->order < link.order) kept = &link;
  }
  std::vector<LinkId> replaced;
  for (const Link* link : greeted) {
    if (link != newest[link->outgoing ? 1 : 0]) replaced.push_back(link->id);
  }
  if (newest[0] != nullptr && newest[1] != nullptr && options.self < device) {
    // One that lost its other end is silent by now; anything alive was heard within a heartbeat.
    const Duration silence = now.steady - newest[1]->last_heard;
    bool keep_ours = silence <= options.heartbeat * 3 / 2;
    internal::DeviceRecord& record = devices[device];
    if (now.steady - record.tied > internal::kTiePause) record.ties = 0;
    record.tied = now.steady;
    if (++record.ties >= internal::kTiesMax) {
      record.ties = 0;
      keep_ours = false;
    }
    replaced.push_back(newest[keep_ours ? 0 : 1]->id);
  }
  for (const LinkId id : replaced) {
    ++counters.links_replaced;
    close_link(id, "replaced by another link");
  }
}

/// Tells the engine where `device` became linked or stopped being so.
void Mesh::State::update_linked(const DeviceId& device) {
  static const std::set<LinkId> kNone;
  const auto found = links_of.find(device);
  const std::set<LinkId>& ids = found == links_of.end() ? kNone : found->second;
  bool changed = false;
  for (auto& [id, workspace] : workspaces) {
    const bool linked = std::any_of(ids.begin(), ids.end(), [&, workspace_id = id](LinkId link_id) {
      const Link& link = links.at(link_id);
      const auto shared = link.shared.find(workspace_id);
      return link.greeted && shared != link.shared.end() && shared->second.joined;
    });
    if (linked == workspace.linked.contains(device)) continue;
    if (linked) {
      workspace.linked.insert(device);
    } else {
      workspace.linked.erase(device);
    }
    outputs.emplace_back(LinkChanged{id, device, linked});
    changed = true;
  }
  if (changed) heartbeat_soon();
}

Mesh::State::Link* Mesh::State::active_link(const DeviceId& device) {
  const auto found = links_of.find(device);
  if (found == links_of.end()) return nullptr;
  Link* active = nullptr;
  for (const LinkId id : found->second) {
    Link& link = links.at(id);
    if (!link.greeted) continue;
    if (active == nullptr || active->last_heard <= link.last_heard) active = &link;
  }
  return active;
}

// Hello and heartbeat.

void Mesh::State::heartbeat_soon() {
  const Instant soon = now.steady + kNeighbourDelay;
  for (auto& [id, link] : links) {
    if (link.greeted && !link.leave_at) {
      link.heartbeat_due = std::min(link.heartbeat_due, soon);
    }
  }
}

void Mesh::State::beat(Link& link) {
  if (link.greeted) {
    link.outbox.heartbeat_due = true;
    tell_neighbours(link);
  } else {
    link.outbox.hello_due = false;  // Once more: the peer answers if it has said its own.
  }
  // Up to a tenth early, so that the heartbeats of many nodes do not fall together.
  const auto tenth = static_cast<std::uint64_t>(options.heartbeat.count()) / 10;
  const Duration early(static_cast<Duration::rep>(random.below(tenth + 1)));
  link.heartbeat_due = now.steady + options.heartbeat - early;
  ready(link);
}

const Hash& Mesh::State::digest_of(const WorkspaceId& id) {
  static const Frontier kEmpty;
  std::optional<Hash>& digest = workspaces.at(id).digest;
  if (!digest) {
    const Frontier* frontier = source.frontier(id);
    digest = frontier_digest(frontier == nullptr ? kEmpty : *frontier);
  }
  return *digest;
}

std::vector<WorkspaceState> Mesh::State::states_for(const Link& link) {
  std::vector<WorkspaceState> states;
  for (const auto& [id, shared] : link.shared) states.push_back({id, digest_of(id)});
  return states;
}

// Neighbours: told when they changed, as the change.

std::set<DeviceId> Mesh::State::neighbours_for(const Link& link,
                                               const WorkspaceId& workspace) const {
  std::set<DeviceId> neighbours;
  for (const DeviceId& device : workspaces.at(workspace).linked) {
    if (neighbours.size() == kNeighboursMax) break;
    if (device != link.peer) neighbours.insert(neighbours.end(), device);
  }
  return neighbours;
}

void Mesh::State::tell_neighbours(Link& link) {
  for (const auto& [id, shared] : link.shared) {
    if (!shared.joined || shared.told == neighbours_for(link, id)) continue;
    link.outbox.neighbours_due.insert(id);
    ready(link);
  }
}

Bytes Mesh::State::make_neighbours(Link& link, const WorkspaceId& workspace) {
  Shared& shared = link.shared.at(workspace);
  std::set<DeviceId> current = neighbours_for(link, workspace);
  Neighbours message{workspace, {}, {}};
  std::set_difference(current.begin(), current.end(), shared.told.begin(), shared.told.end(),
                      std::back_inserter(message.added));
  std::set_difference(shared.told.begin(), shared.told.end(), current.begin(), current.end(),
                      std::back_inserter(message.removed));
  shared.told = std::move(current);
  return encode(message);
}

Status Mesh::State::handle(Link& link, Neighbours& message) {
  Shared* shared = shared_of(link, message.workspace);
  if (shared == nullptr) return Error{ErrorCode::kUnauthorized, "workspace is not shared"};
  for (const DeviceId& device : message.removed) shared->neighbours.erase(device);
  for (const DeviceId& device : message.added) {
    if (shared->neighbours.size() == kNeighboursMax) {
      return Error{ErrorCode::kLimitExceeded, "neighbours"};
    }
    shared->neighbours.insert(device);
  }
  return {};
}

/// Microseconds since this mesh began: tells a peer nothing about the machine.
std::uint64_t Mesh::State::clock_us() const {
  return static_cast<std::uint64_t>((now.steady - started).count());
}

Bytes Mesh::State::make_hello(const Link& link, bool answer) {
  return encode(Hello{kFrameVersion, options.self, answer, states_for(link)});
}

Bytes Mesh::State::make_heartbeat(const Link& link) {
  Heartbeat heartbeat{clock_us(), 0, 0, states_for(link)};
  if (link.peer_sent_us != 0) {
    heartbeat.echo_us = link.peer_sent_us;
    heartbeat.held_us = static_cast<std::uint64_t>((now.steady - link.peer_sent_at).count());
  }
  return encode(heartbeat);
}

Status Mesh::State::handle(Link& link, Hello& hello) {
  if (hello.device != link.peer) {
    return Error{ErrorCode::kUnauthorized, "hello in another device's name"};
  }
  const bool repeated = link.greeted;
  link.greeted = true;
  if (repeated && !hello.answer) link.outbox.hello_due = true;
  if (!repeated) {
    dialer.proved(link.peer);
    link.outbox.heartbeat_due = true;  // At once, for the round trip.
  }
  ready(link);
  read_states(link, hello.workspaces);
  settle(hello.device);  // May close this link: last.
  return {};
}

Status Mesh::State::handle(Link& link, Heartbeat& heartbeat) {
  link.peer_sent_us = heartbeat.sent_us;
  link.peer_sent_at = now.steady;
  // An echo that says it was longer on its way than there was time is wrong: no sample.
  const std::uint64_t clock = clock_us();
  if (heartbeat.echo_us != 0 && heartbeat.echo_us <= clock &&
      heartbeat.held_us <= clock - heartbeat.echo_us) {
    const std::uint64_t round_trip = clock - heartbeat.echo_us - heartbeat.held_us;
    devices[link.peer].round_trip = Duration(static_cast<Duration::rep>(round_trip));
  }
  read_states(link, heartbeat.workspaces);
  tell_presence(link);
  return {};
}

Status Mesh::State::handle(Link& link, Goodbye&) {
  close_link(link.id, "peer said goodbye");
  return {};
}

/// Takes in where the peer stands. A workspace that it does not name it is not in (any more);
/// one that it names and that we do not share is ignored, without a word.
void Mesh::State::read_states(Link& link, const std::vector<WorkspaceState>& states) {
  for (auto& [id, shared] : link.shared) {
    const auto named = std::lower_bound(
        states.begin(), states.end(), id,
        [](const auto& state, const auto& wanted_id) { return state.workspace < wanted_id; });
    // One that comes and goes too often has its turn with a later heartbeat.
    shared.joined = named != states.end() && named->workspace == id &&
                    (shared.joined || devices[link.peer].join_rate.take(now.steady));
    if (!shared.joined) {
      shared.neighbours.clear();
      shared.told.clear();
      shared.told_presence = false;
      continue;
    }
    compare(link, shared, *named);
  }
  update_linked(link.peer);
  tell_neighbours(link);
}

// Status.

std::vector<PeerStatus> Mesh::peers(const WorkspaceId& workspace) const {
  State& state = *state_;
  std::vector<PeerStatus> all;
  const auto found = state.workspaces.find(workspace);
  if (found == state.workspaces.end()) return all;
  for (const auto& [device, addresses] : found->second.members) {
    PeerStatus status;
    status.device = device;
    if (const auto record = state.devices.find(device); record != state.devices.end()) {
      status.last_heard = record->second.last_heard;
      status.round_trip = record->second.round_trip;
      status.bytes_in = record->second.bytes_in;
      status.bytes_out = record->second.bytes_out;
      status.faults = record->second.faults;
      const auto& flood = record->second.flood_last;
      status.throttled = flood && state.now.steady - *flood <= internal::kFloodPause;
      status.quarantined_until = record->second.quarantined_until;
    }
    const State::Link* link = state.active_link(device);
    if (link != nullptr && found->second.linked.contains(device)) {
      status.linked = true;
      status.address = link->address;
      if (const auto shared = link->shared.find(workspace); shared != link->shared.end()) {
        status.in_step = shared->second.in_step;
        count_difference(state.source, workspace, shared->second, status);
      }
    } else {
      status.dial = state.dialer.status(device);
    }
    all.push_back(std::move(status));
  }
  state.each_peer(workspace, [&](const State::Link& link, const Shared& shared) {
    for (PeerStatus& one : all) {
      if (shared.neighbours.contains(one.device)) one.via.push_back(link.peer);
    }
  });
  return all;
}

bool Mesh::reaches(const WorkspaceId& workspace, const DeviceId& device) const {
  const auto found = state_->workspaces.find(workspace);
  if (found == state_->workspaces.end()) return false;
  bool reached = found->second.linked.contains(device);
  state_->each_peer(workspace, [&](const State::Link&, const Shared& shared) {
    reached = reached || shared.neighbours.contains(device);
  });
  return reached;
}

std::size_t Mesh::lacking(const WorkspaceId& workspace, const LogId& log, Seq seq) const {
  std::size_t linked = 0;
  state_->each_peer(workspace, [&](const State::Link&, const Shared&) { ++linked; });
  return linked - holding(workspace, log, seq);
}

std::size_t Mesh::holding(const WorkspaceId& workspace, const LogId& log, Seq seq) const {
  std::size_t count = 0;
  state_->each_peer(workspace, [&](const State::Link&, const Shared& shared) {
    const auto view = shared.logs.find(log);
    count += view != shared.logs.end() && view->second.claimed >= seq ? 1 : 0;
  });
  return count;
}

}  // namespace coterie::transport
