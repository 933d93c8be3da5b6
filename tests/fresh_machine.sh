#!/usr/bin/env bash
# Proves the README's two commands on a fresh Debian 12: a debootstrap chroot with git and nothing
# else. Clones the committed HEAD into it, runs ./dev demo --check and ./dev test, prints the time of
# each. Needs root and Debian's mirror; takes as long as a full build and test.
#
#   tests/fresh_machine.sh DIR [command...]    DIR: where the chroot is made (kept, for a look)
set -euo pipefail
dir=${1:?usage: tests/fresh_machine.sh DIR [command...]}
shift
[ "$(id -u)" = 0 ] || { echo "fresh_machine: needs root (chroot, debootstrap)" >&2; exit 1; }
command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap
here=$(cd "$(dirname "$0")/.." && pwd)
chroot=$dir/root
[ ! -e "$chroot" ] || { echo "fresh_machine: $chroot exists; remove it first" >&2; exit 1; }
mkdir -p "$dir"
if [ ! -e "$dir/base.tar" ]; then
  debootstrap --variant=minbase --include=git,ca-certificates bookworm "$dir/base" >"$dir/debootstrap.log"
  tar -C "$dir/base" -cf "$dir/base.tar" .
  rm -rf "$dir/base"
fi
mkdir "$chroot"
tar -C "$chroot" -xf "$dir/base.tar"
# How this machine reaches the network, nothing more.
cp /etc/resolv.conf /etc/hosts "$chroot/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$chroot/etc/ssl/certs/"
mount --bind "$chroot" "$chroot"  # A root that is a mount point, as on a real machine.
mount -t proc proc "$chroot/proc"
mount -t sysfs sys "$chroot/sys"
mount --rbind /dev "$chroot/dev"
mount --make-rslave "$chroot/dev"
trap 'umount -R "$chroot"' EXIT
git clone -q --no-hardlinks "file://$here" "$chroot/root/coterie"
if [ -d "$here/../shared/traces" ]; then
  mkdir -p "$chroot/root/shared" && cp -r "$here/../shared/traces" "$chroot/root/shared/"
fi
run() {
  local start=$SECONDS status=0
  echo "==> fresh machine: $*"
  chroot "$chroot" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt} \
    sh -c "cd /root/coterie && $*" || status=$?
  echo "==> $*: exit $status after $((SECONDS - start)) s"
  return "$status"
}
if [ $# -gt 0 ]; then run "$@"; else run ./dev demo --check && run ./dev test; fi
