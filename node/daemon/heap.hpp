// What the C library keeps of memory that was given back to it.
//
// glibc keeps freed memory for the next who asks: after a crowd has left, or a large document was
// passed on, most of a node's memory is nobody's, for ever. Elsewhere than with glibc nothing here
// does anything.

#pragma once

#include "crdt/base/clock.hpp"

namespace coterie::node {

/// Large blocks are mapped by themselves, and go back when they are freed; few threads have arenas
/// of their own. Before threads are started.
void tune_heap();

/// Gives free memory back from time to time. For one thread.
class HeapKeeper {
 public:
  /// Looks every few seconds: some microseconds; giving back takes milliseconds, and is done when
  /// much is free and it is a good part of all.
  void tend(Instant now);

 private:
  Instant next_{};
};

}  // namespace coterie::node
