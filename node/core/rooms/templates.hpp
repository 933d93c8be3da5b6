// What documents begin with.
//
// A template is put into a document as an update that is the same wherever it is made: its Yjs
// client id is derived from the document and what is put in, so that two nodes that make one
// document of one template while apart have the text once when they meet. Those ids are from 2^51
// to 2^52: browsers draw 32 bits, and from 2^52 on they belong to devices (authors.hpp).

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "crdt/base/bytes.hpp"
#include "crdt/doc.hpp"
#include "crdt/state_vector.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

struct Template {
  std::string_view name;
  std::string_view title;     ///< For people.
  std::string_view kind;      ///< property::kCode, kRich or kPlain.
  std::string_view language;  ///< Of code.
  /// Of rich text, lines: "# " and "## " begin headings, "- " an item of a list; others are
  /// paragraphs.
  std::string_view text;
};

/// Where editors keep the text of code and plain text, and rich text (TipTap, y-prosemirror).
inline constexpr std::string_view kTextRoot = "monaco";
inline constexpr std::string_view kRichRoot = "default";

/// All of them: the blank one first.
std::span<const Template> templates();
/// Null: there is none of that name.
const Template* find_template(std::string_view name);
/// What code of that language begins with; null: nothing.
const Template* language_template(std::string_view language);

/// The Yjs client id of what whoever does it does alike: 2^51 and the low 51 bits of the first 8
/// bytes (big-endian).
crdt::ClientId shared_client(const Hash& of);

/// The update (v1) that puts `from` into `document`; nothing where it is blank. `heading`: what
/// rich text's first heading says in place of the template's; empty: that. `before`: what the
/// document holds; where this template was put into it before, it is another one of its copies.
std::optional<Bytes> seed_update(const DocumentId& document, const Template& from,
                                 std::string_view heading = {}, const crdt::Doc* before = nullptr);

}  // namespace coterie::node
