#!/usr/bin/env bash
# Makes the thresholds that come with the embedded model, from the stories it is tested with. The same bytes on the same
# machine; processors with other vector widths add up in another order and differ in the last bits.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
resources=engine/src/main/resources/dev/gambit/engine
./gambit calibrate -m "$resources/fable-7m-q8_0.gguf" --chunks 32 \
  -f calibration/src/test/resources/dev/gambit/calibration/stories-calib.jsonl \
  -o "$resources/fable-7m.chess.gguf" "$@"
