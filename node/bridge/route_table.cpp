#include "node/bridge/route_table.hpp"

namespace coterie::node::bridge {

namespace {

using From = Parameter::From;
using Type = Parameter::Type;

Parameter query(std::string_view name, Type type = Type::kText, bool needed = false,
                std::string_view argument = {}) {
  return {name, type, needed, argument, From::kQuery};
}
Parameter member(std::string_view name, Type type = Type::kText, std::string_view argument = {}) {
  return {name, type, false, argument, From::kBody};
}
Parameter needed(std::string_view name, Type type = Type::kText, std::string_view argument = {}) {
  return {name, type, true, argument, From::kBody};
}

/// Texts and updates, in bytes: of one request. A text of 8 MiB is longer in JSON.
constexpr std::size_t kTextBodyMax = 12u << 20;
constexpr std::size_t kUpdateBodyMax = 16u << 20;

/// Most paths name a document; where it is, is in its id.
RouteSpec of_document(std::string_view method, std::string_view path, std::string_view operation,
                      unsigned status, std::vector<Parameter> parameters, Body body = Body::kNone,
                      std::vector<std::pair<std::string_view, std::string_view>> fixed = {}) {
  RouteSpec route{method, path, operation, status, std::move(parameters), body, std::move(fixed)};
  route.parameters.push_back(query("workspace"));
  return route;
}

RouteSpec paged(RouteSpec route, std::string_view next, std::string_view cursor) {
  route.next = next;
  route.parameters.push_back(query("limit", Type::kNumber));
  route.parameters.push_back(query("cursor", Type::kText, false, cursor));
  return route;
}

RouteSpec with_body_of(RouteSpec route, std::size_t bytes) {
  route.body_bytes_max = bytes;
  return route;
}

RouteSpec based(RouteSpec route) {
  route.based = true;
  return route;
}

RouteSpec answering(RouteSpec route, std::vector<std::string_view> types) {
  route.types = std::move(types);
  return route;
}

std::vector<RouteSpec> make_table() {
  const std::vector<Parameter> properties{member("title"), member("kind"), member("language"),
                                          member("meta", Type::kTexts, "meta.")};
  const auto and_properties = [&](std::vector<Parameter> more) {
    more.insert(more.end(), properties.begin(), properties.end());
    return more;
  };
  const std::vector<Parameter> comment{needed("text"),
                                       member("quote"),
                                       member("range", Type::kRange),
                                       member("lines", Type::kLines),
                                       member("root"),
                                       member("suggestion")};
  const std::vector<Parameter> version{query("at"), query("at_time", Type::kNumber)};
  return {
      {"GET", "/healthz", "health"},
      {"GET", "/readyz", "ready"},
      answering({"GET", "/metrics", "metrics"}, {"text/plain"}),
      {"GET", "/v1/status", "status"},
      {"GET", "/v1/capabilities", "capabilities"},
      {"GET", "/v1/templates", "doc.templates"},
      {"GET", "/v1/workspaces", "workspace.list"},
      {"POST", "/v1/workspaces", "workspace.create", 201, {needed("name")}, Body::kJson},

      {"POST",
       "/v1/tokens",
       "token.create",
       201,
       {needed("role"), member("guest"), member("name"), member("workspace"),
        member("documents", Type::kJson), member("seconds", Type::kNumber)},
       Body::kJson},

      // Workspaces.
      paged({"GET",
             "/v1/workspaces/{workspace}/documents",
             "doc.list",
             200,
             {query("folder"), query("trash", Type::kFlag)}},
            "next", "cursor"),
      with_body_of(
          {"POST", "/v1/workspaces/{workspace}/documents", "doc.create", 201,
           and_properties({needed("path"), member("template"), member("text")}), Body::kJson},
          kTextBodyMax),
      with_body_of({"POST",
                    "/v1/workspaces/{workspace}/import",
                    "doc.import",
                    201,
                    {query("path", Type::kText, true)},
                    Body::kUpdate,
                    {{"fresh", "true"}}},
                   kUpdateBodyMax),
      paged({"GET",
             "/v1/workspaces/{workspace}/search",
             "doc.search",
             200,
             {query("text", Type::kText, true), query("folder")}},
            "after", "after"),
      {"GET", "/v1/workspaces/{workspace}/members", "members"},
      {"PATCH",
       "/v1/workspaces/{workspace}/members/{who}",
       "role",
       200,
       {needed("role"), member("device_only", Type::kFlag)},
       Body::kJson},
      {"DELETE",
       "/v1/workspaces/{workspace}/members/{who}",
       "remove",
       200,
       {query("device_only", Type::kFlag)}},
      {"POST", "/v1/workspaces/{workspace}/requests/{who}/approve", "members.approve"},
      {"POST", "/v1/workspaces/{workspace}/requests/{who}/deny", "members.deny"},
      {"GET", "/v1/workspaces/{workspace}/peers", "peers"},
      {"GET", "/v1/workspaces/{workspace}/mesh", "mesh"},
      {"GET", "/v1/workspaces/{workspace}/invites", "invite.list"},
      {"POST",
       "/v1/workspaces/{workspace}/invites",
       "invite.create",
       201,
       {member("role"), member("uses", Type::kNumber), member("expires_seconds", Type::kNumber),
        member("approval", Type::kFlag), member("from_now", Type::kFlag),
        member("own_device", Type::kFlag), member("document")},
       Body::kJson},
      {"DELETE", "/v1/workspaces/{workspace}/invites/{invite}", "invite.revoke"},
      paged({"GET", "/v1/workspaces/{workspace}/mentions", "room.mentions"}, "older", "before"),
      paged({"GET", "/v1/workspaces/{workspace}/activity", "activity"}, "older", "before"),

      // Documents.
      of_document("GET", "/v1/documents/{document_id}", "doc.info", 200, {}),
      of_document("PATCH", "/v1/documents/{document_id}", "doc.set", 200,
                  and_properties({member("path", Type::kText, "to")}), Body::kJson),
      of_document("DELETE", "/v1/documents/{document_id}", "doc.trash", 200, {}),
      of_document("POST", "/v1/documents/{document_id}/archive", "doc.archive", 200, {}),
      of_document("POST", "/v1/documents/{document_id}/unarchive", "doc.unarchive", 200, {}),
      of_document("POST", "/v1/documents/{document_id}/restore", "doc.untrash", 200, {}),

      // Who may do what there.
      of_document("GET", "/v1/documents/{document_id}/roles", "doc.roles", 200, {}),
      of_document("PUT", "/v1/documents/{document_id}/roles/{who}", "doc.role", 200,
                  {needed("role")}, Body::kJson),
      of_document("PUT", "/v1/documents/{document_id}/guests/{who}/{guest}", "doc.guest", 200,
                  {needed("standing")}, Body::kJson),
      of_document("POST", "/v1/documents/{document_id}/session/end", "doc.end_session", 200, {}),
      of_document("POST", "/v1/documents/{document_id}/session/open", "doc.open_session", 200, {}),

      // What is in them.
      answering(
          of_document("GET", "/v1/documents/{document_id}/text", "doc.read", 200, {query("root")}),
          {"application/json", "text/plain"}),
      based(with_body_of(of_document("PUT", "/v1/documents/{document_id}/text", "doc.write", 200,
                                     {needed("text"), query("root"), query("base")}, Body::kText),
                         kTextBodyMax)),
      answering(of_document("GET", "/v1/documents/{document_id}/export", "doc.export", 200, {}),
                {"application/octet-stream", "text/plain"}),
      with_body_of(of_document("POST", "/v1/documents/{document_id}/import", "doc.import", 200, {},
                               Body::kUpdate),
                   kUpdateBodyMax),

      // What is said about them.
      of_document("POST", "/v1/documents/{document_id}/presence", "presence.show", 200,
                  {needed("session"), member("status", Type::kJson), member("typing", Type::kJson),
                   member("file", Type::kJson), member("viewport", Type::kJson),
                   member("cursor", Type::kJson), member("following", Type::kJson)},
                  Body::kJson),
      of_document("GET", "/v1/documents/{document_id}/participants", "participants", 200, {}),
      paged(of_document("GET", "/v1/documents/{document_id}/messages", "room.page", 200, {},
                        Body::kNone, {{"lane", "chat"}}),
            "older", "before"),
      of_document("POST", "/v1/documents/{document_id}/messages", "room.post", 201,
                  {needed("text"), member("reply")}, Body::kJson),
      of_document("PATCH", "/v1/documents/{document_id}/messages/{id}", "room.amend", 200,
                  {needed("text")}, Body::kJson, {{"change", "edit"}}),
      of_document("DELETE", "/v1/documents/{document_id}/messages/{id}", "room.amend", 200, {},
                  Body::kNone, {{"change", "delete"}}),
      of_document("PUT", "/v1/documents/{document_id}/messages/{id}/reactions/{text}", "room.amend",
                  200, {}, Body::kNone, {{"change", "react"}}),
      of_document("DELETE", "/v1/documents/{document_id}/messages/{id}/reactions/{text}",
                  "room.amend", 200, {}, Body::kNone, {{"change", "unreact"}}),
      of_document("POST", "/v1/documents/{document_id}/read", "room.read", 200,
                  {needed("moment"), member("lane")}, Body::kJson),
      paged(of_document("GET", "/v1/documents/{document_id}/comments", "room.page", 200,
                        {query("filter")}, Body::kNone, {{"lane", "comments"}}),
            "older", "before"),
      of_document("POST", "/v1/documents/{document_id}/comments", "room.post", 201, comment,
                  Body::kJson, {{"lane", "comments"}}),
      paged(of_document("GET", "/v1/documents/{document_id}/comments/{thread}/replies", "room.page",
                        200, {}, Body::kNone, {{"lane", "thread"}}),
            "older", "before"),
      of_document("POST", "/v1/documents/{document_id}/comments/{thread}/replies", "room.post", 201,
                  {needed("text"), member("reply")}, Body::kJson),
      of_document("POST", "/v1/documents/{document_id}/comments/{id}/resolve", "room.amend", 200,
                  {}, Body::kNone, {{"change", "resolve"}}),
      of_document("POST", "/v1/documents/{document_id}/comments/{id}/reopen", "room.amend", 200, {},
                  Body::kNone, {{"change", "reopen"}}),
      of_document("POST", "/v1/documents/{document_id}/comments/{id}/accept", "room.amend", 200, {},
                  Body::kNone, {{"change", "accept"}}),
      of_document("POST", "/v1/documents/{document_id}/comments/{id}/dismiss", "room.amend", 200,
                  {}, Body::kNone, {{"change", "dismiss"}}),
      of_document("GET", "/v1/documents/{document_id}/state", "state.list", 200, {}),
      of_document("PUT", "/v1/documents/{document_id}/state/{key}", "state.set", 200,
                  {member("value", Type::kJson), member("count", Type::kNumber)}, Body::kJson),
      of_document("DELETE", "/v1/documents/{document_id}/state/{key}", "state.set", 200, {}),
      paged(of_document("GET", "/v1/documents/{document_id}/activity", "activity", 200, {}),
            "older", "before"),

      // What they were.
      of_document("GET", "/v1/documents/{document_id}/versions", "doc.versions", 200,
                  {query("limit", Type::kNumber)}),
      of_document("GET", "/v1/documents/{document_id}/versions/{at}", "doc.version", 200,
                  {query("update", Type::kFlag)}),
      of_document("PUT", "/v1/documents/{document_id}/versions/{at}/name", "doc.name", 200,
                  {needed("name")}, Body::kJson),
      of_document("DELETE", "/v1/documents/{document_id}/versions/{at}/name", "doc.unname", 200,
                  {}),
      of_document("POST", "/v1/documents/{document_id}/versions/{at}/restore", "doc.restore", 200,
                  {query("preview", Type::kFlag)}, Body::kNone, {{"yes", "true"}}),
      of_document("GET", "/v1/documents/{document_id}/diff", "doc.diff", 200,
                  {query("from"), query("from_time", Type::kNumber), query("to"),
                   query("to_time", Type::kNumber)}),
      of_document("GET", "/v1/documents/{document_id}/blame", "doc.blame", 200, version),
  };
}

}  // namespace

std::span<const RouteSpec> route_table() {
  static const std::vector<RouteSpec> all = make_table();
  return all;
}

}  // namespace coterie::node::bridge
