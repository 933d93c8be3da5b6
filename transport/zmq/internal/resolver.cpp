#include "transport/zmq/internal/resolver.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace coterie::transport::internal {

struct Resolver::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::pair<LinkId, Address>> waiting;
  OnResolved on_resolved;  ///< Empty once the Resolver is gone.
  bool started = false;
};

Resolver::Resolver(OnResolved on_resolved) : shared_(std::make_shared<Shared>()) {
  shared_->on_resolved = std::move(on_resolved);
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->on_resolved = nullptr;
  shared_->changed.notify_one();
}

void Resolver::resolve(LinkId link, Address address) {
  const std::lock_guard lock(shared_->mutex);
  shared_->waiting.emplace_back(link, std::move(address));
  if (!std::exchange(shared_->started, true)) {
    std::thread([shared = shared_] { run(shared); }).detach();
  }
  shared_->changed.notify_one();
}

void Resolver::run(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return !shared->waiting.empty() || !shared->on_resolved; });
    if (!shared->on_resolved) return;
    const auto request = std::move(shared->waiting.front());
    shared->waiting.pop_front();
    lock.unlock();
    std::vector<Address> addresses = look_up(request.second);
    lock.lock();
    if (shared->on_resolved) shared->on_resolved(request.first, std::move(addresses));
  }
}

}  // namespace coterie::transport::internal
