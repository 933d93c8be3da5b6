// Who holds how much of the heap: the global operator new, with an owner noted beside each block.
//
// For simulations that hold many nodes in one process and must tell what each of them costs. Link
// heap_ledger.cpp to replace the operators. A block counts for whoever was the owner when it was
// asked for, until it is freed, wherever it went meanwhile.

#pragma once

#include <cstddef>
#include <cstdint>

namespace coterie::testing {

/// Owner 0 is everybody who did not say otherwise.
inline constexpr std::uint32_t kHeapOwnersMax = 4'096;

/// What `owner` asked for and nobody has freed, in bytes, without what malloc adds.
std::int64_t heap_bytes(std::uint32_t owner);

/// While it lives, this thread's blocks are `owner`'s.
class HeapOwner {
 public:
  explicit HeapOwner(std::uint32_t owner);
  ~HeapOwner();
  HeapOwner(const HeapOwner&) = delete;
  HeapOwner& operator=(const HeapOwner&) = delete;

 private:
  std::uint32_t before_;
};

}  // namespace coterie::testing
