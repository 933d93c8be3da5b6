// Putting values, new types with all that they hold, and new subdocuments into lists and maps.
// Yjs: typeListInsertGenericsAfter, typeMapSet and the _integrate of each type.

#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "crdt/content.hpp"
#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {

/// Whether the values may be stored: strings UTF-8, nested at most kAnyDepthMax deep, and room for
/// them. Errors: kMalformed, kLimitExceeded.
Status check_new(const Store& store, std::span<const NewValue> values);
Status check_new(const Store& store, const NewType& type);
Status check_new(const Store& store, const NewDoc& doc);
Status check_delta(const Store& store, const Delta& delta);

// Inside a transaction; what is inserted has been checked.

/// Puts values after `left` of a list (kNone: at its start). Returns the last item.
ItemIndex insert_values(Store& store, BranchIndex branch, ItemIndex left,
                        std::span<const Any> values);
ItemIndex insert_values(Store& store, BranchIndex branch, ItemIndex left,
                        std::span<const NewValue> values);
/// Puts a new type, and then what it holds, between two items, or under a key.
ItemIndex insert_type(Store& store, BranchIndex branch, KeyIndex key, ItemIndex left,
                      ItemIndex right, const NewType& type);
ItemIndex insert_doc(Store& store, BranchIndex branch, KeyIndex key, ItemIndex left,
                     ItemIndex right, const NewDoc& doc);

/// Puts a value under a key whose last value is `left`.
ItemIndex put_key(Store& store, BranchIndex branch, KeyIndex key, ItemIndex left,
                  const NewValue& value);

/// Puts what a new type is to hold into it.
void fill(Store& store, BranchIndex branch, const NewType& type);

/// The item after which Yjs inserts at `index` of an array. Splits items.
ItemIndex left_neighbour(Store& store, BranchIndex branch, std::uint64_t index);

/// A delta onto a text: Yjs's applyDelta. Checked before.
void apply_delta(Store& store, BranchIndex branch, const Delta& delta, bool sanitize);

/// As a type to be made, for copies. Errors: kLimitExceeded (nested too deep), kNotFound (stale).
Result<NewType> clone_of(Store& store, const SharedType& type, std::size_t depth);

// Of handles, each a transaction if none is open: keys of maps, attributes.

Result<SharedType> set_key(Store& store, const SharedType& handle, std::string_view key,
                           const NewType& value);
Result<Subdoc> set_key(Store& store, const SharedType& handle, std::string_view key,
                       const NewDoc& value);
Status set_key(Store& store, const SharedType& handle, std::string_view key, const Any& value);
Status remove_key(Store& store, const SharedType& handle, std::string_view key);
std::optional<Value> value_of_key(Store& store, const SharedType& handle, std::string_view key);
bool has_key(Store& store, const SharedType& handle, std::string_view key);
std::vector<std::pair<std::string, Value>> entries_of(Store& store, const SharedType& handle);

/// Elements of a list from `start` to before `end`; negative ones count from the end.
std::vector<Value> slice_of(Store& store, const SharedType& handle, std::int64_t start,
                            std::int64_t end);

}  // namespace coterie::crdt::internal
