#include "tests/interop/history_commands.hpp"

#include <any>
#include <utility>

#include "crdt/attribution.hpp"
#include "crdt/relative_position.hpp"
#include "crdt/snapshot.hpp"

namespace coterie::interop {
namespace {

using namespace coterie::crdt;  // NOLINT: a test tool.

Bytes unhex(const std::string& hex) {
  auto bytes = from_hex(hex == "-" ? "" : hex);
  return bytes ? *bytes : Bytes();
}
std::string hex(ByteView bytes) { return bytes.empty() ? "-" : to_hex(bytes); }
std::string failed(const Error& error) { return "error " + to_string(error); }

/// What the clock of undo managers shows.
Instant now;

class Commands {
 public:
  Commands(std::istringstream& in, std::map<std::string, Doc>& docs, Undoers& undoers)
      : in_(in), docs_(docs), undoers_(undoers) {}

  std::optional<std::string> run(const std::string& command) {
    if (command == "recode") return recode();
    if (command == "contains") return contains();
    if (command == "rpos") return with_type([&](SharedType type) { return position(type); });
    if (command == "apos") return with_doc([&](Doc& doc) { return absolute(doc); });
    if (command == "snap") {
      return with_doc([](Doc& doc) {
        const Snapshot taken = take_snapshot(doc);
        return "ok " + hex(taken.encode()) + " " + hex(taken.encode_v2());
      });
    }
    if (command == "restore") return with_doc([&](Doc& doc) { return restore(doc); });
    if (command == "deltaat") return with_type([&](SharedType type) { return delta(type); });
    if (command == "valuesat") return with_type([&](SharedType type) { return values(type); });
    if (command == "entriesat") return with_type([&](SharedType type) { return entries(type); });
    if (command == "authors") return with_type([](SharedType type) { return authors(type); });
    if (command == "at") {
      now = Instant(Duration(number<std::int64_t>()));
      return "ok";
    }
    if (command == "undoer") return undoer();
    if (command == "undo" || command == "redo" || command == "stop" || command == "clear" ||
        command == "stack" || command == "heard") {
      const auto found = undoers_.find(word());
      if (found == undoers_.end()) return "error no such undo manager";
      return on_undoer(command, found->second);
    }
    return std::nullopt;
  }

 private:
  std::string word() {
    std::string text;
    in_ >> text;
    return text;
  }
  template <typename Number = std::uint64_t>
  Number number() {
    Number value = 0;
    in_ >> value;
    return value;
  }

  template <typename Each>
  std::string with_doc(Each each) {
    const auto found = docs_.find(word());
    return found == docs_.end() ? "error no such document" : each(found->second);
  }

  static std::optional<SharedType> find_type(Doc& doc, const std::string& name) {
    RelativePosition place;
    if (name.starts_with("r:")) {
      place.root = std::string(as_text(unhex(name.substr(2))));
    } else {
      const std::size_t colon = name.find(':', 2);
      if (colon == std::string::npos) return std::nullopt;
      place.type = Id{std::stoull(name.substr(2)), std::stoull(name.substr(colon + 1))};
    }
    const auto found = absolute_position(doc, place, UndoneDeletions::kIgnore);
    return found ? std::optional(found->type) : std::nullopt;
  }

  template <typename Each>
  std::string with_type(Each each) {
    return with_doc([&](Doc& doc) {
      const auto found = find_type(doc, word());
      return found ? each(*found) : std::string("error no such type");
    });
  }

  static Any numbers(const IdSet& set) {
    Any::Array all;
    for (const auto& [client, ranges] : set.ranges()) {
      for (const IdSet::Range& range : ranges) {
        for (const std::uint64_t part : {client, range.clock, range.length}) {
          all.emplace_back(static_cast<double>(part));
        }
      }
    }
    return Any(std::move(all));
  }
  static Any stack_json(const std::vector<UndoItem>& stack) {
    Any::Array all;
    for (const UndoItem& item : stack) {
      Any::Array one;
      one.push_back(numbers(item.insertions()));
      one.push_back(numbers(item.deletions()));
      all.emplace_back(std::move(one));
    }
    return Any(std::move(all));
  }

  std::string undoer() {
    const std::string name = word();
    const auto found = docs_.find(name);
    if (found == docs_.end()) return "error no such document";
    UndoManager::Options options;
    options.capture_timeout = Duration(number<std::int64_t>());
    options.clock = [] { return now; };
    options.ignore_remote_map_changes = number() != 0;
    if (number() != 0) options.tracked_origins.emplace_back("remote");
    std::vector<SharedType> scope;
    bool document = false;
    for (std::string type = word(); !type.empty(); type = word()) {
      document = document || type == "doc";
      if (type == "doc") continue;
      const auto held = find_type(found->second, type);
      if (!held) return "error no such type";
      scope.push_back(*held);
    }
    Undoer& undoer = undoers_[name];
    undoer = {};
    if (document) {
      undoer.manager.emplace(found->second, options);
    } else {
      undoer.manager.emplace(found->second, scope, options);
    }
    undoer.heard = std::make_shared<Any::Array>();
    const auto hear = [heard = undoer.heard](const char* event) {
      return [heard, event](const UndoEvent& told) {
        Any::Array one;
        one.emplace_back(event);
        one.emplace_back(told.kind == UndoKind::kUndo ? "undo" : "redo");
        one.emplace_back(static_cast<double>(told.changed_types.size()));
        const auto seen = told.item.meta.find("seen");
        const int times = seen == told.item.meta.end() ? 0 : std::any_cast<int>(seen->second);
        one.emplace_back(times);
        told.item.meta["seen"] = times + 1;
        heard->emplace_back(std::move(one));
      };
    };
    UndoManager& manager = *undoer.manager;
    undoer.subscriptions.push_back(manager.on_stack_item_added(hear("added")));
    undoer.subscriptions.push_back(manager.on_stack_item_updated(hear("updated")));
    undoer.subscriptions.push_back(manager.on_stack_item_popped(hear("popped")));
    undoer.subscriptions.push_back(
        manager.on_stack_cleared([heard = undoer.heard](bool undo, bool redo) {
          Any::Array one;
          one.emplace_back("cleared");
          one.emplace_back(undo);
          one.emplace_back(redo);
          heard->emplace_back(std::move(one));
        }));
    return "ok";
  }

  std::string on_undoer(const std::string& command, Undoer& undoer) {
    UndoManager& manager = *undoer.manager;
    std::string answer = "ok";
    if (command == "stop") {
      manager.stop_capturing();
      return answer;
    }
    if (command == "heard") {
      return "ok " + Any(std::exchange(*undoer.heard, {})).to_json();
    }
    if (command == "stack") {
      Any::Array both;
      both.push_back(stack_json(manager.undo_stack()));
      both.push_back(stack_json(manager.redo_stack()));
      return "ok " + Any(std::move(both)).to_json();
    }
    if (command == "undo") answer += manager.undo() ? " 1" : " 0";
    if (command == "redo") answer += manager.redo() ? " 1" : " 0";
    if (command == "clear") {
      const bool undo = number() != 0;
      manager.clear(undo, number() != 0);
    }
    return answer + " " + std::to_string(manager.undo_stack().size()) + " " +
           std::to_string(manager.redo_stack().size());
  }

  std::string position(SharedType type) {
    const auto index = number();
    const auto made = relative_position(type, index, number<std::int64_t>());
    if (!made) return failed(made.error());
    const auto again = RelativePosition::from_json(*Any::from_json(made->to_json().to_json()));
    if (!again || *again != *made) return "error JSON does not come back";
    return "ok " + hex(made->encode()) + " " + hex(as_bytes(made->to_json().to_json()));
  }

  std::string absolute(Doc& doc) {
    const Bytes bytes = unhex(word());
    const auto position = RelativePosition::decode(bytes);
    if (!position) return failed(position.error());
    if (position->encode() != bytes) return "error bytes do not come back";
    const auto place = absolute_position(
        doc, *position, number() != 0 ? UndoneDeletions::kFollow : UndoneDeletions::kIgnore);
    return "ok " + (place ? std::to_string(place->index) : "null");
  }

  std::string recode() {
    const auto v1 = Snapshot::decode(unhex(word()));
    if (!v1) return failed(v1.error());
    const auto v2 = Snapshot::decode_v2(unhex(word()));
    if (!v2) return failed(v2.error());
    if (*v1 != *v2) return "error they differ";
    return "ok " + hex(v1->encode()) + " " + hex(v2->encode_v2());
  }

  std::string contains() {
    const auto snapshot = Snapshot::decode(unhex(word()));
    if (!snapshot) return failed(snapshot.error());
    const auto answer = snapshot_contains_update(*snapshot, unhex(word()));
    return answer ? (*answer ? "ok 1" : "ok 0") : failed(answer.error());
  }

  std::string restore(Doc& doc) {
    const auto snapshot = Snapshot::decode(unhex(word()));
    if (!snapshot) return failed(snapshot.error());
    const auto restored = create_doc_from_snapshot(doc, *snapshot, {.client_id = 0});
    return restored ? "ok " + hex(restored->encode_state_as_update()) : failed(restored.error());
  }

  std::optional<Snapshot> snapshot() {
    const std::string text = word();
    if (text == "-") return std::nullopt;
    auto decoded = Snapshot::decode(unhex(text));
    return decoded ? std::optional(*decoded) : std::nullopt;
  }

  static Any plain(const Value& value) {
    if (const Any* any = std::get_if<Any>(&value)) return *any;
    if (const auto* type = std::get_if<SharedType>(&value)) return type->to_json();
    return Any(Any::Object());  // A subdocument.
  }

  std::string delta(SharedType type) {
    const auto at = snapshot();
    const auto previous = snapshot();
    DescribeChange describe;
    if (number() != 0) {
      describe = [](TextChange change, const Id& id) {
        Any::Object object;
        object.emplace_back("user", Any(static_cast<double>(id.client)));
        object.emplace_back("type", Any(change == TextChange::kAdded ? "added" : "removed"));
        return Any(std::move(object));
      };
    }
    Any::Array runs;
    for (const TextRun& run : to_delta(type, at, previous, describe)) {
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
    return "ok " + Any(std::move(runs)).to_json();
  }

  std::string values(SharedType type) {
    const auto at = snapshot();
    if (!at) return "error snapshot";
    Any::Array all;
    for (const Value& value : values_at(type, *at)) all.push_back(plain(value));
    return "ok " + Any(std::move(all)).to_json();
  }

  std::string entries(SharedType type) {
    const auto at = snapshot();
    if (!at) return "error snapshot";
    Any::Object all;
    for (const auto& [key, value] : entries_at(type, *at)) all.emplace_back(key, plain(value));
    return "ok " + Any(std::move(all)).to_json();
  }

  static std::string authors(SharedType type) {
    Any::Array all;
    for (const AttributedRange& range : attribution(type)) {
      Any::Array one;
      for (const std::uint64_t part :
           {range.ids.client, range.ids.clock, range.ids.length, range.index}) {
        one.emplace_back(static_cast<double>(part));
      }
      all.emplace_back(std::move(one));
    }
    return "ok " + Any(std::move(all)).to_json();
  }

  std::istringstream& in_;
  std::map<std::string, Doc>& docs_;
  Undoers& undoers_;
};

}  // namespace

std::optional<std::string> history_command(const std::string& command, std::istringstream& in,
                                           std::map<std::string, Doc>& docs, Undoers& undoers) {
  return Commands(in, docs, undoers).run(command);
}

}  // namespace coterie::interop
