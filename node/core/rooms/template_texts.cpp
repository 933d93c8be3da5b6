// The templates themselves. A change of a text makes it another template: see templates.hpp.

#include <array>

#include "node/core/rooms/property_records.hpp"
#include "node/core/rooms/templates.hpp"

namespace coterie::node {
namespace {

using property::kCode;
using property::kPlain;
using property::kRich;

constexpr std::array kTemplates{
    Template{"blank", "Nothing", "", "", ""},
    Template{"javascript", "JavaScript", kCode, "javascript",
             "function main() {\n  console.log(\"Hello\");\n}\n\nmain();\n"},
    Template{"typescript", "TypeScript", kCode, "typescript",
             "function main(): void {\n  console.log(\"Hello\");\n}\n\nmain();\n"},
    Template{"python", "Python", kCode, "python",
             "def main():\n    print(\"Hello\")\n\n\nif __name__ == \"__main__\":\n    main()\n"},
    Template{"cpp", "C++", kCode, "cpp",
             "#include <iostream>\n\nint main() {\n  std::cout << \"Hello\\n\";\n}\n"},
    Template{"c", "C", kCode, "c",
             "#include <stdio.h>\n\nint main(void) {\n  puts(\"Hello\");\n  return 0;\n}\n"},
    Template{"rust", "Rust", kCode, "rust", "fn main() {\n    println!(\"Hello\");\n}\n"},
    Template{"go", "Go", kCode, "go",
             "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(\"Hello\")\n}\n"},
    Template{"java", "Java", kCode, "java",
             "public class Main {\n    public static void main(String[] args) {\n"
             "        System.out.println(\"Hello\");\n    }\n}\n"},
    Template{"html", "HTML", kCode, "html",
             "<!doctype html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\">\n"
             "    <title>Hello</title>\n  </head>\n  <body>\n    <h1>Hello</h1>\n  </body>\n"
             "</html>\n"},
    Template{"css", "CSS", kCode, "css",
             ":root {\n  color-scheme: light dark;\n}\n\nbody {\n  margin: 2rem;\n"
             "  font-family: sans-serif;\n}\n"},
    Template{"json", "JSON", kCode, "json", "{\n  \"name\": \"\"\n}\n"},
    Template{"markdown", "Markdown", kCode, "markdown", "# Title\n\nText.\n"},
    Template{"shell", "Shell", kCode, "shell", "#!/bin/sh\nset -eu\n\necho \"Hello\"\n"},
    Template{"text", "Plain text", kPlain, "", ""},
    Template{"notes", "Notes", kRich, "", "# Notes\n## Ideas\n- \n## Open questions\n- "},
    Template{"meeting", "Minutes of a meeting", kRich, "",
             "# Meeting\nDate and place\n## Present\n- \n## Agenda\n- \n## Decisions\n- \n"
             "## To do\n- "},
    Template{"screenplay", "Screenplay", kRich, "",
             "# Title\nby\n## INT. PLACE - DAY\nWhat is seen.\nNAME\nWhat is said.\n## FADE OUT"},
};

}  // namespace

std::span<const Template> templates() { return kTemplates; }

}  // namespace coterie::node
