// The parts of the mesh: what it keeps per link, workspace and log, and who does what.
//
//   mesh.cpp       the public face: each input in, timers, which frame goes out next
//   links.cpp      links from first contact to loss, hello and heartbeat, two links to one device
//   overlay.cpp    with whom to be linked
//   entries.cpp    pushes, announcements, pulls, frontiers, verdicts
//   awareness.cpp  budgets, replay counters, forwarding
//
// Everything is in ordered containers: no output depends on hashing or on addresses.

#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crdt/base/token_bucket.hpp"
#include "transport/core/internal/dialer.hpp"
#include "transport/core/internal/outbox.hpp"
#include "transport/core/mesh.hpp"
#include "transport/wire/limits.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::transport {
namespace internal {

/// A pull is given to another peer when nothing was served on its link for this long, or, as pulls
/// are served in turn, when a later one was finished this long ago.
inline constexpr Duration kPullTimeout = std::chrono::seconds(10);
/// And in any case after this. A full credit at 64 kbit/s takes 32 s.
inline constexpr Duration kPullTimeoutMax = std::chrono::seconds(60);
/// How long a peer is not asked for a log after it sent a run of it that was refused.
inline constexpr Duration kRefusedPause = std::chrono::seconds(60);
/// How long a peer that pruned the entries we lack of a log is not asked for them again; and how
/// often a peer that asks for such entries is reported.
inline constexpr Duration kUnservedPause = std::chrono::seconds(15);
inline constexpr Duration kBelowBasePause = std::chrono::seconds(10);
/// Between two searches for a fork in one log of one peer.
inline constexpr Duration kSearchPause = std::chrono::seconds(2);
/// After a deferred run, its log is left alone for the first, doubling up to the second.
inline constexpr Duration kDeferPauseMin = std::chrono::seconds(1);
inline constexpr Duration kDeferPauseMax = std::chrono::seconds(30);
/// The same after Mesh::reconsider(), which a flood of operations causes often.
inline constexpr Duration kReconsiderPause = std::chrono::milliseconds(250);
/// Frontier exchanges between two nodes that both stand still become as rare as this.
inline constexpr Duration kExchangePauseMax = std::chrono::seconds(16);
/// When two nodes that were in step are not any more, what makes the difference is usually on its
/// way: frontiers are exchanged if it has not come after this.
inline constexpr Duration kExchangePatience = std::chrono::milliseconds(250);
/// Up to so many logs, their heads are told; of more, fingerprints of so many parts.
inline constexpr std::size_t kHeadsAtOnce = 16;
inline constexpr std::size_t kPartsAtOnce = 16;
/// Heads of ranges that wait to be told; beyond, all heads are told at once.
inline constexpr std::size_t kRangesDueMax = kSummaryPartsMax;
/// Neighbour lists are sent anew this long after a change: several changes, one heartbeat.
inline constexpr Duration kNeighbourDelay = std::chrono::milliseconds(50);
/// Time that passes unseen by this much means that the machine slept or the process was stopped.
inline constexpr Duration kWakeGap = std::chrono::seconds(10);
/// Logs that are considered for a pull when one answer or verdict has come.
inline constexpr std::size_t kLooksPerFrame = 64;
/// Being above what one may say is over when it did not happen for so long.
inline constexpr Duration kFloodPause = std::chrono::seconds(2);
/// Of a log whose author floods us, or did until so long ago, one bulk frame is pulled at a time,
/// at this distance: what it writes must not take our time by another way.
inline constexpr Duration kFloodedPullTime = std::chrono::seconds(10);
inline constexpr Duration kFloodedPullPause = std::chrono::seconds(1);
/// Who has fewer neighbours above kFullMeshMembersMax has just come, and is told of everybody.
inline constexpr std::size_t kNewcomerDegreeMax = 2;
/// How long the link of a device that was removed stays up, to be told so.
inline constexpr Duration kFarewellMax = std::chrono::seconds(1);
/// And how much of the log that holds its removal it is sent.
inline constexpr std::size_t kFarewellBytesMax = 64u << 10;
/// Two links of which both directions are alive are met once or twice when both ends dial at once.
/// When it goes on, two machines have the key of one device (a clone), and each of their links must
/// have its turn: every time this many ties came within kTiePause of each other.
inline constexpr std::uint32_t kTiesMax = 3;
inline constexpr Duration kTiePause = std::chrono::seconds(30);
/// Links to one device at a time; a peer that opens more loses the oldest.
inline constexpr std::size_t kLinksPerDeviceMax = 4;
/// How often a device comes into a workspace, over whichever link: all that can be shared, twice,
/// then fewer. Each time costs frames to all peers and a telling of what is there.
inline constexpr std::uint64_t kJoinsPerSecond = 32;
inline constexpr std::uint64_t kJoinsBurst = 2 * kSharedWorkspacesMax;

// The overlay of a workspace with more than kFullMeshMembersMax members.

/// Below the first, further members are dialled until the second is reached; above the third, links
/// that others opened are closed.
inline constexpr std::size_t kDegreeMin = 6;
inline constexpr std::size_t kDegree = 7;
inline constexpr std::size_t kDegreeMax = 9;
/// Of these, links that we chose ourselves: devices that dial us again and again, hoping to be all
/// that we hear, cannot take their place.
inline constexpr std::size_t kOutgoingDegree = 4;
/// A member that is being dialled for so long is waited for no more: another is dialled beside it.
inline constexpr Duration kChosenPatience = std::chrono::milliseconds(600);
/// And at most so many each time, each half of a second: of 200 members, most of them away, 160 are
/// tried within 20 s. With more, a large team that starts at once on busy machines dials so much
/// that nobody is answered in time.
inline constexpr std::size_t kDrawMax = 8;
/// A link of our choice is exchanged for one to a random member about this often: halves of a
/// workspace that could not reach each other for a while have no other way to become one again.
inline constexpr Duration kExploreInterval = std::chrono::seconds(60);
/// How often it is looked whether the degree is right.
inline constexpr Duration kOverlayInterval = std::chrono::milliseconds(500);

/// Looking for the entry at which a peer's version of a log parts from ours: probes ask for a frame
/// from some entry on, and whether that continues ours tells on which side of the fork it is.
struct ForkSearch {
  bool active = false;
  Seq low = 1;         ///< All before this is the same, or pruned here or there.
  Seq high = 0;        ///< From here on it is not; probes are below.
  Seq step = 16;       ///< How far back the next probe is, until one continues ours.
  bool known = false;  ///< That one did, or that the peer serves none from further back.
  // The claim that was looked into last: once is enough.
  Seq claim = 0;
  Hash claim_hash;
  Instant due{};  ///< For the next search.
};

/// What one peer holds of one log, as far as we know.
struct LogView {
  Seq claimed = 0;    ///< What it said last.
  Hash claimed_hash;  ///< Of the entry at `claimed`; zero when not known.
  Seq sent = 0;       ///< What it has if nothing gets lost: sent to it or received from it.
  ForkSearch search;
  Instant refused_until{};
  Seq unserved =
      0;  ///< It said that it serves no entry from this one on: asked again after a pause.
  Instant unserved_until{};

  Seq expected() const { return std::max(claimed, sent); }
};

/// One workspace that both ends of a link are members of, as we know.
struct Shared {
  bool joined = false;  ///< The peer names it too.
  bool in_step = false;
  bool told_presence = false;
  bool claims_match = false;  ///< `logs` claims what `exchanged_theirs` stands for.
  /// Ranges of which we sent our heads and want the peer's: when it asks for ours of the same, the
  /// two crossed and both are answered. At most kRangesDueMax.
  std::set<LogRange> asked;
  std::set<DeviceId> neighbours;
  std::set<DeviceId> told;        ///< Our own neighbours, as we said.
  std::map<LogId, LogView> logs;  ///< At most kLogsPerWorkspaceMax.
  // The last frontier exchange: with equal digests on both sides it is repeated ever more rarely.
  Hash exchanged_ours;
  Hash exchanged_theirs;
  Duration exchange_pause{};
  Instant exchange_due{};
  /// When to look again whether we hold what `digest` stands for, instead of an exchange at once.
  std::optional<Instant> patient_until;
  Hash digest;               ///< The peer's, as it said last.
  Instant below_base_due{};  ///< For the next PullBelowBase.
};

struct Link {
  LinkId id = 0;
  DeviceId peer;
  bool outgoing = false;
  bool guest = false;
  bool greeted = false;     ///< Its hello is in.
  std::uint64_t order = 0;  ///< Links that came up later have higher ones.
  Instant last_heard{};
  Instant heartbeat_due{};
  std::string address;
  std::map<WorkspaceId, Shared> shared;
  /// Workspaces that the peer was in and is not any more: what it says of them is not heard.
  std::map<WorkspaceId, Shared> parted;
  std::optional<Instant> leave_at;  ///< Nothing is shared any more: to be closed then.
  Outbox outbox;
  std::size_t unsent_bytes = 0;  ///< Handed to the driver.
  // Of the peer's last heartbeat.
  std::uint64_t peer_sent_us = 0;
  Instant peer_sent_at{};
  // Pulls.
  std::size_t unverified_bytes = 0;
  std::size_t reserved_bytes = 0;  ///< Credit of pulls that are out.
  std::uint64_t pulls_out = 0;
  std::uint64_t pull_timeouts = 0;
  Instant last_pulled{};  ///< When an answer to a pull last came.
  // Rates. (What a member may say is counted by device: see DeviceRecord.)
  TokenBucket guest_rate{kGuestFramesPerSecond, kGuestFramesBurst};
  TokenBucket eager_rate{kEagerPerSecond, kEagerBurst};  ///< Ours.
};

/// A pull that is out.
struct PullOut {
  LinkId link = 0;
  Seq first = 0;
  std::size_t credit = 0;
  bool probe = false;  ///< Of a fork search: one frame.
  Instant sent{};
  std::optional<Instant> overtaken;  ///< When a later pull on the same link was answered in full.
};

/// A run that the engine has.
struct RunOut {
  LinkId link = 0;
  DeviceId peer;
  LogKey key;
  std::size_t bytes = 0;
  Seq first = 0;
  Seq last = 0;
  bool probe = false;
};

/// What we do about one log.
struct LogState {
  Seq received = 0;        ///< Given to the engine up to here; 0 when no run is out.
  Seq pulled_through = 0;  ///< The highest entry that came by pull.
  std::size_t runs_out = 0;
  std::size_t probes_out = 0;  ///< Of these: answers to probes.
  Duration defer_pause{};
  Instant deferred_until{};
};

struct Workspace {
  std::map<DeviceId, std::vector<std::string>> members;  ///< Without ourselves.
  std::set<DeviceId> linked;                             ///< As told by LinkChanged.
  std::map<LogId, LogState> logs;
  std::optional<Hash> digest;  ///< Empty after a change.
  // Of the overlay.
  std::map<DeviceId, Instant> chosen;  ///< Dialled for a better degree, since when; not linked yet.
  Instant last_chosen{};               ///< Or when the workspace came.
  Instant explore_due{};

  bool full_mesh() const { return members.size() < kFullMeshMembersMax; }
};

/// What is told about a device, across its links.
struct DeviceRecord {
  std::uint32_t ties = 0;  ///< Times that there was a link of each direction, lately.
  Instant tied{};
  std::optional<Instant> last_heard;
  std::optional<Duration> round_trip;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t faults = 0;
  // Saying more than it may: in this stretch of time, the last one.
  Instant flood_since{};
  std::optional<Instant> flood_last;
  // What it may say, over whichever link: a new one must not be a new budget.
  TokenBucket awareness_rate{kAwarenessPerLinkPerSecond, kAwarenessPerLinkBurst};
  std::map<DeviceId, TokenBucket> origin_rates;  ///< Of what it passes on, by author.
  TokenBucket exchange_rate{kExchangesPerSecond, kExchangesBurst};
  TokenBucket eager_taken_rate{kEagerTakenPerSecond, kEagerTakenBurst};
  TokenBucket unasked_rate{kUnaskedPerSecond, kUnaskedBurst};
  TokenBucket join_rate{kJoinsPerSecond, kJoinsBurst};
  Instant pulled{};       ///< When its log was pulled last, while it is slowed down.
  Duration quarantine{};  ///< The last one.
  std::optional<Instant> quarantined_until;
};

/// An awareness message that the engine has.
struct AwarenessOut {
  DeviceId peer;
  AwarenessKey key;
  std::uint64_t counter = 0;
  SharedFrame frame;
  Instant said{};
};

/// The highest counter seen of one topic.
struct TopicSeen {
  std::uint64_t counter = 0;
  std::uint64_t used = 0;  ///< For forgetting the one that was quiet longest.
  SharedFrame frame;       ///< What was said, for those who come; null when it is too old.
  Instant said{};
};

}  // namespace internal

struct Mesh::State {
  using Link = internal::Link;
  using Shared = internal::Shared;
  using Workspace = internal::Workspace;
  using LogKey = internal::LogKey;

  Options options;
  const EntrySource& source;
  internal::Dialer dialer;
  Random random;
  Now now;
  Instant started;
  MeshCounters counters;

  std::map<WorkspaceId, Workspace> workspaces;
  std::map<LinkId, Link> links;
  std::map<DeviceId, std::set<LinkId>> links_of;       ///< Of members; no set is empty.
  std::map<DeviceId, internal::DeviceRecord> devices;  ///< Members only.
  std::map<DeviceId, std::string> dialled;             ///< Address of the dial that is under way.
  std::uint64_t links_seen = 0;

  std::map<LogKey, internal::PullOut> pulls;
  std::set<LogKey> wanted;          ///< Logs of which some peer may hold more.
  std::optional<LogKey> looked_at;  ///< Where schedule_pulls() stopped.
  std::map<std::uint64_t, internal::RunOut> runs;
  std::uint64_t runs_seen = 0;
  std::size_t unverified_bytes = 0;  ///< Of all links, with those that are gone.
  std::size_t reserved_bytes = 0;

  std::map<std::uint64_t, internal::AwarenessOut> awareness;
  std::uint64_t awareness_seen = 0;
  std::map<std::pair<WorkspaceId, DeviceId>, std::map<std::uint64_t, internal::TopicSeen>> topics;
  std::uint64_t topics_used = 0;
  TokenBucket own_awareness_rate{kAwarenessPerSecond, kAwarenessOwnBurst};
  internal::AwarenessQueue own_awareness;  ///< Waiting for the budget.

  std::deque<Output> outputs;
  std::set<LinkId> sendable;  ///< Links that may have something to send and room for it.
  bool shutting_down = false;
  Instant overlay_due{};
  std::set<DeviceId> wanted_peers;  ///< As the dialer was told.

  State(Now at, Options with, const EntrySource& from);

  // mesh.cpp
  void begin(Now at);
  void woke();
  void dial_what_is_due();
  std::optional<SendFrame> next_frame(Link& link);
  std::optional<SendFrame> next_control(Link& link);
  std::optional<SendFrame> next_entries(Link& link);
  std::optional<SendFrame> next_awareness(Link& link);
  std::optional<SendFrame> next_bulk(Link& link);
  SendFrame handed_out(Link& link, TrafficClass traffic_class, Bytes frame);
  void ready(const Link& link) { sendable.insert(link.id); }
  Status handle_message(Link& link, Message& message);
  bool within_budget(Link& link, const Message& message);
  bool answers_pull(const Link& link, const Entries& message) const;
  bool note_flood(const Link& link);
  void quarantine(DeviceId device);  // By value: it may be that of a link that is closed by it.
  void end_quarantines();
  bool is_quarantined(const DeviceId& device) const;
  bool is_slowed(const DeviceId& device) const;

  // links.cpp
  void set_members(const WorkspaceId& id, const std::vector<MemberAddress>& members);
  bool is_member(const DeviceId& device) const;
  void share_workspaces(Link& link);
  void part(Link& link, const WorkspaceId& workspace);
  void link_up(LinkId id, const DeviceId& peer, bool outgoing, bool guest);
  void close_link(LinkId id, const char* reason);
  void forget_link(LinkId id);
  void settle(const DeviceId& device);
  void update_linked(const DeviceId& device);
  void heartbeat_soon();
  void beat(Link& link);
  /// The link to use for `device`: greeted, and heard from last. Null when there is none.
  Link* active_link(const DeviceId& device);
  /// Calls `use(link, shared)` for the active link of each device that is in `workspace`.
  template <typename Use>
  void each_peer(const WorkspaceId& workspace, Use use);
  const Hash& digest_of(const WorkspaceId& id);
  std::vector<WorkspaceState> states_for(const Link& link);
  void tell_neighbours(Link& link);
  std::set<DeviceId> neighbours_for(const Link& link, const WorkspaceId& workspace) const;
  Bytes make_neighbours(Link& link, const WorkspaceId& workspace);
  Status handle(Link& link, Neighbours& neighbours);
  Status handle(Link& link, Hello& hello);
  Status handle(Link& link, Heartbeat& heartbeat);
  Status handle(Link& link, Goodbye& goodbye);
  void read_states(Link& link, const std::vector<WorkspaceState>& states);
  std::uint64_t clock_us() const;
  Bytes make_hello(const Link& link, bool answer);
  Bytes make_heartbeat(const Link& link);

  // overlay.cpp
  void tend_overlay();
  void choose(Workspace& workspace);
  void explore(Workspace& workspace);
  void draw(Workspace& workspace, std::size_t count);
  void thin_out(const WorkspaceId& id, const Workspace& workspace);
  bool may_spare(const Link& link);
  bool has_others(const Link& link, const WorkspaceId& id) const;
  void spare(LinkId link);
  bool is_silent(const Link& link) const;
  std::size_t degree(const Workspace& workspace);
  bool has_partial_mesh() const;

  // entries.cpp
  Shared* shared_of(Link& link, const WorkspaceId& workspace);
  internal::LogView* view_of(Shared& shared, const LogId& log);
  static void claim(internal::LogView& view, Seq head);
  HeldLog held(const LogKey& key) const { return source.held(key.first, key.second); }
  Seq next_wanted(const LogKey& key);
  void compare(Link& link, Shared& shared, const WorkspaceState& theirs);
  void look_again();
  void reconsider(const WorkspaceId& id);
  void frontier_moved(const WorkspaceId& id);
  void want(const LogKey& key);
  void schedule_pulls(std::size_t look_at_most = SIZE_MAX);
  bool try_pull(const LogKey& key);
  bool search_wanted(const LogKey& key, const internal::LogView& view) const;
  Seq next_probe(const LogKey& key, internal::LogView& view) const;
  void start_search(const LogKey& key, internal::LogView& view, Seq high) const;
  bool search_goes_on(internal::LogView& view) const;
  void judge_probe(const internal::RunOut& run, RunVerdict verdict, internal::LogView& view);
  bool room_for_pull(const Link& link) const;
  void end_pull(const LogKey& key);
  void expire_pulls();
  void forget_idle_logs();
  void take_run(Link& link, const LogKey& key, Entries& message, Seq next, bool probe);
  void begin_exchange(Link& link, const WorkspaceId& workspace);
  void heads_due(Link& link, const WorkspaceId& workspace, const LogRange& range,
                 bool reply_wanted);
  void believe(Shared& shared, const WorkspaceId& workspace, const LogRange& range);
  std::size_t logs_held(const WorkspaceId& workspace, const LogRange& range) const;
  Bytes next_exchange(Link& link);
  Bytes make_frontier(const WorkspaceId& workspace, const LogRange& range, bool reply_wanted) const;
  Bytes make_summary(const WorkspaceId& workspace, const std::vector<LogRange>& ranges) const;
  Status handle(Link& link, FrontierReport& report);
  Status handle(Link& link, Summary& summary);
  Status handle(Link& link, Pull& pull);
  Status handle(Link& link, Entries& entries);
  Status handle(Link& link, Announce& announce);
  void stored(const WorkspaceId& workspace, const EntryRun& run, std::optional<LinkId> from);
  void farewell(const WorkspaceId& workspace, const DeviceId& device, const LogId& log,
                Seq through);
  void judge_run(std::uint64_t run_id, RunVerdict verdict);
  Instant pull_deadline(const internal::PullOut& pull) const;

  // awareness.cpp
  Status handle(Link& link, Awareness& message);
  Status handle(Link& link, Application& message);
  void publish(const WorkspaceId& workspace, std::uint64_t topic, std::uint64_t counter,
               Bytes message);
  void release_own_awareness();
  void keep(internal::TopicSeen& topic, internal::SharedFrame frame, Instant said);
  void forget_old_awareness();
  void tell_presence(Link& link);
  void judge_awareness(std::uint64_t awareness_id, AwarenessVerdict verdict);
};

template <typename Use>
void Mesh::State::each_peer(const WorkspaceId& workspace, Use use) {
  const auto found = workspaces.find(workspace);
  if (found == workspaces.end()) return;
  for (const DeviceId& device : found->second.linked) {
    Link* link = active_link(device);
    if (link == nullptr) continue;
    const auto shared = link->shared.find(workspace);
    if (shared != link->shared.end() && shared->second.joined) use(*link, shared->second);
  }
}

}  // namespace coterie::transport
