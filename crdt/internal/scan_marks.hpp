// When the conflict scan of integration last passed each item.
//
// Most items never see a concurrent insert, so the marks are beside the items, in pages that are
// made when a scan first passes there.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "crdt/internal/item.hpp"

namespace coterie::crdt::internal {

/// Marks are numbers of a clock that never goes back: what a scan has not passed has a lower one.
class ScanMarks {
 public:
  /// The first number that the scan about to begin gives out.
  std::uint32_t begin_scan() {
    if (clock_ > 0xf000'0000u) {
      pages_.clear();
      clock_ = 0;
    }
    return clock_ + 1;
  }

  /// Marks the item, and returns its number.
  std::uint32_t pass(ItemIndex item) {
    const std::size_t page = item / kPage;
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (pages_[page] == nullptr) pages_[page] = std::make_unique<std::uint32_t[]>(kPage);
    return pages_[page][item % kPage] = ++clock_;
  }

  /// The last number given to the item; 0: none.
  std::uint32_t of(ItemIndex item) const {
    const std::size_t page = item / kPage;
    return page < pages_.size() && pages_[page] != nullptr ? pages_[page][item % kPage] : 0;
  }

 private:
  static constexpr std::uint32_t kPage = 1024;

  std::vector<std::unique_ptr<std::uint32_t[]>> pages_;
  std::uint32_t clock_ = 0;
};

}  // namespace coterie::crdt::internal
