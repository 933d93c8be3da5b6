#include "node/bridge/routes.hpp"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "crdt/base/bytes.hpp"

namespace coterie::node::bridge {

namespace {

using nlohmann::json;
using Arguments = std::map<std::string, std::string>;
using Type = Parameter::Type;
using From = Parameter::From;
using Refusal = std::optional<HttpError>;

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kBytesType = "application/octet-stream";
constexpr std::string_view kTextType = "text/plain";

HttpError bad_request(unsigned status, std::string message) {
  return {status, {ErrorCode::kMalformed, std::move(message)}};
}

std::string in_quotes(std::string_view name) { return "\"" + std::string(name) + "\""; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Each part of a header that is a list, without the blanks around it.
template <typename Each>
void for_each_part(std::string_view list, Each each) {
  for (;;) {
    const std::size_t comma = list.find(',');
    const std::string_view part = trimmed(list.substr(0, comma));
    if (!part.empty()) each(part);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// "Text/Plain; charset=utf-8" -> "text/plain".
std::string media_type(std::string_view header) {
  return lower(trimmed(header.substr(0, header.find(';'))));
}

// Paths.

using Segments = std::vector<std::string_view>;

Segments pattern_segments(std::string_view path) {
  Segments out;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

bool is_variable(std::string_view segment) { return segment.starts_with('{'); }

bool fits(const RouteSpec& spec, const RequestTarget& target) {
  const Segments pattern = pattern_segments(spec.path);
  return pattern.size() == target.segments.size() &&
         std::equal(pattern.begin(), pattern.end(), target.segments.begin(),
                    [](std::string_view wanted, const std::string& sent) {
                      return is_variable(wanted) ? !sent.empty() : wanted == sent;
                    });
}

std::vector<const RouteSpec*> routes_at(const RequestTarget& target) {
  std::vector<const RouteSpec*> out;
  for (const RouteSpec& spec : route_table()) {
    if (fits(spec, target)) out.push_back(&spec);
  }
  return out;
}

std::string methods_of(const std::vector<const RouteSpec*>& routes) {
  std::string out;
  for (const RouteSpec* route : routes) {
    out += std::string(route->method) + (route->method == "GET" ? ", HEAD, " : ", ");
  }
  return out + "OPTIONS";
}

/// Null: none of that method.
const RouteSpec* route_of(const std::vector<const RouteSpec*>& routes, std::string_view method) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  const auto found = std::ranges::find(routes, wanted, &RouteSpec::method);
  return found == routes.end() ? nullptr : *found;
}

void take_path(const RouteSpec& spec, const RequestTarget& target, Arguments& out) {
  const Segments pattern = pattern_segments(spec.path);
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (!is_variable(pattern[at])) continue;
    out.emplace(pattern[at].substr(1, pattern[at].size() - 2), target.segments[at]);
  }
  for (const auto& [name, value] : spec.fixed) out.emplace(name, value);
}

// Parameters.

bool is_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

const Parameter* find_parameter(const RouteSpec& spec, From from, std::string_view name) {
  const auto found = std::ranges::find_if(
      spec.parameters, [&](const Parameter& one) { return one.from == from && one.name == name; });
  return found == spec.parameters.end() ? nullptr : &*found;
}

Refusal take_query(const RouteSpec& spec, const RequestTarget& target, Arguments& out) {
  for (const auto& [name, value] : target.query) {
    if (name == "token") continue;  // Who asks, not what.
    const Parameter* parameter = find_parameter(spec, From::kQuery, name);
    if (parameter == nullptr) {
      return bad_request(400, "this path takes no parameter " + in_quotes(name));
    }
    if (parameter->type == Type::kNumber && !is_number(value)) {
      return bad_request(400, "the parameter " + in_quotes(name) + " must be a whole number");
    }
    if (parameter->type == Type::kFlag && value != "true" && value != "false") {
      return bad_request(400, "the parameter " + in_quotes(name) + " must be true or false");
    }
    out.emplace(parameter->target(), value);
  }
  for (const Parameter& one : spec.parameters) {
    if (one.from == From::kQuery && one.needed && !target.query.contains(std::string(one.name))) {
      return bad_request(400, "this path needs the parameter " + in_quotes(one.name));
    }
  }
  return std::nullopt;
}

HttpError wrong_type(const Parameter& parameter, const char* wanted) {
  return bad_request(400, "the member " + in_quotes(parameter.name) + " must be " + wanted);
}

/// {"first":2,"last":3} and the like.
Refusal take_pair(const Parameter& parameter, const json& value, const char* first,
                  const char* second, Arguments& out) {
  const bool right = value.is_object() && value.size() == 2 && value.contains(first) &&
                     value.contains(second) && value[first].is_number_unsigned() &&
                     value[second].is_number_unsigned();
  if (!right) {
    return bad_request(400, "the member " + in_quotes(parameter.name) + " must be {" +
                                in_quotes(first) + "," + in_quotes(second) + "} of whole numbers");
  }
  out.emplace(first, value[first].dump());
  out.emplace(second, value[second].dump());
  return std::nullopt;
}

/// {"start":"AQ...","end":"AQ..."}
Refusal take_positions(const Parameter& parameter, const json& value, Arguments& out) {
  const bool right = value.size() == 2 && value.contains("end") && value["start"].is_string() &&
                     value["end"].is_string();
  if (!right) return wrong_type(parameter, "{\"start\",\"end\"} of strings");
  out.emplace("start", value["start"].get<std::string>());
  out.emplace("end", value["end"].get<std::string>());
  return std::nullopt;
}

Refusal take_member(const Parameter& parameter, const json& value, Arguments& out) {
  const std::string argument(parameter.target());
  switch (parameter.type) {
    case Type::kText:
      if (!value.is_string()) return wrong_type(parameter, "a string");
      out.emplace(argument, value.get<std::string>());
      break;
    case Type::kNumber:
      if (!value.is_number_unsigned()) return wrong_type(parameter, "a whole number");
      out.emplace(argument, value.dump());
      break;
    case Type::kFlag:
      if (!value.is_boolean()) return wrong_type(parameter, "true or false");
      out.emplace(argument, value.get<bool>() ? "true" : "false");
      break;
    case Type::kTexts:
      if (!value.is_object()) return wrong_type(parameter, "an object of strings");
      for (const auto& [key, one] : value.items()) {
        if (!one.is_string()) return wrong_type(parameter, "an object of strings");
        out.emplace(argument + key, one.get<std::string>());
      }
      break;
    case Type::kJson:
      out.emplace(argument, value.dump());
      break;
    case Type::kLines:
      return take_pair(parameter, value, "first", "last", out);
    case Type::kRange:
      if (value.is_object() && value.contains("start"))
        return take_positions(parameter, value, out);
      return take_pair(parameter, value, "from", "to", out);
  }
  return std::nullopt;
}

Refusal take_object(const RouteSpec& spec, std::string_view body, Arguments& out) {
  const json object = json::parse(body, nullptr, false);
  if (!object.is_object()) return bad_request(400, "the body must be a JSON object");
  for (const auto& [name, value] : object.items()) {
    const Parameter* parameter = find_parameter(spec, From::kBody, name);
    if (parameter == nullptr) {
      return bad_request(400, "the body has the unknown member " + in_quotes(name));
    }
    if (auto refusal = take_member(*parameter, value, out)) return refusal;
  }
  for (const Parameter& one : spec.parameters) {
    if (one.from == From::kBody && one.needed && !object.contains(one.name)) {
      return bad_request(400, "the body needs the member " + in_quotes(one.name));
    }
  }
  return std::nullopt;
}

Refusal take_body(const RouteSpec& spec, const ApiRequest& request, Arguments& out) {
  const std::string type = media_type(request.content_type);
  const bool is_text = type == kTextType;
  switch (spec.body) {
    case Body::kNone:
      if (request.body.empty() || (type == kJsonType && request.body == "{}")) return std::nullopt;
      return bad_request(400, "this request takes no body");
    case Body::kText:
    case Body::kJson:
      if (is_text && spec.body == Body::kText) {
        out.emplace("text", request.body);
        return std::nullopt;
      }
      if (type != kJsonType) {
        return bad_request(415, std::string("send ") +
                                    (spec.body == Body::kText ? "text/plain or " : "") +
                                    "JSON, with Content-Type: application/json");
      }
      return take_object(spec, request.body, out);
    case Body::kUpdate:
      if (type != kBytesType) {
        return bad_request(415, "send a Yjs update, as application/octet-stream");
      }
      out.emplace("update", to_hex(as_bytes(request.body)));
      return std::nullopt;
  }
  return std::nullopt;
}

/// The first of `types` that the client takes. Qualities other than 0 are not weighed.
std::optional<std::string_view> acceptable(std::span<const std::string_view> types,
                                           std::string_view accept) {
  if (trimmed(accept).empty()) return types.front();
  std::optional<std::string_view> found;
  for_each_part(accept, [&](std::string_view part) {
    const std::string range = media_type(part);
    std::string parameters = lower(part.substr(std::min(part.find(';'), part.size())));
    std::erase(parameters, ' ');
    if (parameters.starts_with(";q=0") &&
        parameters.find_first_not_of("0.", 3) == std::string::npos) {
      return;
    }
    for (const std::string_view type : types) {
      const bool fits = range == "*/*" || range == type ||
                        (range.ends_with("/*") &&
                         type.starts_with(std::string_view(range).substr(0, range.size() - 1)));
      if (fits && !found) found = type;
    }
  });
  return found;
}

// Versions: "\"tag\"" in headers, "tag" in calls.

std::string_view unquoted(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') {
    tag = tag.substr(1, tag.size() - 2);
  }
  return tag;
}

/// What begins alike up to a '.' is the same version.
bool same_version(std::string_view a, std::string_view b) {
  return a.substr(0, a.find('.')) == b.substr(0, b.find('.'));
}

/// The version that the request starts from, as the argument "base".
Refusal take_base(const ApiRequest& request, Arguments& out) {
  const std::string_view match = trimmed(request.if_match);
  if (match.find(',') != std::string_view::npos) {
    return bad_request(400, "If-Match must name one version");
  }
  if (!match.empty() && match != "*") out["base"] = unquoted(match);
  const auto base = out.find("base");
  if (base == out.end() || base->second.empty()) {
    return bad_request(
        428,
        "say which version you changed: If-Match with the ETag of your GET (or ?base=), so that "
        "what others wrote since is kept");
  }
  base->second = unquoted(base->second);
  return std::nullopt;
}

// Pages.

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string without_cursor(const RequestTarget& target) {
  std::string out = target.path + "?";
  for (const auto& [name, value] : target.query) {
    if (name == "cursor" || name == "token") continue;
    out += percent_encoded(name) + "=" + percent_encoded(value) + "&";
  }
  return out;
}

/// The cursor of the next page is "next" in every answer.
void put_next(const ApiRoute& route, ApiAnswer& answer) {
  json page = json::parse(answer.body, nullptr, false);
  if (!page.is_object()) return;
  const auto found = page.find(route.next);
  json next = found == page.end() ? json() : *found;
  if (found != page.end()) page.erase(found);
  if (next.is_string()) {
    answer.headers.emplace_back("Link", "<" + route.target +
                                            "cursor=" + percent_encoded(next.get<std::string>()) +
                                            ">; rel=\"next\"");
  }
  page["next"] = std::move(next);
  answer.body = page.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::variant<ApiRoute, HttpError> find_api_route(const ApiRequest& request) {
  const auto routes = routes_at(request.target);
  if (routes.empty()) {
    return HttpError{404,
                     {ErrorCode::kNotFound, "there is nothing at this path; see /v1/openapi.json"}};
  }
  if (request.method == "OPTIONS")
    return HttpError{204, {ErrorCode::kNotFound, ""}, methods_of(routes)};
  const RouteSpec* spec = route_of(routes, request.method);
  if (spec == nullptr) {
    const std::string allow = methods_of(routes);
    return HttpError{405, {ErrorCode::kMalformed, "this path answers " + allow}, allow};
  }
  const auto type = acceptable(spec->types, request.accept);
  if (!type) {
    std::string wanted;
    for (const std::string_view one : spec->types)
      wanted += (wanted.empty() ? "" : ", ") + std::string(one);
    return bad_request(406, "this path answers with " + wanted);
  }
  ApiRoute route{{std::string(spec->operation), {}}, spec->status, spec->next};
  Arguments& arguments = route.call.arguments;
  take_path(*spec, request.target, arguments);
  if (auto refusal = take_query(*spec, request.target, arguments)) return *refusal;
  if (auto refusal = take_body(*spec, request, arguments)) return *refusal;
  if (spec->based) {
    if (auto refusal = take_base(request, arguments)) return *refusal;
    route.status_if_conflict = 412;
  }
  if (spec->types.size() > 1) arguments["as"] = *type;
  route.call.tagged = spec->method == "GET";
  route.if_none_match = request.if_none_match;
  if (!spec->next.empty()) route.target = without_cursor(request.target);
  return route;
}

std::size_t body_bytes_max(std::string_view method, const RequestTarget& target) {
  const RouteSpec* spec = route_of(routes_at(target), method);
  return spec == nullptr ? RouteSpec().body_bytes_max : spec->body_bytes_max;
}

ApiAnswer api_answer(const ApiRoute& route, CallResult result) {
  if (result.error) {
    const bool conflict = result.error->code == ErrorCode::kConflict;
    ApiAnswer answer{conflict ? route.status_if_conflict : http_status(result.error->code),
                     error_json(*result.error)};
    if (result.error->retry_after != 0) {
      answer.status = 429;
      answer.headers.emplace_back("Retry-After", std::to_string(result.error->retry_after));
    }
    if (answer.status == 401) answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    return answer;
  }
  ApiAnswer answer{route.status_if_ok, std::move(result.json)};
  if (!result.type.empty()) answer.content_type = result.type;
  if (!result.tag.empty()) {
    answer.headers.emplace_back("ETag", "\"" + result.tag + "\"");
    bool known = false;
    for_each_part(route.if_none_match, [&](std::string_view tag) {
      known = known || tag == "*" || same_version(unquoted(tag), result.tag);
    });
    if (known) {
      answer.status = 304;
      answer.body.clear();
      return answer;
    }
  }
  if (!route.next.empty()) put_next(route, answer);
  return answer;
}

std::optional<ClientRequest> find_client_route(const RequestTarget& target) {
  const auto& segments = target.segments;
  const auto argument = [&](const char* name) {
    const auto found = target.query.find(name);
    return found == target.query.end() ? std::string() : found->second;
  };
  if (segments.size() >= 3 && segments[0] == "sync") {
    return ClientRequest{ClientRequest::What::kContent, segments[1], target.tail(2),
                         argument("saved") == "1", ""};
  }
  if (segments.size() == 4 && segments[0] == "v1" && segments[1] == "documents" &&
      segments[3] == "events") {
    return ClientRequest{ClientRequest::What::kEvents, argument("workspace"), segments[2], false,
                         ""};
  }
  if (segments.size() == 1 && segments[0] == "hocuspocus") {
    return ClientRequest{ClientRequest::What::kHocuspocus, argument("workspace"), "", false, ""};
  }
  if (segments.size() == 4 && segments[0] == "v1" && segments[1] == "documents" &&
      segments[3] == "stream") {
    ClientRequest stream{ClientRequest::What::kStream, argument("workspace"), segments[2], false,
                         ""};
    stream.user = argument("user");
    stream.name = argument("name");
    stream.color = argument("color");
    return stream;
  }
  return std::nullopt;
}

unsigned http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
      return 400;
    case ErrorCode::kLimitExceeded:
      return 413;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kUnauthorized:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kCorrupt:
      return 500;
    case ErrorCode::kNoSpace:
      return 507;
    case ErrorCode::kIo:
      return 500;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kUnavailable:
      return 503;
  }
  return 500;
}

}  // namespace coterie::node::bridge
