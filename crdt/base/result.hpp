// How functions report failure: Result<T>, Status and COTERIE_TRY.
//
// A subset of C++23's std::expected with one closed error type (docs/adr/0002-result-type.md).
// Bad input is an Error; a broken invariant is COTERIE_ASSERT (assert.hpp).

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "crdt/base/assert.hpp"

namespace coterie {

/// What the caller can do about a failure. A new enumerator is added only when some caller
/// reacts to it differently; everything else is told apart by `Error::what`.
/// The values are logged and shown by the CLI: never renumber.
enum class ErrorCode : std::uint16_t {
  kMalformed = 1,        ///< Input breaks its format. Drop it; count it against the peer.
  kLimitExceeded = 2,    ///< Well formed, but larger than a documented limit. Drop it.
  kUnauthenticated = 3,  ///< Signature or AEAD tag does not verify. Drop it; score the peer.
  kUnauthorized = 4,     ///< Authentic, but the author may not do this. Drop it.
  kNotFound = 5,         ///< No such key, document or peer. Usually not logged.
  kCorrupt = 6,          ///< Our own stored bytes are damaged. Stop writing; tell the operator.
  kNoSpace = 7,          ///< Disk or LMDB map full. Stop accepting work; retry after growth.
  kIo = 8,               ///< The OS refused; `detail` holds errno.
  kConflict = 9,         ///< It exists already, or somebody else holds it. Choose another, or wait.
  kUnavailable = 10,     ///< Nobody is there to answer now. Try again later.
};

/// The stable lower-case name of `code`, for logs, the CLI and JSON ("malformed", "no_space").
const char* error_code_name(ErrorCode code);

/// 24 bytes and no allocation: cheap enough to build once per hostile frame.
struct [[nodiscard]] Error {
  ErrorCode code;
  const char* what;          ///< String literal naming the check that failed. Never null.
  std::uint64_t detail = 0;  ///< Byte offset for decoders, errno for I/O, else 0.

  bool operator==(const Error& other) const { return code == other.code; }
};

/// "malformed: truncated varuint (17)": for people and logs.
std::string to_string(const Error& error);

/// Either a `T` or an `Error`.
template <typename T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return Error{...};` both read well.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, error) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  /// Precondition: has_value(). Checked in every build type.
  T& operator*() & { return value_ref(); }
  const T& operator*() const& { return const_cast<Result*>(this)->value_ref(); }
  T&& operator*() && { return std::move(value_ref()); }
  T* operator->() { return &value_ref(); }
  const T* operator->() const { return &const_cast<Result*>(this)->value_ref(); }

  /// Precondition: !has_value(). Checked in every build type.
  const Error& error() const {
    const Error* held = std::get_if<1>(&state_);
    COTERIE_ASSERT(held != nullptr);
    return *held;
  }

 private:
  T& value_ref() {
    T* held = std::get_if<0>(&state_);
    COTERIE_ASSERT(held != nullptr);
    return *held;
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(error) {}

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  void operator*() const { COTERIE_ASSERT(has_value()); }

  const Error& error() const {
    COTERIE_ASSERT(error_.has_value());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace coterie

#define COTERIE_CONCAT_(a, b) a##b
#define COTERIE_CONCAT(a, b) COTERIE_CONCAT_(a, b)

#define COTERIE_TRY_(result, declaration, expression) \
  auto result = (expression);                         \
  if (!result) return result.error();                 \
  declaration = *std::move(result)

/// COTERIE_TRY(auto header, decode_header(in)): returns the error, or declares the value.
#define COTERIE_TRY(declaration, expression) \
  COTERIE_TRY_(COTERIE_CONCAT(try_, __LINE__), declaration, expression)

/// COTERIE_CHECK(write(out)): returns the error of a Status, or goes on.
#define COTERIE_CHECK(expression)                              \
  do {                                                         \
    if (auto coterie_status = (expression); !coterie_status) { \
      return coterie_status.error();                           \
    }                                                          \
  } while (false)
