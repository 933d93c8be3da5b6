// Two clients of one engine: the first sends what the fuzzer says, cut into messages; the second is
// a stock client that types. Whatever the first says, the second's edits are saved and shown.

#include <cstdint>

#include "tests/support/choices.hpp"
#include "tests/support/cluster.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coterie;
  using namespace std::chrono_literals;
  static const bool ready = crypto::initialise().has_value();
  COTERIE_ASSERT(ready);
  testing::Cluster cluster(1, {});
  const auto node = cluster.add_node("red");
  const auto request = cluster.command(node, node::CreateWorkspace{"team"});
  cluster.run_for(100ms);
  COTERIE_ASSERT(cluster.reply(request) != nullptr);
  const auto bad = cluster.add_client(1, "bad");
  const auto good = cluster.add_client(2, "good");
  COTERIE_ASSERT(cluster.connect(bad, node, "team", "d").has_value());
  COTERIE_ASSERT(cluster.connect(good, node, "team", "d").has_value());
  cluster.run_for(10ms);

  ByteReader in(ByteView(data, size));
  while (!in.at_end() && cluster.connected(bad)) {
    const std::uint8_t length = *in.read_u8();
    const auto message = *in.read_bytes(std::min<std::size_t>(length, in.remaining()));
    cluster.send_raw(bad, Bytes(message.begin(), message.end()));
    cluster.run_for(1ms);
  }
  cluster.disconnect(bad);
  cluster.client(good).insert(0, "kept");
  cluster.deliver_to_server(good);
  cluster.run_for(1s);
  COTERIE_ASSERT(cluster.connected(good) && cluster.client(good).all_saved());
  auto held = cluster.probe(node, "team", "d");
  COTERIE_ASSERT(held.has_value());
  COTERIE_ASSERT(held->root_text("monaco") == cluster.client(good).text());
  COTERIE_ASSERT(held->root_text("monaco").find("kept") != std::string::npos);
  for (const auto& notice : cluster.notices(node)) {
    COTERIE_ASSERT(notice.level != node::Engine::Notice::Level::kError);
  }
  return 0;
}
