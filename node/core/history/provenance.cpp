#include "node/core/history/provenance.hpp"

#include <algorithm>

namespace coterie::node {

crdt::Clock Claims::claim(const crdt::IdRange& ids, std::uint32_t update) {
  Ranges& ranges = clients_[ids.client];
  const crdt::Clock end = ids.clock + ids.length;
  crdt::Clock at = ids.clock;
  crdt::Clock taken = 0;
  auto next = ranges.upper_bound(at);
  if (next != ranges.begin()) at = std::max(at, std::prev(next)->second.end);
  while (at < end) {
    const crdt::Clock stop = next == ranges.end() ? end : std::min(end, next->first);
    if (at < stop) {
      ranges.emplace_hint(next, at, Claim{stop, update});
      taken += stop - at;
    }
    if (next == ranges.end()) break;
    at = std::max(at, next->second.end);
    ++next;
  }
  return taken;
}

std::optional<std::uint32_t> Claims::find(const crdt::Id& id) const {
  const auto client = clients_.find(id.client);
  if (client == clients_.end()) return std::nullopt;
  const auto next = client->second.upper_bound(id.clock);
  if (next == client->second.begin()) return std::nullopt;
  const Claim& claim = std::prev(next)->second;
  return id.clock < claim.end ? std::optional(claim.update) : std::nullopt;
}

void Claims::cut(const crdt::IdRange& ids, std::vector<crdt::Clock>& cuts) const {
  const auto client = clients_.find(ids.client);
  if (client == clients_.end()) return;
  const crdt::Clock end = ids.clock + ids.length;
  auto at = client->second.upper_bound(ids.clock);
  if (at != client->second.begin()) --at;
  for (; at != client->second.end() && at->first < end; ++at) {
    for (const crdt::Clock edge : {at->first, at->second.end}) {
      if (edge > ids.clock && edge < end) cuts.push_back(edge);
    }
  }
}

}  // namespace coterie::node
