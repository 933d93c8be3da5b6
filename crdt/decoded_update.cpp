#include "crdt/decoded_update.hpp"

#include <unordered_map>

#include "crdt/internal/stored_json.hpp"
#include "crdt/internal/update_tools.hpp"

namespace coterie::crdt {
namespace {

using internal::ContentKind;
using internal::EncoderV1;
using internal::EncoderV2;
using internal::Input;
using internal::SectionWriter;
using internal::UpdateFormat;
using internal::WireId;
using internal::WireReader;
using internal::WireSection;
using internal::WireStruct;

Id id_of(const WireId& id) { return {id.client, id.clock}; }

Any any_at(WireReader& reader) {
  ByteReader bytes({reader.at(), reader.remaining()});
  auto value = Any::decode(bytes);
  reader.bytes(bytes.offset());
  return value ? *std::move(value) : Any();
}

/// Checked content has no errors in it.
void decode_content(const WireStruct& read, DecodedStruct& out) {
  WireReader reader(read.content);
  switch (read.kind) {
    case ContentKind::kString:
      out.text = as_text(read.content);
      return;
    case ContentKind::kJson:
      for (std::uint32_t i = 0; i < read.length; ++i) {
        const std::string_view json = as_text(reader.varbytes());
        out.values.push_back(json == "undefined" ? Any() : internal::value_of_stored(json));
      }
      return;
    case ContentKind::kAny:
      for (std::uint32_t i = 0; i < read.length; ++i) out.values.push_back(any_at(reader));
      return;
    case ContentKind::kBinary: {
      const ByteView bytes = reader.varbytes();
      out.values.emplace_back(Bytes(bytes.begin(), bytes.end()));
      return;
    }
    case ContentKind::kEmbed:
      out.values.push_back(internal::value_of_stored(as_text(reader.varbytes())));
      return;
    case ContentKind::kFormat:
      out.text = as_text(reader.varbytes());
      out.values.push_back(internal::value_of_stored(as_text(reader.varbytes())));
      return;
    case ContentKind::kDoc:
      out.text = as_text(reader.varbytes());
      out.values.push_back(any_at(reader));
      return;
    case ContentKind::kType:
      out.type = static_cast<TypeKind>(read.type_ref);
      out.node_name = read.node_name;
      return;
    case ContentKind::kGc:
    case ContentKind::kDeleted:
    case ContentKind::kSkip:
      return;
  }
}

DecodedStruct decode_struct(const WireStruct& read) {
  DecodedStruct out;
  out.kind = static_cast<StructKind>(read.kind);
  out.id = {read.client, read.clock};
  out.length = read.length;
  if (read.has_origin) out.origin = id_of(read.origin);
  if (read.has_right_origin) out.right_origin = id_of(read.right_origin);
  if (read.has_parent_name) out.parent = std::string(read.parent_name);
  if (read.has_parent_id) out.parent = id_of(read.parent_id);
  if (read.has_key) out.key = std::string(read.key);
  decode_content(read, out);
  return out;
}

Result<DecodedUpdate> decode(ByteView update, UpdateFormat format) {
  Input input;
  COTERIE_CHECK(input.parse(update, format));
  DecodedUpdate out;
  input.for_each_struct([&](const WireSection&, const WireStruct& read) {
    out.structs.push_back(decode_struct(read));
  });
  for (const auto& range : input.deletes()) {
    out.deletes.push_back({range.client, range.clock, range.length});
  }
  return out;
}

/// Names that have been given another one, the same for the same.
class Renamed {
 public:
  /// `fresh()` makes the other name, the first time.
  template <typename Fresh>
  const std::string& of(std::string_view name, Fresh fresh) {
    const auto [found, added] = names_.try_emplace(std::string(name));
    if (added) found->second = fresh();
    return found->second;
  }

 private:
  std::unordered_map<std::string, std::string> names_;
};

class Obfuscator {
 public:
  explicit Obfuscator(const ObfuscateOptions& options) : options_(options) {}

  /// Views of `read` may point into this object after, until the next call.
  void obfuscate(WireStruct& read) {
    if (read.kind == ContentKind::kGc || read.kind == ContentKind::kSkip) return;
    number_ = std::to_string(count_);
    content(read);
    if (read.has_key && !read.key.empty()) {
      read.key = keys_.of(read.key, [&] { return number_; });
    }
    ++count_;
  }

 private:
  void content(WireStruct& read) {
    content_.clear();
    switch (read.kind) {
      case ContentKind::kType:
        if (options_.yxml) node_name(read);
        return;
      case ContentKind::kAny:
        for (std::uint32_t i = 0; i < read.length; ++i) number().encode_to(content_);
        break;
      case ContentKind::kJson:
        for (std::uint32_t i = 0; i < read.length; ++i) append_varstring(content_, number_);
        break;
      case ContentKind::kBinary:
        content_ = {1, static_cast<std::uint8_t>(count_ & 0xff)};
        break;
      case ContentKind::kDoc:
        if (!options_.subdocs) return;
        append_varstring(content_, number_);
        Any(Any::Object()).encode_to(content_);
        break;
      case ContentKind::kEmbed:
        append_varstring(content_, "{}");
        break;
      case ContentKind::kFormat:
        if (!options_.formatting) return;
        format(read);
        break;
      case ContentKind::kString:
        content_.assign(read.length, static_cast<std::uint8_t>('0' + count_ % 10));
        read.ascii = true;
        break;
      case ContentKind::kDeleted:
      case ContentKind::kGc:
      case ContentKind::kSkip:
        return;
    }
    read.content = content_;
  }

  Any number() const { return Any(static_cast<double>(count_)); }

  void node_name(WireStruct& read) {
    const auto type = static_cast<TypeKind>(read.type_ref);
    if (type == TypeKind::kXmlElement) {
      read.node_name = node_names_.of(read.node_name, [&] { return "node-" + number_; });
    } else if (type == TypeKind::kXmlHook) {
      read.node_name = node_names_.of(read.node_name, [&] { return "hook-" + number_; });
    }
  }

  /// A mark that ends a range still ends it. Equal values stay equal, but objects are equal to
  /// nothing else in JavaScript.
  void format(const WireStruct& read) {
    WireReader reader(read.content);
    const std::string_view key = as_text(reader.varbytes());
    const std::string_view stored = as_text(reader.varbytes());
    append_varstring(content_, format_keys_.of(key, [&] { return number_; }));
    const Any value = internal::value_of_stored(stored);
    const auto fresh = [&] { return "{\"i\":" + number_ + "}"; };
    if (value.is_null()) {
      append_varstring(content_, "null");
    } else if (value.get_if<Any::Object>() != nullptr || value.get_if<Any::Array>() != nullptr ||
               value.get_if<Bytes>() != nullptr) {
      append_varstring(content_, fresh());
    } else {
      const auto* number = value.get_if<double>();
      const bool zero = number != nullptr && *number == 0;  // -0 is 0 to a Map of JavaScript.
      append_varstring(content_,
                       format_values_.of(zero ? "0" : internal::store_value(value), fresh));
    }
  }

  const ObfuscateOptions options_;
  std::uint64_t count_ = 0;
  std::string number_;
  Bytes content_;
  Renamed keys_;
  Renamed node_names_;
  Renamed format_keys_;
  Renamed format_values_;
};

template <typename Encoder>
Result<Bytes> obfuscate(ByteView update, UpdateFormat format, const ObfuscateOptions& options) {
  Input input;
  COTERIE_CHECK(input.parse(update, format));
  Obfuscator obfuscator(options);
  SectionWriter<Encoder> out(update.size());
  input.for_each_struct([&](const WireSection&, WireStruct& read) {
    obfuscator.obfuscate(read);
    out.write(read, 0);
  });
  return out.finish(internal::deletes_for<Encoder>(input));
}

}  // namespace

const char* struct_kind_name(StructKind kind) {
  switch (kind) {
    case StructKind::kGc:
      return "GC";
    case StructKind::kDeleted:
      return "ContentDeleted";
    case StructKind::kJson:
      return "ContentJSON";
    case StructKind::kBinary:
      return "ContentBinary";
    case StructKind::kString:
      return "ContentString";
    case StructKind::kEmbed:
      return "ContentEmbed";
    case StructKind::kFormat:
      return "ContentFormat";
    case StructKind::kType:
      return "ContentType";
    case StructKind::kAny:
      return "ContentAny";
    case StructKind::kDoc:
      return "ContentDoc";
    case StructKind::kSkip:
      return "Skip";
  }
  return "unknown";
}

Result<DecodedUpdate> decode_update(ByteView update_v1) {
  return decode(update_v1, UpdateFormat::kV1);
}
Result<DecodedUpdate> decode_update_v2(ByteView update_v2) {
  return decode(update_v2, UpdateFormat::kV2);
}

Result<Bytes> obfuscate_update(ByteView update_v1, const ObfuscateOptions& options) {
  return obfuscate<EncoderV1>(update_v1, UpdateFormat::kV1, options);
}
Result<Bytes> obfuscate_update_v2(ByteView update_v2, const ObfuscateOptions& options) {
  return obfuscate<EncoderV2>(update_v2, UpdateFormat::kV2, options);
}

}  // namespace coterie::crdt
