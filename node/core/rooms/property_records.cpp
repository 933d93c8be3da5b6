#include "node/core/rooms/property_records.hpp"

#include <algorithm>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"

namespace coterie::node {
namespace {

bool is_language(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("+#._-").find(c) != std::string_view::npos;
  });
}

}  // namespace

Status check_property(std::string_view key, std::string_view value) {
  using namespace property;
  if (key.size() > kPropertyKeyBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a property's name is too long", key.size()};
  }
  if (value.size() > kPropertyValueBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a property's value is too long", value.size()};
  }
  if (key.starts_with(kMeta)) return check_name(key.substr(kMeta.size()));
  const bool known = key == kTitle || key == kKind || key == kLanguage || key == kPath ||
                     key == kArchived || key == kTrashed;
  if (!known) {
    return malformed("no such property: title, kind, language or meta.NAME", 0);
  }
  if (value.empty()) return {};
  if (key == kTitle) return check_name(value);
  if (key == kPath) return check_document_path(value);
  if (key == kKind && value != kCode && value != kRich && value != kPlain) {
    return malformed("kind is none of code, rich and plain", 0);
  }
  if (key == kLanguage && value.size() > kLanguageBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a language's name is too long", value.size()};
  }
  if (key == kLanguage && !is_language(value)) {
    return malformed("a language's name has other characters than a-z 0-9 + # . _ -", 0);
  }
  if ((key == kArchived || key == kTrashed) && value != kYes) {
    return malformed("neither yes nor no", 0);
  }
  return {};
}

void append_properties(Bytes& out, const PropertiesRecord& properties) {
  append(out, properties.document.view());
  append_varuint(out, properties.values.size());
  for (const auto& [key, value] : properties.values) {
    append_varstring(out, key);
    append_varstring(out, value);
  }
}

Result<PropertiesRecord> read_properties(ByteReader& in) {
  PropertiesRecord properties;
  COTERIE_TRY(properties.document, read_id<DocumentId>(in));
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count == 0) return malformed("no properties", in.offset());
  if (count > kPropertiesMax) {
    return Error{ErrorCode::kLimitExceeded, "too many properties at once", count};
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(std::string key, read_text(in, kPropertyKeyBytesMax));
    COTERIE_TRY(std::string value, read_text(in, kPropertyValueBytesMax));
    COTERIE_CHECK(check_property(key, value));
    const bool ascends = properties.values.empty() || properties.values.rbegin()->first < key;
    if (!ascends) return malformed("properties out of order", in.offset());
    properties.values.emplace_hint(properties.values.end(), std::move(key), std::move(value));
  }
  COTERIE_CHECK(expect_end(in));
  return properties;
}

}  // namespace coterie::node
