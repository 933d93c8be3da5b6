#include "node/core/rooms/rooms.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "node/core/rooms/room_index.hpp"

namespace coterie::node {

using storage::Table;
using namespace room_rows;

bool Rooms::same(const Author& a, const Author& b) const {
  if (a.guest != b.guest) return false;
  if (a.device == b.device) return true;
  if (!a.guest.empty()) return false;
  const Member* one = ledger_.membership().find(a.device);
  const Member* other = ledger_.membership().find(b.device);
  return one != nullptr && other != nullptr && one->person == other->person;
}

std::optional<Rooms::Spoken> Rooms::spoken(const EntryRef& ref) const {
  auto held = ledger_.record_at(ref);
  if (!held) return std::nullopt;  // Cut away, or its row is ahead of it.
  const auto verdict = judge_.judge(ref, held->hash, held->heads, Right::kSpeak);
  if (verdict != EntryJudge::Verdict::kCounts) return std::nullopt;
  return Spoken{ref, {held->time, held->hash}, std::move(held->record)};
}

std::optional<RoomMessage> Rooms::message(const Spoken& spoken) const {
  ByteReader in(spoken.record);
  const auto kind = read_number(in);
  if (!kind || *kind != static_cast<std::uint64_t>(RecordKind::kMessage)) return std::nullopt;
  auto record = read_message(in);
  if (!record) return std::nullopt;
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

/// What was said of it since. Of each device the newest kAmendmentsMax are looked at.
Status Rooms::amend(RoomMessage& message) const {
  const Bytes prefix = amendments_key(message.moment.hash);
  const Bytes end = end_of_prefix(prefix);
  RoomMoment edited{};
  RoomMoment resolved{};
  RoomMoment decided{};
  std::string text;
  std::map<std::pair<Author, std::string>, std::pair<RoomMoment, bool>> reactions;
  const auto apply = [&](const Spoken& spoken) {
    ByteReader in(spoken.record);
    const auto kind = read_number(in);
    if (!kind || *kind != static_cast<std::uint64_t>(RecordKind::kAmend)) return;
    auto record = read_amendment(in);
    if (!record || record->document != message.document) return;
    const RoomMoment& moment = spoken.moment;
    const Author author{spoken.ref.log.device, record->guest};
    switch (record->what) {
      case Amendment::kEdit:
        if (!same(author, message.author) || moment < edited) return;
        edited = moment;
        text = std::move(record->text);
        return;
      case Amendment::kDelete:
        message.deleted = message.deleted || same(author, message.author);
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
        if (!message.suggestion || moment < decided) return;
        decided = moment;
        message.verdict = record->what == Amendment::kAccept ? RoomMessage::Verdict::kAccepted
                                                             : RoomMessage::Verdict::kDismissed;
        return;
    }
  };
  for (Bytes begin = prefix; !begin.empty();) {
    std::optional<DeviceId> device;
    std::size_t looked_at = 0;
    bool more = false;
    COTERIE_CHECK(
        ledger_.store().scan(Table::kRooms, begin, end, [&](ByteView key, ByteView value) {
          const auto author = DeviceId::from(key.subspan(prefix.size(), DeviceId::kBytes));
          const auto ref = decode_ref(value);
          if (!author || !ref) return true;
          if (!device) device = *author;
          more = *author != *device || looked_at == kAmendmentsMax;
          if (more) return false;
          ++looked_at;
          if (const auto said = spoken(*ref)) apply(*said);
          return true;
        }));
    if (!more) break;
    Bytes next = prefix;
    append(next, device->view());
    begin = end_of_prefix(next);
  }
  if (edited.time > 0) {
    message.text = std::move(text);
    message.edited = edited.time;
  }
  for (const auto& [what, word] : reactions) {
    if (word.second && message.reactions.size() < kReactionsMax) {
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
  std::map<RoomMoment, RoomMessage, std::greater<>> found;
  bool more = false;
  for (const DeviceId& device : devices) {
    std::size_t rows = 0;
    std::size_t taken = 0;
    COTERIE_CHECK(
        newest(mentions_key(device), before, [&](const RoomMoment& moment, const EntryRef& ref) {
          if (taken == limit || rows++ == kRoomRowsMax) {
            more = true;
            return false;
          }
          const auto said = spoken(ref);
          auto one = said ? message(*said) : std::nullopt;
          if (one) taken += found.emplace(moment, std::move(*one)).second ? 1 : 0;
          return true;
        }));
  }
  RoomPage page;
  for (auto& [moment, one] : found) {
    if (page.messages.size() == limit) {
      more = true;
      break;
    }
    page.messages.push_back(std::move(one));
  }
  if (more && !page.messages.empty()) page.older = page.messages.back().moment;
  for (RoomMessage& one : page.messages) COTERIE_CHECK(amend(one));
  std::erase_if(page.messages, [](const RoomMessage& one) { return one.deleted; });
  return page;
}

Result<RoomMessage> Rooms::find(const Hash& id) const {
  const Error unknown{ErrorCode::kNotFound, "no message of that id here"};
  COTERIE_TRY(const auto key, ledger_.store().get(Table::kRooms, id_key(id)));
  if (!key) return unknown;
  COTERIE_TRY(const auto row, ledger_.store().get(Table::kRooms, *key));
  const auto ref = row ? decode_ref(*row) : std::nullopt;
  const auto said = ref ? spoken(*ref) : std::nullopt;
  auto found = said ? message(*said) : std::nullopt;
  if (!found) return unknown;
  COTERIE_CHECK(amend(*found));
  return *std::move(found);
}

Result<std::size_t> Rooms::unread(const RoomLane& lane, const RoomMoment& seen,
                                  const Author& reader, std::size_t most) const {
  std::vector<RoomMessage> news;
  std::size_t rows = 0;
  COTERIE_CHECK(
      newest(lane_key(lane), std::nullopt, [&](const RoomMoment& moment, const EntryRef& ref) {
        if (moment <= seen || news.size() == most || rows++ == kRoomRowsMax) {
          return false;
        }
        const auto said = spoken(ref);
        auto one = said ? message(*said) : std::nullopt;
        if (one && !same(one->author, reader)) news.push_back(std::move(*one));
        return true;
      }));
  for (RoomMessage& one : news) COTERIE_CHECK(amend(one));
  return static_cast<std::size_t>(
      std::count_if(news.begin(), news.end(), [](const auto& one) { return !one.deleted; }));
}

}  // namespace coterie::node
