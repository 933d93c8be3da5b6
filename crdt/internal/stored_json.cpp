#include "crdt/internal/stored_json.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace coterie::crdt::internal {
namespace {

constexpr char kValueMark = '\0';

/// The number a property name stands for if it is an array index to JavaScript.
std::optional<std::uint32_t> array_index(std::string_view name) {
  if (name.empty() || name.size() > 10 || (name[0] == '0' && name.size() > 1)) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value >= 0xffff'ffff) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

bool is_twice(std::vector<std::string_view>& names) {
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

/// As JavaScript would hold it. Recursion is bounded by kAnyDepthMax.
Any as_in_javascript(const Any& value) {
  if (const auto* array = value.get_if<Any::Array>()) {
    Any::Array out;
    out.reserve(array->size());
    for (const Any& element : *array) out.push_back(as_in_javascript(element));
    return out;
  }
  const auto* object = value.get_if<Any::Object>();
  if (object == nullptr) return value;
  Any::Object out = is_in_javascript_order(*object) ? *object : in_javascript_order(*object);
  for (auto& member : out) member.second = as_in_javascript(member.second);
  return out;
}

/// Whether JSON gives the value back as it is.
bool is_json(const Any& value) {
  if (const auto* number = value.get_if<double>()) {
    return std::isfinite(*number) && !(*number == 0 && std::signbit(*number));
  }
  if (const auto* array = value.get_if<Any::Array>()) {
    return std::all_of(array->begin(), array->end(), is_json);
  }
  if (const auto* object = value.get_if<Any::Object>()) {
    return std::all_of(object->begin(), object->end(),
                       [](const auto& member) { return is_json(member.second); });
  }
  return !value.is_undefined() && value.get_if<Bytes>() == nullptr &&
         value.get_if<std::int64_t>() == nullptr;
}

void put_varstring(WireWriter& out, std::string_view text) {
  out.reserve(10 + text.size());
  out.varbytes(as_bytes(text));
}

void put(WireWriter& out, std::string_view text) {
  out.reserve(text.size());
  out.bytes(as_bytes(text));
}

}  // namespace

bool is_in_javascript_order(const Any::Object& members) {
  if (members.size() < 2) return true;
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const auto& [name, value] : members) {
    if (!name.empty() && name[0] >= '0' && name[0] <= '9') return false;  // Perhaps: look closer.
    names.push_back(name);
  }
  return !is_twice(names);
}

Any::Object in_javascript_order(const Any::Object& members) {
  Any::Object out = members;
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    const auto left = array_index(a.first);
    const auto right = array_index(b.first);
    return left && right ? *left < *right : left && !right;
  });
  std::vector<std::size_t> by_name(out.size());
  for (std::size_t i = 0; i < out.size(); ++i) by_name[i] = i;
  std::stable_sort(by_name.begin(), by_name.end(),
                   [&](std::size_t a, std::size_t b) { return out[a].first < out[b].first; });
  std::vector<bool> again(out.size());
  bool any_again = false;
  for (std::size_t i = 0; i < by_name.size();) {
    std::size_t end = i + 1;
    while (end < by_name.size() && out[by_name[end]].first == out[by_name[i]].first) ++end;
    if (end - i > 1) {
      out[by_name[i]].second = out[by_name[end - 1]].second;
      for (std::size_t k = i + 1; k < end; ++k) again[by_name[k]] = any_again = true;
    }
    i = end;
  }
  if (!any_again) return out;
  Any::Object once;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!again[i]) once.push_back(std::move(out[i]));
  }
  return once;
}

std::string store_value(const Any& value) {
  const Any held = as_in_javascript(value);
  std::string stored;
  if (is_json(held)) {
    append_stringified(stored, held);
    return stored;
  }
  Bytes any;
  held.encode_to(any);
  stored.push_back(kValueMark);
  stored += as_text(any);
  return stored;
}

Any value_of_stored(std::string_view stored) {
  if (!is_json_text(stored)) {
    ByteReader reader(as_bytes(stored.substr(1)));
    auto value = Any::decode(reader);
    return value ? *std::move(value) : Any();
  }
  auto value = Any::from_json(stored);
  return value ? as_in_javascript(*value) : Any();
}

void write_stored_as_json(WireWriter& out, std::string_view stored) {
  if (is_json_text(stored)) {
    put_varstring(out, stored);
    return;
  }
  std::string json;
  append_stringified(json, value_of_stored(stored));
  put_varstring(out, json);
}

void write_stored_as_any(WireWriter& out, std::string_view stored) {
  if (stored == "null") return put(out, "\x7e");
  if (stored == "true") return put(out, "\x78");
  if (stored == "false") return put(out, "\x79");
  if (!is_json_text(stored)) return put(out, stored.substr(1));
  if (stored.size() >= 2 && stored[0] == '"' && stored.find('\\') == std::string_view::npos) {
    put(out, "\x77");
    return put_varstring(out, stored.substr(1, stored.size() - 2));
  }
  Bytes any;
  value_of_stored(stored).encode_to(any);
  put(out, as_text(any));
}

void read_any_as_stored(WireReader& reader, WireWriter& out) {
  const std::uint8_t* const begin = reader.at();
  skip_any<true>(reader);
  if (reader.failed()) return;
  const ByteView any(begin, reader.at());
  if (any[0] == 126) return put_varstring(out, "null");
  if (any[0] == 120) return put_varstring(out, "true");
  if (any[0] == 121) return put_varstring(out, "false");
  ByteReader again(any);
  const auto value = Any::decode(again);
  if (!value) {
    reader.fail(value.error().code, value.error().what);
    return;
  }
  put_varstring(out, store_value(*value));
}

}  // namespace coterie::crdt::internal
