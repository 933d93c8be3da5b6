// A growing array whose elements never move: chunks of doubling size.
//
// Growing copies nothing, references stay valid, and an untouched tail of the last chunk costs
// address space only. Indexing is a count of leading zeros and two loads.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
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
    for (T* chunk : chunks_) {
      ::operator delete (static_cast<void*>(chunk), std::align_val_t{alignof(T)});
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
  static constexpr std::uint32_t kFirst = 16;
  static constexpr unsigned kChunks = 28;

  void make_room() {
    COTERIE_ASSERT(size_ < 0xffff'ff00u);
    const std::uint32_t at = size_ + kFirst;
    if ((at & (at - 1)) != 0) return;  // Not the first of a chunk.
    const unsigned chunk = chunk_of(at);
    chunks_[chunk] = static_cast<T*>(
        ::operator new (sizeof(T) * (std::size_t{kFirst} << chunk), std::align_val_t{alignof(T)}));
  }

  static unsigned chunk_of(std::uint32_t at) {
    return static_cast<unsigned>(std::bit_width(at)) - 1 -
           static_cast<unsigned>(std::countr_zero(kFirst));
  }
  T* address(std::uint32_t index) const {
    const std::uint32_t at = index + kFirst;
    const unsigned chunk = chunk_of(at);
    return chunks_[chunk] + (at - (kFirst << chunk));
  }

  T* chunks_[kChunks + 1] = {};
  std::uint32_t size_ = 0;
};

}  // namespace coterie::crdt::internal
