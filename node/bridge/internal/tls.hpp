// TLS for the bridge: OpenSSL, TLS 1.2 and later, one certificate.

#pragma once

#include <memory>
#include <string>

#include "crdt/base/result.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace coterie::node::bridge::internal {

/// Immutable: a new certificate is a new context, and connections keep the one they began with.
class TlsContext {
 public:
  /// Of PEM files: the chain, its own certificate first, and the key. Errors: kNotFound (no such
  /// file, or unreadable), kMalformed (not PEM, or the key is not the certificate's).
  static Result<std::shared_ptr<const TlsContext>> load(const std::string& certificate_file,
                                                        const std::string& key_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// The server's side of a connection on `descriptor`; null when there is no memory. For Wire.
  ssl_st* new_session(int descriptor) const;

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

}  // namespace coterie::node::bridge::internal
