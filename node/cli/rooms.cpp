// coterie chat, comment, mentions: what people say about documents.

#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/daemon/control.hpp"

namespace coterie::node::cli {

namespace {

using nlohmann::json;

constexpr std::size_t kIdDigits = 8;
constexpr std::chrono::seconds kFollowEvery{1};

struct RoomArguments {
  std::string workspace;
  std::string path;
  std::string text;
  std::string id;
  std::string reply;
  std::string edit;
  std::string erase;
  std::string react;
  std::string unreact;
  std::string before;
  std::string filter;
  std::string quote;
  std::string lines;
  std::string root;
  std::string suggestion;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::size_t limit = 20;
  bool follow = false;
};

Call call_of(const char* operation, const RoomArguments& arguments) {
  return {operation, {{"workspace", arguments.workspace}, {"path", arguments.path}}};
}

std::string short_id(const json& message, const char* member = "id") {
  return message.value(member, "").substr(0, kIdDigits);
}

/// `text` after `lead`, its further lines below.
void print_text(const std::string& lead, const std::string& text) {
  std::cout << printable(lead);
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (at > 0) std::cout << "          ";
    std::cout << printable(text.substr(at, end - at)) << '\n';
    at = end + 1;
  }
}

std::string anchor_text(const json& anchor) {
  std::string where;
  if (anchor.contains("lines")) {
    const auto& lines = anchor.at("lines");
    where = "line " + lines.at("first").dump();
    if (lines.at("first") != lines.at("last")) where += " to " + lines.at("last").dump();
  } else if (anchor.value("text_deleted", false)) {
    where = "text that was deleted";
  } else if (anchor.contains("range")) {
    where = anchor.at("range").at("from").dump() + " to " + anchor.at("range").at("to").dump();
  }
  return where + ": \"" + one_line(anchor.value("quote", "")) + "\"";
}

void print_message(const json& message, const std::string& indent = "") {
  std::string lead = indent + short_id(message) + "  " +
                     time_text(message.value("time", std::uint64_t{0})) + "  " +
                     author_text(message.at("author"));
  if (message.contains("edited")) lead += " (edited)";
  if (message.contains("reply")) lead += " (to " + short_id(message, "reply") + ")";
  if (message.value("resolved", false)) lead += " [resolved]";
  print_text(lead + ": ",
             message.value("deleted", false) ? "(deleted)" : message.value("text", ""));
  const std::string below = indent + "          ";
  if (message.contains("anchor")) {
    std::cout << below << "on " << printable(anchor_text(message.at("anchor"))) << '\n';
  }
  if (message.contains("suggestion")) {
    std::cout << below << "suggests \"" << one_line(message.value("suggestion", "")) << "\" ("
              << printable(message.value("verdict", "")) << ")\n";
  }
  std::string reactions;
  for (const json& one : message.at("reactions")) {
    reactions += (reactions.empty() ? "" : "  ") + one.value("emoji", "");
    for (const json& author : one.at("by")) reactions += " " + author_text(author);
  }
  if (!reactions.empty()) std::cout << below << printable(reactions) << '\n';
}

/// The oldest of a page first.
void print_page(const json& page) {
  const json& messages = page.at("messages");
  for (auto one = messages.rbegin(); one != messages.rend(); ++one) print_message(*one);
}

Call page_call(const RoomArguments& arguments, const char* lane) {
  Call call = call_of("room.page", arguments);
  call.arguments["lane"] = lane;
  call.arguments["limit"] = std::to_string(arguments.limit);
  if (!arguments.before.empty()) call.arguments["before"] = arguments.before;
  return call;
}

/// What was shown is read.
bool mark_read(Session& session, const RoomArguments& arguments, const char* lane,
               const json& page) {
  if (page.at("messages").empty() || !arguments.before.empty()) return true;
  Call call = call_of("room.read", arguments);
  call.arguments["lane"] = lane;
  call.arguments["moment"] = page.at("messages").front().value("moment", "");
  return session.ask(call).has_value();
}

/// Prints what comes, until the process is ended.
void follow(Context& context, Session& session, RoomArguments arguments, std::string shown) {
  for (;;) {
    std::cout.flush();
    std::this_thread::sleep_for(kFollowEvery);
    arguments.before.clear();
    std::vector<json> fresh;
    for (bool more = true; more;) {
      const auto page = session.ask(page_call(arguments, "chat"));
      if (!page) return;
      more = page->contains("older") && !shown.empty();
      for (const json& one : page->at("messages")) {
        // Moments are ordered as their texts are.
        if (one.value("moment", "") <= shown) {
          more = false;
          break;
        }
        fresh.push_back(one);
      }
      arguments.before = page->value("older", "");
    }
    for (auto one = fresh.rbegin(); one != fresh.rend(); ++one) {
      if (!context.print_json(*one)) print_message(*one);
      shown = one->value("moment", "");
    }
  }
}

void show_chat(Context& context, const RoomArguments& arguments) {
  if (arguments.follow && !is_node_running(context.dir)) {
    return context.fail(CallError{ErrorCode::kUnavailable,
                                  "nothing comes in while no node runs: start `coterie run`"});
  }
  Session session(context);
  const auto page = session.ask(page_call(arguments, "chat"));
  if (!page || !mark_read(session, arguments, "chat", *page)) return;
  if (!arguments.follow && context.print_json(*page)) return;
  const json& messages = page->at("messages");
  if (arguments.follow) {
    for (auto one = messages.rbegin(); one != messages.rend(); ++one) {
      if (!context.print_json(*one)) print_message(*one);
    }
    return follow(context, session, arguments,
                  messages.empty() ? "" : messages.front().value("moment", ""));
  }
  print_page(*page);
  if (messages.empty()) std::cout << "Nobody said anything yet.\n";
  if (page->contains("older")) {
    std::cout << "There are older ones: --before " << page->value("older", "") << '\n';
  }
}

/// Something written, and what is said when it is done.
void write(Context& context, const Call& call, const char* done) {
  const auto answer = Session(context).ask(call);
  if (!answer || context.print_json(*answer)) return;
  std::cout << done;
  if (answer->contains("id")) std::cout << ' ' << short_id(*answer);
  std::cout << ".\n";
}

void amend(Context& context, const RoomArguments& arguments, const std::string& id,
           const char* change, const char* done) {
  Call call = call_of("room.amend", arguments);
  call.arguments["id"] = id;
  call.arguments["change"] = change;
  call.arguments["text"] = arguments.text;
  write(context, call, done);
}

void chat(Context& context, const RoomArguments& arguments) {
  if (!arguments.edit.empty()) return amend(context, arguments, arguments.edit, "edit", "Changed");
  if (!arguments.erase.empty()) {
    return amend(context, arguments, arguments.erase, "delete", "Deleted");
  }
  if (!arguments.react.empty()) return amend(context, arguments, arguments.react, "react", "Done");
  if (!arguments.unreact.empty()) {
    return amend(context, arguments, arguments.unreact, "unreact", "Done");
  }
  if (arguments.text.empty()) return show_chat(context, arguments);
  Call call = call_of("room.post", arguments);
  call.arguments["text"] = arguments.text;
  if (!arguments.reply.empty()) call.arguments["reply"] = arguments.reply;
  write(context, call, "Said:");
}

void list_comments(Context& context, const RoomArguments& arguments) {
  Session session(context);
  Call call = page_call(arguments, "comments");
  if (!arguments.filter.empty()) call.arguments["filter"] = arguments.filter;
  auto page = session.ask(call);
  if (!page) return;
  for (json& comment : page->at("messages")) {
    RoomArguments all = arguments;
    all.before.clear();
    Call thread = page_call(all, "thread");
    thread.arguments["thread"] = comment.value("id", "");
    const auto answers = session.ask(thread);
    if (!answers) return;
    comment["answers"] = answers->at("messages");
  }
  if (!mark_read(session, arguments, "comments", *page) || context.print_json(*page)) return;
  const json& comments = page->at("messages");
  for (auto one = comments.rbegin(); one != comments.rend(); ++one) {
    print_message(*one);
    const json& answers = one->at("answers");
    for (auto answer = answers.rbegin(); answer != answers.rend(); ++answer) {
      print_message(*answer, "    ");
    }
  }
  if (comments.empty()) std::cout << "There are no comments.\n";
  if (page->contains("older")) {
    std::cout << "There are older ones: --before " << page->value("older", "") << '\n';
  }
}

/// "7" or "7-9" as the arguments first and last.
bool choose_lines(Call& call, const std::string& lines) {
  const std::size_t dash = lines.find('-');
  const auto is_number = [](const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::string first = lines.substr(0, dash);
  const std::string last = dash == std::string::npos ? first : lines.substr(dash + 1);
  call.arguments["first"] = first;
  call.arguments["last"] = last;
  return is_number(first) && is_number(last);
}

void add_comment(Context& context, const RoomArguments& arguments, bool has_range) {
  Call call = call_of("room.post", arguments);
  call.arguments["text"] = arguments.text;
  if (!arguments.root.empty()) call.arguments["root"] = arguments.root;
  if (!arguments.suggestion.empty()) call.arguments["suggestion"] = arguments.suggestion;
  if (!arguments.quote.empty()) {
    call.arguments["quote"] = arguments.quote;
  } else if (!arguments.lines.empty()) {
    if (!choose_lines(call, arguments.lines)) {
      return context.fail(CallError{ErrorCode::kMalformed, "--line takes a line, or A-B"});
    }
  } else if (has_range) {
    call.arguments["from"] = std::to_string(arguments.from);
    call.arguments["to"] = std::to_string(arguments.to);
  } else {
    return context.fail(CallError{ErrorCode::kMalformed,
                                  "say what the comment is about: --quote, --line or --from "
                                  "and --to"});
  }
  write(context, call, "Commented:");
}

void add_document(CLI::App* command, RoomArguments& arguments) {
  command->add_option("WORKSPACE", arguments.workspace, "Name or id")->required();
  command->add_option("DOCUMENT", arguments.path, "Its path")->required();
}

void add_paging(CLI::App* command, RoomArguments& arguments) {
  command->add_option("--limit", arguments.limit, "How many are shown")
      ->check(CLI::Range(std::size_t{1}, std::size_t{200}))
      ->capture_default_str();
  command->add_option("--before", arguments.before, "Older ones: what the last page said");
}

void mentions(Context& context, const RoomArguments& arguments) {
  Call call = page_call(arguments, "chat");
  call.operation = "room.mentions";
  const auto page = Session(context).ask(call);
  if (!page || context.print_json(*page)) return;
  const json& messages = page->at("messages");
  for (auto one = messages.rbegin(); one != messages.rend(); ++one) {
    std::cout << printable(one->value("path", "")) << '\n';
    print_message(*one, "  ");
  }
  if (messages.empty()) std::cout << "Nobody mentioned you.\n";
}

}  // namespace

void add_chat(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<RoomArguments>();
  CLI::App* command =
      app.add_subcommand("chat", "Show what people say about a document, or say something");
  add_document(command, *arguments);
  command->add_option("TEXT", arguments->text,
                      "What to say; \"@name\" mentions a member. Without it: the newest are shown");
  add_paging(command, *arguments);
  CLI::Option* following = command->add_flag("--follow", arguments->follow, "Go on showing them");
  CLI::App* one_of = command->add_option_group("What else");
  one_of->require_option(0, 1);
  const auto about = [&](const char* name, std::string& id, const char* description) {
    one_of->add_option(name, id, description)->excludes(following);
  };
  about("--reply", arguments->reply, "TEXT answers that message");
  about("--edit", arguments->edit, "TEXT takes the place of that message's own");
  about("--delete", arguments->erase, "Delete that message");
  about("--react", arguments->react, "TEXT, an emoji, is a reaction to that message");
  about("--unreact", arguments->unreact, "Take the reaction TEXT back");
  command->final_callback([&context, arguments] { chat(context, *arguments); });
}

void add_comment(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<RoomArguments>();
  CLI::App* comment = app.add_subcommand("comment", "Comments on the text of a document");
  comment->require_subcommand(1);
  const auto verb = [&](const char* name, const char* description) {
    CLI::App* command = comment->add_subcommand(name, description);
    add_document(command, *arguments);
    return command;
  };
  CLI::App* list = verb("list", "Show them and their answers");
  add_paging(list, *arguments);
  list->add_option("--filter", arguments->filter, "Only these")
      ->check(CLI::IsMember({"open", "resolved"}));
  list->final_callback([&context, arguments] { list_comments(context, *arguments); });

  CLI::App* add = verb("add", "Comment on some of the text");
  add->add_option("TEXT", arguments->text, "What to say")->required();
  add->add_option("--quote", arguments->quote, "About this text, which the document has once");
  add->add_option("--line", arguments->lines, "About a line, or lines A-B");
  CLI::Option* from =
      add->add_option("--from", arguments->from, "About the characters from here, in UTF-16 units");
  CLI::Option* to = add->add_option("--to", arguments->to, "... up to here");
  from->needs(to);
  to->needs(from);
  add->add_option("--root", arguments->root, "The Yjs type that the text is in (\"monaco\")");
  add->add_option("--suggest", arguments->suggestion, "What should stand there instead");
  add->final_callback(
      [&context, arguments, from] { add_comment(context, *arguments, from->count() > 0); });

  CLI::App* reply = verb("reply", "Answer a comment");
  reply->add_option("ID", arguments->id, "Of the comment")->required();
  reply->add_option("TEXT", arguments->text, "What to say")->required();
  reply->final_callback([&context, arguments] {
    Call call = call_of("room.post", *arguments);
    call.arguments["text"] = arguments->text;
    call.arguments["thread"] = arguments->id;
    write(context, call, "Answered:");
  });

  const auto change = [&](const char* name, const char* description, const char* done) {
    CLI::App* command = verb(name, description);
    command->add_option("ID", arguments->id, "Of the comment or answer")->required();
    command->final_callback([&context, arguments, name, done] {
      amend(context, *arguments, arguments->id, name, done);
    });
    return command;
  };
  change("edit", "Say it in other words", "Changed")
      ->add_option("TEXT", arguments->text, "The new text")
      ->required();
  change("delete", "Delete one's own", "Deleted");
  change("resolve", "It is dealt with", "Resolved");
  change("reopen", "It is not dealt with after all", "Open again");
  change("accept", "Make the change that it suggests", "Accepted");
  change("dismiss", "Do not make that change", "Dismissed");
}

void add_mentions(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<RoomArguments>();
  CLI::App* command = app.add_subcommand("mentions", "What mentions you, in all documents");
  command->add_option("WORKSPACE", arguments->workspace, "Name or id")->required();
  add_paging(command, *arguments);
  command->final_callback([&context, arguments] { mentions(context, *arguments); });
}

}  // namespace coterie::node::cli
