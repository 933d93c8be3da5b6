// The files of the web client, as the binary carries them.
//
// cmake/embed_assets.cmake writes the table at build time from node/web/dist and
// docs/API/openapi.json. Without node/web/dist the table holds no "/index.html", and the bridge
// answers "/" with a page that says so. What shrinks is carried a second time, compressed.

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "crdt/base/bytes.hpp"

namespace coterie::node::bridge {

/// Views point into the binary.
struct WebAsset {
  std::string_view path;  ///< Where it is served: "/assets/index-1a2b3c4d.js".
  std::string_view content_type;
  std::string_view etag;  ///< With its quotes; a hash of the content.
  ByteView content;
  ByteView gzip = {};  ///< The content as `gzip -9` makes it; empty where that saves little.

  /// Of the compressed form, which to a cache is another thing.
  std::string gzip_etag() const;
};

/// Whether an Accept-Encoding takes gzip. None: no.
bool accepts_gzip(std::string_view accept_encoding);
/// Whether an If-None-Match names `etag`, or any. A tag that was made weak on the way is the same.
bool names_tag(std::string_view if_none_match, std::string_view etag);

/// Sorted by path.
std::span<const WebAsset> embedded_web_assets();

}  // namespace coterie::node::bridge
