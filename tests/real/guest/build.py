#!/usr/bin/env python3
"""Builds the tests' guest: a bootable disk image of some 32 MiB with a Debian kernel, busybox and QEMU's agent.

Nothing is installed: kernel, agent and its libraries are downloaded as Debian packages and unpacked. Needs
apt-get, dpkg, busybox (static), cpio, mtools and syslinux.

    build.py FOLDER        leaves FOLDER/guest.img
"""

import gzip
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# What the guest's devices need; what these depend on is found in them.
MODULES = (
    "virtio_pci virtio_blk virtio_net virtio_console virtio-rng button evdev af_packet ata_piix sr_mod isofs"
).split()
# Where the agent's libraries come from.
PACKAGES = "qemu-guest-agent libglib2.0-0 libnuma1 liburing2 libudev1 libpcre2-8-0 libc6".split()


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)


def kernel_package():
    depends = run("apt-cache", "depends", "linux-image-cloud-amd64").stdout
    return re.search(r"Depends: (linux-image-\S+-cloud-amd64)", depends)[1]


def fetch(folder, package):
    """Downloads and unpacks one package; returns where."""
    root = folder / "unpacked" / package
    if not root.exists():
        have = list(folder.glob(f"{package}_*.deb"))
        if not have:
            run("apt-get", "download", "-qq", package, cwd=folder)
            have = list(folder.glob(f"{package}_*.deb"))
        part = root.with_name(root.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        run("dpkg", "-x", have[0], part)
        part.rename(root)
    return root


def ordered(kernel, wanted):
    """Modules with what they depend on, in the order to load them."""
    files = {path.stem.replace("-", "_"): path for path in kernel.rglob("*.ko")}
    order = []

    def add(name):
        name = name.replace("-", "_")
        path = files.get(name)
        # What is no module is built in.
        if path is None or path in order:
            return
        depends = re.search(rb"\0?depends=([^\0]*)\0", path.read_bytes())
        for other in depends[1].decode().split(",") if depends else ():
            if other:
                add(other)
        order.append(path)

    for name in wanted:
        add(name)
    return order


def initramfs(folder, kernel, roots):
    tree = folder / "initramfs"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("bin", "lib64", "lib/x86_64-linux-gnu", "modules"):
        (tree / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    (tree / "bin/sh").symlink_to("busybox")
    shutil.copy(HERE / "init", tree / "init")
    (tree / "init").chmod(0o755)
    modules = ordered(kernel, MODULES)
    for path in modules:
        shutil.copy(path, tree / "modules")
    (tree / "modules/order").write_text("\n".join(path.name for path in modules) + "\n")
    agent = roots["qemu-guest-agent"] / "usr/sbin/qemu-ga"
    shutil.copy(agent, tree / "bin/qemu-ga")
    shutil.copy(roots["libc6"] / "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", tree / "lib64")
    pending, done = [agent], set()
    while pending:
        for library in re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", pending.pop()).stdout):
            if library in done or library.startswith("ld-linux"):
                continue
            done.add(library)
            places = [root / base / library for root in roots.values() for base in LIBRARIES]
            path = next(place for place in places if place.exists())
            shutil.copy(path, tree / "lib/x86_64-linux-gnu" / library, follow_symlinks=True)
            pending.append(path)
    names = "\n".join(sorted(str(path.relative_to(tree)) for path in tree.rglob("*")))
    archive = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names.encode(), capture_output=True, check=True
    ).stdout
    path = folder / "initrd.gz"
    path.write_bytes(gzip.compress(archive, 1, mtime=0))
    return path


LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")


def disk(folder, kernel, initrd):
    """A FAT disk without partitions that boots by syslinux."""
    (folder / "syslinux.cfg").write_text(
        "default guest\nprompt 0\ntimeout 0\nlabel guest\n  kernel vmlinuz\n  initrd initrd.gz\n"
        "  append console=ttyS0 quiet panic=1 random.trust_cpu=on\n"
    )
    vmlinuz = next((kernel / "boot").glob("vmlinuz-*"))
    size = (vmlinuz.stat().st_size + initrd.stat().st_size + (4 << 20)) // 512 // 2048 * 2048
    image = folder / "guest.img.part"
    image.unlink(missing_ok=True)
    with open(image, "wb") as out:
        out.truncate(size * 512)
    run("mformat", "-i", image, "-h", "64", "-s", "32", "-T", str(size), "-v", "GUEST", "::")
    run("mcopy", "-i", image, vmlinuz, "::vmlinuz")
    run("mcopy", "-i", image, initrd, "::initrd.gz")
    run("mcopy", "-i", image, folder / "syslinux.cfg", "::syslinux.cfg")
    run("syslinux", "--install", image)
    image.rename(folder / "guest.img")


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    package = kernel_package()
    mark = hashlib.sha256()
    for part in (HERE / "init", HERE / "build.py"):
        mark.update(part.read_bytes())
    mark = f"{package} {mark.hexdigest()}"
    stamp = folder / "guest.made"
    if (folder / "guest.img").exists() and stamp.exists() and stamp.read_text() == mark:
        return
    roots = {name: fetch(folder, name) for name in PACKAGES}
    kernel = fetch(folder, package)
    disk(folder, kernel, initramfs(folder, kernel, roots))
    stamp.write_text(mark)
    print(f"guest: {folder / 'guest.img'}, {(folder / 'guest.img').stat().st_size >> 20} MiB, {package}")


main()
