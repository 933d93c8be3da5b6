// What people ask a node about members: commands, their results, and the answers to questions.
//
// Commands are carried out by Engine::handle_command(), questions answered by Engine's queries.
// Every command that changes the membership writes signed operations (membership/operations.hpp);
// who may do it is decided by every replica, and said here first, so that nobody writes in vain.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crdt/base/clock.hpp"
#include "node/core/history/versions.hpp"
#include "node/core/role.hpp"
#include "node/core/rooms/guest_records.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

// Commands. Errors of all: kNotFound (no such workspace, member, invite or request), kUnauthorized
// (this device's role does not allow it), kNoSpace, kIo, kUnavailable (the disk).

/// Hosts; with `own_device` any member but relays.
struct CreateInvite {
  WorkspaceId workspace;
  Role role = Role::kEditor;
  Duration valid_for = std::chrono::hours(24 * 7);
  std::uint32_t uses = 1;
  bool approval = false;    ///< A host has to approve each newcomer.
  bool from_now = false;    ///< The newcomer reads nothing that was written before.
  bool own_device = false;  ///< For another device of the same person; at most our own role.
  /// The newcomer has the role, editor, commenter or viewer, in this document, and is a viewer in
  /// all others. Errors also: kNotFound (no such document), kConflict (own_device).
  std::optional<std::string> document = {};
};
/// Hosts. Those whom the invite let in stay.
struct RevokeInvite {
  WorkspaceId workspace;
  DeviceId invite;
};
/// Hosts: lets in a device that asked.
struct ApproveRequest {
  WorkspaceId workspace;
  DeviceId device;
};
/// Hosts: says no to a device that asked.
struct DenyRequest {
  WorkspaceId workspace;
  DeviceId device;
};
/// Hosts. Of all devices of the person, if `whole_person`.
struct SetRole {
  WorkspaceId workspace;
  DeviceId device;
  Role role = Role::kViewer;
  bool whole_person = true;
};
/// Hosts: what a person may do at most in one document, whatever the role in the workspace; without
/// a path in those of which nothing is said of that person. Editor: what the role allows. Errors
/// also: kConflict (a host is one in every document).
struct SetDocumentRole {
  WorkspaceId workspace;
  DeviceId device;  ///< Any of the person's.
  std::optional<std::string> path;
  Role role = Role::kEditor;  ///< Editor, commenter or viewer.
};
/// Hosts: what a guest at a member's bridge may do at most. Errors also: kMalformed,
/// kLimitExceeded (the id).
struct SetGuestStanding {
  WorkspaceId workspace;
  std::string path;
  DeviceId device;  ///< Of the bridge.
  std::string guest;
  GuestWord word = GuestWord::kOut;  ///< None about the session.
};
/// Hosts: ends the session of a document, for all who are attached to it, at all members' bridges;
/// guests come back only once it is open again. Errors also: kConflict (it is so).
struct SetSession {
  WorkspaceId workspace;
  std::string path;
  bool open = false;
};
/// Hosts, and everybody for oneself: leaving. New content keys come with it.
struct RemoveMember {
  WorkspaceId workspace;
  DeviceId device;
  bool whole_person = true;
};
/// Hosts and editors: from now on, content is written under a new key.
struct RotateKeys {
  WorkspaceId workspace;
};
/// Hosts and editors: says what all documents are now, for others to agree on.
struct MakeCheckpoint {
  WorkspaceId workspace;
};
struct CheckpointMade {  ///< Of MakeCheckpoint.
  Hash checkpoint;
};
/// Drops history on this device below the newest checkpoint that is agreed on.
struct Prune {
  WorkspaceId workspace;
};
struct Pruned {  ///< Of Prune: it goes on by itself.
  Hash checkpoint;
};
/// How long this device keeps history.
struct SetRetention {
  WorkspaceId workspace;
  std::optional<std::chrono::hours> keep;  ///< 1 to kRetentionHoursMax hours; nothing: for ever.
};
/// What somebody said all documents were, and who agrees.
struct CheckpointInfo {
  Hash id;  ///< Of its entry.
  DeviceId author;
  WallMillis time = 0;
  std::uint64_t entries = 0;      ///< That it covers.
  std::vector<DeviceId> same;     ///< Found the same, its author included.
  std::vector<DeviceId> hold;     ///< Hold all of it, or are not waited for.
  std::vector<DeviceId> missing;  ///< Are waited for.
  std::size_t same_needed = 0;
  bool stands = false;
  bool base = false;   ///< Documents are made from it here,
  bool floor = false;  ///< and what is older is pruned.
};
struct RetentionInfo {
  std::optional<std::chrono::hours> keep;
  bool pruning = false;           ///< Now.
  std::uint64_t entries = 0;      ///< Ever written, as far as is known here.
  std::uint64_t below_floor = 0;  ///< Of these, those of which only what must stay is kept.
  std::vector<CheckpointInfo> checkpoints;  ///< Newest first.
};

/// Hosts: what was set aside of `device` counts after all.
struct Readmit {
  WorkspaceId workspace;
  DeviceId device;
};
/// Hosts and editors: undoes what survives of the changes of `device` since `since`, by edits of
/// our own. With `preview` nothing is written.
struct Revert {
  WorkspaceId workspace;
  DeviceId device;
  WallMillis since = 0;
  bool whole_person = true;  ///< Of all devices of the person.
  bool preview = true;
};

// Results.

struct InviteCreated {
  std::string invite;  ///< "coterie1...": the secret.
  DeviceId id;         ///< Its public half: what list and revoke name it by.
};
/// Of commands that only succeed.
struct Done {};
/// What reverting a device does to one document.
struct RevertedDocument {
  DocumentId id;
  std::string path;
  std::uint64_t removed = 0;   ///< Elements taken out; a character of text is one.
  std::uint64_t restored = 0;  ///< Elements put back.
  std::string before;          ///< The text that changes, shortened, and
  std::string after;           ///< what becomes of it.
};

struct Reverted {
  std::vector<RevertedDocument> documents;  ///< Those that change.
  bool preview = true;
};

// Versions of documents. Hosts and editors.

/// Gives a version a name, for all members, instead of the one it may have; without `name` takes
/// that away. Errors also: kMalformed, kLimitExceeded (the name, kNamedVersionsMax,
/// kVersionSnapshotBytesMax), kConflict (that name is taken, or `version` fits several), kNotFound
/// (it has no name that could be taken away).
struct NameVersion {
  WorkspaceId workspace;
  std::string path;
  VersionChoice version;
  std::optional<std::string> name;
};
/// Makes a document what it was, by edits of our own. With `preview` nothing is written. Errors
/// also: kConflict (as above), kLimitExceeded (kUpdateBytesMax).
struct RestoreVersion {
  WorkspaceId workspace;
  std::string path;
  VersionChoice version;
  bool preview = true;
};

struct VersionNamed {
  VersionFound version;
  std::string before;  ///< The name that it had; or empty.
};
struct VersionRestored {
  VersionFound version;
  RevertedDocument document;
  bool preview = true;
};

// Answers.

struct MemberInfo {
  DeviceId device;
  std::string name;
  Role role = Role::kViewer;
  bool self = false;
  std::vector<std::string> addresses;
  /// The first device of the person; those with the same one are one person's.
  DeviceId person;
};

struct InviteInfo {
  DeviceId id;
  DeviceId author;
  Role role = Role::kEditor;
  WallMillis expires = 0;
  std::uint32_t uses = 1;
  std::vector<DeviceId> used_by;  ///< Whom it let in.
  bool approval = false;
  bool from_now = false;
  bool own_device = false;
  bool revoked = false;
  std::optional<DocumentId> document;
  std::string path;  ///< Of that; empty if it is not known here.

  std::uint32_t uses_left() const {
    return used_by.size() >= uses ? 0 : uses - static_cast<std::uint32_t>(used_by.size());
  }
};

/// What hosts said last of a guest in a document.
struct GuestInfo {
  DeviceId device;  ///< Of the bridge.
  std::string guest;
  GuestWord word = GuestWord::kEditor;
};
/// Who may do what in a document.
struct DocumentRoles {
  struct Member {
    DeviceId device;
    std::string name;
    DeviceId person;
    Role role = Role::kViewer;  ///< In the workspace.
    Role here = Role::kViewer;  ///< In this document: the same, or less.
  };
  DocumentId document;
  bool ended = false;  ///< The session: guests are out.
  std::vector<Member> members;
  std::vector<GuestInfo> guests;  ///< Of whom something is said.
};

/// Somebody who asks to be let in.
struct RequestInfo {
  DeviceId device;
  std::string name;  ///< As it calls itself.
  DeviceId invite;
  Role role = Role::kEditor;
  DeviceId author;  ///< The member that was asked.
  WallMillis time = 0;
};

/// A device that is or was a member.
struct KnownDevice {
  DeviceId device;
  std::string name;
};

/// A join of this device that waits for approval.
struct WaitingInfo {
  WorkspaceId workspace;
  DeviceId invite;
};

/// What a device wrote that does not count, because it was written unseen after (or beside) its
/// removal or demotion and nobody acknowledged it. A host may readmit it.
struct SetAsideInfo {
  DeviceId device;
  std::uint64_t entries = 0;
  WallMillis first = 0;  ///< As the device says.
  WallMillis last = 0;
  std::size_t documents = 0;       ///< That it would change.
  std::vector<std::string> paths;  ///< Of these, as far as they are known; at most 100.
};

/// A device that wrote several entries of one number: it was restored, or copied, or lies.
struct ForkInfo {
  DeviceId device;
  std::uint64_t incarnation = 0;
  Seq seq = 0;
  std::size_t branches = 2;
};

// Audit: who did what, when. The logs are walked from their beginning, because each entry's hash
// covers the one before; so a page costs what it looks at, not what it finds.

struct AuditQuery {
  std::optional<DeviceId> device;  ///< Only what this one did.
  WallMillis since = 0;            ///< Only what its author dates at or after this.
  /// Where the page before ended; nothing for the first page.
  struct Cursor {
    LogId log;
    LogHead after;
  };
  std::optional<Cursor> cursor;
  std::size_t entries_max = 20'000;  ///< Entries looked at in one page.
};

struct AuditItem {
  enum class Kind : std::uint8_t {
    kOperation,  ///< A membership operation.
    kDocument,   ///< A document was made.
    kEdits,      ///< Changes of one document, those close in time together.
    kReverted,   ///< A revert or a restored version of one document; its edits stand beside it.
    kVersion,    ///< A version of a document was named.
    kReport,     ///< `subject` floods, says the device.
    kGuest,      ///< A host said something of a guest (`name`, at the bridge of `subject`), or of
                 ///< the session: `operation` says what (guest_word_name()).
    kFork,       ///< From `seq` on the device wrote its log in several branches (ForkInfo).
    kOther,      ///< Of other kinds, or unknown to this version; together as edits are.
    kSealed,     ///< Content under a key that is not here.
  };
  Kind kind = Kind::kOther;
  DeviceId device;
  LogId log;
  Seq seq = 0;          ///< Of the first entry.
  WallMillis time = 0;  ///< As the author dates it: a clock can be wrong, or lie.
  WallMillis last = 0;  ///< Of the newest of several.
  std::uint64_t entries = 1;
  std::uint64_t bytes = 0;      ///< Of the records.
  std::uint64_t set_aside = 0;  ///< So many of the entries do not count.

  /// Of kDocument, kEdits, kReverted, kVersion, kGuest; of an invite to a document and of a
  /// document_role about one.
  DocumentId document;
  std::string path;          ///< Empty when it is not known here.
  std::size_t branches = 0;  ///< Of kFork; `time` and `last` are those of their first entries.

  // Of kOperation.
  Hash hash;
  std::string operation;  ///< "invite", "admit", ...
  bool counts = true;
  std::string reason;               ///< Why it does not count.
  std::optional<DeviceId> subject;  ///< The device, or invite, it is about; also of kReport.
  std::optional<DeviceId> invite;   ///< Of admit and request.
  std::optional<Role> role;
  std::string name;  ///< Given in it; also of kVersion.
};

struct AuditPage {
  std::vector<AuditItem> items;  ///< By log, then sequence number.
  std::optional<AuditQuery::Cursor> next;
};

}  // namespace coterie::node
