// Claim: a new key for 200 devices is one entry of at most 22 KiB, made in 50 ms and taken in in
// 50 ms, signatures included; beside it, a sealed box of libsodium's for each device.
//
// The quickest of twenty rounds. Prints one line of JSON a situation. Usage: rotation_bench
// [devices], default 200.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "node/core/log/entry.hpp"
#include "tests/support/key_team.hpp"

namespace {

using namespace coterie;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 20;
constexpr double kLong = 1e9;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Entered {
  Bytes stored;
  Hash hash;
};

Entered enter(const crypto::SigningKey& author, const WorkspaceId& workspace, Seq seq,
              const std::vector<Hash>& heads, const Bytes& payload) {
  Entered out;
  const node::EntryPosition position{workspace, {author.id(), 1}, seq, {}};
  const node::Entry entry = node::sign_entry(position, node::EntryClass::kMembership, 1, heads,
                                             author, payload, out.hash);
  out.stored = node::encode_stored(entry);
  return out;
}

void print(const char* situation, std::size_t devices, std::size_t bytes, double make_ms,
           double apply_ms) {
  std::printf(
      "{\"bench\": \"rotation\", \"situation\": \"%s\", \"devices\": %zu, \"bytes\": %zu, "
      "\"make_ms\": %.2f, \"apply_ms\": %.2f}\n",
      situation, devices, bytes, make_ms, apply_ms);
}

}  // namespace

int main(int argc, char** argv) {
  COTERIE_ASSERT(crypto::initialise().has_value());
  const std::size_t devices = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200;
  testing::KeyTeam team(1);
  testing::KeyTeam::Device last = 0;
  for (std::size_t i = 1; i < devices; ++i) {
    last = team.stranger();
    team.admit(0, last, team.invite(0, node::Role::kEditor), node::Role::kEditor);
  }
  team.pass(0, last);

  std::size_t bytes = 0;
  double make = kLong;
  double apply = kLong;
  for (int round = 0; round < kRounds; ++round) {
    auto start = Clock::now();
    const std::vector<Hash> heads = team.membership(0).heads();
    auto made = team.ring(0).make_rekey(team.membership(0), false);
    COTERIE_ASSERT(made.has_value());
    const Bytes payload = node::encode_operation(made->operation);
    const Entered entry = enter(team.identity(0), team.workspace(), 1, heads, payload);
    make = std::min(make, ms_since(start));
    bytes = entry.stored.size();
    const Hash commitment = made->operation.key;
    team.ring(0).add(std::move(made->key));
    team.write(0, std::move(made->operation));

    start = Clock::now();
    const LogId log{team.id(0), 1};
    const auto run = node::verify_run(team.workspace(), log, {}, std::span(&entry.stored, 1));
    COTERIE_ASSERT(run.has_value());
    team.pass(0, last);
    Hash chosen;
    COTERIE_ASSERT(team.ring(last).write_key(team.membership(last), chosen) != nullptr);
    COTERIE_ASSERT(chosen == commitment && team.fit(last));
    apply = std::min(apply, ms_since(start));
  }
  print("one ephemeral key", devices, bytes, make, apply);

  std::vector<DeviceId> to;
  for (const auto& [device, member] : team.membership(0).members()) to.push_back(device);
  const crypto::SecretKey key = crypto::SecretKey::generate(team.random());
  make = apply = kLong;
  for (int round = 0; round < kRounds; ++round) {
    auto start = Clock::now();
    Bytes payload;
    Bytes mine;
    for (const DeviceId& device : to) {
      const Bytes box = *crypto::seal_to(device, team.random(), key.view());
      append(payload, device.view());  // Without an order to go by, each box names its device.
      append(payload, box);
      if (device == team.id(last)) mine = box;
    }
    const Entered entry = enter(team.identity(0), team.workspace(), 1, {}, payload);
    make = std::min(make, ms_since(start));
    bytes = entry.stored.size();
    start = Clock::now();
    COTERIE_ASSERT(
        node::verify_run(team.workspace(), {team.id(0), 1}, {}, std::span(&entry.stored, 1))
            .has_value());
    COTERIE_ASSERT(crypto::open_sealed(team.identity(last), mine).has_value());
    apply = std::min(apply, ms_since(start));
  }
  print("crypto_box_seal for each", devices, bytes, make, apply);
}
