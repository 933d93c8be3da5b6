// Which HTTP request asks for what: the paths of WebSocket clients, and the REST paths of
// route_table.hpp as calls; and how the answer to a call becomes the answer to the request.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "node/bridge/call.hpp"
#include "node/bridge/request_target.hpp"
#include "node/bridge/route_table.hpp"
#include "node/bridge/server.hpp"

namespace coterie::node::bridge {

/// What counts of a request.
struct ApiRequest {
  std::string_view method;  ///< As sent: "GET".
  const RequestTarget& target;
  std::string_view body = {};
  std::string_view content_type = {};
  std::string_view accept = {};
  std::string_view if_match = {};
  std::string_view if_none_match = {};
};

/// An answer that needs no call.
struct HttpError {
  unsigned status;
  CallError error;
  std::string allow = {};  ///< For 405: the methods that exist.
};

/// A request that was understood.
struct ApiRoute {
  Call call;
  unsigned status_if_ok = 200;
  std::string_view next = {};  ///< As RouteSpec's.
  unsigned status_if_conflict = 409;
  std::string target = {};  ///< Of pages: without the cursor, "?" or "&" at its end.
  std::string if_none_match = {};
};

/// "OPTIONS" of a path that there is: an HttpError with status 204.
std::variant<ApiRoute, HttpError> find_api_route(const ApiRequest& request);

/// How much body a request may have, at most.
std::size_t body_bytes_max(std::string_view method, const RequestTarget& target);

/// What answers a request.
struct ApiAnswer {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};
ApiAnswer api_answer(const ApiRoute& route, CallResult result);

/// What a WebSocket attaches to at `target`, if anything.
std::optional<ClientRequest> find_client_route(const RequestTarget& target);

/// The HTTP status that tells of `code`.
unsigned http_status(ErrorCode code);

}  // namespace coterie::node::bridge
