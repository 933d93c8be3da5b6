// Reading what lists and maps hold, for the handles.

#pragma once

#include <string>
#include <vector>

#include "crdt/internal/store.hpp"
#include "crdt/text.hpp"

namespace coterie::crdt::internal {

/// The elements of a countable item, one per unit of its length.
std::vector<Value> values_of(Store& store, const Item& item);
void append_values(Store& store, const Item& item, std::vector<Value>& values);

/// One of them. O(log length).
Value value_at(Store& store, const Item& item, std::uint32_t offset);

/// The visible strings of a list, joined.
std::string text_of(const Store& store, const Branch& branch);

/// A list as runs of text with attributes.
std::vector<TextRun> delta_of(Store& store, const Branch& branch);

/// The slot of a handle that is not stale.
inline BranchIndex branch_of(const SharedType& handle) { return Store::slot_of(handle); }

}  // namespace coterie::crdt::internal
