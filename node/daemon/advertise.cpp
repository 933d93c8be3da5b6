#include "node/daemon/advertise.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include "node/core/limits.hpp"

namespace coterie::node {

namespace {

constexpr std::string_view kScheme = "tcp://";

/// The numeric address of an interface, or nothing where others cannot use it.
std::string usable_address(const ifaddrs& one) {
  if (one.ifa_addr == nullptr || (one.ifa_flags & IFF_UP) == 0 ||
      (one.ifa_flags & IFF_LOOPBACK) != 0) {
    return {};
  }
  char text[INET6_ADDRSTRLEN] = {};
  if (one.ifa_addr->sa_family == AF_INET) {
    sockaddr_in address;
    std::memcpy(&address, one.ifa_addr, sizeof address);
    ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    return text;
  }
  if (one.ifa_addr->sa_family != AF_INET6) return {};
  sockaddr_in6 address;
  std::memcpy(&address, one.ifa_addr, sizeof address);
  if (IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr)) return {};
  ::inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]";
}

}  // namespace

Result<MeshAddress> parse_mesh_address(std::string_view text) {
  const Error bad{ErrorCode::kMalformed, "must look like tcp://192.0.2.7:7430"};
  if (!text.starts_with(kScheme)) return bad;
  text.remove_prefix(kScheme.size());
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  MeshAddress address;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return bad;
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad;
  }
  const bool plain = std::ranges::all_of(host, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == ':' || c == '*' || c == '%';
  });
  if (host.empty() || host.size() > 253 || !plain) return bad;
  address.host = host;
  return address;
}

std::vector<std::string> default_advertised(const MeshAddress& listen) {
  const std::string port = ":" + std::to_string(listen.port);
  const bool all = listen.host == "*" || listen.host == "0.0.0.0" || listen.host == "::";
  if (!all) {
    const bool brackets = listen.host.find(':') != std::string::npos;
    return {std::string(kScheme) + (brackets ? "[" + listen.host + "]" : listen.host) + port};
  }
  std::vector<std::string> found;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return found;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    const std::string address = usable_address(*one);
    if (listen.host == "0.0.0.0" && address.starts_with('[')) continue;
    if (!address.empty()) found.push_back(std::string(kScheme).append(address).append(port));
    if (found.size() == kAdvertisedMax) break;
  }
  return found;
}

std::vector<std::string> with_mapped(std::vector<std::string> addresses,
                                     const std::string& mapped) {
  if (mapped.empty() || std::ranges::find(addresses, mapped) != addresses.end()) return addresses;
  const std::size_t place = std::min<std::size_t>(addresses.size(), kInviteAddressesMax - 1);
  addresses.insert(addresses.begin() + static_cast<std::ptrdiff_t>(place), mapped);
  if (addresses.size() > kAdvertisedMax) addresses.pop_back();
  return addresses;
}

}  // namespace coterie::node
