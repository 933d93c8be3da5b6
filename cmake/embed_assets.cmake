# cmake -DLIST=<file> -DOUTPUT=<file.cpp> -P embed_assets.cmake
#
# Writes the C++ file that puts files into the binary and defines embedded_web_assets()
# (node/bridge/web_asset.hpp). Each line of LIST is "<url path>|<file>", sorted by path.
set(type_html "text/html; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_mjs "${type_js}")
set(type_css "text/css; charset=utf-8")
set(type_json "application/json")
set(type_map "application/json")
set(type_webmanifest "application/manifest+json")
set(type_svg "image/svg+xml")
set(type_png "image/png")
set(type_ico "image/x-icon")
set(type_woff "font/woff")
set(type_woff2 "font/woff2")
set(type_ttf "font/ttf")
set(type_wasm "application/wasm")
set(type_txt "text/plain; charset=utf-8")

file(STRINGS "${LIST}" lines)
set(blobs "")
set(rows "")
set(index 0)
foreach(line IN LISTS lines)
  string(REGEX MATCH "^([^|]+)\\|(.+)$" matched "${line}")
  set(path "${CMAKE_MATCH_1}")
  set(file "${CMAKE_MATCH_2}")
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 32 hash)
  get_filename_component(extension "${path}" LAST_EXT)
  string(REGEX REPLACE "^\\." "" extension "${extension}")
  set(type "application/octet-stream")
  if(DEFINED type_${extension})
    set(type "${type_${extension}}")
  endif()
  set(name "coterie_asset_${index}")
  string(APPEND blobs
    "__asm__(\".section .rodata\\n.balign 16\\n${name}:\\n.incbin \\\"${file}\\\"\\n"
    "${name}_end:\\n.byte 0\\n.global ${name}\\n.global ${name}_end\\n.previous\\n\");\n"
    "extern \"C\" const std::uint8_t ${name}[];\nextern \"C\" const std::uint8_t ${name}_end[];\n")
  string(APPEND rows
    "      {\"${path}\", \"${type}\", \"\\\"${hash}\\\"\", {${name}, ${name}_end}},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE "${OUTPUT}" "// Written by cmake/embed_assets.cmake.
#include \"node/bridge/web_asset.hpp\"

${blobs}
namespace coterie::node::bridge {

std::span<const WebAsset> embedded_web_assets() {
  static const WebAsset kAssets[] = {
${rows}  };
  return kAssets;
}

}  // namespace coterie::node::bridge
")
