#!/bin/bash
# A real sweep: python results/sweep/train.py FOLDER, then bash results/sweep/run.sh FOLDER
# One command; killed in the middle with kill -9, and given again. Leaves data and figures beside this file.
set -e
here=$(cd "$(dirname "$0")" && pwd)
models=$(cd "$1" && pwd)
runs=$models/runs
python=${PYTHON:-$here/../../.venv/bin/python}
rm -rf "$runs"
cd "$models"
sweep=("$python" -m assay sweep hf:./grpo -m hf:./base sums_carry:8 sums_plain:8 --plugin "$here/carry.py" --out runs -o device=cpu)
echo "== plan"; "${sweep[@]}" --dry-run
echo "== killed in the middle"
"${sweep[@]}" & process=$! # no function: what is killed must be the sweep itself
for _ in $(seq 2000); do
  [ "$(cat runs/step-000100/*/journal.jsonl 2>/dev/null | wc -l)" -gt 100 ] && break
  sleep 0.05
done
kill -9 $process || true
wait $process 2>/dev/null || true
echo "== stored when it was killed: $(find runs -name journal.jsonl -o -name samples.parquet | wc -l) files"
"${sweep[@]}" --dry-run
echo "== the same command again"; "${sweep[@]}"
echo "== compared"
last=$(ls -d runs/step-* | tail -1)
"$python" -m assay compare "$last" runs/base runs/step-000050 runs/step-000200 --plugin "$here/carry.py" --markdown > "$here/compare.md"
cat "$here/compare.md"
"$python" -m assay power "$last"/sums_carry-* --diff 0.02 --plugin "$here/carry.py"
cp runs/sweep-*.csv "$here/curves.csv"
"$python" -m assay report runs --figures runs/figures --plugin "$here/carry.py"
cp runs/figures/*curves*.svg "$here/"
ls -la runs/figures
