// Which Host and Origin headers belong to this machine's own pages.
//
// A foreign web page can make the browser on this machine talk to the bridge in two ways, and each
// check closes one: a request from the foreign page carries its Origin; a foreign name that was
// made to resolve to 127.0.0.1 (DNS rebinding) arrives in Host.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coterie::node::bridge {

/// The names under which a bridge on loopback port `port` is reached. Value type.
class LocalNames {
 public:
  explicit LocalNames(std::uint16_t port);

  /// localhost, 127.0.0.1 or [::1] with the port (which may be absent when it is 80).
  bool is_local_host(std::string_view host) const;
  /// "http://" and a local host.
  bool is_local_origin(std::string_view origin) const;

 private:
  std::vector<std::string> hosts_;
};

}  // namespace coterie::node::bridge
