#include "node/core/invert.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "crdt/undo_manager.hpp"
#include "crdt/update.hpp"

namespace coterie::node {
namespace {

/// Containers within containers are emptied from the inside, a level at a time.
constexpr int kRoundsMax = 16;

bool is_empty(const crdt::SharedType& type) {
  switch (type.kind()) {
    case crdt::TypeKind::kArray:
      return type.as_array().size() == 0;
    case crdt::TypeKind::kMap:
      return type.as_map().size() == 0;
    case crdt::TypeKind::kText:
      return type.as_text().size() == 0;
    case crdt::TypeKind::kXmlText:
      return type.as_xml_text().size() == 0;
    case crdt::TypeKind::kXmlElement:
    case crdt::TypeKind::kXmlFragment:
      return type.as_xml_fragment().size() == 0;
    default:
      return true;
  }
}

std::map<std::string, std::string> texts_of(const crdt::Doc& doc) {
  std::map<std::string, std::string> texts;
  for (const std::string& name : doc.root_names()) {
    std::string text = doc.root_text(name);
    if (text.empty()) {
      if (const auto root = doc.root(name)) text = root->to_json().to_json();
    }
    texts.emplace(name, std::move(text));
  }
  return texts;
}

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

std::string shortened(const std::string& text, std::size_t from, std::size_t to) {
  std::size_t end = std::min(to, from + kInverseTextBytesMax);
  while (end > from && end < text.size() && !starts_character(text[end])) --end;
  return text.substr(from, end - from);
}

/// Where two texts differ, in whole characters.
void show_difference(const std::string& before, const std::string& after, Inverse& out) {
  const std::size_t least = std::min(before.size(), after.size());
  std::size_t start = 0;
  while (start < least && before[start] == after[start]) ++start;
  while (start > 0 && ((start < before.size() && !starts_character(before[start])) ||
                       (start < after.size() && !starts_character(after[start])))) {
    --start;
  }
  std::size_t tail = 0;
  while (tail < least - start &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) {
    ++tail;
  }
  while (tail > 0 && !starts_character(before[before.size() - tail])) --tail;
  out.before += shortened(before, start, before.size() - tail);
  out.after += shortened(after, start, after.size() - tail);
}

std::string limited(std::string text) { return shortened(text, 0, text.size()); }

}  // namespace

Inverse tell_edits(crdt::Doc& doc, crdt::ClientId client, const std::function<void()>& edits) {
  Inverse out;
  const auto before = texts_of(doc);
  doc.set_client_id(client);
  std::vector<Bytes> updates;
  const auto watching = doc.on_update([&](ByteView update, const crdt::Transaction&) {
    updates.emplace_back(update.begin(), update.end());
  });
  edits();
  if (updates.empty()) return out;
  auto merged = crdt::merge_updates(std::span<const Bytes>(updates));
  COTERIE_ASSERT(merged.has_value());
  const auto listing = crdt::inspect_update(*merged);
  COTERIE_ASSERT(listing.has_value());
  for (const crdt::IdRange& range : listing->structs) out.restored += range.length;
  for (const crdt::IdRange& range : listing->deletes) out.removed += range.length;
  out.update = *std::move(merged);
  for (const auto& [name, text] : texts_of(doc)) {
    const auto was = before.find(name);
    const std::string& old = was == before.end() ? std::string() : was->second;
    if (old != text) show_difference(old, text, out);
  }
  out.before = limited(std::move(out.before));
  out.after = limited(std::move(out.after));
  return out;
}

Inverse invert(crdt::Doc& doc, const crdt::IdSet& inserted, const crdt::IdSet& deleted,
               crdt::ClientId client) {
  return tell_edits(doc, client, [&] {
    crdt::UndoManager::Options options;
    options.tracked_origins = {};
    options.delete_filter = [](const crdt::UndoDeletion& deletion) {
      return !deletion.type || is_empty(*deletion.type);
    };
    crdt::UndoManager undo(doc, std::move(options));
    undo.push(inserted, deleted);
    bool more = undo.undo().has_value();
    for (int round = 1; more && round < kRoundsMax; ++round) {
      undo.push(inserted, {});
      more = undo.undo().has_value();
    }
    undo.destroy();
  });
}

}  // namespace coterie::node
