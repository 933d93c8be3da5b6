// A network in virtual time: links between nodes as the ZeroMQ driver shows them to a core, with
// the faults of real ones, all from one seed.
//
// Two manners, because bugs hide from either:
//   kStream    as TCP: frames of a link arrive in order and complete. A cut holds them back until
//   it
//              heals (or somebody gives the link up); a frame that is lost for good resets the
//              link.
//   kDatagram  worse than any real link: frames vanish, arrive twice, overtake one another.
//
// One-way cuts, clogs (nothing is lost, nothing moves, and the sender is not told "sent"),
// partitions, crashes. An event costs O(log events), a crash what the node has of links: thousands
// of nodes fit. Drive it with next_event()/take_due(), hand each event to its node, carry out what
// the node says with dial(), send() and close(). It has no clock: all times are handed in and must
// not go back.

#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "crdt/base/random.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::testing {

class SimNetwork {
 public:
  using LinkId = std::uint64_t;
  using NodeIndex = std::size_t;

  enum class Manner { kStream, kDatagram };
  /// The least that TCP waits before it sends again (RFC 6298 says 1 s, Linux does 200 ms).
  static constexpr Duration kRetransmission = std::chrono::milliseconds(200);

  struct Faults {
    Manner manner = Manner::kStream;
    Duration latency_min = std::chrono::milliseconds(1);
    Duration latency_max = std::chrono::milliseconds(40);
    /// Each pair of nodes has a latency of its own, drawn once between the two above; a frame takes
    /// up to a tenth longer. Otherwise each frame draws its own.
    bool latency_by_pair = false;
    /// Round trips before a connection is of use, beside the one that opens it (keys, greetings).
    int handshakes = 0;
    std::uint64_t bytes_per_second = 0;  ///< Of each link and direction; 0: without limit.
    // Of 1,000 frames each; the last two happen to datagrams only.
    std::uint64_t lost = 0;
    /// In a stream: a lost segment, sent again after kRetransmission; what follows waits for it.
    std::uint64_t stalled = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t delayed = 0;  ///< By up to ten times the latency: overtaken by others.
  };

  struct LinkUp {
    LinkId link;
    DeviceId peer;  ///< The key that the other side presented.
    bool outgoing;
  };
  struct DialFailed {
    DeviceId device;
    std::string address;
  };
  struct LinkDown {
    LinkId link;
  };
  struct FrameArrived {
    LinkId link;
    Bytes frame;
  };
  struct Sent {
    LinkId link;
    std::size_t bytes;
  };
  struct Event {
    NodeIndex node;
    std::variant<LinkUp, DialFailed, LinkDown, FrameArrived, Sent> what;
  };

  /// What happened, so that a simulation can tell that its faults did.
  struct Probes {
    std::uint64_t frames_delivered = 0;
    std::uint64_t frames_lost = 0;
    std::uint64_t frames_stalled = 0;
    std::uint64_t frames_duplicated = 0;
    std::uint64_t frames_held = 0;
    std::uint64_t links_made = 0;
    std::uint64_t links_reset = 0;
    std::uint64_t dials_failed = 0;
    std::uint64_t dials_refused = 0;  ///< Of these: by admission.
  };

  SimNetwork(std::uint64_t seed, Faults faults) : random_(seed), seed_(seed), faults_(faults) {}

  /// An empty `address` means that it cannot be dialled.
  NodeIndex add_node(const DeviceId& device, std::string address) {
    if (!address.empty()) by_address_.try_emplace(address, nodes_.size());
    nodes_.push_back({device, std::move(address), true, 0, nullptr, 0, 0, {}});
    return nodes_.size() - 1;
  }

  /// Who may connect to `node`; nobody is asked when there is none. Must outlive the network.
  void set_admission(NodeIndex node, std::function<bool(const DeviceId&)> admits) {
    nodes_[node].admits = std::move(admits);
  }

  void set_faults(const Faults& faults) { faults_ = faults; }
  /// Reads no faster than this from each of its links; 0: without limit.
  void set_reading_rate(NodeIndex node, std::uint64_t bytes_per_second) {
    nodes_[node].reads_per_second = bytes_per_second;
  }
  /// With Faults::latency_by_pair: the least that a frame takes from one to the other.
  Duration pair_latency(NodeIndex a, NodeIndex b) const {
    const std::uint64_t pair = (std::uint64_t{std::min(a, b)} << 32) | std::max(a, b);
    Random drawn(seed_ ^ (pair * 0x9e3779b97f4a7c15u));
    return faults_.latency_min + Duration(static_cast<Duration::rep>(drawn.below(range() + 1)));
  }
  /// The other end of a link: its node, and how it names the link. Nothing when the link is gone.
  std::optional<std::pair<NodeIndex, LinkId>> other_end(LinkId link) const {
    const auto found = ends_.find(link);
    if (found == ends_.end()) return std::nullopt;
    return std::pair(found->second.peer, found->second.other);
  }
  const Probes& probes() const { return probes_; }

  // What nodes do.

  /// `as` is the key presented: the node's own, or an invite's.
  void dial(Instant now, NodeIndex from, const DeviceId& as, const DeviceId& device,
            const std::string& address) {
    Internal connect{from, nodes_[from].epoch, as, device, address};
    const auto to = by_address_.find(address);
    const NodeIndex target = to == by_address_.end() ? from : to->second;
    schedule(now + latency(from, target) * (1 + 2 * faults_.handshakes), std::move(connect));
  }

  /// Frames on a link that is gone vanish.
  void send(Instant now, NodeIndex from, LinkId link, Bytes frame) {
    const auto found = ends_.find(link);
    if (found == ends_.end() || found->second.node != from || found->second.broken) return;
    End& end = found->second;
    if (faults_.manner == Manner::kStream && (blocked(from, end.peer) || !end.held.empty())) {
      ++probes_.frames_held;
      end.held.push_back(std::move(frame));
      return;
    }
    if (clogged_.contains({from, end.peer})) {
      ++probes_.frames_held;
      end.held.push_back(std::move(frame));
      return;
    }
    transmit(now, link, end, std::move(frame));
  }

  /// Tells `from` that `bytes` have left, of which the network never hears.
  void pretend_sent(Instant now, NodeIndex from, LinkId link, std::size_t bytes) {
    schedule(now, Event{from, Sent{link, bytes}});
  }

  /// The other side learns of it after what was sent before; this side is not told.
  void close(Instant now, NodeIndex from, LinkId link) {
    const auto found = ends_.find(link);
    if (found == ends_.end() || found->second.node != from) return;
    const End end = take(found);
    if (end.broken || blocked(from, end.peer)) return;
    const Instant at = std::max(now + latency(from, end.peer), end.last_arrival);
    schedule(at, Event{end.peer, LinkDown{end.other}});
  }

  // Faults.

  /// All its links break; it cannot be dialled, and hears nothing, until restart().
  void crash(Instant now, NodeIndex node) {
    const auto links = nodes_[node].links;
    for (const LinkId link : links) close(now, node, link);
    nodes_[node].up = false;
    ++nodes_[node].epoch;
  }
  void restart(NodeIndex node) { nodes_[node].up = true; }

  /// Nothing gets from `from` to `to` any more (the other direction is not touched).
  void cut(NodeIndex from, NodeIndex to) { cuts_.insert({from, to}); }
  bool is_cut(NodeIndex from, NodeIndex to) const { return cuts_.contains({from, to}); }
  void clog(NodeIndex from, NodeIndex to) { clogged_.insert({from, to}); }
  /// Undoes both.
  void heal(Instant now, NodeIndex from, NodeIndex to) {
    cuts_.erase({from, to});
    clogged_.erase({from, to});
    release_from(now, from, [to](NodeIndex peer) { return peer == to; });
  }
  /// Nodes of different sides cannot hear each other; everybody begins on side 0.
  void set_side(NodeIndex node, int side) { nodes_[node].side = side; }
  void unite(Instant now) {
    for (Node& node : nodes_) node.side = 0;
    for (NodeIndex node = 0; node < nodes_.size(); ++node) {
      release_from(now, node, [&](NodeIndex peer) { return !blocked(node, peer); });
    }
  }
  void heal_all(Instant now) {
    auto paths = cuts_;
    paths.insert(clogged_.begin(), clogged_.end());
    for (const auto& [from, to] : paths) heal(now, from, to);
  }
  /// Breaks one link between the two, if there is one, at both ends.
  void reset_link(Instant now, NodeIndex a, NodeIndex b) {
    for (const LinkId link : nodes_[a].links) {
      const End& end = ends_.at(link);
      if (end.peer != b || end.broken) continue;
      reset(now, link);
      return;
    }
  }

  // Time.

  std::optional<Instant> next_event() const {
    if (queue_.empty()) return std::nullopt;
    return queue_.front().at;
  }

  /// The next event at or before `now`, in order of time.
  std::optional<Event> take_due(Instant now) {
    while (!queue_.empty() && queue_.front().at <= now) {
      const Instant at = queue_.front().at;
      std::pop_heap(queue_.begin(), queue_.end());
      const std::size_t slot = queue_.back().slot;
      queue_.pop_back();
      Item item = std::move(items_[slot]);
      free_.push_back(slot);
      if (auto* connect = std::get_if<Internal>(&item)) {
        answer_dial(at, *connect);
        continue;
      }
      Timed& timed = std::get<Timed>(item);
      if (timed.epoch != nodes_[timed.event.node].epoch) continue;  // Of a former life.
      if (auto* down = std::get_if<LinkDown>(&timed.event.what)) {
        const auto end = ends_.find(down->link);
        if (end == ends_.end()) continue;  // Closed by its own node.
        const End lost = take(end);
        if (!lost.announced && lost.if_lost.address.empty()) continue;
        if (!lost.announced) timed.event.what = lost.if_lost;
        return std::move(timed.event);
      }
      if (still_true(at, timed.event)) return std::move(timed.event);
    }
    return std::nullopt;
  }

 private:
  struct Node {
    DeviceId device;
    std::string address;
    bool up = true;
    std::uint64_t epoch = 0;  ///< Counts crashes.
    std::function<bool(const DeviceId&)> admits;
    int side = 0;
    std::uint64_t reads_per_second = 0;
    std::set<LinkId> links;
  };
  struct End {
    NodeIndex node;
    NodeIndex peer;
    LinkId other;            ///< The same link as the peer names it.
    Instant last_arrival{};  ///< Of what this end sent.
    Instant line_free{};     ///< When the last byte handed in has left.
    bool announced = false;  ///< Its node was told that it is up.
    bool broken = false;     ///< Reset; its node hears of it in a moment.
    DialFailed if_lost;      ///< What to say if it is lost before; no address: nothing.
    std::deque<Bytes> held;
  };
  struct Internal {  ///< A connection attempt on its way.
    NodeIndex from;
    std::uint64_t epoch;
    DeviceId as;
    DeviceId device;
    std::string address;
  };
  struct Timed {
    std::uint64_t epoch;
    Event event;
  };
  using Item = std::variant<Internal, Timed>;

  struct Due {
    Instant at;
    std::uint64_t order;  ///< Of two at the same time, the one that was scheduled first.
    std::size_t slot;     ///< In items_.
    /// The heap's top is the greatest: the earliest.
    bool operator<(const Due& other) const {
      return std::tie(other.at, other.order) < std::tie(at, order);
    }
  };

  std::uint64_t range() const {
    return static_cast<std::uint64_t>((faults_.latency_max - faults_.latency_min).count());
  }
  Duration latency(NodeIndex from, NodeIndex to) {
    if (faults_.latency_by_pair) {
      const Duration least = pair_latency(from, to);
      const auto tenth = static_cast<std::uint64_t>(least.count()) / 10;
      return least + Duration(static_cast<Duration::rep>(random_.below(tenth + 1)));
    }
    return faults_.latency_min + Duration(static_cast<Duration::rep>(random_.below(range() + 1)));
  }
  bool blocked(NodeIndex from, NodeIndex to) const {
    return nodes_[from].side != nodes_[to].side || cuts_.contains({from, to}) ||
           clogged_.contains({from, to});
  }
  End take(std::unordered_map<LinkId, End>::iterator found) {
    End end = std::move(found->second);
    nodes_[end.node].links.erase(found->first);
    ends_.erase(found);
    return end;
  }
  bool happens(std::uint64_t of_1000) { return random_.below(1000) < of_1000; }

  void schedule(Instant at, Item item) {
    std::size_t slot = items_.size();
    if (free_.empty()) {
      items_.push_back(std::move(item));
    } else {
      slot = free_.back();
      free_.pop_back();
      items_[slot] = std::move(item);
    }
    queue_.push_back({at, ++order_, slot});
    std::push_heap(queue_.begin(), queue_.end());
  }
  void schedule(Instant at, Event event) {
    const std::uint64_t epoch = nodes_[event.node].epoch;
    schedule(at, Item(Timed{epoch, std::move(event)}));
  }

  void answer_dial(Instant now, const Internal& dial) {
    if (dial.epoch != nodes_[dial.from].epoch) return;
    const auto fail = [&](Duration after) {
      ++probes_.dials_failed;
      schedule(now + after, Event{dial.from, DialFailed{dial.device, dial.address}});
    };
    const auto found = by_address_.find(dial.address);
    if (found == by_address_.end()) return fail(latency(dial.from, dial.from));
    const NodeIndex to = found->second;
    Node& node = nodes_[to];
    // A silent network shows after a while; a refusal at once.
    if (blocked(dial.from, to) || blocked(to, dial.from)) return fail(std::chrono::seconds(3));
    if (!node.up || node.device != dial.device) return fail(latency(to, dial.from));
    if (node.admits && !node.admits(dial.as)) {
      ++probes_.dials_refused;
      return fail(latency(to, dial.from));
    }
    const LinkId here = ++links_;
    const LinkId there = ++links_;
    const Instant answered = now + latency(to, dial.from);
    ends_[here] = End{
        dial.from, to, there, answered, answered, false, false, {dial.device, dial.address}, {}};
    ends_[there] = End{to, dial.from, here, answered, now, false, false, {}, {}};
    nodes_[dial.from].links.insert(here);
    node.links.insert(there);
    ++probes_.links_made;
    schedule(now, Event{to, LinkUp{there, dial.as, false}});
    schedule(answered, Event{dial.from, LinkUp{here, node.device, true}});
  }

  void transmit(Instant now, LinkId link, End& end, Bytes frame) {
    const std::size_t bytes = frame.size();
    end.line_free = std::max(end.line_free, now);
    std::uint64_t rate = faults_.bytes_per_second;
    if (const std::uint64_t reads = nodes_[end.peer].reads_per_second; reads > 0) {
      rate = rate == 0 ? reads : std::min(rate, reads);
    }
    if (rate > 0) end.line_free += std::chrono::microseconds(bytes * 1'000'000 / rate);
    schedule(end.line_free, Event{end.node, Sent{link, bytes}});
    Instant arrival = end.line_free + latency(end.node, end.peer);
    if (faults_.manner == Manner::kStream) {
      if (happens(faults_.lost)) {
        ++probes_.frames_lost;
        return reset(now, link);
      }
      if (faults_.stalled > 0 && happens(faults_.stalled)) {
        ++probes_.frames_stalled;
        arrival += kRetransmission + 2 * latency(end.node, end.peer);
      }
      end.last_arrival = std::max(end.last_arrival, arrival);
      schedule(end.last_arrival, Event{end.peer, FrameArrived{end.other, std::move(frame)}});
      return;
    }
    if (cuts_.contains({end.node, end.peer}) || happens(faults_.lost)) {
      ++probes_.frames_lost;
      return;
    }
    if (happens(faults_.duplicated)) {
      ++probes_.frames_duplicated;
      const Instant again = arrival + latency(end.node, end.peer);
      schedule(again, Event{end.peer, FrameArrived{end.other, frame}});
    }
    const Duration delay =
        happens(faults_.delayed) ? 10 * latency(end.node, end.peer) : Duration(0);
    end.last_arrival = std::max(end.last_arrival, arrival);
    schedule(arrival + delay, Event{end.peer, FrameArrived{end.other, std::move(frame)}});
  }

  template <typename Towards>
  void release_from(Instant now, NodeIndex node, Towards towards) {
    const auto links = nodes_[node].links;
    for (const LinkId link : links) {
      const End& end = ends_.at(link);
      if (!end.held.empty() && towards(end.peer)) release(now, link);
    }
  }

  void release(Instant now, LinkId link) {
    const auto found = ends_.find(link);
    std::deque<Bytes> held = std::move(found->second.held);
    found->second.held.clear();
    for (Bytes& frame : held) {
      const auto end = ends_.find(link);
      if (end->second.broken) return;
      transmit(now, link, end->second, std::move(frame));
    }
  }

  void reset(Instant now, LinkId link) {
    ++probes_.links_reset;
    End& here = ends_.at(link);
    here.broken = true;
    schedule(now + latency(here.peer, here.node), Event{here.node, LinkDown{link}});
    const auto there = ends_.find(here.other);
    if (there == ends_.end() || there->second.broken) return;
    there->second.broken = true;
    schedule(now + latency(here.node, here.peer), Event{here.peer, LinkDown{here.other}});
  }

  /// Whether an event still makes sense when its time comes; else a consequence is scheduled.
  bool still_true(Instant now, const Event& event) {
    if (const auto* arrived = std::get_if<FrameArrived>(&event.what)) {
      const auto end = ends_.find(arrived->link);
      const bool open = end != ends_.end() && !end->second.broken;
      if (open) ++probes_.frames_delivered;
      return open;
    }
    if (const auto* sent = std::get_if<Sent>(&event.what)) {
      const auto end = ends_.find(sent->link);
      if (end == ends_.end()) return false;
      if (end->second.broken) return true;
      // The other side is gone without a word: writing to it shows that.
      if (!ends_.contains(end->second.other) && !blocked(end->second.node, end->second.peer)) {
        end->second.broken = true;
        const Instant shown = now + latency(end->second.peer, event.node);
        schedule(shown, Event{event.node, LinkDown{sent->link}});
      }
      return true;
    }
    if (const auto* up = std::get_if<LinkUp>(&event.what)) {
      const auto end = ends_.find(up->link);
      if (end != ends_.end()) end->second.announced = true;
      return end != ends_.end();
    }
    return true;
  }

  Random random_;
  std::uint64_t seed_;
  Faults faults_;
  Probes probes_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string, NodeIndex> by_address_;
  std::unordered_map<LinkId, End> ends_;
  LinkId links_ = 0;
  std::set<std::pair<NodeIndex, NodeIndex>> cuts_;
  std::set<std::pair<NodeIndex, NodeIndex>> clogged_;
  std::vector<Due> queue_;  ///< A heap.
  std::vector<Item> items_;
  std::vector<std::size_t> free_;
  std::uint64_t order_ = 0;
};

}  // namespace coterie::testing
