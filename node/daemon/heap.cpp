#include "node/daemon/heap.hpp"

#if defined(__GLIBC__) || __has_include(<gnu/libc-version.h>)
#include <malloc.h>
#define COTERIE_HAS_GLIBC_HEAP
#endif

namespace coterie::node {

#ifdef COTERIE_HAS_GLIBC_HEAP

namespace {

constexpr Duration kEvery = std::chrono::seconds(3);
constexpr int kMappedBytesMin = 128 << 10;
constexpr int kTrimBytes = 512 << 10;
constexpr int kArenas = 2;
constexpr std::size_t kFreeBytesMin = 4u << 20;

}  // namespace

void tune_heap() {
  ::mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);  // Given, it does not grow with use.
  ::mallopt(M_TRIM_THRESHOLD, kTrimBytes);
  ::mallopt(M_ARENA_MAX, kArenas);
}

void HeapKeeper::tend(Instant now) {
  if (now < next_) return;
  next_ = now + kEvery;
  const struct mallinfo2 heap = ::mallinfo2();
  if (heap.fordblks >= kFreeBytesMin && heap.fordblks > heap.uordblks / 4) ::malloc_trim(0);
}

#else

void tune_heap() {}
void HeapKeeper::tend(Instant) {}

#endif

}  // namespace coterie::node
