#!/usr/bin/env bash
# Runs the benchmarks of a release build, each beside its rival where it has one.
#
#   bench/run.sh [--full] [crdt|storage|transport|catch_up|rooms|bridge|page|mesh|mesh-scale]...  all but the last without a name
#
# --full: rivals also where they take minutes, and the mesh's newcomer to a million entries five times.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=build/release/bin
full=()
[ "${1:-}" != --full ] || { full=(--full); shift; }
[ $# -gt 0 ] || set -- crdt storage transport catch_up rooms bridge page mesh
for name in "$@"; do
  printf '\n== %s\n' "$name"
  case $name in
    crdt) node bench/crdt/run.mjs --bench "$bin/crdt_bench" "${full[@]}" ;;
    storage)
      dir=$(mktemp -d build/storage_bench.XXXXXX)
      trap 'rm -rf "$dir"' EXIT
      "$bin/storage_bench" "$dir"
      node bench/storage/run.mjs --bin "$bin" --dir "$dir"
      ;;
    transport) "$bin/driver_bench" ;;
    mesh-scale) "$bin/mesh_scale" ;;  # The tables of docs/MESH.md; minutes.
    catch_up)
      dir=$(mktemp -d build/catch_up_bench.XXXXXX)
      trap 'rm -rf "$dir"' EXIT
      "$bin/catch_up_bench" "$dir"
      ;;
    rooms)
      disk=$(mktemp -d build/rooms_bench.XXXXXX)
      memory=$(mktemp -d /dev/shm/rooms_bench.XXXXXX)
      trap 'rm -rf "$disk" "$memory"' EXIT
      mkdir "$memory/rooms"
      "$bin/rooms_bench" "$memory/rooms"
      node --expose-gc bench/storage/chat_in_yjs.mjs
      COTERIE_BIN=$PWD/$bin/coterie TMPDIR=$PWD/$disk node bench/rooms/presence.mjs
      ;;
    bridge)
      disk=$(mktemp -d build/bridge_bench.XXXXXX)
      trap 'rm -rf "$disk"' EXIT
      COTERIE_BIN=$PWD/$bin/coterie TMPDIR=$PWD/$disk node bench/bridge/run.mjs
      ;;
    page)
      for kind in code rich; do COTERIE_BIN=$PWD/$bin/coterie node bench/page/typing.mjs --kind "$kind"; done
      ;;
    mesh)
      disk=$(mktemp -d build/mesh_bench.XXXXXX)
      memory=$(mktemp -d /dev/shm/mesh_bench.XXXXXX)
      trap 'rm -rf "$disk" "$memory"' EXIT
      export COTERIE_BIN=$PWD/$bin/coterie COTERIE_MODIFIED_NODE=$PWD/$bin/modified_node
      for dir in "$PWD/$disk" "$memory"; do
        printf '\n-- in %s\n' "$dir"
        "$bin/floor_bench" "$dir"
        TMPDIR=$dir node bench/mesh/latency.mjs
        TMPDIR=$dir node bench/mesh/editors.mjs
      done
      TMPDIR=$PWD/$disk node bench/mesh/team.mjs
      TMPDIR=$PWD/$disk node bench/mesh/flood.mjs
      TMPDIR=$memory node bench/mesh/million.mjs --runs "$([ ${#full[@]} = 0 ] && echo 1 || echo 5)"
      ;;
    *) echo "bench/run.sh: no benchmark called $name" >&2; exit 1 ;;
  esac
done
