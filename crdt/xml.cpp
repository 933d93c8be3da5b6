#include "crdt/xml.hpp"

#include "crdt/internal/editing.hpp"
#include "crdt/internal/insertion.hpp"
#include "crdt/internal/reading.hpp"
#include "crdt/internal/store.hpp"

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

std::optional<SharedType> type_of(Store& store, ItemIndex index) {
  if (index == kNone || store.items[index].kind != ContentKind::kType) return std::nullopt;
  return store.handle(store.items[index].content);
}

/// Steps over deleted items.
ItemIndex next_of(const Store& store, ItemIndex index) {
  do {
    index = store.items[index].right;
  } while (index != kNone && store.items[index].deleted);
  return index;
}

ItemIndex previous_of(const Store& store, ItemIndex index) {
  do {
    index = store.items[index].left;
  } while (index != kNone && store.items[index].deleted);
  return index;
}

std::optional<SharedType> sibling(Store& store, const SharedType& handle, bool next) {
  const Branch* const branch = store.resolve(handle);
  if (branch == nullptr || branch->item == kNone) return std::nullopt;
  return type_of(store, next ? next_of(store, branch->item) : previous_of(store, branch->item));
}

std::vector<SharedType> types_of(const std::vector<Value>& values) {
  std::vector<SharedType> types;
  for (const Value& value : values) {
    if (const auto* type = std::get_if<SharedType>(&value)) types.push_back(*type);
  }
  return types;
}

std::string string_of(const SharedType& type) {
  const Any json = type.to_json();
  const auto* const text = json.get_if<std::string>();
  return text == nullptr ? std::string() : *text;
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (upper(a[i]) != upper(b[i])) return false;
  }
  return true;
}

/// Checks what every insertion checks.
Result<Branch*> writable(Store& store, const SharedType& handle, std::uint64_t index) {
  Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return internal::kStale;
  if (index > branch->length) return internal::kPastEnd;
  return branch;
}

}  // namespace

// --- XmlTreeWalker
// --------------------------------------------------------------------------------

XmlTreeWalker::XmlTreeWalker(const SharedType& root, Filter filter)
    : root_(root), filter_(std::move(filter)), at_(kNone) {
  const Branch* const branch = root_.store_->resolve(root_);
  if (branch != nullptr) at_ = branch->start;
}

std::optional<SharedType> XmlTreeWalker::next() {
  Store& store = *root_.store_;
  const auto takes = [&](ItemIndex index) {
    const Item& item = store.items[index];
    if (item.deleted || item.kind != ContentKind::kType) return false;
    return !filter_ || filter_(store.handle(item.content));
  };
  ItemIndex at = at_;
  if (at != kNone && (!first_ || !takes(at))) {
    do {
      const Item& item = store.items[at];
      const bool open = !item.deleted && item.kind == ContentKind::kType;
      const Branch* const inside = open ? &store.branches[item.content] : nullptr;
      if (inside != nullptr && inside->start != kNone &&
          (inside->kind == TypeKind::kXmlElement || inside->kind == TypeKind::kXmlFragment)) {
        at = inside->start;
        continue;
      }
      while (at != kNone) {
        const ItemIndex right = next_of(store, at);
        if (right != kNone) {
          at = right;
          break;
        }
        const BranchIndex parent = store.items[at].parent;
        at = parent == Store::slot_of(root_) ? kNone : store.branches[parent].item;
      }
    } while (at != kNone && !takes(at));
  }
  first_ = false;
  if (at == kNone) return std::nullopt;
  at_ = at;
  return store.handle(store.items[at].content);
}

// --- XmlFragment
// ----------------------------------------------------------------------------------

std::uint64_t XmlFragment::size() const {
  const Branch* const branch = store_->resolve(*this);
  return branch == nullptr ? 0 : branch->length;
}

std::optional<SharedType> XmlFragment::get(std::uint64_t index) const {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr || index >= branch->length) return std::nullopt;
  return type_of(*store_, store_->find_position(branch_, static_cast<std::uint32_t>(index)).item);
}

std::vector<SharedType> XmlFragment::children() const { return slice(0); }

std::vector<SharedType> XmlFragment::slice(std::int64_t start, std::int64_t end) const {
  return types_of(internal::slice_of(*store_, *this, start, end));
}

std::optional<SharedType> XmlFragment::first_child() const {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr || branch->start == kNone) return std::nullopt;
  const ItemIndex first =
      store_->items[branch->start].deleted ? next_of(*store_, branch->start) : branch->start;
  return type_of(*store_, first);
}

Status XmlFragment::insert(std::uint64_t index, std::span<const NewValue> nodes) {
  COTERIE_CHECK(writable(*store_, *this, index));
  COTERIE_CHECK(internal::check_new(*store_, nodes));
  const Edit edit(*store_);
  internal::insert_values(*store_, branch_, internal::left_neighbour(*store_, branch_, index),
                          nodes);
  return {};
}

Status XmlFragment::insert_after(const std::optional<SharedType>& child,
                                 std::span<const NewValue> nodes) {
  COTERIE_CHECK(writable(*store_, *this, 0));
  ItemIndex left = kNone;
  if (child) {
    const Branch* const held = child->store_ == store_ ? store_->resolve(*child) : nullptr;
    if (held == nullptr || held->item == kNone || store_->items[held->item].parent != branch_ ||
        store_->items[held->item].in_map) {
      return Error{ErrorCode::kNotFound, "no child to insert after", 0};
    }
    left = held->item;
  }
  COTERIE_CHECK(internal::check_new(*store_, nodes));
  const Edit edit(*store_);
  internal::insert_values(*store_, branch_, left, nodes);
  return {};
}

Result<SharedType> XmlFragment::insert(std::uint64_t index, const NewType& node) {
  COTERIE_TRY(const Branch* const branch, writable(*store_, *this, index));
  COTERIE_CHECK(internal::check_new(*store_, node));
  const Edit edit(*store_);
  const ItemIndex left = internal::left_neighbour(*store_, branch_, index);
  const ItemIndex right = left == kNone ? branch->start : store_->items[left].right;
  const ItemIndex item = internal::insert_type(*store_, branch_, kNone, left, right, node);
  // The handle is taken before the transaction ends: observers may do anything to the document.
  return store_->handle(store_->items[item].content);
}

Result<XmlElement> XmlFragment::insert_element(std::uint64_t index, std::string_view node_name) {
  COTERIE_TRY(const SharedType type, insert(index, NewType::xml_element(std::string(node_name))));
  return XmlElement(type);
}

Result<XmlText> XmlFragment::insert_text(std::uint64_t index, std::string_view utf8) {
  COTERIE_TRY(const SharedType type, insert(index, NewType::xml_text(std::string(utf8))));
  return XmlText(type);
}

Result<XmlHook> XmlFragment::insert_hook(std::uint64_t index, std::string_view hook_name) {
  COTERIE_TRY(const SharedType type, insert(index, NewType::xml_hook(std::string(hook_name))));
  return XmlHook(type);
}

Status XmlFragment::remove(std::uint64_t index, std::uint64_t count) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return internal::kStale;
  if (count > branch->length || index > branch->length - count) return internal::kPastEnd;
  const Edit edit(*store_);
  internal::remove_elements(*store_, branch_, index, count);
  return {};
}

XmlTreeWalker XmlFragment::create_tree_walker(XmlTreeWalker::Filter filter) const {
  return XmlTreeWalker(*this, std::move(filter));
}

namespace {

XmlTreeWalker::Filter named(std::string_view node_name) {
  return [name = std::string(node_name)](const SharedType& type) {
    return type.kind() == TypeKind::kXmlElement && same_name(type.node_name(), name);
  };
}

}  // namespace

std::optional<XmlElement> XmlFragment::query_selector(std::string_view node_name) const {
  const auto found = create_tree_walker(named(node_name)).next();
  if (!found) return std::nullopt;
  return XmlElement(*found);
}

std::vector<XmlElement> XmlFragment::query_selector_all(std::string_view node_name) const {
  std::vector<XmlElement> all;
  XmlTreeWalker walker = create_tree_walker(named(node_name));
  while (const auto found = walker.next()) all.push_back(XmlElement(*found));
  return all;
}

std::string XmlFragment::to_string() const { return string_of(*this); }

// --- XmlElement, XmlText
// --------------------------------------------------------------------------

Status XmlElement::set_attribute(std::string_view name, const Any& value) {
  return internal::set_key(*store_, *this, name, value);
}
Result<SharedType> XmlElement::set_attribute(std::string_view name, const NewType& value) {
  return internal::set_key(*store_, *this, name, value);
}
Status XmlElement::remove_attribute(std::string_view name) {
  return internal::remove_key(*store_, *this, name);
}
std::optional<Value> XmlElement::get_attribute(std::string_view name) const {
  return internal::value_of_key(*store_, *this, name);
}
bool XmlElement::has_attribute(std::string_view name) const {
  return internal::has_key(*store_, *this, name);
}
std::vector<std::pair<std::string, Value>> XmlElement::attributes() const {
  return internal::entries_of(*store_, *this);
}

std::optional<SharedType> XmlElement::next_sibling() const { return sibling(*store_, *this, true); }
std::optional<SharedType> XmlElement::prev_sibling() const {
  return sibling(*store_, *this, false);
}
std::optional<SharedType> XmlText::next_sibling() const { return sibling(*store_, *this, true); }
std::optional<SharedType> XmlText::prev_sibling() const { return sibling(*store_, *this, false); }

std::string XmlText::to_xml_string() const { return string_of(*this); }

}  // namespace coterie::crdt
