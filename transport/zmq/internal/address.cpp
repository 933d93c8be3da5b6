#include "transport/zmq/internal/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

#include "transport/wire/limits.hpp"

namespace coterie::transport::internal {
namespace {

constexpr std::string_view kScheme = "tcp://";
constexpr char kExpected[] = "an address looks like tcp://HOST:PORT";
constexpr std::size_t kPortDigitsMax = 5;

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > kPortDigitsMax) return false;
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  const unsigned long port = std::strtoul(std::string(text).c_str(), nullptr, 10);
  return port >= 1 && port <= 65'535;
}

/// A link-local address says on which interface ("fe80::1%eth0", RFC 4007).
bool is_ipv6(const std::string& host) {
  const std::size_t percent = host.find('%');
  in6_addr parsed{};
  if (::inet_pton(AF_INET6, host.substr(0, percent).c_str(), &parsed) != 1) return false;
  if (percent == std::string::npos) return true;
  const std::string zone = host.substr(percent + 1);
  return IN6_IS_ADDR_LINKLOCAL(&parsed) && !zone.empty() && zone.size() < IF_NAMESIZE &&
         zone.find_first_of(":/%[]") == std::string::npos;
}

bool is_name(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
  };
  return !host.empty() && host.front() != '-' && std::all_of(host.begin(), host.end(), allowed);
}

Result<Address> parse(std::string_view text, bool listen) {
  const Error malformed{ErrorCode::kMalformed, kExpected};
  if (text.size() > kAddressBytesMax || text.substr(0, kScheme.size()) != kScheme) return malformed;
  text.remove_prefix(kScheme.size());
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed;
  Address address{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
  if (!is_port(address.port) && !(listen && address.port == "*")) return malformed;
  std::string& host = address.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) return malformed;
  } else if (!is_name(host) && !(listen && host == "*")) {
    return malformed;
  }
  return address;
}

}  // namespace

bool Address::is_numeric() const {
  in_addr parsed{};
  return ::inet_pton(AF_INET, host.c_str(), &parsed) == 1 || is_ipv6(host);
}

std::string Address::text() const {
  const bool brackets = host.find(':') != std::string::npos;
  return std::string(kScheme) + (brackets ? "[" + host + "]" : host) + ":" + port;
}

Result<Address> parse_dial_address(std::string_view text) { return parse(text, false); }
Result<Address> parse_listen_address(std::string_view text) { return parse(text, true); }

std::vector<Address> look_up(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::vector<Address> addresses;
  if (::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found) != 0) return {};
  for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
    char host[NI_MAXHOST];
    if (::getnameinfo(item->ai_addr, item->ai_addrlen, host, sizeof host, nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      addresses.push_back({host, address.port});
    }
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace coterie::transport::internal
