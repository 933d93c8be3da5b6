// What a keystroke from node to node costs at least on this machine: a small frame there by TCP,
// the cryptography of one entry, and two durable writes in a row (the author's and the receiver's).
//
//     floor_bench DIRECTORY       writes below DIRECTORY; prints one line a part

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "transport/crypto/crypto.hpp"

namespace {

using namespace coterie;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kFrameBytes = 400;
constexpr std::size_t kTextBytes = 100;
constexpr std::size_t kPageBytes = 4096;
constexpr int kRuns = 2000;

struct Times {
  double median;
  double p99;
};

Times measure(const char* what, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < kRuns; ++i) {
    const auto start = Clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  const Times out = {times[times.size() / 2], times[times.size() * 99 / 100]};
  std::printf("  %-34s median %.3f  p99 %.3f ms\n", what, out.median, out.p99);
  return out;
}

bool read_all(int fd, std::array<char, kFrameBytes>& frame) {
  return ::recv(fd, frame.data(), frame.size(), MSG_WAITALL) == static_cast<ssize_t>(frame.size());
}

/// Both ends of a TCP connection over loopback.
std::pair<int, int> connection() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  COTERIE_ASSERT(::bind(listener, reinterpret_cast<sockaddr*>(&at), size) == 0);
  COTERIE_ASSERT(::listen(listener, 1) == 0);
  COTERIE_ASSERT(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  const int here = ::socket(AF_INET, SOCK_STREAM, 0);
  COTERIE_ASSERT(::connect(here, reinterpret_cast<sockaddr*>(&at), size) == 0);
  const int there = ::accept(listener, nullptr, nullptr);
  const int on = 1;
  for (const int fd : {here, there}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::close(listener);
  return {here, there};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !crypto::initialise()) return 2;

  const auto ends = connection();
  std::thread echo([there = ends.second] {
    std::array<char, kFrameBytes> frame{};
    while (read_all(there, frame) && ::send(there, frame.data(), frame.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  std::array<char, kFrameBytes> frame{};
  const Times trip = measure("TCP round trip of 400 bytes", [&] {
    COTERIE_ASSERT(::send(ends.first, frame.data(), frame.size(), MSG_NOSIGNAL) > 0);
    COTERIE_ASSERT(read_all(ends.first, frame));
  });
  ::shutdown(ends.first, SHUT_RDWR);
  echo.join();

  SecureRandom& random = crypto::system_random();
  const auto device = crypto::SigningKey::generate(random);
  const crypto::SecretKey key = device.curve_secret();
  const Bytes header(100, 1);
  const Bytes text(kTextBytes, 2);
  const Times crypto_times = measure("seal, hash, sign; verify, open", [&] {
    const Bytes sealed = crypto::seal_with_nonce(key, random, header, text);
    const Hash hash = crypto::hash({header, sealed});
    const auto signature = device.sign(hash.view());
    COTERIE_ASSERT(crypto::verify(device.id(), hash.view(), signature));
    COTERIE_ASSERT(crypto::open_with_nonce(key, header, sealed).has_value());
  });

  const std::string path = std::string(argv[1]) + "/floor";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  COTERIE_ASSERT(file >= 0);
  const Bytes page(kPageBytes, 3);
  off_t next = 0;
  const Times write = measure("a page written, fdatasync", [&] {
    COTERIE_ASSERT(::pwrite(file, page.data(), page.size(), next) > 0);
    COTERIE_ASSERT(::fdatasync(file) == 0);
    next = (next + static_cast<off_t>(kPageBytes)) % static_cast<off_t>(64 * kPageBytes);
  });
  ::close(file);
  ::unlink(path.c_str());
  std::printf("  %-34s median %.2f ms\n", "half a trip, crypto, two writes",
              trip.median / 2 + crypto_times.median + 2 * write.median);
  return 0;
}
