#include "crdt/internal/formatting.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "crdt/internal/stored_json.hpp"

namespace coterie::crdt::internal {
namespace {

bool is_object(std::string_view stored) {
  if (!stored.empty() && (stored[0] == '{' || stored[0] == '[')) return true;
  if (is_json_text(stored)) return false;
  const Any value = value_of_stored(stored);
  return value.get_if<Any::Object>() != nullptr || value.get_if<Any::Array>() != nullptr ||
         value.get_if<Bytes>() != nullptr;
}

bool equal_primitives(std::string_view a, std::string_view b) {
  if (a == b) return true;
  return value_of_stored(a) == value_of_stored(b);
}

/// The members of an object or array as name and JSON-like value.
Any::Object members_of(const Any& value) {
  if (const auto* object = value.get_if<Any::Object>()) return *object;
  Any::Object members;
  if (const auto* array = value.get_if<Any::Array>()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      members.emplace_back(std::to_string(i), (*array)[i]);
    }
  }
  if (const auto* bytes = value.get_if<Bytes>()) {
    for (std::size_t i = 0; i < bytes->size(); ++i) {
      members.emplace_back(std::to_string(i), Any(static_cast<int>((*bytes)[i])));
    }
  }
  return members;
}

bool equal_flat(const Any& a, const Any& b) {
  const Any::Object left = members_of(a);
  const Any::Object right = members_of(b);
  if (left.size() != right.size()) return false;
  return std::all_of(left.begin(), left.end(), [&](const auto& member) {
    // Nested objects are different objects to JavaScript, whatever they hold.
    if (member.second.template get_if<Any::Object>() != nullptr ||
        member.second.template get_if<Any::Array>() != nullptr) {
      return false;
    }
    return std::find(right.begin(), right.end(), member) != right.end();
  });
}

}  // namespace

Attribute attribute_of(const Store& store, ItemIndex index) {
  WireReader reader(store.content_of(store.items[index]));
  Attribute attribute;
  attribute.key = as_text(reader.varbytes());
  attribute.json = as_text(reader.varbytes());
  attribute.mark = index;
  if (is_object(attribute.json)) attribute.source = store.value_source(store.items[index]);
  return attribute;
}

bool strictly_equal(const Attribute* a, const Attribute* b) {
  const bool a_null = a == nullptr || a->is_null();
  const bool b_null = b == nullptr || b->is_null();
  if (a_null || b_null) return a_null && b_null;
  if (is_object(a->json) || is_object(b->json)) return a->source == b->source && a->source.exists();
  return equal_primitives(a->json, b->json);
}

bool equal_attributes(const Attribute* a, const Attribute* b) {
  if (strictly_equal(a, b)) return true;
  if (a == nullptr || b == nullptr || !is_object(a->json) || !is_object(b->json)) return false;
  return equal_flat(value_of_stored(a->json), value_of_stored(b->json));
}

std::size_t clean_formatting_gap(Store& store, ItemIndex start, ItemIndex curr,
                                 const AttributeMap& start_attributes, AttributeMap& current) {
  AttributeMap last_marks;  // Per name, the last mark before the next content.
  ItemIndex end = start;
  for (; end != kNone; end = store.items[end].right) {
    const Item& item = store.items[end];
    if (item.countable() && !item.deleted) break;
    if (!item.deleted && item.kind == ContentKind::kFormat) {
      last_marks.set(attribute_of(store, end));
    }
  }
  std::size_t cleaned = 0;
  bool reached = false;
  for (ItemIndex at = start; at != end; at = store.items[at].right) {
    reached = reached || at == curr;
    const Item& item = store.items[at];
    if (item.deleted || item.kind != ContentKind::kFormat) continue;
    const Attribute mark = attribute_of(store, at);
    const Attribute* const before = start_attributes.find(mark.key);
    if (last_marks.find(mark.key)->mark != at || strictly_equal(before, &mark)) {
      // Overwritten before any content, or says what holds already.
      store.delete_item(at);
      ++cleaned;
      if (!reached && strictly_equal(current.find(mark.key), &mark) &&
          !strictly_equal(before, &mark)) {
        if (before == nullptr) {
          current.erase(mark.key);
        } else {
          current.set(*before);
        }
      }
    }
    if (!reached && !item.deleted) current.apply(mark);
  }
  return cleaned;
}

namespace {

/// Around deleted items: of several marks of one name without content between them, only the last
/// one counts.
class GapCleaner {
 public:
  explicit GapCleaner(Store& store) : store_(store) {}

  /// Cleans the gap (what is deleted or not content, up to content on both sides) around `index`.
  /// Each gap once: a second time would find nothing.
  void clean(ItemIndex index) {
    if (done_.count(index) > 0) return;
    while (store_.items[index].right != kNone && is_gap(store_.items[index].right)) {
      index = store_.items[index].right;
    }
    std::unordered_set<std::string> seen;
    for (; index != kNone && is_gap(index); index = store_.items[index].left) {
      const Item& item = store_.items[index];
      if (item.deleted) done_.insert(index);
      if (item.deleted || item.kind != ContentKind::kFormat) continue;
      if (!seen.insert(attribute_of(store_, index).key).second) store_.delete_item(index);
    }
  }

 private:
  bool is_gap(ItemIndex at) const {
    const Item& item = store_.items[at];
    return item.deleted || !item.countable();
  }

  Store& store_;
  std::unordered_set<ItemIndex> done_;
};

/// Yjs's cleanupYTextFormatting walks the whole text, but looks only at what is between an item and
/// the next content: once the first content is reached, that is nothing. So only marks before the
/// first content are cleaned up.
std::size_t clean_list(Store& store, const Branch& branch) {
  AttributeMap current;
  for (ItemIndex at = branch.start; at != kNone; at = store.items[at].right) {
    const Item& item = store.items[at];
    if (item.deleted) continue;
    if (item.kind != ContentKind::kFormat) {
      return clean_formatting_gap(store, branch.start, at, AttributeMap(), current);
    }
    current.apply(attribute_of(store, at));
  }
  return 0;
}

}  // namespace

std::size_t Store::clean_text(BranchIndex branch) { return clean_list(*this, branches[branch]); }

/// Yjs's cleanupYTextAfterTransaction: concurrent formatting leaves marks that say nothing, and
/// every replica deletes the same ones. `after` is not finished yet.
///
/// A text where a mark was deleted is left to clean_text(), which in Yjs as here finds less than
/// GapCleaner does. So it matters which delete is looked at first: Yjs goes by client, in
/// the order in which clients were first deleted from.
void Store::clean_formatting(Transaction& after) {
  std::unordered_map<ClientIndex, std::size_t> rank;
  for (const ClientIndex client : after.delete_order) rank.emplace(client, rank.size());
  auto deletes = after.deletes;
  std::stable_sort(deletes.begin(), deletes.end(),
                   [&](const auto& a, const auto& b) { return rank[a.client] < rank[b.client]; });
  std::unordered_set<BranchIndex> whole;  // Texts where marks came or went.
  for (const Growth& growth : after.clients) {
    const BlockList& blocks = clients_[growth.client].blocks;
    for (auto at = blocks.find(growth.before);
         !blocks.is_end(at) && blocks.at(at).clock < growth.after; at = blocks.next(at)) {
      const Item& item = items[blocks.item(at)];
      if (!item.deleted && item.kind == ContentKind::kFormat) whole.insert(item.parent);
    }
  }
  GapCleaner gaps(*this);
  for (const auto& range : deletes) {
    const BlockList& blocks = clients_[range.client].blocks;
    const std::uint32_t end = range.clock + range.length;
    for (auto at = blocks.find(range.clock); !blocks.is_end(at) && blocks.at(at).clock < end;
         at = blocks.next(at)) {
      const ItemIndex index = blocks.item(at);
      const Item& item = items[index];
      if (item.is_gc() || !branches[item.parent].has_formatting || whole.count(item.parent) > 0) {
        continue;
      }
      if (item.kind == ContentKind::kFormat) {
        whole.insert(item.parent);
      } else {
        gaps.clean(index);
      }
    }
  }
  for (const BranchIndex index : whole) (void)clean_text(index);
}

}  // namespace coterie::crdt::internal
