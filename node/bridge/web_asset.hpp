// The files of the web client, as the binary carries them.
//
// cmake/embed_assets.cmake writes the table at build time from node/web/dist and
// docs/API/openapi.json. Without node/web/dist the table holds no "/index.html", and the bridge
// answers "/" with a page that says so.

#pragma once

#include <span>
#include <string_view>

#include "crdt/base/bytes.hpp"

namespace coterie::node::bridge {

/// Views point into the binary.
struct WebAsset {
  std::string_view path;  ///< Where it is served: "/assets/index-1a2b3c4d.js".
  std::string_view content_type;
  std::string_view etag;  ///< With its quotes; a hash of the content.
  ByteView content;
};

/// Sorted by path.
std::span<const WebAsset> embedded_web_assets();

}  // namespace coterie::node::bridge
