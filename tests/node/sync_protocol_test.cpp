// The y-websocket protocol as bytes, and the JSON check in front of everybody's JSON.parse.

#include "node/core/sync_protocol.hpp"

#include <gtest/gtest.h>

#include "node/core/json_check.hpp"
#include "node/core/limits.hpp"
#include "tests/support/choices.hpp"

namespace coterie::node {
namespace {

TEST(SyncProtocolTest, SeveralMessagesInOneFrame) {
  Bytes frame = *step1_message({});
  append(frame, *update_message(Bytes{0, 0}));
  append(frame, *awareness_message({{7, 1, "{}"}}));
  append(frame, Bytes{3});
  ByteReader in(frame);
  EXPECT_TRUE(std::holds_alternative<SyncStep1>(*read_client_message(in)));
  EXPECT_TRUE(equal(std::get<SyncUpdate>(*read_client_message(in)).update, Bytes{0, 0}));
  const auto awareness = read_client_message(in);
  const auto states = decode_awareness(std::get<AwarenessMessage>(*awareness).payload);
  ASSERT_TRUE(states);
  EXPECT_EQ(states->at(0), (AwarenessState{7, 1, "{}"}));
  EXPECT_TRUE(std::holds_alternative<AwarenessQuery>(*read_client_message(in)));
  EXPECT_TRUE(in.at_end());
}

TEST(SyncProtocolTest, BytesAreTheProtocols) {
  // y-protocols: messageSync 0, messageYjsSyncStep2 1, an empty update.
  EXPECT_EQ(*step2_message(Bytes{0, 0}), (Bytes{0, 1, 2, 0, 0}));
  EXPECT_EQ(*update_message(Bytes{0, 0}), (Bytes{0, 2, 2, 0, 0}));
  EXPECT_EQ(*step1_message({}), (Bytes{0, 0, 1, 0}));
  EXPECT_EQ(*awareness_message({{5, 300, ""}}),
            (Bytes{1, 9, 1, 5, 0xac, 2, 4, 'n', 'u', 'l', 'l'}));
  EXPECT_EQ(*saved_message(200), (Bytes{100, 0xc8, 1}));
}

TEST(SyncProtocolTest, AwarenessLimitsAtAndPast) {
  const auto state = [](std::size_t bytes) {
    return "{\"a\":\"" + std::string(bytes - 8, 'x') + "\"}";
  };
  EXPECT_TRUE(decode_awareness(encode_awareness({{1, 1, state(kAwarenessStateBytesMax)}})));
  const auto large =
      decode_awareness(encode_awareness({{1, 1, state(kAwarenessStateBytesMax + 1)}}));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kLimitExceeded);

  std::vector<AwarenessState> many(kAwarenessIdsPerMessageMax, AwarenessState{1, 1, ""});
  EXPECT_TRUE(decode_awareness(encode_awareness(many)));
  many.push_back({1, 1, ""});
  EXPECT_EQ(decode_awareness(encode_awareness(many)).error().code, ErrorCode::kLimitExceeded);
  EXPECT_FALSE(decode_awareness(encode_awareness({{1, 1, "[]"}})));
  Bytes trailing = encode_awareness({});
  trailing.push_back(0);
  EXPECT_FALSE(decode_awareness(trailing));
}

TEST(SyncProtocolTest, RandomBytesNeverCrash) {
  testing::for_each_seed(5000, [](std::uint64_t seed) {
    Random random(seed);
    Bytes bytes(random.below(60));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
    if (!bytes.empty()) bytes[0] = static_cast<std::uint8_t>(random.below(4));
    ByteReader in(bytes);
    while (!in.at_end() && read_client_message(in)) {
    }
    (void)decode_awareness(bytes);  // Whatever it is, it must not crash.
  });
}

TEST(JsonCheckTest, TakesWhatJsonParseTakes) {
  for (const char* good :
       {"{}", " { } ", "{\"a\":1}", "{\"a\":[1,-2.5e+3,0,true,false,null,\"x\"],\"b\":{}}",
        "{\"\":\"\\u00e4\\n\\\"\"}", "{\"a\":\"\xc3\xa4\"}", "{\"a\":1E5}", "{\"a\":-0}"}) {
    EXPECT_TRUE(is_json_object(good)) << good;
  }
  for (const char* bad : {"",
                          "null",
                          "[]",
                          "1",
                          "{",
                          "}",
                          "{\"a\"}",
                          "{a:1}",
                          "{\"a\":}",
                          "{\"a\":1,}",
                          "{\"a\":01}",
                          "{\"a\":1.}",
                          "{\"a\":.5}",
                          "{\"a\":+1}",
                          "{\"a\":\"\n\"}",
                          "{\"a\":\"\\x\"}",
                          "{\"a\":\"\\u12g4\"}",
                          "{\"a\":\"\\u12\"}",
                          "{\"a\":tru}",
                          "{}{}",
                          "{}x",
                          "{\"a\":\"\xff\"}",
                          "{\"a\":'b'}",
                          "{\"a\":NaN}",
                          "{\"a\":1e}",
                          "{\"a\":-}",
                          "{\"a\":\"\\"}) {
    EXPECT_FALSE(is_json_object(bad)) << bad;
  }
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  EXPECT_TRUE(is_json_object(nested(kJsonDepthMax - 1)));
  EXPECT_FALSE(is_json_object(nested(kJsonDepthMax)));
}

}  // namespace
}  // namespace coterie::node
