#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

/// The terminal without echo. Signals wait until it is as it was.
class QuietTerminal {
 public:
  explicit QuietTerminal(int terminal) : terminal_(terminal) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &signals_);
    if (::tcgetattr(terminal_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    quiet.c_lflag |= ICANON | ECHONL;
    good_ = ::tcsetattr(terminal_, TCSAFLUSH, &quiet) == 0;
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  ~QuietTerminal() {
    if (good_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
    pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
  }
  bool good() const { return good_; }

 private:
  int terminal_;
  bool good_ = false;
  termios before_{};
  sigset_t signals_{};
};

Result<crypto::SecretText> read_line(int terminal) {
  std::string line;
  line.reserve(crypto::kPassphraseBytesMax + 1);  // Growing would leave copies behind.
  constexpr char kInterrupt = 3;  // Ctrl-C, which is a character while signals wait.
  bool interrupted = false;
  for (;;) {
    char c = 0;
    const ssize_t got = ::read(terminal, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || c == '\n' || c == '\r') break;
    interrupted = interrupted || c == kInterrupt;
    if (line.size() > crypto::kPassphraseBytesMax) break;
    line.push_back(c);
  }
  const crypto::SecretText text(std::move(line));
  if (interrupted || text.empty()) return Error{ErrorCode::kMalformed, "no passphrase was typed"};
  return crypto::SecretText(std::string(text.view()));
}

}  // namespace

Result<crypto::SecretText> ask_on_terminal(const std::string& prompt) {
  const int terminal = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0) {
    return Error{ErrorCode::kUnavailable,
                 "the device is locked with a passphrase and there is no terminal to ask on; give "
                 "it with --passphrase-file FILE or COTERIE_PASSPHRASE_FILE"};
  }
  const QuietTerminal quiet(terminal);
  Result<crypto::SecretText> line = Error{ErrorCode::kIo, "the terminal cannot be made quiet"};
  if (quiet.good() && ::write(terminal, prompt.data(), prompt.size()) >= 0) {
    line = read_line(terminal);
  }
  ::close(terminal);
  return line;
}

Result<crypto::SecretText> read_passphrase_file(const std::string& path) {
  auto content = read_private_file(path, crypto::kPassphraseBytesMax + 2);
  if (!content) {
    switch (content.error().code) {
      case ErrorCode::kNotFound:
        return Error{ErrorCode::kNotFound, "there is no passphrase file of that name"};
      case ErrorCode::kUnauthorized:
        return Error{ErrorCode::kUnauthorized,
                     "others can read the passphrase file; close it with `chmod 600`"};
      case ErrorCode::kLimitExceeded:
        return Error{ErrorCode::kLimitExceeded, "the passphrase file is too long"};
      default:
        return content.error();
    }
  }
  const std::size_t end = content->find_first_of("\r\n");
  crypto::SecretText line(content->substr(0, end));
  crypto::wipe(*content);
  if (line.empty()) return Error{ErrorCode::kMalformed, "the passphrase file is empty"};
  return line;
}

Result<crypto::SecretText> new_passphrase(const std::string& file) {
  if (!file.empty()) return read_passphrase_file(file);
  COTERIE_TRY(auto once, ask_on_terminal("New passphrase: "));
  COTERIE_TRY(const auto again, ask_on_terminal("The same again: "));
  if (once.view() != again.view()) {
    return Error{ErrorCode::kMalformed, "the two differ: nothing was changed"};
  }
  return once;
}

AskPassphrase Context::ask_passphrase() const {
  return [file = passphrase_file]() -> Result<crypto::SecretText> {
    if (!file.empty()) return read_passphrase_file(file);
    return ask_on_terminal("Passphrase of this device: ");
  };
}

}  // namespace coterie::node::cli
