// A network of hosts whose links are as bad as is wanted: one process that is the wire between
// them.
//
//     lab_network HOSTS SEED
//
// Each host is a network namespace with one interface; host 0 is the namespace it was started in,
// the others are mounted as /run/netns/hN. Every packet comes to this process (TUN), which drops it
// or sends it on later. tc netem would do the same in the kernel, for those whose kernel has it
// (CONFIG_NET_SCH_NETEM); it knows neither pairs of hosts nor cuts in one direction.
//
// Prints "ready" and carries out a line of stdin after the other, answering each with a line:
//
//     shape on|off          delays, loss and reordering of all links (off at first). A link's delay
//                           is drawn from the seed: 10 to 50 ms each way, and up to a fifth more
//                           for each packet; 0.5 % are lost, 1 % overtaken
//     rate HOST KBIT        what the host can receive; more waits, up to 400 ms of it; 0: no limit
//     drop FROM TO | pass FROM TO        in this direction
//     group HOST GROUP      hosts of different groups do not reach each other (all are in 0)
//     stats                 {"packets":..,"bytes":..,"lost":..,"cut":..,"overflowed":..}
//
// It ends with its stdin; the namespaces go with whoever made the mount.

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <queue>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kPacketBytesMax = 2048;
constexpr std::size_t kWaitingMax = 200'000;
constexpr std::size_t kHostsMax = 1'000;
constexpr std::size_t kHostsPerNet = 250;
constexpr auto kOverflow = 400ms;
constexpr double kLoss = 0.005;
constexpr double kOvertaken = 0.01;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "lab_network: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

std::uint32_t address_of(std::size_t host) {
  return (10u << 24) | (77u << 16) | static_cast<std::uint32_t>(host / kHostsPerNet) << 8 |
         static_cast<std::uint32_t>(host % kHostsPerNet + 1);
}

void set_address(ifreq& request, std::uint32_t address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(address);
  std::memcpy(&request.ifr_addr, &at, sizeof at);
}

void raise_interface(int socket, const char* name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (::ioctl(socket, SIOCGIFFLAGS, &request) != 0) fail(name);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(socket, SIOCSIFFLAGS, &request) != 0) fail(name);
}

/// The interface "lab" of `host`, in the namespace of this thread; returns its other end.
int open_interface(std::size_t host) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("/dev/net/tun");
  ifreq request{};
  std::strncpy(request.ifr_name, "lab", IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(fd, TUNSETIFF, &request) != 0) fail("TUNSETIFF");
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail("socket");
  set_address(request, address_of(host));
  if (::ioctl(socket, SIOCSIFADDR, &request) != 0) fail("SIOCSIFADDR");
  set_address(request, 0xffff0000);
  if (::ioctl(socket, SIOCSIFNETMASK, &request) != 0) fail("SIOCSIFNETMASK");
  raise_interface(socket, "lab");
  raise_interface(socket, "lo");
  ::close(socket);
  return fd;
}

std::vector<int> open_hosts(std::size_t hosts) {
  std::vector<int> fds = {open_interface(0)};
  const int home = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  ::mkdir("/run/netns", 0755);
  for (std::size_t host = 1; host < hosts; ++host) {
    if (::unshare(CLONE_NEWNET) != 0) fail("unshare");
    fds.push_back(open_interface(host));
    const std::string name = "/run/netns/h" + std::to_string(host);
    const int file = ::open(name.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
    if (file < 0) fail(name.c_str());
    ::close(file);
    if (::mount("/proc/self/ns/net", name.c_str(), "", MS_BIND, nullptr) != 0) fail("mount");
  }
  if (::setns(home, CLONE_NEWNET) != 0) fail("setns");
  return fds;
}

struct Packet {
  Clock::time_point due;
  std::uint64_t number;
  std::size_t to;
  std::vector<std::uint8_t> bytes;

  bool operator<(const Packet& other) const {
    return due != other.due ? due > other.due : number > other.number;
  }
};

class Wire {
 public:
  Wire(std::vector<int> hosts, std::uint64_t seed)
      : hosts_(std::move(hosts)),
        random_(seed),
        delay_(hosts_.size() * hosts_.size()),
        last_(delay_.size()),
        dropped_(delay_.size(), false),
        group_(hosts_.size(), 0),
        kbit_(hosts_.size(), 0),
        busy_until_(hosts_.size()) {
    std::uniform_int_distribution<int> micros(10'000, 50'000);
    for (std::size_t a = 0; a < hosts_.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        delay_[pair(a, b)] = delay_[pair(b, a)] = std::chrono::microseconds(micros(random_));
      }
    }
  }

  void run() {
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    const auto add = [&](int fd, std::size_t id) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = id;
      if (::epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
    };
    for (std::size_t host = 0; host < hosts_.size(); ++host) add(hosts_[host], host);
    const std::size_t commands = hosts_.size();
    add(STDIN_FILENO, commands);
    add(timer, commands + 1);
    std::vector<epoll_event> events(256);
    for (;;) {
      set_timer(timer);
      const int count = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const std::size_t id = events[static_cast<std::size_t>(i)].data.u64;
        if (id < commands) take(id);
        if (id == commands && !read_commands()) return;
      }
      deliver();
    }
  }

 private:
  std::size_t pair(std::size_t from, std::size_t to) const { return from * hosts_.size() + to; }

  void set_timer(int timer) const {
    itimerspec when{};
    if (!waiting_.empty()) {
      const auto left = std::max<Clock::duration>(waiting_.top().due - Clock::now(), 1ns);
      when.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      when.it_value.tv_nsec = (left % 1s).count();
    }
    ::timerfd_settime(timer, 0, &when, nullptr);
  }

  void take(std::size_t from) {
    std::uint8_t buffer[kPacketBytesMax];
    for (int i = 0; i < 64; ++i) {
      const ssize_t size = ::read(hosts_[from], buffer, sizeof buffer);
      if (size <= 0) return;
      if (size < 20 || buffer[0] >> 4 != 4) continue;
      const std::vector<std::uint8_t> bytes(buffer, buffer + size);
      const std::uint32_t to = static_cast<std::uint32_t>(buffer[16]) << 24 | buffer[17] << 16 |
                               buffer[18] << 8 | buffer[19];
      if (to >> 28 == 14 || (to & 0xffff) == 0xffff) {  // To everybody.
        for (std::size_t host = 0; host < hosts_.size(); ++host) {
          if (host != from) send(from, host, bytes);
        }
        continue;
      }
      const std::size_t host = (to >> 8 & 0xff) * kHostsPerNet + (to & 0xff) - 1;
      if (to >> 16 == (10u << 8 | 77u) && host < hosts_.size() && host != from) {
        send(from, host, bytes);
      }
    }
  }

  void send(std::size_t from, std::size_t to, std::vector<std::uint8_t> bytes) {
    ++packets_;
    bytes_ += bytes.size();
    if (dropped_[pair(from, to)] || group_[from] != group_[to]) {
      ++cut_;
      return;
    }
    auto due = Clock::now();
    if (shaped_) {
      if (share_(random_) < kLoss) {
        ++lost_;
        return;
      }
      const auto delay = delay_[pair(from, to)];
      due += delay;
      due += std::chrono::microseconds(
          static_cast<std::int64_t>(share_(random_) * 0.2 * static_cast<double>(delay.count())));
      // Delays differ; the order stays, but for those that are overtaken.
      auto& last = last_[pair(from, to)];
      if (share_(random_) >= kOvertaken) last = due = std::max(due, last);
    }
    if (kbit_[to] > 0) {
      auto& busy = busy_until_[to];
      busy = std::max(busy, due);
      if (busy - due > kOverflow) {
        ++overflowed_;
        return;
      }
      busy += std::chrono::nanoseconds(bytes.size() * 8 * 1'000'000 / kbit_[to]);
      due = busy;
    }
    if (waiting_.size() >= kWaitingMax) {
      ++overflowed_;
      return;
    }
    waiting_.push({due, ++number_, to, std::move(bytes)});
  }

  void deliver() {
    const auto now = Clock::now();
    while (!waiting_.empty() && waiting_.top().due <= now) {
      const Packet& packet = waiting_.top();
      // A host that takes no more loses it, as on a wire.
      if (::write(hosts_[packet.to], packet.bytes.data(), packet.bytes.size()) < 0) ++overflowed_;
      waiting_.pop();
    }
  }

  bool read_commands() {
    char buffer[4096];
    const ssize_t size = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (size <= 0) return false;
    input_.append(buffer, static_cast<std::size_t>(size));
    for (std::size_t end; (end = input_.find('\n')) != std::string::npos;) {
      std::printf("%s\n", carry_out(input_.substr(0, end)).c_str());
      input_.erase(0, end + 1);
    }
    std::fflush(stdout);
    return true;
  }

  std::string carry_out(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "shape") {
      std::string how;
      words >> how;
      shaped_ = how == "on";
      return "ok";
    }
    if (command == "stats") {
      return "{\"packets\":" + std::to_string(packets_) + ",\"bytes\":" + std::to_string(bytes_) +
             ",\"lost\":" + std::to_string(lost_) + ",\"cut\":" + std::to_string(cut_) +
             ",\"overflowed\":" + std::to_string(overflowed_) + "}";
    }
    std::size_t host = 0;
    std::size_t other = 0;
    if (!(words >> host >> other) || host >= hosts_.size()) return "what?";
    if (command == "rate") {
      kbit_[host] = other;
    } else if (command == "group") {
      group_[host] = other;
    } else if ((command == "drop" || command == "pass") && other < hosts_.size()) {
      dropped_[pair(host, other)] = command == "drop";
    } else {
      return "what?";
    }
    return "ok";
  }

  const std::vector<int> hosts_;
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> share_{0, 1};
  bool shaped_ = false;
  std::vector<std::chrono::microseconds> delay_;  ///< By pair().
  std::vector<Clock::time_point> last_;           ///< By pair(): when the last one arrives.
  std::vector<bool> dropped_;                     ///< By pair().
  std::vector<std::size_t> group_;
  std::vector<std::size_t> kbit_;
  std::vector<Clock::time_point> busy_until_;
  std::priority_queue<Packet> waiting_;
  std::uint64_t number_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t cut_ = 0;
  std::uint64_t overflowed_ = 0;
  std::string input_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t hosts = argc == 3 ? std::strtoull(argv[1], nullptr, 10) : 0;
  if (hosts < 1 || hosts > kHostsMax) {
    std::fprintf(stderr, "usage: lab_network HOSTS SEED\n");
    return 2;
  }
  ::setpriority(PRIO_PROCESS, 0, -10);  // The wire is not to be what is slow; best effort.
  Wire wire(open_hosts(hosts), std::strtoull(argv[2], nullptr, 10));
  std::printf("ready\n");
  std::fflush(stdout);
  wire.run();
  return 0;
}
