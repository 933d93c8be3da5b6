// Checkpoint transfer in one workspace: a node that pruned its logs gives a peer that asks for what
// it pruned the bundle of a checkpoint; that peer fetches it, part by part.
//
// Serving: an offer goes to whoever pulled below the base; fetches of it wait, a few per link, and
// are answered when the link has room for bulk. So nobody can make us read or hold more than it
// drains, and a transfer takes turns with answers to pulls.
//
// Fetching: one bundle at a time, from one link at a time, with kTransferPartsInFlight fetches out.
//
//     idle ──offer that is wanted──▶ fetching ──all bytes, hash right──▶ whole ──taken──▶ idle
//                                    │      ▲                            │  ▲
//              link down, silent,    ▼      │  offer of the same hash    └──┘ not now: tried again
//              or gone there        waiting ┘  (goes on; another hash begins anew)
//
// Peers that let us down rank behind the others. What does not hash to what was offered, or what
// the sink refuses, is not fetched again from there. Nothing of a bundle is trusted here: that it
// hashes to what a peer offered says only that the peer meant it; the sink judges it.
//
// Messages: node/core/transfer_messages.hpp. Pure and single-threaded: one input, then drain
// poll_output(). Memory: at most one bundle (kCheckpointBytesMax), and one part per link that is
// served, in the mesh's outbox.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "crdt/base/clock.hpp"
#include "node/core/transfer_messages.hpp"
#include "transport/core/mesh.hpp"

namespace coterie::node {

class CheckpointTransfer {
 public:
  enum class Verdict : std::uint8_t {
    kTaken,
    kRefused,  ///< It is bad, whoever gives it.
    kNotNow,   ///< The disk is full, say: asked again after kTransferTakeRetry.
  };

  /// Where the bundles are that are served.
  class Source {
   public:
    virtual ~Source() = default;
    /// The bundle to offer, if there is one.
    virtual std::optional<CheckpointOffer> offer() const = 0;
    /// Up to `bytes_max` bytes of a bundle from `offset` on, fewer only at its end. Called for
    /// every part, with whatever a peer asks for. Errors: kNotFound (no such bundle any more), kIo.
    virtual Result<Bytes> read(const Hash& hash, std::uint64_t offset,
                               std::size_t bytes_max) const = 0;
  };

  /// Where a bundle goes. Must not call into the transfer.
  class Sink {
   public:
    virtual ~Sink() = default;
    /// Whether the bundle would be of use now: not once it was taken. Asked with every part: must
    /// be cheap.
    virtual bool wants(const CheckpointOffer& offer) const = 0;
    /// `bundle` hashes to what was offered, and is otherwise unchecked. Left as it is on kNotNow.
    virtual Verdict take(Now now, const CheckpointOffer& offer, Bytes& bundle) = 0;
  };

  /// An application frame to be sent.
  struct Output {
    transport::LinkId link;
    transport::TrafficClass traffic_class;
    Bytes payload;
  };

  /// `source` and `sink` must outlive the transfer.
  CheckpointTransfer(const WorkspaceId& workspace, const Source& source, Sink& sink)
      : workspace_(workspace), source_(source), sink_(sink) {}

  // Inputs. Links are those of members of the workspace only: the caller sees to it.
  /// Transport::Mesh::PullBelowBase: the peer cannot be served entries.
  void handle_pull_below_base(transport::LinkId link);
  /// Errors: kMalformed (a part of another size than was asked for). Precondition: it is of this
  /// workspace.
  Status handle_message(Now now, transport::LinkId link, const DeviceId& peer,
                        TransferMessage message);
  void handle_link_down(Now now, transport::LinkId link);
  /// Early, late and repeated calls are all safe.
  void handle_timeout(Now now);

  /// `takes_bulk`: whether a link has room for a part now; where it has none, fetches wait.
  std::optional<Output> poll_output(const std::function<bool(transport::LinkId)>& takes_bulk);
  std::optional<Instant> next_deadline() const;

  /// Bytes of parts that came and were of use, ever: grows while a transfer makes progress.
  std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  /// What one link asks us for, and what it offers us.
  struct Link {
    Hash asked_hash;
    std::deque<std::uint64_t> asked;  ///< Offsets, at most kTransferPartsInFlight.
    DeviceId peer;
    std::optional<CheckpointOffer> offer;  ///< The newest that is wanted.
    Instant offer_due{};                   ///< One that comes earlier is not looked at.
  };
  struct Peer {
    std::uint32_t failures = 0;  ///< Since a bundle was last taken.
    Instant not_before{};        ///< Its offers are not heard until then.
  };
  struct Active {
    transport::LinkId link;
    DeviceId peer;
    std::set<std::uint64_t> asked;         ///< Offsets of the fetches that are out.
    std::map<std::uint64_t, Bytes> early;  ///< Parts that came before the one they follow.
    std::uint64_t next = 0;                ///< Offset of the next fetch.
    Instant silent_at{};                   ///< Given up then, if no part comes.
    Instant stint_ends{};                  ///< Another peer has its turn then, if one is as good.
  };
  struct Download {
    explicit Download(const CheckpointOffer& from) : offer(from) {}

    CheckpointOffer offer;
    Bytes data;  ///< From the start on, without gaps.
    std::set<DeviceId> givers;
    std::optional<Active> active;
    std::optional<Instant> take_at;  ///< Whole; the sink is asked (again) then.
    Instant kept_until{};            ///< When neither of these helps: forgotten then.
  };

  void handle(Now now, transport::LinkId link, const DeviceId& peer, const CheckpointOffer& offer);
  void handle(transport::LinkId link, const CheckpointFetch& fetch);
  Status handle(Now now, transport::LinkId link, CheckpointPart part);
  bool wanted(Now now, const DeviceId& peer, const CheckpointOffer& offer) const;
  std::uint32_t failures(const DeviceId& peer) const;
  Peer& record(const DeviceId& peer);
  std::optional<transport::LinkId> best_link(Now now);
  void choose(Now now);
  void ask();
  void detach(Now now, bool keep_offer);
  void fail(Now now, bool keep_offer);
  void bar(std::optional<DeviceId> peer);
  void blame(Now now, const DeviceId& peer);
  void check(Now now);
  void hand_over(Now now);
  void forget_download();
  Bytes next_part(Link& link) const;

  WorkspaceId workspace_;
  const Source& source_;
  Sink& sink_;
  std::map<transport::LinkId, Link> links_;  ///< That said something and are still up.
  std::set<transport::LinkId> asking_;       ///< Of these: with fetches that wait.
  std::map<DeviceId, Peer> peers_;           ///< With failures; at most kTransferPeersMax.
  /// Bundles that are not fetched again: from this peer, or from anybody. Oldest first.
  std::deque<std::pair<std::optional<DeviceId>, Hash>> barred_;
  std::optional<Download> download_;
  std::deque<Output> outputs_;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace coterie::node
