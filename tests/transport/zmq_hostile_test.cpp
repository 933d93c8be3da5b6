// A member who speaks ZMTP and CURVE by hand, to send what no ZeroMQ library would: forged
// properties, messages of endless parts, frames out of order.
//
// Source: RFC 23/ZMTP 3.0 (greeting, frames) and RFC 26/CURVEZMQ (commands, nonces).

#include <gtest/gtest.h>
#include <poll.h>
#include <sodium.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "tests/transport/driver_node.hpp"

namespace coterie::transport::testing {
namespace {

struct BoxKeys {
  BoxKeys() { crypto_box_keypair(public_key.data(), secret_key.data()); }
  std::array<std::uint8_t, 32> public_key{};
  std::array<std::uint8_t, 32> secret_key{};
};

void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

class HandMadePeer {
 public:
  /// Null when the server does not let it in.
  static std::unique_ptr<HandMadePeer> connect(
      const DeviceId& server, const std::string& address, const Device& own,
      const std::map<std::string, std::string>& properties) {
    auto peer = std::unique_ptr<HandMadePeer>(new HandMadePeer(server, port_of(address)));
    return peer->greet() && peer->shake_hands(own, properties) ? std::move(peer) : nullptr;
  }
  ~HandMadePeer() { ::close(fd_); }
  HandMadePeer(const HandMadePeer&) = delete;
  HandMadePeer& operator=(const HandMadePeer&) = delete;

  /// A frame as CURVE wraps it. False when the connection is gone.
  bool send(ByteView payload, bool more_parts) {
    Bytes inside = {static_cast<std::uint8_t>(more_parts ? 1 : 0)};
    append(inside, payload);
    Bytes command = command_name("MESSAGE");
    append_sealed(command, "CurveZMQMESSAGEC", inside, session_key_, transient_.secret_key);
    return write_frame(0, command);
  }

  /// Whether the other side has closed the connection.
  bool closed() {
    std::uint8_t byte = 0;
    for (;;) {
      const ssize_t size = ::recv(fd_, &byte, 1, 0);
      if (size <= 0) return size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    }
  }

 private:
  using Key = std::array<std::uint8_t, 32>;

  HandMadePeer(const DeviceId& server, int port)
      : server_key_(crypto::curve_key(server)->bytes), fd_(connect_to(port)) {
    const timeval patience = {5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  static Bytes command_name(std::string_view name) {
    Bytes out = {static_cast<std::uint8_t>(name.size())};
    append(out, as_bytes(name));
    return out;
  }

  /// Appends the next short nonce and the box made with it.
  void append_sealed(Bytes& out, std::string_view nonce_prefix, ByteView plain, const Key& to,
                     const Key& from) {
    Bytes nonce(nonce_prefix.begin(), nonce_prefix.end());
    ++short_nonce_;
    for (int shift = 56; shift >= 0; shift -= 8) {
      nonce.push_back(static_cast<std::uint8_t>(short_nonce_ >> shift));
    }
    append(out, ByteView(nonce).last(8));
    append(out, box(nonce, plain, to, from));
  }
  static Bytes box(ByteView nonce, ByteView plain, const Key& to, const Key& from) {
    COTERIE_ASSERT(nonce.size() == crypto_box_NONCEBYTES);
    Bytes sealed(plain.size() + crypto_box_MACBYTES);
    COTERIE_ASSERT(crypto_box_easy(sealed.data(), plain.data(), plain.size(), nonce.data(),
                                   to.data(), from.data()) == 0);
    return sealed;
  }

  bool write_all(ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
    return true;
  }
  bool write_frame(std::uint8_t flags, ByteView body) {
    Bytes frame = {static_cast<std::uint8_t>(flags | 2)};  // 2: a size of eight bytes.
    for (int shift = 56; shift >= 0; shift -= 8) {
      frame.push_back(static_cast<std::uint8_t>(body.size() >> shift));
    }
    append(frame, body);
    return write_all(frame);
  }
  bool read_exactly(Bytes& out, std::size_t size) {
    out.resize(size);
    return ::recv(fd_, out.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }
  /// The next command's body, which must be called `name`.
  bool read_command(std::string_view name, Bytes& body) {
    Bytes head;
    if (!read_exactly(head, 2) || (head[0] & 2) != 0 || !read_exactly(body, head[1])) return false;
    const Bytes expected = command_name(name);
    return body.size() >= expected.size() &&
           std::equal(expected.begin(), expected.end(), body.begin());
  }

  bool greet() {
    Bytes greeting(64);
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    std::copy_n("CURVE", 5, greeting.begin() + 12);
    Bytes theirs;
    return write_all(greeting) && read_exactly(theirs, 64);
  }

  bool shake_hands(const Device& own, const std::map<std::string, std::string>& properties) {
    Bytes hello = command_name("HELLO");
    append(hello, Bytes{1, 0});
    append(hello, Bytes(72));
    append(hello, transient_.public_key);
    append_sealed(hello, "CurveZMQHELLO---", Bytes(64), server_key_, transient_.secret_key);
    Bytes welcome;
    if (!write_frame(4, hello) || !read_command("WELCOME", welcome)) return false;

    const ByteView body = ByteView(welcome).subspan(8);
    Bytes nonce = bytes("WELCOME-");
    append(nonce, body.first(16));
    Bytes plain(body.size() - 16 - crypto_box_MACBYTES);
    if (crypto_box_open_easy(plain.data(), body.data() + 16, body.size() - 16, nonce.data(),
                             server_key_.data(), transient_.secret_key.data()) != 0) {
      return false;
    }
    std::copy_n(plain.begin(), 32, session_key_.begin());

    Bytes initiate = command_name("INITIATE");
    append(initiate, ByteView(plain).subspan(32));  // The cookie.
    append_sealed(initiate, "CurveZMQINITIATE", credentials(own, properties), session_key_,
                  transient_.secret_key);
    Bytes ready;
    return write_frame(4, initiate) && read_command("READY", ready);
  }

  /// Our permanent key, the proof that we hold it, and the properties we claim.
  Bytes credentials(const Device& own, const std::map<std::string, std::string>& properties) {
    const auto permanent = *crypto::curve_key(own.id());
    Key secret{};
    const auto curve_secret = own.curve_secret();
    std::copy(curve_secret.view().begin(), curve_secret.view().end(), secret.begin());
    Bytes out(permanent.bytes.begin(), permanent.bytes.end());
    Bytes nonce = bytes("VOUCH---");
    append(nonce, Bytes(16, 0x55));
    Bytes vouched(transient_.public_key.begin(), transient_.public_key.end());
    append(vouched, server_key_);
    append(out, ByteView(nonce).last(16));
    append(out, box(nonce, vouched, session_key_, secret));
    for (const auto& [name, value] : properties) {
      append(out, command_name(name));
      append(out, Bytes{0, 0, 0, static_cast<std::uint8_t>(value.size())});
      append(out, as_bytes(value));
    }
    return out;
  }

  const Key server_key_;
  const int fd_;
  const BoxKeys transient_;
  Key session_key_{};
  std::uint64_t short_nonce_ = 0;
};

const std::map<std::string, std::string> kHonest = {{"Socket-Type", "DEALER"}, {"Identity", ""}};

class HostileTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(crypto::initialise()); }

  Node green_;
  const Device mallory_ = new_device();
  const Device victim_ = new_device();
};

TEST_F(HostileTest, HandMadePeerSpeaksWell) {
  green_.driver().allow_peers({mallory_.id()}, {});
  const auto peer = HandMadePeer::connect(green_.id(), green_.address(), mallory_, kHonest);
  ASSERT_TRUE(peer);
  ASSERT_TRUE(peer->send(as_bytes("hello"), false));
  const auto up = green_.expect<ZmqDriver::LinkUp>();
  EXPECT_EQ(up.peer, mallory_.id());
  EXPECT_EQ(green_.expect_frame(up.link), "hello");
  EXPECT_FALSE(HandMadePeer::connect(green_.id(), green_.address(), victim_, kHonest))
      << "a stranger's key";
}

// The user id is how frames are attributed: a peer that could set it would be anybody.
TEST_F(HostileTest, PropertiesCannotForgeAnIdentity) {
  green_.driver().allow_peers({mallory_.id(), victim_.id()}, {});
  auto forged = kHonest;
  forged["User-Id"] = victim_.id().hex();
  forged["Peer-Address"] = "192.0.2.1";
  forged["__fd"] = "0";
  const auto peer = HandMadePeer::connect(green_.id(), green_.address(), mallory_, forged);
  ASSERT_TRUE(peer);
  ASSERT_TRUE(peer->send(as_bytes("hello"), false));
  const auto up = green_.expect<ZmqDriver::LinkUp>();
  EXPECT_EQ(up.peer, mallory_.id());
  // The descriptor was not forged either: the link can be cut.
  green_.driver().allow_peers({victim_.id()}, {});
  EXPECT_EQ(green_.expect_frame(up.link), "hello");
  EXPECT_EQ(green_.expect<ZmqDriver::LinkDown>().link, up.link);
  EXPECT_TRUE(peer->closed());
}

// A name that looks like one ZeroMQ gave could take over the place of another connection.
TEST_F(HostileTest, ChosenRoutingIdsDoNotHarm) {
  green_.driver().allow_peers({mallory_.id()}, {});
  for (const std::string& id : {std::string("green"), std::string(255, 'x')}) {
    auto named = kHonest;
    named["Identity"] = id;
    const auto peer = HandMadePeer::connect(green_.id(), green_.address(), mallory_, named);
    ASSERT_TRUE(peer);
    ASSERT_TRUE(peer->send(as_bytes("hello"), false));
    EXPECT_TRUE(peer->closed()) << id;
  }
  green_.expect_silence(100ms);
}

TEST_F(HostileTest, MessagesOfEndlessPartsAreCutOff) {
  green_.driver().allow_peers({mallory_.id()}, {});
  for (const bool linked : {true, false}) {
    const auto peer = HandMadePeer::connect(green_.id(), green_.address(), mallory_, kHonest);
    ASSERT_TRUE(peer);
    if (linked) {
      ASSERT_TRUE(peer->send({}, false));
      green_.expect<ZmqDriver::LinkUp>();
    }
    const Bytes part(kFrameBytesMax / 2, 'x');
    std::uint64_t taken = 0;
    while (taken < 64 * kIncompleteBytesMax && peer->send(part, true)) taken += part.size();
    EXPECT_LT(taken, 64 * kIncompleteBytesMax) << "a gigabyte of one message was taken";
    if (linked) green_.expect<ZmqDriver::LinkDown>();
  }
  EXPECT_EQ(green_.driver().stats().dropped_faulty, 1u);
  EXPECT_EQ(green_.driver().stats().dropped_unproven, 1u);
  green_.expect_silence(100ms);
}

TEST_F(HostileTest, EmptyAndManyFramesAreHarmless) {
  green_.driver().allow_peers({mallory_.id()}, {});
  const auto peer = HandMadePeer::connect(green_.id(), green_.address(), mallory_, kHonest);
  ASSERT_TRUE(peer);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(peer->send({}, false));
  ASSERT_TRUE(peer->send(as_bytes("hello"), false));
  const auto up = green_.expect<ZmqDriver::LinkUp>();
  EXPECT_EQ(green_.expect_frame(up.link), "hello");
}

// The gate in front of ZeroMQ. Its rules by themselves: zmq_gate_test.cpp.

class Stranger {
 public:
  explicit Stranger(const Node& node, const char* from = "127.0.0.1")
      : fd_(connect_to(port_of(node.address()), from)) {}
  ~Stranger() { ::close(fd_); }
  Stranger(Stranger&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Stranger(const Stranger&) = delete;

  /// False when the connection is gone.
  bool send(ByteView data) {
    return ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(data.size());
  }
  /// Waits until the other side ends the connection; false when it does not.
  bool closed() {
    pollfd ready = {fd_, POLLRDHUP, 0};
    return ::poll(&ready, 1, 20'000) == 1;
  }
  bool is_open() {
    pollfd ready = {fd_, POLLRDHUP, 0};
    return ::poll(&ready, 1, 0) == 0;
  }

 private:
  int fd_;
};

/// The first 64 bytes of ZMTP 3.0 as somebody who will use CURVE.
Bytes greeting() {
  Bytes out(64);
  out[0] = 0xff;
  out[9] = 0x7f;
  out[10] = 3;
  std::copy_n("CURVE", 5, out.begin() + 12);
  return out;
}

/// The beginning of a command of `size` bytes.
Bytes command_head(std::uint64_t size) {
  Bytes out = {6};
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(size >> shift));
  return out;
}

void wait_for_unproven(Node& node, std::size_t count) {
  while (node.driver().stats().unproven_connections != count) ::usleep(1000);
}

TEST_F(HostileTest, StrangersOfOneAddressLoseOnlyTheirOwnPlaces) {
  Node green({.listen = {"tcp://127.0.0.1:*"}, .accept = {.unproven_per_address_max = 3}});
  std::vector<Stranger> strangers;
  for (int i = 0; i < 3; ++i) strangers.emplace_back(green, "127.0.0.2");
  wait_for_unproven(green, 3);
  Node red;
  green.driver().allow_peers({red.id()}, {});
  link(red, green);
  EXPECT_EQ(green.driver().stats().refused_over_limit, 0u);
  wait_for_unproven(green, 3);
  strangers.emplace_back(green, "127.0.0.2");
  EXPECT_TRUE(strangers[0].closed());
  EXPECT_TRUE(strangers[1].is_open());
  EXPECT_EQ(green.driver().stats().refused_over_limit, 1u);
}

TEST_F(HostileTest, StrangersOfManyAddressesDoNotKeepMembersOut) {
  Node green({.listen = {"tcp://127.0.0.1:*"}, .accept = {.unproven_max = 4}});
  std::vector<Stranger> strangers;
  for (const char* from : {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.4"}) {
    strangers.emplace_back(green, from);
    wait_for_unproven(green, strangers.size());
  }
  Node red;
  green.driver().allow_peers({red.id()}, {});
  link(red, green);
  EXPECT_TRUE(strangers[2].closed()) << "the oldest of the address with most";
  EXPECT_TRUE(strangers[0].is_open());
  EXPECT_TRUE(strangers[3].is_open());
}

TEST_F(HostileTest, AnAddressThatConnectsTooOftenIsRefused) {
  Node green({.listen = {"tcp://127.0.0.1:*"},
              .accept = {.burst_per_address = 5, .per_second_per_address = 0}});
  for (int i = 0; i < 5; ++i) {
    Stranger stranger(green, "127.0.0.2");
    wait_for_unproven(green, 1);
    EXPECT_TRUE(stranger.is_open());
    Stranger(std::move(stranger));
    wait_for_unproven(green, 0);
  }
  EXPECT_TRUE(Stranger(green, "127.0.0.2").closed());
  EXPECT_EQ(green.driver().stats().refused_over_limit, 1u);
  Node red;
  green.driver().allow_peers({red.id()}, {});
  link(red, green);
}

// Slow loris: at every step of the handshake.
TEST_F(HostileTest, HandshakesThatStandStillEnd) {
  std::vector<Stranger> strangers;
  for (int step = 0; step < 4; ++step) {
    Stranger& stranger = strangers.emplace_back(green_);
    if (step >= 1) stranger.send(ByteView(greeting()).first(step == 1 ? 11 : 64));
    if (step == 3) stranger.send(command_head(200));
  }
  for (Stranger& stranger : strangers) EXPECT_TRUE(stranger.closed());
}

/// A member who proves its key and says nothing holds a place no longer than a stranger.
TEST_F(HostileTest, SilenceAfterTheHandshakeEnds) {
  green_.driver().allow_peers({mallory_.id()}, {});
  const auto peer = HandMadePeer::connect(green_.id(), green_.address(), mallory_, kHonest);
  ASSERT_TRUE(peer);
  while (green_.driver().stats().dropped_unproven == 0) ::usleep(10'000);
  EXPECT_TRUE(peer->closed());
}

TEST_F(HostileTest, OversizedFramesBeforeTheHandshakeAreCutOff) {
  // Beyond what any frame may have: refused by its head.
  Stranger announces(green_);
  announces.send(greeting());
  announces.send(command_head(kFrameBytesMax + 65));
  EXPECT_TRUE(announces.closed());
  // As large as a member's may be: cut off on the way.
  Stranger sends(green_);
  sends.send(greeting());
  sends.send(command_head(kFrameBytesMax));
  const Bytes part(16 * kKiB, 'x');
  for (std::uint64_t sent = 0; sent <= kUnprovenBytesMax; sent += part.size()) sends.send(part);
  EXPECT_TRUE(sends.closed());
  EXPECT_EQ(green_.driver().stats().dropped_unproven, 1u);
  // Below that it may take its time, which is the handshake's.
  Stranger little(green_);
  little.send(greeting());
  little.send(command_head(kFrameBytesMax));
  little.send(Bytes(kUnprovenBytesMax - 64 - 9, 'x'));
  ::usleep(300'000);  // Several looks, which must not find it.
  EXPECT_TRUE(little.is_open());
}

}  // namespace
}  // namespace coterie::transport::testing
