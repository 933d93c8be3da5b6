// What tests of whole nodes share: a cluster, a workspace, and what people do there.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "node/core/engine.hpp"
#include "tests/support/cluster.hpp"

namespace coterie::testing {

class ClusterTest : public ::testing::Test {
 protected:
  explicit ClusterTest(std::uint64_t seed) : cluster_(seed, {}) {}

  Result<node::CommandResult> try_await(Cluster::Node node, node::Command command) {
    const node::RequestId request = cluster_.command(node, std::move(command));
    EXPECT_TRUE(cluster_.run_until(std::chrono::minutes(15),
                                   [&] { return cluster_.reply(request) != nullptr; }));
    return *cluster_.reply(request);
  }
  node::CommandResult await(Cluster::Node node, node::Command command) {
    const auto result = try_await(node, std::move(command));
    EXPECT_TRUE(result) << (result ? "" : result.error().what);
    return result ? *result : node::CommandResult{};
  }
  void found(Cluster::Node node) {
    workspace_ =
        std::get<node::WorkspaceReady>(await(node, node::CreateWorkspace{"team"})).workspace;
  }
  std::string invite(Cluster::Node by, node::Role role = node::Role::kEditor,
                     std::uint32_t uses = 1, Duration valid_for = std::chrono::hours(1)) {
    const node::CreateInvite terms{workspace_, role, valid_for, uses};
    return std::get<node::InviteCreated>(await(by, terms)).invite;
  }
  void join(Cluster::Node node, Cluster::Node by, node::Role role = node::Role::kEditor) {
    await(node, node::JoinWorkspace{invite(by, role)});
  }

  /// A browser at `node`, which has what the node has.
  Cluster::ClientIndex client(Cluster::Node node, std::uint64_t id,
                              const std::string& path = "notes.md") {
    const auto index = cluster_.add_client(id, "c" + std::to_string(id));
    EXPECT_TRUE(cluster_.connect(index, node, "team", path));
    cluster_.run_for(std::chrono::milliseconds(300));
    return index;
  }
  /// At the end; it has not arrived yet.
  void type(Cluster::ClientIndex index, const std::string& words) {
    cluster_.client(index).insert(cluster_.client(index).length(), words);
    cluster_.deliver_to_server(index);
  }
  /// And until it is everywhere.
  void insert(Cluster::ClientIndex who, std::uint64_t at, const std::string& words) {
    cluster_.client(who).insert(at, words);
    cluster_.deliver_to_server(who);
    cluster_.run_for(std::chrono::milliseconds(500));
  }
  void remove(Cluster::ClientIndex who, std::uint64_t at, std::uint64_t length) {
    cluster_.client(who).remove(at, length);
    cluster_.deliver_to_server(who);
    cluster_.run_for(std::chrono::milliseconds(500));
  }
  std::string text(Cluster::Node node, const std::string& path = "notes.md") {
    const auto text = cluster_.engine(node).document_text(workspace_, path, "monaco");
    return text ? *text : std::string("?");
  }
  void part(Cluster::Node a, Cluster::Node b) {
    cluster_.network().cut(a, b);
    cluster_.network().cut(b, a);
  }

  Cluster cluster_;
  WorkspaceId workspace_;
};

}  // namespace coterie::testing
