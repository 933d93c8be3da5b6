#include "tests/interop/history_commands.hpp"

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

class Commands {
 public:
  Commands(std::istringstream& in, std::map<std::string, Doc>& docs) : in_(in), docs_(docs) {}

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

  template <typename Each>
  std::string with_type(Each each) {
    return with_doc([&](Doc& doc) {
      std::string name = word();
      RelativePosition place;
      if (name.starts_with("r:")) {
        place.root = std::string(as_text(unhex(name.substr(2))));
      } else {
        const std::size_t colon = name.find(':', 2);
        place.type = Id{std::stoull(name.substr(2)), std::stoull(name.substr(colon + 1))};
      }
      const auto found = absolute_position(doc, place, UndoneDeletions::kIgnore);
      return found ? each(found->type) : std::string("error no such type");
    });
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
    return std::get<SharedType>(value).to_json();
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
};

}  // namespace

std::optional<std::string> history_command(const std::string& command, std::istringstream& in,
                                           std::map<std::string, Doc>& docs) {
  return Commands(in, docs).run(command);
}

}  // namespace coterie::interop
