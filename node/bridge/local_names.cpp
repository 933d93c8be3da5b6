#include "node/bridge/local_names.hpp"

#include <algorithm>

namespace coterie::node::bridge {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

constexpr std::string_view kScheme = "http://";

}  // namespace

LocalNames::LocalNames(std::uint16_t port) {
  for (const char* name : {"localhost", "127.0.0.1", "[::1]"}) {
    hosts_.push_back(std::string(name) + ":" + std::to_string(port));
    if (port == 80) hosts_.emplace_back(name);
  }
}

bool LocalNames::is_local_host(std::string_view host) const {
  return std::ranges::any_of(hosts_,
                             [&](const std::string& own) { return same_ignoring_case(own, host); });
}

bool LocalNames::is_local_origin(std::string_view origin) const {
  return origin.size() > kScheme.size() &&
         same_ignoring_case(origin.substr(0, kScheme.size()), kScheme) &&
         is_local_host(origin.substr(kScheme.size()));
}

}  // namespace coterie::node::bridge
