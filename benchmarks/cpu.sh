#!/usr/bin/env bash
# The CPU table: gambit against llama.cpp on the same file, same threads, in turn; dense, and sparse on a real text.
#
#   benchmarks/cpu.sh LLAMA_BIN TEXT SIDECAR MODEL.gguf...
#
# LLAMA_BIN  folder with llama-bench         TEXT     a text of the kind that will be generated
# SIDECAR    what gambit calibrate found     MODEL    the same model in several quantisations
#
# ROUNDS (5) pairs of runs a model, THREADS (2), POLICIES ("chess chess-attn cats"), LEVEL (0.5).
# Ends with what memory delivers, in order and as random halves of runs: the limit of what can be skipped.
# Prints medians over the rounds; a ratio is the median of the rounds' own ratios, so that drift of the machine's speed
# cancels out. Run it with nothing else on the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 4 ] || { sed -n '2,12p' "$0"; exit 2; }
llama=$1/llama-bench text=$2 sidecar=$3; shift 3
rounds=${ROUNDS:-5} threads=${THREADS:-2} policies=${POLICIES:-chess chess-attn cats} level=${LEVEL:-0.5}
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT

# Prints column $2 of the CSV line of file $1 whose n_prompt is $3 and n_gen is $4.
field() {
  awk -v col="$2" -v p="$3" -v g="$4" -F'","' '
    NR == 1 { n = split($0, h, ","); for (i = 1; i <= n; i++) at[h[i]] = i; next }
    { gsub(/^"|"$/, ""); if ($at["n_prompt"] == p && $at["n_gen"] == g) { print $at[col]; exit } }' "$1"
}
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
column() { cut -d' ' -f"$2" "$tmp/$1" | median; }
ratio() { awk -v a="$2" -v b="$3" '$a > 0 && $b > 0 { print $a / $b }' "$tmp/$1" | median; }

echo "| file | llama.cpp pp512 | gambit | ratio | llama.cpp tg128 | gambit dense | ratio |$(for p in $policies; do printf ' %s %s | gain | bytes |' "$p" "$level"; done)"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |$(for p in $policies; do printf ' ---: | ---: | ---: |'; done)"
for model in "$@"; do
  name=$(basename "$model" .gguf)
  : >"$tmp/$name"
  for ((r = 0; r < rounds; r++)); do
    "$llama" -m "$model" -t "$threads" -p 512 -n 128 -r 2 -o csv >"$tmp/l.csv" 2>/dev/null
    GAMBIT_BUILD=never ./gambit bench -m "$model" -t "$threads" -p 512 -n 0 -r 2 --sparsity dense -o csv >"$tmp/p.csv" 2>/dev/null
    GAMBIT_BUILD=never ./gambit bench -m "$model" -t "$threads" -p 0 -n 128 -r 3 -f "$text" --sparsity dense -o csv >"$tmp/d.csv" 2>/dev/null
    line="$(field "$tmp/l.csv" avg_ts 512 0) $(field "$tmp/p.csv" avg_ts 512 0) $(field "$tmp/l.csv" avg_ts 0 128) $(field "$tmp/d.csv" avg_ts 0 128)"
    for p in $policies; do
      GAMBIT_BUILD=never ./gambit bench -m "$model" -t "$threads" -p 0 -n 128 -r 3 -f "$text" --chess "$sidecar" --policy "$p" --sparsity "$level" -o csv >"$tmp/s.csv" 2>/dev/null
      line+=" $(field "$tmp/s.csv" avg_ts 0 128) $(field "$tmp/s.csv" bytes 0 128)"
    done
    echo "$line" >>"$tmp/$name"
  done
  row=$(printf '| %s | %.0f | %.0f | %.2f | %.1f | %.1f | %.2f |' "$name" "$(column "$name" 1)" "$(column "$name" 2)" "$(ratio "$name" 2 1)" \
    "$(column "$name" 3)" "$(column "$name" 4)" "$(ratio "$name" 4 3)")
  i=5
  for p in $policies; do
    row+=$(printf ' %.1f | %.2f | %.2f |' "$(column "$name" $i)" "$(ratio "$name" $i 4)" "$(column "$name" $((i + 1)))")
    i=$((i + 2))
  done
  echo "$row"
done
echo
GAMBIT_BUILD=never ./gambit bench --reads -t "$threads"
