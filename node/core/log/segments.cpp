#include "node/core/log/segments.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kBranchDomain = "coterie branch v1";

Result<Hash> hash_of(const Segment& segment, Seq seq, const Segments::HashAt& hash_at) {
  if (seq + 1 == segment.first) return segment.before;
  if (seq == segment.last) return segment.head;
  return hash_at(segment, seq);
}

}  // namespace

LogId branch_name(const LogId& chain, const Hash& first) {
  Bytes incarnation;
  append_u64(incarnation, chain.incarnation);
  const Hash hash = crypto::hash(
      {as_bytes(kBranchDomain), chain.device.view(), ByteView(incarnation), first.view()});
  std::uint64_t name = 0;
  for (std::size_t i = 0; i < 8; ++i) name = (name << 8) | hash.bytes[i];
  return {chain.device, name | kBranchBit};
}

LogHead Segments::head_of(const LogId& name, const Segment& segment) {
  if (segment.empty()) return {};
  return {item_of(name, segment, segment.last), segment.head};
}

const Segment* Segments::find(const LogId& name) const {
  const auto found = all_.find(name);
  return found == all_.end() ? nullptr : &found->second;
}

std::size_t Segments::count(const DeviceId& device) const {
  std::size_t count = 0;
  for (auto it = all_.lower_bound({device, 0}); it != all_.end() && it->first.device == device;
       ++it) {
    ++count;
  }
  return count;
}

LogId Segments::chain_of(const LogId& strand) const {
  if (!is_branch(strand)) return strand;
  const Segment* segment = find(strand);
  return segment == nullptr ? strand : segment->chain;
}

std::optional<LogId> Segments::segment_of(const LogId& strand, Seq seq) const {
  const auto holds = [&](const Segment& segment) {
    return segment.strand == strand && segment.first <= seq && seq <= segment.last;
  };
  const Segment* named = find(strand);
  if (named != nullptr && holds(*named)) return strand;
  for (auto it = all_.lower_bound({strand.device, 0});
       it != all_.end() && it->first.device == strand.device; ++it) {
    if (holds(it->second)) return it->first;
  }
  return std::nullopt;
}

Result<std::optional<LogId>> Segments::find_entry(const LogId& chain, Seq seq, const Hash& hash,
                                                  const HashAt& hash_at) const {
  if (seq == 0) {
    if (!hash.is_zero() || find(chain) == nullptr) return std::optional<LogId>{};
    return std::optional<LogId>(chain);
  }
  for (auto it = all_.lower_bound({chain.device, 0});
       it != all_.end() && it->first.device == chain.device; ++it) {
    const Segment& segment = it->second;
    if (segment.chain != chain || seq < segment.first || seq > segment.last) continue;
    COTERIE_TRY(const Hash held, hash_of(segment, seq, hash_at));
    if (held == hash) return std::optional<LogId>(it->first);
  }
  return std::optional<LogId>{};
}

bool Segments::follows(const LogId& name, Seq seq, const LogId& strand, Seq earlier) const {
  if (earlier > seq) return false;
  const auto target = segment_of(strand, earlier);
  if (!target) return false;
  std::optional<LogId> at = name;
  while (at && *at != *target) at = all_.at(*at).parent;
  return at.has_value();
}

Result<Segments::Place> Segments::locate(const LogId& start, Seq first, std::span<const Hash> run,
                                         const HashAt& hash_at) const {
  Place place;
  place.segment = start;
  Seq next = first;
  const Seq end = first + run.size();  // One past its last.
  const auto offered = [&](Seq seq) -> const Hash& { return run[seq - first]; };
  while (next < end) {
    const Segment& segment = all_.at(place.segment);
    place.known = static_cast<std::size_t>(next - first);
    if (next <= segment.last) {
      // A chain that differs once differs for ever: look at the last entry first, then halve.
      Seq low = next;
      Seq high = std::min(segment.last, end - 1);
      COTERIE_TRY(const Hash newest, hash_of(segment, high, hash_at));
      if (newest != offered(high)) {
        while (low < high) {
          const Seq middle = low + (high - low) / 2;
          COTERIE_TRY(const Hash held, hash_of(segment, middle, hash_at));
          if (held == offered(middle)) {
            low = middle + 1;
          } else {
            high = middle;
          }
        }
        place.kind = Place::Kind::kForks;
        place.known = static_cast<std::size_t>(low - first);
        place.at = low - 1;
        if (low == segment.first && segment.parent) place.segment = *segment.parent;
        return place;
      }
      next = high + 1;
      continue;
    }
    if (!segment.closed()) {
      place.kind = Place::Kind::kExtends;
      return place;
    }
    const LogId child = branch_name(segment.chain, offered(next));
    if (std::find(segment.children.begin(), segment.children.end(), child) ==
        segment.children.end()) {
      place.kind = Place::Kind::kForks;
      place.at = segment.last;
      return place;
    }
    place.segment = child;
  }
  place.kind = Place::Kind::kHeld;
  place.known = run.size();
  return place;
}

LogId Segments::root(const LogId& chain) {
  Segment& segment = all_[chain];
  if (segment.chain != chain) {
    segment.chain = chain;
    segment.strand = chain;
  }
  return chain;
}

Result<Segments::Forked> Segments::fork(const LogId& name, Seq at, const Hash& first,
                                        const HashAt& hash_at) {
  Segment& segment = all_.at(name);
  COTERIE_ASSERT(at + 1 >= segment.first && at <= segment.last);
  const bool splits = at < segment.last;
  COTERIE_ASSERT(splits || segment.closed() || segment.empty());
  COTERIE_TRY(const Hash fork, hash_of(segment, at, hash_at));
  const auto clash = [] {
    return Error{ErrorCode::kConflict, "another branch has the name of this one"};
  };
  Forked forked;
  forked.branch = branch_name(segment.chain, first);
  if (find(forked.branch) != nullptr) return clash();
  if (splits) {
    COTERIE_TRY(const Hash next, hash_of(segment, at + 1, hash_at));
    Hash previous;
    if (at + 1 > segment.first) {
      COTERIE_TRY(previous, hash_of(segment, at - 1, hash_at));
    }
    forked.tail = branch_name(segment.chain, next);
    if (*forked.tail == forked.branch || find(*forked.tail) != nullptr) return clash();
    Segment tail = segment;
    tail.first = at + 1;
    tail.before = fork;
    tail.pruned = {};
    tail.parent = name;
    for (const LogId& child : tail.children) all_.at(child).parent = forked.tail;
    segment.last = at;
    segment.head = fork;
    segment.head_previous = previous;
    segment.children = {*forked.tail};
    all_.emplace(*forked.tail, std::move(tail));
  }
  Segment branch;
  branch.chain = segment.chain;
  branch.strand = forked.branch;
  branch.first = at + 1;
  branch.last = at;
  branch.before = branch.head = fork;
  branch.parent = name;
  auto& children = segment.children;
  children.insert(std::lower_bound(children.begin(), children.end(), forked.branch), forked.branch);
  all_.emplace(forked.branch, std::move(branch));
  return forked;
}

void Segments::append(const LogId& name, const Hash& hash) {
  Segment& segment = all_.at(name);
  COTERIE_ASSERT(!segment.closed());
  segment.head_previous = segment.head;
  segment.head = hash;
  ++segment.last;
}

Status Segments::link() {
  // A log that forked at its first entry has no row for its root.
  std::vector<LogId> names;
  for (const auto& [name, segment] : all_) names.push_back(name);
  for (const LogId& name : names) {
    const Segment segment = all_.at(name);
    const bool branch = is_branch(name);
    if (segment.empty() || branch == (segment.chain == name) || is_branch(segment.chain) ||
        segment.chain.device != name.device) {
      return Error{ErrorCode::kCorrupt, "a log's row is damaged"};
    }
    if (!branch) continue;
    std::optional<LogId> parent;
    if (segment.first == 1) {
      parent = root(segment.chain);
      if (!all_.at(*parent).empty()) parent.reset();
    } else {
      for (auto it = all_.lower_bound({name.device, 0});
           it != all_.end() && it->first.device == name.device; ++it) {
        const Segment& other = it->second;
        const bool ends_here = other.chain == segment.chain && other.last + 1 == segment.first &&
                               other.head == segment.before && it->first != name;
        if (ends_here) parent = it->first;
      }
    }
    if (!parent) return Error{ErrorCode::kCorrupt, "a branch begins nowhere"};
    all_.at(name).parent = parent;
    all_.at(*parent).children.push_back(name);
  }
  for (auto& [name, segment] : all_) {
    std::sort(segment.children.begin(), segment.children.end());
    if (segment.children.size() == 1) {
      return Error{ErrorCode::kCorrupt, "a branch of a log is missing"};
    }
  }
  return {};
}

}  // namespace coterie::node
