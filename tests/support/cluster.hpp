// Whole nodes in virtual time: real engines on a simulated network, simulated disks and simulated
// Yjs clients. Everything follows from the seed and the calls.
//
//     Cluster cluster(seed, faults);
//     auto red = cluster.add_node("red");
//     cluster.command(red, node::CreateWorkspace{"team"});
//     cluster.run_for(1s);
//
// Disks: a commit takes some milliseconds. When a node crashes, the commits under way are lost, or
// were written without anybody hearing of it: a prefix of them, drawn at random.

#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/core/engine.hpp"
#include "storage/memory/memory_store.hpp"
#include "tests/support/seeded_secure_random.hpp"
#include "tests/support/sim_client.hpp"
#include "tests/support/sim_network.hpp"

namespace coterie::testing {

class Cluster {
 public:
  using Node = std::size_t;
  using ClientIndex = std::size_t;
  using Engine = node::Engine;

  Cluster(std::uint64_t seed, SimNetwork::Faults faults)
      : seed_(seed), network_(seed, faults), random_(seed ^ 0xc1u) {}

  // Nodes.

  Node add_node(const std::string& name) {
    const Node index = nodes_.size();
    auto made = std::make_unique<NodeState>();
    made->name = name;
    made->random = std::make_unique<SeededSecureRandom>(seed_ * 1000 + index);
    made->identity = crypto::SecretKey::generate(*made->random);
    made->id = crypto::SigningKey::from_seed(made->identity).id();
    made->disk = std::make_unique<storage::MemoryStoreProvider>();
    made->address = "tcp://" + name + ":7400";
    nodes_.push_back(std::move(made));
    network_.add_node(id(index), nodes_[index]->address);
    network_.set_admission(index, [this, index](const DeviceId& key) {
      return nodes_[index]->allowed.count(key) > 0;
    });
    start(index);
    return index;
  }

  void crash(Node index) {
    NodeState& state = *nodes_[index];
    network_.crash(now_, index);
    for (auto& connection : connections_) {
      if (connection.node == index) connection.up = false;
    }
    // Some of what was under way reached the disk, in order.
    std::size_t written = state.commits.empty() ? 0 : random_.below(state.commits.size() + 1);
    for (auto& commit : state.commits) {
      if (written-- == 0) break;
      (void)write(state, commit);  // A dead process hears no result.
    }
    state.commits.clear();
    state.engine.reset();
    state.to_clients.clear();
    state.links.clear();
    state.raw_links.clear();
    state.raw_dials.clear();
    ++crashes;
  }
  void restart(Node index) {
    network_.restart(index);
    start(index);
  }
  bool up(Node index) const { return nodes_[index]->engine != nullptr; }
  Engine& engine(Node index) { return *nodes_[index]->engine; }
  storage::MemoryStoreProvider& disk(Node index) { return *nodes_[index]->disk; }
  void replace_disk(Node index, std::unique_ptr<storage::MemoryStoreProvider> disk) {
    nodes_[index]->disk = std::move(disk);
  }
  crypto::SigningKey identity(Node index) const {
    return crypto::SigningKey::from_seed(nodes_[index]->identity);
  }
  const DeviceId& id(Node index) const { return nodes_[index]->id; }
  const std::string& address(Node index) const { return nodes_[index]->address; }
  std::size_t size() const { return nodes_.size(); }
  SimNetwork& network() { return network_; }
  void set_engine_options(std::function<void(Engine::Options&)> change) {
    change_ = std::move(change);
  }

  /// The reply comes with time; see replies().
  node::RequestId command(Node index, node::Command command) {
    const node::RequestId request = ++requests_;
    engine(index).handle_command(at(), request, std::move(command));
    drain(index);
    return request;
  }
  const Result<node::CommandResult>* reply(node::RequestId request) const {
    const auto found = replies_.find(request);
    return found == replies_.end() ? nullptr : &found->second;
  }
  const std::vector<Engine::Notice>& notices(Node index) const { return nodes_[index]->notices; }
  std::size_t closed_clients() const { return closed_clients_; }

  /// Sends a frame from `from` to `to` as if its engine had, over any link there is between them.
  bool inject(Node from, Node to, Bytes frame) {
    for (const auto* links : {&nodes_[from]->links, &nodes_[from]->raw_links}) {
      for (const auto& [link, peer] : *links) {
        if (peer != id(to)) continue;
        network_.send(now_, from, link, std::move(frame));
        return true;
      }
    }
    return false;
  }
  /// Whether a link from `from` to `to` is up, as `from` sees it.
  bool linked(Node from, Node to) const {
    for (const auto& [link, peer] : nodes_[from]->links) {
      if (peer == id(to)) return true;
    }
    return false;
  }

  // Local networks: all nodes are on one, but for the links that are cut.

  /// A beacon at one node, as if it came from `source`.
  void hear_beacon(Node at_node, const std::string& source, const Bytes& datagram) {
    engine(at_node).handle_beacon(at(), source, datagram);
    drain(at_node);
  }
  /// The node's machine has these addresses now.
  void move(Node index, std::vector<std::string> addresses) {
    engine(index).handle_addresses(at(), std::move(addresses));
    drain(index);
  }

  // Modified nodes.

  /// Stands between a node's engine and its network. Each gives the frame that is to go on, which
  /// may be another one, or nothing to swallow it.
  struct Tap {
    std::function<std::optional<Bytes>(const DeviceId& peer, Bytes frame)> outgoing;
    std::function<std::optional<Bytes>(const DeviceId& peer, Bytes frame)> incoming;
    std::function<void(const DeviceId& peer)> raw_link;  ///< One of dial_raw() is up.
  };
  void set_tap(Node index, Tap tap) { nodes_[index]->tap = std::move(tap); }
  /// Dials past the engine, presenting any key: the engine never hears of the link that comes of
  /// it. What arrives on it goes to the tap alone; inject() sends over it.
  void dial_raw(Node from, Node to, const DeviceId& as) {
    ++nodes_[from]->raw_dials[id(to)];
    network_.dial(now_, from, as, id(to), address(to));
  }

  // Clients.

  ClientIndex add_client(std::uint64_t client_id, const std::string& name) {
    clients_.push_back(std::make_unique<SimClient>(client_id, name));
    connections_.push_back({});
    return clients_.size() - 1;
  }
  /// The browser is gone with all it had; another one takes its place.
  void replace_client(ClientIndex index, std::uint64_t client_id, const std::string& name) {
    connections_[index].up = false;
    clients_[index] = std::make_unique<SimClient>(client_id, name);
  }
  SimClient& client(ClientIndex index) { return *clients_[index]; }
  bool connected(ClientIndex index) const { return connections_[index].up; }
  node::ClientHandle handle_of(ClientIndex index) const { return connections_[index].handle; }
  Node node_of(ClientIndex index) const { return connections_[index].node; }

  Status connect(ClientIndex index, Node to, const std::string& workspace, const std::string& path,
                 node::Visitor visitor = {}) {
    Connection& connection = connections_[index];
    const node::ClientHandle handle = ++handles_;
    const auto opened = engine(to).handle_client_open(
        at(), handle, workspace, path,
        {.saved_messages = true, .asks_back = false, .visitor = std::move(visitor)});
    if (!opened) return opened.error();
    connection = {};
    connection.node = to;
    connection.handle = handle;
    connection.up = true;
    by_handle_[handle] = index;
    clients_[index]->connect();
    drain(to);
    deliver_to_server(index);
    return {};
  }
  void disconnect(ClientIndex index) {
    Connection& connection = connections_[index];
    if (!std::exchange(connection.up, false) || !up(connection.node)) return;
    engine(connection.node).handle_client_closed(at(), connection.handle);
    drain(connection.node);
  }
  /// Carries what the client has to say.
  void deliver_to_server(ClientIndex index) {
    Connection& connection = connections_[index];
    for (const Bytes& message : clients_[index]->take_outbox()) {
      if (!connection.up) return;
      engine(connection.node).handle_client_message(at(), connection.handle, message);
      drain(connection.node);
    }
  }

  /// Bytes of the simulation's own, beside the client.
  void send_raw(ClientIndex index, const Bytes& message) {
    Connection& connection = connections_[index];
    engine(connection.node).handle_client_message(at(), connection.handle, message);
    drain(connection.node);
  }
  /// A reader that does not read: what is sent to it waits.
  void hold(ClientIndex index, bool on) {
    Connection& connection = connections_[index];
    connection.held = on;
    if (on) return;
    NodeState& state = *nodes_[connection.node];
    for (auto& message : std::exchange(connection.waiting, {})) {
      state.to_clients.push_back({now_, connection.handle, std::move(message)});
    }
  }
  std::size_t held_bytes(ClientIndex index) const {
    std::size_t bytes = 0;
    for (const auto& message : connections_[index].waiting) bytes += message->size();
    return bytes;
  }
  std::size_t messages_to(ClientIndex index) const { return connections_[index].delivered; }

  /// Who is linked with whom, as somebody at `index` is shown.
  node::MeshPicture look_at_mesh(Node index, const WorkspaceId& workspace) {
    auto picture = engine(index).mesh(at(), workspace);
    drain(index);
    return picture ? *std::move(picture) : node::MeshPicture{};
  }

  /// Somebody at `index` who watches a document; 0: refused.
  node::ClientHandle watch(Node index, const std::string& path, node::WatchOptions options) {
    const node::ClientHandle handle = ++handles_;
    const Status opened =
        engine(index).handle_watch_open(at(), handle, "team", path, std::move(options));
    drain(index);
    return opened ? handle : 0;
  }
  Status show_watcher(Node index, node::ClientHandle watcher, node::PresenceUpdate update) {
    const Status shown = engine(index).handle_watch_presence(at(), watcher, std::move(update));
    drain(index);
    return shown;
  }
  void unwatch(Node index, node::ClientHandle watcher) {
    engine(index).handle_watch_closed(at(), watcher);
    drain(index);
  }
  struct Told {
    Instant when;
    std::shared_ptr<const node::RoomEvent> event;
  };
  const std::vector<Told>& told(node::ClientHandle watcher) { return events_[watcher]; }

  /// A fresh replica of what `index` holds of a document now, by asking as a client would.
  std::optional<crdt::Doc> probe(Node index, const std::string& workspace,
                                 const std::string& path) {
    const node::ClientHandle handle = ++handles_;
    probe_ = handle;
    probe_update_.reset();
    Engine& asked = engine(index);
    if (!asked.handle_client_open(at(), handle, workspace, path, {})) return std::nullopt;
    asked.handle_client_message(at(), handle, *node::step1_message({}));
    drain(index);
    asked.handle_client_closed(at(), handle);
    drain(index);
    if (!probe_update_) return std::nullopt;
    crdt::Doc doc({.client_id = 1});
    if (!doc.apply_update(*probe_update_)) return std::nullopt;
    return doc;
  }

  // Time.

  Now at() const {
    constexpr WallMillis kStart = 1'760'000'000'000;
    return {now_,
            kStart + static_cast<WallMillis>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                 now_.time_since_epoch())
                                                 .count())};
  }
  Instant now() const { return now_; }
  void run_for(Duration duration) {
    const Instant end = now_ + duration;
    while (step(end)) {
    }
    now_ = end;
  }
  /// Until `done` or for `limit`; whether it got done.
  bool run_until(Duration limit, const std::function<bool()>& done) {
    const Instant end = now_ + limit;
    while (!done()) {
      if (!step(end)) {
        now_ = end;
        return done();
      }
    }
    return true;
  }

  std::size_t crashes = 0;
  std::size_t commits = 0;
  std::size_t frames = 0;
  Duration commit_time_max = std::chrono::milliseconds(12);
  /// Sees every frame that leaves a node.
  std::function<void(Node, ByteView)> on_frame;
  /// Sees what a client was told is saved.
  std::function<void(ClientIndex, const Bytes& update)> on_saved;

 private:
  struct Commit {
    Instant due;
    WorkspaceId workspace;
    node::CommitToken token;
    storage::WriteBatch batch;
  };
  struct LocalBeacon {
    Instant due;
    Node from;
    Bytes datagram;
  };
  struct ToClient {
    Instant due;
    node::ClientHandle client;
    node::Message message;
  };
  struct NodeState {
    std::string name;
    std::string address;
    std::unique_ptr<SeededSecureRandom> random;
    crypto::SecretKey identity;
    DeviceId id;  ///< Of `identity`: deriving it is dear.
    std::unique_ptr<storage::MemoryStoreProvider> disk;
    std::unique_ptr<Engine> engine;
    std::set<DeviceId> allowed;
    std::vector<Commit> commits;
    std::vector<ToClient> to_clients;
    std::map<node::LinkId, DeviceId> links;
    std::map<node::LinkId, DeviceId> raw_links;  ///< That the engine does not know of.
    std::map<DeviceId, std::size_t> raw_dials;   ///< Not answered yet.
    Tap tap;
    std::vector<Engine::Notice> notices;
  };
  struct Connection {
    Node node = 0;
    node::ClientHandle handle = 0;
    bool up = false;
    bool held = false;
    std::vector<node::Message> waiting;
    std::size_t delivered = 0;
  };

  void start(Node index) {
    NodeState& state = *nodes_[index];
    Engine::Options options;
    options.device_name = state.name;
    options.addresses = {state.address};
    options.seed = seed_ + index;
    if (change_) change_(options);
    state.links.clear();
    auto opened =
        Engine::open(at(), std::move(options), identity(index), *state.disk, *state.random);
    COTERIE_ASSERT(opened.has_value());
    state.engine = std::move(*opened);
    drain(index);
  }

  static Status write(NodeState& state, const Commit& commit) {
    storage::MemoryStore* store = state.disk->store(commit.workspace.hex());
    COTERIE_ASSERT(store != nullptr);
    return store->commit(std::span(&commit.batch, 1));
  }

  void drain(Node index) {
    NodeState& state = *nodes_[index];
    while (auto output = state.engine->poll_output()) carry_out(index, state, std::move(*output));
  }

  void carry_out(Node index, NodeState& state, Engine::Output output) {
    if (auto* frame = std::get_if<Engine::SendFrame>(&output)) {
      ++frames;
      Bytes bytes = to_bytes(frame->frame);
      const auto peer = state.links.find(frame->link);
      if (state.tap.outgoing && peer != state.links.end()) {
        auto instead = state.tap.outgoing(peer->second, std::move(bytes));
        if (!instead)
          return network_.pretend_sent(now_, index, frame->link, to_bytes(frame->frame).size());
        bytes = std::move(*instead);
      }
      if (on_frame) on_frame(index, bytes);
      network_.send(now_, index, frame->link, std::move(bytes));
    } else if (auto* close = std::get_if<Engine::CloseLink>(&output)) {
      state.links.erase(close->link);
      network_.close(now_, index, close->link);
    } else if (auto* dial = std::get_if<Engine::Dial>(&output)) {
      const DeviceId as = dial->invite_key ? dial->invite_key->id() : id(index);
      network_.dial(now_, index, as, dial->device, dial->address);
    } else if (auto* allow = std::get_if<Engine::AllowPeers>(&output)) {
      state.allowed.clear();
      state.allowed.insert(allow->members.begin(), allow->members.end());
      state.allowed.insert(allow->guests.begin(), allow->guests.end());
    } else if (auto* commit = std::get_if<Engine::CommitBatch>(&output)) {
      const auto took = 1 + random_.below(static_cast<std::uint64_t>(
                                commit_time_max / Duration(std::chrono::milliseconds(1))));
      state.commits.push_back({now_ + std::chrono::milliseconds(took), commit->workspace,
                               commit->token, std::move(commit->batch)});
    } else if (auto* send = std::get_if<Engine::SendToClient>(&output)) {
      if (send->client == probe_) {
        note_probe(*send->message);
      } else {
        const Instant due = now_ + std::chrono::microseconds(200 + random_.below(2000));
        const Instant after = state.to_clients.empty() ? due : state.to_clients.back().due;
        state.to_clients.push_back({std::max(due, after), send->client, send->message});
      }
    } else if (auto* closed = std::get_if<Engine::CloseClient>(&output)) {
      ++closed_clients_;
      const auto client = by_handle_.find(closed->client);  // Or a watcher.
      if (client != by_handle_.end()) connections_[client->second].up = false;
    } else if (auto* event = std::get_if<Engine::SendEvent>(&output)) {
      events_[event->watcher].push_back({now_, event->event});
    } else if (auto* beacon = std::get_if<Engine::SendBeacon>(&output)) {
      beacons_.push_back({now_ + std::chrono::milliseconds(1), index, std::move(beacon->datagram)});
    } else if (auto* reply = std::get_if<Engine::Reply>(&output)) {
      replies_.emplace(reply->request, std::move(reply->result));
    } else if (auto* notice = std::get_if<Engine::Notice>(&output)) {
      state.notices.push_back(*notice);
    }
  }

  template <typename Frame>
  static Bytes to_bytes(const Frame& frame) {
    if constexpr (std::is_same_v<Frame, Bytes>) {
      return frame;
    } else {
      return *frame;
    }
  }

  void note_probe(const Bytes& message) {
    ByteReader in(message);
    if (*in.read_varuint() != 0 || *in.read_varuint() != 1) return;
    const ByteView update = *in.read_varbytes();
    probe_update_ = Bytes(update.begin(), update.end());
  }

  /// The earliest thing that happens at or before `end`; false when there is none.
  bool step(Instant end) {
    Instant next = end + std::chrono::microseconds(1);
    enum class Kind { kNone, kNetwork, kTimer, kCommit, kClient, kBeacon } kind = Kind::kNone;
    Node which = 0;
    const auto consider = [&](Instant due, Kind what, Node index) {
      due = std::max(due, now_);
      if (due >= next) return;
      next = due;
      kind = what;
      which = index;
    };
    if (const auto due = network_.next_event()) consider(*due, Kind::kNetwork, 0);
    if (!beacons_.empty()) consider(beacons_.front().due, Kind::kBeacon, 0);
    for (Node index = 0; index < nodes_.size(); ++index) {
      NodeState& state = *nodes_[index];
      if (state.engine == nullptr) continue;
      if (!state.commits.empty()) consider(state.commits.front().due, Kind::kCommit, index);
      if (!state.to_clients.empty()) consider(state.to_clients.front().due, Kind::kClient, index);
      if (const auto due = state.engine->next_deadline()) consider(*due, Kind::kTimer, index);
    }
    if (kind == Kind::kNone) return false;
    now_ = next;
    switch (kind) {
      case Kind::kNetwork:
        if (auto event = network_.take_due(now_)) handle(std::move(*event));
        break;
      case Kind::kTimer:
        // A deadline that does not move on would stop time.
        stuck_ = nodes_[which]->engine->next_deadline() == last_deadline_ ? stuck_ + 1 : 0;
        last_deadline_ = *nodes_[which]->engine->next_deadline();
        COTERIE_ASSERT(stuck_ < 10'000);
        engine(which).handle_timeout(at());
        drain(which);
        break;
      case Kind::kCommit:
        finish_commit(which);
        break;
      case Kind::kClient:
        deliver_to_client(which);
        break;
      case Kind::kBeacon:
        deliver_beacon();
        break;
      case Kind::kNone:
        break;
    }
    return true;
  }

  void handle(SimNetwork::Event event) {
    NodeState& state = *nodes_[event.node];
    if (state.engine == nullptr) return;
    if (handle_raw(event, state)) return;
    if (auto* up = std::get_if<SimNetwork::LinkUp>(&event.what)) {
      state.links[up->link] = up->peer;
      state.engine->handle_link_up(at(), up->link, up->peer, up->outgoing);
    } else if (auto* failed = std::get_if<SimNetwork::DialFailed>(&event.what)) {
      state.engine->handle_dial_failed(at(), failed->device, failed->address);
    } else if (auto* down = std::get_if<SimNetwork::LinkDown>(&event.what)) {
      state.links.erase(down->link);
      state.engine->handle_link_down(at(), down->link);
    } else if (auto* arrived = std::get_if<SimNetwork::FrameArrived>(&event.what)) {
      Bytes frame = std::move(arrived->frame);
      const auto peer = state.links.find(arrived->link);
      if (state.tap.incoming && peer != state.links.end()) {
        auto instead = state.tap.incoming(peer->second, std::move(frame));
        if (!instead) return;
        frame = std::move(*instead);
      }
      (void)state.engine->handle_frame(at(), arrived->link, frame);  // It counts faults.
    } else if (auto* sent = std::get_if<SimNetwork::Sent>(&event.what)) {
      state.engine->handle_sent(at(), sent->link, sent->bytes);
    }
    drain(event.node);
  }

  /// Events of links that were made past the engine; whether it was one.
  bool handle_raw(SimNetwork::Event& event, NodeState& state) {
    const auto asked = [&](const DeviceId& peer) {
      const auto found = state.raw_dials.find(peer);
      if (found == state.raw_dials.end()) return false;
      if (--found->second == 0) state.raw_dials.erase(found);
      return true;
    };
    if (auto* up = std::get_if<SimNetwork::LinkUp>(&event.what)) {
      if (!up->outgoing || !asked(up->peer)) return false;
      state.raw_links[up->link] = up->peer;
      if (state.tap.raw_link) state.tap.raw_link(up->peer);
      return true;
    }
    if (auto* failed = std::get_if<SimNetwork::DialFailed>(&event.what)) {
      return asked(failed->device);
    }
    if (auto* down = std::get_if<SimNetwork::LinkDown>(&event.what)) {
      return state.raw_links.erase(down->link) > 0;
    }
    if (auto* arrived = std::get_if<SimNetwork::FrameArrived>(&event.what)) {
      const auto found = state.raw_links.find(arrived->link);
      if (found == state.raw_links.end()) return false;
      if (state.tap.incoming) (void)state.tap.incoming(found->second, std::move(arrived->frame));
      return true;
    }
    const auto* sent = std::get_if<SimNetwork::Sent>(&event.what);
    return sent != nullptr && state.raw_links.contains(sent->link);
  }

  void finish_commit(Node index) {
    NodeState& state = *nodes_[index];
    const Commit commit = std::move(state.commits.front());
    state.commits.erase(state.commits.begin());
    ++commits;
    const Status written = write(state, commit);
    if (written) {
      state.engine->handle_committed(at(), commit.token);
    } else {
      state.engine->handle_commit_failed(at(), commit.token, written.error());
    }
    drain(index);
  }

  void deliver_beacon() {
    const LocalBeacon beacon = std::move(beacons_.front());
    beacons_.pop_front();
    for (Node to = 0; to < nodes_.size(); ++to) {
      if (to == beacon.from || !up(to) || network_.is_cut(beacon.from, to)) continue;
      hear_beacon(to, nodes_[beacon.from]->name, beacon.datagram);
    }
  }

  void deliver_to_client(Node index) {
    NodeState& state = *nodes_[index];
    const ToClient sent = std::move(state.to_clients.front());
    state.to_clients.erase(state.to_clients.begin());
    const auto found = by_handle_.find(sent.client);
    if (found == by_handle_.end()) return;
    const ClientIndex client = found->second;
    Connection& connection = connections_[client];
    if (connection.handle != sent.client || !connection.up) return;
    if (connection.held) {
      connection.waiting.push_back(sent.message);
      return;
    }
    ++connection.delivered;
    state.engine->handle_client_sent(at(), sent.client, sent.message->size());
    drain(index);
    COTERIE_ASSERT(clients_[client]->receive(*sent.message));
    for (const Bytes& update : clients_[client]->take_saved()) {
      if (on_saved) on_saved(client, update);
    }
    deliver_to_server(client);
  }

  std::uint64_t seed_;
  SimNetwork network_;
  Random random_;
  Instant now_{std::chrono::hours(1)};
  std::vector<std::unique_ptr<NodeState>> nodes_;
  std::function<void(Engine::Options&)> change_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<Connection> connections_;
  std::map<node::ClientHandle, ClientIndex> by_handle_;
  std::deque<LocalBeacon> beacons_;
  node::ClientHandle handles_ = 0;
  node::ClientHandle probe_ = 0;
  std::optional<Bytes> probe_update_;
  node::RequestId requests_ = 0;
  std::map<node::RequestId, Result<node::CommandResult>> replies_;
  std::map<node::ClientHandle, std::vector<Told>> events_;
  std::size_t closed_clients_ = 0;
  Instant last_deadline_{};
  std::size_t stuck_ = 0;
};

}  // namespace coterie::testing
