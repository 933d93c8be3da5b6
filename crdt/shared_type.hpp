// Handles to shared types: what a document holds at its roots and nested inside each other.
//
// A handle is a small value (a pointer to the document's store, and a slot). It stays valid when
// the Doc moves, and must not outlive it. A handle whose type was deleted reads empty. It goes
// stale when the type is collected, at the end of that transaction: writing gives kNotFound.
// Before, and always in a document that collects nothing (Doc::Options::gc), what is written is
// deleted at once, as in Yjs.
//
// Indices and lengths of text are UTF-16 code units, as in Yjs; strings are UTF-8. An index inside
// a surrogate pair is refused: stock Yjs replicas diverge among themselves when one splits a pair.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "crdt/any.hpp"
#include "crdt/base/result.hpp"
#include "crdt/subdoc.hpp"
#include "crdt/subscription.hpp"

namespace coterie::crdt {

class Array;
class Doc;
class Event;
class Map;
class Text;
class Transaction;
class XmlElement;
class XmlFragment;
class XmlHook;
class XmlText;
struct NewType;

namespace internal {
struct Access;
class Store;
}  // namespace internal

/// What a shared type is. The numbers are those of the wire (Yjs's type refs).
enum class TypeKind : std::uint8_t {
  kArray = 0,
  kMap = 1,
  kText = 2,
  kXmlElement = 3,
  kXmlFragment = 4,
  kXmlHook = 5,
  kXmlText = 6,
  /// A root that arrived from elsewhere and was not asked for by type here yet.
  kUnknown = 15,
};

/// Any shared type. The typed handles are views of the same thing.
class SharedType {
 public:
  TypeKind kind() const;
  /// False once the type was deleted and collected.
  bool alive() const;

  Text as_text() const;
  Map as_map() const;
  Array as_array() const;
  XmlFragment as_xml_fragment() const;
  XmlElement as_xml_element() const;
  XmlText as_xml_text() const;
  XmlHook as_xml_hook() const;

  /// For XmlElement and XmlHook, the node name ("UNDEFINED" for an element that is a root, as in
  /// Yjs); else empty.
  std::string node_name() const;

  /// The type that this one is in; none for a root.
  std::optional<SharedType> parent() const;

  /// Whether it is of that document.
  bool belongs_to(const Doc& doc) const;

  /// This type with all that it holds, to be put somewhere else. Subdocuments are made anew, with
  /// their guid. Errors: kNotFound (stale), kLimitExceeded (nested deeper than kAnyDepthMax).
  Result<NewType> clone() const;

  /// As Yjs's toJSON: text and XML as string, array and map as values, types nested in them alike;
  /// a subdocument is {}, as JSON.stringify has one that is not loaded.
  /// Nesting beyond kAnyDepthMax is cut off (undefined).
  Any to_json() const;

  /// Called after each transaction that changed this type itself (not types inside it), or also
  /// those inside it: then with one event for each of them, those nearest to this type first. Ends
  /// when the type is deleted. When, and what observers may do: transaction.hpp. A stale handle
  /// observes nothing.
  using Observer = std::function<void(const Event&, const Transaction&)>;
  using DeepObserver = std::function<void(std::span<const Event>, const Transaction&)>;
  Subscription observe(Observer observer) const;
  Subscription observe_deep(DeepObserver observer) const;

  bool operator==(const SharedType&) const = default;

 protected:
  friend struct internal::Access;
  friend class internal::Store;
  friend class Doc;
  friend class Event;
  friend class Array;
  friend class Map;
  friend class Text;
  friend class XmlElement;
  friend class XmlFragment;
  friend class XmlTreeWalker;
  SharedType(internal::Store* store, std::uint32_t branch, std::uint32_t generation)
      : store_(store), branch_(branch), generation_(generation) {}

  internal::Store* store_;
  std::uint32_t branch_;
  std::uint32_t generation_;
};

/// What a map or array holds: a plain value, a shared type, or a subdocument.
using Value = std::variant<Any, SharedType, Subdoc>;

/// As SharedType::to_json(); a subdocument is {}.
Any to_json(const Value& value);

}  // namespace coterie::crdt
