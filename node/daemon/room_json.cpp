#include "node/daemon/room_json.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

/// Of the hybrid clock, above the counter.
constexpr int kClockShift = 16;

template <typename Kind, std::size_t kCount>
Result<Kind> named_kind(const std::array<std::pair<Kind, const char*>, kCount>& all,
                        std::string_view name) {
  for (const auto& [kind, its] : all) {
    if (name == its) return kind;
  }
  return Error{ErrorCode::kMalformed, "a name that is not known"};
}

template <typename Kind, std::size_t kCount>
const char* kind_name(const std::array<std::pair<Kind, const char*>, kCount>& all, Kind wanted) {
  for (const auto& [kind, its] : all) {
    if (kind == wanted) return its;
  }
  return "unknown";
}

constexpr std::array<std::pair<RoomLane::Kind, const char*>, 3> kLanes{{
    {RoomLane::Kind::kChat, "chat"},
    {RoomLane::Kind::kComments, "comments"},
    {RoomLane::Kind::kThread, "thread"},
}};

constexpr std::array<std::pair<Amendment, const char*>, 8> kAmendments{{
    {Amendment::kEdit, "edit"},
    {Amendment::kDelete, "delete"},
    {Amendment::kReact, "react"},
    {Amendment::kUnreact, "unreact"},
    {Amendment::kResolve, "resolve"},
    {Amendment::kReopen, "reopen"},
    {Amendment::kAccept, "accept"},
    {Amendment::kDismiss, "dismiss"},
}};

constexpr std::array<std::pair<RoomMessage::Verdict, const char*>, 3> kVerdicts{{
    {RoomMessage::Verdict::kOpen, "open"},
    {RoomMessage::Verdict::kAccepted, "accepted"},
    {RoomMessage::Verdict::kDismissed, "dismissed"},
}};

constexpr std::array<std::pair<ActivityItem::Kind, const char*>, 10> kActivities{{
    {ActivityItem::Kind::kJoined, "joined"},
    {ActivityItem::Kind::kLeft, "left"},
    {ActivityItem::Kind::kEdited, "edited"},
    {ActivityItem::Kind::kMessage, "message"},
    {ActivityItem::Kind::kComment, "comment"},
    {ActivityItem::Kind::kAmendment, "amendment"},
    {ActivityItem::Kind::kCreated, "created"},
    {ActivityItem::Kind::kVersion, "version"},
    {ActivityItem::Kind::kMembership, "membership"},
    {ActivityItem::Kind::kProperties, "properties"},
}};

json anchor_json(const Anchor& anchor, const std::optional<RoomPlace>& place) {
  json out = {{"quote", anchor.quote}};
  if (const auto* lines = std::get_if<LineAnchor>(&anchor.place)) {
    out["lines"] = {{"first", lines->first}, {"last", lines->last}};
    return out;
  }
  const auto& range = std::get<RangeAnchor>(anchor.place);
  out["root"] = range.root;
  out["start"] = crypto::to_base64url(range.from);
  out["end"] = crypto::to_base64url(range.to);
  if (place) {
    if (!place->inside) out["range"] = {{"from", place->from}, {"to", place->to}};
    out["text_deleted"] = place->from == place->to;
  }
  return out;
}

}  // namespace

std::uint64_t room_millis(std::uint64_t time) { return time >> kClockShift; }

std::string moment_text(const RoomMoment& moment) {
  Bytes bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(moment.time >> shift));
  }
  return to_hex(bytes) + moment.hash.hex();
}

Result<RoomMoment> parse_moment(std::string_view text) {
  if (text.size() != 2 * (8 + Hash::kBytes)) {
    return Error{ErrorCode::kMalformed, "this is no moment"};
  }
  COTERIE_TRY(const Bytes bytes, from_hex(text));
  RoomMoment moment;
  for (const std::uint8_t byte : ByteView(bytes).first(8)) moment.time = (moment.time << 8) | byte;
  COTERIE_TRY(moment.hash, Hash::from(ByteView(bytes).subspan(8)));
  return moment;
}

const char* lane_name(RoomLane::Kind lane) { return kind_name(kLanes, lane); }
Result<RoomLane::Kind> lane_of(std::string_view name) { return named_kind(kLanes, name); }
const char* amendment_name(Amendment what) { return kind_name(kAmendments, what); }
Result<Amendment> amendment_of(std::string_view name) { return named_kind(kAmendments, name); }

json author_json(const Author& author, const AuthorNames& names) {
  json out = {{"device", author.device.hex()}};
  if (!author.guest.empty()) out["guest"] = author.guest;
  if (std::string name = names(author); !name.empty()) out["name"] = std::move(name);
  return out;
}

json message_json(const RoomItem& item, const AuthorNames& names) {
  const RoomMessage& message = item.message;
  json out = {{"id", message.moment.hash.hex()},
              {"moment", moment_text(message.moment)},
              {"time", room_millis(message.moment.time)},
              {"document", message.document.hex()},
              {"author", author_json(message.author, names)},
              {"text", message.text},
              {"deleted", message.deleted}};
  json mentions = json::array();
  for (const DeviceId& device : message.mentions) mentions.push_back(device.hex());
  out["mentions"] = std::move(mentions);
  json reactions = json::array();
  for (const auto& [emoji, authors] : message.reactions) {
    json by = json::array();
    for (const Author& author : authors) by.push_back(author_json(author, names));
    reactions.push_back({{"emoji", emoji}, {"by", std::move(by)}});
  }
  out["reactions"] = std::move(reactions);
  if (message.thread) out["thread"] = message.thread->hex();
  if (message.reply) out["reply"] = message.reply->hex();
  if (message.edited) out["edited"] = room_millis(*message.edited);
  if (message.anchor) {
    out["anchor"] = anchor_json(*message.anchor, item.place);
    out["resolved"] = message.resolved;
  }
  if (message.suggestion) {
    out["suggestion"] = *message.suggestion;
    out["verdict"] = kind_name(kVerdicts, message.verdict);
  }
  return out;
}

json json_value(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json() : value;
}

json participant_json(const Participant& participant, const AuthorNames& names) {
  json out = {{"device", participant.device.hex()},
              {"device_name", names({participant.device, ""})},
              {"user", participant.id},
              {"name", participant.name},
              {"color", participant.color},
              {"status", activeness_name(participant.activeness)},
              {"typing", participant.typing},
              {"clients", participant.clients}};
  if (!participant.file.empty()) out["file"] = participant.file;
  if (participant.viewport) {
    out["viewport"] = {{"first", participant.viewport->first},
                       {"last", participant.viewport->last}};
  }
  if (!participant.cursor.empty()) out["cursor"] = json_value(participant.cursor);
  if (!participant.following.empty()) out["following"] = participant.following;
  return out;
}

json state_json(const StateItem& item, const AuthorNames& names) {
  json out = {{"key", item.key},
              {"author", author_json({item.device, item.guest}, names)},
              {"time", room_millis(item.time)},
              {"removed", item.value.empty()}};
  if (!item.value.empty()) out["value"] = json_value(item.value);
  return out;
}

json activity_json(const ActivityItem& item, const AuthorNames& names) {
  json out = {{"kind", kind_name(kActivities, item.kind)},
              {"moment", moment_text(item.moment)},
              {"time", room_millis(item.moment.time)},
              {"author", author_json(item.author, names)},
              {"text", item.text}};
  if (!item.name.empty()) out["author"]["name"] = item.name;
  if (!item.document.is_zero()) {
    out["document"] = item.document.hex();
    out["path"] = item.path;
  }
  if (item.amendment) out["change"] = amendment_name(*item.amendment);
  if (item.subject) out["subject"] = author_json({*item.subject, ""}, names);
  return out;
}

json page_json(const RoomView& view, const AuthorNames& names) {
  json messages = json::array();
  for (const RoomItem& item : view.items) messages.push_back(message_json(item, names));
  json out = {{"messages", std::move(messages)}, {"unread", view.unread}};
  if (view.older) out["older"] = moment_text(*view.older);
  return out;
}

}  // namespace coterie::node
