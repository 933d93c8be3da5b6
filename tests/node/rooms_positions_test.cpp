// Comments on what an editor selected, given by Yjs relative positions: in rich text, and in code.

#include <gtest/gtest.h>

#include <random>

#include "crdt/relative_position.hpp"
#include "crdt/text.hpp"
#include "crdt/xml.hpp"
#include "tests/support/rooms_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;
using testing::RoomsTeam;

constexpr const char* kRich = "default";

class PositionsTest : public RoomsTeam {
 protected:
  PositionsTest() : RoomsTeam(815) {
    crdt::Doc doc({.client_id = 77});
    auto fragment = doc.xml_fragment(kRich);
    for (const char* line : {"The quick brown fox", "jumps over the dog"}) {
      auto paragraph = fragment.insert_element(fragment.size(), "paragraph");
      EXPECT_TRUE(paragraph && paragraph->insert_text(0, line));
    }
    EXPECT_TRUE(paragraph(doc, 0).format(10, 5, {{"strong", crdt::Any(crdt::Any::Object{})}}));
    put(red_, doc.encode_state_as_update());
  }
  void TestBody() override = 0;

  static crdt::XmlText paragraph(crdt::Doc& doc, std::uint64_t index) {
    const auto element = doc.xml_fragment(kRich).get(index);
    return element->as_xml_element().get(0)->as_xml_text();
  }
  void put(Cluster::Node node, const Bytes& update) {
    await(node, ImportDocument{workspace_, "notes.md", update});
    cluster_.run_for(2s);
  }
  crdt::Doc replica(Cluster::Node node) {
    crdt::Doc doc({.client_id = ++replicas_});
    const auto update = cluster_.engine(node).document_update(workspace_, "notes.md");
    EXPECT_TRUE(update && doc.load_update(*update));
    return doc;
  }
  /// Edits by somebody at that node.
  template <typename Edits>
  void edit(Cluster::Node node, Edits edits) {
    crdt::Doc doc = replica(node);
    const auto before = doc.state_vector();
    edits(doc);
    put(node, doc.encode_state_as_update(before));
  }
  std::string rich(Cluster::Node node) {
    crdt::Doc doc = replica(node);
    return doc.xml_fragment(kRich).to_string();
  }
  /// As y-prosemirror has them: both held to what comes after.
  static Bytes position(const crdt::SharedType& type, std::uint64_t index,
                        std::int64_t association = crdt::kAssociateRight) {
    return crdt::relative_position(type, index, association)->encode();
  }
  PositionRange between(std::uint64_t from, std::uint64_t to, std::uint64_t first = 0,
                        std::uint64_t last = 0) {
    crdt::Doc doc = replica(red_);
    return {kRich, position(paragraph(doc, first), from), position(paragraph(doc, last), to)};
  }
  Result<CommandResult> try_comment(Cluster::Node node, PositionRange range,
                                    std::optional<std::string> suggestion = {}) {
    PostMessage post{workspace_, "notes.md", {}, {}, std::move(range)};
    post.message.text = "this";
    post.message.suggestion = std::move(suggestion);
    return try_await(node, std::move(post));
  }
  Hash comment(Cluster::Node node, PositionRange range,
               std::optional<std::string> suggestion = {}) {
    const auto posted = try_comment(node, std::move(range), std::move(suggestion));
    EXPECT_TRUE(posted) << (posted ? "" : posted.error().what);
    cluster_.run_for(1s);
    return posted ? std::get<MessagePosted>(*posted).moment.hash : Hash{};
  }
  ErrorCode refusal(PositionRange range, std::optional<std::string> suggestion = {}) {
    const auto posted = try_comment(red_, std::move(range), std::move(suggestion));
    EXPECT_FALSE(posted);
    return posted ? ErrorCode::kIo : posted.error().code;
  }
  RoomItem newest(Cluster::Node node) {
    const RoomView view = room(node, RoomLane::Kind::kComments);
    EXPECT_FALSE(view.items.empty());
    return view.items.empty() ? RoomItem{} : view.items.front();
  }

 private:
  crdt::ClientId replicas_ = 1000;
};

TEST_F(PositionsTest, CommentsGoWithRichText) {
  PositionRange range = between(10, 15);
  range.quote = "brown";
  comment(green_, range);
  edit(blue_, [](crdt::Doc& doc) { EXPECT_TRUE(paragraph(doc, 0).insert(0, "See: ")); });
  for (const auto node : {red_, green_, blue_}) {
    const RoomItem item = newest(node);
    const auto& anchor = std::get<RangeAnchor>(item.message.anchor->place);
    EXPECT_EQ(item.message.anchor->quote, "brown");
    EXPECT_EQ(anchor.root, kRich);
    EXPECT_EQ(anchor.from, range.start);
    EXPECT_EQ(anchor.to, range.end);
    ASSERT_TRUE(item.place);
    EXPECT_TRUE(item.place->inside);
    EXPECT_EQ(item.place->from, 15u);
    EXPECT_EQ(item.place->to, 20u);
  }
  edit(red_, [](crdt::Doc& doc) { EXPECT_TRUE(paragraph(doc, 0).remove(10, 14)); });
  EXPECT_EQ(newest(green_).place->from, newest(green_).place->to);
}

TEST_F(PositionsTest, WhatStandsThereIsFoundWhereNobodySays) {
  comment(red_, between(4, 9));
  EXPECT_EQ(newest(blue_).message.anchor->quote, "quick");
  comment(red_, between(4, 5, 0, 1));
  EXPECT_EQ(newest(blue_).message.anchor->quote, "") << "of several paragraphs";
  ASSERT_TRUE(newest(blue_).place);
  EXPECT_LT(newest(blue_).place->from, newest(blue_).place->to);
  PositionRange said = between(4, 9);
  said.quote.emplace(kQuoteBytesMax, 'q');
  comment(red_, said);
  said.quote->push_back('q');
  EXPECT_EQ(refusal(said), ErrorCode::kLimitExceeded);
  said.quote = "\xff";
  EXPECT_EQ(refusal(said), ErrorCode::kMalformed);
}

TEST_F(PositionsTest, SuggestionsReplaceTextAndKeepItsFormat) {
  const Hash bold = comment(green_, between(10, 15), "red");
  const Hash mixed = comment(green_, between(12, 19), "wn wolf");
  ASSERT_TRUE(amend(blue_, bold, Amendment::kAccept));
  cluster_.run_for(2s);
  for (const auto node : {red_, green_, blue_}) {
    EXPECT_EQ(rich(node),
              "<paragraph>The quick <strong>red</strong> fox</paragraph>"
              "<paragraph>jumps over the dog</paragraph>");
  }
  // Of what the second was about, only " fox" is left.
  ASSERT_TRUE(amend(red_, mixed, Amendment::kAccept));
  cluster_.run_for(2s);
  EXPECT_NE(rich(green_).find("wn wolf"), std::string::npos);
  EXPECT_EQ(rich(green_).find("fox"), std::string::npos);
  EXPECT_EQ(amend(green_, bold, Amendment::kAccept).error().code, ErrorCode::kConflict);
  const Hash plain = comment(red_, between(0, 5, 1, 1), "leaps");
  ASSERT_TRUE(amend(red_, plain, Amendment::kAccept));
  EXPECT_NE(rich(red_).find("<paragraph>leaps over the dog</paragraph>"), std::string::npos);
}

TEST_F(PositionsTest, WhatTwoAcceptWhileApartIsWrittenOnce) {
  const Hash bold = comment(green_, between(10, 15), "red");
  part(red_, green_);
  part(green_, blue_);
  part(red_, blue_);
  EXPECT_TRUE(amend(red_, bold, Amendment::kAccept));
  EXPECT_TRUE(amend(green_, bold, Amendment::kAccept));
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(20s);
  for (const auto node : {red_, green_, blue_}) {
    EXPECT_EQ(rich(node),
              "<paragraph>The quick <strong>red</strong> fox</paragraph>"
              "<paragraph>jumps over the dog</paragraph>");
    EXPECT_TRUE(cluster_.engine(node).offenders(workspace_)->empty());
  }
}

TEST_F(PositionsTest, SuggestionsAreAboutOneParagraph) {
  EXPECT_EQ(refusal(between(10, 5, 0, 1), "x"), ErrorCode::kMalformed);
  crdt::Doc doc = replica(red_);
  const auto fragment = doc.xml_fragment(kRich);
  const PositionRange blocks{kRich, position(fragment, 0), position(fragment, 1)};
  comment(red_, blocks);
  EXPECT_EQ(refusal(blocks, "x"), ErrorCode::kMalformed);
  // A node that lets it pass finds others that do not carry it out.
  PostMessage post{workspace_, "notes.md", {}, {}};
  post.message.text = "all";
  post.message.suggestion = "x";
  const PositionRange wide = between(10, 5, 0, 1);
  post.message.anchor = Anchor{"", RangeAnchor{kRich, wide.start, wide.end}};
  const Hash forged = std::get<MessagePosted>(await(green_, post)).moment.hash;
  cluster_.run_for(1s);
  const std::string before = rich(red_);
  EXPECT_EQ(amend(red_, forged, Amendment::kAccept).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(rich(red_), before);
  const Hash gone = comment(red_, between(0, 5, 1, 1), "leaps");
  edit(red_, [](crdt::Doc& edited) { EXPECT_TRUE(edited.xml_fragment(kRich).remove(1)); });
  EXPECT_EQ(amend(red_, gone, Amendment::kAccept).error().code, ErrorCode::kConflict);
}

TEST_F(PositionsTest, HostilePositionsAreRefused) {
  const PositionRange good = between(10, 15);
  const auto with = [&](Bytes start, Bytes end, const char* root = kRich) {
    return refusal({root, std::move(start), std::move(end)});
  };
  EXPECT_EQ(with({}, {}), ErrorCode::kMalformed);
  EXPECT_EQ(with(good.start, {9, 9}), ErrorCode::kMalformed);
  EXPECT_EQ(with(Bytes(kAnchorBytesMax, 1), good.end), ErrorCode::kMalformed);
  EXPECT_EQ(with(Bytes(kAnchorBytesMax + 1, 1), good.end), ErrorCode::kLimitExceeded);
  EXPECT_EQ(with(good.end, good.start), ErrorCode::kMalformed) << "the wrong way round";
  EXPECT_EQ(with(good.start, good.start), ErrorCode::kMalformed) << "of nothing";
  EXPECT_EQ(with(good.start, good.end, "monaco"), ErrorCode::kConflict) << "of another root";
  EXPECT_EQ(with(good.start, good.end, "nowhere"), ErrorCode::kConflict);
  crdt::Doc doc = replica(red_);
  const auto code = doc.text("monaco");
  EXPECT_EQ(with(position(code, 1), position(code, 4)), ErrorCode::kConflict);
  const crdt::RelativePosition unknown{{}, {}, crdt::Id{4242, 7}, 0};
  EXPECT_EQ(with(unknown.encode(), good.end), ErrorCode::kConflict) << "of what has not come";
  // What another member's node let pass is shown without a place, and not carried out.
  PostMessage post{workspace_, "notes.md", {}, {}};
  post.message.text = "this";
  post.message.suggestion = "x";
  for (const auto& anchor :
       {RangeAnchor{kRich, {9, 9}, {}}, RangeAnchor{kRich, position(code, 1), position(code, 4)},
        RangeAnchor{"monaco", good.start, good.end}}) {
    post.message.anchor = Anchor{"", anchor};
    const Hash id = std::get<MessagePosted>(await(green_, post)).moment.hash;
    cluster_.run_for(1s);
    EXPECT_FALSE(newest(red_).place);
    EXPECT_EQ(amend(red_, id, Amendment::kAccept).error().code, ErrorCode::kConflict);
  }
}

TEST_F(PositionsTest, NoBytesDoHarm) {
  const PositionRange good = between(10, 15);
  std::mt19937_64 random(1);
  for (int round = 0; round < 500; ++round) {
    PositionRange range = good;
    for (Bytes* bytes : {&range.start, &range.end}) {
      for (auto& byte : *bytes) {
        if (random() % 4 == 0) byte = static_cast<std::uint8_t>(random());
      }
      if (random() % 4 == 0) bytes->resize(random() % 12);
    }
    const auto posted = try_comment(red_, std::move(range));
    if (posted) continue;
    const ErrorCode code = posted.error().code;
    EXPECT_TRUE(code == ErrorCode::kMalformed || code == ErrorCode::kConflict ||
                code == ErrorCode::kUnavailable);
  }
}

TEST_F(PositionsTest, CodeIsSelectedTheSameWay) {
  crdt::Doc doc = replica(red_);
  const auto code = doc.text("monaco");
  const Hash id = comment(
      green_, {"monaco", position(code, 10), position(code, 15, crdt::kAssociateLeft)}, "red");
  insert(writer_, 0, "Look: ");
  const RoomItem item = newest(blue_);
  EXPECT_EQ(item.message.anchor->quote, "brown");
  ASSERT_TRUE(item.place);
  EXPECT_FALSE(item.place->inside);
  EXPECT_EQ(item.place->from, 16u);
  ASSERT_TRUE(amend(red_, id, Amendment::kAccept));
  cluster_.run_for(1s);
  EXPECT_EQ(text(blue_), "Look: The quick red fox");
}

}  // namespace
}  // namespace coterie::node
