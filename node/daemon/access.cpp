#include "node/daemon/access.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "node/core/limits.hpp"
#include "node/daemon/call_json.hpp"
#include "node/daemon/call_target.hpp"
#include "node/daemon/event_json.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

constexpr std::int64_t kTokenSecondsDefault = 24 * 3600;
constexpr std::int64_t kTokenSecondsMax = 400 * 24 * 3600;
/// Beyond, those who say nothing at the moment are forgotten.
constexpr std::size_t kPostersMax = 4096;

/// What an operation asks of a token's role. What is not listed is for hosts.
const std::map<std::string_view, Role>& needed_roles() {
  static const std::map<std::string_view, Role> all{
      {"doc.text", Role::kViewer},      {"doc.read", Role::kViewer},
      {"doc.export", Role::kViewer},    {"doc.state", Role::kViewer},
      {"doc.update", Role::kViewer},    {"doc.info", Role::kViewer},
      {"doc.list", Role::kViewer},      {"doc.search", Role::kViewer},
      {"doc.versions", Role::kViewer},  {"doc.version", Role::kViewer},
      {"doc.diff", Role::kViewer},      {"doc.blame", Role::kViewer},
      {"doc.roles", Role::kViewer},     {"room.page", Role::kViewer},
      {"room.mentions", Role::kViewer}, {"room.read", Role::kViewer},
      {"participants", Role::kViewer},  {"presence.show", Role::kViewer},
      {"state.list", Role::kViewer},    {"activity", Role::kViewer},
      {"members", Role::kViewer},       {"peers", Role::kViewer},
      {"mesh", Role::kViewer},          {"workspace.list", Role::kViewer},
      {"room.post", Role::kCommenter},  {"room.amend", Role::kCommenter},
      {"state.set", Role::kCommenter},  {"doc.create", Role::kEditor},
      {"doc.set", Role::kEditor},       {"doc.move", Role::kEditor},
      {"doc.archive", Role::kEditor},   {"doc.unarchive", Role::kEditor},
      {"doc.trash", Role::kEditor},     {"doc.untrash", Role::kEditor},
      {"doc.import", Role::kEditor},    {"doc.write", Role::kEditor},
      {"doc.name", Role::kEditor},      {"doc.unname", Role::kEditor},
      {"doc.restore", Role::kEditor},
  };
  return all;
}

/// For everybody, who needs no token: they tell nothing that is anybody's.
bool is_open(std::string_view operation) {
  return operation == "health" || operation == "ready" || operation == "doc.templates" ||
         operation == "capabilities";
}

Error forbidden(const char* what) { return {ErrorCode::kUnauthorized, what}; }

const char* lacking(Role needed) {
  switch (needed) {
    case Role::kHost:
      return "that is for hosts";
    case Role::kEditor:
      return "you may not edit this";
    case Role::kCommenter:
      return "you may only read this";
    default:
      return "you may not read this";
  }
}

}  // namespace

bool Principal::opens(const WorkspaceId& in, const DocumentId& document,
                      std::string_view path) const {
  if (workspace && *workspace != in) return false;
  if (documents.empty()) return true;
  const std::string id = document.hex();
  return std::any_of(documents.begin(), documents.end(), [&](const std::string& one) {
    return one == id || one == path || (one.ends_with('/') && path.starts_with(one));
  });
}

bool Principal::is_owner() const { return visitor == Visitor{} && !workspace && documents.empty(); }

Result<Principal> Access::identify(Now now, const std::string& token) const {
  Principal who;
  if (token.empty()) {
    if (options_.token_needed) {
      return Error{ErrorCode::kUnauthenticated, "this bridge needs a token"};
    }
    return who;
  }
  auto claims = keys_.verify(token, now.wall);
  // Whatever is wrong with it: another one is needed (RFC 6750).
  if (!claims) return Error{ErrorCode::kUnauthenticated, claims.error().what};
  who.visitor = std::move(claims->visitor);
  who.name = std::move(claims->name);
  who.workspace = claims->workspace;
  who.documents = std::move(claims->documents);
  who.expires = claims->expires;
  return who;
}

Result<Access::Place> Access::open(const Principal& who, std::string_view workspace_name,
                                   std::string_view name) const {
  COTERIE_TRY(const WorkspaceId workspace, engine_.find_workspace(workspace_name));
  const auto document = engine_.document(workspace, name);
  Place place{workspace, document ? document->path : std::string(name)};
  if (!who.opens(workspace, document ? document->id : DocumentId{}, place.path)) {
    return forbidden("this token is for other documents");
  }
  return place;
}

Status Access::admit(Now now, Call& call) const {
  if (!call.token) return {};
  if (is_open(call.operation)) {
    const auto who = identify(now, *call.token);
    if (!who || !who->is_owner()) call.arguments["stranger"] = "true";
    return {};
  }
  COTERIE_TRY(const Principal who, identify(now, *call.token));
  call.arguments["visitor"] = who.visitor.guest;
  call.arguments["visitor_role"] = role_name(who.visitor.most);
  COTERIE_CHECK(resolve_document(engine_, call));
  if (who.is_owner()) return {};
  const auto found = needed_roles().find(call.operation);
  const Role needed = found == needed_roles().end() ? Role::kHost : found->second;
  if (who.visitor.most > needed) return forbidden(lacking(needed));
  const std::string name = text_of(call, "workspace");
  if (name.empty()) {
    if (who.workspace || !who.documents.empty()) {
      return forbidden("this token is for one workspace only");
    }
    return {};
  }
  COTERIE_TRY(const WorkspaceId workspace, engine_.find_workspace(name));
  if (who.workspace && *who.workspace != workspace) {
    return forbidden("this token is for another workspace");
  }
  const std::string path = text_of(call, "path");
  if (path.empty()) return admit_to_workspace(who, needed, workspace);
  COTERIE_CHECK(admit_to_document(who, needed, workspace, path));
  const std::string to = text_of(call, "to");
  const bool moves = call.operation == "doc.move" || (call.operation == "doc.set" && !to.empty());
  return moves ? admit_to_document(who, needed, workspace, to) : Status{};
}

Status Access::admit_to_workspace(const Principal& who, Role needed,
                                  const WorkspaceId& workspace) const {
  if (!who.documents.empty()) {
    return forbidden("this token is for some documents only: ask for them by their ids");
  }
  COTERIE_TRY(const auto role, engine_.role_of(workspace, std::nullopt, who.visitor));
  // Of hosts' operations the engine asks for the device's role; a guest's is never above editor.
  if (!role || *role > std::max(needed, Role::kEditor)) return forbidden(lacking(needed));
  return {};
}

Status Access::admit_to_document(const Principal& who, Role needed, const WorkspaceId& workspace,
                                 const std::string& name) const {
  // One that was not made yet has no id that a token could name.
  const auto document = engine_.document(workspace, name);
  const std::string path = document ? document->path : name;
  if (!who.opens(workspace, document ? document->id : DocumentId{}, path)) {
    return forbidden("this token is for other documents");
  }
  COTERIE_TRY(const auto role, engine_.role_of(workspace, path, who.visitor));
  if (!role) return forbidden("you are out of this document");
  if (*role > std::max(needed, Role::kEditor)) return forbidden(lacking(needed));
  return {};
}

Result<std::string> Access::create_token(Now now, const Call& call) const {
  TokenClaims claims;
  claims.visitor.guest = text_of(call, "guest");
  if (claims.visitor.guest.empty() && !text_of(call, "visitor").empty()) {
    return forbidden("a guest makes tokens for guests: say whose it is");
  }
  claims.name = text_of(call, "name");
  if (claims.visitor.guest.size() > kGuestIdBytesMax ||
      claims.name.size() > kParticipantNameBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "an id has at most 64 bytes, a name 120"};
  }
  const auto role = role_named(text_of(call, "role"));
  if (!role) {
    return Error{ErrorCode::kMalformed, "a token's role is host, editor, commenter or viewer"};
  }
  claims.visitor.most = *role;
  if (const std::string name = text_of(call, "workspace"); !name.empty()) {
    COTERIE_TRY(claims.workspace, engine_.find_workspace(name));
  }
  if (const std::string list = text_of(call, "documents"); !list.empty()) {
    const json documents = json::parse(list, nullptr, false);
    if (!documents.is_array() || documents.empty() || documents.size() > kTokenDocumentsMax) {
      return Error{ErrorCode::kMalformed, "documents is a list of 1 to 64 ids, paths or folders/"};
    }
    for (const json& one : documents) {
      if (!one.is_string()) return Error{ErrorCode::kMalformed, "a document is named by a text"};
      claims.documents.push_back(one.get<std::string>());
    }
  }
  std::int64_t seconds = kTokenSecondsDefault;
  if (const std::string text = text_of(call, "seconds"); !text.empty()) {
    const json number = json::parse(text, nullptr, false);
    if (!number.is_number_integer()) return Error{ErrorCode::kMalformed, "seconds is a number"};
    seconds = number.get<std::int64_t>();
  }
  if (seconds <= 0 || seconds > kTokenSecondsMax) {
    return Error{ErrorCode::kLimitExceeded, "a token lasts 1 second to 400 days"};
  }
  claims.expires = now.wall / 1000 * 1000 + static_cast<WallMillis>(seconds) * 1000;
  std::string token = keys_.issue(claims, now.wall);
  if (token.size() > kTokenBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "the token would be too long: name folders"};
  }
  return dump_json({{"token", std::move(token)}, {"expires", claims.expires}});
}

bool Access::may_post(Now now, const Call& call) {
  const auto workspace = engine_.find_workspace(text_of(call, "workspace"));
  return !call.token || !workspace || may_post(now, *workspace, text_of(call, "visitor"));
}

bool Access::may_post(Now now, const WorkspaceId& workspace, const std::string& guest) {
  if (posts_.size() >= kPostersMax) {
    std::erase_if(posts_, [&](const auto& one) { return one.second.full(now.steady); });
  }
  const auto [found, fresh] = posts_.try_emplace(
      {workspace, guest}, Duration(std::chrono::minutes(1)) / kPostsPerMinute, kPostsPerMinute);
  return found->second.take(now.steady);
}

}  // namespace coterie::node
