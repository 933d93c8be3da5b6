// Responses that both kinds of connection give.

#pragma once

#include <string>
#include <string_view>

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

#include "crdt/base/bytes.hpp"
#include "node/bridge/call.hpp"

namespace coterie::node::bridge::internal {

/// What every response carries, so that a page of ours runs nothing foreign, speaks to nobody else
/// and is framed nowhere. `host` is that of a page, if its name was checked: to some browsers
/// 'self' is not where its WebSockets go.
template <typename Response>
void set_security_headers(Response& response, std::string_view host = {}) {
  std::string sockets;
  if (!host.empty()) sockets = " ws://" + std::string(host) + " wss://" + std::string(host);
  response.set("Content-Security-Policy",
               "default-src 'self'; style-src 'self' 'unsafe-inline'; "
               "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
               "connect-src 'self'" +
                   sockets +
                   "; manifest-src 'self'; "
                   "frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("X-Frame-Options", "DENY");  // For browsers that do not know frame-ancestors.
  response.set("Cross-Origin-Opener-Policy", "same-origin");
  response.set("Permissions-Policy",
               "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
}

/// The status line and headers as they are sent.
inline Bytes head_of(const boost::beast::http::response_header<>& header) {
  namespace http = boost::beast::http;
  http::response<http::empty_body> message{header};
  http::response_serializer<http::empty_body> serializer(message);
  boost::system::error_code ignored;
  Bytes out;
  while (!serializer.is_header_done()) {
    serializer.next(ignored, [&](boost::system::error_code&, const auto& buffers) {
      for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
        append(out, {static_cast<const std::uint8_t*>(buffer.data()), buffer.size()});
      }
      serializer.consume(boost::beast::buffer_bytes(buffers));
    });
  }
  return out;
}

inline boost::beast::http::response<boost::beast::http::string_body> json_response(
    unsigned status, std::string body, bool keep_alive) {
  namespace http = boost::beast::http;
  http::response<http::string_body> response(static_cast<http::status>(status), 11);
  set_security_headers(response);
  response.set(http::field::content_type, "application/json");
  response.set(http::field::cache_control, "no-store");
  response.body() = std::move(body);
  response.keep_alive(keep_alive);
  response.prepare_payload();
  return response;
}

}  // namespace coterie::node::bridge::internal
