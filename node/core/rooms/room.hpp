// What people ask a node about rooms: chat and comments of documents. Commands are carried out by
// Engine::handle_command(), questions answered by Engine's queries.

#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/core/role.hpp"
#include "node/core/rooms/room_records.hpp"

namespace coterie::node {

/// Who wrote something.
struct Author {
  DeviceId device;
  std::string guest;  ///< Of its bridge; empty: its owner.

  auto operator<=>(const Author&) const = default;
};

/// Chat of a document, its comments, or the answers to one of them.
struct RoomLane {
  enum class Kind : std::uint8_t { kChat = 1, kComments = 2, kThread = 3 };
  DocumentId document;
  Kind kind = Kind::kChat;
  Hash thread;  ///< Of kThread.
};

/// A place in the order.
struct RoomMoment {
  std::uint64_t time = 0;  ///< Hybrid clock.
  Hash hash;

  auto operator<=>(const RoomMoment&) const = default;
};

struct RoomMessage {
  RoomMoment moment;  ///< Its hash is the message's id.
  DocumentId document;
  Author author;
  std::string text;  ///< Empty when deleted.
  std::vector<DeviceId> mentions;
  std::optional<Hash> thread;
  std::optional<Hash> reply;
  std::optional<Anchor> anchor;
  std::optional<std::string> suggestion;
  std::optional<std::uint64_t> edited;  ///< When.
  bool deleted = false;
  bool resolved = false;
  enum class Verdict : std::uint8_t { kOpen, kAccepted, kDismissed };
  Verdict verdict = Verdict::kOpen;  ///< Of the suggestion.
  std::map<std::string, std::set<Author>> reactions;
};

struct RoomPage {
  std::vector<RoomMessage> messages;  ///< The newest first.
  std::optional<RoomMoment> older;    ///< Where the next page begins, if there is one.
};

// Commands. Errors of all: kNotFound (no such workspace, document or message), kUnauthorized (this
// device's role does not allow it; the message is somebody else's), kMalformed, kLimitExceeded (as
// read_message() and read_amendment()), kNoSpace, kIo, kUnavailable.

/// Characters of a root of the document, in UTF-16 units: [from, to).
struct TextRange {
  std::string root;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};
/// What is between two encoded crdt::RelativePosition, of a root or of what is in it: as editors
/// make them of what is selected. Rich text has no other ranges.
struct PositionRange {
  std::string root;
  Bytes start;
  Bytes end;
  /// What stands there as its author sees it; without it, it is found where both ends are in one
  /// text.
  std::optional<std::string> quote = {};
};
/// What is said: chat, or a comment where `message` has an anchor, or `range` or `positions` are
/// given, which make one, or an answer to the comment that `message.thread` names.
/// `message.document` is ignored. Errors also: kConflict (what `positions` name is not in that root
/// of the document, or has not come here yet).
struct PostMessage {
  WorkspaceId workspace;
  std::string path;
  MessageRecord message;
  std::optional<TextRange> range;
  std::optional<PositionRange> positions = {};
};
/// About a message. To accept a suggestion also replaces the text that it is about, by an edit of
/// this device: whoever does must be allowed to edit. What is put there is formatted as the first
/// character that it replaces. Errors also: kConflict (it is decided already, or that text was
/// deleted), kMalformed (in rich text, it is not of one paragraph).
struct AmendMessage {
  WorkspaceId workspace;
  AmendRecord change;       ///< `change.document`: where the message is; zero: anywhere.
  Role most = Role::kHost;  ///< As Visitor::most, of `change.guest`.
};
/// `reader` has seen what is in that lane up to `seen`. Kept on this device.
struct MarkRead {
  WorkspaceId workspace;
  std::string path;
  RoomLane::Kind kind = RoomLane::Kind::kChat;
  std::string guest;  ///< Of this device's bridge; empty: its owner.
  RoomMoment seen;
};

/// One key of the session's state of a document: open to whatever its clients agree on.
struct SetState {
  WorkspaceId workspace;
  std::string path;
  StateWord word;  ///< `word.document` is ignored.
};

struct MessagePosted {  ///< Of PostMessage.
  RoomMoment moment;
};

// Questions.

struct RoomQuery {
  WorkspaceId workspace;
  std::string path;
  RoomLane::Kind kind = RoomLane::Kind::kChat;
  Hash thread;        ///< Of kThread.
  std::string guest;  ///< Who asks, for what is unread; empty: this device's owner.
  std::optional<RoomMoment> before;
  std::size_t limit = 50;  ///< At most kRoomPageMax.
};

/// Where a comment is in the document as it is now.
struct RoomPlace {
  std::uint64_t from = 0;  ///< In UTF-16 units of the anchor's root.
  std::uint64_t to = 0;    ///< Equal to `from` when all of it was deleted.
  /// It is in something that is in the root, as in rich text: the units say nothing, but where they
  /// are equal.
  bool inside = false;
};
struct RoomItem {
  RoomMessage message;
  std::optional<RoomPlace> place;  ///< Of a range whose text is known here.
};
/// A key of the session's state. Of values the newest word counts; of counters, the sum of what
/// each device counted since the newest word that was no count.
struct StateItem {
  std::string key;
  std::string value;       ///< JSON; empty when it was taken away.
  DeviceId device;         ///< Who said the newest word.
  std::uint64_t time = 0;  ///< Hybrid clock.
  std::string guest = {};  ///< Of that device's bridge, if it was one; empty: its owner.

  bool operator==(const StateItem&) const = default;
};

/// Something that was done, from the signed records of who did it.
struct ActivityItem {
  enum class Kind : std::uint8_t {
    kJoined = 1,  ///< Opened the document at this device's bridge.
    kLeft,
    kEdited,      ///< In the hour that begins at `moment`.
    kMessage,     ///< Chat.
    kComment,     ///< Or an answer to one.
    kAmendment,   ///< See `amendment`.
    kCreated,     ///< The document.
    kVersion,     ///< A version was named.
    kProperties,  ///< Of the document: `text` says which, "path, title".
    kMembership,  ///< `text` says what: "admit", "role", ...
  };
  RoomMoment moment;
  Kind kind = Kind::kJoined;
  DocumentId document;  ///< All zero of kMembership.
  std::string path;     ///< Of the document; empty when it is not known.
  Author author;
  std::string name;  ///< What a guest calls itself, where it says so.
  std::string text;  ///< The beginning of what was said, a version's name, or what was done.
  std::optional<Amendment> amendment;
  std::optional<DeviceId> subject;  ///< Whom an operation of membership is about.
};
struct ActivityQuery {
  WorkspaceId workspace;
  std::string path;  ///< Empty: of the whole workspace, with what concerns its members.
  std::optional<RoomMoment> before;
  std::size_t limit = 50;  ///< At most kActivityPageMax.
};
struct ActivityPage {
  std::vector<ActivityItem> items;  ///< The newest first.
  std::optional<RoomMoment> older;
};

struct RoomView {
  std::vector<RoomItem> items;  ///< The newest first.
  std::optional<RoomMoment> older;
  std::size_t unread = 0;  ///< At most kUnreadMax.
};

}  // namespace coterie::node
