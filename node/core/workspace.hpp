// One workspace of this node: its ledger, documents and presence, and the clients attached to them.
//
// Life of an edit: a client's update is applied to the replica, goes to the other clients at once
// and into the document's queue; after the coalescing window the queue is merged into one record,
// one entry, one batch; when that is durable the clients that wrote it are told and the mesh pushes
// it.
//
// Single-threaded owner, driven by Engine.

#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "crdt/base/token_bucket.hpp"
#include "node/core/authors.hpp"
#include "node/core/cards.hpp"
#include "node/core/checkpoint/keeper.hpp"
#include "node/core/client.hpp"
#include "node/core/context.hpp"
#include "node/core/document_store.hpp"
#include "node/core/history/merge_text.hpp"
#include "node/core/history/text_versions.hpp"
#include "node/core/invite.hpp"
#include "node/core/join.hpp"
#include "node/core/ledger.hpp"
#include "node/core/mesh_picture.hpp"
#include "node/core/presence.hpp"
#include "node/core/preview.hpp"
#include "node/core/rooms/attendance.hpp"
#include "node/core/rooms/properties.hpp"
#include "node/core/rooms/rooms.hpp"
#include "node/core/rooms/watchers.hpp"
#include "node/core/steward.hpp"
#include "node/core/transfer.hpp"
#include "node/core/views.hpp"
#include "transport/core/mesh.hpp"

namespace coterie::node {

class History;

class Workspace : private Views::Host,
                  private Keeper::Host,
                  private Cards::Host,
                  private PreviewGiver::Source {
 public:
  /// Why a client is to be closed.
  struct Closing {
    std::uint16_t code;
    std::string reason;
  };
  /// What the client holds is not what the document is: it must begin anew, with nothing. (From
  /// 4400 to 4499 stock providers do not try again by themselves.)
  static constexpr std::uint16_t kCloseReplaced = 4409;
  /// The document is in the trash.
  static constexpr std::uint16_t kCloseTrashed = 4410;

  /// Everything referred to must outlive the workspace. Not movable: its parts refer to it.
  Workspace(Now now, Context& context, transport::Mesh& mesh, const WorkspaceId& id,
            storage::Store& store);

  /// Reads and checks the store. Errors: kCorrupt, kIo.
  Status load();
  /// Whether this store was ever used: a crash between making a store and its first batch leaves an
  /// empty one behind.
  bool adopted() const { return adopted_; }
  /// After load(), for a store that was used.
  void opened(Now now);

  void found(Now now, const Ledger::Genesis& genesis);
  /// Begins as a newcomer who was let in by `contact`.
  void adopt(Now now, const Welcome& welcome, const InviteContact& contact);
  /// Was let in again by `contact`, after a removal.
  void rejoin(Now now, const Welcome& welcome, const InviteContact& contact);

  const WorkspaceId& id() const { return ledger_.workspace(); }
  const Ledger& ledger() const { return ledger_; }
  const Membership& membership() const { return ledger_.membership(); }
  const std::optional<InviteContact>& contact() const { return contact_; }
  WorkspaceInfo info() const;
  /// Adds what is there now.
  void count(Counters& counters) const;
  // Documents (workspace_documents.cpp): as Engine has them.
  std::vector<DocumentInfo> documents(const DocumentQuery& query) const;
  Result<DocumentInfo> document(std::string_view name) const;
  Result<SearchPage> search(Now now, const SearchQuery& query);
  /// Nothing if it was not made.
  std::optional<std::string> path_of(const DocumentId& document) const;
  std::vector<MemberInfo> members() const;
  /// As it calls itself; empty when that is not known.
  std::string display_name(const DeviceId& device) const;
  /// Whom to be linked with, and where they are. Nobody once this device has left. One that was
  /// removed goes on trying, those too whom it holds for removed: the removal may turn out void,
  /// and nobody else could tell it.
  std::vector<transport::MemberAddress> mesh_members() const;
  /// Loads it if need be. Errors: kNotFound, kCorrupt, kIo.
  Result<const crdt::Doc*> replica(Now now, std::string_view path);

  /// Why nothing can be written now: kNoSpace, kIo, kUnavailable (the disk cannot keep up). Nothing
  /// when it can.
  std::optional<Error> disk_obstacle() const;
  /// Why no content can be: those, kUnauthorized (a viewer's device, not a member yet, or removed).
  /// Nothing also when only the key is being changed: edits of clients wait for that.
  std::optional<Error> write_obstacle() const;
  /// As write_obstacle(), for a document (zero: those of which nothing is said): kUnauthorized also
  /// where this device may not edit it, or that visitor.
  std::optional<Error> edit_obstacle(const DocumentId& document = {},
                                     const Visitor& visitor = {}) const;
  /// As write_obstacle(), and kUnavailable while there is no key to write with.
  std::optional<Error> record_obstacle() const;
  /// As record_obstacle(), for what is said in a document: kUnauthorized also where this device may
  /// only read it, or the guest of it.
  std::optional<Error> speak_obstacle(const DocumentId& document, const std::string& guest) const;
  /// The one of that path; before it is made, the id that it will have.
  DocumentId document_of(std::string_view path);

  /// As Engine::arrivals().
  const std::map<DeviceId, Instant>& arrivals() const { return arrivals_; }
  /// Whether what a device says over its own link is heard.
  bool hears(const DeviceId& peer) const;
  /// This device was removed: by whom and when, for people. Empty when it was not.
  const std::string& removed() const { return removed_; }
  /// What is held and does not count, per device.
  std::vector<SetAsideInfo> set_aside() const { return views_.set_aside(); }
  /// As Engine::revert().
  Result<std::vector<RevertedDocument>> revert(Now now, const std::set<DeviceId>& devices,
                                               WallMillis since, bool preview);
  // Versions of a document (workspace_history.cpp): as Engine has them.
  Result<VersionList> versions(Now now, std::string_view path, std::size_t limit);
  Result<VersionContent> version(Now now, std::string_view path, const VersionChoice& choice);
  Result<VersionDiff> diff(Now now, std::string_view path, const VersionChoice& from,
                           const VersionChoice& to);
  Result<Blame> blame(Now now, std::string_view path, const VersionChoice& at);
  /// Devices whose updates were refused for the Yjs client ids in them.
  const std::set<DeviceId>& offenders() const { return authors_.offenders(); }

  // Commands. Preconditions: no write_obstacle().
  /// As Engine's ImportDocument. Errors: kMalformed, kLimitExceeded (path, update), kConflict,
  /// kUnauthorized, kUnavailable, kNoSpace, kIo, kCorrupt.
  Result<DocumentId> import_document(Now now, const std::string& path, ByteView update, bool fresh);
  // What people do about members (workspace_people.cpp). Preconditions: no disk_obstacle().
  Result<CommandResult> carry_out(Now now, const CreateInvite& command);
  Result<CommandResult> carry_out(Now now, const RevokeInvite& command);
  Result<CommandResult> carry_out(Now now, const ApproveRequest& command);
  Result<CommandResult> carry_out(Now now, const DenyRequest& command);
  Result<CommandResult> carry_out(Now now, const SetRole& command);
  Result<CommandResult> carry_out(Now now, const RemoveMember& command);
  // Roles in documents (workspace_roles.cpp).
  Result<CommandResult> carry_out(Now now, const SetDocumentRole& command);
  Result<CommandResult> carry_out(Now now, const SetGuestStanding& command);
  Result<CommandResult> carry_out(Now now, const SetSession& command);
  DocumentRoles document_roles(std::string_view path);
  /// What somebody may do in a document at the bridge of `device`: the owner, or the guest of that
  /// id. Nothing: no member, or out. A guest may not attach then.
  std::optional<Role> standing_of(const DocumentId& document, const DeviceId& device,
                                  const std::string& guest) const;
  /// What a visitor may do in a document, at least read if it is this device's owner. Nothing: a
  /// guest who is out.
  std::optional<Role> role_of(const DocumentId& document, const Visitor& visitor) const;
  /// The path of the document that an invite is to; empty if it is to none, or not known here.
  std::string invited_to(const DeviceId& invite) const;
  Result<CommandResult> carry_out(Now now, const RotateKeys& command);
  Result<CommandResult> carry_out(Now now, const Readmit& command);
  Result<CommandResult> carry_out(Now now, const Revert& command);
  Result<CommandResult> carry_out(Now now, const NameVersion& command);
  Result<CommandResult> carry_out(Now now, const RestoreVersion& command);
  // Texts (workspace_text.cpp): as Engine has them.
  Result<TextContent> text(Now now, std::string_view name, const std::string& root);
  Result<CommandResult> carry_out(Now now, const MergeText& command);
  // Documents (workspace_documents.cpp).
  Result<CommandResult> carry_out(Now now, const CreateDocument& command);
  Result<CommandResult> carry_out(Now now, const SetProperties& command);
  Result<CommandResult> carry_out(Now now, const MoveDocuments& command);
  Result<CommandResult> carry_out(Now now, const PutAway& command);
  // Checkpoints (workspace_checkpoint.cpp).
  Result<CommandResult> carry_out(Now now, const MakeCheckpoint& command);
  Result<CommandResult> carry_out(Now now, const Prune& command);
  Result<CommandResult> carry_out(Now now, const SetRetention& command);
  RetentionInfo retention() const;
  // Rooms (workspace_rooms.cpp). Queries as Engine has them.
  Result<CommandResult> carry_out(Now now, const PostMessage& command);
  Result<CommandResult> carry_out(Now now, const AmendMessage& command);
  Result<CommandResult> carry_out(Now now, const MarkRead& command);
  Result<CommandResult> carry_out(Now now, const SetState& command);
  Status watch(Now now, ClientHandle watcher, std::string_view path, WatchOptions options);
  Status show_watcher(Now now, ClientHandle watcher, PresenceUpdate update);
  void unwatch(Now now, ClientHandle watcher);
  Result<std::vector<Participant>> participants(std::string_view path) const;
  Result<std::vector<StateItem>> session_state(std::string_view path) const;
  Result<ActivityPage> activity(const ActivityQuery& query) const;
  Result<RoomView> room(Now now, const RoomQuery& query);
  Result<RoomView> mentions(Now now, const RoomQuery& query);
  Result<RoomView> message(Now now, const Hash& id);
  /// What a guest of a member's bridge called itself last; empty if it did not, or of an owner.
  std::string guest_name(const Author& author) const;
  std::vector<InviteInfo> invites() const;
  /// Whether that invite lets somebody in now.
  bool has_open_invite(Now now, const DeviceId& invite) const;
  std::vector<RequestInfo> requests() const;
  std::vector<KnownDevice> known_devices() const;
  Result<AuditPage> audit(const AuditQuery& query) const;
  Result<std::vector<ForkInfo>> forks() const;

  struct Admitted {};  ///< Now, or it was in already.
  /// Waiting: a host has to approve.
  using RedeemAnswer = std::variant<Admitted, Waiting, RefusalReason>;
  /// The device of `redeem`, whose signatures are verified, wants to be let in.
  RedeemAnswer redeem(Now now, const Redeem& redeem);
  /// Whether it asks for what it waits for already, so that redeem() would say so. Nothing that it
  /// signed needs to be verified for that.
  bool waits(Now now, const Redeem& redeem) const;
  Result<Welcome> welcome(const DeviceId& device);
  // Members and keys. Each is one batch with all that follows from it. Errors: kUnauthorized,
  // kNotFound (no such member), kConflict (no host would be left; nothing to change), kUnavailable.
  /// Removes `device`, with all devices of the person if `whole_person`, and begins a new key
  /// epoch. A device may remove itself: it leaves, and others begin the epoch.
  Status remove_member(Now now, const DeviceId& device, bool whole_person);
  /// A new epoch, too, when it becomes a relay or stops being one.
  Status set_role(Now now, const DeviceId& device, Role role);
  Status rotate_keys(Now now);
  /// Hosts: vouches for all that is held of what `device` wrote unseen by what took its rights.
  Status readmit(Now now, const DeviceId& device);

  /// Tells members our name and addresses, if they changed.
  void announce_card(Now now);

  // Clients.
  Status attach(Now now, Client& client, std::string_view path);
  void detach(Now now, Client& client);
  /// Its visitor is another one, or may do other things: it is told, or sent away.
  void judge_client(Now now, Client& client);
  std::optional<Closing> handle_message(Now now, Client& client, ByteView message);
  void handle_drained(Now now, Client& client);
  /// Presence that waits for a moment: greeting, and messages over the client's rate. Returns
  /// whether something still waits.
  bool tend_presence(Now now, Client& client);

  // The mesh.
  void handle_run(Now now, const transport::Mesh::RunReceived& received);
  void handle_awareness(Now now, const transport::Mesh::AwarenessReceived& received);
  void handle_linked(Now now, const DeviceId& device);
  void handle_unlinked(Now now, const DeviceId& device);
  /// `device` floods this node: says so to all, at most once in kReportPause for each device.
  void report_flood(Now now, const DeviceId& device);
  // Checkpoints (workspace_transfer.cpp). `peer` is the device at the other end of `link`.
  void handle_pull_below_base(transport::LinkId link, const DeviceId& peer);
  /// Errors: kUnauthorized (no member), those of CheckpointTransfer::handle_message().
  Status handle_transfer(Now now, transport::LinkId link, const DeviceId& peer,
                         TransferMessage message);
  // Address cards (workspace_cards.cpp). Errors: those of Cards::handle_message().
  Status handle_cards(Now now, const DeviceId& peer, CardMessage message);
  // Previews (workspace_preview.cpp). Errors: kUnauthorized (no member; nobody we asked), those of
  // PreviewTaker::take() and DocumentStore::set_preview().
  Status handle_preview(Now now, transport::LinkId link, const DeviceId& peer,
                        PreviewMessage message);
  void handle_link_down(Now now, transport::LinkId link);
  /// Grows while this workspace is being fetched: entries and bytes of bundles.
  std::uint64_t progress() const { return ledger_.entries() + transfer_.bytes_received(); }
  /// This device is a member, and holds what whoever let it in held then.
  bool synced() const;
  /// Ends previews once it is synced(): whoever looks at a document goes on with what follows from
  /// the entries. May replace and free documents: not to be called while one is held.
  void tend_previews(Now now);
  /// Documents are shown that are not checked yet.
  bool has_previews() const { return !documents_.previewed().empty(); }

  /// Who is linked with whom, as this device knows and others claim. While it is asked for, others
  /// are asked: what they say comes within a second or two.
  MeshPicture mesh_picture(Now now);

  // Batches.
  /// Runs `action` once all that was accepted so far is durable: now, if it is.
  void when_durable(Now now, Ledger::Action action);
  std::optional<storage::WriteBatch> next_batch(Now now);
  void handle_committed(Now now);
  void handle_commit_failed(Now now, const Error& error);
  bool idle() const { return ledger_.settled() && flush_due_.empty() && held_.empty(); }

  /// Whether every linked member said that it holds what this device wrote in the last seconds.
  bool delivered(Now now) const;

  void handle_timeout(Now now);
  /// Hands presence to clients and mesh.
  void pump(Now now);
  void shut_down(Now now);
  std::optional<Instant> next_deadline() const;

  /// Set when membership or addresses changed and are durable, and at once when a member is one no
  /// more; the engine clears it.
  bool members_changed = false;
  /// Clients to be closed: their document is another one now, or they wrote what cannot be written.
  std::vector<std::pair<ClientHandle, Closing>> take_closings() {
    return std::exchange(closings_, {});
  }

 private:
  void operate(Now now, const Operation& operation);
  Status admit(Now now, const DeviceId& device, const std::string& name, const DeviceId& invite,
               const crypto::Signature& proof);
  std::optional<RefusalReason> removed_since(const DeviceId& device, const Invite& invite) const;
  void publish_everything(Now now);
  void publish_state(Now now, Document& document);
  std::set<DeviceId> devices_of(const DeviceId& device, bool whole_person) const;
  void tell_changes();

  Status load_cards();
  // Cards::Host.
  bool keeps_card_of(const DeviceId& device) const override;
  bool shows_cards_to(const DeviceId& peer) const override;
  void card_changed(const Card& card) override;
  // Views::Host.
  void document_grew(Now now, Document& document, ByteView update) override;
  void document_replaced(Now now, Document& document) override;
  void membership_moved(Now now) override;
  void checkpoint_spoken(Now now, const LedgerRecord& record, const Record& decoded) override;
  void room_spoken(Now now, const LedgerRecord& record, const Record& decoded) override;
  void properties_spoken(Now now, const LedgerRecord& record,
                         const PropertiesRecord& decoded) override;
  void reported(Now now, const LedgerRecord& record, const ReportRecord& report) override;
  void flush_queue(Now now, Document& document) override;
  // Keeper::Host.
  void base_installed(Now now, const Ledger::Received& received) override;
  void flush_all(Now now) override;
  // PreviewGiver::Source.
  std::vector<DocumentId> newest_documents(std::size_t most) const override;
  std::optional<DocumentPreview> show(Now now, const DocumentId& document) override;

  void place(Now now, Document& document);
  void place_all(Now now);
  void reload_properties(Now now);
  void record_document(Now now, Document& document);
  void write_properties(Now now, const DocumentId& document, PropertyValues values);
  void republish_properties(Now now, const DocumentId& document);
  Status swap_template(Now now, Document& document, const std::string& from, const std::string& to);
  Result<Document*> find_document(std::string_view name, bool trash) const;
  DocumentInfo info_of(const Document& document) const;
  std::optional<SearchHit> look_in(Now now, Document& document, const std::string& wanted,
                                   std::uint64_t& bytes);
  Status say_of_guests(Now now, const std::string& path, GuestRecord record);
  void guest_spoken(const GuestRecord& record);
  void end_session(const DocumentId& document);
  Status apply_suggestion(Now now, const RoomMessage& target, const Visitor& visitor);
  Result<RoomView> view(Now now, RoomPage page);
  RoomItem item_of(Now now, RoomMessage message);
  void tell_spoken(Now now, const Hash& message, bool said);
  void tell_state(const StateWord& word);
  std::optional<Error> rate_obstacle(Now now, RateClass what) const;
  LedgerRecord write_spoken(Now now, RateClass what, ByteView record);
  void tell_attendance(Now now);
  void tell_whose_words_count();
  void note_attendance(Now now, const DocumentId& document, const RoomEvent& event);
  bool write_attendance(Now now, const AttendRecord& record);
  void tend_attendance(Now now);
  void end_attendance(Now now);
  std::vector<ActivityItem> membership_activity(std::optional<RoomMoment> before,
                                                std::size_t limit) const;

  void ask_for_preview(Now now);
  void send_previews(Now now);
  void send_transfers(Now now);
  void send_cards(Now now);
  void forget_departed_cards();
  void take_welcome(Now now, const Welcome& welcome);

  void after_operations(Now now);
  void note_departures(Now now);
  void note_own_standing(Now now);
  void release_held(Now now);
  void drop_unwritten(Document& document);
  void forget_forsaken();
  void finish_leaving();
  std::string describe_removal() const;
  bool asks(const DeviceId& peer) const;
  bool searches() const;
  void take_waiting(Now now);
  bool may_take_waiting() const;
  bool newcomer() const;
  bool hosts_left_without(const std::set<DeviceId>& devices) const;

  std::optional<Closing> handle_update(Now now, Client& client, ByteView update);
  std::optional<Closing> handle_presence(Now now, Client& client, ByteView payload);
  bool adds_nothing(const Document& document, ByteView update) const;
  void note_received(Now now, Client& client);
  Status import_into(Now now, Document& document, ByteView update, ByteView told);
  void enqueue(Now now, Client& client, Bytes update);
  void flush(Now now, Document& document);
  Result<History> history(Now now, std::string_view path);
  Result<std::string> text_root(const Document& document, const crdt::Doc& doc,
                                const std::string& wanted) const;
  Status write_text(Now now, Document& document, const std::string& root,
                    const std::vector<TextEdit>& edits);
  Result<std::vector<TextEdit>> edits_since(Now now, const Document& document,
                                            const std::string& root, const crdt::Snapshot& there,
                                            const std::string& version, const std::string& text);
  Status write_edit(Now now, Document& document, ByteView update,
                    const crdt::IdSet* put_back = nullptr);
  void write_put_back(Now now, const DocumentId& document, const crdt::IdSet& ids);
  void write_update(Now now, Document& document, ByteView update);
  void after_flush(Now now, const DocumentId& document, const std::vector<Bytes>& updates,
                   const std::vector<std::pair<ClientHandle, std::uint64_t>>& senders);
  void broadcast(Now now, Document& document, ByteView update, const Client* except);
  void show_all(Now now, Client& client);
  void withdraw_lost(Now now);
  std::map<DeviceId, LinkClaims> link_claims() const;
  void links_heard(Now now);
  void links_moved(Now now);
  void tend_links(Now now);
  void show_changes(Now now, Document& document, const std::vector<Presence::Change>& changes);
  void collect_changes(Now now);
  void show_due(Now now);
  Instant launch_due() const;
  void judge_clients(Now now);
  void note_saved(const DocumentId& document, crdt::StateVector holds);
  void tend_saved(Now now);
  Client* find_client(const DocumentId& document, ClientHandle handle);

  Context& context_;
  transport::Mesh& mesh_;
  Ledger ledger_;
  DocumentStore documents_;
  MembershipJudge judge_;
  Properties properties_;
  Authors authors_;
  Views views_;
  Presence presence_;
  /// What the clients of a document were not told yet of each other's presence: the newest of each,
  /// together, at most once in kShowEvery, but at once when somebody has left or another node says
  /// something.
  struct Showing {
    Instant due;
    std::map<crdt::ClientId, Presence::Change> changes;
  };
  std::map<DocumentId, Showing> showing_;
  /// What watchers of a document are told of saving: at most once in kSavedEvery, until all who are
  /// linked hold it.
  struct Saving {
    crdt::StateVector holds;
    Seq seq = 0;  ///< Of this device's log.
    std::size_t devices = 0;
    bool news = false;
    Instant due{};
  };
  std::map<DocumentId, Saving> saving_;
  Rooms rooms_;
  TextVersions text_versions_;
  Attendance attendance_;
  Watchers watchers_;
  /// Participants at this bridge, and when those who have gone are to be recorded as gone.
  using Attendant = std::pair<DocumentId, std::string>;
  struct Attending {
    std::string name;
    bool recorded = false;  ///< Not while the document was not made, say.
    std::optional<Instant> leaves;
  };
  std::map<Attendant, Attending> attending_;
  std::optional<Instant> leaves_due_;  ///< Not after the first of them.
  /// What a browser says of who it is, it can say anew thirty times a second, and records stay: so
  /// many comings are recorded at once, and then one in so much time. Others wait.
  TokenBucket comings_{Duration(std::chrono::seconds(6)), 200};
  /// What this device said last, by class: in which minute of its clock, and how often in it.
  struct Said {
    std::uint64_t minute = 0;
    std::size_t times = 0;
  };
  std::map<RateClass, Said> said_;
  /// Roles in watched documents, when that was last looked at.
  std::map<DocumentId, std::map<DeviceId, Role>> speakers_;
  Steward steward_;
  Keeper keeper_;
  CheckpointTransfer transfer_;
  PreviewGiver previews_given_;
  std::optional<PreviewTaker> preview_taker_;  ///< Once we asked.
  Frontier wanted_;                            ///< What whoever let us in held then.
  bool adopted_ = false;
  std::optional<InviteContact> contact_;
  Cards cards_;
  std::map<DeviceId, std::string> former_names_;      ///< Of those who had a card.
  std::map<DeviceId, transport::LinkId> card_links_;  ///< Where cards were last sent.
  std::map<DeviceId, Instant> reported_;              ///< By this device, when last.
  /// Members of whom the operator was told; nothing before the workspace is open.
  std::optional<std::set<DeviceId>> told_;

  /// The picture of links (mesh_picture.hpp): what this device says for it.
  struct LinksTold {
    DocumentId room;
    std::uint64_t topic = 0;
    crdt::ClientId client = 0;
    Instant look_until{};        ///< Somebody looks here.
    Instant looked_at{};         ///< When it was last looked whether anybody looks.
    std::optional<Instant> due;  ///< When that is done next.
    bool telling = false;
    std::uint64_t clock = 0;
    std::set<crdt::ClientId> own;
  };
  LinksTold links_;

  std::map<DeviceId, Instant> arrivals_;
  Instant written_at_{};        ///< When an entry of our own was last stored.
  std::set<DeviceId> reached_;  ///< Whose presence is held and who could be reached, and
  Instant next_reach_check_{};  ///< when that is looked at again.
  std::vector<std::pair<ClientHandle, Closing>> closings_;

  std::set<std::pair<Instant, DocumentId>> flush_due_;
  std::set<DocumentId> held_;      ///< With edits that wait for a key to be written under.
  std::set<DocumentId> forsaken_;  ///< Whose replica holds edits that will not be written.
  std::set<DeviceId> known_;       ///< The members as of the last look.
  std::string removed_;
  bool rejoining_ = false;
  bool left_ = false;
  bool leaving_ = false;  ///< Until others were told.
  bool leave_stored_ = false;
  Instant next_sweep_;

  bool told_pruned_ = false;  ///< That a relay was offered a checkpoint.
  bool told_full_ = false;    ///< That the relay's quota is used up.
  bool full_ = false;         ///< The disk is; the batch in flight is tried again.
  bool stopped_ = false;      ///< The disk failed: nothing more is written until restart.
  std::optional<Instant> retry_at_;
  bool retry_ = false;
  Instant launched_{};  ///< When the last batch was handed out.
  bool hurry_ = false;  ///< The node stops: nothing waits for others to come along.
};

}  // namespace coterie::node
