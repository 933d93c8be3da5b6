// Any bytes: decode() answers with an error or with a message that survives a round trip.

#include <cstdint>

#include "transport/wire/messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coterie::transport;
  const auto message = decode({data, size});
  if (!message || std::holds_alternative<Unknown>(*message)) return 0;
  const auto again = decode(encode(*message));
  COTERIE_ASSERT(again && *again == *message);
  return 0;
}
