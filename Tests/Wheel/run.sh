#!/usr/bin/env bash
# Installs the wheel where there is no toolchain and none of the libraries, and works with it.
# Usage: run.sh WHEEL ROOT     ROOT, a bare Debian, is made by debootstrap where it is missing
set -euo pipefail
cd "$(dirname "$0")/../.."
repository=$PWD
wheel=$(realpath "${1:?usage: run.sh WHEEL ROOT}")
root=$(realpath -m "${2:?usage: run.sh WHEEL ROOT}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() { echo "make wheel: $*" >&2; exit 1; }

size=$(stat -c %s "$wheel")
[ "$size" -lt 40000000 ] || fail "the wheel has $size bytes, 40 MB or more"

# `pip install` of the sources leaves nothing in them.
git status --porcelain --ignored >"$folder/before"
python3 -m venv "$folder/sources"
"$folder/sources/bin/python" -m pip install --quiet --no-deps ./Python
git status --porcelain --ignored | diff "$folder/before" - || fail "pip install leaves files"
[ ! -e "$folder/sources/bin/assay" ] || fail "the sources bring a program"

python3 -m zipfile -e "$wheel" "$folder/unpacked"
binary=$(echo "$folder"/unpacked/*.data/scripts/assay)
needed=$(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
  grep -vE '^(libc|libm|libgcc_s|ld-linux-[a-z0-9-]+)\.so\.[0-9]+$' || true)
[ -z "$needed" ] || fail "the program needs $needed"
for licence in libhdf5 libopenblas libdeflate libssl libaec zlib libstdc++ swift Yams libyaml icu; do
  ls "$folder"/unpacked/*.dist-info/licenses/linked/"$licence"*.txt >/dev/null
done

[ "$(id -u)" = 0 ] || fail "a bare root takes the rights of root"
if [ ! -e "$root/made" ]; then
  rm -rf "$root"
  debootstrap --variant=minbase --include=python3-venv,ca-certificates bookworm "$root" \
    >"$folder/debootstrap" || fail "no bare root: $(tail -5 "$folder/debootstrap")"
  touch "$root/made"
fi
found=$(find "$root/usr" "$root/opt" -name 'libhdf5*' -o -name 'libopenblas*' \
  -o -name 'libdeflate*' -o -name 'libswift*')
[ -z "$found" ] || fail "the root is not bare: $found"

# How this machine reaches the package index, and nothing else of it.
settings=()
while IFS= read -r setting; do settings+=("$setting"); done < <(env | grep -iE '^(PIP_|https?_proxy=)')
mkdir -p "$root/assay" "$root/wheel"
export repository wheel root
unshare -m bash -euo pipefail -c '
  mount --bind -o ro "$repository" "$root/assay"
  mount --bind -o ro "$(dirname "$wheel")" "$root/wheel"
  mount --bind /etc/ssl/certs "$root/etc/ssl/certs"
  [ -d /usr/local/share/ca-certificates ] && mkdir -p "$root/usr/local/share/ca-certificates" &&
    mount --bind /usr/local/share/ca-certificates "$root/usr/local/share/ca-certificates"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  mount -t proc proc "$root/proc"
  exec chroot "$root" "$@"' bash \
  /usr/bin/env -i "${settings[@]}" HOME=/root PATH=/usr/bin:/bin \
  bash /assay/Tests/Wheel/bare.sh "/wheel/$(basename "$wheel")"
