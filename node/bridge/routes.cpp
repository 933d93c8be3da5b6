#include "node/bridge/routes.hpp"

#include <nlohmann/json.hpp>

namespace coterie::node::bridge {

namespace {

using nlohmann::json;
using Route = std::variant<ApiRoute, HttpError>;

HttpError not_found() {
  return {404, {ErrorCode::kNotFound, "there is nothing at this path; see /v1/openapi.json"}, ""};
}

HttpError wrong_method(const char* allow) {
  return {405, {ErrorCode::kMalformed, std::string("this path answers ") + allow}, allow};
}

HttpError bad_request(unsigned status, const char* message) {
  return {status, {ErrorCode::kMalformed, message}, ""};
}

Route create_document(const std::string& workspace, std::string_view body, bool json_body) {
  if (!json_body) {
    return bad_request(415, "send the document as JSON, with Content-Type: application/json");
  }
  const json object = json::parse(body, nullptr, false);
  if (!object.is_object()) return bad_request(400, "the body must be a JSON object");
  const auto path = object.find("path");
  if (path == object.end() || !path->is_string()) {
    return bad_request(400, "the body needs the string member \"path\"");
  }
  return ApiRoute{{"doc.create", {{"workspace", workspace}, {"path", path->get<std::string>()}}},
                  201};
}

}  // namespace

Route find_api_route(std::string_view method, const RequestTarget& target, std::string_view body,
                     bool json_body) {
  const auto& segments = target.segments;
  const bool reads = method == "GET" || method == "HEAD";
  if (target.path == "/healthz" || target.path == "/v1/status") {
    if (!reads) return wrong_method("GET, HEAD");
    return ApiRoute{{target.path == "/healthz" ? "health" : "status", {}}};
  }
  if (segments.size() != 4 || segments[0] != "v1" || segments[1] != "workspaces") {
    return not_found();
  }
  const std::string& workspace = segments[2];
  const std::string& what = segments[3];
  if (what == "documents" && method == "POST") return create_document(workspace, body, json_body);
  if (what != "documents" && what != "peers" && what != "members") return not_found();
  if (!reads) return wrong_method(what == "documents" ? "GET, HEAD, POST" : "GET, HEAD");
  return ApiRoute{{what == "documents" ? "doc.list" : what, {{"workspace", workspace}}}};
}

std::optional<ClientRequest> find_client_route(const RequestTarget& target) {
  const auto& segments = target.segments;
  const auto argument = [&](const char* name) {
    const auto found = target.query.find(name);
    return found == target.query.end() ? std::string() : found->second;
  };
  if (segments.size() >= 3 && segments[0] == "sync") {
    return ClientRequest{ClientRequest::What::kContent, segments[1], target.tail(2),
                         argument("saved") == "1"};
  }
  if (segments.size() == 4 && segments[0] == "v1" && segments[1] == "documents" &&
      segments[3] == "events") {
    return ClientRequest{ClientRequest::What::kEvents, argument("workspace"), segments[2], false};
  }
  return std::nullopt;
}

unsigned http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
      return 400;
    case ErrorCode::kLimitExceeded:
      return 413;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kUnauthorized:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kCorrupt:
      return 500;
    case ErrorCode::kNoSpace:
      return 507;
    case ErrorCode::kIo:
      return 500;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kUnavailable:
      return 503;
  }
  return 500;
}

}  // namespace coterie::node::bridge
