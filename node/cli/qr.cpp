#include <qrencode.h>

#include <algorithm>
#include <memory>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

/// Light cells around a code, as the standard asks.
constexpr int kQuiet = 4;

}  // namespace

std::optional<QrCode> make_qr(std::string text) {
  // Upper case fits the alphanumeric mode: 5.5 bits a character instead of 8.
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
      QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 0), QRcode_free);
  if (code == nullptr) return std::nullopt;  // Too long for any code.
  QrCode out;
  const int width = code->width;
  for (int y = 0; y < width; ++y) {
    std::string row;
    for (int x = 0; x < width; ++x) row += (code->data[y * width + x] & 1) != 0 ? '1' : '0';
    out.rows.push_back(std::move(row));
  }
  return out;
}

std::string qr_text(const QrCode& code) {
  const int width = static_cast<int>(code.rows.size());
  const auto dark = [&](int x, int y) {
    const bool inside = x >= 0 && y >= 0 && x < width && y < width;
    return inside && code.rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] == '1';
  };
  // Two rows of cells a line. Colours are set, so that it is dark on light on every terminal.
  std::string out;
  for (int y = -kQuiet; y < width + kQuiet; y += 2) {
    out += "\x1b[30;47m";
    for (int x = -kQuiet; x < width + kQuiet; ++x) {
      const bool upper = dark(x, y);
      const bool lower = dark(x, y + 1);
      out += upper ? (lower ? "\u2588" : "\u2580") : (lower ? "\u2584" : " ");
    }
    out += "\x1b[0m\n";
  }
  return out;
}

}  // namespace coterie::node::cli
