// What documents cost a node that has 10,000 of them: to list, to move a folder, to search, and to
// list again after the membership moved.
//
// Virtual time and disks in memory, so that what is measured is the engine's own CPU. Prints one
// line of JSON a situation. Usage: documents_bench [documents], default 10,000.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "node/core/limits.hpp"
#include "tests/support/cluster.hpp"

namespace {

using namespace coterie;
using namespace std::chrono_literals;
using testing::Cluster;

node::CommandResult await(Cluster& cluster, Cluster::Node at, node::Command command) {
  const auto request = cluster.command(at, std::move(command));
  cluster.run_until(60s, [&] { return cluster.reply(request) != nullptr; });
  COTERIE_ASSERT(cluster.reply(request) != nullptr && cluster.reply(request)->has_value());
  return **cluster.reply(request);
}

/// Of this process.
double cpu_ms() { return static_cast<double>(std::clock()) * 1000 / CLOCKS_PER_SEC; }

template <typename What>
void measure(const char* name, std::size_t count, What what) {
  const double begin = cpu_ms();
  const std::size_t things = what();
  std::printf("{\"what\":\"%s\",\"documents\":%zu,\"things\":%zu,\"ms\":%.2f}\n", name, count,
              things, cpu_ms() - begin);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
  Cluster cluster(1, {});
  const auto red = cluster.add_node("red");
  const auto ready = await(cluster, red, node::CreateWorkspace{"team"});
  const WorkspaceId id = std::get<node::WorkspaceReady>(ready).workspace;
  measure("create, each of a template", count, [&] {
    node::RequestId last = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string path = "folder" + std::to_string(i % 10) + "/" + std::to_string(i) + ".py";
      last = cluster.command(red, node::CreateDocument{id, path, "python", {{"title", path}}});
    }
    cluster.run_until(600s, [&] { return cluster.reply(last) != nullptr; });
    return count;
  });
  const auto list = [&] { return cluster.engine(red).documents(id)->size(); };
  measure("list, first", count, list);
  measure("list", count, list);
  measure("move a folder of a tenth", count, [&] {
    await(cluster, red, node::MoveDocuments{id, "folder0", "moved"});
    return count / 10;
  });
  measure("list, after the move", count, list);
  measure("the membership moves", count, [&] {
    await(cluster, red, node::CreateInvite{id, node::Role::kEditor, 1h, 1});
    return std::size_t{1};
  });
  measure("list, after the membership moved", count, list);
  cluster.crash(red);
  measure("start", count, [&] {
    cluster.restart(red);
    return std::size_t{1};
  });
  measure("list, after a start", count, list);
  double worst = 0;
  measure("search, in all", count, [&] {
    node::SearchQuery query{id, "nowhere to be found", "", {}, node::kSearchHitsMax};
    std::size_t pages = 0;
    do {
      const double begin = cpu_ms();
      query.after = cluster.engine(red).search(cluster.at(), query)->after;
      worst = std::max(worst, cpu_ms() - begin);
      ++pages;
    } while (query.after);
    return pages;
  });
  std::printf("{\"what\":\"search, the longest page\",\"documents\":%zu,\"ms\":%.2f}\n", count,
              worst);
}
