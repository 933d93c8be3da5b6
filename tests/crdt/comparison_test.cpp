// Contradictions: nothing that a stock client may send is one, and what is none may be applied in
// any order.

#include "crdt/comparison.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/support/crdt_sessions.hpp"

namespace coterie::crdt {
namespace {

std::optional<Id> contradiction(const Doc& doc, ByteView update) {
  const auto result = compare_update(doc, update);
  EXPECT_TRUE(result);
  return result ? result->contradiction : std::nullopt;
}

/// Two documents of one client id: what a copied profile, or a forger, makes.
struct Twins {
  explicit Twins(const std::function<void(Doc&)>& before = {}) {
    if (!before) return;
    before(one);
    EXPECT_TRUE(other.apply_update(one.encode_state_as_update()));
  }
  Doc one{{.client_id = 7}};
  Doc other{{.client_id = 7}};

  /// Whether each one's state contradicts the other; they agree on that.
  bool contradict() const {
    const bool there = contradiction(one, other.encode_state_as_update()).has_value();
    const bool back = contradiction(other, one.encode_state_as_update()).has_value();
    EXPECT_EQ(there, back);
    return there;
  }
};

TEST(Comparison, OtherTextUnderOneIdContradicts) {
  Twins twins;
  (void)twins.one.text("t").insert(0, "hello");
  (void)twins.other.text("t").insert(0, "help!");
  EXPECT_TRUE(twins.contradict());
  EXPECT_EQ(contradiction(twins.one, twins.other.encode_state_as_update()), (Id{7, 0}));
}

TEST(Comparison, MoreOfTheSameDoesNot) {
  Twins twins;
  (void)twins.one.text("t").insert(0, "hel");
  (void)twins.other.text("t").insert(0, "hel");
  (void)twins.other.text("t").insert(3, "lo");
  EXPECT_FALSE(twins.contradict());
}

TEST(Comparison, AnotherPlaceContradicts) {
  Twins twins([](Doc& doc) { (void)doc.text("t").insert(0, "ab"); });
  (void)twins.one.text("t").insert(1, "x");
  (void)twins.other.text("t").insert(2, "x");
  EXPECT_TRUE(twins.contradict());
}

TEST(Comparison, AnotherRootOrKeyContradicts) {
  Twins roots;
  (void)roots.one.text("t").insert(0, "x");
  (void)roots.other.text("u").insert(0, "x");
  EXPECT_TRUE(roots.contradict());
  Twins keys;
  (void)keys.one.map("m").set("k", 1);
  (void)keys.other.map("m").set("l", 1);
  EXPECT_TRUE(keys.contradict());
}

TEST(Comparison, OtherValuesContradict) {
  const auto differ = [](const Any& a, const Any& b) {
    Twins twins;
    const Any ones[] = {1, a, 2};
    const Any others[] = {1, b, 2};
    (void)twins.one.array("a").insert(0, ones);
    (void)twins.other.array("a").insert(0, others);
    return twins.contradict();
  };
  EXPECT_TRUE(differ(1, 2));
  EXPECT_TRUE(differ("1", 1));
  EXPECT_TRUE(differ(Any::Object{{"a", 1}}, Any::Object{{"a", 2}}));
  EXPECT_FALSE(differ(Any::Object{{"a", 1}, {"b", 2}}, Any::Object{{"b", 2}, {"a", 1}}));
  EXPECT_TRUE(differ(Bytes{1}, Bytes{2}));
}

TEST(Comparison, OtherTypesEmbedsMarksAndSubdocumentsContradict) {
  Twins types;
  (void)types.one.map("m").set_text("k");
  (void)types.other.map("m").set_map("k");
  EXPECT_TRUE(types.contradict());
  Twins elements;
  (void)elements.one.xml_fragment("x").insert(0, NewType::xml_element("p"));
  (void)elements.other.xml_fragment("x").insert(0, NewType::xml_element("q"));
  EXPECT_TRUE(elements.contradict());
  Twins embeds;
  (void)embeds.one.text("t").insert_embed(0, Any::Object{{"e", 1}});
  (void)embeds.other.text("t").insert_embed(0, Any::Object{{"e", 2}});
  EXPECT_TRUE(embeds.contradict());
  Twins marks;
  (void)marks.one.text("t").insert(0, "x", {{"b", true}});
  (void)marks.other.text("t").insert(0, "x", {{"b", false}});
  EXPECT_TRUE(marks.contradict());
  Twins documents;
  (void)documents.one.map("m").set("d", NewDoc{.guid = "a"});
  (void)documents.other.map("m").set("d", NewDoc{.guid = "b"});
  EXPECT_TRUE(documents.contradict());
}

TEST(Comparison, ATypeWithoutANameAfterOneWithIsTheSame) {
  Twins twins([](Doc& doc) {
    (void)doc.xml_fragment("x").insert(0, NewType::xml_element("p"));
    (void)doc.xml_fragment("x").insert(1, NewType::xml_text("t"));
    (void)doc.map("m").set_map("k");
  });
  EXPECT_FALSE(twins.contradict());
}

TEST(Comparison, WhatWasDeletedMayHaveBeenAnything) {
  Twins twins([](Doc& doc) { (void)doc.text("t").insert(0, "ab"); });
  (void)twins.one.text("t").insert(1, "xy");
  (void)twins.one.text("t").remove(1, 2);
  (void)twins.other.text("t").insert(1, "uv");
  EXPECT_FALSE(twins.contradict());
  // But it stood in one place.
  Twins apart([](Doc& doc) { (void)doc.text("t").insert(0, "ab"); });
  (void)apart.one.text("t").insert(1, "xy");
  (void)apart.one.text("t").remove(1, 2);
  (void)apart.other.text("t").insert(2, "xy");
  EXPECT_TRUE(apart.contradict());
}

TEST(Comparison, HalfAPairMayHaveBeenAnyHalf) {
  Twins twins;
  for (Doc* doc : {&twins.one, &twins.other}) (void)doc->text("t").insert(0, "a\xf0\x9f\x98\x80z");
  Doc cutter({.client_id = 9});
  ASSERT_TRUE(cutter.apply_update(twins.one.encode_state_as_update()));
  // Somebody's element between the halves: whoever takes it in has U+FFFD twice.
  Doc reader({.client_id = 10});
  Bytes between{1, 1, 9, 0, 0xc4, 7, 1, 7, 2, 1, '-', 0};
  ASSERT_TRUE(reader.apply_update(twins.one.encode_state_as_update()));
  ASSERT_TRUE(reader.apply_update(between));
  EXPECT_EQ(reader.text("t").to_string(), "a\xef\xbf\xbd-\xef\xbf\xbdz");
  EXPECT_FALSE(contradiction(reader, twins.other.encode_state_as_update()));
  EXPECT_FALSE(contradiction(twins.other, reader.encode_state_as_update()));
  Twins other;
  (void)other.one.text("t").insert(0, "a\xf0\x9f\x98\x80z");
  (void)other.other.text("t").insert(0, "a\xf0\x9f\x98\x81z");
  EXPECT_TRUE(other.contradict());
}

TEST(Comparison, PendingStructsCount) {
  Doc author({.client_id = 7});
  std::vector<Bytes> updates;
  for (int i = 0; i < 400; ++i) {
    updates.push_back(author.transact([&] { (void)author.text("t").insert(0, "wait"); }));
  }
  Doc reader({.client_id = 9});
  for (std::size_t i = 1; i < updates.size(); ++i) ASSERT_TRUE(reader.apply_update(updates[i]));
  ASSERT_TRUE(reader.has_pending());
  for (const Bytes& update : updates) EXPECT_FALSE(contradiction(reader, update));
  EXPECT_FALSE(contradiction(reader, author.encode_state_as_update()));
  Bytes forged = updates[200];
  const std::string_view typed = "wait";
  const auto at = std::search(forged.begin(), forged.end(), typed.begin(), typed.end());
  ASSERT_NE(at, forged.end());
  *at = 'b';
  EXPECT_EQ(contradiction(reader, forged), (Id{7, 800}));
  ASSERT_TRUE(reader.apply_update(updates[0]));
  EXPECT_FALSE(reader.has_pending());
  EXPECT_EQ(contradiction(reader, forged), (Id{7, 800}));
}

TEST(Comparison, PendingStructsInManyPartsCount) {
  // Beyond what is merged as it comes.
  Doc author({.client_id = 7});
  const std::string text(20'000, 'x');
  std::vector<Bytes> updates;
  for (int i = 0; i < 12; ++i) {
    updates.push_back(author.transact([&] { (void)author.text("t").insert(0, text); }));
  }
  Doc reader({.client_id = 9});
  for (std::size_t i = updates.size(); i-- > 1;) {
    EXPECT_FALSE(contradiction(reader, updates[i]));
    ASSERT_TRUE(reader.apply_update(updates[i]));
    EXPECT_FALSE(contradiction(reader, updates[i]));
    Bytes forged = updates[i];
    forged[forged.size() - 9] = 'y';
    EXPECT_TRUE(contradiction(reader, forged));
  }
}

TEST(Comparison, AnElementCollectedInATypeThatIsThereIsHidden) {
  Doc author({.client_id = 7});
  const Bytes text = author.transact([&] { (void)author.text("t").insert(0, "honest"); });
  Doc reader({.client_id = 9});
  ASSERT_TRUE(reader.apply_update(Bytes{1, 1, 7, 0, 0, 6, 0}));  // A GC of six.
  const auto result = compare_update(reader, text);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->contradiction);
  EXPECT_EQ(result->hidden, (Id{7, 0}));
  // The other way round it changes nothing.
  const auto back = compare_update(author, Bytes{1, 1, 7, 0, 0, 6, 0});
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->contradiction || back->hidden);
}

TEST(Comparison, RefusesWhatIsMalformed) {
  const Doc doc({.client_id = 7});
  EXPECT_FALSE(compare_update(doc, Bytes{1}));
}

/// Whatever the replicas of a session say, and however it arrives, contradicts nothing.
void check_honest(testing::Choices& choices, std::size_t steps) {
  const testing::CrdtSession session(choices, steps);
  std::vector<Bytes> said = session.updates();
  std::vector<Doc> replicas;
  for (std::uint64_t i = 0; i < 3; ++i) {
    replicas.push_back(Doc({.client_id = 100 + i, .gc = choices.below(4) != 0}));
  }
  for (std::size_t left = 3 * said.size(); left > 0; --left) {
    Doc& to = replicas[choices.below(replicas.size())];
    Bytes update = said[choices.below(said.size())];
    switch (choices.below(6)) {
      case 0: {
        const std::size_t from = choices.below(said.size());
        const std::size_t count = 1 + choices.below(said.size() - from);
        update = *merge_updates(std::span<const Bytes>(said).subspan(from, count));
        break;
      }
      case 1:
        update = replicas[choices.below(replicas.size())].encode_state_as_update();
        break;
      case 2:
        update = replicas[choices.below(replicas.size())].encode_state_as_update(
            replicas[choices.below(replicas.size())].state_vector());
        break;
      case 3:
        update = *convert_update_v2_to_v1(*convert_update_v1_to_v2(update));
        break;
      case 4: {
        const auto state = state_vector_from_update(update);
        update = *diff_update(*merge_updates(std::span<const Bytes>(said)), *state);
        break;
      }
      default:
        break;
    }
    ASSERT_FALSE(contradiction(to, update)) << to_hex(update);
    ASSERT_TRUE(to.apply_update(update));
    ASSERT_FALSE(contradiction(to, update)) << to_hex(update);
  }
  // Once everybody knows everything, nothing is hidden either.
  const Bytes all = *merge_updates(std::span<const Bytes>(said));
  for (Doc& replica : replicas) {
    ASSERT_TRUE(replica.apply_update(all));
    for (const Bytes& update : said) {
      const auto result = compare_update(replica, update);
      ASSERT_TRUE(result && !result->contradiction && !result->hidden) << to_hex(update);
    }
  }
}

TEST(Comparison, WhatHonestClientsSendContradictsNothing) {
  testing::for_each_seed(600, [](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    check_honest(choices, seed % 10 == 0 ? 150 : 16);
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "COTERIE_SEED=" << seed;
  });
}

/// A forger takes an update and changes one byte of it. What still counts as the same may come
/// first or last: the replicas end alike.
void check_forged(testing::Choices& choices) {
  const testing::CrdtSession session(choices, 12);
  const std::vector<Bytes>& said = session.updates();
  if (said.empty()) return;
  Doc honest({.client_id = 1});
  const Bytes all = *merge_updates(std::span<const Bytes>(said));
  ASSERT_TRUE(honest.apply_update(all));
  Bytes forged = choices.below(2) == 0 ? all : said[choices.below(said.size())];
  const std::size_t at = choices.below(forged.size());
  forged[at] = static_cast<std::uint8_t>(choices.below(256));
  const auto result = compare_update(honest, forged);
  if (!result || result->contradiction) return;
  Doc first({.client_id = 2});
  if (!first.apply_update(forged)) return;
  const auto back = compare_update(first, all);
  ASSERT_TRUE(back);
  if (back->contradiction || back->hidden) return;
  const auto told = state_deletes(forged);
  ASSERT_TRUE(told);
  ASSERT_TRUE(first.apply_update(all));
  ASSERT_TRUE(first.apply_update(*told));
  ASSERT_TRUE(honest.apply_update(*told));
  const auto values = [](Doc& doc) {
    return testing::by_name(
        Any::Array{doc.text("t").to_string(), doc.array("a").to_json(), doc.map("m").to_json()});
  };
  EXPECT_EQ(values(first), values(honest)) << to_hex(all) << " forged " << to_hex(forged);
}

TEST(Comparison, WhatDoesNotContradictMayComeInAnyOrder) {
  testing::for_each_seed(20'000, [](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    check_forged(choices);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "COTERIE_SEED=" << seed;
  });
}

}  // namespace
}  // namespace coterie::crdt
