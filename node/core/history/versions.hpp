// Versions of documents: what people ask for, and what they are answered.
//
// Times are those that authors give (hybrid clocks, in milliseconds); whoever lies about them is
// shown where they say. Lengths and indices of text are UTF-16 code units. An "element" is what
// Yjs numbers: a character of text, a value, a mark of formatting.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "crdt/base/clock.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Which version. In this order: a name, the beginning of an id (4 digits or more, in hexadecimal),
/// a time. All empty, or "now": what the document is.
struct VersionChoice {
  std::string text;
  std::optional<WallMillis> time;  ///< What was written up to then, that included.
};

struct VersionAuthor {
  DeviceId device;
  std::uint64_t inserted = 0;  ///< Elements.
  std::uint64_t deleted = 0;
};

struct VersionInfo {
  enum class Kind : std::uint8_t {
    kAutomatic,
    kNamed,
  };
  Kind kind = Kind::kAutomatic;
  /// Hash of an entry: the last one in it, or the one that names it.
  Hash id;
  WallMillis first = 0;        ///< Of its changes; of a named one as `time`.
  WallMillis time = 0;         ///< Of the last change in it.
  std::uint64_t elements = 0;  ///< How large the document is.
  bool current = false;        ///< What the document is now.

  // Automatic: since the automatic version before.
  std::vector<VersionAuthor> authors;  ///< By how much they did, most first.
  std::uint64_t updates = 0;
  std::uint64_t bytes = 0;  ///< Of the updates.
  std::uint64_t inserted = 0;
  std::uint64_t deleted = 0;

  // Named.
  std::string name;
  DeviceId author;       ///< Who named it,
  WallMillis named = 0;  ///< and when.
};

/// Part of the history may be unreadable here: content under keys that this device was not given.
/// What was written before is then shown as written by who passed it on.
struct HistoryLimits {
  std::uint64_t sealed = 0;     ///< Such entries in the workspace,
  WallMillis sealed_until = 0;  ///< and when the newest of them was written.
};

struct VersionList {
  std::vector<VersionInfo> versions;  ///< Newest first.
  std::uint64_t more = 0;             ///< Older ones that are not in the list.
  HistoryLimits limits;
};

/// A version that was found.
struct VersionFound {
  Hash id;              ///< Of the version, or of its last entry. Zero: of an empty document.
  std::string name;     ///< If it has one.
  WallMillis time = 0;  ///< Of the last change in it.
};

/// A document as it was.
struct VersionContent {
  VersionFound version;
  std::string text;  ///< As Engine::document_text().
  std::string json;  ///< Every root.
  Bytes update;      ///< The whole as a Yjs update (v1).
  HistoryLimits limits;
};

/// Who did something, and when.
struct Deed {
  DeviceId device;
  WallMillis first = 0;
  WallMillis last = 0;
  /// Brought by that device, and by its Yjs client id another's: who wrote it is not verified.
  bool carried = false;
};

/// From a root to a type: names of roots, keys and attributes, and indices.
using TypePath = std::vector<std::variant<std::string, std::uint64_t>>;

struct Change {
  enum class Kind : std::uint8_t { kInserted, kDeleted };
  enum class What : std::uint8_t {
    kText,
    kValue,   ///< An element of an array, an embed, an XML node.
    kEntry,   ///< The value of a key, or an attribute: the last step of `path`.
    kFormat,  ///< Formatting from `index` on: {"name":value}.
  };
  Kind kind = Kind::kInserted;
  What what = What::kText;
  TypePath path;           ///< Of the type; in the newer version, if it is there.
  std::uint64_t from = 0;  ///< Where, in the first version,
  std::uint64_t to = 0;    ///< and in the second.
  std::uint64_t length = 0;
  std::string content;     ///< The text; of others, JSON, or "<name>", "{}", "[]" of a type.
  std::uint64_t line = 1;  ///< Of texts: the line in the second version, from 1.
  /// Who made that it differs. Nobody where it follows from several changes that crossed.
  std::optional<Deed> by;
};

struct VersionDiff {
  VersionFound from;
  VersionFound to;
  /// By root and place; what was inserted at a place stands beside what was deleted there.
  std::vector<Change> changes;
  HistoryLimits limits;
};

/// A range of a text, and who wrote it.
struct BlameRange {
  TypePath path;
  std::uint64_t index = 0;
  std::uint64_t length = 0;
  std::string text;
  std::optional<Deed> by;
};

struct Blame {
  VersionFound version;
  std::vector<BlameRange> ranges;  ///< By root and place. Together they are all text.
  HistoryLimits limits;
};

}  // namespace coterie::node
