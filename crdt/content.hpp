// What goes into shared types and comes out of them: types to be made, subdocuments to be made, and
// deltas.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/shared_type.hpp"

namespace coterie::crdt {

struct DeltaOp;
struct NewValue;

/// Name and value of each attribute, in the order they were opened.
using Attributes = Any::Object;

/// One after the other, from the start of a list.
using Delta = std::vector<DeltaOp>;

/// A shared type to be made, with what it is to hold (Yjs: a type that was not put anywhere yet).
///
///     NewType paragraph = NewType::xml_element("p");
///     paragraph.entries.emplace_back("class", NewValue("intro"));
///     paragraph.list.push_back(NewType::xml_text("hello"));
struct NewType {
  static NewType array();
  static NewType map();
  static NewType text(std::string utf8 = {});
  static NewType xml_fragment();
  static NewType xml_element(std::string node_name);
  static NewType xml_text(std::string utf8 = {});
  static NewType xml_hook(std::string hook_name);

  TypeKind kind = TypeKind::kMap;
  std::string name;            ///< Of an XmlElement or XmlHook.
  std::vector<NewValue> list;  ///< Elements of an Array, children of an Xml type.
  std::vector<std::pair<std::string, NewValue>> entries;  ///< Of a map; attributes.
  Delta delta;                                            ///< What a text is to hold.
};

/// A subdocument to be made. Everything but `should_load` and `collection_id` goes to the peers.
struct NewDoc {
  std::string guid;
  Any meta = Any::Null();
  bool gc = true;
  bool auto_load = false;
  bool should_load = true;
  std::optional<std::string> collection_id = std::nullopt;
};

/// What can be put into a map or a list.
struct NewValue : std::variant<Any, NewType, NewDoc> {
  using variant::variant;
  NewValue(const char* text);  // NOLINT: implicit, as in Any.
  NewValue(std::string text);  // NOLINT
  NewValue(bool value);        // NOLINT
  NewValue(int value);         // NOLINT
  NewValue(double value);      // NOLINT
};

/// One step over a list: keeps, inserts or removes. Exactly one of `insert`, `retain` and `remove`
/// is set.
struct DeltaOp {
  /// Text; an embed; a type that is there; elements of an array or children of an XML type; a type
  /// to be made (only in a delta that is to be applied).
  using Insert =
      std::variant<std::monostate, std::string, Any, SharedType, std::vector<Value>, NewType>;

  template <std::size_t N>
  static DeltaOp inserted(const char (&utf8)[N], Attributes attributes = {}) {
    return inserted(Insert(std::string(utf8)), std::move(attributes));
  }
  static DeltaOp inserted(Insert what, Attributes attributes = {}) {
    return {
        .insert = std::move(what), .retain = 0, .remove = 0, .attributes = std::move(attributes)};
  }
  static DeltaOp retained(std::uint64_t length, Attributes attributes = {}) {
    return {.insert = {}, .retain = length, .remove = 0, .attributes = std::move(attributes)};
  }
  static DeltaOp removed(std::uint64_t length) {
    return {.insert = {}, .retain = 0, .remove = length, .attributes = {}};
  }

  Insert insert;
  std::uint64_t retain = 0;
  std::uint64_t remove = 0;
  Attributes attributes;  ///< Of what is inserted; or to be set on what is kept (null: taken away).
};

// Down here because clang wants to know what the vectors of a NewType hold.

inline NewValue::NewValue(const char* text) : variant(Any(text)) {}
inline NewValue::NewValue(std::string text) : variant(Any(std::move(text))) {}
inline NewValue::NewValue(bool value) : variant(Any(value)) {}
inline NewValue::NewValue(int value) : variant(Any(value)) {}
inline NewValue::NewValue(double value) : variant(Any(value)) {}

namespace internal {
inline NewType new_type(TypeKind kind, std::string name = {}) {
  NewType type;
  type.kind = kind;
  type.name = std::move(name);
  return type;
}
}  // namespace internal

inline NewType NewType::array() { return internal::new_type(TypeKind::kArray); }
inline NewType NewType::map() { return internal::new_type(TypeKind::kMap); }
inline NewType NewType::xml_fragment() { return internal::new_type(TypeKind::kXmlFragment); }
inline NewType NewType::xml_element(std::string node_name) {
  return internal::new_type(TypeKind::kXmlElement, std::move(node_name));
}
inline NewType NewType::xml_hook(std::string hook_name) {
  return internal::new_type(TypeKind::kXmlHook, std::move(hook_name));
}
inline NewType NewType::text(std::string utf8) {
  NewType type = internal::new_type(TypeKind::kText);
  if (!utf8.empty()) type.delta.push_back(DeltaOp::inserted(std::move(utf8)));
  return type;
}
inline NewType NewType::xml_text(std::string utf8) {
  NewType type = text(std::move(utf8));
  type.kind = TypeKind::kXmlText;
  return type;
}

}  // namespace coterie::crdt
