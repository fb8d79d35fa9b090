#!/usr/bin/env bash
# Prints the Homebrew formula that builds a version from its source archive.
# Usage: formula.sh VERSION URL ARCHIVE      URL is the repository's; ARCHIVE is published with the release
set -euo pipefail
usage="usage: formula.sh VERSION URL ARCHIVE"
version=${1:?$usage}
url=${2:?$usage}
archive=${3:?$usage}
sum=$(sha256sum "$archive" 2>/dev/null || shasum -a 256 "$archive")
sed -e "s|@URL@|${url%/}|; s|@VERSION@|$version|; s|@SHA256@|${sum%% *}|" \
  -e "s|@ARCHIVE@|$(basename "$archive")|" "$(dirname "$0")/assay.rb.in"
