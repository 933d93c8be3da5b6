#include "crdt/base/result.hpp"

namespace coterie {

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
      return "malformed";
    case ErrorCode::kLimitExceeded:
      return "limit_exceeded";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kUnauthorized:
      return "unauthorized";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kNoSpace:
      return "no_space";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kUnavailable:
      return "unavailable";
  }
  return "unknown";
}

std::string to_string(const Error& error) {
  std::string text = error_code_name(error.code);
  text += ": ";
  text += error.what;
  if (error.detail != 0) text += " (" + std::to_string(error.detail) + ")";
  return text;
}

}  // namespace coterie
