// Updates as lists of what they hold, for people and tools: Yjs's decodeUpdate. And obfuscation:
// an update of the same shape that no longer says what was written.
//
// Source: yjs src/utils/updates.js (decodeUpdate, createObfuscator).

#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "crdt/id_set.hpp"
#include "crdt/shared_type.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {

/// What a struct is. The numbers are those of the wire.
enum class StructKind : std::uint8_t {
  kGc = 0,       ///< Its content was collected; nothing else is known of it.
  kDeleted = 1,  ///< An item whose content was collected.
  kJson = 2,     ///< Values, as very old versions of Yjs wrote them.
  kBinary = 3,
  kString = 4,
  kEmbed = 5,
  kFormat = 6,
  kType = 7,
  kAny = 8,    ///< Values.
  kDoc = 9,    ///< A subdocument.
  kSkip = 10,  ///< A gap: those ids are not in the update.
};

/// "GC", "ContentString", ...: the names of the classes in Yjs.
const char* struct_kind_name(StructKind kind);

struct DecodedStruct {
  StructKind kind = StructKind::kGc;
  Id id;
  Clock length = 0;  ///< Elements; UTF-16 units for kString.

  // Of items: where it was put. The parent is written only where there is neither origin.
  std::optional<Id> origin;
  std::optional<Id> right_origin;
  std::variant<std::monostate, std::string, Id> parent;  ///< Name of a root, or a type's id.
  std::optional<std::string> key;  ///< The key of a map, or the name of an attribute.

  std::string text;         ///< kString; of kFormat the name, of kDoc the guid.
  std::vector<Any> values;  ///< kJson, kAny; one of kBinary, kEmbed, kFormat, kDoc (its options).
  TypeKind type = TypeKind::kUnknown;  ///< kType.
  std::string node_name;               ///< kType, XmlElement and XmlHook.

  bool operator==(const DecodedStruct&) const = default;
};

struct DecodedUpdate {
  std::vector<DecodedStruct> structs;  ///< In the order of the update.
  std::vector<IdRange> deletes;        ///< By client descending, else in the order of the update.

  bool operator==(const DecodedUpdate&) const = default;
};

/// Errors: as inspect_update(). Takes a small multiple of the update's memory (of v2, of what it
/// takes in v1: see kUpdateExpansionMax).
Result<DecodedUpdate> decode_update(ByteView update_v1);
Result<DecodedUpdate> decode_update_v2(ByteView update_v2);

/// What to obfuscate beside text and values.
struct ObfuscateOptions {
  bool formatting = true;  ///< Names and values of formatting.
  bool subdocs = true;     ///< Guids and options of subdocuments.
  bool yxml = true;        ///< Names of XML elements and hooks.
};

/// The same structs with other content of the same length, to share a document that shows a bug
/// without what it says: text becomes digits, values and names become counters (the same ones for
/// the same name). Names of roots stay, and who edited what and when can still be told. Byte for
/// byte what Yjs's obfuscateUpdate gives. Errors: as inspect_update().
Result<Bytes> obfuscate_update(ByteView update_v1, const ObfuscateOptions& options = {});
Result<Bytes> obfuscate_update_v2(ByteView update_v2, const ObfuscateOptions& options = {});

}  // namespace coterie::crdt
