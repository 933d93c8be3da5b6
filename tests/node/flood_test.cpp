// Goal: a member that floods another is linked with no more for a while, what it wrote is not lost,
// and hosts are told, also those who were not flooded.

#include <algorithm>

#include "tests/support/cluster_test.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;

class Flood : public testing::ClusterTest {
 protected:
  Flood() : ClusterTest(4711) {
    host_ = cluster_.add_node("host");
    victim_ = cluster_.add_node("victim");
    flooder_ = cluster_.add_node("flooder");
    found(host_);
    join(victim_, host_);
    join(flooder_, host_);
    cluster_.run_for(20s);
  }

  /// 10,000 frames a second from the flooder to the victim.
  void flood(Duration time) {
    transport::Heartbeat beat;
    beat.sent_us = 1;
    const Bytes frame = transport::encode(beat);
    for (Duration past{}; past < time; past += 20ms) {
      for (int i = 0; i < 200; ++i) (void)cluster_.inject(flooder_, victim_, frame);
      cluster_.run_for(20ms);
    }
  }
  std::size_t told(testing::Cluster::Node node, const std::string& what) const {
    const auto& notices = cluster_.notices(node);
    return static_cast<std::size_t>(std::count_if(
        notices.begin(), notices.end(),
        [&](const Engine::Notice& notice) { return notice.text.find(what) != std::string::npos; }));
  }
  bool linked() {
    const auto peers = cluster_.engine(victim_).peers(workspace_);
    return std::any_of(peers->begin(), peers->end(), [&](const auto& peer) {
      return peer.linked && peer.device == cluster_.id(flooder_);
    });
  }

  testing::Cluster::Node host_ = 0;
  testing::Cluster::Node victim_ = 0;
  testing::Cluster::Node flooder_ = 0;
};

TEST_F(Flood, HostsAreToldAndTheFloodersWordsAreNotLost) {
  ASSERT_TRUE(linked());
  const auto writer = client(flooder_, 7);
  flood(15s);
  EXPECT_FALSE(linked());
  EXPECT_EQ(told(victim_, "floods this node"), 1u);
  type(writer, "still here");
  cluster_.run_for(10s);
  EXPECT_EQ(told(host_, "floods others, says device"), 1u);
  EXPECT_EQ(*cluster_.engine(victim_).document_text(workspace_, "notes.md", ""), "still here");
  const auto page = cluster_.engine(host_).audit(workspace_, {});
  ASSERT_TRUE(page);
  std::size_t reports = 0;
  for (const AuditItem& item : page->items) {
    if (item.kind != AuditItem::Kind::kReport) continue;
    ++reports;
    EXPECT_EQ(item.device, cluster_.id(victim_));
    EXPECT_EQ(item.subject, cluster_.id(flooder_));
  }
  EXPECT_EQ(reports, 1u);
  // It is over some time later, and a second time is not told again within the hour.
  EXPECT_TRUE(cluster_.run_until(3min, [&] { return linked(); }));
  flood(15s);
  cluster_.run_for(10s);
  EXPECT_EQ(told(victim_, "floods this node"), 2u);
  EXPECT_EQ(told(host_, "floods others, says device"), 1u);
}

}  // namespace
}  // namespace coterie::node
