#include "node/core/rooms/rooms.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/log/hybrid_clock.hpp"
#include "node/core/records.hpp"
#include "node/core/rooms/room_index.hpp"

namespace coterie::node {

using storage::Table;
using namespace room_rows;

bool Rooms::same(const Author& a, const Author& b) const {
  return same(a, b, ledger_.membership().now());
}

bool Rooms::same(const Author& a, const Author& b, const Roster& roster) {
  if (a.guest != b.guest) return false;
  if (a.device == b.device) return true;
  if (!a.guest.empty()) return false;
  const Member* one = roster.find(a.device);
  const Member* other = roster.find(b.device);
  return one != nullptr && other != nullptr && one->person == other->person;
}

std::optional<Rooms::Spoken> Rooms::spoken(const EntryRef& ref) const {
  auto held = ledger_.record_at(ref);
  if (!held) return std::nullopt;  // Cut away, or its row is ahead of it.
  ByteReader in(held->record);
  const auto kind = read_number(in);
  const auto document = read_id<DocumentId>(in);  // All that are read here begin with it.
  if (!kind || *kind > 0xff || !document) return std::nullopt;
  const auto rate = rate_class(static_cast<RecordKind>(*kind));
  Right right = rate ? Right::kSpeak : Right::kEdit;
  // Who accepts a suggestion edits.
  if (static_cast<RecordKind>(*kind) == RecordKind::kAmend) {
    ByteReader whole(held->record);
    (void)read_number(whole);
    const auto amendment = read_amendment(whole);
    if (amendment && amendment->what == Amendment::kAccept) right = Right::kEdit;
  }
  const auto verdict = judge_.judge(ref, held->hash, held->heads, right, *document);
  if (verdict != EntryJudge::Verdict::kCounts) return std::nullopt;
  if (rate && !within_rate(*rate, ref, held->time)) return std::nullopt;
  return Spoken{ref, {held->time, held->hash}, std::move(held->heads), std::move(held->record)};
}

bool Rooms::within_rate(RateClass what, const EntryRef& ref, std::uint64_t time) const {
  const Bytes key = rate_key(what, ref.log, time);
  auto known = beyond_.find(key);
  if (known == beyond_.end()) {
    if (beyond_.size() == kRoomRowsMax) beyond_.clear();
    std::size_t rows = 0;
    Seq first = std::numeric_limits<Seq>::max();
    const Status read =
        ledger_.store().scan(Table::kRooms, key, end_of_prefix(key), [&](ByteView row, ByteView) {
          ByteReader in(row.last(8));
          const auto seq = read_u64(in);
          if (seq && rows++ == rate_of(what)) first = *seq;
          return rows <= rate_of(what);
        });
    if (!read) return false;
    known = beyond_.emplace(key, first).first;
  }
  return ref.seq < known->second;
}

/// Whether what a guest said counts by what hosts said of guests until then.
bool Rooms::heard(const Spoken& spoken, const DocumentId& document,
                  const std::string& guest) const {
  if (guest.empty()) return true;
  const auto role = guests_.standing(document, spoken.ref.log.device, guest, spoken.moment.time);
  return role && may_write(*role);
}

std::optional<RoomMessage> Rooms::message(const Spoken& spoken) const {
  ByteReader in(spoken.record);
  const auto kind = read_number(in);
  if (!kind || *kind != static_cast<std::uint64_t>(RecordKind::kMessage)) return std::nullopt;
  auto record = read_message(in);
  if (!record || !heard(spoken, record->document, record->guest)) return std::nullopt;
  RoomMessage out;
  out.moment = spoken.moment;
  out.document = record->document;
  out.author = {spoken.ref.log.device, std::move(record->guest)};
  out.text = std::move(record->text);
  out.mentions = std::move(record->mentions);
  out.thread = record->thread;
  out.reply = record->reply;
  out.anchor = std::move(record->anchor);
  out.suggestion = std::move(record->suggestion);
  return out;
}

/// Visits rows under `prefix` from the newest on, until `each` returns false.
template <typename Each>
Status Rooms::newest(const Bytes& prefix, std::optional<RoomMoment> before, Each each) const {
  Bytes begin = prefix;
  if (before) {
    append_when(begin, *before);
    begin.push_back(0);  // After it.
  }
  return ledger_.store().scan(Table::kRooms, begin, end_of_prefix(prefix),
                              [&](ByteView key, ByteView value) {
                                const auto moment = read_when(key);
                                const auto ref = decode_ref(value);
                                return !moment || !ref || each(*moment, *ref);
                              });
}

/// Visits the rows under `prefix` of each device in turn, its newest first, until `each` returns
/// false: then the next device's.
template <typename Each>
Status Rooms::each_device(const Bytes& prefix, Each each) const {
  const Bytes end = end_of_prefix(prefix);
  for (Bytes begin = prefix; !begin.empty() && begin < end;) {
    std::optional<DeviceId> device;
    COTERIE_CHECK(
        ledger_.store().scan(Table::kRooms, begin, end, [&](ByteView key, ByteView value) {
          const auto author = DeviceId::from(key.subspan(prefix.size(), DeviceId::kBytes));
          const auto ref = decode_ref(value);
          if (!author || !ref) return true;
          if (device && *author != *device) return false;
          device = *author;
          return each(*author, *ref);
        }));
    if (!device) break;
    Bytes next = prefix;
    append(next, device->view());
    begin = end_of_prefix(next);
  }
  return {};
}

/// What was said of it since. Of each device the newest kAmendmentsMax are looked at.
Status Rooms::amend(RoomMessage& message) const {
  const Bytes prefix = amendments_key(message.moment.hash);
  RoomMoment edited{};
  RoomMoment resolved{};
  std::string text;
  std::map<std::pair<Author, std::string>, std::pair<RoomMoment, bool>> reactions;
  const auto apply = [&](const Spoken& spoken) {
    ByteReader in(spoken.record);
    const auto kind = read_number(in);
    if (!kind || *kind != static_cast<std::uint64_t>(RecordKind::kAmend)) return;
    auto record = read_amendment(in);
    if (!record || record->document != message.document) return;
    if (!heard(spoken, record->document, record->guest)) return;
    const RoomMoment& moment = spoken.moment;
    const Author author{spoken.ref.log.device, record->guest};
    // As it was when it was said: what a person took back stays so when a device of theirs goes.
    const auto by_author = [&] {
      const auto roster = ledger_.membership().at(spoken.heads);
      return roster != nullptr && same(author, message.author, *roster);
    };
    switch (record->what) {
      case Amendment::kEdit:
        if (moment < edited || !by_author()) return;
        edited = moment;
        text = std::move(record->text);
        return;
      case Amendment::kDelete:
        message.deleted = message.deleted || by_author();
        return;
      case Amendment::kReact:
      case Amendment::kUnreact: {
        auto& word = reactions[{author, record->text}];
        if (moment < word.first) return;
        word = {moment, record->what == Amendment::kReact};
        return;
      }
      case Amendment::kResolve:
      case Amendment::kReopen:
        if (!message.anchor || moment < resolved) return;
        resolved = moment;
        message.resolved = record->what == Amendment::kResolve;
        return;
      case Amendment::kAccept:
      case Amendment::kDismiss:
        // The text was changed, whatever somebody else said meanwhile.
        if (!message.suggestion || message.verdict == RoomMessage::Verdict::kAccepted) return;
        message.verdict = record->what == Amendment::kAccept ? RoomMessage::Verdict::kAccepted
                                                             : RoomMessage::Verdict::kDismissed;
        return;
    }
  };
  std::optional<DeviceId> device;
  std::size_t looked_at = 0;
  COTERIE_CHECK(each_device(prefix, [&](const DeviceId& author, const EntryRef& ref) {
    if (author != device) looked_at = 0;
    device = author;
    if (const auto said = spoken(ref)) apply(*said);
    return ++looked_at < kAmendmentsMax;
  }));
  if (edited.time > 0) {
    message.text = std::move(text);
    message.edited = edited.time;
  }
  for (const auto& [what, word] : reactions) {
    if (!word.second) continue;
    const bool room = message.reactions.size() < kReactionsMax;
    if (room || message.reactions.contains(what.second)) {
      message.reactions[what.second].insert(what.first);
    }
  }
  if (message.deleted) {
    message.text.clear();
    message.mentions.clear();
    message.suggestion.reset();
    message.reactions.clear();
    if (message.anchor) message.anchor->quote.clear();
  }
  return {};
}

Result<RoomPage> Rooms::page(const RoomLane& lane, std::optional<RoomMoment> before,
                             std::size_t limit) const {
  beyond_.clear();
  RoomPage page;
  std::size_t rows = 0;
  std::optional<RoomMoment> last;
  std::vector<EntryRef> refs;
  COTERIE_CHECK(newest(lane_key(lane), before, [&](const RoomMoment& moment, const EntryRef& ref) {
    if (page.messages.size() == limit || rows == kRoomRowsMax) {
      page.older = last;
      return false;
    }
    ++rows;
    last = moment;
    const auto said = spoken(ref);
    auto one = said ? message(*said) : std::nullopt;
    if (one) page.messages.push_back(std::move(*one));
    return true;
  }));
  for (RoomMessage& one : page.messages) COTERIE_CHECK(amend(one));
  return page;
}

Result<RoomPage> Rooms::mentions(const std::set<DeviceId>& devices,
                                 std::optional<RoomMoment> before, std::size_t limit) const {
  beyond_.clear();
  std::map<RoomMoment, RoomMessage, std::greater<>> found;
  std::optional<RoomMoment> floor;  // Down to which the rows of all devices were looked at.
  for (const DeviceId& device : devices) {
    std::size_t rows = 0;
    std::size_t taken = 0;
    std::optional<RoomMoment> last;
    COTERIE_CHECK(
        newest(mentions_key(device), before, [&](const RoomMoment& moment, const EntryRef& ref) {
          if (taken == limit || rows++ == kRoomRowsMax) {
            if (last && (!floor || *floor < *last)) floor = last;
            return false;
          }
          last = moment;
          const auto said = spoken(ref);
          auto one = said ? message(*said) : std::nullopt;
          if (one) taken += found.emplace(moment, std::move(*one)).second ? 1 : 0;
          return true;
        }));
  }
  RoomPage page;
  for (auto& [moment, one] : found) {
    if (floor && moment < *floor) break;
    if (page.messages.size() == limit) {
      floor = page.messages.empty() ? before : std::optional(page.messages.back().moment);
      break;
    }
    page.messages.push_back(std::move(one));
  }
  page.older = floor;
  for (RoomMessage& one : page.messages) COTERIE_CHECK(amend(one));
  std::erase_if(page.messages, [](const RoomMessage& one) { return one.deleted; });
  return page;
}

/// As it was said, if it counts.
Result<std::optional<RoomMessage>> Rooms::as_said(const Hash& id) const {
  COTERIE_TRY(const auto key, ledger_.store().get(Table::kRooms, id_key(id)));
  if (!key) return std::optional<RoomMessage>();
  COTERIE_TRY(const auto row, ledger_.store().get(Table::kRooms, *key));
  const auto ref = row ? decode_ref(*row) : std::nullopt;
  const auto said = ref ? spoken(*ref) : std::nullopt;
  return said ? message(*said) : std::nullopt;
}

Result<RoomMessage> Rooms::find(const Hash& id) const {
  beyond_.clear();
  COTERIE_TRY(auto found, as_said(id));
  if (!found) return Error{ErrorCode::kNotFound, "no message of that id here"};
  COTERIE_CHECK(amend(*found));
  return *std::move(found);
}

Result<std::size_t> Rooms::unread(const RoomLane& lane, const RoomMoment& seen, std::uint64_t until,
                                  const Author& reader, std::size_t most) const {
  beyond_.clear();
  std::vector<RoomMessage> news;
  std::size_t rows = 0;
  COTERIE_CHECK(
      newest(lane_key(lane), std::nullopt, [&](const RoomMoment& moment, const EntryRef& ref) {
        if (moment <= seen || news.size() == most || rows++ == kUnreadRowsMax) {
          return false;
        }
        if (moment.time > until) return true;
        const auto said = spoken(ref);
        auto one = said ? message(*said) : std::nullopt;
        if (one && !same(one->author, reader)) news.push_back(std::move(*one));
        return true;
      }));
  for (RoomMessage& one : news) COTERIE_CHECK(amend(one));
  return static_cast<std::size_t>(
      std::count_if(news.begin(), news.end(), [](const auto& one) { return !one.deleted; }));
}

std::string Rooms::guest_name(const Author& guest) const {
  beyond_.clear();
  std::string name;
  std::size_t rows = 0;
  const Bytes prefix = guest_names_key(guest.device, guest.guest);
  (void)newest(prefix, std::nullopt, [&](const RoomMoment&, const EntryRef& ref) {
    if (const auto said = spoken(ref)) {
      ByteReader in(said->record);
      (void)read_number(in);
      if (auto record = read_attendance(in)) name = std::move(record->name);
    }
    return name.empty() && ++rows < kGuestNamesMax;
  });
  return name;
}

// The session's state.

Result<std::optional<StateItem>> Rooms::state(const DocumentId& document,
                                              const std::string& key) const {
  const auto word_of = [](const Spoken& said) {
    ByteReader in(said.record);
    (void)read_number(in);
    return read_state(in);
  };
  std::optional<StateItem> item;
  RoomMoment newest_moment;
  // Of each device the newest kStateWordsMax are looked at.
  std::optional<DeviceId> last;
  std::size_t rows = 0;
  const auto another = [&](const DeviceId& device) {
    rows = device == last ? rows + 1 : 1;
    last = device;
    return rows < kStateWordsMax;
  };
  COTERIE_CHECK(
      each_device(values_key(document, key), [&](const DeviceId& device, const EntryRef& ref) {
        const auto said = spoken(ref);
        auto word = said ? word_of(*said) : Result<StateWord>(Error{});
        if (!word || !heard(*said, document, word->guest)) return another(device);
        if (newest_moment < said->moment) {
          newest_moment = said->moment;
          item = {key, std::move(word->value), device, said->moment.time, std::move(word->guest)};
        }
        return false;
      }));
  const RoomMoment from = newest_moment;
  last.reset();
  std::int64_t sum = 0;
  COTERIE_CHECK(
      each_device(counts_key(document, key), [&](const DeviceId& device, const EntryRef& ref) {
        const auto said = spoken(ref);
        auto word = said ? word_of(*said) : Result<StateWord>(Error{});
        if (!word || !heard(*said, document, word->guest)) return another(device);
        if (said->moment < from) return false;
        const std::int64_t one = counted(word->value).value_or(0);
        if (__builtin_add_overflow(sum, one, &sum)) {  // The end of the range.
          sum = one < 0 ? std::numeric_limits<std::int64_t>::min()
                        : std::numeric_limits<std::int64_t>::max();
        }
        if (newest_moment < said->moment) {
          newest_moment = said->moment;
          item = {key, "", device, said->moment.time, std::move(word->guest)};
        }
        item->value = std::to_string(sum);
        return false;
      }));
  return item;
}

Result<std::vector<StateItem>> Rooms::state(const DocumentId& document) const {
  beyond_.clear();
  std::vector<std::string> keys;
  const Bytes prefix = state_keys_key(document);
  COTERIE_CHECK(ledger_.store().scan(Table::kRooms, prefix, end_of_prefix(prefix),
                                     [&](ByteView row, ByteView) {
                                       ByteReader in(row.subspan(prefix.size()));
                                       auto key = read_text(in, kStateKeyBytesMax);
                                       if (key) keys.push_back(*std::move(key));
                                       return keys.size() < kRoomRowsMax;
                                     }));
  std::sort(keys.begin(), keys.end());
  std::vector<StateItem> items;
  for (const std::string& key : keys) {
    if (items.size() == kStateKeysMax) break;
    COTERIE_TRY(auto item, state(document, key));
    if (item && !item->value.empty()) items.push_back(*std::move(item));
  }
  return items;
}

// Activity.

std::optional<ActivityItem> Rooms::activity_of(const Spoken& spoken) const {
  ActivityItem item;
  item.moment = spoken.moment;
  item.author.device = spoken.ref.log.device;
  const auto record = decode_record(ledger_.workspace(), spoken.record);
  if (!record) return std::nullopt;
  if (const auto* message = std::get_if<MessageRecord>(&*record)) {
    const bool comment = message->anchor || message->thread;
    item.kind = comment ? ActivityItem::Kind::kComment : ActivityItem::Kind::kMessage;
    item.document = message->document;
    item.author.guest = message->guest;
    // What its author took back is not told here either.
    auto shown = this->message(spoken);
    if (shown && amend(*shown)) item.text = shown->text;
  } else if (const auto* amendment = std::get_if<AmendRecord>(&*record)) {
    item.kind = ActivityItem::Kind::kAmendment;
    item.document = amendment->document;
    item.author.guest = amendment->guest;
    item.amendment = amendment->what;
    const bool own = amendment->what == Amendment::kEdit || amendment->what == Amendment::kDelete;
    if (own) {
      // Another's: it did nothing.
      const auto target = as_said(amendment->target);
      const auto roster = ledger_.membership().at(spoken.heads);
      const bool its =
          target && *target && roster != nullptr && same(item.author, (*target)->author, *roster);
      if (!its) return std::nullopt;
    }
    if (amendment->what == Amendment::kReact) item.text = amendment->text;
  } else if (const auto* attendance = std::get_if<AttendRecord>(&*record)) {
    item.kind = attendance->came ? ActivityItem::Kind::kJoined : ActivityItem::Kind::kLeft;
    item.document = attendance->document;
    item.author.guest = attendance->guest;
    item.name = attendance->name;
  } else if (const auto* made = std::get_if<DocumentRecord>(&*record)) {
    item.kind = ActivityItem::Kind::kCreated;
    item.document = made->document;
  } else if (const auto* version = std::get_if<VersionRecord>(&*record)) {
    item.kind = ActivityItem::Kind::kVersion;
    item.document = version->document;
    item.text = version->name;
  } else if (const auto* properties = std::get_if<PropertiesRecord>(&*record)) {
    item.kind = ActivityItem::Kind::kProperties;
    item.document = properties->document;
    for (const auto& [name, value] : properties->values) {
      item.text += (item.text.empty() ? "" : ", ") + name;
    }
  } else {
    return std::nullopt;
  }
  return item;
}

Result<ActivityPage> Rooms::activity(const std::optional<DocumentId>& document,
                                     std::optional<RoomMoment> before, std::size_t limit) const {
  beyond_.clear();
  ActivityPage page;
  std::size_t rows = 0;
  std::optional<RoomMoment> last;
  COTERIE_CHECK(
      newest(activity_key(document), before, [&](const RoomMoment& moment, const EntryRef& ref) {
        if (page.items.size() == limit || rows == kRoomRowsMax) {
          page.older = last;
          return false;
        }
        ++rows;
        last = moment;
        const auto said = spoken(ref);
        auto item = said ? activity_of(*said) : std::nullopt;
        if (item) page.items.push_back(std::move(*item));
        return true;
      }));
  // Edits, down to where the others end.
  const Bytes prefix = edits_key(document);
  std::size_t edits = 0;
  Bytes begin = prefix;
  if (before) append_u64(begin, ~(HybridClock::millis(before->time) / kEditHourMs));
  COTERIE_CHECK(ledger_.store().scan(
      Table::kRooms, begin, end_of_prefix(prefix), [&](ByteView row, ByteView) {
        ByteReader in(row.subspan(prefix.size()));
        const auto hour = read_u64(in);
        const auto edited = read_id<DocumentId>(in);
        const auto device = read_id<DeviceId>(in);
        if (!hour || !edited || !device) return true;
        ActivityItem item;
        item.kind = ActivityItem::Kind::kEdited;
        item.moment = {(~*hour * kEditHourMs) << 16, {}};
        // Of one hour in the order of the rows, so that a page goes on where the last one ended.
        const auto mirrored = [](std::uint8_t byte) { return static_cast<std::uint8_t>(~byte); };
        auto& place = item.moment.hash.bytes;
        const auto half =
            std::transform(edited->bytes.begin(), edited->bytes.end(), place.begin(), mirrored);
        std::transform(device->bytes.begin(), device->bytes.begin() + (place.end() - half), half,
                       mirrored);
        if (before && !(item.moment < *before)) return true;
        if (edits == limit || (page.older && item.moment < *page.older)) return false;
        ++edits;
        item.document = *edited;
        item.author.device = *device;
        page.items.push_back(std::move(item));
        return true;
      }));
  std::sort(page.items.begin(), page.items.end(),
            [](const auto& a, const auto& b) { return b.moment < a.moment; });
  if (page.items.size() > limit) {
    page.items.resize(limit);
    page.older.reset();
  }
  if (!page.older && page.items.size() == limit) page.older = page.items.back().moment;
  return page;
}

}  // namespace coterie::node
