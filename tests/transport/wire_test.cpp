// Goal: what we encode we decode, what breaks the format or a limit is refused, what a later
// version may add is ignored, and the bytes stay what they were (golden vectors).

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/support/choices.hpp"
#include "tests/support/wire_samples.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::transport {
namespace {

using testing::for_each_seed;
using testing::make_message;
using testing::patterned_id;
using testing::SeededChoices;
using testing::wire_samples;

/// msgpack written by hand, so that the tests can break it.
struct Raw {
  Bytes bytes;

  Raw& array(std::size_t count) {
    bytes.push_back(0xdd);
    return u32(count);
  }
  Raw& map(std::size_t count) {
    bytes.push_back(0xdf);
    return u32(count);
  }
  Raw& uint(std::uint64_t value) {
    bytes.push_back(0xcf);
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return *this;
  }
  Raw& boolean(bool value) {
    bytes.push_back(value ? 0xc3 : 0xc2);
    return *this;
  }
  Raw& nil() {
    bytes.push_back(0xc0);
    return *this;
  }
  Raw& bin(std::size_t size, std::uint8_t fill = 1) {
    bytes.push_back(0xc6);
    u32(size);
    bytes.insert(bytes.end(), size, fill);
    return *this;
  }
  Raw& u32(std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return *this;
  }
};

Raw entries_frame(Seq first, std::uint64_t mode, Seq head, std::size_t count) {
  Raw raw;
  raw.array(9).uint(1).uint(6).bin(32).bin(32).uint(7).uint(first).uint(mode).uint(head);
  return raw.array(count);
}

ErrorCode error_of(ByteView frame) {
  const auto decoded = decode(frame);
  return decoded ? ErrorCode{} : decoded.error().code;
}

TEST(Wire, RoundTripsEveryKind) {
  for (const auto& [name, message] : wire_samples()) {
    const auto decoded = decode(encode(message));
    ASSERT_TRUE(decoded) << name << ": " << to_string(decoded.error());
    EXPECT_EQ(*decoded, message) << name;
  }
}

TEST(Wire, RoundTripsRandomMessages) {
  for_each_seed(500, [](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    SeededChoices choices(seed);
    const Message message = make_message(choices);
    const auto decoded = decode(encode(message));
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    ASSERT_EQ(*decoded, message);
  });
}

TEST(Wire, MatchesGoldenVectors) {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/wire/frames_v1.json");
  ASSERT_TRUE(in);
  const auto golden = nlohmann::json::parse(in);
  const auto samples = wire_samples();
  ASSERT_EQ(golden.at("frames").size(), samples.size());
  for (const auto& [name, message] : samples) {
    const auto expected = from_hex(golden.at("frames").at(name).get<std::string>());
    ASSERT_TRUE(expected) << name;
    EXPECT_EQ(to_hex(encode(message)), to_hex(*expected)) << name;
    const auto decoded = decode(*expected);
    ASSERT_TRUE(decoded) << name;
    EXPECT_EQ(*decoded, message) << name;
  }
}

TEST(Wire, EveryTruncationAndExtensionIsRefused) {
  for (const auto& [name, message] : wire_samples()) {
    Bytes frame = encode(message);
    for (std::size_t size = 0; size < frame.size(); ++size) {
      ASSERT_EQ(error_of(ByteView(frame).first(size)), ErrorCode::kMalformed) << name << size;
    }
    frame.push_back(0xc0);
    EXPECT_EQ(error_of(frame), ErrorCode::kMalformed) << name;
  }
}

TEST(Wire, MissingFieldsAreRefusedAndLaterOnesIgnored) {
  for (const auto& [name, message] : wire_samples()) {
    Bytes longer = encode(message);
    ASSERT_EQ(longer[0] & 0xf0, 0x90) << "fixarray";
    const std::uint8_t count = longer[0] & 0x0f;
    // A map and an extension: types that no known field has.
    Raw extra;
    extra.map(1).uint(1).nil();
    extra.bytes.insert(extra.bytes.end(), {0xd4, 0x01, 0x00});
    longer[0] = static_cast<std::uint8_t>(0x90 | (count + 2));
    append(longer, extra.bytes);
    const auto decoded = decode(longer);
    ASSERT_TRUE(decoded) << name;
    EXPECT_EQ(*decoded, message) << name;
  }
  Raw pull;  // Lacks bytes_max.
  pull.array(6).uint(1).uint(5).bin(32).bin(32).uint(7).uint(1);
  EXPECT_EQ(error_of(pull.bytes), ErrorCode::kMalformed);
}

TEST(Wire, LaterFieldsOfInnerArraysAreIgnored) {
  Raw raw;
  raw.array(7).uint(1).uint(4).bin(32, 9).boolean(true).array(1);
  raw.array(5).bin(32, 3).uint(8).uint(5).bin(32, 4).nil();
  raw.bin(0, 0).bin(0, 0);
  const auto decoded = decode(raw.bytes);
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  const auto& report = std::get<FrontierReport>(*decoded);
  ASSERT_EQ(report.heads.size(), 1u);
  EXPECT_EQ(report.heads.begin()->second.seq, 5u);
}

TEST(Wire, UnknownKindsAndVersionsAreToldApart) {
  Raw kind;
  kind.array(3).uint(1).uint(77).nil();
  EXPECT_EQ(*decode(kind.bytes), Message(Unknown{1, 77}));
  Raw version;
  version.array(3).uint(2).uint(1).nil();
  EXPECT_EQ(*decode(version.bytes), Message(Unknown{2, 1}));
}

TEST(Wire, WrongShapesAreRefused) {
  for (const Bytes& frame : {Bytes{}, Bytes{0xc0}, Bytes{0x01}, Bytes{0x90}, Bytes{0x91, 0x01},
                             Bytes{0x92, 0x01, 0xff}, Bytes{0xc1}, Bytes{0x81, 0x01, 0x01}}) {
    EXPECT_EQ(error_of(frame), ErrorCode::kMalformed) << to_hex(frame);
  }
  EXPECT_EQ(error_of(Raw().array(4).uint(1).uint(7).bin(31).bin(32).bytes), ErrorCode::kMalformed);
}

TEST(Wire, OrderIsPartOfTheFormat) {
  Raw twice;
  twice.array(5).uint(1).uint(4).bin(32).boolean(false).array(2);
  for (int i = 0; i < 2; ++i) twice.array(4).bin(32, 3).uint(8).uint(5).bin(32, 4);
  EXPECT_EQ(error_of(twice.bytes), ErrorCode::kMalformed);

  Hello hello;
  hello.workspaces = {{patterned_id<WorkspaceId>(2), {}}, {patterned_id<WorkspaceId>(1), {}}};
  EXPECT_EQ(error_of(encode(hello)), ErrorCode::kMalformed);
  Neighbours neighbours{{}, {patterned_id<DeviceId>(2), patterned_id<DeviceId>(2)}, {}};
  EXPECT_EQ(error_of(encode(neighbours)), ErrorCode::kMalformed);
}

// Limits: at each one, and one past it.

TEST(WireLimits, Frame) {
  Raw padded;
  padded.array(3).uint(1).uint(99);
  padded.bin(kFrameBytesMax - padded.bytes.size() - 5);
  ASSERT_EQ(padded.bytes.size(), kFrameBytesMax);
  EXPECT_TRUE(decode(padded.bytes));
  EXPECT_EQ(error_of(Bytes(kFrameBytesMax + 1, 0xc0)), ErrorCode::kLimitExceeded);
}

TEST(WireLimits, Entry) {
  Entries m{{}, {}, 1, EntriesMode::kPushed, 1, {Bytes(kEntryBytesMax, 1)}};
  m.log.incarnation = UINT64_MAX;
  m.first = m.head = kSeqMax;
  EXPECT_TRUE(decode(encode(m)));
  EXPECT_EQ(error_of(entries_frame(1, 0, 1, 1).bin(kEntryBytesMax + 1).bytes),
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(error_of(entries_frame(1, 0, 1, 1).bin(0).bytes), ErrorCode::kMalformed);
}

TEST(WireLimits, EntriesPerFrame) {
  Raw full = entries_frame(1, 0, kEntriesPerFrameMax, kEntriesPerFrameMax);
  for (std::size_t i = 0; i < kEntriesPerFrameMax; ++i) full.bin(1);
  EXPECT_TRUE(decode(full.bytes));
  Raw over = entries_frame(1, 0, kEntriesPerFrameMax + 1, kEntriesPerFrameMax + 1);
  for (std::size_t i = 0; i <= kEntriesPerFrameMax; ++i) over.bin(1);
  EXPECT_EQ(error_of(over.bytes), ErrorCode::kLimitExceeded);
}

TEST(WireLimits, SequenceNumbers) {
  EXPECT_TRUE(decode(entries_frame(kSeqMax, 0, kSeqMax, 1).bin(1).bytes));
  EXPECT_FALSE(decode(entries_frame(kSeqMax + 1, 0, kSeqMax, 1).bin(1).bytes));
  EXPECT_FALSE(decode(entries_frame(kSeqMax, 0, kSeqMax, 2).bin(1).bin(1).bytes)) << "runs past it";
  EXPECT_FALSE(decode(entries_frame(0, 0, 5, 1).bin(1).bytes)) << "0 means none";
  EXPECT_FALSE(decode(entries_frame(5, 0, 4, 1).bin(1).bytes)) << "head below the entries";
  EXPECT_FALSE(decode(entries_frame(5, 3, 5, 1).bin(1).bytes)) << "unknown mode";
  EXPECT_FALSE(decode(entries_frame(5, 1, 5, 0).bytes)) << "only the end may be empty";
  EXPECT_TRUE(decode(entries_frame(5, 2, 4, 0).bytes));
}

TEST(WireLimits, PullCredit) {
  Pull m{{}, {}, 1, kPullBytesMax};
  EXPECT_TRUE(decode(encode(m)));
  m.bytes_max = kPullBytesMax + 1;
  EXPECT_FALSE(decode(encode(m)));
  m.bytes_max = 0;
  EXPECT_FALSE(decode(encode(m)));
}

TEST(WireLimits, LogsPerFrontier) {
  FrontierReport m;
  for (std::uint64_t i = 0; i < kLogsPerWorkspaceMax; ++i) {
    m.heads[{patterned_id<DeviceId>(255), UINT64_MAX - i}] = {kSeqMax, {}};
  }
  EXPECT_TRUE(decode(encode(m)));
  m.heads[{patterned_id<DeviceId>(255), 1}] = {1, {}};
  EXPECT_EQ(error_of(encode(m)), ErrorCode::kLimitExceeded);
}

TEST(WireLimits, Workspaces) {
  Heartbeat m{UINT64_MAX, UINT64_MAX, UINT64_MAX, {}};
  for (std::uint64_t i = 0; i < kSharedWorkspacesMax; ++i) {
    m.workspaces.push_back({patterned_id<WorkspaceId>(i), {}});
  }
  EXPECT_TRUE(decode(encode(m)));
  m.workspaces.push_back({patterned_id<WorkspaceId>(kSharedWorkspacesMax), {}});
  EXPECT_EQ(error_of(encode(m)), ErrorCode::kLimitExceeded);
}

TEST(WireLimits, Neighbours) {
  Neighbours m;
  for (std::uint64_t k = 0; k < kNeighboursMax; ++k) {
    m.added.push_back(patterned_id<DeviceId>(k));
    m.removed.push_back(patterned_id<DeviceId>(k));
  }
  EXPECT_TRUE(decode(encode(m)));
  m.removed.push_back(patterned_id<DeviceId>(kNeighboursMax));
  EXPECT_EQ(error_of(encode(m)), ErrorCode::kLimitExceeded);
  m.removed.clear();
  m.added.push_back(patterned_id<DeviceId>(kNeighboursMax));
  EXPECT_EQ(error_of(encode(m)), ErrorCode::kLimitExceeded);
}

TEST(WireLimits, PartsOfASummaryAndTheirBounds) {
  Summary m;
  for (std::size_t i = 0; i < kSummaryPartsMax; ++i) {
    m.parts.push_back({{Bytes(kRangeBoundBytesMax, 1), Bytes(kRangeBoundBytesMax, 2)}, {}});
  }
  EXPECT_TRUE(decode(encode(m)));
  m.parts.push_back(m.parts.back());
  EXPECT_EQ(error_of(encode(m)), ErrorCode::kLimitExceeded);
  m.parts.resize(1);
  m.parts[0].range.upper.push_back(2);
  EXPECT_EQ(error_of(encode(m)), ErrorCode::kLimitExceeded);
  m.parts[0].range.upper = m.parts[0].range.lower;
  EXPECT_EQ(error_of(encode(m)), ErrorCode::kMalformed) << "an empty range";
  m.parts.clear();
  EXPECT_EQ(error_of(encode(m)), ErrorCode::kMalformed) << "no range";
}

TEST(WireLimits, HeadsOutsideTheirRangeAreRefused) {
  FrontierReport m{{}, false, {}, {{2}, {3}}};
  m.heads[{patterned_id<DeviceId>(0x0200'0000'0000'0000), 0}] = {1, {}};
  EXPECT_TRUE(decode(encode(m)));
  auto above = m;
  above.heads[{patterned_id<DeviceId>(0x0300'0000'0000'0000), 0}] = {1, {}};
  EXPECT_EQ(error_of(encode(above)), ErrorCode::kMalformed);
  auto below = m;
  below.heads[{patterned_id<DeviceId>(1), 0}] = {1, {}};
  EXPECT_EQ(error_of(encode(below)), ErrorCode::kMalformed);
}

// Ranges.

TEST(LogRanges, PartsCoverTheWholeAndShareNothing) {
  for_each_seed(200, [](std::uint64_t seed) {
    SeededChoices choices(seed);
    Frontier frontier;
    const std::size_t logs = 1 + choices.below(300);
    while (frontier.size() < logs) {
      LogId log{patterned_id<DeviceId>(choices.below(1 + choices.below(1000))),
                choices.chance(30) ? UINT64_MAX - choices.below(9) : choices.below(9)};
      frontier[log] = {1 + choices.below(99), patterned_id<Hash>(choices.below(99))};
    }
    const std::size_t count = 1 + choices.below(std::min<std::size_t>(logs, 20));
    const auto parts = split_range(frontier, {}, count);
    ASSERT_EQ(parts.size(), count);
    std::size_t seen = 0;
    for (const LogRange& part : parts) {
      const auto [first, last] = logs_in(frontier, part);
      const auto held = static_cast<std::size_t>(std::distance(first, last));
      EXPECT_GE(held, logs / count);
      EXPECT_LE(held, logs / count + 1);
      EXPECT_LE(part.lower.size(), kRangeBoundBytesMax);
      seen += held;
      for (const auto& [log, head] : frontier) {
        const bool inside =
            std::any_of(first, last, [id = log](const auto& item) { return item.first == id; });
        EXPECT_EQ(in_range(log, part), inside);
      }
    }
    EXPECT_EQ(seen, logs);
    EXPECT_TRUE(parts.front().lower.empty());
    EXPECT_TRUE(parts.back().upper.empty());
  });
}

TEST(LogRanges, FingerprintsTellWhatIsInTheRangeAndNothingElse) {
  Frontier frontier;
  for (std::uint64_t i = 0; i < 20; ++i) frontier[{patterned_id<DeviceId>(i << 56), i}] = {1, {}};
  const LogRange range{{5}, {9}};
  const Fingerprint before = fingerprint_of(frontier, range);
  frontier[{patterned_id<DeviceId>(std::uint64_t{9} << 56), 9}].seq = 2;
  EXPECT_EQ(fingerprint_of(frontier, range), before);
  frontier[{patterned_id<DeviceId>(std::uint64_t{8} << 56), 8}].seq = 2;
  EXPECT_NE(fingerprint_of(frontier, range), before);
}

TEST(WireLimits, AwarenessAndApplication) {
  EXPECT_TRUE(decode(encode(Awareness{{}, {}, 1, 1, Bytes(kAwarenessBytesMax, 1)})));
  EXPECT_EQ(error_of(encode(Awareness{{}, {}, 1, 1, Bytes(kAwarenessBytesMax + 1, 1)})),
            ErrorCode::kLimitExceeded);
  EXPECT_TRUE(decode(encode(Application{Bytes(kApplicationBytesMax, 1)})));
  EXPECT_EQ(error_of(encode(Application{Bytes(kApplicationBytesMax + 1, 1)})),
            ErrorCode::kLimitExceeded);
}

TEST(WireLimits, NestingAndValues) {
  const auto nested = [](std::size_t depth) {
    Bytes frame = {0x93, 0x01, 0x63};
    for (std::size_t i = 1; i < depth; ++i) frame.push_back(0x91);
    frame.push_back(0xc0);
    return frame;
  };
  EXPECT_TRUE(decode(nested(kNestingMax)));
  EXPECT_EQ(error_of(nested(kNestingMax + 1)), ErrorCode::kLimitExceeded);
  EXPECT_EQ(error_of(nested(100'000)), ErrorCode::kLimitExceeded);

  const auto wide = [](std::size_t values) {  // All but the frame itself and its three items.
    Raw raw;
    raw.array(3).uint(1).uint(99).array(values - 4);
    raw.bytes.insert(raw.bytes.end(), values - 4, 0xc0);
    return raw.bytes;
  };
  EXPECT_TRUE(decode(wide(kValuesPerFrameMax)));
  EXPECT_EQ(error_of(wide(kValuesPerFrameMax + 1)), ErrorCode::kLimitExceeded);
  // The claim alone is enough: nothing is reserved for items that never come.
  EXPECT_EQ(error_of(Raw().array(0xffffffff).bytes), ErrorCode::kLimitExceeded);
  EXPECT_EQ(error_of(Raw().map(0xffffffff).bytes), ErrorCode::kLimitExceeded);
}

TEST(FrontierDigest, ChangesWithEveryPart) {
  const LogId log{patterned_id<DeviceId>(1), 2};
  const Frontier base = {{log, {3, patterned_id<Hash>(4)}}};
  const Hash digest = frontier_digest(base);
  EXPECT_EQ(frontier_digest(Frontier(base)), digest);
  EXPECT_NE(frontier_digest({}), digest);
  EXPECT_NE(frontier_digest({{log, {4, patterned_id<Hash>(4)}}}), digest);
  EXPECT_NE(frontier_digest({{log, {3, patterned_id<Hash>(5)}}}), digest) << "a fork";
  EXPECT_NE(frontier_digest({{{log.device, 3}, {3, patterned_id<Hash>(4)}}}), digest);
}

}  // namespace
}  // namespace coterie::transport
