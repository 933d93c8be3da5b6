#include <gtest/gtest.h>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"

namespace coterie {
namespace {

TEST(Varuint, RoundTripsAtEveryLengthBoundary) {
  for (unsigned bits = 0; bits <= 53; ++bits) {
    for (const std::uint64_t value : {(std::uint64_t{1} << bits) - 1, std::uint64_t{1} << bits}) {
      if (value > kSafeIntegerMax) continue;
      Bytes out;
      append_varuint(out, value);
      ByteReader reader(out);
      const auto read = reader.read_varuint();
      ASSERT_TRUE(read);
      EXPECT_EQ(*read, value);
      EXPECT_TRUE(reader.at_end());
    }
  }
}

TEST(Varuint, RefusesWhatJavaScriptCannotHold) {
  Bytes out;
  append_varuint(out, kSafeIntegerMax + 1);
  EXPECT_FALSE(ByteReader(out).read_varuint());
  const Bytes endless(20, 0xff);
  EXPECT_FALSE(ByteReader(endless).read_varuint());
}

TEST(ByteReader, FailedReadLeavesThePosition) {
  const Bytes input = {5, 'a', 'b'};
  ByteReader reader(input);
  EXPECT_FALSE(reader.read_varbytes());
  EXPECT_EQ(reader.offset(), 0u);
}

TEST(Hex, RoundTripsAndRefuses) {
  const Bytes bytes = {0x00, 0x7f, 0xff};
  EXPECT_EQ(to_hex(bytes), "007fff");
  EXPECT_EQ(*from_hex("007FfF"), bytes);
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Utf8, AcceptsWellFormedAndRefusesTheRest) {
  EXPECT_TRUE(is_utf8("plain, \xc3\xa4, \xe2\x82\xac, \xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xc0\xaf")) << "overlong";
  EXPECT_FALSE(is_utf8("\xed\xa0\x80")) << "surrogate";
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80")) << "above U+10FFFF";
  EXPECT_FALSE(is_utf8("\xe2\x82")) << "truncated";
}

}  // namespace
}  // namespace coterie
