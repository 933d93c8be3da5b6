// Drives crdt::Doc from a script: one command a line on standard input, one answer a line on
// standard output. Used by crdt_fuzz.mjs to hold our documents against stock Yjs.
//
//     new DOC CLIENT GC             ok
//     apply DOC HEX                 ok CHANGED PENDING HEX
//     state DOC [HEX]               ok HEX       encodeStateAsUpdate, against a state vector
//     sv DOC                        ok HEX
//     declare DOC KIND ROOT         ok           KIND: text, map, array
//     json DOC ROOT                 ok JSON      null if there is no such root
//     xml DOC ROOT                  ok JSON      an XML root as a string
//     delta DOC ROOT                ok JSON
//     do DOC ANY                    ok HEX       edits in one transaction (below); the update
//     quiet DOC ANY                 ok           edits, each by itself, nobody asking what changed
//     merge HEX... | diff HEX HEX | svof HEX     ok HEX
//     meta HEX                      ok JSON      parseUpdateMeta, as lists of pairs
//     merge2, diff2, svof2, meta2, apply2, state2   the same for updates v2
//     convert12 HEX | convert21 HEX ok HEX
//     watch DOC                     ok           observe it from here on
//     last DOC                      ok V1 V2     of the last change to the document, if watched
//     drop DOC                      ok
//
// More about positions, snapshots, authors and undo in history_commands.hpp.
//
// An answer that starts with "error" names what went wrong.
//
// Edits are one lib0 value in hex: a list of [path, op, argument...]. A path is a list too: the
// kind of the root (text, map, array, xml), its name, and then a key or an index for each step
// down. Per kind:
//
//     text    insert INDEX STRING [ATTRIBUTES] | embed INDEX VALUE | delete INDEX LENGTH
//             | format INDEX LENGTH ATTRIBUTES | new INDEX MADE | delta OPS
//             | attr NAME VALUE | unattr NAME
//     array   insert INDEX VALUES | push VALUE | type INDEX KIND | new INDEX MADE
//             | delete INDEX COUNT
//     map     set KEY VALUE | type KEY KIND | new KEY MADE | delete KEY | clear
//     xml     new INDEX MADE | delete INDEX COUNT | attr NAME VALUE | unattr NAME
//
// MADE describes what is to be made: {kind, name, list, entries: [[key, MADE]...], delta}, where
// what has no kind is a plain value {value}, and {guid, meta} a subdocument.

#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "crdt/comparison.hpp"
#include "crdt/content.hpp"
#include "crdt/doc.hpp"
#include "crdt/update.hpp"
#include "crdt/xml.hpp"
#include "tests/interop/history_commands.hpp"

namespace {

using namespace coterie;        // NOLINT: a test tool.
using namespace coterie::crdt;  // NOLINT

Bytes bytes_of(const std::string& hex) {
  auto bytes = from_hex(hex == "-" ? "" : hex);
  return bytes ? *bytes : Bytes();
}

std::string hex_of(ByteView bytes) { return bytes.empty() ? "-" : to_hex(bytes); }

std::string answer(const Result<Bytes>& bytes) {
  return bytes ? "ok " + hex_of(*bytes) : "error " + to_string(bytes.error());
}

std::string delta_json(Text text) {
  Any::Array runs;
  for (const TextRun& run : text.to_delta()) {
    Any::Object op;
    if (const auto* string = std::get_if<std::string>(&run.insert)) {
      op.emplace_back("insert", Any(*string));
    } else if (const auto* any = std::get_if<Any>(&run.insert)) {
      op.emplace_back("insert", *any);
    } else {
      op.emplace_back("insert", std::get<SharedType>(run.insert).to_json());
    }
    if (!run.attributes.empty()) op.emplace_back("attributes", Any(run.attributes));
    runs.emplace_back(std::move(op));
  }
  return Any(std::move(runs)).to_json();
}

// --- Edits ---------------------------------------------------------------------------------------

const Error kBadEdit{ErrorCode::kMalformed, "bad edit"};

/// The arguments of one edit, read one after the other.
class Arguments {
 public:
  explicit Arguments(const Any& edit) {
    if (const auto* list = edit.get_if<Any::Array>()) list_ = *list;
  }
  bool done() const { return at_ >= list_.size(); }
  Any any() { return done() ? Any() : list_[at_++]; }
  std::string string() { return taken<std::string>(); }
  Any::Array list() { return taken<Any::Array>(); }
  Attributes attributes() { return taken<Attributes>(); }
  std::uint64_t number() { return static_cast<std::uint64_t>(taken<double>()); }

 private:
  template <typename T>
  T taken() {
    const Any value = any();
    const T* held = value.get_if<T>();
    return held == nullptr ? T() : *held;
  }

  Any::Array list_;
  std::size_t at_ = 0;
};

std::optional<SharedType> root_of(Doc& doc, const std::string& kind, const std::string& name) {
  if (kind == "text") return doc.text(name);
  if (kind == "map") return doc.map(name);
  if (kind == "array") return doc.array(name);
  if (kind == "xml") return doc.xml_fragment(name);
  return std::nullopt;
}

/// The type at the end of a path.
std::optional<SharedType> follow(Doc& doc, const Any& path) {
  Arguments steps(path);
  const std::string kind = steps.string();
  std::optional<SharedType> type = root_of(doc, kind, steps.string());
  while (type && !steps.done()) {
    const Any step = steps.any();
    std::optional<Value> value;
    if (const auto* key = step.get_if<std::string>()) value = type->as_map().get(*key);
    if (const auto* index = step.get_if<double>()) {
      const auto at = static_cast<std::uint64_t>(*index);
      if (type->kind() == TypeKind::kArray) {
        value = type->as_array().get(at);
      } else if (const auto child = type->as_xml_fragment().get(at)) {
        value = *child;
      }
    }
    const auto* child = value ? std::get_if<SharedType>(&*value) : nullptr;
    type = child == nullptr ? std::nullopt : std::optional<SharedType>(*child);
  }
  return type;
}

/// Members of an object by name; undefined if there is none.
Any member(const Any& value, std::string_view name) {
  if (const auto* object = value.get_if<Any::Object>()) {
    for (const auto& [key, each] : *object) {
      if (key == name) return each;
    }
  }
  return {};
}
std::string string_member(const Any& value, std::string_view name) {
  const Any held = member(value, name);
  const auto* text = held.get_if<std::string>();
  return text == nullptr ? std::string() : *text;
}
Any::Array list_member(const Any& value, std::string_view name) {
  const Any held = member(value, name);
  const auto* list = held.get_if<Any::Array>();
  return list == nullptr ? Any::Array() : *list;
}

NewType made_type(const Any& what);

Delta made_delta(const Any::Array& ops) {
  Delta delta;
  for (const Any& op : ops) {
    const Any held = member(op, "attributes");
    const auto* attributes = held.get_if<Attributes>();
    const Attributes marks = attributes == nullptr ? Attributes() : *attributes;
    const Any insert = member(op, "insert");
    if (const auto* text = insert.get_if<std::string>()) {
      delta.push_back(DeltaOp::inserted(*text, marks));
    } else if (!string_member(insert, "kind").empty()) {
      delta.push_back(DeltaOp::inserted(made_type(insert), marks));
    } else if (!insert.is_undefined()) {
      delta.push_back(DeltaOp::inserted(insert, marks));
    } else if (const Any retain = member(op, "retain"); !retain.is_undefined()) {
      delta.push_back(
          DeltaOp::retained(static_cast<std::uint64_t>(*retain.get_if<double>()), marks));
    } else {
      const Any remove = member(op, "delete");
      delta.push_back(DeltaOp::removed(static_cast<std::uint64_t>(*remove.get_if<double>())));
    }
  }
  return delta;
}

NewDoc made_doc(const Any& what) {
  NewDoc doc;
  doc.guid = string_member(what, "guid");
  doc.meta = member(what, "meta");
  return doc;
}

NewValue made_value(const Any& what) {
  if (!string_member(what, "kind").empty()) return made_type(what);
  if (!string_member(what, "guid").empty()) return made_doc(what);
  return NewValue(member(what, "value"));
}

/// A path of a stranger ends nowhere, but what is to be made is ours: nested a few levels.
NewType made_type(const Any& what) {
  const std::string kind = string_member(what, "kind");
  NewType type = NewType::map();
  if (kind == "text") type = NewType::text();
  if (kind == "array") type = NewType::array();
  if (kind == "element") type = NewType::xml_element(string_member(what, "name"));
  if (kind == "xmltext") type = NewType::xml_text();
  if (kind == "hook") type = NewType::xml_hook(string_member(what, "name"));
  for (const Any& each : list_member(what, "list")) type.list.push_back(made_value(each));
  for (const Any& each : list_member(what, "entries")) {
    Arguments pair(each);
    std::string key = pair.string();
    type.entries.emplace_back(std::move(key), made_value(pair.any()));
  }
  type.delta = made_delta(list_member(what, "delta"));
  return type;
}

template <typename T>
Status status_of(const Result<T>& result) {
  return result ? Status() : Status(result.error());
}

Status edit_text(Text text, const std::string& op, Arguments& arguments) {
  if (op == "delta") return text.apply_delta(made_delta(arguments.list()));
  if (op == "attr" || op == "unattr") {
    const std::string name = arguments.string();
    return op == "attr" ? text.set_attribute(name, arguments.any()) : text.remove_attribute(name);
  }
  const std::uint64_t index = arguments.number();
  if (op == "insert") {
    const std::string content = arguments.string();
    return arguments.done() ? text.insert(index, content)
                            : text.insert(index, content, arguments.attributes());
  }
  if (op == "embed") return text.insert_embed(index, arguments.any());
  if (op == "new") return status_of(text.insert_embed(index, made_type(arguments.any())));
  const std::uint64_t length = arguments.number();
  if (op == "delete") return text.remove(index, length);
  if (op == "format") return text.format(index, length, arguments.attributes());
  return kBadEdit;
}

Status edit_array(Array array, const std::string& op, Arguments& arguments) {
  if (op == "push") return array.push(arguments.any());
  const std::uint64_t index = arguments.number();
  if (op == "insert") return array.insert(index, arguments.list());
  if (op == "delete") return array.remove(index, arguments.number());
  if (op == "new") {
    const NewValue values[] = {made_value(arguments.any())};
    return array.insert(index, std::span<const NewValue>(values));
  }
  if (op != "type") return kBadEdit;
  const std::string kind = arguments.string();
  if (kind == "text") return status_of(array.insert_text(index));
  if (kind == "map") return status_of(array.insert_map(index));
  if (kind == "array") return status_of(array.insert_array(index));
  return kBadEdit;
}

Status edit_map(Map map, const std::string& op, Arguments& arguments) {
  if (op == "clear") return map.clear();
  const std::string key = arguments.string();
  if (op == "set") return map.set(key, arguments.any());
  if (op == "delete") return map.remove(key);
  if (op == "new") {
    const Any what = arguments.any();
    if (string_member(what, "kind").empty()) return status_of(map.set(key, made_doc(what)));
    return status_of(map.set(key, made_type(what)));
  }
  if (op != "type") return kBadEdit;
  const std::string kind = arguments.string();
  if (kind == "text") return status_of(map.set_text(key));
  if (kind == "map") return status_of(map.set_map(key));
  if (kind == "array") return status_of(map.set_array(key));
  return kBadEdit;
}

Status edit_xml(const SharedType& type, const std::string& op, Arguments& arguments) {
  if (op == "attr" || op == "unattr") {
    const std::string name = arguments.string();
    XmlElement element = type.as_xml_element();
    return op == "attr" ? element.set_attribute(name, arguments.any())
                        : element.remove_attribute(name);
  }
  const std::uint64_t index = arguments.number();
  if (op == "new")
    return status_of(type.as_xml_fragment().insert(index, made_type(arguments.any())));
  if (op == "delete") return type.as_xml_fragment().remove(index, arguments.number());
  return kBadEdit;
}

Status edit(Doc& doc, const Any& what) {
  Arguments arguments(what);
  const std::optional<SharedType> type = follow(doc, arguments.any());
  const std::string op = arguments.string();
  if (!type) return Error{ErrorCode::kNotFound, "no such path"};
  switch (type->kind()) {
    case TypeKind::kText:
      return edit_text(type->as_text(), op, arguments);
    case TypeKind::kArray:
      return edit_array(type->as_array(), op, arguments);
    case TypeKind::kMap:
    case TypeKind::kXmlHook:
      return edit_map(type->as_map(), op, arguments);
    case TypeKind::kXmlText:
      return edit_text(type->as_text(), op, arguments);
    case TypeKind::kXmlElement:
    case TypeKind::kXmlFragment:
      return edit_xml(*type, op, arguments);
    default:
      return kBadEdit;
  }
}

// --- Commands ------------------------------------------------------------------------------------

class Tool {
 public:
  std::string run(const std::string& line) {
    in_ = std::istringstream(line);
    const std::string command = word();
    if (command == "merge" || command == "merge2") return merge(command == "merge2");
    if (command == "diff" || command == "diff2") {
      const Bytes update = bytes_of(word());
      auto since = StateVector::decode(bytes_of(word()));
      if (!since) return "error state vector";
      return answer(command == "diff" ? diff_update(update, *since)
                                      : diff_update_v2(update, *since));
    }
    if (command == "svof" || command == "svof2") {
      const Bytes update = bytes_of(word());
      auto vector = command == "svof" ? state_vector_from_update(update)
                                      : state_vector_from_update_v2(update);
      return vector ? "ok " + hex_of(vector->encode()) : "error " + to_string(vector.error());
    }
    if (command == "meta") return meta(parse_update_meta(bytes_of(word())));
    if (command == "meta2") return meta(parse_update_meta_v2(bytes_of(word())));
    if (command == "convert12") return answer(convert_update_v1_to_v2(bytes_of(word())));
    if (command == "convert21") return answer(convert_update_v2_to_v1(bytes_of(word())));
    if (auto answered = interop::history_command(command, in_, docs_, undoers_)) return *answered;
    const std::string name = word();
    if (command == "new") {
      const ClientId client = number();
      docs_.erase(name);
      docs_.emplace(name, Doc({.client_id = client, .gc = number() != 0}));
      last_.erase(name);
      return "ok";
    }
    const auto found = docs_.find(name);
    if (found == docs_.end()) return "error no such document";
    if (command == "watch") {
      Doc& doc = found->second;
      Last& last = last_[name] = {};
      last.on_v1 =
          doc.on_update([&last](ByteView update, const Transaction&) { last.v1 = hex_of(update); });
      last.on_v2 = doc.on_update_v2(
          [&last](ByteView update, const Transaction&) { last.v2 = hex_of(update); });
      return "ok";
    }
    return on_doc(command, found->second, name);
  }

 private:
  std::string word() {
    std::string text;
    in_ >> text;
    return text;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    in_ >> value;
    return value;
  }

  std::string merge(bool v2) {
    std::vector<Bytes> updates;
    for (std::string hex = word(); !hex.empty(); hex = word()) updates.push_back(bytes_of(hex));
    const std::span<const Bytes> all(updates);
    return answer(v2 ? merge_updates_v2(all) : merge_updates(all));
  }

  static std::string meta(const Result<UpdateMeta>& meta) {
    if (!meta) return "error " + to_string(meta.error());
    const auto list = [](const std::map<ClientId, Clock>& clocks) {
      Any::Array pairs;
      for (const auto& [client, clock] : clocks) {
        pairs.emplace_back(
            Any::Array{Any(static_cast<double>(client)), Any(static_cast<double>(clock))});
      }
      return Any(std::move(pairs));
    };
    return "ok " + Any(Any::Array{list(meta->from), list(meta->to)}).to_json();
  }

  std::string on_doc(const std::string& command, Doc& doc, const std::string& name) {
    if (command == "apply" || command == "apply2") {
      const Bytes update = bytes_of(word());
      // Whatever stock clients say again must say the same.
      const auto v1 = command == "apply" ? Result<Bytes>(update) : convert_update_v2_to_v1(update);
      if (v1) {
        const auto compared = compare_update(doc, *v1);
        if (!compared || compared->contradiction) return "error contradiction";
      }
      auto applied = command == "apply" ? doc.apply_update(update, Any("remote"))
                                        : doc.apply_update_v2(update, Any("remote"));
      if (!applied) return "error " + to_string(applied.error());
      return std::string("ok ") + (applied->changed ? "1 " : "0 ") +
             (applied->pending ? "1 " : "0 ") + hex_of(applied->update);
    }
    if (command == "last") return "ok " + last_[name].v1 + " " + last_[name].v2;
    if (command == "state" || command == "state2") {
      const std::string since = word();
      auto vector =
          since.empty() ? Result<StateVector>(StateVector()) : StateVector::decode(bytes_of(since));
      if (!vector) return "error state vector";
      return "ok " + hex_of(command == "state" ? doc.encode_state_as_update(*vector)
                                               : doc.encode_state_as_update_v2(*vector));
    }
    if (command == "sv") return "ok " + hex_of(doc.state_vector().encode());
    if (command == "declare") {
      const std::string kind = word();
      if (kind == "text") doc.text(word());
      if (kind == "map") doc.map(word());
      if (kind == "array") doc.array(word());
      if (kind == "xml") doc.xml_fragment(word());
      return "ok";
    }
    if (command == "json") {
      const auto root = doc.root(word());
      return "ok " + (root ? root->to_json().to_json() : "null");
    }
    if (command == "xml") return "ok " + Any(doc.xml_fragment(word()).to_string()).to_json();
    if (command == "delta") {
      const auto root = doc.root(word());
      return "ok " + (root ? delta_json(root->as_text()) : "null");
    }
    if (command == "drop") {
      docs_.erase(name);
      return "ok";
    }
    if (command == "do" || command == "quiet") {
      const Bytes bytes = bytes_of(word());
      ByteReader reader(bytes);
      const auto edits = Any::decode(reader);
      const auto* list = edits ? edits->get_if<Any::Array>() : nullptr;
      if (list == nullptr) return "error edits";
      Status status;
      const auto run = [&] {
        for (std::size_t i = 0; i < list->size() && status; ++i) status = edit(doc, (*list)[i]);
      };
      std::string answer = "ok";
      if (command == "do") {
        answer += " " + hex_of(doc.transact(run));
      } else {
        run();
      }
      return status ? answer : "error " + to_string(status.error());
    }
    return "error unknown command";
  }

  std::istringstream in_;
  struct Last {
    std::string v1 = "-";
    std::string v2 = "-";
    Subscription on_v1;
    Subscription on_v2;
  };
  std::map<std::string, Last> last_;
  std::map<std::string, Doc> docs_;
  interop::Undoers undoers_;
};

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  Tool tool;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << tool.run(line) << '\n';
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
}
