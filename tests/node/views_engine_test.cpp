// What counts, through the engine's front door: removals, demotions and readmission with whole
// nodes, clients and disks in virtual time.

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/engine.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

constexpr const char* kPath = "notes.md";

class ViewsEngineTest : public testing::ClusterTest {
 protected:
  ViewsEngineTest() : ClusterTest(11) {
    host_ = cluster_.add_node("host");
    found(host_);
    eve_ = join("eve", Role::kEditor);
    viewer_ = join("viewer", Role::kViewer);
    cluster_.run_for(2s);
  }

  Cluster::Node join(const std::string& name, Role role) {
    const auto node = cluster_.add_node(name);
    ClusterTest::join(node, host_, role);
    return node;
  }
  Bytes state(Cluster::Node node) {
    const auto doc = cluster_.probe(node, "team", kPath);
    return doc ? doc->encode_state_as_update() : Bytes();
  }
  std::size_t acknowledgements_of(Cluster::Node node) {
    AuditQuery query;
    query.device = cluster_.id(node);
    const auto page = cluster_.engine(host_).audit(workspace_, query);
    EXPECT_TRUE(page);
    return static_cast<std::size_t>(
        std::count_if(page->items.begin(), page->items.end(), [](const AuditItem& item) {
          return item.kind == AuditItem::Kind::kOperation && item.operation == "acknowledge" &&
                 item.counts;
        }));
  }
  Bytes vector(Cluster::Node node) {
    const auto vector = cluster_.engine(node).document_state_vector(workspace_, kPath);
    return vector ? *vector : Bytes();
  }
  void expect_alike(Cluster::Node a, Cluster::Node b) {
    EXPECT_EQ(text(a), text(b));
    EXPECT_EQ(vector(a), vector(b));
    EXPECT_EQ(state(a), state(b));
    EXPECT_EQ(*cluster_.engine(a).frontier_digest(workspace_),
              *cluster_.engine(b).frontier_digest(workspace_));
  }

  Cluster::Node host_ = 0;
  Cluster::Node eve_ = 0;
  Cluster::Node viewer_ = 0;
};

TEST_F(ViewsEngineTest, AViewerTakesBackWhatNobodyAcknowledged) {
  const auto typist = client(host_, 101);
  type(typist, "base ");
  cluster_.run_for(1s);
  const auto reader = client(viewer_, 102);
  // The host is away while eve writes to the viewer.
  cluster_.crash(host_);
  const auto evil = client(eve_, 103);
  type(evil, "late ");
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(reader).text(), "base late ");
  cluster_.crash(eve_);
  cluster_.crash(viewer_);
  cluster_.restart(host_);
  await(host_, RemoveMember{workspace_, cluster_.id(eve_)});
  cluster_.restart(viewer_);
  const auto again = client(viewer_, 104);
  EXPECT_TRUE(cluster_.run_until(60s, [&] { return text(viewer_) == "base "; }));
  cluster_.run_for(20s);
  EXPECT_FALSE(cluster_.connected(again)) << "it held text that does not count";
  expect_alike(host_, viewer_);
  const auto aside = cluster_.engine(host_).set_aside(workspace_);
  ASSERT_TRUE(aside);
  ASSERT_EQ(aside->size(), 1u);
  EXPECT_EQ(aside->front().device, cluster_.id(eve_));

  await(host_, Readmit{workspace_, cluster_.id(eve_)});
  EXPECT_TRUE(cluster_.run_until(60s, [&] { return text(viewer_) == "base late "; }));
  EXPECT_EQ(text(host_), "base late ");
  cluster_.run_for(1s);
  expect_alike(host_, viewer_);
}

TEST_F(ViewsEngineTest, AHostVouchesForWhatIsStoodUpon) {
  const auto ann = join("ann", Role::kEditor);
  const auto typist = client(host_, 101);
  type(typist, "base ");
  cluster_.run_for(2s);
  for (const auto other : {eve_, ann, viewer_}) part(host_, other);
  cluster_.run_for(20s);
  const auto evil = client(eve_, 102);
  const auto honest = client(ann, 103);
  type(evil, "one ");
  cluster_.run_for(1s);
  type(honest, "honest ");
  cluster_.run_for(1s);
  ASSERT_EQ(text(viewer_), "base one honest ");
  cluster_.crash(ann);  // She never acknowledges what she held.
  cluster_.crash(eve_);
  await(host_, RemoveMember{workspace_, cluster_.id(eve_)});
  cluster_.network().heal_all(cluster_.now());
  ASSERT_TRUE(cluster_.run_until(60s, [&] { return text(host_) == "base one honest "; }))
      << text(host_);
  ASSERT_TRUE(cluster_.run_until(15s, [&] { return acknowledgements_of(host_) == 1; }));
  cluster_.run_for(30s);
  EXPECT_EQ(acknowledgements_of(host_), 1u) << "that settles it";
  expect_alike(host_, viewer_);

  // After a start there is nothing to settle either, and the same counts.
  cluster_.crash(host_);
  cluster_.restart(host_);
  cluster_.restart(ann);
  cluster_.run_for(1min);
  EXPECT_EQ(acknowledgements_of(host_), 1u);
  EXPECT_EQ(text(host_), "base one honest ");
  expect_alike(host_, ann);
  expect_alike(host_, viewer_);
}

TEST_F(ViewsEngineTest, WhoeverMayNotEditIsToldWhy) {
  for (const Role role : {Role::kCommenter, Role::kViewer}) {
    await(host_, SetRole{workspace_, cluster_.id(eve_), role});
    cluster_.run_for(3s);
    const auto refused = try_await(eve_, CreateDocument{workspace_, "x.md"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnauthorized);
    EXPECT_NE(
        std::string(refused.error().what).find(role == Role::kViewer ? "only read" : "comment"),
        std::string::npos)
        << refused.error().what;
    const auto writer = client(eve_, 200 + static_cast<std::uint64_t>(role));
    type(writer, "!");
    cluster_.run_for(1s);
    EXPECT_TRUE(cluster_.connected(writer)) << "it may read";
    EXPECT_EQ(cluster_.client(writer).refusals().size(), 1u);
    cluster_.disconnect(writer);  // Else what it holds is asked for again below.
  }
  await(host_, SetRole{workspace_, cluster_.id(eve_), Role::kEditor});
  cluster_.run_for(3s);
  const auto writer = client(eve_, 300);
  type(writer, "again");
  cluster_.run_for(3s);
  EXPECT_EQ(text(host_), "again");
  await(host_, RemoveMember{workspace_, cluster_.id(eve_)});
  cluster_.run_for(3s);
  const auto removed = try_await(eve_, CreateDocument{workspace_, "x.md"});
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(text(host_), "again") << "the host held it when it removed";
}

}  // namespace
}  // namespace coterie::node
