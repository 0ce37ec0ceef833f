#!/usr/bin/env bash
# Compiles src/main/cuda/*.cu to the committed PTX, two sets: compute_80 at ISA 7.8 (A100 to Thor, drivers from CUDA 11.8 on)
# and sm_90 at ISA 8.0. nvcc from the PATH or $NVCC, else from a venv below ${GAMBIT_CACHE:-~/.cache/gambit}.
#
#   build-ptx.sh [--check] [--out FOLDER] [FILE.cu ...]
#
# Pragmas that ISA 7.8 does not know, hints only, are left out.
# --check compiles into a temporary folder and says what differs from the committed files. With files named, only those.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
here=src/main/cuda
out=src/main/resources/dev/gambit/cuda/ptx
check=
files=()
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=1; out=$(mktemp -d); trap 'rm -rf "$out"' EXIT ;;
    --out) out=$2; shift ;;
    *) files+=("$here/$(basename "$1")") ;;
  esac
  shift
done
[ ${#files[@]} -gt 0 ] || files=("$here"/*.cu)

# The version whose output is committed; another one's may differ in harmless ways.
version=13.0.88
nvcc=${NVCC:-$(command -v nvcc || true)}
if [ -z "$nvcc" ] || ! "$nvcc" --version | grep -q "V$version"; then
  venv=${GAMBIT_CACHE:-$HOME/.cache/gambit}/nvcc-$version
  if [ ! -e "$venv/ready" ]; then
    echo "build-ptx: no nvcc $version on the PATH; installing it into $venv" >&2
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check nvidia-cuda-nvcc==$version 'nvidia-cuda-runtime==13.0.*' \
      'nvidia-nvvm==13.0.*' 'nvidia-cuda-crt==13.0.*' 'nvidia-cuda-cccl==13.0.*'
    touch "$venv/ready"
  fi
  nvcc=$(echo "$venv"/lib/python3*/site-packages/nvidia/cu13/bin/nvcc)
fi

# The headers that a file in the current folder includes, directly or not, sorted by name.
headers_of() {
  local found='' next
  next=$(sed -n 's/^#include "\(.*\)"/\1/p' "$1" | LC_ALL=C sort -u)
  while [ "$next" != "$found" ]; do
    found=$next
    # shellcheck disable=SC2086
    next=$(sed -n 's/^#include "\(.*\)"/\1/p' "$1" $found | LC_ALL=C sort -u)
  done
  echo "$found"
}

# The hash of a kernel's source and then its headers: what PtxSourcesTest computes, too.
digest() {
  local name
  name=$(basename "$1")
  (cd $here && cat "$name" $(headers_of "$name") | sha256sum | cut -d ' ' -f 1)
}

# compile FILE SET NAME FLAGS: compiles and puts hash and ISA version into the header.
compile() {
  local file=$1 set=$2 name=$3 arch=$2 isa
  shift 3
  case $set in
    compute_80) isa=7.8 ;;
    sm_90) isa=8.0; arch=compute_90 ;;
  esac
  mkdir -p "$out/$set"
  local header="// source $(basename "$file") sha256 $(digest "$file")"
  # What is of this source already stays.
  if [ "$(head -n 1 "$out/$set/$name.ptx" 2>/dev/null)" = "$header" ]; then return; fi
  echo "build-ptx: $set/$name" >&2
  "$nvcc" -std=c++17 -O3 -ptx -arch="$arch" "$@" "$file" -o "$out/$set/$name.tmp"
  {
    echo "$header"
    sed -e '/^\/\//d' -e '/^$/d' -e '/used_bytes_mask/d' -e "s/^\.version .*/.version $isa/" "$out/$set/$name.tmp"
  } >"$out/$set/$name.ptx"
  rm "$out/$set/$name.tmp"
}

# Compiles in the background, as many at a time as there are processors.
pids=()
queue() {
  if [ ${#pids[@]} -ge "$(nproc)" ]; then
    wait "${pids[0]}"
    pids=("${pids[@]:1}")
  fi
  compile "$@" &
  pids+=($!)
}

for file in "${files[@]}"; do
  name=$(basename "$file" .cu)
  # The sets that pay for this kernel, and one PTX for each weight form where the source asks for a form.
  sets=$(sed -n 's|^// ptx sets: ||p' "$file")
  for set in ${sets:-compute_80 sm_90}; do
    if grep -q GAMBIT_KERNEL "$file"; then
      for form in $(sed -n 's/^using \([a-z0-9_]*\) = Form<.*/\1/p' $here/weights.cuh); do
        queue "$file" "$set" "$name.$form" -DGAMBIT_FORM="$form"
      done
    else
      queue "$file" "$set" "$name"
    fi
  done
done
for pid in "${pids[@]}"; do wait "$pid"; done

if [ -n "$check" ]; then
  committed=src/main/resources/dev/gambit/cuda/ptx
  differ=0
  for built in $(cd "$out" && find . -name '*.ptx'); do
    cmp -s "$out/$built" "$committed/$built" || { echo "build-ptx: $committed/${built#./} is not what nvcc makes" >&2; differ=1; }
  done
  if [ "$differ" -ne 0 ]; then
    echo "build-ptx: run cuda-kernels/build-ptx.sh and commit; if the hashes are right, its nvcc was another one" >&2
    exit 1
  fi
  echo "build-ptx: $(find "$out" -name '*.ptx' | wc -l) PTX files are what nvcc $version makes of the sources"
fi
