#include "node/core/rooms/guests.hpp"

#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "node/core/rooms/room_index.hpp"

namespace coterie::node {

using storage::Table;
using namespace room_rows;

/// The record of a row, if it counts.
std::optional<GuestRecord> Guests::read(ByteView row) const {
  const auto ref = decode_ref(row);
  if (!ref) return std::nullopt;
  const auto held = ledger_.record_at(*ref);
  if (!held) return std::nullopt;  // Cut away, or its row is ahead of it.
  const auto verdict =
      judge_.judge(*ref, held->hash, held->heads, Right::kHost, /*document=*/std::nullopt);
  if (verdict != EntryJudge::Verdict::kCounts) return std::nullopt;
  ByteReader in(held->record);
  const auto kind = read_number(in);
  if (!kind || *kind != static_cast<std::uint64_t>(RecordKind::kGuest)) return std::nullopt;
  auto record = read_guest(in);
  return record ? std::optional(*std::move(record)) : std::nullopt;
}

std::optional<GuestRecord> Guests::newest(const Bytes& prefix,
                                          std::optional<std::uint64_t> time) const {
  std::optional<GuestRecord> found;
  std::size_t rows = 0;
  (void)ledger_.store().scan(Table::kRooms, prefix, end_of_prefix(prefix),
                             [&](ByteView key, ByteView row) {
                               const auto moment = read_when(key);
                               if (!moment || (time && moment->time > *time)) return true;
                               found = read(row);
                               return !found && ++rows < kRoomRowsMax;
                             });
  return found;
}

bool Guests::ended(const DocumentId& document, std::optional<std::uint64_t> time) const {
  const auto word = newest(guest_key(document, {}, {}), time);
  return word && word->word == GuestWord::kEnded;
}

std::optional<Role> Guests::standing(const DocumentId& document, const DeviceId& device,
                                     const std::string& guest,
                                     std::optional<std::uint64_t> time) const {
  if (ended(document, time)) return std::nullopt;
  const auto word = newest(guest_key(document, device, guest), time);
  if (!word) return Role::kEditor;
  if (word->word == GuestWord::kOut) return std::nullopt;
  return static_cast<Role>(word->word);
}

Result<std::vector<GuestInfo>> Guests::all(const DocumentId& document) const {
  std::vector<GuestInfo> list;
  const Bytes prefix = guests_key(document);
  std::size_t rows = 0;
  COTERIE_CHECK(ledger_.store().scan(
      Table::kRooms, prefix, end_of_prefix(prefix), [&](ByteView, ByteView row) {
        const auto record = read(row);
        const bool known = record && !list.empty() && list.back().device == record->device &&
                           list.back().guest == record->guest;
        if (record && !known && !is_of_session(record->word)) {
          list.push_back({record->device, record->guest, record->word});
        }
        return list.size() < kGuestsShownMax && ++rows < kRoomRowsMax;
      }));
  return list;
}

}  // namespace coterie::node
