#!/usr/bin/env bash
# policies.sh MODEL CALIBRATION_TEXT SIDECAR WINDOWS TEXT...
# Perplexity and KL of every policy at equal active, on some texts: the table of docs/policy.md. Makes SIDECAR where there is
# none: with the searches of gambit, teal-greedy and wisparse. Prints, for each run: text, policy, budget, then what
# perplexity printed: active, mean KL with its error, perplexity.
set -euo pipefail
if [ $# -lt 5 ]; then
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
fi
model=$1 calibration=$2 sidecar=$3 windows=$4
shift 4
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -e "$sidecar" ]; then
  "$here/gambit" calibrate -m "$model" -f "$calibration" -o "$sidecar" --budget 0.5,0.6,0.7,0.8,0.9 \
    --search teal-greedy,wisparse >&2
fi

# The level at which a policy uses about this fraction of the weights of a Llama with n_ff = 8/3 n_embd; none where it cannot.
level() {
  awk -v p="$1" -v b="$2" 'BEGIN {
    share = p ~ /^chess-attn/ ? 0.68 : p ~ /^(chess|cats)/ ? 0.492 : 1
    l = (1 - b) / share
    if (l <= 0.95) printf "%.4f", l
  }'
}

for text in "$@"; do
  "$here/gambit" perplexity -m "$model" -f "$text" -c 512 --chunks "$windows" -ctk f32 -ctv f32 \
    --kl-divergence-base "$work/base.kld" > "$work/dense"
  echo "$(basename "$text") dense $(grep '^Final' "$work/dense")"
  for budget in 0.9 0.8 0.7 0.6 0.5; do
    for policy in gambit chess chess-attn cats teal teal-greedy wina wisparse larosa; do
      at=$(level "$policy" "$budget")
      [ -n "$at" ] || continue
      "$here/gambit" perplexity -m "$model" -ctk f32 -ctv f32 --kl-divergence-base "$work/base.kld" --kl-divergence \
        --chess "$sidecar" --policy "$policy" --sparsity "$at" > "$work/run"
      echo "$(basename "$text") $policy $budget $(grep -E '^active|^Mean +KLD|^Mean PPL\(Q\) ' "$work/run" \
        | sed -e 's/, skipped.*//' -e 's/  */ /g' | paste -sd' ')"
    done
  done
done
