// Which operation (daemon/service.hpp) an HTTP request asks for, as a table. docs/API/openapi.json
// describes the same paths for people and programs; tests/e2e/rest.mjs holds both together.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coterie::node::bridge {

/// One thing that a request says, and the argument of the call that it becomes.
struct Parameter {
  enum class From : std::uint8_t { kQuery, kBody };
  enum class Type : std::uint8_t {
    kText,
    kNumber,  ///< Not negative, whole.
    kFlag,
    kTexts,  ///< An object of texts: one argument for each, `argument` and its key.
    kJson,   ///< Anything; the argument is its JSON text.
    kLines,  ///< {"first","last"}: arguments of these names.
    kRange,  ///< {"from","to"}: as kLines; or {"start","end"} of texts.
  };

  std::string_view name;
  Type type = Type::kText;
  bool needed = false;
  std::string_view argument = {};  ///< Empty: as `name`.
  From from = From::kBody;

  std::string_view target() const { return argument.empty() ? name : argument; }
};

/// What a request sends besides its path and query.
enum class Body : std::uint8_t {
  kNone,
  kJson,    ///< An object of the parameters that are kBody.
  kText,    ///< That, or text/plain: the argument "text".
  kUpdate,  ///< application/octet-stream: the argument "update", in hexadecimal.
};

struct RouteSpec {
  std::string_view method;
  /// "{name}" stands for one segment: the argument of that name.
  std::string_view path;
  std::string_view operation;
  unsigned status = 200;  ///< If it succeeds.
  std::vector<Parameter> parameters = {};
  Body body = Body::kNone;
  /// Arguments that the path alone says.
  std::vector<std::pair<std::string_view, std::string_view>> fixed = {};
  /// Of a list that comes in pages: the member of the call's answer that is the next page's cursor.
  /// It is called "next" in the answer, "cursor" in the query.
  std::string_view next = {};
  /// Media types that the answer may have, the usual one first; the argument "as" says which.
  std::vector<std::string_view> types = {"application/json"};
  std::size_t body_bytes_max = 1u << 20;
  /// Changes something: of which version the change is must be said.
  bool based = false;
};

/// Paths of one pattern stand together.
std::span<const RouteSpec> route_table();

}  // namespace coterie::node::bridge
