// Claim: one document takes 20,000 client updates a second on one core, coalesced, with signatures,
// encryption and presence of a second reader; and a second node follows.
//
// Virtual time and disks, so that what is measured is the engines' own CPU. Prints one line of JSON
// a situation. Usage: engine_bench [updates], default 50,000.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/cluster.hpp"

namespace {

using namespace coterie;
using namespace std::chrono_literals;
using testing::Cluster;

node::CommandResult await(Cluster& cluster, Cluster::Node at, node::Command command) {
  const auto request = cluster.command(at, std::move(command));
  cluster.run_until(10s, [&] { return cluster.reply(request) != nullptr; });
  COTERIE_ASSERT(cluster.reply(request) != nullptr && cluster.reply(request)->has_value());
  return **cluster.reply(request);
}

/// Typing, one character an update, as a provider sends it.
std::vector<Bytes> typed(std::size_t count) {
  crdt::Doc doc({.client_id = 77});
  std::vector<Bytes> updates;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t length = doc.text("monaco").size();
    const std::uint64_t at = i % 50 == 0 ? i * 7919 % (length + 1) : length;
    updates.push_back(doc.transact([&] { (void)doc.text("monaco").insert(at, "x"); }));
  }
  return updates;
}

void run(const char* name, std::size_t nodes, std::size_t count) {
  Cluster cluster(1, {});
  const auto red = cluster.add_node("red");
  const auto workspace =
      std::get<node::WorkspaceReady>(await(cluster, red, node::CreateWorkspace{"team"})).workspace;
  for (std::size_t i = 1; i < nodes; ++i) {
    const auto next = cluster.add_node("n" + std::to_string(i));
    const auto invite = std::get<node::InviteCreated>(
        await(cluster, red, node::CreateInvite{workspace, node::Role::kEditor, 1h, 1}));
    (void)await(cluster, next, node::JoinWorkspace{invite.invite});
  }
  const auto writer = cluster.add_client(1, "writer");
  const auto reader = cluster.add_client(2, "reader");
  COTERIE_ASSERT(cluster.connect(writer, red, "team", "d").has_value());
  COTERIE_ASSERT(cluster.connect(reader, nodes - 1, "team", "d").has_value());
  cluster.run_for(1s);
  const std::vector<Bytes> updates = typed(count);

  const auto start = std::chrono::steady_clock::now();
  for (const Bytes& update : updates) {
    cluster.client(writer).submit(update);
    cluster.deliver_to_server(writer);
    cluster.run_for(50us);
  }
  cluster.run_for(5s);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  COTERIE_ASSERT(cluster.client(reader).length() == count);
  std::printf(
      "{\"bench\": \"engine\", \"situation\": \"%s\", \"updates\": %zu, \"seconds\": %.3f, "
      "\"updates_per_second\": %.0f, \"entries\": %llu}\n",
      name, count, took.count(), static_cast<double>(count) / took.count(),
      static_cast<unsigned long long>(cluster.engine(red).workspaces().front().entries));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  run("a writer and a reader on one node", 1, count);
  run("a writer on one node, a reader on another", 2, count);
}
