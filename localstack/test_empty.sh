#!/bin/sh
# What the README promises, on a machine that has nothing: a Debian 13 that debootstrap makes, with what the README names and no more, and
# a clone of this checkout's last commit. As root, with debootstrap and a network. Leaves nothing behind.
#
#   localstack/test_empty.sh             `make run`, until the server is well
#   localstack/test_empty.sh make test   another command there, in the clone
set -eu
checkout=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
machine=$work/machine
home=/home/newcomer
trap 'rm -rf "$work"' EXIT

# Runs a command there: with mounts, processes and a name of its own, and this machine's network.
inside() {
  unshare --mount --propagation private --pid --fork --kill-child --uts sh -eu -c '
    machine=$1 home=$2; shift 2
    hostname empty
    mount -t proc proc "$machine/proc"
    mount --rbind /sys "$machine/sys"
    mount -t tmpfs tmpfs "$machine/run"
    mount -t tmpfs -o mode=755 tmpfs "$machine/dev"
    for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "$machine/dev/${device%:*}" c 1 "${device#*:}"; done
    mknod -m 666 "$machine/dev/tty" c 5 0
    ln -s /proc/self/fd "$machine/dev/fd"
    mkdir "$machine/dev/shm" "$machine/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$machine/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$machine/dev/pts"
    ln -s pts/ptmx "$machine/dev/ptmx"
    # As this machine has them: addresses of names, and certificates beside those of Debian.
    cp /etc/resolv.conf "$machine/etc/resolv.conf"
    [ ! -d /usr/local/share/ca-certificates ] || cp -r /usr/local/share/ca-certificates "$machine/usr/local/share/"
    exec chroot "$machine" env -i HOME="$home" DEBIAN_FRONTEND=noninteractive \
      PATH="$home"/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$@"' sh "$machine" "$home" "$@"
}

. "$checkout/localstack/debian.sh"
debian trixie "$machine"
mkdir "$machine$home"
inside apt-get update -qq
inside apt-get install -y -qq build-essential git ca-certificates nodejs npm >"$work/log"
inside npm install --silent --global npm@10
curl --silent --show-error --fail --output "$machine$home/rustup-init" "https://static.rust-lang.org/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init"
chmod +x "$machine$home/rustup-init"
inside "$home/rustup-init" -y --quiet >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
git clone --quiet "$checkout" "$machine$home/tunrtc"

# `make run`, until it says that it is ready. What is still running ends with the first process of the machine, which is this shell.
serves='
  make run ARGS="--port 0" >"$HOME/run.log" 2>&1 &
  until ready=$(grep -oE "ready on http://[^ ]+" "$HOME/run.log"); do
    kill -0 $! 2>/dev/null || { cat "$HOME/run.log" >&2; exit 1; }
    sleep 1
  done
  node --eval "fetch(process.argv[1]).then((page) => page.text()).then((page) => process.exit(page.includes(\"app.js\") ? 0 : 1))" "${ready#ready on }/"
'
[ $# -gt 0 ] || set -- sh -c "$serves"
inside sh -c 'cd "$HOME/tunrtc" && exec "$@"' sh "$@"
echo "test_empty.sh: done on a Debian that had nothing"
