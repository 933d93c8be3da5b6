#include "node/core/dependencies.hpp"

#include <algorithm>
#include <utility>

#include "crdt/decoded_update.hpp"
#include "crdt/update.hpp"

namespace coterie::node {

using crdt::Id;
using crdt::IdSet;

namespace {

struct Structure {
  IdSet provided;
  std::vector<Id> foundations;  ///< Outside of `provided`, sorted, each once.
};

Structure structure_of(ByteView update) {
  Structure out;
  const auto decoded = crdt::decode_update(update);
  if (!decoded) return out;
  std::vector<Id> all;
  for (const crdt::DecodedStruct& one : decoded->structs) {
    if (one.kind == crdt::StructKind::kSkip || one.length == 0) continue;
    out.provided.add({one.id.client, one.id.clock, one.length});
    if (one.id.clock > 0) all.push_back({one.id.client, one.id.clock - 1});
    if (one.origin) all.push_back(*one.origin);
    if (one.right_origin) all.push_back(*one.right_origin);
    if (const auto* parent = std::get_if<Id>(&one.parent)) all.push_back(*parent);
  }
  const auto key = [](const Id& id) { return std::pair(id.client, id.clock); };
  std::sort(all.begin(), all.end(), [&](const Id& a, const Id& b) { return key(a) < key(b); });
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (const Id& id : all) {
    if (!out.provided.contains(id)) out.foundations.push_back(id);
  }
  return out;
}

}  // namespace

IdSet provided_ids(ByteView update) {
  const auto listing = crdt::inspect_update(update);
  return listing ? IdSet(listing->structs) : IdSet();
}

std::vector<Id> foundations(ByteView update) { return structure_of(update).foundations; }

std::vector<Id> missing_foundations(const crdt::Doc& doc) {
  if (!doc.has_pending()) return {};
  const crdt::StateVector held = doc.state_vector();
  std::vector<Id> missing = structure_of(doc.encode_state_as_update(held)).foundations;
  missing.erase(std::remove_if(missing.begin(), missing.end(),
                               [&](const Id& id) { return id.clock < held.clock_of(id.client); }),
                missing.end());
  return missing;
}

IdSet waiting_ids(const crdt::Doc& doc) {
  if (!doc.has_pending()) return {};
  const crdt::StateVector held = doc.state_vector();
  return beyond(provided_ids(doc.encode_state_as_update(held)), held);
}

bool overlap(const IdSet& a, const IdSet& b) {
  for (const auto& [client, ranges] : a.ranges()) {
    const auto other = b.ranges().find(client);
    if (other == b.ranges().end()) continue;
    auto right = other->second.begin();
    for (const IdSet::Range& left : ranges) {
      while (right != other->second.end() && right->end() <= left.clock) ++right;
      if (right != other->second.end() && right->clock < left.end()) return true;
    }
  }
  return false;
}

IdSet beyond(const IdSet& ids, const crdt::StateVector& held) {
  IdSet out;
  for (const auto& [client, ranges] : ids.ranges()) {
    const crdt::Clock from = held.clock_of(client);
    for (const IdSet::Range& range : ranges) {
      const crdt::Clock begin = std::max(range.clock, from);
      if (begin < range.end()) out.add({client, begin, range.end() - begin});
    }
  }
  return out;
}

crdt::IdSet without(const crdt::IdSet& ids, const crdt::IdSet& others) {
  std::vector<crdt::IdRange> left;
  for (const auto& [client, ranges] : ids.ranges()) {
    const auto found = others.ranges().find(client);
    static const std::vector<crdt::IdSet::Range> kNothing;
    const auto& cuts = found == others.ranges().end() ? kNothing : found->second;
    auto cut = cuts.begin();
    for (const crdt::IdSet::Range& range : ranges) {
      crdt::Clock at = range.clock;
      while (cut != cuts.end() && cut->end() <= at) ++cut;
      for (auto here = cut; at < range.end(); ++here) {
        const crdt::Clock stop =
            here == cuts.end() ? range.end() : std::min(range.end(), here->clock);
        if (at < stop) left.push_back({client, at, stop - at});
        if (here == cuts.end()) break;
        at = std::max(at, here->end());
      }
    }
  }
  return crdt::IdSet(left);
}

}  // namespace coterie::node
