#include "node/bridge/allowed_names.hpp"

#include <algorithm>

namespace coterie::node::bridge {

namespace {

constexpr std::string_view kPlain = "http://";
constexpr std::string_view kSecure = "https://";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() > prefix.size() && same(text.substr(0, prefix.size()), prefix);
}

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& one) { return same(one, name); });
}

bool are_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// "team.example:443" without its port.
std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || !are_digits(host.substr(colon + 1))) return host;
  return host.substr(0, colon);
}

bool is_host(std::string_view name) {
  const bool bracketed = name.size() > 2 && name.front() == '[' && name.back() == ']';
  const std::string_view inner = bracketed ? name.substr(1, name.size() - 2) : name;
  return !inner.empty() && std::ranges::all_of(inner, [bracketed](char c) {
    const bool plain = (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
    return plain || c == '.' || c == '-' || c == '_' || (bracketed && c == ':');
  });
}

/// Of an origin, what follows its scheme; empty: it is of no web page.
std::string_view authority_of(std::string_view origin) {
  for (const std::string_view scheme : {kSecure, kPlain}) {
    if (begins_with(origin, scheme)) return origin.substr(scheme.size());
  }
  return {};
}

}  // namespace

Result<AllowedNames> AllowedNames::of(const Options& options) {
  AllowedNames names;
  names.secure_ = options.secure;
  const std::uint16_t usual = options.secure ? 443 : 80;
  std::vector<std::string> local{"localhost", "127.0.0.1", "[::1]"};
  if (!options.address.empty()) local.push_back(options.address);
  for (const std::string& name : local) {
    names.local_.push_back(name + ":" + std::to_string(options.port));
    if (options.port == usual) names.local_.push_back(name);
  }
  for (const std::string& host : options.hosts) {
    if (!is_host(host)) {
      return Error{ErrorCode::kMalformed, "a host of the bridge is a name or an address, no more"};
    }
  }
  for (const std::string& origin : options.origins) {
    if (!is_host(without_port(authority_of(origin)))) {
      return Error{ErrorCode::kMalformed,
                   "an origin must look like https://wiki.example, without a path"};
    }
  }
  names.hosts_ = options.hosts;
  names.origins_ = options.origins;
  return names;
}

bool AllowedNames::is_local(std::string_view host) const { return is_among(local_, host); }

bool AllowedNames::allows_host(std::string_view host) const {
  return is_local(host) || is_among(hosts_, without_port(host));
}

bool AllowedNames::allows_origin(std::string_view origin, std::string_view host) const {
  if (is_among(origins_, origin)) return true;
  const std::string_view authority = authority_of(origin);
  if (authority.empty()) return false;
  const bool secure = begins_with(origin, kSecure);
  if (is_local(authority)) return secure == secure_;
  return same(authority, host) && is_among(hosts_, without_port(host)) && (secure || !secure_);
}

}  // namespace coterie::node::bridge
