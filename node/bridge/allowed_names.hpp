// Which Host and Origin headers are answered.
//
// A foreign web page can make a browser talk to the bridge in two ways, and each check closes one:
// a request from the foreign page carries its Origin; a foreign name that was made to resolve to
// this machine's address (DNS rebinding) arrives in Host.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.hpp"

namespace coterie::node::bridge {

/// The names under which a bridge is reached, and the pages that may use it. Value type.
class AllowedNames {
 public:
  struct Options {
    std::uint16_t port = 0;
    bool secure = false;                    ///< Whether it speaks TLS itself.
    std::string address = {};               ///< That it is bound to, beside the local names.
    std::vector<std::string> hosts = {};    ///< "team.example", "192.0.2.7", "[2001:db8::1]".
    std::vector<std::string> origins = {};  ///< "https://wiki.example", "http://localhost:5173".
  };
  /// Errors: kMalformed (a host with a port or a path; an origin with a path, or of no web page).
  static Result<AllowedNames> of(const Options& options);
  /// None.
  AllowedNames() = default;

  /// localhost, 127.0.0.1, [::1] or the bound address, with the port (which may be absent where it
  /// is the scheme's own); or one of `hosts`, with any port or none: there may be a proxy before
  /// us.
  bool allows_host(std::string_view host) const;
  /// Of a request to `host`, which is allowed: one of `origins`; or a page of the bridge itself,
  /// which is one under a local name, or of `host` itself. Such a page came over TLS, unless we
  /// speak none.
  bool allows_origin(std::string_view origin, std::string_view host) const;

 private:
  bool is_local(std::string_view host) const;

  bool secure_ = false;
  std::vector<std::string> local_;  ///< With ports.
  std::vector<std::string> hosts_;
  std::vector<std::string> origins_;
};

}  // namespace coterie::node::bridge
