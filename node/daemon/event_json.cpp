#include "node/daemon/event_json.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "node/core/json_check.hpp"
#include "node/core/limits.hpp"
#include "node/daemon/token.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

Error malformed(const char* what) { return {ErrorCode::kMalformed, what}; }

/// One message being read: the members of its object.
class Members {
 public:
  explicit Members(const json& object) : object_(object) {}

  bool has(const char* name) const { return object_.contains(name); }

  Result<std::string> text(const char* name, std::size_t max) const {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_string()) return malformed("a text is missing");
    const std::string& value = found->get_ref<const std::string&>();
    if (value.size() > max) return Error{ErrorCode::kLimitExceeded, "a text is too long", max};
    return value;
  }
  Result<std::string> text_or_none(const char* name, std::size_t max) const {
    if (!has(name)) return std::string();
    return text(name, max);
  }
  Result<std::uint64_t> number(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_number_unsigned()) {
      return malformed("a number is missing");
    }
    return found->get<std::uint64_t>();
  }
  template <typename Id>
  Result<Id> hex_id(const char* name) const {
    COTERIE_TRY(const std::string hex, text(name, 2 * Id::kBytes));
    return parse_hex_id<Id>(hex);
  }
  Result<Bytes> base64url(const char* name, std::size_t max) const {
    COTERIE_TRY(const std::string encoded, text(name, (4 * max + 2) / 3));
    return crypto::from_base64url(encoded);
  }
  Result<bool> flag(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_boolean()) return malformed("this is true or false");
    return found->get<bool>();
  }
  Result<std::string> whole_number(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_number_integer()) {
      return malformed("a whole number is missing");
    }
    return found->dump();
  }
  /// The value as JSON; nothing of a null, unless it is one like any other.
  Result<std::string> json_text(const char* name, std::size_t max, bool null = false) const {
    const auto found = object_.find(name);
    if (found == object_.end()) return malformed("a value is missing");
    if (found->is_null() && !null) return std::string();
    std::string text = dump_json(*found);
    if (text.size() > max) return Error{ErrorCode::kLimitExceeded, "a value is too long", max};
    return text;
  }
  Result<Members> object(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_object()) return malformed("an object is missing");
    return Members(*found);
  }
  Result<std::vector<DeviceId>> devices(const char* name, std::size_t max) const {
    std::vector<DeviceId> out;
    const auto found = object_.find(name);
    if (found == object_.end()) return out;
    if (!found->is_array()) return malformed("a list is missing");
    if (found->size() > max) return Error{ErrorCode::kLimitExceeded, "a list is too long", max};
    for (const json& one : *found) {
      if (!one.is_string()) return malformed("this is no id");
      COTERIE_TRY(const DeviceId device, parse_hex_id<DeviceId>(one.get_ref<const std::string&>()));
      out.push_back(device);
    }
    return out;
  }

 private:
  const json& object_;
};

using What = decltype(EventRequest::what);

bool is_color(const std::string& text) {
  return text.size() == 7 && text[0] == '#' &&
         text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string::npos;
}

Result<What> read_join(const Members& members) {
  COTERIE_TRY(const Members user, members.object("user"));
  WatchOptions out;
  COTERIE_TRY(out.id, user.text_or_none("id", kGuestIdBytesMax));
  COTERIE_TRY(out.name, user.text_or_none("name", kParticipantNameBytesMax));
  COTERIE_TRY(out.color, user.text_or_none("color", kEventIdBytesMax));
  if (!out.color.empty() && !is_color(out.color)) return malformed("a colour is written #rrggbb");
  if (members.has("shown")) {
    COTERIE_TRY(out.shown, members.flag("shown"));
  }
  return What(std::move(out));
}

Result<What> read_cursor(const Members& members) {
  PresenceUpdate out;
  COTERIE_TRY(out.cursor, members.json_text("cursor", kPresenceCursorBytesMax));
  return What(std::move(out));
}

Result<Participant::Lines> read_line_range(const Members& members, const char* name) {
  COTERIE_TRY(const Members lines, members.object(name));
  Participant::Lines out;
  COTERIE_TRY(out.first, lines.number("first"));
  out.last = out.first;
  if (lines.has("last")) {
    COTERIE_TRY(out.last, lines.number("last"));
  }
  if (out.first == 0 || out.last < out.first) return malformed("lines count from 1");
  return out;
}

Result<What> read_presence(const Members& members) {
  PresenceUpdate out;
  if (members.has("status")) {
    COTERIE_TRY(const std::string status, members.text("status", kEventIdBytesMax));
    for (const auto one : {Activeness::kActive, Activeness::kIdle, Activeness::kAway}) {
      if (status == activeness_name(one)) out.activeness = one;
    }
    if (!out.activeness) return malformed("a status is active, idle or away");
  }
  if (members.has("typing")) {
    COTERIE_TRY(out.typing, members.flag("typing"));
  }
  if (members.has("file")) {
    COTERIE_TRY(out.file, members.text("file", kPresenceFileBytesMax));
  }
  if (members.has("viewport")) {
    COTERIE_TRY(out.viewport, read_line_range(members, "viewport"));
  }
  if (members.has("following")) {
    COTERIE_TRY(out.following, members.text("following", kGuestIdBytesMax));
  }
  if (members.has("cursor")) {
    COTERIE_TRY(out.cursor, members.json_text("cursor", kPresenceCursorBytesMax));
  }
  return What(std::move(out));
}

Result<What> read_state_word(const Members& members) {
  SetState out;
  COTERIE_TRY(out.word.key, members.text("key", kStateKeyBytesMax));
  if (out.word.key.empty()) return malformed("a key is missing");
  if (members.has("count")) {
    out.word.what = StateWord::What::kCount;
    COTERIE_TRY(out.word.value, members.whole_number("count"));
  } else if (members.has("value")) {
    COTERIE_TRY(out.word.value, members.json_text("value", kStateValueBytesMax, true));
  } else {
    out.word.what = StateWord::What::kRemove;
  }
  return What(std::move(out));
}

/// What all that is posted has.
Result<PostMessage> read_post(const Members& members) {
  PostMessage out;
  COTERIE_TRY(out.message.text, members.text("text", kMessageBytesMax));
  COTERIE_TRY(out.message.mentions, members.devices("mentions", kMentionsMax));
  return out;
}

Result<What> read_chat(const Members& members) {
  COTERIE_TRY(PostMessage out, read_post(members));
  if (members.has("reply")) {
    COTERIE_TRY(out.message.reply, members.hex_id<Hash>("reply"));
  }
  return What(std::move(out));
}

Result<What> read_reply(const Members& members) {
  COTERIE_TRY(PostMessage out, read_post(members));
  COTERIE_TRY(out.message.thread, members.hex_id<Hash>("thread"));
  return What(std::move(out));
}

Result<Anchor> read_lines(const Members& members) {
  COTERIE_TRY(const Participant::Lines lines, read_line_range(members, "lines"));
  COTERIE_TRY(std::string quote, members.text_or_none("quote", kQuoteBytesMax));
  return Anchor{std::move(quote), LineAnchor{lines.first, lines.last}};
}

Result<What> read_code_comment(const Members& members) {
  COTERIE_TRY(PostMessage out, read_post(members));
  COTERIE_TRY(out.message.anchor, read_lines(members));
  if (members.has("suggestion")) {
    COTERIE_TRY(out.message.suggestion, members.text("suggestion", kSuggestionBytesMax));
  }
  return What(std::move(out));
}

Result<What> read_comment(const Members& members) {
  if (members.has("lines")) return read_code_comment(members);
  COTERIE_TRY(PostMessage out, read_post(members));
  COTERIE_TRY(const Members range, members.object("range"));
  COTERIE_TRY(std::string root, range.text("root", kAnchorBytesMax));
  if (range.has("start") || range.has("end")) {
    PositionRange about{std::move(root), {}, {}};
    COTERIE_TRY(about.start, range.base64url("start", kAnchorBytesMax));
    COTERIE_TRY(about.end, range.base64url("end", kAnchorBytesMax));
    if (members.has("quote")) {
      COTERIE_TRY(about.quote, members.text("quote", kQuoteBytesMax));
    }
    out.positions = std::move(about);
  } else {
    TextRange about{std::move(root)};
    COTERIE_TRY(about.from, range.number("from"));
    COTERIE_TRY(about.to, range.number("to"));
    if (about.from >= about.to) return malformed("a comment is about some characters");
    out.range = std::move(about);
  }
  if (members.has("suggestion")) {
    COTERIE_TRY(out.message.suggestion, members.text("suggestion", kSuggestionBytesMax));
  }
  return What(std::move(out));
}

Result<What> read_amendment_of(const Members& members) {
  AmendMessage out;
  COTERIE_TRY(out.change.target, members.hex_id<Hash>("message"));
  COTERIE_TRY(const std::string change, members.text("change", kEventIdBytesMax));
  COTERIE_TRY(out.change.what, amendment_of(change));
  const bool edit = out.change.what == Amendment::kEdit;
  const bool reaction =
      out.change.what == Amendment::kReact || out.change.what == Amendment::kUnreact;
  if (edit || reaction) {
    COTERIE_TRY(out.change.text, members.text("text", edit ? kMessageBytesMax : kReactionBytesMax));
  }
  return What(std::move(out));
}

/// Chat or comments; of a thread too where `thread` is not null.
Result<RoomLane::Kind> read_lane(const Members& members, Hash* thread) {
  COTERIE_TRY(const std::string name, members.text("lane", kEventIdBytesMax));
  COTERIE_TRY(const RoomLane::Kind lane, lane_of(name));
  if (lane != RoomLane::Kind::kThread) return lane;
  if (thread == nullptr) return malformed("the lane is chat or comments");
  COTERIE_TRY(*thread, members.hex_id<Hash>("thread"));
  return lane;
}

Result<What> read_mark(const Members& members) {
  MarkRead out;
  COTERIE_TRY(out.kind, read_lane(members, nullptr));
  COTERIE_TRY(const std::string moment, members.text("moment", 2 * (8 + Hash::kBytes)));
  COTERIE_TRY(out.seen, parse_moment(moment));
  return What(std::move(out));
}

Result<What> read_page(const Members& members) {
  RoomQuery out;
  COTERIE_TRY(out.kind, read_lane(members, &out.thread));
  if (members.has("before")) {
    COTERIE_TRY(const std::string before, members.text("before", 2 * (8 + Hash::kBytes)));
    COTERIE_TRY(out.before, parse_moment(before));
  }
  if (members.has("limit")) {
    COTERIE_TRY(const std::uint64_t limit, members.number("limit"));
    if (limit > kRoomPageMax) return Error{ErrorCode::kLimitExceeded, "a page is too long", limit};
    out.limit = static_cast<std::size_t>(limit);
  }
  return What(out);
}

Result<What> read_token(const Members& members) {
  COTERIE_TRY(std::string token, members.text("token", kTokenBytesMax));
  return What(TokenShown{std::move(token)});
}

const std::map<std::string, Result<What> (*)(const Members&), std::less<>>& readers() {
  static const std::map<std::string, Result<What> (*)(const Members&), std::less<>> all{
      {"join_session", read_join},
      {"chat_message", read_chat},
      {"add_comment", read_comment},
      {"code_comment", read_code_comment},
      {"reply", read_reply},
      {"message_update", read_amendment_of},
      {"mark_read", read_mark},
      {"room_page", read_page},
      {"cursor_update", read_cursor},
      {"presence_update", read_presence},
      {"session_update", read_state_word},
      {"renew_token", read_token},
  };
  return all;
}

json answer(const char* type, const std::string& id) {
  json out = {{"type", type}};
  if (!id.empty()) out["id"] = id;
  return out;
}

const char* message_type(const RoomMessage& message) {
  if (message.thread) return "reply";
  if (!message.anchor) return "chat_message";
  return std::holds_alternative<LineAnchor>(message.anchor->place) ? "code_comment" : "add_comment";
}

json event_json(const UserJoined& event, const AuthorNames& names) {
  json out = answer("user_joined", "");
  out["participant"] = participant_json(event.participant, names);
  return out;
}
json event_json(const UserLeft& event, const AuthorNames&) {
  json out = answer("user_left", "");
  out["device"] = event.device.hex();
  out["user"] = event.id;
  return out;
}
json event_json(const CursorMoved& event, const AuthorNames&) {
  json out = answer("cursor_update", "");
  out["device"] = event.device.hex();
  out["user"] = event.id;
  out["cursor"] = json_value(event.cursor);
  return out;
}
json event_json(const PresenceChanged& event, const AuthorNames& names) {
  json out = answer("presence_update", "");
  out["participant"] = participant_json(event.participant, names);
  return out;
}
json event_json(const MessageSaid& event, const AuthorNames& names) {
  json out = answer(message_type(event.item.message), "");
  out["message"] = message_json(event.item, names);
  return out;
}
json event_json(const MessageChanged& event, const AuthorNames& names) {
  json out = answer("message_update", "");
  out["message"] = message_json(event.item, names);
  return out;
}
json event_json(const StateChanged& event, const AuthorNames& names) {
  json out = answer("session_update", "");
  out["item"] = state_json(event.item, names);
  return out;
}
json event_json(const DocumentSaved& event, const AuthorNames&) {
  json out = answer("saved", "");
  const Bytes holds = event.holds.encode();
  out["state_vector"] = crypto::to_base64url(holds);
  out["devices"] = event.devices;
  out["members"] = event.members;
  return out;
}
json event_json(const RoomReset&, const AuthorNames&) { return answer("room_reset", ""); }

}  // namespace

Result<EventRequest> read_event(std::string_view text, std::string& id) {
  // Shallow, too: what is in it is written out again.
  if (!is_json_object(text)) return malformed("a message is a JSON object");
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return malformed("a message is a JSON object");
  const Members members(object);
  EventRequest out;
  COTERIE_TRY(out.id, members.text_or_none("id", kEventIdBytesMax));
  id = out.id;
  COTERIE_TRY(out.type, members.text("type", kEventIdBytesMax));
  const auto found = readers().find(out.type);
  if (found == readers().end()) return malformed("no message has this type");
  COTERIE_TRY(out.what, found->second(members));
  return out;
}

const char* event_error_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
      return "MALFORMED";
    case ErrorCode::kLimitExceeded:
      return "LIMIT_EXCEEDED";
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kUnauthorized:
      return "PERMISSION_DENIED";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kConflict:
      return "CONFLICT";
    case ErrorCode::kNoSpace:
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
      break;
  }
  return "INTERNAL";
}

json error_event(const std::string& id, const char* code, const std::string& message) {
  json out = answer("error", id);
  out["code"] = code;
  out["message"] = message;
  return out;
}

json ok_event(const std::string& id, const std::optional<RoomMoment>& posted) {
  json out = answer("ok", id);
  if (posted) {
    out["message"] = posted->hash.hex();
    out["moment"] = moment_text(*posted);
  }
  return out;
}

json page_event(const std::string& id, const RoomView& view, const AuthorNames& names) {
  json out = page_json(view, names);
  out.update(answer("room_page", id));
  return out;
}

json room_event(const RoomEvent& event, const AuthorNames& names) {
  return std::visit([&](const auto& one) { return event_json(one, names); }, event);
}

json session_event(const std::string& id, const SessionStart& start, const AuthorNames& names) {
  json out = answer("session", id);
  out["self"] = author_json(start.self, names);
  out["role"] = start.role;
  out["unread"] = {{"chat", start.unread_chat}, {"comments", start.unread_comments}};
  out["participants"] = json::array();
  for (const Participant& one : start.participants) {
    out["participants"].push_back(participant_json(one, names));
  }
  out["state"] = json::array();
  for (const StateItem& one : start.state) out["state"].push_back(state_json(one, names));
  out["limits"] = {{"message_bytes", kMessageBytesMax},
                   {"suggestion_bytes", kSuggestionBytesMax},
                   {"reaction_bytes", kReactionBytesMax},
                   {"mentions", kMentionsMax},
                   {"page", kRoomPageMax},
                   {"posts_per_minute", kPostsPerMinute},
                   {"changes_per_minute", kChangesPerMinute}};
  return out;
}

}  // namespace coterie::node
