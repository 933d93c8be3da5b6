// Text: a shared string, with formatting attributes and embeds. Yjs: Y.Text (src/types/YText.js).

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/base/result.hpp"
#include "crdt/content.hpp"
#include "crdt/shared_type.hpp"

namespace coterie::crdt {

/// A run of text, or one embed or nested type, with its attributes: one op of Yjs's toDelta().
struct TextRun {
  std::variant<std::string, Any, SharedType> insert;
  Attributes attributes;
};

/// See shared_type.hpp for units, lifetime and staleness. Mutations run in the current
/// Doc::transact(), or in a transaction of their own. Errors of mutations: kMalformed (index or
/// length past the end or inside a surrogate pair, text not UTF-8), kNotFound (stale handle);
/// nothing changed then.
class Text : public SharedType {
 public:
  /// UTF-16 code units; embeds count 1. O(1).
  std::uint64_t size() const;

  /// UTF-8, embeds left out. O(items).
  std::string to_string() const;

  /// Runs of equal attributes. O(items).
  std::vector<TextRun> to_delta() const;

  /// Inserts at `index`, with the attributes in force there. O(log items); in a text that has
  /// formatting O(items).
  Status insert(std::uint64_t index, std::string_view utf8);

  /// Inserts with exactly `attributes`.
  Status insert(std::uint64_t index, std::string_view utf8, const Attributes& attributes);

  Status insert_embed(std::uint64_t index, const Any& embed, const Attributes& attributes = {});

  /// Inserts a new type with what it holds.
  Result<SharedType> insert_embed(std::uint64_t index, const NewType& type,
                                  const Attributes& attributes = {});

  /// Applies a delta from the start of the text on, as Yjs's applyDelta(): what is kept or removed
  /// past the end is line breaks made, or nothing. Types in it are copied (SharedType::clone).
  /// With `sanitize` false a last line break at the end of the text is left out, as Yjs has it.
  /// Errors also: kMalformed (an op that is several, or ends inside a surrogate pair),
  /// kLimitExceeded. O(ops log items); O(items) where there is formatting.
  Status apply_delta(const Delta& delta, bool sanitize = true);
  Status apply_delta(std::span<const TextRun> runs);

  Status remove(std::uint64_t index, std::uint64_t length);

  /// Sets attributes on a range; a null value takes one away.
  Status format(std::uint64_t index, std::uint64_t length, const Attributes& attributes);

  /// Deletes formatting marks that say nothing, as Yjs's cleanupYTextFormatting(); how many.
  Result<std::uint64_t> clean_formatting();

  // Attributes of the whole text, as an application sees fit.

  Status set_attribute(std::string_view name, const Any& value);
  Result<SharedType> set_attribute(std::string_view name, const NewType& value);
  Status remove_attribute(std::string_view name);
  std::optional<Value> get_attribute(std::string_view name) const;
  std::vector<std::pair<std::string, Value>> attributes() const;

 protected:
  friend class SharedType;
  friend class Doc;
  friend class Map;
  friend class Array;
  explicit Text(const SharedType& type) : SharedType(type) {}
};

}  // namespace coterie::crdt
