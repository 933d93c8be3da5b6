#include "crdt/internal/insertion.hpp"

#include <algorithm>

#include "crdt/base/utf16.hpp"
#include "crdt/internal/editing.hpp"
#include "crdt/internal/reading.hpp"

namespace coterie::crdt::internal {
namespace {

/// Adds up the bytes of content that something to be inserted takes. Recursion ends at
/// kAnyDepthMax.
class Checker {
 public:
  std::uint64_t bytes() const { return bytes_; }

  Status value(const NewValue& value, std::size_t depth) {
    if (const auto* any = std::get_if<Any>(&value)) return plain(*any);
    if (const auto* held = std::get_if<NewType>(&value)) return type(*held, depth + 1);
    return doc(std::get<NewDoc>(value));
  }

  Status plain(const Any& any) {
    COTERIE_CHECK(check_value(any));
    scratch_.clear();
    any.encode_to(scratch_);
    bytes_ += scratch_.size() + 8;
    return {};
  }

  Status text(std::string_view utf8) {
    if (!is_utf8(utf8)) return kNotUtf8;
    bytes_ += utf8.size() + 8;
    return {};
  }

  Status doc(const NewDoc& doc) {
    COTERIE_CHECK(text(doc.guid));
    return plain(doc.meta);
  }

  Status type(const NewType& type, std::size_t depth) {
    if (depth > kAnyDepthMax) return kTooDeep;
    if (type.kind > TypeKind::kXmlText) {
      return Error{ErrorCode::kMalformed, "no kind of type", 0};
    }
    COTERIE_CHECK(text(type.name));
    for (const NewValue& element : type.list) COTERIE_CHECK(value(element, depth));
    for (const auto& [key, held] : type.entries) {
      COTERIE_CHECK(text(key));
      COTERIE_CHECK(value(held, depth));
    }
    for (const DeltaOp& op : type.delta) COTERIE_CHECK(delta_op(op, depth));
    return {};
  }

  Status delta_op(const DeltaOp& op, std::size_t depth) {
    for (const auto& [key, held] : op.attributes) {
      COTERIE_CHECK(text(key));
      COTERIE_CHECK(plain(held));
    }
    if (const auto* utf8 = std::get_if<std::string>(&op.insert)) return text(*utf8);
    if (const auto* embed = std::get_if<Any>(&op.insert)) {
      COTERIE_CHECK(plain(*embed));
      bytes_ += embed->to_json().size();
      return {};
    }
    if (const auto* held = std::get_if<NewType>(&op.insert)) return type(*held, depth + 1);
    if (!std::holds_alternative<std::monostate>(op.insert)) {
      return Error{ErrorCode::kMalformed, "not to be inserted into a text", 0};
    }
    bytes_ += op.retain;  // Past the end, line breaks are inserted.
    return {};
  }

 private:
  std::uint64_t bytes_ = 0;
  Bytes scratch_;
};

Status room_for(const Store& store, const Checker& checker) {
  if (checker.bytes() > kClockMax || !store.may_edit(checker.bytes() * 2)) return kTooLarge;
  return {};
}

ItemIndex right_of(Store& store, BranchIndex branch, ItemIndex left) {
  return left == kNone ? store.branches[branch].start : store.items[left].right;
}

/// Collects plain values into one item each run; binary ones are items of their own.
class Packer {
 public:
  Packer(Store& store, BranchIndex branch, ItemIndex left)
      : store_(store), branch_(branch), left_(left), right_(right_of(store, branch, left)) {}

  void add(const Any& value) {
    if (const Bytes* bytes = value.get_if<Bytes>()) {
      flush();
      append_varbytes(content_, *bytes);
      put(ContentKind::kBinary, 1);
    } else {
      value.encode_to(content_);
      ++count_;
    }
  }
  void add(const NewValue& value) {
    if (const auto* any = std::get_if<Any>(&value)) return add(*any);
    flush();
    if (const auto* type = std::get_if<NewType>(&value)) {
      left_ = insert_type(store_, branch_, kNone, left_, right_, *type);
    } else {
      left_ = insert_doc(store_, branch_, kNone, left_, right_, std::get<NewDoc>(value));
    }
  }
  void reserve(std::size_t values) { content_.reserve(std::min<std::size_t>(values, 1024) * 9); }
  ItemIndex finish() {
    flush();
    return left_;
  }

 private:
  void flush() {
    if (count_ > 0) put(ContentKind::kAny, count_);
  }
  void put(ContentKind kind, std::uint32_t length) {
    left_ = store_.insert_local(branch_, kNone, left_, right_, kind, length, content_);
    content_.clear();
    count_ = 0;
  }

  Store& store_;
  BranchIndex branch_;
  ItemIndex left_;
  ItemIndex right_;
  Bytes content_;
  std::uint32_t count_ = 0;
};

NewValue new_value(Any value) { return NewValue(std::move(value)); }

Result<NewValue> clone_of(Store& store, const Value& value, std::size_t depth) {
  if (const auto* any = std::get_if<Any>(&value)) return new_value(*any);
  if (const auto* subdoc = std::get_if<Subdoc>(&value)) {
    return NewValue(NewDoc{.guid = subdoc->guid(),
                           .meta = subdoc->meta(),
                           .gc = subdoc->collects_garbage(),
                           .auto_load = subdoc->auto_load(),
                           .should_load = subdoc->should_load(),
                           .collection_id = subdoc->collection_id()});
  }
  COTERIE_TRY(NewType type, clone_of(store, std::get<SharedType>(value), depth + 1));
  return NewValue(std::move(type));
}

}  // namespace

Status check_new(const Store& store, std::span<const NewValue> values) {
  Checker checker;
  for (const NewValue& value : values) COTERIE_CHECK(checker.value(value, 0));
  if (values.size() > kClockMax) return kTooLarge;
  return room_for(store, checker);
}

Status check_new(const Store& store, const NewType& type) {
  Checker checker;
  COTERIE_CHECK(checker.type(type, 0));
  return room_for(store, checker);
}

Status check_new(const Store& store, const NewDoc& doc) {
  Checker checker;
  COTERIE_CHECK(checker.doc(doc));
  return room_for(store, checker);
}

Status check_delta(const Store& store, const Delta& delta) {
  Checker checker;
  for (const DeltaOp& op : delta) COTERIE_CHECK(checker.delta_op(op, 0));
  return room_for(store, checker);
}

ItemIndex insert_values(Store& store, BranchIndex branch, ItemIndex left,
                        std::span<const Any> values) {
  Packer packer(store, branch, left);
  packer.reserve(values.size());
  for (const Any& value : values) packer.add(value);
  return packer.finish();
}

ItemIndex insert_values(Store& store, BranchIndex branch, ItemIndex left,
                        std::span<const NewValue> values) {
  Packer packer(store, branch, left);
  for (const NewValue& value : values) packer.add(value);
  return packer.finish();
}

ItemIndex insert_type(Store& store, BranchIndex branch, KeyIndex key, ItemIndex left,
                      ItemIndex right, const NewType& type) {
  const ItemIndex item = store.insert_local(branch, key, left, right, ContentKind::kType, 1, {},
                                            false, type.kind, type.name);
  fill(store, store.items[item].content, type);
  return item;
}

ItemIndex insert_doc(Store& store, BranchIndex branch, KeyIndex key, ItemIndex left,
                     ItemIndex right, const NewDoc& doc) {
  Any::Object options;
  if (!doc.gc) options.emplace_back("gc", false);
  if (doc.auto_load) options.emplace_back("autoLoad", true);
  if (!doc.meta.is_null()) options.emplace_back("meta", doc.meta);
  Bytes content;
  append_varstring(content, doc.guid);
  Any(std::move(options)).encode_to(content);
  const Store::LocalSubdoc local(store, doc);
  return store.insert_local(branch, key, left, right, ContentKind::kDoc, 1, content);
}

void fill(Store& store, BranchIndex branch, const NewType& type) {
  switch (type.kind) {
    case TypeKind::kText:
    case TypeKind::kXmlText:
      apply_delta(store, branch, type.delta, true);
      break;
    case TypeKind::kArray:
    case TypeKind::kXmlElement:
    case TypeKind::kXmlFragment:
      insert_values(store, branch, kNone, type.list);
      break;
    default:
      break;
  }
  for (const auto& [key, value] : type.entries) {
    const KeyIndex index = store.intern(key);
    const MapEntry* const entry = store.branches[branch].entries.find(index);
    put_key(store, branch, index, entry == nullptr ? kNone : entry->last, value);
  }
}

ItemIndex put_key(Store& store, BranchIndex branch, KeyIndex key, ItemIndex left,
                  const NewValue& value) {
  if (const auto* type = std::get_if<NewType>(&value)) {
    return insert_type(store, branch, key, left, kNone, *type);
  }
  if (const auto* doc = std::get_if<NewDoc>(&value)) {
    return insert_doc(store, branch, key, left, kNone, *doc);
  }
  const Any& any = std::get<Any>(value);
  Bytes content;
  ContentKind kind = ContentKind::kAny;
  if (const Bytes* bytes = any.get_if<Bytes>()) {
    kind = ContentKind::kBinary;
    append_varbytes(content, *bytes);
  } else {
    any.encode_to(content);
  }
  return store.insert_local(branch, key, left, kNone, kind, 1, content);
}

ItemIndex left_neighbour(Store& store, BranchIndex branch, std::uint64_t index) {
  if (index == 0) return kNone;
  const auto found = store.find_position(branch, static_cast<std::uint32_t>(index - 1));
  const Item& item = store.items[found.item];
  if (found.offset + 1 < item.length) {
    store.item_clean_start({item.client, item.clock + found.offset + 1});
  }
  return found.item;
}

std::vector<Value> slice_of(Store& store, const SharedType& handle, std::int64_t start,
                            std::int64_t end) {
  std::vector<Value> values;
  const Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return values;
  const auto length = static_cast<std::int64_t>(branch->length);
  const auto from = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + length : at, 0, length);
  };
  start = from(start);
  std::int64_t count = from(end) - start;
  if (count <= 0) return values;
  const auto found = store.find_position(branch_of(handle), static_cast<std::uint32_t>(start));
  std::uint32_t offset = found.offset;
  for (ItemIndex at = found.item; at != kNone && count > 0; at = store.items[at].right) {
    const Item& item = store.items[at];
    if (item.visible_length() == 0) continue;
    auto held = values_of(store, item);
    for (; offset < held.size() && count > 0; ++offset, --count) {
      values.push_back(std::move(held[offset]));
    }
    offset = 0;
  }
  return values;
}

Result<NewType> clone_of(Store& store, const SharedType& type, std::size_t depth) {
  const Branch* const branch = store.resolve(type);
  if (branch == nullptr) return kStale;
  if (depth > kAnyDepthMax) return kTooDeep;
  NewType copy;
  copy.kind = branch->kind == TypeKind::kUnknown ? TypeKind::kArray : branch->kind;
  copy.name = type.node_name();
  if (branch->is_text()) {
    for (TextRun& run : delta_of(store, *branch)) {
      DeltaOp op = DeltaOp::inserted({}, std::move(run.attributes));
      if (auto* text = std::get_if<std::string>(&run.insert)) op.insert = std::move(*text);
      if (auto* any = std::get_if<Any>(&run.insert)) op.insert = std::move(*any);
      if (const auto* inner = std::get_if<SharedType>(&run.insert)) {
        COTERIE_TRY(op.insert, clone_of(store, *inner, depth + 1));
      }
      copy.delta.push_back(std::move(op));
    }
    return copy;
  }
  if (branch->kind != TypeKind::kMap && branch->kind != TypeKind::kXmlHook) {
    for (ItemIndex at = branch->start; at != kNone; at = store.items[at].right) {
      const Item& item = store.items[at];
      if (item.visible_length() == 0) continue;
      for (const Value& value : values_of(store, item)) {
        COTERIE_TRY(NewValue element, clone_of(store, value, depth));
        copy.list.push_back(std::move(element));
      }
    }
  }
  if (branch->kind != TypeKind::kArray && branch->kind != TypeKind::kXmlFragment) {
    for (const auto& [key, value] : entries_of(store, type)) {
      COTERIE_TRY(NewValue element, clone_of(store, value, depth));
      copy.entries.emplace_back(key, std::move(element));
    }
  }
  return copy;
}

}  // namespace coterie::crdt::internal
