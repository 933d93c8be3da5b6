#include "tests/support/mesh_fleet.hpp"

#include <algorithm>
#include <queue>
#include <utility>

#include "crdt/base/assert.hpp"
#include "tests/support/heap_ledger.hpp"
#include "tests/support/wire_samples.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::testing {

using namespace transport;

namespace {

/// As node/core: a link that brought this many faulty frames is closed.
constexpr int kFaultsMax = 8;

}  // namespace

// Set-up.

SimNetwork::Faults MeshFleet::faults_of(const Options& options) {
  SimNetwork::Faults faults;
  faults.latency_min = options.latency_min;
  faults.latency_max = options.latency_max;
  faults.latency_by_pair = true;
  faults.handshakes = 3;  // ZMTP's greeting, and two of CURVE.
  faults.stalled = options.stalled_per_1000;
  faults.bytes_per_second = options.bytes_per_second;
  return faults;
}

MeshFleet::MeshFleet(const Options& options)
    : options_(options),
      random_(options.seed),
      network_(options.seed + 1'000'000, faults_of(options)),
      workspace_(patterned_id<WorkspaceId>(7)),
      entries_(options.nodes),
      hashes_(options.nodes) {
  for (NodeIndex i = 0; i < options.nodes; ++i) {
    auto node = std::make_unique<Node>(*this);
    // Random, as keys are, with the index at the end.
    for (std::size_t byte = 0; byte < DeviceId::kBytes; ++byte) {
      node->device.bytes[byte] = static_cast<std::uint8_t>(random_.below(256));
    }
    for (std::size_t byte = 0; byte < 4; ++byte) {
      node->device.bytes[DeviceId::kBytes - 1 - byte] = static_cast<std::uint8_t>(i >> (8 * byte));
    }
    // Node 0 is who newcomers know.
    if (i == 0 || !random_.chance(options.undialable_percent)) {
      node->address = "tcp://node:" + std::to_string(i);
    }
    const auto either_way = [&](std::uint64_t most) {
      return static_cast<std::int64_t>(random_.below(2 * most + 1)) -
             static_cast<std::int64_t>(most);
    };
    node->drift_ppm = either_way(options.drift_ppm);
    node->wall_skew_ms = either_way(static_cast<std::uint64_t>(options.wall_skew.count()) / 1000);
    network_.add_node(node->device, node->address);
    nodes_.push_back(std::move(node));
  }
}

MeshFleet::~MeshFleet() = default;

void MeshFleet::fill(Seq entries, std::size_t bytes) {
  for (NodeIndex author = 0; author < nodes_.size(); ++author) {
    for (Seq seq = 0; seq < entries; ++seq) append(author, bytes);
    for (auto& node : nodes_) node->store.extend(author, entries);
  }
}

MeshFleet::NodeIndex MeshFleet::index(const DeviceId& device) const {
  NodeIndex found = 0;
  for (std::size_t byte = DeviceId::kBytes - 4; byte < DeviceId::kBytes; ++byte) {
    found = found << 8 | device.bytes[byte];
  }
  // Devices that nobody has are named by attackers.
  return found < nodes_.size() && nodes_[found]->device == device ? found : nodes_.size();
}

// Stores.

EntryRun MeshFleet::Store::read(const WorkspaceId&, const LogId& log, Seq first,
                                std::size_t bytes_max) const {
  EntryRun run{log, first, {}};
  const NodeIndex author = fleet_.index(log.device);
  if (author == fleet_.nodes_.size() || log != fleet_.log(author)) return run;
  std::size_t bytes = 0;
  for (Seq seq = first; seq <= lengths_[author]; ++seq) {
    const Bytes& entry = fleet_.entry(author, seq);
    bytes += entry.size();
    if (!run.entries.empty() && bytes > bytes_max) break;
    run.entries.push_back(entry);
  }
  return run;
}

void MeshFleet::Store::extend(NodeIndex author, Seq length) {
  if (length <= lengths_[author]) return;
  total_ += length - lengths_[author];
  lengths_[author] = length;
  frontier_[fleet_.log(author)] = {length, fleet_.hashes_[author][length - 1]};
}

Seq MeshFleet::append(NodeIndex author, std::size_t bytes) {
  Bytes entry(bytes);
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes, 8); ++i) {
    entry[i] = static_cast<std::uint8_t>(random_.below(256));
  }
  auto& hashes = hashes_[author];
  const Hash previous = hashes.empty() ? Hash() : hashes.back();
  hashes.push_back(crypto::hash({previous.view(), entry}));
  entries_[author].push_back(std::move(entry));
  return entries_[author].size();
}

const Bytes& MeshFleet::entry(NodeIndex author, Seq seq) const { return entries_[author][seq - 1]; }
LogId MeshFleet::log(NodeIndex author) const { return {nodes_[author]->device, 1}; }

// Nodes.

std::uint32_t MeshFleet::heap_owner(NodeIndex node) const {
  return static_cast<std::uint32_t>(node) + 1;
}
std::int64_t MeshFleet::heap(NodeIndex node) const { return heap_bytes(heap_owner(node)); }

void MeshFleet::start(NodeIndex index) {
  Node& node = *nodes_[index];
  COTERIE_ASSERT(!node.up);
  network_.restart(index);
  if (node.powerless) network_.set_side(index, 0);
  node.powerless = false;
  node.up = true;
  ++node.life;
  node.last_commit = now_;
  node.busy_until = now_;
  Mesh::Options options;
  options.self = node.device;
  options.seed = random_.next();
  {
    const HeapOwner owner(heap_owner(index));
    node.mesh = std::make_unique<Mesh>(at(node), options, node.store);
  }
  tell_members(index);
  drain(index);
  if (options_.addresses_by_entry && node.store.length(index) == 0) write(index, 200);
}

void MeshFleet::start_all() {
  for (NodeIndex i = 0; i < nodes_.size(); ++i) start(i);
}

void MeshFleet::tell_members(NodeIndex index) {
  Node& node = *nodes_[index];
  std::vector<MemberAddress> members;
  for (NodeIndex other = 0; other < nodes_.size(); ++other) {
    if (node.view && std::find(node.view->begin(), node.view->end(), other) == node.view->end()) {
      continue;
    }
    members.push_back({nodes_[other]->device, {}});
    const bool known = !options_.addresses_by_entry || other == 0 || node.store.length(other) > 0;
    if (known) node.located.insert(other);
    if (known && !nodes_[other]->address.empty()) {
      members.back().addresses.push_back(nodes_[other]->address);
    }
  }
  const HeapOwner owner(heap_owner(index));
  node.mesh->set_workspace(at(node), workspace_, std::move(members));
}

void MeshFleet::stop(NodeIndex index) {
  Node& node = *nodes_[index];
  node.mesh->shut_down(at(node));
  drain(index);
  network_.crash(now_, index);
  end(index);
}

void MeshFleet::kill(NodeIndex index, Death death) {
  if (death == Death::kPower) {
    network_.set_side(index, -1 - static_cast<int>(index));
    nodes_[index]->powerless = true;
  }
  network_.crash(now_, index);
  end(index);
}

void MeshFleet::end(NodeIndex index) {
  Node& node = *nodes_[index];
  node.up = false;
  node.mesh.reset();
  node.wake.reset();
  node.inbox.clear();
  node.writing.clear();
  node.pending.clear();
  node.peers.clear();
  node.faults.clear();
  node.linked.clear();
}

// Time.

Now MeshFleet::at(const Node& node) const {
  const std::int64_t passed = now_.time_since_epoch().count();
  const std::int64_t local = passed + passed * node.drift_ppm / 1'000'000;
  return {Instant(Duration(local)),
          static_cast<WallMillis>(1'800'000'000'000 + passed / 1000 + node.wall_skew_ms)};
}

Instant MeshFleet::true_time(const Node& node, Instant local) const {
  const std::int64_t shown = local.time_since_epoch().count();
  const auto passed = static_cast<std::int64_t>(static_cast<double>(shown) /
                                                (1.0 + static_cast<double>(node.drift_ppm) / 1e6));
  return Instant(Duration(passed + 1));  // Not before, by rounding.
}

void MeshFleet::plan(Instant when, NodeIndex node, Kind kind) {
  agenda_.push_back({when, ++planned_, node, nodes_[node]->life, kind});
  std::push_heap(agenda_.begin(), agenda_.end());
}

void MeshFleet::advance(Duration time) {
  const Instant until = now_ + time;
  while (true) {
    const auto event = network_.next_event();
    const bool planned = !agenda_.empty() && (!event || agenda_.front().at < *event);
    if (!planned && !event) break;
    const Instant next = planned ? agenda_.front().at : *event;
    if (next > until) break;
    now_ = std::max(now_, next);
    if (planned) {
      std::pop_heap(agenda_.begin(), agenda_.end());
      const Plan plan = agenda_.back();
      agenda_.pop_back();
      carry_out(plan);
    } else if (auto due = network_.take_due(now_)) {
      arrive(std::move(*due));
    }
  }
  now_ = until;
}

std::optional<Duration> MeshFleet::advance_until(const std::function<bool()>& reached,
                                                 Duration most, Duration step) {
  const Instant begun = now_;
  while (!reached()) {
    if (now_ >= begun + most) return std::nullopt;
    advance(step);
  }
  return now_ - begun;
}

void MeshFleet::carry_out(const Plan& plan) {
  Node& node = *nodes_[plan.node];
  if (!node.up || plan.life != node.life) return;
  switch (plan.kind) {
    case Kind::kWake: {
      if (node.wake != plan.at) return;
      node.wake.reset();
      const HeapOwner owner(heap_owner(plan.node));
      node.mesh->handle_timeout(at(node));
      break;
    }
    case Kind::kCommit: {
      Writing writing = std::move(node.writing.front());
      node.writing.pop_front();
      committed(plan.node, std::move(writing));
      break;
    }
    case Kind::kWork: {
      auto [since, event] = std::move(node.inbox.front());
      node.inbox.pop_front();
      node.longest_wait = std::max(node.longest_wait, now_ - since);
      handle(event);
      if (!node.inbox.empty()) this->plan(node.busy_until, plan.node, Kind::kWork);
      return;
    }
  }
  drain(plan.node);
}

// What arrives.

void MeshFleet::arrive(SimNetwork::Event event) {
  const NodeIndex index = event.node;
  Node& node = *nodes_[index];
  if (!node.up) return;
  if (const auto* sent = std::get_if<SimNetwork::Sent>(&event.what)) {
    {
      const HeapOwner owner(heap_owner(index));
      node.mesh->handle_sent(at(node), sent->link, sent->bytes);
    }
    return drain(index);
  }
  if (!node.inbox.empty() || node.busy_until > now_) {
    if (node.inbox.empty()) plan(node.busy_until, index, Kind::kWork);
    node.inbox.emplace_back(now_, std::move(event));
    return;
  }
  handle(event);
}

void MeshFleet::handle(SimNetwork::Event& event) {
  const NodeIndex index = event.node;
  Node& node = *nodes_[index];
  node.busy_until = std::max(node.busy_until, now_);
  {
    const HeapOwner owner(heap_owner(index));
    if (auto* up = std::get_if<SimNetwork::LinkUp>(&event.what)) {
      node.peers[up->link] = this->index(up->peer);
      node.mesh->handle_link_up(at(node), up->link, up->peer, up->outgoing, false);
    } else if (auto* failed = std::get_if<SimNetwork::DialFailed>(&event.what)) {
      node.mesh->handle_dial_failed(at(node), failed->device, failed->address);
    } else if (auto* down = std::get_if<SimNetwork::LinkDown>(&event.what)) {
      node.peers.erase(down->link);
      node.faults.erase(down->link);
      node.mesh->handle_link_down(at(node), down->link);
    } else if (auto* arrived = std::get_if<SimNetwork::FrameArrived>(&event.what)) {
      const auto peer = node.peers.find(arrived->link);
      if (peer == node.peers.end()) return;  // Closed by us a moment ago.
      node.busy_until += options_.frame_cost;
      count_copies(arrived->frame);
      if (node.tap) node.tap(arrived->link, peer->second, arrived->frame);
      const Status status = node.mesh->handle_frame(at(node), arrived->link, arrived->frame);
      if (!status && ++node.faults[arrived->link] >= kFaultsMax) {
        node.faults.erase(arrived->link);
        node.peers.erase(peer);
        network_.close(now_, index, arrived->link);
        node.mesh->handle_link_down(at(node), arrived->link);
      }
    }
  }
  drain(index);
}

/// Of entries that somebody waits for.
void MeshFleet::count_copies(const Bytes& frame) {
  // Most frames are not of this kind, and are not decoded twice.
  constexpr std::uint8_t kEntriesKind = 6;
  if (messages_.empty() || frame.size() < 3 || frame[2] != kEntriesKind) return;
  const auto message = decode(frame);
  if (!message) return;
  const auto* entries = std::get_if<Entries>(&*message);
  COTERIE_ASSERT(entries != nullptr);
  const NodeIndex author = index(entries->log.device);
  for (std::size_t i = 0; i < entries->entries.size(); ++i) {
    const auto found = message_of_.find({author, entries->first + i});
    if (found != message_of_.end()) ++messages_[found->second].copies;
  }
}

void MeshFleet::drain(NodeIndex index) {
  Node& node = *nodes_[index];
  while (true) {
    std::optional<Mesh::Output> output;
    {
      const HeapOwner owner(heap_owner(index));
      output = node.mesh->poll_output();
    }
    if (!output) break;
    if (auto* send = std::get_if<Mesh::SendFrame>(&*output)) {
      const auto peer = node.peers.find(send->link);
      const std::size_t bytes = send->frame.size();
      if (peer != node.peers.end() && node.tamper && !node.tamper(peer->second, send->frame)) {
        network_.pretend_sent(now_, index, send->link, bytes);
        continue;
      }
      node.bytes_sent += send->frame.size();
      ++node.frames_sent;
      network_.send(now_, index, send->link, std::move(send->frame));
    } else if (auto* close = std::get_if<Mesh::CloseLink>(&*output)) {
      node.peers.erase(close->link);
      node.faults.erase(close->link);
      network_.close(now_, index, close->link);
    } else if (auto* dial = std::get_if<Mesh::Dial>(&*output)) {
      network_.dial(now_, index, node.device, dial->device, dial->address);
    } else if (auto* run = std::get_if<Mesh::RunReceived>(&*output)) {
      receive(index, *run);
    } else if (auto* awareness = std::get_if<Mesh::AwarenessReceived>(&*output)) {
      ++node.awareness[this->index(awareness->origin)];
      node.busy_until += options_.entry_cost;
      const HeapOwner owner(heap_owner(index));
      node.mesh->handle_awareness_verdict(at(node), awareness->awareness_id,
                                          AwarenessVerdict::kGenuine);
    } else if (auto* changed = std::get_if<Mesh::LinkChanged>(&*output)) {
      if (changed->linked) {
        node.linked.insert(this->index(changed->device));
      } else {
        node.linked.erase(this->index(changed->device));
      }
    }
  }
  const auto deadline = node.mesh->next_deadline();
  if (!deadline) return;
  const Instant due = std::max(true_time(node, *deadline), now_ + Duration(1));
  if (node.wake && *node.wake <= due) return;
  node.wake = due;
  plan(due, index, Kind::kWake);
}

// Engines.

void MeshFleet::receive(NodeIndex index, const Mesh::RunReceived& received) {
  Node& node = *nodes_[index];
  const EntryRun& run = received.run;
  const NodeIndex author = this->index(run.log.device);
  const Seq last = run.first + run.entries.size() - 1;
  node.busy_until += options_.entry_cost * static_cast<Duration::rep>(run.entries.size());
  bool genuine = author < nodes_.size() && run.log == log(author) && !run.entries.empty() &&
                 last <= entries_[author].size();
  for (std::size_t i = 0; genuine && i < run.entries.size(); ++i) {
    genuine = run.entries[i] == entry(author, run.first + i);
  }
  const auto judge = [&](RunVerdict verdict) {
    const HeapOwner owner(heap_owner(index));
    node.mesh->handle_run_verdict(at(node), received.run_id, verdict);
  };
  if (!genuine) {
    ++node.refused;
    return judge(RunVerdict::kRefused);
  }
  Seq& pending = node.pending[author];
  pending = std::max(pending, node.store.length(author));
  if (run.first > pending + 1) return judge(RunVerdict::kDeferred);
  if (last <= pending) return judge(RunVerdict::kStored);
  EntryRun news{run.log, pending + 1, {}};
  const auto begin = run.entries.begin() + static_cast<std::ptrdiff_t>(pending + 1 - run.first);
  news.entries.assign(begin, run.entries.end());
  pending = last;
  commit(index, {received.run_id, received.link, std::move(news), {}});
}

std::size_t MeshFleet::write(NodeIndex author, std::size_t bytes) {
  Node& node = *nodes_[author];
  COTERIE_ASSERT(node.up);
  const Seq seq = append(author, bytes);
  message_of_[{author, seq}] = messages_.size();
  messages_.push_back({author, seq, bytes, now_, {}, 0, floor_from(author)});
  messages_.back().reached.resize(nodes_.size());
  node.pending[author] = seq;
  commit(author,
         {std::nullopt, std::nullopt, EntryRun{log(author), seq, {entry(author, seq)}}, {}});
  return messages_.size() - 1;
}

Seq MeshFleet::write_unseen(NodeIndex author, std::size_t bytes) {
  const Seq seq = append(author, bytes);
  nodes_[author]->pending[author] = seq;
  nodes_[author]->store.extend(author, seq);
  return seq;
}

void MeshFleet::hear_elsewhere(NodeIndex node, NodeIndex author, std::size_t bytes) {
  const Seq seq = append(author, bytes);
  constexpr LinkId kGone = 0;
  commit(node, {std::nullopt, kGone, EntryRun{log(author), seq, {entry(author, seq)}}, {}});
}

void MeshFleet::commit(NodeIndex index, Writing writing) {
  Node& node = *nodes_[index];
  const auto range =
      static_cast<std::uint64_t>((options_.commit_max - options_.commit_min).count());
  const Duration takes =
      options_.commit_min + Duration(static_cast<Duration::rep>(random_.below(range + 1)));
  node.last_commit = std::max(node.last_commit, std::max(now_, node.busy_until) + takes);
  writing.due = node.last_commit;
  node.writing.push_back(std::move(writing));
  plan(node.last_commit, index, Kind::kCommit);
}

void MeshFleet::committed(NodeIndex index, Writing writing) {
  Node& node = *nodes_[index];
  const NodeIndex author = this->index(writing.run.log.device);
  const Seq last = writing.run.first + writing.run.entries.size() - 1;
  const bool first = node.store.length(author) == 0;
  node.store.extend(author, last);
  if (!messages_.empty()) {
    for (Seq seq = writing.run.first; seq <= last; ++seq) {
      const auto found = message_of_.find({author, seq});
      if (found != message_of_.end()) messages_[found->second].reached[index] = now_;
    }
  }
  {
    const HeapOwner owner(heap_owner(index));
    if (writing.run_id) {
      node.mesh->handle_run_verdict(at(node), *writing.run_id, RunVerdict::kStored);
    }
    node.mesh->entries_stored(at(node), workspace_, writing.run, writing.link);
  }
  if (options_.addresses_by_entry && first && !node.located.contains(author)) tell_members(index);
}

void MeshFleet::publish_awareness(NodeIndex index, std::uint64_t topic, std::size_t bytes) {
  Node& node = *nodes_[index];
  {
    const HeapOwner owner(heap_owner(index));
    node.mesh->publish_awareness(at(node), workspace_, topic, ++node.awareness_counter,
                                 Bytes(bytes, 1));
  }
  drain(index);
}

std::uint64_t MeshFleet::awareness_seen(NodeIndex node, NodeIndex origin) const {
  const auto found = nodes_[node]->awareness.find(origin);
  return found == nodes_[node]->awareness.end() ? 0 : found->second;
}

// What is the case.

bool MeshFleet::agreed() const {
  std::vector<Seq> most(nodes_.size(), 0);
  const Node* one = nullptr;
  for (const auto& node : nodes_) {
    if (!node->up) continue;
    if (one != nullptr && node->store.total() != one->store.total()) return false;
    one = node.get();
  }
  // Equal sums, and nobody is behind in anything.
  for (NodeIndex author = 0; author < nodes_.size(); ++author) {
    for (const auto& node : nodes_) {
      if (node->up && node->store.length(author) != one->store.length(author)) return false;
    }
  }
  return true;
}

std::vector<MeshFleet::NodeIndex> MeshFleet::neighbours(NodeIndex index) const {
  std::vector<NodeIndex> found;
  for (const NodeIndex other : nodes_[index]->linked) {
    if (nodes_[other]->up && nodes_[other]->linked.contains(index)) found.push_back(other);
  }
  return found;
}

std::vector<bool> MeshFleet::connected(NodeIndex from,
                                       const std::function<bool(NodeIndex)>& counts) const {
  std::vector<bool> seen(nodes_.size(), false);
  std::vector<NodeIndex> next{from};
  seen[from] = true;
  while (!next.empty()) {
    const NodeIndex at = next.back();
    next.pop_back();
    for (const NodeIndex other : neighbours(at)) {
      if (seen[other] || !counts(other)) continue;
      seen[other] = true;
      next.push_back(other);
    }
  }
  return seen;
}

Seq MeshFleet::length(NodeIndex node, NodeIndex author) const {
  return nodes_[node]->store.length(author);
}

/// Dijkstra's, over the links of this moment.
std::vector<std::optional<Duration>> MeshFleet::floor_from(NodeIndex author) const {
  std::vector<std::optional<Duration>> floor(nodes_.size());
  using Step = std::pair<Duration, NodeIndex>;
  std::priority_queue<Step, std::vector<Step>, std::greater<>> next;
  next.emplace(options_.commit_min, author);
  while (!next.empty()) {
    const auto [time, at] = next.top();
    next.pop();
    if (floor[at]) continue;
    floor[at] = time;
    for (const NodeIndex other : neighbours(at)) {
      if (floor[other]) continue;
      next.emplace(time + network_.pair_latency(at, other) + options_.commit_min, other);
    }
  }
  return floor;
}

// Misbehaviour.

void MeshFleet::inject(NodeIndex node, LinkId link, Bytes frame) {
  network_.send(now_, node, link, std::move(frame));
}

void MeshFleet::dial(NodeIndex from, NodeIndex to) {
  network_.dial(now_, from, nodes_[from]->device, nodes_[to]->device, nodes_[to]->address);
}

}  // namespace coterie::testing
