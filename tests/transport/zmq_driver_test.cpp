// The driver over real sockets on the loopback interface.

#include "transport/zmq/driver.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <zmq.hpp>

#include "tests/transport/driver_node.hpp"

namespace coterie::transport::testing {
namespace {

/// A socket that listens on a free port of the loopback interface, and that port.
std::pair<int, int> listening_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  COTERIE_ASSERT(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  COTERIE_ASSERT(::listen(fd, 5) == 0);
  socklen_t size = sizeof at;
  COTERIE_ASSERT(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  return {fd, ntohs(at.sin_port)};
}

/// Passes the bytes of one client on to `port`, `chunk` at a time with pauses between.
class Proxy {
 public:
  explicit Proxy(int port, std::size_t chunk = 65'536, std::chrono::milliseconds pause = 0ms)
      : port_(port), chunk_(chunk), pause_(pause), listener_(listening_socket()) {
    thread_ = std::thread([this] { run(); });
  }
  ~Proxy() {
    stop_ = true;
    thread_.join();
    ::close(listener_.first);
  }
  /// Nothing passes any more, but nothing is closed either.
  void freeze() { frozen_ = true; }
  std::string address() const { return "tcp://127.0.0.1:" + std::to_string(listener_.second); }

 private:
  void run() {
    const int client = ::accept(listener_.first, nullptr, nullptr);
    const int server = connect_to(port_);
    pollfd fds[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    std::vector<char> buffer(chunk_);
    for (bool open = true; open && !stop_;) {
      if (frozen_) {
        std::this_thread::sleep_for(10ms);
        continue;
      }
      ::poll(fds, 2, 20);
      for (int i = 0; i < 2 && open; ++i) {
        if ((fds[i].revents & (POLLIN | POLLHUP)) == 0) continue;
        const ssize_t size = ::read(fds[i].fd, buffer.data(), buffer.size());
        open = size > 0 && ::send(fds[1 - i].fd, buffer.data(), static_cast<std::size_t>(size),
                                  MSG_NOSIGNAL) == size;
        if (i == 0) std::this_thread::sleep_for(pause_);
      }
    }
    ::close(client);
    ::close(server);
  }

  const int port_;
  const std::size_t chunk_;
  const std::chrono::milliseconds pause_;
  const std::pair<int, int> listener_;
  std::atomic<bool> frozen_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class ZmqDriverTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(crypto::initialise()); }
};

TEST_F(ZmqDriverTest, MembersExchangeFrames) {
  Node red;
  Node green;
  green.driver().allow_peers({red.id()}, {});
  const Linked linked = link(red, green);
  green.driver().send(linked.to, TrafficClass::kEntries, bytes("welcome"));
  EXPECT_EQ(red.expect_frame(linked.from), "welcome");
  for (int i = 0; i < 200; ++i) {
    red.driver().send(linked.from, TrafficClass::kEntries, bytes(std::to_string(i)));
    green.driver().send(linked.to, TrafficClass::kEntries, bytes(std::to_string(i)));
  }
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(green.expect_frame(linked.to), std::to_string(i));
    ASSERT_EQ(red.expect_frame(linked.from), std::to_string(i));
  }
  red.expect_silence(50ms);
  EXPECT_EQ(red.sent_bytes(), 5u + 490u);
}

TEST_F(ZmqDriverTest, FramesUpToTheLimitAndNotBeyond) {
  Node red;
  Node green;
  green.driver().allow_peers({red.id()}, {});
  const Linked linked = link(red, green);
  const Bytes largest(kFrameBytesMax, 'x');
  red.driver().send(linked.from, TrafficClass::kBulk, largest);
  green.driver().send(linked.to, TrafficClass::kBulk, largest);
  EXPECT_EQ(green.expect<ZmqDriver::Frame>().bytes, largest);
  EXPECT_EQ(red.expect<ZmqDriver::Frame>().bytes, largest);
}

/// A member with a ZeroMQ of its own, who does not keep to the rules.
class RawPeer {
 public:
  RawPeer(const DeviceId& server, const std::string& address, const Device& own,
          const std::string& routing_id = "")
      : socket_(context_, zmq::socket_type::dealer) {
    const auto view = [](ByteView bytes) { return zmq::const_buffer(bytes.data(), bytes.size()); };
    const auto server_key = *crypto::curve_key(server);
    const auto own_key = *crypto::curve_key(own.id());
    const auto secret = own.curve_secret();
    socket_.set(zmq::sockopt::curve_serverkey, view(server_key.view()));
    socket_.set(zmq::sockopt::curve_publickey, view(own_key.view()));
    socket_.set(zmq::sockopt::curve_secretkey, view(secret.view()));
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::sndtimeo, 5000);
    socket_.set(zmq::sockopt::reconnect_ivl, -1);
    if (!routing_id.empty()) socket_.set(zmq::sockopt::routing_id, routing_id);
    socket_.connect(address);
  }
  bool send(const Bytes& frame, zmq::send_flags flags = zmq::send_flags::none) {
    return socket_.send(zmq::buffer(frame), flags).has_value();
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
};

TEST_F(ZmqDriverTest, OversizedFramesEndTheLink) {
  Node green;
  const Device mallory = new_device();
  green.driver().allow_peers({mallory.id()}, {});
  // One byte too long for us, and so long that ZeroMQ itself refuses it.
  for (const std::size_t size : {kFrameBytesMax + 1, kFrameBytesMax + 4096}) {
    RawPeer peer(green.id(), green.address(), mallory);
    ASSERT_TRUE(peer.send(bytes("hello")));
    const auto up = green.expect<ZmqDriver::LinkUp>();
    EXPECT_EQ(green.expect_frame(up.link), "hello");
    ASSERT_TRUE(peer.send(Bytes(size, 'x')));
    EXPECT_EQ(green.expect<ZmqDriver::LinkDown>().link, up.link) << size;
  }
  EXPECT_EQ(green.driver().stats().dropped_faulty, 1u);
}

TEST_F(ZmqDriverTest, MessagesOfSeveralPartsEndTheLink) {
  Node green;
  const Device mallory = new_device();
  green.driver().allow_peers({mallory.id()}, {});
  RawPeer peer(green.id(), green.address(), mallory);
  ASSERT_TRUE(peer.send(bytes("one"), zmq::send_flags::sndmore));
  ASSERT_TRUE(peer.send(bytes("two")));
  const auto up = green.expect<ZmqDriver::LinkUp>();
  EXPECT_EQ(green.expect<ZmqDriver::LinkDown>().link, up.link);
  green.expect_silence(300ms);
}

// ZeroMQ collects the parts of a message until the last one: without a limit on what comes in
// between complete frames, a member could fill our memory. ZeroMQ itself never sends so; here a
// large frame arrives so slowly that the check meets it half way.
TEST_F(ZmqDriverTest, FramesThatNeverEndAreCutOff) {
  for (const std::uint64_t limit : {std::uint64_t{256 * 1024}, kIncompleteBytesMax}) {
    Node red({.listen = {}});
    Node green({.listen = {"tcp://127.0.0.1:*"}, .incomplete_bytes_max = limit});
    green.driver().allow_peers({red.id()}, {});
    const Proxy proxy(port_of(green.address()), 64 * 1024, 60ms);
    red.driver().dial(green.id(), proxy.address());
    const auto out = red.expect<ZmqDriver::LinkUp>();
    red.driver().send(out.link, TrafficClass::kBulk, bytes("hello"));
    const auto in = green.expect<ZmqDriver::LinkUp>();
    EXPECT_EQ(green.expect_frame(in.link), "hello");
    red.driver().send(out.link, TrafficClass::kBulk, Bytes(kFrameBytesMax, 'x'));
    if (limit == kIncompleteBytesMax) {
      EXPECT_EQ(green.expect_frame(in.link).size(), kFrameBytesMax);
    } else {
      EXPECT_EQ(green.expect<ZmqDriver::LinkDown>().link, in.link);
      EXPECT_EQ(red.expect<ZmqDriver::LinkDown>().link, out.link);
      EXPECT_EQ(green.driver().stats().dropped_faulty, 1u);
    }
  }
}

TEST_F(ZmqDriverTest, ChosenRoutingIdsAreRefused) {
  Node green;
  const Device mallory = new_device();
  green.driver().allow_peers({mallory.id()}, {});
  RawPeer peer(green.id(), green.address(), mallory, "somebody else");
  ASSERT_TRUE(peer.send(bytes("hello")));
  green.expect_silence(500ms);
}

TEST_F(ZmqDriverTest, StrangersAreRefused) {
  Node green;
  Node mallory;
  const Device member = new_device();
  // Nobody is allowed before the first allow_peers().
  mallory.driver().dial(green.id(), green.address());
  EXPECT_EQ(mallory.expect<ZmqDriver::DialFailed>().device, green.id());
  green.driver().allow_peers({member.id()}, {});
  mallory.driver().dial(green.id(), green.address());
  EXPECT_EQ(mallory.expect<ZmqDriver::DialFailed>().address, green.address());
  green.expect_silence(200ms);
  EXPECT_GE(green.driver().stats().refused_strangers, 2u);
  // What a stranger sends on regardless is not read, and nothing comes back.
  RawPeer peer(green.id(), green.address(), mallory.device());
  peer.send(bytes("let me in"));
  green.expect_silence(500ms);
}

TEST_F(ZmqDriverTest, PlainAndMisdirectedConnectionsAreRefused) {
  Node green;
  const Device member = new_device();
  green.driver().allow_peers({member.id()}, {});
  zmq::context_t context;
  zmq::socket_t plain(context, zmq::socket_type::dealer);
  plain.set(zmq::sockopt::linger, 0);
  plain.connect(green.address());
  plain.send(zmq::str_buffer("no encryption"), zmq::send_flags::dontwait);
  // A member's key, but for another server: it expects somebody else here.
  RawPeer misdirected(new_device().id(), green.address(), member);
  misdirected.send(bytes("hello"));
  // The right server key, and somebody else's public key with a secret that is not theirs.
  green.expect_silence(700ms);
  Node red({.listen = {}});
  red.driver().dial(new_device().id(), green.address());
  red.expect<ZmqDriver::DialFailed>();
  green.expect_silence(100ms);
}

// Somebody who answers at a member's address without its key does not get a link.
TEST_F(ZmqDriverTest, DialledDeviceMustProveItsKey) {
  Node red;
  Node mallory;
  mallory.driver().allow_peers({red.id()}, {});
  red.driver().dial(new_device().id(), mallory.address());
  red.expect<ZmqDriver::DialFailed>();
  mallory.expect_silence(100ms);
}

TEST_F(ZmqDriverTest, GarbageOnThePortDisturbsNobody) {
  Node red;
  Node green;
  green.driver().allow_peers({red.id()}, {});
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(5000, '\xff'), std::string(64, '\0')}) {
    const int fd = connect_to(port_of(green.address()));
    ASSERT_GT(::send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL), 0);
    ::close(fd);
  }
  link(red, green);
  green.expect_silence(100ms);
}

TEST_F(ZmqDriverTest, InviteKeyIsAdmittedAsGuest) {
  Node host;
  Node newcomer({.listen = {}});
  const auto invite = std::make_shared<const SigningKey>(new_device());
  host.driver().allow_peers({}, {invite->id()});
  newcomer.driver().dial(host.id(), host.address());
  newcomer.expect<ZmqDriver::DialFailed>();
  newcomer.driver().dial(host.id(), host.address(), invite);
  const auto out = newcomer.expect<ZmqDriver::LinkUp>();
  newcomer.driver().send(out.link, TrafficClass::kControl, bytes("redeem"));
  const auto in = host.expect<ZmqDriver::LinkUp>();
  EXPECT_EQ(in.peer, invite->id());
  EXPECT_TRUE(in.guest);
  EXPECT_EQ(host.expect_frame(in.link), "redeem");
  host.driver().send(in.link, TrafficClass::kControl, bytes("welcome"));
  EXPECT_EQ(newcomer.expect_frame(out.link), "welcome");
}

TEST_F(ZmqDriverTest, RemovedDevicesAreCutOffOnBothSides) {
  Node red;
  Node green;
  Node blue;
  green.driver().allow_peers({red.id(), blue.id()}, {});
  blue.driver().allow_peers({red.id(), green.id()}, {});
  const Linked red_green = link(red, green);
  const Linked green_blue = link(green, blue);
  const Linked red_blue = link(red, blue);
  // Blue is removed: green dialled it, so green ends an outgoing link.
  green.driver().allow_peers({red.id()}, {});
  EXPECT_EQ(green.expect<ZmqDriver::LinkDown>().link, green_blue.from);
  EXPECT_EQ(blue.expect<ZmqDriver::LinkDown>().link, green_blue.to);
  // Red is removed: it dialled green, so green ends an incoming link.
  green.driver().allow_peers({}, {});
  EXPECT_EQ(green.expect<ZmqDriver::LinkDown>().link, red_green.to);
  EXPECT_EQ(red.expect<ZmqDriver::LinkDown>().link, red_green.from);
  red.driver().dial(green.id(), green.address());
  red.expect<ZmqDriver::DialFailed>();
  // The link that nobody removed goes on.
  red.driver().send(red_blue.from, TrafficClass::kEntries, bytes("still here"));
  EXPECT_EQ(blue.expect_frame(red_blue.to), "still here");
}

TEST_F(ZmqDriverTest, CloseSendsWhatIsQueuedFirst) {
  Node red;
  Node green;
  green.driver().allow_peers({red.id()}, {});
  for (const bool from_listener : {false, true}) {
    const Linked linked = link(red, green);
    Node& closer = from_listener ? green : red;
    Node& other = from_listener ? red : green;
    const LinkId closing = from_listener ? linked.to : linked.from;
    const LinkId at_other = from_listener ? linked.from : linked.to;
    for (int i = 0; i < 50; ++i) {
      closer.driver().send(closing, TrafficClass::kEntries, Bytes(1000, 'x'));
    }
    closer.driver().send(closing, TrafficClass::kEntries, bytes("goodbye"));
    closer.driver().close(closing);
    closer.driver().close(closing);  // Harmless.
    EXPECT_EQ(closer.expect<ZmqDriver::LinkDown>().link, closing);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(other.expect_frame(at_other).size(), 1000u);
    EXPECT_EQ(other.expect_frame(at_other), "goodbye");
    EXPECT_EQ(other.expect<ZmqDriver::LinkDown>(3s).link, at_other);
    closer.expect_silence(100ms);
  }
}

TEST_F(ZmqDriverTest, StopSendsWhatIsQueuedFirst) {
  Node red;
  Node green;
  green.driver().allow_peers({red.id()}, {});
  const Linked linked = link(red, green);
  for (int i = 0; i < 20; ++i) {
    red.driver().send(linked.from, TrafficClass::kBulk, Bytes(100'000, 'x'));
  }
  red.driver().send(linked.from, TrafficClass::kBulk, bytes("goodbye"));
  red.driver().stop(5s);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(green.expect_frame(linked.to).size(), 100'000u);
  EXPECT_EQ(green.expect_frame(linked.to), "goodbye");
  EXPECT_EQ(green.expect<ZmqDriver::LinkDown>().link, linked.to);
}

// Green does not poll, so red's frames pile up: about 50 MB on the way, the rest in red's queue.
TEST_F(ZmqDriverTest, UrgentClassesOvertakeBulk) {
  Node red;
  Node green;
  green.driver().allow_peers({red.id()}, {});
  const Linked linked = link(red, green);
  constexpr int kBulkFrames = 150;
  for (int i = 0; i < kBulkFrames; ++i) {
    red.driver().send(linked.from, TrafficClass::kBulk, Bytes(kFrameBytesMax, 'b'));
  }
  while (red.next(1s)) {
  }
  const std::size_t on_the_way = red.sent_bytes();
  EXPECT_LT(on_the_way, 100 * kFrameBytesMax) << "the peer's limit does not slow us down";
  red.driver().send(linked.from, TrafficClass::kControl, bytes("urgent"));
  std::size_t before = 0;
  for (int i = 0; i <= kBulkFrames; ++i) {
    const std::string frame = green.expect_frame(linked.to);
    if (frame == "urgent") break;
    before += frame.size();
  }
  EXPECT_LE(before, on_the_way + kFrameBytesMax)
      << "it waited behind a frame that was not sent yet";
}

// A peer that does not read must not stop the driver's other links, and a link that waits for it is
// served again when it reads.
TEST_F(ZmqDriverTest, SlowReaderDelaysNobodyElse) {
  Node red;
  Node green;
  Node blue;
  blue.driver().allow_peers({red.id(), green.id()}, {});
  const Linked slow = link(red, blue);
  const Linked fast = link(green, blue);
  // Red does not poll: 200 MB are more than all queues and buffers on the way to it.
  constexpr std::size_t kFrames = 200;
  for (std::size_t i = 0; i < kFrames; ++i) {
    blue.driver().send(slow.to, TrafficClass::kEntries, Bytes(kFrameBytesMax, 's'));
  }
  for (int i = 0; i < 50; ++i) {
    blue.driver().send(fast.to, TrafficClass::kEntries, bytes("f" + std::to_string(i)));
    ASSERT_EQ(green.expect_frame(fast.from, 2s), "f" + std::to_string(i));
  }
  for (std::size_t i = 0; i < kFrames; ++i) {
    ASSERT_EQ(red.expect_frame(slow.from, 5s).size(), kFrameBytesMax) << i;
  }
}

TEST_F(ZmqDriverTest, StoppedPeerIsNoticedAndRedialled) {
  Node red;
  auto green = std::make_unique<Node>();
  green->driver().allow_peers({red.id()}, {});
  const Linked linked = link(red, *green);
  const ZmqDriver::Options same_port = {.listen = {green->address()}};
  const Device device = green->device().clone();
  green.reset();
  EXPECT_EQ(red.expect<ZmqDriver::LinkDown>(3s).link, linked.from);
  red.driver().dial(device.id(), same_port.listen[0]);
  EXPECT_EQ(red.expect<ZmqDriver::DialFailed>(3s).device, device.id());
  Node back(same_port, device.clone());
  back.driver().allow_peers({red.id()}, {});
  EXPECT_NE(link(red, back).from, linked.from) << "link ids are not used again";
}

// A peer that dies while we have stopped reading it. With ZeroMQ's own heartbeats on, libzmq 4.3.4
// ended the whole process at the next one ("Assertion failed: !_io_error").
TEST_F(ZmqDriverTest, PeerThatDiesWhileItIsNotReadHarmsNobody) {
  Node quiet;
  auto loud = std::make_unique<Node>();
  quiet.driver().allow_peers({loud->id()}, {});
  const Linked linked = link(*loud, quiet);
  // Neither polls: both directions fill up, so that the end of `loud` is a reset connection.
  for (int i = 0; i < 64; ++i) {
    loud->driver().send(linked.from, TrafficClass::kEntries, Bytes(kFrameBytesMax, 'l'));
    quiet.driver().send(linked.to, TrafficClass::kEntries, Bytes(kFrameBytesMax, 'q'));
  }
  std::this_thread::sleep_for(2s);
  loud.reset();
  std::this_thread::sleep_for(5s);
  Node other;
  quiet.driver().allow_peers({other.id()}, {});
  other.driver().dial(quiet.id(), quiet.address());
  EXPECT_EQ(other.expect<ZmqDriver::LinkUp>().peer, quiet.id());
}

// ZeroMQ's I/O thread waited for ever to report the end of a connection whose link was closed, and
// the process neither accepted nor dialled any more.
TEST_F(ZmqDriverTest, ConnectionsThatEndAfterTheirLinkHarmNobody) {
  Node red;
  Node green;
  green.driver().allow_peers({red.id()}, {});
  for (int i = 0; i < 10; ++i) {
    {
      Proxy proxy(port_of(green.address()));
      red.driver().dial(green.id(), proxy.address());
      const LinkId link = red.expect<ZmqDriver::LinkUp>().link;
      proxy.freeze();  // What is sent stays on its way while the link is closed.
      red.driver().send(link, TrafficClass::kBulk, Bytes(kFrameBytesMax, 'r'));
      red.driver().close(link);
      EXPECT_EQ(red.expect<ZmqDriver::LinkDown>().link, link);
      std::this_thread::sleep_for(i * 100ms);
    }
    while (green.next(100ms)) {
    }
  }
  Node other;
  red.driver().allow_peers({other.id()}, {});
  other.driver().dial(red.id(), red.address());
  EXPECT_EQ(other.expect<ZmqDriver::LinkUp>().peer, red.id());
}

TEST_F(ZmqDriverTest, DialsThatCannotSucceedFail) {
  Node red;
  const Device nobody = new_device();
  const auto reason = [&](const std::string& address, const DeviceId& device) {
    red.driver().dial(device, address);
    const auto failed = red.expect<ZmqDriver::DialFailed>(12s);
    EXPECT_EQ(failed.address, address);
    EXPECT_EQ(failed.device, device);
  };
  for (const char* address :
       {"", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:", "127.0.0.1:7000", "ipc:///tmp/x",
        "inproc://zeromq.zap.01", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:1"}) {
    reason(address, nobody.id());
  }
  reason(red.address(), DeviceId{});
  reason(red.address(), red.id());
}

TEST_F(ZmqDriverTest, DialOfASilentServerTimesOut) {
  const std::clock_t before = std::clock();
  const auto [fd, port] = listening_socket();
  Node red({.listen = {}});
  red.driver().dial(new_device().id(), "tcp://127.0.0.1:" + std::to_string(port));
  red.expect<ZmqDriver::DialFailed>(12s);
  ::close(fd);
  // Whoever is away is dialled again and again: that must cost next to nothing.
  const double used = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(used, std::chrono::duration<double>(kDialTimeout).count() / 10) << "of CPU";
}

TEST_F(ZmqDriverTest, HostNamesAreLookedUp) {
  Node red({.listen = {}});
  Node green;  // On IPv4 only, while "localhost" may be an IPv6 address first.
  green.driver().allow_peers({red.id()}, {});
  red.driver().dial(green.id(), "tcp://localhost:" + std::to_string(port_of(green.address())));
  red.expect<ZmqDriver::LinkUp>();
  red.driver().dial(green.id(), "tcp://no-such-host.invalid:7000");
  red.expect<ZmqDriver::DialFailed>(12s);
}

TEST_F(ZmqDriverTest, IncomingConnectionsAreLimited) {
  Node green({.listen = {"tcp://127.0.0.1:*"}, .accept = {.connections_max = 2}});
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<DeviceId> ids;
  for (int i = 0; i < 3; ++i) {
    nodes.push_back(std::make_unique<Node>(ZmqDriver::Options{}));
    ids.push_back(nodes.back()->id());
  }
  green.driver().allow_peers(ids, {});
  const Linked first = link(*nodes[0], green);
  link(*nodes[1], green);
  nodes[2]->driver().dial(green.id(), green.address());
  const auto event = nodes[2]->next();
  ASSERT_TRUE(event);
  if (std::holds_alternative<ZmqDriver::LinkUp>(*event)) {  // The cut may come after the handshake.
    nodes[2]->expect<ZmqDriver::LinkDown>();
  } else {
    EXPECT_TRUE(std::holds_alternative<ZmqDriver::DialFailed>(*event));
  }
  EXPECT_GE(green.driver().stats().refused_over_limit, 1u);
  nodes[0]->stop();
  EXPECT_EQ(green.expect<ZmqDriver::LinkDown>().link, first.to);
  while (green.driver().stats().incoming_connections > 1) ::usleep(1000);
  link(*nodes[2], green);
}

TEST_F(ZmqDriverTest, ListenErrorsSayWhatToDo) {
  Node red;
  const auto error = [](const std::string& address) {
    const auto started = ZmqDriver::start({.listen = {address}}, new_device(), [] {});
    EXPECT_FALSE(started) << address;
    return started ? Error{ErrorCode::kIo, ""} : started.error();
  };
  EXPECT_EQ(error(red.address()).code, ErrorCode::kConflict);
  EXPECT_EQ(error("tcp://192.0.2.1:7000").code, ErrorCode::kUnavailable);
  for (const char* address : {"", "tcp://", "tcp://127.0.0.1", "127.0.0.1:7000", "ipc:///tmp/x",
                              "tcp://127.0.0.1:99999", "tcp://nonsense here:1"}) {
    EXPECT_EQ(error(address).code, ErrorCode::kMalformed) << address;
  }
}

TEST_F(ZmqDriverTest, ListensOnIpv6) {
  Node green({.listen = {"tcp://[::1]:*"}});
  Node red({.listen = {}});
  green.driver().allow_peers({red.id()}, {});
  link(red, green);
}

TEST_F(ZmqDriverTest, FramesForLinksThatAreGoneAreIgnored) {
  Node red;
  red.driver().send(12345, TrafficClass::kControl, bytes("x"));
  red.driver().close(12345);
  red.expect_silence(50ms);
}

}  // namespace
}  // namespace coterie::transport::testing
