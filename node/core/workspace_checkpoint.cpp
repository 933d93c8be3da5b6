// Workspace: checkpoints, and history that is not kept.

#include <utility>

#include "node/core/limits.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

Result<CommandResult> Workspace::carry_out(Now now, const MakeCheckpoint&) {
  if (const auto obstacle = edit_obstacle()) return *obstacle;
  if (const auto obstacle = record_obstacle()) return *obstacle;
  COTERIE_TRY(const Hash checkpoint, keeper_.make(now));
  return CommandResult(CheckpointMade{checkpoint});
}

Result<CommandResult> Workspace::carry_out(Now now, const Prune&) {
  COTERIE_TRY(const Hash checkpoint, keeper_.prune(now));
  return CommandResult(Pruned{checkpoint});
}

Result<CommandResult> Workspace::carry_out(Now now, const SetRetention& command) {
  if (command.keep && (command.keep->count() < 1 ||
                       static_cast<std::uint64_t>(command.keep->count()) > kRetentionHoursMax)) {
    return Error{ErrorCode::kLimitExceeded, "history is kept from an hour to a hundred years"};
  }
  keeper_.set_retention(now, command.keep);
  return CommandResult(Done{});
}

RetentionInfo Workspace::retention() const {
  RetentionInfo info;
  info.keep = keeper_.retention();
  info.pruning = keeper_.pruning();
  info.entries = ledger_.entries();
  info.below_floor = keeper_.pruned_entries();
  info.checkpoints = keeper_.list();
  return info;
}

// Views::Host.

void Workspace::checkpoint_spoken(Now now, const LedgerRecord& record, const Record& decoded) {
  keeper_.spoken(now, record, decoded);
}

void Workspace::reported(Now now, const LedgerRecord& record, const ReportRecord& report) {
  const Member* device = membership().find(report.device);
  const DeviceId& author = record.ref.log.device;
  const WallMillis said = HybridClock::millis(record.time);
  const auto news = static_cast<WallMillis>(kReportNews / std::chrono::milliseconds(1));
  if (device == nullptr || ledger_.role() != Role::kHost || author == context_.identity.id() ||
      said + news < now.wall) {
    return;
  }
  context_.warn("device " + report.device.short_hex() + " floods others, says device " +
                author.short_hex() + ": see `coterie audit`; `coterie remove` ends it");
}

void Workspace::report_flood(Now now, const DeviceId& device) {
  if (membership().find(device) == nullptr || edit_obstacle()) return;
  const auto [found, first] = reported_.try_emplace(device, now.steady);
  if (!first && now.steady < found->second + kReportPause) return;
  found->second = now.steady;
  ledger_.append_record(now, encode_record(ReportRecord{device}));
}

// Keeper::Host.

void Workspace::flush_all(Now now) {
  if (edit_obstacle()) return;
  for (const auto& [id, document] : documents_.all()) {
    if (!document->queue.empty()) flush(now, *document);
  }
}

void Workspace::base_installed(Now now, const Ledger::Received& received) {
  if (received.membership_changed) after_operations(now);
  reload_properties(now);
  views_.take(now, received.records);
  take_waiting(now);
  views_.rebuild_now(now);
  mesh_.frontier_moved(now, id());
}

}  // namespace coterie::node
