#include "node/core/json_check.hpp"

#include "crdt/base/bytes.hpp"

namespace coterie::node {
namespace {

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  bool check() {
    if (!value(0)) return false;
    skip_space();
    return at_ == text_.size();
  }
  bool begins_object() {
    skip_space();
    return peek() == '{';
  }

 private:
  /// 0 at the end; a NUL byte is invalid everywhere, so the two need not be told apart.
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  bool value(int depth) {
    skip_space();
    switch (peek()) {
      case '{':
        return depth < kJsonDepthMax && object(depth);
      case '[':
        return depth < kJsonDepthMax && array(depth);
      case '"':
        return string();
      case 't':
        return take("true");
      case 'f':
        return take("false");
      case 'n':
        return take("null");
      default:
        return number();
    }
  }

  bool object(int depth) {
    take('{');
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      if (!string()) return false;
      skip_space();
      if (!take(':') || !value(depth + 1)) return false;
      skip_space();
    } while (take(','));
    return take('}');
  }

  bool array(int depth) {
    take('[');
    skip_space();
    if (take(']')) return true;
    do {
      if (!value(depth + 1)) return false;
      skip_space();
    } while (take(','));
    return take(']');
  }

  bool string() {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }

  bool escape() {
    const char c = peek();
    ++at_;
    if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char digit = peek();
      const bool hex = (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f') ||
                       (digit >= 'A' && digit <= 'F');
      if (!hex) return false;
    }
    return true;
  }

  bool digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > start;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_json_object(std::string_view text) {
  return Checker(text).begins_object() && is_json(text);
}

bool is_json(std::string_view text) { return is_utf8(text) && Checker(text).check(); }

}  // namespace coterie::node
