// Any sequence of inputs, hostile peers included: the mesh keeps its limits and its contract.

#include <algorithm>
#include <memory>
#include <set>

#include "tests/support/choices.hpp"
#include "tests/support/wire_samples.hpp"
#include "transport/core/mesh.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::transport {
namespace {

using testing::FuzzChoices;
using testing::make_message;
using testing::patterned_id;

/// Holds the same few entries of each log that is asked for.
class FixedSource final : public EntrySource {
 public:
  FixedSource() {
    for (std::uint64_t i = 0; i < 5; ++i) {
      frontier_[{patterned_id<DeviceId>(i), 0}] = {3, patterned_id<Hash>(i)};
    }
  }
  const Frontier* frontier(const WorkspaceId&) const override { return &frontier_; }
  /// Of two logs the first entry, or all of them, were pruned.
  HeldLog held(const WorkspaceId& workspace, const LogId& log) const override {
    HeldLog held = EntrySource::held(workspace, log);
    if (log.device == patterned_id<DeviceId>(0)) held.pruned = std::min<Seq>(held.head.seq, 1);
    if (log.device == patterned_id<DeviceId>(1)) held.pruned = held.head.seq;
    return held;
  }
  EntryRun read(const WorkspaceId& workspace, const LogId& log, Seq first,
                std::size_t) const override {
    COTERIE_ASSERT(first > held(workspace, log).pruned);
    EntryRun run{log, first, {}};
    for (Seq seq = first; seq <= 3; ++seq) run.entries.push_back(Bytes(100, 1));
    return run;
  }

 private:
  Frontier frontier_;
};

class Driver {
 public:
  explicit Driver(FuzzChoices& choices) : choices_(choices) {
    Mesh::Options options;
    options.self = patterned_id<DeviceId>(2);
    mesh_ = std::make_unique<Mesh>(at(), options, source_);
  }

  void run() {
    while (!choices_.exhausted()) {
      step();
      drain();
    }
    mesh_->shut_down(at());
    drain();
  }

 private:
  Now at() const { return {now_, static_cast<WallMillis>(now_.time_since_epoch().count() / 1000)}; }

  void step() {
    const LinkId link = links_ - std::min(choices_.below(6), links_);  // One of the latest.
    const auto device = patterned_id<DeviceId>(choices_.below(5));
    const auto workspace = patterned_id<WorkspaceId>(choices_.below(3));
    switch (choices_.below(13)) {
      case 0:
        set_workspace(workspace);
        break;
      case 1:
        mesh_->handle_link_up(at(), ++links_, device, choices_.chance(50), choices_.chance(20));
        break;
      case 2:
        mesh_->handle_link_down(at(), link);
        break;
      case 3:
        mesh_->handle_dial_failed(at(), device, "tcp://a:1");
        break;
      case 4:
        mesh_->handle_sent(at(), link, choices_.below(100'000));
        break;
      case 5:
        now_ += Duration(static_cast<Duration::rep>(choices_.below(20'000'000)));
        mesh_->handle_timeout(at());
        break;
      case 6:
        mesh_->publish_awareness(at(), workspace, choices_.below(3), choices_.below(1000), {1});
        break;
      case 7: {
        if (runs_.empty()) break;
        const auto verdict = static_cast<RunVerdict>(choices_.below(3));
        mesh_->handle_run_verdict(at(), *runs_.begin(), verdict);
        runs_.erase(runs_.begin());
        break;
      }
      case 8: {
        EntryRun run{{device, 0}, 1 + choices_.below(4), {Bytes(1 + choices_.below(2000), 1)}};
        std::optional<LinkId> from;
        if (choices_.chance(50)) from = link;
        mesh_->entries_stored(at(), workspace, run, from);
        break;
      }
      case 9:
        mesh_->frontier_moved(at(), workspace);
        break;
      default: {
        const auto status = mesh_->handle_frame(at(), link, encode(make_message(choices_)));
        (void)status;  // Either answer is right; what must hold is checked in drain().
      }
    }
  }

  void set_workspace(const WorkspaceId& workspace) {
    std::vector<MemberAddress> members;
    for (std::uint64_t i = 0; i < 5; ++i) {
      if (choices_.chance(80)) members.push_back({patterned_id<DeviceId>(i), {"tcp://a:1"}});
    }
    mesh_->set_workspace(at(), workspace, members);
  }

  void drain() {
    while (auto output = mesh_->poll_output()) {
      if (auto* send = std::get_if<Mesh::SendFrame>(&*output)) {
        COTERIE_ASSERT(send->frame.size() <= kFrameBytesMax);
        COTERIE_ASSERT(decode(send->frame));
      } else if (auto* run = std::get_if<Mesh::RunReceived>(&*output)) {
        COTERIE_ASSERT(!run->run.entries.empty() && runs_.insert(run->run_id).second);
      } else if (auto* message = std::get_if<Mesh::AwarenessReceived>(&*output)) {
        mesh_->handle_awareness_verdict(at(), message->awareness_id,
                                        static_cast<AwarenessVerdict>(choices_.below(3)));
      }
    }
    (void)mesh_->next_deadline();
    for (const auto& peer : mesh_->peers(patterned_id<WorkspaceId>(1))) {
      COTERIE_ASSERT(peer.entries_behind <= kSeqMax);
    }
  }

  FuzzChoices& choices_;
  FixedSource source_;
  std::unique_ptr<Mesh> mesh_;
  LinkId links_ = 0;
  std::set<std::uint64_t> runs_;
  Instant now_{std::chrono::hours(1)};
};

}  // namespace
}  // namespace coterie::transport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coterie::testing::FuzzChoices choices({data, size});
  coterie::transport::Driver(choices).run();
  return 0;
}
