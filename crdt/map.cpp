#include "crdt/map.hpp"

#include "crdt/array.hpp"
#include "crdt/internal/editing.hpp"
#include "crdt/internal/insertion.hpp"
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

}  // namespace

namespace internal {

Status set_key(Store& store, const SharedType& handle, std::string_view key, const Any& value) {
  Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return kStale;
  if (!is_utf8(key)) return kNotUtf8;
  COTERIE_CHECK(check_value(value));
  Bytes content;
  ContentKind kind = ContentKind::kAny;
  if (const Bytes* bytes = value.get_if<Bytes>()) {
    kind = ContentKind::kBinary;
    append_varbytes(content, *bytes);
  } else {
    value.encode_to(content);
  }
  if (!store.may_edit(content.size())) return kTooLarge;
  const Edit edit(store);
  const KeyIndex index = store.intern(key);
  const MapEntry* const entry = branch->entries.find(index);
  const ItemIndex left = entry == nullptr ? kNone : entry->last;
  store.insert_local(branch_of(handle), index, left, kNone, kind, 1, content);
  return {};
}

/// The handle is taken before the transaction ends: observers may do anything to the document.
Result<SharedType> set_key(Store& store, const SharedType& handle, std::string_view key,
                           const NewType& value) {
  Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return kStale;
  if (!is_utf8(key)) return kNotUtf8;
  COTERIE_CHECK(check_new(store, value));
  const Edit edit(store);
  const KeyIndex index = store.intern(key);
  const MapEntry* const entry = branch->entries.find(index);
  const ItemIndex left = entry == nullptr ? kNone : entry->last;
  const ItemIndex item = insert_type(store, branch_of(handle), index, left, kNone, value);
  return store.handle(store.items[item].content);
}

Result<Subdoc> set_key(Store& store, const SharedType& handle, std::string_view key,
                       const NewDoc& value) {
  Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return kStale;
  if (!is_utf8(key)) return kNotUtf8;
  COTERIE_CHECK(check_new(store, value));
  const Edit edit(store);
  const KeyIndex index = store.intern(key);
  const MapEntry* const entry = branch->entries.find(index);
  const ItemIndex left = entry == nullptr ? kNone : entry->last;
  const ItemIndex item = insert_doc(store, branch_of(handle), index, left, kNone, value);
  return *store.subdoc_of(store.items[item]);
}

Status remove_key(Store& store, const SharedType& handle, std::string_view key) {
  if (store.resolve(handle) == nullptr) return kStale;
  const MapEntry* const entry = entry_of(store, handle, key);
  if (entry == nullptr || store.items[entry->last].deleted) return {};
  const Edit edit(store);
  store.delete_item(entry->last);
  return {};
}

bool has_key(Store& store, const SharedType& handle, std::string_view key) {
  const MapEntry* const entry = entry_of(store, handle, key);
  return entry != nullptr && !store.items[entry->last].deleted;
}

std::optional<Value> value_of_key(Store& store, const SharedType& handle, std::string_view key) {
  const MapEntry* const entry = entry_of(store, handle, key);
  if (entry == nullptr || store.items[entry->last].deleted) return std::nullopt;
  const auto values = values_of(store, store.items[entry->last]);
  if (values.empty()) return std::nullopt;
  return values.back();
}

std::vector<std::pair<std::string, Value>> entries_of(Store& store, const SharedType& handle) {
  std::vector<std::pair<std::string, Value>> all;
  const Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return all;
  for (const MapEntry& entry : branch->entries.all()) {
    const Item& item = store.items[entry.last];
    if (item.deleted) continue;
    auto values = values_of(store, item);
    if (!values.empty()) all.emplace_back(store.key_text(entry.key), std::move(values.back()));
  }
  return all;
}

}  // namespace internal

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

bool Map::has(std::string_view key) const { return internal::has_key(*store_, *this, key); }

std::optional<Value> Map::get(std::string_view key) const {
  return internal::value_of_key(*store_, *this, key);
}

std::vector<std::pair<std::string, Value>> Map::entries() const {
  return internal::entries_of(*store_, *this);
}

std::vector<Value> Map::values() const {
  std::vector<Value> values;
  for (auto& [key, value] : entries()) values.push_back(std::move(value));
  return values;
}

void Map::for_each(
    const std::function<void(const Value& value, const std::string& key)>& each) const {
  for (const auto& [key, value] : entries()) each(value, key);
}

Status Map::set(std::string_view key, const Any& value) {
  return internal::set_key(*store_, *this, key, value);
}

Result<SharedType> Map::set(std::string_view key, const NewType& type) {
  return internal::set_key(*store_, *this, key, type);
}

Result<Subdoc> Map::set(std::string_view key, const NewDoc& doc) {
  return internal::set_key(*store_, *this, key, doc);
}

Result<Text> Map::set_text(std::string_view key) {
  COTERIE_TRY(const SharedType type, set(key, NewType::text()));
  return Text(type);
}

Result<Map> Map::set_map(std::string_view key) {
  COTERIE_TRY(const SharedType type, set(key, NewType::map()));
  return Map(type);
}

Result<Array> Map::set_array(std::string_view key) {
  COTERIE_TRY(const SharedType type, set(key, NewType::array()));
  return Array(type);
}

Status Map::remove(std::string_view key) { return internal::remove_key(*store_, *this, key); }

Status Map::clear() {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  const Edit edit(*store_);
  for (const MapEntry& entry : branch->entries.all()) store_->delete_item(entry.last);
  return {};
}

}  // namespace coterie::crdt
