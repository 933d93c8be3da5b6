// Documents for people and other programs: a Yjs document as text, Markdown, HTML or JSON.
//
// A Yjs document is a set of named roots of any type, and does not say how it is to be read. So the
// types of the roots are told by what is in them, and rich text is read as the common editors write
// it: ProseMirror's and Tiptap's elements (paragraph, heading, bulletList ...) and marks (bold,
// strong, em, code, link ...), and Quill's attributes (header, list, bold ...). What is plain text
// stays as it is in Markdown; what is none of these is given as JSON.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crdt/doc.hpp"

namespace coterie::node::cli {

struct DocumentRoot {
  std::string name;
  crdt::TypeKind kind;  ///< kText, kXmlFragment, kMap or kArray.
};

/// The roots of `doc` that hold something, of which `update` is all. With `only` just that one.
/// Errors: kMalformed (the update).
Result<std::vector<DocumentRoot>> roots_of(ByteView update, const std::string& only);

/// `doc` holds the update that `roots` were told from.
std::string as_plain_text(crdt::Doc& doc, const std::vector<DocumentRoot>& roots);
std::string as_markdown(crdt::Doc& doc, const std::vector<DocumentRoot>& roots);
/// A whole page; `title` is shown by browsers.
std::string as_html(crdt::Doc& doc, const std::vector<DocumentRoot>& roots,
                    const std::string& title);
/// One object: texts as deltas, XML as its string, arrays and maps as Yjs's toJSON().
std::string as_json(crdt::Doc& doc, const std::vector<DocumentRoot>& roots);

}  // namespace coterie::node::cli
