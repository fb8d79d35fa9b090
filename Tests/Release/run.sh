#!/usr/bin/env bash
# Tries what a release is made of, as far as a machine without Homebrew can: the artifact bundle in a package,
# the formula, what `make install` leaves. Usage: run.sh BINARY MANUAL WHEEL
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
release=$here/../../Release
binary=${1:?usage: run.sh BINARY MANUAL WHEEL}
manual=${2:?usage: run.sh BINARY MANUAL WHEEL}
wheel=${3:?usage: run.sh BINARY MANUAL WHEEL}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "Tests/Release: $*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "$3: '$1', not '$2'"; }
version=$("$binary" --version)

# The bundle: the same bytes each time, and a package that runs it.
triple=$(uname -m)-unknown-linux-gnu
"$release/bundle.sh" "$version" "$work/first" "$triple=$wheel" >/dev/null
sum=$("$release/bundle.sh" "$version" "$work/again" "$triple=$wheel")
bundle=assay-$version.artifactbundle.zip
cmp "$work/first/$bundle" "$work/again/$bundle" || fail "two bundles of one wheel differ"
same "$sum" "$(sha256sum "$work/again/$bundle" | cut -d' ' -f1)" "the bundle's checksum"
! "$release/bundle.sh" 9.9.9 "$work/wrong" "$triple=$wheel" >/dev/null 2>&1 ||
  fail "a wheel of another version becomes a bundle"
cp -R "$here/BundleUser" "$work/user"
cp "$work/first/$bundle" "$work/user/assay.artifactbundle.zip"
bundled() { "${SWIFT:-swift}" package --package-path "$work/user" bundled "$@"; }
same "$(bundled --version)" "$version" "the bundle's program"
golden=$(realpath "$here/../../Golden/tiny-llama/float32.h5")
bundled compare "$golden" "$golden" >"$work/report.md"
grep -qF '**Match**: 560 tensors' "$work/report.md" ||
  fail "the bundle's program does not compare"
echo "bundle: $(stat -c %s "$work/first/$bundle") bytes; a package runs its program"

# The formula: Ruby, no word left to replace, the sum of its archive.
git -C "$here" archive --format=tar.gz --prefix="assay-$version/" HEAD:./../.. >"$work/source.tar.gz"
"$release/formula.sh" "$version" https://example.org/assay/ "$work/source.tar.gz" >"$work/assay.rb"
ruby -wc "$work/assay.rb" >/dev/null || fail "the formula is no Ruby"
! grep -n '@[A-Z]*@' "$work/assay.rb" || fail "the formula keeps a word to replace"
grep -qF "sha256 \"$(sha256sum "$work/source.tar.gz" | cut -d' ' -f1)\"" "$work/assay.rb" ||
  fail "the formula has another sum than its archive"
grep -qF "\"https://example.org/assay/releases/download/v$version/source.tar.gz\"" "$work/assay.rb" ||
  fail "the formula has another address"
echo "formula: Ruby reads it"

# What is installed works from where it is installed, and nothing is left when it is removed.
installed=$work/stage/usr
"$release/install.sh" "$binary" "$manual" "$installed" >/dev/null
same "$("$installed/bin/assay" --version)" "$version" "the installed program"
words=$(bash -c '. "$1"; COMP_WORDS=(assay app); COMP_CWORD=1; COMP_LINE="assay app"; COMP_POINT=9
  _assay assay app assay; echo "${COMPREPLY[@]}"' - "$installed/share/bash-completion/completions/assay")
same "$words" approve "bash's completion"
zsh -n "$installed/share/zsh/site-functions/_assay" || fail "zsh's completion has an error"
words=$(fish --no-config --command "source $installed/share/fish/vendor_completions.d/assay.fish
  complete --do-complete 'assay app'" | cut -f1)
same "$words" approve "fish's completion"
warnings=$(MANWIDTH=80 man --warnings -E UTF-8 -l "$installed/share/man/man1/assay.1" 2>&1 >"$work/manual.txt")
same "$warnings" "" "the manual's warnings"
for command in record replay approve compare check convert; do
  grep -qE "^ +$command" "$work/manual.txt" || fail "the manual lacks $command"
done
"$release/install.sh" --remove "$installed" >/dev/null
same "$(find "$work/stage" -type f)" "" "what is left after the removal"
echo "installation: program, three completions, manual; removed whole"
