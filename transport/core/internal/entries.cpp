// How log entries travel: pushes, announcements, pulls, frontier exchanges and verdicts.

#include <algorithm>
#include <utility>

#include "transport/core/internal/state.hpp"

namespace coterie::transport {

using internal::ForkSearch;
using internal::kBelowBasePause;
using internal::kDeferPauseMax;
using internal::kDeferPauseMin;
using internal::kExchangePatience;
using internal::kExchangePauseMax;
using internal::kFloodedPullPause;
using internal::kHeadsAtOnce;
using internal::kPartsAtOnce;
using internal::kPullTimeout;
using internal::kPullTimeoutMax;
using internal::kRangesDueMax;
using internal::kReconsiderPause;
using internal::kRefusedPause;
using internal::kSearchPause;
using internal::kUnservedPause;
using internal::LogState;
using internal::LogView;
using internal::PullOut;
using internal::RunOut;
using internal::ServeQueue;
using internal::SharedFrame;

namespace {

std::size_t bytes_of(const std::vector<Bytes>& entries) {
  std::size_t bytes = 0;
  for (const Bytes& entry : entries) bytes += entry.size();
  return bytes;
}

/// `run` as pushes, each of about kBulkFrameBytes at most. `head` is how far we hold the log.
std::vector<SharedFrame> push_frames(const internal::LogKey& key, const EntryRun& run, Seq head) {
  std::vector<SharedFrame> frames;
  Entries message{key.first, key.second, run.first, EntriesMode::kPushed, head, {}};
  std::size_t bytes = 0;
  const auto flush = [&] {
    const Seq next = message.first + message.entries.size();
    frames.push_back(std::make_shared<const Bytes>(encode(message)));
    message.first = next;
    message.entries.clear();
    bytes = 0;
  };
  for (const Bytes& entry : run.entries) {
    if (!message.entries.empty() &&
        (bytes + entry.size() > kBulkFrameBytes || message.entries.size() == kEntriesPerFrameMax)) {
      flush();
    }
    bytes += entry.size();
    message.entries.push_back(entry);
  }
  flush();
  return frames;
}

}  // namespace

// What is held, here and there.

Mesh::State::Shared* Mesh::State::shared_of(Link& link, const WorkspaceId& workspace) {
  const auto found = link.shared.find(workspace);
  return found == link.shared.end() ? nullptr : &found->second;
}

/// What a peer says without a hash.
void Mesh::State::claim(LogView& view, Seq head) {
  if (head <= view.claimed) return;
  view.claimed = head;
  view.claimed_hash = {};
}

/// Null when the peer named more logs than there can be.
LogView* Mesh::State::view_of(Shared& shared, const LogId& log) {
  const auto found = shared.logs.find(log);
  if (found != shared.logs.end()) return &found->second;
  if (shared.logs.size() == kLogsPerWorkspaceMax) return nullptr;
  return &shared.logs[log];
}

/// The first entry that neither the store nor the engine has.
Seq Mesh::State::next_wanted(const LogKey& key) {
  const auto& logs = workspaces.at(key.first).logs;
  const auto found = logs.find(key.second);
  const Seq received = found == logs.end() ? 0 : found->second.received;
  return std::max(held(key).head.seq, received) + 1;
}

// Frontiers.

/// Takes in the digest of a hello or heartbeat. Where digests differ, frontiers are exchanged; when
/// an exchange changes nothing on either side, it is repeated more and more rarely.
void Mesh::State::compare(Link& link, Shared& shared, const WorkspaceState& theirs) {
  const Hash& ours = digest_of(theirs.workspace);
  const bool were_in_step = std::exchange(shared.in_step, theirs.digest == ours);
  shared.digest = theirs.digest;
  if (shared.in_step) {
    shared.patient_until.reset();
  } else if (shared.patient_until) {
    return;
  } else if (were_in_step) {
    shared.patient_until = now.steady + kExchangePatience;
    return;
  }
  const bool stands_still =
      shared.exchanged_ours == ours && shared.exchanged_theirs == theirs.digest;
  if (shared.in_step) {
    if (stands_still && shared.claims_match) return;
    shared.claims_match = true;
    believe(shared, theirs.workspace, {});
    shared.exchange_pause = {};
  } else {
    if (stands_still && now.steady < shared.exchange_due) return;
    shared.exchange_pause =
        stands_still ? std::min(2 * shared.exchange_pause, kExchangePauseMax) : options.heartbeat;
    shared.exchange_due = now.steady + shared.exchange_pause;
    begin_exchange(link, theirs.workspace);
  }
  shared.exchanged_ours = ours;
  shared.exchanged_theirs = theirs.digest;
}

/// Looks at the differences that were given a moment to go away.
void Mesh::State::look_again() {
  for (auto& [link_id, link] : links) {
    for (auto& [id, shared] : link.shared) {
      if (!shared.patient_until || now.steady < *shared.patient_until) continue;
      shared.patient_until.reset();
      if (shared.joined) compare(link, shared, {id, shared.digest});
    }
  }
}

bool Mesh::in_step(const WorkspaceId& workspace) const {
  bool same = false;
  state_->each_peer(workspace, [&](const State::Link&, const internal::Shared& shared) {
    same = same || shared.in_step;
  });
  return same;
}

void Mesh::State::begin_exchange(Link& link, const WorkspaceId& workspace) {
  link.outbox.exchanges[workspace].begin = true;
  ready(link);
}

void Mesh::State::heads_due(Link& link, const WorkspaceId& workspace, const LogRange& range,
                            bool reply_wanted) {
  internal::ExchangeDue& due = link.outbox.exchanges[workspace];
  ready(link);
  if (due.heads.size() == kRangesDueMax && !due.heads.contains(range)) {
    // A peer can name any ranges, however many: all logs are in this one.
    due.heads.clear();
    due.heads.emplace(LogRange{}, true);
    return;
  }
  bool& wanted_too = due.heads[range];
  wanted_too = wanted_too || reply_wanted;
}

std::size_t Mesh::State::logs_held(const WorkspaceId& workspace, const LogRange& range) const {
  const Frontier* frontier = source.frontier(workspace);
  if (frontier == nullptr) return 0;
  const auto [first, last] = logs_in(*frontier, range);
  return static_cast<std::size_t>(std::distance(first, last));
}

/// The peer holds of the logs in `range` what we hold.
void Mesh::State::believe(Shared& shared, const WorkspaceId& workspace, const LogRange& range) {
  const Frontier* frontier = source.frontier(workspace);
  if (frontier == nullptr) return;
  const auto [first, last] = logs_in(*frontier, range);
  for (auto at = first; at != last; ++at) {
    LogView* view = view_of(shared, at->first);
    if (view == nullptr) break;
    view->claimed = at->second.seq;
    view->claimed_hash = at->second.hash;
  }
}

/// The next frame that compares frontiers. Precondition: there is one.
Bytes Mesh::State::next_exchange(Link& link) {
  const auto found = link.outbox.exchanges.begin();
  const WorkspaceId workspace = found->first;
  internal::ExchangeDue& due = found->second;
  ++counters.frontiers_sent;
  if (due.begin) {
    due.begin = false;
    if (Shared* shared = shared_of(link, workspace)) shared->asked.clear();
    if (logs_held(workspace, {}) <= 2 * kHeadsAtOnce) {
      due.heads[{}] = true;
    } else {
      due.summaries = split_range(*source.frontier(workspace), {}, kPartsAtOnce);
    }
  }
  Bytes frame;
  if (!due.summaries.empty()) {
    frame = make_summary(workspace, due.summaries);
    due.summaries.clear();
  } else {
    const auto next = due.heads.begin();
    const auto [range, reply_wanted] = *next;
    due.heads.erase(next);
    frame = make_frontier(workspace, range, reply_wanted);
    Shared* shared = shared_of(link, workspace);
    if (reply_wanted && shared != nullptr && shared->asked.size() < kRangesDueMax) {
      shared->asked.insert(range);
    }
  }
  if (due.empty()) link.outbox.exchanges.erase(found);
  return frame;
}

Bytes Mesh::State::make_frontier(const WorkspaceId& workspace, const LogRange& range,
                                 bool reply_wanted) const {
  FrontierReport report{workspace, reply_wanted, {}, range};
  if (const Frontier* frontier = source.frontier(workspace)) {
    const auto [first, last] = logs_in(*frontier, range);
    for (auto at = first; at != last && report.heads.size() < kLogsPerWorkspaceMax; ++at) {
      report.heads.insert(report.heads.end(), *at);
    }
  }
  return encode(report);
}

Bytes Mesh::State::make_summary(const WorkspaceId& workspace,
                                const std::vector<LogRange>& ranges) const {
  const Frontier* frontier = source.frontier(workspace);
  Summary summary{workspace, {}};
  for (const LogRange& range : ranges) {
    summary.parts.push_back({range, fingerprint_of(frontier ? *frontier : Frontier(), range)});
  }
  return encode(summary);
}

Status Mesh::State::handle(Link& link, FrontierReport& report) {
  Shared* shared = shared_of(link, report.workspace);
  if (shared == nullptr) return Error{ErrorCode::kUnauthorized, "workspace is not shared"};
  if (!devices[link.peer].exchange_rate.take(now.steady)) return {};
  // The report is complete: what it does not name of its range the peer does not hold.
  shared->claims_match = false;
  const LogRange& range = report.range;
  for (auto& [log, view] : shared->logs) {
    if (in_range(log, range)) view.claimed = 0;
  }
  for (const auto& [log, head] : report.heads) {
    LogView* view = view_of(*shared, log);
    if (view == nullptr) break;
    view->claimed = head.seq;
    view->claimed_hash = head.hash;
    wanted.emplace(report.workspace, log);
  }
  const bool crossed = shared->asked.erase(range) > 0;
  if (report.reply_wanted && !crossed) heads_due(link, report.workspace, range, false);
  schedule_pulls();
  return {};
}

Status Mesh::State::handle(Link& link, Summary& summary) {
  Shared* shared = shared_of(link, summary.workspace);
  if (shared == nullptr) return Error{ErrorCode::kUnauthorized, "workspace is not shared"};
  if (!devices[link.peer].exchange_rate.take(now.steady)) return {};
  static const Frontier kEmpty;
  const Frontier* held_here = source.frontier(summary.workspace);
  const Frontier& ours = held_here == nullptr ? kEmpty : *held_here;
  std::size_t covered = 0;  // A peer may name ranges that overlap.
  for (const Summary::Part& part : summary.parts) {
    const std::size_t logs = logs_held(summary.workspace, part.range);
    covered += logs;
    if (covered > kLogsPerWorkspaceMax) {
      return Error{ErrorCode::kMalformed, "ranges of a summary overlap"};
    }
    if (fingerprint_of(ours, part.range) == part.fingerprint) {
      believe(*shared, summary.workspace, part.range);
    } else if (logs <= 2 * kHeadsAtOnce) {
      heads_due(link, summary.workspace, part.range, true);
    } else {
      auto& due = link.outbox.exchanges[summary.workspace].summaries;
      if (due.size() + kPartsAtOnce > kSummaryPartsMax) {
        heads_due(link, summary.workspace, part.range, true);
        continue;
      }
      for (LogRange& piece : split_range(ours, part.range, kPartsAtOnce)) {
        due.push_back(std::move(piece));
      }
      ready(link);
    }
  }
  return {};
}

// Pulling.

/// `key` may be had from some peer now: tries at once.
void Mesh::State::want(const LogKey& key) {
  if (shutting_down) return;
  if (try_pull(key)) {
    wanted.insert(key);
  } else {
    wanted.erase(key);
  }
}

void Mesh::State::reconsider(const WorkspaceId& id) {
  const auto found = workspaces.find(id);
  if (found == workspaces.end()) return;
  for (auto& [log, state] : found->second.logs) {
    state.defer_pause = {};
    state.deferred_until = std::min(state.deferred_until, now.steady + kReconsiderPause);
  }
}

void Mesh::State::frontier_moved(const WorkspaceId& id) {
  const auto workspace = workspaces.find(id);
  if (workspace == workspaces.end()) return;
  workspace->second.digest.reset();
  std::vector<LogKey> passed;
  for (const auto& [key, pull] : pulls) {
    if (key.first == id && pull.first <= held(key).head.seq) passed.push_back(key);
  }
  for (const LogKey& key : passed) end_pull(key);
  for (auto& [log, state] : workspace->second.logs) {
    state.defer_pause = {};
    state.deferred_until = {};
  }
  each_peer(id, [&](Link& link, Shared& shared) {
    for (auto& [log, view] : shared.logs) {
      view.search.active = false;
      view.refused_until = {};
      if (view.claimed > 0) wanted.emplace(id, log);
    }
    shared.claims_match = false;
    begin_exchange(link, id);
  });
  schedule_pulls();
}

/// There may be room for pulls, or peers to ask, that were not there before. Looks at
/// `look_at_most` logs, going on next time where it stopped: a peer can name thousands that cannot
/// be pulled now, and they must not cost that much with every frame.
void Mesh::State::schedule_pulls(std::size_t look_at_most) {
  if (shutting_down) return;
  for (std::size_t left = std::min(look_at_most, wanted.size()); left > 0; --left) {
    auto at = looked_at ? wanted.upper_bound(*looked_at) : wanted.begin();
    if (at == wanted.end()) at = wanted.begin();
    looked_at = *at;
    if (!try_pull(*looked_at)) wanted.erase(at);
  }
}

// Forks. Two nodes may hold different entries of one number, because a device was restored or
// copied. Whoever cannot continue its version of a log with what a peer has looks for the place
// where the two part, by probes further and further back, then by halves. Once entries of both are
// held, the source names the parts as logs of their own, and they travel like any other.

/// Whether the peer's version of a log should be compared with ours from further back.
bool Mesh::State::search_wanted(const LogKey& key, const LogView& view) const {
  const ForkSearch& search = view.search;
  if (search.active) return true;
  if (view.claimed == 0 || now.steady < search.due) return false;
  if (view.claimed == search.claim && view.claimed_hash == search.claim_hash) return false;
  const HeldLog ours = held(key);
  if (ours.head.seq == 0) return false;
  // It has more of a log that ended here in a fork: along one of the branches, or a third one.
  if (ours.closed) return view.claimed > ours.head.seq;
  return ours.head.seq == view.claimed && ours.head.seq > ours.pruned &&
         !view.claimed_hash.is_zero() && view.claimed_hash != ours.head.hash;
}

/// Where to ask next. Precondition: search_wanted().
Seq Mesh::State::next_probe(const LogKey& key, LogView& view) const {
  ForkSearch& search = view.search;
  if (!search.active) {
    const HeldLog ours = held(key);
    start_search(key, view, ours.head.seq + 1);
    if (ours.closed) return search.high;  // Usually one of the branches held.
  }
  if (search.known) return search.low + (search.high - search.low) / 2;
  const Seq back = std::min(search.high - search.low, search.step);
  search.step *= 8;
  return search.high - back;
}

/// Precondition: `high` is above what was pruned here.
void Mesh::State::start_search(const LogKey& key, LogView& view, Seq high) const {
  ForkSearch& search = view.search;
  search = {};
  search.active = true;
  search.claim = view.claimed;
  search.claim_hash = view.claimed_hash;
  search.low = held(key).pruned + 1;  // What comes before cannot be compared any more.
  search.high = high;
}

/// Ends the search if there is nothing left to look at: no fork where one was said to be, or none
/// that can still be found.
bool Mesh::State::search_goes_on(LogView& view) const {
  if (view.search.low < view.search.high) return true;
  view.search.active = false;
  view.search.due = now.steady + kSearchPause;
  view.refused_until = now.steady + kRefusedPause;
  return false;
}

void Mesh::State::judge_probe(const internal::RunOut& run, RunVerdict verdict, LogView& view) {
  ForkSearch& search = view.search;
  if (!search.active) return;
  const auto stop = [&] {
    search.active = false;
    search.due = now.steady + kSearchPause;
  };
  switch (verdict) {
    case RunVerdict::kStored: {
      const HeldLog ours = held(run.key);
      if (ours.closed || ours.head.seq < run.last) return stop();  // Found.
      search.low = run.last + 1;
      search.known = true;
      break;
    }
    case RunVerdict::kApart:
      search.high = std::min(search.high, run.first);
      break;
    case RunVerdict::kDeferred:
      return;  // Asked for again after the pause.
    case RunVerdict::kRefused:
      return stop();
  }
  (void)search_goes_on(view);
}

bool Mesh::State::room_for_pull(const Link& link) const {
  return link.unverified_bytes + link.reserved_bytes + kPullBytesMax <= kUnverifiedBytesPerLinkMax;
}

/// Asks the best peer that has more of the log, if one may be asked now. Returns false when there
/// is nothing to be had, so that the log need not be looked at again.
bool Mesh::State::try_pull(const LogKey& key) {
  if (reserved_bytes + unverified_bytes + kPullBytesMax > kUnverifiedBytesMax) return true;
  const auto workspace = workspaces.find(key.first);
  if (workspace == workspaces.end()) return false;
  if (pulls.contains(key)) return true;
  const HeldLog ours = held(key);
  if (ours.full) return false;
  const auto state = workspace->second.logs.find(key.second);
  if (state != workspace->second.logs.end() && state->second.deferred_until > now.steady) {
    return true;
  }
  const bool slowed = is_slowed(key.second.device);
  if (slowed && now.steady - devices[key.second.device].pulled < kFloodedPullPause) return true;
  const bool probing = state != workspace->second.logs.end() && state->second.probes_out > 0;
  const bool closed = ours.closed;
  const Seq next = next_wanted(key);
  bool offered = false;
  Link* best = nullptr;
  LogView* best_view = nullptr;
  // Who let us wait least; then the author, who has it first; then who is least busy with us.
  const auto rank = [&key](const Link& link) {
    return std::make_tuple(link.pull_timeouts, link.peer != key.second.device, link.pulls_out);
  };
  each_peer(key.first, [&](Link& link, Shared& shared) {
    const auto view = shared.logs.find(key.second);
    if (view == shared.logs.end()) return;
    const bool search = search_wanted(key, view->second);
    if (!search && (closed || view->second.claimed < next)) return;
    offered = true;
    if (view->second.refused_until > now.steady || !room_for_pull(link)) return;
    if (!search && next <= view->second.unserved && view->second.unserved_until > now.steady)
      return;
    if (search && probing) return;
    if (best == nullptr || rank(link) < rank(*best)) {
      best = &link;
      best_view = &view->second;
    }
  });
  if (best == nullptr) return offered;

  PullOut pull{best->id, next, kPullBytesMax, search_wanted(key, *best_view), now.steady, {}};
  if (pull.probe) pull.first = next_probe(key, *best_view);
  if (pull.probe || slowed) pull.credit = kBulkFrameBytes;
  if (slowed) devices[key.second.device].pulled = now.steady;
  best->outbox.pulls.push_back(Pull{key.first, key.second, pull.first, pull.credit});
  best->reserved_bytes += pull.credit;
  reserved_bytes += pull.credit;
  ++best->pulls_out;
  ++counters.pulls_sent;
  pulls.emplace(key, pull);
  ready(*best);
  return true;
}

void Mesh::State::end_pull(const LogKey& key) {
  const auto found = pulls.find(key);
  if (found == pulls.end()) return;
  const PullOut pull = found->second;
  pulls.erase(found);
  wanted.insert(key);
  reserved_bytes -= pull.credit;
  const auto link = links.find(pull.link);
  if (link == links.end()) return;
  link->second.reserved_bytes -= pull.credit;
  --link->second.pulls_out;
  std::erase_if(link->second.outbox.pulls, [&](const Pull& waiting) {
    return waiting.workspace == key.first && waiting.log == key.second;
  });
}

Instant Mesh::State::pull_deadline(const PullOut& pull) const {
  const auto link = links.find(pull.link);
  const Instant served = pull.overtaken
                             ? *pull.overtaken
                             : (link == links.end() ? pull.sent : link->second.last_pulled);
  return std::min(std::max(pull.sent, served) + kPullTimeout, pull.sent + kPullTimeoutMax);
}

void Mesh::State::expire_pulls() {
  std::vector<LogKey> expired;
  for (const auto& [key, pull] : pulls) {
    if (now.steady >= pull_deadline(pull)) expired.push_back(key);
  }
  for (const LogKey& key : expired) {
    ++counters.pulls_timed_out;
    ++links.at(pulls.at(key).link).pull_timeouts;
    end_pull(key);
  }
  if (!expired.empty()) schedule_pulls();
}

/// Peers can name logs that never come to be: nothing is remembered of those that stand still.
void Mesh::State::forget_idle_logs() {
  for (auto& [id, workspace] : workspaces) {
    std::erase_if(workspace.logs, [&, workspace_id = id](const auto& item) {
      const LogKey key{workspace_id, item.first};
      return item.second.runs_out == 0 && !pulls.contains(key) && !wanted.contains(key);
    });
  }
}

// Serving pulls.

Status Mesh::State::handle(Link& link, Pull& pull) {
  Shared* shared = shared_of(link, pull.workspace);
  if (shared == nullptr) return Error{ErrorCode::kUnauthorized, "workspace is not shared"};
  const ServeQueue::Item item{
      {pull.workspace, pull.log}, pull.first, static_cast<std::size_t>(pull.bytes_max)};
  if (pull.first <= held(item.key).pruned) {
    ++counters.pulls_below_base;
    if (now.steady >= shared->below_base_due) {
      shared->below_base_due = now.steady + kBelowBasePause;
      outputs.emplace_back(PullBelowBase{link.id, pull.workspace});
    }
  }
  // Too many: not answered, and no fault, for on a slow link an honest peer may have given up some.
  if (link.outbox.serve.put(item)) ++counters.pulls_served;
  ready(link);
  return {};
}

std::optional<Mesh::SendFrame> Mesh::State::next_bulk(Link& link) {
  internal::Outbox& outbox = link.outbox;
  if (!outbox.application_bulk.empty() && (outbox.application_turn || outbox.serve.empty())) {
    Bytes frame = *outbox.application_bulk.front();
    outbox.application_bytes -= frame.size();
    outbox.application_bulk.pop_front();
    outbox.application_turn = false;
    return handed_out(link, TrafficClass::kBulk, std::move(frame));
  }
  outbox.application_turn = true;
  while (auto item = link.outbox.serve.take()) {
    const auto& [workspace, log] = item->key;
    Shared* shared = shared_of(link, workspace);
    if (shared == nullptr) continue;  // No longer a member.
    const HeldLog ours = held(item->key);
    const Seq head = ours.head.seq;
    // No entries although we have so many: they were pruned.
    Entries message{workspace, log, item->next, EntriesMode::kPulledEnd, head, {}};
    if (item->next > ours.pruned && item->next <= head) {
      EntryRun run =
          source.read(workspace, log, item->next, std::min(item->credit, kBulkFrameBytes));
      COTERIE_ASSERT(run.entries.empty() || run.first == item->next);
      message.entries = std::move(run.entries);
      if (message.entries.size() > kEntriesPerFrameMax) message.entries.resize(kEntriesPerFrameMax);
    }
    item->next += message.entries.size();
    item->credit -= std::min(item->credit, bytes_of(message.entries));
    if (!message.entries.empty()) {
      LogView* view = view_of(*shared, log);
      if (view != nullptr) view->sent = std::max(view->sent, item->next - 1);
      if (item->credit > 0 && item->next <= head) {
        message.mode = EntriesMode::kPulled;
        (void)link.outbox.serve.put(*item);  // To the back; it has room, for it was just taken.
      }
    }
    return handed_out(link, TrafficClass::kBulk, encode(message));
  }
  return std::nullopt;
}

// Receiving.

/// Whether a pull that is out explains the frame, if it is no push.
bool Mesh::State::answers_pull(const Link& link, const Entries& message) const {
  const auto found = pulls.find({message.workspace, message.log});
  return found != pulls.end() && found->second.link == link.id &&
         found->second.first <= message.first;
}

Status Mesh::State::handle(Link& link, Entries& message) {
  Shared* shared = shared_of(link, message.workspace);
  if (shared == nullptr) return Error{ErrorCode::kUnauthorized, "workspace is not shared"};
  LogView* view = view_of(*shared, message.log);
  if (view == nullptr) return Error{ErrorCode::kLimitExceeded, "logs of one workspace"};
  const LogKey key{message.workspace, message.log};
  LogState& state = workspaces.at(key.first).logs[key.second];
  const auto found = pulls.find(key);
  const bool answers = message.mode != EntriesMode::kPushed && answers_pull(link, message);
  const Seq next = next_wanted(key);
  const std::size_t count = message.entries.size();
  const std::size_t bytes = bytes_of(message.entries);
  const bool over_budget = link.unverified_bytes + bytes > kUnverifiedBytesPerLinkMax ||
                           unverified_bytes + bytes > kUnverifiedBytesMax;
  if (count > 0) {
    const Seq last = message.first + count - 1;
    const bool probe = answers && found->second.probe && message.first == found->second.first;
    claim(*view, message.head);
    view->sent = std::max(view->sent, last);
    if (message.mode != EntriesMode::kPushed)
      state.pulled_through = std::max(state.pulled_through, last);
    if (last < next && !probe) {
      ++counters.runs_duplicate;
    } else if (message.first > next && !probe) {
      ++counters.runs_with_gap;
    } else if (view->refused_until > now.steady || state.deferred_until > now.steady) {
      // It would fare as the last one did. Asked for again when the pause is over.
    } else if (over_budget) {
      ++counters.runs_over_budget;
    } else {
      take_run(link, key, message, probe ? message.first : next, probe);
      if (!probe) state.received = last;
    }
  }
  if (answers) {
    PullOut& pull = found->second;
    // (No frame is free: the credit bounds their number, too.)
    const std::size_t used = std::min(pull.credit, std::max(bytes, kKiB));
    pull.credit -= used;
    link.reserved_bytes -= used;
    reserved_bytes -= used;
    link.last_pulled = now.steady;
    if (message.mode == EntriesMode::kPulledEnd) {
      // What it claimed and did not deliver it does not have: believed again when it says so.
      const bool nothing = pull.probe ? count == 0 : next_wanted(key) == pull.first;
      const bool pruned = count == 0 && message.head >= pull.first;
      if (pruned) ++counters.pulls_unserved;
      if (pruned && pull.probe) {
        // The two part later, if at a place that can be found.
        view->search.low = std::max(view->search.low, pull.first + 1);
        view->search.known = true;
        if (view->search.active) (void)search_goes_on(*view);
      } else if (pruned) {
        view->unserved = pull.first;
        view->unserved_until = now.steady + kUnservedPause;
      } else if (nothing && !over_budget) {
        view->claimed = pull.first - 1;
        view->search.active = false;
        shared->claims_match = false;
      }
      if (link.pull_timeouts > 0) --link.pull_timeouts;
      for (auto& [other_key, other] : pulls) {
        if (other.link == link.id && other.sent < pull.sent && !other.overtaken) {
          other.overtaken = now.steady;
        }
      }
      end_pull(key);
    }
  }
  // A push that joins what we hold, the usual case, leaves nothing to ask for.
  if (view->claimed >= next_wanted(key)) want(key);
  if (!pulls.contains(key) && answers) schedule_pulls(internal::kLooksPerFrame);
  return {};
}

/// Gives the part of `message` from `next` on to the engine.
void Mesh::State::take_run(Link& link, const LogKey& key, Entries& message, Seq next, bool probe) {
  const auto skipped = static_cast<std::ptrdiff_t>(next - message.first);
  EntryRun run{key.second, next, {}};
  run.entries.assign(std::make_move_iterator(message.entries.begin() + skipped),
                     std::make_move_iterator(message.entries.end()));
  const std::size_t bytes = bytes_of(run.entries);
  const std::uint64_t run_id = ++runs_seen;
  runs[run_id] = RunOut{link.id, link.peer, key, bytes, next, next + run.entries.size() - 1, probe};
  link.unverified_bytes += bytes;
  unverified_bytes += bytes;
  LogState& state = workspaces.at(key.first).logs[key.second];
  ++state.runs_out;
  if (probe) ++state.probes_out;
  ++counters.runs_received;
  outputs.emplace_back(RunReceived{run_id, link.id, key.first, std::move(run)});
}

Status Mesh::State::handle(Link& link, Announce& announce) {
  Shared* shared = shared_of(link, announce.workspace);
  if (shared == nullptr) return Error{ErrorCode::kUnauthorized, "workspace is not shared"};
  LogView* view = view_of(*shared, announce.log);
  if (view == nullptr) return Error{ErrorCode::kLimitExceeded, "logs of one workspace"};
  claim(*view, announce.head);
  want({announce.workspace, announce.log});
  return {};
}

void Mesh::State::judge_run(std::uint64_t run_id, RunVerdict verdict) {
  const auto found = runs.find(run_id);
  if (found == runs.end()) return;
  const RunOut run = found->second;
  runs.erase(found);
  unverified_bytes -= run.bytes;
  const auto link = links.find(run.link);
  if (link != links.end()) link->second.unverified_bytes -= run.bytes;
  const auto workspace = workspaces.find(run.key.first);
  LogState& state = workspace->second.logs[run.key.second];
  --state.runs_out;
  if (run.probe) --state.probes_out;
  Shared* shared = link == links.end() ? nullptr : shared_of(link->second, run.key.first);
  LogView* view = shared == nullptr ? nullptr : view_of(*shared, run.key.second);
  if (verdict == RunVerdict::kStored) {
    state.defer_pause = {};
  } else {
    // What was received after it hangs in the air.
    state.received = 0;
    end_pull(run.key);
  }
  if (state.runs_out == 0) state.received = 0;  // From here the store alone tells.
  if (verdict == RunVerdict::kDeferred) {
    ++counters.runs_deferred;
    state.defer_pause = std::clamp(2 * state.defer_pause, kDeferPauseMin, kDeferPauseMax);
    state.deferred_until = now.steady + state.defer_pause;
  }
  if (verdict == RunVerdict::kRefused) {
    ++counters.runs_refused;
    if (is_member(run.peer)) ++devices[run.peer].faults;
    if (view != nullptr) view->refused_until = now.steady + kRefusedPause;
  }
  if (verdict == RunVerdict::kApart) ++counters.runs_apart;
  if (view != nullptr && run.probe) judge_probe(run, verdict, *view);
  if (view != nullptr && !run.probe && verdict == RunVerdict::kApart && !view->search.active &&
      run.first > held(run.key).pruned) {
    // The peer's version of this log parts from ours before `first`.
    start_search(run.key, *view, run.first);
    (void)search_goes_on(*view);
  }
  want(run.key);
  schedule_pulls(internal::kLooksPerFrame);  // Its bytes are free again.
}

// Sending.

void Mesh::State::stored(const WorkspaceId& id, const EntryRun& run, std::optional<LinkId> from) {
  const auto workspace = workspaces.find(id);
  if (workspace == workspaces.end()) return;
  workspace->second.digest.reset();
  const LogKey key{id, run.log};
  const Seq last = run.first + run.entries.size() - 1;
  const auto state = workspace->second.logs.find(run.log);
  const bool pulled =
      from && state != workspace->second.logs.end() && last <= state->second.pulled_through;
  // (A run of another's is not cut for pushing: it ends where a signature vouches for it.)
  const bool large = (from && bytes_of(run.entries) > kBulkFrameBytes) ||
                     std::any_of(run.entries.begin(), run.entries.end(), [](const Bytes& entry) {
                       return entry.size() >= kAnnounceEntryBytesMin;
                     });
  const auto came_over = from ? links.find(*from) : links.end();
  const Shared* sender = came_over == links.end() ? nullptr : shared_of(came_over->second, id);
  std::vector<SharedFrame> frames;  // Encoded once, for all links.
  each_peer(id, [&](Link& link, Shared& shared) {
    // The author has it; so has the one we have it from; and their own links get it from them, or
    // have got it from whom they have it.
    if (link.peer == run.log.device) return;
    if (came_over != links.end() && link.peer == came_over->second.peer) return;
    if (from && shared.neighbours.contains(run.log.device)) return;
    if (sender != nullptr && sender->neighbours.contains(link.peer)) return;
    LogView* view = view_of(shared, run.log);
    if (view == nullptr || view->expected() >= last) return;
    const bool behind = view->expected() + 1 < run.first;
    internal::Outbox& outbox = link.outbox;
    ready(link);
    if (!pulled && !large && !behind) {
      if (frames.empty()) frames = push_frames(key, run, std::max(held(key).head.seq, last));
      std::size_t bytes = 0;
      for (const SharedFrame& frame : frames) bytes += frame->size();
      if (!link.eager_rate.take(now.steady, frames.size() + bytes / kKiB)) {
        ++counters.announces_paced;
      } else if (outbox.entries_bytes + bytes <= options.outbox_bytes_max) {
        outbox.entries.insert(outbox.entries.end(), frames.begin(), frames.end());
        outbox.entries_bytes += bytes;
        view->sent = last;
        ++counters.runs_pushed;
        if (from) ++counters.runs_forwarded;
        return;
      } else {
        ++counters.pushes_dropped;
      }
    }
    Seq& announced = outbox.announces[key];
    announced = std::max(announced, last);
  });
}

void Mesh::State::farewell(const WorkspaceId& id, const DeviceId& device, const LogId& log,
                           Seq through) {
  const auto ids = links_of.find(device);
  if (ids == links_of.end()) return;
  const LogKey key{id, log};
  const HeldLog ours = held(key);
  const Seq head = ours.head.seq;
  for (const LinkId link_id : ids->second) {
    Link& link = links.at(link_id);
    const auto parted = link.parted.find(id);
    if (parted == link.parted.end()) continue;
    const LogView* view = view_of(parted->second, log);
    const Seq lacks = std::max(view == nullptr ? through : view->expected() + 1, ours.pruned + 1);
    if (lacks <= through && through <= head) {
      EntryRun run = source.read(id, log, lacks, internal::kFarewellBytesMax);
      // A stretch that is too long leaves a gap: the end of it still says more than silence.
      if (run.first + run.entries.size() <= through) run = source.read(id, log, through, 1);
      run.entries.resize(std::min<std::size_t>(run.entries.size(), through + 1 - run.first));
      for (SharedFrame& frame : push_frames(key, run, head)) {
        link.outbox.entries_bytes += frame->size();
        link.outbox.entries.push_back(std::move(frame));
      }
    }
    link.outbox.goodbye_due = link.leave_at.has_value();
    ready(link);
  }
}

}  // namespace coterie::transport
