#!/usr/bin/env bash
# Runs NVIDIA's assemblers over the committed PTX, without a GPU: compute_80 by CUDA 11.8, 12.6 and 13.0 for the GPUs it is
# for, sm_90 by 12.6 and 13.0. With --recompile also compiles the sources and compares (build-ptx.sh --check).
#
#   check-ptx.sh [--recompile] [--quick]
#
# --quick: only the oldest assembler. ptxas is taken from venvs below ${GAMBIT_CACHE:-~/.cache/gambit}, made on first use;
# where neither they nor a package index are there, the check is skipped and says so (exit code 0).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
ptx=src/main/resources/dev/gambit/cuda/ptx
cache=${GAMBIT_CACHE:-$HOME/.cache/gambit}
recompile=
quick=
for arg in "$@"; do
  case $arg in
    --recompile) recompile=1 ;;
    --quick) quick=1 ;;
    *) echo "check-ptx: unknown $arg" >&2; exit 2 ;;
  esac
done

# assembler PACKAGE VERSION: prints the path of its ptxas.
assembler() {
  local venv=$cache/ptxas-$2
  if [ ! -e "$venv/ready" ]; then
    python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check --no-deps "$1==$2" >&2 || return 1
    touch "$venv/ready"
  fi
  find "$venv" -name ptxas -type f | head -n 1
}

failed=0
# check SET PACKAGE VERSION ARCH...: one line for each architecture.
check() {
  local set=$1 package=$2 version=$3 ptxas arch bad
  shift 3
  if ! ptxas=$(assembler "$package" "$version") || [ -z "$ptxas" ]; then
    echo "check-ptx: skipped: ptxas $version is not at hand and $package==$version cannot be installed"
    return
  fi
  for arch in "$@"; do
    bad=$(find "$ptx/$set" -name '*.ptx' -print0 \
      | xargs -0 -P "$(nproc)" -n 4 sh -c 'for f; do "$0" -arch='"$arch"' -O0 "$f" -o /dev/null || echo "refused: $f"; done' "$ptxas" 2>&1)
    if [ -n "$bad" ]; then
      printf '%s\n' "$bad"
      echo "check-ptx: ptxas $version does not accept all of $set for $arch" >&2
      failed=1
    else
      echo "check-ptx: ptxas $version accepts the $(find "$ptx/$set" -name '*.ptx' | wc -l) files of $set for $arch"
    fi
  done
}

check compute_80 nvidia-cuda-nvcc-cu11 11.8.89 sm_80 sm_87 sm_90
if [ -z "$quick" ]; then
  check compute_80 nvidia-cuda-nvcc-cu12 12.6.85 sm_80 sm_87 sm_90
  check compute_80 nvidia-cuda-nvcc 13.0.88 sm_80 sm_87 sm_90 sm_110
  check sm_90 nvidia-cuda-nvcc-cu12 12.6.85 sm_90
  check sm_90 nvidia-cuda-nvcc 13.0.88 sm_90
fi
if [ -n "$recompile" ]; then
  ./build-ptx.sh --check || failed=1
fi
exit $failed
