#!/usr/bin/env bash
# Installs the program, its completions and its manual under a prefix, or removes them.
# Usage: install.sh BINARY MANUAL PREFIX
#        install.sh --remove PREFIX
set -euo pipefail
usage="usage: install.sh BINARY MANUAL PREFIX, or --remove PREFIX"
prefix=${!#}
if [ $# -lt 2 ] || [ -z "$prefix" ]; then
  echo "$usage" >&2
  exit 2
fi
program=$prefix/bin/assay
bash=$prefix/share/bash-completion/completions/assay
zsh=$prefix/share/zsh/site-functions/_assay
fish=$prefix/share/fish/vendor_completions.d/assay.fish
manual=$prefix/share/man/man1/assay.1

if [ "$1" = --remove ]; then
  rm -fv "$program" "$bash" "$zsh" "$fish" "$manual"
  exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for shell in bash zsh fish; do
  "$1" --generate-completion-script "$shell" >"$work/$shell"
done
for folder in "$program" "$bash" "$zsh" "$fish" "$manual"; do mkdir -p "${folder%/*}"; done
install -m 755 "$1" "$program"
install -m 644 "$work/bash" "$bash"
install -m 644 "$work/zsh" "$zsh"
install -m 644 "$work/fish" "$fish"
install -m 644 "$2" "$manual"
printf '%s\n' "$program" "$bash" "$zsh" "$fish" "$manual"
