// The routes that the server has, and those that docs/API/openapi.json tells of, are the same.

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "node/bridge/route_table.hpp"

namespace coterie::node::bridge {
namespace {

using nlohmann::json;

class OpenApi : public ::testing::Test {
 protected:
  OpenApi() {
    std::ifstream file(std::string(COTERIE_SOURCE_DIR) + "/docs/API/openapi.json");
    file_ = json::parse(file, nullptr, false);
  }
  const json& resolved(const json& one) const {
    if (!one.contains("$ref")) return one;
    return file_.at(json::json_pointer(one["$ref"].get<std::string>().substr(1)));
  }
  /// Of the request's parameters that are in `where`.
  std::set<std::string> parameters(const json& operation, const std::string& where) const {
    std::set<std::string> names;
    for (const json& one : operation.value("parameters", json::array())) {
      if (resolved(one)["in"] == where) names.insert(resolved(one)["name"].get<std::string>());
    }
    return names;
  }

  json file_;
};

std::string lower(std::string_view method) {
  std::string out(method);
  for (char& c : out) c = static_cast<char>(std::tolower(c));
  return out;
}

TEST_F(OpenApi, TellsOfEveryRoute) {
  for (const RouteSpec& route : route_table()) {
    const std::string path(route.path);
    SCOPED_TRACE(std::string(route.method) + " " + path);
    ASSERT_TRUE(file_["paths"].contains(path));
    ASSERT_TRUE(file_["paths"][path].contains(lower(route.method)));
    const json& operation = file_["paths"][path][lower(route.method)];
    EXPECT_TRUE(operation["responses"].contains(std::to_string(route.status)));
    EXPECT_TRUE(operation["responses"].contains("default"));
    std::set<std::string> queries;
    std::set<std::string> members;
    for (const Parameter& one : route.parameters) {
      (one.from == Parameter::From::kQuery ? queries : members).emplace(one.name);
    }
    EXPECT_EQ(parameters(operation, "query"), queries);
    const json& body =
        operation.value("requestBody", json::object()).value("content", json::object());
    EXPECT_EQ(body.empty(), route.body == Body::kNone);
    EXPECT_EQ(body.contains("application/octet-stream"), route.body == Body::kUpdate);
    EXPECT_EQ(body.contains("text/plain"), route.body == Body::kText);
    std::set<std::string> described;
    std::set<std::string> needed;
    if (body.contains("application/json")) {
      const json& schema = body["application/json"]["schema"];
      for (const auto& [name, what] : schema["properties"].items()) described.insert(name);
      for (const json& name : schema["required"]) needed.insert(name.get<std::string>());
    }
    EXPECT_EQ(described, members);
    for (const Parameter& one : route.parameters) {
      if (one.from == Parameter::From::kBody) {
        EXPECT_EQ(needed.contains(std::string(one.name)), one.needed) << one.name;
      }
    }
    std::set<std::string> types(route.types.begin(), route.types.end());
    std::set<std::string> answers;
    const json& answer = operation["responses"][std::to_string(route.status)];
    for (const auto& [type, content] : answer["content"].items()) answers.insert(type);
    EXPECT_EQ(answers, types);
  }
}

TEST_F(OpenApi, TellsOfNothingElse) {
  // Those are no calls.
  std::set<std::string> routes{"get /v1/documents/{document_id}/events",
                               "get /v1/documents/{document_id}/stream"};
  for (const RouteSpec& route : route_table()) {
    EXPECT_TRUE(routes.insert(lower(route.method) + " " + std::string(route.path)).second);
  }
  for (const auto& [path, item] : file_["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      if (method == "parameters") continue;
      EXPECT_TRUE(routes.contains(method + " " + path)) << method + " " + path;
    }
  }
}

}  // namespace
}  // namespace coterie::node::bridge
