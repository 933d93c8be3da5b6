#!/usr/bin/env bash
# The demo behind `./dev demo`: a team of three nodes on this machine, joined by real invites.
#
#   red    bridge http://127.0.0.1:7420/   mesh tcp://127.0.0.1:7430
#   green  bridge http://127.0.0.1:7421/   mesh tcp://127.0.0.1:7431
#   blue   no bridge                       mesh tcp://127.0.0.1:7432
#
#   --check   run the demo's scenario without a person, then stop; exit 0 or 1
#   --fresh   forget what earlier runs typed
#
# Data is kept in build/demo (COTERIE_DEMO_DIR), so a second run finds its documents again.
set -euo pipefail
cd "$(dirname "$0")/.."
coterie=${COTERIE_BIN:-$PWD/build/release/bin/coterie}
base=${COTERIE_DEMO_DIR:-$PWD/build/demo}
check=no
for option in "$@"; do
  case $option in
    --check) check=yes; base=$base-check; rm -rf "$base" ;;
    --fresh) rm -rf "$base" ;;
    *) echo "demo: unknown option $option (there are --check and --fresh)" >&2; exit 2 ;;
  esac
done
mkdir -p "$base"

pids=()
stop_all() {
  trap - EXIT INT TERM
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait || true
}
trap stop_all EXIT
trap 'echo; echo "demo: stopping"; exit 0' INT TERM

# start NAME MESH_PORT [BRIDGE_PORT]
start() {
  local name=$1 bridge=()
  [ -e "$base/$name/device.json" ] || "$coterie" --data "$base/$name" init --name "$name" >/dev/null
  [ -z "${3:-}" ] || bridge=(--bridge "127.0.0.1:$3")
  "$coterie" --data "$base/$name" run --listen "tcp://127.0.0.1:$2" "${bridge[@]}" \
    >"$base/$name.log" 2>&1 &
  pids+=($!)
  local pid=$! tries
  for tries in $(seq 300); do
    grep -qx ready "$base/$name.log" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "demo: $name did not start:" >&2
  tail -5 "$base/$name.log" >&2
  exit 1
}

has_workspace() { "$coterie" --data "$base/$1" workspace list | grep -qw demo; }

start red 7430 7420
start green 7431 7421
start blue 7432
has_workspace red || "$coterie" --data "$base/red" workspace create demo >/dev/null
for name in green blue; do
  has_workspace "$name" && continue
  "$coterie" --data "$base/$name" join "$("$coterie" --data "$base/red" invite demo)" >/dev/null
done

cat <<EOF

  Coterie demo: red, green and blue are one team; there is no server.

    red    http://127.0.0.1:7420/
    green  http://127.0.0.1:7421/

  Open both, make a document in one, open it in the other, type in either. Logs and data: $base

EOF
if [ "$check" = yes ]; then
  node tests/e2e/demo_check.mjs http://127.0.0.1:7420 http://127.0.0.1:7421 \
    "$base/red" "$base/green" "$base/blue"
  exit
fi
echo "  Ctrl-C stops everything."
wait -n || true
echo "demo: a node stopped by itself; its log is in $base" >&2
exit 1
