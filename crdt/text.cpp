#include "crdt/text.hpp"

#include <algorithm>
#include <cstring>

#include "crdt/base/utf16.hpp"
#include "crdt/internal/editing.hpp"
#include "crdt/internal/formatting.hpp"
#include "crdt/internal/insertion.hpp"
#include "crdt/internal/reading.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/internal/stored_json.hpp"

namespace coterie::crdt {

using internal::Attribute;
using internal::AttributeMap;
using internal::Branch;
using internal::BranchIndex;
using internal::ContentKind;
using internal::Edit;
using internal::Item;
using internal::ItemIndex;
using internal::kInsidePair;
using internal::kNone;
using internal::kPastEnd;
using internal::kStale;
using internal::kTooLarge;
using internal::Store;

namespace internal {

std::string text_of(const Store& store, const Branch& branch) {
  // Short pieces are copied as a block that may reach beyond their end, where there is room.
  constexpr std::size_t kBlock = 32;
  std::string out(branch.length + kBlock, '\0');
  std::size_t size = 0;
  ItemIndex next = kNone;
  for (ItemIndex at = branch.start; at != kNone; at = next) {
    const Item& item = store.items[at];
    next = item.right;
    if (item.deleted || item.kind != ContentKind::kString) continue;
    const Bytes& content = store.client(item.client).content;
    if (item.ascii && item.length <= kBlock && content.size() - item.content >= kBlock &&
        out.size() - size >= kBlock) {
      std::memcpy(out.data() + size, content.data() + item.content, kBlock);
      size += item.length;
      continue;
    }
    const ByteView bytes = store.content_of(item);
    if (out.size() - size < bytes.size()) out.resize(size + size / 2 + bytes.size() + kBlock);
    std::memcpy(out.data() + size, bytes.data(), bytes.size());
    size += bytes.size();
  }
  out.resize(size);
  return out;
}

std::vector<TextRun> delta_of(Store& store, const Branch& branch) {
  std::vector<TextRun> runs;
  AttributeMap current;
  std::string text;
  const auto attributes = [&] {
    Attributes out;
    current.for_each([&](const Attribute& attribute) {
      out.emplace_back(attribute.key, internal::value_of_stored(attribute.json));
    });
    return out;
  };
  const auto flush = [&] {
    if (text.empty()) return;
    runs.push_back({std::move(text), attributes()});
    text.clear();
  };
  for (ItemIndex at = branch.start; at != kNone; at = store.items[at].right) {
    const Item& item = store.items[at];
    if (item.deleted) continue;
    switch (item.kind) {
      case ContentKind::kString:
        text += as_text(store.content_of(item));
        break;
      case ContentKind::kFormat:
        flush();
        current.apply(attribute_of(store, at));
        break;
      case ContentKind::kType:
      case ContentKind::kEmbed: {
        flush();
        const auto values = values_of(store, item);
        TextRun run{Any(), attributes()};
        if (const Any* any = std::get_if<Any>(&values.front())) {
          run.insert = *any;
        } else {
          run.insert = std::get<SharedType>(values.front());  // kType.
        }
        runs.push_back(std::move(run));
        break;
      }
      default:
        break;
    }
  }
  flush();
  return runs;
}

}  // namespace internal

namespace {

/// A place between two items, with the attributes in force there.
struct Position {
  ItemIndex left = kNone;
  ItemIndex right = kNone;
  AttributeMap attributes;
};

/// Edits of a text that has formatting: Yjs's insertText, formatText and deleteText.
class FormattedEditor {
 public:
  FormattedEditor(Store& store, BranchIndex branch) : store_(store), branch_(branch) {}

  /// Walks to `index`, splitting the item there.
  Position find(std::uint64_t index) {
    Position at{.left = kNone, .right = store_.branches[branch_].start, .attributes = {}};
    while (at.right != kNone && index > 0) {
      const Item& item = store_.items[at.right];
      if (item.kind != ContentKind::kFormat && !item.deleted) {
        if (index < item.length) split(at.right, static_cast<std::uint32_t>(index));
        index -= item.length;
      }
      forward(at);
    }
    return at;
  }

  /// Returns the item. `type`: what is inserted, of kind kType.
  ItemIndex insert(Position& at, AttributeMap attributes, ContentKind kind, std::uint32_t length,
                   ByteView content, bool ascii, const NewType* type = nullptr) {
    at.attributes.for_each([&](const Attribute& held) {
      if (attributes.find(held.key) == nullptr) attributes.set({held.key, "null", kNone});
    });
    skip_equal(at, attributes);
    AttributeMap negated = open(at, attributes);
    if (type != nullptr) {
      at.left = internal::insert_type(store_, branch_, kNone, at.left, at.right, *type);
      at.right = store_.items[at.left].right;
    } else {
      put(at, kind, length, content, ascii);
    }
    const ItemIndex item = at.left;
    close(at, negated);
    return item;
  }

  void format(Position& at, std::uint64_t length, const AttributeMap& attributes) {
    skip_equal(at, attributes);
    AttributeMap negated = open(at, attributes);
    while (at.right != kNone) {
      const Item& item = store_.items[at.right];
      const bool mark = item.kind == ContentKind::kFormat;
      if (length == 0 && (negated.empty() || (!item.deleted && !mark))) break;
      if (!item.deleted && mark) {
        Attribute held = attribute_of(store_, at.right);
        const Attribute* const wanted = attributes.find(held.key);
        if (wanted == nullptr) {
          at.attributes.set(std::move(held));
        } else {
          if (equal_attributes(wanted, &held)) {
            negated.erase(held.key);
          } else {
            if (length == 0) break;  // No need to extend what is closed.
            negated.set(std::move(held));
          }
          store_.delete_item(at.right);
        }
      } else if (!item.deleted) {
        if (length < item.length) split(at.right, static_cast<std::uint32_t>(length));
        length -= item.length;
      }
      forward(at);
    }
    if (length > 0) {  // Past the end, as Yjs has it: line breaks.
      const std::string breaks(static_cast<std::size_t>(length), '\n');
      put(at, ContentKind::kString, static_cast<std::uint32_t>(length), as_bytes(breaks), true);
    }
    close(at, negated);
  }

  void remove(Position& at, std::uint64_t length) {
    const AttributeMap start_attributes = at.attributes;
    const ItemIndex start = at.right;
    while (length > 0 && at.right != kNone) {
      const Item& item = store_.items[at.right];
      if (!item.deleted && item.countable()) {
        if (length < item.length) split(at.right, static_cast<std::uint32_t>(length));
        length -= item.length;
        store_.delete_item(at.right);
      }
      forward(at);
    }
    if (start != kNone) {
      clean_formatting_gap(store_, start, at.right, start_attributes, at.attributes);
    }
  }

 private:
  void split(ItemIndex index, std::uint32_t offset) {
    const Item& item = store_.items[index];
    store_.item_clean_start({item.client, item.clock + offset});
  }

  void forward(Position& at) {
    const Item& item = store_.items[at.right];
    if (item.kind == ContentKind::kFormat && !item.deleted) {
      at.attributes.apply(attribute_of(store_, at.right));
    }
    at.left = at.right;
    at.right = item.right;
  }

  /// Steps over what is deleted and marks that say what is wanted anyway.
  void skip_equal(Position& at, const AttributeMap& attributes) {
    while (at.right != kNone) {
      const Item& item = store_.items[at.right];
      if (!item.deleted) {
        if (item.kind != ContentKind::kFormat) return;
        const Attribute mark = attribute_of(store_, at.right);
        if (!equal_attributes(attributes.find(mark.key), &mark)) return;
      }
      forward(at);
    }
  }

  void put(Position& at, ContentKind kind, std::uint32_t length, ByteView content, bool ascii) {
    const ItemIndex item =
        store_.insert_local(branch_, kNone, at.left, at.right, kind, length, content, ascii);
    at.left = item;
    at.right = store_.items[item].right;
  }

  void put_mark(Position& at, const Attribute& attribute) {
    Bytes content;
    append_varstring(content, attribute.key);
    append_varstring(content, attribute.json);
    put(at, ContentKind::kFormat, 1, content, false);
    if (attribute.source.exists()) store_.set_value_source(store_.items[at.left], attribute.source);
    at.attributes.apply(attribute_of(store_, at.left));
  }

  /// Opens the attributes that differ; returns what brings the old ones back.
  AttributeMap open(Position& at, const AttributeMap& attributes) {
    AttributeMap negated;
    attributes.for_each([&](const Attribute& wanted) {
      const Attribute* const current = at.attributes.find(wanted.key);
      if (equal_attributes(current, &wanted)) return;
      negated.set(current != nullptr ? *current : Attribute{wanted.key, "null", kNone});
      put_mark(at, wanted);
    });
    return negated;
  }

  void close(Position& at, AttributeMap& negated) {
    while (at.right != kNone) {
      const Item& item = store_.items[at.right];
      if (!item.deleted) {
        if (item.kind != ContentKind::kFormat) break;
        const Attribute mark = attribute_of(store_, at.right);
        const Attribute* const wanted = negated.find(mark.key);
        // Yjs compares with undefined where nothing is to be closed: that never equals a value.
        if (wanted == nullptr || !equal_attributes(wanted, &mark)) break;
        negated.erase(mark.key);
      }
      forward(at);
    }
    negated.for_each([&](const Attribute& attribute) { put_mark(at, attribute); });
  }

  Store& store_;
  BranchIndex branch_;
};

/// Whether an edit may cut at `index`.
Status check_cut(Store& store, BranchIndex branch, std::uint64_t index) {
  if (index > store.branches[branch].length) return kPastEnd;
  const Store::Cursor& cursor = store.cursor();
  if (cursor.branch == branch && index >= cursor.start) {
    const Item& item = store.items[cursor.item];
    const std::uint64_t offset = index - cursor.start;
    if (offset == item.visible_length() || (offset < item.visible_length() && item.ascii))
      return {};
  }
  const auto found = store.find_position(branch, static_cast<std::uint32_t>(index));
  if (found.item == kNone || found.offset == 0) return {};
  const Item& item = store.items[found.item];
  if (item.kind != ContentKind::kString || item.ascii) return {};
  if (store.text_position(item, found.offset).inside_pair) return kInsidePair;
  return {};
}

/// Undefined becomes null: v1 has no word for it.
std::string stored(const Any& value) {
  return value.is_undefined() ? "null" : internal::store_value(value);
}

Result<AttributeMap> to_map(const Attributes& attributes) {
  AttributeMap map;
  for (const auto& [key, value] : attributes) {
    if (!is_utf8(key)) return internal::kNotUtf8;
    COTERIE_CHECK(internal::check_value(value));
    map.set({key, stored(value), kNone});
  }
  return map;
}

Status insert_content(const SharedType& handle, Store& store, BranchIndex index,
                      std::uint64_t position, ContentKind kind, std::uint64_t length,
                      ByteView content, bool ascii, const Attributes* attributes) {
  const Branch* const branch = store.resolve(handle);
  if (branch == nullptr) return kStale;
  COTERIE_CHECK(check_cut(store, index, position));
  if (!store.may_edit(content.size() * 2) || length > kClockMax) return kTooLarge;
  AttributeMap wanted;
  if (attributes != nullptr) {
    COTERIE_TRY(wanted, to_map(*attributes));
  }
  const Edit edit(store);
  if (!branch->has_marks && wanted.empty()) {
    const Store::Cursor before = store.cursor();
    const internal::Gap gap = internal::gap_at(store, index, position);
    const ItemIndex item = store.insert_local(index, kNone, gap.left, gap.right, kind,
                                              static_cast<std::uint32_t>(length), content, ascii);
    if (item != gap.left) {
      store.set_cursor({index, item, static_cast<std::uint32_t>(position)});
    } else if (before.branch == index && before.item == item) {
      store.set_cursor(before);  // Its item has grown.
    }
    return {};
  }
  FormattedEditor editor(store, index);
  auto at = editor.find(position);
  if (attributes == nullptr) wanted = at.attributes;
  editor.insert(at, std::move(wanted), kind, static_cast<std::uint32_t>(length), content, ascii);
  return {};
}

}  // namespace

namespace internal {
namespace {

AttributeMap map_of(const Attributes& attributes) {
  AttributeMap map;
  for (const auto& [key, value] : attributes) map.set({key, stored(value), kNone});
  return map;
}

/// Puts what an op inserts: content between two items, or a type.
struct Insertion {
  ContentKind kind = ContentKind::kString;
  std::uint32_t length = 1;
  Bytes embed;
  ByteView content;
  bool ascii = false;
  const NewType* type = nullptr;

  explicit Insertion(const DeltaOp::Insert& insert) {
    if (const auto* text = std::get_if<std::string>(&insert)) {
      use(*text);
    } else if (const auto* any = std::get_if<Any>(&insert)) {
      kind = ContentKind::kEmbed;
      append_varstring(embed, stored(*any));
      content = embed;
    } else {
      kind = ContentKind::kType;
      type = &std::get<NewType>(insert);
    }
  }
  void use(std::string_view text) {
    const Utf16Scan scan = scan_utf16(as_bytes(text));
    length = static_cast<std::uint32_t>(scan.length);
    ascii = scan.ascii;
    content = as_bytes(text);
  }
  bool empty() const { return kind == ContentKind::kString && content.empty(); }
};

/// Where there is no formatting, by index.
void apply_plain(Store& store, BranchIndex branch, const Delta& delta) {
  std::uint64_t index = 0;
  for (const DeltaOp& op : delta) {
    const std::uint64_t size = store.branches[branch].length;
    if (op.remove > 0) {
      if (index < size) remove_elements(store, branch, index, std::min(op.remove, size - index));
      continue;
    }
    if (op.retain > 0 && index + op.retain <= size) {
      index += op.retain;
      continue;
    }
    std::string breaks;
    if (op.retain > 0) {
      breaks.assign(static_cast<std::size_t>(index + op.retain - size), '\n');
      index = size;
    } else if (std::holds_alternative<std::monostate>(op.insert)) {
      continue;
    }
    const DeltaOp::Insert lines(std::move(breaks));
    const Insertion insertion(op.retain > 0 ? lines : op.insert);
    if (insertion.empty()) continue;
    const Gap gap = gap_at(store, branch, index);
    if (insertion.type != nullptr) {
      insert_type(store, branch, kNone, gap.left, gap.right, *insertion.type);
    } else {
      store.insert_local(branch, kNone, gap.left, gap.right, insertion.kind, insertion.length,
                         insertion.content, insertion.ascii);
    }
    index += insertion.length;
  }
}

}  // namespace

void apply_delta(Store& store, BranchIndex branch, const Delta& delta, bool sanitize) {
  const bool plain = sanitize && !store.branches[branch].has_marks &&
                     std::all_of(delta.begin(), delta.end(),
                                 [](const DeltaOp& op) { return op.attributes.empty(); });
  if (plain) {
    apply_plain(store, branch, delta);
    return;
  }
  FormattedEditor editor(store, branch);
  Position at{.left = kNone, .right = store.branches[branch].start, .attributes = {}};
  for (std::size_t i = 0; i < delta.size(); ++i) {
    const DeltaOp& op = delta[i];
    if (!std::holds_alternative<std::monostate>(op.insert)) {
      Insertion insertion(op.insert);
      const auto* const text = std::get_if<std::string>(&op.insert);
      if (!sanitize && text != nullptr && i + 1 == delta.size() && text->ends_with('\n') &&
          at.right == kNone) {
        insertion.use(std::string_view(*text).substr(0, text->size() - 1));
      }
      if (insertion.empty()) continue;
      editor.insert(at, map_of(op.attributes), insertion.kind, insertion.length, insertion.content,
                    insertion.ascii, insertion.type);
    } else if (op.retain > 0) {
      editor.format(at, op.retain, map_of(op.attributes));
    } else if (op.remove > 0) {
      editor.remove(at, op.remove);
    }
  }
}

}  // namespace internal

std::uint64_t Text::size() const {
  const Branch* const branch = store_->resolve(*this);
  return branch == nullptr ? 0 : branch->length;
}

std::string Text::to_string() const {
  const Branch* const branch = store_->resolve(*this);
  return branch == nullptr ? std::string() : internal::text_of(*store_, *branch);
}

std::vector<TextRun> Text::to_delta() const {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return {};
  return internal::delta_of(*store_, *branch);
}

Status Text::insert(std::uint64_t index, std::string_view utf8) {
  const Utf16Scan scan = scan_utf16(as_bytes(utf8));
  if (!scan.valid) return internal::kNotUtf8;
  if (utf8.empty()) return {};
  if (store_->insert_at_caret(*this, index, as_bytes(utf8), scan.length, scan.ascii)) return {};
  COTERIE_CHECK(insert_content(*this, *store_, branch_, index, ContentKind::kString, scan.length,
                               as_bytes(utf8), scan.ascii, nullptr));
  store_->take_caret(branch_, index + scan.length);
  return {};
}

Status Text::insert(std::uint64_t index, std::string_view utf8, const Attributes& attributes) {
  const Utf16Scan scan = scan_utf16(as_bytes(utf8));
  if (!scan.valid) return internal::kNotUtf8;
  if (utf8.empty()) return {};
  return insert_content(*this, *store_, branch_, index, ContentKind::kString, scan.length,
                        as_bytes(utf8), scan.ascii, &attributes);
}

Status Text::insert_embed(std::uint64_t index, const Any& embed, const Attributes& attributes) {
  COTERIE_CHECK(internal::check_value(embed));
  Bytes content;
  append_varstring(content, stored(embed));
  return insert_content(*this, *store_, branch_, index, ContentKind::kEmbed, 1, content, false,
                        &attributes);
}

Status Text::remove(std::uint64_t index, std::uint64_t length) {
  if (length > 0 && store_->remove_at_caret(*this, index, length)) return {};
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return kStale;
  if (length > branch->length || index > branch->length - length) return kPastEnd;
  if (length == 0) return {};
  COTERIE_CHECK(check_cut(*store_, branch_, index));
  COTERIE_CHECK(check_cut(*store_, branch_, index + length));
  if (!branch->has_marks) {
    {
      const Edit edit(*store_);
      internal::remove_elements(*store_, branch_, index, length);
    }
    store_->take_caret(branch_, index);
    return {};
  }
  const Edit edit(*store_);
  FormattedEditor editor(*store_, branch_);
  auto at = editor.find(index);
  editor.remove(at, length);
  return {};
}

Status Text::format(std::uint64_t index, std::uint64_t length, const Attributes& attributes) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return kStale;
  if (length > branch->length || index > branch->length - length) return kPastEnd;
  if (length == 0) return {};
  COTERIE_CHECK(check_cut(*store_, branch_, index));
  COTERIE_CHECK(check_cut(*store_, branch_, index + length));
  COTERIE_TRY(const AttributeMap wanted, to_map(attributes));
  if (!store_->may_edit(0)) return kTooLarge;
  const Edit edit(*store_);
  FormattedEditor editor(*store_, branch_);
  auto at = editor.find(index);
  editor.format(at, length, wanted);
  return {};
}

Result<SharedType> Text::insert_embed(std::uint64_t index, const NewType& type,
                                      const Attributes& attributes) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return kStale;
  COTERIE_CHECK(check_cut(*store_, branch_, index));
  COTERIE_CHECK(internal::check_new(*store_, type));
  COTERIE_TRY(AttributeMap wanted, to_map(attributes));
  const Edit edit(*store_);
  FormattedEditor editor(*store_, branch_);
  auto at = editor.find(index);
  const ItemIndex item =
      editor.insert(at, std::move(wanted), ContentKind::kType, 1, {}, false, &type);
  // The handle is taken before the transaction ends: observers may do anything to the document.
  return store_->handle(store_->items[item].content);
}

Status Text::apply_delta(const Delta& delta, bool sanitize) {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return kStale;
  Delta copied;  // Where types are to be copied.
  const bool copies = std::any_of(delta.begin(), delta.end(), [](const DeltaOp& op) {
    return std::holds_alternative<SharedType>(op.insert);
  });
  if (copies) {
    copied = delta;
    for (DeltaOp& op : copied) {
      if (const auto* type = std::get_if<SharedType>(&op.insert)) {
        COTERIE_TRY(op.insert, type->clone());
      }
    }
  }
  const Delta& ops = copies ? copied : delta;
  COTERIE_CHECK(internal::check_delta(*store_, ops));
  std::uint64_t index = 0;  // In the text as it is.
  for (const DeltaOp& op : ops) {
    const int kinds = (std::holds_alternative<std::monostate>(op.insert) ? 0 : 1) +
                      (op.retain > 0 ? 1 : 0) + (op.remove > 0 ? 1 : 0);
    if (kinds > 1) return Error{ErrorCode::kMalformed, "more than one step in one", 0};
    if (op.retain == 0 && op.remove == 0) continue;
    index =
        std::min<std::uint64_t>(index + std::min(op.retain + op.remove, kClockMax), branch->length);
    COTERIE_CHECK(check_cut(*store_, branch_, index));
  }
  const Edit edit(*store_);
  internal::apply_delta(*store_, branch_, ops, sanitize);
  return {};
}

Status Text::apply_delta(std::span<const TextRun> runs) {
  Delta delta;
  for (const TextRun& run : runs) {
    DeltaOp op = DeltaOp::inserted({}, run.attributes);
    std::visit([&](const auto& insert) { op.insert = insert; }, run.insert);
    delta.push_back(std::move(op));
  }
  return apply_delta(delta);
}

Result<std::uint64_t> Text::clean_formatting() {
  if (!alive()) return kStale;
  const Edit edit(*store_);
  return store_->clean_text(branch_);
}

Status Text::set_attribute(std::string_view name, const Any& value) {
  return internal::set_key(*store_, *this, name, value);
}
Result<SharedType> Text::set_attribute(std::string_view name, const NewType& value) {
  return internal::set_key(*store_, *this, name, value);
}
Status Text::remove_attribute(std::string_view name) {
  return internal::remove_key(*store_, *this, name);
}
std::optional<Value> Text::get_attribute(std::string_view name) const {
  return internal::value_of_key(*store_, *this, name);
}
std::vector<std::pair<std::string, Value>> Text::attributes() const {
  return internal::entries_of(*store_, *this);
}

}  // namespace coterie::crdt
