// The stored form of structs and shared types.
//
// Everything refers to everything by 32-bit index into an arena of the Store, so an item is 48
// bytes. Its content is a place in its client's append-only content buffer, in wire form:
//
//     kString  the UTF-8 bytes (length counts UTF-16 units)
//     kAny     `length` lib0 values      kJson    `length` varstrings
//     kBinary  varbytes                  kEmbed   varstring (stored_json.hpp)
//     kFormat  varstring, varstring      kDoc     varstring, any
//     kType    no bytes: `content` is the index of the Branch
//     kGc, kDeleted  nothing
//
// Structs of one client are appended in the order of their clocks, so content that is contiguous by
// clock is contiguous in bytes: splitting and squashing items moves no bytes.

#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "crdt/shared_type.hpp"

namespace coterie::crdt::internal {

using ItemIndex = std::uint32_t;
using BranchIndex = std::uint32_t;
using ClientIndex = std::uint32_t;
using KeyIndex = std::uint32_t;

/// "No such thing", for every index type.
inline constexpr std::uint32_t kNone = 0xffff'ffff;

/// Bits of a client index, and the value of those of an item that is none.
inline constexpr unsigned kClientBits = 20;
inline constexpr ClientIndex kNoClient = (1u << kClientBits) - 1;

/// The numbers are those of the wire.
enum class ContentKind : std::uint8_t {
  kGc = 0,
  kDeleted = 1,
  kJson = 2,
  kBinary = 3,
  kString = 4,
  kEmbed = 5,
  kFormat = 6,
  kType = 7,
  kAny = 8,
  kDoc = 9,
  kSkip = 10,
};

/// Whether elements of that kind count for the length of their list.
inline bool is_countable(ContentKind kind) {
  return kind != ContentKind::kGc && kind != ContentKind::kDeleted && kind != ContentKind::kFormat;
}

/// An id by client index. `client` kNone: no id.
struct LocalId {
  ClientIndex client = kNone;
  std::uint32_t clock = 0;

  bool exists() const { return client != kNone; }
  bool operator==(const LocalId&) const = default;
};
inline constexpr LocalId kNoId{};

struct Item {
  std::uint32_t clock = 0;
  std::uint32_t length = 0;
  /// Twenty bits are enough: clients are at most kClientsMax, and this document's own.
  ClientIndex client : kClientBits = kNoClient;
  ContentKind kind : 4 = ContentKind::kGc;
  bool deleted : 1 = false;
  bool in_map : 1 = false;
  bool ascii : 1 = false;   ///< kString: one byte is one unit.
  bool keep : 1 = false;    ///< Not to be collected.
  bool redone : 1 = false;  ///< Undone and redone: never squashed.
  LocalId origin;
  LocalId right_origin;
  ItemIndex left = kNone;
  ItemIndex right = kNone;
  BranchIndex parent = kNone;
  std::uint32_t content = 0;
  /// Element of a list: its leaf in the position index, or kNone. Value of a map: its key.
  std::uint32_t place = kNone;

  std::uint32_t end() const { return clock + length; }
  void set_client(ClientIndex index) { client = index & kNoClient; }
  LocalId id() const { return {client, clock}; }
  LocalId last_id() const { return {client, clock + length - 1}; }
  bool is_gc() const { return kind == ContentKind::kGc; }
  bool countable() const { return is_countable(kind); }
  /// Elements it contributes to the length of its list.
  std::uint32_t visible_length() const { return deleted || !countable() ? 0 : length; }
  KeyIndex key() const { return in_map ? place : kNone; }
};
static_assert(sizeof(Item) == 48);

/// The chain of values one key of a map has had; the last one counts.
struct MapEntry {
  KeyIndex key = kNone;
  ItemIndex first = kNone;
  ItemIndex last = kNone;
};

/// Keys of a map in the order they first appeared. O(1) look-up.
class MapEntries {
 public:
  const std::vector<MapEntry>& all() const { return entries_; }
  std::vector<MapEntry>& all() { return entries_; }

  MapEntry* find(KeyIndex key) {
    if (lookup_ != nullptr) {
      const auto found = lookup_->find(key);
      return found == lookup_->end() ? nullptr : &entries_[found->second];
    }
    for (MapEntry& entry : entries_) {
      if (entry.key == key) return &entry;
    }
    return nullptr;
  }
  const MapEntry* find(KeyIndex key) const { return const_cast<MapEntries*>(this)->find(key); }

  MapEntry& add(KeyIndex key) {
    if (MapEntry* found = find(key)) return *found;
    entries_.push_back({.key = key});
    if (lookup_ != nullptr) {
      lookup_->emplace(key, static_cast<std::uint32_t>(entries_.size() - 1));
    } else if (entries_.size() > kScanMax) {
      lookup_ = std::make_unique<std::unordered_map<KeyIndex, std::uint32_t>>();
      for (std::uint32_t i = 0; i < entries_.size(); ++i) lookup_->emplace(entries_[i].key, i);
    }
    return entries_.back();
  }

 private:
  static constexpr std::size_t kScanMax = 12;

  std::vector<MapEntry> entries_;
  std::unique_ptr<std::unordered_map<KeyIndex, std::uint32_t>> lookup_;
};

/// A shared type: a root, or the content of an item of kind kType.
struct Branch {
  ItemIndex item = kNone;  ///< The item that holds it; kNone for a root.
  ItemIndex start = kNone;
  ItemIndex end = kNone;
  KeyIndex name = kNone;  ///< Root name, or node name of XmlElement and XmlHook.
  std::uint32_t generation = 0;
  std::uint32_t index_root = kNone;  ///< Position index, built when first needed.
  std::uint32_t length = 0;          ///< Sum of visible_length() of the list.
  TypeKind kind = TypeKind::kUnknown;
  bool live = false;
  /// A formatting mark was integrated while it was known to be what it is (as Yjs keeps it).
  bool has_formatting = false;
  bool has_marks = false;  ///< A formatting mark was ever integrated.
  bool changed = false;    ///< Noted in the current transaction.
  MapEntries entries;

  bool is_text() const { return kind == TypeKind::kText || kind == TypeKind::kXmlText; }
};

}  // namespace coterie::crdt::internal
