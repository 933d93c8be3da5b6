#include "node/core/key_ring.hpp"

#include <algorithm>
#include <utility>

#include "node/core/limits.hpp"

namespace coterie::node {

using storage::Table;

KeyRing::KeyRing(const crypto::SigningKey& identity, SecureRandom& random, const RowSealer& sealer,
                 Put put)
    : identity_(identity), random_(random), sealer_(sealer), put_(std::move(put)) {}

// Keys.

Status KeyRing::load(const storage::Store& store) {
  Status status;
  COTERIE_CHECK(store.scan(Table::kKeys, {}, {}, [&](ByteView key, ByteView value) {
    auto opened = sealer_.open(Table::kKeys, key, value);
    if (!opened) {
      status = opened.error();
      return false;
    }
    auto secret = crypto::SecretKey::from(*opened);
    if (!secret || !equal(crypto::key_commitment(*secret).view(), key)) {
      status = Error{ErrorCode::kCorrupt, "a stored key does not match its name"};
      return false;
    }
    keys_.emplace(crypto::key_commitment(*secret), std::move(*secret));
    return true;
  }));
  return status;
}

void KeyRing::add(crypto::SecretKey key) {
  const Hash commitment = crypto::key_commitment(key);
  if (keys_.count(commitment) > 0) return;
  Bytes name(commitment.view().begin(), commitment.view().end());
  Bytes row = sealer_.seal(Table::kKeys, name, key.view());
  put_(Table::kKeys, std::move(name), std::move(row));
  keys_.emplace(commitment, std::move(key));
  news_ = true;
}

const crypto::SecretKey* KeyRing::find(const Hash& commitment) const {
  const auto found = keys_.find(commitment);
  return found == keys_.end() ? nullptr : &found->second;
}

void KeyRing::take(const std::vector<SealedKey>& keys) {
  for (const SealedKey& sealed : keys) {
    if (find(sealed.commitment) != nullptr) continue;
    const auto opened = crypto::open_sealed(identity_, sealed.sealed);
    if (!opened) continue;
    auto key = crypto::SecretKey::from(*opened);
    if (!key || crypto::key_commitment(*key) != sealed.commitment) continue;
    add(std::move(*key));
  }
}

void KeyRing::absorb(const Membership& membership) {
  for (const Handover& one : membership.handovers()) {
    if (one.admit->device == identity_.id() && tried_.insert(one.operation).second) {
      take(one.admit->keys);
    }
  }
  const std::vector<Epoch>& epochs = membership.epochs();
  // Newer keys lead to older ones, whose epochs come before them.
  for (auto epoch = epochs.rbegin(); epoch != epochs.rend(); ++epoch) {
    if (epoch->rekey == nullptr) continue;
    const RekeyOperation& rekey = *epoch->rekey;
    if (find(rekey.key) == nullptr && tried_.insert(epoch->operation).second) {
      const auto& to = epoch->recipients;
      const auto self = std::lower_bound(to.begin(), to.end(), identity_.id());
      if (self != to.end() && *self == identity_.id()) {
        const auto at = static_cast<std::size_t>(self - to.begin());
        auto key = crypto::open_key(identity_, rekey.ephemeral, rekey.boxes.at(at));
        if (key && crypto::key_commitment(*key) == rekey.key) add(std::move(*key));
      }
    }
    const crypto::SecretKey* newer = find(rekey.key);
    if (newer == nullptr) continue;
    for (const ChainedKey& older : rekey.previous) {
      const auto link = chained_.emplace(std::make_pair(epoch->operation, older.commitment), false);
      if (!link.second) continue;
      auto key = crypto::unchain_key(*newer, older.commitment, older.box);
      link.first->second = key.has_value();
      if (key) add(std::move(*key));
    }
  }
}

// What follows from the membership.

/// One look at all epochs.
class KeyRing::Survey {
 public:
  Survey(const KeyRing& ring, const Membership& membership)
      : ring_(ring),
        membership_(membership),
        epochs_(membership.epochs()),
        handovers_(membership.handovers()) {
    for (const auto& [device, member] : membership.members()) {
      if (member.role != Role::kRelay) readers_.insert(device);
    }
    for (std::size_t i = 0; i < epochs_.size(); ++i) {
      by_key_[epochs_[i].commitment].push_back(i);
    }
    for (const OperationView& one : membership.history()) {
      if (!one.counts) continue;
      const auto* role = std::get_if<RoleOperation>(one.operation);
      const bool ends = role != nullptr ? role->role == Role::kRelay
                                        : std::holds_alternative<RemoveOperation>(*one.operation);
      if (ends) departures_.push_back(one.hash);
    }
    for (auto& [key, same] : by_key_) drop_copies(same);
    for (std::size_t i = 0; i < epochs_.size(); ++i) {
      if (epochs_[i].rekey == nullptr) continue;
      for (const ChainedKey& older : epochs_[i].rekey->previous) {
        // Whoever wrote it had the older key only if it had seen its epoch.
        const auto named = by_key_.find(older.commitment);
        const bool seen = named != by_key_.end() &&
                          std::any_of(named->second.begin(), named->second.end(),
                                      [&](std::size_t earlier) { return sees(i, earlier); });
        if (seen) chained_by_[older.commitment].push_back(i);
      }
    }
  }

  View view() {
    View out;
    choose_write(out);
    find_leaves(out);
    out.locked_out = locked_out();
    out.fit = out.write && all_read(*out.write) &&
              std::all_of(out.uncut.begin(), out.uncut.end(),
                          [this](std::size_t leaf) { return all_read(leaf); });
    return out;
  }

 private:
  bool sees(std::size_t later, std::size_t earlier) const {
    return later != earlier &&
           membership_.in_past(epochs_[earlier].operation, std::span(&epochs_[later].operation, 1));
  }
  /// Of epochs of one key: leaves out what does not count beside one that does and is unseen by it.
  /// A removed device reads the names of new keys, and could claim each as its own from before.
  void drop_copies(std::vector<std::size_t>& same) const {
    if (same.size() < 2) return;
    const std::vector<std::size_t> all = same;
    std::erase_if(same, [&](std::size_t copy) {
      return !epochs_[copy].counts && std::any_of(all.begin(), all.end(), [&](std::size_t other) {
        return epochs_[other].counts && !sees(copy, other) && !sees(other, copy);
      });
    });
  }
  bool held(std::size_t i) const { return ring_.find(epochs_[i].commitment) != nullptr; }
  /// A link of a chain that was seen to open. Only down the causal order, so that there is no
  /// cycle.
  bool opens(std::size_t outer, std::size_t inner) const {
    const auto link =
        ring_.chained_.find(std::make_pair(epochs_[outer].operation, epochs_[inner].commitment));
    return link != ring_.chained_.end() && link->second && sees(outer, inner);
  }

  /// Who was given the key of epoch `i`, with its box or at admission.
  void add_given(std::size_t i, Devices& out) const {
    const Epoch& epoch = epochs_[i];
    out.insert(epoch.recipients.begin(), epoch.recipients.end());
    out.insert(epoch.author);
    for (const Handover& one : handovers_) {
      const auto& keys = one.admit->keys;
      const bool named = std::any_of(keys.begin(), keys.end(), [&](const SealedKey& key) {
        return key.commitment == epoch.commitment;
      });
      if (!named || out.count(one.admit->device) > 0) continue;
      // Whoever wrote it had the key only if it had the operation: or a removed editor could spoil
      // each new epoch by an admission that names it.
      if (membership_.in_past(epoch.operation, std::span(&one.operation, 1))) {
        out.insert(one.admit->device);
      }
    }
  }

  /// Everybody who may know the key of epoch `i`: too many rather than too few.
  Devices may_know(std::size_t i) const {
    Devices out;
    std::set<std::size_t> met;
    std::vector<std::size_t> todo{i};
    while (!todo.empty()) {
      const std::size_t next = todo.back();
      todo.pop_back();
      if (!met.insert(next).second) continue;
      add_given(next, out);
      const Hash& key = epochs_[next].commitment;
      const auto& same = by_key_.at(key);
      todo.insert(todo.end(), same.begin(), same.end());
      const auto outer = chained_by_.find(key);
      if (outer == chained_by_.end()) continue;
      todo.insert(todo.end(), outer->second.begin(), outer->second.end());
    }
    return out;
  }
  bool clean(std::size_t i) const {
    // Of a departure that its epoch has not seen, others need not have known either: they may have
    // led its key on to the device that left, by operations that are not here yet.
    const auto epoch = std::span(&epochs_[i].operation, 1);
    if (!std::all_of(departures_.rbegin(), departures_.rend(),
                     [&](const Hash& one) { return membership_.in_past(one, epoch); })) {
      return false;
    }
    const Devices all = may_know(i);
    return std::includes(readers_.begin(), readers_.end(), all.begin(), all.end());
  }

  void choose_write(View& out) const {
    std::vector<std::size_t> newest;
    for (std::size_t i = epochs_.size(); i-- > 0;) {
      if (!epochs_[i].counts || !held(i)) continue;
      const bool older = std::any_of(newest.begin(), newest.end(),
                                     [&](std::size_t other) { return sees(other, i); });
      if (older || !clean(i)) continue;
      newest.push_back(i);
      if (!out.write || epochs_[i].operation < epochs_[*out.write].operation) out.write = i;
    }
  }

  void find_leaves(View& out) const {
    for (std::size_t i = 0; i < epochs_.size(); ++i) {
      if (!held(i) || by_key_.at(epochs_[i].commitment).front() != i) continue;
      const auto outer = chained_by_.find(epochs_[i].commitment);
      const bool chained = outer != chained_by_.end() &&
                           std::any_of(outer->second.begin(), outer->second.end(),
                                       [&](std::size_t one) { return held(one) && opens(one, i); });
      if (chained) continue;
      out.leaves.push_back(i);
      if (!cut(i)) out.uncut.push_back(i);
    }
  }
  /// The newest break is the likeliest to have it in its past.
  bool cut(std::size_t i) const {
    for (std::size_t later = epochs_.size(); later-- > 0;) {
      if (epochs_[later].breaks() && sees(later, i)) return true;
    }
    return false;
  }

  /// Whether epoch `later`, a rekey that leaves out the key of `i` though it saw it, says that its
  /// author does not have that.
  bool disowns(std::size_t later, std::size_t i) const {
    const Epoch& epoch = epochs_[later];
    if (epoch.rekey == nullptr || epoch.rekey->previous.empty()) return false;
    const auto& previous = epoch.rekey->previous;
    const bool named = std::any_of(previous.begin(), previous.end(), [&](const ChainedKey& older) {
      return older.commitment == epochs_[i].commitment;
    });
    return !named && sees(later, i);
  }

  /// Whether every reader can be held to know the key of epoch `i`.
  bool all_read(std::size_t i) const {
    Devices missing = readers_;
    std::set<std::size_t> met;
    std::vector<std::size_t> todo{i};
    while (!todo.empty()) {
      const std::size_t next = todo.back();
      todo.pop_back();
      if (!met.insert(next).second) continue;
      Devices given;
      add_given(next, given);
      // Only of what no chain leads to: there, leaving it out is the usual thing.
      if (next == i && chained_by_.count(epochs_[i].commitment) == 0) {
        for (std::size_t later = 0; later < epochs_.size(); ++later) {
          if (given.count(epochs_[later].author) > 0 && disowns(later, i)) {
            given.erase(epochs_[later].author);
          }
        }
      }
      for (const DeviceId& device : given) missing.erase(device);
      if (missing.empty()) return true;
      const auto outer = chained_by_.find(epochs_[next].commitment);
      if (outer == chained_by_.end()) continue;
      for (const std::size_t one : outer->second) {
        if (held(one) && opens(one, next)) todo.push_back(one);
      }
    }
    return false;
  }

  bool locked_out() const {
    const DeviceId& self = ring_.identity_.id();
    for (std::size_t i = epochs_.size(); i-- > 0;) {
      const Epoch& epoch = epochs_[i];
      const auto& to = epoch.recipients;
      if (!epoch.counts || held(i) || !std::binary_search(to.begin(), to.end(), self)) continue;
      bool said = false;
      for (std::size_t later = i + 1; later < epochs_.size() && !said; ++later) {
        said = epochs_[later].rekey != nullptr && sees(later, i);
      }
      if (!said) return true;
    }
    return false;
  }

  const KeyRing& ring_;
  const Membership& membership_;
  const std::vector<Epoch>& epochs_;
  const std::vector<Handover> handovers_;
  Devices readers_;
  std::vector<Hash> departures_;  ///< Removals and demotions to relay that count.
  std::map<Hash, std::vector<std::size_t>> by_key_;
  std::map<Hash, std::vector<std::size_t>> chained_by_;  ///< Rekeys that have it in their chain.
};

const KeyRing::View& KeyRing::view(const Membership& membership) const {
  const std::size_t operations = membership.operations();
  if (!view_ || view_->operations != operations || view_->keys != keys_.size() ||
      view_->links != chained_.size()) {
    view_ = Survey(*this, membership).view();
    view_->operations = operations;
    view_->keys = keys_.size();
    view_->links = chained_.size();
  }
  return *view_;
}

const Epoch* KeyRing::write_epoch(const Membership& membership) const {
  const View& seen = view(membership);
  return seen.write ? &membership.epochs()[*seen.write] : nullptr;
}

const crypto::SecretKey* KeyRing::write_key(const Membership& membership, Hash& commitment) const {
  const Epoch* epoch = write_epoch(membership);
  if (epoch == nullptr) return nullptr;
  commitment = epoch->commitment;
  return find(commitment);
}

bool KeyRing::fit(const Membership& membership) const { return view(membership).fit; }
bool KeyRing::locked_out(const Membership& membership) const { return view(membership).locked_out; }

// Handing on.

Result<KeyRing::Rekey> KeyRing::make_rekey(const Membership& membership, bool break_chain) const {
  // Judged in its own past, which is not all that is here if there are too many heads.
  const auto roster = membership.at(membership.heads(identity_.id()));
  if (roster == nullptr || keys_.empty()) {
    return Error{ErrorCode::kUnavailable, "no key is held to go on from"};
  }
  std::vector<DeviceId> to;
  for (const auto& [device, member] : roster->members) {
    if (member.role != Role::kRelay) to.push_back(device);
  }
  if (to.size() > kRekeyBoxesMax) {
    return Error{ErrorCode::kLimitExceeded, "too many members for one key", to.size()};
  }
  Rekey made;
  made.key = crypto::SecretKey::generate(random_);
  made.operation.key = crypto::key_commitment(made.key);
  crypto::KeyBoxes sealed = crypto::seal_key(to, random_, made.key);
  made.operation.ephemeral = sealed.ephemeral;
  made.operation.boxes = std::move(sealed.boxes);
  if (break_chain) return made;
  const std::vector<Epoch>& epochs = membership.epochs();
  const auto& leaves = view(membership).uncut;
  const std::size_t count = std::min(leaves.size(), kRekeyPreviousMax);
  for (auto leaf = leaves.end() - static_cast<std::ptrdiff_t>(count); leaf != leaves.end();
       ++leaf) {
    const Hash& older = epochs[*leaf].commitment;
    made.operation.previous.push_back({older, crypto::chain_key(made.key, *find(older))});
  }
  std::sort(made.operation.previous.begin(), made.operation.previous.end(),
            [](const ChainedKey& a, const ChainedKey& b) { return a.commitment < b.commitment; });
  return made;
}

Result<std::vector<SealedKey>> KeyRing::keys_for_newcomer(const Membership& membership,
                                                          const DeviceId& device,
                                                          bool from_now) const {
  const View& seen = view(membership);
  if (!seen.write) return Error{ErrorCode::kUnavailable, "no key to write with yet"};
  const std::vector<Epoch>& epochs = membership.epochs();
  std::vector<Hash> wanted{epochs[*seen.write].commitment};
  if (!from_now) {
    for (auto leaf = seen.leaves.rbegin(); leaf != seen.leaves.rend(); ++leaf) {
      if (*leaf != *seen.write && wanted.size() < kSealedKeysMax) {
        wanted.push_back(epochs[*leaf].commitment);
      }
    }
  }
  std::vector<SealedKey> sealed;
  for (const Hash& commitment : wanted) {
    COTERIE_TRY(Bytes box, crypto::seal_to(device, random_, find(commitment)->view()));
    sealed.push_back({commitment, std::move(box)});
  }
  return sealed;
}

Result<std::vector<SealedKey>> KeyRing::keys_behind(const Membership& membership,
                                                    const DeviceId& device,
                                                    const std::vector<SealedKey>& given) const {
  std::set<Hash> reached;
  for (const SealedKey& one : given) reached.insert(one.commitment);
  std::vector<SealedKey> sealed;
  const std::vector<Epoch>& epochs = membership.epochs();
  // A chain leads to epochs before its own.
  for (auto epoch = epochs.rbegin(); epoch != epochs.rend(); ++epoch) {
    if (epoch->rekey == nullptr || !reached.contains(epoch->commitment)) continue;
    for (const ChainedKey& older : epoch->rekey->previous) {
      const auto link = chained_.find(std::make_pair(epoch->operation, older.commitment));
      if (link == chained_.end() || !link->second) continue;
      if (given.size() + sealed.size() >= kSealedKeysMax) return sealed;
      if (!reached.insert(older.commitment).second) continue;
      COTERIE_TRY(Bytes box, crypto::seal_to(device, random_, find(older.commitment)->view()));
      sealed.push_back({older.commitment, std::move(box)});
    }
  }
  return sealed;
}

}  // namespace coterie::node
