#include "node/core/rooms/properties.hpp"

#include <algorithm>
#include <optional>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "node/core/rooms/room_index.hpp"

namespace coterie::node {

using storage::Table;
using Verdict = EntryJudge::Verdict;
using namespace room_rows;

namespace {

bool places(std::string_view key) {
  return key == property::kPath || key == property::kTrashed || key == property::kArchived;
}

constexpr std::size_t kDeviceAt = 1 + DocumentId::kBytes;
constexpr std::size_t kTagAt = kDeviceAt + DeviceId::kBytes;

}  // namespace

Status Properties::load() {
  known_.clear();
  placed_.clear();
  fresh_.clear();
  cached_.clear();
  const Bytes all{'p'};
  const Bytes placing[] = {property_tag(property::kPath), property_tag(property::kTrashed),
                           property_tag(property::kArchived)};
  return ledger_.store().scan(Table::kRooms, all, end_of_prefix(all), [&](ByteView key, ByteView) {
    if (key.size() < kTagAt + kPropertyTagBytes) return true;
    const auto document = DocumentId::from(key.subspan(1, DocumentId::kBytes));
    if (!document) return true;
    known_.insert(*document);
    const ByteView tag = key.subspan(kTagAt, kPropertyTagBytes);
    const bool is_place = std::any_of(std::begin(placing), std::end(placing), [&](auto& one) {
      return std::equal(one.begin(), one.end(), tag.begin(), tag.end());
    });
    if (is_place) placed_.insert(*document);
    return true;
  });
}

Properties::Heads Properties::share(const std::vector<Hash>& heads) const {
  if (last_heads_ == nullptr || *last_heads_ != heads) {
    last_heads_ = std::make_shared<const std::vector<Hash>>(heads);
  }
  return last_heads_;
}

void Properties::note(const LedgerRecord& record, const PropertiesRecord& decoded) {
  known_.insert(decoded.document);
  for (const auto& [key, value] : decoded.values) {
    if (places(key)) placed_.insert(decoded.document);
  }
  fresh_[decoded.document].push_back(
      {ledger_.staging_number(),
       {record.ref, record.hash, share(record.heads), Verdict::kUnknown},
       {{record.time, record.hash}, decoded.values, false},
       room_rows_of(record.ref, record.hash, record.time, record.record)});
  cached_.erase(decoded.document);
}

void Properties::take(const std::string& key, Word said, Words& words) {
  Word& word = words[key];
  if (word.moment < said.moment) word = std::move(said);
}

/// Whether all that it was made of is judged as it was.
bool Properties::still(const DocumentId& document, Cached& cached) const {
  const auto epoch = judge_.epoch();
  if (cached.epoch == epoch) return true;
  cached.epoch = epoch;
  return std::all_of(cached.judged.begin(), cached.judged.end(), [&](const Judged& one) {
    return judge_.judge(one.ref, one.hash, *one.heads, Right::kEdit, document) == one.verdict;
  });
}

/// Null: nothing was said of it.
const Properties::Cached* Properties::find(const DocumentId& document) const {
  if (!known_.contains(document)) return nullptr;
  const auto [place, first] = cached_.try_emplace(document);
  Cached& cached = place->second;
  if (!first && still(document, cached)) return &cached;
  cached = {judge_.epoch(), {}, {}, {}};
  read(document, cached);
  for (const auto& [key, word] : cached.words) {
    if (!word.value.empty() && !places(key)) cached.values.emplace(key, word.value);
  }
  return &cached;
}

const Properties::Words& Properties::of(const DocumentId& document) const {
  static const Words kNone;
  const Cached* cached = find(document);
  return cached == nullptr ? kNone : cached->words;
}

const PropertyValues& Properties::values(const DocumentId& document) const {
  static const PropertyValues kNone;
  const Cached* cached = find(document);
  return cached == nullptr ? kNone : cached->values;
}

DocumentPlaces::Place Properties::place_of(const DocumentId& document) const {
  Place place;
  if (!placed_.contains(document)) return place;
  const Words& words = of(document);
  const auto said = [&](std::string_view key) -> const Word* {
    const auto found = words.find(key);
    return found == words.end() || found->second.value.empty() ? nullptr : &found->second;
  };
  if (const Word* path = said(property::kPath)) {
    place.path = path->value;
    place.since = HybridClock::millis(path->moment.time);
  }
  if (const Word* trashed = said(property::kTrashed)) {
    place.trashed = std::max<WallMillis>(1, HybridClock::millis(trashed->moment.time));
  }
  place.archived = said(property::kArchived) != nullptr;
  return place;
}

/// What the entry at `ref` says of the document, judged once.
const Properties::Said& Properties::said(const DocumentId& document, const EntryRef& ref,
                                         Cached& cached) const {
  const auto [known, first] = reading_.try_emplace({ref.log, ref.seq});
  if (!first) return known->second;
  auto held = ledger_.record_at(ref);
  if (!held) return known->second;  // Cut away, or its row is ahead of it.
  ByteReader in(held->record);
  const auto kind = read_number(in);
  if (!kind || *kind != static_cast<std::uint64_t>(RecordKind::kProperties)) return known->second;
  auto record = read_properties(in);
  if (!record || record->document != document) return known->second;
  const Verdict verdict = judge_.judge(ref, held->hash, held->heads, Right::kEdit, document);
  cached.judged.push_back({ref, held->hash, share(held->heads), verdict});
  known->second =
      Said{{held->time, held->hash}, std::move(record->values), verdict == Verdict::kCounts};
  return known->second;
}

/// Rows from `begin` on: the first, and those after it whose keys share so many bytes with it.
Properties::Rows Properties::group(const Bytes& begin, const Bytes& end, std::size_t shared,
                                   std::size_t most) const {
  Rows rows;
  const auto order = [&](ByteView key) {
    const ByteView one = key.first(shared);
    const ByteView other = ByteView(rows.begin()->first).first(shared);
    return std::lexicographical_compare_three_way(one.begin(), one.end(), other.begin(),
                                                  other.end());
  };
  // Errors: what cannot be read counts for nothing.
  (void)ledger_.store().scan(Table::kRooms, begin, end, [&](ByteView key, ByteView value) {
    if (!rows.empty() && order(key) != 0) return false;
    if (const auto ref = decode_ref(value)) rows.emplace(Bytes(key.begin(), key.end()), *ref);
    return rows.size() < most;
  });
  for (auto it = unwritten_.lower_bound(begin); it != unwritten_.end() && it->first < end; ++it) {
    if (!rows.empty() && order(it->first) > 0) break;
    if (!rows.empty() && order(it->first) < 0) rows.clear();
    rows.insert(*it);
  }
  while (rows.size() > most) rows.erase(std::prev(rows.end()));
  return rows;
}

void Properties::read(const DocumentId& document, Cached& cached) const {
  reading_.clear();
  unwritten_.clear();
  if (const auto fresh = fresh_.find(document); fresh != fresh_.end()) {
    std::erase_if(fresh->second,
                  [&](const Fresh& one) { return one.batch <= ledger_.landed_number(); });
    for (const Fresh& one : fresh->second) {
      cached.judged.push_back(one.judged);
      Judged& judged = cached.judged.back();
      judged.verdict = judge_.judge(judged.ref, judged.hash, *judged.heads, Right::kEdit, document);
      Said& word = reading_[{judged.ref.log, judged.ref.seq}] = one.said;
      word.counts = judged.verdict == Verdict::kCounts;
      for (const auto& [key, row] : one.rows) unwritten_.emplace(key, judged.ref);
    }
    if (fresh->second.empty()) fresh_.erase(fresh);
  }
  const Bytes prefix = properties_key(document);
  const Bytes end = end_of_prefix(prefix);
  for (Bytes begin = prefix; !begin.empty();) {
    const Rows rows = group(begin, end, kTagAt, 1);
    if (rows.empty()) break;
    const Bytes& first = rows.begin()->first;
    const Bytes next(first.begin(), first.begin() + kTagAt);
    read_device(document, next, cached);
    begin = end_of_prefix(next);
  }
  reading_.clear();
  unwritten_.clear();
}

/// What one device said: its rows begin with `prefix`.
void Properties::read_device(const DocumentId& document, const Bytes& prefix,
                             Cached& cached) const {
  constexpr std::size_t kWhenAt = kTagAt + kPropertyTagBytes;
  const Bytes end = end_of_prefix(prefix);
  Bytes begin = prefix;
  for (std::size_t keys = 0; keys < kPropertyKeysMax && !begin.empty(); ++keys) {
    const Rows rows = group(begin, end, kWhenAt, kPropertyWordsMax);
    if (rows.empty()) return;
    const Bytes& first = rows.begin()->first;
    const Bytes next(first.begin(), first.begin() + kWhenAt);
    const Bytes tag(next.begin() + kTagAt, next.end());
    for (const auto& [row, ref] : rows) {
      const Said& word = said(document, ref, cached);
      if (!word.counts) continue;
      for (const auto& [key, value] : word.values) {
        if (property_tag(key) == tag) take(key, {word.moment, value}, cached.words);
      }
      break;
    }
    begin = end_of_prefix(next);
  }
}

}  // namespace coterie::node
