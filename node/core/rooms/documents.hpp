// What people ask a node about documents: commands, their results, and the answers to questions.
//
// Commands are carried out by Engine::handle_command(), questions answered by Engine's queries. A
// document is named by its path as it is now, or by its id (32 hexadecimal digits), which stays;
// one in the trash by its id, or by the path that it had.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "node/core/rooms/property_records.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

// Commands. Errors of all: kNotFound (no such workspace, document or template), kUnauthorized (this
// device's role does not allow it), kConflict (the name is taken), kMalformed and kLimitExceeded
// (check_document_path(), check_property()), kNoSpace, kIo, kUnavailable.

struct CreateDocument {
  WorkspaceId workspace;
  std::string path;  ///< 1 to 1,024 bytes of UTF-8; see check_document_path().
  /// What it begins with (templates.hpp). Empty: with the template of its language, if there is
  /// one, or with nothing.
  std::string from = {};
  PropertyValues properties = {};  ///< As those of SetProperties.
  /// What stands in it, where editors of text look; then no template is put there.
  std::optional<std::string> text = std::nullopt;
};
/// Applies a Yjs update (v1), made elsewhere, as edits of this device. The document is made if
/// there is none; with `fresh` there must be none.
struct ImportDocument {
  WorkspaceId workspace;
  std::string path;  ///< As CreateDocument's.
  Bytes update;      ///< At most kUpdateBytesMax.
  bool fresh = false;
};
/// Title, kind, language and "meta.": an empty value takes away what was there. Where the language
/// changes and the text is nothing but what the old one's template put there, the new one's is put
/// in its place; else the text stays.
struct SetProperties {
  WorkspaceId workspace;
  std::string document;
  PropertyValues properties;
  std::string to = {};  ///< Another path; empty: the one that it has.
};
/// Gives a document another path; or, where `from` is none but a folder, all that are under it. A
/// `to` that ends with a slash is a folder to be put into. All of it or nothing.
struct MoveDocuments {
  WorkspaceId workspace;
  std::string from;
  std::string to;
};
/// Archived ones are listed as such; nothing else changes. One in the trash is not listed, nobody
/// can open it, and its path is free; what others write in it meanwhile is kept. A restored one is
/// where it was, or, where that is taken, beside it under another name.
struct PutAway {
  enum class How : std::uint8_t { kArchive, kUnarchive, kTrash, kRestore };
  WorkspaceId workspace;
  std::string document;
  How how = How::kTrash;
};

// Results.

struct DocumentCreated {  ///< Of CreateDocument and ImportDocument.
  DocumentId document;
};
struct DocumentsChanged {  ///< Of the others.
  struct One {
    DocumentId id;
    std::string path;  ///< Now; in the trash: what it was.
  };
  std::vector<One> documents;
};

// Questions.

struct DocumentInfo {
  DocumentId id;
  std::string path;
  WallMillis created = 0;
  WallMillis changed = 0;
  std::size_t clients = 0;  ///< Attached to this node's bridge now.
  /// It is shown as whoever let us in has it: the entries that it follows from are not all here and
  /// checked yet.
  bool preview = false;
  bool archived = false;
  WallMillis trashed = 0;     ///< Since when; 0: it is not in the trash.
  PropertyValues properties;  ///< Title, kind, language and "meta.": those that are set.
};
struct DocumentQuery {
  std::string folder = {};  ///< Only what is under it.
  bool trash = false;       ///< Those in the trash instead.
};

/// Looks for `text` in titles, paths and content, whatever the case of its letters.
struct SearchQuery {
  WorkspaceId workspace;
  std::string text;                      ///< 1 to kSearchTextBytesMax bytes.
  std::string folder = {};               ///< As DocumentQuery's.
  std::optional<DocumentId> after = {};  ///< Where the last answer ended.
  std::size_t limit = 50;                ///< 1 to kSearchHitsMax.
};
struct SearchHit {
  enum class Where : std::uint8_t { kTitle, kPath, kContent };
  DocumentId document;
  std::string path;
  std::string title;
  Where where = Where::kContent;
  std::string root;            ///< Of kContent: which, and
  std::uint64_t position = 0;  ///< where in its text, in UTF-16 units,
  std::uint64_t line = 0;      ///< and in which line, from 1.
  std::string snippet;         ///< What stands around it.
};
struct SearchPage {
  std::vector<SearchHit> hits;      ///< At most one of each document.
  std::optional<DocumentId> after;  ///< Ask again with it: not all was looked at.
  std::size_t documents = 0;        ///< Looked at.
  std::uint64_t bytes = 0;          ///< Of text looked at.
};

}  // namespace coterie::node
