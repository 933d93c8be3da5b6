# cmake -DLIST=<file> -DOUTPUT=<file.cpp> -P embed_assets.cmake
#
# Writes the C++ file that puts files into the binary and defines embedded_web_assets()
# (node/bridge/web_asset.hpp). Each line of LIST is "<url path>|<file>", sorted by path. What gzip
# makes smaller by an eighth is carried in that form, too; compressed once, here, it costs no request
# anything.
find_program(gzip_program gzip)
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
# Appends to `blobs` what puts a file under a name.
macro(embed symbol from)
  string(APPEND blobs
    "__asm__(\".section .rodata\\n.balign 16\\n${symbol}:\\n.incbin \\\"${from}\\\"\\n"
    "${symbol}_end:\\n.byte 0\\n.global ${symbol}\\n.global ${symbol}_end\\n.previous\\n\");\n"
    "extern \"C\" const std::uint8_t ${symbol}[];\nextern \"C\" const std::uint8_t ${symbol}_end[];\n")
endmacro()

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
  embed("${name}" "${file}")
  set(packed "")
  if(gzip_program AND type MATCHES "^text/|json$|xml$|wasm$|ttf$")
    set(packed_file "${OUTPUT}.${index}.gz")
    execute_process(COMMAND "${gzip_program}" -9 -n -c "${file}" OUTPUT_FILE "${packed_file}"
                    COMMAND_ERROR_IS_FATAL ANY)
    file(SIZE "${file}" plain_bytes)
    file(SIZE "${packed_file}" packed_bytes)
    math(EXPR limit "${plain_bytes} / 8 * 7")
    if(packed_bytes LESS limit)
      embed("${name}_gzip" "${packed_file}")
      set(packed ", {${name}_gzip, ${name}_gzip_end}")
    endif()
  endif()
  string(APPEND rows
    "      {\"${path}\", \"${type}\", \"\\\"${hash}\\\"\", {${name}, ${name}_end}${packed}},\n")
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
