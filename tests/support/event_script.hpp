// A script that drives documents and writes down all that their observers are told: one command,
// one answer. Run by events_tool for events_fuzz.mjs, and by events_test on recorded sessions.
//
//     new DOC CLIENT GC        ok
//     do DOC ORIGIN ANY        ok V1 JSON   edits in one transaction: the update, what was told
//     apply DOC ORIGIN V1      ok - JSON
//     state DOC                ok V1
//     dump DOC                 ok JSON      all roots
//     drop DOC                 ok
//
// ANY is a lib0 value in hex: a list of [path, op, argument...]. A path is the kind of a root, its
// name, and then a key or an index for each step down. Values to be inserted are {v: VALUE},
// {t: KIND, name, list, entries, delta} or {d: GUID, meta, autoLoad, shouldLoad, gc}.

#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "crdt/doc.hpp"

namespace coterie::testing {

using namespace coterie::crdt;  // NOLINT: a test tool.

inline const Any* member(const Any& value, std::string_view name) {
  const auto* const members = value.get_if<Any::Object>();
  if (members == nullptr) return nullptr;
  for (const auto& [key, held] : *members) {
    if (key == name) return &held;
  }
  return nullptr;
}

inline const Any::Array& list_of(const Any& value) {
  static const Any::Array kEmpty;
  const auto* const list = value.get_if<Any::Array>();
  return list == nullptr ? kEmpty : *list;
}
inline const Any::Object& object_of(const Any& value) {
  static const Any::Object kEmpty;
  const auto* const object = value.get_if<Any::Object>();
  return object == nullptr ? kEmpty : *object;
}
inline std::string text_of(const Any& value) {
  const auto* const text = value.get_if<std::string>();
  return text == nullptr ? std::string() : *text;
}
inline std::uint64_t number_of(const Any& value) {
  const auto* const number = value.get_if<double>();
  return number == nullptr ? 0 : static_cast<std::uint64_t>(*number);
}
inline bool flag_of(const Any* value, bool otherwise) {
  const auto* const flag = value == nullptr ? nullptr : value->get_if<bool>();
  return flag == nullptr ? otherwise : *flag;
}

inline NewValue new_value(const Any& from);

inline Delta delta_of(const Any& from) {
  Delta delta;
  for (const Any& op : list_of(from)) {
    Attributes attributes;
    if (const Any* held = member(op, "attributes")) attributes = object_of(*held);
    if (const Any* insert = member(op, "insert")) {
      DeltaOp out = DeltaOp::inserted({}, attributes);
      if (const auto* text = insert->get_if<std::string>()) {
        out.insert = *text;
      } else {
        NewValue value = new_value(*insert);
        if (auto* any = std::get_if<Any>(&value)) out.insert = std::move(*any);
        if (auto* type = std::get_if<NewType>(&value)) out.insert = std::move(*type);
      }
      delta.push_back(std::move(out));
    } else if (const Any* retain = member(op, "retain")) {
      delta.push_back(DeltaOp::retained(number_of(*retain), attributes));
    } else if (const Any* removed = member(op, "delete")) {
      delta.push_back(DeltaOp::removed(number_of(*removed)));
    }
  }
  return delta;
}

inline NewValue new_value(const Any& from) {
  if (const Any* kind = member(from, "t")) {
    NewType type;
    type.kind = static_cast<TypeKind>(number_of(*kind));
    if (const Any* name = member(from, "name")) type.name = text_of(*name);
    if (const Any* list = member(from, "list")) {
      for (const Any& element : list_of(*list)) type.list.push_back(new_value(element));
    }
    if (const Any* entries = member(from, "entries")) {
      for (const auto& [key, value] : object_of(*entries)) {
        type.entries.emplace_back(key, new_value(value));
      }
    }
    if (const Any* delta = member(from, "delta")) type.delta = delta_of(*delta);
    return NewValue(std::move(type));
  }
  if (const Any* guid = member(from, "d")) {
    NewDoc doc{.guid = text_of(*guid)};
    if (const Any* meta = member(from, "meta")) doc.meta = *meta;
    doc.gc = flag_of(member(from, "gc"), true);
    doc.auto_load = flag_of(member(from, "autoLoad"), false);
    doc.should_load = flag_of(member(from, "shouldLoad"), true);
    return NewValue(std::move(doc));
  }
  const Any* const plain = member(from, "v");
  return NewValue(plain == nullptr ? Any() : *plain);
}

inline std::vector<NewValue> new_values(const Any& from) {
  std::vector<NewValue> values;
  for (const Any& value : list_of(from)) values.push_back(new_value(value));
  return values;
}

inline Any json_of(const Delta& delta) {
  Any::Array ops;
  for (const DeltaOp& op : delta) {
    Any::Object out;
    if (op.retain > 0) out.emplace_back("retain", static_cast<double>(op.retain));
    if (op.remove > 0) out.emplace_back("delete", static_cast<double>(op.remove));
    if (const auto* text = std::get_if<std::string>(&op.insert)) out.emplace_back("insert", *text);
    if (const auto* any = std::get_if<Any>(&op.insert)) out.emplace_back("insert", *any);
    if (const auto* type = std::get_if<SharedType>(&op.insert)) {
      out.emplace_back("insert", type->to_json());
    }
    if (const auto* values = std::get_if<std::vector<Value>>(&op.insert)) {
      Any::Array list;
      for (const Value& value : *values) list.push_back(to_json(value));
      out.emplace_back("insert", std::move(list));
    }
    if (!op.attributes.empty()) out.emplace_back("attributes", op.attributes);
    ops.emplace_back(std::move(out));
  }
  return Any(std::move(ops));
}

inline Any json_of(const Path& path) {
  Any::Array steps;
  for (const auto& step : path) {
    if (const auto* key = std::get_if<std::string>(&step)) steps.emplace_back(*key);
    if (const auto* index = std::get_if<std::uint64_t>(&step)) {
      steps.emplace_back(static_cast<double>(*index));
    }
  }
  return Any(std::move(steps));
}

inline Any json_of(const Event& event) {
  Any::Array keys;
  for (const KeyChange& change : event.keys()) {
    static const char* const kActions[] = {"add", "update", "delete"};
    keys.emplace_back(Any::Array{change.key, kActions[static_cast<int>(change.action)],
                                 to_json(change.old_value)});
  }
  Any::Array touched;
  for (std::string& key : event.keys_changed()) touched.emplace_back(std::move(key));
  return Any(Any::Object{{"path", json_of(event.path())},
                         {"kind", static_cast<int>(event.target().kind())},
                         {"keys", std::move(keys)},
                         {"touched", std::move(touched)},
                         {"list", event.list_changed()},
                         {"delta", json_of(event.delta())}});
}

inline Any json_of(const std::vector<Subdoc>& subdocs) {
  Any::Array all;
  for (const Subdoc& subdoc : subdocs) {
    all.emplace_back(Any::Object{{"guid", subdoc.guid()},
                                 {"meta", subdoc.meta()},
                                 {"autoLoad", subdoc.auto_load()},
                                 {"shouldLoad", subdoc.should_load()}});
  }
  return Any(std::move(all));
}

struct Roots {
  explicit Roots(Doc& doc)
      : all{doc.text("text"), doc.map("map"), doc.array("array"), doc.xml_fragment("xml"),
            doc.xml_element("element")} {}
  std::vector<SharedType> all;
};

struct Watched {
  explicit Watched(Doc::Options options)
      : doc(std::make_unique<Doc>(std::move(options))), roots(*doc) {
    for (std::size_t i = 0; i < roots.all.size(); ++i) {
      const SharedType& root = roots.all[i];
      const auto number = static_cast<int>(i);
      kept.push_back(root.observe([this, number](const Event& event, const Transaction& of) {
        note(of, "own", number, json_of(event));
      }));
      kept.push_back(
          root.observe_deep([this, number](std::span<const Event> events, const Transaction& of) {
            Any::Array all;
            for (const Event& event : events) all.push_back(json_of(event));
            note(of, "deep", number, Any(std::move(all)));
          }));
    }
    const auto hook = [this](const char* name) {
      return
          [this, name](const Transaction& of) { note(of, name, of.local() ? 1 : 0, of.origin()); };
    };
    kept.push_back(doc->on_before_transaction(hook("before")));
    kept.push_back(doc->on_before_observer_calls(hook("calls")));
    kept.push_back(doc->on_after_transaction(hook("after")));
    kept.push_back(doc->on_after_transaction_cleanup(hook("clean")));
    kept.push_back(doc->on_update([this](ByteView update, const Transaction& of) {
      note(of, "update", of.local() ? 1 : 0, Any(to_hex(update)));
    }));
    kept.push_back(doc->on_subdocs([this](const SubdocsEvent& event, const Transaction& of) {
      note(of, "subdocs", 0,
           Any(Any::Array{json_of(event.added), json_of(event.removed), json_of(event.loaded)}));
    }));
    kept.push_back(doc->on_after_all_transactions([this](std::span<const Transaction> all) {
      int told = 0;
      for (const Transaction& of : all) {
        if (empty(of)) {
          empty_ones.insert(of.number());
        } else {
          ++told;
        }
      }
      journal.push_back({0, "all", told, Any()});
    }));
  }

  /// Yjs begins transactions that do nothing, to read a delta and to clean up formatting.
  bool empty(const Transaction& of) const {
    return of.number() != first && of.inserted().empty() && of.deleted().empty();
  }

  void note(const Transaction& of, std::string what, int number, Any value) {
    if (first == 0) first = of.number();
    journal.push_back({of.number(), std::move(what), number, std::move(value)});
  }

  std::string take() {
    Any::Array told;
    for (Entry& entry : journal) {
      if (empty_ones.count(entry.transaction) > 0 && entry.what != "subdocs") continue;
      told.emplace_back(Any::Array{entry.what, entry.number, std::move(entry.value)});
    }
    journal.clear();
    empty_ones.clear();
    first = 0;
    return Any(std::move(told)).to_json();
  }

  struct Entry {
    std::uint64_t transaction = 0;
    std::string what;
    int number = 0;
    Any value;
  };

  std::unique_ptr<Doc> doc;
  Roots roots;
  std::vector<Entry> journal;
  std::set<std::uint64_t> empty_ones;
  std::uint64_t first = 0;
  std::vector<Subscription> kept;
};

class EventScript {
 public:
  std::string run(const std::string& line) {
    std::istringstream in(line);
    std::string command;
    std::string name;
    in >> command >> name;
    if (command == "new") {
      std::uint64_t client = 0;
      int gc = 0;
      in >> client >> gc;
      docs_[name] = std::make_unique<Watched>(Doc::Options{.client_id = client, .gc = gc != 0});
      return "ok";
    }
    const auto found = docs_.find(name);
    if (found == docs_.end()) return "error no such document";
    Watched& held = *found->second;
    if (command == "drop") {
      docs_.erase(found);
      return "ok";
    }
    if (command == "state") return "ok " + to_hex(held.doc->encode_state_as_update());
    if (command == "dump") return "ok " + dump(held);
    std::string origin;
    std::string hex;
    in >> origin >> hex;
    const auto bytes = from_hex(hex);
    if (!bytes) return "error hex";
    (void)held.take();
    if (command == "apply") {
      const auto applied = held.doc->apply_update(*bytes, origin);
      if (!applied) return "error " + to_string(applied.error());
      return "ok - " + held.take();
    }
    if (command != "do") return "error unknown command";
    ByteReader reader{ByteView(*bytes)};
    const auto edits = Any::decode(reader);
    if (!edits) return "error edits";
    Status status;
    const Bytes update = held.doc->transact(origin, [&] {
      for (const Any& edit : list_of(*edits)) {
        status = run_edit(*held.doc, list_of(edit));
        if (!status) return;
      }
    });
    if (!status) return "error " + to_string(status.error());
    return "ok " + (update.empty() ? "-" : to_hex(update)) + " " + held.take();
  }

 private:
  static std::string dump(Watched& held) {
    Any::Array all;
    for (const SharedType& root : held.roots.all) all.push_back(root.to_json());
    Any::Array delta;
    for (const TextRun& run : held.roots.all[0].as_text().to_delta()) {
      Any::Object op;
      if (const auto* text = std::get_if<std::string>(&run.insert))
        op.emplace_back("insert", *text);
      if (const auto* any = std::get_if<Any>(&run.insert)) op.emplace_back("insert", *any);
      if (const auto* type = std::get_if<SharedType>(&run.insert)) {
        op.emplace_back("insert", type->to_json());
      }
      if (!run.attributes.empty()) op.emplace_back("attributes", run.attributes);
      delta.emplace_back(std::move(op));
    }
    all.emplace_back(std::move(delta));
    all.push_back(walk(held.roots.all[3].as_xml_fragment()));
    Any::Array found;
    for (const XmlElement& element : held.roots.all[3].as_xml_fragment().query_selector_all("P")) {
      found.emplace_back(element.to_string());
    }
    all.emplace_back(std::move(found));
    all.push_back(json_of(held.doc->subdocs()));
    return Any(std::move(all)).to_json();
  }

  static Any walk(const XmlFragment& fragment) {
    Any::Array all;
    XmlTreeWalker walker = fragment.create_tree_walker();
    while (const auto node = walker.next()) all.push_back(node->to_json());
    return Any(std::move(all));
  }

  static std::optional<SharedType> find(Doc& doc, const Any::Array& path) {
    if (path.size() < 2) return std::nullopt;
    const std::string kind = text_of(path[0]);
    const std::string name = text_of(path[1]);
    SharedType at = kind == "text"    ? SharedType(doc.text(name))
                    : kind == "map"   ? SharedType(doc.map(name))
                    : kind == "array" ? SharedType(doc.array(name))
                    : kind == "xml"   ? SharedType(doc.xml_fragment(name))
                                      : SharedType(doc.xml_element(name));
    for (std::size_t i = 2; i < path.size(); ++i) {
      std::optional<Value> next;
      if (const auto* key = path[i].get_if<std::string>()) {
        next = at.as_map().get(*key);
      } else {
        next = at.as_array().get(number_of(path[i]));
      }
      const auto* const type = next ? std::get_if<SharedType>(&*next) : nullptr;
      if (type == nullptr) return std::nullopt;
      at = *type;
    }
    return at;
  }

  template <typename T>
  static Status done(const Result<T>& result) {
    return result ? Status() : Status(result.error());
  }

  static Status run_edit(Doc& doc, const Any::Array& edit) {
    const Any none;
    const auto argument = [&](std::size_t i) -> const Any& {
      return i + 2 < edit.size() ? edit[i + 2] : none;
    };
    const auto target = find(doc, list_of(edit[0]));
    if (!target) return Error{ErrorCode::kNotFound, "no such path", 0};
    const std::string op = text_of(edit[1]);
    Text text = target->as_text();
    Array array = target->as_array();
    Map map = target->as_map();
    XmlFragment xml = target->as_xml_fragment();
    XmlElement element = target->as_xml_element();
    if (op == "insert") {
      if (argument(2).is_undefined())
        return text.insert(number_of(argument(0)), text_of(argument(1)));
      return text.insert(number_of(argument(0)), text_of(argument(1)), object_of(argument(2)));
    }
    if (op == "embed") {
      const NewValue value = new_value(argument(1));
      if (const auto* type = std::get_if<NewType>(&value)) {
        return done(text.insert_embed(number_of(argument(0)), *type, object_of(argument(2))));
      }
      return text.insert_embed(number_of(argument(0)), std::get<Any>(value),
                               object_of(argument(2)));
    }
    if (op == "format") {
      return text.format(number_of(argument(0)), number_of(argument(1)), object_of(argument(2)));
    }
    if (op == "erase") return text.remove(number_of(argument(0)), number_of(argument(1)));
    if (op == "delta") return text.apply_delta(delta_of(argument(0)), flag_of(&argument(1), true));
    if (op == "textattr") return text.set_attribute(text_of(argument(0)), argument(1));
    if (op == "values") return array.insert(number_of(argument(0)), new_values(argument(1)));
    if (op == "push") return array.push(new_values(argument(0)));
    if (op == "delete") return array.remove(number_of(argument(0)), number_of(argument(1)));
    if (op == "set") {
      const NewValue value = new_value(argument(1));
      const std::string key = text_of(argument(0));
      if (const auto* type = std::get_if<NewType>(&value)) return done(map.set(key, *type));
      if (const auto* subdoc = std::get_if<NewDoc>(&value)) return done(map.set(key, *subdoc));
      return map.set(key, std::get<Any>(value));
    }
    if (op == "unset") return map.remove(text_of(argument(0)));
    if (op == "clear") return map.clear();
    if (op == "nodes") return xml.insert(number_of(argument(0)), new_values(argument(1)));
    if (op == "after") {
      return xml.insert_after(xml.get(number_of(argument(0))), new_values(argument(1)));
    }
    if (op == "attr") return element.set_attribute(text_of(argument(0)), argument(1));
    if (op == "copy") {
      // A copy of what is at one index goes to another.
      const auto held = array.get(number_of(argument(0)));
      const auto* const type = held ? std::get_if<SharedType>(&*held) : nullptr;
      if (type == nullptr) return {};
      COTERIE_TRY(const NewType copy, type->clone());
      return done(array.insert(number_of(argument(1)), copy));
    }
    if (op == "load" || op == "destroy") {
      auto held = map.get(text_of(argument(0)));
      auto* const subdoc = held ? std::get_if<Subdoc>(&*held) : nullptr;
      if (subdoc == nullptr) return {};
      if (op == "load") subdoc->load();
      if (op == "destroy") subdoc->destroy();
      return {};
    }
    return Error{ErrorCode::kMalformed, "unknown edit", 0};
  }

  std::map<std::string, std::unique_ptr<Watched>> docs_;
};

}  // namespace coterie::testing
