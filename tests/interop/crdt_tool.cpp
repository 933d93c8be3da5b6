// Drives crdt::Doc from a script: one command a line on standard input, one answer a line on
// standard output. Used by crdt_fuzz.mjs to hold our documents against stock Yjs.
//
//     new DOC CLIENT GC             ok
//     apply DOC HEX                 ok CHANGED PENDING HEX
//     state DOC [HEX]               ok HEX       encodeStateAsUpdate, against a state vector
//     sv DOC                        ok HEX
//     declare DOC KIND ROOT         ok           KIND: text, map, array
//     json DOC ROOT                 ok JSON      null if there is no such root
//     delta DOC ROOT                ok JSON
//     text DOC insert ROOT I HEX    ok HEX       the update; so for the other edits
//     text DOC remove ROOT I N | text DOC format ROOT I N JSON | text DOC embed ROOT I JSON
//     map DOC set ROOT KEY JSON | map DOC remove ROOT KEY | map DOC text ROOT KEY
//     array DOC insert ROOT I JSON | array DOC remove ROOT I N
//     merge HEX... | diff HEX HEX | svof HEX     ok HEX
//     drop DOC                      ok
//
// An answer that starts with "error" names what went wrong.

#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "crdt/doc.hpp"
#include "crdt/update.hpp"

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

Any json_of(const std::string& hex) {
  const Bytes text = bytes_of(hex);
  auto value = Any::from_json(as_text(text));
  return value ? *value : Any();
}

Attributes attributes_of(const std::string& hex) {
  const Any value = json_of(hex);
  const auto* object = value.get_if<Any::Object>();
  return object == nullptr ? Attributes() : *object;
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

class Tool {
 public:
  std::string run(const std::string& line) {
    in_ = std::istringstream(line);
    const std::string command = word();
    if (command == "merge") return merge();
    if (command == "diff") {
      const Bytes update = bytes_of(word());
      auto since = StateVector::decode(bytes_of(word()));
      return since ? answer(diff_update(update, *since)) : "error state vector";
    }
    if (command == "svof") {
      auto vector = state_vector_from_update(bytes_of(word()));
      return vector ? "ok " + hex_of(vector->encode()) : "error " + to_string(vector.error());
    }
    const std::string name = word();
    if (command == "new") {
      const ClientId client = number();
      docs_.erase(name);
      docs_.emplace(name, Doc({.client_id = client, .gc = number() != 0}));
      return "ok";
    }
    const auto found = docs_.find(name);
    if (found == docs_.end()) return "error no such document";
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

  std::string merge() {
    std::vector<Bytes> updates;
    for (std::string hex = word(); !hex.empty(); hex = word()) updates.push_back(bytes_of(hex));
    return answer(merge_updates(std::span<const Bytes>(updates)));
  }

  std::string on_doc(const std::string& command, Doc& doc, const std::string& name) {
    if (command == "apply") {
      auto applied = doc.apply_update(bytes_of(word()));
      if (!applied) return "error " + to_string(applied.error());
      return std::string("ok ") + (applied->changed ? "1 " : "0 ") +
             (applied->pending ? "1 " : "0 ") + hex_of(applied->update);
    }
    if (command == "state") {
      const std::string since = word();
      auto vector =
          since.empty() ? Result<StateVector>(StateVector()) : StateVector::decode(bytes_of(since));
      return vector ? "ok " + hex_of(doc.encode_state_as_update(*vector)) : "error state vector";
    }
    if (command == "sv") return "ok " + hex_of(doc.state_vector().encode());
    if (command == "declare") {
      const std::string kind = word();
      if (kind == "text") doc.text(word());
      if (kind == "map") doc.map(word());
      if (kind == "array") doc.array(word());
      return "ok";
    }
    if (command == "json") {
      const auto root = doc.root(word());
      return "ok " + (root ? root->to_json().to_json() : "null");
    }
    if (command == "delta") {
      const auto root = doc.root(word());
      return "ok " + (root ? delta_json(root->as_text()) : "null");
    }
    if (command == "drop") {
      docs_.erase(name);
      return "ok";
    }
    return edit(command, doc);
  }

  std::string edit(const std::string& type, Doc& doc) {
    Status status;
    const Bytes update = doc.transact([&] {
      if (type == "text") {
        status = edit_text(doc);
      } else if (type == "map") {
        status = edit_map(doc);
      } else if (type == "array") {
        status = edit_array(doc);
      } else {
        status = Error{ErrorCode::kMalformed, "unknown command"};
      }
    });
    return status ? "ok " + hex_of(update) : "error " + to_string(status.error());
  }

  Status edit_text(Doc& doc) {
    const std::string what = word();
    Text text = doc.text(word());
    const std::uint64_t index = number();
    if (what == "insert") {
      const Bytes bytes = bytes_of(word());
      const std::string attributes = word();
      if (attributes.empty()) return text.insert(index, as_text(bytes));
      return text.insert(index, as_text(bytes), attributes_of(attributes));
    }
    if (what == "embed") return text.insert_embed(index, json_of(word()));
    const std::uint64_t length = number();
    if (what == "remove") return text.remove(index, length);
    if (what == "format") return text.format(index, length, attributes_of(word()));
    return Error{ErrorCode::kMalformed, "unknown command"};
  }

  Status edit_map(Doc& doc) {
    const std::string what = word();
    Map map = doc.map(word());
    const std::string key = word();
    if (what == "set") return map.set(key, json_of(word()));
    if (what == "remove") return map.remove(key);
    const auto text = map.set_text(key);
    return text ? Status() : Status(text.error());
  }

  Status edit_array(Doc& doc) {
    const std::string what = word();
    Array array = doc.array(word());
    const std::uint64_t index = number();
    if (what == "insert") {
      const Any values = json_of(word());
      const auto* list = values.get_if<Any::Array>();
      return array.insert(index, list == nullptr ? Any::Array() : *list);
    }
    return array.remove(index, number());
  }

  std::istringstream in_;
  std::map<std::string, Doc> docs_;
};

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  Tool tool;
  for (std::string line; std::getline(std::cin, line);) std::cout << tool.run(line) << std::endl;
}
