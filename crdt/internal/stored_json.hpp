// Values of embeds and formatting marks. Format v1 writes them as JSON, v2 as lib0 values, which
// can say more: undefined, NaN, -0, bigints, binary. They are stored as JSON text where that says
// all, else as a NUL byte (no JSON starts so) and the lib0 form; a document so gives back in v2
// what came in v2, and in v1 what JSON.stringify makes of it.

#pragma once

#include <string>
#include <string_view>

#include "crdt/any.hpp"
#include "crdt/internal/wire.hpp"

namespace coterie::crdt::internal {

/// Members as a JavaScript object has them: array indices first, ascending; a name once, where it
/// first stood, with what was assigned last.
Any::Object in_javascript_order(const Any::Object& members);
/// False if there may be something to do.
bool is_in_javascript_order(const Any::Object& members);

/// The stored form of a value.
std::string store_value(const Any& value);

/// Whether a stored form is JSON.
inline bool is_json_text(std::string_view stored) { return stored.empty() || stored[0] != '\0'; }

/// The value of a stored form, as JavaScript would hold it (order of members included).
Any value_of_stored(std::string_view stored);

/// Appends, with room of its own, a varstring of JSON (as v1 has it) or a lib0 value (as v2).
void write_stored_as_json(WireWriter& out, std::string_view stored);
void write_stored_as_any(WireWriter& out, std::string_view stored);

/// Appends what JSON.stringify gives; a bigint, which it refuses, becomes null.
void append_stringified(std::string& out, const Any& value);

/// Reads the lib0 value of a v2 update, checked, and appends its stored form as a varstring, with
/// room of its own. Errors go to the reader.
void read_any_as_stored(WireReader& reader, WireWriter& out);

}  // namespace coterie::crdt::internal
