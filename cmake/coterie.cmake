# Compiler flags and the few functions every module's CMakeLists.txt uses.
if(NOT COTERIE_CRDT_ONLY)
  include(FindPkgConfig)
  find_package(Threads REQUIRED)
endif()

# Flags live here, not in global variables: linked PRIVATE, they reach our code only.
add_library(coterie_options INTERFACE)
target_compile_options(coterie_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor
  $<$<BOOL:${COTERIE_WERROR}>:-Werror>
  # False in g++ 12 when it optimises: optional<variant<struct with vector>> for the first, inlined
  # vector insertion and comparison for the others. clang and the
  # sanitizers still look for the real thing.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow
                           -Wno-stringop-overread -Wno-restrict>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)

if(COTERIE_SANITIZE)
  # Global on purpose: a sanitizer must see every translation unit, ours and the tests'.
  add_compile_options(-fsanitize=${COTERIE_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${COTERIE_SANITIZE})
endif()
if(COTERIE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# coterie_library(<name> SOURCES <file>... [DEPENDS <target>...] [PRIVATE_DEPENDS <target>...])
#
# Defines coterie_<name> and its alias coterie::<name>. DEPENDS appear in the public headers;
# PRIVATE_DEPENDS (libsodium, lmdb, libzmq) appear in .cpp files only, and stay there.
function(coterie_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "coterie_library(${name}): unknown ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_library(coterie_${name} STATIC ${arg_SOURCES})
  add_library(coterie::${name} ALIAS coterie_${name})
  target_include_directories(coterie_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  set_target_properties(coterie_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(coterie_${name}
    PUBLIC ${arg_DEPENDS}
    PRIVATE $<BUILD_INTERFACE:coterie_options> ${arg_PRIVATE_DEPENDS})
endfunction()

# coterie_test(<name> SOURCES <file>... DEPENDS <target>... [LABELS <label>...] [TIMEOUT <s>])
#
# One gtest executable, registered with ctest as <name> (default label: unit).
function(coterie_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;DEPENDS;LABELS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "coterie_test(${name}): unknown ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} coterie_options GTest::gtest GTest::gmock
                                        GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE COTERIE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # What is tested is optimised; the tests themselves compile in two thirds of the time like this.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()

# coterie_fuzz(<name> DEPENDS <target>...): tests/fuzz/<name>.cpp over tests/fuzz/corpus/<name>/.
# Every build replays the corpus as an ordinary test, so g++ and CI without clang run it too.
function(coterie_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  add_executable(fuzz.${name} fuzz/${name}.cpp)
  target_include_directories(fuzz.${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(fuzz.${name} PRIVATE ${arg_DEPENDS} coterie_options)
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
  if(COTERIE_FUZZ)
    target_link_options(fuzz.${name} PRIVATE -fsanitize=fuzzer)
    # New inputs go to the build tree (the first directory), never into the source tree.
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/corpus/${name})
    add_test(NAME fuzz.${name}
      COMMAND fuzz.${name} -runs=20000 ${PROJECT_BINARY_DIR}/corpus/${name} ${corpus})
  else()
    target_sources(fuzz.${name} PRIVATE support/fuzz_replay_main.cpp)
    add_test(NAME fuzz.${name} COMMAND fuzz.${name} ${corpus})
  endif()
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 600)
endfunction()
