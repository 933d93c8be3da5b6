// Whether bytes are JSON that a browser will parse. What one member shows as presence is handed to
// JSON.parse in everybody's browser, where bad input throws in the middle of their sync code.

#pragma once

#include <string_view>

namespace coterie::node {

/// Nesting that is accepted; presence needs three or four.
inline constexpr int kJsonDepthMax = 32;

/// True for one JSON object (RFC 8259), surrounding white space allowed. O(length).
bool is_json_object(std::string_view text);
/// True for one JSON value of any kind.
bool is_json(std::string_view text);

}  // namespace coterie::node
