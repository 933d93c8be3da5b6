// Texts read and written whole, as clients do that have only HTTP.

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "node/core/history/text_versions.hpp"
#include "node/core/limits.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;
using testing::SeededChoices;

class TextTest : public testing::ClusterTest {
 protected:
  explicit TextTest(std::uint64_t seed = 2208) : ClusterTest(seed) {
    red_ = cluster_.add_node("red");
    found(red_);
  }
  void make(const std::string& text) {
    await(red_, CreateDocument{workspace_, "notes.md", "", {}, text});
  }
  Result<TextContent> try_read(const std::string& root = "") {
    return cluster_.engine(red_).text(cluster_.at(), workspace_, "notes.md", root);
  }
  TextContent read() {
    const auto content = try_read();
    EXPECT_TRUE(content) << (content ? "" : content.error().what);
    return content ? *content : TextContent{};
  }
  Result<CommandResult> try_write(const std::string& base, const std::string& text,
                                  const std::string& root = "") {
    return try_await(red_, MergeText{workspace_, "notes.md", root, base, text});
  }
  TextMerged write(const std::string& base, const std::string& text) {
    const auto result = try_write(base, text);
    EXPECT_TRUE(result) << (result ? "" : result.error().what);
    return result ? std::get<TextMerged>(*result) : TextMerged{};
  }

  Cluster::Node red_ = 0;
};

TEST_F(TextTest, IsMadeWithWhatStandsInIt) {
  make("# Hello\n");
  const TextContent content = read();
  EXPECT_EQ(content.root, "monaco");
  EXPECT_EQ(content.text, "# Hello\n");
  EXPECT_EQ(read().version, content.version);
  EXPECT_EQ(try_await(red_, CreateDocument{workspace_, "x", "", {}, "\xff"}).error().code,
            ErrorCode::kMalformed);
  const std::string large(kMergeTextBytesMax, 'x');
  EXPECT_EQ(try_await(red_, CreateDocument{workspace_, "x", "", {}, large + "x"}).error().code,
            ErrorCode::kLimitExceeded);
  EXPECT_TRUE(try_await(red_, CreateDocument{workspace_, "x", "", {}, large}));
}

TEST_F(TextTest, WhatOthersWroteSinceStays) {
  make("one two three\n");
  const std::string base = read().version;
  const TextMerged first = write(base, "one TWO three\n");
  EXPECT_EQ(first.content.text, "one TWO three\n");
  EXPECT_FALSE(first.merged);
  EXPECT_NE(first.content.version, base);
  EXPECT_EQ(read().version.substr(0, 32), first.content.version.substr(0, 32));
  const TextMerged second = write(base, "one two three four\n");
  EXPECT_EQ(second.content.text, "one TWO three four\n");
  EXPECT_TRUE(second.merged);
  // The same once more changes nothing.
  const TextMerged again = write(base, "one two three\n");
  EXPECT_EQ(again.content.text, "one TWO three four\n");
  EXPECT_EQ(again.content.version.substr(0, 32), second.content.version.substr(0, 32));
}

TEST_F(TextTest, GoesToEditorsAndComesFromThem) {
  make("ab\n");
  const auto editor = client(red_, 7);
  const std::string base = read().version;
  insert(editor, 1, "-");
  const TextMerged merged = write(base, "ab\ncd\n");
  EXPECT_EQ(merged.content.text, "a-b\ncd\n");
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(editor).text(), "a-b\ncd\n");
}

/// Inside of what somebody deleted meanwhile: it stands where that was.
TEST_F(TextTest, WhatIsPutIntoDeletedTextStays) {
  make("keep. drop this sentence. keep too.\n");
  const auto editor = client(red_, 7);
  const std::string base = read().version;
  remove(editor, 6, 20);
  ASSERT_EQ(text(red_), "keep. keep too.\n");
  const TextMerged merged = write(base, "keep. drop this long sentence. keep too.\n");
  EXPECT_EQ(merged.content.text, "keep. long keep too.\n");
  EXPECT_TRUE(merged.merged);
}

TEST_F(TextTest, AVersionIsFoundAgainAfterARestart) {
  make("one\n");
  cluster_.run_for(1s);
  const std::string base = read().version;
  cluster_.run_for(1s);
  const auto editor = client(red_, 7);
  insert(editor, 0, "zero\n");
  remove(editor, 5, 2);
  ASSERT_EQ(text(red_), "zero\ne\n");
  cluster_.run_for(1s);
  cluster_.crash(red_);
  cluster_.restart(red_);
  cluster_.run_for(1s);
  EXPECT_EQ(write(base, "one\ntwo\n").content.text, "zero\ne\ntwo\n");
}

TEST_F(TextTest, UnknownVersionsAreConflicts) {
  make("one\n");
  const std::string base = read().version;
  const std::string other = std::string(32, '0') + base.substr(32);
  for (const std::string& bad : {std::string(), std::string("x"), base.substr(0, 32),
                                 base.substr(1), base + "g", other, std::string(100'000, 'a')}) {
    EXPECT_EQ(try_write(bad, "two\n").error().code, ErrorCode::kConflict) << bad.substr(0, 60);
  }
  EXPECT_EQ(text(red_), "one\n");
  EXPECT_EQ(try_write(base, "\xc3").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(try_write(base, std::string(kMergeTextBytesMax + 1, 'x')).error().code,
            ErrorCode::kLimitExceeded);
}

TEST_F(TextTest, RichTextIsNotWrittenAsPlain) {
  await(red_, CreateDocument{workspace_, "notes.md", "meeting", {}, std::nullopt});
  EXPECT_EQ(try_read().error().code, ErrorCode::kMalformed);
  EXPECT_EQ(try_read("default").error().code, ErrorCode::kMalformed);
  const auto other = try_read("other");
  ASSERT_TRUE(other);
  EXPECT_EQ(try_write(other->version, "x").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(try_write(other->version, "x", "default").error().code, ErrorCode::kMalformed);
}

TEST(TextVersions, ForgetTheOldest) {
  TextVersions versions;
  std::vector<crdt::IdRange> ranges;
  for (std::uint64_t i = 0; i < 200'000; ++i) ranges.push_back({1, 2 * i, 1});
  crdt::Snapshot snapshot{crdt::IdSet(ranges), {}};
  std::string first;
  std::string last;
  for (std::uint64_t i = 1; i < 60; ++i) {
    snapshot.state.advance(1, 1'000'000 + i);
    last = versions.note(DocumentId{}, snapshot, 7);
    if (first.empty()) first = last;
  }
  EXPECT_FALSE(versions.find(DocumentId{}, TextVersions::parse(first)->hash));
  EXPECT_EQ(versions.find(DocumentId{}, TextVersions::parse(last)->hash), snapshot);
  EXPECT_EQ(TextVersions::parse(last)->millis, 7u);
}

/// Two that poll and write whole texts, and an editor; each puts in words of its own and deletes
/// any. At the end what was put in is there, once and whole, unless somebody deleted it.
class TextSession : public TextTest {
 public:
  TextSession() : TextTest(1) {}
  void TestBody() override {}

 private:
  struct Poller {
    std::string text;
    std::string version;
  };

 public:
  void run(std::uint64_t seed) {
    SeededChoices choices(seed);
    make("");
    const auto editor = client(red_, 7);
    std::array<Poller, 2> pollers;
    for (Poller& one : pollers) {
      const TextContent content = read();
      one = {content.text, content.version};
    }
    std::set<std::string> there;
    std::set<std::string> deleted;
    std::uint64_t next = 0;
    const auto word = [&] {
      std::uint64_t mixed = (++next) * 0x9e3779b97f4a7c15u + seed;
      std::string out;
      for (int i = 0; i < 8; ++i, mixed = mixed * 6364136223846793005u + 1442695040888963407u) {
        out += static_cast<char>('a' + (mixed >> 59) % 26);
      }
      there.insert(out);
      return out;
    };
    const auto breaks = [](const std::string& text) {
      std::vector<std::size_t> out{0};
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ' ' || text[i] == '\n') out.push_back(i + 1);
      }
      return out;
    };
    /// From one break to the next: a word and what is after it. Nothing where that is no whole
    /// word.
    struct Change {
      std::size_t at;
      std::size_t length;
      std::string insert;
    };
    const auto change = [&](const std::string& text) -> Change {
      const std::vector<std::size_t> places = breaks(text);
      const std::size_t i = choices.below(places.size());
      if (i + 1 < places.size() && choices.chance(30)) {
        const std::string old = text.substr(places[i], places[i + 1] - places[i] - 1);
        if (!there.contains(old)) return {0, 0, ""};
        deleted.insert(old);
        return {places[i], places[i + 1] - places[i], choices.chance(50) ? word() + " " : ""};
      }
      return {places[i], 0, word() + (choices.chance(20) ? "\n" : " ")};
    };
    for (int step = 0; step < 60; ++step) {
      if (choices.chance(40)) {
        const Change one = change(cluster_.client(editor).text());
        if (one.length > 0) cluster_.client(editor).remove(one.at, one.length);
        if (!one.insert.empty()) cluster_.client(editor).insert(one.at, one.insert);
        if (choices.chance(60)) cluster_.deliver_to_server(editor);
        continue;
      }
      Poller& one = pollers[choices.below(2)];
      for (std::uint64_t n = choices.below(4); n > 0; --n) {
        const Change edit = change(one.text);
        one.text.replace(edit.at, edit.length, edit.insert);
      }
      if (choices.chance(30)) continue;  // It goes on from the same version.
      const TextMerged merged = write(one.version, one.text);
      one = {merged.content.text, merged.content.version};
    }
    cluster_.deliver_to_server(editor);
    cluster_.run_for(1s);
    for (Poller& one : pollers) (void)write(one.version, one.text);
    cluster_.run_for(1s);
    const std::string end = text(red_);
    EXPECT_EQ(cluster_.client(editor).text(), end);
    EXPECT_EQ(read().text, end);
    // One that was deleted may be back: who moves a word that another deletes puts it in anew.
    for (const std::string& one : there) {
      const std::size_t at = end.find(one);
      EXPECT_TRUE(at != std::string::npos || deleted.contains(one))
          << one << " is gone; COTERIE_SEED=" << seed << "\n"
          << end;
      EXPECT_TRUE(at == std::string::npos || end.find(one, at + 1) == std::string::npos)
          << one << " is there twice; COTERIE_SEED=" << seed;
    }
  }
};

TEST(TextSessions, NobodysWordsVanish) {
  testing::for_each_seed(30, [](std::uint64_t seed) { TextSession().run(seed); });
}

}  // namespace
}  // namespace coterie::node
