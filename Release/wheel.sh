#!/usr/bin/env bash
# Builds the wheel: the recorder and the `assay` command, with all that the command needs linked in.
# Usage: wheel.sh FOLDER      FOLDER keeps what was built; the wheel comes into FOLDER/dist
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:?usage: wheel.sh FOLDER}")
swift=${SWIFT:-swift}

fail() { echo "make wheel: $*" >&2; exit 1; }

# Where only archives lie, the linker takes them. Of HDF5 it takes no part that needs curl.
static=$folder/static
rm -rf "$static"
mkdir -p "$static"
packages=()  # whose licences go with them
add() {  # an archive's path
  local archive name
  archive=$(realpath "$1")
  name=$(basename "$1")
  ln -s "$archive" "$static/$name"
  packages+=("$(dpkg-query -S "$archive" | cut -d: -f1)")
}
linked() {  # a module map's pkg-config name, then its libraries in the order of linking
  local name=$1 library archive
  shift
  for library in "$@"; do
    archive=$(cc $(pkg-config --libs-only-L "$name" | sed 's/-L/-B/g') \
      -print-file-name="lib$library.a")
    [ -e "$archive" ] || fail "there is no lib$library.a: install its -dev package"
    add "$archive"
  done
  cat >"$static/$name.pc" <<PC
Name: $name
Description: $name as archives
Version: $(pkg-config --modversion "$name")
Cflags: $(pkg-config --cflags "$name")
Libs: -L$static $(printf -- '-l%s ' "$@")
PC
}
linked hdf5-serial hdf5 sz aec z
linked openblas openblas
linked libdeflate deflate
linked libcrypto crypto
add "$(cc -print-file-name=libstdc++.a)"

export PKG_CONFIG_PATH=$static
build=(-c release --product assay --static-swift-stdlib --scratch-path "$folder")
"$swift" build "${build[@]}" ${SWIFT_BUILD_FLAGS:-}
binary=$("$swift" build "${build[@]}" --show-bin-path ${SWIFT_BUILD_FLAGS:-})/assay

# The recorder's wheel is of pure Python; the program makes it one of a platform.
tools=$folder/tools
[ -x "$tools/bin/wheel" ] || {
  "${PYTHON:-python3}" -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet hatchling==1.33.0 wheel==0.48.0
}
rm -rf "$folder/pure" "$folder/unpacked" "$folder/dist"
mkdir -p "$folder/dist"
"$tools/bin/python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$folder/pure" \
  ./Python
"$tools/bin/wheel" unpack --dest "$folder/unpacked" "$folder"/pure/*.whl >/dev/null
unpacked=$(echo "$folder"/unpacked/*)
name=$(basename "$unpacked")
information=$unpacked/$name.dist-info

# pip puts what is in scripts beside its python, so that no Python stands before the program.
mkdir -p "$unpacked/$name.data/scripts"
strip -o "$unpacked/$name.data/scripts/assay" "$binary"

# The licences of all that is linked in.
licences=$information/licenses/linked
mkdir -p "$licences"
for package in $(printf '%s\n' "${packages[@]}" | sort -u); do
  cp -L "/usr/share/doc/$package/copyright" "$licences/$package.txt"
done
toolchain=$(dirname "$(dirname "$(realpath "$(command -v "$swift")")")")
cp "$toolchain/share/swift/LICENSE.txt" "$licences/swift.txt"
cp Release/licences/*.txt "$licences"  # of what Foundation and Yams hold
for checkout in "$folder"/checkouts/*; do
  cp "$checkout"/LICENSE* "$licences/$(basename "$checkout").txt"
done

# Metadata 2.4 lists licences by their paths in the folder of licences.
listed=$(cd "$information/licenses" && printf 'License-File: %s\n' linked/*)
linked="BSD-3-Clause AND BSD-2-Clause AND MIT AND Zlib AND Unicode-3.0"
linked="$linked AND Apache-2.0 WITH Swift-exception AND GPL-3.0-or-later WITH GCC-exception-3.1"
awk -v listed="$listed" -v linked="$linked" '
  /^License-Expression: / && !done { print $0 " AND " linked; next }
  /^License-File: / && !done { print; print listed; done = 1; next }
  { print }' "$information/METADATA" >"$folder/METADATA"
mv "$folder/METADATA" "$information/METADATA"

# The tag is of the newest symbols of glibc that the program asks for.
glibc=$(readelf -W --version-info "$binary" | grep -oE 'GLIBC_2\.[0-9]+' | sort -Vu | tail -1)
sed -i "s/^Root-Is-Purelib: .*/Root-Is-Purelib: false/
  s/^Tag: .*/Tag: py3-none-manylinux_${glibc#GLIBC_}_$(uname -m)/
  /^Tag: /s/_2\./_2_/" "$information/WHEEL"
"$tools/bin/wheel" pack --dest-dir "$folder/dist" "$unpacked" >/dev/null
ls -l "$folder"/dist/*.whl
