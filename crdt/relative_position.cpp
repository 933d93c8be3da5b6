#include "crdt/relative_position.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "crdt/internal/access.hpp"
#include "crdt/internal/editing.hpp"

namespace coterie::crdt {

using internal::Access;
using internal::Branch;
using internal::BranchIndex;
using internal::ClientIndex;
using internal::ContentKind;
using internal::Item;
using internal::ItemIndex;
using internal::kNone;
using internal::LocalId;
using internal::Store;

namespace {

constexpr std::uint8_t kItem = 0;
constexpr std::uint8_t kRoot = 1;
constexpr std::uint8_t kType = 2;

Error malformed(std::uint64_t offset = 0) {
  return {ErrorCode::kMalformed, "not a relative position", offset};
}

Any json_of(const Id& id) {
  return Any(Any::Object{{"client", Any(static_cast<double>(id.client))},
                         {"clock", Any(static_cast<double>(id.clock))}});
}

const Any* member(const Any::Object& object, std::string_view name) {
  const auto found = std::find_if(object.begin(), object.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found == object.end() || found->second.is_null() || found->second.is_undefined()) {
    return nullptr;
  }
  return &found->second;
}

std::optional<double> integer(const Any* value, double least) {
  const double* const number = value == nullptr ? nullptr : value->get_if<double>();
  const auto most = static_cast<double>(kSafeIntegerMax);
  if (number == nullptr || std::trunc(*number) != *number) return std::nullopt;
  if (*number < least || *number > most) return std::nullopt;
  return *number;
}

/// Absent is no error; anything but an id is.
Result<std::optional<Id>> id_member(const Any::Object& object, std::string_view name) {
  const Any* const value = member(object, name);
  if (value == nullptr) return std::optional<Id>();
  const auto* const members = value->get_if<Any::Object>();
  if (members == nullptr) return malformed();
  const auto client = integer(member(*members, "client"), 0);
  const auto clock = integer(member(*members, "clock"), 0);
  if (!client || !clock) return malformed();
  return std::optional(Id{static_cast<ClientId>(*client), static_cast<Clock>(*clock)});
}

void append_id(Bytes& out, const Id& id) {
  append_varuint(out, id.client);
  append_varuint(out, id.clock);
}

Result<Id> read_id(ByteReader& in) {
  Id id;
  COTERIE_TRY(id.client, in.read_varuint());
  COTERIE_TRY(id.clock, in.read_varuint());
  return id;
}

/// lib0's writeVarInt: six bits and the sign in the first byte, then seven a byte.
void append_varint(Bytes& out, std::int64_t value) {
  const std::uint64_t magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  const bool more = magnitude > 0x3f;
  out.push_back(static_cast<std::uint8_t>((more ? 0x80u : 0u) | (value < 0 ? 0x40u : 0u) |
                                          (magnitude & 0x3f)));
  if (more) append_varuint(out, magnitude >> 6);
}

Result<std::int64_t> read_varint(ByteReader& in) {
  COTERIE_TRY(const std::uint8_t first, in.read_u8());
  std::uint64_t magnitude = first & 0x3f;
  if ((first & 0x80) != 0) {
    COTERIE_TRY(const std::uint64_t rest, in.read_varuint());
    if (rest > kSafeIntegerMax >> 6) return malformed(in.offset());
    magnitude |= rest << 6;
  }
  const auto value = static_cast<std::int64_t>(magnitude);
  return (first & 0x40) != 0 ? -value : value;
}

}  // namespace

Bytes RelativePosition::encode() const {
  Bytes out;
  if (item) {
    out.push_back(kItem);
    append_id(out, *item);
  } else if (root) {
    out.push_back(kRoot);
    append_varstring(out, *root);
  } else {
    out.push_back(kType);
    append_id(out, type.value_or(Id()));
  }
  append_varint(out, association);
  return out;
}

Result<RelativePosition> RelativePosition::decode(ByteView input) {
  ByteReader in(input);
  RelativePosition position;
  COTERIE_TRY(const std::uint64_t form, in.read_varuint());
  if (form == kItem) {
    COTERIE_TRY(position.item, read_id(in));
  } else if (form == kRoot) {
    COTERIE_TRY(const std::string_view name, in.read_varstring());
    if (!is_utf8(name)) return malformed(in.offset());
    position.root = std::string(name);
  } else if (form == kType) {
    COTERIE_TRY(position.type, read_id(in));
  } else {
    return malformed(0);
  }
  if (!in.at_end()) {
    COTERIE_TRY(position.association, read_varint(in));  // Yjs before 13.5 wrote none.
  }
  if (!in.at_end()) return malformed(in.offset());
  return position;
}

Any RelativePosition::to_json() const {
  Any::Object json;
  if (type) json.emplace_back("type", json_of(*type));
  if (root) json.emplace_back("tname", Any(*root));
  if (item) json.emplace_back("item", json_of(*item));
  json.emplace_back("assoc", Any(static_cast<double>(association)));
  return Any(std::move(json));
}

Result<RelativePosition> RelativePosition::from_json(const Any& json) {
  const auto* const object = json.get_if<Any::Object>();
  if (object == nullptr) return malformed();
  RelativePosition position;
  COTERIE_TRY(position.type, id_member(*object, "type"));
  COTERIE_TRY(position.item, id_member(*object, "item"));
  if (const Any* const name = member(*object, "tname")) {
    const auto* const text = name->get_if<std::string>();
    if (text == nullptr || !is_utf8(*text)) return malformed();
    position.root = *text;
  }
  if (const Any* const value = member(*object, "assoc")) {
    const auto association = integer(value, -static_cast<double>(kSafeIntegerMax));
    if (!association) return malformed();
    position.association = static_cast<std::int64_t>(*association);
  }
  if (!position.type && !position.item && !position.root) return malformed();
  return position;
}

// --- From an index
// --------------------------------------------------------------------------------

Result<RelativePosition> relative_position(const SharedType& type, std::uint64_t index,
                                           std::int64_t association) {
  Store& store = Access::store(type);
  const Branch* const branch = store.resolve(type);
  if (branch == nullptr) return internal::kStale;
  const auto id_of = [&](LocalId id) { return Id{store.client(id.client).id, id.clock}; };

  RelativePosition position;
  position.association = association;
  if (branch->item == kNone) {
    position.root = store.key_text(branch->name);
  } else {
    position.type = id_of(store.items[branch->item].id());
  }
  const bool left = association < 0;
  if (left && index == 0) return position;
  const std::uint64_t element = left ? index - 1 : index;
  if (element >= branch->length) {
    // Beyond what is visible a left one holds on to whatever is last, as in Yjs.
    if (left && branch->end != kNone) position.item = id_of(store.items[branch->end].last_id());
    return position;
  }
  const auto found = store.locate(Store::slot_of(type), static_cast<std::uint32_t>(element));
  const Item& item = store.items[found.item];
  const std::uint32_t gap = found.offset + (left ? 1 : 0);
  if (item.kind == ContentKind::kString && gap < item.length &&
      store.text_position(item, gap).inside_pair) {
    return internal::kInsidePair;
  }
  position.item = id_of({item.client, item.clock + found.offset});
  return position;
}

// --- To an index
// ----------------------------------------------------------------------------------

namespace {

class Resolver {
 public:
  Resolver(Store& store, UndoneDeletions undone) : store_(store), undone_(undone) {}

  std::optional<AbsolutePosition> resolve(const RelativePosition& position) {
    if (position.item) return at_item(*position.item, position.association);
    BranchIndex branch = kNone;
    if (position.root) {
      branch = store_.find_root(*position.root);
    } else if (position.type) {
      const auto held = find(*position.type);
      if (held && store_.items[held->item].kind == ContentKind::kType) {
        branch = store_.items[held->item].content;
      }
    }
    if (branch == kNone) return std::nullopt;
    const std::uint64_t end = position.association < 0 ? 0 : store_.branches[branch].length;
    return AbsolutePosition{store_.handle(branch), end, position.association};
  }

 private:
  struct Held {
    ItemIndex item = kNone;
    std::uint32_t offset = 0;
  };

  /// The item that holds the element, or what was redone of it last.
  std::optional<Held> find(const Id& id) {
    const ClientIndex client = store_.find_client(id.client);
    if (client == kNone || id.clock >= store_.client(client).state) return std::nullopt;
    LocalId at{client, static_cast<std::uint32_t>(id.clock)};
    while (true) {
      const ItemIndex index = store_.item_at(at);
      const Item& item = store_.items[index];
      if (item.is_gc()) return std::nullopt;
      const LocalId redone =
          undone_ == UndoneDeletions::kFollow ? store_.redone_of(item) : internal::kNoId;
      if (!redone.exists()) return Held{index, at.clock - item.clock};
      at = {redone.client, redone.clock + (at.clock - item.clock)};
    }
  }

  std::optional<AbsolutePosition> at_item(const Id& id, std::int64_t association) {
    const auto held = find(id);
    if (!held) return std::nullopt;
    const Item& item = store_.items[held->item];
    const Branch& parent = store_.branches[item.parent];
    std::uint64_t index = 0;
    if (parent.item == kNone || !store_.items[parent.item].deleted) {
      if (item.visible_length() > 0) index = held->offset + (association >= 0 ? 0u : 1u);
      index += store_.position_of(held->item);
    }
    return AbsolutePosition{store_.handle(item.parent), index, association};
  }

  Store& store_;
  UndoneDeletions undone_;
};

}  // namespace

std::optional<AbsolutePosition> absolute_position(const Doc& doc, const RelativePosition& position,
                                                  UndoneDeletions undone) {
  return Resolver(Access::store(doc), undone).resolve(position);
}

}  // namespace coterie::crdt
