#include "crdt/array.hpp"

#include <algorithm>

#include "crdt/internal/editing.hpp"
#include "crdt/internal/reading.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/map.hpp"
#include "crdt/text.hpp"

namespace coterie::crdt {

using internal::Branch;
using internal::BranchIndex;
using internal::ContentKind;
using internal::Edit;
using internal::Item;
using internal::ItemIndex;
using internal::kNone;
using internal::Store;

namespace {

/// Where Yjs inserts into an array: right after the element before `index`.
ItemIndex left_neighbour(Store& store, BranchIndex branch, std::uint64_t index) {
  if (index == 0) return kNone;
  const auto found = store.find_position(branch, static_cast<std::uint32_t>(index - 1));
  const Item& item = store.items[found.item];
  if (found.offset + 1 < item.length) {
    store.item_clean_start({item.client, item.clock + found.offset + 1});
  }
  return found.item;
}

ItemIndex right_of(Store& store, BranchIndex branch, ItemIndex left) {
  return left == kNone ? store.branches[branch].start : store.items[left].right;
}

/// Puts values after `left`: runs of plain ones as one item, binary ones each as their own.
void insert_values(Store& store, BranchIndex branch, ItemIndex left, std::span<const Any> values) {
  const ItemIndex right = right_of(store, branch, left);
  Bytes content;
  content.reserve(std::min<std::size_t>(values.size(), 1024) * 9);
  std::uint32_t count = 0;
  const auto put = [&](ContentKind kind, std::uint32_t length) {
    left = store.insert_local(branch, kNone, left, right, kind, length, content);
    content.clear();
    count = 0;
  };
  for (const Any& value : values) {
    if (const Bytes* bytes = value.get_if<Bytes>()) {
      if (count > 0) put(ContentKind::kAny, count);
      append_varbytes(content, *bytes);
      put(ContentKind::kBinary, 1);
    } else {
      value.encode_to(content);
      ++count;
    }
  }
  if (count > 0) put(ContentKind::kAny, count);
}

Status check_values(Store& store, std::span<const Any> values) {
  std::uint64_t bytes = 0;
  Bytes scratch;
  for (const Any& value : values) {
    if (value.get_if<double>() != nullptr) {
      bytes += 9 + 8;
      continue;
    }
    COTERIE_CHECK(internal::check_value(value));
    scratch.clear();
    value.encode_to(scratch);
    bytes += scratch.size() + 8;
  }
  if (!store.may_edit(bytes) || values.size() > kClockMax) return internal::kTooLarge;
  return {};
}

/// The handle is taken before the transaction ends: observers may do anything to the document.
Result<SharedType> insert_type(Store& store, const SharedType& handle, std::uint64_t index,
                               TypeKind type) {
  const Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return internal::kStale;
  if (index > branch->length) return internal::kPastEnd;
  if (!store.may_edit(0)) return internal::kTooLarge;
  const Edit edit(store);
  const BranchIndex slot = internal::branch_of(handle);
  const ItemIndex left = left_neighbour(store, slot, index);
  const ItemIndex item = store.insert_local(slot, kNone, left, right_of(store, slot, left),
                                            ContentKind::kType, 1, {}, false, type);
  return store.handle(store.items[item].content);
}

}  // namespace

std::uint64_t Array::size() const {
  const Branch* const branch = store_->resolve(*this);
  return branch == nullptr ? 0 : branch->length;
}

std::optional<Value> Array::get(std::uint64_t index) const {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr || index >= branch->length) return std::nullopt;
  const auto found = store_->find_position(branch_, static_cast<std::uint32_t>(index));
  return internal::value_at(*store_, store_->items[found.item], found.offset);
}

std::vector<Value> Array::values() const {
  std::vector<Value> values;
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return values;
  for (ItemIndex at = branch->start; at != kNone; at = store_->items[at].right) {
    const Item& item = store_->items[at];
    if (item.visible_length() == 0) continue;
    if (values.empty()) values.reserve(branch->length);
    internal::append_values(*store_, item, values);
  }
  return values;
}

Status Array::insert(std::uint64_t index, std::span<const Any> values) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  if (index > branch->length) return internal::kPastEnd;
  COTERIE_CHECK(check_values(*store_, values));
  const Edit edit(*store_);
  insert_values(*store_, branch_, left_neighbour(*store_, branch_, index), values);
  return {};
}

Status Array::push(const Any& value) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  COTERIE_CHECK(check_values(*store_, {&value, 1}));
  const Edit edit(*store_);
  // After all there is, deleted elements too.
  insert_values(*store_, branch_, branch->end, {&value, 1});
  return {};
}

Result<Text> Array::insert_text(std::uint64_t index) {
  COTERIE_TRY(const SharedType type, insert_type(*store_, *this, index, TypeKind::kText));
  return Text(type);
}

Result<Map> Array::insert_map(std::uint64_t index) {
  COTERIE_TRY(const SharedType type, insert_type(*store_, *this, index, TypeKind::kMap));
  return Map(type);
}

Result<Array> Array::insert_array(std::uint64_t index) {
  COTERIE_TRY(const SharedType type, insert_type(*store_, *this, index, TypeKind::kArray));
  return Array(type);
}

Status Array::remove(std::uint64_t index, std::uint64_t count) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  if (count > branch->length || index > branch->length - count) return internal::kPastEnd;
  const Edit edit(*store_);
  internal::remove_elements(*store_, branch_, index, count);
  return {};
}

}  // namespace coterie::crdt
