#include "crdt/array.hpp"

#include "crdt/internal/editing.hpp"
#include "crdt/internal/insertion.hpp"
#include "crdt/internal/reading.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/map.hpp"
#include "crdt/text.hpp"

namespace coterie::crdt {

using internal::Branch;
using internal::Edit;
using internal::Item;
using internal::ItemIndex;
using internal::kNone;
using internal::Store;

namespace {

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

std::vector<Value> Array::slice(std::int64_t start, std::int64_t end) const {
  return internal::slice_of(*store_, *this, start, end);
}

void Array::for_each(
    const std::function<void(const Value& value, std::uint64_t index)>& each) const {
  std::uint64_t index = 0;
  for (const Value& value : values()) each(value, index++);
}

Status Array::insert(std::uint64_t index, std::span<const Any> values) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  if (index > branch->length) return internal::kPastEnd;
  COTERIE_CHECK(check_values(*store_, values));
  const Edit edit(*store_);
  internal::insert_values(*store_, branch_, internal::left_neighbour(*store_, branch_, index),
                          values);
  return {};
}

Status Array::insert(std::uint64_t index, std::span<const NewValue> values) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  if (index > branch->length) return internal::kPastEnd;
  COTERIE_CHECK(internal::check_new(*store_, values));
  const Edit edit(*store_);
  internal::insert_values(*store_, branch_, internal::left_neighbour(*store_, branch_, index),
                          values);
  return {};
}

Status Array::push(const Any& value) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  COTERIE_CHECK(check_values(*store_, {&value, 1}));
  const Edit edit(*store_);
  // After all there is, deleted elements too.
  internal::insert_values(*store_, branch_, branch->end, std::span(&value, 1));
  return {};
}

Status Array::push(std::span<const NewValue> values) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  COTERIE_CHECK(internal::check_new(*store_, values));
  const Edit edit(*store_);
  internal::insert_values(*store_, branch_, branch->end, values);
  return {};
}

Result<SharedType> Array::insert(std::uint64_t index, const NewType& type) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  if (index > branch->length) return internal::kPastEnd;
  COTERIE_CHECK(internal::check_new(*store_, type));
  const Edit edit(*store_);
  const ItemIndex left = internal::left_neighbour(*store_, branch_, index);
  const ItemIndex right = left == kNone ? branch->start : store_->items[left].right;
  const ItemIndex item = internal::insert_type(*store_, branch_, kNone, left, right, type);
  // The handle is taken before the transaction ends: observers may do anything to the document.
  return store_->handle(store_->items[item].content);
}

Result<Subdoc> Array::insert(std::uint64_t index, const NewDoc& doc) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  if (index > branch->length) return internal::kPastEnd;
  COTERIE_CHECK(internal::check_new(*store_, doc));
  const Edit edit(*store_);
  const ItemIndex left = internal::left_neighbour(*store_, branch_, index);
  const ItemIndex right = left == kNone ? branch->start : store_->items[left].right;
  const ItemIndex item = internal::insert_doc(*store_, branch_, kNone, left, right, doc);
  return *store_->subdoc_of(store_->items[item]);
}

Result<Text> Array::insert_text(std::uint64_t index) {
  COTERIE_TRY(const SharedType type, insert(index, NewType::text()));
  return Text(type);
}

Result<Map> Array::insert_map(std::uint64_t index) {
  COTERIE_TRY(const SharedType type, insert(index, NewType::map()));
  return Map(type);
}

Result<Array> Array::insert_array(std::uint64_t index) {
  COTERIE_TRY(const SharedType type, insert(index, NewType::array()));
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
