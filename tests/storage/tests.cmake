# The tests forge foreign databases, so they link LMDB themselves.
pkg_check_modules(LMDB_TEST REQUIRED IMPORTED_TARGET lmdb)

coterie_test(storage.store_test SOURCES storage/store_test.cpp DEPENDS coterie::storage_lmdb)
coterie_test(storage.memory_store_test SOURCES storage/memory_store_test.cpp
             DEPENDS coterie::storage_lmdb)
coterie_test(storage.lmdb_store_test SOURCES storage/lmdb_store_test.cpp
             DEPENDS coterie::storage_lmdb)
coterie_test(storage.lmdb_damage_test SOURCES storage/lmdb_damage_test.cpp
             DEPENDS coterie::storage_lmdb PkgConfig::LMDB_TEST)
coterie_test(storage.commit_queue_test SOURCES storage/commit_queue_test.cpp
             DEPENDS coterie::storage_queue coterie::storage_lmdb)
