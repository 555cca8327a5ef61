#!/bin/sh
# Builds the last stage of localstack/Dockerfile and runs it, where no registry of images is reached: on a root that
# debootstrap makes, with Debian's buildah, without a daemon. As root. The program is the one in target/, with the site
# in it. Leaves nothing behind.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
# A network of its own: the image listens on port 5000, where this machine may have a server too.
net=tunrtc-image-$$
ip netns add "$net"
# buildah leaves its folder mounted on itself.
trap 'ip netns del "$net"; umount "$work/images/overlay" 2>/dev/null || :; rm -rf "$work"' EXIT
ip -n "$net" link set lo up
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
images() { buildah --root "$work/images" --runroot "$work/run" "$@"; }
within() { ip netns exec "$net" "$@"; }
runs() { within buildah --root "$work/images" --runroot "$work/run" run "$container" -- "$@"; }
fail() { echo "test_image.sh: $1" >&2; exit 1; }

. "$root/localstack/debian.sh"
debian bookworm "$work/root"
base=$(images from scratch)
images add --quiet "$base" "$work/root" / >/dev/null
images commit --quiet "$base" localhost/debian:bookworm-slim >/dev/null

# What the stages before leave for the last one.
(cd "$root/sdk-js" && npm run --silent build)
(cd "$root" && cargo build --locked --workspace --bin tunrtc --features tunrtc/site)
mkdir -p "$work/context/build/target/release" "$work/context/build/sdk-js/dist"
cp -r "$root/sdk-js/dist/captions" "$work/context/build/sdk-js/dist/"
cp "${CARGO_TARGET_DIR:-$root/target}/debug/tunrtc" "$work/context/build/target/release/"
cp "$root/LICENSE" "$work/context/"
awk '/^FROM debian/ { last = 1 } last' "$root/localstack/Dockerfile" |
  sed 's#^FROM debian#FROM localhost/debian#; s#^COPY --from=program /build/#COPY build/#' >"$work/context/Dockerfile"
images bud --quiet --format docker --tag localhost/tunrtc "$work/context" >/dev/null

container=$(images from localhost/tunrtc)
runs tunrtc >"$work/tunrtc.log" 2>&1 &
for _ in 1 2 3 4 5 6 7 8 9 10; do
  sleep 1
  runs tunrtc health 2>/dev/null && break
done
runs tunrtc health || { cat "$work/tunrtc.log" >&2; fail "the server in the image is not well"; }
[ "$(runs id -u)" != 0 ] || fail "the image runs as root"
runs test -s /data/tunrtc.db || fail "the data are not in /data"
within python3 - <<'EOF' || fail "the console, the captions or the SDK's reference are not in the image"
import urllib.request
for path, said in ("", b"app.js"), ("captions/assets.json", b"worker"), ("docs/sdk/", b"tunrtc-client"):
    with urllib.request.urlopen(f"http://127.0.0.1:5000/{path}") as page:
        if said not in page.read():
            raise SystemExit(1)
EOF
version=$(runs tunrtc --version | cut -d ' ' -f 2)
images inspect --format '{{index .OCIv1.Config.Labels "org.opencontainers.image.version"}}' localhost/tunrtc | grep -qx "$version" || fail "the image does not say its version"
# Only its own user's processes can be ended by it.
runs sh -c 'for each in /proc/[0-9]*; do [ "$(cat "$each/comm")" != tunrtc ] || kill -TERM "${each#/proc/}"; done' 2>/dev/null || :
wait
echo "test_image.sh: the image was built and run: healthy, not root, console inside, data in /data"
