// Awareness and application frames: budgets, replay counters, forwarding.

#include <algorithm>
#include <utility>

#include "transport/core/internal/state.hpp"

namespace coterie::transport {

using internal::AwarenessKey;
using internal::AwarenessOut;
using internal::SharedFrame;
using internal::TopicSeen;

Status Mesh::State::handle(Link& link, Application& message) {
  if (link.guest && !link.guest_rate.take(now.steady)) {
    return Error{ErrorCode::kLimitExceeded, "frames of a guest"};
  }
  outputs.emplace_back(ApplicationReceived{link.id, std::move(message.payload)});
  return {};
}

Status Mesh::State::handle(Link& link, Awareness& message) {
  if (shared_of(link, message.workspace) == nullptr) {
    return Error{ErrorCode::kUnauthorized, "workspace is not shared"};
  }
  if (message.origin == options.self) return {};  // Ours, come round.
  if (!workspaces.at(message.workspace).members.contains(message.origin)) {
    ++counters.awareness_dropped;  // Its admission may not have reached us: no fault.
    return {};
  }
  const auto seen = topics.find({message.workspace, message.origin});
  if (seen != topics.end()) {
    const auto topic = seen->second.find(message.topic);
    if (topic != seen->second.end() && message.counter <= topic->second.counter) {
      ++counters.awareness_dropped;
      return {};
    }
  }
  // By peer too, not by origin alone: a forger must not use up the budget of the one it imitates.
  internal::DeviceRecord& record = devices[link.peer];
  const auto rate = record.origin_rates.try_emplace(
      message.origin, TokenBucket(kAwarenessPerSecond, kAwarenessBurst));
  if (!rate.first->second.take(now.steady)) {
    ++counters.awareness_dropped;
    // What it passes on others may have said too often; what it says itself it need not.
    if (message.origin == link.peer) (void)note_flood(link);
    return {};
  }
  if (awareness.size() >= kAwarenessUnjudgedMax || !record.awareness_rate.take(now.steady)) {
    ++counters.awareness_dropped;
    return {};
  }
  const std::uint64_t id = ++awareness_seen;
  const Duration age = std::chrono::milliseconds(message.age_ms);
  awareness[id] = AwarenessOut{link.peer,
                               {message.workspace, message.origin, message.topic},
                               message.counter,
                               std::make_shared<const Bytes>(encode(message)),
                               now.steady - age};
  outputs.emplace_back(AwarenessReceived{id, message.workspace, message.origin, message.topic,
                                         message.counter, std::move(message.message), age});
  return {};
}

void Mesh::State::judge_awareness(std::uint64_t awareness_id, AwarenessVerdict verdict) {
  const auto found = awareness.find(awareness_id);
  if (found == awareness.end()) return;
  const AwarenessOut message = std::move(found->second);
  awareness.erase(found);
  const auto& [workspace, origin, topic] = message.key;
  if (verdict == AwarenessVerdict::kRefused && is_member(message.peer)) {
    ++devices[message.peer].faults;
  }
  if (verdict != AwarenessVerdict::kGenuine) return;

  auto& seen = topics[{workspace, origin}];
  if (seen.size() == kAwarenessTopicsMax && !seen.contains(topic)) {
    const auto quietest = std::min_element(
        seen.begin(), seen.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    keep(quietest->second, nullptr, {});
    seen.erase(quietest);
  }
  TopicSeen& last = seen[topic];
  if (message.counter <= last.counter && last.used != 0) return;  // Overtaken while being judged.
  last.counter = message.counter;
  last.used = ++topics_used;
  keep(last, message.frame, message.said);
  const DeviceId author = origin;
  const auto sender = links_of.contains(message.peer) ? active_link(message.peer) : nullptr;
  const internal::Shared* from = sender == nullptr ? nullptr : shared_of(*sender, workspace);
  each_peer(workspace, [&](Link& link, internal::Shared& shared) {
    if (link.peer == author || link.peer == message.peer) return;
    if (shared.neighbours.contains(author)) return;
    if (from != nullptr && from->neighbours.contains(link.peer)) return;
    ++counters.awareness_forwarded;
    counters.awareness_dropped += link.outbox.awareness.put(message.key, message.frame);
    ready(link);
  });
}

void Mesh::State::publish(const WorkspaceId& workspace, std::uint64_t topic, std::uint64_t counter,
                          Bytes message) {
  if (message.empty() || message.size() > kAwarenessBytesMax) {
    ++counters.awareness_dropped;  // Others would refuse the frame.
    return;
  }
  const Awareness frame{workspace, options.self, topic, counter, std::move(message)};
  const AwarenessKey key{workspace, options.self, topic};
  const auto shared = std::make_shared<const Bytes>(encode(frame));
  auto& said = topics[{workspace, options.self}];
  if (said.size() < kAwarenessTopicsMax || said.contains(topic)) {
    keep(said[topic], shared, now.steady);
  }
  counters.awareness_dropped += own_awareness.put(key, shared);
  release_own_awareness();
}

// What was said, for those who come.

void Mesh::State::keep(TopicSeen& topic, SharedFrame frame, Instant said) {
  if (topic.frame) counters.awareness_kept_bytes -= topic.frame->size();
  topic.frame.reset();
  if (!frame || counters.awareness_kept_bytes + frame->size() > kAwarenessKeptBytesMax) return;
  counters.awareness_kept_bytes += frame->size();
  topic.frame = std::move(frame);
  topic.said = said;
}

void Mesh::State::forget_old_awareness() {
  for (auto& [key, seen] : topics) {
    for (auto& [id, topic] : seen) {
      if (topic.frame && now.steady - topic.said >= kAwarenessLifetime) keep(topic, nullptr, {});
    }
    if (key.second == options.self) {
      std::erase_if(seen, [](const auto& item) { return !item.second.frame; });
    }
  }
  for (auto& [device, record] : devices) {
    std::erase_if(record.origin_rates,
                  [&](const auto& item) { return item.second.full(now.steady); });
  }
}

/// Once per link and workspace, when the peer's neighbours are known: what we said ourselves; and
/// to somebody who has just come to a large workspace, what others said.
void Mesh::State::tell_presence(Link& link) {
  for (auto& [id, shared] : link.shared) {
    if (!shared.joined || std::exchange(shared.told_presence, true)) continue;
    const bool newcomer =
        !workspaces.at(id).full_mesh() && shared.neighbours.size() <= internal::kNewcomerDegreeMax;
    for (const auto& [key, seen] : topics) {
      const auto& [workspace, origin] = key;
      if (workspace != id || origin == link.peer || (origin != options.self && !newcomer)) continue;
      for (const auto& [topic, last] : seen) {
        const Duration age = now.steady - last.said;
        if (!last.frame || age >= kAwarenessLifetime) continue;
        auto message = std::get<Awareness>(*decode(*last.frame));
        message.age_ms = static_cast<std::uint64_t>(age / Duration(std::chrono::milliseconds(1)));
        counters.awareness_dropped += link.outbox.awareness.put(
            {id, origin, topic}, std::make_shared<const Bytes>(encode(message)));
        ready(link);
      }
    }
  }
}

/// Sends what the budget of a device allows; the rest waits, the newest per topic.
void Mesh::State::release_own_awareness() {
  while (!own_awareness.empty() && own_awareness_rate.take(now.steady)) {
    const auto [key, frame] = *own_awareness.take();
    each_peer(std::get<0>(key), [&, key = key, frame = frame](Link& link, internal::Shared&) {
      counters.awareness_dropped += link.outbox.awareness.put(key, frame);
      ready(link);
    });
  }
}

}  // namespace coterie::transport
