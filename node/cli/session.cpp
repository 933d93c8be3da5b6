#include <cstdio>
#include <iostream>
#include <thread>

#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/daemon/control.hpp"
#include "node/daemon/log.hpp"
#include "storage/files/files.hpp"

namespace coterie::node::cli {

using nlohmann::json;

void Context::fail(const CallError& error) {
  exit_code = 1;
  if (json) {
    std::cerr << error_json(error) << '\n';
  } else {
    std::cerr << "coterie: " << printable(error.message) << '\n';
  }
}

void Context::fail(const Error& error) {
  fail(CallError{error.code, dir.root.string() + ": " + files::described(error)});
}

bool Context::print_json(const nlohmann::json& answer) const {
  if (!json) return false;
  std::cout << answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  return true;
}

CallResult Session::ask_for_result(const Call& call, std::chrono::milliseconds patience) {
  if (own_) return own_->call_and_wait(call, patience);
  const auto asked = ask_running_node(context_.dir, call, patience);
  if (asked) return *asked;
  if (asked.error().code != ErrorCode::kNotFound) {
    return {"",
            CallError{asked.error().code, context_.dir.root.string() + ": " + asked.error().what}};
  }
  set_log_level(Engine::Notice::Level::kError);
  CallError why{};
  Node::Options options;
  options.dir = context_.dir;
  options.ask_passphrase = context_.ask_passphrase();
  own_ = Node::start(std::move(options), why);
  if (!own_) return {"", why};
  return own_->call_and_wait(call, patience);
}

std::optional<json> Session::ask(const Call& call, std::chrono::milliseconds patience) {
  const CallResult result = ask_for_result(call, patience);
  if (!result.error) return json::parse(result.json, nullptr, false);
  context_.fail(*result.error);
  return std::nullopt;
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    // C1 controls are 0xC2 0x80..0x9F in UTF-8; terminals obey them too.
    const bool c1 =
        byte == 0xc2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0;
    if (c1) ++at;
    out += c1 || byte < 0x20 || byte == 0x7f ? '?' : text[at];
  }
  return out;
}

std::string not_empty(const std::string& file) { return file.empty() ? "names no file" : ""; }

std::string one_line(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (at > 0) out += "\u23ce";
    out += printable(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string count_text(std::uint64_t count, const std::string& what) {
  const bool y = what.ends_with("ry");  // "entry", "entries"
  const std::string many = y ? what.substr(0, what.size() - 1) + "ies" : what + "s";
  return std::to_string(count) + " " + (count == 1 ? what : many);
}

namespace {

std::size_t width(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

}  // namespace

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], width(printable(row[column])));
    }
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      const std::string cell = printable(row[column]);
      line += cell;
      if (column + 1 < row.size()) line += std::string(widths[column] - width(cell) + 2, ' ');
    }
    std::cout << line << '\n';
  }
}

}  // namespace coterie::node::cli
