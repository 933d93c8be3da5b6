// What a client sends, once in one piece and once cut as the first bytes say: the same messages and
// the same end come out, and none is longer than the limit.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/assert.hpp"
#include "node/bridge/websocket_codec.hpp"
#include "node/bridge/websocket_deflate.hpp"

namespace {

using namespace coterie;
using namespace coterie::node::bridge::websocket;

constexpr std::size_t kMax = 4096;

std::vector<std::string> read(ByteView input, std::size_t step, bool text, bool compression) {
  static Inflater inflater;
  Reader reader(
      {.text = text, .message_bytes_max = kMax, .inflater = compression ? &inflater : nullptr});
  std::vector<std::string> heard;
  while (!input.empty()) {
    ByteView part = input.first(std::min(step, input.size()));
    input = input.subspan(part.size());
    for (;;) {
      const auto event = reader.next(part);
      if (event == Reader::Event::kNeedMore) break;
      const Bytes payload = reader.take_payload();
      COTERIE_ASSERT(payload.size() <= kMax);
      COTERIE_ASSERT(event != Reader::Event::kMessage || !text || is_utf8(as_text(payload)));
      heard.push_back(std::to_string(static_cast<int>(event)) + ":" +
                      std::to_string(reader.close_code()) + ":" + std::string(as_text(payload)));
      if (event == Reader::Event::kError) return heard;
    }
    COTERIE_ASSERT(part.empty());
    COTERIE_ASSERT(reader.unfinished_bytes() <= kMax);
  }
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool text = (data[0] & 1) != 0;
  const bool compression = (data[0] & 2) != 0;
  const ByteView input(data + 2, size - 2);
  const auto whole = read(input, input.size() + 1, text, compression);
  COTERIE_ASSERT(read(input, std::size_t{data[1]} + 1, text, compression) == whole);
  return 0;
}
