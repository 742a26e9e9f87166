#!/bin/sh
# The first process of a guest that runs on this machine's own file system, which it mounts read-only. Only its own memory
# is written to: /run, /tmp, /dev/shm. The kernel's command line gives it GUEST_FOLDER, with a script `run`, GUEST_MODULES,
# the parent of its kernel's folder of modules, and GUEST_PROJECT, this checkout, which may lie where the guest has its own memory. What `run` writes goes to the console.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C TERM=dumb
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/guest /run/project /run/loader/bin /run/loader/lib/modules
mount --bind "$GUEST_FOLDER" /run/guest
mount --bind "$GUEST_PROJECT" /run/project
mount --bind "$GUEST_MODULES" /run/loader/lib/modules
cp /bin/busybox /run/loader/bin
mount -t tmpfs tmpfs /tmp
grep -q ' /dev devtmpfs ' /proc/mounts || mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# The kernel loads what it is asked for by itself, with busybox: its modules are not where modprobe looks.
printf '#!/bin/sh\nexec chroot /run/loader /bin/busybox modprobe "$@"\n' >/run/modprobe
chmod +x /run/modprobe
mkdir /run/loader/proc
mount -t proc proc /run/loader/proc
echo /run/modprobe >/proc/sys/kernel/modprobe
for module in veth tun overlay; do /run/modprobe "$module"; done
ip link set lo up
echo 'guest: begins'
sh /run/guest/run
echo "guest: ends with $?"
exec busybox poweroff -f
