// Links of a mesh: dialling, hello, heartbeats, loss, guests, and two links to one device.

#include <algorithm>
#include <deque>
#include <set>

#include "tests/support/choices.hpp"
#include "tests/transport/mesh_fixture.hpp"

namespace coterie::transport {
namespace {

using testing::AllChoices;
using testing::Choices;

class MeshLinks : public MeshTest {};

// Dialling.

TEST_F(MeshLinks, DialsMembersThatHaveAnAddressForEver) {
  join();
  run_for(1s);
  auto dials = outputs<Mesh::Dial>();
  ASSERT_EQ(dials.size(), 4u) << "devices 1 to 4, each once";
  forget();
  // Each failure is followed by another attempt, at most one longest delay later.
  Duration longest{};
  for (int round = 0; round < 50; ++round) {
    mesh_->handle_dial_failed(at(), device(1), "tcp://host:1");
    const Instant failed = now_;
    while (outputs<Mesh::Dial>().empty()) {
      ASSERT_LT(now_ - failed, 11s);
      run_for(50ms);
    }
    EXPECT_EQ(outputs<Mesh::Dial>()[0].device, device(1));
    longest = std::max(longest, now_ - failed);
    if (round == 0) {
      EXPECT_LE(now_ - failed, 300ms);
    }
    forget();
  }
  EXPECT_GT(longest, 5s) << "the delay grows";
}

TEST_F(MeshLinks, TriesEveryAddressBeforeItWaitsLong) {
  mesh_->set_workspace(at(), space(1), {{device(1), {"tcp://a:1", "tcp://b:1", "tcp://c:1"}}});
  std::vector<std::string> tried;
  const Instant start = now_;
  while (tried.size() < 3 && now_ < start + 10s) {
    for (const auto& dial : outputs<Mesh::Dial>()) {
      tried.push_back(dial.address);
      mesh_->handle_dial_failed(at(), dial.device, dial.address);
    }
    forget();
    run_for(20ms);
  }
  EXPECT_EQ(tried, (std::vector<std::string>{"tcp://a:1", "tcp://b:1", "tcp://c:1"}));
  EXPECT_LT(now_ - start, 1s);
}

TEST_F(MeshLinks, DoesNotDialWhoIsLinked) {
  join();
  link_with(1, 1);
  run_for(500ms);
  for (const auto& dial : outputs<Mesh::Dial>()) EXPECT_NE(dial.device, device(1));
  forget();
  mesh_->handle_link_down(at(), 1);
  run_for(1s);
  const auto dials = outputs<Mesh::Dial>();
  EXPECT_TRUE(std::any_of(dials.begin(), dials.end(),
                          [](const auto& dial) { return dial.device == device(1); }));
}

TEST_F(MeshLinks, WakingUpDialsAtOnce) {
  join({1, 5});
  run_for(1s);
  for (int i = 0; i < 12; ++i) {  // Far into the longest delay.
    mesh_->handle_dial_failed(at(), device(1), "tcp://host:1");
    forget();
    run_for(11s);
  }
  mesh_->handle_dial_failed(at(), device(1), "tcp://host:1");
  forget();
  // The machine sleeps an hour; its steady clock does not notice.
  wall_ += 3'600'000;
  mesh_->handle_timeout(at());
  EXPECT_EQ(outputs<Mesh::Dial>().size(), 1u);
  EXPECT_EQ(mesh_->counters().wakes, 1u);
}

TEST_F(MeshLinks, AfterWakingALinkGetsAMomentToProveItself) {
  join({1, 5});
  for (const bool alive : {true, false}) {
    const LinkId link = alive ? 1 : 2;
    link_with(link, 1);
    pass(30s);  // The process was stopped: nobody called.
    mesh_->handle_timeout(at());
    EXPECT_TRUE(outputs<Mesh::CloseLink>().empty());
    EXPECT_FALSE(sent<Heartbeat>(link).empty());
    if (alive) {
      run_for(1s);
      ASSERT_TRUE(receive(link, Heartbeat{}));
    }
    run_for(4s);
    EXPECT_EQ(outputs<Mesh::CloseLink>().empty(), alive);
    mesh_->handle_link_down(at(), link);
    forget();
  }
}

// Hello.

TEST_F(MeshLinks, TellsAPeerOnlyWhatItIsAMemberOf) {
  join({1, 2, 5}, 1);
  join({2, 5}, 2);
  mesh_->handle_link_up(at(), 1, device(1), true, false);
  mesh_->handle_link_up(at(), 2, device(2), true, false);
  const auto to_1 = sent<Hello>(1);
  ASSERT_EQ(to_1.size(), 1u);
  EXPECT_EQ(to_1[0].device, device(5));
  ASSERT_EQ(to_1[0].workspaces.size(), 1u);
  EXPECT_EQ(to_1[0].workspaces[0].workspace, space(1));
  EXPECT_EQ(sent<Hello>(2)[0].workspaces.size(), 2u);
  // Naming a workspace that one is not in gives nothing away.
  ASSERT_TRUE(receive(1, Hello{1, device(1), false, {state({}, 1), state({}, 2)}}));
  for (const auto& change : outputs<Mesh::LinkChanged>()) {
    EXPECT_EQ(change.workspace, space(1));
  }
  for (const auto& report : sent<FrontierReport>(1)) EXPECT_EQ(report.workspace, space(1));
}

TEST_F(MeshLinks, EveryFrameAboutAForeignWorkspaceIsRefused) {
  join({1, 5}, 1);
  join({2, 5}, 2);
  link_with(1, 1);
  const LogId log = log_of(1);
  for (const Message& message :
       {Message(FrontierReport{space(2), true, {}}), Message(Pull{space(2), log, 1, 100}),
        Message(Entries{space(2), log, 1, EntriesMode::kPushed, 1, {{1}}}),
        Message(Announce{space(2), log, 1}), Message(Awareness{space(2), device(1), 1, 1, {1}})}) {
    const Status status = receive(1, message);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kUnauthorized);
  }
  EXPECT_TRUE(sent_.empty());
  EXPECT_TRUE(outputs_.empty());
}

TEST_F(MeshLinks, HelloInAnotherNameIsRefused) {
  join();
  mesh_->handle_link_up(at(), 1, device(1), true, false);
  forget();
  const Status status = receive(1, Hello{1, device(2), false, {state(our_digest())}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnauthorized);
  EXPECT_TRUE(outputs<Mesh::LinkChanged>().empty());
}

TEST_F(MeshLinks, SaysWhenADeviceIsLinkedAndWhenNot) {
  join();
  mesh_->handle_link_up(at(), 1, device(1), true, false);
  EXPECT_TRUE(outputs<Mesh::LinkChanged>().empty()) << "not before its hello";
  ASSERT_TRUE(receive(1, Hello{1, device(1), false, {state(our_digest())}}));
  ASSERT_EQ(outputs<Mesh::LinkChanged>().size(), 1u);
  EXPECT_TRUE(outputs<Mesh::LinkChanged>()[0].linked);
  EXPECT_TRUE(status_of(1).linked);
  EXPECT_TRUE(status_of(1).in_step);
  forget();
  // It stops naming the workspace: it knows us no longer, or is no longer in it.
  ASSERT_TRUE(receive(1, Heartbeat{}));
  ASSERT_EQ(outputs<Mesh::LinkChanged>().size(), 1u);
  EXPECT_FALSE(outputs<Mesh::LinkChanged>()[0].linked);
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
  EXPECT_TRUE(status_of(1).linked);
  forget();
  mesh_->handle_link_down(at(), 1);
  ASSERT_EQ(outputs<Mesh::LinkChanged>().size(), 1u);
  EXPECT_FALSE(outputs<Mesh::LinkChanged>()[0].linked);
  EXPECT_FALSE(status_of(1).linked);
}

TEST_F(MeshLinks, ALostHelloIsMadeUpFor) {
  join();
  link_with(1, 1);
  // The peer did not get ours: it says hello again, and is answered; an answer is not.
  ASSERT_TRUE(receive(1, Hello{1, device(1), false, {state(our_digest())}}));
  ASSERT_EQ(sent<Hello>(1).size(), 1u);
  EXPECT_TRUE(sent<Hello>(1)[0].answer);
  forget();
  ASSERT_TRUE(receive(1, Hello{1, device(1), true, {state(our_digest())}}));
  EXPECT_TRUE(sent<Hello>(1).empty());
  // We did not get the peer's: ours is repeated with each heartbeat.
  mesh_->handle_link_up(at(), 2, device(2), true, false);
  run_for(5s);
  EXPECT_GE(sent<Hello>(2).size(), 3u);
  EXPECT_TRUE(sent<Heartbeat>(2).empty());
}

TEST_F(MeshLinks, FramesBeforeTheHelloAreNotHeard) {
  join();
  mesh_->handle_link_up(at(), 1, device(1), true, false);
  forget();
  EXPECT_TRUE(receive(1, entries(log_of(1), 1, 1, EntriesMode::kPushed)));
  EXPECT_TRUE(receive(1, Awareness{space(1), device(1), 1, 1, {1}}));
  EXPECT_TRUE(sent_.empty());
  EXPECT_TRUE(outputs_.empty());
}

TEST_F(MeshLinks, UnknownFramesAreIgnoredAndCounted) {
  join();
  link_with(1, 1);
  const Bytes later_kind = {0x93, 0x01, 0x63, 0xc0};
  const Bytes later_version = {0x92, 0x02, 0x01};
  EXPECT_TRUE(mesh_->handle_frame(at(), 1, later_kind));
  EXPECT_TRUE(mesh_->handle_frame(at(), 1, later_version));
  EXPECT_EQ(mesh_->counters().unknown_frames, 2u);
  EXPECT_FALSE(mesh_->handle_frame(at(), 1, Bytes{0xc1}));
}

// Membership.

TEST_F(MeshLinks, StrangersAreClosedAtOnce) {
  join({1, 5});
  mesh_->handle_link_up(at(), 1, device(8), false, false);
  ASSERT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
  EXPECT_TRUE(sent_.empty()) << "not a word to a stranger";
  forget();
  mesh_->handle_link_up(at(), 2, device(1), false, false);  // No hello yet.
  join({2, 5});
  ASSERT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
  EXPECT_EQ(outputs<Mesh::CloseLink>()[0].link, 2u);
}

TEST_F(MeshLinks, ARemovedDeviceIsNotHeardAnyMoreAndToldWhy) {
  join({1, 2, 5});
  (void)source_.add(log_of(2), 3);
  link_with(1, 1);
  link_with(2, 2);
  join({2, 5});
  ASSERT_EQ(outputs<Mesh::LinkChanged>().size(), 1u);
  EXPECT_FALSE(outputs<Mesh::LinkChanged>()[0].linked);
  EXPECT_TRUE(outputs<Mesh::CloseLink>().empty());
  forget();
  // From the first moment on.
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 2, EntriesMode::kPushed)));
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(2), 1, 1000}));
  ASSERT_TRUE(receive(1, Awareness{space(1), device(1), 7, 1, Bytes(10)}));
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
  EXPECT_TRUE(outputs_.empty());
  EXPECT_TRUE(sent_.empty());
  // What comes to be stored does not go there, but for the farewell.
  pass(100ms);
  const EntryRun removal = source_.add(log_of(2), 2);
  mesh_->entries_stored(at(), space(1), removal, 2);
  mesh_->publish_awareness(at(), space(1), 1, 1, Bytes(20));
  drain();
  EXPECT_TRUE(sent<Entries>(1).empty());
  EXPECT_TRUE(sent<Awareness>(1).empty());
  EXPECT_EQ(sent<Awareness>(2).size(), 1u);
  mesh_->farewell(at(), space(1), device(1), log_of(2), 4);
  const auto told = sent<Entries>(1);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].first, 4u) << "it was in step up to there";
  EXPECT_EQ(told[0].entries.size(), 1u) << "and no further than the removal";
  EXPECT_EQ(sent<Goodbye>(1).size(), 1u);
  forget();
  run_for(850ms);
  EXPECT_TRUE(outputs<Mesh::CloseLink>().empty());
  run_for(60ms);
  ASSERT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
  EXPECT_EQ(outputs<Mesh::CloseLink>()[0].link, 1u);
  forget();
  run_for(1min);
  for (const auto& dial : outputs<Mesh::Dial>()) EXPECT_NE(dial.device, device(1));
  mesh_->farewell(at(), space(1), device(1), log_of(2), 4);  // Too late: nothing.
  EXPECT_TRUE(sent<Entries>(1).empty());
}

TEST_F(MeshLinks, WhoIsRemovedFromOneWorkspaceStaysInTheOther) {
  join({1, 5}, 1);
  join({1, 5}, 2);
  mesh_->handle_link_up(at(), 1, device(1), false, false);
  ASSERT_TRUE(receive(
      1, Hello{kFrameVersion, device(1), false, {state(our_digest(), 1), state(our_digest(), 2)}}));
  forget();
  join({5}, 1);
  mesh_->farewell(at(), space(1), device(1), log_of(2), 4);
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 2, EntriesMode::kPushed)));
  EXPECT_TRUE(outputs<Mesh::RunReceived>().empty());
  Entries other = entries(log_of(1), 1, 2, EntriesMode::kPushed);
  other.workspace = space(2);
  ASSERT_TRUE(receive(1, other));
  EXPECT_EQ(outputs<Mesh::RunReceived>().size(), 1u);
  run_for(2s);
  EXPECT_TRUE(outputs<Mesh::CloseLink>().empty());
  EXPECT_TRUE(sent<Goodbye>(1).empty());
  // Let in again, it is heard again.
  forget();
  join({1, 5}, 1);
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest(), 1), state(our_digest(), 2)}}));
  ASSERT_TRUE(receive(1, entries(log_of(1), 1, 2, EntriesMode::kPushed)));
  EXPECT_EQ(outputs<Mesh::RunReceived>().size(), 1u);
}

TEST_F(MeshLinks, WhoIsLetInAgainBeforeTheFarewellIsOverKeepsItsLink) {
  join({1, 5});
  link_with(1, 1);
  join({5});
  pass(500ms);
  join({1, 5});
  ASSERT_TRUE(receive(1, Heartbeat{1, 0, 0, {state(our_digest())}}));
  run_for(2s);
  EXPECT_TRUE(outputs<Mesh::CloseLink>().empty());
  EXPECT_TRUE(status_of(1).linked);
}

TEST_F(MeshLinks, ANewWorkspaceIsNamedOnLinksThatAreUp) {
  join({1, 5}, 1);
  link_with(1, 1);
  join({1, 5}, 2);
  run_for(200ms);
  const auto heartbeats = sent<Heartbeat>(1);
  ASSERT_FALSE(heartbeats.empty());
  EXPECT_EQ(heartbeats.back().workspaces.size(), 2u);
}

// Life and death.

TEST_F(MeshLinks, HeartbeatsCarryClocksAndASilentLinkIsClosed) {
  join({1, 5});
  link_with(1, 1);
  run_for(2s);
  const auto heartbeats = sent<Heartbeat>(1);
  ASSERT_FALSE(heartbeats.empty());
  pass(30ms);
  ASSERT_TRUE(receive(1, Heartbeat{77, heartbeats.back().sent_us, 10'000, {state(our_digest())}}));
  const auto sent_at = Duration(static_cast<Duration::rep>(heartbeats.back().sent_us));
  EXPECT_EQ(*status_of(1).round_trip, now_ - Instant(1h) - sent_at - 10ms);
  EXPECT_EQ(*status_of(1).last_heard, now_);
  // An echo from the future, or one held for longer than there was, is no sample.
  const auto before = status_of(1).round_trip;
  ASSERT_TRUE(receive(1, Heartbeat{78, UINT64_MAX, 0, {state(our_digest())}}));
  ASSERT_TRUE(receive(1, Heartbeat{79, 1, UINT64_MAX, {state(our_digest())}}));
  EXPECT_EQ(status_of(1).round_trip, before);
  forget();
  run_for(4400ms);
  EXPECT_TRUE(outputs<Mesh::CloseLink>().empty());
  const auto later = sent<Heartbeat>(1);
  EXPECT_GE(later.size(), 2u);
  EXPECT_LE(later.size(), 6u);
  EXPECT_EQ(later.back().echo_us, 79u);
  run_for(100ms);
  ASSERT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
  EXPECT_EQ(mesh_->counters().links_timed_out, 1u);
}

TEST_F(MeshLinks, GoodbyeIsTheLastWord) {
  join({1, 2, 5});
  link_with(1, 1);
  link_with(2, 2);
  ASSERT_TRUE(receive(1, Goodbye{}));
  EXPECT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
  forget();
  sends_leave_ = false;
  write_much(8);  // More than the window takes.
  mesh_->shut_down(at());
  drain();
  ASSERT_FALSE(sent_.empty());
  EXPECT_TRUE(std::holds_alternative<Goodbye>(sent_.back().message));
  EXPECT_EQ(sent<Goodbye>(2).size(), 1u);
  std::size_t pushed = 0;
  for (const auto& run : sent<Entries>(2)) pushed += run.entries.size();
  EXPECT_EQ(pushed, 800u) << "what was stored before goes out first";
  EXPECT_FALSE(mesh_->next_deadline());
}

// Guests.

TEST_F(MeshLinks, GuestsExchangeApplicationFramesOnly) {
  join();
  mesh_->handle_link_up(at(), 1, device(80), false, true);
  drain();
  EXPECT_TRUE(sent_.empty()) << "no hello: it names workspaces";
  EXPECT_TRUE(receive(1, Application{{1, 2}}));
  ASSERT_EQ(outputs<Mesh::ApplicationReceived>().size(), 1u);
  EXPECT_TRUE(mesh_->send_application(at(), 1, Bytes{3}));
  EXPECT_EQ(sent<Application>(1).size(), 1u);
  for (const auto& [name, message] : testing::wire_samples()) {
    if (std::holds_alternative<Application>(message) || std::holds_alternative<Goodbye>(message)) {
      continue;
    }
    const Status status = receive(1, message);
    ASSERT_FALSE(status) << name;
    EXPECT_EQ(status.error().code, ErrorCode::kUnauthorized) << name;
  }
  write_own(1);
  mesh_->publish_awareness(at(), space(1), 1, 1, {1});
  run_for(3s);
  EXPECT_EQ(sent_.size(), 1u) << "nothing but the application frame";
}

TEST_F(MeshLinks, GuestsAreFewBriefAndSlow) {
  join({5});
  for (LinkId link = 1; link <= kGuestLinksMax; ++link) {
    mesh_->handle_link_up(at(), link, device(80), false, true);
  }
  EXPECT_TRUE(outputs<Mesh::CloseLink>().empty());
  mesh_->handle_link_up(at(), 99, device(80), false, true);
  ASSERT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
  EXPECT_EQ(outputs<Mesh::CloseLink>()[0].link, 99u);
  forget();
  for (std::uint64_t i = 0; i < kGuestFramesBurst; ++i) EXPECT_TRUE(receive(1, Application{{1}}));
  const Status over = receive(1, Application{{1}});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kLimitExceeded);
  pass(1s);
  for (std::uint64_t i = 0; i < kGuestFramesPerSecond; ++i) {
    EXPECT_TRUE(receive(1, Application{{1}}));
  }
  EXPECT_FALSE(receive(1, Application{{1}}));
  forget();
  run_for(kGuestStayMax - 1s - 1ms);
  EXPECT_TRUE(outputs<Mesh::CloseLink>().empty());
  run_for(1ms);
  EXPECT_EQ(outputs<Mesh::CloseLink>().size(), kGuestLinksMax);
}

TEST_F(MeshLinks, ApplicationFramesAreBounded) {
  join();
  link_with(1, 1);
  EXPECT_EQ(mesh_->send_application(at(), 7, Bytes{1}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(mesh_->send_application(at(), 1, Bytes(kApplicationBytesMax, 1)));
  EXPECT_EQ(mesh_->send_application(at(), 1, Bytes(kApplicationBytesMax + 1, 1)).error().code,
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(mesh_->send_application(at(), 1, {}).error().code, ErrorCode::kLimitExceeded);
  drain();
  sends_leave_ = false;
  int accepted = 0;
  while (mesh_->send_application(at(), 1, Bytes(kApplicationBytesMax, 1))) {
    drain();
    ASSERT_LT(++accepted, 100);
  }
  EXPECT_EQ(mesh_->send_application(at(), 1, Bytes(kApplicationBytesMax, 1)).error().code,
            ErrorCode::kUnavailable);
}

TEST_F(MeshLinks, BulkApplicationFramesWaitForTheirTurn) {
  source_.add(log_of(5), 2000, 1000);
  join();
  link_with(1, 1);
  EXPECT_FALSE(mesh_->takes_bulk(7));
  EXPECT_TRUE(mesh_->takes_bulk(1));
  sends_leave_ = false;
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(5), 1, kPullBytesMax}));
  const std::size_t pulled = sent<Entries>(1).size();
  EXPECT_GT(pulled, 0u);
  // The window has no room for bulk now, and has for what is urgent.
  ASSERT_TRUE(mesh_->send_application(at(), 1, Bytes(60'000, 1), TrafficClass::kBulk));
  EXPECT_FALSE(mesh_->takes_bulk(1));
  ASSERT_TRUE(mesh_->send_application(at(), 1, Bytes(10, 2)));
  ASSERT_EQ(sent<Application>(1).size(), 1u);
  EXPECT_EQ(sent<Application>(1)[0].payload.size(), 10u);
  // Then the two kinds of bulk take turns.
  const auto make_room = [&] {
    mesh_->handle_sent(at(), 1, std::exchange(unsent_[1], 0));
    sent_.clear();
    drain();
  };
  make_room();
  EXPECT_EQ(sent<Application>(1).size(), 1u);
  EXPECT_TRUE(mesh_->takes_bulk(1));
  for (const Sent& item : sent_) EXPECT_EQ(item.traffic_class, TrafficClass::kBulk);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(mesh_->send_application(at(), 1, Bytes(60'000, 1), TrafficClass::kBulk));
  }
  ASSERT_TRUE(receive(1, Pull{space(1), log_of(5), 1001, kPullBytesMax}));
  std::size_t parts = 0;
  std::size_t answers = 0;
  for (int i = 0; i < 4; ++i) {
    make_room();
    parts += sent<Application>(1).size();
    answers += sent<Entries>(1).size();
    if (parts < 3) {
      EXPECT_LE(std::max(parts, answers) - std::min(parts, answers), 2u);
    }
  }
  EXPECT_EQ(parts, 3u);
}

// Two links to one device. We are 5.

TEST_F(MeshLinks, TheSmallerDeviceKeepsItsOwnLink) {
  join();
  link_with(1, 9, true);
  link_with(2, 9, false);
  EXPECT_TRUE(outputs_.empty());
  const PeerStatus status = status_of(9);
  EXPECT_TRUE(status.linked);
  EXPECT_EQ(mesh_->counters().links_replaced, 1u);
  // Closed was the one they dialled: frames on it are not answered any more.
  EXPECT_TRUE(mesh_->send_application(at(), 1, Bytes{1}));
  EXPECT_FALSE(mesh_->send_application(at(), 2, Bytes{1}));
}

TEST_F(MeshLinks, TheLargerDeviceLeavesTheChoiceToTheOther) {
  join();
  link_with(1, 2, true);
  link_with(2, 2, false);
  EXPECT_EQ(mesh_->counters().links_replaced, 0u);
  mesh_->handle_link_down(at(), 1);
  EXPECT_TRUE(status_of(2).linked);
  EXPECT_TRUE(outputs<Mesh::LinkChanged>().empty()) << "it was linked all the time";
}

TEST_F(MeshLinks, ASilentOwnLinkGivesWay) {
  join();
  link_with(1, 9, true);
  run_for(4s);  // Nothing heard for two heartbeats.
  forget();
  mesh_->handle_link_up(at(), 2, device(9), false, false);
  ASSERT_TRUE(receive(2, Hello{1, device(9), false, {state(our_digest())}}));
  ASSERT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
  EXPECT_EQ(outputs<Mesh::CloseLink>()[0].link, 1u);
  EXPECT_TRUE(status_of(9).linked);
}

TEST_F(MeshLinks, OfOneDirectionTheNewerLinkStays) {
  join();
  for (const std::uint64_t peer : {2u, 9u}) {  // Smaller and larger than we are.
    const LinkId first = peer * 10;
    link_with(first, peer, false);
    mesh_->handle_link_up(at(), first + 1, device(peer), false, false);
    EXPECT_TRUE(outputs<Mesh::CloseLink>().empty()) << "not before it has proved itself";
    ASSERT_TRUE(receive(first + 1, Hello{1, device(peer), false, {state(our_digest())}}));
    ASSERT_EQ(outputs<Mesh::CloseLink>().size(), 1u);
    EXPECT_EQ(outputs<Mesh::CloseLink>()[0].link, first);
    EXPECT_TRUE(status_of(peer).linked);
    forget();
  }
}

TEST_F(MeshLinks, ADeviceHasFewLinks) {
  join();
  for (LinkId link = 1; link <= 20; ++link) {
    mesh_->handle_link_up(at(), link, device(2), false, false);
  }
  EXPECT_EQ(outputs<Mesh::CloseLink>().size(), 16u);
}

/// Two meshes that dial each other at the same time, and a network that delivers in every possible
/// order: in the end there is exactly one link, and it is the same one for both.
class Duel {
 public:
  explicit Duel(Choices& choices) : choices_(choices) {
    for (int side = 0; side < 2; ++side) {
      Mesh::Options options;
      options.self = device(1 + static_cast<std::uint64_t>(side));
      meshes_[side] = std::make_unique<Mesh>(now(), options, source_);
      const DeviceId other = device(2 - static_cast<std::uint64_t>(side));
      meshes_[side]->set_workspace(now(), space(1), {{other, {"tcp://other:1"}}});
    }
    // Link 1 was dialled by the first, 2 by the second; each end learns of each in its own time.
    for (const LinkId link : {1u, 2u}) {
      for (int side = 0; side < 2; ++side) queues_[side][link].push_back({});
    }
  }

  void run() {
    for (int step = 0; step < 200; ++step) {
      std::vector<std::pair<int, LinkId>> ready;
      for (int side = 0; side < 2; ++side) {
        for (auto& [link, queue] : queues_[side]) {
          if (!queue.empty()) ready.push_back({side, link});
        }
      }
      if (ready.empty()) break;
      // Orders matter while links come up; later ones would only multiply the same.
      const std::size_t pick = step < 8 ? choices_.below(ready.size()) : 0;
      deliver(ready[pick].first, ready[pick].second);
    }
    for (int side = 0; side < 2; ++side) {
      ASSERT_EQ(open_[side].size(), 1u);
      EXPECT_TRUE(meshes_[side]->peers(space(1))[0].linked);
    }
    EXPECT_EQ(open_[0], open_[1]);
  }

 private:
  struct Item {
    Bytes frame;  ///< Empty: the link comes up.
    bool down = false;
  };
  Now now() const { return {Instant(1h), 0}; }

  void deliver(int side, LinkId link) {
    const Item item = std::move(queues_[side][link].front());
    queues_[side][link].pop_front();
    if (item.down) {
      meshes_[side]->handle_link_down(now(), link);
      open_[side].erase(link);
    } else if (item.frame.empty()) {
      if (closed_.contains(link)) return;
      open_[side].insert(link);
      const DeviceId other = device(2 - static_cast<std::uint64_t>(side));
      meshes_[side]->handle_link_up(now(), link, other, link == LinkId(side) + 1, false);
    } else if (!closed_.contains(link)) {
      ASSERT_TRUE(meshes_[side]->handle_frame(now(), link, item.frame));
    }
    while (auto output = meshes_[side]->poll_output()) {
      if (auto* send = std::get_if<Mesh::SendFrame>(&*output)) {
        queues_[1 - side][send->link].push_back({std::move(send->frame)});
        meshes_[side]->handle_sent(now(), send->link, SIZE_MAX);
      } else if (auto* close = std::get_if<Mesh::CloseLink>(&*output)) {
        open_[side].erase(close->link);
        closed_.insert(close->link);
        queues_[1 - side][close->link].push_back({{}, true});
      }
    }
  }

  Choices& choices_;
  FakeSource source_;
  std::unique_ptr<Mesh> meshes_[2];
  std::map<LinkId, std::deque<Item>> queues_[2];
  std::set<LinkId> open_[2];
  std::set<LinkId> closed_;
};

TEST(MeshTieBreak, BothSidesComeToTheSameAnswerInEveryOrder) {
  AllChoices all;
  std::size_t orders = 0;
  while (all.next() && !::testing::Test::HasFailure()) {
    Duel(all).run();
    ++orders;
  }
  EXPECT_GT(orders, 500u);
}

}  // namespace
}  // namespace coterie::transport
