// Who may say what of checkpoint transfer to a node: members of the workspace, and nobody else.

#include <gtest/gtest.h>

#include "node/core/invite.hpp"
#include "node/core/transfer_messages.hpp"
#include "tests/support/cluster.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

class TransferEngineTest : public ::testing::Test {
 protected:
  TransferEngineTest() : cluster_(11, {}) {
    red_ = cluster_.add_node("red");
    workspace_ = std::get<WorkspaceReady>(await(CreateWorkspace{"team"}, red_)).workspace;
    green_ = cluster_.add_node("green");
    Cluster::Tap tap;
    tap.incoming = [this](const DeviceId&, Bytes frame) {
      const auto message = transport::decode(frame);
      const auto* application = message ? std::get_if<transport::Application>(&*message) : nullptr;
      if (application != nullptr && is_transfer_message(application->payload)) {
        heard_.push_back(*decode_transfer_message(application->payload));
      }
      return std::optional<Bytes>(std::move(frame));
    };
    cluster_.set_tap(green_, std::move(tap));
  }

  CommandResult await(Command command, Cluster::Node node) {
    const RequestId request = cluster_.command(node, std::move(command));
    EXPECT_TRUE(cluster_.run_until(1min, [&] { return cluster_.reply(request) != nullptr; }));
    const auto* result = cluster_.reply(request);
    EXPECT_TRUE(result != nullptr && *result);
    return result != nullptr && *result ? **result : CommandResult{};
  }
  std::string invite() {
    return std::get<InviteCreated>(
               await(CreateInvite{workspace_, Role::kEditor, std::chrono::hours(1), 1}, red_))
        .invite;
  }
  /// From green to red; whether there was a link.
  bool say(const TransferMessage& message) {
    const Bytes frame = encode(transport::Application{encode_transfer_message(message)});
    const bool sent = cluster_.inject(green_, red_, frame);
    cluster_.run_for(500ms);
    return sent;
  }

  Cluster cluster_;
  Cluster::Node red_ = 0;
  Cluster::Node green_ = 0;
  WorkspaceId workspace_;
  std::vector<TransferMessage> heard_;
};

TEST_F(TransferEngineTest, MembersAreAnsweredAndFaultsOfTheirsCounted) {
  await(JoinWorkspace{invite()}, green_);
  cluster_.run_for(5s);
  const Hash hash = crypto::hash(as_bytes("a bundle"));
  for (std::uint64_t offset = 0; offset < 20; ++offset) {
    ASSERT_TRUE(say(CheckpointFetch{workspace_, hash, offset}));
    ASSERT_EQ(heard_.size(), offset + 1);
    EXPECT_EQ(heard_.back(), TransferMessage(CheckpointPart{workspace_, hash, offset, {}}));
  }
  WorkspaceId other = workspace_;
  other.bytes[0] ^= 1;
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(say(CheckpointFetch{other, hash, 0}));
  EXPECT_TRUE(cluster_.linked(green_, red_));
  const Bytes cut = encode(transport::Application{Bytes{1, 6, 0}});
  ASSERT_TRUE(cluster_.inject(green_, red_, cut));
  EXPECT_TRUE(cluster_.run_until(1s, [&] { return !cluster_.linked(green_, red_); }));
  EXPECT_EQ(heard_.size(), 20u);
}

TEST_F(TransferEngineTest, GuestsAreNotAnswered) {
  const auto secret = parse_invite(invite());
  ASSERT_TRUE(secret);
  cluster_.dial_raw(green_, red_, invite_key(*secret).id());
  cluster_.run_for(1s);
  const Hash hash = crypto::hash(as_bytes("a bundle"));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(say(CheckpointFetch{workspace_, hash, 0})) << i;
  EXPECT_FALSE(say(CheckpointFetch{workspace_, hash, 0})) << "it was hung up on";
  EXPECT_TRUE(heard_.empty());
}

}  // namespace
}  // namespace coterie::node
