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
#include "crdt/event.hpp"
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
      // Those that end stay in the list while it is walked (Observers::enter).
      Observer<Args...>* const observer = observers_[i].get();
      if (observer->owner == nullptr) continue;
      ++observer->running;
      observer->function(args...);
      if (--observer->running == 0 && observer->owner == nullptr) observer->forget();
    }
  }

  void drop_ended() {
    std::erase_if(observers_, [](const auto& observer) { return observer->owner == nullptr; });
  }
  bool observed() const {
    for (const auto& observer : observers_) {
      if (observer->owner != nullptr) return true;
    }
    return false;
  }
  template <typename Each>
  void for_each(Each each) const {
    for (const auto& observer : observers_) each(*observer);
  }

 private:
  std::vector<std::shared_ptr<Observer<Args...>>> observers_;
};

/// Observers of one shared type.
struct TypeObservers {
  ObserverList<const Event&, const TransactionView&> own;
  ObserverList<std::span<const Event>, const TransactionView&> deep;
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

  /// Ends all observations, or those of one type.
  void end_all();
  void end_type(BranchIndex branch);

  TypeObservers& of_type(BranchIndex branch) { return types_[branch]; }
  TypeObservers* find_type(BranchIndex branch) {
    const auto found = types_.find(branch);
    return found == types_.end() ? nullptr : &found->second;
  }
  bool observes_types() const { return !types_.empty(); }

  ObserverList<> before_all;
  ObserverList<const TransactionView&> before;
  ObserverList<const TransactionView&> before_calls;
  ObserverList<const TransactionView&> after;
  ObserverList<const TransactionView&> after_cleanup;
  ObserverList<std::span<const TransactionView>> after_all;
  ObserverList<ByteView, const TransactionView&> update;
  ObserverList<ByteView, const TransactionView&> update_v2;
  ObserverList<const SubdocsEvent&, const TransactionView&> subdocs;
  ObserverList<> destroy;

 private:
  void count(std::uint8_t watch, int change);
  void drop_ended();
  void end(Observation& observation);
  template <typename Each>
  void for_each_list(Each each);

  static constexpr std::size_t kEndedMax = 16;

  std::unordered_map<BranchIndex, TypeObservers> types_;  ///< References to its values stay valid.
  std::uint8_t& watch_;
  int counts_[8] = {};  ///< By bit of Watch.
  int calls_ = 0;
  std::size_t ended_ = 0;
};

}  // namespace coterie::crdt::internal
