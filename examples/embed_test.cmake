# Installs the engine into a fresh prefix and builds and runs examples/embed against it, as a program
# outside this tree would. Run with -D BUILD=<build tree> -D SOURCE=<source tree> -P.
set(work ${BUILD}/embed_test)
file(REMOVE_RECURSE ${work})
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()
run(${CMAKE_COMMAND} --install ${BUILD} --component crdt --prefix ${work}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/embed -B ${work}/build -DCMAKE_PREFIX_PATH=${work}/prefix
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS} -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/notes)
