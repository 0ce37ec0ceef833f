#!/usr/bin/env bash
# Writes the generated bindings in ../java/dev/gambit/bindings/cuda anew, from CUDA's header.
# Usage: CUDA_HOME=/usr/local/cuda ./regenerate.sh
# Needs CUDA 13.0's cuda.h, and a jextract of the JDK 22 line with libclang 14 on the PATH.
set -euo pipefail
cd "$(dirname "$0")"

cuda=${CUDA_HOME:-/usr/local/cuda}
if [ ! -f "$cuda/include/cuda.h" ]; then
  echo "no cuda.h in $cuda/include: set CUDA_HOME to a CUDA 13.0 toolkit, or to a folder whose include/ holds the header" >&2
  exit 1
fi
if ! command -v jextract >/dev/null; then
  cat >&2 <<'EOF'
no jextract on the PATH: build it from the jdk22 branch of OpenJDK's jextract, against libclang 14
(newer ones call SymbolLookup.findOrThrow, which needs JDK 23; with libclang 19 the output does not compile)
EOF
  exit 1
fi

package=dev.gambit.bindings.cuda
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# the internal version lets the header name the symbols themselves in place of macros
jextract @cuda-driver.args -D __CUDA_API_VERSION_INTERNAL -I "$cuda/include" -l :libcuda.so.1 \
  -t "$package" --header-class-name Cuda --output "$out" "$cuda/include/cuda.h"
target=../java/${package//.//}
rm -rf "$target"
mkdir -p "$target"
cp "$out/${package//.//}"/*.java "$target"
echo "wrote $(find "$target" -name '*.java' | wc -l) files; build with ./mvnw -pl bindings -am test"
