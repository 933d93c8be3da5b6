// Subscription: how long somebody observes something of a document.
//
//     Subscription watching = doc.on_update([&](ByteView update, const Transaction&) { ... });

#pragma once

#include <memory>
#include <utility>

namespace coterie::crdt {

namespace internal {
struct Observation;
class Observers;
}  // namespace internal

/// Owns one observation: it ends with this object, with cancel(), or with what is observed. Move
/// only; may outlive the document. An observer may end its own subscription or another's while it
/// runs: none is called after that.
class [[nodiscard]] Subscription {
 public:
  /// Observes nothing.
  Subscription() = default;
  Subscription(Subscription&& other) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) {
      cancel();
      observation_ = std::move(other.observation_);
    }
    return *this;
  }
  ~Subscription() { cancel(); }

  /// Ends the observation and frees the function.
  void cancel();

  /// Lets the observation go on for as long as what is observed lives.
  void release() { observation_.reset(); }

  /// Whether the function may still be called.
  bool active() const;

 private:
  friend class internal::Observers;
  explicit Subscription(std::shared_ptr<internal::Observation> observation)
      : observation_(std::move(observation)) {}

  std::shared_ptr<internal::Observation> observation_;
};

}  // namespace coterie::crdt
