#include "node/daemon/gateway.hpp"

#include <arpa/inet.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpreplyparse.h>
#include <natpmp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <initializer_list>
#include <span>
#include <sstream>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>

#include "node/daemon/internal/descriptor.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// RFC 6886 goes on for a minute; a gateway that speaks it answers the first time or the second.
constexpr milliseconds kNatPmpPatience{1500};
constexpr milliseconds kSearchPatience{2500};
constexpr milliseconds kSearchAgain{1000};
constexpr milliseconds kHttpPatience{3000};
constexpr std::uint16_t kSearchPort = 1900;
constexpr Ipv4 kSearchGroup{0xeffffffa};  // 239.255.255.250
/// Others of this network may have the port that we would like.
constexpr int kPortTries = 4;
constexpr std::uint16_t kPortMin = 1024;

constexpr std::array kServices = {"urn:schemas-upnp-org:service:WANIPConnection:1",
                                  "urn:schemas-upnp-org:service:WANIPConnection:2",
                                  "urn:schemas-upnp-org:service:WANPPPConnection:1"};
constexpr std::array kSearched = {"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
                                  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
                                  "urn:schemas-upnp-org:service:WANIPConnection:1",
                                  "urn:schemas-upnp-org:service:WANPPPConnection:1"};
// What routers answer (UPnP WANIPConnection:1, 2.4).
constexpr int kPortTaken = 718;
constexpr int kPermanentOnly = 725;

const Error kSilent{ErrorCode::kUnavailable, "it does not answer"};
const Error kRefused{ErrorCode::kUnauthorized, "it refuses to open a port"};
const Error kNotPublic{ErrorCode::kConflict,
                       "it has no public address: it is behind another router itself"};
const Error kNonsense{ErrorCode::kMalformed, "its answer makes no sense"};

sockaddr_in socket_address(Ipv4 address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address.bits);
  out.sin_port = htons(port);
  return out;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Descriptor open_socket(int type) {
  return Descriptor(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

struct Range {
  std::uint32_t first;
  int bits;
  bool contains(Ipv4 address) const { return (address.bits ^ first) >> (32 - bits) == 0; }
};
constexpr Range kPrivate[] = {{0x0a000000, 8}, {0xac100000, 12}, {0xc0a80000, 16}};
/// Not private, and nobody's on the Internet (RFC 6890).
constexpr Range kSpecial[] = {
    {0x00000000, 8},   // This network.
    {0x64400000, 10},  // 100.64.0.0: behind a carrier's router.
    {0x7f000000, 8},   // Loopback.
    {0xa9fe0000, 16},  // 169.254.0.0: link-local.
    {0xc0000000, 24},  // 192.0.0.0: protocols.
    {0xc0000200, 24},  // 192.0.2.0: documentation, as the next but one.
    {0xc6120000, 15},  // 198.18.0.0: benchmarks.
    {0xc6336400, 24},  // 198.51.100.0
    {0xcb007100, 24},  // 203.0.113.0
    {0xe0000000, 3},   // Multicast and reserved, to the end.
};

bool contains_any(std::span<const Range> ranges, Ipv4 address) {
  return std::ranges::any_of(ranges, [&](const Range& one) { return one.contains(address); });
}

}  // namespace

// Addresses.

std::string to_string(Ipv4 address) {
  const in_addr raw{htonl(address.bits)};
  char text[INET_ADDRSTRLEN] = {};
  return ::inet_ntop(AF_INET, &raw, text, sizeof text);
}

std::optional<Ipv4> parse_ipv4(std::string_view text) {
  in_addr raw{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &raw) != 1) return std::nullopt;
  return Ipv4{ntohl(raw.s_addr)};
}

bool is_private(Ipv4 address) { return contains_any(kPrivate, address); }

bool is_public(Ipv4 address) { return !is_private(address) && !contains_any(kSpecial, address); }

// Patience.

Patience Patience::at_most(milliseconds most) const {
  Patience shorter(most, interrupt_);
  shorter.ends_ = std::min(shorter.ends_, ends_);
  return shorter;
}

bool Patience::over() const {
  pollfd interrupt{interrupt_, POLLIN, 0};
  return Clock::now() >= ends_ || (::poll(&interrupt, 1, 0) > 0 && interrupt.revents != 0);
}

bool Patience::wait(int descriptor, short events) const {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(ends_ - Clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> all{{{descriptor, events, 0}, {interrupt_, POLLIN, 0}}};
    const int ready = ::poll(all.data(), all.size(), static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    return all[1].revents == 0;
  }
}

// The router.

std::optional<Ipv4> default_gateway(const std::string& routes) {
  std::istringstream lines(routes);
  std::string line;
  std::optional<std::pair<unsigned, Ipv4>> best;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string interface;
    std::uint32_t destination = 0;
    std::uint32_t gateway = 0;
    std::uint32_t mask = 0;
    unsigned flags = 0;
    unsigned ignored = 0;
    unsigned metric = 0;
    fields >> interface >> std::hex >> destination >> gateway >> flags >> std::dec >> ignored >>
        ignored >> metric >> std::hex >> mask;
    if (!fields || destination != 0 || mask != 0) continue;
    if ((flags & RTF_UP) == 0 || (flags & RTF_GATEWAY) == 0) continue;
    if (!best || metric < best->first) best.emplace(metric, Ipv4{ntohl(gateway)});
  }
  if (!best) return std::nullopt;
  return best->second;
}

std::optional<Router> find_router() {
  std::ifstream file("/proc/net/route");
  std::ostringstream routes;
  routes << file.rdbuf();
  const auto address = default_gateway(routes.str());
  if (!address || !is_private(*address)) return std::nullopt;
  // Connecting a datagram socket sends nothing; it tells which address we would send from.
  const Descriptor socket = open_socket(SOCK_DGRAM);
  const sockaddr_in to = socket_address(*address, kSearchPort);
  sockaddr_in from{};
  socklen_t from_bytes = sizeof from;
  if (!socket || ::connect(socket.get(), generic(to), sizeof to) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&from), &from_bytes) != 0) {
    return std::nullopt;
  }
  const Ipv4 own{ntohl(from.sin_addr.s_addr)};
  if (!is_private(own)) return std::nullopt;
  return Router{*address, own};
}

// NAT-PMP.

namespace {

constexpr std::size_t kAddressAnswerBytes = 12;
constexpr std::size_t kPortAnswerBytes = 16;
constexpr std::size_t kFailureBytes = 8;
constexpr std::uint8_t kAnswerBit = 128;

class NatPmp final : public Gateway {
 public:
  explicit NatPmp(const Router& router) : router_(router) {}

  const char* name() const override { return "NAT-PMP"; }

  Result<GatewayPort> open(std::uint16_t port, const Patience& patience) override {
    Session session(router_);
    if (!session.ready) return kSilent;
    ::sendpublicaddressrequest(&session.library);
    COTERIE_TRY(const natpmpresp_t outside,
                session.answer(NATPMP_RESPTYPE_PUBLICADDRESS, 0, patience));
    const Ipv4 address{ntohl(outside.pnu.publicaddress.addr.s_addr)};
    if (!is_public(address)) return kNotPublic;
    const std::uint16_t wanted = external_ != 0 ? external_ : port;
    asked_for_ = port;
    ::sendnewportmappingrequest(&session.library, NATPMP_PROTOCOL_TCP, port, wanted,
                                static_cast<std::uint32_t>(kGatewayLease.count()));
    COTERIE_TRY(const natpmpresp_t given,
                session.answer(NATPMP_RESPTYPE_TCPPORTMAPPING, port, patience));
    external_ = given.pnu.newportmapping.mappedpublicport;
    const seconds lasts{given.pnu.newportmapping.lifetime};
    if (external_ == 0 || lasts < kGatewayLeaseMin) return kRefused;
    return GatewayPort{address, external_, std::min(lasts, kGatewayLease)};
  }

  void close(const Patience& patience) override {
    if (asked_for_ == 0) return;
    Session session(router_);
    if (!session.ready) return;
    ::sendnewportmappingrequest(&session.library, NATPMP_PROTOCOL_TCP, asked_for_, 0, 0);
    (void)session.answer(NATPMP_RESPTYPE_TCPPORTMAPPING, asked_for_, patience);
    asked_for_ = 0;
  }

 private:
  /// A socket to the router, on which one request at a time is answered.
  struct Session {
    explicit Session(const Router& router) {
      ready = ::initnatpmp(&library, 1, htonl(router.address.bits)) == 0;
      if (!ready && library.s >= 0) ::close(library.s);
    }
    Session(const Session&) = delete;
    ~Session() {
      if (ready) ::closenatpmp(&library);
    }

    /// Of what was sent last; repeats it while there is none.
    Result<natpmpresp_t> answer(std::uint8_t operation, std::uint16_t port,
                                const Patience& patience) {
      const Patience brief = patience.at_most(kNatPmpPatience);
      while (!brief.over()) {
        timeval left{};
        if (::getnatpmprequesttimeout(&library, &left) != 0) break;
        // By the wall clock, which may jump.
        const milliseconds pause = seconds(left.tv_sec) + milliseconds(left.tv_usec / 1000 + 1);
        brief.at_most(std::max(pause, milliseconds(0))).wait(library.s, POLLIN);
        if (!drop_others(operation, port)) continue;
        natpmpresp_t response{};
        const int result = ::readnatpmpresponseorretry(&library, &response);
        if (result == 0) return response;
        if (result == NATPMP_TRYAGAIN) continue;
        return result <= NATPMP_ERR_UNDEFINEDERROR ? kRefused : kSilent;
      }
      return kSilent;
    }

    /// The library reads any datagram as the answer, however short it is. Whether it may read now.
    bool drop_others(std::uint8_t operation, std::uint16_t port) const {
      std::array<std::uint8_t, kPortAnswerBytes> head{};
      const auto got = ::recv(library.s, head.data(), head.size(), MSG_PEEK);
      if (got < 0) return true;  // It repeats the request, or reports the error.
      const auto bytes = static_cast<std::size_t>(got);
      bool whole = bytes >= kFailureBytes && head[0] == 0 && head[1] == kAnswerBit + operation;
      if (whole && head[2] == 0 && head[3] == 0) {  // Success.
        whole = operation == NATPMP_RESPTYPE_PUBLICADDRESS
                    ? bytes >= kAddressAnswerBytes
                    : bytes >= kPortAnswerBytes && head[8] == port >> 8 && head[9] == (port & 0xff);
      }
      if (!whole) (void)::recv(library.s, head.data(), head.size(), 0);
      return whole;
    }

    natpmp_t library{.s = -1,
                     .gateway = 0,
                     .has_pending_request = 0,
                     .pending_request = {},
                     .pending_request_len = 0,
                     .try_number = 0,
                     .retry_time = {}};
    bool ready = false;
  };

  Router router_;
  std::uint16_t asked_for_ = 0;  ///< 0: there is nothing to give back.
  std::uint16_t external_ = 0;   ///< What was given last.
};

}  // namespace

std::unique_ptr<Gateway> make_nat_pmp(const Router& router) {
  return std::make_unique<NatPmp>(router);
}

bool is_nat_pmp_announcement(std::string_view datagram) {
  return datagram.size() >= kAddressAnswerBytes && datagram[0] == 0 &&
         static_cast<std::uint8_t>(datagram[1]) == kAnswerBit;
}

// UPnP: reading. miniupnpc 2.2.4's parser looks at the byte after what it was given: at the zero
// that ends a string.

std::optional<GatewayUrl> parse_gateway_url(std::string_view url, Ipv4 router) {
  const std::string beginning = "http://" + to_string(router);
  if (!url.starts_with(beginning)) return std::nullopt;
  url.remove_prefix(beginning.size());
  GatewayUrl parsed;
  if (url.starts_with(':')) {
    const auto end = std::from_chars(url.data() + 1, url.data() + url.size(), parsed.port);
    if (end.ec != std::errc() || parsed.port == 0) return std::nullopt;
    url = url.substr(static_cast<std::size_t>(end.ptr - url.data()));
  }
  if (!url.empty() && !url.starts_with('/')) return std::nullopt;
  const bool plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; });
  if (!plain) return std::nullopt;
  parsed.path = url.empty() ? "/" : std::string(url);
  return parsed;
}

std::optional<GatewayUrl> read_search_answer(std::string_view datagram, Ipv4 router) {
  constexpr std::string_view kName = "location:";
  if (!datagram.starts_with("HTTP/1.")) return std::nullopt;
  while (!datagram.empty()) {
    std::string_view line = datagram.substr(0, datagram.find('\n'));
    datagram.remove_prefix(std::min(line.size() + 1, datagram.size()));
    const bool named = line.size() >= kName.size() &&
                       std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) {
                         return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
                       });
    if (!named) continue;
    line.remove_prefix(kName.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    return parse_gateway_url(line, router);
  }
  return std::nullopt;
}

std::vector<UpnpService> read_description(const std::string& xml, const GatewayUrl& location,
                                          Ipv4 router) {
  IGDdatas data{};
  ::parserootdesc(xml.data(), static_cast<int>(xml.size()), &data);
  const std::string base =
      "http://" + to_string(router) + ":" + std::to_string(location.port) + location.path;
  std::vector<UpnpService> found;
  for (const IGDdatas_service* one : {&data.first, &data.second}) {
    const bool known = std::ranges::any_of(
        kServices, [&](const char* name) { return std::string_view(name) == one->servicetype; });
    if (!known || one->controlurl[0] == '\0') continue;
    IGDdatas alone = data;
    alone.first = *one;
    UPNPUrls urls{};
    ::GetUPNPUrls(&urls, &alone, base.c_str(), 0);
    const auto control =
        urls.controlURL == nullptr ? std::nullopt : parse_gateway_url(urls.controlURL, router);
    ::FreeUPNPUrls(&urls);
    if (control) found.push_back({one->servicetype, *control});
  }
  return found;
}

UpnpAnswer read_upnp_answer(const std::string& xml) {
  NameValueParserData values{};
  ::ParseNameValue(xml.data(), static_cast<int>(xml.size()), &values);
  const auto value = [&](const char* name) -> std::string {
    const char* found = ::GetValueFromNameValueList(&values, name);
    return found == nullptr ? "" : found;
  };
  UpnpAnswer answer;
  const std::string error = value("errorCode");
  std::from_chars(error.data(), error.data() + error.size(), answer.error);
  answer.address = value("NewExternalIPAddress");
  ::ClearNameValueList(&values);
  return answer;
}

// UPnP: asking.

namespace {

struct HttpReply {
  unsigned status = 0;
  std::string body;
};

/// One request on a connection of its own.
std::optional<HttpReply> ask_http(Ipv4 router, std::uint16_t port, std::string_view request,
                                  const Patience& patience) {
  const Patience brief = patience.at_most(kHttpPatience);
  const Descriptor socket = open_socket(SOCK_STREAM);
  const sockaddr_in to = socket_address(router, port);
  if (!socket) return std::nullopt;
  if (::connect(socket.get(), generic(to), sizeof to) != 0) {
    int failure = 0;
    socklen_t failure_bytes = sizeof failure;
    if (errno != EINPROGRESS || !brief.wait(socket.get(), POLLOUT) ||
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &failure_bytes) != 0 ||
        failure != 0) {
      return std::nullopt;
    }
  }
  while (!request.empty()) {
    const auto sent = ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (sent > 0) request.remove_prefix(static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN) return std::nullopt;
    if (sent < 0 && !brief.wait(socket.get(), POLLOUT)) return std::nullopt;
  }
  namespace http = boost::beast::http;
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  parser.body_limit(kGatewayReplyBytesMax);
  std::string unread;  // Received, but not taken by the parser yet.
  std::size_t received = 0;
  while (!parser.is_done()) {
    if (!brief.wait(socket.get(), POLLIN)) return std::nullopt;
    std::array<char, 8192> part;
    const auto got = ::recv(socket.get(), part.data(), part.size(), 0);
    if (got < 0 && errno == EAGAIN) continue;
    if (got < 0) return std::nullopt;
    boost::beast::error_code failure;
    if (got == 0) {
      parser.put_eof(failure);
      if (failure || !parser.is_done()) return std::nullopt;
      break;
    }
    received += static_cast<std::size_t>(got);
    if (received > kGatewayReplyBytesMax) return std::nullopt;
    unread.append(part.data(), static_cast<std::size_t>(got));
    unread.erase(0, parser.put(boost::asio::buffer(unread), failure));
    if (failure && failure != http::error::need_more) return std::nullopt;
  }
  return HttpReply{parser.get().result_int(), std::move(parser.get().body())};
}

class Upnp final : public Gateway {
 public:
  explicit Upnp(const Router& router) : router_(router) {}

  const char* name() const override { return "UPnP"; }

  Result<GatewayPort> open(std::uint16_t port, const Patience& patience) override {
    const auto location = search(patience);
    if (!location) return kSilent;
    const auto described =
        ask_http(router_.address, location->port,
                 "GET " + location->path + " HTTP/1.1\r\nHost: " + host(location->port) +
                     "\r\nConnection: close\r\nUser-Agent: coterie\r\n\r\n",
                 patience);
    if (!described || described->status != 200) return kSilent;
    Error why = kSilent;
    for (const UpnpService& one : read_description(described->body, *location, router_.address)) {
      auto opened = open(one, port, patience);
      if (opened) return opened;
      why = opened.error();
    }
    return why;
  }

  void close(const Patience& patience) override {
    if (!held_) return;
    (void)act(*held_, "DeletePortMapping",
              {{"NewRemoteHost", ""},
               {"NewExternalPort", std::to_string(external_)},
               {"NewProtocol", "TCP"}},
              patience);
    held_.reset();
  }

 private:
  using Arguments = std::initializer_list<std::pair<const char*, std::string>>;

  std::string host(std::uint16_t port) const {
    return to_string(router_.address) + ":" + std::to_string(port);
  }

  /// Asks who is a gateway: the group, and the router alone, where multicast does not get through.
  std::optional<GatewayUrl> search(const Patience& patience) const {
    const Descriptor socket = open_socket(SOCK_DGRAM);
    const sockaddr_in from = socket_address(router_.own, 0);
    if (!socket || ::bind(socket.get(), generic(from), sizeof from) != 0) return std::nullopt;
    set_option(socket, IPPROTO_IP, IP_MULTICAST_IF, from.sin_addr);
    set_option(socket, IPPROTO_IP, IP_MULTICAST_TTL, 2);
    const Patience all = patience.at_most(kSearchPatience);
    while (!all.over()) {
      for (const char* target : kSearched) {
        for (const Ipv4 whom : {kSearchGroup, router_.address}) {
          const std::string text = "M-SEARCH * HTTP/1.1\r\nHOST: " + to_string(whom) + ":" +
                                   std::to_string(kSearchPort) +
                                   "\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: " + target +
                                   "\r\n\r\n";
          const sockaddr_in to = socket_address(whom, kSearchPort);
          (void)::sendto(socket.get(), text.data(), text.size(), 0, generic(to), sizeof to);
        }
      }
      const Patience once = all.at_most(kSearchAgain);
      while (once.wait(socket.get(), POLLIN)) {
        std::array<char, 2048> answer;
        sockaddr_in source{};
        socklen_t source_bytes = sizeof source;
        const auto got = ::recvfrom(socket.get(), answer.data(), answer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&source), &source_bytes);
        if (got < 0 || ntohl(source.sin_addr.s_addr) != router_.address.bits) continue;
        const std::string_view text(answer.data(), static_cast<std::size_t>(got));
        if (auto url = read_search_answer(text, router_.address)) return url;
      }
    }
    return std::nullopt;
  }

  Result<GatewayPort> open(const UpnpService& service, std::uint16_t port,
                           const Patience& patience) {
    const auto outside = act(service, "GetExternalIPAddress", {}, patience);
    if (!outside) return kSilent;
    if (outside->error != 0) return kRefused;
    const auto address = parse_ipv4(outside->address);
    if (!address) return kNonsense;
    if (!is_public(*address)) return kNotPublic;
    std::uint16_t external = external_ != 0 ? external_ : port;
    for (int tries = 0; tries < kPortTries; ++tries) {
      auto done = add(service, external, port, kGatewayLease, patience);
      if (done && done->error == kPermanentOnly) {
        // Then it is renewed and given back all the same, but outlives a node that is killed.
        done = add(service, external, port, seconds(0), patience);
      }
      if (!done) return kSilent;
      if (done->error == 0) return GatewayPort{*address, external, kGatewayLease};
      if (done->error != kPortTaken) return kRefused;
      held_.reset();  // It is somebody else's.
      external = static_cast<std::uint16_t>(kPortMin + crypto::system_random().next_u64() %
                                                           (0x10000 - kPortMin));
    }
    external_ = 0;
    return kRefused;
  }

  std::optional<UpnpAnswer> add(const UpnpService& service, std::uint16_t external,
                                std::uint16_t port, seconds lease, const Patience& patience) {
    held_ = service;  // From now on, whatever comes of it.
    external_ = external;
    return act(service, "AddPortMapping",
               {{"NewRemoteHost", ""},
                {"NewExternalPort", std::to_string(external)},
                {"NewProtocol", "TCP"},
                {"NewInternalPort", std::to_string(port)},
                {"NewInternalClient", to_string(router_.own)},
                {"NewEnabled", "1"},
                {"NewPortMappingDescription", "coterie"},
                {"NewLeaseDuration", std::to_string(lease.count())}},
               patience);
  }

  /// Nothing if there is no answer. No argument needs escaping.
  std::optional<UpnpAnswer> act(const UpnpService& service, const std::string& action,
                                Arguments arguments, const Patience& patience) const {
    std::string body =
        "<?xml version=\"1.0\"?>\r\n<s:Envelope "
        "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
        "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:" +
        action + " xmlns:u=\"" + service.type + "\">";
    for (const auto& argument : arguments) {
      const std::string name = argument.first;
      body.append("<").append(name).append(">").append(argument.second);
      body.append("</").append(name).append(">");
    }
    body += "</u:" + action + "></s:Body></s:Envelope>\r\n";
    const auto reply = ask_http(
        router_.address, service.control.port,
        "POST " + service.control.path + " HTTP/1.1\r\nHost: " + host(service.control.port) +
            "\r\nConnection: close\r\nUser-Agent: coterie\r\nContent-Type: text/xml; "
            "charset=\"utf-8\"\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\nSOAPAction: \"" + service.type + "#" + action +
            "\"\r\n\r\n" + body,
        patience);
    if (!reply) return std::nullopt;
    UpnpAnswer answer = read_upnp_answer(reply->body);
    if (reply->status != 200 && answer.error == 0) answer.error = static_cast<int>(reply->status);
    return answer;
  }

  Router router_;
  std::optional<UpnpService> held_;  ///< Where there may be something to give back.
  std::uint16_t external_ = 0;       ///< What was given, or asked for, last.
};

}  // namespace

std::unique_ptr<Gateway> make_upnp(const Router& router) { return std::make_unique<Upnp>(router); }

}  // namespace coterie::node
