#include "node/daemon/hocuspocus.hpp"

#include <algorithm>
#include <utility>

#include "node/core/limits.hpp"

namespace coterie::node {

namespace {

using bridge::ClientHandle;

// Close codes of this protocol.
constexpr std::uint16_t kCloseReset = 4205;
constexpr std::uint16_t kCloseForbidden = 4403;
constexpr std::uint16_t kCloseTimeout = 4408;
/// From here on a document, not the socket, is closed.
constexpr std::uint16_t kCloseDocumentMin = 4400;

// First bytes of y-websocket's messages (sync_protocol.hpp).
constexpr std::uint8_t kSync = 0;
constexpr std::uint8_t kRefusal = 2;
constexpr std::uint8_t kSaved = 100;
constexpr std::uint8_t kStep1 = 0;
constexpr std::uint8_t kStep2 = 1;

/// Large messages that are kept as wrapped: the parts of some documents that many join.
constexpr std::size_t kWrappedMax = 32;

bool is_sync(ByteView yjs, std::uint8_t kind) {
  return yjs.size() >= 2 && yjs[0] == kSync && yjs[1] == kind;
}

}  // namespace

void Hocuspocus::open(Now now, ClientHandle handle, const bridge::ClientRequest& request) {
  Socket socket;
  socket.workspace = request.workspace;
  socket.token = request.token;
  socket.due = now.steady + kSocketPatience;
  empty_sockets_.emplace(socket.due, handle);
  sockets_.emplace(handle, std::move(socket));
}

void Hocuspocus::message(Now now, ClientHandle handle, ByteView bytes) {
  const auto found = sockets_.find(handle);
  if (found == sockets_.end()) return;
  Socket& socket = found->second;
  const auto read = read_hocuspocus(bytes);
  if (!read) {
    return door_.close(handle, kCloseReset, std::string("malformed message: ") + read.error().what);
  }
  if (read->type == HocuspocusType::kPong) return;
  if (read->type == HocuspocusType::kPing) return send(handle, hocuspocus_pong());
  if (read->type == HocuspocusType::kAuth) {
    return authenticate(now, handle, socket, read->address, read->body);
  }
  const auto document = socket.documents.find(read->address);
  if (document == socket.documents.end()) return;  // Denied, or detached: it does not know yet.
  const ClientHandle client = document->second;
  Attached& attached = attached_.at(client);
  switch (read->type) {
    case HocuspocusType::kSync:
    case HocuspocusType::kAwareness:
    case HocuspocusType::kQueryAwareness:
      return forward(now, client, attached, read->yjs);
    case HocuspocusType::kStateless:
      return speak(now, client, attached, read->body);
    case HocuspocusType::kClose:
      return detach(now, client, "provider_initiated");
    default:
      return door_.close(handle, kCloseForbidden, "only the node says that");
  }
}

void Hocuspocus::authenticate(Now now, ClientHandle handle, Socket& socket,
                              std::string_view address, ByteView body) {
  auto token = read_hocuspocus_token(body);
  if (!token) return door_.close(handle, kCloseReset, token.error().what);
  const auto who = access_.identify(now, token->empty() ? socket.token : *token);
  Status done = who ? Status() : Status(who.error());
  const auto document = socket.documents.find(address);
  const bool fresh = document == socket.documents.end();
  if (who) {
    done = fresh ? attach(now, handle, socket, address, *who)
                 : renew(now, document->second, attached_.at(document->second), *who);
  }
  if (done) return;
  send(handle, hocuspocus_denied(address, done.error().what));
  if (!fresh) detach(now, document->second, done.error().what);
}

Status Hocuspocus::attach(Now now, ClientHandle handle, Socket& socket, std::string_view address,
                          const Principal& who) {
  if (socket.documents.size() >= kSocketDocumentsMax) {
    return Error{ErrorCode::kLimitExceeded, "too many documents on one connection"};
  }
  std::string_view name = hocuspocus_document(address);
  std::string workspace = socket.workspace;
  if (workspace.empty()) {
    const std::size_t slash = name.find('/');
    if (slash == name.npos) {
      return Error{ErrorCode::kMalformed, "name the document as WORKSPACE/PATH"};
    }
    workspace = name.substr(0, slash);
    name.remove_prefix(slash + 1);
  }
  COTERIE_TRY(const Access::Place place, access_.open(who, workspace, name));
  const ClientHandle client = ++next_;
  Attached attached;
  attached.socket = handle;
  attached.address = address;
  attached.place = place;
  attached.who = who;
  COTERIE_TRY(const Role role,
              engine_.handle_client_open(
                  now, client, place.workspace.hex(), place.path,
                  {.saved_messages = true, .asks_back = true, .visitor = who.visitor}));
  if (socket.documents.empty()) empty_sockets_.erase({socket.due, handle});
  socket.documents.emplace(address, client);
  Attached& kept = attached_.emplace(client, std::move(attached)).first->second;
  watch_token(now, client, kept, who);
  send(handle, hocuspocus_authenticated(address, may_edit(role)));
  return {};
}

/// It says who it is again: with a token that lasts longer, say.
Status Hocuspocus::renew(Now now, ClientHandle client, Attached& attached, const Principal& who) {
  if (who.visitor.guest != attached.who.visitor.guest) {
    return Error{ErrorCode::kUnauthorized, "this connection is somebody else's"};
  }
  const WorkspaceId workspace = attached.place.workspace;
  COTERIE_CHECK(access_.open(who, workspace.hex(), attached.place.path));
  attached.who = who;
  events_.renewed(attached.events, who);
  watch_token(now, client, attached, who);
  engine_.handle_client_visitor(now, client, who.visitor);
  COTERIE_TRY(const auto role, engine_.role_of(workspace, attached.place.path, who.visitor));
  send(attached.socket,
       hocuspocus_authenticated(attached.address, role.has_value() && may_edit(*role)));
  return {};
}

void Hocuspocus::watch_token(Now now, ClientHandle client, Attached& attached,
                             const Principal& who) {
  if (attached.due) tokens_due_.erase({*attached.due, client});
  attached.due.reset();
  attached.expires.reset();
  if (who.expires == 0) return;
  const Duration left = std::chrono::milliseconds(who.expires - std::min(now.wall, who.expires));
  attached.expires = now.steady + left;
  attached.due = now.steady + std::max<Duration>(left - kTokenNotice, left / 2);
  tokens_due_.emplace(*attached.due, client);
}

void Hocuspocus::speak(Now now, ClientHandle client, Attached& attached, ByteView body) {
  const auto text = read_hocuspocus_text(body);
  if (!text) return door_.close(attached.socket, kCloseReset, text.error().what);
  if (text->size() > kStatelessBytesMax) {
    return door_.close(attached.socket, kCloseReset, "a stateless message is too long");
  }
  if (attached.events == 0) {
    const ClientHandle events = ++next_;
    const Status opened = events_.open(events, attached.place, attached.who);
    if (!opened) return;  // The document was not made yet: there is nothing to tell of.
    attached.events = events;
    by_events_.emplace(events, client);
  }
  events_.message(now, attached.events, as_bytes(*text));
}

void Hocuspocus::forward(Now now, ClientHandle client, Attached& attached, ByteView yjs) {
  if (is_sync(yjs, kStep1)) {
    ++attached.asked;
    ++attached.exchanges;
  } else if (is_sync(yjs, kStep2)) {
    const bool known = !attached.answers.empty();
    const bool asked = known && attached.answers.front();
    if (known) attached.answers.pop_front();
    const bool ours = known && !asked;
    attached.unsaved.push_back({ours ? std::exchange(attached.refused, 0) : 1, asked});
  } else if (yjs.size() >= 2 && yjs[0] == kSync) {
    attached.unsaved.push_back({1});
  }
  engine_.handle_client_message(now, client, yjs);
}

void Hocuspocus::tell(const Engine::SendToClient& output) {
  const auto found = attached_.find(output.client);
  if (found == attached_.end()) return;
  Attached& attached = found->second;
  const Bytes& yjs = *output.message;
  const std::size_t bytes = yjs.size();
  const auto say = [&](SharedBytes message, std::size_t counted) {
    send(attached.socket, std::move(message), output.client, counted);
  };
  if (yjs[0] == kSaved) {
    ByteReader in(ByteView(yjs).subspan(1));
    const std::uint64_t count = *in.read_varuint();
    for (; attached.saved < count && !attached.unsaved.empty(); ++attached.saved) {
      attached.owed += attached.unsaved.front().times;
      attached.exchanges -= attached.unsaved.front().answers ? 1 : 0;
      attached.unsaved.pop_front();
    }
    attached.saved = count;
    return say_owed(output.client, attached, bytes);
  }
  if (yjs[0] == kRefusal) {
    // Said while the message that was refused is handled: it is the last of them.
    if (!attached.unsaved.empty()) {
      attached.refused += attached.unsaved.back().times;
      attached.exchanges -= attached.unsaved.back().answers ? 1 : 0;
      attached.unsaved.pop_back();
    }
    say(hocuspocus_status(attached.address, false), bytes);
    return say_owed(output.client, attached, 0);
  }
  if (is_sync(yjs, kStep1)) {
    const bool counts = attached.asked > 0;
    if (counts) --attached.asked;
    attached.answers.push_back(counts);
  }
  say(wrap(output.message, attached.address), bytes);
}

SharedBytes Hocuspocus::wrap(const SharedBytes& message, const std::string& address) {
  const auto is_it = [&](const Wrapped& one) {
    return one.message == message && one.address == address;
  };
  if (is_it(wrapped_)) return wrapped_.as;
  const bool large = message->size() >= kAnswerKeptBytesMin;
  if (large) {
    std::erase_if(large_, [](const Wrapped& one) { return one.message.use_count() == 1; });
    const auto found = std::find_if(large_.begin(), large_.end(), is_it);
    if (found != large_.end()) return found->as;
    if (large_.size() == kWrappedMax) large_.pop_front();
  }
  Wrapped made{message, address, hocuspocus_wrap(address, *message)};
  return (large ? large_.emplace_back(std::move(made)) : wrapped_ = std::move(made)).as;
}

void Hocuspocus::say_owed(ClientHandle client, Attached& attached, std::size_t counted) {
  const std::size_t times = attached.exchanges == 0 ? std::exchange(attached.owed, 0) : 0;
  if (times == 0) return send(attached.socket, nullptr, client, counted);
  const SharedBytes status = hocuspocus_status(attached.address, true);
  for (std::size_t i = 0; i < times; ++i) {
    send(attached.socket, status, client, i == 0 ? counted : 0);
  }
}

void Hocuspocus::tell(const Engine::ClientRole& output) {
  const auto found = attached_.find(output.client);
  if (found == attached_.end()) return;
  send(found->second.socket,
       hocuspocus_authenticated(found->second.address, may_edit(output.role)));
}

void Hocuspocus::tell(Now now, const Engine::CloseClient& output) {
  const auto event = by_events_.find(output.client);
  const ClientHandle client = event == by_events_.end() ? output.client : event->second;
  const auto found = attached_.find(client);
  if (found == attached_.end()) return;
  if (output.code < kCloseDocumentMin) {
    return door_.close(found->second.socket, output.code, output.reason);
  }
  if (output.code == kCloseForbidden) {
    send(found->second.socket, hocuspocus_denied(found->second.address, output.reason));
  }
  detach(now, client, output.reason);
}

void Hocuspocus::tell_event(ClientHandle events, ByteView text) {
  const auto found = by_events_.find(events);
  if (found == by_events_.end()) return;
  const Attached& attached = attached_.at(found->second);
  send(attached.socket, hocuspocus_stateless(attached.address, as_text(text)), events, text.size());
}

void Hocuspocus::detach(Now now, ClientHandle client, std::string_view reason) {
  const auto found = attached_.find(client);
  const Attached attached = std::move(found->second);
  attached_.erase(found);
  if (attached.due) tokens_due_.erase({*attached.due, client});
  if (attached.events != 0) {
    by_events_.erase(attached.events);
    events_.closed(now, attached.events);
  }
  engine_.handle_client_closed(now, client);
  const auto socket = sockets_.find(attached.socket);
  if (socket == sockets_.end()) return;
  send(attached.socket, hocuspocus_close(attached.address, reason));
  socket->second.documents.erase(attached.address);
  if (!socket->second.documents.empty()) return;
  socket->second.due = now.steady + kSocketPatience;
  empty_sockets_.emplace(socket->second.due, attached.socket);
}

void Hocuspocus::send(ClientHandle handle, SharedBytes message, ClientHandle whose,
                      std::size_t counted) {
  const auto found = sockets_.find(handle);
  if (found == sockets_.end()) return;
  // Some of what the engine says, and counts, is not passed on.
  found->second.unsent.push_back({whose, message == nullptr ? 0 : message->size(), counted});
  if (message != nullptr) door_.send(handle, std::move(message));
}

void Hocuspocus::sent(Now now, ClientHandle handle, std::size_t bytes) {
  const auto found = sockets_.find(handle);
  if (found == sockets_.end()) return;
  auto& unsent = found->second.unsent;
  found->second.left += bytes;
  while (!unsent.empty() && unsent.front().size <= found->second.left) {
    const Unsent one = unsent.front();
    unsent.pop_front();
    found->second.left -= one.size;
    if (one.counted == 0) continue;
    if (by_events_.contains(one.whose)) {
      events_.sent(one.whose, one.counted);
    } else if (attached_.contains(one.whose)) {
      engine_.handle_client_sent(now, one.whose, one.counted);
    }
  }
}

void Hocuspocus::closed(Now now, ClientHandle handle) {
  const auto found = sockets_.find(handle);
  if (found == sockets_.end()) return;
  const Socket socket = std::move(found->second);
  sockets_.erase(found);
  if (socket.documents.empty()) empty_sockets_.erase({socket.due, handle});
  for (const auto& [address, client] : socket.documents) detach(now, client, "");
}

void Hocuspocus::handle_timeout(Now now) {
  while (!empty_sockets_.empty() && empty_sockets_.begin()->first <= now.steady) {
    const ClientHandle socket = empty_sockets_.begin()->second;
    empty_sockets_.erase(empty_sockets_.begin());
    door_.close(socket, kCloseTimeout, "no document was opened");
  }
  while (!tokens_due_.empty() && tokens_due_.begin()->first <= now.steady) {
    const ClientHandle client = tokens_due_.begin()->second;
    tokens_due_.erase(tokens_due_.begin());
    Attached& attached = attached_.at(client);
    attached.due.reset();
    if (!attached.expires || *attached.expires <= now.steady) {
      send(attached.socket, hocuspocus_denied(attached.address, "the token has expired"));
      detach(now, client, "the token has expired");
      continue;
    }
    send(attached.socket, hocuspocus_ask_token(attached.address));
    attached.due = attached.expires;
    tokens_due_.emplace(*attached.due, client);
  }
}

std::optional<Instant> Hocuspocus::next_deadline() const {
  std::optional<Instant> due;
  if (!empty_sockets_.empty()) due = empty_sockets_.begin()->first;
  if (!tokens_due_.empty() && (!due || tokens_due_.begin()->first < *due)) {
    due = tokens_due_.begin()->first;
  }
  return due;
}

}  // namespace coterie::node
