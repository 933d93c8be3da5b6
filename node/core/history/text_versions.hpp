// Texts for who has no Yjs: read with a version, written as a change of that version.
//
// A version is all of a document at one moment: the hash of its snapshot, and when that was, by
// which it is found again in the history. "3f0c...9a.18c2f0e1a40": 32 digits, a dot, milliseconds;
// what follows the dot only helps to find it.

#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "crdt/snapshot.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Of a text that is written whole.
inline constexpr std::size_t kMergeTextBytesMax = 8u << 20;
/// Of snapshots that are kept because somebody read that version: of one workspace, the newest.
inline constexpr std::size_t kTextVersionsBytesMax = 16u << 20;
/// How many updates before and after its moment a version is looked for in the history.
inline constexpr std::size_t kTextVersionUpdates = 4;

/// A text as it is now.
struct TextContent {
  std::string root;
  std::string text;
  std::string version;
};

/// Makes a text what it is in `text`, where `base` was what `text` was made of: what it changed is
/// changed (merge_text.hpp), what others did since stays. Errors: kNotFound; kConflict (`base` is
/// not known, any more or at all: read it anew); kMalformed (no UTF-8; `root` is no text);
/// kLimitExceeded (kMergeTextBytesMax); those of edits.
struct MergeText {
  WorkspaceId workspace;
  std::string document;
  std::string root;  ///< Empty: as Engine::text() chooses it.
  std::string base;
  std::string text;
};
struct TextMerged {
  TextContent content;
  bool merged = false;  ///< The text is not what was sent: others wrote, too.
};

/// Which snapshots versions stand for. Single-threaded owner.
class TextVersions {
 public:
  /// Its version, now that somebody reads it.
  std::string note(const DocumentId& document, const crdt::Snapshot& snapshot,
                   std::uint64_t millis);

  struct Name {
    std::string hash;
    std::uint64_t millis = 0;
  };
  /// Nothing: it is none.
  static std::optional<Name> parse(std::string_view version);
  static std::string hash_of(const crdt::Snapshot& snapshot);

  std::optional<crdt::Snapshot> find(const DocumentId& document, const std::string& hash) const;

 private:
  using Key = std::pair<DocumentId, std::string>;
  std::map<Key, Bytes> kept_;  ///< Encoded.
  std::deque<Key> order_;      ///< The oldest first.
  std::size_t bytes_ = 0;
};

}  // namespace coterie::node
