#include "node/cli/update.hpp"

#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "crdt/decoded_update.hpp"
#include "crdt/doc.hpp"
#include "crdt/update.hpp"
#include "node/cli/commands.hpp"
#include "node/cli/render.hpp"
#include "storage/files/files.hpp"

namespace coterie::node::cli {

namespace {

using crdt::Any;
using crdt::Doc;
using crdt::StateVector;
using crdt::TypeKind;

struct Arguments {
  std::vector<std::string> files;
  std::vector<std::string> roots;
  std::string since;
  std::string to;
  std::string out;
  bool v2 = false;
  bool stream = false;
};

/// What went wrong, for people: the whole line after "coterie: ".
struct Failure {
  std::string message;
};
template <typename T>
using Outcome = std::variant<T, Failure>;

// --- Reading and writing ---------------------------------------------------------------------

std::string shown(const std::string& file) { return file == "-" ? "standard input" : file; }

Outcome<Bytes> read_file(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) return Failure{file + ": cannot be opened"};
  }
  std::istream& in = file == "-" ? std::cin : opened;
  Bytes bytes;
  constexpr std::size_t kStep = 1u << 20;
  while (in) {
    const std::size_t size = bytes.size();
    bytes.resize(size + kStep);
    in.read(reinterpret_cast<char*>(bytes.data() + size), kStep);
    bytes.resize(size + static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return Failure{shown(file) + ": cannot be read"};
  return bytes;
}

std::optional<Failure> print(std::string_view text) {
  std::cout.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (std::cout.flush()) return std::nullopt;
  return Failure{"standard output cannot be written"};
}

std::optional<Failure> unless(const std::string& file, const Status& done) {
  if (done) return std::nullopt;
  return Failure{file + ": " + files::described(done.error())};
}

/// To the file of --out, or else to standard output.
std::optional<Failure> put_out(const Arguments& arguments, ByteView bytes) {
  if (arguments.out.empty() || is_stdout(arguments.out)) return print(as_text(bytes));
  return unless(arguments.out, files::replace_file(arguments.out, bytes));
}

/// Updates from a stream, each after its length.
class UpdateStream {
 public:
  explicit UpdateStream(std::istream& in) : in_(in) {}

  /// Where the last one began in the input, for error messages.
  std::uint64_t offset() const { return offset_; }

  /// The next update, valid until the next call; nothing at the end.
  Outcome<std::optional<ByteView>> next() {
    offset_ = passed_ + at_;
    std::uint64_t length = 0;
    unsigned shift = 0;
    while (true) {
      if (at_ == end_ && !fill(1)) {
        if (shift == 0) return std::optional<ByteView>();
        return Failure{"the input ends inside a length"};
      }
      const std::uint8_t byte = buffer_[at_++];
      length |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
      shift += 7;
      if (shift > 49) return Failure{"not a length"};
    }
    if (end_ - at_ < length && !fill(static_cast<std::size_t>(length))) {
      return Failure{"the input ends after " + std::to_string(end_ - at_) + " of its " +
                     std::to_string(length) + " bytes"};
    }
    const ByteView update(buffer_.data() + at_, static_cast<std::size_t>(length));
    at_ += static_cast<std::size_t>(length);
    return std::optional<ByteView>(update);
  }

 private:
  static constexpr std::size_t kStep = 1u << 20;

  /// Makes `count` bytes stand at `at_`; false if the input ends before. Memory follows what has
  /// come, not what was promised.
  bool fill(std::size_t count) {
    if (at_ > 0) std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    passed_ += at_;
    end_ -= at_;
    at_ = 0;
    while (end_ < count && in_) {
      if (buffer_.size() - end_ < kStep) buffer_.resize(std::max(buffer_.size() * 2, end_ + kStep));
      in_.read(reinterpret_cast<char*>(buffer_.data() + end_),
               static_cast<std::streamsize>(buffer_.size() - end_));
      end_ += static_cast<std::size_t>(in_.gcount());
    }
    return end_ >= count;
  }

  std::istream& in_;
  Bytes buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::uint64_t passed_ = 0;
  std::uint64_t offset_ = 0;
};

std::vector<std::string> files_of(const Arguments& arguments) {
  return arguments.files.empty() ? std::vector<std::string>{"-"} : arguments.files;
}

/// The one update that most commands are about.
Outcome<Bytes> the_update(const Arguments& arguments) {
  return read_file(files_of(arguments).front());
}

Failure failed(const std::string& what, const Error& error) {
  return Failure{what + ": " + to_string(error)};
}

// --- show ------------------------------------------------------------------------------------

std::string text_of(const crdt::Id& id) {
  return std::to_string(id.client) + ":" + std::to_string(id.clock);
}

Any any_of(const crdt::Id& id) {
  return Any::Object{{"client", Any(static_cast<double>(id.client))},
                     {"clock", Any(static_cast<double>(id.clock))}};
}

/// What a struct says, as JSON.
Any content_of(const crdt::DecodedStruct& one) {
  switch (one.kind) {
    case crdt::StructKind::kString:
      return Any(one.text);
    case crdt::StructKind::kJson:
    case crdt::StructKind::kAny:
      return Any(one.values);
    case crdt::StructKind::kBinary:
    case crdt::StructKind::kEmbed:
      return one.values.front();
    case crdt::StructKind::kFormat:
      return Any::Object{{"key", Any(one.text)}, {"value", one.values.front()}};
    case crdt::StructKind::kDoc:
      return Any::Object{{"guid", Any(one.text)}, {"opts", one.values.front()}};
    case crdt::StructKind::kType: {
      static constexpr const char* kNames[] = {"Array",       "Map",     "Text",   "XmlElement",
                                               "XmlFragment", "XmlHook", "XmlText"};
      Any::Object type{{"type", Any(kNames[static_cast<std::size_t>(one.type)])}};
      if (!one.node_name.empty()) type.emplace_back("name", Any(one.node_name));
      return Any(std::move(type));
    }
    case crdt::StructKind::kGc:
    case crdt::StructKind::kDeleted:
    case crdt::StructKind::kSkip:
      return Any();
  }
  return Any();
}

Any json_of(const crdt::DecodedStruct& one) {
  Any::Object out{{"kind", Any(crdt::struct_kind_name(one.kind))},
                  {"id", any_of(one.id)},
                  {"length", Any(static_cast<double>(one.length))}};
  if (one.origin) out.emplace_back("origin", any_of(*one.origin));
  if (one.right_origin) out.emplace_back("rightOrigin", any_of(*one.right_origin));
  if (const auto* name = std::get_if<std::string>(&one.parent)) {
    out.emplace_back("parent", Any(*name));
  } else if (const auto* id = std::get_if<crdt::Id>(&one.parent)) {
    out.emplace_back("parent", any_of(*id));
  }
  if (one.key) out.emplace_back("parentSub", Any(*one.key));
  out.emplace_back("content", content_of(one));
  return Any(std::move(out));
}

std::string line_of(const crdt::DecodedStruct& one) {
  std::string line =
      text_of(one.id) + "+" + std::to_string(one.length) + "  " + crdt::struct_kind_name(one.kind);
  if (const Any content = content_of(one); !content.is_undefined()) {
    constexpr std::size_t kShownMax = 120;
    std::string json = content.to_json();
    if (json.size() > kShownMax) {
      std::size_t cut = kShownMax;
      while ((static_cast<unsigned char>(json[cut]) & 0xc0) == 0x80) --cut;
      json = json.substr(0, cut) + "...";
    }
    line += " " + json;
  }
  if (one.origin) line += "  after " + text_of(*one.origin);
  if (one.right_origin) line += "  before " + text_of(*one.right_origin);
  if (const auto* name = std::get_if<std::string>(&one.parent)) {
    line += "  in " + Any(*name).to_json();
  } else if (const auto* id = std::get_if<crdt::Id>(&one.parent)) {
    line += "  in " + text_of(*id);
  }
  if (one.key) line += "  key " + Any(*one.key).to_json();
  return line + "\n";
}

std::optional<Failure> show(const Arguments& arguments, bool json) {
  auto update = the_update(arguments);
  if (auto* failure = std::get_if<Failure>(&update)) return *failure;
  const Bytes& bytes = std::get<Bytes>(update);
  const auto decoded = arguments.v2 ? crdt::decode_update_v2(bytes) : crdt::decode_update(bytes);
  if (!decoded) return failed(shown(files_of(arguments).front()), decoded.error());
  if (json) {
    Any::Array structs;
    for (const auto& one : decoded->structs) structs.push_back(json_of(one));
    Any::Array deletes;
    for (const auto& range : decoded->deletes) {
      deletes.emplace_back(Any::Object{{"client", Any(static_cast<double>(range.client))},
                                       {"clock", Any(static_cast<double>(range.clock))},
                                       {"length", Any(static_cast<double>(range.length))}});
    }
    return print(
        Any(Any::Object{{"structs", Any(std::move(structs))}, {"deletes", Any(std::move(deletes))}})
            .to_json() +
        "\n");
  }
  std::string out = std::to_string(decoded->structs.size()) + " structs, " +
                    std::to_string(decoded->deletes.size()) + " deleted ranges, " +
                    std::to_string(bytes.size()) + " bytes\n";
  for (const auto& one : decoded->structs) out += line_of(one);
  for (const auto& range : decoded->deletes) {
    out +=
        text_of({range.client, range.clock}) + "+" + std::to_string(range.length) + "  deleted\n";
  }
  return print(out);
}

// --- merge, diff, state-vector, convert, obfuscate
// ------------------------------------------------

std::optional<Failure> merge(const Arguments& arguments) {
  const std::vector<std::string> files = files_of(arguments);
  std::vector<Bytes> updates;
  for (const std::string& file : files) {
    auto update = read_file(file);
    if (auto* failure = std::get_if<Failure>(&update)) return *failure;
    const Bytes& bytes = updates.emplace_back(std::get<Bytes>(std::move(update)));
    const Status valid =
        arguments.v2 ? crdt::validate_update_v2(bytes) : crdt::validate_update(bytes);
    if (!valid) return failed(shown(file), valid.error());
  }
  const std::span<const Bytes> all(updates);
  const auto merged = arguments.v2 ? crdt::merge_updates_v2(all) : crdt::merge_updates(all);
  if (!merged) return failed("merge", merged.error());
  return put_out(arguments, *merged);
}

/// A command that makes an update of one.
std::optional<Failure> transform(const Arguments& arguments,
                                 const std::function<Result<Bytes>(ByteView)>& function) {
  auto update = the_update(arguments);
  if (auto* failure = std::get_if<Failure>(&update)) return *failure;
  const auto made = function(std::get<Bytes>(update));
  if (!made) return failed(shown(files_of(arguments).front()), made.error());
  return put_out(arguments, *made);
}

std::optional<Failure> diff(const Arguments& arguments) {
  const auto bytes = from_hex(arguments.since);
  if (!bytes) return failed("--since", bytes.error());
  const auto since = StateVector::decode(*bytes);
  if (!since) return failed("--since", since.error());
  return transform(arguments, [&](ByteView update) {
    return arguments.v2 ? crdt::diff_update_v2(update, *since) : crdt::diff_update(update, *since);
  });
}

std::optional<Failure> convert(const Arguments& arguments) {
  return transform(arguments, [&](ByteView update) {
    return arguments.to == "v2" ? crdt::convert_update_v1_to_v2(update)
                                : crdt::convert_update_v2_to_v1(update);
  });
}

std::optional<Failure> obfuscate(const Arguments& arguments) {
  return transform(arguments, [&](ByteView update) {
    return arguments.v2 ? crdt::obfuscate_update_v2(update) : crdt::obfuscate_update(update);
  });
}

std::optional<Failure> state_vector(const Arguments& arguments, bool json) {
  auto update = the_update(arguments);
  if (auto* failure = std::get_if<Failure>(&update)) return *failure;
  const Bytes& bytes = std::get<Bytes>(update);
  const auto vector = arguments.v2 ? crdt::state_vector_from_update_v2(bytes)
                                   : crdt::state_vector_from_update(bytes);
  if (!vector) return failed(shown(files_of(arguments).front()), vector.error());
  const std::string hex = to_hex(vector->encode());
  if (!json) return print(hex + "\n");
  Any::Object clocks;
  for (const auto& [client, clock] : vector->clocks()) {
    clocks.emplace_back(std::to_string(client), Any(static_cast<double>(clock)));
  }
  return print(
      Any(Any::Object{{"state_vector", Any(hex)}, {"clocks", Any(std::move(clocks))}}).to_json() +
      "\n");
}

// --- json ------------------------------------------------------------------------------------

Outcome<std::vector<DocumentRoot>> named_roots(const Arguments& arguments) {
  std::vector<DocumentRoot> roots;
  for (const std::string& given : arguments.roots) {
    const std::size_t colon = given.rfind(':');
    const std::string type = colon == std::string::npos ? "" : given.substr(colon + 1);
    DocumentRoot root{given.substr(0, colon), TypeKind::kUnknown};
    if (type == "text") root.kind = TypeKind::kText;
    if (type == "array") root.kind = TypeKind::kArray;
    if (type == "map") root.kind = TypeKind::kMap;
    if (type == "xml") root.kind = TypeKind::kXmlFragment;
    if (root.kind == TypeKind::kUnknown) {
      return Failure{"--root " + given + ": not NAME:text, NAME:array, NAME:map or NAME:xml"};
    }
    if (!is_utf8(root.name)) return Failure{"--root: a name that is not UTF-8"};
    for (const DocumentRoot& other : roots) {
      if (other.name == root.name) return Failure{"--root " + given + ": named twice"};
    }
    roots.push_back(std::move(root));
  }
  return roots;
}

/// Applies what the command names, in order. Says which update is wrong.
std::optional<Failure> apply_all(const Arguments& arguments, Doc& doc) {
  const auto apply = [&](ByteView update) {
    return arguments.v2 ? doc.load_update_v2(update) : doc.load_update(update);
  };
  if (!arguments.stream) {
    for (const std::string& file : files_of(arguments)) {
      auto update = read_file(file);
      if (auto* failure = std::get_if<Failure>(&update)) return *failure;
      const Status applied = apply(std::get<Bytes>(update));
      if (!applied) return failed(shown(file), applied.error());
    }
    return std::nullopt;
  }
  UpdateStream stream(std::cin);
  for (std::uint64_t number = 1;; ++number) {
    auto next = stream.next();
    const auto name = [&] {
      return "update " + std::to_string(number) + " (at byte " + std::to_string(stream.offset()) +
             " of standard input)";
    };
    if (auto* failure = std::get_if<Failure>(&next)) {
      return Failure{name() + ": " + failure->message};
    }
    const auto update = std::get<std::optional<ByteView>>(next);
    if (!update) return std::nullopt;
    const Status applied = apply(*update);
    if (!applied) return failed(name(), applied.error());
  }
}

std::optional<Failure> json(const Arguments& arguments) {
  if (arguments.stream && !arguments.files.empty()) {
    return Failure{"--stream reads standard input: name no files"};
  }
  if (is_stdout(arguments.out)) return Failure{"--out -: the JSON goes to standard output"};
  auto parsed = named_roots(arguments);
  if (auto* failure = std::get_if<Failure>(&parsed)) return *failure;
  const auto& roots = std::get<std::vector<DocumentRoot>>(parsed);
  Doc doc({.client_id = 0});  // It never edits.
  for (const DocumentRoot& root : roots) (void)doc.get(root.name, root.kind);
  if (auto failure = apply_all(arguments, doc)) return failure;

  const std::string out = as_json(doc, roots);
  if (arguments.out.empty()) {
    if (auto failure = print(out)) return failure;
  } else {
    files::NewFile file(arguments.out);
    const Status written = file.write(doc.encode_state_as_update());
    if (auto failure = unless(arguments.out, written)) return failure;
    if (auto failure = print(out)) return failure;
    if (auto failure = unless(arguments.out, file.move_into_place())) return failure;
  }
  if (doc.has_pending()) {
    std::cerr << "coterie: some of it waits for updates that are not here\n";
  }
  return std::nullopt;
}

}  // namespace

void add_update(CLI::App& app, const bool& json_flag, int& exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* update = app.add_subcommand("update", "Tools over Yjs updates; no node needed");
  update->require_subcommand(1);

  const auto run = [&exit_code, arguments](auto action) {
    return [&exit_code, arguments, action] {
      std::ios::sync_with_stdio(false);
      if (const std::optional<Failure> failure = action(*arguments)) {
        std::cerr << "coterie: " << failure->message << '\n';
        exit_code = 1;
      }
    };
  };
  const auto add = [&](const char* name, const char* description, bool many) {
    CLI::App* command = update->add_subcommand(name, description);
    CLI::Option* files = command->add_option("FILE", arguments->files, "Of an update; - is stdin");
    if (!many) files->expected(0, 1);
    return command;
  };
  const auto add_v2 = [&](CLI::App* command) {
    command->add_flag("--v2", arguments->v2, "The updates are in format v2, not v1");
  };
  const auto add_out = [&](CLI::App* command, const char* description) {
    command->add_option("--out", arguments->out, description)->check(not_empty);
  };

  CLI::App* command = add("show", "List what an update holds (--json: as JSON)", false);
  add_v2(command);
  command->final_callback(run([&json_flag](const Arguments& a) { return show(a, json_flag); }));

  command = add("merge", "Make one update of several", true);
  add_v2(command);
  add_out(command, "Write it here instead of to stdout");
  command->final_callback(run(merge));

  command = add("diff", "What a replica lacks of an update", false);
  add_v2(command);
  add_out(command, "Write it here instead of to stdout");
  command->add_option("--since", arguments->since, "Its state vector, in hexadecimal")->required();
  command->final_callback(run(diff));

  command = add("state-vector", "Print in hexadecimal what an update leads to", false);
  add_v2(command);
  command->final_callback(
      run([&json_flag](const Arguments& a) { return state_vector(a, json_flag); }));

  command = add("convert", "From one format to the other", false);
  add_out(command, "Write it here instead of to stdout");
  command->add_option("--to", arguments->to, "v1 or v2; the update is in the other one")
      ->required()
      ->check(CLI::IsMember({"v1", "v2"}));
  command->final_callback(run(convert));

  command = add("obfuscate", "The same update without what it says", false);
  add_v2(command);
  add_out(command, "Write it here instead of to stdout");
  command->final_callback(run(obfuscate));

  command = add("json", "Print the document that updates lead to", true);
  add_v2(command);
  command->add_flag("--stream", arguments->stream,
                    "Read stdin: updates one after the other, each after its length as a varuint");
  command
      ->add_option("--root", arguments->roots,
                   "NAME:text, NAME:array, NAME:map or NAME:xml; any number of them")
      ->expected(1, CLI::detail::expected_max_vector_size);
  add_out(command, "Also write the document's state here, as an update v1");
  command->final_callback(run(json));
}

}  // namespace coterie::node::cli
