// coterie export, import: documents as files, one or a whole workspace.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "crdt/doc.hpp"
#include "crdt/update.hpp"
#include "node/cli/commands.hpp"
#include "node/cli/render.hpp"
#include "node/core/records.hpp"
#include "storage/files/files.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node::cli {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kManifestName = "coterie-export.json";
/// Of a text file that becomes a document. Larger ones are not what editors are made for.
constexpr std::size_t kTextFileBytesMax = 32u << 20;
/// Text that goes into one update: small beside what the node takes at once.
constexpr std::size_t kTextStepBytes = 4u << 20;
/// An update that is taken at once (node/daemon/control.hpp).
constexpr std::size_t kImportBytesMax = 16u << 20;
constexpr std::chrono::minutes kDocumentPatience{5};

enum class Format { kText, kMarkdown, kHtml, kJson, kYjs, kYjsV2 };
const std::vector<std::pair<std::string, Format>>& formats() {
  static const std::vector<std::pair<std::string, Format>> all = {
      {"text", Format::kText}, {"markdown", Format::kMarkdown}, {"html", Format::kHtml},
      {"json", Format::kJson}, {"yjs", Format::kYjs},           {"yjs2", Format::kYjsV2}};
  return all;
}
std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const auto& [name, format] : formats()) names.push_back(name);
  return names;
}
Format format_of(const std::string& name) {
  for (const auto& [known, format] : formats()) {
    if (known == name) return format;
  }
  return Format::kText;
}

/// What is put behind a document's path, unless it ends so.
const char* suffix_of(Format format) {
  switch (format) {
    case Format::kText:
      return "";
    case Format::kMarkdown:
      return ".md";
    case Format::kHtml:
      return ".html";
    case Format::kJson:
      return ".json";
    case Format::kYjs:
      return ".yjs";
    case Format::kYjsV2:
      return ".yjs2";
  }
  return "";
}

CallError failure(const std::string& where, const Error& error) {
  return {error.code, where + ": " + files::described(error)};
}

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
  // A FIFO must not hang us.
  const files::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  const bool regular = file.valid() && ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode);
  Result<std::string> result = Error{ErrorCode::kIo, "cannot be read"};
  if (regular && static_cast<std::uint64_t>(info.st_size) > bytes_max) {
    result = Error{ErrorCode::kLimitExceeded, "too large"};
  } else if (regular) {
    std::string content(static_cast<std::size_t>(info.st_size), '\0');
    std::size_t at = 0;
    while (at < content.size()) {
      const ssize_t got = ::read(file.get(), content.data() + at, content.size() - at);
      if (got <= 0) break;
      at += static_cast<std::size_t>(got);
    }
    content.resize(at);
    result = std::move(content);
  }
  return result;
}

// --- Export ----------------------------------------------------------------------------------

struct ExportArguments {
  std::string workspace;
  std::string path;
  std::string format = "text";
  std::string root;
  std::string out;
  std::string to;
};

Result<std::string> rendered(const ExportArguments& arguments, const std::string& path,
                             const Bytes& update) {
  const Format format = format_of(arguments.format);
  if (format == Format::kYjs) return std::string(as_text(update));
  if (format == Format::kYjsV2) {
    COTERIE_TRY(const Bytes v2, crdt::convert_update_v1_to_v2(update));
    return std::string(as_text(v2));
  }
  COTERIE_TRY(const auto roots, roots_of(update, arguments.root));
  crdt::Doc doc({.client_id = 0});  // It never edits.
  for (const DocumentRoot& root : roots) (void)doc.get(root.name, root.kind);
  COTERIE_CHECK(doc.load_update(update));
  if (format == Format::kMarkdown) return as_markdown(doc, roots);
  if (format == Format::kHtml) return as_html(doc, roots, path);
  if (format == Format::kJson) return as_json(doc, roots);
  return as_plain_text(doc, roots);
}

/// The document as an update, or nothing after Context::fail().
std::optional<Bytes> fetch(Context& context, Session& session, const std::string& workspace,
                           const std::string& path) {
  const auto answer =
      session.ask({"doc.update", {{"workspace", workspace}, {"path", path}}}, kDocumentPatience);
  if (!answer) return std::nullopt;
  const auto update = from_hex(answer->value("update", ""));
  if (update) return *update;
  context.fail(failure(path, update.error()));
  return std::nullopt;
}

void export_one(Context& context, const ExportArguments& arguments) {
  Session session(context);
  const auto update = fetch(context, session, arguments.workspace, arguments.path);
  if (!update) return;
  const auto content = rendered(arguments, arguments.path, *update);
  if (!content) return context.fail(failure(arguments.path, content.error()));
  if (arguments.out.empty() || is_stdout(arguments.out)) {
    std::cout.write(content->data(), static_cast<std::streamsize>(content->size()));
    std::cout.flush();
    if (!std::cout) context.fail(CallError{ErrorCode::kIo, "standard output cannot be written"});
    return;
  }
  const Status written = files::replace_file(arguments.out, as_bytes(*content));
  if (!written) return context.fail(failure(arguments.out, written.error()));
  if (context.print_json({{"path", arguments.path}, {"file", arguments.out}})) return;
  std::cout << "Wrote " << printable(arguments.out) << ".\n";
}

/// A name in the folder for each path, none of which is another's folder.
std::string file_name(const std::string& path, Format format, std::set<std::string>& taken,
                      const std::set<std::string>& folders) {
  std::string name = path;
  const std::string suffix = suffix_of(format);
  if (!name.ends_with(suffix)) name += suffix;
  const auto unfit = [&](const std::string& one) {
    if (taken.count(one) > 0 || folders.count(one) > 0 || one == kManifestName) return true;
    for (std::size_t at = 0; at <= one.size();) {
      const std::size_t end = std::min(one.find('/', at), one.size());
      if (end - at > 240)
        return true;  // File systems take 255 bytes, and what is written beside is to fit.
      at = end + 1;
    }
    return false;
  };
  if (unfit(name)) {
    const Hash hash = crypto::hash(as_bytes(path));
    name = "document-" + hash.hex().substr(0, 16) + suffix;
  }
  taken.insert(name);
  return name;
}

void export_all(Context& context, const ExportArguments& arguments) {
  Session session(context);
  const auto listed = session.ask({"doc.list", {{"workspace", arguments.workspace}}});
  if (!listed) return;
  std::error_code error;
  const fs::path folder = arguments.to;
  if (fs::exists(folder, error) &&
      !(fs::is_directory(folder, error) && fs::is_empty(folder, error))) {
    return context.fail(
        CallError{ErrorCode::kConflict,
                  arguments.to + ": is there and not empty; an export replaces nothing"});
  }
  const Format format = format_of(arguments.format);
  std::set<std::string> folders;
  std::vector<std::string> paths;
  for (const json& one : listed->at("documents")) {
    paths.push_back(one.value("path", ""));
    const std::string& path = paths.back();
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      folders.insert(path.substr(0, at));
    }
  }
  Progress progress(context, "export");
  std::set<std::string> taken;
  json documents = json::array();
  for (const std::string& path : paths) {
    progress.at(documents.size(), paths.size());
    const auto update = fetch(context, session, arguments.workspace, path);
    if (!update) return;
    const auto content = rendered(arguments, path, *update);
    if (!content) return context.fail(failure(path, content.error()));
    const std::string name = file_name(path, format, taken, folders);
    const fs::path file = folder / name;
    fs::create_directories(file.parent_path(), error);
    const Status written = error ? files::file_error("its folder cannot be made", error.value())
                                 : files::replace_file(file, as_bytes(*content));
    if (!written) return context.fail(failure(file.string(), written.error()));
    documents.push_back({{"path", path}, {"file", name}});
  }
  progress.end();
  fs::create_directories(folder, error);
  const json manifest = {{"coterie_export", 1},
                         {"workspace", arguments.workspace},
                         {"format", arguments.format},
                         {"documents", documents}};
  const std::string text = manifest.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  const Status written = files::replace_file(folder / kManifestName, as_bytes(text));
  if (!written) return context.fail(failure(arguments.to, written.error()));
  if (context.print_json({{"to", arguments.to}, {"documents", documents}})) return;
  std::cout << "Wrote " << paths.size() << (paths.size() == 1 ? " document" : " documents")
            << " to " << printable(arguments.to) << ".\n";
}

// --- Import ----------------------------------------------------------------------------------

struct ImportArguments {
  std::string workspace;
  std::vector<std::string> from;
  std::string into;
  std::string root = "monaco";
  std::string format = "text";
  bool dry_run = false;
};

struct Found {
  std::string path;  ///< Of the document.
  fs::path file;
  Format format;
};
struct Refused {
  std::string file;
  std::string why;
};

struct Findings {
  std::vector<Found> found;
  std::vector<Refused> refused;
};

/// What an export wrote down: paths, files, format. Nothing if there is none or it makes no sense.
bool take_export(const fs::path& folder, Findings& findings) {
  const auto text = read_file(folder / kManifestName, kTextFileBytesMax);
  if (!text) return false;
  const json manifest = json::parse(*text, nullptr, false);
  if (!manifest.is_object() || manifest.value("coterie_export", json()) != json(1)) return false;
  const json format = manifest.value("format", json());
  const json documents = manifest.value("documents", json());
  if (!format.is_string() || !documents.is_array()) return false;
  const Format known = format_of(format.get<std::string>());
  if (known != Format::kText && known != Format::kYjs && known != Format::kYjsV2) return false;
  std::vector<Found> found;
  for (const json& one : documents) {
    if (!one.is_object()) return false;
    const json path = one.value("path", json());
    const json file = one.value("file", json());
    if (!path.is_string() || !file.is_string()) return false;
    // Only what lies in the folder: a manifest is data that somebody sent.
    if (!check_document_path(file.get<std::string>())) return false;
    found.push_back({path.get<std::string>(), folder / file.get<std::string>(), known});
  }
  for (Found& one : found) findings.found.push_back(std::move(one));
  return true;
}

void take_folder(const fs::path& folder, Format format, Findings& findings) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.')) {  // .git, .DS_Store and their like are nobody's documents.
      if (at->is_directory(ignored)) at.disable_recursion_pending();
      continue;
    }
    if (at->is_symlink(ignored)) {
      findings.refused.push_back({at->path().string(), "a symbolic link"});
    } else if (at->is_regular_file(ignored)) {
      files.push_back(at->path());
    } else if (!at->is_directory(ignored)) {
      findings.refused.push_back({at->path().string(), "no regular file"});
    }
  }
  if (error) findings.refused.push_back({folder.string(), "cannot be listed: " + error.message()});
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    findings.found.push_back({file.lexically_relative(folder).generic_string(), file, format});
  }
}

/// Updates that make the document, each on top of those before.
Result<std::vector<Bytes>> text_updates(const std::string& root, const std::string& text) {
  if (!is_utf8(text) || text.find('\0') != std::string::npos) {
    return Error{ErrorCode::kMalformed, "not text (UTF-8)"};
  }
  crdt::Doc doc({.client_id = crypto::system_random().next_u64() >> 32});
  crdt::Text content = doc.text(root);
  std::vector<Bytes> updates;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(at + kTextStepBytes, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    Status inserted;
    updates.push_back(doc.transact([&] {
      inserted = content.insert(content.size(), std::string_view(text).substr(at, end - at));
    }));
    COTERIE_CHECK(inserted);
    at = end;
  }
  return updates;
}

Result<std::vector<Bytes>> updates_of(const Found& found, const std::string& root) {
  COTERIE_TRY(const std::string content, read_file(found.file, kTextFileBytesMax));
  if (found.format == Format::kText) return text_updates(root, content);
  Bytes update(content.begin(), content.end());
  if (found.format == Format::kYjsV2) {
    COTERIE_TRY(update, crdt::convert_update_v2_to_v1(update));
  }
  if (!crdt::validate_update(update)) return Error{ErrorCode::kMalformed, "no Yjs update"};
  if (update.size() > kImportBytesMax) return Error{ErrorCode::kLimitExceeded, "too large"};
  return std::vector<Bytes>{std::move(update)};
}

/// Why it was not imported, or nothing.
std::optional<std::string> import_one(Session& session, const ImportArguments& arguments,
                                      const Found& found, bool exists) {
  if (const Status fits = check_document_path(found.path); !fits) return fits.error().what;
  if (exists && found.format == Format::kText) return "a document of that path exists";
  const auto updates = updates_of(found, arguments.root);
  if (!updates) return updates.error().what;
  if (arguments.dry_run) return std::nullopt;
  // An empty file is a document too.
  std::vector<Bytes> list = *updates;
  if (list.empty()) list.push_back(Bytes{0, 0});
  bool first = true;
  for (const Bytes& update : list) {
    Call call{
        "doc.import",
        {{"workspace", arguments.workspace}, {"path", found.path}, {"update", to_hex(update)}}};
    if (first && found.format == Format::kText) call.arguments["fresh"] = "true";
    first = false;
    const CallResult result = session.ask_for_result(call, kDocumentPatience);
    if (result.error) return result.error->message;
  }
  return std::nullopt;
}

void import(Context& context, const ImportArguments& arguments) {
  Findings findings;
  for (const std::string& from : arguments.from) {
    std::error_code error;
    const Format format = format_of(arguments.format);
    if (fs::is_directory(from, error)) {
      if (!take_export(from, findings)) take_folder(from, format, findings);
    } else if (fs::is_regular_file(from, error)) {
      findings.found.push_back({fs::path(from).filename().string(), from, format});
    } else {
      const bool there = fs::exists(from, error);
      return context.fail(CallError{
          ErrorCode::kNotFound,
          from + (there ? ": neither a file nor a folder" : ": there is no such file or folder")});
    }
  }
  std::string into = arguments.into;
  while (into.ends_with('/')) into.pop_back();
  Session session(context);
  const auto listed = session.ask({"doc.list", {{"workspace", arguments.workspace}}});
  if (!listed) return;
  std::set<std::string> known;
  for (const json& one : listed->at("documents")) known.insert(one.value("path", ""));

  Progress progress(context, "import");
  json imported = json::array();
  std::uint64_t done = 0;
  for (Found& one : findings.found) {
    progress.at(done++, findings.found.size());
    if (!into.empty()) one.path = into + "/" + one.path;
    const auto why = import_one(session, arguments, one, known.count(one.path) > 0);
    if (why) {
      findings.refused.push_back({one.file.string(), *why});
    } else {
      known.insert(one.path);
      imported.push_back(one.path);
    }
  }
  progress.end();
  if (!findings.refused.empty()) context.exit_code = 1;
  json refused = json::array();
  for (const Refused& one : findings.refused) {
    refused.push_back({{"file", one.file}, {"why", one.why}});
  }
  if (context.print_json({{"imported", imported}, {"refused", refused}})) return;
  for (const Refused& one : findings.refused) {
    std::cerr << "coterie: " << printable(one.file) << ": not imported: " << printable(one.why)
              << '\n';
  }
  std::cout << (arguments.dry_run ? "Would import " : "Imported ") << imported.size()
            << (imported.size() == 1 ? " document" : " documents");
  if (!refused.empty()) std::cout << "; " << refused.size() << " refused, see above";
  std::cout << ".\n";
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command = app.add_subcommand("export", "Write a document, or all of a workspace, out");
  command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
  auto* path = command->add_option("PATH", arguments->path, "Of the document; without: all");
  command->add_option("--format", arguments->format, "text, markdown, html, json, yjs or yjs2 (v2)")
      ->check(CLI::IsMember(format_names()))
      ->capture_default_str();
  command->add_option("--root", arguments->root, "Only this Yjs type (\"monaco\"); else every one");
  auto* out = command->add_option("--out", arguments->out, "A file, instead of standard output");
  auto* to = command->add_option("--to", arguments->to, "A new folder, for all documents");
  for (CLI::Option* option : {out, to}) option->check(not_empty);
  to->excludes(path)->excludes(out);
  command->final_callback([&context, arguments] {
    if (arguments->path.empty() == arguments->to.empty()) {
      throw CLI::ValidationError("export", "name a document, or a folder for all with --to");
    }
    arguments->to.empty() ? export_one(context, *arguments) : export_all(context, *arguments);
  });
}

void add_import(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<ImportArguments>();
  CLI::App* command =
      app.add_subcommand("import", "Make documents of files, folders, or what export wrote");
  command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
  command->add_option("FROM", arguments->from, "Files and folders")->required();
  command->add_option("--into", arguments->into, "Put in front of the paths");
  command->add_option("--root", arguments->root, "Of text: the name of the Yjs type")
      ->capture_default_str();
  command->add_option("--format", arguments->format, "What the files are: text, yjs or yjs2 (v2)")
      ->check(CLI::IsMember({"text", "yjs", "yjs2"}))
      ->capture_default_str();
  command->add_flag("--dry-run", arguments->dry_run, "Only tell what would be done");
  command->final_callback([&context, arguments] { import(context, *arguments); });
}

}  // namespace coterie::node::cli
