#include "node/core/key_ring.hpp"

#include <utility>

namespace coterie::node {

using storage::Table;

KeyRing::KeyRing(const crypto::SigningKey& identity, SecureRandom& random, const RowSealer& sealer,
                 Put put)
    : identity_(identity), random_(random), sealer_(sealer), put_(std::move(put)) {}

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

const crypto::SecretKey* KeyRing::write_key(const Membership& membership, Hash& commitment) const {
  commitment = membership.first_key();
  return find(commitment);
}

Result<std::vector<SealedKey>> KeyRing::sealed_for(const DeviceId& device) const {
  std::vector<SealedKey> sealed;
  for (const auto& [commitment, key] : keys_) {
    COTERIE_TRY(Bytes box, crypto::seal_to(device, random_, key.view()));
    sealed.push_back({commitment, std::move(box)});
  }
  return sealed;
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

}  // namespace coterie::node
