#include "transport/core/mesh.hpp"

#include <algorithm>
#include <utility>

#include "transport/core/internal/state.hpp"

namespace coterie::transport {

using internal::kWakeGap;
using internal::Link;

Mesh::State::State(Now at, Options with, const EntrySource& from)
    : options(std::move(with)),
      source(from),
      dialer(options.dial_delay_min, options.dial_delay_max, options.seed),
      random(options.seed ^ 0x6d657368),  // Its own stream, beside the dialer's.
      now(at),
      started(at.steady) {}

// Inputs.

Mesh::Mesh(Now now, Options options, const EntrySource& source)
    : state_(std::make_unique<State>(now, std::move(options), source)) {}

Mesh::~Mesh() = default;

void Mesh::set_workspace(Now now, const WorkspaceId& workspace,
                         std::vector<MemberAddress> members) {
  state_->begin(now);
  state_->set_members(workspace, members);
  state_->dial_what_is_due();
}

void Mesh::reconsider(Now now, const WorkspaceId& workspace) {
  state_->begin(now);
  state_->reconsider(workspace);
}

void Mesh::frontier_moved(Now now, const WorkspaceId& workspace) {
  state_->begin(now);
  state_->frontier_moved(workspace);
}

void Mesh::farewell(Now now, const WorkspaceId& workspace, const DeviceId& device, const LogId& log,
                    Seq through) {
  state_->begin(now);
  state_->farewell(workspace, device, log, through);
}

void Mesh::handle_link_up(Now now, LinkId link, const DeviceId& peer, bool outgoing, bool guest) {
  state_->begin(now);
  state_->link_up(link, peer, outgoing, guest);
}

void Mesh::handle_dial_failed(Now now, const DeviceId& device, const std::string& address) {
  state_->begin(now);
  const auto dialled = state_->dialled.find(device);
  if (dialled != state_->dialled.end() && dialled->second == address)
    state_->dialled.erase(dialled);
  if (!state_->dialer.failed(now.steady, device, address)) return;
  for (auto& [id, workspace] : state_->workspaces) workspace.chosen.erase(device);
  state_->overlay_due = now.steady;
}

void Mesh::handle_link_down(Now now, LinkId link) {
  state_->begin(now);
  state_->forget_link(link);
}

void Mesh::network_changed(Now now) {
  state_->begin(now);
  state_->woke();
}

void Mesh::handle_sent(Now now, LinkId link, std::size_t bytes) {
  state_->begin(now);
  const auto found = state_->links.find(link);
  if (found == state_->links.end()) return;
  found->second.unsent_bytes -= std::min(bytes, found->second.unsent_bytes);
  state_->ready(found->second);
}

Status Mesh::handle_frame(Now now, LinkId id, ByteView frame) {
  state_->begin(now);
  const auto found = state_->links.find(id);
  if (found == state_->links.end()) return {};  // Closed by us a moment ago.
  COTERIE_TRY(Message message, decode(frame));
  Link& link = found->second;
  if (!link.guest && !link.leave_at) {
    link.last_heard = now.steady;
    auto& record = state_->devices[link.peer];
    record.last_heard = now.steady;
    record.bytes_in += frame.size();
    if (!state_->within_budget(link, message)) return {};
  }
  return state_->handle_message(link, message);
}

void Mesh::entries_stored(Now now, const WorkspaceId& workspace, const EntryRun& run,
                          std::optional<LinkId> from) {
  state_->begin(now);
  if (!run.entries.empty()) state_->stored(workspace, run, from);
}

void Mesh::handle_run_verdict(Now now, std::uint64_t run_id, RunVerdict verdict) {
  state_->begin(now);
  state_->judge_run(run_id, verdict);
}

void Mesh::handle_awareness_verdict(Now now, std::uint64_t awareness_id, AwarenessVerdict verdict) {
  state_->begin(now);
  state_->judge_awareness(awareness_id, verdict);
}

void Mesh::publish_awareness(Now now, const WorkspaceId& workspace, std::uint64_t topic,
                             std::uint64_t counter, Bytes message) {
  state_->begin(now);
  state_->publish(workspace, topic, counter, std::move(message));
}

Status Mesh::send_application(Now now, LinkId id, ByteView payload, TrafficClass traffic_class) {
  state_->begin(now);
  const auto found = state_->links.find(id);
  if (found == state_->links.end()) return Error{ErrorCode::kNotFound, "link is gone"};
  if (payload.empty() || payload.size() > kApplicationBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "application payload", payload.size()};
  }
  internal::Outbox& outbox = found->second.outbox;
  if (outbox.application_bytes + payload.size() > kApplicationOutboxBytesMax) {
    return Error{ErrorCode::kUnavailable, "peer does not read"};
  }
  auto frame = encode(Application{Bytes(payload.begin(), payload.end())});
  outbox.application_bytes += frame.size();
  auto& queue = traffic_class == TrafficClass::kBulk ? outbox.application_bulk : outbox.application;
  queue.push_back(std::make_shared<const Bytes>(std::move(frame)));
  state_->ready(found->second);
  return {};
}

bool Mesh::takes_bulk(LinkId link) const {
  const auto found = state_->links.find(link);
  return found != state_->links.end() && found->second.outbox.application_bulk.empty();
}

void Mesh::handle_timeout(Now now) {
  State& state = *state_;
  state.begin(now);
  if (state.shutting_down) return;
  std::vector<LinkId> ids;
  for (const auto& [id, link] : state.links) ids.push_back(id);
  bool beat = false;
  for (const LinkId id : ids) {
    const auto found = state.links.find(id);
    if (found == state.links.end()) continue;
    Link& link = found->second;
    if (!link.outbox.announces.empty()) state.ready(link);  // They may have waited for their pace.
    if (link.guest) {
      if (now.steady >= link.last_heard + kGuestStayMax) state.close_link(id, "guest overstayed");
    } else if (link.leave_at) {
      if (now.steady >= *link.leave_at) state.close_link(id, "no longer a member");
    } else if (now.steady >= link.last_heard + state.options.link_timeout) {
      ++state.counters.links_timed_out;
      state.close_link(id, "silent for too long");
    } else if (now.steady >= link.heartbeat_due) {
      state.beat(link);
      beat = true;
    }
  }
  state.expire_pulls();
  state.look_again();
  state.end_quarantines();
  if (beat) {
    state.forget_idle_logs();
    state.forget_old_awareness();
    state.schedule_pulls();  // Pauses may be over.
  }
  state.release_own_awareness();
  if (now.steady >= state.overlay_due) state.tend_overlay();
  state.dial_what_is_due();
}

void Mesh::shut_down(Now now) {
  state_->begin(now);
  state_->shutting_down = true;
  for (auto& [id, link] : state_->links) {
    link.outbox.goodbye_due = true;
    state_->ready(link);
  }
}

// Outputs.

std::optional<Mesh::Output> Mesh::poll_output() {
  State& state = *state_;
  if (!state.outputs.empty()) {
    Output output = std::move(state.outputs.front());
    state.outputs.pop_front();
    return output;
  }
  while (!state.sendable.empty()) {
    const auto found = state.links.find(*state.sendable.begin());
    if (found != state.links.end()) {
      if (auto frame = state.next_frame(found->second)) return Output(std::move(*frame));
    }
    state.sendable.erase(state.sendable.begin());
  }
  return std::nullopt;
}

std::optional<Instant> Mesh::next_deadline() const {
  const State& state = *state_;
  if (state.shutting_down) return std::nullopt;
  std::optional<Instant> next = state.dialer.next_deadline();
  const auto consider = [&next](Instant at) {
    if (!next || at < *next) next = at;
  };
  for (const auto& [id, link] : state.links) {
    if (link.guest) {
      consider(link.last_heard + kGuestStayMax);
    } else if (link.leave_at) {
      consider(*link.leave_at);
    } else {
      consider(std::min(link.heartbeat_due, link.last_heard + state.options.link_timeout));
      for (const auto& [workspace, shared] : link.shared) {
        if (shared.patient_until) consider(*shared.patient_until);
      }
      const Instant paced = link.eager_rate.ready_at();
      if (!link.outbox.announces.empty() && paced > state.now.steady) consider(paced);
    }
  }
  for (const auto& [key, pull] : state.pulls) consider(state.pull_deadline(pull));
  for (const auto& [device, record] : state.devices) {
    if (record.quarantined_until) consider(*record.quarantined_until);
  }
  if (!state.own_awareness.empty()) consider(state.own_awareness_rate.ready_at());
  if (state.has_partial_mesh()) consider(state.overlay_due);
  return next;
}

bool Mesh::is_quarantined(const DeviceId& device) const { return state_->is_quarantined(device); }

const MeshCounters& Mesh::counters() const { return state_->counters; }

// Time.

void Mesh::State::begin(Now at) {
  // The steady clock stands still while a machine sleeps on some systems and runs on others; a
  // stopped process sees both jump. With a link there is a heartbeat to send every few seconds, so
  // that a gap means something; without one there may be nothing to do for long.
  const Duration steady = at.steady - now.steady;
  const auto wall = std::chrono::milliseconds(at.wall > now.wall ? at.wall - now.wall : 0);
  const auto beating = [](const auto& item) { return !item.second.guest; };
  const bool slept = wall - steady > kWakeGap ||
                     (steady > kWakeGap && std::any_of(links.begin(), links.end(), beating));
  now = at;
  if (!slept) return;
  ++counters.wakes;
  woke();
}

void Mesh::State::woke() {
  dialer.woke(now.steady);
  // What the links say now counts, not how long they were not listened to: each gets the time of
  // one heartbeat and a half to prove that it is alive.
  const Instant heard = now.steady - options.link_timeout + options.heartbeat * 3 / 2;
  for (auto& [id, link] : links) {
    if (link.guest) continue;
    link.last_heard = heard;
    link.heartbeat_due = now.steady;
  }
}

void Mesh::State::dial_what_is_due() {
  if (shutting_down) return;
  while (auto attempt = dialer.take_due(now.steady)) {
    dialled[attempt->device] = attempt->address;
    outputs.emplace_back(Dial{attempt->device, std::move(attempt->address)});
  }
}

// Frames in.

Status Mesh::State::handle_message(Link& link, Message& message) {
  if (std::holds_alternative<Unknown>(message)) {
    ++counters.unknown_frames;
    return {};
  }
  const bool for_guests =
      std::holds_alternative<Application>(message) || std::holds_alternative<Goodbye>(message);
  if (link.guest && !for_guests) {
    return Error{ErrorCode::kUnauthorized, "guests send application frames only"};
  }
  if (link.leave_at && !std::holds_alternative<Goodbye>(message)) return {};
  // Before the hello it is not known what the peer takes part in; whatever came is asked for again.
  if (!for_guests && !link.greeted && !std::holds_alternative<Hello>(message)) return {};
  return std::visit(
      [&](auto& known) -> Status {
        if constexpr (requires { known.workspace; }) {
          if (link.parted.contains(known.workspace)) return {};
        }
        if constexpr (std::is_same_v<std::decay_t<decltype(known)>, Unknown>) {
          return {};
        } else {
          return handle(link, known);
        }
      },
      message);
}

/// Counts what the peer says unasked. False when it may not: then nothing is left to be done with
/// `message`, but for pushes, which are taken as announcements.
bool Mesh::State::within_budget(Link& link, const Message& message) {
  if (std::holds_alternative<Goodbye>(message) || std::holds_alternative<Awareness>(message)) {
    return true;
  }
  internal::DeviceRecord& record = devices[link.peer];
  const auto* entries = std::get_if<Entries>(&message);
  if (entries != nullptr) {
    const auto pull = pulls.find({entries->workspace, entries->log});
    if (entries->mode != EntriesMode::kPushed && answers_pull(link, *entries) &&
        pull->second.credit > 0) {
      return true;
    }
    std::size_t bytes = 0;
    for (const Bytes& entry : entries->entries) bytes += entry.size();
    // (A large one costs no more than there can be.)
    const std::uint64_t cost = std::min<std::uint64_t>(1 + bytes / kKiB, kEagerTakenBurst);
    if (record.eager_taken_rate.take(now.steady, cost)) return true;
  } else if (std::holds_alternative<Announce>(message)) {
    if (record.eager_taken_rate.take(now.steady)) return true;
  } else if (record.unasked_rate.take(now.steady)) {
    return true;
  }
  if (!note_flood(link) && entries != nullptr && link.greeted &&
      !link.parted.contains(entries->workspace) && entries->head > 0) {
    Announce announce{entries->workspace, entries->log, entries->head};
    (void)handle(link, announce);
  }
  return false;
}

/// The peer said more than it may. Returns whether that was once too often: `link` is gone then.
bool Mesh::State::note_flood(const Link& link) {
  ++counters.over_budget;
  internal::DeviceRecord& record = devices[link.peer];
  if (!record.flood_last || now.steady - *record.flood_last > internal::kFloodPause) {
    if (record.flood_last && now.steady - *record.flood_last > kFloodMemory) record.quarantine = {};
    record.flood_since = now.steady;
  }
  record.flood_last = now.steady;
  if (now.steady - record.flood_since < kFloodMax) return false;
  quarantine(link.peer);
  return true;
}

void Mesh::State::quarantine(DeviceId device) {
  ++counters.quarantines;
  internal::DeviceRecord& record = devices[device];
  record.quarantine = std::clamp(2 * record.quarantine, kQuarantineMin, kQuarantineMax);
  record.quarantined_until = now.steady + record.quarantine;
  const std::set<LinkId> ids = links_of.at(device);
  for (const LinkId id : ids) close_link(id, "says more than it may");
  tend_overlay();
  outputs.emplace_back(QuarantineChanged{device, record.quarantined_until});
}

void Mesh::State::end_quarantines() {
  for (auto& [device, record] : devices) {
    if (!record.quarantined_until || now.steady < *record.quarantined_until) continue;
    record.quarantined_until.reset();
    outputs.emplace_back(QuarantineChanged{device, std::nullopt});
    overlay_due = now.steady;
  }
}

bool Mesh::State::is_quarantined(const DeviceId& device) const {
  const auto found = devices.find(device);
  return found != devices.end() && found->second.quarantined_until;
}

/// Whether what the device writes is to be taken slowly.
bool Mesh::State::is_slowed(const DeviceId& device) const {
  const auto found = devices.find(device);
  if (found == devices.end()) return false;
  const internal::DeviceRecord& record = found->second;
  return record.quarantined_until ||
         (record.flood_last && now.steady - *record.flood_last < internal::kFloodedPullTime);
}

// Frames out: the most urgent that is due, if the driver's queue for the link has room for its
// kind.

std::optional<Mesh::SendFrame> Mesh::State::next_frame(Link& link) {
  // The less urgent, the less of the window it may fill: what is urgent then always finds room, and
  // waits behind two bulk frames at the most. Before the end everything that is bounded may go.
  const std::size_t window = shutting_down ? SIZE_MAX : options.link_window_bytes;
  const std::size_t unsent = link.unsent_bytes;
  std::optional<SendFrame> frame;
  if (unsent < window) frame = next_control(link);
  if (!frame && unsent < window / 4 * 3) frame = next_entries(link);
  if (!frame && unsent < window / 2) frame = next_awareness(link);
  if (!frame && link.outbox.goodbye_due) {
    link.outbox = {};
    return handed_out(link, TrafficClass::kControl, encode(Goodbye{}));
  }
  if (!frame && !shutting_down && unsent < window / 4) frame = next_bulk(link);
  return frame;
}

Mesh::SendFrame Mesh::State::handed_out(Link& link, TrafficClass traffic_class, Bytes frame) {
  link.unsent_bytes += frame.size();
  if (!link.guest && !link.leave_at) devices[link.peer].bytes_out += frame.size();
  return SendFrame{link.id, traffic_class, std::move(frame)};
}

std::optional<Mesh::SendFrame> Mesh::State::next_control(Link& link) {
  internal::Outbox& outbox = link.outbox;
  Bytes frame;
  if (outbox.hello_due) {
    frame = make_hello(link, *outbox.hello_due);
    outbox.hello_due.reset();
  } else if (!outbox.neighbours_due.empty()) {
    const WorkspaceId workspace = *outbox.neighbours_due.begin();
    outbox.neighbours_due.erase(workspace);
    frame = make_neighbours(link, workspace);
  } else if (!outbox.exchanges.empty()) {
    frame = next_exchange(link);
  } else if (!outbox.pulls.empty()) {
    frame = encode(outbox.pulls.front());
    outbox.pulls.pop_front();
  } else if (outbox.heartbeat_due) {
    frame = make_heartbeat(link);
    outbox.heartbeat_due = false;
  } else if (!outbox.application.empty()) {
    frame = *outbox.application.front();
    outbox.application_bytes -= frame.size();
    outbox.application.pop_front();
  } else {
    return std::nullopt;
  }
  return handed_out(link, TrafficClass::kControl, std::move(frame));
}

std::optional<Mesh::SendFrame> Mesh::State::next_entries(Link& link) {
  internal::Outbox& outbox = link.outbox;
  Bytes frame;
  if (!outbox.entries.empty()) {
    frame = *outbox.entries.front();
    outbox.entries_bytes -= frame.size();
    outbox.entries.pop_front();
  } else if (!outbox.announces.empty() && link.eager_rate.take(now.steady)) {
    const auto& [key, head] = *outbox.announces.begin();
    frame = encode(Announce{key.first, key.second, head});
    outbox.announces.erase(outbox.announces.begin());
    ++counters.announces_sent;
  } else {
    return std::nullopt;
  }
  return handed_out(link, TrafficClass::kEntries, std::move(frame));
}

std::optional<Mesh::SendFrame> Mesh::State::next_awareness(Link& link) {
  const auto item = link.outbox.awareness.take();
  if (!item) return std::nullopt;
  return handed_out(link, TrafficClass::kAwareness, Bytes(*item->second));
}

}  // namespace coterie::transport
