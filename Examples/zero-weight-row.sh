#!/usr/bin/env bash
# Zeroes one row of a float32 matrix inside a .safetensors file, as a bug to be found.
# Usage: zero-weight-row.sh FILE TENSOR ROW
set -euo pipefail
file=$1 tensor=$2 row=$3

# The file begins with the header's length (8 bytes, little-endian), then the JSON header.
length=$(od -An -tu8 -N8 "$file" | tr -d ' ')
entry=$(head -c $((8 + length)) "$file" | tail -c "$length" | grep -o "\"$tensor\":{[^}]*}") ||
  { echo "$file has no tensor $tensor" >&2; exit 1; }
numbers() { sed -E "s/.*\"$1\":\[([0-9]+),([0-9]+)\].*/\1 \2/" <<<"$entry"; }
read -r _ columns <<<"$(numbers shape)"
read -r begin _ <<<"$(numbers data_offsets)"

bytes=$((columns * 4))
dd if=/dev/zero of="$file" bs=1 count="$bytes" seek=$((8 + length + begin + row * bytes)) \
  conv=notrunc status=none
echo "zeroed row $row of $tensor ($columns columns)"
