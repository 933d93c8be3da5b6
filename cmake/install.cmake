# What `cmake --install BUILD --component crdt` installs: the CRDT engine, for programs that embed it
# (find_package(coterie), target coterie::crdt). Headers keep their path: #include "crdt/doc.hpp".
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/coterie)
target_compile_features(coterie_base PUBLIC cxx_std_20)
target_include_directories(coterie_base
  INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/coterie>)

install(TARGETS coterie_base coterie_crdt EXPORT coterie
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT crdt)
install(DIRECTORY crdt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/coterie COMPONENT crdt
  FILES_MATCHING PATTERN "*.hpp" PATTERN internal EXCLUDE)
install(EXPORT coterie NAMESPACE coterie:: FILE coterie-config.cmake
  DESTINATION ${package_dir} COMPONENT crdt)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/coterie-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/coterie-config-version.cmake
  DESTINATION ${package_dir} COMPONENT crdt)
