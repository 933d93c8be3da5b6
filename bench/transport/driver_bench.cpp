// Round trips and throughput of two drivers on the loopback interface, encryption included.
//
// Claim: the driver adds two wakes of a thread to what ZeroMQ with CURVE costs, and carries more
// than a fast home uplink.

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "transport/zmq/driver.hpp"

namespace {

using namespace coterie;
using namespace coterie::transport;
using Clock = std::chrono::steady_clock;

struct Node {
  explicit Node(const ZmqDriver::Options& options)
      : device(crypto::SigningKey::generate(crypto::system_random())) {
    driver = *ZmqDriver::start(options, device, [this] {
      const std::lock_guard lock(mutex);
      ready = true;
      changed.notify_all();
    });
  }

  template <typename T>
  T wait_for() {
    for (;;) {
      {
        std::unique_lock lock(mutex);
        ready = false;
      }
      while (auto event = driver->poll_event()) {
        if (T* held = std::get_if<T>(&*event)) return std::move(*held);
      }
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return ready; });
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;
  crypto::SigningKey device;
  std::unique_ptr<ZmqDriver> driver;
};

double micros(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  if (!crypto::initialise()) return 1;
  Node red({});
  Node green({.listen = {"tcp://127.0.0.1:*"}});
  green.driver->allow_peers({red.device.id()}, {});
  red.driver->dial(green.device.id(), green.driver->endpoints()[0]);
  const LinkId out = red.wait_for<ZmqDriver::LinkUp>().link;
  red.driver->send(out, TrafficClass::kControl, Bytes(1));
  const LinkId in = green.wait_for<ZmqDriver::LinkUp>().link;
  green.wait_for<ZmqDriver::Frame>();

  for (const std::size_t size : {std::size_t{400}, std::size_t{65'536}}) {
    std::vector<double> times;
    for (int i = 0; i < (quick ? 100 : 5000); ++i) {
      const auto start = Clock::now();
      red.driver->send(out, TrafficClass::kEntries, Bytes(size));
      green.driver->send(in, TrafficClass::kEntries, green.wait_for<ZmqDriver::Frame>().bytes);
      red.wait_for<ZmqDriver::Frame>();
      times.push_back(micros(Clock::now() - start));
    }
    std::sort(times.begin(), times.end());
    std::printf("round trip of %6zu bytes: median %7.1f us  p99 %7.1f us\n", size,
                times[times.size() / 2], times[times.size() * 99 / 100]);
  }
  const int frames = quick ? 200 : 5000;
  const auto start = Clock::now();
  for (int i = 0; i < frames; ++i) red.driver->send(out, TrafficClass::kBulk, Bytes(65'536));
  for (int i = 0; i < frames; ++i) green.wait_for<ZmqDriver::Frame>();
  const double seconds = micros(Clock::now() - start) / 1e6;
  std::printf("frames of 65,536 bytes one way: %.0f MB/s\n", frames * 65'536 / seconds / 1e6);
  return 0;
}
