#!/usr/bin/env bash
# Makes an artifact bundle (SE-0305) of the programs in wheels, zipped, and prints its checksum.
# Usage: bundle.sh VERSION FOLDER TRIPLE=WHEEL...      such as x86_64-unknown-linux-gnu=FILE.whl
set -euo pipefail
usage="usage: bundle.sh VERSION FOLDER TRIPLE=WHEEL..."
version=${1:?$usage}
folder=${2:?$usage}
shift 2
fail() { echo "bundle.sh: $*" >&2; exit 1; }
[ $# -gt 0 ] || fail "no wheel is given"

name=assay.artifactbundle
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
variants=()
for pair in "$@"; do
  triple=${pair%%=*}
  wheel=${pair#*=}
  [ "$triple" != "$pair" ] || fail "$pair is not TRIPLE=WHEEL"
  [ -f "$wheel" ] || fail "$wheel is no file"
  # Whoever passes the program on passes on the licences of what is linked in.
  rm -rf "$work/wheel"
  python3 -m zipfile -e "$wheel" "$work/wheel"
  variant=$work/bundle/$name/$triple
  mkdir -p "$variant"
  install -m 755 "$work"/wheel/*.data/scripts/assay "$variant/assay"
  cp -R "$work"/wheel/*.dist-info/licenses "$variant/licenses"
  # The programs of other machines cannot be asked.
  if [[ $triple = "$(uname -m)"-*-"$(uname -s | tr '[:upper:]' '[:lower:]')"* ]]; then
    found=$("$variant/assay" --version)
    [ "$found" = "$version" ] || fail "$wheel holds assay $found, not $version"
  fi
  variants+=("{ \"path\": \"$triple/assay\", \"supportedTriples\": [\"$triple\"] }")
done
cat >"$work/bundle/$name/info.json" <<JSON
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
python3 - "$work/bundle" "$zip" "$epoch" <<'PYTHON'
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
