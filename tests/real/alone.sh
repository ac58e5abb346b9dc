#!/usr/bin/env bash
# Runs a command with a network, processes and mounts of its own: what it starts ends with it, ports are free, addresses
# may be given to the loopback interface, and the host sees nothing of it. Needs root, or sudo.
#
#   tests/real/alone.sh COMMAND...
set -euo pipefail
if [ "${1:-}" != --inside ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo --preserve-env)
    exec "${as_root[@]}" unshare --mount --net --pid --fork --kill-child --mount-proc "$0" --inside "$@"
fi
shift
mount --make-rprivate /
mount -t sysfs sysfs /sys
ip link set lo up
export ALONE=yes
exec "$@"
