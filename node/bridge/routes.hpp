// Which HTTP request asks for what: the paths of WebSocket clients, and the REST paths of
// docs/API/openapi.json as calls.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "node/bridge/call.hpp"
#include "node/bridge/request_target.hpp"
#include "node/bridge/server.hpp"

namespace coterie::node::bridge {

/// An answer that needs no call.
struct HttpError {
  unsigned status;
  CallError error;
  std::string allow;  ///< For 405: the methods that exist.
};

struct ApiRoute {
  Call call;
  unsigned status_if_ok = 200;
};

/// `method` as sent ("GET"). `json_body` whether the request says that its body is JSON.
std::variant<ApiRoute, HttpError> find_api_route(std::string_view method,
                                                 const RequestTarget& target, std::string_view body,
                                                 bool json_body);

/// What a WebSocket attaches to at `target`, if anything.
std::optional<ClientRequest> find_client_route(const RequestTarget& target);

/// The HTTP status that tells of `code`.
unsigned http_status(ErrorCode code);

}  // namespace coterie::node::bridge
