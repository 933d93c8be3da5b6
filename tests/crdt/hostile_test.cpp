// Updates that no Yjs writes, made by hand: each is refused with a typed error and changes nothing,
// or is taken as Yjs would take it, in bounded memory and time. Times are not asserted; what was
// quadratic would run into the time limit of the test.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {
namespace {

constexpr std::uint8_t kHasOrigin = 0x80;
constexpr std::uint8_t kHasRightOrigin = 0x40;
constexpr std::uint8_t kHasKey = 0x20;
enum Kind : std::uint8_t {
  kGc = 0,
  kDeleted = 1,
  kJson = 2,
  kString = 4,
  kFormat = 6,
  kType = 7,
  kAny = 8,
  kSkip = 10
};

/// An update as bytes, written by hand.
struct Forged {
  Bytes bytes;

  Forged& u8(unsigned value) {
    bytes.push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  Forged& n(std::uint64_t value) {
    for (; value > 0x7f; value >>= 7) u8(0x80 | (value & 0x7f));
    return u8(static_cast<unsigned>(value));
  }
  Forged& text(std::string_view text) {
    n(text.size());
    append(bytes, as_bytes(text));
    return *this;
  }
  Forged& id(std::uint64_t client, std::uint64_t clock) { return n(client).n(clock); }
  Forged& sections(std::uint64_t count) { return n(count); }
  Forged& section(std::uint64_t structs, std::uint64_t client, std::uint64_t clock) {
    return n(structs).n(client).n(clock);
  }
  /// A string at the start of a root.
  Forged& root_string(std::string_view root, std::string_view content) {
    return u8(kString).n(1).text(root).text(content);
  }
  Forged& string_after(std::uint64_t client, std::uint64_t clock, std::string_view content) {
    return u8(kString | kHasOrigin).id(client, clock).text(content);
  }
  Forged& no_deletes() { return n(0); }
};

Doc with_content() {
  Doc doc({.client_id = 1});
  EXPECT_TRUE(doc.text("t").insert(0, "hello").has_value());
  EXPECT_TRUE(doc.map("m").set("k", 1).has_value());
  EXPECT_TRUE(doc.array("a").insert(0, Any::Array{Any(1), Any(2)}).has_value());
  return doc;
}

/// Refused by every decoder, and no document changes.
void expect_refused(const Forged& forged, ErrorCode code, std::string_view why) {
  SCOPED_TRACE(std::string(why));
  Doc doc = with_content();
  const Bytes before = doc.encode_state_as_update();
  const auto applied = doc.apply_update(forged.bytes);
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().code, code) << to_string(applied.error());
  EXPECT_EQ(doc.encode_state_as_update(), before);
  EXPECT_FALSE(doc.has_pending());
  EXPECT_FALSE(validate_update(forged.bytes).has_value());
  const Bytes both[] = {forged.bytes, before};
  EXPECT_FALSE(merge_updates(std::span<const Bytes>(both)).has_value());
  EXPECT_FALSE(diff_update(forged.bytes, StateVector()).has_value());
  EXPECT_FALSE(state_vector_from_update(forged.bytes).has_value());
}

/// Taken; and what the document then holds loads elsewhere to the same.
Doc expect_taken(const Forged& forged, std::string_view why) {
  SCOPED_TRACE(std::string(why));
  Doc doc = with_content();
  const auto applied = doc.apply_update(forged.bytes);
  EXPECT_TRUE(applied.has_value()) << to_string(applied.error());
  Doc copy({.client_id = 2});
  EXPECT_TRUE(copy.apply_update(doc.encode_state_as_update()).has_value());
  EXPECT_EQ(copy.state_vector(), doc.state_vector());
  EXPECT_EQ(copy.encode_state_as_update(), doc.encode_state_as_update());
  (void)copy.text("t");
  (void)copy.map("m");
  (void)copy.array("a");
  for (const std::string& name : doc.root_names()) {
    EXPECT_EQ(doc.root(name)->to_json(), copy.root(name)->to_json());
  }
  return doc;
}

TEST(Hostile, LengthsAndCountsThatAreNotThere) {
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 52;
  expect_refused(Forged().sections(kHuge), ErrorCode::kLimitExceeded, "sections");
  expect_refused(Forged().sections(1).section(kHuge, 7, 0), ErrorCode::kMalformed, "structs");
  expect_refused(Forged().sections(1).section(1, 7, 0).u8(kString).n(1).text("t").n(kHuge),
                 ErrorCode::kMalformed, "string");
  expect_refused(Forged().sections(1).section(1, 7, 0).u8(kString).n(1).n(kHuge),
                 ErrorCode::kMalformed, "root name");
  expect_refused(
      Forged().sections(1).section(1, 7, 0).u8(kAny).n(1).text("a").n(kClockMax).no_deletes(),
      ErrorCode::kMalformed, "values");
  expect_refused(
      Forged().sections(1).section(1, 7, 0).u8(kJson).n(1).text("a").n(kHuge).no_deletes(),
      ErrorCode::kLimitExceeded, "JSON values");
  expect_refused(
      Forged().sections(1).section(1, 7, 0).u8(kAny).n(1).text("a").n(1).u8(117).n(kHuge),
      ErrorCode::kMalformed, "elements of a value");
  expect_refused(
      Forged().sections(1).section(1, 7, 0).u8(kAny).n(1).text("a").n(1).u8(118).n(kHuge),
      ErrorCode::kMalformed, "members of a value");
  expect_refused(Forged().sections(0).n(kHuge), ErrorCode::kLimitExceeded, "clients of deletes");
  expect_refused(Forged().sections(0).n(1).n(1).n(kHuge), ErrorCode::kMalformed, "deletes");
}

TEST(Hostile, ClocksPastTheLimits) {
  constexpr std::uint64_t k53 = std::uint64_t{1} << 53;
  const auto gc = [](std::uint64_t client, std::uint64_t clock, std::uint64_t length) {
    return Forged().sections(1).section(1, client, clock).u8(kGc).n(length).no_deletes();
  };
  expect_refused(gc(7, k53 - 1, 1), ErrorCode::kLimitExceeded, "clock of 2^53-1");
  expect_refused(gc(7, k53, 1), ErrorCode::kMalformed, "clock of 2^53");
  expect_refused(gc(k53, 0, 1), ErrorCode::kMalformed, "client of 2^53");
  expect_refused(gc(7, 0, k53 - 1), ErrorCode::kLimitExceeded, "length of 2^53-1");
  expect_refused(gc(7, kClockMax, 1), ErrorCode::kLimitExceeded, "one past the last clock");
  expect_refused(gc(7, 0, kClockMax + 1), ErrorCode::kLimitExceeded, "longer than all clocks");
  expect_refused(gc(7, 2, kClockMax - 1), ErrorCode::kLimitExceeded, "ends past the last clock");
  expect_refused(Forged().sections(1).section(1, 7, 0).string_after(8, k53 - 1, "x").no_deletes(),
                 ErrorCode::kLimitExceeded, "origin");
  expect_refused(Forged().sections(0).n(1).n(7).n(1).n(kClockMax).n(1), ErrorCode::kLimitExceeded,
                 "delete past the last clock");
  expect_refused(Forged().sections(0).n(1).n(7).n(1).n(k53 - 1).n(1), ErrorCode::kLimitExceeded,
                 "delete at 2^53-1");
  expect_refused(
      Forged().sections(2).section(1, 7, 0).u8(kGc).n(1).section(1, 7, 0).u8(kGc).n(1).no_deletes(),
      ErrorCode::kMalformed, "a client twice");

  Doc full = expect_taken(gc(7, 0, kClockMax), "all clocks");
  EXPECT_EQ(full.state_vector().clock_of(7), kClockMax);
  EXPECT_FALSE(full.has_pending());
  EXPECT_TRUE(full.apply_update(gc(k53 - 1, 0, 1).bytes).has_value());
  Doc waiting = with_content();
  const auto applied = waiting.apply_update(gc(7, kClockMax - 1, 1).bytes);
  ASSERT_TRUE(applied.has_value());
  EXPECT_TRUE(applied->pending);
  EXPECT_FALSE(applied->changed);
  Doc delete_all = with_content();
  EXPECT_TRUE(delete_all.apply_update(Forged().sections(0).n(1).n(1).n(1).n(0).n(kClockMax).bytes)
                  .has_value());
  EXPECT_EQ(delete_all.text("t").size(), 0u);
  EXPECT_TRUE(delete_all.has_pending());
  // What waits is for clocks that no edit of ours can be at, unless we make billions.
  EXPECT_TRUE(delete_all.text("t").insert(0, "gone").has_value());
}

TEST(Hostile, ALocalEditWhereTheClocksEnd) {
  Doc doc = with_content();
  ASSERT_TRUE(
      doc.apply_update(
             Forged().sections(1).section(1, 7, 0).u8(kGc).n(kClockMax - 1).no_deletes().bytes)
          .has_value());
  doc.set_client_id(7);
  const Bytes before = doc.encode_state_as_update();
  const auto refused = [](const Status& status) {
    return !status && status.error().code == ErrorCode::kLimitExceeded;
  };
  EXPECT_TRUE(refused(doc.text("t").insert(0, "c")));
  EXPECT_TRUE(refused(doc.text("t").insert(5, "c")));
  EXPECT_TRUE(refused(doc.text("t").insert_embed(0, 1)));
  EXPECT_TRUE(refused(doc.text("t").format(0, 1, {{"bold", true}})));
  EXPECT_TRUE(refused(doc.map("m").set("k", 2)));
  EXPECT_FALSE(doc.map("m").set_text("k").has_value());
  EXPECT_TRUE(refused(doc.array("a").push(3)));
  EXPECT_FALSE(doc.array("a").insert_map(0).has_value());
  EXPECT_EQ(doc.encode_state_as_update(), before);
  EXPECT_TRUE(doc.text("t").remove(0, 5).has_value());
  doc.set_client_id(8);
  EXPECT_TRUE(doc.text("t").insert(0, "c").has_value());
}

TEST(Hostile, StructsThatReferToThemselves) {
  expect_refused(Forged().sections(1).section(1, 7, 0).string_after(7, 0, "x").no_deletes(),
                 ErrorCode::kMalformed, "origin");
  expect_refused(Forged()
                     .sections(1)
                     .section(1, 7, 0)
                     .u8(kString | kHasRightOrigin)
                     .id(7, 0)
                     .text("x")
                     .no_deletes(),
                 ErrorCode::kMalformed, "right origin");
  expect_refused(Forged().sections(1).section(1, 7, 0).u8(kType).n(0).id(7, 0).n(0).no_deletes(),
                 ErrorCode::kMalformed, "parent");
  expect_refused(Forged().sections(1).section(1, 7, 0).string_after(7, 9, "x").no_deletes(),
                 ErrorCode::kMalformed, "origin later on");
  expect_refused(Forged().sections(1).section(1, 7, 0).string_after(7, 1, "abc").no_deletes(),
                 ErrorCode::kMalformed, "origin inside itself");
}

TEST(Hostile, CyclesOverTwoClientsWaitForever) {
  const auto two = [](const std::function<void(Forged&, std::uint64_t)>& refer) {
    Forged forged;
    forged.sections(2).section(1, 8, 0);
    refer(forged, 7);
    forged.section(1, 7, 0);
    refer(forged, 8);
    return forged.no_deletes();
  };
  const Forged cycles[] = {
      two([](Forged& out, std::uint64_t other) { out.string_after(other, 0, "x"); }),
      two([](Forged& out, std::uint64_t other) {
        out.u8(kString | kHasRightOrigin).id(other, 0).text("x");
      }),
      two([](Forged& out, std::uint64_t other) { out.u8(kType).n(0).id(other, 0).n(1); }),
  };
  for (const Forged& cycle : cycles) {
    Doc doc = with_content();
    const StateVector before = doc.state_vector();
    for (int i = 0; i < 3; ++i) {
      const auto applied = doc.apply_update(cycle.bytes);
      ASSERT_TRUE(applied.has_value());
      EXPECT_FALSE(applied->changed);
      EXPECT_TRUE(applied->pending);
    }
    EXPECT_EQ(doc.state_vector(), before);
    EXPECT_TRUE(doc.text("t").insert(0, "goes on").has_value());
  }
}

TEST(Hostile, OriginsThatDoNotBelongTogether) {
  // "hello" is (1, 0..4) in t, 1 is (1, 5) in m, the values are (1, 6..7) in a.
  const auto between = [](std::uint64_t left, std::uint64_t right) {
    return Forged()
        .sections(1)
        .section(1, 7, 0)
        .u8(kString | kHasOrigin | kHasRightOrigin)
        .id(1, left)
        .id(1, right)
        .text("X")
        .no_deletes();
  };
  for (std::uint64_t left = 0; left < 8; ++left) {
    for (std::uint64_t right = 0; right < 8; ++right) {
      expect_taken(between(left, right),
                   "between " + std::to_string(left) + " and " + std::to_string(right));
    }
  }
  // A key beside an origin is not on the wire; the key of the left neighbour counts.
  expect_taken(Forged()
                   .sections(1)
                   .section(1, 7, 0)
                   .u8(kString | kHasOrigin | kHasKey)
                   .id(1, 5)
                   .text("X")
                   .no_deletes(),
               "a key and an origin");
  // In a text, at a key; in a map, in a list.
  expect_taken(Forged()
                   .sections(1)
                   .section(1, 7, 0)
                   .u8(kString | kHasKey)
                   .n(1)
                   .text("t")
                   .text("key")
                   .text("X")
                   .no_deletes(),
               "a key in a text");
  expect_taken(Forged().sections(1).section(1, 7, 0).root_string("m", "X").no_deletes(),
               "an element in a map");
}

/// An item between a right origin and a left one that lies behind it. In Yjs its place depends on
/// how the text there happens to be cut, so that replicas part for good.
TEST(Hostile, OriginsTheWrongWayRoundEndAlike) {
  Doc author({.client_id = 7});
  ASSERT_TRUE(author.text("t").insert(0, "abcd").has_value());
  const Bytes text = author.encode_state_as_update();
  const Forged crossed = Forged()
                             .sections(1)
                             .section(1, 8, 0)
                             .u8(kString | kHasOrigin | kHasRightOrigin)
                             .id(7, 3)
                             .id(7, 1)
                             .text("X")
                             .no_deletes();
  Forged removal;
  removal.sections(0).n(1).n(7).n(1).n(1).n(1);  // The "b".
  std::optional<Bytes> state;
  std::vector<const Bytes*> order{&text, &crossed.bytes, &removal.bytes};
  std::sort(order.begin(), order.end());
  do {
    Doc doc({.client_id = 1});
    for (const Bytes* update : order) ASSERT_TRUE(doc.apply_update(*update).has_value());
    EXPECT_EQ(doc.root_text("t"), "acdX");
    const Bytes all = doc.encode_state_as_update();
    if (!state) state = all;
    EXPECT_EQ(all, *state);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Hostile, ParentsThatAreNoTypes) {
  for (std::uint64_t clock = 0; clock < 8; ++clock) {
    Doc doc = expect_taken(
        Forged().sections(1).section(1, 7, 0).u8(kString).n(0).id(1, clock).text("X").no_deletes(),
        "parent");
    EXPECT_EQ(doc.text("t").to_string(), "hello");
    EXPECT_EQ(doc.state_vector().clock_of(7), 1u);  // Its ids are kept, as of what was collected.
  }
}

TEST(Hostile, AnIdWithOtherContent) {
  Doc doc = with_content();
  const Bytes before = doc.encode_state_as_update();
  const Forged forged =
      Forged().sections(1).section(1, 1, 0).root_string("t", "other").no_deletes();
  const auto applied = doc.apply_update(forged.bytes);
  ASSERT_TRUE(applied.has_value());
  EXPECT_FALSE(applied->changed);
  EXPECT_EQ(doc.encode_state_as_update(), before);
  // The rest of one that began elsewhere goes on where the first part is.
  const Forged longer =
      Forged().sections(1).section(1, 1, 0).root_string("a", "longer than that").no_deletes();
  EXPECT_TRUE(doc.apply_update(longer.bytes).has_value());
  Doc copy({.client_id = 2});
  EXPECT_TRUE(copy.apply_update(doc.encode_state_as_update()).has_value());
  EXPECT_EQ(copy.encode_state_as_update(), doc.encode_state_as_update());
}

TEST(Hostile, TypesNestedDeep) {
  constexpr std::uint64_t kDepth = 200'000;
  Forged forged;
  forged.sections(1).section(kDepth, 7, 0);
  forged.u8(kType | kHasKey).n(1).text("m").text("k").n(0);
  for (std::uint64_t i = 1; i < kDepth; ++i) forged.u8(kType).n(0).id(7, i - 1).n(0);
  forged.no_deletes();
  Doc doc = with_content();
  ASSERT_TRUE(doc.apply_update(forged.bytes).has_value());
  EXPECT_FALSE(doc.map("m").to_json().to_json().empty());
  EXPECT_EQ(doc.state_vector().clock_of(7), kDepth);
  Doc copy({.client_id = 2});
  ASSERT_TRUE(copy.apply_update(doc.encode_state_as_update()).has_value());
  // Deleting and collecting it recurses nowhere.
  ASSERT_TRUE(doc.map("m").remove("k").has_value());
  EXPECT_LT(doc.encode_state_as_update().size(), 200u);
  ASSERT_TRUE(copy.apply_update(doc.encode_state_as_update()).has_value());
  EXPECT_EQ(copy.encode_state_as_update(), doc.encode_state_as_update());
}

TEST(Hostile, ValuesNestedDeep) {
  Forged value;
  value.sections(1).section(1, 7, 0).u8(kAny).n(1).text("a").n(1);
  for (int i = 0; i < 1'000'000; ++i) value.u8(117).n(1);
  value.u8(126).no_deletes();
  expect_refused(value, ErrorCode::kLimitExceeded, "value");
  Forged json;
  json.sections(1).section(1, 7, 0).u8(kFormat).n(1).text("t").text("bold");
  json.text(std::string(1'000'000, '[') + std::string(1'000'000, ']')).no_deletes();
  expect_refused(json, ErrorCode::kLimitExceeded, "JSON");
}

TEST(Hostile, MillionsOfTinySections) {
  const auto sections = [](std::uint64_t count) {
    Forged forged;
    forged.sections(count);
    for (std::uint64_t i = count; i > 0; --i) forged.section(1, i * 3, 0).root_string("t", "x");
    return forged.no_deletes();
  };
  expect_refused(sections(kClientsMax + 1), ErrorCode::kLimitExceeded, "too many");
  Doc doc({.client_id = 1});
  ASSERT_TRUE(doc.apply_update(sections(kClientsMax).bytes).has_value());
  EXPECT_EQ(doc.text("t").size(), kClientsMax);
  // One more client than a document may have, in an update of its own.
  const Bytes before = doc.encode_state_as_update();
  const auto more = doc.apply_update(
      Forged().sections(1).section(1, 1, 0).root_string("t", "y").no_deletes().bytes);
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(doc.encode_state_as_update(), before);
}

TEST(Hostile, SectionsOfNothing) {
  Forged forged;
  forged.sections(1'000'000);
  for (int i = 0; i < 1'000'000; ++i) forged.section(0, 7, 0);
  forged.no_deletes();
  Doc doc = with_content();
  const auto applied = doc.apply_update(forged.bytes);
  EXPECT_TRUE(!applied || !applied->changed);
  Forged skips;
  skips.sections(1).section(500'000, 7, 0);
  for (int i = 0; i < 500'000; ++i) skips.u8(kSkip).n(1);
  skips.no_deletes();
  const auto skipped = doc.apply_update(skips.bytes);
  ASSERT_TRUE(skipped.has_value());
  EXPECT_FALSE(skipped->changed);
}

/// A text of many items that squashing leaves apart, and an update that deletes all of it again and
/// again.
TEST(Hostile, DeletesThatOverlap) {
  constexpr std::uint64_t kItems = 100'000;
  constexpr std::uint64_t kRanges = 100'000;
  Forged items;
  items.sections(1).section(kItems, 7, 0);
  items.u8(kFormat).n(1).text("t").text("k").text("1");
  for (std::uint64_t i = 1; i < kItems; ++i) {
    items.u8(kFormat | kHasOrigin).id(7, i - 1).text("k").text(i % 2 == 0 ? "1" : "2");
  }
  items.no_deletes();
  const auto deletes = [](bool one_client) {
    const std::uint64_t ranges = one_client ? kRanges : kClientsMax;
    Forged forged;
    forged.sections(0).n(one_client ? 1 : ranges);
    if (one_client) forged.n(7).n(ranges);
    for (std::uint64_t i = 0; i < ranges; ++i) {
      if (!one_client) forged.n(7).n(1);
      forged.n(i % 7).n(kItems - 7);
    }
    return forged;
  };
  for (const bool one_client : {true, false}) {
    for (const bool gc : {true, false}) {
      Doc doc({.client_id = 1, .gc = gc});
      ASSERT_TRUE(doc.apply_update(items.bytes).has_value());
      const auto applied = doc.apply_update(deletes(one_client).bytes);
      ASSERT_TRUE(applied.has_value());
      EXPECT_TRUE(applied->changed);
      const auto again = doc.apply_update(deletes(one_client).bytes);
      ASSERT_TRUE(again.has_value());
      EXPECT_FALSE(again->changed);
      // The same before there is anything to delete.
      Doc early({.client_id = 1, .gc = gc});
      ASSERT_TRUE(early.apply_update(deletes(one_client).bytes).has_value());
      ASSERT_TRUE(early.apply_update(items.bytes).has_value());
      EXPECT_EQ(early.encode_state_as_update(), doc.encode_state_as_update());
    }
  }
}

/// Every second character is deleted, one range each: 100,000 items from 600 KB.
TEST(Hostile, DeletesThatCutSmall) {
  constexpr std::uint64_t kLength = 200'000;
  for (const char* unit : {"x", "\xc3\xb6"}) {
    std::string content;
    for (std::uint64_t i = 0; i < kLength; ++i) content += unit;
    Doc doc({.client_id = 1});
    ASSERT_TRUE(doc.text("t").insert(0, content).has_value());
    Forged forged;
    forged.sections(0).n(1).n(1).n(kLength / 2);
    for (std::uint64_t i = 0; i < kLength; i += 2) forged.n(i).n(1);
    ASSERT_TRUE(doc.apply_update(forged.bytes).has_value());
    EXPECT_EQ(doc.text("t").size(), kLength / 2);
    Forged backwards;
    backwards.sections(0).n(1).n(1).n(kLength / 2);
    for (std::uint64_t i = kLength; i > 0; i -= 2) backwards.n(i - 1).n(1);
    ASSERT_TRUE(doc.apply_update(backwards.bytes).has_value());
    EXPECT_EQ(doc.text("t").size(), 0u);
  }
}

}  // namespace
}  // namespace coterie::crdt
