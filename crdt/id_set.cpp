#include "crdt/id_set.hpp"

#include <algorithm>

namespace coterie::crdt {
namespace {

using Range = IdSet::Range;

/// Sorts, joins what touches or overlaps, drops what is empty.
void tidy(std::vector<Range>& ranges) {
  std::erase_if(ranges, [](const Range& range) { return range.length == 0; });
  const auto before = [](const Range& a, const Range& b) { return a.clock < b.clock; };
  if (!std::is_sorted(ranges.begin(), ranges.end(), before)) {
    std::sort(ranges.begin(), ranges.end(), before);
  }
  std::size_t kept = 0;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[kept].end() >= ranges[i].clock) {
      ranges[kept].length = std::max(ranges[kept].end(), ranges[i].end()) - ranges[kept].clock;
    } else {
      ranges[++kept] = ranges[i];
    }
  }
  if (!ranges.empty()) ranges.resize(kept + 1);
}

}  // namespace

IdSet::IdSet(const std::vector<IdRange>& ranges) {
  for (const IdRange& range : ranges) {
    if (range.length > 0) ranges_[range.client].push_back({range.clock, range.length});
  }
  for (auto& [client, held] : ranges_) tidy(held);
}

void IdSet::add(const IdRange& range) {
  if (range.length == 0) return;
  std::vector<Range>& held = ranges_[range.client];
  if (held.empty() || held.back().end() < range.clock) {
    held.push_back({range.clock, range.length});
  } else if (held.back().clock <= range.clock) {
    Range& last = held.back();
    last.length = std::max(last.end(), range.clock + range.length) - last.clock;
  } else {
    held.push_back({range.clock, range.length});
    tidy(held);
  }
}

void IdSet::merge(const IdSet& other) {
  for (const auto& [client, ranges] : other.ranges_) {
    std::vector<Range>& held = ranges_[client];
    if (held.empty()) {
      held = ranges;
    } else if (held.back().end() < ranges.front().clock) {
      held.insert(held.end(), ranges.begin(), ranges.end());
    } else {
      held.insert(held.end(), ranges.begin(), ranges.end());
      tidy(held);
    }
  }
}

bool IdSet::contains(const Id& id) const {
  const auto found = ranges_.find(id.client);
  if (found == ranges_.end()) return false;
  const std::vector<Range>& held = found->second;
  const auto after = std::upper_bound(held.begin(), held.end(), id.clock,
                                      [](Clock clock, const Range& r) { return clock < r.clock; });
  return after != held.begin() && id.clock < std::prev(after)->end();
}

void IdSet::encode_to(Bytes& out) const {
  append_varuint(out, ranges_.size());
  for (const auto& [client, ranges] : ranges_) {
    append_varuint(out, client);
    append_varuint(out, ranges.size());
    for (const Range& range : ranges) {
      append_varuint(out, range.clock);
      append_varuint(out, range.length);
    }
  }
}

void IdSet::encode_v2_to(Bytes& out) const {
  append_varuint(out, ranges_.size());
  for (const auto& [client, ranges] : ranges_) {
    append_varuint(out, client);
    append_varuint(out, ranges.size());
    Clock last = 0;
    for (const Range& range : ranges) {
      append_varuint(out, range.clock - last);
      append_varuint(out, range.length - 1);
      last = range.end();
    }
  }
}

template <typename ReadRange>
Result<IdSet> IdSet::decode_with(ByteReader& in, ReadRange read_range) {
  COTERIE_TRY(const std::uint64_t clients, in.read_varuint());
  if (clients > kClientsMax) {
    return Error{ErrorCode::kLimitExceeded, "too many clients", in.offset()};
  }
  IdSet set;
  for (std::uint64_t i = 0; i < clients; ++i) {
    COTERIE_TRY(const ClientId client, in.read_varuint());
    COTERIE_TRY(const std::uint64_t count, in.read_varuint());
    if (count == 0) continue;
    std::vector<Range>& held = set.ranges_[client];
    Clock last = 0;
    for (std::uint64_t k = 0; k < count; ++k) {
      COTERIE_TRY(const Range range, read_range(in, last));
      if (range.end() > kClockMax) {
        return Error{ErrorCode::kLimitExceeded, "clock above 2^32-2", in.offset()};
      }
      last = range.end();
      held.push_back(range);
    }
  }
  for (auto& [client, held] : set.ranges_) tidy(held);
  std::erase_if(set.ranges_, [](const auto& client) { return client.second.empty(); });
  return set;
}

Result<IdSet> IdSet::decode(ByteReader& in) {
  return decode_with(in, [](ByteReader& reader, Clock) -> Result<Range> {
    COTERIE_TRY(const Clock clock, reader.read_varuint());
    COTERIE_TRY(const Clock length, reader.read_varuint());
    return Range{clock, length};
  });
}

Result<IdSet> IdSet::decode_v2(ByteReader& in) {
  return decode_with(in, [](ByteReader& reader, Clock last) -> Result<Range> {
    COTERIE_TRY(const Clock distance, reader.read_varuint());
    COTERIE_TRY(const Clock less_one, reader.read_varuint());
    return Range{last + distance, less_one + 1};
  });
}

}  // namespace coterie::crdt
