// The messages of the events WebSocket (docs/API/events.md), each a JSON object with a "type". What
// a client says may have an "id", which is in the answer to it.
//
// Reading is strict: a type or a value that is not known is kMalformed, what is longer than its
// limit kLimitExceeded. Members that are not known are ignored.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "node/core/engine.hpp"
#include "node/daemon/room_json.hpp"

namespace coterie::node {

/// Longest "id" of what a client says, in bytes.
inline constexpr std::size_t kEventIdBytesMax = 64;
/// What one connection may say (event_sessions.hpp): chat, comments and answers; changes of
/// messages and of the session's state.
inline constexpr std::size_t kPostsPerMinute = 100;
inline constexpr std::size_t kChangesPerMinute = 300;
/// Longest file of a presence_update, and cursor, as JSON.
inline constexpr std::size_t kPresenceFileBytesMax = 1024;
inline constexpr std::size_t kPresenceCursorBytesMax = 2048;

/// It shows another token, one that lasts longer say.
struct TokenShown {
  std::string token;
};

/// What a client says. Of commands and questions the workspace, path and guest are left empty: they
/// are those of its connection.
struct EventRequest {
  std::string id;    ///< May be empty.
  std::string type;  ///< As it was said.
  /// join_session; cursor_update and presence_update; chat_message, add_comment, code_comment and
  /// reply; message_update; mark_read; room_page; session_update; renew_token.
  std::variant<WatchOptions, TokenShown, PresenceUpdate, PostMessage, AmendMessage, MarkRead,
               RoomQuery, SetState>
      what;
};

/// `id` is set as soon as it is known, for the error. Errors: kMalformed, kLimitExceeded.
Result<EventRequest> read_event(std::string_view text, std::string& id);

// What the node says.

/// "PERMISSION_DENIED" and so on.
const char* event_error_code(ErrorCode code);
nlohmann::json error_event(const std::string& id, const char* code, const std::string& message);
/// `posted` is the message that was made, if one was.
nlohmann::json ok_event(const std::string& id, const std::optional<RoomMoment>& posted);
nlohmann::json page_event(const std::string& id, const RoomView& view, const AuthorNames& names);
/// What a document's watchers are told.
nlohmann::json room_event(const RoomEvent& event, const AuthorNames& names);
/// The answer to join_session.
struct SessionStart {
  Author self;
  std::string role;
  std::vector<Participant> participants;
  std::size_t unread_chat = 0;
  std::size_t unread_comments = 0;
  std::vector<StateItem> state;
};
nlohmann::json session_event(const std::string& id, const SessionStart& start,
                             const AuthorNames& names);

}  // namespace coterie::node
