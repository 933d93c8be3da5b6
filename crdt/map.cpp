#include "crdt/map.hpp"

#include "crdt/array.hpp"
#include "crdt/internal/editing.hpp"
#include "crdt/internal/reading.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/text.hpp"

namespace coterie::crdt {

using internal::Branch;
using internal::ContentKind;
using internal::Edit;
using internal::Item;
using internal::ItemIndex;
using internal::kNone;
using internal::MapEntry;
using internal::Store;

namespace {

/// The entry of `key`, or null. Asking does not make keys.
const MapEntry* entry_of(Store& store, const SharedType& handle, std::string_view key) {
  const Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return nullptr;
  const internal::KeyIndex index = store.find_key(key);
  return index == kNone ? nullptr : branch->entries.find(index);
}

/// Returns the new type, or the map itself for a plain value. The handle is taken before the
/// transaction ends: observers may do anything to the document.
Result<SharedType> put(Store& store, const SharedType& handle, std::string_view key,
                       ContentKind kind, ByteView content, TypeKind type) {
  Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return internal::kStale;
  if (!is_utf8(key)) return internal::kNotUtf8;
  if (!store.may_edit(content.size())) return internal::kTooLarge;
  const Edit edit(store);
  const internal::KeyIndex index = store.intern(key);
  const MapEntry* const entry = branch->entries.find(index);
  const ItemIndex left = entry == nullptr ? kNone : entry->last;
  const ItemIndex item = store.insert_local(internal::branch_of(handle), index, left, kNone, kind,
                                            1, content, false, type);
  if (kind != ContentKind::kType) return handle;
  return store.handle(store.items[item].content);
}

}  // namespace

std::uint64_t Map::size() const {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return 0;
  std::uint64_t count = 0;
  for (const MapEntry& entry : branch->entries.all()) {
    if (!store_->items[entry.last].deleted) ++count;
  }
  return count;
}

std::vector<std::string> Map::keys() const {
  std::vector<std::string> keys;
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return keys;
  for (const MapEntry& entry : branch->entries.all()) {
    if (!store_->items[entry.last].deleted) keys.push_back(store_->key_text(entry.key));
  }
  return keys;
}

bool Map::has(std::string_view key) const {
  const MapEntry* const entry = entry_of(*store_, *this, key);
  return entry != nullptr && !store_->items[entry->last].deleted;
}

std::optional<Value> Map::get(std::string_view key) const {
  const MapEntry* const entry = entry_of(*store_, *this, key);
  if (entry == nullptr || store_->items[entry->last].deleted) return std::nullopt;
  const auto values = internal::values_of(*store_, store_->items[entry->last]);
  if (values.empty()) return std::nullopt;
  return values.back();
}

Status Map::set(std::string_view key, const Any& value) {
  COTERIE_CHECK(internal::check_value(value));
  Bytes content;
  ContentKind kind = ContentKind::kAny;
  if (const Bytes* bytes = value.get_if<Bytes>()) {
    kind = ContentKind::kBinary;
    append_varbytes(content, *bytes);
  } else {
    value.encode_to(content);
  }
  const auto item = put(*store_, *this, key, kind, content, TypeKind::kUnknown);
  if (!item) return item.error();
  return {};
}

Result<Text> Map::set_text(std::string_view key) {
  COTERIE_TRY(const SharedType type,
              put(*store_, *this, key, ContentKind::kType, {}, TypeKind::kText));
  return Text(type);
}

Result<Map> Map::set_map(std::string_view key) {
  COTERIE_TRY(const SharedType type,
              put(*store_, *this, key, ContentKind::kType, {}, TypeKind::kMap));
  return Map(type);
}

Result<Array> Map::set_array(std::string_view key) {
  COTERIE_TRY(const SharedType type,
              put(*store_, *this, key, ContentKind::kType, {}, TypeKind::kArray));
  return Array(type);
}

Status Map::remove(std::string_view key) {
  if (!alive()) return internal::kStale;
  const MapEntry* const entry = entry_of(*store_, *this, key);
  if (entry == nullptr || store_->items[entry->last].deleted) return {};
  const Edit edit(*store_);
  store_->delete_item(entry->last);
  return {};
}

}  // namespace coterie::crdt
