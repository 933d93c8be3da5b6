// Routers on a loopback address of their own, honest and not. tests/e2e/gateway.mjs has a node
// behind one.

#include "node/daemon/gateway.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "node/daemon/internal/descriptor.hpp"
#include "node/daemon/port_mapping.hpp"

namespace coterie::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kPatience{20'000};
constexpr const char* kOutside = "20.30.40.50";
constexpr const char* kService = "urn:schemas-upnp-org:service:WANIPConnection:1";

Ipv4 ip(const std::string& text) {
  const auto parsed = parse_ipv4(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Ipv4{});
}

/// Runs of this test may overlap: each has a router of its own.
Ipv4 own_router() {
  const auto pid = static_cast<std::uint32_t>(::getpid());
  return {0x7f4d0000 | (pid & 0xffff)};
}

sockaddr_in at(Ipv4 address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address.bits);
  out.sin_port = htons(port);
  return out;
}

/// Answers datagrams and HTTP requests on a thread of its own, until destroyed.
class FakeRouter {
 public:
  using Datagram = std::function<std::vector<std::string>(const std::string& request)>;
  /// Empty: never answers, and leaves the connection open.
  using Http = std::function<std::string(const std::string& request)>;

  /// Called with who asked before a datagram is answered.
  using Overtake = std::function<void(const sockaddr_in& from)>;

  FakeRouter(Datagram nat_pmp, Datagram search, Http http, Overtake overtake = nullptr)
      : nat_pmp_(std::move(nat_pmp)),
        search_(std::move(search)),
        http_(std::move(http)),
        overtake_(std::move(overtake)) {
    if (nat_pmp_) nat_pmp_socket_ = bound(SOCK_DGRAM, 5351);
    if (search_) search_socket_ = bound(SOCK_DGRAM, 1900);
    http_socket_ = bound(SOCK_STREAM, 0);
    EXPECT_EQ(::listen(http_socket_.get(), 16), 0);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeRouter() {
    EXPECT_EQ(::eventfd_write(stop_.get(), 1), 0);
    thread_.join();
  }

  Router router() const { return {own_router(), own_router()}; }
  std::uint16_t http_port() const {
    sockaddr_in address{};
    socklen_t bytes = sizeof address;
    EXPECT_EQ(::getsockname(http_socket_.get(), reinterpret_cast<sockaddr*>(&address), &bytes), 0);
    return ntohs(address.sin_port);
  }
  std::string location() const {
    return "http://" + to_string(own_router()) + ":" + std::to_string(http_port()) + "/root.xml";
  }

 private:
  static Descriptor bound(int type, std::uint16_t port) {
    Descriptor socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const sockaddr_in address = at(own_router(), port);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }

  void answer(const Descriptor& socket, const Datagram& reply) const {
    std::array<char, 2048> request;
    sockaddr_in from{};
    socklen_t from_bytes = sizeof from;
    const auto got = ::recvfrom(socket.get(), request.data(), request.size(), 0,
                                reinterpret_cast<sockaddr*>(&from), &from_bytes);
    if (got < 0) return;
    if (overtake_) overtake_(from);
    for (const std::string& one : reply({request.data(), static_cast<std::size_t>(got)})) {
      (void)::sendto(socket.get(), one.data(), one.size(), 0, reinterpret_cast<sockaddr*>(&from),
                     from_bytes);
    }
  }

  /// The whole request: the headers, and as much more as they say.
  std::string read_request(const Descriptor& connection) {
    std::string request;
    for (;;) {
      const auto end = request.find("\r\n\r\n");
      const auto field = request.find("Content-Length: ");
      const std::size_t body =
          field == std::string::npos ? 0 : std::stoul(request.substr(field + 16));
      if (end != std::string::npos && request.size() >= end + 4 + body) return request;
      std::array<char, 2048> part;
      const auto got = ::recv(connection.get(), part.data(), part.size(), 0);
      if (got <= 0) return request;
      request.append(part.data(), static_cast<std::size_t>(got));
    }
  }

  void run() {
    std::vector<Descriptor> silent;
    for (;;) {
      std::array<pollfd, 4> all{{{stop_.get(), POLLIN, 0},
                                 {nat_pmp_socket_.get(), POLLIN, 0},
                                 {search_socket_.get(), POLLIN, 0},
                                 {http_socket_.get(), POLLIN, 0}}};
      ::poll(all.data(), all.size(), -1);
      if (all[0].revents != 0) return;
      if (all[1].revents != 0) answer(nat_pmp_socket_, nat_pmp_);
      if (all[2].revents != 0) answer(search_socket_, search_);
      if (all[3].revents == 0) continue;
      Descriptor connection(::accept4(http_socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const std::string reply = http_(read_request(connection));
      (void)::send(connection.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
      if (reply.empty()) silent.push_back(std::move(connection));
    }
  }

  Datagram nat_pmp_;
  Datagram search_;
  Http http_;
  Overtake overtake_;
  Descriptor stop_{::eventfd(0, EFD_CLOEXEC)};
  Descriptor nat_pmp_socket_;
  Descriptor search_socket_;
  Descriptor http_socket_;
  std::thread thread_;
};

// Addresses.

TEST(GatewayAddress, OnlyWhatAnybodyCanDialIsPublic) {
  for (const char* one : {"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
                          "126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255",
                          "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0",
                          "198.17.255.255", "198.20.0.0", "203.0.114.0", "223.255.255.255"}) {
    EXPECT_TRUE(is_public(ip(one))) << one;
    EXPECT_FALSE(is_private(ip(one))) << one;
  }
  for (const char* one :
       {"0.0.0.0", "0.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "169.254.0.1",
        "192.0.0.1", "192.0.2.7", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1",
        "224.0.0.1", "240.0.0.0", "255.255.255.255"}) {
    EXPECT_FALSE(is_public(ip(one))) << one;
    EXPECT_FALSE(is_private(ip(one))) << one;
  }
  for (const char* one : {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255",
                          "192.168.0.0", "192.168.255.255"}) {
    EXPECT_FALSE(is_public(ip(one))) << one;
    EXPECT_TRUE(is_private(ip(one))) << one;
  }
  EXPECT_FALSE(parse_ipv4("1.2.3"));
  EXPECT_FALSE(parse_ipv4("1.2.3.4 "));
  EXPECT_FALSE(parse_ipv4("::1"));
}

TEST(GatewayAddress, TheDefaultRouteWithTheLeastMetricLeadsToTheRouter) {
  const std::string head =
      "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
  const std::string wifi = "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n";
  const std::string cable = "eth0\t00000000\t0201A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
  const std::string down = "eth1\t00000000\t0301A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n";
  const std::string tunnel = "wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n";
  const std::string local = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
  const std::string half = "eth0\t00000000\t0401A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n";
  EXPECT_EQ(default_gateway(head + wifi + cable + local), ip("192.168.1.2"));
  EXPECT_EQ(default_gateway(head + wifi + down + tunnel + half), ip("192.168.1.1"));
  EXPECT_FALSE(default_gateway(head + down + tunnel + local + half));
  EXPECT_FALSE(default_gateway(""));
  EXPECT_FALSE(default_gateway("eth0\t00000000\tzz\n\n\t\t\n"));
}

TEST(Patience, EndsWhenInterrupted) {
  const Descriptor interrupt(::eventfd(1, EFD_CLOEXEC));
  const Descriptor never(::eventfd(0, EFD_CLOEXEC));
  const Patience patience(std::chrono::hours(1), interrupt.get());
  EXPECT_TRUE(patience.over());
  EXPECT_FALSE(patience.wait(never.get(), POLLIN));
  EXPECT_FALSE(patience.at_most(std::chrono::hours(2)).wait(never.get(), POLLIN));
  EXPECT_TRUE(Patience(milliseconds(0)).over());
  EXPECT_FALSE(Patience(milliseconds(0)).wait(interrupt.get(), POLLIN));
  EXPECT_TRUE(Patience(kPatience).wait(interrupt.get(), POLLIN));
}

// What UPnP says.

TEST(Upnp, OnlyUrlsOfTheRouterItselfAreTaken) {
  const Ipv4 router = ip("192.168.1.1");
  EXPECT_EQ(parse_gateway_url("http://192.168.1.1:5000/a?b", router), (GatewayUrl{5000, "/a?b"}));
  EXPECT_EQ(parse_gateway_url("http://192.168.1.1/", router), (GatewayUrl{80, "/"}));
  EXPECT_EQ(parse_gateway_url("http://192.168.1.1", router), (GatewayUrl{80, "/"}));
  for (const char* one :
       {"", "http://192.168.1.2/", "http://192.168.1.10/", "http://192.168.1.1.example/",
        "http://192.168.1.1@example/", "https://192.168.1.1/", "http://192.168.1.1:0/",
        "http://192.168.1.1:65536/", "http://192.168.1.1:/", "http://192.168.1.1:80x/",
        "http://192.168.1.1/a b", "http://192.168.1.1/a\r\nHost: x", "http://router/"}) {
    EXPECT_FALSE(parse_gateway_url(one, router)) << one;
  }
}

TEST(Upnp, TheLocationOfAnAnswer) {
  const Ipv4 router = ip("192.168.1.1");
  EXPECT_EQ(read_search_answer(
                "HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: http://192.168.1.1:9/d\r\n\r\n", router),
            (GatewayUrl{9, "/d"}));
  EXPECT_EQ(read_search_answer("HTTP/1.1 200 OK\nlocation:http://192.168.1.1:9/d", router),
            (GatewayUrl{9, "/d"}));
  EXPECT_FALSE(read_search_answer("HTTP/1.1 200 OK\r\nLocation: http://127.0.0.1:9/d\r\n", router));
  EXPECT_FALSE(
      read_search_answer("NOTIFY * HTTP/1.1\r\nLocation: http://192.168.1.1/\r\n", router));
  EXPECT_FALSE(
      read_search_answer("HTTP/1.1 200 OK\r\nX-Location: http://192.168.1.1/\r\n", router));
  EXPECT_FALSE(read_search_answer("", router));
}

std::string service_xml(const std::string& type, const std::string& control) {
  return "<service><serviceType>" + type + "</serviceType><controlURL>" + control +
         "</controlURL></service>";
}

TEST(Upnp, TheServicesOfADescription) {
  const Ipv4 router = ip("192.168.1.1");
  const GatewayUrl location{5000, "/rootDesc.xml"};
  const std::string ppp = "urn:schemas-upnp-org:service:WANPPPConnection:1";
  const auto read = [&](const std::string& inner) {
    return read_description("<?xml version=\"1.0\"?><root>" + inner + "</root>", location, router);
  };
  const auto two = read(service_xml("urn:x:Layer3Forwarding:1", "/no") + service_xml(ppp, "/ppp") +
                        service_xml(kService, "http://192.168.1.1:7/ip"));
  ASSERT_EQ(two.size(), 2u);
  EXPECT_TRUE(std::ranges::any_of(two, [&](const UpnpService& one) {
    return one.type == ppp && one.control == GatewayUrl{5000, "/ppp"};
  }));
  EXPECT_TRUE(std::ranges::any_of(two, [&](const UpnpService& one) {
    return one.type == kService && one.control == GatewayUrl{7, "/ip"};
  }));
  EXPECT_TRUE(read(service_xml(kService, "http://10.0.0.1/")).empty());
  EXPECT_TRUE(read("<URLBase>http://10.0.0.1</URLBase>" + service_xml(kService, "/")).empty());
  EXPECT_TRUE(read(service_xml(kService, "")).empty());
  EXPECT_TRUE(read(service_xml("urn:x:WANIPConnection:1\r\nX: y", "/")).empty());
  EXPECT_TRUE(read("").empty());
}

/// What the parsers do with anything: nothing bad, as sanitizers see it.
TEST(Upnp, NoiseIsRead) {
  std::mt19937_64 random(7);
  const std::string whole =
      "<?xml version=\"1.0\"?><root><URLBase>http://192.168.1.1:5/</URLBase>" +
      service_xml(kService, "/c") +
      "<errorCode>718</errorCode><NewExternalIPAddress>1.2.3.4"
      "</NewExternalIPAddress><![CDATA[x]]><a b=\"c\"/></root>";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole.substr(0, random() % (whole.size() + 1));
    for (std::uint64_t changes = random() % 8; changes > 0 && !text.empty(); --changes) {
      const std::size_t where = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[where] = static_cast<char>(random());
          break;
        case 1:
          text.insert(where, text.substr(random() % text.size(), random() % 200));
          break;
        default:
          text.erase(where, random() % 20);
      }
    }
    (void)read_description(text, {5, "/"}, ip("192.168.1.1"));
    (void)read_upnp_answer(text);
    (void)read_search_answer(text, ip("192.168.1.1"));
  }
  const std::string deep(kGatewayReplyBytesMax, '<');
  EXPECT_TRUE(read_description(deep, {5, "/"}, ip("192.168.1.1")).empty());
  std::string many;
  while (many.size() < kGatewayReplyBytesMax) many += "<a>";
  EXPECT_TRUE(read_description(many, {5, "/"}, ip("192.168.1.1")).empty());
  EXPECT_EQ(read_upnp_answer(many).error, 0);
}

// NAT-PMP.

std::string nat_pmp_answer(std::uint8_t operation, std::uint16_t result, const std::string& rest) {
  std::string out{'\0',
                  static_cast<char>(128 + operation),
                  static_cast<char>(result >> 8),
                  static_cast<char>(result & 0xff),
                  '\0',
                  '\0',
                  '\0',
                  '\1'};
  return out + rest;
}

/// Gives what is asked for, `lease` at most, under `external`.
std::string nat_pmp_grant(const std::string& request, std::uint8_t lease, std::uint16_t external) {
  const std::string internal = request.substr(4, 2);
  return nat_pmp_answer(2, 0,
                        internal + static_cast<char>(external >> 8) +
                            static_cast<char>(external & 0xff) + std::string(3, '\0') +
                            static_cast<char>(lease));
}

const std::string kOutsideBytes{20, 30, 40, 50};

Result<GatewayPort> ask_nat_pmp(FakeRouter::Datagram answers) {
  const FakeRouter fake(std::move(answers), nullptr, nullptr);
  return make_nat_pmp(fake.router())->open(7430, Patience(kPatience));
}

TEST(NatPmp, OpensRenewsAndGivesBack) {
  std::vector<std::string> seen;
  std::mutex mutex;
  const FakeRouter fake(
      [&](const std::string& request) -> std::vector<std::string> {
        const std::lock_guard guard(mutex);
        seen.push_back(request);
        if (request == std::string(2, '\0')) return {nat_pmp_answer(0, 0, kOutsideBytes)};
        // An answer that came late, to something else, comes first.
        return {nat_pmp_answer(0, 0, kOutsideBytes), nat_pmp_grant(request, 30, 7777)};
      },
      nullptr, nullptr);
  const auto gateway = make_nat_pmp(fake.router());
  gateway->close(Patience(kPatience));  // Nothing was asked for: says nothing.
  for (int times = 0; times < 2; ++times) {
    const auto port = gateway->open(7430, Patience(kPatience));
    ASSERT_TRUE(port) << to_string(port.error());
    EXPECT_EQ(to_string(port->address), kOutside);
    EXPECT_EQ(port->port, 7777);
    EXPECT_EQ(port->lasts, seconds(30));
  }
  gateway->close(Patience(kPatience));
  gateway->close(Patience(kPatience));
  const std::lock_guard guard(mutex);
  ASSERT_EQ(seen.size(), 5u);
  const std::string lease{0, 0, static_cast<char>(kGatewayLease.count() >> 8),
                          static_cast<char>(kGatewayLease.count() & 0xff)};
  const std::string ours{0x1d, 0x06};  // 7430
  EXPECT_EQ(seen[1], std::string("\0\2\0\0", 4) + ours + ours + lease);
  EXPECT_EQ(seen[3], std::string("\0\2\0\0", 4) + ours + "\x1e\x61" + lease);  // 7777 again.
  EXPECT_EQ(seen[4], std::string("\0\2\0\0", 4) + ours + std::string(6, '\0'));
}

TEST(NatPmp, LiesAndRefusals) {
  using Answers = std::vector<std::string>;
  const auto with = [](const std::string& address,
                       const std::function<Answers(const std::string&)>& mapping) {
    return ask_nat_pmp([=](const std::string& request) -> Answers {
      if (request.size() == 2) return {nat_pmp_answer(0, 0, address)};
      return mapping(request);
    });
  };
  const auto give = [](const std::string& request) {
    return Answers{nat_pmp_grant(request, 60, 1)};
  };
  ASSERT_TRUE(with(kOutsideBytes, give));
  EXPECT_EQ(with({10, 0, 0, 1}, give).error().code, ErrorCode::kConflict);
  EXPECT_EQ(with({127, 0, 0, 1}, give).error().code, ErrorCode::kConflict);
  EXPECT_EQ(
      with(kOutsideBytes, [](const std::string&) { return Answers{nat_pmp_answer(2, 2, "")}; })
          .error()
          .code,
      ErrorCode::kUnauthorized);
  for (const int lease : {0, static_cast<int>(kGatewayLeaseMin.count()) - 1}) {
    EXPECT_EQ(with(kOutsideBytes,
                   [=](const std::string& request) {
                     return Answers{nat_pmp_grant(request, static_cast<std::uint8_t>(lease), 7430)};
                   })
                  .error()
                  .code,
              ErrorCode::kUnauthorized);
  }
  EXPECT_TRUE(with(kOutsideBytes, [](const std::string& request) {
    return Answers{nat_pmp_grant(request, kGatewayLeaseMin.count(), 7430)};
  }));
  EXPECT_EQ(with(kOutsideBytes,
                 [](const std::string& request) { return Answers{nat_pmp_grant(request, 60, 0)}; })
                .error()
                .code,
            ErrorCode::kUnauthorized);
  // Cut short, of another version, of another port; then nothing.
  EXPECT_EQ(with(kOutsideBytes,
                 [](const std::string& request) {
                   std::string whole = nat_pmp_grant(request, 60, 7430);
                   std::string version = whole;
                   version[0] = 2;
                   std::string other = whole;
                   other[9] = 1;
                   return Answers{
                       "",   std::string(1, '\0'), whole.substr(0, 7), whole.substr(0, 15), version,
                       other};
                 })
                .error()
                .code,
            ErrorCode::kUnavailable);
}

TEST(NatPmp, Announcements) {
  const std::string whole = nat_pmp_answer(0, 0, kOutsideBytes);
  EXPECT_TRUE(is_nat_pmp_announcement(whole));
  EXPECT_FALSE(is_nat_pmp_announcement(whole.substr(0, 11)));
  EXPECT_FALSE(is_nat_pmp_announcement(nat_pmp_answer(2, 0, kOutsideBytes)));
  EXPECT_FALSE(is_nat_pmp_announcement(""));
}

// UPnP, whole.

std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string soap(const std::string& inner) {
  return "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>" + inner +
         "</s:Body></s:Envelope>";
}

/// As an argument of the request says.
std::string argument(const std::string& request, const std::string& name) {
  const auto from = request.find("<" + name + ">");
  if (from == std::string::npos) return "";
  const auto begin = from + name.size() + 2;
  return request.substr(begin, request.find('<', begin) - begin);
}

class UpnpRouter {
 public:
  std::string outside = kOutside;
  std::string taken;  ///< A port of somebody else.
  bool permanent_only = false;
  std::string description = service_xml(kService, "/control");
  std::map<std::string, std::string> open;  ///< External port to lease.

  explicit UpnpRouter(FakeRouter::Http instead = nullptr, FakeRouter::Overtake overtake = nullptr)
      : fake_(
            nullptr,
            [this](const std::string& search) -> std::vector<std::string> {
              if (search.find("InternetGatewayDevice:1") == std::string::npos) return {};
              return {"HTTP/1.1 200 OK\r\nLOCATION: " + fake_.location() + "\r\n\r\n"};
            },
            instead ? std::move(instead)
                    : [this](const std::string& request) { return answer(request); },
            std::move(overtake)) {}

  std::unique_ptr<Gateway> gateway() const { return make_upnp(fake_.router()); }

 private:
  std::string answer(const std::string& request) {
    const auto failed = [](int code) {
      return http(500,
                  soap("<s:Fault><errorCode>" + std::to_string(code) + "</errorCode></s:Fault>"));
    };
    if (request.starts_with("GET /root.xml ")) return http(200, "<root>" + description + "</root>");
    if (!request.starts_with("POST /control ")) return http(404, "");
    const std::string port = argument(request, "NewExternalPort");
    if (request.find("#GetExternalIPAddress\"") != std::string::npos) {
      return http(200, soap("<NewExternalIPAddress>" + outside + "</NewExternalIPAddress>"));
    }
    if (request.find("#DeletePortMapping\"") != std::string::npos) {
      return open.erase(port) != 0 ? http(200, soap("")) : failed(714);
    }
    const std::string lease = argument(request, "NewLeaseDuration");
    if (permanent_only && lease != "0") return failed(725);
    if (port == taken) return failed(718);
    if (argument(request, "NewInternalPort") != "7430" ||
        argument(request, "NewInternalClient") != to_string(own_router()) ||
        argument(request, "NewProtocol") != "TCP") {
      return failed(402);
    }
    open[port] = lease;
    return http(200, soap(""));
  }

  FakeRouter fake_;
};

TEST(Upnp, OpensRenewsAndGivesBack) {
  UpnpRouter router;
  const auto gateway = router.gateway();
  gateway->close(Patience(kPatience));
  for (int times = 0; times < 2; ++times) {
    const auto port = gateway->open(7430, Patience(kPatience));
    ASSERT_TRUE(port) << to_string(port.error());
    EXPECT_EQ(to_string(port->address), kOutside);
    EXPECT_EQ(port->port, 7430);
    EXPECT_EQ(port->lasts, kGatewayLease);
    EXPECT_EQ(router.open, (std::map<std::string, std::string>{{"7430", "1200"}}));
  }
  gateway->close(Patience(kPatience));
  EXPECT_TRUE(router.open.empty());
}

TEST(Upnp, TakesAnotherPortWhereOursIsTaken) {
  UpnpRouter router;
  router.taken = "7430";
  const auto gateway = router.gateway();
  const auto port = gateway->open(7430, Patience(kPatience));
  ASSERT_TRUE(port) << to_string(port.error());
  EXPECT_NE(port->port, 7430);
  EXPECT_GE(port->port, 1024);
  const auto again = gateway->open(7430, Patience(kPatience));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->port, port->port);
  EXPECT_EQ(router.open.size(), 1u);
  gateway->close(Patience(kPatience));
  EXPECT_TRUE(router.open.empty());
}

TEST(Upnp, TakesItForEverWhereNothingElseIsGiven) {
  UpnpRouter router;
  router.permanent_only = true;
  const auto gateway = router.gateway();
  const auto port = gateway->open(7430, Patience(kPatience));
  ASSERT_TRUE(port) << to_string(port.error());
  EXPECT_EQ(port->lasts, kGatewayLease);
  EXPECT_EQ(router.open["7430"], "0");
  gateway->close(Patience(kPatience));
  EXPECT_TRUE(router.open.empty());
}

TEST(Upnp, NobodyElseIsHeard) {
  const Descriptor neighbour(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in from = at({own_router().bits ^ 0x00800000}, 0);
  ASSERT_EQ(::bind(neighbour.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from), 0);
  // It is quicker, and says that the description is where there is none.
  const UpnpRouter router(nullptr, [&](const sockaddr_in& to) {
    const std::string text =
        "HTTP/1.1 200 OK\r\nLOCATION: http://" + to_string(own_router()) + ":1/\r\n\r\n";
    (void)::sendto(neighbour.get(), text.data(), text.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to), sizeof to);
  });
  const auto port = router.gateway()->open(7430, Patience(kPatience));
  EXPECT_TRUE(port) << to_string(port.error());
}

TEST(Upnp, AnAddressThatIsNotPublicIsNone) {
  UpnpRouter router;
  for (const char* one : {"192.168.7.7", "127.0.0.1", "100.64.0.1", "0.0.0.0"}) {
    router.outside = one;
    EXPECT_EQ(router.gateway()->open(7430, Patience(kPatience)).error().code, ErrorCode::kConflict);
  }
  for (const char* one : {"", "router.example", "1.2.3.4.5", "2001:db8::1"}) {
    router.outside = one;
    EXPECT_EQ(router.gateway()->open(7430, Patience(kPatience)).error().code,
              ErrorCode::kMalformed);
  }
  EXPECT_TRUE(router.open.empty());
}

TEST(Upnp, ARepliesSizeIsBounded) {
  UpnpRouter router;
  const std::string service = router.description;
  const std::string frame =
      http(200, "<root>" + std::string(kGatewayReplyBytesMax, ' ') + "</root>");
  const std::size_t room = 2 * kGatewayReplyBytesMax - frame.size();  // Of the description.
  router.description = service + std::string(room - service.size(), ' ');
  EXPECT_TRUE(router.gateway()->open(7430, Patience(kPatience)));
  router.description += ' ';
  EXPECT_EQ(router.gateway()->open(7430, Patience(kPatience)).error().code,
            ErrorCode::kUnavailable);
}

TEST(Upnp, LiesInsteadOfAReply) {
  for (const std::string& reply :
       {std::string("220 ftp ready\r\n"), http(200, ""), http(302, "elsewhere"),
        std::string(1, '\0'), std::string("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nless"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
        "HTTP/1.1 200 OK\r\nX: " + std::string(kGatewayReplyBytesMax, 'x')}) {
    const UpnpRouter router([&](const std::string&) { return reply; });
    EXPECT_EQ(router.gateway()->open(7430, Patience(kPatience)).error().code,
              ErrorCode::kUnavailable)
        << reply.substr(0, 60);
  }
}

TEST(Upnp, SilenceEndsWhenInterrupted) {
  const Descriptor interrupt(::eventfd(0, EFD_CLOEXEC));
  const UpnpRouter router([&](const std::string&) {
    EXPECT_EQ(::eventfd_write(interrupt.get(), 1), 0);
    return std::string();
  });
  EXPECT_EQ(
      router.gateway()->open(7430, Patience(std::chrono::hours(1), interrupt.get())).error().code,
      ErrorCode::kUnavailable);
}

TEST(PortMapping, WhatListensElsewhereAsksNobody) {
  PortMapping mapping({.listen_host = "127.0.0.1", .port = 7430},
                      [](const std::string&) { ADD_FAILURE() << "nothing can have changed"; });
  const auto status = mapping.status();
  EXPECT_EQ(status.address, "");
  EXPECT_EQ(status.gateway, "");
  EXPECT_NE(status.why, "");
  mapping.stop();
  EXPECT_EQ(mapping.status(), status);
}

}  // namespace
}  // namespace coterie::node
