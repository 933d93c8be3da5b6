#include "transport/core/internal/outbox.hpp"

#include <algorithm>

namespace coterie::transport::internal {

std::size_t AwarenessQueue::put(const AwarenessKey& key, SharedFrame frame) {
  bytes_ += frame->size();
  const auto [found, added] = frames_.try_emplace(key, nullptr);
  if (added) {
    order_.push_back(key);
  } else {
    bytes_ -= found->second->size();
  }
  found->second = std::move(frame);
  std::size_t dropped = 0;
  while (bytes_ > kAwarenessOutboxBytesMax) {
    (void)take();  // The oldest: its state is the most likely to be out of date.
    ++dropped;
  }
  return dropped;
}

std::optional<std::pair<AwarenessKey, SharedFrame>> AwarenessQueue::take() {
  if (order_.empty()) return std::nullopt;
  const auto found = frames_.find(order_.front());
  std::pair<AwarenessKey, SharedFrame> item(found->first, std::move(found->second));
  frames_.erase(found);
  order_.pop_front();
  bytes_ -= item.second->size();
  return item;
}

void AwarenessQueue::drop(const WorkspaceId& workspace) {
  std::erase_if(order_, [&](const AwarenessKey& key) {
    if (std::get<0>(key) != workspace) return false;
    const auto found = frames_.find(key);
    bytes_ -= found->second->size();
    frames_.erase(found);
    return true;
  });
}

bool ServeQueue::put(Item item) {
  const auto same = [&](const Item& other) { return other.key == item.key; };
  const auto found = std::find_if(items_.begin(), items_.end(), same);
  if (found != items_.end()) {
    *found = item;
    return true;
  }
  if (items_.size() == kItemsMax) return false;
  items_.push_back(item);
  return true;
}

std::optional<ServeQueue::Item> ServeQueue::take() {
  if (items_.empty()) return std::nullopt;
  const Item item = items_.front();
  items_.pop_front();
  return item;
}

}  // namespace coterie::transport::internal
