// Many meshes in virtual time: 20 to 1,000 of them, on one network, from one seed.
//
// Each node is a transport::Mesh and the least engine that it can work with: a store that is
// written with a delay, and a verdict for each run. Everybody's entries are in one place
// (a node holds only how far it has each log), so that a node costs little beside its mesh. What a
// node does takes time of a processor: frames wait their turn while it is busy. Clocks may be
// wrong, nodes may be made to misbehave (Tamper, inject(), dial()).
//
// Same options, same calls: same run. One thread. tests/support/mesh_scenarios.hpp measures with
// it; the smaller tests/sim/mesh_sim.cpp looks for what is wrong instead, with faults of all kinds.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "crdt/base/random.hpp"
#include "tests/support/sim_network.hpp"
#include "transport/core/mesh.hpp"

namespace coterie::testing {

class MeshFleet {
 public:
  using NodeIndex = std::size_t;
  using LinkId = transport::LinkId;

  struct Options {
    std::size_t nodes = 20;
    std::uint64_t seed = 1;
    Duration latency_min = std::chrono::milliseconds(10);
    Duration latency_max = std::chrono::milliseconds(50);
    std::uint64_t stalled_per_1000 = 0;  ///< Frames that TCP must send again.
    std::uint64_t bytes_per_second = 0;  ///< Of each link and direction; 0: without limit.
    // From the order to write until it is durable. Commits of a node keep their order.
    Duration commit_min = std::chrono::milliseconds(1);
    Duration commit_max = std::chrono::milliseconds(3);
    // Of a node's one processor.
    Duration frame_cost = std::chrono::microseconds(20);
    Duration entry_cost = std::chrono::microseconds(40);  ///< A signature check: 35 us.
    // Clocks are up to this wrong, either way.
    std::uint64_t drift_ppm = 0;
    Duration wall_skew{};
    std::uint64_t undialable_percent = 0;
    /// Only the address of node 0 is known; others are learnt from the first entry of their log,
    /// which says where they are.
    bool addresses_by_entry = false;
  };

  /// Something that was written, and when it was durable where.
  struct Message {
    NodeIndex author;
    Seq seq;
    std::size_t bytes;
    Instant written;
    std::vector<std::optional<Instant>> reached;  ///< By node.
    std::uint64_t copies = 0;  ///< Entries received by anybody, first ones included.
    /// Time to each node if nothing ever waits: over the links of that moment, with the least
    /// commit at each node on the way. Nothing: not connected.
    std::vector<std::optional<Duration>> floor;
  };

  /// Sees each frame that a node is about to send; false: it is not sent. May change it.
  using Tamper = std::function<bool(NodeIndex to, Bytes& frame)>;
  /// Sees each frame that arrives at a node before the node does.
  using Tap = std::function<void(LinkId link, NodeIndex from, const Bytes& frame)>;

  explicit MeshFleet(const Options& options);
  ~MeshFleet();

  // Before anybody starts.

  /// Everybody holds `entries` entries of each log already.
  void fill(Seq entries, std::size_t bytes);

  // Nodes.

  void start(NodeIndex node);
  void start_all();
  /// Says goodbye and ends.
  void stop(NodeIndex node);
  enum class Death {
    kProcess,  ///< Connections are closed by the system.
    kPower,    ///< Nothing is heard of it any more, and nothing says so.
  };
  void kill(NodeIndex node, Death death);
  bool up(NodeIndex node) const { return nodes_[node]->up; }
  std::size_t size() const { return nodes_.size(); }

  // What is written.

  /// Returns its number, for message().
  std::size_t write(NodeIndex author, std::size_t bytes);
  /// As a node with software of its own does: held by the author at once, and not told to its mesh.
  /// Returns its sequence number.
  Seq write_unseen(NodeIndex author, std::size_t bytes);
  /// An entry of `author`, who is away, comes to `node` by a way that is not simulated.
  void hear_elsewhere(NodeIndex node, NodeIndex author, std::size_t bytes);
  const Bytes& entry(NodeIndex author, Seq seq) const;
  LogId log(NodeIndex author) const;
  const Message& message(std::size_t number) const { return messages_[number]; }
  const std::vector<Message>& messages() const { return messages_; }
  void publish_awareness(NodeIndex node, std::uint64_t topic, std::size_t bytes);
  /// Times that a message of `origin` was new to `node`.
  std::uint64_t awareness_seen(NodeIndex node, NodeIndex origin) const;

  // Time.

  Instant now() const { return now_; }
  void advance(Duration time);
  /// Looks every `step`. Returns the time that it took, or nothing after `most`.
  std::optional<Duration> advance_until(const std::function<bool()>& reached, Duration most,
                                        Duration step = std::chrono::milliseconds(10));

  // What is the case.

  /// All that are up hold what any of them holds.
  bool agreed() const;
  /// Those that `node` is linked with for the workspace, as both ends say.
  std::vector<NodeIndex> neighbours(NodeIndex node) const;
  /// Whom a node can reach over links of nodes that `counts` accepts; by node.
  std::vector<bool> connected(NodeIndex from, const std::function<bool(NodeIndex)>& counts) const;
  Seq length(NodeIndex node, NodeIndex author) const;
  /// The heap that the mesh of `node` asked for, with frames of its on their way.
  std::int64_t heap(NodeIndex node) const;
  /// Bytes of frames that `node` sent.
  std::uint64_t bytes_sent(NodeIndex node) const { return nodes_[node]->bytes_sent; }
  std::uint64_t frames_sent(NodeIndex node) const { return nodes_[node]->frames_sent; }
  /// The longest that frames waited for the processor of `node`.
  Duration longest_wait(NodeIndex node) const { return nodes_[node]->longest_wait; }
  /// Runs given to the engine of `node` that it refused.
  std::uint64_t refused(NodeIndex node) const { return nodes_[node]->refused; }
  transport::Mesh& mesh(NodeIndex node) { return *nodes_[node]->mesh; }
  SimNetwork& network() { return network_; }
  DeviceId device(NodeIndex node) const { return nodes_[node]->device; }
  NodeIndex index(const DeviceId& device) const;
  const WorkspaceId& workspace() const { return workspace_; }

  // Misbehaviour.

  void set_tamper(NodeIndex node, Tamper tamper) { nodes_[node]->tamper = std::move(tamper); }
  void set_tap(NodeIndex node, Tap tap) { nodes_[node]->tap = std::move(tap); }
  /// Whom the software of `node` takes for members. Before it starts.
  void set_view(NodeIndex node, std::vector<NodeIndex> members) {
    nodes_[node]->view = std::move(members);
  }
  /// Links of `node` that are up, with the other end.
  std::map<LinkId, NodeIndex> links(NodeIndex node) const { return nodes_[node]->peers; }
  void inject(NodeIndex node, LinkId link, Bytes frame);
  void dial(NodeIndex from, NodeIndex to);

 private:
  struct Writing {
    std::optional<std::uint64_t> run_id;  ///< Empty for own entries.
    std::optional<LinkId> link;
    transport::EntryRun run;
    Instant due;
  };
  /// How far a node holds each log.
  class Store final : public transport::EntrySource {
   public:
    explicit Store(const MeshFleet& fleet) : fleet_(fleet), lengths_(fleet.options_.nodes) {}
    const Frontier* frontier(const WorkspaceId&) const override { return &frontier_; }
    transport::EntryRun read(const WorkspaceId&, const LogId& log, Seq first,
                             std::size_t bytes_max) const override;
    void extend(NodeIndex author, Seq length);
    Seq length(NodeIndex author) const { return lengths_[author]; }
    std::uint64_t total() const { return total_; }

   private:
    const MeshFleet& fleet_;
    Frontier frontier_;
    std::vector<Seq> lengths_;
    std::uint64_t total_ = 0;
  };
  struct Node {
    explicit Node(const MeshFleet& fleet) : store(fleet) {}
    DeviceId device;
    std::string address;
    bool up = false;
    bool powerless = false;
    std::uint64_t life = 0;  ///< Counts starts: what an earlier life had planned does not happen.
    std::int64_t drift_ppm = 0;
    std::int64_t wall_skew_ms = 0;
    Store store;
    std::unique_ptr<transport::Mesh> mesh;
    std::optional<Instant> wake;  ///< The one on the agenda that counts.
    std::deque<std::pair<Instant, SimNetwork::Event>> inbox;
    Instant busy_until{};
    std::deque<Writing> writing;
    Instant last_commit{};
    std::map<NodeIndex, Seq> pending;  ///< Verified, not durable yet.
    std::map<LinkId, NodeIndex> peers;
    std::map<LinkId, int> faults;
    std::set<NodeIndex> linked;
    std::set<NodeIndex> located;  ///< With addresses_by_entry: whose address is known.
    std::optional<std::vector<NodeIndex>> view;
    std::uint64_t awareness_counter = 0;
    std::map<NodeIndex, std::uint64_t> awareness;
    std::uint64_t bytes_sent = 0;
    std::uint64_t frames_sent = 0;
    std::uint64_t refused = 0;
    Duration longest_wait{};
    Tamper tamper;
    Tap tap;
  };
  enum class Kind : std::uint8_t { kWake, kCommit, kWork };
  struct Plan {
    Instant at;
    std::uint64_t order;
    NodeIndex node;
    std::uint64_t life;
    Kind kind;
    bool operator<(const Plan& other) const {
      return std::tie(other.at, other.order) < std::tie(at, order);
    }
  };

  static SimNetwork::Faults faults_of(const Options& options);
  std::uint32_t heap_owner(NodeIndex node) const;
  Now at(const Node& node) const;
  Instant true_time(const Node& node, Instant local) const;
  void plan(Instant when, NodeIndex node, Kind kind);
  void carry_out(const Plan& plan);
  void tell_members(NodeIndex node);
  Seq append(NodeIndex author, std::size_t bytes);
  void commit(NodeIndex node, Writing writing);
  void committed(NodeIndex node, Writing writing);
  void receive(NodeIndex node, const transport::Mesh::RunReceived& received);
  void arrive(SimNetwork::Event event);
  void handle(SimNetwork::Event& event);
  void drain(NodeIndex node);
  void end(NodeIndex node);
  void count_copies(const Bytes& frame);
  std::vector<std::optional<Duration>> floor_from(NodeIndex author) const;

  Options options_;
  Random random_;
  SimNetwork network_;
  const WorkspaceId workspace_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::vector<Bytes>> entries_;  ///< By author.
  std::vector<std::vector<Hash>> hashes_;
  std::vector<Message> messages_;
  std::map<std::pair<NodeIndex, Seq>, std::size_t> message_of_;
  std::vector<Plan> agenda_;  ///< A heap.
  std::uint64_t planned_ = 0;
  Instant now_{std::chrono::seconds(1)};
};

}  // namespace coterie::testing
