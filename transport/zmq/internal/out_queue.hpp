// Frames that wait for one link, by traffic class.

#pragma once

#include <array>
#include <cstddef>
#include <deque>

#include "crdt/base/bytes.hpp"
#include "transport/core/mesh.hpp"

namespace coterie::transport::internal {

/// Lower classes go first; within a class, first in, first out. Single-threaded.
class OutQueue {
 public:
  void push(TrafficClass traffic_class, Bytes frame) {
    lanes_[static_cast<std::size_t>(traffic_class)].push_back(std::move(frame));
  }
  bool empty() const {
    for (const auto& lane : lanes_) {
      if (!lane.empty()) return false;
    }
    return true;
  }
  /// Precondition: not empty.
  const Bytes& front() const { return next()->front(); }
  void pop() { const_cast<std::deque<Bytes>*>(next())->pop_front(); }

 private:
  const std::deque<Bytes>* next() const {
    for (const auto& lane : lanes_) {
      if (!lane.empty()) return &lane;
    }
    COTERIE_ASSERT(false);
    return nullptr;
  }

  std::array<std::deque<Bytes>, kTrafficClassCount> lanes_;
};

}  // namespace coterie::transport::internal
