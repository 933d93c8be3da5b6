// Chat and comments: what is shown, by whom, and in every order.

#include "node/core/rooms/rooms.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "tests/support/rooms_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

// Records.

MessageRecord some_message() {
  MessageRecord message;
  message.document.bytes.fill(3);
  message.text = "hello";
  return message;
}

template <typename Of>
std::optional<Of> round_trip(const Of& record) {
  WorkspaceId workspace;
  const Bytes bytes = encode_record(record);
  const auto read = decode_record(workspace, bytes);
  if (!read) return std::nullopt;
  return std::get<Of>(*read);
}

TEST(RoomRecords, AreReadAsTheyWereWritten) {
  MessageRecord message = some_message();
  EXPECT_EQ(round_trip(message), message);
  message.thread = Hash{};
  message.guest = "g1";
  message.mentions = {DeviceId{}};
  EXPECT_EQ(round_trip(message), message);
  message.thread.reset();
  message.anchor = Anchor{"quoted", RangeAnchor{"monaco", Bytes{1, 2}, Bytes{3}}};
  message.suggestion = "better";
  EXPECT_EQ(round_trip(message), message);
  message.anchor = Anchor{"line", LineAnchor{3, 9}};
  EXPECT_EQ(round_trip(message), message);
  AmendRecord amendment;
  amendment.document.bytes.fill(3);
  for (int what = 1; what <= 8; ++what) {
    amendment.what = static_cast<Amendment>(what);
    amendment.text = what == 1 || what == 3 || what == 4 ? "x" : "";
    EXPECT_EQ(round_trip(amendment), amendment) << what;
  }
}

TEST(RoomRecords, WordsOfGuestsNameThem) {
  StateWord word;
  word.document.bytes.fill(3);
  word.key = "build";
  word.value = "5";
  const Bytes owner = encode_record(word);
  for (const auto what : {StateWord::What::kSet, StateWord::What::kCount}) {
    word.what = what;
    word.guest.clear();
    EXPECT_EQ(round_trip(word), word);
    word.guest.assign(kGuestIdBytesMax, 'g');
    EXPECT_EQ(round_trip(word), word);
    word.guest.push_back('g');
    EXPECT_FALSE(round_trip(word));
  }
  word.what = StateWord::What::kRemove;
  word.value.clear();
  word.guest = "ann";
  EXPECT_EQ(round_trip(word), word);
  // Of an owner the bytes are what they always were.
  constexpr std::size_t kWhat = 1 + DocumentId::kBytes;
  EXPECT_EQ(owner[kWhat], 1);
  const auto with = [&](std::uint8_t what, Bytes guest) {
    Bytes bytes(owner.begin(), owner.begin() + kWhat);
    bytes.push_back(what);
    append(bytes, guest);
    append(bytes, ByteView(owner).subspan(kWhat + 1));
    return decode_record({}, bytes).has_value();
  };
  EXPECT_TRUE(with(17, {1, 'g'}));
  EXPECT_FALSE(with(17, {0})) << "a guest without an id";
  EXPECT_FALSE(with(16, {1, 'g'}));
  EXPECT_FALSE(with(20, {1, 'g'}));
  EXPECT_FALSE(with(33, {1, 'g'}));
}

TEST(RoomRecords, LimitsHoldAtAndPastThem) {
  const auto fits = [](auto change) {
    MessageRecord message = some_message();
    change(message);
    return round_trip(message).has_value();
  };
  EXPECT_TRUE(fits([](auto& m) { m.text.assign(kMessageBytesMax, 'x'); }));
  EXPECT_FALSE(fits([](auto& m) { m.text.assign(kMessageBytesMax + 1, 'x'); }));
  EXPECT_TRUE(fits([](auto& m) { m.mentions.resize(kMentionsMax); }));
  EXPECT_FALSE(fits([](auto& m) { m.mentions.resize(kMentionsMax + 1); }));
  EXPECT_TRUE(fits([](auto& m) { m.guest.assign(kGuestIdBytesMax, 'g'); }));
  EXPECT_FALSE(fits([](auto& m) { m.guest.assign(kGuestIdBytesMax + 1, 'g'); }));
  const auto quoted = [](std::size_t quote, std::size_t position, std::size_t suggestion) {
    return [=](MessageRecord& m) {
      m.anchor = Anchor{std::string(quote, 'q'), RangeAnchor{"r", Bytes(position, 1), Bytes{1}}};
      m.suggestion = std::string(suggestion, 's');
    };
  };
  EXPECT_TRUE(fits(quoted(kQuoteBytesMax, kAnchorBytesMax, kSuggestionBytesMax)));
  EXPECT_FALSE(fits(quoted(kQuoteBytesMax + 1, 1, 1)));
  EXPECT_FALSE(fits(quoted(1, kAnchorBytesMax + 1, 1)));
  EXPECT_FALSE(fits(quoted(1, 1, kSuggestionBytesMax + 1)));
  EXPECT_FALSE(fits([](auto& m) { m.text = "\xff"; }));
  EXPECT_FALSE(fits([](auto& m) { m.text.clear(); }));
  AmendRecord reaction;
  reaction.what = Amendment::kReact;
  reaction.text.assign(kReactionBytesMax, 'x');
  EXPECT_TRUE(round_trip(reaction));
  reaction.text.push_back('x');
  EXPECT_FALSE(round_trip(reaction));
}

// Rooms of whole nodes.

using testing::RoomsTest;

TEST_F(RoomsTest, WhatIsSaidIsReadByAllInOneOrder) {
  say(red_, "one");
  cluster_.run_for(1s);
  say(green_, "two");
  cluster_.run_for(1s);
  say(blue_, "three");
  cluster_.run_for(1s);
  for (const auto node : {red_, green_, blue_}) EXPECT_EQ(texts(node), "one | two | three");
  EXPECT_EQ(room(red_).unread, 2u);
  const RoomMoment seen = room(red_).items.at(1).message.moment;
  await(red_, MarkRead{workspace_, "notes.md", RoomLane::Kind::kChat, "", seen});
  EXPECT_EQ(room(red_).unread, 1u);
}

TEST_F(RoomsTest, OnlyTheAuthorEditsAndDeletes) {
  const Hash one = say(red_, "one");
  const Hash two = say(red_, "two");
  cluster_.run_for(1s);
  EXPECT_EQ(amend(green_, one, Amendment::kEdit, "forged").error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(amend(green_, one, Amendment::kDelete).error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(amend(red_, one, Amendment::kDelete, "", "a guest").error().code,
            ErrorCode::kUnauthorized);
  EXPECT_TRUE(amend(red_, one, Amendment::kEdit, "one, better"));
  EXPECT_TRUE(amend(red_, two, Amendment::kDelete));
  cluster_.run_for(1s);
  for (const auto node : {red_, green_, blue_}) EXPECT_EQ(texts(node), "one, better | -");
  EXPECT_EQ(amend(red_, two, Amendment::kEdit, "back").error().code, ErrorCode::kNotFound);
}

TEST_F(RoomsTest, RepliesMentionsAndReactions) {
  const Hash one = say(red_, "one");
  cluster_.run_for(1s);
  MessageRecord reply;
  reply.reply = one;
  reply.mentions = {cluster_.id(red_)};
  const Hash two = say(green_, "two", reply);
  EXPECT_TRUE(amend(green_, one, Amendment::kReact, "+1"));
  EXPECT_TRUE(amend(blue_, one, Amendment::kReact, "+1"));
  EXPECT_TRUE(amend(blue_, one, Amendment::kReact, "heart"));
  EXPECT_TRUE(amend(blue_, one, Amendment::kUnreact, "heart"));
  cluster_.run_for(1s);
  const RoomView view = room(red_);
  EXPECT_EQ(view.items.at(0).message.reply, one);
  const auto& reactions = view.items.at(1).message.reactions;
  EXPECT_EQ(reactions.size(), 1u);
  EXPECT_EQ(reactions.at("+1").size(), 2u);
  const auto inbox = cluster_.engine(red_).mentions(
      cluster_.at(), RoomQuery{workspace_, "", RoomLane::Kind::kChat, {}, "", {}, 10});
  ASSERT_TRUE(inbox);
  ASSERT_EQ(inbox->items.size(), 1u);
  EXPECT_EQ(inbox->items[0].message.moment.hash, two);
}

TEST_F(RoomsTest, CommentsGoWithTheirText) {
  const auto posted = try_say(
      green_,
      [] {
        MessageRecord message;
        message.text = "which one?";
        message.suggestion = "red";
        return message;
      }(),
      TextRange{"monaco", 10, 15});
  ASSERT_TRUE(posted) << posted.error().what;
  const Hash comment = std::get<MessagePosted>(*posted).moment.hash;
  cluster_.run_for(1s);
  MessageRecord answer;
  answer.thread = comment;
  say(blue_, "that one", answer);
  insert(writer_, 0, "Look: ");
  cluster_.run_for(1s);
  for (const auto node : {red_, green_, blue_}) {
    const RoomView view = room(node, RoomLane::Kind::kComments);
    ASSERT_EQ(view.items.size(), 1u);
    EXPECT_EQ(view.items[0].message.anchor->quote, "brown");
    ASSERT_TRUE(view.items[0].place);
    EXPECT_EQ(view.items[0].place->from, 16u);
    EXPECT_EQ(view.items[0].place->to, 21u);
    EXPECT_EQ(room(node, RoomLane::Kind::kThread, comment).items.size(), 1u);
  }
  EXPECT_TRUE(amend(red_, comment, Amendment::kAccept));
  EXPECT_TRUE(amend(red_, comment, Amendment::kResolve));
  cluster_.run_for(1s);
  EXPECT_EQ(text(blue_), "Look: The quick red fox");
  const RoomMessage shown = room(blue_, RoomLane::Kind::kComments).items[0].message;
  EXPECT_TRUE(shown.resolved);
  EXPECT_EQ(shown.verdict, RoomMessage::Verdict::kAccepted);
  EXPECT_EQ(amend(green_, comment, Amendment::kAccept).error().code, ErrorCode::kConflict);
  EXPECT_EQ(text(green_), "Look: The quick red fox");
}

TEST_F(RoomsTest, WhatTwoAcceptWhileApartIsWrittenOnce) {
  MessageRecord message;
  message.text = "which one?";
  message.suggestion = "red";
  const auto posted = try_say(green_, message, TextRange{"monaco", 10, 15});
  ASSERT_TRUE(posted);
  const Hash comment = std::get<MessagePosted>(*posted).moment.hash;
  cluster_.run_for(2s);
  part(red_, green_);
  part(green_, blue_);
  part(red_, blue_);
  EXPECT_TRUE(amend(red_, comment, Amendment::kAccept));
  EXPECT_TRUE(amend(green_, comment, Amendment::kAccept));
  // One that was decided against meanwhile is accepted all the same: the text was changed.
  EXPECT_TRUE(amend(blue_, comment, Amendment::kDismiss));
  EXPECT_EQ(amend(blue_, comment, Amendment::kAccept).error().code, ErrorCode::kConflict);
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(20s);
  for (const auto node : {red_, green_, blue_}) {
    EXPECT_EQ(text(node), "The quick red fox");
    EXPECT_EQ(room(node, RoomLane::Kind::kComments).items[0].message.verdict,
              RoomMessage::Verdict::kAccepted);
    EXPECT_TRUE(cluster_.engine(node).offenders(workspace_)->empty());
  }
  EXPECT_EQ(amend(red_, comment, Amendment::kDismiss).error().code, ErrorCode::kConflict);
}

TEST_F(RoomsTest, ThreeThatWereApartAgree) {
  const Hash one = say(red_, "one");
  cluster_.run_for(2s);
  part(red_, green_);
  part(green_, blue_);
  part(red_, blue_);
  say(red_, "of red");
  say(green_, "of green");
  const Hash gone = say(blue_, "of blue");
  EXPECT_TRUE(amend(blue_, gone, Amendment::kDelete));
  EXPECT_TRUE(amend(red_, one, Amendment::kEdit, "one, edited"));
  EXPECT_TRUE(amend(green_, one, Amendment::kReact, "+1"));
  EXPECT_TRUE(amend(blue_, one, Amendment::kReact, "-1"));
  insert(writer_, 4, "very ");
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(20s);
  EXPECT_EQ(everything(red_), everything(green_));
  EXPECT_EQ(everything(red_), everything(blue_));
  EXPECT_EQ(room(red_).items.size(), 4u);
}

TEST_F(RoomsTest, ViewersSayNothing) {
  const auto grey = cluster_.add_node("grey");
  join(grey, red_, Role::kViewer);
  cluster_.run_for(2s);
  MessageRecord message;
  message.text = "me too";
  EXPECT_EQ(try_say(grey, message).error().code, ErrorCode::kUnauthorized);
  // Whose right is taken away: what was said unseen after it does not count.
  say(green_, "before");
  cluster_.run_for(1s);
  part(red_, green_);
  part(green_, blue_);
  part(green_, grey);
  await(red_, SetRole{workspace_, cluster_.id(green_), Role::kViewer, true});
  cluster_.run_for(1s);  // Everybody else notes how far they hold what green wrote.
  say(green_, "after");
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(20s);
  for (const auto node : {red_, green_, blue_}) EXPECT_EQ(texts(node), "before");
}

TEST_F(RoomsTest, RoomsSurviveACrash) {
  say(red_, "one");
  cluster_.run_for(1s);
  const std::string before = everything(red_);
  cluster_.crash(red_);
  cluster_.restart(red_);
  EXPECT_EQ(everything(red_), before);
}

}  // namespace
}  // namespace coterie::node
