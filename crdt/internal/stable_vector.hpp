// A growing array whose elements never move: chunks of doubling size.
//
// Growing copies nothing, references stay valid, and an untouched tail of the last chunk costs
// address space only. Indexing is a count of leading zeros and a load.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "crdt/base/assert.hpp"

namespace coterie::crdt::internal {

template <typename T>
class StableVector {
 public:
  StableVector() = default;
  StableVector(const StableVector&) = delete;
  StableVector& operator=(const StableVector&) = delete;
  ~StableVector() {
    for (std::uint32_t i = 0; i < size_; ++i) (*this)[i].~T();
    for (unsigned chunk = kFirstBits; chunk < kChunks; ++chunk) {
      if (bases_[chunk] == 0) return;
      ::operator delete (static_cast<void*>(address(1u << chunk, chunk)),
                         std::align_val_t{alignof(T)});
    }
  }

  std::uint32_t size() const { return size_; }

  T& operator[](std::uint32_t index) { return *address(index); }
  const T& operator[](std::uint32_t index) const { return *address(index); }

  /// Returns the index of a new element.
  std::uint32_t emplace_back() {
    make_room();
    new (address(size_)) T();
    return size_++;
  }
  std::uint32_t push_back(const T& value) {
    make_room();
    new (address(size_)) T(value);
    return size_++;
  }

 private:
  static constexpr unsigned kFirstBits = 4;
  static constexpr std::uint32_t kFirst = 1u << kFirstBits;
  static constexpr unsigned kChunks = 32;

  void make_room() {
    COTERIE_ASSERT(size_ < 0xffff'ff00u);
    const std::uint32_t at = size_ + kFirst;
    if ((at & (at - 1)) != 0) return;  // Not the first of a chunk, which holds as many again.
    void* const memory = ::operator new (sizeof(T) * std::size_t{at}, std::align_val_t{alignof(T)});
    bases_[chunk_of(at)] = reinterpret_cast<std::uintptr_t>(memory) - sizeof(T) * std::size_t{at};
  }

  static unsigned chunk_of(std::uint32_t at) {
    return 31u - static_cast<unsigned>(std::countl_zero(at | 1u));
  }
  T* address(std::uint32_t at, unsigned chunk) const {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): number 0 lies outside what was allocated.
    return reinterpret_cast<T*>(bases_[chunk] + sizeof(T) * std::size_t{at});
  }
  T* address(std::uint32_t index) const {
    const std::uint32_t at = index + kFirst;
    return address(at, chunk_of(at));
  }

  /// Element i is number i + kFirst. Chunk k holds the 2^k that have k + 1 bits, and the address of
  /// a number, by its chunk's base, is that of number 0 plus its size times the number.
  std::uintptr_t bases_[kChunks] = {};
  std::uint32_t size_ = 0;
};

}  // namespace coterie::crdt::internal
