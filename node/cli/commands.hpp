// The commands, one file each, and what they share.

#pragma once

#include <signal.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "node/bridge/call.hpp"
#include "node/daemon/node.hpp"
#include "node/identity/data_dir.hpp"
#include "node/identity/device_key_file.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's
class App;
}

namespace coterie::node::cli {

/// Answers that need only this node come at once, or something is wrong with it.
inline constexpr std::chrono::seconds kPatience{30};

struct Context {
  DataDir dir;
  bool json = false;
  int exit_code = 0;
  std::string passphrase_file;  ///< Of --passphrase-file; empty: asked for on the terminal.

  /// Says what happened on stderr and makes the exit code 1.
  void fail(const CallError& error);
  /// As fail(), with the data directory in front.
  void fail(const Error& error);
  /// Prints `answer` as it is with --json; returns whether it did.
  bool print_json(const nlohmann::json& answer) const;
  /// The passphrase of this device, from --passphrase-file or the terminal.
  AskPassphrase ask_passphrase() const;
};

/// The first line of `path`, which nobody else may read. Errors: kNotFound, kUnauthorized,
/// kLimitExceeded, kMalformed (empty), kIo.
Result<crypto::SecretText> read_passphrase_file(const std::string& path);
/// Asks on the terminal, without echo. Errors: kUnavailable (there is none), kMalformed (nothing
/// typed), kIo.
Result<crypto::SecretText> ask_on_terminal(const std::string& prompt);
/// A new passphrase: from `file` unless that is empty, else asked for twice. Errors: of both;
/// kMalformed (the two differ).
Result<crypto::SecretText> new_passphrase(const std::string& file);

/// The node of the data directory, for one command: the one that runs, or, if none does, a node in
/// this process that does not listen. Stops the latter when destroyed.
class Session {
 public:
  explicit Session(Context& context) : context_(context) {}

  /// The answer, or nothing after Context::fail().
  std::optional<nlohmann::json> ask(const Call& call,
                                    std::chrono::milliseconds patience = kPatience);
  /// As ask(), for those who go on after an error.
  CallResult ask_for_result(const Call& call, std::chrono::milliseconds patience);

 private:
  Context& context_;
  std::unique_ptr<Node> own_;
};

/// What ends serve(). SIGHUP does not where the bridge has a certificate: that is read again.
inline constexpr std::array<int, 3> kStopSignals{SIGINT, SIGTERM, SIGHUP};

/// Runs a node with a control socket until one of kStopSignals, which are blocked from then on.
/// `before_ready` is called when it runs and before that is said; if it returns false, after
/// Context::fail() or because one of the signals is pending, the node stops.
void serve(Context& context, Node::Options options,
           const std::function<bool(Node& node)>& before_ready);
/// --listen and --advertise. `options` must outlive the parsing.
void add_listening(CLI::App& command, Node::Options& options);
/// What a device is called that nobody named: as its machine.
std::string host_name();

/// Rows with aligned columns, the first row in capitals by the caller. Control characters, which
/// other members may have put into names, are shown as '?'.
void print_table(const std::vector<std::vector<std::string>>& rows);

/// How far long work is, on stderr: a line that changes on a terminal; elsewhere one every ten
/// seconds; nothing with --json.
class Progress {
 public:
  Progress(const Context& context, std::string what);
  /// As end().
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void at(std::uint64_t done, std::uint64_t total);
  /// Clears the line.
  void end();

 private:
  std::string what_;
  bool terminal_ = false;
  bool quiet_ = false;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

/// "1.5 MiB".
std::string bytes_text(std::uint64_t bytes);

/// `text` without control characters.
std::string printable(std::string_view text);
/// And with a sign for each line break.
std::string one_line(std::string_view text);
/// "1 entry", "2 entries".
std::string count_text(std::uint64_t count, const std::string& what);

/// "90s", "30m", "12h", "7d" in seconds; nothing if it is none of these.
std::optional<std::uint64_t> parse_seconds(const std::string& text);
/// Milliseconds since 1970 of "7d" (ago), "2026-11-21", "2026-11-21T10:30" or "...:15", local time
/// unless it ends with Z; nothing if it is none of these.
std::optional<std::uint64_t> parse_since(const std::string& text);
/// "2026-11-21 10:00", local time; "-" for 0.
std::string time_text(std::uint64_t millis);

/// "3 s ago", "5 min ago", "2 h ago", "4 d ago".
std::string ago_text(std::uint64_t millis);

/// "anna (1234abcd)" of {"name","device"}.
std::string named(const nlohmann::json& device);
/// Who wrote something, of {"device","name"?,"guest"?}.
std::string author_text(const nlohmann::json& author);

struct QrCode {
  std::vector<std::string> rows;  ///< '1' is dark. Square, without the light edge.
};
/// `text` in upper case; nothing if it is too long.
std::optional<QrCode> make_qr(std::string text);
/// For a terminal: two rows of cells a line.
std::string qr_text(const QrCode& code);

/// Whether a file that is to be written is standard output: as it is, with nothing said beside it.
inline bool is_stdout(const std::string& file) { return file == "-" || file == "/dev/stdout"; }
/// Of options that name a file: what is wrong, for CLI11.
std::string not_empty(const std::string& file);

// Each adds its command to `app`; both references must outlive the parsing.
void add_init(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_relay(CLI::App& app, Context& context);
void add_workspace(CLI::App& app, Context& context);
void add_invite(CLI::App& app, Context& context);
void add_join(CLI::App& app, Context& context);
void add_doc(CLI::App& app, Context& context);
void add_chat(CLI::App& app, Context& context);
void add_comment(CLI::App& app, Context& context);
void add_mentions(CLI::App& app, Context& context);
void add_participants(CLI::App& app, Context& context);
void add_session(CLI::App& app, Context& context);
void add_token(CLI::App& app, Context& context);
void add_activity(CLI::App& app, Context& context);
void add_doc_roles(CLI::App& doc, Context& context);
void add_members(CLI::App& app, Context& context);
void add_membership(CLI::App& app, Context& context);
void add_audit(CLI::App& app, Context& context);
void add_revert(CLI::App& app, Context& context);
void add_peers(CLI::App& app, Context& context);
void add_identity(CLI::App& app, Context& context);
void add_link(CLI::App* identity, Context& context);
void add_backup(CLI::App& app, Context& context);
void add_compact(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_history(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);

}  // namespace coterie::node::cli
