// Sessions of several documents, drawn from Choices, and the claim that whoever hears all of one
// ends alike, in whatever order, form and number of times. The body of a property test (seeds) and
// of a fuzz target (bytes).

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/base/utf16.hpp"
#include "crdt/doc.hpp"
#include "crdt/update.hpp"
#include "tests/support/choices.hpp"

namespace coterie::testing {

/// What documents said while a few people edited and heard of each other now and then.
class CrdtSession {
 public:
  CrdtSession(Choices& choices, std::size_t steps_max) : choices_(choices) {
    const std::size_t count = 2 + choices.below(3);
    for (std::size_t i = 0; i < count; ++i) {
      docs_.push_back(crdt::Doc({.client_id = 10 + 7 * i, .gc = choices.below(4) != 0}));
    }
    for (crdt::Doc& doc : docs_) {
      // Everything it reports, so that formatting cleaned up on hearing is told as well.
      subscriptions_.push_back(doc.on_update([this](ByteView update, const crdt::Transaction&) {
        updates_.emplace_back(update.begin(), update.end());
      }));
    }
    for (std::size_t steps = choices.below(steps_max + 1); steps > 0; --steps) step();
  }
  CrdtSession(const CrdtSession&) = delete;
  CrdtSession& operator=(const CrdtSession&) = delete;

  /// In the order in which they were made.
  const std::vector<Bytes>& updates() const { return updates_; }

 private:
  void step() {
    crdt::Doc& doc = docs_[choices_.below(docs_.size())];
    if (choices_.below(4) == 0) {
      const crdt::Doc& other = docs_[choices_.below(docs_.size())];
      if (&other == &doc) return;
      (void)doc.apply_update(other.encode_state_as_update(doc.state_vector()));
      return;
    }
    (void)doc.transact([&] {
      for (std::uint64_t edits = 1 + choices_.below(3); edits > 0; --edits) edit(doc);
    });
  }

  void edit(crdt::Doc& doc) {
    switch (choices_.below(4)) {
      case 0:
        return edit_text(doc.text("t"), true);
      case 1:
        return edit_map(doc.map("m"));
      case 2:
        return edit_array(doc.array("a"));
      default:
        return edit_nested(doc);
    }
  }

  /// An index of `text` that is inside no pair.
  std::uint64_t index_in(const crdt::Text& text) {
    const std::uint64_t index = choices_.below(text.size() + 1);
    const std::string content = text.to_string();
    // Embeds are not in the string: past its end there is no telling, and no pair is likely.
    if (index >= utf16_length(as_bytes(content))) return index;
    return utf16_position(as_bytes(content), index).inside_pair ? index + 1 : index;
  }

  /// Nested texts are not formatted: whoever hears of it cleans it up, each a little differently.
  void edit_text(crdt::Text text, bool formats) {
    static constexpr std::string_view kWords[] = {"a", "bc", "\xf0\x9f\x98\x80", "\xc3\xa9\n"};
    const std::uint64_t from = index_in(text);
    const std::uint64_t to = std::max(from, index_in(text));
    const crdt::Attributes marks[] = {{{"b", true}}, {{"b", crdt::Any::Null{}}}, {{"c", 1}}};
    switch (choices_.below(formats ? 6 : 4)) {
      case 0:
      case 1:
        (void)text.insert(from, kWords[choices_.below(4)]);
        return;
      case 2:
        (void)text.remove(from, to - from);
        return;
      case 3:
        (void)text.insert_embed(from, crdt::Any::Object{{"e", 1}});
        return;
      case 4:
        (void)text.insert(from, kWords[choices_.below(4)], marks[choices_.below(3)]);
        return;
      default:
        (void)text.format(from, to - from, marks[choices_.below(3)]);
        return;
    }
  }

  void edit_map(crdt::Map map) {
    static constexpr std::string_view kKeys[] = {"k", "l"};
    const std::string_view key = kKeys[choices_.below(2)];
    switch (choices_.below(5)) {
      case 0:
        (void)map.set(key, static_cast<int>(choices_.below(3)));
        return;
      case 1:
        (void)map.set_text(key);
        return;
      case 2:
        (void)map.set_map(key);
        return;
      case 3:
        (void)map.set_array(key);
        return;
      default:
        (void)map.remove(key);
        return;
    }
  }

  void edit_array(crdt::Array array) {
    const std::uint64_t index = choices_.below(array.size() + 1);
    switch (choices_.below(5)) {
      case 0:
      case 1: {
        const crdt::Any values[] = {1, "two", Bytes{3}};
        (void)array.insert(index, std::span(values).first(1 + choices_.below(3)));
        return;
      }
      case 2:
        (void)array.insert_map(index);
        return;
      case 3:
        (void)array.insert_text(index);
        return;
      default:
        (void)array.remove(index, std::min<std::uint64_t>(choices_.below(4), array.size() - index));
        return;
    }
  }

  void edit_nested(crdt::Doc& doc) {
    std::vector<crdt::Value> held = doc.array("a").values();
    for (const std::string& key : doc.map("m").keys()) held.push_back(*doc.map("m").get(key));
    std::vector<crdt::SharedType> types;
    for (const crdt::Value& value : held) {
      if (const auto* type = std::get_if<crdt::SharedType>(&value)) types.push_back(*type);
    }
    if (types.empty()) return;
    const crdt::SharedType type = types[choices_.below(types.size())];
    if (type.kind() == crdt::TypeKind::kText) return edit_text(type.as_text(), false);
    if (type.kind() == crdt::TypeKind::kMap) return edit_map(type.as_map());
    if (type.kind() == crdt::TypeKind::kArray) return edit_array(type.as_array());
  }

  Choices& choices_;
  std::vector<Bytes> updates_;
  std::vector<crdt::Doc> docs_;
  std::vector<crdt::Subscription> subscriptions_;
};

/// Members by name: in what order a replica has them depends on the order of delivery, as in Yjs.
inline crdt::Any by_name(const crdt::Any& value) {
  if (const auto* list = value.get_if<crdt::Any::Array>()) {
    crdt::Any::Array out;
    for (const crdt::Any& each : *list) out.push_back(by_name(each));
    return out;
  }
  if (const auto* object = value.get_if<crdt::Any::Object>()) {
    crdt::Any::Object out;
    for (const auto& [name, each] : *object) out.emplace_back(name, by_name(each));
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return out;
  }
  return value;
}

/// Applies all of `updates` to `doc`: shuffled, some twice, some merged with others, in either
/// format. False: something was refused.
inline bool deliver_anyhow(Choices& choices, std::vector<Bytes> updates, crdt::Doc& doc) {
  for (std::size_t i = updates.size(); i > 1; --i) {
    std::swap(updates[i - 1], updates[choices.below(i)]);
  }
  for (std::size_t i = 0; i < updates.size();) {
    std::size_t count = 1;
    if (choices.below(4) == 0) count += choices.below(updates.size() - i);
    const auto merged = crdt::merge_updates(std::span<const Bytes>(updates).subspan(i, count));
    if (!merged) return false;
    const std::uint64_t how = choices.below(8);
    if (how < 2) {
      const auto converted = crdt::convert_update_v1_to_v2(*merged);
      if (!converted || !doc.apply_update_v2(*converted)) return false;
    } else if (!doc.apply_update(*merged)) {
      return false;
    }
    if (how == 7 && !doc.apply_update(updates[choices.below(updates.size())])) return false;
    i += count;
  }
  return true;
}

/// The state of a copy, by way of either format; empty if the copy is not the same.
inline Bytes read_again(crdt::Doc& doc) {
  crdt::Doc v1({.client_id = 2});
  crdt::Doc v2({.client_id = 3});
  if (!v1.apply_update(doc.encode_state_as_update())) return {};
  if (!v2.apply_update_v2(doc.encode_state_as_update_v2())) return {};
  if (v1.text("t").to_string() != doc.text("t").to_string()) return {};
  Bytes state = v1.encode_state_as_update();
  if (state != v2.encode_state_as_update() || state.empty()) return {};
  return state;
}

/// Empty, or what went wrong.
inline std::string check_any_order(Choices& choices, std::size_t steps_max) {
  const CrdtSession session(choices, steps_max);
  const bool gc = choices.below(4) != 0;
  crdt::Doc in_order({.client_id = 1, .gc = gc});
  for (const Bytes& update : session.updates()) {
    if (!in_order.apply_update(update)) return "an update refused";
  }
  crdt::Doc anyhow({.client_id = 1, .gc = gc});
  if (!deliver_anyhow(choices, session.updates(), anyhow)) return "an update refused";
  if (in_order.has_pending() || anyhow.has_pending()) return "something is still waited for";
  if (in_order.state_vector() != anyhow.state_vector()) return "state vectors differ";
  // A document that keeps what was deleted has it if it heard of it before others collected it. In
  // one that does not, whether neighbours among the collected are one struct or two depends on when
  // they were collected, as in Yjs: they are one when read again.
  if (read_again(in_order).empty() || read_again(anyhow).empty()) return "a copy differs";
  if (gc && read_again(in_order) != read_again(anyhow)) {
    return "states differ: " + to_hex(read_again(in_order)) + " and " + to_hex(read_again(anyhow));
  }
  if (in_order.text("t").to_string() != anyhow.text("t").to_string()) return "texts differ";
  const auto values = [](crdt::Doc& doc) {
    return by_name(crdt::Any::Array{doc.array("a").to_json(), doc.map("m").to_json()});
  };
  if (values(in_order) != values(anyhow)) return "values differ";
  return {};
}

}  // namespace coterie::testing
