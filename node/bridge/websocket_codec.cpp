#include "node/bridge/websocket_codec.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "crdt/base/assert.hpp"
#include "node/bridge/websocket_deflate.hpp"

namespace coterie::node::bridge::websocket {

namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kCompressed = 0x40;
constexpr std::uint8_t kReserved = 0x30;
constexpr std::uint8_t kMasked = 0x80;

bool is_known(Opcode opcode) {
  return opcode <= Opcode::kBinary || (opcode >= Opcode::kClose && opcode <= Opcode::kPong);
}

/// Codes that may stand in a close frame: those of the standard and of its registry, and those of
/// applications.
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

std::uint64_t read_big_endian(const std::uint8_t* at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | at[i];
  return value;
}

/// Appends `in`, unmasked with `mask`, which is rotated to its first byte.
void append_unmasked(Bytes& out, ByteView in, std::array<std::uint8_t, 4> mask) {
  const std::size_t begin = out.size();
  append(out, in);
  std::uint8_t* at = out.data() + begin;
  std::size_t left = in.size();
  std::array<std::uint8_t, 8> twice{};
  std::copy(mask.begin(), mask.end(), twice.begin());
  std::copy(mask.begin(), mask.end(), twice.begin() + 4);
  std::uint64_t wide = 0;
  std::memcpy(&wide, twice.data(), sizeof wide);
  for (; left >= sizeof wide; left -= sizeof wide, at += sizeof wide) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word ^= wide;
    std::memcpy(at, &word, sizeof word);
  }
  for (std::size_t i = 0; i < left; ++i) at[i] ^= mask[i & 3];
}

std::size_t length_bytes(std::uint8_t second) {
  const std::uint8_t length = second & 0x7f;
  return length == 126 ? 2 : length == 127 ? 8 : 0;
}

}  // namespace

FrameHeader frame_header(Opcode opcode, std::size_t payload_bytes, bool compressed) {
  FrameHeader header{};
  header.bytes[0] = static_cast<std::uint8_t>(kFinal | (compressed ? kCompressed : 0) |
                                              static_cast<std::uint8_t>(opcode));
  const unsigned bytes = payload_bytes < 126 ? 0 : payload_bytes <= 0xffff ? 2 : 8;
  header.bytes[1] = static_cast<std::uint8_t>(bytes == 0   ? payload_bytes
                                              : bytes == 2 ? 126u
                                                           : 127u);
  header.size = static_cast<std::uint8_t>(2 + bytes);
  for (unsigned i = 0; i < bytes; ++i) {
    header.bytes[2 + i] = static_cast<std::uint8_t>(payload_bytes >> (8 * (bytes - 1 - i)));
  }
  return header;
}

Bytes control_frame(Opcode opcode, ByteView payload) {
  COTERIE_ASSERT(payload.size() <= kControlBytesMax);
  Bytes frame{static_cast<std::uint8_t>(kFinal | static_cast<std::uint8_t>(opcode)),
              static_cast<std::uint8_t>(payload.size())};
  append(frame, payload);
  return frame;
}

Bytes close_frame(std::uint16_t code, std::string_view reason) {
  if (code == kNoCode) return control_frame(Opcode::kClose, {});
  std::size_t fits = std::min(reason.size(), kCloseReasonBytesMax);
  while (fits < reason.size() && fits > 0 && (reason[fits] & 0xc0) == 0x80) --fits;
  Bytes payload{static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code)};
  append(payload, as_bytes(reason.substr(0, fits)));
  return control_frame(Opcode::kClose, payload);
}

Bytes Reader::take_payload() { return std::exchange(control_done_ ? control_ : message_, {}); }

void Reader::skip_messages() {
  skipping_ = true;
  message_ = {};
}

Reader::Event Reader::fail(std::uint16_t code, const char* why) {
  failed_ = true;
  close_code_ = code;
  error_ = why;
  message_ = {};
  control_ = {};
  return Event::kError;
}

std::size_t Reader::header_size() const {
  return header_have_ < 2 ? 2 : 2 + length_bytes(header_[1]) + 4;
}

/// Whether the header is complete.
bool Reader::take_header(ByteView& input) {
  // Twice at most: the second byte says how long it is.
  while (header_have_ < header_size()) {
    const std::size_t take = std::min(header_size() - header_have_, input.size());
    if (take == 0) return false;
    std::copy_n(input.begin(), take, header_.begin() + header_have_);
    header_have_ = static_cast<std::uint8_t>(header_have_ + take);
    input = input.subspan(take);
    // An unmasked frame would be read as if four bytes more were to come.
    if (header_have_ >= 2 && (header_[1] & kMasked) == 0) return true;
  }
  return true;
}

Reader::Event Reader::check_header() {
  const std::uint8_t first = header_[0];
  const bool compressed = (first & kCompressed) != 0;
  if ((first & kReserved) != 0) return fail(kProtocolError, "reserved bits");
  if (!is_known(opcode())) return fail(kProtocolError, "unknown opcode");
  if ((header_[1] & kMasked) == 0) return fail(kProtocolError, "unmasked frame");
  const std::size_t more = length_bytes(header_[1]);
  const std::uint64_t length =
      more == 0 ? header_[1] & 0x7fu : read_big_endian(header_.data() + 2, more);
  const std::uint64_t shorter = more == 8 ? 0xffff : more == 2 ? 125 : 0;
  if (more != 0 && (length <= shorter || (length >> 63) != 0)) {
    return fail(kProtocolError, "length that is not minimal");
  }
  if (is_control()) {
    if ((first & kFinal) == 0 || length > kControlBytesMax || compressed) {
      return fail(kProtocolError, "control frame that is long, in fragments or compressed");
    }
  } else {
    if (in_message_ != (opcode() == Opcode::kContinuation)) {
      return fail(kProtocolError, "fragments out of order");
    }
    if (compressed && (in_message_ || options_.inflater == nullptr)) {
      return fail(kProtocolError, "compression that was not agreed on");
    }
    if (!in_message_) {
      if (opcode() != (options_.text ? Opcode::kText : Opcode::kBinary)) {
        return fail(kUnknownData, options_.text ? "text messages only" : "binary messages only");
      }
      compressed_ = compressed;
    }
    if (length > options_.message_bytes_max - message_.size()) {
      return fail(kTooBig, "message too long");
    }
    in_message_ = true;
  }
  payload_left_ = length;
  mask_at_ = 0;
  in_payload_ = true;
  return Event::kNeedMore;
}

void Reader::take_part(ByteView& input) {
  const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, input.size()));
  if (take == 0) return;
  const std::uint8_t* key = header_.data() + header_size() - 4;
  std::array<std::uint8_t, 4> mask{};
  for (std::size_t i = 0; i < 4; ++i) mask[i] = key[(mask_at_ + i) & 3];
  if (is_control() || !skipping_) {
    append_unmasked(is_control() ? control_ : message_, input.first(take), mask);
  }
  input = input.subspan(take);
  payload_left_ -= take;
  mask_at_ = static_cast<std::uint8_t>((mask_at_ + take) & 3);
}

Reader::Event Reader::finish_frame() {
  header_have_ = 0;
  in_payload_ = false;
  control_done_ = is_control();
  if (opcode() == Opcode::kPing) return Event::kPing;
  if (opcode() == Opcode::kPong) return Event::kPong;
  if (opcode() == Opcode::kClose) return finish_close();
  return (header_[0] & kFinal) != 0 ? finish_message() : Event::kNeedMore;
}

Reader::Event Reader::finish_message() {
  in_message_ = false;
  if (skipping_) return Event::kNeedMore;
  if (compressed_) {
    Bytes whole;
    switch (options_.inflater->inflate(message_, options_.message_bytes_max, whole)) {
      case Inflater::Outcome::kDone:
        break;
      case Inflater::Outcome::kTooLong:
        return fail(kTooBig, "message too long");
      case Inflater::Outcome::kBad:
        return fail(kBadPayload, "compressed badly");
    }
    message_ = std::move(whole);
  }
  if (options_.text && !is_utf8(as_text(message_))) return fail(kBadPayload, "text is not UTF-8");
  return Event::kMessage;
}

Reader::Event Reader::finish_close() {
  close_code_ = kNoCode;
  if (control_.empty()) return Event::kClose;
  if (control_.size() == 1) return fail(kProtocolError, "close frame of one byte");
  const auto code = static_cast<std::uint16_t>(read_big_endian(control_.data(), 2));
  if (!may_be_sent(code)) return fail(kProtocolError, "close code that must not be sent");
  control_.erase(control_.begin(), control_.begin() + 2);
  if (!is_utf8(as_text(control_))) return fail(kBadPayload, "close reason is not UTF-8");
  close_code_ = code;
  return Event::kClose;
}

Reader::Event Reader::next(ByteView& input) {
  if (failed_) return Event::kError;
  for (;;) {
    if (!in_payload_) {
      if (!take_header(input)) return Event::kNeedMore;
      const Event checked = check_header();
      if (checked == Event::kError) return checked;
    }
    take_part(input);
    if (payload_left_ != 0) return Event::kNeedMore;
    const Event done = finish_frame();
    if (done != Event::kNeedMore) return done;
  }
}

}  // namespace coterie::node::bridge::websocket
