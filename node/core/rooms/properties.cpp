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
       {{record.time, record.hash}, decoded.values, false}});
  cached_.erase(decoded.document);
}

void Properties::take(const Said& said, Words& words) {
  for (const auto& [key, value] : said.values) {
    Word& word = words[key];
    if (word.moment < said.moment) word = {said.moment, value};
  }
}

/// Whether all that it was made of is judged as it was.
bool Properties::still(Cached& cached) const {
  const auto epoch = judge_.epoch();
  if (cached.epoch == epoch) return true;
  cached.epoch = epoch;
  return std::all_of(cached.judged.begin(), cached.judged.end(), [&](const Judged& one) {
    return judge_.judge(one.ref, one.hash, *one.heads, Right::kEdit) == one.verdict;
  });
}

/// Null: nothing was said of it.
const Properties::Cached* Properties::find(const DocumentId& document) const {
  if (!known_.contains(document)) return nullptr;
  const auto [place, first] = cached_.try_emplace(document);
  Cached& cached = place->second;
  if (!first && still(cached)) return &cached;
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
    place.trashed = HybridClock::millis(trashed->moment.time);
  }
  place.archived = said(property::kArchived) != nullptr;
  return place;
}

/// What the entry at `ref` says of the document, judged once.
const Properties::Said* Properties::said(const DocumentId& document, const EntryRef& ref,
                                         Cached& cached) const {
  const auto [known, first] = reading_.try_emplace({ref.log, ref.seq});
  if (!first) return &known->second;
  auto held = ledger_.record_at(ref);
  if (!held) return &known->second;  // Cut away, or its row is ahead of it.
  ByteReader in(held->record);
  const auto kind = read_number(in);
  if (!kind || *kind != static_cast<std::uint64_t>(RecordKind::kProperties)) return &known->second;
  auto record = read_properties(in);
  if (!record || record->document != document) return &known->second;
  const Verdict verdict = judge_.judge(ref, held->hash, held->heads, Right::kEdit);
  cached.judged.push_back({ref, held->hash, share(held->heads), verdict});
  known->second =
      Said{{held->time, held->hash}, std::move(record->values), verdict == Verdict::kCounts};
  return &known->second;
}

void Properties::read(const DocumentId& document, Cached& cached) const {
  reading_.clear();
  const Bytes prefix = properties_key(document);
  const Bytes end = end_of_prefix(prefix);
  // Errors: what cannot be read counts for nothing.
  for (Bytes begin = prefix; !begin.empty();) {
    DeviceId device;
    bool found = false;
    (void)ledger_.store().scan(Table::kRooms, begin, end, [&](ByteView key, ByteView) {
      found = key.size() >= kTagAt;
      if (found) device = *DeviceId::from(key.subspan(kDeviceAt, DeviceId::kBytes));
      return false;
    });
    if (!found) break;
    read_device(document, device, cached);
    Bytes next = prefix;
    append(next, device.view());
    begin = end_of_prefix(next);
  }
  if (const auto fresh = fresh_.find(document); fresh != fresh_.end()) {
    std::erase_if(fresh->second,
                  [&](const Fresh& one) { return one.batch <= ledger_.landed_number(); });
    for (Fresh& one : fresh->second) {
      Judged& judged = one.judged;
      judged.verdict = judge_.judge(judged.ref, judged.hash, *judged.heads, Right::kEdit);
      cached.judged.push_back(judged);
      if (judged.verdict == Verdict::kCounts) take(one.said, cached.words);
    }
    if (fresh->second.empty()) fresh_.erase(fresh);
  }
  reading_.clear();
}

void Properties::read_device(const DocumentId& document, const DeviceId& device,
                             Cached& cached) const {
  Bytes prefix = properties_key(document);
  append(prefix, device.view());
  const Bytes end = end_of_prefix(prefix);
  Bytes begin = prefix;
  for (std::size_t keys = 0; keys < kPropertyKeysMax && !begin.empty(); ++keys) {
    std::vector<EntryRef> refs;
    Bytes tag;
    (void)ledger_.store().scan(Table::kRooms, begin, end, [&](ByteView key, ByteView value) {
      if (key.size() < kTagAt + kPropertyTagBytes) return true;
      const ByteView one = key.subspan(kTagAt, kPropertyTagBytes);
      if (tag.empty()) tag.assign(one.begin(), one.end());
      if (!std::equal(tag.begin(), tag.end(), one.begin(), one.end())) return false;
      if (const auto ref = decode_ref(value)) refs.push_back(*ref);
      return refs.size() < kPropertyWordsMax;
    });
    if (tag.empty()) return;
    for (const EntryRef& ref : refs) {
      const Said& word = *said(document, ref, cached);
      if (!word.counts) continue;
      for (const auto& [key, value] : word.values) {
        if (property_tag(key) == tag) take({word.moment, {{key, value}}, true}, cached.words);
      }
      break;
    }
    Bytes next = prefix;
    append(next, tag);
    begin = end_of_prefix(next);
  }
}

}  // namespace coterie::node
