// Formatting of texts: marks are items of their own (kFormat) that switch an attribute on or off
// from where they stand. Yjs: src/types/YText.js.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {

/// One attribute in force: its name, its value (stored_json.hpp), and the mark that set it (kNone:
/// a caller). In JavaScript a value that is an object is one and the same where a mark brings back
/// what an earlier mark had set: `source` is the first one that had it.
struct Attribute {
  std::string key;
  std::string json;
  ItemIndex mark = kNone;
  LocalId source = kNoId;

  bool is_null() const { return json == "null"; }
};

/// Attributes by name, in the order they were set. A missing one and a null one are the same.
/// Finding is O(1): how many names there are is the sender's choice.
class AttributeMap {
 public:
  /// Calls `each(attribute)` in order.
  template <typename Each>
  void for_each(Each each) const {
    for (const Attribute& attribute : all_) {
      if (!attribute.key.empty() || attribute.mark != kErased) each(attribute);
    }
  }
  bool empty() const { return lookup_.empty(); }
  const Attribute* find(const std::string& key) const {
    const auto found = lookup_.find(key);
    return found == lookup_.end() ? nullptr : &all_[found->second];
  }
  void set(Attribute attribute) {
    const auto [found, added] = lookup_.emplace(attribute.key, all_.size());
    if (added) {
      all_.push_back(std::move(attribute));
    } else {
      all_[found->second] = std::move(attribute);
    }
  }
  void erase(const std::string& key) {
    const auto found = lookup_.find(key);
    if (found == lookup_.end()) return;
    all_[found->second] = {std::string(), std::string(), kErased};
    lookup_.erase(found);
    if (lookup_.empty()) all_.clear();
  }
  /// Takes in a mark: a null value ends the attribute.
  void apply(Attribute attribute) {
    if (attribute.is_null()) {
      erase(attribute.key);
    } else {
      set(std::move(attribute));
    }
  }

 private:
  static constexpr ItemIndex kErased = kNone - 1;

  std::vector<Attribute> all_;
  std::unordered_map<std::string, std::size_t> lookup_;
};

/// The mark at `index`. Precondition: it is a kFormat.
Attribute attribute_of(const Store& store, ItemIndex index);

/// JavaScript's ===: values of primitives, identity of objects. Null pointers are null values.
bool strictly_equal(const Attribute* a, const Attribute* b);

/// Yjs's equalAttrs: as above, and objects whose members are strictly equal.
bool equal_attributes(const Attribute* a, const Attribute* b);

/// Deletes marks (returns how many) between `start` and the next content that change nothing, as
/// Yjs's cleanupFormattingGap: `current` are the attributes at `curr`, kept right when marks go.
std::size_t clean_formatting_gap(Store& store, ItemIndex start, ItemIndex curr,
                                 const AttributeMap& start_attributes, AttributeMap& current);

}  // namespace coterie::crdt::internal
