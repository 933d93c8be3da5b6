// Steward: what a device does for its workspace by itself, because nobody is in charge.
//
// acknowledge  When a removal, a lowered role or a void admission reaches an editor or host that
//              holds entries of the device concerned which nobody vouched for yet, it vouches for
//              what it had accepted, in the batch that stores the news. Once for each.
// settle       What counts only because it is stood upon (admission.hpp) could be another entry
// when
//              more of the removed device's turn up. So a host vouches for it, after a random part
//              of ten seconds, unless another one did; at most once in kVouchPause, whoever has
//              what to stand upon made.
// rotate       When the keys are not fit (KeyRing), or a key was withheld from this device, hosts
//              begin a new epoch after a random 0 to 250 ms, editors after 250 to 750 ms: one of
//              them is first, the others see it and stop. Again if that did not help, but at most
//              kRotationBurst times at once and one in kRotationRefill after: a member that spoils
//              each new epoch costs that much, until it is removed.
// schedule     Hosts rotate when an epoch is Options::rotate_after old or rotate_entries were
//              written since, after a random part of rotate_spread.
//
// It appends to the ledger; its owner drives it. Single-threaded.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "crdt/base/clock.hpp"
#include "crdt/base/random.hpp"
#include "node/core/admission.hpp"
#include "node/core/context.hpp"
#include "node/core/ledger.hpp"

namespace coterie::node {

class Steward {
 public:
  /// All must outlive it.
  Steward(Ledger& ledger, const Admission& admission, Context& context);

  /// The ledger is loaded or founded: what it holds was answered when it came.
  void opened(Now now);
  /// Another operation is in the membership, ours or another's.
  void membership_changed(Now now);
  /// Documents were made anew: what is stood upon may be something else.
  void views_changed(Now now);

  /// `able`: entries can be written. Without, what is due is tried again a little later.
  void handle_timeout(Now now, bool able);
  std::optional<Instant> next_deadline() const;

  /// Begins a new epoch now; with `break_chain` one whose key leads to no older one. Errors:
  /// kUnauthorized (only hosts and editors), as KeyRing::make_rekey().
  Status rotate(Now now, bool break_chain = false);
  /// Rotates now if the keys are not fit. For whoever just made them so.
  void rotate_if_unfit(Now now);

  std::uint64_t rotations() const { return rotations_; }

 private:
  using Answered = std::set<std::pair<DeviceId, Hash>>;

  bool may_act() const;
  bool unfit() const;
  bool spent() const;
  std::vector<Restriction> restrictions(const DeviceId& device) const;
  void acknowledge(Now now);
  using Answers = std::map<Hash, std::vector<LogMark>>;  ///< Marks by what they answer.
  void write_answers(Now now, Answers answers);
  void vouch(Now now);
  void plan_healing(Now now);
  void plan_schedule(Now now);
  Duration random_up_to(Duration most);
  bool take_token(Now now);

  Ledger& ledger_;
  const Admission& admission_;
  Context& context_;
  Random jitter_;
  Answered answered_;  ///< Restrictions known here, by whom they concern.

  std::optional<Instant> vouch_at_;
  Instant vouch_not_before_{};

  std::optional<Instant> heal_at_;
  std::size_t tokens_;
  Instant refilled_{};

  Hash epoch_;                       ///< Whose age is watched: its operation.
  std::uint64_t epoch_entries_ = 0;  ///< Entries held when it was first seen.
  std::optional<Instant> rotate_at_;
  bool enough_entries_ = false;  ///< rotate_at_ was moved up for their number.
  Instant next_look_{};

  std::uint64_t rotations_ = 0;
};

}  // namespace coterie::node
