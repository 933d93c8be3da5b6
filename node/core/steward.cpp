#include "node/core/steward.hpp"

#include <algorithm>
#include <tuple>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/log/hybrid_clock.hpp"

namespace coterie::node {

using storage::Table;

namespace {

constexpr Duration kHostDelayMax = std::chrono::milliseconds(250);
constexpr Duration kEditorDelayMin = std::chrono::milliseconds(250);
constexpr Duration kEditorDelayMax = std::chrono::milliseconds(750);
constexpr Duration kVouchDelayMax = std::chrono::seconds(10);
constexpr Duration kRetry = std::chrono::seconds(2);
/// How often the entries of an epoch are counted.
constexpr Duration kLook = std::chrono::seconds(60);

std::uint64_t jitter_seed(const Ledger& ledger, const Context& context) {
  std::uint64_t seed = context.options.seed ^ 0x73746577;
  for (const std::uint8_t byte : ledger.workspace().view().first(8)) seed = seed * 257 + byte;
  return seed;
}

}  // namespace

Steward::Steward(Ledger& ledger, const Admission& admission, Context& context)
    : ledger_(ledger),
      admission_(admission),
      context_(context),
      jitter_(jitter_seed(ledger, context)),
      tokens_(kRotationBurst) {}

// What follows from the membership.

bool Steward::may_act() const {
  const auto role = ledger_.role();
  return role && may_edit(*role);
}

/// What a member with modified software makes others do must not use up what they may.
bool Steward::spent() const { return ledger_.membership().nearly_spent(context_.identity.id()); }

bool Steward::unfit() const {
  const Membership& membership = ledger_.membership();
  return !ledger_.keys().fit(membership) || ledger_.keys().locked_out(membership);
}

void Steward::opened(Now now) {
  refilled_ = now.steady;
  for (const DeviceId& device : ledger_.membership().ever_admitted()) {
    for (const Restriction& one : restrictions(device)) answered_.emplace(device, one.operation);
  }
  plan_healing(now);
  plan_schedule(now);
  views_changed(now);
}

void Steward::membership_changed(Now now) {
  acknowledge(now);
  plan_healing(now);
  plan_schedule(now);
}

/// All that takes rights from `device`; in documents, too, unless it is this one: nobody vouches
/// for itself.
std::vector<Restriction> Steward::restrictions(const DeviceId& device) const {
  auto all = ledger_.membership().restrictions_of(device);
  if (device == context_.identity.id()) return all;
  for (Restriction& limit : ledger_.membership().limits_of(device)) {
    if (limit.takes) all.push_back(std::move(limit));
  }
  return all;
}

void Steward::acknowledge(Now now) {
  const Membership& membership = ledger_.membership();
  Answered known;
  Answers answers;  // One for all devices that an operation concerns.
  // Also of whom nothing is held: what comes later was written in vain.
  for (const DeviceId& device : membership.ever_admitted()) {
    for (const Restriction& one : restrictions(device)) {
      known.emplace(device, one.operation);
      if (answered_.count({device, one.operation}) > 0) continue;
      if (membership.came_after(context_.identity.id(), one.operation)) continue;
      const std::vector<LogMark> marks = ledger_.marks(device);
      for (const LogMark& mark : marks) {
        // A mark further on may name an entry that is nowhere: only what is held is believed.
        const auto& known_marks = one.acknowledged;
        if (std::find(known_marks.begin(), known_marks.end(), mark) == known_marks.end())
          answers[one.operation].push_back(mark);
      }
    }
  }
  // One that came to nothing and counts again later is answered again: then more was accepted.
  answered_ = std::move(known);
  if (may_act()) write_answers(now, std::move(answers));
}

void Steward::write_answers(Now now, Answers answers) {
  for (auto& [operation, marks] : answers) {
    std::sort(marks.begin(), marks.end(), [](const LogMark& a, const LogMark& b) {
      return std::tie(a.log, a.seq, a.hash) < std::tie(b.log, b.seq, b.hash);
    });
    if (marks.size() > kLogMarksMax) marks.resize(kLogMarksMax);
    ledger_.append_operation(now, AcknowledgeOperation{operation, std::move(marks)});
  }
}

void Steward::views_changed(Now now) {
  // Of an editor's acknowledgements only the first one counts.
  if (ledger_.role() != Role::kHost || admission_.stood_upon() == 0 || vouch_at_) return;
  vouch_at_ = std::max(now.steady + random_up_to(kVouchDelayMax), vouch_not_before_);
}

void Steward::vouch(Now now) {
  if (ledger_.role() != Role::kHost) return;
  std::map<Hash, std::map<LogId, LogMark>> furthest;  // By strand.
  for (const auto& [position, one] : admission_.all()) {
    if (!one.stood_upon) continue;
    const Standing standing = ledger_.membership().standing(position.first.device, *one.heads,
                                                            Right::kEdit, one.document);
    if (standing.kind != Standing::Kind::kDisputed) continue;
    const LogMark mark{ledger_.segments().chain_of(one.ref.log), one.ref.seq, one.hash};
    for (const Restriction* restriction : standing.by) {
      const bool reached = restriction->any_mark(
          one.document,
          [this, &ref = one.ref](const LogMark& other) { return ledger_.reaches(other, ref); });
      // In order of number: the last is the furthest.
      if (!reached) furthest[restriction->operation][one.ref.log] = mark;
    }
  }
  if (furthest.empty()) return;
  Answers answers;
  for (const auto& [operation, marks] : furthest) {
    if (answers.size() == kVouchedOperationsMax) break;
    for (const auto& [strand, mark] : marks) answers[operation].push_back(mark);
  }
  vouch_not_before_ = now.steady + kVouchPause;
  write_answers(now, std::move(answers));
}

// New epochs.

Duration Steward::random_up_to(Duration most) {
  return Duration(
      static_cast<Duration::rep>(jitter_.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

void Steward::plan_healing(Now now) {
  if (!may_act() || !unfit()) {
    heal_at_.reset();
    return;
  }
  if (heal_at_) return;
  const Duration delay = ledger_.role() == Role::kHost
                             ? random_up_to(kHostDelayMax)
                             : kEditorDelayMin + random_up_to(kEditorDelayMax - kEditorDelayMin);
  heal_at_ = now.steady + delay;
  if (tokens_ == 0) heal_at_ = std::max(*heal_at_, refilled_ + kRotationRefill);
}

bool Steward::take_token(Now now) {
  while (tokens_ < kRotationBurst && now.steady >= refilled_ + kRotationRefill) {
    ++tokens_;
    refilled_ += kRotationRefill;
  }
  if (tokens_ == kRotationBurst) refilled_ = now.steady;
  if (tokens_ == 0) return false;
  --tokens_;
  return true;
}

/// Looks after the age of the epoch that is written under.
void Steward::plan_schedule(Now now) {
  const Epoch* epoch = ledger_.keys().write_epoch(ledger_.membership());
  if (ledger_.role() != Role::kHost || epoch == nullptr) {
    rotate_at_.reset();
    epoch_ = {};
    return;
  }
  if (epoch->operation == epoch_) return;
  epoch_ = epoch->operation;
  enough_entries_ = false;
  // Its author's clock may be wrong, and ours: since it was first seen here, at the latest.
  WallMillis since = std::min(HybridClock::millis(epoch->time), now.wall);
  epoch_entries_ = ledger_.entries();
  const auto row = ledger_.store().get(Table::kMeta, meta_key("epoch"));
  bool stored = false;
  if (row && *row) {
    ByteReader in(**row);
    const auto operation = read_id<Hash>(in);
    const auto first_seen = read_u64(in);
    const auto entries = read_u64(in);
    if (operation && first_seen && entries && *operation == epoch_) {
      stored = true;
      since = std::min(since, static_cast<WallMillis>(*first_seen));
      epoch_entries_ = *entries;
    }
  }
  if (!stored) {
    Bytes value(epoch_.view().begin(), epoch_.view().end());
    append_u64(value, now.wall);
    append_u64(value, epoch_entries_);
    ledger_.staged().put(Table::kMeta, meta_key("epoch"), std::move(value));
  }
  const Duration age = std::chrono::milliseconds(now.wall - since);
  const Duration left = std::max(Duration::zero(), context_.options.rotate_after - age);
  rotate_at_ = now.steady + left + random_up_to(context_.options.rotate_spread);
  next_look_ = now.steady + kLook;
}

Status Steward::rotate(Now now, bool break_chain) {
  if (!may_act()) return Error{ErrorCode::kUnauthorized, "only hosts and editors change the key"};
  COTERIE_TRY(KeyRing::Rekey made, ledger_.keys().make_rekey(ledger_.membership(), break_chain));
  ledger_.keys().add(std::move(made.key));
  ledger_.append_operation(now, std::move(made.operation));
  ++rotations_;
  heal_at_.reset();
  plan_healing(now);
  plan_schedule(now);
  return {};
}

void Steward::rotate_if_unfit(Now now) {
  if (may_act() && unfit()) (void)rotate(now);  // If it cannot, a later try may.
}

void Steward::handle_timeout(Now now, bool able) {
  if (vouch_at_ && *vouch_at_ <= now.steady) {
    vouch_at_.reset();
    if (able) {
      vouch(now);
    } else {
      vouch_at_ = now.steady + kRetry;
    }
  }
  if (heal_at_ && *heal_at_ <= now.steady) {
    heal_at_.reset();
    if (!able) {
      heal_at_ = now.steady + kRetry;
    } else if (may_act() && unfit()) {
      const bool rotated = !spent() && take_token(now) && rotate(now).has_value();
      if (!rotated) heal_at_ = now.steady + kRetry;
    }
  }
  if (!rotate_at_) return;
  if (next_look_ <= now.steady) {
    next_look_ = now.steady + kLook;
    const bool enough = ledger_.entries() >= epoch_entries_ + context_.options.rotate_entries;
    if (enough && !enough_entries_) {
      enough_entries_ = true;
      const Instant at = now.steady + random_up_to(context_.options.rotate_spread);
      rotate_at_ = std::min(*rotate_at_, at);
    }
  }
  if (*rotate_at_ <= now.steady) {
    rotate_at_ = now.steady + kRetry;
    if (spent()) {
      rotate_at_ = now.steady + kLook;
    } else if (able) {
      (void)rotate(now);  // If it cannot, it is tried again.
    }
  }
}

std::optional<Instant> Steward::next_deadline() const {
  std::optional<Instant> due = heal_at_;
  if (vouch_at_) due = due ? std::min(*due, *vouch_at_) : vouch_at_;
  if (rotate_at_) {
    const Instant next = std::min(*rotate_at_, next_look_);
    due = due ? std::min(*due, next) : next;
  }
  return due;
}

}  // namespace coterie::node
