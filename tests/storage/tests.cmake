coterie_test(storage.store_test SOURCES storage/store_test.cpp DEPENDS coterie::storage)
coterie_test(storage.memory_store_test SOURCES storage/memory_store_test.cpp
             DEPENDS coterie::storage)
