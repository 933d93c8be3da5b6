#include "node/bridge/websocket_deflate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#define ZLIB_CONST
#include <zlib.h>

#include "crdt/base/assert.hpp"

namespace coterie::node::bridge::websocket {

namespace {

/// Negative: raw, without a header.
constexpr int kWindowBits = -15;
/// Fast: most of the gain is in the first level, and nobody else is served meanwhile.
constexpr int kLevel = 1;
constexpr int kMemoryLevel = 8;
/// What every message ends with, and is not sent.
constexpr std::array<std::uint8_t, 4> kTail{0x00, 0x00, 0xff, 0xff};
/// Of z_stream::data_type.
constexpr int kBetweenBlocks = 128;
constexpr std::size_t kPartBytes = 16u << 10;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// The piece of `text` up to `separator`, which both are taken off its front.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view piece = trim(text.substr(0, end));
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return piece;
}

std::optional<int> window_bits(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  int bits = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), bits);
  const bool good = parsed.ec == std::errc() && parsed.ptr == value.data() + value.size();
  return good && bits >= 8 && bits <= 15 ? std::optional(bits) : std::nullopt;
}

/// Whether an offer's parameters are ones that the answer below meets.
bool can_meet(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view value = cut(parameters, ';');
    const std::string_view name = cut(value, '=');
    if (name == "server_no_context_takeover" || name == "client_no_context_takeover") continue;
    // Any window of the client's is inside ours.
    if (name == "client_max_window_bits" && (value.empty() || window_bits(trim(value)))) continue;
    if (name == "server_max_window_bits" && window_bits(trim(value)) == 15) continue;
    return false;
  }
  return true;
}

}  // namespace

std::string agree_on_deflate(std::string_view offers) {
  while (!offers.empty()) {
    std::string_view offer = cut(offers, ',');
    if (cut(offer, ';') == "permessage-deflate" && can_meet(offer)) {
      return "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    }
  }
  return {};
}

Inflater::Inflater() : stream_(std::make_unique<z_stream_s>()) {
  COTERIE_ASSERT(inflateInit2(stream_.get(), kWindowBits) == Z_OK);
}

Inflater::~Inflater() { inflateEnd(stream_.get()); }

Inflater::Outcome Inflater::inflate(ByteView message, std::size_t bytes_max, Bytes& out) {
  inflateReset(stream_.get());
  std::array<std::uint8_t, kPartBytes> part;
  for (const ByteView input : {message, ByteView(kTail)}) {
    stream_->next_in = input.data();
    stream_->avail_in = static_cast<uInt>(input.size());
    do {
      stream_->next_out = part.data();
      stream_->avail_out = static_cast<uInt>(part.size());
      const int result = ::inflate(stream_.get(), Z_SYNC_FLUSH);
      append(out, ByteView(part).first(part.size() - stream_->avail_out));
      if (out.size() > bytes_max) return Outcome::kTooLong;
      // A final block is followed by one byte of an empty one, of which the tail is the rest.
      if (result == Z_STREAM_END) {
        return stream_->avail_in <= 1 ? Outcome::kDone : Outcome::kBad;
      }
      if (result != Z_OK && result != Z_BUF_ERROR) return Outcome::kBad;
    } while (stream_->avail_out == 0);
  }
  return (stream_->data_type & kBetweenBlocks) != 0 ? Outcome::kDone : Outcome::kBad;
}

Deflater::Deflater() : stream_(std::make_unique<z_stream_s>()) {
  COTERIE_ASSERT(deflateInit2(stream_.get(), kLevel, Z_DEFLATED, kWindowBits, kMemoryLevel,
                              Z_DEFAULT_STRATEGY) == Z_OK);
}

Deflater::~Deflater() { deflateEnd(stream_.get()); }

std::shared_ptr<const Bytes> Deflater::deflate(const std::shared_ptr<const Bytes>& message) {
  if (message->size() < kCompressBytesMin || message->size() > kCompressBytesMax) return nullptr;
  if (message == last_) return last_deflated_;
  last_ = message;
  last_deflated_ = nullptr;
  deflateReset(stream_.get());
  // No room for what is longer than it was, and for the tail.
  Bytes out(message->size());
  stream_->next_in = message->data();
  stream_->avail_in = static_cast<uInt>(message->size());
  stream_->next_out = out.data();
  stream_->avail_out = static_cast<uInt>(out.size());
  const int result = ::deflate(stream_.get(), Z_SYNC_FLUSH);
  if (result != Z_OK || stream_->avail_out == 0) return nullptr;
  out.resize(out.size() - stream_->avail_out - kTail.size());
  out.shrink_to_fit();
  last_deflated_ = std::make_shared<const Bytes>(std::move(out));
  return last_deflated_;
}

void Deflater::forget() {
  last_ = nullptr;
  last_deflated_ = nullptr;
}

}  // namespace coterie::node::bridge::websocket
