#include "node/daemon/event_sessions.hpp"

#include <algorithm>
#include <utility>

#include "node/core/limits.hpp"
#include "node/daemon/call_json.hpp"
#include "node/daemon/room_calls.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace {

using bridge::ClientHandle;
using nlohmann::json;

constexpr std::size_t kStreamSecretBytes = 16;
constexpr Duration kPresenceEvery = std::chrono::microseconds(1'000'000 / kPresencePerSecond);

/// What `update` says is put over what `waiting` says.
void merge(PresenceUpdate& waiting, PresenceUpdate update) {
  const auto take = [](auto& to, auto& from) {
    if (from) to = std::move(from);
  };
  take(waiting.activeness, update.activeness);
  take(waiting.typing, update.typing);
  take(waiting.file, update.file);
  take(waiting.viewport, update.viewport);
  take(waiting.cursor, update.cursor);
  take(waiting.following, update.following);
}

}  // namespace

Status EventSessions::open(ClientHandle client, const Access::Place& place, const Principal& who) {
  COTERIE_TRY(const DocumentInfo document, engine_.document(place.workspace, place.path));
  Session session;
  session.workspace = place.workspace;
  session.document = document.id;
  session.who = who;
  COTERIE_CHECK(role_of(session, document.path));
  sessions_.emplace(client, std::move(session));
  return {};
}

void EventSessions::begin_stream(Now now, ClientHandle client,
                                 const bridge::ClientRequest& request) {
  const auto found = sessions_.find(client);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  Bytes secret(kStreamSecretBytes);
  crypto::system_random().fill(secret);
  session.stream = to_hex(secret);
  send(client, session, dump_json({{"type", "stream"}, {"session", session.stream}}));
  if (request.resumed) send(client, session, dump_json(room_event(RoomReset{}, names(session))));
  const std::string text = dump_json(
      {{"type", "join_session"},
       {"user", {{"id", request.user}, {"name", request.name}, {"color", request.color}}}});
  message(now, client, as_bytes(text));
}

CallResult EventSessions::say(Now now, const Call& call) {
  const auto refused = [](const Error& error) {
    return CallResult{"", CallError{error.code, error.what}};
  };
  const std::string secret = text_of(call, "session");
  const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& one) {
    const Session& session = one.second;
    const auto path = path_of(session);
    return !secret.empty() && session.stream == secret && path && *path == text_of(call, "path") &&
           session.workspace.hex() == text_of(call, "workspace");
  });
  if (found == sessions_.end()) {
    return refused({ErrorCode::kNotFound, "no such stream of this document: open one first"});
  }
  json event{{"type", "presence_update"}};
  for (const char* name : {"status", "typing", "file", "viewport", "cursor", "following"}) {
    const auto given = call.arguments.find(name);
    if (given == call.arguments.end()) continue;
    event[name] = json::parse(given->second, nullptr, false);
  }
  std::string id;
  const std::string text = dump_json(event);
  auto request = read_event(text, id);
  const Status done = request ? handle(now, found->first, found->second, *std::move(request))
                              : Status(request.error());
  return done ? CallResult{R"({"done":true})", std::nullopt} : refused(done.error());
}

void EventSessions::message(Now now, ClientHandle client, ByteView text) {
  const auto found = sessions_.find(client);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  std::string id;
  auto request = read_event(as_text(text), id);
  const Status done =
      request ? handle(now, client, session, *std::move(request)) : Status(request.error());
  if (!done) fail(client, session, id, event_error_code(done.error().code), done.error().what);
}

Status EventSessions::handle(Now now, ClientHandle client, Session& session, EventRequest request) {
  if (auto* options = std::get_if<WatchOptions>(&request.what)) {
    return join(now, client, session, request.id, std::move(*options));
  }
  if (const auto* shown = std::get_if<TokenShown>(&request.what)) {
    return renew(now, client, session, request.id, shown->token);
  }
  if (!session.guest) return Error{ErrorCode::kMalformed, "say join_session first"};
  if (auto* update = std::get_if<PresenceUpdate>(&request.what)) {
    return show(now, client, session, std::move(*update));
  }
  COTERIE_TRY(std::string path, path_of(session));
  COTERIE_TRY(const Role role, role_of(session, path));
  if (auto* query = std::get_if<RoomQuery>(&request.what)) {
    query->workspace = session.workspace;
    query->path = std::move(path);
    query->guest = *session.guest;
    COTERIE_TRY(const RoomView view, engine_.room(now, *query));
    send(client, session, dump_json(page_event(request.id, view, names(session))));
    return {};
  }
  if (auto* mark = std::get_if<MarkRead>(&request.what)) {
    mark->workspace = session.workspace;
    mark->path = std::move(path);
    mark->guest = *session.guest;
    carry_out(now, client, request.id, std::move(*mark));
    return {};
  }
  auto* post = std::get_if<PostMessage>(&request.what);
  if (!may_write(role)) {
    return Error{ErrorCode::kUnauthorized, "you may only read this document"};
  }
  if (!(post != nullptr ? access_.may_post(now, session.workspace, *session.guest)
                        : session.changes.take(now.steady))) {
    fail(client, session, request.id, "RATE_LIMITED", "too much within a minute: wait a little");
    return {};
  }
  if (post != nullptr) {
    post->workspace = session.workspace;
    post->path = std::move(path);
    post->message.guest = *session.guest;
    carry_out(now, client, request.id, std::move(*post));
  } else if (auto* amend = std::get_if<AmendMessage>(&request.what)) {
    amend->workspace = session.workspace;
    amend->change.guest = *session.guest;
    amend->change.document = session.document;
    amend->most = session.who.visitor.most;
    carry_out(now, client, request.id, std::move(*amend));
  } else if (auto* word = std::get_if<SetState>(&request.what)) {
    word->workspace = session.workspace;
    word->path = std::move(path);
    word->word.guest = *session.guest;
    carry_out(now, client, request.id, std::move(*word));
  }
  return {};
}

Status EventSessions::join(Now now, ClientHandle client, Session& session, const std::string& id,
                           WatchOptions options) {
  if (!session.who.visitor.guest.empty()) options.id = session.who.visitor.guest;
  if (!session.who.name.empty()) options.name = session.who.name;
  if (session.guest && *session.guest != options.id) {
    return Error{ErrorCode::kConflict, "this connection is somebody else's"};
  }
  COTERIE_TRY(const std::string path, path_of(session));
  SessionStart start;
  start.self = {engine_.self(), options.id};
  if (!session.guest) {
    COTERIE_CHECK(engine_.handle_watch_open(now, client, session.workspace.hex(), path, options));
    session.guest = options.id;
  }
  COTERIE_TRY(const Role role, role_of(session, path));
  start.role = role_name(role);
  COTERIE_TRY(start.participants, engine_.participants(session.workspace, path));
  COTERIE_TRY(start.state, engine_.session_state(session.workspace, path));
  RoomQuery query;
  query.workspace = session.workspace;
  query.path = path;
  query.guest = options.id;
  query.limit = 1;
  COTERIE_TRY(const RoomView chat, engine_.room(now, query));
  start.unread_chat = chat.unread;
  query.kind = RoomLane::Kind::kComments;
  COTERIE_TRY(const RoomView comments, engine_.room(now, query));
  start.unread_comments = comments.unread;
  send(client, session, dump_json(session_event(id, start, names(session))));
  return {};
}

Status EventSessions::renew(Now now, ClientHandle client, Session& session, const std::string& id,
                            const std::string& token) {
  COTERIE_TRY(Principal who, access_.identify(now, token));
  if (who.visitor.guest != session.who.visitor.guest) {
    return Error{ErrorCode::kConflict, "this connection is somebody else's"};
  }
  COTERIE_TRY(const std::string path, path_of(session));
  COTERIE_CHECK(access_.open(who, session.workspace.hex(), path));
  session.who = std::move(who);
  send(client, session, dump_json(ok_event(id, std::nullopt)));
  return {};
}

void EventSessions::renewed(ClientHandle client, const Principal& who) {
  if (const auto found = sessions_.find(client); found != sessions_.end()) found->second.who = who;
}

const Principal* EventSessions::who(ClientHandle client) const {
  const auto found = sessions_.find(client);
  return found == sessions_.end() ? nullptr : &found->second.who;
}

/// Presence is not answered, but where it is refused.
Status EventSessions::show(Now now, ClientHandle client, Session& session, PresenceUpdate update) {
  if (session.presence) {
    merge(*session.presence, std::move(update));
    return {};
  }
  if (now.steady < session.presence_due) {
    session.presence = std::move(update);
    return {};
  }
  session.presence_due = now.steady + kPresenceEvery;
  return engine_.handle_watch_presence(now, client, std::move(update));
}

void EventSessions::carry_out(Now now, ClientHandle client, const std::string& id,
                              Command command) {
  service_.carry_out(now, std::move(command), [this, client, id](Result<CommandResult> result) {
    const auto found = sessions_.find(client);
    if (found == sessions_.end()) return;
    if (!result) {
      const Error& why = result.error();
      return fail(client, found->second, id, event_error_code(why.code), why.what);
    }
    const auto* posted = std::get_if<MessagePosted>(&*result);
    const auto moment = posted != nullptr ? std::optional(posted->moment) : std::nullopt;
    send(client, found->second, dump_json(ok_event(id, moment)));
  });
}

/// A document may be moved.
Result<std::string> EventSessions::path_of(const Session& session) const {
  COTERIE_TRY(const auto place, engine_.find_document(session.document));
  return place.path;
}

Result<Role> EventSessions::role_of(const Session& session, const std::string& path) const {
  const Visitor visitor{session.guest.value_or(session.who.visitor.guest),
                        session.who.visitor.most};
  COTERIE_TRY(const auto role, engine_.role_of(session.workspace, path, visitor));
  if (role) return *role;
  return Error{ErrorCode::kUnauthorized, "a host sent this guest out of the document"};
}

void EventSessions::tell(const Engine::SendEvent& output) {
  const auto found = sessions_.find(output.watcher);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  if (session.dropped || session.unsent > kEventWindowBytes) {
    session.dropped = true;
    return;
  }
  if (told_ != output.event) {
    told_ = output.event;
    told_text_ = dump_json(room_event(*told_, names(session)));
  }
  send(output.watcher, session, told_text_);
}

void EventSessions::sent(ClientHandle client, std::size_t bytes) {
  const auto found = sessions_.find(client);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  session.unsent -= std::min(bytes, session.unsent);
  if (!session.dropped || session.unsent > kEventWindowBytes / 2) return;
  session.dropped = false;
  send(client, session, dump_json(room_event(RoomReset{}, names(session))));
}

void EventSessions::closed(Now now, ClientHandle client) {
  const auto found = sessions_.find(client);
  if (found == sessions_.end()) return;
  const bool joined = found->second.guest.has_value();
  sessions_.erase(found);
  if (joined) engine_.handle_watch_closed(now, client);
}

void EventSessions::handle_timeout(Now now) {
  for (auto& [client, session] : sessions_) {
    if (!session.presence || now.steady < session.presence_due) continue;
    PresenceUpdate update = *std::exchange(session.presence, std::nullopt);
    session.presence_due = now.steady + kPresenceEvery;
    const Status shown = engine_.handle_watch_presence(now, client, std::move(update));
    if (!shown) {
      fail(client, session, "", event_error_code(shown.error().code), shown.error().what);
    }
  }
}

std::optional<Instant> EventSessions::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [client, session] : sessions_) {
    if (session.presence && (!next || session.presence_due < *next)) next = session.presence_due;
  }
  return next;
}

void EventSessions::send(ClientHandle client, Session& session, const std::string& text) {
  session.unsent += text.size();
  send_(client, std::make_shared<const Bytes>(text.begin(), text.end()));
}

void EventSessions::fail(ClientHandle client, Session& session, const std::string& id,
                         const char* code, const std::string& why) {
  send(client, session, dump_json(error_event(id, code, why)));
}

AuthorNames EventSessions::names(const Session& session) const {
  return author_names(engine_, session.workspace);
}

}  // namespace coterie::node
