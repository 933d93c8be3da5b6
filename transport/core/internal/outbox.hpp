// What waits to be sent on one link, by traffic class.
//
// Most of it is kept as "this is due", not as bytes: heartbeats, frontiers and answers to pulls are
// written when there is room for them, and so say what is true then, once. Frames that must be kept
// (pushes, awareness, application) are bounded.
//
// Single-threaded owner.

#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "transport/wire/messages.hpp"

namespace coterie::transport::internal {

/// One encoded frame, shared by the outboxes of all links it goes to.
using SharedFrame = std::shared_ptr<const Bytes>;
using LogKey = std::pair<WorkspaceId, LogId>;
using AwarenessKey = std::tuple<WorkspaceId, DeviceId, std::uint64_t>;

/// Frames of which a newer one replaces the older with the same key; sent in the order in which
/// their keys first came.
class AwarenessQueue {
 public:
  /// Returns how many frames were dropped to stay within kAwarenessOutboxBytesMax.
  std::size_t put(const AwarenessKey& key, SharedFrame frame);
  std::optional<std::pair<AwarenessKey, SharedFrame>> take();
  /// Forgets the frames of one workspace.
  void drop(const WorkspaceId& workspace);
  bool empty() const { return frames_.empty(); }
  std::size_t bytes() const { return bytes_; }

 private:
  std::map<AwarenessKey, SharedFrame> frames_;
  std::deque<AwarenessKey> order_;  ///< Holds each key of frames_ once.
  std::size_t bytes_ = 0;
};

/// Pulls of the peer that are not fully answered, one per log, served in turn.
class ServeQueue {
 public:
  struct Item {
    LogKey key;
    Seq next = 0;
    std::size_t credit = 0;  ///< Bytes.
  };
  /// More than the peer can have in flight by its own limits.
  static constexpr std::size_t kItemsMax = 4 * kUnverifiedBytesPerLinkMax / kPullBytesMax;

  /// Replaces an earlier pull of the same log. Returns false when there are too many.
  bool put(Item item);
  std::optional<Item> take();
  bool empty() const { return items_.empty(); }

 private:
  std::deque<Item> items_;
};

/// What is to be said in comparing the frontiers of one workspace. Written when there is room, from
/// what is held then.
struct ExchangeDue {
  bool begin = false;              ///< With all logs.
  std::map<LogRange, bool> heads;  ///< Value: whether a reply is wanted.
  std::vector<LogRange> summaries;

  bool empty() const { return !begin && heads.empty() && summaries.empty(); }
};

struct Outbox {
  // Control.
  bool goodbye_due = false;
  std::optional<bool> hello_due;  ///< Value: whether it is an answer.
  std::map<WorkspaceId, ExchangeDue> exchanges;
  std::set<WorkspaceId> neighbours_due;
  std::deque<Pull> pulls;  ///< As many as State allows in flight.
  bool heartbeat_due = false;
  std::deque<SharedFrame> application;
  std::size_t application_bytes = 0;  ///< With application_bulk.
  // Entries.
  std::map<LogKey, Seq> announces;
  std::deque<SharedFrame> entries;
  std::size_t entries_bytes = 0;
  // Awareness.
  AwarenessQueue awareness;
  // Bulk, in turn.
  ServeQueue serve;
  std::deque<SharedFrame> application_bulk;
  bool application_turn = false;
};

}  // namespace coterie::transport::internal
