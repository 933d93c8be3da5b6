#include "node/daemon/clients.hpp"

#include <algorithm>
#include <utility>

#include "node/daemon/call_json.hpp"

namespace coterie::node {

namespace {

using bridge::ClientHandle;
using bridge::ClientRequest;

/// Stock providers do not try again by themselves after it.
constexpr std::uint16_t kCloseExpired = 4401;

}  // namespace

Clients::Clients(Engine& engine, Service& service, Access& access, Door door)
    : engine_(engine),
      access_(access),
      door_(std::move(door)),
      events_(engine, service, access,
              [this](ClientHandle client, std::shared_ptr<const Bytes> message) {
                if (Hocuspocus::is_ours(client)) return hocuspocus_.tell_event(client, *message);
                door_.send(client, std::move(message));
              }),
      hocuspocus_(engine, access, events_, door_) {}

Status Clients::opened(Now now, ClientHandle client, const ClientRequest& request) {
  if (request.what == ClientRequest::What::kHocuspocus) {
    hocuspocus_.open(now, client, request);
    return {};
  }
  COTERIE_TRY(const Principal who, access_.identify(now, request.token));
  const bool content = request.what == ClientRequest::What::kContent;
  COTERIE_CHECK(content ? open_content(now, client, request, who)
                        : open_events(client, request, who));
  watch_expiry(now, client, who.expires);
  return {};
}

void Clients::accepted(Now now, ClientHandle client, const ClientRequest& request) {
  if (request.what == ClientRequest::What::kStream) events_.begin_stream(now, client, request);
}

/// Of one whose token, until then another perhaps, runs out at `expires`; 0: never.
void Clients::watch_expiry(Now now, ClientHandle client, WallMillis expires) {
  const auto found = expires_.find(client);
  if (found == expires_.end() ? expires == 0 : found->second.at == expires) return;
  if (found != expires_.end()) {
    expiring_.erase({found->second.due, client});
    expires_.erase(found);
  }
  if (expires == 0) return;
  const Instant due = now.steady + std::chrono::milliseconds(expires - std::min(now.wall, expires));
  expires_.emplace(client, Expiry{expires, due});
  expiring_.emplace(due, client);
}

Status Clients::open_content(Now now, ClientHandle client, const ClientRequest& request,
                             const Principal& who) {
  COTERIE_TRY(const Access::Place place, access_.open(who, request.workspace, request.document));
  COTERIE_CHECK(engine_.handle_client_open(
      now, client, place.workspace.hex(), place.path,
      {.saved_messages = request.saved_messages, .asks_back = false, .visitor = who.visitor}));
  content_.insert(client);
  return {};
}

Status Clients::open_events(ClientHandle client, const ClientRequest& request,
                            const Principal& who) {
  COTERIE_TRY(const DocumentId document, parse_hex_id<DocumentId>(request.document));
  COTERIE_TRY(const auto found, engine_.find_document(document));
  if (!request.workspace.empty()) {
    COTERIE_TRY(const WorkspaceId wanted, engine_.find_workspace(request.workspace));
    if (wanted != found.workspace) {
      return Error{ErrorCode::kNotFound, "no document of that id in this workspace"};
    }
  }
  COTERIE_TRY(const Access::Place place, access_.open(who, found.workspace.hex(), found.path));
  return events_.open(client, place, who);
}

bool Clients::message(Now now, ClientHandle client, ByteView message) {
  if (content_.contains(client)) {
    engine_.handle_client_message(now, client, message);
    return true;
  }
  if (hocuspocus_.has(client)) {
    hocuspocus_.message(now, client, message);
    return false;  // A refusal is of the message that was handled last.
  }
  events_.message(now, client, message);
  if (const Principal* who = events_.who(client)) watch_expiry(now, client, who->expires);
  return true;
}

void Clients::sent(Now now, ClientHandle client, std::size_t bytes) {
  if (content_.contains(client)) return engine_.handle_client_sent(now, client, bytes);
  if (hocuspocus_.has(client)) return hocuspocus_.sent(now, client, bytes);
  events_.sent(client, bytes);
}

void Clients::closed(Now now, ClientHandle client) {
  if (const auto found = expires_.find(client); found != expires_.end()) {
    expiring_.erase({found->second.due, client});
    expires_.erase(found);
  }
  if (content_.erase(client) != 0) return engine_.handle_client_closed(now, client);
  if (hocuspocus_.has(client)) return hocuspocus_.closed(now, client);
  events_.closed(now, client);
}

void Clients::tell(Engine::SendToClient& output) {
  if (Hocuspocus::is_ours(output.client)) return hocuspocus_.tell(output);
  door_.send(output.client, std::move(output.message));
}

void Clients::tell(const Engine::ClientRole& output) {
  // Clients of y-websocket are told of each refusal.
  if (Hocuspocus::is_ours(output.client)) hocuspocus_.tell(output);
}

void Clients::tell(Now now, const Engine::CloseClient& output) {
  if (Hocuspocus::is_ours(output.client)) return hocuspocus_.tell(now, output);
  door_.close(output.client, output.code, output.reason);
}

void Clients::handle_timeout(Now now) {
  events_.handle_timeout(now);
  hocuspocus_.handle_timeout(now);
  while (!expiring_.empty() && expiring_.begin()->first <= now.steady) {
    const ClientHandle client = expiring_.begin()->second;
    expiring_.erase(expiring_.begin());
    expires_.erase(client);
    door_.close(client, kCloseExpired, "the token has expired: get another and connect again");
  }
}

std::optional<Instant> Clients::next_deadline() const {
  std::optional<Instant> due = events_.next_deadline();
  const auto consider = [&](std::optional<Instant> other) {
    if (other && (!due || *other < *due)) due = other;
  };
  consider(hocuspocus_.next_deadline());
  if (!expiring_.empty()) consider(expiring_.begin()->first);
  return due;
}

}  // namespace coterie::node
