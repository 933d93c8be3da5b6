// XML types: XmlFragment, XmlElement, XmlText, XmlHook. Yjs: src/types/YXml*.js.
//
//     XmlFragment page = doc.xml_fragment("page");
//     XmlElement p = *page.insert_element(0, "p");
//     (void)p.set_attribute("class", "intro");
//     XmlText text = *p.insert_text(0, "hello");
//     page.to_string();   // <p class="intro">hello</p>

#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/base/result.hpp"
#include "crdt/content.hpp"
#include "crdt/map.hpp"
#include "crdt/shared_type.hpp"
#include "crdt/text.hpp"

namespace coterie::crdt {

/// Steps over what is inside an XML type, children before the next sibling. Do not edit meanwhile.
class XmlTreeWalker {
 public:
  using Filter = std::function<bool(const SharedType&)>;

  /// The next one that the filter takes; none at the end.
  std::optional<SharedType> next();

 private:
  friend class XmlFragment;
  XmlTreeWalker(const SharedType& root, Filter filter);

  SharedType root_;
  Filter filter_;
  std::uint32_t at_;
  bool first_ = true;
};

/// A list of XML nodes. See shared_type.hpp for lifetime and staleness. Errors of mutations:
/// kMalformed (index or count past the end, string not UTF-8), kNotFound (stale handle, or a
/// reference that is not a child), kLimitExceeded; nothing changed then.
class XmlFragment : public SharedType {
 public:
  /// Number of children. O(1).
  std::uint64_t size() const;
  /// O(log children).
  std::optional<SharedType> get(std::uint64_t index) const;
  std::vector<SharedType> children() const;
  /// From `start` to before `end`; negative ones count from the end.
  std::vector<SharedType> slice(std::int64_t start, std::int64_t end = kToEnd) const;
  static constexpr std::int64_t kToEnd = INT64_MAX;
  std::optional<SharedType> first_child() const;

  /// Inserts nodes (or values, which Yjs allows too).
  Status insert(std::uint64_t index, std::span<const NewValue> nodes);
  Status insert(std::uint64_t index, std::initializer_list<NewValue> nodes) {
    return insert(index, std::span(nodes.begin(), nodes.size()));
  }
  /// Right after a child, or at the start if there is none given.
  Status insert_after(const std::optional<SharedType>& child, std::span<const NewValue> nodes);
  Status push(std::span<const NewValue> nodes) { return insert(size(), nodes); }
  Status unshift(std::span<const NewValue> nodes) { return insert(0, nodes); }
  Result<SharedType> insert(std::uint64_t index, const NewType& node);
  Result<class XmlElement> insert_element(std::uint64_t index, std::string_view node_name);
  Result<class XmlText> insert_text(std::uint64_t index, std::string_view utf8 = {});
  Result<class XmlHook> insert_hook(std::uint64_t index, std::string_view hook_name);

  Status remove(std::uint64_t index, std::uint64_t count = 1);

  /// The first element, or all, of that node name in any case (ASCII), at any depth. Yjs's
  /// querySelector knows no other query.
  std::optional<class XmlElement> query_selector(std::string_view node_name) const;
  std::vector<class XmlElement> query_selector_all(std::string_view node_name) const;

  /// Over all inside, or those that `filter` takes.
  XmlTreeWalker create_tree_walker(XmlTreeWalker::Filter filter = {}) const;

  /// As Yjs's toString(): attributes by name, formatting of texts as nested tags; nothing escaped.
  std::string to_string() const;

 protected:
  friend class SharedType;
  friend class Doc;
  explicit XmlFragment(const SharedType& type) : SharedType(type) {}
};

/// A fragment with a node name and attributes of any value.
class XmlElement : public XmlFragment {
 public:
  Status set_attribute(std::string_view name, const Any& value);
  Result<SharedType> set_attribute(std::string_view name, const NewType& value);
  Status remove_attribute(std::string_view name);
  std::optional<Value> get_attribute(std::string_view name) const;
  bool has_attribute(std::string_view name) const;
  /// In the order they first appeared here.
  std::vector<std::pair<std::string, Value>> attributes() const;

  std::optional<SharedType> next_sibling() const;
  std::optional<SharedType> prev_sibling() const;

 private:
  friend class SharedType;
  friend class Doc;
  friend class XmlFragment;
  explicit XmlElement(const SharedType& type) : XmlFragment(type) {}
};

class XmlText : public Text {
 public:
  std::optional<SharedType> next_sibling() const;
  std::optional<SharedType> prev_sibling() const;

  /// Formatting as nested tags. Text::to_string() gives the text alone.
  std::string to_xml_string() const;

 private:
  friend class SharedType;
  friend class Doc;
  friend class XmlFragment;
  explicit XmlText(const SharedType& type) : Text(type) {}
};

/// A place for something an application draws itself: a map with a name.
class XmlHook : public Map {
 public:
  std::string hook_name() const { return node_name(); }

 private:
  friend class SharedType;
  friend class Doc;
  friend class XmlFragment;
  explicit XmlHook(const SharedType& type) : Map(type) {}
};

}  // namespace coterie::crdt
