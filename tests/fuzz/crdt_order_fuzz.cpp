// Bytes as decisions: a session of several documents, its updates applied in any order, form and
// number of times. All replicas end alike.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/crdt_sessions.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coterie::testing::FuzzChoices choices({data, size});
  const std::string wrong = coterie::testing::check_any_order(choices, 24);
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
  }
  return 0;
}
