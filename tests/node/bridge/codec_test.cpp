// WebSocket frames without a socket: every rule of RFC 6455 that a server must keep, the limits,
// and compression.

#include "node/bridge/websocket_codec.hpp"

#include <gtest/gtest.h>

#include "crdt/base/random.hpp"
#include "node/bridge/websocket_deflate.hpp"

namespace coterie::node::bridge::websocket {
namespace {

using Event = Reader::Event;

constexpr std::size_t kMax = 100'000;

/// A client's frame: `first` is the first byte, of which the top bit says that it is the last of
/// its message.
Bytes frame(unsigned first, ByteView payload, bool masked = true) {
  const FrameHeader header = frame_header(Opcode::kBinary, payload.size());
  Bytes out(header.bytes.begin(), header.bytes.begin() + header.size);
  out[0] = static_cast<std::uint8_t>(first);
  if (!masked) {
    append(out, payload);
    return out;
  }
  out[1] |= 0x80;
  const std::array<std::uint8_t, 4> mask{0x37, 0xfa, 0x21, 0x3d};
  append(out, mask);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(static_cast<std::uint8_t>(payload[i] ^ mask[i % 4]));
  }
  return out;
}
Bytes frame(unsigned first, std::string_view payload, bool masked = true) {
  return frame(first, as_bytes(payload), masked);
}
Bytes operator+(Bytes a, const Bytes& b) {
  append(a, b);
  return a;
}

/// What a reader says to `input`, up to the first error; messages and others as text.
struct Heard {
  std::vector<std::string> messages;
  std::vector<std::string> pings;
  int close_code = 0;  ///< Of kClose, or of kError: negative.
  std::string reason;
};
Heard read(ByteView input, Reader::Options options = {}, std::size_t step = kMax * 2) {
  if (options.message_bytes_max == 0) options.message_bytes_max = kMax;
  Reader reader(options);
  Heard heard;
  while (!input.empty()) {
    ByteView part = input.first(std::min(step, input.size()));
    input = input.subspan(part.size());
    for (;;) {
      const Event event = reader.next(part);
      if (event == Event::kNeedMore) break;
      const Bytes payload = reader.take_payload();
      const std::string text(as_text(payload));
      if (event == Event::kMessage) heard.messages.push_back(text);
      if (event == Event::kPing) heard.pings.push_back(text);
      if (event == Event::kClose) heard.close_code = reader.close_code();
      if (event == Event::kClose) heard.reason = text;
      if (event == Event::kError) {
        heard.close_code = -reader.close_code();
        return heard;
      }
    }
    EXPECT_TRUE(part.empty());
  }
  return heard;
}
int error_of(const Bytes& input, Reader::Options options = {}) {
  return -read(input, options).close_code;
}

TEST(WebSocketCodec, ReadsMessagesHoweverTheyAreCut) {
  const std::string large(70'000, 'x');
  const std::string medium(300, 'y');
  const Bytes input = frame(0x82, "first") + frame(0x82, "") + frame(0x82, medium) +
                      frame(0x02, "be") + frame(0x89, "there?") + frame(0x00, "gi") +
                      frame(0x8a, "unasked") + frame(0x80, "n") + frame(0x82, large) +
                      frame(0x88, "\x03\xe9so long");
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{1000}, kMax * 2}) {
    const Heard heard = read(input, {}, step);
    EXPECT_EQ(heard.messages, (std::vector<std::string>{"first", "", medium, "begin", large}));
    EXPECT_EQ(heard.pings, std::vector<std::string>{"there?"});
    EXPECT_EQ(heard.close_code, 1001);
    EXPECT_EQ(heard.reason, "so long");
  }
}

TEST(WebSocketCodec, RefusesWhatTheStandardForbids) {
  EXPECT_EQ(error_of(frame(0x82, "x", false)), 1002) << "unmasked";
  EXPECT_EQ(error_of(Bytes{0x82, 0x7e}), 1002) << "unmasked, before the length is there";
  for (const unsigned reserved : {0xc2u, 0xa2u, 0x92u, 0xc9u}) {
    EXPECT_EQ(error_of(frame(reserved, "x")), 1002) << reserved;
  }
  for (const unsigned unknown : {0x83u, 0x87u, 0x8bu, 0x8fu}) {
    EXPECT_EQ(error_of(frame(unknown, "x")), 1002) << unknown;
  }
  EXPECT_EQ(error_of(frame(0x80, "x")), 1002) << "continues nothing";
  EXPECT_EQ(error_of(frame(0x02, "x") + frame(0x82, "y")), 1002) << "begins another";
  EXPECT_EQ(error_of(frame(0x09, "x")), 1002) << "control frame in fragments";
  EXPECT_EQ(read(frame(0x89, std::string(125, 'p'))).pings.size(), 1u);
  EXPECT_EQ(error_of(frame(0x89, std::string(126, 'p'))), 1002) << "long control frame";
  EXPECT_EQ(error_of({0x82, 0xfe, 0x00, 0x7d, 0, 0, 0, 0}), 1002) << "125 in two bytes";
  EXPECT_EQ(error_of({0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}), 1002)
      << "65535 in eight bytes";
  EXPECT_EQ(error_of({0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 1002) << "negative";
  EXPECT_EQ(error_of({0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}),
            1009);
}

TEST(WebSocketCodec, TakesOneKindOfMessage) {
  EXPECT_EQ(error_of(frame(0x81, "text")), 1003);
  EXPECT_EQ(error_of(frame(0x82, "binary"), {.text = true}), 1003);
  EXPECT_EQ(read(frame(0x81, "gr\xc3\xbc\xc3\x9f"), {.text = true}).messages.size(), 1u);
  // A character may be cut between fragments, but not at the end.
  EXPECT_EQ(read(frame(0x01, "\xc3") + frame(0x80, "\xbc"), {.text = true}).messages.size(), 1u);
  EXPECT_EQ(error_of(frame(0x81, "\xc3"), {.text = true}), 1007);
  EXPECT_EQ(error_of(frame(0x81, "\xed\xa0\x80"), {.text = true}), 1007) << "a surrogate";
}

TEST(WebSocketCodec, ChecksCloseFrames) {
  EXPECT_EQ(read(frame(0x88, "")).close_code, kNoCode);
  EXPECT_EQ(error_of(frame(0x88, "x")), 1002);
  EXPECT_EQ(error_of(frame(0x88, "\x03\xe8\xff")), 1007);
  for (const int good : {1000, 1001, 1003, 1007, 1014, 3000, 4404, 4999}) {
    const Bytes code{static_cast<std::uint8_t>(good >> 8), static_cast<std::uint8_t>(good)};
    EXPECT_EQ(read(frame(0x88, code)).close_code, good);
  }
  for (const int bad : {0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535}) {
    const Bytes code{static_cast<std::uint8_t>(bad >> 8), static_cast<std::uint8_t>(bad)};
    EXPECT_EQ(error_of(frame(0x88, code)), 1002) << bad;
  }
}

TEST(WebSocketCodec, MessagesHaveALimit) {
  EXPECT_EQ(read(frame(0x82, std::string(kMax, 'x'))).messages.size(), 1u);
  EXPECT_EQ(error_of(frame(0x82, std::string(kMax + 1, 'x'))), 1009);
  const Bytes begin = frame(0x02, std::string(kMax - 1, 'x'));
  EXPECT_EQ(read(begin + frame(0x80, "x")).messages.size(), 1u);
  EXPECT_EQ(error_of(begin + frame(0x80, "xx")), 1009);
}

TEST(WebSocketCodec, HoldsNoMoreThanHasCome) {
  Reader reader({.message_bytes_max = 1u << 30});
  const Bytes begin = frame(0x82, std::string(70'000, 'x'));
  ByteView part = ByteView(begin).first(1000);
  EXPECT_EQ(reader.next(part), Event::kNeedMore);
  EXPECT_LT(reader.unfinished_bytes(), 1000u);
  EXPECT_EQ(reader.frame_bytes_left(), 70'000u - reader.unfinished_bytes());
  EXPECT_LE(sizeof(Reader), 160u);
}

TEST(WebSocketCodec, SkipsMessagesUpToTheEnd) {
  Reader reader({.message_bytes_max = kMax});
  const Bytes input =
      frame(0x02, "a") + frame(0x80, "b") + frame(0x82, "c") + frame(0x88, "\x03\xe8");
  ByteView part = ByteView(input).first(7);
  EXPECT_EQ(reader.next(part), Event::kNeedMore);
  EXPECT_EQ(reader.unfinished_bytes(), 1u);
  reader.skip_messages();
  EXPECT_EQ(reader.unfinished_bytes(), 0u);
  part = ByteView(input).subspan(7);
  EXPECT_EQ(reader.next(part), Event::kClose);
  EXPECT_EQ(reader.close_code(), 1000);
}

TEST(WebSocketCodec, WritesFrames) {
  const auto header = [](std::size_t bytes, bool compressed = false) {
    const FrameHeader one = frame_header(Opcode::kBinary, bytes, compressed);
    return Bytes(one.bytes.begin(), one.bytes.begin() + one.size);
  };
  EXPECT_EQ(header(0), (Bytes{0x82, 0}));
  EXPECT_EQ(header(125, true), (Bytes{0xc2, 125}));
  EXPECT_EQ(header(126), (Bytes{0x82, 126, 0, 126}));
  EXPECT_EQ(header(65'535), (Bytes{0x82, 126, 0xff, 0xff}));
  EXPECT_EQ(header(65'536), (Bytes{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(control_frame(Opcode::kPong, as_bytes("hi")), (Bytes{0x8a, 2, 'h', 'i'}));
  EXPECT_EQ(close_frame(kNoCode, "unsaid"), (Bytes{0x88, 0}));
  EXPECT_EQ(close_frame(4404, "no"), (Bytes{0x88, 4, 0x11, 0x34, 'n', 'o'}));
  // 123 bytes fit; the last of these characters would be cut.
  std::string reason(122, 'x');
  reason += "\xc3\xbc";
  EXPECT_EQ(close_frame(1000, reason).size(), 2u + 2 + 122);
  EXPECT_EQ(close_frame(1000, std::string(200, 'x')).size(), 2u + 125);
}

TEST(WebSocketDeflate, AgreesOnWhatNeedsNoMemory) {
  const std::string agreed =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  for (const char* offer :
       {"permessage-deflate", "permessage-deflate; client_max_window_bits",
        "x-other;a=b , permessage-deflate;client_max_window_bits=10;server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
        "permessage-deflate; server_max_window_bits=\"15\""}) {
    EXPECT_EQ(agree_on_deflate(offer), agreed) << offer;
  }
  for (const char* offer :
       {"", ",,;", "permessage-deflate; server_max_window_bits=10", "permessage-deflate; unknown",
        "x-webkit-deflate-frame", "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; server_max_window_bits"}) {
    EXPECT_EQ(agree_on_deflate(offer), "") << offer;
  }
}

std::shared_ptr<const Bytes> shared(std::string_view text) {
  return std::make_shared<const Bytes>(text.begin(), text.end());
}

TEST(WebSocketDeflate, WhatIsCompressedIsReadAgain) {
  Deflater deflater;
  Inflater inflater;
  std::string text;
  for (int line = 0; line < 2'000; ++line) text += "line " + std::to_string(line * 7) + "\n";
  const auto message = shared(text);
  const auto deflated = deflater.deflate(message);
  ASSERT_NE(deflated, nullptr);
  EXPECT_LT(deflated->size(), text.size() / 2);
  EXPECT_EQ(deflater.deflate(message), deflated) << "once for all that get it";
  const Heard heard =
      read(frame(0xc2, *deflated) + frame(0x82, "plain") + frame(0x42, "") + frame(0x80, *deflated),
           {.inflater = &inflater}, 1000);
  EXPECT_EQ(heard.messages, (std::vector<std::string>{text, "plain", text}));
  EXPECT_EQ(error_of(frame(0x02, "x") + frame(0xc0, *deflated), {.inflater = &inflater}), 1002);
  EXPECT_EQ(error_of(frame(0xc2, *deflated)), 1002) << "not agreed on";
}

TEST(WebSocketDeflate, LeavesAloneWhatGainsNothing) {
  Deflater deflater;
  EXPECT_EQ(deflater.deflate(shared(std::string(kCompressBytesMin - 1, 'x'))), nullptr);
  EXPECT_NE(deflater.deflate(shared(std::string(kCompressBytesMin, 'x'))), nullptr);
  EXPECT_NE(deflater.deflate(shared(std::string(kCompressBytesMax, 'x'))), nullptr);
  EXPECT_EQ(deflater.deflate(shared(std::string(kCompressBytesMax + 1, 'x'))), nullptr);
  Random random(1);
  std::string noise;
  while (noise.size() < 5'000) noise += static_cast<char>(random.next());
  EXPECT_EQ(deflater.deflate(shared(noise)), nullptr);
}

TEST(WebSocketDeflate, BombsAndGarbageAreRefused) {
  Deflater deflater;
  Inflater inflater;
  const auto fits = deflater.deflate(shared(std::string(kMax, 'x')));
  const auto bomb = deflater.deflate(shared(std::string(kMax + 1, 'x')));
  EXPECT_LT(bomb->size(), 1'000u);
  EXPECT_EQ(read(frame(0xc2, *fits), {.inflater = &inflater}).messages.size(), 1u);
  EXPECT_EQ(error_of(frame(0xc2, *bomb), {.inflater = &inflater}), 1009);
  EXPECT_EQ(error_of(frame(0xc2, "\x07garbage"), {.inflater = &inflater}), 1007);
  const Bytes cut(fits->begin(), fits->begin() + static_cast<std::ptrdiff_t>(fits->size() / 2));
  EXPECT_EQ(error_of(frame(0xc2, cut), {.inflater = &inflater}), 1007);
  EXPECT_EQ(read(frame(0xc2, *fits), {.inflater = &inflater}).messages.size(), 1u);
  EXPECT_EQ(read(frame(0xc2, Bytes{0x00}), {.inflater = &inflater}).messages,
            std::vector<std::string>{""});
}

}  // namespace
}  // namespace coterie::node::bridge::websocket
