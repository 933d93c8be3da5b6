#include "crdt/internal/editing.hpp"

namespace coterie::crdt::internal {
namespace {

/// Recursion ends at kAnyDepthMax.
Status check_at_depth(const Any& value, std::size_t depth) {
  if (const auto* text = value.get_if<std::string>()) {
    if (!is_utf8(*text)) return kNotUtf8;
  } else if (const auto* values = value.get_if<Any::Array>()) {
    if (depth == kAnyDepthMax) return kTooDeep;
    for (const Any& element : *values) COTERIE_CHECK(check_at_depth(element, depth + 1));
  } else if (const auto* members = value.get_if<Any::Object>()) {
    if (depth == kAnyDepthMax) return kTooDeep;
    for (const auto& [name, member] : *members) {
      if (!is_utf8(name)) return kNotUtf8;
      COTERIE_CHECK(check_at_depth(member, depth + 1));
    }
  }
  return {};
}

}  // namespace

Gap gap_at(Store& store, BranchIndex branch, std::uint64_t index) {
  const Store::Cursor cursor = store.cursor();
  if (cursor.branch == branch &&
      index == cursor.start + store.items[cursor.item].visible_length()) {
    // Typing goes on where it was: usually all right of the cursor up to the next visible item is
    // a few deleted ones.
    constexpr int kSteps = 6;
    ItemIndex left = cursor.item;
    for (int i = 0; i < kSteps; ++i) {
      const ItemIndex right = store.items[left].right;
      if (right == kNone || store.items[right].visible_length() > 0) return {left, right};
      left = right;
    }
  }
  const ItemIndex right = item_starting_at(store, branch, index);
  return {right == kNone ? store.branches[branch].end : store.items[right].left, right};
}

ItemIndex item_starting_at(Store& store, BranchIndex branch, std::uint64_t index) {
  const auto found = store.find_position(branch, static_cast<std::uint32_t>(index));
  if (found.item == kNone || found.offset == 0) return found.item;
  const Item& item = store.items[found.item];
  return store.item_clean_start({item.client, item.clock + found.offset});
}

void remove_elements(Store& store, BranchIndex branch, std::uint64_t index, std::uint64_t length) {
  while (length > 0) {
    const auto found = store.find_position(branch, static_cast<std::uint32_t>(index));
    const Store::Cursor before = store.cursor();
    const Item& held = store.items[found.item];
    if (found.offset > 0 && held.length - found.offset <= length) {
      const std::uint32_t count = held.length - found.offset;
      if (store.give_to_deleted_right(found.item, count)) {
        length -= count;
        continue;
      }
    }
    if (found.offset == 0 && length < held.length &&
        store.give_to_deleted_left(found.item, static_cast<std::uint32_t>(length))) {
      return;
    }
    if (length < held.length &&
        store.cut_out(found.item, found.offset, static_cast<std::uint32_t>(length))) {
      return;
    }
    const ItemIndex at = found.offset == 0
                             ? found.item
                             : store.item_clean_start({held.client, held.clock + found.offset});
    const Item& item = store.items[at];
    if (length < item.length) {
      store.item_clean_start({item.client, item.clock + static_cast<std::uint32_t>(length)});
    }
    length -= item.length;
    const ItemIndex next = item.right;
    store.delete_item(at);
    if (found.offset > 0) {
      store.set_cursor(before);  // What was deleted is right of it.
    } else if (next != kNone) {
      store.set_cursor({branch, next, static_cast<std::uint32_t>(index)});
    }
  }
}

Status check_value(const Any& value) { return check_at_depth(value, 0); }

}  // namespace coterie::crdt::internal
