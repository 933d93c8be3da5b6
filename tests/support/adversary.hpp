// Members that run modified code: real engines whose frames pass through the adversary's hands, and
// a workshop (workshop.hpp) that signs and sends whatever it likes in their names.
//
//     Adversary gang(cluster, {evil}, seed);   // Before the node joins: it listens from the start.
//     gang.enter(workspace);
//     gang.send(gang.forge_in_others_logs("FORGED"));
//
// The gang shares what its nodes see: every entry, every operation, every key one of them can open.

#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/cluster.hpp"
#include "tests/support/workshop.hpp"

namespace coterie::testing {

class Adversary : public Workshop {
 public:
  using Node = Cluster::Node;

  Adversary(Cluster& cluster, std::vector<Node> nodes, std::uint64_t seed)
      : Workshop(identities_of(cluster, nodes), seed, [&cluster] { return cluster.at().wall; }),
        cluster_(cluster),
        nodes_(std::move(nodes)) {
    for (const Node node : nodes_) {
      Cluster::Tap tap;
      tap.outgoing = [this](const DeviceId& peer, Bytes frame) {
        return pass_outgoing(peer, std::move(frame));
      };
      tap.incoming = [this](const DeviceId&, Bytes frame) {
        listen(frame);
        keep_frame(frame);
        return std::optional<Bytes>(std::move(frame));
      };
      tap.raw_link = [this, node](const DeviceId& peer) { greet(node, peer); };
      cluster_.set_tap(node, std::move(tap));
    }
  }

  const std::vector<Node>& nodes() const { return nodes_; }
  bool has(Node node) const {
    return std::find(nodes_.begin(), nodes_.end(), node) != nodes_.end();
  }
  using Workshop::has;

  // How its engines' own frames fare.
  std::uint64_t withhold_percent = 0;  ///< Of frames with entries of others; they relay nothing.
  std::uint64_t lie_percent = 0;       ///< Of frontiers, hellos, heartbeats and announcements.
  std::size_t withheld = 0;
  std::size_t lies = 0;

  // Sending.

  /// To one node, over whichever link of the gang there is; whether there was one.
  bool send_to(Node to, const Bytes& frame) {
    for (const Node from : nodes_) {
      if (cluster_.up(from) && cluster_.inject(from, to, frame)) return true;
    }
    return false;
  }
  /// To every other node, or to some of them; how many.
  std::size_t send(const Bytes& frame, std::uint64_t percent = 100) {
    std::size_t sent = 0;
    for (Node to = 0; to < cluster_.size(); ++to) {
      if (has(to) || !cluster_.up(to) || !choices_.chance(percent)) continue;
      if (send_to(to, frame)) ++sent;
    }
    return sent;
  }
  std::size_t send(const Frames& frames, std::uint64_t percent = 100) {
    std::size_t sent = 0;
    for (const Bytes& frame : frames) sent += send(frame, percent);
    return sent;
  }
  /// The last two frames to different peers, those before them to all.
  std::size_t send_apart(const Frames& frames) {
    if (frames.size() < 2) return 0;
    std::size_t sent = send(Frames(frames.begin(), frames.end() - 2));
    for (Node to = 0; to < cluster_.size(); ++to) {
      if (has(to) || !cluster_.up(to)) continue;
      if (send_to(to, frames[frames.size() - 1 - choices_.below(2)])) ++sent;
    }
    return sent;
  }

  /// Comes to the door again, with its own key or an invite's, and pushes what it has at once.
  void knock(Node to, Frames push) {
    const std::size_t as = any();
    const Node from = nodes_[as];
    if (!cluster_.up(from) || !cluster_.up(to)) return;
    pushes_[cluster_.id(to)] = std::move(push);
    cluster_.dial_raw(from, to,
                      choices_.chance(70) || invites_.empty() ? identity(as).id() : any_invite());
  }
  /// Knocks that were answered by a link.
  std::size_t let_in = 0;

 private:
  static std::vector<crypto::SigningKey> identities_of(Cluster& cluster,
                                                       const std::vector<Node>& nodes) {
    std::vector<crypto::SigningKey> identities;
    for (const Node node : nodes) identities.push_back(cluster.identity(node));
    return identities;
  }

  /// The first words on a link that no engine of ours knows of.
  void greet(Node from, const DeviceId& peer) {
    ++let_in;
    transport::Hello hello;
    hello.device = cluster_.id(from);
    hello.workspaces.push_back({workspace(), random_id<Hash>()});
    for (Node to = 0; to < cluster_.size(); ++to) {
      if (cluster_.id(to) != peer) continue;
      (void)cluster_.inject(from, to, transport::encode(hello));
      (void)cluster_.inject(from, to,
                            transport::encode(transport::FrontierReport{workspace(), true, {}}));
      for (const auto& [log, seen] : archive_) {
        (void)cluster_.inject(from, to,
                              transport::encode(transport::Pull{workspace(), log, 1, 65536}));
      }
      for (Bytes& frame : pushes_[peer]) (void)cluster_.inject(from, to, std::move(frame));
      pushes_.erase(peer);
    }
  }

  /// What its engines say, before it leaves.
  std::optional<Bytes> pass_outgoing(const DeviceId&, Bytes frame) {
    listen(frame);
    const bool withholds = choices_.chance(withhold_percent);
    const bool lying = choices_.chance(lie_percent);
    if (!withholds && !lying) return frame;
    auto message = transport::decode(frame);
    if (!message) return frame;
    if (const auto* entries = std::get_if<transport::Entries>(&*message)) {
      if (!withholds || has(entries->log.device)) return frame;
      ++withheld;
      return std::nullopt;
    }
    if (!lying) return frame;
    if (auto* report = std::get_if<transport::FrontierReport>(&*message)) {
      for (auto& [log, head] : report->heads) {
        if (choices_.chance(30)) head.seq += choices_.below(5);
        if (choices_.chance(30)) head.hash = random_id<Hash>();
      }
    } else if (auto* hello = std::get_if<transport::Hello>(&*message)) {
      for (auto& state : hello->workspaces) state.digest = random_id<Hash>();
    } else if (auto* beat = std::get_if<transport::Heartbeat>(&*message)) {
      for (auto& state : beat->workspaces) {
        if (choices_.chance(50)) state.digest = random_id<Hash>();
      }
    } else if (auto* neighbours = std::get_if<transport::Neighbours>(&*message)) {
      neighbours->added = all_devices();
      neighbours->removed.clear();
    } else if (auto* announce = std::get_if<transport::Announce>(&*message)) {
      announce->head += choices_.below(10);
    } else {
      return frame;
    }
    ++lies;
    return transport::encode(*message);
  }

  Cluster& cluster_;
  std::vector<Node> nodes_;
  std::map<DeviceId, Frames> pushes_;
};

}  // namespace coterie::testing
