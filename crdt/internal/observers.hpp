// Who observes a document, and what. Made when somebody does: a document nobody observes pays a
// null pointer.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crdt/doc.hpp"
#include "crdt/internal/item.hpp"
#include "crdt/subscription.hpp"
#include "crdt/transaction.hpp"

namespace coterie::crdt::internal {

/// What observers are given; beside it there is the Transaction of this namespace.
using TransactionView = coterie::crdt::Transaction;

/// What an observer needs the document to do.
enum Watch : std::uint8_t {
  kWatchUpdates = 1,  ///< Write the update of each transaction.
  kWatchChanges = 2,  ///< Note what changes, run the calls between edits and clean-up.
  kWatchBegin = 4,    ///< Tell when a transaction begins.
};

/// Shared by a Subscription and the document. Lives on when either goes.
struct Observation {
  Observation() = default;
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;
  virtual ~Observation() = default;
  virtual void forget() = 0;

  Observers* owner = nullptr;  ///< Null once it ended.
  std::uint8_t watch = 0;
  int running = 0;
};

template <typename... Args>
struct Observer final : Observation {
  void forget() override { function = nullptr; }
  std::function<void(Args...)> function;
};

/// Observers of one thing, called in the order they came.
template <typename... Args>
class ObserverList {
 public:
  bool empty() const { return observers_.empty(); }
  void add(std::shared_ptr<Observer<Args...>> observer) {
    observers_.push_back(std::move(observer));
  }

  /// Those added meanwhile are called too if `kLate` (as Yjs does for types, not for documents).
  template <bool kLate, typename... Given>
  void call(Given&&... args) {
    const std::size_t known = observers_.size();
    for (std::size_t i = 0; i < observers_.size() && (kLate || i < known); ++i) {
      const std::shared_ptr<Observer<Args...>> observer = observers_[i];
      if (observer->owner == nullptr) continue;
      ++observer->running;
      observer->function(args...);
      if (--observer->running == 0 && observer->owner == nullptr) observer->forget();
    }
  }

  void drop_ended() {
    std::erase_if(observers_, [](const auto& observer) { return observer->owner == nullptr; });
  }
  void end_all() {
    for (const auto& observer : observers_) {
      observer->owner = nullptr;
      if (observer->running == 0) observer->forget();
    }
    observers_.clear();
  }

 private:
  std::vector<std::shared_ptr<Observer<Args...>>> observers_;
};

class Observers {
 public:
  /// `watch` of the store is kept to what is needed.
  explicit Observers(std::uint8_t& watch) : watch_(watch) {}
  Observers(const Observers&) = delete;
  Observers& operator=(const Observers&) = delete;
  ~Observers();

  template <typename... Args>
  Subscription add(ObserverList<Args...>& list, std::function<void(Args...)> function,
                   std::uint8_t watch) {
    auto observer = std::make_shared<Observer<Args...>>();
    observer->function = std::move(function);
    observer->owner = this;
    observer->watch = watch;
    list.add(observer);
    count(watch, 1);
    return Subscription(std::move(observer));
  }

  /// Called by a Subscription.
  void ended(Observation& observation);

  /// Lists may be walked between these two: what ended stays in them until then.
  void enter() { ++calls_; }
  void leave();

  /// Ends all observations.
  void end_all();

  ObserverList<> before_all;
  ObserverList<const TransactionView&> before;
  ObserverList<const TransactionView&> before_calls;
  ObserverList<const TransactionView&> after;
  ObserverList<const TransactionView&> after_cleanup;
  ObserverList<std::span<const TransactionView>> after_all;
  ObserverList<ByteView, const TransactionView&> update;
  ObserverList<ByteView, const TransactionView&> update_v2;
  ObserverList<> destroy;

 private:
  void count(std::uint8_t watch, int change);
  void drop_ended();

  std::uint8_t& watch_;
  int counts_[8] = {};  ///< By bit of Watch.
  int calls_ = 0;
  std::size_t ended_ = 0;
};

}  // namespace coterie::crdt::internal
