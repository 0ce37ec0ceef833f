#!/usr/bin/env bash
# Models on the GPU from end to end: what must hold, then how fast it is. One call, a few minutes, everything in the output.
#
#   benchmarks/cuda/e2e.sh [CLASSPATH_FOLDER]
#
# Without an argument it runs in a built tree. On a machine without the tree, CLASSPATH_FOLDER holds a folder for each module
# with its classes/, engine/test-classes, lib/ with the other jars (JUnit's console launcher among them), gambit.jvmopts, and,
# if there, shared/ (reference material). JAVA names the java to use.
#
#   WORK (/dev/shm or /tmp)   keeps the random models while they are used; 8B in F16 takes 16 GB
#   SHAPES ("135M:Q4_1 1B:F16 8B:F16 8B:Q8_0 8B:Q4_0")   random models to time; MODEL and SIDECAR: a real one, too
#   TESTS (1), SPEED (1), PROFILE (1 where ncu is there)   parts to run
#   LLAMA   folder with llama-bench of a CUDA build, to run on the same models: -DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=90
#           -DGGML_CUDA_NCCL=OFF -DLLAMA_CURL=OFF, target llama-bench; five minutes on 16 cores
set -uo pipefail
java=${JAVA:-java}
here=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${1:-$here/../..}
work=${WORK:-$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)}/gambit-e2e.$$
mkdir -p "$work"; trap 'rm -rf "$work"' EXIT
now() { date -u +%T; }

cp=
for m in bindings bindings-jcuda cuda-kernels engine calibration app benchmarks; do
  for place in "$root/$m/classes" "$root/$m/target/classes"; do [ -d "$place" ] && cp+=$place:; done
done
for jar in "$root"/lib/*.jar "$root"/app/target/lib/j*.jar "$root"/app/target/lib/p*.jar; do [ -f "$jar" ] && cp+=$jar:; done
options=$root/gambit.jvmopts; [ -f "$options" ] || options=$root/app/src/main/jvm/gambit.jvmopts
tests=$root/engine/test-classes; [ -d "$tests" ] || tests=$root/engine/target/test-classes
shared=$root/shared; [ -d "$shared" ] || shared=$root/../shared
run() { "$java" "@$options" ${JAVA_OPTIONS:-} -cp "$cp" "$@" 2> >(grep -v incubator >&2); }
gambit() { run dev.gambit.app.Main "$@"; }

if [ "${TESTS:-1}" = 1 ]; then
  echo "## What must hold ($(now))"
  junit="run -Xmx8g -Dgambit.shared=$shared -cp $tests:$cp org.junit.platform.console.ConsoleLauncher execute --disable-banner --disable-ansi-colors --details=tree"
  $junit -c dev.gambit.engine.FableReferenceTest -c dev.gambit.engine.RandomModelTest -c dev.gambit.engine.SmolLm2ReferenceTest \
    -c dev.gambit.engine.CudaBackendTest >"$work/tests" 2>&1
  for other in -Dgambit.cuda.columns=all -Dgambit.cuda.driver=jcuda; do
    JAVA_OPTIONS=$other $junit -c dev.gambit.engine.FableReferenceTest -c dev.gambit.engine.RandomModelTest \
      -c dev.gambit.engine.SmolLm2ReferenceTest >>"$work/tests" 2>&1
  done
  grep -E '✘|\[X\]|=>|tests (successful|failed|skipped|aborted)' "$work/tests" | cut -c1-200
  echo "An error in the middle of a generation ends it with its name:"
  JAVA_OPTIONS=-Dgambit.cuda.fault=cuGraphLaunch@20=700 gambit generate --backend cuda --dense --temp 0 -n 40 -p "Once upon a time" 2>&1 | grep -a 'gambit:'
fi

# The kernels of one decode step, with their own times: profile MODEL OPTIONS...
profile() {
  local model=$1; shift
  ncu --clock-control none --cache-control none --metrics gpu__time_duration.sum --csv -k 'regex:gemv|attend|ffn_gate|sparse_|pick|begin' \
    --launch-skip 400 --launch-count 200 "$java" "@$options" -cp "$cp" dev.gambit.app.Main generate -m "$model" --backend cuda -n 8 \
    --ignore-eos --temp 0 "$@" -p "$(yes 'the dog ran ' | head -60 | tr -d '\n')" --no-display-prompt 2>/dev/null |
    awk -F'","' '/^"[0-9]/ { split($5, a, "("); t = $NF; gsub(/[",]/, "", t); if ($(NF - 1) ~ /^n/) t /= 1000; n[a[1]]++; s[a[1]] += t }
      END { for (k in n) printf "    %-36s %4d calls, %6.2f us each\n", k, n[k], s[k] / n[k] }' | sort
}

# speed NAME MODEL SIDECAR
speed() {
  gambit bench -m "$2" --backend cuda ${3:+--chess "$3"} --sparsity "dense${3:+,0.5}" -p 512 -n 128 -r 3 2>&1 | grep '^| llama' | cut -d'|' -f2,7- | sed "s/^/$1 |/"
  gambit generate -m "$2" --backend cuda --dense --temp 0 --ignore-eos -n 600 -p "The" --no-display-prompt 2>&1 >/dev/null | grep -a ' eval time' | grep -v prompt | sed "s/^ */$1 greedy: /"
  [ -z "${LLAMA:-}" ] || "$LLAMA/llama-bench" -m "$2" -p 512 -n 128 -r 3 -ngl 99 2>/dev/null | grep -E 'pp512|tg128' | sed "s/^/$1 llama.cpp /"
}

if [ "${SPEED:-1}" = 1 ]; then
  echo "## Speed ($(now)): $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null)"
  tokenizer=$root/engine/classes/dev/gambit/engine/fable-7m-q8_0.gguf
  [ -f "$tokenizer" ] || tokenizer=$root/engine/src/main/resources/dev/gambit/engine/fable-7m-q8_0.gguf
  [ -z "${MODEL:-}" ] || speed "$(basename "$MODEL")" "$MODEL" "${SIDECAR:-}"
  for s in ${SHAPES-135M:Q4_1 1B:F16 8B:F16 8B:Q8_0 8B:Q4_0}; do
    shape=${s%:*} type=${s#*:} vocabulary=128256
    [ "$shape" = 135M ] && vocabulary=49152
    run dev.gambit.benchmarks.RandomModel "$tokenizer" "$type" "$work/m.gguf" "$work/m.chess.gguf" "$shape" $vocabulary || continue
    speed "$shape $type" "$work/m.gguf" "$work/m.chess.gguf"
    [ "$shape" != 135M ] || run dev.gambit.benchmarks.HostCost "$work/m.gguf"
    if [ "$shape" != 8B ] && [ "${PROFILE:-1}" = 1 ] && command -v ncu >/dev/null; then
      echo "$shape $type, kernels, dense:"; profile "$work/m.gguf" --dense
      echo "$shape $type, kernels, half of the channels:"; profile "$work/m.gguf" --chess "$work/m.chess.gguf"
    fi
    rm -f "$work"/m.*
    now
  done
fi
