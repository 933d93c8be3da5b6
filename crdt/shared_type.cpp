#include "crdt/shared_type.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "crdt/array.hpp"
#include "crdt/doc.hpp"
#include "crdt/internal/insertion.hpp"
#include "crdt/internal/reading.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/internal/stored_json.hpp"
#include "crdt/map.hpp"
#include "crdt/text.hpp"
#include "crdt/xml.hpp"

namespace coterie::crdt {

using internal::Branch;
using internal::ContentKind;
using internal::Item;
using internal::ItemIndex;
using internal::kNone;
using internal::Store;

namespace {

/// Bytes of the code point that starts with `lead`, in well-formed UTF-8.
std::size_t utf8_size(std::uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

}  // namespace

namespace internal {

std::vector<Value> values_of(Store& store, const Item& item) {
  std::vector<Value> values;
  const ByteView content = store.content_of(item);
  ByteReader reader(content);
  switch (item.kind) {
    case ContentKind::kAny:
      for (std::uint32_t i = 0; i < item.length; ++i) {
        auto value = Any::decode(reader);
        values.emplace_back(value ? *std::move(value) : Any());
      }
      break;
    case ContentKind::kJson:
      for (std::uint32_t i = 0; i < item.length; ++i) {
        const auto text = reader.read_varstring();
        if (!text || *text == "undefined") {
          values.emplace_back(Any());
          continue;
        }
        values.emplace_back(value_of_stored(*text));
      }
      break;
    case ContentKind::kEmbed: {
      const auto text = reader.read_varstring();
      values.emplace_back(value_of_stored(text ? *text : std::string_view("null")));
      break;
    }
    case ContentKind::kBinary: {
      const auto bytes = reader.read_varbytes();
      values.emplace_back(bytes ? Any(Bytes(bytes->begin(), bytes->end())) : Any());
      break;
    }
    case ContentKind::kDoc: {
      if (const auto subdoc = store.subdoc_of(item)) {
        values.emplace_back(*subdoc);
        break;
      }
      const auto guid = reader.read_varstring();
      values.emplace_back(Any(Any::Object{{"guid", Any(guid ? *guid : std::string_view())}}));
      break;
    }
    case ContentKind::kType:
      values.emplace_back(store.handle(item.content));
      break;
    case ContentKind::kString:
      // An array may hold text only by a foreign hand, or where a text is read as one: one string
      // per UTF-16 unit in Yjs. UTF-8 has no halves of pairs, so the pair comes first and an empty
      // string after it.
      for (std::size_t at = 0; at < content.size();) {
        const std::size_t size = utf8_size(content[at]);
        values.emplace_back(Any(as_text(content.subspan(at, size))));
        if (size == 4) values.emplace_back(Any(std::string()));
        at += size;
      }
      break;
    case ContentKind::kGc:
    case ContentKind::kDeleted:
    case ContentKind::kFormat:
    case ContentKind::kSkip:
      break;
  }
  return values;
}

void append_values(Store& store, const Item& item, std::vector<Value>& values) {
  if (item.kind != ContentKind::kAny) {
    for (Value& value : values_of(store, item)) values.push_back(std::move(value));
    return;
  }
  WireReader reader(store.content_of(item));
  for (std::uint32_t i = 0; i < item.length; ++i) {
    double number = 0;
    if (reader.read_integer(number)) {
      values.emplace_back(std::in_place_type<Any>, number);
      continue;
    }
    ByteReader rest({reader.at(), reader.remaining()});
    auto value = Any::decode(rest);
    values.emplace_back(value ? *std::move(value) : Any());
    reader.bytes(rest.offset());
  }
}

Value value_at(Store& store, const Item& item, std::uint32_t offset) {
  if (item.kind != ContentKind::kAny) return values_of(store, item)[offset];
  ByteReader reader(store.content_of(item).subspan(store.byte_of(item, offset)));
  auto value = Any::decode(reader);
  return value ? *std::move(value) : Any();
}

}  // namespace internal

namespace {

/// Nesting is the sender's choice: readers that recurse stop at kAnyDepthMax.
class Reader {
 public:
  explicit Reader(Store& store) : store_(store) {}

  Any json(internal::BranchIndex index, std::size_t depth) {
    if (depth > kAnyDepthMax) return Any();
    const Branch& branch = store_.branches[index];
    switch (branch.kind) {
      case TypeKind::kArray:
        return array(branch, depth);
      case TypeKind::kMap:
      case TypeKind::kXmlHook:
        return map(branch, depth);
      case TypeKind::kText:
        return Any(internal::text_of(store_, branch));
      case TypeKind::kXmlElement:
      case TypeKind::kXmlFragment:
      case TypeKind::kXmlText:
        return Any(xml(index, depth));
      case TypeKind::kUnknown:
        break;
    }
    // Unknown root: what it holds tells.
    for (ItemIndex at = branch.start; at != kNone; at = store_.items[at].right) {
      if (store_.items[at].kind == ContentKind::kString) {
        return Any(internal::text_of(store_, branch));
      }
    }
    if (!branch.entries.all().empty()) return map(branch, depth);
    return array(branch, depth);
  }

 private:
  Any json_of(const Value& value, std::size_t depth) {
    if (!std::holds_alternative<SharedType>(value)) return to_json(value);
    return json(internal::branch_of(std::get<SharedType>(value)), depth + 1);
  }

  Any array(const Branch& branch, std::size_t depth) {
    Any::Array values;
    for (ItemIndex at = branch.start; at != kNone; at = store_.items[at].right) {
      const Item& item = store_.items[at];
      if (item.visible_length() == 0) continue;
      if (item.kind == ContentKind::kDoc) {
        values.emplace_back(Any::Object());
        continue;
      }
      for (const Value& value : internal::values_of(store_, item)) {
        values.push_back(json_of(value, depth));
      }
    }
    return Any(std::move(values));
  }

  Any map(const Branch& branch, std::size_t depth) {
    Any::Object members;
    for (const internal::MapEntry& entry : branch.entries.all()) {
      const Item& item = store_.items[entry.last];
      if (item.deleted) continue;
      if (item.kind == ContentKind::kDoc) {
        members.emplace_back(store_.key_text(entry.key), Any(Any::Object()));
        continue;
      }
      const auto values = internal::values_of(store_, item);
      if (values.empty()) continue;
      members.emplace_back(store_.key_text(entry.key), json_of(values.back(), depth));
    }
    return Any(std::move(members));
  }

  /// JavaScript's String(value).
  static std::string plain(const Any& value) {
    if (const auto* text = value.get_if<std::string>()) return *text;
    if (value.is_undefined()) return "undefined";
    if (const auto* number = value.get_if<std::int64_t>()) return std::to_string(*number);
    if (const auto* number = value.get_if<double>(); number != nullptr && !std::isfinite(*number)) {
      return std::isnan(*number) ? "NaN" : *number > 0 ? "Infinity" : "-Infinity";
    }
    if (value.get_if<Any::Object>() != nullptr) return "[object Object]";
    std::string joined;
    if (const auto* bytes = value.get_if<Bytes>()) {
      for (const std::uint8_t byte : *bytes) joined += "," + std::to_string(byte);
    } else if (const auto* values = value.get_if<Any::Array>()) {
      for (const Any& element : *values) {
        joined += ",";
        if (!element.is_null() && !element.is_undefined()) joined += plain(element);
      }
    } else {
      return value.to_json();
    }
    return joined.empty() ? joined : joined.substr(1);
  }

  /// What JavaScript's for-in visits, by name: members, elements, and the units of strings.
  static std::map<std::string, std::string> enumerable(const Any& value) {
    std::map<std::string, std::string> found;
    const auto add = [&](std::string element) {
      found.emplace(std::to_string(found.size()), std::move(element));
    };
    if (const auto* members = value.get_if<Any::Object>()) {
      for (const auto& [name, member] : *members) found.emplace(name, plain(member));
    } else if (const auto* values = value.get_if<Any::Array>()) {
      for (const Any& element : *values) add(plain(element));
    } else if (const auto* text = value.get_if<std::string>()) {
      for (std::size_t at = 0; at < text->size();) {
        std::size_t end = at + 1;
        while (end < text->size() && (static_cast<unsigned char>((*text)[end]) & 0xc0) == 0x80) {
          ++end;
        }
        if (end - at == 4) {
          add("\xef\xbf\xbd");  // Half a surrogate pair, twice.
          add("\xef\xbf\xbd");
        } else {
          add(text->substr(at, end - at));
        }
        at = end;
      }
    }
    return found;
  }

  /// What JavaScript puts into a string for a value or a type.
  std::string plain(const Value& value, std::size_t depth) {
    if (const Any* any = std::get_if<Any>(&value)) return plain(*any);
    if (std::holds_alternative<Subdoc>(value)) return "[object Object]";
    const internal::BranchIndex index = internal::branch_of(std::get<SharedType>(value));
    switch (store_.branches[index].kind) {
      case TypeKind::kText:
        return internal::text_of(store_, store_.branches[index]);
      case TypeKind::kXmlElement:
      case TypeKind::kXmlFragment:
      case TypeKind::kXmlText:
        return xml(index, depth + 1);
      default:
        return "[object Object]";
    }
  }

  std::string xml(internal::BranchIndex index, std::size_t depth) {
    if (depth > kAnyDepthMax) return {};
    const Branch& branch = store_.branches[index];
    if (branch.kind == TypeKind::kXmlText) return xml_text(branch, depth);
    std::string inside;
    for (ItemIndex at = branch.start; at != kNone; at = store_.items[at].right) {
      const Item& item = store_.items[at];
      if (item.visible_length() == 0) continue;
      for (const Value& value : internal::values_of(store_, item)) {
        inside += plain(value, depth);
      }
    }
    if (branch.kind != TypeKind::kXmlElement) return inside;
    // A root has no node name of its own: its name is the document's for it.
    std::string name = branch.item == kNone ? "undefined" : store_.key_text(branch.name);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    std::map<std::string, std::string> attributes;  // By name, as Yjs sorts them.
    for (const internal::MapEntry& entry : branch.entries.all()) {
      const Item& item = store_.items[entry.last];
      if (item.deleted) continue;
      attributes[store_.key_text(entry.key)] =
          plain(internal::values_of(store_, item).back(), depth);
    }
    std::string out = "<" + name;
    for (const auto& [key, value] : attributes) out += " " + key + "=\"" + value + "\"";
    return out + ">" + inside + "</" + name + ">";
  }

  std::string xml_text(const Branch& branch, std::size_t depth) {
    std::string out;
    for (TextRun& run : internal::delta_of(store_, branch)) {
      std::sort(run.attributes.begin(), run.attributes.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      for (const auto& [name, value] : run.attributes) {
        out += "<" + name;
        for (const auto& [key, member] : enumerable(value)) {
          out += " " + key + "=\"" + member + "\"";
        }
        out += ">";
      }
      if (const auto* text = std::get_if<std::string>(&run.insert)) {
        out += *text;
      } else if (const auto* type = std::get_if<SharedType>(&run.insert)) {
        out += plain(Value(*type), depth);
      } else {
        out += plain(std::get<Any>(run.insert));
      }
      for (auto tag = run.attributes.rbegin(); tag != run.attributes.rend(); ++tag) {
        out += "</" + tag->first + ">";
      }
    }
    return out;
  }

  Store& store_;
};

}  // namespace

TypeKind SharedType::kind() const {
  const Branch* const branch = store_->resolve(*this);
  return branch == nullptr ? TypeKind::kUnknown : branch->kind;
}

bool SharedType::alive() const { return store_->resolve(*this) != nullptr; }

Text SharedType::as_text() const { return Text(*this); }
Map SharedType::as_map() const { return Map(*this); }
Array SharedType::as_array() const { return Array(*this); }
XmlFragment SharedType::as_xml_fragment() const { return XmlFragment(*this); }
XmlElement SharedType::as_xml_element() const { return XmlElement(*this); }
XmlText SharedType::as_xml_text() const { return XmlText(*this); }
XmlHook SharedType::as_xml_hook() const { return XmlHook(*this); }

std::optional<SharedType> SharedType::parent() const {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr || branch->item == kNone) return std::nullopt;
  return store_->handle(store_->items[branch->item].parent);
}

bool SharedType::belongs_to(const Doc& doc) const { return doc.store_.get() == store_; }

Result<NewType> SharedType::clone() const { return internal::clone_of(*store_, *this, 0); }

Any to_json(const Value& value) {
  if (const Any* any = std::get_if<Any>(&value)) return *any;
  if (const auto* type = std::get_if<SharedType>(&value)) return type->to_json();
  return Any(Any::Object());
}

std::string SharedType::node_name() const {
  const Branch* const branch = store_->resolve(*this);
  if (branch == nullptr) return {};
  if (branch->item == kNone) return branch->kind == TypeKind::kXmlElement ? "UNDEFINED" : "";
  return branch->name == kNone ? std::string() : store_->key_text(branch->name);
}

Subscription SharedType::observe(Observer observer) const {
  if (!alive()) return {};
  return store_->observe(store_->observers().of_type(branch_).own, std::move(observer),
                         internal::kWatchChanges);
}

Subscription SharedType::observe_deep(DeepObserver observer) const {
  if (!alive()) return {};
  return store_->observe(store_->observers().of_type(branch_).deep, std::move(observer),
                         internal::kWatchChanges);
}

Any SharedType::to_json() const {
  if (!alive()) return Any();
  return Reader(*store_).json(branch_, 0);
}

}  // namespace coterie::crdt
