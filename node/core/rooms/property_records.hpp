// Record 15: what a document is called, where it is, and what people noted of it.
//
//     properties := 15 document:16 count:varuint (key:varstring value:varstring)*
//                   keys ascending (bytes); an empty value takes away what was there
//
//     title      what people call it: as check_name()
//     kind       "code", "rich" or "plain": how editors show it
//     language   of code: 1 to kLanguageBytesMax of a-z 0-9 + # . _ -
//     path       where it is now; without: where it was made
//     archived   "1": put away, and still there
//     trashed    "1": in the trash; its path is free
//     meta.*     anything: check_name() after the dot
//
// Each key is one of these; a record with another is malformed. Which word counts: properties.hpp.

#pragma once

#include <map>
#include <string>
#include <string_view>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

namespace property {

inline constexpr std::string_view kTitle = "title";
inline constexpr std::string_view kKind = "kind";
inline constexpr std::string_view kLanguage = "language";
inline constexpr std::string_view kPath = "path";
inline constexpr std::string_view kArchived = "archived";
inline constexpr std::string_view kTrashed = "trashed";
inline constexpr std::string_view kMeta = "meta.";  ///< Begins all others.
inline constexpr std::string_view kYes = "1";

inline constexpr std::string_view kCode = "code";
inline constexpr std::string_view kRich = "rich";
inline constexpr std::string_view kPlain = "plain";

}  // namespace property

using PropertyValues = std::map<std::string, std::string, std::less<>>;

struct PropertiesRecord {
  DocumentId document;
  PropertyValues values;  ///< 1 to kPropertiesMax.

  bool operator==(const PropertiesRecord&) const = default;
};

void append_properties(Bytes& out, const PropertiesRecord& properties);
/// From after the kind to the end. Errors: kMalformed, kLimitExceeded (kPropertiesMax,
/// kPropertyKeyBytesMax, kPropertyValueBytesMax, and what the values say).
Result<PropertiesRecord> read_properties(ByteReader& in);

/// Whether `key` may have `value`. Errors: as read_properties().
Status check_property(std::string_view key, std::string_view value);

}  // namespace coterie::node
