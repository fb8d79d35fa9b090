#!/usr/bin/env bash
# Holds what several ranks of `assay compare` write to what one process writes.
# Usage: run.sh ASSAY        ASSAY is built with the trait MPI; needs Open MPI's mpirun
set -euo pipefail
cd "$(dirname "$0")/../.."
assay=$(realpath "$1")
expected=Golden/tiny-llama/float32.h5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Without --quiet mpirun explains a status that is not 0.
mpirun=(mpirun --oversubscribe --allow-run-as-root --quiet)

fail() { echo "make mpi: $*" >&2; exit 1; }

status_of() { local status=0; "$@" >"$folder/out" 2>"$folder/err" || status=$?; echo "$status"; }

for actual in "$expected" Golden/tiny-llama/bugs/weight-row.h5; do
  formats="md json html"
  # mpirun takes seconds to end where the status is not 0.
  [ "$actual" = "$expected" ] || formats=md
  for format in $formats; do
    one=$(status_of "$assay" compare "$actual" "$expected" -o "$folder/one.$format")
    for count in 1 2 3; do
      rm -f "$folder/ranks.$format"
      found=$(status_of "${mpirun[@]}" -n $count "$assay" compare "$actual" "$expected" \
        -o "$folder/ranks.$format")
      [ "$found" = "$one" ] || fail "$count ranks: status $found, not $one: $(cat "$folder/err")"
      cmp "$folder/one.$format" "$folder/ranks.$format" || fail "$count ranks write another $format"
      [ -s "$folder/out" ] && fail "$count ranks print"
    done
  done
done

# Standard output has one report.
"$assay" compare "$expected" "$expected" >"$folder/one"
[ "$(status_of "${mpirun[@]}" -n 3 "$assay" compare "$expected" "$expected")" = 0 ] || fail "no match"
cmp "$folder/one" "$folder/out" || fail "ranks print another report"

# An error, said once, is everybody's end.
[ "$(status_of "${mpirun[@]}" -n 3 "$assay" compare "$folder/none" "$expected")" = 2 ] || fail "a missing run"
[ "$(grep -c "no such file" "$folder/err")" = 1 ] || fail "not one message: $(cat "$folder/err")"

# A rank that finds another run under the name, or none, or that dies, is never a match.
cat >"$folder/one-differs.sh" <<'END'
#!/usr/bin/env bash
cd "$1"
if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then
  case $2 in
    other) cd other ;;
    none) cd none ;;
    dies) kill -9 $$ ;;
  esac
fi
exec "$3" compare actual.h5 actual.h5
END
chmod +x "$folder/one-differs.sh"
mkdir "$folder/other" "$folder/none"
cp "$expected" "$folder/actual.h5"
cp Golden/tiny-llama/bugs/weight-row.h5 "$folder/other/actual.h5"
for case in same:0 other:2 none:2 dies:137; do
  found=$(status_of "${mpirun[@]}" -n 3 "$folder/one-differs.sh" "$folder" "${case%:*}" "$assay")
  [ "$found" = "${case#*:}" ] || fail "rank 1 ${case%:*}: status $found: $(cat "$folder/err")"
done

# A rank that is killed at its work, wherever it is.
for delay in 0.05 0.2 0.4; do
  "${mpirun[@]}" -n 3 "$assay" compare "$expected" "$expected" >"$folder/out" 2>"$folder/err" &
  job=$!
  victim=
  while [ -z "$victim" ] && kill -0 $job 2>/dev/null; do
    for process in $(pgrep -P $job); do
      if grep -qz '^OMPI_COMM_WORLD_RANK=2$' "/proc/$process/environ" 2>/dev/null; then
        victim=$process
      fi
    done
  done
  sleep $delay
  if kill -9 "$victim" 2>/dev/null; then
    status=0
    wait $job || status=$?
    # It may have done all that it had to.
    [ "$status" != 0 ] || cmp "$folder/one" "$folder/out" || fail "killed, and another report"
    echo "rank 2 killed after $delay s: status $status"
  else
    wait $job || fail "rank 2 ended by itself, and not well"
  fi
done
echo "1, 2 and 3 ranks write what one process writes"
