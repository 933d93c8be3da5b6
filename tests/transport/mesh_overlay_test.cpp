// With whom a mesh is linked: everybody in a small workspace, a few in a large one.

#include <algorithm>
#include <set>

#include "tests/transport/mesh_fixture.hpp"

namespace coterie::transport {
namespace {

class MeshOverlay : public MeshTest {
 protected:
  /// Devices 1 to `count`, with an address each; we are device 5.
  void join_with(std::size_t count, std::uint64_t workspace = 1) {
    std::vector<MemberAddress> members;
    for (std::uint64_t number = 1; number <= count; ++number) {
      members.push_back({device(number), {"tcp://host:" + std::to_string(number)}});
    }
    mesh_->set_workspace(at(), space(workspace), members);
  }
  static std::uint64_t number_of(const DeviceId& id) { return id.bytes[7]; }
  /// Answers the dials that are out by links that are up; returns how many.
  std::size_t connect() {
    const auto dials = outputs<Mesh::Dial>();
    outputs_.clear();
    for (const auto& dial : dials) {
      const LinkId link = ++links_;
      outgoing_.insert(link);
      up_[link] = dial.device;
      mesh_->handle_link_up(at(), link, dial.device, true, false);
      hello(link, dial.device);
    }
    return dials.size();
  }
  /// A member that is not linked yet dials us; it has `others` other links.
  LinkId accept(std::size_t others = 8) {
    std::uint64_t number = 100;
    const auto taken = [&] {
      return std::any_of(up_.begin(), up_.end(),
                         [&](const auto& item) { return item.second == device(number); });
    };
    while (taken()) ++number;
    const LinkId link = ++links_;
    up_[link] = device(number);
    mesh_->handle_link_up(at(), link, device(number), false, false);
    hello(link, device(number), others);
    return link;
  }
  void hello(LinkId link, const DeviceId& peer, std::size_t others = 8,
             std::uint64_t workspace = 1) {
    std::vector<DeviceId> neighbours;
    for (std::uint64_t i = 0; i < others; ++i) neighbours.push_back(device(200 + i));
    ASSERT_TRUE(receive(link, Hello{kFrameVersion, peer, false, {state(our_digest(), workspace)}}));
    ASSERT_TRUE(receive(link, Neighbours{space(workspace), neighbours, {}}));
  }
  void everybody_beats() {
    for (const auto& [link, peer] : up_) {
      (void)mesh_->handle_frame(at(), link, encode(Heartbeat{1, 0, 0, {state(our_digest())}}));
    }
    drain();
  }
  /// Removes links that were closed by the mesh from those that are up.
  std::size_t closed() {
    std::size_t count = 0;
    for (const auto& close : outputs<Mesh::CloseLink>()) count += up_.erase(close.link);
    return count;
  }

  std::map<LinkId, DeviceId> up_;
  std::set<LinkId> outgoing_;
  LinkId links_ = 0;
};

TEST_F(MeshOverlay, UpToThirtyTwoMembersAreAllDialled) {
  join_with(kFullMeshMembersMax);
  run_for(1s);
  EXPECT_EQ(outputs<Mesh::Dial>().size(), kFullMeshMembersMax - 1);
}

TEST_F(MeshOverlay, OfMoreAFewAreDialledAtFirstAndMoreWhenNobodyDialsUs) {
  join_with(kFullMeshMembersMax + 1);
  run_for(400ms);
  EXPECT_EQ(connect(), 4u);
  run_for(1s);
  EXPECT_EQ(connect(), 3u);
  run_for(1s);
  EXPECT_EQ(connect(), 0u);
}

TEST_F(MeshOverlay, LinksThatOthersOpenAreEnough) {
  join_with(200);
  for (int i = 0; i < 5; ++i) (void)accept();
  run_for(400ms);
  EXPECT_EQ(connect(), 4u) << "some are our own choice";
  run_for(1s);
  EXPECT_EQ(connect(), 0u);
}

TEST_F(MeshOverlay, WhoDoesNotAnswerIsReplaced) {
  join_with(200);
  run_for(400ms);
  auto dials = outputs<Mesh::Dial>();
  ASSERT_EQ(dials.size(), 4u);
  forget();
  mesh_->handle_dial_failed(at(), dials[0].device, dials[0].address);
  run_for(400ms);
  auto others = outputs<Mesh::Dial>();
  ASSERT_EQ(others.size(), 1u);
  EXPECT_NE(others[0].device, dials[0].device);
  // Three are silent: they are waited for a moment, not for the whole time that a dial may take.
  forget();
  run_for(1500ms);
  EXPECT_GE(outputs<Mesh::Dial>().size(), 3u);
}

TEST_F(MeshOverlay, WhereNobodyAnswersAllAreTriedButNotAtOnce) {
  join_with(200);
  run_for(5s);
  EXPECT_LE(outputs<Mesh::Dial>().size(), 88u);
  run_for(55s);
  std::set<DeviceId> tried;
  for (const auto& dial : outputs<Mesh::Dial>()) tried.insert(dial.device);
  EXPECT_EQ(tried.size(), 199u);
}

TEST_F(MeshOverlay, ALostLinkIsReplaced) {
  join_with(200);
  run_for(400ms);
  ASSERT_EQ(connect(), 4u);
  for (int i = 0; i < 4; ++i) (void)accept();
  run_for(1s);
  everybody_beats();
  outputs_.clear();
  mesh_->handle_link_down(at(), *outgoing_.begin());
  run_for(400ms);
  EXPECT_EQ(outputs<Mesh::Dial>().size(), 1u);
}

TEST_F(MeshOverlay, ASilentLinkIsReplacedBeforeItIsGivenUp) {
  join_with(200);
  run_for(400ms);
  ASSERT_EQ(connect(), 4u);
  run_for(100ms);
  outputs_.clear();
  run_for(4s);
  EXPECT_TRUE(outputs<Mesh::CloseLink>().empty()) << "it may still come back";
  EXPECT_GE(outputs<Mesh::Dial>().size(), 4u);
}

TEST_F(MeshOverlay, TooManyLinksOfOthersAreClosedButNoneOfOurChoice) {
  join_with(200);
  run_for(400ms);
  ASSERT_EQ(connect(), 4u);
  for (int i = 0; i < 20; ++i) (void)accept();
  run_for(1s);
  EXPECT_EQ(closed(), 15u) << "nine stay";
  EXPECT_EQ(sent<Goodbye>().size(), 15u);
  for (const LinkId link : outgoing_) EXPECT_TRUE(up_.contains(link));
}

TEST_F(MeshOverlay, NowAndThenALinkIsExchangedForOneToAnother) {
  join_with(200);
  run_for(400ms);
  ASSERT_EQ(connect(), 4u);
  for (int i = 0; i < 4; ++i) (void)accept();
  const std::set<LinkId> before = outgoing_;
  int exchanged = 0;
  for (int second = 0; second < 600; ++second) {
    run_for(1s);
    everybody_beats();
    const std::size_t dialled = connect();
    run_for(1s);
    EXPECT_EQ(closed(), dialled) << "one goes when one has come";
    exchanged += static_cast<int>(dialled);
    EXPECT_EQ(up_.size(), 8u);
  }
  EXPECT_GE(exchanged, 1200 / 90);
  EXPECT_LE(exchanged, 1200 / 30);
}

TEST_F(MeshOverlay, TheSlowestAreClosedFirst) {
  join_with(200);
  std::vector<LinkId> links;
  for (std::uint64_t i = 0; i < 9; ++i) {
    links.push_back(accept());
    const auto clock = static_cast<std::uint64_t>((now_ - Instant(1h)).count());
    // The answer took 10 ms less over each further link.
    pass(100ms);
    ASSERT_TRUE(receive(links.back(), Heartbeat{1, clock + 1, 10'000 * i, {state(our_digest())}}));
  }
  for (int i = 0; i < 4; ++i) links.push_back(accept());
  run_for(1s);
  std::set<LinkId> gone;
  for (const auto& close : outputs<Mesh::CloseLink>()) gone.insert(close.link);
  EXPECT_EQ(gone, (std::set<LinkId>(links.begin() + 9, links.end())))
      << "their times are not known";
}

TEST_F(MeshOverlay, WhoHasFewOtherLinksIsKept) {
  join_with(200);
  for (int i = 0; i < 40; ++i) (void)accept(5);
  run_for(1s);
  EXPECT_EQ(closed(), 0u) << "perhaps nobody but us can be reached by them";
  for (int i = 0; i < 3; ++i) (void)accept(6);
  run_for(1s);
  EXPECT_EQ(closed(), 3u);
}

TEST_F(MeshOverlay, ALinkThatASmallWorkspaceNeedsIsKept) {
  join_with(200);
  const LinkId first = accept();
  mesh_->set_workspace(at(), space(2), {{up_.at(first), {}}});
  for (int i = 0; i < 20; ++i) (void)accept();
  run_for(1s);
  EXPECT_GT(closed(), 0u);
  EXPECT_TRUE(up_.contains(first));
}

TEST_F(MeshOverlay, ALinkThatIsBeingPulledFromIsKept) {
  join_with(200);
  const LinkId first = accept();
  claim(first, log_of(1), 10);
  ASSERT_EQ(sent<Pull>(first).size(), 1u);
  for (int i = 0; i < 20; ++i) (void)accept();
  run_for(1s);
  EXPECT_GT(closed(), 0u);
  EXPECT_TRUE(up_.contains(first));
}

TEST_F(MeshOverlay, AWorkspaceThatShrinksBecomesAFullMesh) {
  join_with(200);
  run_for(400ms);
  ASSERT_EQ(connect(), 4u);
  outputs_.clear();
  join_with(20);
  run_for(1s);
  std::set<DeviceId> linked;
  for (const auto& [link, peer] : up_) {
    if (number_of(peer) <= 20) linked.insert(peer);
  }
  EXPECT_EQ(outputs<Mesh::Dial>().size() + linked.size(), 19u);
}

}  // namespace
}  // namespace coterie::transport
