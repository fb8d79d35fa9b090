#!/usr/bin/env bash
# Puts a release together: notes, source archive, artifact bundle and formula, and tags the commit.
# Usage: release.sh VERSION URL FOLDER TRIPLE=WHEEL...      URL is the address of the public repository
set -euo pipefail
usage="usage: release.sh VERSION URL FOLDER TRIPLE=WHEEL..."
version=${1:?$usage}
url=${2:?$usage}
folder=$(realpath -m "${3:?$usage}")
shift 3
wheels=()
for pair in "$@"; do wheels+=("${pair%%=*}=$(realpath "${pair#*=}")"); done
cd "$(dirname "$0")/.."
fail() { echo "release.sh: $*" >&2; exit 1; }

# What must say the version.
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$version is not like 1.2.3"
python3 Tests/Architecture/versions.py
grep -qF "\"$version\"" Sources/AssayRuns/Provenance+Current.swift ||
  fail "Sources/AssayRuns/Provenance+Current.swift has another version"
grep -qx "version: $version" CITATION.cff || fail "CITATION.cff has another version"
date=$(sed -n "s/^## $version - \(.*\)/\1/p" CHANGELOG.md)
[ -n "$date" ] || fail "CHANGELOG.md has no entry '## $version - DATE'"
grep -qx "date-released: $date" CITATION.cff || fail "CITATION.cff has another date than $date"
[ -z "$(git status --porcelain)" ] || fail "something is not committed"
tag=v$version
tagged=$(git rev-parse --quiet --verify "refs/tags/$tag^{commit}" || true)
[ -z "$tagged" ] || [ "$tagged" = "$(git rev-parse HEAD)" ] || fail "$tag is another commit"

mkdir -p "$folder"
awk -v heading="## $version -" '
  /^## / { inside = index($0, heading) == 1; next }
  inside' CHANGELOG.md >"$folder/notes.md"
archive=$folder/assay-$version.tar.gz
git archive --format=tar --prefix="assay-$version/" HEAD | gzip -n9 >"$archive"
Release/bundle.sh "$version" "$folder" "${wheels[@]}"
Release/formula.sh "$version" "$url" "$archive" >"$folder/assay.rb"

if [ -z "$tagged" ]; then
  git tag --annotate "$tag" --message "Assay $version"
  echo "tagged $tag: git push origin $tag"
fi
ls -l "$folder"
