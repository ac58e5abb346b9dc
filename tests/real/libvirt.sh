#!/usr/bin/env bash
# A real libvirt with QEMU (software emulation), for as long as one command runs.
#
#   tests/real/libvirt.sh WORK COMMAND...     WORK: folder for all that is written; kept between runs
#
# Everything runs alone (alone.sh), and files in /etc, /run and /var are private too. Needs root (or sudo) and the
# packages that `.ci/setup real-libvirt` installs. The command finds libvirt at qemu:///system, pool `default`, and in $GUEST a
# disk image whose guest runs QEMU's agent.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

if [ "${1:-}" != --inside ]; then
    mkdir -p "$1/guest"
    work="$(cd "$1" && pwd)"
    shift
    python3 "$here/guest/build.py" "$work/guest"
    exec "$here/alone.sh" "$here/libvirt.sh" --inside "$work" "$@"
fi

work="$2"
shift 2
private="$work/private"
rm -rf "$private"
mkdir -p "$private"/{lib/libvirt/images,log,etc}
# Mount points that are on every system; what lies below them is hidden here.
mount --bind "$private/lib" /var/lib
mount --bind "$private/log" /var/log
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 cache /var/cache
# libvirt is started as its Debian package would, but for its users and without confinement.
cp -a /etc/libvirt "$private/etc/"
cat > "$private/etc/libvirt/qemu.conf" <<'CONF'
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
CONF
printf 'listen_tls = 0\nauth_unix_rw = "none"\n' > "$private/etc/libvirt/libvirtd.conf"
mount --bind "$private/etc/libvirt" /etc/libvirt
for file in passwd group; do
    cp "/etc/$file" "$private/etc/$file"
    grep -q '^libvirt-qemu:' "/etc/$file" || case $file in
    passwd) echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' ;;
    group) echo 'libvirt-qemu:x:64055:' ;;
    esac >> "$private/etc/$file"
    mount --bind "$private/etc/$file" "/etc/$file"
done

# Started again by whoever kills it: the tests do.
cat > "$private/libvirtd" <<'RUN'
#!/bin/sh
rm -f /run/libvirtd.pid
exec setsid libvirtd --config /etc/libvirt/libvirtd.conf >> /var/log/libvirtd.out 2>&1 < /dev/null
RUN
chmod +x "$private/libvirtd"
"$private/libvirtd" &
disown
for try in $(seq 200); do
    virsh -q -c qemu:///system version > /dev/null 2>&1 && break
    sleep 0.3
done
virsh -c qemu:///system version > "$private/version" 2>&1 || { tail -5 /var/log/libvirtd.out >&2; exit 1; }
virsh -q -c qemu:///system pool-create-as default dir --target /var/lib/libvirt/images > /dev/null
export GUEST="$work/guest/guest.img" LIBVIRTD="$private/libvirtd"
"$@"
