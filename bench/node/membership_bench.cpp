// Claim: 10,000 membership operations of 200 members load in a second; one more costs microseconds.
//
// Prints one line of JSON a situation: linear (one host invites, admits, changes roles, removes),
// busy (every removal is acknowledged by all editors at once, then rekeyed), apart (two halves of
// the members write for 100 operations each before they hear of each other), and one member who
// writes from the oldest past, 1,000 times. Usage: membership_bench [operations], default 10,000.

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/support/membership_world.hpp"

namespace {

using namespace coterie;
using namespace coterie::node;
using testing::IssuedOperation;
using testing::MembershipWorld;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMembers = 200;

double milliseconds(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

/// Issues without remembering every past: the bench's own graph would cost more than ours.
class Issuer {
 public:
  Issuer() : random_(1) {
    for (std::size_t i = 0; i < kMembers; ++i) add_device();
    issue(0, {}, CreateOperation{"team", {}});
    workspace_.bytes = issued[0].hash.bytes;
    Hash tip = issued[0].hash;
    for (std::size_t i = 1; i < kMembers; ++i)
      tip = join(0, i, tip, i < 20 ? Role::kHost : Role::kEditor);
    start = tip;
  }

  std::size_t add_device() {
    devices.push_back(crypto::SigningKey::generate(random_));
    seqs_.push_back(0);
    return devices.size() - 1;
  }
  Hash issue(std::size_t author, std::vector<Hash> heads, const Operation& operation) {
    IssuedOperation one;
    one.log = {devices[author].id(), 1};
    one.seq = ++seqs_[author];
    one.time = std::uint64_t{1000} << 16;
    std::sort(heads.begin(), heads.end());
    one.heads = std::move(heads);
    one.payload = encode_operation(operation);
    one.genesis = issued.empty();
    random_.fill(one.hash.bytes);
    issued.push_back(std::move(one));
    return issued.back().hash;
  }
  Hash join(std::size_t host, std::size_t device, const Hash& tip, Role role) {
    const auto key = crypto::SigningKey::generate(random_);
    InviteOperation invite;
    invite.invite = key.id();
    invite.role = role;
    invite.expires = 2000;
    const Hash invited = issue(host, {tip}, invite);
    AdmitOperation admit;
    admit.device = devices[device].id();
    admit.name = "n";
    admit.role = role;
    admit.invite = key.id();
    admit.proof = key.sign(admission_proof(workspace_, admit.device).view());
    return issue(host, {invited}, admit);
  }
  RekeyOperation rekey(std::size_t boxes) {
    RekeyOperation out;
    random_.fill(out.key.bytes);
    out.boxes.resize(boxes);
    return out;
  }

  void measure(const char* name) {
    const auto begin = Clock::now();
    Membership membership(workspace_);
    double worst = 0;
    for (const auto& one : issued) {
      const auto before = Clock::now();
      COTERIE_ASSERT(membership.add(one.entry()).has_value());
      worst = std::max(worst, milliseconds(before));
    }
    const std::size_t members = membership.members().size();
    const double load = milliseconds(begin);
    // As a node meets them: the roster is looked at after each.
    const auto live = Clock::now();
    Membership present(workspace_);
    for (const auto& one : issued) {
      COTERIE_ASSERT(present.add(one.entry()).has_value());
      (void)present.find(devices[1].id());
      (void)present.standing(devices[1].id(), present.heads(), Right::kEdit);
    }
    const double lived = milliseconds(live);
    std::size_t counting = 0;
    for (const auto& view : membership.history()) counting += view.counts ? 1 : 0;
    std::printf(
        "{\"bench\":\"membership\",\"case\":\"%s\",\"operations\":%zu,\"counting\":%zu,"
        "\"members\":%zu,\"load_ms\":%.1f,\"worst_add_ms\":%.2f,\"live_us_per_operation\":%.1f}\n",
        name, issued.size(), counting, members, load, worst,
        1000 * lived / static_cast<double>(issued.size()));
  }

  std::vector<crypto::SigningKey> devices;
  std::vector<IssuedOperation> issued;
  Hash start;

 private:
  testing::SeededSecureRandom random_;
  WorkspaceId workspace_;
  std::vector<Seq> seqs_;
};

void linear(std::size_t operations) {
  Issuer world;
  Hash tip = world.start;
  for (std::size_t i = 0; world.issued.size() < operations; ++i) {
    const std::size_t device = 20 + i % (kMembers - 20);
    const std::size_t host = i % 20;
    tip = world.issue(host, {tip}, RoleOperation{world.devices[device].id(), Role::kViewer, {}});
    tip = world.issue(host, {tip}, RoleOperation{world.devices[device].id(), Role::kEditor, {}});
    if (i % 4 != 0) continue;
    tip = world.issue(host, {tip}, RemoveOperation{world.devices[device].id(), false, {}});
    tip = world.join(host, device, tip, Role::kEditor);
  }
  world.measure("linear");
}

void busy(std::size_t operations) {
  Issuer world;
  std::vector<Hash> tips{world.start};
  for (std::size_t i = 0; world.issued.size() < operations; ++i) {
    const std::size_t device = 20 + i % (kMembers - 20);
    const Hash removed =
        world.issue(0, tips, RemoveOperation{world.devices[device].id(), false, {}});
    std::vector<Hash> answers;
    for (std::size_t other = 1; other < kMembers; ++other) {
      if (other == device) continue;
      answers.push_back(world.issue(other, {removed}, AcknowledgeOperation{removed, {}}));
    }
    // An entry names at most 64 heads.
    while (answers.size() > 1) {
      std::vector<Hash> some(
          answers.end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(64, answers.size())),
          answers.end());
      answers.resize(answers.size() - some.size());
      answers.push_back(world.issue(0, some, world.rekey(kMembers - 1)));
    }
    tips = {world.join(0, device, answers[0], Role::kEditor)};
  }
  world.measure("busy");
}

void apart(std::size_t operations) {
  Issuer world;
  Hash tip = world.start;
  while (world.issued.size() < operations) {
    Hash sides[2] = {tip, tip};
    for (std::size_t i = 0; i < 100; ++i) {
      for (const std::size_t side : {0u, 1u}) {
        const std::size_t device = 20 + 2 * ((i + world.issued.size()) % 90) + side;
        const Role role = i % 2 == 0 ? Role::kViewer : Role::kEditor;
        sides[side] =
            world.issue(side, {sides[side]}, RoleOperation{world.devices[device].id(), role, {}});
      }
    }
    // While the two meet.
    for (std::size_t i = 0; i < 8; ++i) {
      sides[i % 2] = world.issue(2 + i % 2, {sides[0], sides[1]}, world.rekey(kMembers));
    }
    tip = world.issue(0, {sides[0], sides[1]}, world.rekey(kMembers));
  }
  world.measure("apart");
}

void from_the_oldest_past(std::size_t operations) {
  Issuer world;
  Hash tip = world.start;
  Hash spam = world.start;
  for (std::size_t i = 0; world.issued.size() < operations; ++i) {
    const std::size_t device = 20 + i % (kMembers - 20);
    tip = world.issue(i % 4, {tip}, RoleOperation{world.devices[device].id(), Role::kEditor, {}});
    // A host that sees nothing of it, removes and invites, and whom somebody hears now and then.
    if (i % 10 == 0 && i < 10'000) {
      spam = world.issue(4, {spam}, RoleOperation{world.devices[device].id(), Role::kViewer, {}});
    }
    if (i % 20 == 0) tip = world.issue(0, {tip, spam}, world.rekey(kMembers));
  }
  world.measure("from_the_oldest_past");
}

}  // namespace

int main(int argc, char** argv) {
  COTERIE_ASSERT(crypto::initialise().has_value());
  const std::size_t operations = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000;
  linear(operations);
  busy(operations);
  apart(operations);
  from_the_oldest_past(operations);
  return 0;
}
