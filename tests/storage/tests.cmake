# The tests forge foreign databases, so they link LMDB themselves.
pkg_check_modules(LMDB_TEST REQUIRED IMPORTED_TARGET lmdb)

coterie_test(storage.store_test SOURCES storage/store_test.cpp DEPENDS coterie::storage_lmdb)
coterie_test(storage.files_test SOURCES storage/files_test.cpp
             DEPENDS coterie::files coterie::storage_lmdb)
coterie_test(storage.memory_store_test SOURCES storage/memory_store_test.cpp
             DEPENDS coterie::storage_lmdb)
coterie_test(storage.lmdb_store_test SOURCES storage/lmdb_store_test.cpp
             DEPENDS coterie::storage_lmdb)
coterie_test(storage.lmdb_damage_test SOURCES storage/lmdb_damage_test.cpp
             DEPENDS coterie::storage_lmdb PkgConfig::LMDB_TEST)
coterie_test(storage.commit_queue_test SOURCES storage/commit_queue_test.cpp
             DEPENDS coterie::storage_queue coterie::storage_lmdb)

# Stands in front of the C library: linked by tests, or put into a node by LD_PRELOAD.
add_library(disk_faults SHARED support/disk_faults.cpp)
target_include_directories(disk_faults PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(disk_faults PRIVATE coterie_options ${CMAKE_DL_LIBS})
set_target_properties(disk_faults PROPERTIES
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
coterie_test(storage.power_loss_test SOURCES storage/power_loss_test.cpp
             DEPENDS disk_faults coterie::storage_lmdb)
coterie_test(storage.failing_disk_test SOURCES storage/failing_disk_test.cpp
             DEPENDS disk_faults coterie::storage_lmdb)
coterie_test(storage.maintenance_test SOURCES storage/maintenance_test.cpp
             DEPENDS coterie::storage_lmdb)
