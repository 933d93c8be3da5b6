#include "tests/support/heap_ledger.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace coterie::testing {
namespace {

struct alignas(std::max_align_t) Header {
  std::size_t size;
  std::uint32_t owner;
};

std::atomic<std::int64_t> ledger[kHeapOwnersMax];
thread_local std::uint32_t current = 0;

}  // namespace

std::int64_t heap_bytes(std::uint32_t owner) { return ledger[owner % kHeapOwnersMax].load(); }

HeapOwner::HeapOwner(std::uint32_t owner) : before_(current) { current = owner % kHeapOwnersMax; }
HeapOwner::~HeapOwner() { current = before_; }

}  // namespace coterie::testing

// Arrays, sizes and nothrow forms come here by default; over-aligned ones are left alone.

void* operator new(std::size_t size) {
  using coterie::testing::Header;
  void* block = std::malloc(size + sizeof(Header));
  if (block == nullptr) throw std::bad_alloc();
  auto* header = new (block) Header{size, coterie::testing::current};
  coterie::testing::ledger[header->owner].fetch_add(static_cast<std::int64_t>(size),
                                                    std::memory_order_relaxed);
  return header + 1;
}

void operator delete(void* pointer) noexcept {
  using coterie::testing::Header;
  if (pointer == nullptr) return;
  Header* header = static_cast<Header*>(pointer) - 1;
  coterie::testing::ledger[header->owner].fetch_sub(static_cast<std::int64_t>(header->size),
                                                    std::memory_order_relaxed);
  std::free(header);
}

void operator delete(void* pointer, std::size_t) noexcept { operator delete(pointer); }
