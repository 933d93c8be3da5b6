// What a node does by itself about keys, against a member that makes it do more than it should.
// What it does for honest ones is removal_test.cpp's.

#include "node/core/steward.hpp"

#include <gtest/gtest.h>

#include "node/core/engine.hpp"
#include "node/core/limits.hpp"
#include "tests/support/adversary.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Adversary;
using testing::Cluster;

class StewardTest : public testing::ClusterTest {
 protected:
  StewardTest() : ClusterTest(5) {
    red_ = cluster_.add_node("red");
    evil_ = cluster_.add_node("evil");
    gang_ = std::make_unique<Adversary>(cluster_, std::vector<Cluster::Node>{evil_}, 5);
    found(red_);
    gang_->enter(workspace_);
    join(evil_, red_);
    cluster_.run_for(5s);
  }
  /// Key epochs that red began.
  std::size_t rotations() {
    std::size_t count = 0;
    for (const OperationView& one : gang_->membership().history()) {
      const bool rekey = std::holds_alternative<RekeyOperation>(*one.operation);
      if (rekey && one.log.device == cluster_.id(red_)) ++count;
    }
    return count;
  }

  Cluster::Node red_ = 0;
  Cluster::Node evil_ = 0;
  std::unique_ptr<Adversary> gang_;
};

/// Each key that nobody was given makes whoever may begin another one.
TEST_F(StewardTest, GarbageKeysAreHealedButNotWithoutEnd) {
  const std::size_t before = rotations();
  const Instant start = cluster_.now();
  for (int i = 0; i < 40; ++i) {
    gang_->send(gang_->rekey_with_garbage());
    cluster_.run_for(1s);
  }
  const std::size_t at_once = rotations() - before;
  EXPECT_GE(at_once, kRotationBurst);
  const auto refills = static_cast<std::size_t>((cluster_.now() - start) / kRotationRefill);
  EXPECT_LE(at_once, kRotationBurst + refills + 1);
  // What is written then waits for its turn, and is not lost.
  const auto writer = cluster_.add_client(100, "writer");
  ASSERT_TRUE(cluster_.connect(writer, red_, "team", "notes.md"));
  cluster_.run_for(300ms);
  cluster_.client(writer).insert(0, "patience");
  cluster_.deliver_to_server(writer);
  EXPECT_TRUE(cluster_.run_until(3min, [&] { return cluster_.client(writer).all_saved(); }));
}

}  // namespace
}  // namespace coterie::node
