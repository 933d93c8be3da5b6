// Invariant checks. Bad input is an Error (result.hpp); a broken invariant is a bug in this
// program, and going on could write a wrong document, so it stops the process in every build.

#pragma once

#include <cstdio>
#include <cstdlib>

namespace coterie::detail {

[[noreturn]] inline void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "coterie: invariant broken: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace coterie::detail

/// Always on. For conditions that are cheap next to the work around them.
#define COTERIE_ASSERT(condition)     \
  ((condition) ? static_cast<void>(0) \
               : ::coterie::detail::assertion_failed(#condition, __FILE__, __LINE__))

/// Debug builds only. For conditions on hot paths.
#ifdef NDEBUG
#define COTERIE_DCHECK(condition) static_cast<void>(0)
#else
#define COTERIE_DCHECK(condition) COTERIE_ASSERT(condition)
#endif
