#include "node/core/rooms/templates.hpp"

#include <algorithm>
#include <string>

#include "node/core/codec.hpp"
#include "node/core/records.hpp"
#include "node/core/rooms/property_records.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kSeedDomain = "coterie template v1";
/// Of rich text, whose blocks all have a text since then: one id stands for one update only.
constexpr std::string_view kRichSeedDomain = "coterie template v2";
constexpr std::uint64_t kSeedClientsMin = kNativeClientsMin >> 1;

crdt::ClientId seed_client(const DocumentId& document, const Template& from, std::uint64_t copy) {
  Bytes number;
  append_u64(number, copy);
  append_u64(number, from.name.size());
  const std::string_view domain = from.kind == property::kRich ? kRichSeedDomain : kSeedDomain;
  const Hash hash = crypto::hash({as_bytes(domain), document.view(), number, as_bytes(from.name),
                                  as_bytes(from.kind), as_bytes(from.text)});
  return shared_client(hash);
}

/// With a text in it even where it is empty: editors make one with the first letter, so that two
/// who begin to write in it while apart would make two.
crdt::NewType block(std::string_view name, std::string_view text) {
  crdt::NewType made = crdt::NewType::xml_element(std::string(name));
  made.list.emplace_back(crdt::NewType::xml_text(std::string(text)));
  return made;
}

/// `text` with `heading`, which is of one line, in the place of its first heading.
std::string headed(std::string_view text, std::string_view heading) {
  constexpr std::string_view kMark = "# ";
  if (heading.empty() || !text.starts_with(kMark)) return std::string(text);
  const std::size_t end = std::min(text.find('\n'), text.size());
  return std::string(kMark).append(heading).append(text.substr(end));
}

/// As editors of ProseMirror's kind keep it.
std::vector<crdt::NewValue> blocks_of(std::string_view text) {
  std::vector<crdt::NewValue> blocks;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("- ")) {
      crdt::NewType item = crdt::NewType::xml_element("listItem");
      item.list.emplace_back(block("paragraph", line.substr(2)));
      crdt::NewType list = crdt::NewType::xml_element("bulletList");
      list.list.emplace_back(std::move(item));
      blocks.emplace_back(std::move(list));
    } else if (line.starts_with("#")) {
      const std::size_t level = line.find(' ');
      crdt::NewType heading = block("heading", line.substr(level + 1));
      heading.entries.emplace_back("level", crdt::Any(static_cast<double>(level)));
      blocks.emplace_back(std::move(heading));
    } else {
      blocks.emplace_back(block("paragraph", line));
    }
  }
  return blocks;
}

}  // namespace

crdt::ClientId shared_client(const Hash& of) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | of.bytes[i];
  return kSeedClientsMin | (bits & (kSeedClientsMin - 1));
}

const Template* find_template(std::string_view name) {
  const auto all = templates();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Template& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const Template* language_template(std::string_view language) {
  const auto all = templates();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Template& one) {
    return !language.empty() && one.language == language;
  });
  return found == all.end() ? nullptr : &*found;
}

std::optional<Bytes> seed_update(const DocumentId& document, const Template& source,
                                 std::string_view heading, const crdt::Doc* before) {
  if (source.text.empty()) return std::nullopt;
  Template from = source;
  const std::string text = from.kind == property::kRich ? headed(from.text, heading)
                                                        : std::string(from.text);
  from.text = text;
  std::uint64_t copy = 0;
  while (before != nullptr && before->clock_of(seed_client(document, from, copy)) > 0) ++copy;
  crdt::Doc doc({.client_id = seed_client(document, from, copy)});
  Status written;
  if (from.kind == property::kRich) {
    written = doc.xml_fragment(kRichRoot).push(blocks_of(from.text));
  } else {
    written = doc.text(kTextRoot).insert(0, from.text);
  }
  COTERIE_ASSERT(written.has_value());
  return doc.encode_state_as_update();
}

}  // namespace coterie::node
