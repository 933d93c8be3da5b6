#include "node/core/document_index.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "node/core/codec.hpp"

namespace coterie::node {

using storage::Table;

namespace {

constexpr std::uint8_t kVersion = 3;
/// Beyond, a row is divided. Larger ones cost more to rewrite, smaller ones more keys.
constexpr std::size_t kRowBytes = 256;
constexpr std::size_t kStrandsMax = std::size_t{1} << 16;
constexpr std::size_t kNumberAt = DocumentId::kBytes;
constexpr std::size_t kFirstAt = kNumberAt + 2;
constexpr std::size_t kKeyBytes = kFirstAt + 8;

Error corrupt() { return {ErrorCode::kCorrupt, "the index of documents is damaged"}; }

Bytes marker_key() { return meta_key("indexed"); }

Bytes strand_prefix() { return meta_key("L"); }

void append_u16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

std::uint16_t u16_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

Bytes strand_key(std::uint16_t number) {
  Bytes key = strand_prefix();
  append_u16(key, number);
  return key;
}

Bytes row_key(const DocumentId& document, std::uint16_t number, Seq first) {
  Bytes key(document.view().begin(), document.view().end());
  append_u16(key, number);
  append_u64(key, first);
  return key;
}

Seq first_of(ByteView key) {
  ByteReader in(key.subspan(kFirstAt));
  return *read_u64(in);
}

Bytes encode_runs(Seq first, std::span<const SeqRange> ranges) {
  Bytes value;
  Seq next = first;
  for (const SeqRange& range : ranges) {
    const bool several = range.last > range.first;
    append_varuint(value, (range.first - next) << 1 | (several ? 1 : 0));
    if (several) append_varuint(value, range.last - range.first - 1);
    next = range.last + 1;
  }
  return value;
}

/// What no log is as long as.
constexpr Seq kSeqEnd = std::numeric_limits<Seq>::max() / 4;

Result<std::vector<SeqRange>> decode_runs(Seq first, ByteView value) {
  std::vector<SeqRange> ranges;
  ByteReader in(value);
  Seq next = first;
  while (!in.at_end()) {
    const auto gap = in.read_varuint();
    if (!gap || next >= kSeqEnd || *gap >= kSeqEnd) return corrupt();
    SeqRange range{next + (*gap >> 1), next + (*gap >> 1)};
    if ((*gap & 1) != 0) {
      const auto more = in.read_varuint();
      if (!more || *more >= kSeqEnd) return corrupt();
      range.last += *more + 1;
    }
    ranges.push_back(range);
    next = range.last + 1;
  }
  if (ranges.empty()) return corrupt();
  return ranges;
}

/// False if it is there already.
bool insert(std::vector<SeqRange>& ranges, Seq seq) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), seq,
                                      [](Seq at, const SeqRange& one) { return at < one.first; });
  const bool has_before = after != ranges.begin();
  const auto before = has_before ? std::prev(after) : ranges.end();
  if (has_before && seq <= before->last) return false;
  const bool joins_before = has_before && before->last + 1 == seq;
  const bool joins_after = after != ranges.end() && seq + 1 == after->first;
  if (joins_before && joins_after) {
    before->last = after->last;
    ranges.erase(after);
  } else if (joins_before) {
    before->last = seq;
  } else if (joins_after) {
    after->first = seq;
  } else {
    ranges.insert(after, {seq, seq});
  }
  return true;
}

}  // namespace

void join_ranges(std::vector<SeqRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const SeqRange& a, const SeqRange& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (const SeqRange& range : ranges) {
    if (kept > 0 && range.first <= ranges[kept - 1].last + 1) {
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
}

// As a whole.

Status DocumentIndex::load() {
  COTERIE_TRY(const auto marker, store_.get(Table::kMeta, marker_key()));
  ready_ = marker && *marker == Bytes{kVersion};
  const Bytes prefix = strand_prefix();
  return store_.scan(Table::kMeta, prefix, end_of_prefix(prefix),
                     [this](ByteView key, ByteView value) {
                       ByteReader in(value);
                       const auto device = read_id<DeviceId>(in);
                       const auto incarnation = read_u64(in);
                       const bool fits = device && incarnation && in.at_end() && key.size() == 3 &&
                                         u16_at(key, 1) == strands_.size();
                       if (!fits) {
                         ready_ = false;
                         return false;
                       }
                       const LogId strand{*device, *incarnation};
                       numbers_.emplace(strand, static_cast<std::uint16_t>(strands_.size()));
                       strands_.push_back(strand);
                       strands_launched_ = strands_.size();
                       return true;
                     });
}

void DocumentIndex::forget(storage::WriteBatch& batch) { batch.erase(Table::kMeta, marker_key()); }

void DocumentIndex::clear(storage::WriteBatch& batch) {
  ready_ = true;
  strands_.clear();
  numbers_.clear();
  strands_launched_ = 0;
  staged_ = {true, {}};
  batch.erase_range(Table::kMeta, strand_prefix(), end_of_prefix(strand_prefix()));
  batch.erase_range(Table::kIndex, {}, {});
  batch.put(Table::kMeta, marker_key(), {kVersion});
}

void DocumentIndex::launch(storage::WriteBatch& batch) {
  // After a crash it is to be known that it is not whole.
  if (!ready_) forget(batch);
  for (; strands_launched_ < strands_.size(); ++strands_launched_) {
    batch.put(Table::kMeta, strand_key(static_cast<std::uint16_t>(strands_launched_)),
              log_key(strands_[strands_launched_]));
  }
  for (const auto& [key, value] : staged_.rows) {
    if (value) {
      batch.put(Table::kIndex, key, *value);
    } else {
      batch.erase(Table::kIndex, key);
    }
  }
  flying_ = std::exchange(staged_, {});
}

void DocumentIndex::landed() { flying_ = {}; }

// Reading.

Status DocumentIndex::visit_rows(ByteView begin, ByteView end, const Visited& visit) const {
  const Bytes from(begin.begin(), begin.end());
  const Bytes to(end.begin(), end.end());
  std::map<Bytes, std::optional<Bytes>> newer;
  for (const Layer* layer : {&flying_, &staged_}) {
    if (layer->cleared) newer.clear();
    const auto stop = to.empty() ? layer->rows.end() : layer->rows.lower_bound(to);
    for (auto at = layer->rows.lower_bound(from); at != stop; ++at) {
      newer.insert_or_assign(at->first, at->second);
    }
  }
  Status status;
  auto next = newer.begin();
  const auto show_until = [&](const Bytes* key) {
    for (; status && next != newer.end() && (key == nullptr || next->first < *key); ++next) {
      if (next->second) status = visit(next->first, *next->second);
    }
  };
  if (!staged_.cleared && !flying_.cleared) {
    COTERIE_CHECK(store_.scan(Table::kIndex, begin, end, [&](ByteView key, ByteView value) {
      const Bytes name(key.begin(), key.end());
      show_until(&name);
      const bool is_newer = next != newer.end() && next->first == name;
      if (status && !is_newer) status = visit(key, value);
      return status.has_value();
    }));
  }
  show_until(nullptr);
  return status;
}

Status DocumentIndex::decode(ByteView key, ByteView value, LogId& strand,
                             std::vector<SeqRange>& ranges) const {
  if (key.size() != kKeyBytes || u16_at(key, kNumberAt) >= strands_.size()) return corrupt();
  strand = strands_[u16_at(key, kNumberAt)];
  COTERIE_TRY(ranges, decode_runs(first_of(key), value));
  return {};
}

Status DocumentIndex::for_all(
    const std::function<void(const DocumentId&, const LogId&, const SeqRange&)>& visit) const {
  LogId strand;
  std::vector<SeqRange> ranges;
  return visit_rows({}, {}, [&](ByteView key, ByteView value) -> Status {
    COTERIE_CHECK(decode(key, value, strand, ranges));
    const DocumentId document = *DocumentId::from(key.first(DocumentId::kBytes));
    for (const SeqRange& range : ranges) visit(document, strand, range);
    return {};
  });
}

Status DocumentIndex::for_each(const DocumentId& document, const Visit& visit) const {
  LogId strand;
  std::vector<SeqRange> ranges;
  return visit_rows(document.view(), end_of_prefix(document.view()),
                    [&](ByteView key, ByteView value) -> Status {
                      COTERIE_CHECK(decode(key, value, strand, ranges));
                      for (const SeqRange& range : ranges) visit(strand, range);
                      return {};
                    });
}

/// The last row of [begin, end).
Result<std::optional<DocumentIndex::Row>> DocumentIndex::row_before(ByteView begin,
                                                                    Bytes end) const {
  const Bytes from(begin.begin(), begin.end());
  const auto last_of = [&](const Layer& layer) {
    const auto after = layer.rows.lower_bound(end);
    return after == layer.rows.begin() || std::prev(after)->first < from ? layer.rows.end()
                                                                         : std::prev(after);
  };
  for (;;) {
    // Newest first: of two rows of one key the one that counts.
    const Bytes* found = nullptr;
    const std::optional<Bytes>* value = nullptr;
    std::optional<Bytes> stored;
    for (const Layer* layer : {&staged_, &flying_}) {
      const auto at = last_of(*layer);
      if (at != layer->rows.end() && (found == nullptr || *found < at->first)) {
        found = &at->first;
        value = &at->second;
      }
      if (layer->cleared) break;
    }
    std::optional<std::pair<Bytes, Bytes>> last;
    if (!staged_.cleared && !flying_.cleared) {
      COTERIE_TRY(last, store_.last(Table::kIndex, begin, end));
      if (last && (found == nullptr || *found < last->first)) {
        stored = std::move(last->second);
        found = &last->first;
        value = &stored;
      }
    }
    if (found == nullptr) return std::optional<Row>();
    if (*value) return std::optional<Row>({*found, **value});
    end = Bytes(*found);  // Erased: the one before.
  }
}

// Writing.

std::optional<std::uint16_t> DocumentIndex::number_of(const LogId& strand) {
  const auto known = numbers_.find(strand);
  if (known != numbers_.end()) return known->second;
  if (strands_.size() == kStrandsMax) return std::nullopt;
  const auto number = static_cast<std::uint16_t>(strands_.size());
  strands_.push_back(strand);
  numbers_.emplace(strand, number);
  return number;
}

void DocumentIndex::put(const DocumentId& document, const LogId& strand, Seq seq) {
  if (ready_ && !add(document, strand, seq)) ready_ = false;
}

Status DocumentIndex::add(const DocumentId& document, const LogId& strand, Seq seq) {
  const auto number = number_of(strand);
  if (!number) return corrupt();
  const Bytes begin = row_key(document, *number, 0);
  COTERIE_TRY(const auto row, row_before(begin, row_key(document, *number, seq + 1)));
  const auto store = [&](Seq first, std::span<const SeqRange> ranges) {
    staged_.rows[row_key(document, *number, first)] = encode_runs(first, ranges);
  };
  const SeqRange alone{seq, seq};
  if (!row) {
    store(seq, std::span(&alone, 1));
    return {};
  }
  if (row->key.size() != kKeyBytes) return corrupt();
  const Seq first = first_of(row->key);
  COTERIE_TRY(auto ranges, decode_runs(first, row->value));
  if (!insert(ranges, seq)) return {};
  if (encode_runs(first, ranges).size() <= kRowBytes) {
    store(first, ranges);
  } else if (ranges.back() == alone) {
    store(seq, std::span(&alone, 1));
  } else {
    const auto half = std::span<const SeqRange>(ranges).subspan(ranges.size() / 2);
    store(half.front().first, half);
    store(first, std::span(ranges).first(ranges.size() / 2));
  }
  return {};
}

Status DocumentIndex::drop_below(const LogId& strand, Seq seq) {
  std::map<Bytes, std::optional<Bytes>> changed;
  LogId of;
  std::vector<SeqRange> ranges;
  const auto trim = [&](ByteView key, ByteView value) -> Status {
    COTERIE_CHECK(decode(key, value, of, ranges));
    if (of != strand || ranges.front().first >= seq) return {};
    std::vector<SeqRange> left;
    for (const SeqRange& range : ranges) {
      if (range.last >= seq) left.push_back({std::max(range.first, seq), range.last});
    }
    auto& row = changed[Bytes(key.begin(), key.end())];
    if (!left.empty()) row = encode_runs(first_of(key), left);
    return {};
  };
  COTERIE_CHECK(visit_rows({}, {}, trim));
  for (auto& [key, value] : changed) staged_.rows[key] = std::move(value);
  return {};
}

}  // namespace coterie::node
