#include "node/core/history/restore.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "crdt/undo_manager.hpp"
#include "node/core/dependencies.hpp"
#include "node/core/history/history.hpp"

namespace coterie::node {
namespace {

/// What `there` shows and `other` does not.
crdt::IdSet shown_only(const crdt::Snapshot& there, const crdt::Snapshot& other) {
  std::vector<crdt::IdRange> ranges;
  for (const auto& [client, clock] : there.state.clocks()) {
    const crdt::Clock from = other.state.clock_of(client);
    if (from < clock) ranges.push_back({client, from, clock - from});
  }
  for (const auto& [client, deleted] : other.deletes.ranges()) {
    const crdt::Clock end = std::min(there.state.clock_of(client), other.state.clock_of(client));
    for (const crdt::IdSet::Range& range : deleted) {
      if (range.clock >= end) break;
      ranges.push_back({client, range.clock, std::min(range.end(), end) - range.clock});
    }
  }
  return without(crdt::IdSet(ranges), there.deletes);
}

}  // namespace

Restored restore(crdt::Doc& doc, const crdt::Snapshot& snapshot, crdt::ClientId client) {
  Restored out;
  const crdt::Snapshot now = crdt::take_snapshot(doc);
  if (rendering(doc, now) == rendering(doc, snapshot)) return out;
  out.put_back = shown_only(snapshot, now);
  const crdt::IdSet too_much = shown_only(now, snapshot);
  out.edits = tell_edits(doc, client, [&] {
    crdt::UndoManager::Options options;
    options.tracked_origins = {};
    options.ignore_remote_map_changes = true;
    crdt::UndoManager undo(doc, std::move(options));
    undo.push(too_much, out.put_back);
    (void)undo.undo();
    undo.destroy();
  });
  return out;
}

}  // namespace coterie::node
