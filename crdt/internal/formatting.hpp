// Formatting of texts: marks are items of their own (kFormat) that switch an attribute on or off
// from where they stand. Yjs: src/types/YText.js.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {

/// One attribute in force: its name, its value as JSON, and the mark that set it (kNone: a caller).
struct Attribute {
  std::string key;
  std::string json;
  ItemIndex mark = kNone;

  bool is_null() const { return json == "null"; }
};

/// Attributes by name, in the order they were set. A missing one and a null one are the same.
class AttributeMap {
 public:
  const std::vector<Attribute>& all() const { return all_; }
  bool empty() const { return all_.empty(); }
  const Attribute* find(std::string_view key) const {
    for (const Attribute& attribute : all_) {
      if (attribute.key == key) return &attribute;
    }
    return nullptr;
  }
  void set(Attribute attribute) {
    for (Attribute& held : all_) {
      if (held.key == attribute.key) {
        held = std::move(attribute);
        return;
      }
    }
    all_.push_back(std::move(attribute));
  }
  void erase(std::string_view key) {
    std::erase_if(all_, [&](const Attribute& attribute) { return attribute.key == key; });
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
  std::vector<Attribute> all_;
};

/// The mark at `index`. Precondition: it is a kFormat.
Attribute attribute_of(const Store& store, ItemIndex index);

/// JavaScript's ===: values of primitives, identity of objects. Null pointers are null values.
bool strictly_equal(const Attribute* a, const Attribute* b);

/// Yjs's equalAttrs: as above, and objects whose members are strictly equal.
bool equal_attributes(const Attribute* a, const Attribute* b);

/// Deletes marks between `start` and the next content that change nothing, as Yjs's
/// cleanupFormattingGap: `current` are the attributes at `curr`, kept right when marks go.
void clean_formatting_gap(Store& store, ItemIndex start, ItemIndex curr,
                          const AttributeMap& start_attributes, AttributeMap& current);

}  // namespace coterie::crdt::internal
