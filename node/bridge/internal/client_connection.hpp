// Hands a connection over from HTTP to WebSocket.

#pragma once

#include <memory>

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "node/bridge/internal/server_state.hpp"

namespace coterie::node::bridge::internal {

/// Asks the handler to take the client, then accepts or refuses the upgrade.
void serve_client(const std::shared_ptr<ServerState>& state, boost::beast::tcp_stream stream,
                  boost::beast::http::request<boost::beast::http::string_body> upgrade,
                  ClientRequest wanted);

}  // namespace coterie::node::bridge::internal
