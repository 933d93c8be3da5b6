// Workspace: chat and comments.

#include <algorithm>
#include <utility>

#include "crdt/base/utf16.hpp"
#include "crdt/relative_position.hpp"
#include "crdt/text.hpp"
#include "node/core/audit.hpp"
#include "node/core/codec.hpp"
#include "node/core/invert.hpp"
#include "node/core/limits.hpp"
#include "node/core/log/hybrid_clock.hpp"
#include "node/core/rooms/templates.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

using storage::Table;

namespace {

/// Whether a type is `root` or in it. What is nested deeper than anybody writes is not looked for.
bool is_in(crdt::SharedType type, const crdt::SharedType& root) {
  for (std::size_t depth = 0; depth <= crdt::kAnyDepthMax; ++depth) {
    const auto parent = type.parent();
    if (!parent) return type == root;
    type = *parent;
  }
  return false;
}

/// Both ends of a range as they are now.
struct Ends {
  crdt::AbsolutePosition start;
  crdt::AbsolutePosition end;

  bool in_one_type() const { return start.type == end.type; }
};

/// Nothing where what the positions name has not come, is of another root, or they are none.
std::optional<Ends> ends_of(const crdt::Doc& doc, const RangeAnchor& range) {
  const auto root = doc.root(range.root);
  if (!root) return std::nullopt;
  const auto end = [&](const Bytes& encoded) -> std::optional<crdt::AbsolutePosition> {
    const auto position = crdt::RelativePosition::decode(encoded);
    if (!position) return std::nullopt;
    auto place = crdt::absolute_position(doc, *position, crdt::UndoneDeletions::kIgnore);
    return place && is_in(place->type, *root) ? place : std::nullopt;
  };
  const auto first = end(range.from);
  const auto last = end(range.to);
  if (!first || !last) return std::nullopt;
  return Ends{*first, *last};
}

/// Where a range is now.
std::optional<RoomPlace> locate(const crdt::Doc& doc, const RangeAnchor& range) {
  const auto ends = ends_of(doc, range);
  if (!ends) return std::nullopt;
  const auto& [start, end] = *ends;
  if (!ends->in_one_type()) return RoomPlace{0, 1, true};
  return RoomPlace{start.index, std::max(start.index, end.index), start.type.parent().has_value()};
}

/// What a suggestion replaces.
struct Characters {
  crdt::Text text;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

Result<Characters> characters_of(const crdt::Doc& doc, const RangeAnchor& range) {
  const auto ends = ends_of(doc, range);
  const bool gone = !ends || (ends->in_one_type() && ends->start.index >= ends->end.index);
  if (gone) return Error{ErrorCode::kConflict, "the text that it is about was deleted"};
  const crdt::Text text = ends->start.type.as_text();
  const auto holds_text = [&] {
    const crdt::TypeKind kind = text.kind();
    if (kind == crdt::TypeKind::kText || kind == crdt::TypeKind::kXmlText) return true;
    // A root that nobody here asked for: what is in it says what it is.
    return kind == crdt::TypeKind::kUnknown &&
           utf16_length(as_bytes(text.to_string())) == text.size();
  };
  if (!ends->in_one_type() || !holds_text()) {
    return Error{ErrorCode::kMalformed,
                 "a suggestion is about characters of one paragraph: change the text by hand"};
  }
  return Characters{text, ends->start.index, ends->end.index};
}

/// Of the character at `index`.
crdt::Attributes format_at(const crdt::Text& text, std::uint64_t index) {
  std::uint64_t end = 0;
  for (crdt::TextRun& run : text.to_delta()) {
    const auto* characters = std::get_if<std::string>(&run.insert);
    end += characters == nullptr ? 1 : utf16_length(as_bytes(*characters));
    if (index < end) return std::move(run.attributes);
  }
  return {};
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

/// The anchor of what an editor selected.
Result<Anchor> anchor_between(const crdt::Doc& doc, const PositionRange& range) {
  const auto position = [](const Bytes& encoded) -> Result<Bytes> {
    if (encoded.size() > kAnchorBytesMax) {
      return Error{ErrorCode::kLimitExceeded, "position too long", encoded.size()};
    }
    COTERIE_TRY(const auto decoded, crdt::RelativePosition::decode(encoded));
    return decoded.encode();
  };
  RangeAnchor anchor{range.root, {}, {}};
  COTERIE_TRY(anchor.from, position(range.start));
  COTERIE_TRY(anchor.to, position(range.end));
  const auto ends = ends_of(doc, anchor);
  if (!ends) {
    return Error{ErrorCode::kConflict,
                 "what these positions name is not in the document, or has not come here yet"};
  }
  const bool one = ends->in_one_type();
  if (one && ends->start.index >= ends->end.index) {
    return Error{ErrorCode::kMalformed, "a comment is about some characters of the text"};
  }
  std::string quote = range.quote.value_or("");
  if (!range.quote && one) {
    const std::string text = ends->start.type.as_text().to_string();
    // Where something stands between the characters, they cannot be counted in the text alone.
    const bool counts = utf16_length(as_bytes(text)) == ends->start.type.as_text().size();
    if (counts) quote = quote_of(text, ends->start.index, ends->end.index);
  }
  return Anchor{std::move(quote), std::move(anchor)};
}

/// Of the hybrid clock. Whoever has read a message from after it has not read all until then.
std::uint64_t latest_time(Now now) { return (now.wall + kClockSkewMsMax) << 16; }

std::uint64_t minute_of(WallMillis time) { return time / 60'000; }

Bytes seen_key(const DocumentId& document, RoomLane::Kind kind, const std::string& guest) {
  Bytes key = meta_key("R");
  append(key, document.view());
  key.push_back(static_cast<std::uint8_t>(kind));
  append(key, as_bytes(guest));
  return key;
}

}  // namespace

// Views::Host.

/// Told once it is on the disk, where it is read from.
void Workspace::room_spoken(Now now, const LedgerRecord& record, const Record& decoded) {
  const auto later = [&](const DocumentId& document, Ledger::Action action) {
    if (watchers_.watched(document)) when_durable(now, std::move(action));
  };
  if (const auto* message = std::get_if<MessageRecord>(&decoded)) {
    later(message->document, [this, id = record.hash](Now then) { tell_spoken(then, id, true); });
  } else if (const auto* amendment = std::get_if<AmendRecord>(&decoded)) {
    later(amendment->document,
          [this, id = amendment->target](Now then) { tell_spoken(then, id, false); });
  } else if (const auto* word = std::get_if<StateWord>(&decoded)) {
    later(word->document, [this, one = *word](Now) { tell_state(one); });
  } else if (const auto* guest = std::get_if<GuestRecord>(&decoded)) {
    guest_spoken(*guest);
  }
}

void Workspace::tell_spoken(Now now, const Hash& id, bool said) {
  auto message = rooms_.find(id);
  if (!message) return;  // It does not count.
  const DocumentId document = message->document;
  RoomItem item = item_of(now, *std::move(message));
  if (said) {
    watchers_.tell(document, MessageSaid{std::move(item)});
  } else {
    watchers_.tell(document, MessageChanged{std::move(item)});
  }
}

void Workspace::tell_state(const StateWord& word) {
  auto item = rooms_.state(word.document, word.key);
  if (item && *item) watchers_.tell(word.document, StateChanged{**std::move(item)});
}

// Attendance.

void Workspace::tell_attendance(Now now) {
  for (Attendance::Event& one : attendance_.take_events()) {
    note_attendance(now, one.document, one.event);
    watchers_.tell(one.document, std::move(one.event));
  }
}

/// Who comes to this bridge, and who goes, is recorded; not who only reloads a page.
void Workspace::note_attendance(Now now, const DocumentId& document, const RoomEvent& event) {
  const DeviceId& self = context_.identity.id();
  if (const auto* joined = std::get_if<UserJoined>(&event)) {
    const Participant& who = joined->participant;
    if (who.device != self) return;
    Attending& attending = attending_[{document, who.id}];
    attending.leaves.reset();
    attending.name = who.name;
  } else if (const auto* left = std::get_if<UserLeft>(&event)) {
    const auto at = attending_.find({document, left->id});
    if (left->device != self || at == attending_.end()) return;
    if (!at->second.recorded) {
      attending_.erase(at);
      return;
    }
    at->second.leaves = now.steady + kAttendanceGrace;
    leaves_due_ = std::min(leaves_due_.value_or(Instant::max()), *at->second.leaves);
    return;
  }
  // Also later, when somebody writes the first words of a document.
  for (auto at = attending_.lower_bound({document, ""});
       at != attending_.end() && at->first.first == document; ++at) {
    Attending& one = at->second;
    if (one.recorded) continue;
    if (comings_.ready_at() > now.steady) return;
    one.recorded = write_attendance(now, {document, true, at->first.second, one.name});
    if (!one.recorded) return;  // Nor will the others be.
    (void)comings_.take(now.steady);
  }
}

/// Viewers come and go unrecorded: nobody would take their word.
bool Workspace::write_attendance(Now now, const AttendRecord& record) {
  const Document* document = documents_.find(record.document);
  if (document == nullptr || !document->recorded) return false;
  if (speak_obstacle(document->id, "")) return false;
  ledger_.append_record(now, encode_record(record));
  return true;
}

void Workspace::tend_attendance(Now now) {
  if (!leaves_due_ || now.steady < *leaves_due_) return;
  leaves_due_.reset();
  for (auto at = attending_.begin(); at != attending_.end();) {
    const auto& leaves = at->second.leaves;
    if (!leaves || *leaves > now.steady) {
      if (leaves) leaves_due_ = std::min(leaves_due_.value_or(Instant::max()), *leaves);
      ++at;
      continue;
    }
    if (at->second.recorded) {
      (void)write_attendance(now, {at->first.first, false, at->first.second, at->second.name});
    }
    at = attending_.erase(at);
  }
}

void Workspace::end_attendance(Now now) {
  for (auto& [who, attending] : attending_) attending.leaves = leaves_due_ = now.steady;
  tend_attendance(now);
}

/// By what it shows now; else as the records of who came have it.
std::string Workspace::guest_name(const Author& author) const {
  if (author.guest.empty()) return {};
  std::string shown = attendance_.name_of(author.device, author.guest);
  return shown.empty() ? rooms_.guest_name(author) : shown;
}

// Watchers.

Status Workspace::watch(Now now, ClientHandle watcher, std::string_view path,
                        WatchOptions options) {
  const Document* document = documents_.find_path(path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  if (!standing_of(document->id, context_.identity.id(), options.id)) {
    return Error{ErrorCode::kUnauthorized, "this guest is out of this document"};
  }
  COTERIE_CHECK(watchers_.open(now, watcher, document->id, std::move(options),
                               display_name(context_.identity.id())));
  if (!speakers_.contains(document->id)) tell_whose_words_count();
  return {};
}

Status Workspace::show_watcher(Now now, ClientHandle watcher, PresenceUpdate update) {
  return watchers_.show(now, watcher, std::move(update));
}

void Workspace::unwatch(Now now, ClientHandle watcher) { watchers_.close(now, watcher); }

/// Where somebody may say less or more than before, what is shown may be another room.
void Workspace::tell_whose_words_count() {
  std::map<DocumentId, std::map<DeviceId, Role>> speakers;
  for (const DocumentId& document : watchers_.documents()) {
    auto& roles = speakers[document];
    for (const auto& [device, member] : membership().members()) {
      roles.emplace(device, membership().role_in(device, document).value_or(Role::kViewer));
    }
    const auto before = speakers_.find(document);
    if (before == speakers_.end()) continue;
    const bool changed =
        std::any_of(before->second.begin(), before->second.end(), [&](const auto& one) {
          const auto is = roles.find(one.first);
          return is == roles.end() || is->second != one.second;
        });
    if (changed) watchers_.tell(document, RoomReset{});
  }
  speakers_ = std::move(speakers);
}

Result<std::vector<Participant>> Workspace::participants(std::string_view path) const {
  const Document* document = documents_.find_path(path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  return attendance_.of(document->id);
}

// Commands.

/// What is beyond the rate would count nowhere: better to say so than to seem to have taken it.
std::optional<Error> Workspace::rate_obstacle(Now now, RateClass what) const {
  const auto said = said_.find(what);
  const bool full = said != said_.end() && said->second.minute >= minute_of(now.wall) &&
                    said->second.times >= rate_of(what);
  if (!full) return std::nullopt;
  return Error{ErrorCode::kUnavailable, "this device said too much within a minute: wait a little"};
}

LedgerRecord Workspace::write_spoken(Now now, RateClass what, ByteView record) {
  LedgerRecord written;
  ledger_.append_record(now, record, &written);
  Said& said = said_[what];
  const std::uint64_t minute = minute_of(HybridClock::millis(written.time));
  if (said.minute != minute) said = {minute, 0};
  ++said.times;
  return written;
}

Result<CommandResult> Workspace::carry_out(Now now, const PostMessage& command) {
  if (const auto obstacle = record_obstacle()) return *obstacle;
  if (const auto obstacle = rate_obstacle(now, RateClass::kMessages)) return *obstacle;
  Document* document = documents_.find_path(command.path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  if (const auto obstacle = speak_obstacle(document->id, command.message.guest)) return *obstacle;
  MessageRecord message = command.message;
  message.document = document->id;
  if (command.positions) {
    COTERIE_CHECK(documents_.load(now, *document));
    COTERIE_TRY(message.anchor, anchor_between(*document->doc, *command.positions));
  } else if (command.range) {
    COTERIE_CHECK(documents_.load(now, *document));
    // What kind of root it is, its editors decide.
    const auto root = document->doc->root(command.range->root);
    if (!root) return Error{ErrorCode::kMalformed, "no text of that name is in the document"};
    COTERIE_TRY(message.anchor, anchor_at(root->as_text(), *command.range));
  }
  const auto* about = message.anchor ? std::get_if<RangeAnchor>(&message.anchor->place) : nullptr;
  if (message.anchor && message.suggestion && about == nullptr) {
    return Error{ErrorCode::kMalformed, "a suggestion is about characters, not lines"};
  }
  if (message.suggestion && (command.positions || command.range)) {
    COTERIE_CHECK(characters_of(*document->doc, *about));
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
  const LedgerRecord written = write_spoken(now, RateClass::kMessages, record);
  room_spoken(now, written, message);
  return CommandResult(MessagePosted{{written.time, written.hash}});
}

Result<CommandResult> Workspace::carry_out(Now now, const AmendMessage& command) {
  if (const auto obstacle = record_obstacle()) return *obstacle;
  if (const auto obstacle = rate_obstacle(now, RateClass::kAmendments)) return *obstacle;
  COTERIE_TRY(const RoomMessage target, rooms_.find(command.change.target));
  if (command.change.document != DocumentId{} && command.change.document != target.document) {
    return Error{ErrorCode::kNotFound, "no message of that id in this document"};
  }
  if (const auto obstacle = speak_obstacle(target.document, command.change.guest)) return *obstacle;
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
  if (resolves && !target.anchor) {
    return Error{ErrorCode::kMalformed, "only comments are resolved and reopened"};
  }
  if (decides && !target.suggestion) {
    return Error{ErrorCode::kMalformed, "this comment suggests nothing"};
  }
  if (decides && target.verdict != RoomMessage::Verdict::kOpen) {
    return Error{ErrorCode::kConflict, "somebody accepted or dismissed it already"};
  }
  const Bytes record = encode_record(change);
  COTERIE_CHECK(decode_record(id(), record));
  if (change.what == Amendment::kAccept) {
    COTERIE_CHECK(apply_suggestion(now, target, {change.guest, command.most}));
  }
  const LedgerRecord written = write_spoken(now, RateClass::kAmendments, record);
  room_spoken(now, written, change);
  return CommandResult(Done{});
}

/// Replaces what a suggestion is about, by an edit of ours that `visitor` asks for.
Status Workspace::apply_suggestion(Now now, const RoomMessage& target, const Visitor& visitor) {
  if (const auto obstacle = edit_obstacle(target.document, visitor)) return *obstacle;
  const auto* range = std::get_if<RangeAnchor>(&target.anchor->place);
  Document* document = documents_.find(target.document);
  if (range == nullptr || document == nullptr || !document->recorded) {
    return Error{ErrorCode::kNotFound, "it is about no text that is known here"};
  }
  COTERIE_CHECK(documents_.load(now, *document));
  flush(now, *document);
  crdt::Doc copy = documents_.blank();
  COTERIE_CHECK(copy.load_update(document->doc->encode_state_as_update()));
  COTERIE_TRY(Characters place, characters_of(copy, *range));
  const crdt::Attributes format = format_at(place.text, place.from);
  if (!place.text.parent()) place.text = copy.text(range->root);
  Status edited;
  // Who accepts it elsewhere meanwhile, on the same text, writes the same.
  const Hash same = crypto::hash({as_bytes("coterie suggestion v1"), target.moment.hash.view()});
  const Inverse edit = tell_edits(copy, shared_client(same), [&] {
    edited = place.text.insert(place.to, *target.suggestion, format);
    if (edited) edited = place.text.remove(place.from, place.to - place.from);
  });
  COTERIE_CHECK(edited);
  if (edit.update.empty()) return {};
  return write_edit(now, *document, edit.update);
}

Result<CommandResult> Workspace::carry_out(Now now, const SetState& command) {
  if (const auto obstacle = rate_obstacle(now, RateClass::kState)) return *obstacle;
  const Document* document = documents_.find_path(command.path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  if (const auto obstacle = speak_obstacle(document->id, command.word.guest)) return *obstacle;
  StateWord word = command.word;
  word.document = document->id;
  const Bytes record = encode_record(word);
  COTERIE_CHECK(decode_record(id(), record));
  const LedgerRecord written = write_spoken(now, RateClass::kState, record);
  room_spoken(now, written, word);
  return CommandResult(Done{});
}

Result<CommandResult> Workspace::carry_out(Now now, const MarkRead& command) {
  const Document* document = documents_.find_path(command.path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  if (command.guest.size() > kGuestIdBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a guest's id is too long", command.guest.size()};
  }
  Bytes value;
  append_u64(value, std::min(command.seen.time, latest_time(now)));
  append(value, command.seen.hash.view());
  ledger_.staged().put(Table::kMeta, seen_key(document->id, command.kind, command.guest),
                       std::move(value));
  return CommandResult(Done{});
}

// Questions.

Result<RoomView> Workspace::view(Now now, RoomPage page) {
  RoomView out;
  out.older = page.older;
  for (RoomMessage& one : page.messages) out.items.push_back(item_of(now, std::move(one)));
  return out;
}

RoomItem Workspace::item_of(Now now, RoomMessage message) {
  RoomItem item{std::move(message), std::nullopt};
  const auto* range =
      item.message.anchor ? std::get_if<RangeAnchor>(&item.message.anchor->place) : nullptr;
  Document* document = range == nullptr ? nullptr : documents_.find(item.message.document);
  if (document != nullptr && documents_.load(now, *document)) {
    item.place = locate(*document->doc, *range);
  }
  return item;
}

Result<std::vector<StateItem>> Workspace::session_state(std::string_view path) const {
  const Document* document = documents_.find_path(path);
  if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
  return rooms_.state(document->id);
}

/// Operations that count, the newest first.
std::vector<ActivityItem> Workspace::membership_activity(std::optional<RoomMoment> before,
                                                         std::size_t limit) const {
  std::vector<ActivityItem> items;
  for (const OperationView& one : membership().history()) {
    const RoomMoment moment{one.time, one.hash};
    if (!one.counts || (before && !(moment < *before))) continue;
    // Work of the nodes, not of people.
    if (std::holds_alternative<AcknowledgeOperation>(*one.operation) ||
        std::holds_alternative<RekeyOperation>(*one.operation)) {
      continue;
    }
    AuditItem described;
    describe(described, one);
    ActivityItem item;
    item.kind = ActivityItem::Kind::kMembership;
    item.moment = moment;
    item.author.device = one.log.device;
    item.text = std::move(described.operation);
    item.name = std::move(described.name);
    item.subject = described.subject;
    items.push_back(std::move(item));
  }
  std::sort(items.begin(), items.end(),
            [](const auto& a, const auto& b) { return b.moment < a.moment; });
  if (items.size() > limit) items.resize(limit);
  return items;
}

Result<ActivityPage> Workspace::activity(const ActivityQuery& query) const {
  if (query.limit == 0 || query.limit > kActivityPageMax) {
    return Error{ErrorCode::kLimitExceeded, "a page has 1 to 200 items", query.limit};
  }
  std::optional<DocumentId> of;
  if (!query.path.empty()) {
    const Document* document = documents_.find_path(query.path);
    if (document == nullptr) return Error{ErrorCode::kNotFound, "no document of that path"};
    of = document->id;
  }
  COTERIE_TRY(ActivityPage page, rooms_.activity(of, query.before, query.limit));
  if (!of) {
    // Down to where the records of this page end.
    for (ActivityItem& item : membership_activity(query.before, query.limit)) {
      if (page.older && item.moment < *page.older) break;
      page.items.push_back(std::move(item));
    }
    std::sort(page.items.begin(), page.items.end(),
              [](const auto& a, const auto& b) { return b.moment < a.moment; });
    if (page.items.size() > query.limit) page.items.resize(query.limit);
    if (page.items.size() == query.limit) page.older = page.items.back().moment;
  }
  for (ActivityItem& item : page.items) {
    item.path = path_of(item.document).value_or("");
  }
  return page;
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
  COTERIE_TRY(out.unread, rooms_.unread(lane, seen, latest_time(now), reader, kUnreadMax));
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
