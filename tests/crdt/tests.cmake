coterie_test(crdt.base_test SOURCES crdt/base_test.cpp DEPENDS coterie::base)
coterie_test(crdt.state_vector_test SOURCES crdt/state_vector_test.cpp DEPENDS coterie::crdt)
coterie_test(crdt.doc_test SOURCES crdt/doc_test.cpp DEPENDS coterie::crdt)
coterie_test(crdt.yjs_golden_test SOURCES crdt/yjs_golden_test.cpp DEPENDS coterie::crdt)
