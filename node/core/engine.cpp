#include "node/core/engine.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "crdt/base/token_bucket.hpp"
#include "node/core/beacon.hpp"
#include "node/core/client.hpp"
#include "node/core/context.hpp"
#include "node/core/joining.hpp"
#include "node/core/limits.hpp"
#include "node/core/sightings.hpp"
#include "node/core/workspace.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {

using transport::Mesh;

namespace {

/// Of the beginning of a workspace's id.
constexpr std::size_t kIdDigitsMin = 4;
constexpr Duration kKeepaliveSweep = std::chrono::seconds(5);
/// Stock providers hang up after 30 s without a message.
constexpr Duration kKeepaliveQuiet = std::chrono::seconds(15);
constexpr Duration kPresenceRetry = std::chrono::milliseconds(50);
/// Faulty frames before a link is closed.
constexpr std::size_t kFaultsMax = 8;
constexpr Duration kAttemptTime = std::chrono::seconds(10);
constexpr Duration kAttemptPause = std::chrono::milliseconds(500);
/// Spent invites still let their holder in to be told why, this long after they expired.
constexpr WallMillis kSpentInviteMs = WallMillis{30} * 24 * 60 * 60 * 1000;

/// Each is two signatures to check and, by an open invite, an operation.
constexpr std::uint64_t kRedeemsPerSecond = 5;

using Dials = std::set<std::pair<DeviceId, std::string>>;

bool dialling(const Dials& dials, const DeviceId& device) {
  const auto found = dials.lower_bound({device, ""});
  return found != dials.end() && found->first == device;
}

/// Forgets the dials to `device`, which were answered; whether there were any.
bool answer_dials(Dials& dials, const DeviceId& device) {
  bool any = false;
  for (auto it = dials.lower_bound({device, ""}); it != dials.end() && it->first == device;) {
    it = dials.erase(it);
    any = true;
  }
  return any;
}

}  // namespace

struct Engine::State final : transport::EntrySource {
  struct Link {
    DeviceId peer;
    bool guest = false;
    std::size_t faults = 0;
  };

  State(Now at, Options options, crypto::SigningKey key, storage::StoreProvider& provider,
        SecureRandom& random)
      : last(at), context{std::move(options), std::move(key), random, {}, {}}, stores(provider) {
    context.options.mesh.self = context.identity.id();
    context.options.mesh.seed = context.options.seed;
    context.link_to = [this](const DeviceId& device) { return link_to(device); };
    mesh = std::make_unique<Mesh>(at, context.options.mesh, *this);
    if (context.options.beacons) {
      beacon.emplace(at, context.identity.id(), context.options.beacon_port, random);
    }
    next_keepalive = at.steady + kKeepaliveSweep;
  }

  // EntrySource.
  const Frontier* frontier(const WorkspaceId& id) const override {
    const Workspace* workspace = find(id);
    return workspace == nullptr ? nullptr : &workspace->ledger().frontier();
  }
  transport::HeldLog held(const WorkspaceId& id, const LogId& log) const override {
    const Workspace* workspace = find(id);
    return workspace == nullptr ? transport::HeldLog{} : workspace->ledger().held(log);
  }
  transport::EntryRun read(const WorkspaceId& id, const LogId& log, Seq first,
                           std::size_t bytes_max) const override {
    const Workspace* workspace = find(id);
    if (workspace == nullptr) return {log, first, {}};
    return workspace->ledger().read(log, first, bytes_max);
  }

  Workspace* find(const WorkspaceId& id) const {
    const auto found = workspaces.find(id);
    return found == workspaces.end() ? nullptr : found->second.get();
  }
  /// The newest link to a device that is no guest.
  std::optional<LinkId> link_to(const DeviceId& device) const {
    const auto found = std::find_if(links.rbegin(), links.rend(), [&](const auto& item) {
      return item.second.peer == device && !item.second.guest;
    });
    return found == links.rend() ? std::nullopt : std::optional(found->first);
  }
  /// Also known to people: its genesis is here.
  Result<Workspace*> find_founded(const WorkspaceId& id) const;
  /// Or documents of it are shown before that is.
  Result<Workspace*> find_shown(const WorkspaceId& id) const;
  Result<Workspace*> find_named(std::string_view name) const;

  Status open_workspaces(Now now);
  void publish_members(Now now, Workspace& workspace);
  void publish_allowed(Now now);
  void add_other_addresses(const Workspace& workspace,
                           std::vector<transport::MemberAddress>& members) const;
  void publish_sighted(Now now, const std::set<DeviceId>& devices);
  void tend_beacon(Now now);
  std::vector<WorkspaceId> joined_workspaces() const;
  void pump(Now now);
  void dispatch(Now now, Mesh::Output output);
  void drop_link(Now now, LinkId link, const char* reason);
  /// Whether it was there.
  bool forget_link(Now now, LinkId link);
  void count_fault(Now now, LinkId link);

  void reply(RequestId request, Result<CommandResult> result);
  void reply_when_durable(Now now, Workspace& workspace, RequestId request, CommandResult result);
  void run(Now now, RequestId request, const CreateWorkspace& command);
  void run(Now now, RequestId request, const ImportDocument& command);
  /// What people do about members.
  template <typename PeopleCommand>
  void run(Now now, RequestId request, const PeopleCommand& command);
  void run(Now now, RequestId request, const JoinWorkspace& command);

  void remove_client(Now now, ClientHandle handle);
  void close_client(Now now, ClientHandle handle, const Workspace::Closing& closing);
  void tend_clients(Now now);
  void await_presence(Now now, ClientHandle handle);
  /// With the next poll_output(): what many clients say at once is carried on once.
  void pump_soon(Now now) {
    last = now;
    pump_due = true;
  }

  // Joining, the newcomer's side.
  void attempt(Now now, Joining& joining);
  void attempt_failed(Now now, Joining& joining);
  void ask(Now now, Joining& joining, LinkId link, bool guest);
  void handle_welcome(Now now, Joining& joining, const Welcome& welcome);
  void check_synced(Now now, const WorkspaceId& id);
  void finish(Now now, Joining& joining, Result<CommandResult> result);
  void answer_join(Joining& joining, Result<CommandResult> result);
  void handle_waiting(Now now, Joining& joining, const Waiting& waiting);
  /// Writes what is kept of a join that waits, or removes it.
  void store_joining(const Joining& joining, bool keep);
  void resume_join(Now now, const WorkspaceId& workspace, const storage::Store& store);
  Status start_join(Now now, Joining joining);
  void release_join_link(Now now, Joining& joining);
  void tend_joins(Now now);
  Joining* joining_on(LinkId link);
  Joining* joining_with(const DeviceId& device);
  Joining* joining_workspace(const WorkspaceId& id);

  // The member's side.
  void handle_application(Now now, const Mesh::ApplicationReceived& received);
  template <typename Message, typename Handle>
  Status to_workspace(LinkId link, Result<Message> decoded, Handle handle);
  Status handle_workspace_message(Now now, const Mesh::ApplicationReceived& received);
  void handle_redeem(Now now, LinkId link, const Redeem& redeem);
  void answer_redeem(Now now, LinkId link, const JoinMessage& message);

  Now last;  ///< Time of the last input, for queries.
  bool pump_due = false;
  Context context;
  storage::StoreProvider& stores;
  std::unique_ptr<Mesh> mesh;
  std::map<WorkspaceId, std::unique_ptr<Workspace>> workspaces;
  std::map<CommitToken, WorkspaceId> commits;
  CommitToken next_token = 1;
  std::map<RequestId, WorkspaceId> requests;  ///< That wait for a batch.

  std::map<LinkId, Link> links;
  /// Dials that are not answered yet. A device is dialled for one purpose at a time, because the
  /// link that comes of it does not say for which.
  Dials mesh_dials;
  Dials join_dials;
  AllowPeers allowed;
  std::map<WorkspaceId, std::vector<transport::MemberAddress>> published;

  std::optional<Beacon> beacon;
  Sightings sightings;

  std::map<ClientHandle, std::unique_ptr<Client>> clients;
  std::map<ClientHandle, Workspace*> watchers;
  std::set<ClientHandle> presence_waiting;
  std::optional<Instant> presence_due;
  Instant next_keepalive;

  std::map<DeviceId, Joining> joins;  ///< By the invite's key.
  /// Writes for joins, which belong to no open workspace, and the joins that wait for them.
  std::map<CommitToken, DeviceId> join_commits;
  /// How many are looked at: those by invites that let somebody in, and all others, which members
  /// and the holders of spent invites can send as they like.
  TokenBucket redeems{kRedeemsPerSecond, kRedeemBurst};
  TokenBucket other_redeems{kRedeemsPerSecond, kRedeemBurst};
  bool stopping = false;
};

// Opening.

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(Now now, Options options, crypto::SigningKey identity,
                                             storage::StoreProvider& stores, SecureRandom& random) {
  COTERIE_CHECK(check_name(options.device_name));
  if (options.addresses.size() > kAddressesMax) {
    return Error{ErrorCode::kLimitExceeded, "too many addresses", options.addresses.size()};
  }
  for (const std::string& address : options.addresses) COTERIE_CHECK(check_address(address));
  for (const StaticPeer& peer : options.static_peers) COTERIE_CHECK(check_address(peer.address));
  auto state =
      std::make_unique<State>(now, std::move(options), std::move(identity), stores, random);
  COTERIE_CHECK(state->open_workspaces(now));
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

Status Engine::State::open_workspaces(Now now) {
  COTERIE_TRY(const std::vector<std::string> names, stores.list());
  for (const std::string& name : names) {
    const auto bytes = from_hex(name);
    if (!bytes) continue;
    const auto id = WorkspaceId::from(*bytes);
    if (!id) continue;
    COTERIE_TRY(storage::Store * store, stores.open(name));
    auto workspace = std::make_unique<Workspace>(now, context, *mesh, *id, *store);
    COTERIE_CHECK(workspace->load());
    resume_join(now, *id, *store);
    if (!workspace->adopted()) continue;
    Workspace& opened = *workspace;
    workspaces.emplace(*id, std::move(workspace));
    opened.opened(now);
    publish_members(now, opened);
  }
  publish_allowed(now);
  pump(now);
  return {};
}

Result<Workspace*> Engine::State::find_founded(const WorkspaceId& id) const {
  Workspace* workspace = find(id);
  if (workspace == nullptr || !workspace->membership().founded()) {
    return Error{ErrorCode::kNotFound, "no workspace of that id here"};
  }
  return workspace;
}

Result<Workspace*> Engine::State::find_shown(const WorkspaceId& id) const {
  Workspace* workspace = find(id);
  if (workspace != nullptr && workspace->has_previews()) return workspace;
  return find_founded(id);
}

Result<Workspace*> Engine::State::find_named(std::string_view name) const {
  if (const auto bytes = from_hex(name); bytes && bytes->size() == WorkspaceId::kBytes) {
    return find_shown(*WorkspaceId::from(*bytes));
  }
  Workspace* found = nullptr;
  for (const auto& [id, workspace] : workspaces) {
    if (!workspace->membership().founded() || workspace->membership().name() != name) continue;
    if (found != nullptr) {
      return Error{ErrorCode::kConflict,
                   "several workspaces have that name: use the id (`coterie workspace list`)"};
    }
    found = workspace.get();
  }
  if (found != nullptr) return found;
  // As ids are shown: their beginnings.
  const bool digits = name.size() >= kIdDigitsMin &&
                      name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  for (const auto& [id, workspace] : workspaces) {
    if (!digits || !workspace->membership().founded() || !id.hex().starts_with(name)) continue;
    if (found != nullptr) {
      return Error{ErrorCode::kConflict, "several workspaces' ids begin so: give more digits"};
    }
    found = workspace.get();
  }
  if (found == nullptr) {
    return Error{ErrorCode::kNotFound, "no workspace of that name or id here"};
  }
  return found;
}

// Members, and who may connect.

void Engine::State::publish_members(Now now, Workspace& workspace) {
  workspace.members_changed = false;
  auto members = workspace.mesh_members();
  add_other_addresses(workspace, members);
  auto [known, fresh] = published.emplace(workspace.id(), members);
  if (!fresh && known->second == members) return;
  known->second = members;
  mesh->set_workspace(now, workspace.id(), std::move(members));
}

/// Where they were seen comes first: it is a moment old, and near. What people said comes last, but
/// for members of whom nothing else is known.
void Engine::State::add_other_addresses(const Workspace& workspace,
                                        std::vector<transport::MemberAddress>& members) const {
  const auto add = [](std::vector<std::string>& all, const std::string& address) {
    if (std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
  };
  for (transport::MemberAddress& member : members) {
    std::vector<std::string> all = sightings.of(member.device);
    for (const std::string& address : member.addresses) add(all, address);
    for (const StaticPeer& peer : context.options.static_peers) {
      const bool meant =
          workspace.display_name(member.device) == peer.device ||
          (peer.device.size() >= kIdDigitsMin && member.device.hex().starts_with(peer.device));
      if (meant) add(all, peer.address);
    }
    member.addresses = std::move(all);
  }
}

std::vector<WorkspaceId> Engine::State::joined_workspaces() const {
  std::vector<WorkspaceId> joined;
  for (const auto& [id, workspace] : workspaces) {
    if (workspace->ledger().role()) joined.push_back(id);
  }
  return joined;
}

/// These were seen elsewhere than before, or not for a while.
void Engine::State::publish_sighted(Now now, const std::set<DeviceId>& devices) {
  for (auto& item : workspaces) {
    Workspace& workspace = *item.second;
    const bool concerned = std::any_of(devices.begin(), devices.end(), [&](const auto& device) {
      return workspace.membership().find(device) != nullptr;
    });
    if (concerned) publish_members(now, workspace);
  }
}

void Engine::State::tend_beacon(Now now) {
  publish_sighted(now, sightings.drop_old(now));
  if (!beacon || stopping) return;
  if (auto datagram = beacon->take_due(now, joined_workspaces())) {
    context.emit(SendBeacon{std::move(*datagram)});
  }
}

void Engine::State::publish_allowed(Now now) {
  std::set<DeviceId> members;
  // Each member's newest first, then each one's next: nobody crowds out the invites of others.
  struct Guest {
    bool closed = false;
    std::size_t rank = 0;  ///< Among those of its author.
    WallMillis expires = 0;
    DeviceId key;
  };
  std::vector<Guest> guests;
  for (const auto& [id, workspace] : workspaces) {
    for (const auto& member : workspace->mesh_members()) {
      if (!mesh->is_quarantined(member.device)) members.insert(member.device);
    }
    const auto role = workspace->ledger().role();
    if (!role || !may_admit(*role)) continue;
    std::map<DeviceId, std::vector<Guest>> by_author;
    for (const auto& [key, invite] : workspace->membership().invites()) {
      const WallMillis expires = invite.terms.expires;
      if (now.wall >= expires + kSpentInviteMs) continue;
      const bool closed =
          invite.revoked || now.wall >= expires || invite.admitted.size() >= invite.terms.uses;
      by_author[invite.author].push_back({closed, 0, expires, key});
    }
    for (auto& [author, list] : by_author) {
      std::sort(list.begin(), list.end(), [](const Guest& a, const Guest& b) {
        return std::tie(a.closed, b.expires, a.key) < std::tie(b.closed, a.expires, b.key);
      });
      for (std::size_t i = 0; i < list.size(); ++i) list[i].rank = i;
      guests.insert(guests.end(), list.begin(), list.end());
    }
  }
  members.erase(context.identity.id());
  std::sort(guests.begin(), guests.end(), [](const Guest& a, const Guest& b) {
    return std::tie(a.closed, a.rank, b.expires, a.key) <
           std::tie(b.closed, b.rank, a.expires, b.key);
  });
  if (guests.size() > kGuestKeysMax) guests.resize(kGuestKeysMax);
  AllowPeers next;
  next.members.assign(members.begin(), members.end());
  for (const Guest& guest : guests) {
    if (members.count(guest.key) == 0) next.guests.push_back(guest.key);
  }
  if (next.members == allowed.members && next.guests == allowed.guests) return;
  allowed = next;
  context.emit(std::move(next));
}

// Outputs of the parts.

void Engine::State::pump(Now now) {
  last = now;
  for (bool busy = true; busy;) {
    busy = false;
    for (auto& [id, workspace] : workspaces) {
      workspace->pump(now);
      workspace->tend_previews(now);
      for (const auto& [client, closing] : workspace->take_closings()) {
        close_client(now, client, closing);
      }
      while (auto batch = workspace->next_batch(now)) {
        commits[next_token] = id;
        context.emit(CommitBatch{id, next_token++, std::move(*batch)});
      }
      if (workspace->members_changed) {
        publish_members(now, *workspace);
        publish_allowed(now);
      }
    }
    while (auto output = mesh->poll_output()) {
      busy = true;
      dispatch(now, std::move(*output));
    }
  }
}

void Engine::State::dispatch(Now now, Mesh::Output output) {
  if (auto* frame = std::get_if<Mesh::SendFrame>(&output)) {
    context.emit(std::move(*frame));
  } else if (auto* close = std::get_if<Mesh::CloseLink>(&output)) {
    (void)forget_link(now, close->link);
    if (Joining* joining = joining_on(close->link)) {
      joining->link.reset();
      attempt_failed(now, *joining);
    }
    context.emit(*close);
  } else if (auto* dial = std::get_if<Mesh::Dial>(&output)) {
    if (dialling(join_dials, dial->device)) {
      return mesh->handle_dial_failed(now, dial->device, dial->address);
    }
    mesh_dials.emplace(dial->device, dial->address);
    context.emit(Dial{dial->device, dial->address, nullptr});
  } else if (auto* run = std::get_if<Mesh::RunReceived>(&output)) {
    Workspace* workspace = find(run->workspace);
    const auto from = links.find(run->link);
    if (workspace != nullptr && (from == links.end() || workspace->hears(from->second.peer))) {
      workspace->handle_run(now, *run);
      // Whoever was removed by it is not heard from here on.
      if (workspace->members_changed) {
        publish_members(now, *workspace);
        publish_allowed(now);
      }
    } else {
      mesh->handle_run_verdict(now, run->run_id, transport::RunVerdict::kDeferred);
    }
  } else if (auto* awareness = std::get_if<Mesh::AwarenessReceived>(&output)) {
    if (Workspace* workspace = find(awareness->workspace)) {
      workspace->handle_awareness(now, *awareness);
    } else {
      mesh->handle_awareness_verdict(now, awareness->awareness_id,
                                     transport::AwarenessVerdict::kIgnored);
    }
  } else if (auto* application = std::get_if<Mesh::ApplicationReceived>(&output)) {
    handle_application(now, *application);
  } else if (auto* changed = std::get_if<Mesh::LinkChanged>(&output)) {
    Workspace* workspace = find(changed->workspace);
    if (workspace == nullptr) return;
    if (changed->linked) {
      workspace->handle_linked(now, changed->device);
    } else {
      workspace->handle_unlinked(now, changed->device);
    }
  } else if (auto* quarantine = std::get_if<Mesh::QuarantineChanged>(&output)) {
    const DeviceId& device = quarantine->device;
    if (quarantine->until) {
      const auto seconds =
          std::chrono::duration_cast<std::chrono::seconds>(*quarantine->until - now.steady).count();
      for (auto& [id, workspace] : workspaces) workspace->report_flood(now, device);
      context.warn("device " + device.short_hex() + " floods this node: not linked with it for " +
                   std::to_string(seconds) + " s; a host may want to remove it");
    } else {
      context.inform("device " + device.short_hex() + " may be linked with again");
    }
    publish_allowed(now);
  } else if (auto* below = std::get_if<Mesh::PullBelowBase>(&output)) {
    Workspace* workspace = find(below->workspace);
    const auto from = links.find(below->link);
    if (workspace != nullptr && from != links.end()) {
      workspace->handle_pull_below_base(below->link, from->second.peer);
    }
  }
}

bool Engine::State::forget_link(Now now, LinkId link) {
  if (links.erase(link) == 0) return false;
  for (auto& [id, workspace] : workspaces) workspace->handle_link_down(now, link);
  return true;
}

void Engine::State::drop_link(Now now, LinkId link, const char* reason) {
  if (!forget_link(now, link)) return;
  mesh->handle_link_down(now, link);
  context.emit(CloseLink{link, reason});
}

void Engine::State::count_fault(Now now, LinkId link) {
  const auto found = links.find(link);
  if (found != links.end() && ++found->second.faults >= kFaultsMax) {
    drop_link(now, link, "too many faulty frames");
  }
}

// Links.

void Engine::handle_link_up(Now now, LinkId link, const DeviceId& peer, bool outgoing) {
  State& state = *state_;
  bool guest = false;
  if (outgoing) {
    const bool for_join = answer_dials(state.join_dials, peer);
    const bool for_mesh = answer_dials(state.mesh_dials, peer);
    Joining* joining = for_join ? state.joining_with(peer) : nullptr;
    if (joining != nullptr) {
      guest = true;
      state.links[link] = {peer, true, 0};
      state.mesh->handle_link_up(now, link, peer, outgoing, true);
      state.ask(now, *joining, link, true);
    } else if (!for_mesh) {
      state.context.emit(CloseLink{link, "nobody waits for it any more"});
      return;
    }
  } else {
    const auto& [members, guests] = state.allowed;
    const bool member = std::binary_search(members.begin(), members.end(), peer);
    guest = !member && std::find(guests.begin(), guests.end(), peer) != guests.end();
    if (!member && !guest) {
      state.context.emit(CloseLink{link, "neither a member nor a guest"});
      return;
    }
  }
  if (state.links.count(link) == 0) {
    state.links[link] = {peer, guest, 0};
    state.mesh->handle_link_up(now, link, peer, outgoing, guest);
  }
  state.pump(now);
}

void Engine::handle_dial_failed(Now now, const DeviceId& device, const std::string& address) {
  State& state = *state_;
  if (state.mesh_dials.erase({device, address}) > 0) {
    state.mesh->handle_dial_failed(now, device, address);
  } else if (state.join_dials.erase({device, address}) > 0) {
    Joining* joining = state.joining_with(device);
    if (joining != nullptr && joining->address() == address) state.attempt_failed(now, *joining);
  }
  state.pump(now);
}

void Engine::handle_link_down(Now now, LinkId link) {
  State& state = *state_;
  if (state.forget_link(now, link)) {
    state.mesh->handle_link_down(now, link);
    if (Joining* joining = state.joining_on(link)) {
      joining->link.reset();
      state.attempt_failed(now, *joining);
    }
  }
  state.pump(now);
}

void Engine::handle_sent(Now now, LinkId link, std::size_t bytes) {
  if (state_->links.count(link) > 0) state_->mesh->handle_sent(now, link, bytes);
  state_->pump(now);
}

Status Engine::handle_frame(Now now, LinkId link, ByteView frame) {
  State& state = *state_;
  const auto found = state.links.find(link);
  if (found == state.links.end()) return Error{ErrorCode::kNotFound, "frame on a closed link"};
  const Status status = state.mesh->handle_frame(now, link, frame);
  if (!status) state.count_fault(now, link);
  state.pump(now);
  return status;
}

// Where everybody is.

void Engine::handle_addresses(Now now, std::vector<std::string> addresses) {
  State& state = *state_;
  std::erase_if(addresses, [](const std::string& one) { return !check_address(one); });
  if (addresses.size() > kAddressesMax) addresses.resize(kAddressesMax);
  state.context.options.addresses = std::move(addresses);
  for (auto& [id, workspace] : state.workspaces) workspace->announce_card(now);
  if (state.beacon) state.beacon->hurry(now);
  state.mesh->network_changed(now);
  state.tend_beacon(now);
  state.pump(now);
}

void Engine::handle_beacon(Now now, const std::string& source, ByteView datagram) {
  State& state = *state_;
  if (!state.beacon) return;
  const Beacon::Membership membership{
      state.joined_workspaces(),
      [&state](const WorkspaceId& id, ByteView beginning) -> const DeviceId* {
        const auto& members = state.find(id)->membership().members();
        DeviceId least;
        std::copy(beginning.begin(), beginning.end(), least.bytes.begin());
        const auto found = members.lower_bound(least);
        if (found == members.end()) return nullptr;
        const bool same =
            std::equal(beginning.begin(), beginning.end(), found->first.bytes.begin());
        return same ? &found->first : nullptr;
      }};
  std::set<DeviceId> moved;
  for (const Beacon::Sighting& one : state.beacon->receive(now, source, datagram, membership)) {
    const bool ipv6 = source.find(':') != std::string::npos;
    const std::string address =
        "tcp://" + (ipv6 ? "[" + source + "]" : source) + ":" + std::to_string(one.port);
    if (check_address(address) && state.sightings.add(now, one.device, address)) {
      moved.insert(one.device);
    }
  }
  if (moved.empty()) return;
  state.publish_sighted(now, moved);
  state.pump(now);
}

// Storage.

void Engine::handle_committed(Now now, CommitToken token) {
  State& state = *state_;
  if (const auto join = state.join_commits.find(token); join != state.join_commits.end()) {
    const auto joining = state.joins.find(join->second);
    state.join_commits.erase(join);
    if (joining != state.joins.end()) {
      state.answer_join(joining->second, CommandResult(JoinWaiting{joining->second.workspace}));
    }
    return state.pump(now);
  }
  const auto found = state.commits.find(token);
  if (found == state.commits.end()) return;
  const WorkspaceId id = found->second;
  state.commits.erase(found);
  if (Workspace* workspace = state.find(id)) {
    workspace->handle_committed(now);
    // Before anybody is told: those who may connect now.
    if (workspace->members_changed) {
      state.publish_members(now, *workspace);
      state.publish_allowed(now);
    }
    state.check_synced(now, id);
  }
  state.pump(now);
}

void Engine::handle_commit_failed(Now now, CommitToken token, Error error) {
  State& state = *state_;
  if (const auto join = state.join_commits.find(token); join != state.join_commits.end()) {
    const auto joining = state.joins.find(join->second);
    state.join_commits.erase(join);
    // It goes on asking while this process runs; whoever asked knows that no more is promised.
    if (joining != state.joins.end()) state.answer_join(joining->second, error);
    return state.pump(now);
  }
  const auto found = state.commits.find(token);
  if (found == state.commits.end()) return;
  const WorkspaceId id = found->second;
  state.commits.erase(found);
  if (Workspace* workspace = state.find(id)) {
    workspace->handle_commit_failed(now, error);
    if (error.code != ErrorCode::kNoSpace) {
      std::vector<RequestId> failed;
      for (const auto& [request, of] : state.requests) {
        if (of == id) failed.push_back(request);
      }
      // In the words that say what to do; the log has those of the disk.
      const Error said = workspace->disk_obstacle().value_or(error);
      for (const RequestId request : failed) state.reply(request, said);
      if (Joining* joining = state.joining_workspace(id)) {
        state.finish(now, *joining, error);
      }
    }
  }
  state.pump(now);
}

// Clients.

Result<Role> Engine::handle_client_open(Now now, ClientHandle handle, std::string_view name,
                                        std::string_view path, ClientOptions options) {
  State& state = *state_;
  if (state.stopping) return Error{ErrorCode::kUnavailable, "the node is stopping"};
  if (state.clients.size() >= kClientsMax) {
    return Error{ErrorCode::kLimitExceeded, "too many clients on this node", kClientsMax};
  }
  COTERIE_TRY(Workspace * workspace, state.find_named(name));
  auto client = std::make_unique<Client>();
  client->handle = handle;
  client->saved_messages = options.saved_messages;
  client->asks_back = options.asks_back;
  client->visitor = std::move(options.visitor);
  client->last_sent = now.steady;
  COTERIE_CHECK(workspace->attach(now, *client, path));
  const Role role = client->role;
  state.clients[handle] = std::move(client);
  state.await_presence(now, handle);
  state.pump(now);
  return role;
}

void Engine::handle_client_visitor(Now now, ClientHandle handle, const Visitor& visitor) {
  State& state = *state_;
  const auto found = state.clients.find(handle);
  if (found == state.clients.end()) return;
  found->second->visitor = visitor;
  found->second->workspace->judge_client(now, *found->second);
  state.pump(now);
}

void Engine::handle_client_message(Now now, ClientHandle handle, ByteView message) {
  State& state = *state_;
  const auto found = state.clients.find(handle);
  if (found == state.clients.end()) return;
  Client& client = *found->second;
  if (const auto closing = client.workspace->handle_message(now, client, message)) {
    state.close_client(now, handle, *closing);
  } else if (client.awareness_waiting) {
    state.await_presence(now, handle);
  }
  state.pump_soon(now);
}

void Engine::handle_client_sent(Now now, ClientHandle handle, std::size_t bytes) {
  State& state = *state_;
  const auto found = state.clients.find(handle);
  if (found == state.clients.end()) return;
  Client& client = *found->second;
  client.unsent -= std::min(client.unsent, bytes);
  if (!client.lacks_something()) return;  // As nearly always.
  client.workspace->handle_drained(now, client);
  state.pump_soon(now);
}

void Engine::handle_client_closed(Now now, ClientHandle handle) {
  state_->remove_client(now, handle);
  state_->pump(now);
}

Status Engine::handle_watch_open(Now now, ClientHandle watcher, std::string_view name,
                                 std::string_view path, WatchOptions options) {
  State& state = *state_;
  if (state.stopping) return Error{ErrorCode::kUnavailable, "the node is stopping"};
  if (state.watchers.size() >= kWatchersMax) {
    return Error{ErrorCode::kLimitExceeded, "too many watchers on this node", kWatchersMax};
  }
  COTERIE_TRY(Workspace * workspace, state.find_named(name));
  COTERIE_CHECK(workspace->watch(now, watcher, path, std::move(options)));
  state.watchers[watcher] = workspace;
  state.pump(now);
  return {};
}

Status Engine::handle_watch_presence(Now now, ClientHandle watcher, PresenceUpdate update) {
  State& state = *state_;
  const auto found = state.watchers.find(watcher);
  if (found == state.watchers.end()) return Error{ErrorCode::kNotFound, "no such watcher"};
  const Status shown = found->second->show_watcher(now, watcher, std::move(update));
  state.pump(now);
  return shown;
}

void Engine::handle_watch_closed(Now now, ClientHandle watcher) {
  State& state = *state_;
  const auto found = state.watchers.find(watcher);
  if (found == state.watchers.end()) return;
  Workspace* workspace = found->second;
  state.watchers.erase(found);
  workspace->unwatch(now, watcher);
  state.pump(now);
}

void Engine::State::remove_client(Now now, ClientHandle handle) {
  const auto found = clients.find(handle);
  if (found == clients.end()) return;
  const auto client = std::move(found->second);
  clients.erase(found);
  presence_waiting.erase(handle);
  client->workspace->detach(now, *client);
}

void Engine::State::close_client(Now now, ClientHandle handle, const Workspace::Closing& closing) {
  constexpr std::size_t kReasonBytesMax = 123;  // RFC 6455, 5.5.1
  context.emit(CloseClient{handle, closing.code, closing.reason.substr(0, kReasonBytesMax)});
  if (const auto watcher = watchers.find(handle); watcher != watchers.end()) {
    Workspace* workspace = watcher->second;
    watchers.erase(watcher);
    workspace->unwatch(now, handle);
    return;
  }
  remove_client(now, handle);
}

void Engine::State::await_presence(Now now, ClientHandle handle) {
  presence_waiting.insert(handle);
  if (!presence_due) presence_due = now.steady + kPresenceRetry;
}

void Engine::State::tend_clients(Now now) {
  if (presence_due && *presence_due <= now.steady) {
    presence_due.reset();
    for (const ClientHandle handle : std::exchange(presence_waiting, {})) {
      Client& client = *clients.at(handle);
      if (client.workspace->tend_presence(now, client)) presence_waiting.insert(handle);
    }
    if (!presence_waiting.empty()) presence_due = now.steady + kPresenceRetry;
  }
  if (next_keepalive > now.steady) return;
  next_keepalive = now.steady + kKeepaliveSweep;
  const Message nothing = awareness_message({});
  for (const auto& [handle, client] : clients) {
    if (client->last_sent + kKeepaliveQuiet > now.steady) continue;
    ClientLink(context, now, *client).send(nothing);
  }
}

// Commands.

void Engine::State::reply(RequestId request, Result<CommandResult> result) {
  requests.erase(request);
  context.emit(Reply{request, std::move(result)});
}

void Engine::State::reply_when_durable(Now now, Workspace& workspace, RequestId request,
                                       CommandResult result) {
  requests[request] = workspace.id();
  workspace.when_durable(now, [this, request, result = std::move(result)](Now) {
    if (requests.count(request) > 0) reply(request, result);
  });
}

void Engine::handle_command(Now now, RequestId request, Command command) {
  if (state_->stopping) {
    state_->reply(request, Error{ErrorCode::kUnavailable, "the node is stopping"});
  } else {
    std::visit([&](const auto& one) { state_->run(now, request, one); }, command);
  }
  state_->pump(now);
}

void Engine::State::run(Now now, RequestId request, const CreateWorkspace& command) {
  if (const Status valid = check_name(command.name); !valid) return reply(request, valid.error());
  const Ledger::Genesis genesis =
      Ledger::make_genesis(now, command.name, context.identity, context.random);
  const auto store = stores.open(genesis.workspace.hex());
  if (!store) return reply(request, store.error());
  auto workspace = std::make_unique<Workspace>(now, context, *mesh, genesis.workspace, **store);
  workspace->found(now, genesis);
  Workspace& founded = *workspace;
  workspaces.emplace(genesis.workspace, std::move(workspace));
  reply_when_durable(now, founded, request, WorkspaceReady{genesis.workspace, command.name, {}});
}

template <typename PeopleCommand>
void Engine::State::run(Now now, RequestId request, const PeopleCommand& command) {
  const auto workspace = find_founded(command.workspace);
  if (!workspace) return reply(request, workspace.error());
  if (const auto obstacle = (*workspace)->disk_obstacle()) return reply(request, *obstacle);
  auto result = (*workspace)->carry_out(now, command);
  if (!result) return reply(request, result.error());
  reply_when_durable(now, **workspace, request, *std::move(result));
}

void Engine::State::run(Now now, RequestId request, const ImportDocument& command) {
  const auto workspace = find_founded(command.workspace);
  if (!workspace) return reply(request, workspace.error());
  const auto document =
      (*workspace)->import_document(now, command.path, command.update, command.fresh);
  if (!document) return reply(request, document.error());
  reply_when_durable(now, **workspace, request, DocumentCreated{*document});
}

// Joining: the newcomer.

void Engine::State::run(Now now, RequestId request, const JoinWorkspace& command) {
  auto invite = parse_invite(command.invite);
  if (!invite) return reply(request, invite.error());
  for (const auto& [id, workspace] : workspaces) {
    const bool member = workspace->membership().founded() && workspace->ledger().role();
    if (!member || tag_of(id) != invite->workspace) continue;
    // It may be out without knowing, for members do not talk to who was removed. An invite it was
    // never told of, by somebody it has no link to, is its way back.
    bool known = workspace->membership().invites().count(invite_key(*invite).id()) > 0;
    for (const auto& peer : mesh->peers(id)) {
      for (const InviteContact& contact : invite->contacts) {
        known = known || (peer.linked && peer.device == contact.device);
      }
    }
    if (known) {
      return reply(request, Error{ErrorCode::kConflict, "this device is a member already"});
    }
  }
  for (auto& [key, joining] : joins) {
    if (joining.tag != invite->workspace) continue;
    if (joining.request || !joining.waiting) {
      return reply(request, Error{ErrorCode::kConflict, "this device is joining already"});
    }
    // It waits for approval: ask at once how that stands.
    joining.request = request;
    joining.give_up = now.steady + kJoinTimeout;
    joining.retry = kJoinWaitingRetry;
    if (joining.stage == Joining::Stage::kIdle) attempt(now, joining);
    return;
  }
  Joining joining;
  joining.request = request;
  joining.invite = command.invite;
  joining.give_up = now.steady + kJoinTimeout;
  if (const Status started = start_join(now, std::move(joining)); !started) {
    reply(request, started.error());
  }
}

/// Errors: of parse_invite(); kUnavailable (no address in it).
Status Engine::State::start_join(Now now, Joining joining) {
  COTERIE_TRY(InviteSecret invite, parse_invite(joining.invite));
  joining.tag = invite.workspace;
  joining.key = std::make_shared<const crypto::SigningKey>(invite_key(invite));
  joining.contacts = std::move(invite.contacts);
  for (std::size_t i = 0; i < joining.contacts.size(); ++i) {
    if (joining.contacts[i].device == context.identity.id()) continue;
    for (const std::string& address : joining.contacts[i].addresses) {
      joining.targets.emplace_back(i, address);
    }
  }
  if (joining.targets.empty()) {
    return Error{ErrorCode::kUnavailable, "the invite names no address to ask at"};
  }
  const DeviceId key = joining.key->id();
  attempt(now, joins.insert_or_assign(key, std::move(joining)).first->second);
  return {};
}

void Engine::State::resume_join(Now now, const WorkspaceId& workspace,
                                const storage::Store& store) {
  const Bytes key = meta_key("joining");
  const auto sealed = store.get(storage::Table::kMeta, key);
  if (!sealed || !*sealed) return;
  const RowSealer sealer(workspace, context.identity, context.random);
  const auto invite = sealer.open(storage::Table::kMeta, key, **sealed);
  if (!invite) return context.warn("a join that waited cannot be read: join again");
  Joining joining;
  joining.invite = std::string(as_text(*invite));
  joining.workspace = workspace;
  joining.waiting = true;
  joining.give_up = Instant::max();
  if (!start_join(now, std::move(joining))) {
    context.warn("a join that waited cannot be read: join again");
  }
}

void Engine::State::store_joining(const Joining& joining, bool keep) {
  const auto store = stores.open(joining.workspace.hex());
  if (!store) return context.warn("a join that waits cannot be stored");
  const Bytes key = meta_key("joining");
  storage::WriteBatch batch;
  if (keep) {
    const RowSealer sealer(joining.workspace, context.identity, context.random);
    batch.put(storage::Table::kMeta, key,
              sealer.seal(storage::Table::kMeta, key, as_bytes(joining.invite)));
  } else {
    batch.erase(storage::Table::kMeta, key);
  }
  if (keep) join_commits[next_token] = joining.key->id();
  context.emit(CommitBatch{joining.workspace, next_token++, std::move(batch)});
}

/// Tries the next target.
void Engine::State::attempt(Now now, Joining& joining) {
  joining.target = joining.next_target;
  joining.next_target = (joining.next_target + 1) % joining.targets.size();
  joining.step_due = now.steady + kAttemptTime;
  const DeviceId& device = joining.contact().device;
  for (const auto& [id, link] : links) {
    if (link.peer == device && !link.guest) return ask(now, joining, id, false);
  }
  if (dialling(mesh_dials, device) || dialling(join_dials, device)) {
    // Being dialled for another workspace, or for an attempt that was given up: wait for that.
    joining.stage = Joining::Stage::kIdle;
    joining.next_target = joining.target;
    joining.step_due = now.steady + kAttemptPause;
    return;
  }
  joining.stage = Joining::Stage::kDialing;
  join_dials.emplace(device, joining.address());
  context.emit(Dial{device, joining.address(), joining.key});
}

void Engine::State::attempt_failed(Now now, Joining& joining) {
  if (joining.stage != Joining::Stage::kDialing && joining.stage != Joining::Stage::kAsked) return;
  release_join_link(now, joining);
  joining.stage = Joining::Stage::kIdle;
  joining.step_due = now.steady + kAttemptPause;
  if (!joining.waiting || joining.request) return;
  joining.step_due = now.steady + joining.retry;
  joining.retry = std::min(joining.retry * 2, kJoinWaitingRetryMax);
}

void Engine::State::ask(Now now, Joining& joining, LinkId link, bool guest) {
  joining.stage = Joining::Stage::kAsked;
  joining.link = link;
  joining.link_is_guest = guest;
  const Redeem redeem =
      make_redeem(joining.tag, context.identity, context.options.device_name, *joining.key);
  if (!mesh->send_application(now, link, encode_join_message(redeem))) attempt_failed(now, joining);
}

void Engine::State::release_join_link(Now now, Joining& joining) {
  if (!joining.link) return;
  const LinkId link = *std::exchange(joining.link, std::nullopt);
  if (joining.link_is_guest) drop_link(now, link, "done with joining");
}

Joining* Engine::State::joining_with(const DeviceId& device) {
  for (auto& [id, joining] : joins) {
    const bool dialled = joining.stage == Joining::Stage::kDialing;
    if (dialled && joining.contact().device == device) return &joining;
  }
  return nullptr;
}

Joining* Engine::State::joining_on(LinkId link) {
  for (auto& [id, joining] : joins) {
    if (joining.link == link) return &joining;
  }
  return nullptr;
}

Joining* Engine::State::joining_workspace(const WorkspaceId& id) {
  for (auto& [key, joining] : joins) {
    if (joining.workspace == id) return &joining;
  }
  return nullptr;
}

void Engine::State::handle_waiting(Now now, Joining& joining, const Waiting& waiting) {
  if (tag_of(waiting.workspace) != joining.tag) return attempt_failed(now, joining);
  const bool known = std::exchange(joining.waiting, true);
  joining.workspace = waiting.workspace;
  joining.give_up = Instant::max();
  joining.refusal.reset();
  joining.refusals = 0;
  if (!known) {
    store_joining(joining, true);  // The answer follows when it is on the disk.
  } else {
    answer_join(joining, CommandResult(JoinWaiting{joining.workspace}));
  }
  attempt_failed(now, joining);
  // Whoever answered knows of the request: the same one is asked again.
  joining.next_target = joining.target;
  joining.step_due = now.steady + joining.retry;
}

void Engine::State::handle_welcome(Now now, Joining& joining, const Welcome& welcome) {
  const bool other = !joining.workspace.is_zero() && welcome.workspace != joining.workspace;
  if (other || tag_of(welcome.workspace) != joining.tag) return attempt_failed(now, joining);
  joining.workspace = welcome.workspace;
  Workspace* workspace = find(joining.workspace);
  if (workspace == nullptr) {
    const auto store = stores.open(joining.workspace.hex());
    if (!store) {
      release_join_link(now, joining);
      return finish(now, joining, store.error());
    }
    auto made = std::make_unique<Workspace>(now, context, *mesh, joining.workspace, **store);
    made->adopt(now, welcome, joining.contact());
    workspace = workspaces.emplace(joining.workspace, std::move(made)).first->second.get();
  } else {
    workspace->rejoin(now, welcome, joining.contact());
  }
  joining.stage = Joining::Stage::kStoring;
  joining.give_up = now.steady + kJoinSyncTimeout;
  const WorkspaceId id = joining.workspace;
  workspace->when_durable(now, [this, id](Now then) {
    Joining* stored = joining_workspace(id);
    if (stored == nullptr || stored->stage != Joining::Stage::kStoring) return;
    stored->stage = Joining::Stage::kSyncing;
    // From here on an ordinary member's link: the guest's makes room for it.
    release_join_link(then, *stored);
    find(id)->members_changed = true;
  });
}

void Engine::State::check_synced(Now now, const WorkspaceId& id) {
  Joining* found = joining_workspace(id);
  if (found == nullptr || found->stage != Joining::Stage::kSyncing) return;
  Joining& joining = *found;
  const Workspace& workspace = *find(id);
  if (workspace.progress() > joining.progress) {
    joining.progress = workspace.progress();
    joining.give_up = now.steady + kJoinSyncTimeout;
  }
  if (!workspace.synced()) return;
  finish(now, joining,
         CommandResult(WorkspaceReady{id, workspace.membership().name(),
                                      workspace.invited_to(joining.key->id())}));
}

void Engine::State::answer_join(Joining& joining, Result<CommandResult> result) {
  if (!joining.request) return;
  reply(*std::exchange(joining.request, std::nullopt), std::move(result));
}

/// It is settled, one way or the other.
void Engine::State::finish(Now, Joining& joining, Result<CommandResult> result) {
  if (joining.waiting) {
    if (!result) {
      context.warn("workspace " + joining.workspace.short_hex() +
                   " did not let us in: " + result.error().what);
    } else {
      context.inform("let into workspace " + joining.workspace.short_hex());
    }
    store_joining(joining, false);
  }
  answer_join(joining, std::move(result));
  joins.erase(joining.key->id());
}

void Engine::State::tend_joins(Now now) {
  std::vector<DeviceId> due;
  for (const auto& [key, joining] : joins) {
    if (std::min(joining.give_up, joining.step_due) <= now.steady) due.push_back(key);
  }
  for (const DeviceId& key : due) {
    Joining& joining = joins.at(key);
    if (joining.give_up <= now.steady) {
      const bool in = joining.stage == Joining::Stage::kSyncing;
      if (joining.waiting && !in) {
        // Nobody to ask how it stands; the node goes on asking.
        joining.give_up = Instant::max();
        answer_join(joining, CommandResult(JoinWaiting{joining.workspace}));
        continue;
      }
      release_join_link(now, joining);
      finish(now, joining,
             joining.refusal.value_or(
                 Error{ErrorCode::kUnavailable,
                       in ? "joined, but nobody is there to fetch the workspace from: it goes on"
                          : "nobody answered at the addresses of the invite: is one online?"}));
      continue;
    }
    switch (joining.stage) {
      case Joining::Stage::kIdle:
        attempt(now, joining);
        break;
      case Joining::Stage::kDialing:
      case Joining::Stage::kAsked:
        attempt_failed(now, joining);
        break;
      case Joining::Stage::kStoring:
      case Joining::Stage::kSyncing:
        // What is held, and what others hold, may be the same without a commit.
        joining.step_due = now.steady + kAttemptPause;
        check_synced(now, joining.workspace);  // May end it: last.
        break;
    }
  }
}

// Application frames.

/// What members say about a workspace: `decoded` goes to it with `handle(workspace, peer,
/// message)`.
template <typename Message, typename Handle>
Status Engine::State::to_workspace(LinkId link, Result<Message> decoded, Handle handle) {
  const auto from = links.find(link);
  if (from == links.end()) return {};
  if (from->second.guest) return Error{ErrorCode::kUnauthorized, "guests only join"};
  COTERIE_TRY(Message message, std::move(decoded));
  Workspace* workspace = find(workspace_of(message));
  if (workspace == nullptr) return Error{ErrorCode::kUnauthorized, "workspace is not shared"};
  return handle(*workspace, from->second.peer, std::move(message));
}

Status Engine::State::handle_workspace_message(Now now, const Mesh::ApplicationReceived& received) {
  const LinkId link = received.link;
  if (is_transfer_message(received.payload)) {
    return to_workspace(link, decode_transfer_message(received.payload),
                        [&](Workspace& to, const DeviceId& peer, TransferMessage message) {
                          return to.handle_transfer(now, link, peer, std::move(message));
                        });
  }
  if (is_preview_message(received.payload)) {
    return to_workspace(link, decode_preview_message(received.payload),
                        [&](Workspace& to, const DeviceId& peer, PreviewMessage message) {
                          return to.handle_preview(now, link, peer, std::move(message));
                        });
  }
  return to_workspace(link, decode_card_message(received.payload),
                      [&](Workspace& to, const DeviceId& peer, CardMessage message) {
                        return to.handle_cards(now, peer, std::move(message));
                      });
}

// Joining: the member that is asked.

void Engine::State::handle_application(Now now, const Mesh::ApplicationReceived& received) {
  const bool of_workspace = is_transfer_message(received.payload) ||
                            is_preview_message(received.payload) ||
                            is_card_message(received.payload);
  if (of_workspace) {
    if (!handle_workspace_message(now, received)) count_fault(now, received.link);
    return;
  }
  const auto message = decode_join_message(received.payload);
  if (!message) return count_fault(now, received.link);
  if (const auto* redeem = std::get_if<Redeem>(&*message)) {
    handle_redeem(now, received.link, *redeem);
    return;
  }
  Joining* joining = joining_on(received.link);
  if (joining == nullptr || joining->stage != Joining::Stage::kAsked) return;
  if (const auto* welcome = std::get_if<Welcome>(&*message)) {
    handle_welcome(now, *joining, *welcome);
    return;
  }
  if (const auto* waiting = std::get_if<Waiting>(&*message)) {
    handle_waiting(now, *joining, *waiting);
    return;
  }
  const Error refusal = refusal_error(std::get<Refused>(*message).reason);
  const bool final = refusal.code != ErrorCode::kUnavailable;
  joining->refusal = refusal;
  attempt_failed(now, *joining);
  // Another contact may know more; when all that could be asked have refused, it is settled.
  if (final && ++joining->refusals >= joining->targets.size()) finish(now, *joining, refusal);
}

void Engine::State::handle_redeem(Now now, LinkId link, const Redeem& redeem) {
  const auto from = links.find(link);
  if (from == links.end()) return;
  const auto refuse = [&](RefusalReason reason) { answer_redeem(now, link, Refused{reason}); };
  // A guest redeems the invite it came with, and a member for itself.
  const bool entitled =
      from->second.guest ? redeem.invite == from->second.peer : redeem.device == from->second.peer;
  // Only the workspace that the invite belongs to: tags of others are nobody's business.
  Workspace* workspace = nullptr;
  for (const auto& [id, one] : workspaces) {
    if (tag_of(id) == redeem.workspace && one->membership().founded()) workspace = one.get();
  }
  if (entitled && workspace != nullptr && workspace->waits(now, redeem)) {
    // It asks again and again: that costs nothing, and keeps nobody else out.
    workspace->when_durable(now, [this, link, id = workspace->id()](Now then) {
      answer_redeem(then, link, Waiting{id});
    });
    return;
  }
  const bool by_open_invite = entitled && from->second.guest && workspace != nullptr &&
                              workspace->has_open_invite(now, redeem.invite);
  if (!(by_open_invite ? redeems : other_redeems).take(now.steady)) {
    return refuse(RefusalReason::kBusy);
  }
  if (!entitled || !verify_redeem(redeem)) return refuse(RefusalReason::kBadSignature);
  if (workspace == nullptr) return refuse(RefusalReason::kUnknownInvite);
  const Workspace::RedeemAnswer answer = workspace->redeem(now, redeem);
  if (const auto* reason = std::get_if<RefusalReason>(&answer)) return refuse(*reason);
  const WorkspaceId id = workspace->id();
  const DeviceId device = redeem.device;
  const bool waits = std::holds_alternative<Waiting>(answer);
  workspace->when_durable(now, [this, link, id, device, waits](Now then) {
    Workspace* admitted = find(id);
    if (waits) return answer_redeem(then, link, Waiting{id});
    // Who may connect, before the newcomer is told that it may.
    publish_members(then, *admitted);
    publish_allowed(then);
    auto welcome = admitted->welcome(device);
    if (welcome) answer_redeem(then, link, std::move(*welcome));
  });
}

void Engine::State::answer_redeem(Now now, LinkId link, const JoinMessage& message) {
  if (links.count(link) == 0) return;
  // Best effort: a newcomer without an answer asks again.
  (void)mesh->send_application(now, link, encode_join_message(message));
}

// Time.

void Engine::handle_timeout(Now now) {
  State& state = *state_;
  state.mesh->handle_timeout(now);
  for (auto& [id, workspace] : state.workspaces) workspace->handle_timeout(now);
  state.tend_clients(now);
  state.tend_joins(now);
  state.tend_beacon(now);
  state.pump(now);
}

void Engine::prepare_to_stop(Now now) {
  State& state = *state_;
  if (std::exchange(state.stopping, true)) return;
  for (auto& [id, workspace] : state.workspaces) workspace->shut_down(now);
  state.pump(now);
}

bool Engine::delivered(Now now) const {
  return std::all_of(state_->workspaces.begin(), state_->workspaces.end(),
                     [&](const auto& item) { return item.second->delivered(now); });
}

void Engine::shut_down(Now now) {
  prepare_to_stop(now);
  state_->mesh->shut_down(now);
  state_->pump(now);
}

std::optional<Engine::Output> Engine::poll_output() {
  auto& outputs = state_->context.outputs;
  if (outputs.empty() && std::exchange(state_->pump_due, false)) state_->pump(state_->last);
  if (outputs.empty()) return std::nullopt;
  Output output = std::move(outputs.front());
  outputs.pop_front();
  return output;
}

std::optional<Instant> Engine::next_deadline() const {
  const State& state = *state_;
  Instant due = state.next_keepalive;
  if (const auto mesh = state.mesh->next_deadline()) due = std::min(due, *mesh);
  for (const auto& [id, workspace] : state.workspaces) {
    if (const auto one = workspace->next_deadline()) due = std::min(due, *one);
  }
  if (state.presence_due) due = std::min(due, *state.presence_due);
  if (state.beacon && !state.stopping) {
    due = std::min(due, state.beacon->next_deadline().value_or(due));
  }
  if (const auto sightings = state.sightings.next_deadline()) due = std::min(due, *sightings);
  for (const auto& [id, joining] : state.joins) {
    due = std::min({due, joining.step_due, joining.give_up});
  }
  return due;
}

// Queries.

const DeviceId& Engine::self() const { return state_->context.identity.id(); }

std::vector<WorkspaceInfo> Engine::workspaces() const {
  std::vector<WorkspaceInfo> list;
  for (const auto& [id, workspace] : state_->workspaces) {
    if (workspace->membership().founded()) list.push_back(workspace->info());
  }
  return list;
}

Result<WorkspaceId> Engine::find_workspace(std::string_view id_or_name) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_named(id_or_name));
  return workspace->id();
}

Result<std::vector<DocumentInfo>> Engine::documents(const WorkspaceId& id,
                                                    const DocumentQuery& query) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_shown(id));
  return workspace->documents(query);
}

Result<DocumentInfo> Engine::document(const WorkspaceId& id, std::string_view name) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_shown(id));
  return workspace->document(name);
}

Result<SearchPage> Engine::search(Now now, const SearchQuery& query) {
  COTERIE_TRY(Workspace * workspace, state_->find_shown(query.workspace));
  return workspace->search(now, query);
}

Result<std::vector<MemberInfo>> Engine::members(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->members();
}

Result<std::vector<InviteInfo>> Engine::invites(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->invites();
}

Result<std::vector<SetAsideInfo>> Engine::set_aside(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->set_aside();
}

Result<std::vector<ForkInfo>> Engine::forks(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->forks();
}

Result<RetentionInfo> Engine::retention(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->retention();
}

Result<DocumentRoles> Engine::document_roles(const WorkspaceId& id, std::string_view path) const {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(id));
  COTERIE_CHECK(check_document_path(path));
  return workspace->document_roles(path);
}

Result<std::optional<Role>> Engine::role_of(const WorkspaceId& id,
                                            std::optional<std::string_view> path,
                                            const Visitor& visitor) const {
  COTERIE_TRY(Workspace * workspace, state_->find_shown(id));
  DocumentId document;
  if (path) {
    COTERIE_CHECK(check_document_path(*path));
    document = workspace->document_of(*path);
  }
  return workspace->role_of(document, visitor);
}

Result<std::vector<KnownDevice>> Engine::known_devices(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->known_devices();
}

Result<std::vector<RequestInfo>> Engine::requests(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->requests();
}

std::vector<WaitingInfo> Engine::waiting() const {
  std::vector<WaitingInfo> list;
  for (const auto& [key, joining] : state_->joins) {
    if (joining.waiting) list.push_back({joining.workspace, key});
  }
  return list;
}

Result<AuditPage> Engine::audit(const WorkspaceId& id, const AuditQuery& query) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->audit(query);
}

Result<std::vector<transport::PeerStatus>> Engine::peers(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return state_->mesh->peers(workspace->id());
}

Result<MeshPicture> Engine::mesh(Now now, const WorkspaceId& id) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(id));
  MeshPicture picture = workspace->mesh_picture(now);
  state_->pump(now);
  return picture;
}

Result<std::map<DeviceId, Instant>> Engine::arrivals(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->arrivals();
}

Result<std::vector<DeviceId>> Engine::offenders(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  const std::set<DeviceId>& all = workspace->offenders();
  return std::vector<DeviceId>(all.begin(), all.end());
}

Result<std::vector<RevertedDocument>> Engine::revert(Now now, const WorkspaceId& id,
                                                     const std::set<DeviceId>& devices,
                                                     WallMillis since, bool preview) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(id));
  auto reverted = workspace->revert(now, devices, since, preview);
  state_->pump(now);
  return reverted;
}

Result<VersionList> Engine::versions(Now now, const WorkspaceId& id, std::string_view path,
                                     std::size_t limit) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(id));
  auto found = workspace->versions(now, path, limit);
  state_->pump(now);
  return found;
}

Result<VersionContent> Engine::version(Now now, const WorkspaceId& id, std::string_view path,
                                       const VersionChoice& choice) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(id));
  auto found = workspace->version(now, path, choice);
  state_->pump(now);
  return found;
}

Result<VersionDiff> Engine::diff(Now now, const WorkspaceId& id, std::string_view path,
                                 const VersionChoice& from, const VersionChoice& to) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(id));
  auto found = workspace->diff(now, path, from, to);
  state_->pump(now);
  return found;
}

Result<Blame> Engine::blame(Now now, const WorkspaceId& id, std::string_view path,
                            const VersionChoice& at) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(id));
  auto found = workspace->blame(now, path, at);
  state_->pump(now);
  return found;
}

Result<RoomView> Engine::room(Now now, const RoomQuery& query) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(query.workspace));
  return workspace->room(now, query);
}

Result<RoomView> Engine::mentions(Now now, const RoomQuery& query) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(query.workspace));
  return workspace->mentions(now, query);
}

Result<RoomView> Engine::message(Now now, const WorkspaceId& id, const Hash& message) {
  COTERIE_TRY(Workspace * workspace, state_->find_founded(id));
  return workspace->message(now, message);
}

std::string Engine::guest_name(const WorkspaceId& id, const Author& author) const {
  const auto workspace = state_->find_founded(id);
  return workspace ? (*workspace)->guest_name(author) : std::string();
}

Result<std::vector<Participant>> Engine::participants(const WorkspaceId& id,
                                                      std::string_view path) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->participants(path);
}

Result<std::vector<StateItem>> Engine::session_state(const WorkspaceId& id,
                                                     std::string_view path) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return workspace->session_state(path);
}

Result<ActivityPage> Engine::activity(const ActivityQuery& query) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(query.workspace));
  return workspace->activity(query);
}

Result<Engine::DocumentPlace> Engine::find_document(const DocumentId& id) const {
  for (const auto& [workspace, one] : state_->workspaces) {
    auto path = one->path_of(id);
    if (!path) continue;
    // In the trash it has none: another one may have it now.
    const auto there = one->document(*path);
    if (there && there->id == id && there->trashed == 0) {
      return DocumentPlace{workspace, *std::move(path)};
    }
  }
  return Error{ErrorCode::kNotFound, "no document of that id"};
}

Counters Engine::counters() const {
  Counters out = state_->context.counters;
  for (const auto& [id, workspace] : state_->workspaces) workspace->count(out);
  return out;
}

Result<Hash> Engine::frontier_digest(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_founded(id));
  return transport::frontier_digest(workspace->ledger().frontier());
}

Result<std::string> Engine::document_text(const WorkspaceId& id, std::string_view path,
                                          std::string_view root) {
  COTERIE_TRY(Workspace * workspace, state_->find_shown(id));
  COTERIE_TRY(const crdt::Doc* doc, workspace->replica(state_->last, path));
  if (!root.empty()) return doc->root_text(root);
  std::string all;
  for (const std::string& name : doc->root_names()) all += doc->root_text(name);
  return all;
}

Result<TextContent> Engine::text(Now now, const WorkspaceId& id, std::string_view document,
                                 const std::string& root) {
  COTERIE_TRY(Workspace * workspace, state_->find_shown(id));
  auto text = workspace->text(now, document, root);
  state_->pump(now);
  return text;
}

Result<std::optional<Error>> Engine::disk_obstacle(const WorkspaceId& id) const {
  COTERIE_TRY(const Workspace* workspace, state_->find_shown(id));
  return workspace->disk_obstacle();
}

Result<Bytes> Engine::document_update(const WorkspaceId& id, std::string_view path) {
  COTERIE_TRY(Workspace * workspace, state_->find_shown(id));
  COTERIE_TRY(const crdt::Doc* doc, workspace->replica(state_->last, path));
  return doc->encode_state_as_update();
}

Result<Bytes> Engine::document_state_vector(const WorkspaceId& id, std::string_view path) {
  COTERIE_TRY(Workspace * workspace, state_->find_shown(id));
  COTERIE_TRY(const crdt::Doc* doc, workspace->replica(state_->last, path));
  return doc->state_vector().encode();
}

}  // namespace coterie::node
