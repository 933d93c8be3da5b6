#include "storage/store.hpp"

namespace coterie::storage {
namespace {

Status check_key(const Bytes& key) {
  if (key.empty()) return Error{ErrorCode::kLimitExceeded, "empty key"};
  if (key.size() > kKeyBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "key too long", key.size()};
  }
  return {};
}

}  // namespace

Status check_keys(const WriteBatch& batch) {
  for (const auto& operation : batch.operations) {
    if (const auto* put = std::get_if<WriteBatch::Put>(&operation)) {
      COTERIE_CHECK(check_key(put->key));
    } else if (const auto* erase = std::get_if<WriteBatch::Erase>(&operation)) {
      COTERIE_CHECK(check_key(erase->key));
    }
  }
  return {};
}

std::size_t payload_bytes(const WriteBatch& batch) {
  std::size_t bytes = 0;
  for (const auto& operation : batch.operations) {
    if (const auto* put = std::get_if<WriteBatch::Put>(&operation)) {
      bytes += put->key.size() + put->value.size();
    }
  }
  return bytes;
}

}  // namespace coterie::storage
