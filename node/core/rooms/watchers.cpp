#include "node/core/rooms/watchers.hpp"

#include <algorithm>
#include <utility>

#include "node/core/json_check.hpp"
#include "node/core/limits.hpp"
#include "node/core/rooms/attendance.hpp"

namespace coterie::node {

namespace {

/// As stock Yjs clients do, more or less.
constexpr Duration kRenewal = std::chrono::seconds(15);
constexpr Duration kSweep = std::chrono::seconds(5);

}  // namespace

Status Watchers::open(Now now, ClientHandle handle, const DocumentId& document,
                      WatchOptions options, const std::string& name) {
  if (options.id.size() > kGuestIdBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "an id is at most 64 bytes", options.id.size()};
  }
  if (options.name.size() > kParticipantNameBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a name is at most 120 bytes", options.name.size()};
  }
  if (!is_utf8(options.id) || !is_utf8(options.name)) {
    return Error{ErrorCode::kMalformed, "names and ids are UTF-8"};
  }
  if (!options.color.empty() && !is_color(options.color)) {
    return Error{ErrorCode::kMalformed, "a color is #rrggbb"};
  }
  if (watchers_.empty()) next_sweep_ = now.steady + kSweep;
  Watcher& watcher = watchers_[handle];
  watcher.document = document;
  watcher.shown = options.shown;
  watcher.is.id = options.id.empty() ? kOwnerId : std::move(options.id);
  watcher.is.name = options.name.empty() ? name : std::move(options.name);
  watcher.is.color = std::move(options.color);
  // 31 bits, as browsers draw them.
  watcher.client = context_.random.next_u64() >> 33;
  by_document_[document].push_back(handle);
  if (watcher.shown) announce(now, handle, watcher);
  return {};
}

Status Watchers::show(Now now, ClientHandle handle, PresenceUpdate update) {
  const auto found = watchers_.find(handle);
  if (found == watchers_.end()) return Error{ErrorCode::kNotFound, "no such watcher"};
  Watcher& watcher = found->second;
  Participant next = watcher.is;
  const bool declared = watcher.declared || update.activeness.has_value();
  if (update.activeness) next.activeness = *update.activeness;
  if (update.typing) next.typing = *update.typing;
  if (update.file) next.file = *std::move(update.file);
  if (update.viewport) next.viewport = *update.viewport;
  if (update.cursor) next.cursor = *std::move(update.cursor);
  if (update.following) next.following = *std::move(update.following);
  if (!next.cursor.empty() && !is_json(next.cursor)) {
    return Error{ErrorCode::kMalformed, "the cursor is no JSON"};
  }
  if (!is_utf8(next.file) || !is_utf8(next.following)) {
    return Error{ErrorCode::kMalformed, "text is UTF-8"};
  }
  const std::size_t bytes = awareness_of(next, declared).size();
  if (bytes > kAwarenessStateBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "more presence than fits", bytes};
  }
  watcher.is = std::move(next);
  watcher.declared = declared;
  if (watcher.shown) announce(now, handle, watcher);
  return {};
}

void Watchers::announce(Now now, ClientHandle handle, Watcher& watcher) {
  watcher.renew = now.steady + kRenewal;
  const AwarenessState state{watcher.client, ++watcher.clock,
                             awareness_of(watcher.is, watcher.declared)};
  presence_.announce(now, watcher.document, handle, watcher.is.id, false, watcher.own, {state});
}

void Watchers::close(Now now, ClientHandle handle) {
  const auto found = watchers_.find(handle);
  if (found == watchers_.end()) return;
  const DocumentId document = found->second.document;
  auto& handles = by_document_[document];
  std::erase(handles, handle);
  if (handles.empty()) by_document_.erase(document);
  presence_.leave(now, document, handle);
  watchers_.erase(found);
}

std::vector<std::pair<ClientHandle, std::string>> Watchers::of(const DocumentId& document) const {
  std::vector<std::pair<ClientHandle, std::string>> list;
  const auto found = by_document_.find(document);
  if (found == by_document_.end()) return list;
  for (const ClientHandle handle : found->second) {
    list.emplace_back(handle, watchers_.at(handle).is.id);
  }
  return list;
}

void Watchers::tell(const DocumentId& document, RoomEvent event) {
  const auto found = by_document_.find(document);
  if (found == by_document_.end()) return;
  const auto shared = std::make_shared<const RoomEvent>(std::move(event));
  for (const ClientHandle handle : found->second) context_.emit(Engine::SendEvent{handle, shared});
}

std::set<DocumentId> Watchers::documents() const {
  std::set<DocumentId> all;
  for (const auto& [document, handles] : by_document_) all.insert(document);
  return all;
}

void Watchers::handle_timeout(Now now) {
  if (watchers_.empty() || now.steady < next_sweep_) return;
  next_sweep_ = now.steady + kSweep;
  for (auto& [handle, watcher] : watchers_) {
    if (watcher.shown && watcher.renew <= now.steady) announce(now, handle, watcher);
  }
}

std::optional<Instant> Watchers::next_deadline() const {
  return watchers_.empty() ? std::nullopt : std::optional(next_sweep_);
}

}  // namespace coterie::node
