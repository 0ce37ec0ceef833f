#!/usr/bin/env bash
# Accuracy against an independent float32 implementation, as a markdown table: ours, the reference's, the difference.
#
#   accuracy.sh SHARED [WORK]     SHARED  the folder with models/, data/ and reference/
#                                 WORK    keeps the sidecar and each row's output (default: ./accuracy); rows that are
#                                         there are not run again
#   CHUNKS=N                      windows of the rows that use the first 64; fewer is a quick look without a reference, 0 is
#                                 the whole file
#
# Thresholds come from the first 64 windows of 512 tokens of the C4 documents; the text is WikiText-2's test file. The dense
# model and CHESS at 0.5 run on the whole file, the others on its first 64 windows; KL is taken on 32 of the windows.
set -euo pipefail
export LC_NUMERIC=C
shared=${1:?usage: accuracy.sh SHARED [WORK]}
work=${2:-accuracy}
chunks=${CHUNKS:-64}
gambit=$(dirname "${BASH_SOURCE[0]}")/../gambit
model=$shared/models/SmolLM2-135M-Instruct.Q4_1.gguf
text=$shared/data/wikitext2-test.raw.txt
sidecar=$work/smollm2.chess.gguf
mkdir -p "$work"

[ -f "$sidecar" ] || "$gambit" calibrate -m "$model" -f "$shared/data/calib_c4.jsonl" -o "$sidecar" --chunks 64 >&2

# run NAME [OPTION...]: perplexity's output into WORK/NAME.txt, once
run() {
  local out=$work/$1.txt
  shift
  [ -s "$out" ] && return
  "$gambit" perplexity -m "$model" -f "$text" -ctk f32 -ctv f32 "$@" >"$out.part"
  mv "$out.part" "$out"
}

# reference FILE POLICY KEY: a number of smollm2-sparsity*.json
reference() {
  [ "$1" = none ] && return
  awk -v row="\"$2\": {" -v key="\"$3\":" \
    'index($0, row) { found = 1 } found && $1 == key { sub(/,$/, "", $2); print $2; exit }' "$shared/reference/$1"
}

percent() { awk -v a="$1" -v b="$2" 'BEGIN { if (b == "" || b == 0) print "–"; else printf "%+.2f %%", 100 * (a / b - 1) }'; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN { if (b == "") print "–"; else printf "%+.4f", a - b }'; }

# row LABEL NAME FILE KEY
row() {
  local ppl kl active rppl rkl ractive
  ppl=$(awk '/^Final estimate: PPL = / { print $5 }' "$work/$2.txt")
  kl=$(awk -F: '/^Mean KLD/ { split($2, v, " "); print v[1] }' "$work/$2.txt")
  active=$(awk '/^active / { sub(/,$/, "", $2); print $2 }' "$work/$2.txt")
  rppl=$(reference "$3" "$4" ppl512)
  rkl=$(reference "$3" "$4" kl512)
  ractive=$(reference "$3" "$4" touched_fraction)
  if [ -z "$kl" ]; then
    echo "| $1 | $ppl | $rppl | $(percent "$ppl" "$rppl") | | | | | | |"
  else
    echo "| $1 | $ppl | $rppl | $(percent "$ppl" "$rppl") | $kl | $rkl | $(percent "$kl" "$rkl")" \
      "| $active | $ractive | $(minus "$active" "$ractive") |"
  fi
}

sparse() { # sparse NAME POLICY LEVEL CHUNKS
  run "$1" --chess "$sidecar" --policy "$2" --sparsity "$3" --kl --kl-chunks 32 --chunks "$4"
}

echo "| policy, level | PPL | reference | | KL | reference | | active | reference | |"
echo "|---|---|---|---|---|---|---|---|---|---|"
run dense-all
row "dense, whole file" dense-all smollm2-sparsity.json dense
sparse chess-0.5-all chess-abs 0.5 0
row "CHESS 0.5, whole file" chess-0.5-all smollm2-sparsity.json chess@0.5
first=smollm2-sparsity-64.json
[ "$chunks" = 64 ] || first=none
# TEAL and WINA have a reference over the whole file only: CHUNKS=0 runs all rows on it, and then that is what counts
whole=none
[ "$chunks" = 0 ] && whole=smollm2-sparsity.json && first=$whole
if [ "$chunks" != 0 ]; then
  run "dense-$chunks" --chunks "$chunks"
  row "dense" "dense-$chunks" "$first" dense
fi
# policy's name here : in the reference : in the table : levels : where the reference is
for p in "chess-abs:chess:CHESS, mean abs:0.3 0.5 0.7:$first" "chess-rms:chess-rms:CHESS, rms:0.3 0.5 0.7:$first" \
  "cats:cats:CATS:0.3 0.5 0.7:$first" "chess-attn-abs:chess-attn:CHESS with attention, mean abs:0.3 0.5 0.7:$first" \
  "teal:teal:TEAL, uniform:0.2 0.3 0.4 0.5:$whole" "wina:wina:WINA, threshold form:0.2 0.3 0.4 0.5:$whole"; do
  IFS=: read -r policy key label levels reference <<<"$p"
  for level in $levels; do
    sparse "$policy-$level-$chunks" "$policy" "$level" "$chunks"
    row "$label $level" "$policy-$level-$chunks" "$reference" "$key@$level"
  done
done
