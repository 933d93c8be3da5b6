#include "node/core/compression.hpp"

#include <zstd.h>

#include "crdt/base/assert.hpp"

namespace coterie::node {

Bytes compress(ByteView plain) {
  Bytes out(ZSTD_compressBound(plain.size()));
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), ZSTD_CLEVEL_DEFAULT);
  COTERIE_ASSERT(!ZSTD_isError(size));  // It had room.
  out.resize(size);
  out.shrink_to_fit();
  return out;
}

Result<Bytes> decompress(ByteView compressed, std::size_t size_max) {
  const unsigned long long size = ZSTD_getFrameContentSize(compressed.data(), compressed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Error{ErrorCode::kCorrupt, "not a compressed row"};
  }
  if (size > size_max) {
    return Error{ErrorCode::kLimitExceeded, "a compressed row is too large",
                 static_cast<std::size_t>(size)};
  }
  Bytes out(static_cast<std::size_t>(size));
  const std::size_t written =
      ZSTD_decompress(out.data(), out.size(), compressed.data(), compressed.size());
  if (ZSTD_isError(written) || written != out.size()) {
    return Error{ErrorCode::kCorrupt, "a compressed row is damaged"};
  }
  return out;
}

}  // namespace coterie::node
