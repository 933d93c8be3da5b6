// The mesh: links to other devices, and the exchange of log entries and awareness over them, as a
// pure state machine.
//
// The mesh moves opaque entries. It knows frontiers, sequence numbers and hashes; it does not read
// an entry, check a signature or know a role: node/core does, through EntrySource and the answers
// to its outputs. The same object runs under the ZeroMQ driver (transport/zmq/driver.hpp), the
// simulator (tests/sim) and fuzzers. Frames are described in docs/PROTOCOL.md, "Frames".
//
// How entries travel:
//   push           entries_stored() sends new entries to every linked member of the workspace that
//                  needs them from us: all of them for our own entries; for entries that came over
//                  a link, those peers that are not linked to the author themselves (peers announce
//                  whom they are linked to).
//   anti-entropy   peers tell each other a digest of their frontier in every heartbeat. Where
//                  digests differ they exchange frontiers; each side pulls what it lacks, in
//                  bounded batches.
//   gaps           a pushed run that does not continue what we hold starts a pull.
//   announcements  entries of kAnnounceEntryBytesMin and more, and pushes to a peer that is behind,
//                  travel as "I hold this log up to N"; the receiver pulls.
//   pruned logs    what a source holds no more (HeldLog::pruned) is not served: the puller is told
//   so
//                  and PullBelowBase is put out, for the peer to be given another thing instead.
//
// A long catch-up streams: the next pull leaves when the last one is answered, not when it is
// committed. So a RunReceived may continue an earlier run of its log that is still being verified
// or written; whoever judges it must remember that run, and answer kDeferred to what follows a run
// that failed. Unverified bytes are bounded per link and in total (limits.hpp).
//
// A peer that says more than it may (limits.hpp) is throttled: its pushes are taken as
// announcements and pulled in turn, its other frames are not heard. Who goes on for kFloodMax is
// quarantined: its links are closed, for a minute at first. What it writes still comes, by others,
// at their pace.
//
// Every link has its own outbox. Bulk, frontiers, pulls and heartbeats are written when there is
// room for them, from the state of that moment; pushes wait in a bounded queue, and those that find
// it full are dropped and healed by anti-entropy; awareness keeps the newest message per topic.
//
// With up to kFullMeshMembersMax members of a workspace everybody is linked with everybody. In a
// larger one each node keeps about eight links: it dials members at random, four of them always by
// its own choice, and closes links that others opened when it has too many, but never one that the
// other can hardly do without. What is said above about pushes then floods the workspace; each node
// takes in an entry once.
//
// When two devices end up with two links, the device with the smaller id keeps one and closes the
// other: its own, unless nothing was heard on it for a while. The other device never closes one of
// two live links, so that they cannot both close the other's choice. Of two links with the same
// direction the newer replaces the older.
//
// Contract: one input, then drain poll_output() until it returns nullopt, carrying out each output
// in order. Single-threaded: all calls from one thread.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "crdt/base/random.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::transport {

/// Names one connection while it lives. Given by the driver, never reused within a process.
using LinkId = std::uint64_t;

/// Frames of different classes never wait for one another longer than one frame.
enum class TrafficClass : std::uint8_t { kControl = 0, kEntries = 1, kAwareness = 2, kBulk = 3 };
inline constexpr std::size_t kTrafficClassCount = 4;

/// Consecutive entries of one log, each in its stored form.
struct EntryRun {
  LogId log;
  Seq first = 0;
  std::vector<Bytes> entries;
};

/// How far a log is held.
struct HeldLog {
  LogHead head;
  /// Two other logs begin where it ends (it forked): it will never be longer, and a peer that has
  /// more of it does not know of the fork.
  bool closed = false;
  /// Entries up to this one were dropped here and are not served any more; 0 when all are held.
  /// Never above `head.seq`.
  Seq pruned = 0;
  /// There is no room here for what comes next in it: nobody is asked for it. A source says so once
  /// it has deferred a run for that reason.
  bool full = false;
};

/// What the mesh reads: the entries that are verified and durably stored here.
class EntrySource {
 public:
  virtual ~EntrySource() = default;

  /// Null for a workspace that is not held here. Valid until the next input.
  virtual const Frontier* frontier(const WorkspaceId& workspace) const = 0;

  /// How far `log` is held, which may be in no frontier: a source can know that what a peer calls a
  /// log is part of another here.
  virtual HeldLog held(const WorkspaceId& workspace, const LogId& log) const {
    const Frontier* all = frontier(workspace);
    if (all == nullptr) return {};
    const auto found = all->find(log);
    return {found == all->end() ? LogHead{} : found->second};
  }

  /// Entries of `log` from `first` on: at least one if there is one, then as many as fit in
  /// `bytes_max`. Empty when there is none. Never asked for pruned ones.
  virtual EntryRun read(const WorkspaceId& workspace, const LogId& log, Seq first,
                        std::size_t bytes_max) const = 0;
};

/// A device we may be linked with on behalf of a workspace.
struct MemberAddress {
  DeviceId device;
  std::vector<std::string> addresses;  ///< "tcp://HOST:PORT", most promising first. May be empty.

  bool operator==(const MemberAddress&) const = default;
};

/// Whether a received run was of use. A fault counts against the peer.
enum class RunVerdict : std::uint8_t {
  kStored,    ///< Committed here, all of it (or held before).
  kDeferred,  ///< Not usable yet (its author's admission is not known here): ask again later.
  kRefused,   ///< Does not verify, or the author may not write.
  /// Does not verify as a continuation of what is held here, but might of something else: an
  /// earlier part is asked for, to find where the two part. Never of a run from the first entry on.
  kApart,
};

/// Whether a received awareness message is what it says.
enum class AwarenessVerdict : std::uint8_t {
  kGenuine,  ///< Signed by its origin: remember its counter and forward it.
  kIgnored,  ///< Of no use here (a key or a document that is unknown): no fault, not forwarded.
  kRefused,  ///< Forged or malformed: a fault of the peer, not forwarded.
};

/// How it goes with reaching a member that is not linked.
struct DialStatus {
  std::string address;  ///< That is tried now, or next.
  bool dialling = false;
  std::optional<Instant> next;  ///< Nothing while it is dialled, or is not wanted as a neighbour.
};

/// What `coterie peers` shows about one member.
struct PeerStatus {
  DeviceId device;
  bool linked = false;
  bool in_step = false;              ///< Same frontier digest at the last heartbeat.
  std::uint64_t entries_behind = 0;  ///< Entries they hold that we lack, as far as we know.
  std::uint64_t entries_ahead = 0;   ///< Entries we hold that they lack, as far as we know.
  std::optional<Instant> last_heard;
  std::optional<Duration> round_trip;  ///< Of the last heartbeat.
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::string address;             ///< Where it is linked, as dialled; empty when it dialled us.
  std::vector<DeviceId> via;       ///< Linked members that say they are linked to it.
  std::optional<DialStatus> dial;  ///< Of one that is not linked and has an address.
  std::uint64_t faults = 0;        ///< Runs and awareness messages of theirs that were refused.
  bool throttled = false;  ///< It says more than it may (limits.hpp, kUnaskedPerSecond), just now.
  std::optional<Instant> quarantined_until;
};

/// What happened so far, for metrics and for tests that must know that it did.
struct MeshCounters {
  std::uint64_t runs_pushed = 0;     ///< Sent, per link.
  std::uint64_t runs_forwarded = 0;  ///< Of these: entries that came over another link.
  std::uint64_t pushes_dropped = 0;  ///< Outbox full.
  std::uint64_t announces_sent = 0;
  std::uint64_t pulls_sent = 0;
  std::uint64_t pulls_timed_out = 0;
  std::uint64_t pulls_served = 0;
  std::uint64_t pulls_below_base = 0;  ///< Of peers, for entries that were pruned here.
  std::uint64_t pulls_unserved = 0;    ///< Ours, of entries that were pruned at the peer.
  std::uint64_t frontiers_sent = 0;
  std::uint64_t runs_received = 0;     ///< Given to the engine.
  std::uint64_t runs_duplicate = 0;    ///< Held already.
  std::uint64_t runs_with_gap = 0;     ///< Not joining what we hold.
  std::uint64_t runs_over_budget = 0;  ///< Too much unverified; pulled again later.
  std::uint64_t runs_deferred = 0;
  std::uint64_t runs_refused = 0;
  std::uint64_t runs_apart = 0;  ///< Of another branch than ours.
  std::uint64_t awareness_forwarded = 0;
  std::uint64_t awareness_dropped = 0;     ///< Stale, over budget, or no room.
  std::uint64_t awareness_kept_bytes = 0;  ///< Now, for those who come.
  std::uint64_t links_replaced = 0;        ///< Tie-breaks and stale links.
  std::uint64_t links_timed_out = 0;
  std::uint64_t over_budget = 0;      ///< Frames beyond what a peer may say.
  std::uint64_t announces_paced = 0;  ///< Pushes of ours that became announcements for that.
  std::uint64_t quarantines = 0;
  std::uint64_t links_spared = 0;    ///< Closed because there were enough others.
  std::uint64_t unknown_frames = 0;  ///< Of kinds and versions we do not know.
  std::uint64_t wakes = 0;           ///< Times the machine seems to have slept.
};

class Mesh {
 public:
  struct Options {
    DeviceId self;
    std::uint64_t seed = 0;  ///< For jitter only.
    Duration heartbeat = std::chrono::milliseconds(1500);
    Duration link_timeout = std::chrono::milliseconds(4500);  ///< Without a frame, a link is dead.
    Duration dial_delay_min = std::chrono::milliseconds(200);
    Duration dial_delay_max = std::chrono::seconds(10);
    std::size_t link_window_bytes =
        std::size_t{256} * 1024;  ///< Handed to the driver and not yet sent.
    std::size_t outbox_bytes_max =
        std::size_t{4096} * 1024;  ///< Per link; beyond it pushes are dropped.
  };

  // Outputs.
  struct SendFrame {
    LinkId link;
    TrafficClass traffic_class;
    Bytes frame;  ///< At most kFrameBytesMax (transport/wire/limits.hpp).
  };
  struct CloseLink {
    LinkId link;
    const char* reason;
  };
  /// Open a link to `device` at `address`; answered by handle_link_up() or handle_dial_failed().
  struct Dial {
    DeviceId device;
    std::string address;
  };
  /// A run from a peer, to be verified and stored; answered by handle_run_verdict().
  struct RunReceived {
    std::uint64_t run_id;
    LinkId link;
    WorkspaceId workspace;
    EntryRun run;
  };
  /// A sealed awareness message of `origin`, new to us; content unchecked. Answered by
  /// handle_awareness_verdict(); until then it is not forwarded.
  struct AwarenessReceived {
    std::uint64_t awareness_id;
    WorkspaceId workspace;
    DeviceId origin;
    std::uint64_t topic;
    std::uint64_t counter;
    Bytes message;
    Duration age{};  ///< How long ago it was said: a peer told us what it knew.
  };
  /// A frame of kind "application" (used by joining and by checkpoint transfer); the mesh does not
  /// look inside.
  struct ApplicationReceived {
    LinkId link;
    Bytes payload;
  };
  /// A device became linked (its hello is in) for a shared workspace, or stopped being so.
  struct LinkChanged {
    WorkspaceId workspace;
    DeviceId device;
    bool linked;
  };
  /// The peer pulled entries that were pruned here, and was told that it cannot have them. At most
  /// once per link and workspace in kBelowBasePause.
  struct PullBelowBase {
    LinkId link;
    WorkspaceId workspace;
  };
  /// `device` said more than it may for long, and its links are closed; or that is over (`until` is
  /// empty). In between it should not be let in.
  struct QuarantineChanged {
    DeviceId device;
    std::optional<Instant> until;
  };
  using Output = std::variant<SendFrame, CloseLink, Dial, RunReceived, AwarenessReceived,
                              ApplicationReceived, LinkChanged, PullBelowBase, QuarantineChanged>;

  /// `source` must outlive the mesh.
  Mesh(Now now, Options options, const EntrySource& source);
  ~Mesh();

  // What this node takes part in.
  /// Adds the workspace, or replaces its members (self included or not: it is ignored). From a
  /// device that is no longer among them nothing about the workspace is taken from here on, queued
  /// awareness and pulls are dropped, and it is not dialled. If it shares no other workspace, its
  /// links are closed, after kFarewellMax if it was in this one: see farewell().
  void set_workspace(Now now, const WorkspaceId& workspace, std::vector<MemberAddress> members);
  /// The engine knows more about who may write than when it deferred runs: they are asked for again
  /// soon, however often they were deferred. Cost: O(logs with something outstanding).
  void reconsider(Now now, const WorkspaceId& workspace);
  /// The frontier of the workspace moved otherwise than by entries_stored(): what a checkpoint
  /// covers was taken over. Pulls go on from the new heads at once, and frontiers are exchanged
  /// with every peer. Cost: O(logs times peers).
  void frontier_moved(Now now, const WorkspaceId& workspace);
  /// The last thing that a device which was dropped from the workspace is sent, so that it learns
  /// why: the entries of `log` up to `through` that it lacks as far as we know, as pushes, then
  /// goodbye if no other workspace is shared. Nothing happens without a link to it.
  void farewell(Now now, const WorkspaceId& workspace, const DeviceId& device, const LogId& log,
                Seq through);

  // Links. `peer` is the device that CURVE authenticated. A guest is a device that presented the
  // key of a live invite and is no member: only application frames pass to and from it.
  void handle_link_up(Now now, LinkId link, const DeviceId& peer, bool outgoing, bool guest);
  void handle_dial_failed(Now now, const DeviceId& device, const std::string& address);
  void handle_link_down(Now now, LinkId link);
  /// The machine may be on another network than before: whom it has no link to is dialled at once,
  /// and links have to prove soon that they are alive.
  void network_changed(Now now);
  /// `bytes` handed out earlier for `link` have left the driver's queue.
  void handle_sent(Now now, LinkId link, std::size_t bytes);

  /// Errors: kMalformed, kLimitExceeded, kUnauthorized. On error nothing changed; the caller counts
  /// it and closes the link after several.
  Status handle_frame(Now now, LinkId link, ByteView frame);

  // Entries.
  /// `run` is now committed here: own entries, or those of a run that was received over `from`.
  void entries_stored(Now now, const WorkspaceId& workspace, const EntryRun& run,
                      std::optional<LinkId> from);
  /// Before or after the entries_stored() of the same run.
  void handle_run_verdict(Now now, std::uint64_t run_id, RunVerdict verdict);

  // Awareness.
  void handle_awareness_verdict(Now now, std::uint64_t awareness_id, AwarenessVerdict verdict);

  /// Sends `message` (signed and sealed by node/core) to all linked members, best effort: when a
  /// link is slow, the newest message per `topic` replaces older ones. `counter` grows with each
  /// message of this device; receivers drop what is not above the last one of (device, topic).
  /// What was said last of each topic is told to those who come later, until kAwarenessLifetime.
  /// Forwarded like entries: only to those that are not linked to the origin. Over the budget of a
  /// device (limits.hpp) the newest per topic waits its turn.
  void publish_awareness(Now now, const WorkspaceId& workspace, std::uint64_t topic,
                         std::uint64_t counter, Bytes message);

  /// As control, or as bulk: that never delays what is urgent, and takes turns with answers to
  /// pulls. Errors: kNotFound (the link is gone), kLimitExceeded (above kApplicationBytesMax),
  /// kUnavailable (the peer does not read).
  Status send_application(Now now, LinkId link, ByteView payload,
                          TrafficClass traffic_class = TrafficClass::kControl);
  /// Whether no bulk application frame waits on `link`. It becomes true after handle_sent().
  bool takes_bulk(LinkId link) const;

  /// Early, late and repeated calls are all safe; before the deadline it does nothing.
  void handle_timeout(Now now);

  /// Says goodbye on every link, so that peers notice at once. Drain, flush, then stop.
  void shut_down(Now now);

  std::optional<Output> poll_output();
  std::optional<Instant> next_deadline() const;

  std::vector<PeerStatus> peers(const WorkspaceId& workspace) const;
  /// Whether `device` is linked, or a linked member says that it is to it. Cost: O(links).
  bool reaches(const WorkspaceId& workspace, const DeviceId& device) const;
  /// Whether a linked member said, with its last heartbeat, that it holds the same. Cost: O(links).
  bool in_step(const WorkspaceId& workspace) const;
  /// How many linked members do not hold `log` up to `seq`, as they said last. Cost: O(links).
  std::size_t lacking(const WorkspaceId& workspace, const LogId& log, Seq seq) const;
  /// How many do, of those.
  std::size_t holding(const WorkspaceId& workspace, const LogId& log, Seq seq) const;
  bool is_quarantined(const DeviceId& device) const;
  const MeshCounters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coterie::transport
