// Who is in a document, what they do, and who is told of it: live, between nodes, and as records.

#include "node/core/rooms/attendance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "node/core/limits.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

// From awareness states.

class AttendanceTest : public ::testing::Test {
 protected:
  AttendanceTest() { room_.bytes.fill(1); }

  Now at() const { return {now_, 0}; }
  void say(crdt::ClientId client, const std::string& state, std::uint8_t device = 1) {
    DeviceId holder;
    holder.bytes.fill(device);
    attendance_.shown(at(), room_, {client, ++clock_, state}, holder);
  }
  void wait(Duration time) {
    const Instant until = now_ + time;
    while (attendance_.next_deadline() && *attendance_.next_deadline() <= until) {
      now_ = *attendance_.next_deadline();
      attendance_.handle_timeout(at());
    }
    now_ = until;
  }
  /// What was told since the last question.
  std::string told() {
    std::string all;
    for (const auto& one : attendance_.take_events()) {
      all += all.empty() ? "" : " ";
      if (const auto* joined = std::get_if<UserJoined>(&one.event)) {
        all += "+" + joined->participant.id;
      } else if (const auto* left = std::get_if<UserLeft>(&one.event)) {
        all += "-" + left->id;
      } else if (const auto* moved = std::get_if<CursorMoved>(&one.event)) {
        all += "@" + moved->id + moved->cursor;
      } else if (const auto* changed = std::get_if<PresenceChanged>(&one.event)) {
        const Participant& is = changed->participant;
        all += is.id + ":" + activeness_name(is.activeness) + (is.typing ? ",typing" : "");
      }
    }
    return all;
  }

  DocumentId room_;
  Attendance attendance_;
  Instant now_{std::chrono::hours(1)};
  std::uint64_t clock_ = 0;
};

TEST_F(AttendanceTest, PeopleComeMoveAndGo) {
  say(7, R"({"user":{"id":"a","name":"Ann","color":"#112233"}})");
  EXPECT_EQ(told(), "+a");
  say(7, R"({"user":{"id":"a","name":"Ann","color":"#112233"},"cursor":{"x":1}})");
  EXPECT_EQ(told(), R"(@a{"x":1})");
  say(7, R"({"user":{"id":"a","name":"Ann","color":"#112233"},"cursor":{"x":1}})");
  EXPECT_EQ(told(), "");
  say(7, "");
  EXPECT_EQ(told(), "-a");
  EXPECT_TRUE(attendance_.of(room_).empty());
}

TEST_F(AttendanceTest, TypingEndsAfterASecondAndPeopleBecomeIdleAndAway) {
  say(7, R"({"user":{"id":"a"},"typing":true})");
  EXPECT_TRUE(attendance_.of(room_).at(0).typing);
  (void)told();
  wait(999ms);
  EXPECT_EQ(told(), "");
  wait(1ms);
  EXPECT_EQ(told(), "a:active");
  wait(kPresenceIdleAfter - 2s);
  EXPECT_EQ(told(), "");
  wait(1s);
  EXPECT_EQ(told(), "a:idle");
  // Said again is not done again.
  say(7, R"({"user":{"id":"a"},"typing":true})");
  EXPECT_EQ(told(), "");
  wait(kPresenceAwayAfter);
  EXPECT_EQ(told(), "a:away");
  say(7, R"({"user":{"id":"a"},"typing":false})");
  EXPECT_EQ(told(), "a:active");
}

TEST_F(AttendanceTest, WhatItDeclaresIsNotDecidedByItself) {
  say(7, R"({"user":{"id":"a"},"status":"away"})");
  EXPECT_EQ(attendance_.of(room_).at(0).activeness, Activeness::kAway);
  say(7, R"({"user":{"id":"a"},"status":"active"})");
  (void)told();
  wait(1h);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(attendance_.of(room_).at(0).activeness, Activeness::kActive);
}

TEST_F(AttendanceTest, WindowsOfOnePersonAreOneParticipant) {
  say(7, R"({"user":{"id":"a"},"status":"away","cursor":1})");
  say(8, R"({"user":{"id":"a"},"status":"active","cursor":2})");
  ASSERT_EQ(attendance_.of(room_).size(), 1u);
  EXPECT_EQ(attendance_.of(room_)[0].activeness, Activeness::kActive);
  EXPECT_EQ(attendance_.of(room_)[0].cursor, "2");
  EXPECT_EQ(attendance_.of(room_)[0].clients.size(), 2u);
  (void)told();
  say(7, "");
  say(8, "");
  EXPECT_EQ(told(), "a:active -a");
  // The same id at another device is somebody else: anybody can take any id.
  say(7, R"({"user":{"id":"a"}})", 1);
  say(9, R"({"user":{"id":"a"}})", 2);
  EXPECT_EQ(attendance_.of(room_).size(), 2u);
}

TEST_F(AttendanceTest, NonsenseIsNobodyOrLeftOut) {
  for (const char* state : {"{}", R"({"user":7})", R"({"user":null})", R"({"cursor":{}})"}) {
    say(7, state);
    EXPECT_EQ(told(), "") << state;
  }
  say(7, R"({"user":{"id":7,"name":[],"color":"red; x"},"status":"dead","typing":"yes",)"
         R"("viewport":{"from":-1,"to":2},"file":{},"following":1})");
  const Participant is = attendance_.of(room_).at(0);
  EXPECT_EQ(is.id, "~7");
  EXPECT_EQ(is.name + is.color + is.file + is.following, "");
  EXPECT_FALSE(is.typing || is.viewport);
  // Long texts are cut at a character.
  std::string name(kParticipantNameBytesMax - 1, 'n');
  say(7, R"({"user":{"id":"a","name":")" + name + "\u00e9" + R"("}})");
  EXPECT_EQ(attendance_.of(room_).at(0).name, name);
  name.pop_back();
  say(7, R"({"user":{"id":"a","name":")" + name + "\u00e9" + R"("}})");
  EXPECT_EQ(attendance_.of(room_).at(0).name, name + "\u00e9");
}

TEST_F(AttendanceTest, AWatchersStateSaysTheSameOfIt) {
  Participant is;
  is.id = "a";
  is.name = "Ann \"x\"";
  is.color = "#a1B2c3";
  is.activeness = Activeness::kIdle;
  is.typing = true;
  is.file = "main.cpp";
  is.viewport = Participant::Lines{3, 40};
  is.cursor = R"({"anchor":1})";
  is.following = "b";
  say(7, awareness_of(is, true));
  Participant seen = attendance_.of(room_).at(0);
  seen.device = is.device;
  is.clients = {7};
  EXPECT_EQ(seen, is);
}

// Between nodes.

class WatchersTest : public testing::ClusterTest {
 protected:
  WatchersTest() : ClusterTest(99) {
    red_ = cluster_.add_node("red");
    blue_ = cluster_.add_node("blue");
    found(red_);
    join(blue_, red_);
    type(client(red_, 1), "text");
    cluster_.run_for(kAttendanceGrace * 2);  // The editor falls silent and is gone.
  }
  template <typename Of>
  std::size_t count(ClientHandle watcher) {
    const auto& told = cluster_.told(watcher);
    return static_cast<std::size_t>(std::count_if(told.begin(), told.end(), [](const auto& one) {
      return std::holds_alternative<Of>(*one.event);
    }));
  }
  ClientHandle watch(Cluster::Node node, const std::string& id, bool shown = true) {
    const ClientHandle handle =
        cluster_.watch(node, "notes.md", WatchOptions{id, "name of " + id, "#102030", shown});
    EXPECT_NE(handle, 0u);
    return handle;
  }
  std::string people(Cluster::Node node) {
    std::string all;
    const auto list = cluster_.engine(node).participants(workspace_, "notes.md");
    for (const Participant& one : *list) {
      if (one.id[0] != '~') all += (all.empty() ? "" : " ") + one.id;  // Not the editor.
    }
    return all;
  }
  std::vector<ActivityItem> activity(Cluster::Node node, const std::string& path = "notes.md") {
    const auto page = cluster_.engine(node).activity({workspace_, path, {}, 100});
    EXPECT_TRUE(page);
    auto items = page ? page->items : std::vector<ActivityItem>{};
    std::erase_if(items, [](const ActivityItem& one) { return one.author.guest[0] == '~'; });
    return items;
  }
  std::size_t count_activity(Cluster::Node node, ActivityItem::Kind kind) {
    const auto items = activity(node);
    return static_cast<std::size_t>(std::count_if(
        items.begin(), items.end(), [&](const auto& one) { return one.kind == kind; }));
  }

  Cluster::Node red_ = 0;
  Cluster::Node blue_ = 0;
};

TEST_F(WatchersTest, AreToldWhatIsSavedAndOnHowManyDevices) {
  const ClientHandle watcher = watch(red_, "ann");
  const auto editor = client(red_, 7);
  const auto last = [&]() -> std::optional<DocumentSaved> {
    std::optional<DocumentSaved> found;
    for (const auto& one : cluster_.told(watcher)) {
      if (const auto* saved = std::get_if<DocumentSaved>(one.event.get())) found = *saved;
    }
    return found;
  };
  type(editor, "more");
  cluster_.run_for(3s);
  ASSERT_TRUE(last());
  EXPECT_EQ(last()->holds.clock_of(7), 4u);
  EXPECT_EQ(last()->devices, 2u);
  EXPECT_EQ(last()->members, 2u);
  // On this device only, until the other is there again.
  part(red_, blue_);
  cluster_.run_for(10s);
  type(editor, "!");
  cluster_.run_for(3s);
  EXPECT_EQ(last()->holds.clock_of(7), 5u);
  EXPECT_EQ(last()->devices, 1u);
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(30s);
  EXPECT_EQ(last()->devices, 2u);
  EXPECT_TRUE(cluster_.client(editor).all_saved());
}

TEST_F(WatchersTest, SeeWhoComesMovesAndGoesAtOtherNodes) {
  const ClientHandle ann = watch(red_, "ann");
  const ClientHandle bob = watch(blue_, "bob");
  cluster_.run_for(1s);
  EXPECT_EQ(people(red_), people(blue_));
  EXPECT_EQ(count<UserJoined>(ann), 2u);  // Itself, too; the editor had been there.
  PresenceUpdate update;
  update.cursor = R"({"line":3})";
  ASSERT_TRUE(cluster_.show_watcher(blue_, bob, update));
  cluster_.run_for(200ms);
  EXPECT_EQ(count<CursorMoved>(ann), 1u);
  update = {};
  update.typing = true;
  ASSERT_TRUE(cluster_.show_watcher(blue_, bob, update));
  cluster_.run_for(500ms);
  EXPECT_EQ(count<PresenceChanged>(ann), 1u);
  cluster_.run_for(1s);
  EXPECT_EQ(count<PresenceChanged>(ann), 2u);  // Not typing any more.
  // A closed tab is gone at once.
  cluster_.unwatch(blue_, bob);
  cluster_.run_for(200ms);
  EXPECT_EQ(count<UserLeft>(ann), 1u);
  EXPECT_EQ(people(red_), "ann");
}

TEST_F(WatchersTest, WhoStaysIsSeenForHoursAndWhoIsCutOffForHalfAMinute) {
  const ClientHandle ann = watch(red_, "ann");
  watch(blue_, "bob");
  cluster_.run_for(10min);
  EXPECT_EQ(count<UserLeft>(ann), 0u);
  EXPECT_EQ(people(red_), people(blue_));
  part(red_, blue_);
  cluster_.run_for(40s);
  EXPECT_EQ(people(red_), "ann");
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(40s);
  EXPECT_EQ(people(red_), people(blue_));
}

TEST_F(WatchersTest, AreToldWhatIsSaidOnceItIsSafe) {
  const ClientHandle ann = watch(red_, "ann", false);
  const ClientHandle bob = watch(blue_, "bob", false);
  EXPECT_EQ(people(red_), "");
  PostMessage post{workspace_, "notes.md", {}, {}};
  post.message.text = "hello";
  post.message.guest = "bob";
  const Hash id = std::get<MessagePosted>(await(blue_, post)).moment.hash;
  cluster_.run_for(1s);
  EXPECT_EQ(count<MessageSaid>(ann), 1u);
  EXPECT_EQ(count<MessageSaid>(bob), 1u);
  await(blue_, AmendMessage{workspace_, {{}, id, Amendment::kDelete, "bob", ""}});
  cluster_.run_for(1s);
  EXPECT_EQ(count<MessageChanged>(ann), 1u);
  await(red_, SetState{workspace_, "notes.md", {{}, StateWord::What::kSet, "health", "\"ok\""}});
  cluster_.run_for(1s);
  EXPECT_EQ(count<StateChanged>(bob), 1u);
  // Who may say what is another matter now.
  await(red_, SetRole{workspace_, cluster_.id(blue_), Role::kViewer, true});
  cluster_.run_for(2s);
  EXPECT_GE(count<RoomReset>(ann), 1u);
  EXPECT_GE(count<RoomReset>(bob), 1u);
  cluster_.unwatch(red_, ann);
  const std::size_t told = cluster_.told(ann).size();
  post.message.guest.clear();
  await(red_, post);
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.told(ann).size(), told);
}

TEST_F(WatchersTest, AreKnownByTheNameTheyGaveLast) {
  const Author bob{cluster_.id(blue_), "bob"};
  const auto name = [&](Cluster::Node node, const Author& author) {
    return cluster_.engine(node).guest_name(workspace_, author);
  };
  EXPECT_EQ(name(red_, bob), "");
  const ClientHandle first = watch(blue_, "bob");
  cluster_.run_for(1s);
  for (const auto node : {red_, blue_}) EXPECT_EQ(name(node, bob), "name of bob");
  EXPECT_EQ(name(red_, {cluster_.id(red_), "bob"}), "") << "of another bridge";
  EXPECT_EQ(name(red_, {cluster_.id(blue_), ""}), "") << "an owner";
  // Once gone, as the records have it; also after a restart.
  cluster_.unwatch(blue_, first);
  cluster_.run_for(kAttendanceGrace + 10s);
  for (const auto node : {red_, blue_}) EXPECT_EQ(name(node, bob), "name of bob");
  const ClientHandle again =
      cluster_.watch(blue_, "notes.md", WatchOptions{"bob", "Robert", "", true});
  cluster_.run_for(1s);
  EXPECT_EQ(name(red_, bob), "Robert");
  cluster_.unwatch(blue_, again);
  cluster_.run_for(kAttendanceGrace + 10s);
  cluster_.crash(red_);
  cluster_.restart(red_);
  cluster_.run_for(5s);
  EXPECT_EQ(name(red_, bob), "Robert");
}

TEST_F(WatchersTest, WhatAGuestSaysOfTheSessionIsItsOwn) {
  SetState word{workspace_, "notes.md", {{}, StateWord::What::kSet, "health", "\"ok\"", "bob"}};
  await(blue_, word);
  cluster_.run_for(1s);
  const auto item = [&](Cluster::Node node) {
    const auto state = cluster_.engine(node).session_state(workspace_, "notes.md");
    return state && !state->empty() ? state->front() : StateItem{};
  };
  for (const auto node : {red_, blue_}) {
    EXPECT_EQ(item(node).device, cluster_.id(blue_));
    EXPECT_EQ(item(node).guest, "bob");
  }
  word.word.guest.clear();
  word.word.value = "\"bad\"";
  await(blue_, word);
  cluster_.run_for(1s);
  EXPECT_EQ(item(red_).guest, "");
  word.word = {{}, StateWord::What::kCount, "health", "3", "bob"};
  await(blue_, word);
  cluster_.run_for(1s);
  EXPECT_EQ(item(red_).guest, "bob");
  EXPECT_EQ(item(red_).value, "3");
  // Who is out says nothing, here or by a bridge that lets it.
  await(red_, SetGuestStanding{workspace_, "notes.md", cluster_.id(blue_), "bob", GuestWord::kOut});
  EXPECT_EQ(try_await(red_, SetState{workspace_, "notes.md", word.word}).has_value(), true)
      << "another guest, of another bridge";
  cluster_.run_for(1s);
  EXPECT_EQ(try_await(blue_, word).error().code, ErrorCode::kUnauthorized);
}

TEST_F(WatchersTest, AreSentAwayWithTheDocument) {
  const ClientHandle ann = watch(red_, "ann");
  const ClientHandle bob = watch(blue_, "bob");
  PutAway trash;
  trash.workspace = workspace_;
  trash.document = "notes.md";
  trash.how = PutAway::How::kTrash;
  await(red_, trash);
  cluster_.run_for(2s);
  PresenceUpdate update;
  EXPECT_EQ(cluster_.show_watcher(red_, ann, update).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(cluster_.show_watcher(blue_, bob, update).error().code, ErrorCode::kNotFound);
}

TEST_F(WatchersTest, AreToldWhenARoleInTheirDocumentChanges) {
  const ClientHandle ann = watch(red_, "ann");
  SetDocumentRole role;
  role.workspace = workspace_;
  role.device = cluster_.id(blue_);
  role.path = "other.md";
  role.role = Role::kViewer;
  await(red_, role);
  cluster_.run_for(2s);
  EXPECT_EQ(count<RoomReset>(ann), 0u);
  role.path = "notes.md";
  await(red_, role);
  cluster_.run_for(2s);
  EXPECT_GE(count<RoomReset>(ann), 1u);
}

TEST_F(WatchersTest, AreRefusedWhatIsNoPresence) {
  EXPECT_EQ(cluster_.watch(red_, "missing.md", {}), 0u);
  const auto tries = [&](WatchOptions options) {
    return cluster_.watch(red_, "notes.md", std::move(options)) != 0;
  };
  EXPECT_TRUE(tries({std::string(kGuestIdBytesMax, 'i'), "", "", true}));
  EXPECT_FALSE(tries({std::string(kGuestIdBytesMax + 1, 'i'), "", "", true}));
  EXPECT_TRUE(tries({"i", std::string(kParticipantNameBytesMax, 'n'), "", true}));
  EXPECT_FALSE(tries({"i", std::string(kParticipantNameBytesMax + 1, 'n'), "", true}));
  EXPECT_FALSE(tries({"i", "n", "red", true}));
  EXPECT_FALSE(tries({"\xff", "n", "", true}));
  const ClientHandle ann = watch(red_, "ann");
  PresenceUpdate update;
  update.cursor = "{";
  EXPECT_EQ(cluster_.show_watcher(red_, ann, update).error().code, ErrorCode::kMalformed);
  update.cursor = "\"" + std::string(kAwarenessStateBytesMax, 'c') + "\"";
  EXPECT_EQ(cluster_.show_watcher(red_, ann, update).error().code, ErrorCode::kLimitExceeded);
  update.cursor = "\"" + std::string(3000, 'c') + "\"";
  EXPECT_TRUE(cluster_.show_watcher(red_, ann, update));
  EXPECT_EQ(cluster_.show_watcher(red_, 12345, update).error().code, ErrorCode::kNotFound);
}

TEST_F(WatchersTest, ComingAndGoingIsRecordedButNoReload) {
  ClientHandle ann = watch(red_, "ann");
  cluster_.run_for(5s);
  cluster_.unwatch(red_, ann);
  cluster_.run_for(kAttendanceGrace / 2);
  ann = watch(red_, "ann");
  cluster_.run_for(kAttendanceGrace * 2);
  EXPECT_EQ(count_activity(blue_, ActivityItem::Kind::kJoined), 1u);
  EXPECT_EQ(count_activity(blue_, ActivityItem::Kind::kLeft), 0u);
  cluster_.unwatch(red_, ann);
  cluster_.run_for(kAttendanceGrace * 2);
  EXPECT_EQ(count_activity(blue_, ActivityItem::Kind::kLeft), 1u);
  EXPECT_EQ(activity(red_).front().name, "name of ann");
}

TEST_F(WatchersTest, WhoSaysAnotherNameAllTheTimeIsRecordedSoOftenAndNoMore) {
  const auto recorded = [&] {
    std::size_t all = 0;
    std::optional<RoomMoment> before;
    do {
      const auto page = cluster_.engine(blue_).activity({workspace_, "notes.md", before, 200});
      for (const ActivityItem& one : page->items) {
        all += one.kind == ActivityItem::Kind::kJoined ? 1 : 0;
      }
      before = page->older;
    } while (before);
    return all;
  };
  for (int i = 0; i < 500; ++i) {
    cluster_.unwatch(red_, watch(red_, "guest " + std::to_string(i)));
    cluster_.run_for(100ms);
  }
  cluster_.run_for(kAttendanceGrace * 2);
  const std::size_t flood = recorded();
  EXPECT_GE(flood, 200u);
  EXPECT_LE(flood, 215u);
  // Who stays is recorded once there is room.
  watch(red_, "ann");
  cluster_.run_for(1s);
  EXPECT_EQ(activity(blue_).front().author.guest, "ann");
}

TEST_F(WatchersTest, WhatWouldCountNowhereIsNotTaken) {
  StateWord word{{}, StateWord::What::kCount, "builds", "1"};
  std::vector<RequestId> requests;
  for (std::size_t i = 0; i < kStateWordsPerMinute + 10; ++i) {
    word.value = std::to_string(i);
    requests.push_back(cluster_.command(red_, SetState{workspace_, "notes.md", word}));
  }
  cluster_.run_for(5s);
  std::size_t taken = 0;
  for (const RequestId request : requests) {
    const auto* reply = cluster_.reply(request);
    ASSERT_NE(reply, nullptr);
    taken += *reply ? 1 : 0;
    EXPECT_TRUE(*reply || reply->error().code == ErrorCode::kUnavailable);
  }
  EXPECT_EQ(taken, kStateWordsPerMinute);
  const auto state = cluster_.engine(blue_).session_state(workspace_, "notes.md");
  ASSERT_EQ(state->size(), 1u);
  EXPECT_EQ(state->at(0).value, std::to_string(taken - 1));
  cluster_.run_for(2min);
  EXPECT_TRUE(try_await(red_, SetState{workspace_, "notes.md", word}));
}

TEST_F(WatchersTest, ADocumentInTheTrashIsNotTheOneThatHasItsPath) {
  const auto id = cluster_.engine(red_).document(workspace_, "notes.md")->id;
  ASSERT_EQ(cluster_.engine(red_).find_document(id)->path, "notes.md");
  await(red_, PutAway{workspace_, "notes.md", PutAway::How::kTrash});
  await(red_, CreateDocument{workspace_, "notes.md"});
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.engine(red_).find_document(id).error().code, ErrorCode::kNotFound);
}

// The session's state.

TEST_F(WatchersTest, TheStateOfASessionIsMergedByKey) {
  const auto set = [&](Cluster::Node node, StateWord::What what, const std::string& key,
                       const std::string& value) {
    return try_await(node, SetState{workspace_, "notes.md", {{}, what, key, value}});
  };
  const auto state = [&](Cluster::Node node) {
    std::string all;
    const auto items = cluster_.engine(node).session_state(workspace_, "notes.md");
    for (const StateItem& one : *items) all += one.key + "=" + one.value + " ";
    return all;
  };
  using What = StateWord::What;
  EXPECT_TRUE(set(red_, What::kSet, "status", "\"running\""));
  EXPECT_TRUE(set(red_, What::kCount, "builds", "2"));
  cluster_.run_for(1s);
  part(red_, blue_);
  EXPECT_TRUE(set(red_, What::kCount, "builds", "3"));
  EXPECT_TRUE(set(blue_, What::kCount, "builds", "4"));
  EXPECT_TRUE(set(blue_, What::kSet, "health", "{\"cpu\":1}"));
  EXPECT_TRUE(set(red_, What::kSet, "status", "\"red\""));
  cluster_.run_for(1s);
  EXPECT_TRUE(set(blue_, What::kSet, "status", "\"blue\""));
  cluster_.network().heal_all(cluster_.now());
  cluster_.run_for(20s);
  EXPECT_EQ(state(red_), "builds=7 health={\"cpu\":1} status=\"blue\" ");
  EXPECT_EQ(state(blue_), state(red_));
  EXPECT_TRUE(set(blue_, What::kRemove, "builds", ""));
  EXPECT_TRUE(set(red_, What::kRemove, "health", ""));
  cluster_.run_for(1s);
  EXPECT_EQ(state(red_), "status=\"blue\" ");
  // Counts that are older than the removal are not counted again.
  EXPECT_TRUE(set(blue_, What::kCount, "builds", "1"));
  cluster_.run_for(1s);
  EXPECT_EQ(state(red_), "builds=1 status=\"blue\" ");
  // Limits.
  EXPECT_TRUE(set(red_, What::kSet, std::string(kStateKeyBytesMax, 'k'), "1"));
  EXPECT_FALSE(set(red_, What::kSet, std::string(kStateKeyBytesMax + 1, 'k'), "1"));
  EXPECT_FALSE(set(red_, What::kSet, "", "1"));
  EXPECT_FALSE(set(red_, What::kSet, "a\nb", "1"));
  EXPECT_TRUE(set(red_, What::kSet, "long", '"' + std::string(kStateValueBytesMax - 2, 'v') + '"'));
  EXPECT_FALSE(
      set(red_, What::kSet, "long", '"' + std::string(kStateValueBytesMax - 1, 'v') + '"'));
  for (const char* value : {"", "{", "nope", "1 2"})
    EXPECT_FALSE(set(red_, What::kSet, "x", value));
  for (const char* value : {"", "1.5", "+1", "01", "99999999999999999999", "-0"}) {
    EXPECT_FALSE(set(red_, What::kCount, "x", value)) << value;
  }
}

// Activity.

TEST_F(WatchersTest, ActivityTellsWhoDidWhatAndPages) {
  PostMessage post{workspace_, "notes.md", {}, {}};
  for (int i = 0; i < 25; ++i) {
    post.message.text = "message " + std::to_string(i);
    await(i % 2 == 0 ? red_ : blue_, post);
    cluster_.run_for(100ms);
  }
  cluster_.run_for(2s);
  for (const std::string path : {"notes.md", ""}) {
    std::vector<RoomMoment> all;
    std::optional<RoomMoment> before;
    do {
      const auto page = cluster_.engine(blue_).activity({workspace_, path, before, 10});
      ASSERT_TRUE(page);
      for (const ActivityItem& one : page->items) all.push_back(one.moment);
      before = page->older;
    } while (before && all.size() < 1000);
    EXPECT_TRUE(std::is_sorted(all.rbegin(), all.rend()));
    EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
    const auto whole = activity(blue_, path);
    const auto page = cluster_.engine(blue_).activity({workspace_, path, {}, 100});
    EXPECT_EQ(all.size(), page->items.size()) << path;
    const auto has = [&](ActivityItem::Kind kind) {
      return std::any_of(whole.begin(), whole.end(),
                         [&](const auto& one) { return one.kind == kind; });
    };
    EXPECT_TRUE(has(ActivityItem::Kind::kEdited));
    EXPECT_TRUE(has(ActivityItem::Kind::kCreated));
    EXPECT_EQ(has(ActivityItem::Kind::kMembership), path.empty());
  }
  EXPECT_EQ(count_activity(red_, ActivityItem::Kind::kMessage), 25u);
  const auto refused = cluster_.engine(red_).activity({workspace_, "", {}, kActivityPageMax + 1});
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
}

/// More documents than fit a page, all edited within one hour.
TEST_F(WatchersTest, ActivityOfAnHourIsPagedWhole) {
  for (int i = 0; i < 14; ++i) {
    type(client(i % 2 == 0 ? red_ : blue_, 100 + static_cast<std::uint64_t>(i),
                "doc" + std::to_string(i)),
         "text");
  }
  cluster_.run_for(5s);
  std::multiset<std::string> edited;
  std::optional<RoomMoment> before;
  do {
    const auto page = cluster_.engine(blue_).activity({workspace_, "", before, 5});
    ASSERT_TRUE(page);
    for (const ActivityItem& one : page->items) {
      if (one.kind == ActivityItem::Kind::kEdited) edited.insert(one.path);
    }
    before = page->older;
  } while (before);
  EXPECT_EQ(edited.size(), 15u);  // And notes.md.
  EXPECT_EQ(std::set<std::string>(edited.begin(), edited.end()).size(), 15u);
}

}  // namespace
}  // namespace coterie::node
