#!/usr/bin/env bash
# Every test of this package, against a real standalone Spark on loopback: ./test.sh BINARY
# What it needs goes into a virtual environment under target/.
set -euo pipefail
cd "$(dirname "$0")"
export WHY502=${1:-$(realpath ../target/release/why502)}
venv=../target/scale-venv
needs=(pyspark==4.0.4 pytest==9.2.0 mypy==2.4.1 ruff==0.17.6 duckdb==2.0.1 pyarrow==26.0.1)
if [ "$(cat "$venv/needs" 2>/dev/null)" != "${needs[*]}" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "${needs[@]}"
  echo "${needs[*]}" >"$venv/needs"
fi
"$venv/bin/ruff" check .
"$venv/bin/mypy"
exec "$venv/bin/python" -m pytest "${@:2}"
