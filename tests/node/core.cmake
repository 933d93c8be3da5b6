foreach(test entry records membership invite)
  coterie_test(node.${test}_test SOURCES node/${test}_test.cpp DEPENDS coterie::node_log)
endforeach()
