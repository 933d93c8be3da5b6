// Workspace: chat and comments.

#include <algorithm>
#include <utility>

#include "crdt/base/utf16.hpp"
#include "crdt/relative_position.hpp"
#include "crdt/text.hpp"
#include "node/core/codec.hpp"
#include "node/core/invert.hpp"
#include "node/core/limits.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

using storage::Table;

namespace {

/// Where a range is now; nothing where its text has not come or the positions are none.
std::optional<RoomPlace> locate(const crdt::Doc& doc, const RangeAnchor& range) {
  const auto index = [&](const Bytes& encoded) -> std::optional<std::uint64_t> {
    const auto position = crdt::RelativePosition::decode(encoded);
    if (!position) return std::nullopt;
    const auto place = crdt::absolute_position(doc, *position, crdt::UndoneDeletions::kIgnore);
    return place ? std::optional(place->index) : std::nullopt;
  };
  const auto from = index(range.from);
  const auto to = index(range.to);
  if (!from || !to) return std::nullopt;
  return RoomPlace{*from, std::max(*from, *to)};
}

/// The text of [from, to) in UTF-16 units, at most kQuoteBytesMax of it, cut at a character.
std::string quote_of(const std::string& text, std::uint64_t from, std::uint64_t to) {
  const ByteView bytes = as_bytes(text);
  const std::size_t begin = utf16_prefix_bytes(bytes, from);
  std::size_t end = std::min(utf16_prefix_bytes(bytes, to), begin + kQuoteBytesMax);
  while (end > begin && end < text.size() && (bytes[end] & 0xc0) == 0x80) --end;
  return text.substr(begin, end - begin);
}

/// The anchor of a range of `text`: it keeps to the characters it is about, not to what is put
/// before or after them.
Result<Anchor> anchor_at(const crdt::Text& text, const TextRange& range) {
  if (range.from >= range.to || range.to > text.size()) {
    return Error{ErrorCode::kMalformed, "a comment is about some characters of the text",
                 range.from};
  }
  COTERIE_TRY(const auto from, crdt::relative_position(text, range.from, crdt::kAssociateRight));
  COTERIE_TRY(const auto to, crdt::relative_position(text, range.to, crdt::kAssociateLeft));
  return Anchor{quote_of(text.to_string(), range.from, range.to),
                RangeAnchor{range.root, from.encode(), to.encode()}};
}

Bytes seen_key(const DocumentId& document, RoomLane::Kind kind, const std::string& guest) {
  Bytes key = meta_key("R");
  append(key, document.view());
  key.push_back(static_cast<std::uint8_t>(kind));
  append(key, as_bytes(guest));
  return key;
}

}  // namespace

// Views::Host.

void Workspace::room_spoken(Now, const LedgerRecord&, const Record&) {}

// Commands.

Result<CommandResult> Workspace::carry_out(Now now, const PostMessage& command) {
  if (const auto obstacle = record_obstacle()) return *obstacle;
  Document* document = documents_.find_path(command.path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  MessageRecord message = command.message;
  message.document = document->id;
  if (command.range) {
    COTERIE_CHECK(documents_.load(now, *document));
    COTERIE_TRY(message.anchor,
                anchor_at(document->doc->text(command.range->root), *command.range));
  }
  for (const auto& answered : {message.thread, message.reply}) {
    if (!answered) continue;
    COTERIE_TRY(const RoomMessage known, rooms_.find(*answered));
    const bool fits =
        known.document == document->id && (answered != message.thread || known.anchor.has_value());
    if (!fits) return Error{ErrorCode::kNotFound, "no such message in this document"};
  }
  const Bytes record = encode_record(message);
  COTERIE_CHECK(decode_record(id(), record));  // Within the limits, as all replicas see them.
  LedgerRecord written;
  ledger_.append_record(now, record, &written);
  room_spoken(now, written, message);
  return CommandResult(MessagePosted{{written.time, written.hash}});
}

Result<CommandResult> Workspace::carry_out(Now now, const AmendMessage& command) {
  if (const auto obstacle = record_obstacle()) return *obstacle;
  COTERIE_TRY(const RoomMessage target, rooms_.find(command.change.target));
  AmendRecord change = command.change;
  change.document = target.document;
  const Author author{context_.identity.id(), change.guest};
  const bool own = change.what == Amendment::kEdit || change.what == Amendment::kDelete;
  if (own && !rooms_.same(author, target.author)) {
    return Error{ErrorCode::kUnauthorized, "only its author may change a message"};
  }
  if (target.deleted) return Error{ErrorCode::kNotFound, "the message was deleted"};
  const bool resolves = change.what == Amendment::kResolve || change.what == Amendment::kReopen;
  const bool decides = change.what == Amendment::kAccept || change.what == Amendment::kDismiss;
  if ((resolves && !target.anchor) || (decides && !target.suggestion)) {
    return Error{ErrorCode::kMalformed, "that can be said of comments and suggestions only"};
  }
  const Bytes record = encode_record(change);
  COTERIE_CHECK(decode_record(id(), record));
  if (change.what == Amendment::kAccept) COTERIE_CHECK(apply_suggestion(now, target));
  LedgerRecord written;
  ledger_.append_record(now, record, &written);
  room_spoken(now, written, change);
  return CommandResult(Done{});
}

/// Replaces what a suggestion is about, by an edit of ours.
Status Workspace::apply_suggestion(Now now, const RoomMessage& target) {
  if (const auto obstacle = edit_obstacle()) return *obstacle;
  if (target.verdict != RoomMessage::Verdict::kOpen) {
    return Error{ErrorCode::kConflict, "somebody accepted or dismissed it already"};
  }
  const auto* range = std::get_if<RangeAnchor>(&target.anchor->place);
  Document* document = documents_.find(target.document);
  if (range == nullptr || document == nullptr || !document->recorded) {
    return Error{ErrorCode::kNotFound, "it is about no text that is known here"};
  }
  COTERIE_CHECK(documents_.load(now, *document));
  flush(now, *document);
  crdt::Doc copy = documents_.blank();
  COTERIE_CHECK(copy.load_update(document->doc->encode_state_as_update()));
  const auto place = locate(copy, *range);
  if (!place || place->from == place->to) {
    return Error{ErrorCode::kConflict, "the text that it is about was deleted"};
  }
  Status edited;
  const Inverse edit = tell_edits(copy, authors_.native_client(now), [&] {
    crdt::Text text = copy.text(range->root);
    edited = text.insert(place->to, *target.suggestion);
    if (edited) edited = text.remove(place->from, place->to - place->from);
  });
  COTERIE_CHECK(edited);
  if (edit.update.empty()) return {};
  return write_edit(now, *document, edit.update, {});
}

Result<CommandResult> Workspace::carry_out(Now, const MarkRead& command) {
  const Document* document = documents_.find_path(command.path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  if (command.guest.size() > kGuestIdBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a guest's id is too long", command.guest.size()};
  }
  Bytes value;
  append_u64(value, command.seen.time);
  append(value, command.seen.hash.view());
  ledger_.staged().put(Table::kMeta, seen_key(document->id, command.kind, command.guest),
                       std::move(value));
  return CommandResult(Done{});
}

// Questions.

Result<RoomView> Workspace::view(Now now, RoomPage page) {
  RoomView out;
  out.older = page.older;
  for (RoomMessage& one : page.messages) {
    RoomItem item{std::move(one), std::nullopt};
    const auto* range =
        item.message.anchor ? std::get_if<RangeAnchor>(&item.message.anchor->place) : nullptr;
    Document* document = range == nullptr ? nullptr : documents_.find(item.message.document);
    if (document != nullptr && documents_.load(now, *document)) {
      item.place = locate(*document->doc, *range);
    }
    out.items.push_back(std::move(item));
  }
  return out;
}

Result<RoomView> Workspace::room(Now now, const RoomQuery& query) {
  if (query.limit > kRoomPageMax) {
    return Error{ErrorCode::kLimitExceeded, "more messages than fit a page", query.limit};
  }
  const Document* document = documents_.find_path(query.path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  const RoomLane lane{document->id, query.kind, query.thread};
  COTERIE_TRY(RoomPage page, rooms_.page(lane, query.before, query.limit));
  COTERIE_TRY(RoomView out, view(now, std::move(page)));
  if (query.kind == RoomLane::Kind::kThread) return out;
  COTERIE_TRY(const auto row,
              ledger_.store().get(Table::kMeta, seen_key(lane.document, lane.kind, query.guest)));
  RoomMoment seen;
  if (row) {
    ByteReader in(*row);
    COTERIE_TRY(seen.time, read_u64(in));
    COTERIE_TRY(seen.hash, read_id<Hash>(in));
  }
  const Author reader{context_.identity.id(), query.guest};
  COTERIE_TRY(out.unread, rooms_.unread(lane, seen, reader, kUnreadMax));
  return out;
}

Result<RoomView> Workspace::mentions(Now now, const RoomQuery& query) {
  if (query.limit > kRoomPageMax) {
    return Error{ErrorCode::kLimitExceeded, "more messages than fit a page", query.limit};
  }
  const auto devices = devices_of(context_.identity.id(), true);
  COTERIE_TRY(RoomPage page, rooms_.mentions(devices, query.before, query.limit));
  return view(now, std::move(page));
}

Result<RoomView> Workspace::message(Now now, const Hash& id) {
  COTERIE_TRY(RoomMessage found, rooms_.find(id));
  RoomPage page;
  page.messages.push_back(std::move(found));
  return view(now, std::move(page));
}

}  // namespace coterie::node
