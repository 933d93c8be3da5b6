// Edits of a document that nobody observes take shorter ways: they must leave what the long ones
// do.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "crdt/internal/access.hpp"

namespace coterie::crdt {
namespace {

/// One writer twice: `quiet` takes every short way there is, `told` is observed and takes none.
class Twins {
 public:
  explicit Twins(bool gc) : quiet_({.client_id = 7, .gc = gc}), told_({.client_id = 7, .gc = gc}) {
    watching_ = told_.on_update([](ByteView, const Transaction&) {});
    deep_ = told_.on_after_transaction([](const Transaction&) {});
  }

  void insert(std::uint64_t index, std::string_view text) {
    const Status quiet = quiet_.text("t").insert(index, text);
    EXPECT_EQ(quiet.has_value(), told_.text("t").insert(index, text).has_value());
  }
  void remove(std::uint64_t index, std::uint64_t length) {
    const Status quiet = quiet_.text("t").remove(index, length);
    EXPECT_EQ(quiet.has_value(), told_.text("t").remove(index, length).has_value());
  }
  void apply(ByteView update) {
    EXPECT_TRUE(quiet_.load_update(update).has_value());
    EXPECT_TRUE(told_.load_update(update).has_value());
  }
  std::uint64_t size() { return quiet_.text("t").size(); }
  const Doc& quiet() const { return quiet_; }
  Doc& quiet() { return quiet_; }

  void expect_same() {
    ASSERT_EQ(quiet_.root_text("t"), told_.root_text("t"));
    ASSERT_EQ(quiet_.encode_state_as_update(), told_.encode_state_as_update());
  }

 private:
  Doc quiet_;
  Doc told_;
  Subscription watching_;
  Subscription deep_;
};

bool keeps_at_most(const Doc& doc, std::uint64_t bytes) {
  return internal::Access::store(doc).has_room(kContentBytesMax - bytes);
}

TEST(Caret, WhatShortWaysDeleteIsLetGo) {
  const std::string piece(1000, 'x');
  // The start, the middle and the end of what one client wrote, here and by updates.
  for (const std::uint64_t kept_before : {0u, 10u, 20u}) {
    Doc writer({.client_id = 7});
    Doc reader({.client_id = 8});
    Text text = writer.text("t");
    const auto edit = [&](auto&& change) {
      const Bytes update = writer.transact([&] { EXPECT_TRUE(change().has_value()); });
      EXPECT_TRUE(reader.apply_update(update).has_value());
    };
    edit([&] { return text.insert(0, std::string(20, 'o')); });
    for (int i = 0; i < 200; ++i) {
      edit([&] { return text.insert(text.size(), piece); });
      const std::uint64_t from = std::min(kept_before, text.size() - piece.size());
      edit([&] { return text.remove(from, piece.size()); });
    }
    EXPECT_EQ(text.size(), 20u);
    EXPECT_EQ(reader.encode_state_as_update(), writer.encode_state_as_update());
    EXPECT_TRUE(keeps_at_most(writer, 16u << 10)) << kept_before;
    EXPECT_TRUE(keeps_at_most(reader, 16u << 10)) << kept_before;
  }
}

TEST(Caret, WhatIsTypedAndDeletedLetterByLetterIsLetGo) {
  Doc doc({.client_id = 7});
  Text text = doc.text("t");
  ASSERT_TRUE(text.insert(0, "begin end").has_value());
  for (int round = 0; round < 400; ++round) {
    for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(text.insert(5 + i, "x").has_value());
    for (std::uint64_t i = 100; i > 0; --i) ASSERT_TRUE(text.remove(4 + i, 1).has_value());
  }
  EXPECT_EQ(text.to_string(), "begin end");
  EXPECT_TRUE(keeps_at_most(doc, 16u << 10));
}

TEST(Caret, TypingAndDeletingInPlaceLeavesTheSameBytes) {
  for (const bool gc : {true, false}) {
    Twins twins(gc);
    for (const char letter : std::string("hello world")) {
      twins.insert(twins.size(), std::string(1, letter));
    }
    for (int i = 0; i < 4; ++i) twins.remove(twins.size() - 1, 1);
    for (int i = 0; i < 3; ++i) twins.remove(2, 1);
    twins.expect_same();
    for (int i = 0; i < 3; ++i) twins.insert(2 + static_cast<std::uint64_t>(i), "x");
    twins.expect_same();
  }
}

TEST(Caret, AHandleThatWentStaleTypesNothing) {
  Doc doc({.client_id = 1});
  Map map = doc.map("m");
  Text text = *map.set_text("t");
  ASSERT_TRUE(text.insert(0, "a").has_value());
  ASSERT_TRUE(text.insert(1, "b").has_value());
  ASSERT_TRUE(map.remove("t").has_value());
  EXPECT_FALSE(text.insert(2, "c").has_value());
  Text other = *map.set_text("t");
  ASSERT_TRUE(other.insert(0, "ab").has_value());
  EXPECT_FALSE(text.insert(2, "c").has_value());
  EXPECT_EQ(other.to_string(), "ab");
}

TEST(Caret, ANewClientIdEndsTheRun) {
  Doc doc({.client_id = 1});
  Text text = doc.text("t");
  ASSERT_TRUE(text.insert(0, "a").has_value());
  ASSERT_TRUE(text.insert(1, "b").has_value());
  doc.set_client_id(2);
  ASSERT_TRUE(text.insert(2, "c").has_value());
  EXPECT_EQ(doc.state_vector().clock_of(1), 2u);
  EXPECT_EQ(doc.state_vector().clock_of(2), 1u);
}

TEST(Caret, RandomEditsWithRemoteOnesBetweenLeaveTheSameBytes) {
  const std::string pieces[] = {"a", "b", "cd", "\xc3\xa9", "\xf0\x9f\x98\x80", "word "};
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint64_t bound) { return random() % bound; };
    Twins twins(seed % 5 != 0);
    Doc other({.client_id = seed % 2 == 0 ? 3u : 30u});
    std::uint64_t at = 0;
    for (int step = 0; step < 120; ++step) {
      const std::uint64_t action = below(100);
      at = std::min(at, twins.size());
      if (action < 8) {
        at = below(twins.size() + 1);
      } else if (action < 55) {
        const std::string& piece = pieces[below(std::size(pieces))];
        const std::uint64_t before = twins.size();
        twins.insert(at, piece);
        at += twins.size() - before;
      } else if (action < 75) {
        const std::uint64_t count = std::min<std::uint64_t>(at, 1 + below(8) / 7);
        const std::uint64_t before = twins.size();
        twins.remove(at - count, count);
        at -= before - twins.size();
      } else if (action < 90) {
        twins.remove(at, std::min<std::uint64_t>(twins.size() - at, 1 + below(8) / 7));
      } else if (action < 95) {
        (void)twins.quiet().text("t").insert(twins.size() + 1, "past the end");
      } else {
        ASSERT_TRUE(other.load_update(twins.quiet().encode_state_as_update()).has_value());
        Text text = other.text("t");
        (void)text.insert(below(text.size() + 1), "remote");
        if (text.size() > 3) (void)text.remove(below(text.size() - 2), 2);
        if (seed % 7 == 0) {
          (void)text.format(0, below(text.size()), {{"b", Any(true)}});
        }
        twins.apply(other.encode_state_as_update());
      }
      if (step % 10 == 9) twins.expect_same();
      if (HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace coterie::crdt
