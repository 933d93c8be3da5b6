// A modified node, for real: it holds the key file of a device and says over the wire whatever it
// likes in that device's name. tests/e2e/modified_node.mjs drives it against the real binary.
//
//     modified_node DATA WORKSPACE DEVICE ADDRESS [--push TEXT] [--find TEXT] [--client ID]...
//                   [--flood SECONDS --rate N]
//
// Links to DEVICE at ADDRESS as the device of DATA, and pulls all there is. With --push it then
// sends content that holds TEXT (naming current heads, none, unknown and old ones), operations it
// may have no right to, presence of others, and frames at and past their limits, over as many links
// as that takes. With --flood it writes N entries a second, each valid and a frame of its own, and
// comes back at once when its link is ended. Prints one line of JSON: whether it was linked, how
// many links it took, how many frames it sent, how many entries it was given, how many of them it
// could read, and whether one holds the text of --find.

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "node/identity/device_key_file.hpp"
#include "tests/support/workshop.hpp"
#include "transport/zmq/driver.hpp"

namespace coterie {
namespace {

using namespace std::chrono_literals;
using testing::Workshop;
using transport::ZmqDriver;

class ModifiedNode {
 public:
  ModifiedNode(crypto::SigningKey key, const DeviceId& peer, std::string address)
      : key_(std::move(key)), peer_(peer), address_(std::move(address)) {
    auto driver = ZmqDriver::start({.listen = {"tcp://127.0.0.1:*"}}, key_, [this] {
      const std::lock_guard lock(mutex_);
      ++signals_;
      changed_.notify_all();
    });
    COTERIE_ASSERT(driver.has_value());
    driver_ = *std::move(driver);
  }

  /// Dials once; whether there is a link now.
  bool link(Workshop& shop) {
    if (link_) return true;
    driver_->dial(peer_, address_);
    const auto until = std::chrono::steady_clock::now() + 10s;
    failed_ = false;
    while (!link_ && !failed_ && std::chrono::steady_clock::now() < until) take(shop, 200ms);
    if (!link_) return false;
    ++links;
    transport::Hello hello;
    hello.device = key_.id();
    hello.workspaces.push_back({shop.workspace(), Hash{}});
    send(transport::encode(hello));
    return true;
  }

  void send(Bytes frame) {
    // The driver itself sends no larger ones; tests/transport/zmq_hostile_test.cpp does.
    if (!link_ || frame.empty() || frame.size() > transport::kFrameBytesMax) return;
    driver_->send(*link_, transport::TrafficClass::kControl, std::move(frame));
    ++frames;
  }

  /// Listens until nothing comes for `quiet`.
  void take(Workshop& shop, std::chrono::milliseconds quiet) {
    auto until = std::chrono::steady_clock::now() + quiet;
    for (;;) {
      std::uint64_t seen = 0;
      {
        const std::lock_guard lock(mutex_);
        seen = signals_;
      }
      while (auto event = driver_->poll_event()) {
        if (handle(shop, *event)) until = std::chrono::steady_clock::now() + quiet;
      }
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, until, [&] { return signals_ != seen; })) return;
      if (std::chrono::steady_clock::now() > until) return;
    }
  }

  /// Asks for everything, until nothing more comes.
  void pull_all(Workshop& shop) {
    for (int round = 0; round < 20; ++round) {
      const std::size_t before = held(shop);
      send(transport::encode(transport::FrontierReport{shop.workspace(), true, {}}));
      take(shop, 400ms);
      for (const auto& [log, head] : claimed_) {
        const auto found = shop.archive().find(log);
        const Seq first = found == shop.archive().end() ? 1 : found->second.size() + 1;
        if (first > head.seq) continue;
        send(transport::encode(
            transport::Pull{shop.workspace(), log, first, transport::kPullBytesMax}));
      }
      take(shop, 400ms);
      if (held(shop) == before && round > 1) return;
    }
  }
  static std::size_t held(const Workshop& shop) {
    std::size_t entries = 0;
    for (const auto& [log, seen] : shop.archive()) entries += seen.size();
    return entries;
  }

  std::size_t links = 0;
  std::size_t frames = 0;

 private:
  /// Whether it was something that was waited for.
  bool handle(Workshop& shop, const ZmqDriver::Event& event) {
    if (const auto* up = std::get_if<ZmqDriver::LinkUp>(&event)) {
      link_ = up->link;
    } else if (const auto* down = std::get_if<ZmqDriver::LinkDown>(&event)) {
      if (link_ == down->link) link_.reset();
    } else if (std::holds_alternative<ZmqDriver::DialFailed>(event)) {
      failed_ = true;
    } else if (const auto* frame = std::get_if<ZmqDriver::Frame>(&event)) {
      shop.listen(frame->bytes);
      const auto message = transport::decode(frame->bytes);
      if (!message) return false;
      if (const auto* report = std::get_if<transport::FrontierReport>(&*message)) {
        claimed_ = report->heads;
      } else if (!std::holds_alternative<transport::Entries>(*message)) {
        return false;
      }
    } else {
      return false;
    }
    return true;
  }

  const crypto::SigningKey key_;
  const DeviceId peer_;
  const std::string address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t signals_ = 0;
  std::unique_ptr<ZmqDriver> driver_;
  std::optional<transport::LinkId> link_;
  bool failed_ = false;
  Frontier claimed_;
};

/// Entries of one letter, `rate` a second, for so long.
void flood(ModifiedNode& node, Workshop& shop, std::chrono::seconds time, std::size_t rate) {
  const auto key = shop.any_key();
  if (!key) return;
  auto pen = shop.fresh_log(0);
  std::vector<Bytes> frames;
  const std::size_t all = rate * static_cast<std::size_t>(time.count());
  for (std::size_t i = 0; i < all; ++i) {
    const auto made =
        shop.write(pen, shop.heads(), *key, shop.typed("flood.md", shop.fresh_client(), "x"));
    pen = made.at;
    frames.push_back(shop.frame_of(made));
  }
  std::printf("flooding\n");
  std::fflush(stdout);
  const auto start = std::chrono::steady_clock::now();
  const auto end = start + time;
  for (std::size_t sent = 0;;) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return;
    const auto due = static_cast<std::size_t>(std::chrono::duration<double>(now - start).count() *
                                              static_cast<double>(rate));
    for (; sent < std::min(due, all); ++sent) node.send(Bytes(frames[sent]));
    node.take(shop, 1ms);
    node.link(shop);
  }
}

/// Content that names every past there is, under every key that is held.
std::vector<Bytes> all_pasts(Workshop& shop, const std::string& text) {
  using Past = Workshop::Past;
  std::vector<Bytes> out;
  const auto add = [&](Workshop::Frames frames) {
    for (Bytes& frame : frames) out.push_back(std::move(frame));
  };
  std::vector<Hash> keys;
  for (const auto& [commitment, key] : shop.keys()) keys.push_back(commitment);
  for (const Hash& key : keys) {
    for (const Past past : {Past::kCurrent, Past::kNone, Past::kUnknown}) {
      add(shop.write_content(past, text, false, key));
      add(shop.write_content(past, text, true, key));
    }
    // Whatever anybody ever named.
    std::set<std::vector<Hash>> pasts;
    for (const auto& [log, seen] : shop.archive()) {
      for (const auto& one : seen) pasts.insert(one.entry.heads);
      if (pasts.size() > 32) break;
    }
    for (const auto& past : pasts) {
      add({shop.frame_of(shop.write(shop.fresh_log(0), past, key,
                                    shop.typed("notes.md", shop.fresh_client(), text)))});
    }
  }
  return out;
}

std::vector<Bytes> everything(Workshop& shop, const std::string& text,
                              const std::set<std::uint64_t>& clients) {
  std::vector<Bytes> out = all_pasts(shop, text);
  const auto add = [&](Workshop::Frames frames) {
    for (Bytes& frame : frames) out.push_back(std::move(frame));
  };
  for (int i = 0; i < 3; ++i) {
    add(shop.forge_in_others_logs(text));
    add(shop.equivocate(text));
    add(shop.forge_operations(shop.heads()));
    add(shop.forge_operations({}));
    add(shop.rekey_with_garbage());
    add(shop.backdate(text, shop.any()));
    for (const std::uint64_t client : clients) add(shop.reuse_client(client, 0, text));
    add(shop.forge_presence("notes.md", clients, R"({"user":{"name":")" + text + R"("}})"));
    add(shop.replay());
    add(shop.lie());
    add(shop.flood(60));
  }
  for (int i = 0; i < 12; ++i) add(shop.oversize(text));
  for (int i = 0; i < 12; ++i) add(shop.mangle());
  return out;
}

int run(const std::vector<std::string>& arguments) {
  std::string push;
  std::string find;
  std::set<std::uint64_t> clients{1};
  std::chrono::seconds flood_time{};
  std::size_t rate = 10'000;
  for (std::size_t i = 5; i + 1 < arguments.size(); i += 2) {
    if (arguments[i] == "--push") push = arguments[i + 1];
    if (arguments[i] == "--find") find = arguments[i + 1];
    if (arguments[i] == "--flood") flood_time = std::chrono::seconds(std::stoul(arguments[i + 1]));
    if (arguments[i] == "--rate") rate = std::stoul(arguments[i + 1]);
    if (arguments[i] == "--client") clients.insert(std::stoull(arguments[i + 1]));
  }
  const auto device = node::load_device({arguments[1]});
  const auto workspace = from_hex(arguments[2]);
  const auto peer = from_hex(arguments[3]);
  if (!device || !workspace || !peer) {
    std::fprintf(stderr, "modified_node: a key file, a workspace and a device are needed\n");
    return 2;
  }
  std::vector<crypto::SigningKey> keys;
  keys.push_back(device->key.clone());
  const auto seed =
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  Workshop shop(std::move(keys), seed, [] {
    return static_cast<WallMillis>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                       std::chrono::system_clock::now().time_since_epoch())
                                       .count());
  });
  shop.enter(*WorkspaceId::from(*workspace));
  ModifiedNode node(device->key.clone(), *DeviceId::from(*peer), arguments[4]);

  bool linked = node.link(shop);
  if (linked) node.pull_all(shop);
  shop.open_all_keys();
  if (flood_time > 0s && linked) flood(node, shop, flood_time, rate);
  if (!push.empty() && linked) {
    std::size_t on_this_link = 0;
    for (Bytes& frame : everything(shop, push, clients)) {
      node.send(std::move(frame));
      // Faults end a link; the next frames get a new one.
      if (++on_this_link % 4 == 0) node.take(shop, 20ms);
      if (!node.link(shop)) break;
    }
    node.take(shop, 1s);
    if (node.link(shop)) node.pull_all(shop);
  }

  std::size_t readable = 0;
  std::size_t unreadable = 0;
  bool found = false;
  for (const auto& [log, seen] : shop.archive()) {
    for (const auto& one : seen) {
      if (one.entry.entry_class != node::EntryClass::kContent) continue;
      const auto key = shop.keys().find(one.entry.key);
      const auto record = key == shop.keys().end()
                              ? Result<Bytes>(Error{ErrorCode::kNotFound, "no key"})
                              : node::open_entry(one.entry, key->second);
      if (!record) {
        ++unreadable;
        continue;
      }
      ++readable;
      if (!find.empty() && as_text(*record).find(find) != std::string_view::npos) found = true;
    }
  }
  std::printf(
      "{\"linked\":%s,\"links\":%zu,\"frames\":%zu,\"entries\":%zu,\"readable\":%zu,"
      "\"unreadable\":%zu,\"found\":%s}\n",
      linked ? "true" : "false", node.links, node.frames, ModifiedNode::held(shop), readable,
      unreadable, found ? "true" : "false");
  return 0;
}

}  // namespace
}  // namespace coterie

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  if (arguments.size() < 5 || !coterie::crypto::initialise()) {
    std::fprintf(stderr,
                 "usage: modified_node DATA WORKSPACE DEVICE ADDRESS [--push TEXT] [--find TEXT] "
                 "[--client ID]... [--flood SECONDS --rate N]\n");
    return 2;
  }
  return coterie::run(arguments);
}
