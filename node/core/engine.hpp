// The engine: one node as one state machine.
//
// Composes the mesh, each workspace's log, membership and documents, and the browser clients of
// this node's bridge. It owns no socket, file, thread, clock or entropy source. The daemon
// (node/daemon) drives it with the real parts, tests/sim with simulated ones.
//
// Contract: one input, then drain poll_output() until it returns nullopt, carrying out each output
// in order. Single-threaded: all calls from one thread.
//
// Durability order: nothing that tells somebody "this is safe" (an acknowledgement to a client, an
// entry to a peer, a reply to a command) is emitted before handle_committed() for the batch it
// depends on.

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
#include "node/core/history/text_versions.hpp"
#include "node/core/limits.hpp"
#include "node/core/mesh_picture.hpp"
#include "node/core/people.hpp"
#include "node/core/role.hpp"
#include "node/core/rooms/documents.hpp"
#include "node/core/rooms/events.hpp"
#include "node/core/rooms/room.hpp"
#include "node/core/visitor.hpp"
#include "storage/store.hpp"
#include "transport/core/mesh.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

using transport::LinkId;
using transport::TrafficClass;

/// One attached browser (or other Yjs client). Given by the driver, never reused in a process.
using ClientHandle = std::uint64_t;
/// Correlates a command with its Reply. Given by the caller.
using RequestId = std::uint64_t;
/// Correlates a CommitBatch with handle_committed().
using CommitToken = std::uint64_t;

// Commands: answered by Reply{request, ...}, after everything they write is durable.

struct CreateWorkspace {
  std::string name;  ///< 1 to 200 bytes of UTF-8.
};
struct JoinWorkspace {
  std::string invite;  ///< "coterie1...".
};
using Command =
    std::variant<CreateWorkspace, JoinWorkspace, CreateDocument, ImportDocument, SetProperties,
                 MoveDocuments, PutAway, CreateInvite, RevokeInvite, ApproveRequest, DenyRequest,
                 SetRole, SetDocumentRole, SetGuestStanding, SetSession, RemoveMember, RotateKeys,
                 Readmit, Revert, NameVersion, RestoreVersion, MakeCheckpoint, Prune, SetRetention,
                 PostMessage, AmendMessage, MarkRead, SetState, MergeText>;

struct WorkspaceReady {  ///< Of CreateWorkspace and JoinWorkspace.
  WorkspaceId workspace;
  std::string name;
  std::string document;  ///< The path of the one the invite was to, if it was to one.
};
/// Of JoinWorkspace, when a host has to approve. The node goes on asking by itself, also after a
/// restart; giving the command again answers how it stands.
struct JoinWaiting {
  WorkspaceId workspace;
};
using CommandResult =
    std::variant<Done, WorkspaceReady, JoinWaiting, DocumentCreated, DocumentsChanged,
                 InviteCreated, Reverted, VersionNamed, VersionRestored, CheckpointMade, Pruned,
                 MessagePosted, TextMerged>;

// Queries: answered at once from what is held here.

/// Since this process began, except what is there now.
struct Counters {
  std::uint64_t updates_received = 0;    ///< Messages of clients: updates,
  std::uint64_t awareness_received = 0;  ///< and presence.
  std::uint64_t updates_stored = 0;      ///< Entries of this device's own: updates of documents.
  std::uint64_t compactions = 0;         ///< Snapshots of documents that took the place of tails.
  std::uint64_t documents_open = 0;      ///< Now: in memory.
  std::uint64_t documents_active = 0;    ///< Now: with clients of the bridge.
  std::uint64_t clients = 0;             ///< Now: of documents' content.
};

/// What a relay keeps of one workspace.
struct RelayInfo {
  std::uint64_t quota = 0;   ///< In bytes.
  std::uint64_t used = 0;    ///< Bytes on the disk, nearly (kEntryRowBytes).
  std::size_t declined = 0;  ///< Logs of which it took no more for the quota.
};
struct WorkspaceInfo {
  WorkspaceId id;
  std::string name;
  Role role;  ///< Of this device.
  std::optional<RelayInfo> relay;
  std::size_t members = 0;
  std::size_t documents = 0;
  std::uint64_t entries = 0;
};
class Engine {
 public:
  /// Where a member may be dialled besides what it says itself.
  struct StaticPeer {
    std::string device;   ///< Its name, or the first digits, four or more, of its id.
    std::string address;  ///< "tcp://HOST:PORT".
    bool operator==(const StaticPeer&) const = default;
  };
  struct Options {
    std::string device_name;             ///< Shown to other members.
    std::vector<std::string> addresses;  ///< Where others may dial us: "tcp://HOST:PORT".
    std::vector<StaticPeer> static_peers;
    /// Whether beacons go out and are heard (beacon.hpp), and the TCP port in ours; 0: none goes
    /// out.
    bool beacons = false;
    std::uint16_t beacon_port = 0;
    Duration coalesce = std::chrono::milliseconds(10);  ///< Updates of one document, one entry.
    std::uint64_t seed = 0;                             ///< For jitter only.
    std::size_t client_window_bytes = 4u << 20;         ///< Unsent to one client; beyond, resync.
    std::uint64_t tail_entries_max = 1000;  ///< Of a document before its snapshot is renewed.
    Duration unload_after = std::chrono::seconds(60);  ///< A replica nobody uses.
    /// Hosts begin a new key epoch when one is this old, or this many entries came since,
    Duration rotate_after = std::chrono::hours(24 * 7);
    std::uint64_t rotate_entries = 100'000;
    Duration rotate_spread = std::chrono::minutes(10);  ///< after a random part of this.
    /// Of the entries of one workspace, while this device is a relay in it (quota.hpp).
    std::uint64_t relay_quota_bytes = kRelayQuotaBytes;
    /// Where the stores are, as far as can be told (identity/data_dir.hpp): `place_found` when the
    /// process began, `place` what to find next time. Unless what a store noted last is what was
    /// found, a new log is begun in it. Empty where it cannot be told: then the first entry
    /// decides, by whether a peer was found in step.
    Bytes place_found;
    Bytes place;
    transport::Mesh::Options mesh;  ///< `self` and `seed` are filled in by the engine.
  };

  // Outputs.
  using SendFrame = transport::Mesh::SendFrame;
  using CloseLink = transport::Mesh::CloseLink;
  /// Open a CURVE link to the holder of `device`'s key, presenting our own key, or, to join,
  /// the key of an invite (`invite_key` set).
  struct Dial {
    DeviceId device;
    std::string address;
    std::shared_ptr<const crypto::SigningKey> invite_key;
  };
  /// The devices ZAP admits from now on, complete list. Guests hold the key of a live invite.
  struct AllowPeers {
    std::vector<DeviceId> members;
    std::vector<DeviceId> guests;
  };
  /// Write `batch` to the store of `workspace`; answered by handle_committed() or
  /// handle_commit_failed(). Batches of one workspace must be committed in order.
  struct CommitBatch {
    WorkspaceId workspace;
    CommitToken token;
    storage::WriteBatch batch;
  };
  /// One WebSocket binary message.
  struct SendToClient {
    ClientHandle client;
    std::shared_ptr<const Bytes> message;
  };
  struct CloseClient {
    ClientHandle client;
    std::uint16_t code;  ///< WebSocket close code.
    std::string reason;  ///< At most 123 bytes.
  };
  /// What a client may do is another than before; the first is told by handle_client_open().
  struct ClientRole {
    ClientHandle client;
    Role role;
  };
  /// To everybody on the local networks.
  struct SendBeacon {
    Bytes datagram;
  };
  /// To a watcher: what is told was durable here before.
  struct SendEvent {
    ClientHandle watcher;
    std::shared_ptr<const RoomEvent> event;
  };
  struct Reply {
    RequestId request;
    Result<CommandResult> result;
  };
  /// For the log and the operator. No content, document names or keys.
  struct Notice {
    enum class Level : std::uint8_t { kInfo, kWarning, kError };
    Level level;
    std::string text;
  };
  using Output = std::variant<SendFrame, CloseLink, Dial, AllowPeers, CommitBatch, SendToClient,
                              CloseClient, ClientRole, SendEvent, SendBeacon, Reply, Notice>;

  /// Opens every workspace in `stores` and checks what it holds. `stores` and `random` must outlive
  /// the engine. Blocks on disk. Errors: kCorrupt, kIo.
  static Result<std::unique_ptr<Engine>> open(Now now, Options options, crypto::SigningKey identity,
                                              storage::StoreProvider& stores, SecureRandom& random);
  ~Engine();

  // Links (see Mesh).
  void handle_link_up(Now now, LinkId link, const DeviceId& peer, bool outgoing);
  void handle_dial_failed(Now now, const DeviceId& device, const std::string& address);
  void handle_link_down(Now now, LinkId link);
  void handle_sent(Now now, LinkId link, std::size_t bytes);
  Status handle_frame(Now now, LinkId link, ByteView frame);

  // Where everybody is.
  /// The machine has other addresses than before, or may have: members are told, and everybody is
  /// dialled anew who is not linked. At most kAddressesMax; those that are no addresses are left
  /// out.
  void handle_addresses(Now now, std::vector<std::string> addresses);
  /// A datagram of the local network, from a host such as "192.0.2.7" or "fe80::1%eth0".
  void handle_beacon(Now now, const std::string& source, ByteView datagram);

  // Storage.
  void handle_committed(Now now, CommitToken token);
  /// The batch was not written. kNoSpace: the workspace turns read-only and the batch is kept and
  /// tried again; everything else: the workspace stops writing until restart.
  void handle_commit_failed(Now now, CommitToken token, Error error);

  // Clients of the bridge: the y-websocket protocol (docs/PROTOCOL.md, "Bridge").
  struct ClientOptions {
    bool saved_messages = false;  ///< Asked for by ?saved=1: message type 100, see PROTOCOL.md.
    /// Each step 1 of the client is answered by one of ours, too, and none comes by itself.
    bool asks_back = false;
    Visitor visitor = {};
  };
  /// `workspace` is an id in hexadecimal or a workspace's name, if only one has it. The document is
  /// made at its first edit. Gives what the client may do. Errors (refuse the upgrade): kNotFound,
  /// kMalformed, kLimitExceeded, kUnauthorized (a guest who is out), kUnavailable.
  Result<Role> handle_client_open(Now now, ClientHandle client, std::string_view workspace,
                                  std::string_view path, ClientOptions options);
  /// Its token was renewed: it is the same guest, who may do more or less. ClientRole tells.
  void handle_client_visitor(Now now, ClientHandle client, const Visitor& visitor);
  void handle_client_message(Now now, ClientHandle client, ByteView message);
  /// `bytes` of messages handed out earlier have left for the network.
  void handle_client_sent(Now now, ClientHandle client, std::size_t bytes);
  void handle_client_closed(Now now, ClientHandle client);

  // Watchers: they follow what happens in a document besides its text. Handles are of the same
  // numbers as clients'; what they cause is told by SendEvent and CloseClient.
  /// Errors: as handle_client_open(); kNotFound too if the document was not made yet.
  Status handle_watch_open(Now now, ClientHandle watcher, std::string_view workspace,
                           std::string_view path, WatchOptions options);
  /// Errors: kLimitExceeded (kParticipantNameBytesMax, kAwarenessStateBytesMax), kMalformed (no
  /// JSON), kNotFound.
  Status handle_watch_presence(Now now, ClientHandle watcher, PresenceUpdate update);
  void handle_watch_closed(Now now, ClientHandle watcher);

  void handle_command(Now now, RequestId request, Command command);
  void handle_timeout(Now now);

  /// Writes out what is waiting and withdraws presence; nothing new is taken from here on. Links
  /// stay, so that others get it.
  void prepare_to_stop(Now now);
  /// Whether all linked members hold what this device wrote lately, as far as it is committed.
  bool delivered(Now now) const;
  /// As prepare_to_stop(), and says goodbye. Drain; once no CommitBatch is outstanding the process
  /// may end.
  void shut_down(Now now);

  std::optional<Output> poll_output();
  std::optional<Instant> next_deadline() const;

  // Queries.
  const DeviceId& self() const;
  std::vector<WorkspaceInfo> workspaces() const;
  /// As handle_client_open() finds it. Errors: kNotFound; kConflict (several have that name).
  Result<WorkspaceId> find_workspace(std::string_view id_or_name) const;
  /// By path; in the trash also by id.
  Result<std::vector<DocumentInfo>> documents(const WorkspaceId& workspace,
                                              const DocumentQuery& query = {}) const;
  /// Of a document by its path or id, in the trash or not. Errors: kNotFound.
  Result<DocumentInfo> document(const WorkspaceId& workspace, std::string_view name) const;
  /// By id of document. Looks at kSearchDocumentsMax documents and kSearchBytesMax of text, or
  /// little more, and then gives what it found. Errors: kNotFound, kMalformed, kLimitExceeded.
  Result<SearchPage> search(Now now, const SearchQuery& query);
  Result<std::vector<MemberInfo>> members(const WorkspaceId& workspace) const;
  Result<std::vector<InviteInfo>> invites(const WorkspaceId& workspace) const;
  Result<std::vector<SetAsideInfo>> set_aside(const WorkspaceId& workspace) const;
  /// Errors: kNotFound, kCorrupt, kIo.
  Result<std::vector<ForkInfo>> forks(const WorkspaceId& workspace) const;
  /// Checkpoints that are known, and how long history is kept. Errors: kNotFound.
  Result<RetentionInfo> retention(const WorkspaceId& workspace) const;
  /// Who may do what in a document, whether it was made yet or not. Errors: kNotFound (the
  /// workspace), those of check_document_path().
  Result<DocumentRoles> document_roles(const WorkspaceId& workspace, std::string_view path) const;
  /// What a visitor may do in a document, whether it was made yet or not, or without a path in the
  /// workspace as a whole; nothing: not even read. Errors: as document_roles().
  Result<std::optional<Role>> role_of(const WorkspaceId& workspace,
                                      std::optional<std::string_view> path,
                                      const Visitor& visitor) const;
  Result<std::vector<KnownDevice>> known_devices(const WorkspaceId& workspace) const;
  Result<std::vector<RequestInfo>> requests(const WorkspaceId& workspace) const;
  /// Joins of this device that wait for approval.
  std::vector<WaitingInfo> waiting() const;
  /// One page; costs about 5 us an entry looked at. Errors: kNotFound, kCorrupt, kIo.
  Result<AuditPage> audit(const WorkspaceId& workspace, const AuditQuery& query) const;
  Result<std::vector<transport::PeerStatus>> peers(const WorkspaceId& workspace) const;
  /// Who is linked with whom in the whole workspace (mesh_picture.hpp). What this node does not
  /// know itself it asks for: the first picture may lack what the next has, some seconds later.
  /// Errors: kNotFound.
  Result<MeshPicture> mesh(Now now, const WorkspaceId& workspace);
  /// When something that a member wrote or showed last arrived, whoever brought it; since this
  /// process began.
  Result<std::map<DeviceId, Instant>> arrivals(const WorkspaceId& workspace) const;
  // Versions of a document. Cost: a pass over the logs, and the making of the document. Errors:
  // kNotFound, kConflict (a choice fits several), kLimitExceeded (kHistoryAnswerBytesMax,
  // kHistoryRangesMax), kMalformed (a named version that is none), kCorrupt, kIo.
  /// The newest `limit`, at most kVersionsListedMax.
  Result<VersionList> versions(Now now, const WorkspaceId& workspace, std::string_view path,
                               std::size_t limit);
  Result<VersionContent> version(Now now, const WorkspaceId& workspace, std::string_view path,
                                 const VersionChoice& choice);
  /// What changed from one to the other; `from` may be the newer.
  Result<VersionDiff> diff(Now now, const WorkspaceId& workspace, std::string_view path,
                           const VersionChoice& from, const VersionChoice& to);
  /// Who wrote the text of a version.
  Result<Blame> blame(Now now, const WorkspaceId& workspace, std::string_view path,
                      const VersionChoice& at);
  // Rooms. Errors: kNotFound, kLimitExceeded (the page), kCorrupt, kIo.
  Result<RoomView> room(Now now, const RoomQuery& query);
  /// Messages of the whole workspace that mention a device of this person.
  Result<RoomView> mentions(Now now, const RoomQuery& query);
  Result<RoomView> message(Now now, const WorkspaceId& workspace, const Hash& id);
  /// What a guest of a member's bridge called itself last, as far as is known here; else empty.
  std::string guest_name(const WorkspaceId& workspace, const Author& author) const;
  /// Who is there now, as its watchers were told. Errors: kNotFound.
  Result<std::vector<Participant>> participants(const WorkspaceId& workspace,
                                                std::string_view path) const;
  /// All keys, ascending, at most kStateKeysMax. Errors: kNotFound, kCorrupt, kIo.
  Result<std::vector<StateItem>> session_state(const WorkspaceId& workspace,
                                               std::string_view path) const;
  /// Errors: kNotFound, kLimitExceeded (the page), kCorrupt, kIo.
  Result<ActivityPage> activity(const ActivityQuery& query) const;
  /// Where the document of that id is. Errors: kNotFound.
  struct DocumentPlace {
    WorkspaceId workspace;
    std::string path;
  };
  Result<DocumentPlace> find_document(const DocumentId& id) const;
  /// O(documents).
  Counters counters() const;
  Result<Hash> frontier_digest(const WorkspaceId& workspace) const;
  /// Devices whose updates were refused here, ever, for the Yjs client ids in them: they claimed
  /// another's, or said otherwise what was said. For audits. Errors: kNotFound.
  Result<std::vector<DeviceId>> offenders(const WorkspaceId& workspace) const;
  /// Undoes what survives of the changes that `devices` made since `since` (by the clocks of their
  /// entries), by edits of this device's own; of whatever others did, nothing. With `preview`
  /// nothing is written. Not durable yet when it returns. Errors: kNotFound; kUnauthorized (hosts
  /// and editors only); kLimitExceeded (kRevertBytesMax, kUpdateBytesMax; nothing is written);
  /// kUnavailable, kNoSpace, kIo, kCorrupt.
  Result<std::vector<RevertedDocument>> revert(Now now, const WorkspaceId& workspace,
                                               const std::set<DeviceId>& devices, WallMillis since,
                                               bool preview);
  /// Loads the document if need be. `root` names a Text type; stock editors differ ("monaco",
  /// "codemirror", "quill"); empty: every root, each as text. Errors: kNotFound.
  Result<std::string> document_text(const WorkspaceId& workspace, std::string_view path,
                                    std::string_view root);
  /// One text with its version. `root` empty: what editors of text bind ("monaco"), or the only
  /// root that there is. Errors: kNotFound, kMalformed (the root is no text), kCorrupt, kIo.
  Result<TextContent> text(Now now, const WorkspaceId& workspace, std::string_view document,
                           const std::string& root);
  /// Why nothing can be written in a workspace now: its disk is full, or failed, or cannot keep up.
  /// Errors: kNotFound.
  Result<std::optional<Error>> disk_obstacle(const WorkspaceId& workspace) const;
  /// The whole document as an update (v1). Errors: kNotFound.
  Result<Bytes> document_update(const WorkspaceId& workspace, std::string_view path);
  /// Yjs state vector (v1). Errors: kNotFound.
  Result<Bytes> document_state_vector(const WorkspaceId& workspace, std::string_view path);

 private:
  struct State;
  std::unique_ptr<State> state_;
  explicit Engine(std::unique_ptr<State> state);
};

}  // namespace coterie::node
