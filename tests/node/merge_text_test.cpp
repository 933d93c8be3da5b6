// What somebody changed in an older version of a text, as edits of what it is now.

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "crdt/relative_position.hpp"
#include "crdt/snapshot.hpp"
#include "node/core/history/merge_text.hpp"
#include "tests/support/choices.hpp"

namespace coterie::node {
namespace {

using testing::SeededChoices;
using Edits = std::vector<TextEdit>;

/// Done to a real text, whose units are UTF-16.
std::string done(const std::string& base, const Edits& edits) {
  crdt::Doc doc({.client_id = 1});
  crdt::Text text = doc.text("t");
  EXPECT_TRUE(text.insert(0, base));
  for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit) {
    EXPECT_TRUE(text.remove(edit->at, edit->length));
    EXPECT_TRUE(text.insert(edit->at, edit->insert));
  }
  return text.to_string();
}

TEST(DiffText, SaysWhatChangedAndNoMore) {
  EXPECT_EQ(diff_text("", ""), Edits{});
  EXPECT_EQ(diff_text("same", "same"), Edits{});
  EXPECT_EQ(diff_text("", "new"), (Edits{{0, 0, "new"}}));
  EXPECT_EQ(diff_text("old", ""), (Edits{{0, 3, ""}}));
  EXPECT_EQ(diff_text("a b c", "a x c"), (Edits{{2, 1, "x"}}));
  EXPECT_EQ(diff_text("one\ntwo\nthree\n", "one\nthree\n"), (Edits{{4, 4, ""}}));
  EXPECT_EQ(diff_text("the end", "the the end"), (Edits{{0, 0, "the "}}));
  EXPECT_EQ(diff_text("a\nb\n", "a\nb\nb\n"), (Edits{{4, 0, "b\n"}}));
  EXPECT_EQ(diff_text("first second third", "first 2nd third 4th"),
            (Edits{{6, 6, "2nd"}, {18, 0, " 4th"}}));
}

TEST(DiffText, WordsThatAreAlikeWereChanged) {
  EXPECT_EQ(diff_text("my color", "my colour"), (Edits{{7, 0, "u"}}));
  EXPECT_EQ(diff_text("my color", "my favour"), (Edits{{3, 5, "favour"}}));
}

TEST(DiffText, CutsNoCharacterApart) {
  // Units are UTF-16; one face with another skin; a flag; letters with marks; line ends.
  EXPECT_EQ(diff_text("x 👍 y", "x 👍🏽 y"), (Edits{{1, 4, " 👍🏽 "}}));
  EXPECT_EQ(diff_text("🇩🇪", "🇩🇰"), (Edits{{0, 4, "🇩🇰"}}));
  EXPECT_EQ(diff_text("e", "e\u0301"), (Edits{{0, 1, "e\u0301"}}));
  EXPECT_EQ(diff_text("cafes here", "cafe\u0301s here"), (Edits{{3, 1, "e\u0301"}}));
  EXPECT_EQ(diff_text("a\r\nb", "a\nb"), (Edits{{1, 2, "\n"}}));
  EXPECT_EQ(diff_text("日本語の文", "日本の文章"), (Edits{{2, 1, ""}, {5, 0, "章"}}));
  EXPECT_EQ(diff_text("\U0001F468\u200D\U0001F469", "\U0001F468\u200D\U0001F466"),
            (Edits{{0, 5, "\U0001F468\u200D\U0001F466"}}));
}

TEST(DiffText, OfAnythingGivesTheText) {
  testing::for_each_seed(300, [](std::uint64_t seed) {
    SeededChoices choices(seed);
    const std::vector<std::string> parts = {"a",      "b",       " ", "\n",   "\r\n", "\r",
                                            "é",      "e\u0301", "👍", "🏽", "語",   "word",
                                            "\u200D", ".",       "🇩", "x y ", "\n\n"};
    const auto some = [&](std::size_t most) {
      std::string out;
      for (std::uint64_t n = choices.below(most); n > 0; --n) {
        out += parts[choices.below(parts.size())];
      }
      return out;
    };
    const std::string base = some(60);
    std::string text = choices.chance(30) ? some(60) : base;
    if (!text.empty() && choices.chance(70)) {
      crdt::Doc doc({.client_id = 1});
      crdt::Text edited = doc.text("t");
      ASSERT_TRUE(edited.insert(0, text));
      for (int i = 0; i < 4; ++i) {
        // Refused inside of a pair.
        (void)edited.insert(choices.below(edited.size() + 1), some(4));
        (void)edited.remove(choices.below(edited.size() + 1), 1);
      }
      text = edited.to_string();
    }
    const Edits edits = diff_text(base, text);
    EXPECT_EQ(done(base, edits), text) << "COTERIE_SEED=" << seed;
    std::uint64_t end = 0;
    for (const TextEdit& edit : edits) {
      EXPECT_GE(edit.at, end);
      EXPECT_TRUE(edit.length > 0 || !edit.insert.empty());
      end = edit.at + edit.length;
    }
  });
}

TEST(DiffText, IsBoundedWhateverItIsGiven) {
  // Nothing in common, line by line and word by word: one difference.
  std::string base;
  std::string text;
  for (int i = 0; i < 200'000; ++i) {
    base += "a" + std::to_string(i) + (i % 7 == 0 ? "\n" : " ");
    text += "b" + std::to_string(i) + (i % 5 == 0 ? "\n" : " ");
  }
  EXPECT_LE(diff_text(base, text).size(), 2u * kDiffsMax);
  // Everything in common, in the worst order.
  const std::string lines = [] {
    std::string out;
    for (int i = 0; i < 100'000; ++i) out += i % 2 == 0 ? "x\n" : "y\n";
    return out;
  }();
  std::string shuffled;
  for (int i = 0; i < 100'000; ++i) shuffled += i % 3 == 0 ? "x\n" : "y\n";
  const Edits edits = diff_text(lines, shuffled);
  EXPECT_FALSE(edits.empty());
  EXPECT_LE(edits.size(), 100'000u);
}

TEST(CarryOver, PutsEditsWhereTheCharactersAreNow) {
  // Base "abcd"; b is gone, XY came after c.
  const std::vector<MergePiece> pieces{
      {1, true, true}, {1, true, false}, {1, true, true}, {2, false, true}, {1, true, true}};
  EXPECT_EQ(carry_over(pieces, {{0, 0, "n"}}), (Edits{{0, 0, "n"}}));
  EXPECT_EQ(carry_over(pieces, {{2, 0, "n"}}), (Edits{{1, 0, "n"}}));
  EXPECT_EQ(carry_over(pieces, {{3, 0, "n"}}), (Edits{{2, 0, "n"}}));
  EXPECT_EQ(carry_over(pieces, {{3, 0, "n\n"}}), (Edits{{4, 0, "n\n"}}));
  EXPECT_EQ(carry_over(pieces, {{4, 0, "n"}}), (Edits{{5, 0, "n"}}));
  EXPECT_EQ(carry_over(pieces, {{1, 1, ""}}), Edits{});
  EXPECT_EQ(carry_over(pieces, {{0, 4, "n"}}), (Edits{{0, 2, "n"}, {4, 1, ""}}));
  EXPECT_EQ(carry_over(pieces, {{0, 1, "n"}, {2, 1, "m"}}), (Edits{{0, 1, "n"}, {1, 1, "m"}}));
  EXPECT_EQ(carry_over({}, {{0, 0, "n"}}), (Edits{{0, 0, "n"}}));
}

/// As Yjs carries positions, which are held by the element before them.
TEST(CarryOver, GoesAsRelativePositionsDo) {
  testing::for_each_seed(200, [](std::uint64_t seed) {
    SeededChoices choices(seed);
    crdt::Doc doc({.client_id = 1, .gc = false});
    crdt::Doc other({.client_id = 2, .gc = false});
    const auto edit = [&](crdt::Doc& at, int times) {
      for (int i = 0; i < times; ++i) {
        crdt::Text text = at.text("t");
        const std::uint64_t size = text.size();
        if (size > 0 && choices.chance(40)) {
          const std::uint64_t from = choices.below(size);
          ASSERT_TRUE(
              text.remove(from, 1 + choices.below(std::min<std::uint64_t>(size - from, 5))));
        } else {
          ASSERT_TRUE(text.insert(choices.below(size + 1), std::string(1 + choices.below(4), 'x')));
        }
      }
    };
    edit(doc, 20);
    ASSERT_TRUE(other.apply_update(doc.encode_state_as_update()));
    edit(other, 10);
    const crdt::Snapshot base = crdt::take_snapshot(doc);
    const std::uint64_t size = doc.text("t").size();
    std::vector<crdt::RelativePosition> positions;
    for (std::uint64_t at = 0; at <= size; ++at) {
      positions.push_back(*crdt::relative_position(doc.text("t"), at, crdt::kAssociateLeft));
    }
    edit(doc, 20);
    ASSERT_TRUE(doc.apply_update(other.encode_state_as_update()));
    const crdt::Snapshot now = crdt::take_snapshot(doc);
    std::vector<MergePiece> pieces;
    for (const crdt::ListPiece& piece : crdt::pieces_at(doc.text("t"), base, now)) {
      const crdt::Id id{piece.ids.client, piece.ids.clock};
      pieces.push_back({piece.ids.length, base.shows(id), now.shows(id)});
    }
    for (std::uint64_t at = 0; at <= size; ++at) {
      const auto place = crdt::absolute_position(doc, positions[at]);
      ASSERT_TRUE(place);
      EXPECT_EQ(carry_over(pieces, {{at, 0, "n"}}), (Edits{{place->index, 0, "n"}}))
          << "COTERIE_SEED=" << seed;
    }
  });
}

}  // namespace
}  // namespace coterie::node
