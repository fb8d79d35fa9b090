#!/usr/bin/env bash
# Makes an artifact bundle (SE-0305) of the program, zipped, and prints its checksum for a binaryTarget.
# Usage: bundle.sh VERSION FOLDER TRIPLE=BINARY...      such as x86_64-unknown-linux-gnu=.build-wheel/release/assay
set -euo pipefail
version=${1:?usage: bundle.sh VERSION FOLDER TRIPLE=BINARY...}
folder=${2:?usage: bundle.sh VERSION FOLDER TRIPLE=BINARY...}
shift 2
fail() { echo "bundle.sh: $*" >&2; exit 1; }
[ $# -gt 0 ] || fail "no binary is given"

name=assay.artifactbundle
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
variants=()
for pair in "$@"; do
  triple=${pair%%=*}
  binary=${pair#*=}
  [ "$triple" != "$pair" ] || fail "$pair is not TRIPLE=BINARY"
  [ -f "$binary" ] || fail "$binary is no file"
  mkdir -p "$work/$name/$triple"
  install -m 755 "$binary" "$work/$name/$triple/assay"
  variants+=("{ \"path\": \"$triple/assay\", \"supportedTriples\": [\"$triple\"] }")
done
cp "$(dirname "$0")/../LICENSE" "$work/$name/"
cat >"$work/$name/info.json" <<JSON
{
  "schemaVersion": "1.0",
  "artifacts": {
    "assay": {
      "type": "executable",
      "version": "$version",
      "variants": [
        $(IFS=$'\n'; sed '$!s/$/,/; 2,$s/^/        /' <<<"${variants[*]}")
      ]
    }
  }
}
JSON

# Of the same binaries comes the same archive: all files have the time of the commit.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$(dirname "$0")" log -1 --format=%ct)}
zip=$(realpath "$folder")/assay-$version.artifactbundle.zip
python3 - "$work" "$zip" "$epoch" <<'PYTHON'
import os, sys, time, zipfile
work, path, epoch = sys.argv[1:]
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
    for folder, folders, files in os.walk(work):
        folders.sort()
        for file in (os.path.join(folder, name) for name in sorted(files)):
            member = zipfile.ZipInfo(os.path.relpath(file, work), time.gmtime(int(epoch))[:6])
            member.external_attr = (0o100000 | os.stat(file).st_mode & 0o777) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            with open(file, "rb") as data:
                archive.writestr(member, data.read())
PYTHON
"${SWIFT:-swift}" package compute-checksum "$zip" | tee "$zip.sha256"
