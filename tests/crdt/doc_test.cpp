#include "crdt/doc.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "crdt/base/utf16.hpp"
#include "tests/support/choices.hpp"

namespace coterie::crdt {
namespace {

using coterie::testing::AllChoices;
using coterie::testing::Choices;
using coterie::testing::for_each_seed;
using coterie::testing::SeededChoices;

// --- Text against a plain string -----------------------------------------------------------------

const char* const kPieces[] = {"a", "bc", "日本", "😀", "x😀y", "long enough to be split often"};

/// Bytes of the first `units` of `text`, or npos if that would split a pair.
std::size_t cut(const std::string& text, std::uint64_t units) {
  const Utf16Position at = utf16_position(as_bytes(text), units);
  return at.inside_pair ? std::string::npos : at.byte;
}

// Goal: positions are found right whatever the history. Method: random edits, also in a
// std::string.
TEST(Text, EditsLikeAString) {
  for_each_seed(40, [](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    SeededChoices choices(seed);
    Doc doc({.client_id = 1});
    Doc follower({.client_id = 2});
    Text text = doc.text("t");
    const Subscription observing = doc.on_update([&](ByteView update, const Transaction&) {
      auto applied = follower.apply_update(update);
      ASSERT_TRUE(applied);
      EXPECT_TRUE(applied->changed);
      // A stock peer's event says the same, byte for byte: nothing was merged or lost.
      EXPECT_EQ(to_hex(applied->update), to_hex(update));
    });
    std::string model;
    for (int step = 0; step < 300; ++step) {
      const std::uint64_t size = utf16_length(as_bytes(model));
      ASSERT_EQ(text.size(), size);
      const std::uint64_t index = choices.below(size + 1);
      const std::size_t at = cut(model, index);
      if (choices.chance(60)) {
        const std::string piece = kPieces[choices.below(std::size(kPieces))];
        const Status status = text.insert(index, piece);
        ASSERT_EQ(status.has_value(), at != std::string::npos);
        if (status) model.insert(at, piece);
      } else {
        const std::uint64_t length = choices.below(std::min<std::uint64_t>(size - index, 9) + 1);
        const std::size_t end = cut(model, index + length);
        const Status status = text.remove(index, length);
        const bool fits = at != std::string::npos && end != std::string::npos;
        ASSERT_EQ(status.has_value(), fits || length == 0);
        if (fits) model.erase(at, end - at);
      }
    }
    EXPECT_EQ(text.to_string(), model);
    EXPECT_EQ(follower.root_text("t"), model);
    EXPECT_EQ(to_hex(follower.encode_state_as_update()), to_hex(doc.encode_state_as_update()));
  });
}

// Goal: long text that is not ASCII, where units are found by an index over the buffer, with halves
// of pairs made in it by a foreign hand. Method: beside a string of code points of all lengths.
TEST(Text, FindsUnitsInLongText) {
  for_each_seed(10, [](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    SeededChoices choices(seed);
    Doc doc({.client_id = 1});
    Text text = doc.text("t");
    std::string model;
    for (int i = 0; i < 3000; ++i) model += kPieces[choices.below(std::size(kPieces))];
    ASSERT_TRUE(text.insert(0, model));
    for (int step = 0; step < 60; ++step) {
      const std::uint64_t size = utf16_length(as_bytes(model));
      const std::uint64_t index = choices.below(size - 40);
      const std::uint64_t length = choices.below(40);
      const std::size_t at = cut(model, index);
      const std::size_t end = cut(model, index + length);
      if (at == std::string::npos) {
        EXPECT_FALSE(text.insert(index, "x"));
        // Another replica deletes half of the pair: both halves end as U+FFFD, one of them deleted.
        const auto structs = inspect_update(doc.encode_state_as_update())->structs;
        Bytes deletes{0, 1, 1, 1};
        append_varuint(deletes, choices.below(structs[0].length));
        deletes.push_back(1);
        ASSERT_TRUE(doc.apply_update(deletes));
        model = text.to_string();
        ASSERT_EQ(utf16_length(as_bytes(model)), text.size());
      } else if (end != std::string::npos) {
        ASSERT_TRUE(text.remove(index, length));
        ASSERT_TRUE(text.insert(index, "ж"));
        model.replace(at, end - at, "ж");
      }
      ASSERT_EQ(text.to_string(), model);
    }
    Doc copy({.client_id = 2});
    ASSERT_TRUE(copy.load_update(doc.encode_state_as_update()));
    EXPECT_EQ(copy.root_text("t"), model);
    EXPECT_EQ(copy.encode_state_as_update(), doc.encode_state_as_update());
  });
}

TEST(Text, RefusesWhatDoesNotFit) {
  Doc doc({.client_id = 1});
  Text text = doc.text("t");
  ASSERT_TRUE(text.insert(0, "a😀b"));
  EXPECT_EQ(text.size(), 4u);
  EXPECT_EQ(text.insert(5, "x").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(text.insert(2, "x").error().code, ErrorCode::kMalformed) << "inside the pair";
  EXPECT_EQ(text.remove(1, 1).error().code, ErrorCode::kMalformed) << "half of the pair";
  EXPECT_EQ(text.remove(3, 2).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(text.remove(~std::uint64_t{0}, 2).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(text.insert(0, "\xff").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(text.to_string(), "a😀b");
  ASSERT_TRUE(text.remove(1, 2));
  EXPECT_EQ(text.to_string(), "ab");
}

TEST(Text, TypingIsOneItem) {
  Doc doc({.client_id = 1});
  Text text = doc.text("t");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(text.insert(text.size(), "x"));
  auto listing = inspect_update(doc.encode_state_as_update());
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->struct_count, 1u);
}

// --- Transactions
// ----------------------------------------------------------------------------------

TEST(Doc, TransactGivesOneUpdateAndNestedOnesNone) {
  Doc doc({.client_id = 1});
  int observed = 0;
  const Subscription observing = doc.on_update([&](ByteView, const Transaction&) { ++observed; });
  const Bytes update = doc.transact([&] {
    EXPECT_TRUE(doc.text("t").insert(0, "hello"));
    EXPECT_TRUE(doc.transact([&] { EXPECT_TRUE(doc.map("m").set("k", 1)); }).empty());
    EXPECT_TRUE(doc.text("t").remove(0, 1));
  });
  EXPECT_EQ(observed, 1);
  Doc other({.client_id = 2});
  ASSERT_TRUE(other.apply_update(update));
  EXPECT_EQ(other.root_text("t"), "ello");
  EXPECT_EQ(other.map("m").to_json().to_json(), R"({"k":1})");
  EXPECT_TRUE(doc.transact([] {}).empty());
  EXPECT_EQ(observed, 1);
}

TEST(Doc, LoadsWithoutTellingWhatChanged) {
  Doc a({.client_id = 1});
  ASSERT_TRUE(a.text("t").insert(0, "hello"));
  Doc b({.client_id = 2});
  ASSERT_TRUE(b.load_update(a.encode_state_as_update()));
  EXPECT_EQ(b.encode_state_as_update(), a.encode_state_as_update());
  EXPECT_EQ(b.load_update(Bytes{1}).error().code, ErrorCode::kMalformed);
}

TEST(Doc, KnownDeletesAreNoChange) {
  Doc a({.client_id = 1});
  ASSERT_TRUE(a.text("t").insert(0, "hello"));
  ASSERT_TRUE(a.text("t").remove(1, 3));
  Doc b({.client_id = 2});
  ASSERT_TRUE(b.apply_update(a.encode_state_as_update()));
  // What a stock client answers to a state vector when nothing is new: no structs, all deletes.
  auto again = b.apply_update(a.encode_state_as_update(b.state_vector()));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->changed);
  EXPECT_FALSE(again->pending);
  EXPECT_TRUE(again->update.empty());
}

TEST(Doc, PendingStructsAndDeletesWaitAndAreReported) {
  Doc a({.client_id = 1});
  const Bytes first = a.transact([&] { EXPECT_TRUE(a.text("t").insert(0, "hello")); });
  const Bytes second = a.transact([&] { EXPECT_TRUE(a.text("t").insert(0, "x")); });
  const Bytes third = a.transact([&] { EXPECT_TRUE(a.text("t").remove(0, 2)); });
  Doc b({.client_id = 2});
  for (const Bytes& early : {third, second}) {
    auto applied = b.apply_update(early);
    ASSERT_TRUE(applied);
    EXPECT_FALSE(applied->changed);
    EXPECT_TRUE(applied->pending);
  }
  EXPECT_TRUE(b.state_vector().clocks().empty());
  // Another replica gets what waits here, as from Yjs.
  Doc c({.client_id = 3});
  ASSERT_TRUE(c.apply_update(first));
  auto completed = c.apply_update(b.encode_state_as_update());
  ASSERT_TRUE(completed);
  EXPECT_EQ(c.root_text("t"), "ello");

  auto applied = b.apply_update(first);
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->changed);
  EXPECT_FALSE(applied->pending);
  EXPECT_EQ(b.root_text("t"), "ello");
  Doc d({.client_id = 4});
  ASSERT_TRUE(d.apply_update(applied->update)) << "the effect holds all that it completed";
  EXPECT_EQ(d.root_text("t"), "ello");
}

// Found by the differential fuzz: what waits for the middle of a gap is placed when that arrives,
// though what stands after the gap still waits for its end.
TEST(Doc, PendingStructsAreTriedWhenAnyOfThemFits) {
  Doc a({.client_id = 1});
  std::vector<Bytes> typed;
  for (int i = 0; i < 4; ++i) {
    // At the start, so that the items stay apart.
    typed.push_back(a.transact([&] { EXPECT_TRUE(a.text("t").insert(0, "x")); }));
  }
  Doc b({.client_id = 2});
  ASSERT_TRUE(b.apply_update(typed[0]));
  ASSERT_TRUE(b.apply_update(typed[1]));
  const Bytes on_second = b.transact([&] { EXPECT_TRUE(b.text("t").insert(0, "y")); });
  Doc c({.client_id = 3});
  ASSERT_TRUE(c.apply_update(typed[0]));
  const Bytes waiting[] = {on_second, typed[3]};
  ASSERT_TRUE(c.apply_update(*merge_updates(std::span<const Bytes>(waiting))));
  EXPECT_EQ(c.root_text("t"), "x");
  auto applied = c.apply_update(typed[1]);
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->pending);
  EXPECT_EQ(c.root_text("t"), "yxx");
}

TEST(Doc, ReportsItsOwnClientIdFromElsewhere) {
  Doc a({.client_id = 1});
  ASSERT_TRUE(a.text("t").insert(0, "x"));
  Doc b({.client_id = 1});
  auto applied = b.apply_update(a.encode_state_as_update());
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->client_id_taken);
  b.set_client_id(2);
  ASSERT_TRUE(b.text("t").insert(1, "y"));
  EXPECT_EQ(b.state_vector().clock_of(2), 1u);
}

TEST(Doc, HandlesOutliveAMoveAndKnowWhenTheyAreStale) {
  Doc doc({.client_id = 1});
  Map map = doc.map("m");
  Text text = *map.set_text("t");
  Doc moved = std::move(doc);
  ASSERT_TRUE(text.insert(0, "hi"));
  EXPECT_EQ(moved.map("m").to_json().to_json(), R"({"t":"hi"})");
  ASSERT_TRUE(map.remove("t"));
  EXPECT_FALSE(text.alive());
  EXPECT_EQ(text.to_string(), "");
  EXPECT_EQ(text.insert(0, "x").error().code, ErrorCode::kNotFound);
  Text next = *map.set_text("t");
  EXPECT_FALSE(text.alive()) << "the slot may be used again, the handle not";
  EXPECT_TRUE(next.alive());
}

TEST(Doc, ReadsRootsItWasNeverToldOf) {
  Doc a({.client_id = 1});
  ASSERT_TRUE(a.text("monaco").insert(0, "int main()"));
  Doc b({.client_id = 2});
  ASSERT_TRUE(b.apply_update(a.encode_state_as_update()));
  EXPECT_EQ(b.root_names(), std::vector<std::string>{"monaco"});
  EXPECT_EQ(b.root("monaco")->kind(), TypeKind::kUnknown);
  EXPECT_EQ(b.root_text("monaco"), "int main()");
  EXPECT_EQ(b.root_text("nothing"), "");
  EXPECT_FALSE(b.root("nothing"));
}

// --- Map and array
// ---------------------------------------------------------------------------------

TEST(Map, SetsGetsRemovesAndNests) {
  Doc doc({.client_id = 1});
  Map map = doc.map("m");
  ASSERT_TRUE(map.set("a", 1));
  ASSERT_TRUE(map.set("a", "two"));
  ASSERT_TRUE(map.set("b", Bytes{1, 2}));
  Array list = *map.set_array("list");
  ASSERT_TRUE(list.push(true));
  ASSERT_TRUE((*list.insert_map(0)).set("deep", Any::Null()));
  EXPECT_EQ(map.size(), 3u);
  EXPECT_EQ(std::get<Any>(*map.get("a")), Any("two"));
  EXPECT_EQ(map.to_json().to_json(),
            R"({"a":"two","b":{"$bytes":[1,2]},"list":[{"deep":null},true]})");
  ASSERT_TRUE(map.remove("a"));
  ASSERT_TRUE(map.remove("a"));
  EXPECT_FALSE(map.get("a"));
  EXPECT_FALSE(map.has("never"));
  EXPECT_EQ(map.keys(), (std::vector<std::string>{"b", "list"}));
  EXPECT_EQ(map.set("\xff", 1).error().code, ErrorCode::kMalformed);
}

// nullptr is null, and no string at address 0.
TEST(Map, TakesNullptr) {
  Doc doc({.client_id = 1});
  Map map = doc.map("m");
  ASSERT_TRUE(map.set("none", nullptr));
  EXPECT_EQ(std::get<Any>(*map.get("none")), Any(Any::Null()));
  EXPECT_EQ(std::get<Any>(NewValue(nullptr)), Any(Any::Null()));
}

// A text that is asked for as an array: one string per UTF-16 unit, as Yjs's toJSON() has it; of a
// pair, which UTF-8 cannot cut, the first holds it and the second is empty.
TEST(Array, ReadsTextUnitByUnit) {
  Doc a({.client_id = 1});
  ASSERT_TRUE(a.text("t").insert(0, "aü😀€"));
  Doc b({.client_id = 2});
  Array array = b.array("t");
  ASSERT_TRUE(b.apply_update(a.encode_state_as_update()));
  EXPECT_EQ(array.to_json(), Any(Any::Array{"a", "ü", "😀", "", "€"}));
  EXPECT_EQ(array.size(), 5u);
  EXPECT_EQ(std::get<Any>(*array.get(4)), Any("€"));
}

TEST(Array, ReadsAndGrowsInConstantTime) {
  Doc doc({.client_id = 1});
  Array array = doc.array("a");
  std::size_t bytes = 0;
  const Subscription observing =
      doc.on_update([&](ByteView update, const Transaction&) { bytes += update.size(); });
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(array.push(i));
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    ASSERT_EQ(std::get<Any>(*array.get(i)), Any(static_cast<int>(i)));
  }
  EXPECT_EQ(inspect_update(doc.encode_state_as_update())->struct_count, 1u);
  EXPECT_LT(bytes, 20'000u * 20);
}

TEST(Map, HoldsManyKeys) {
  Doc doc({.client_id = 1});
  Map map = doc.map("m");
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(map.set("key" + std::to_string(i), i));
  for (int i = 0; i < 500; i += 3) ASSERT_TRUE(map.remove("key" + std::to_string(i)));
  EXPECT_EQ(map.size(), 333u);
  EXPECT_EQ(std::get<Any>(*map.get("key499")), Any(499));
}

TEST(Array, EditsLikeAVector) {
  for_each_seed(20, [](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    SeededChoices choices(seed);
    Doc doc({.client_id = 1});
    Array array = doc.array("a");
    Any::Array model;
    for (int step = 0; step < 200; ++step) {
      const std::size_t index = choices.below(model.size() + 1);
      if (choices.chance(60)) {
        Any::Array values;
        for (std::uint64_t i = 0; i <= choices.below(3); ++i) {
          values.push_back(choices.chance(20) ? Any(Bytes{1}) : Any(static_cast<int>(step)));
        }
        ASSERT_TRUE(array.insert(index, values));
        model.insert(model.begin() + static_cast<std::ptrdiff_t>(index), values.begin(),
                     values.end());
      } else {
        const std::size_t count = choices.below(std::min<std::size_t>(model.size() - index, 4) + 1);
        ASSERT_TRUE(array.remove(index, count));
        const auto at = model.begin() + static_cast<std::ptrdiff_t>(index);
        model.erase(at, at + static_cast<std::ptrdiff_t>(count));
      }
      ASSERT_EQ(array.size(), model.size());
      if (!model.empty()) {
        const std::size_t probe = choices.below(model.size());
        ASSERT_EQ(std::get<Any>(*array.get(probe)), model[probe]);
      }
    }
    EXPECT_EQ(array.to_json(), Any(model));
    EXPECT_FALSE(array.get(model.size()));
    EXPECT_EQ(array.insert(model.size() + 1, Any::Array{}).error().code, ErrorCode::kMalformed);
    EXPECT_EQ(array.remove(0, model.size() + 1).error().code, ErrorCode::kMalformed);
  });
}

// --- Convergence
// -----------------------------------------------------------------------------------

/// A few replicas edit, hear some of what the others did, and in the end hear all of it in orders
/// of their own; then all hold the same bytes.
void check_convergence(Choices& choices, int replicas, int steps) {
  std::vector<Doc> docs;
  std::vector<Bytes> updates;
  for (int i = 0; i < replicas; ++i) docs.emplace_back(Doc::Options{.client_id = ClientId(i + 1)});
  for (int step = 0; step < steps; ++step) {
    Doc& doc = docs[choices.below(docs.size())];
    if (choices.below(2) == 0 || updates.empty()) {
      Text text = doc.text("t");
      const std::uint64_t size = text.size();
      updates.push_back(doc.transact([&] {
        const std::uint64_t index = choices.below(size + 1);
        if (size > index && choices.below(3) == 0) {
          EXPECT_TRUE(text.remove(index, 1 + choices.below(size - index)));
        } else {
          EXPECT_TRUE(text.insert(index, std::string(1, char('a' + step % 26)) + "-"));
        }
      }));
    } else {
      ASSERT_TRUE(doc.apply_update(updates[choices.below(updates.size())]));
    }
  }
  for (Doc& doc : docs) {
    std::vector<Bytes> left = updates;
    while (!left.empty()) {
      const auto next = left.begin() + static_cast<std::ptrdiff_t>(choices.below(left.size()));
      ASSERT_TRUE(doc.apply_update(*next));
      left.erase(next);
    }
    ASSERT_FALSE(doc.has_pending());
    EXPECT_EQ(doc.root_text("t"), docs[0].root_text("t"));
    EXPECT_EQ(doc.state_vector(), docs[0].state_vector());
    EXPECT_EQ(to_hex(doc.encode_state_as_update()), to_hex(docs[0].encode_state_as_update()));
  }
}

TEST(Convergence, OfEverySmallSession) {
  AllChoices choices;
  int sessions = 0;
  while (sessions < 12'000 && choices.next()) {
    check_convergence(choices, 2, 3);
    ++sessions;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(sessions, 1000);
}

TEST(Convergence, OfRandomSessions) {
  for_each_seed(150, [](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    SeededChoices choices(seed);
    check_convergence(choices, 2 + static_cast<int>(choices.below(3)), 40);
  });
}

// --- Hostile input
// ---------------------------------------------------------------------------------

Doc victim() {
  Doc doc({.client_id = 9});
  EXPECT_TRUE(doc.text("t").insert(0, "precious"));
  return doc;
}

void expect_refused(const Bytes& update, ErrorCode code) {
  Doc doc = victim();
  const std::string before = to_hex(doc.encode_state_as_update());
  auto applied = doc.apply_update(update);
  ASSERT_FALSE(applied) << to_hex(update);
  EXPECT_EQ(applied.error().code, code) << to_string(applied.error());
  EXPECT_EQ(to_hex(doc.encode_state_as_update()), before);
  EXPECT_EQ(validate_update(update).error().code, code);
}

Bytes hex(const char* text) { return *from_hex(text); }

TEST(Hostile, BrokenUpdatesAreRefusedWhole) {
  const Bytes good = victim().encode_state_as_update();
  for (std::size_t size = 0; size < good.size(); ++size) {
    expect_refused(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)),
                   ErrorCode::kMalformed);
  }
  Bytes longer = good;
  longer.push_back(0);
  expect_refused(longer, ErrorCode::kMalformed);
  expect_refused(hex("01010100840100016100"), ErrorCode::kMalformed);    // Origin is itself.
  expect_refused(hex("01010100840105016100"), ErrorCode::kMalformed);    // Origin is later.
  expect_refused(hex("01010100270001000000"), ErrorCode::kMalformed);    // Its own parent.
  expect_refused(hex("0101010004010174000000"), ErrorCode::kMalformed);  // Empty string.
  expect_refused(hex("010101000401017401ff00"), ErrorCode::kMalformed);  // Not UTF-8.
  expect_refused(hex("0201010000010101010001"
                     "00"),
                 ErrorCode::kMalformed);                               // Client twice.
  expect_refused(hex("010101000b01017400"), ErrorCode::kMalformed);    // Unknown kind.
  expect_refused(hex("01010100070101740700"), ErrorCode::kMalformed);  // Unknown type.
}

TEST(Hostile, ClocksAtTheLimitAndPastIt) {
  const auto gc = [](std::uint64_t clock, std::uint64_t length) {
    Bytes update{1, 1, 1};
    append_varuint(update, clock);
    update.push_back(0);
    append_varuint(update, length);
    update.push_back(0);
    return update;
  };
  Doc doc = victim();
  auto applied = doc.apply_update(gc(0, kClockMax));
  ASSERT_TRUE(applied);
  EXPECT_EQ(doc.state_vector().clock_of(1), kClockMax);
  expect_refused(gc(0, kClockMax + 1), ErrorCode::kLimitExceeded);
  expect_refused(gc(1, kClockMax), ErrorCode::kLimitExceeded);
  expect_refused(gc(kSafeIntegerMax, 1), ErrorCode::kLimitExceeded);
  expect_refused(gc(0, kSafeIntegerMax), ErrorCode::kLimitExceeded);
  Bytes deletes{0, 1, 1, 1};
  append_varuint(deletes, kClockMax);
  append_varuint(deletes, 1);
  expect_refused(deletes, ErrorCode::kLimitExceeded);
}

TEST(Hostile, ClientsAtTheLimitAndPastIt) {
  const auto many = [](std::uint64_t first, std::uint64_t count) {
    Bytes update;
    append_varuint(update, count);
    for (std::uint64_t i = count; i-- > 0;) {
      update.push_back(1);
      append_varuint(update, first + i);
      append(update, Bytes{0, 0, 1});
    }
    update.push_back(0);
    return update;
  };
  expect_refused(many(100, kClientsMax + 1), ErrorCode::kLimitExceeded);
  Doc doc({.client_id = 1});
  ASSERT_TRUE(doc.apply_update(many(100, kClientsMax)));
  EXPECT_TRUE(StateVector::decode(doc.state_vector().encode()));
  auto applied = doc.apply_update(many(1, 1));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kLimitExceeded);
}

TEST(Hostile, ValuesAtTheDepthLimitAndPastIt) {
  const auto nested = [](std::size_t depth) {
    Bytes update =
        hex("01010100080101740"
            "1");
    for (std::size_t i = 0; i < depth; ++i) append(update, Bytes{117, 1});
    append(update, Bytes{126, 0});
    return update;
  };
  Doc doc({.client_id = 2});
  ASSERT_TRUE(doc.apply_update(nested(kAnyDepthMax)));
  EXPECT_EQ(doc.array("t").to_json().to_json().size(), 2 * kAnyDepthMax + 2 + 4);
  expect_refused(nested(kAnyDepthMax + 1), ErrorCode::kLimitExceeded);
  expect_refused(nested(500'000), ErrorCode::kLimitExceeded);
}

TEST(Hostile, DeeplyNestedTypesAreDeletedAndReadWithoutRecursion) {
  constexpr std::uint32_t kDepth = 200'000;
  // Item k is an array inside item k - 1.
  Bytes update{1};
  append_varuint(update, kDepth);
  append(update, hex("01000701017400"));
  for (std::uint32_t i = 1; i < kDepth; ++i) {
    append(update, Bytes{7, 0, 1});
    append_varuint(update, i - 1);
    update.push_back(0);
  }
  update.push_back(0);
  Doc doc({.client_id = 2});
  ASSERT_TRUE(doc.apply_update(update));
  (void)doc.array("t").to_json();
  Bytes deletes{0, 1, 1, 1, 0, 1};
  auto applied = doc.apply_update(deletes);
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->changed);
  EXPECT_LT(doc.encode_state_as_update().size(), 30u) << "only ids are left";
}

TEST(Hostile, DeletesFromTheEndOfALongArrayCostNoRescans) {
  constexpr std::uint32_t kLength = 300'000;
  Bytes update = hex("0101010008010174");
  append_varuint(update, kLength);
  update.insert(update.end(), kLength, 126);
  append(update, Bytes{1, 1});  // Deletes: every second element, the last one first.
  append_varuint(update, kLength / 2);
  for (std::uint32_t i = 0; i < kLength / 2; ++i) {
    append_varuint(update, kLength - 1 - 2 * i);
    update.push_back(1);
  }
  Doc doc({.client_id = 2});
  ASSERT_TRUE(doc.apply_update(update));  // Reading from the start each time takes a minute.
  EXPECT_EQ(doc.array("t").size(), kLength / 2);
}

TEST(Hostile, ManyMarksOfManyNames) {
  constexpr std::uint32_t kMarks = 30'000;
  // Marks of names of their own, then as many deleted pieces of text between marks of one name.
  Bytes update{1};
  append_varuint(update, 2 * kMarks + 1);
  append(update, hex("01000401017401"
                     "61"));
  std::uint32_t clock = 1;
  for (std::uint32_t i = 0; i < 2 * kMarks; ++i, ++clock) {
    append(update, Bytes{0x86, 1});
    append_varuint(update, clock - 1);
    append_varstring(update, i < kMarks ? "name" + std::to_string(i) : "b");
    append_varstring(update, "true");
  }
  append(update, Bytes{1, 1, 1});
  append_varuint(update, 0);
  append_varuint(update, 1);
  Doc doc({.client_id = 2});
  Text text = doc.text("t");
  ASSERT_TRUE(doc.apply_update(update));
  EXPECT_EQ(text.size(), 0u);
  ASSERT_TRUE(text.insert(0, "x"));
  EXPECT_EQ(text.to_delta().size(), 1u);
}

TEST(Hostile, MutuallyWaitingSectionsGoPending) {
  // Client 2's first struct builds on client 1's, and the other way round.
  const Bytes update =
      hex("02"
          "010200"
          "84010001"
          "62"
          "010100"
          "84020001"
          "61"
          "00");
  Doc doc = victim();
  auto applied = doc.apply_update(update);
  ASSERT_TRUE(applied);
  EXPECT_FALSE(applied->changed);
  EXPECT_TRUE(applied->pending);
  EXPECT_EQ(doc.root_text("t"), "precious");
}

TEST(Hostile, ParentsThatAreNoTypes) {
  // An item inside a string: Yjs keeps only its ids, and so do we.
  Doc doc = victim();
  auto applied = doc.apply_update(hex("0101010004000900017800"));
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->changed);
  EXPECT_EQ(doc.root_text("t"), "precious");
  EXPECT_EQ(doc.state_vector().clock_of(1), 1u);
}

}  // namespace
}  // namespace coterie::crdt
