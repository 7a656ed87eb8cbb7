#!/usr/bin/env bash
# Fuzzes every target in turn: fuzz/run.sh SECONDS_PER_TARGET [TARGET...]
#
# Wants a nightly toolchain and cargo-fuzz (`cargo install cargo-fuzz`). What is found is in fuzz/artifacts; a table of
# executions, coverage, corpora and time of the processor is appended to fuzz/corpus/figures.tsv. An input may take a second (WHY502_TIMEOUT: more, where
# other work shares the cores; time of the processor is asserted by the targets) and the process 512 MiB. WHY502_BUILD=0 takes
# what was built before.
# Further directories of captures to begin with: WHY502_CAPTURES=DIR:DIR.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?SECONDS_PER_TARGET}
shift
# What was freed is kept by the sanitizer for a while, 256 MiB of it unless it is told otherwise: that is not the target's.
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=32}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo +nightly fuzz list)

if [ ! -d corpus/pipeline ]; then
  IFS=: read -ra more <<<"${WHY502_CAPTURES:-}"
  cargo run --quiet --example corpus -- corpus ../captures ../tests/data "${more[@]}"
fi
host=$(rustc -vV | sed -n 's/^host: //p')
bin=$CARGO_TARGET_DIR/$host/release
if [ "${WHY502_BUILD:-1}" = 1 ]; then
  cargo +nightly fuzz build
fi
failed=0
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  dictionary=dictionaries/${target%%_*}.dict
  [ -f "$dictionary" ] || dictionary=dictionaries/pipeline.dict
  log=$(mktemp)
  status=0
  TIMEFORMAT='%U %S'
  used=$({ time "$bin/$target" "corpus/$target" -artifact_prefix="artifacts/$target/" -dict="$dictionary" -max_total_time="$seconds" \
    -timeout="${WHY502_TIMEOUT:-1}" -rss_limit_mb=512 -max_len=65536 -print_final_stats=1 -use_value_profile=0 >"$log" 2>&1; } 2>&1) || status=$?
  used=$(awk '{ printf "%.0f", $1 + $2 }' <<<"$used")
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
  reached=$(grep -o 'cov: [0-9]* ft: [0-9]* corp: [^ ]*' "$log" | tail -1 || true)
  printf '%s\t%s s\tstatus %s\t%s executions\t%s\tpeak %s MiB\t%s s of the processor\n' \
    "$target" "$seconds" "$status" "${executed:-?}" "$reached" "${peak:-?}" "$used" |
    tee -a corpus/figures.tsv
  if [ "$status" != 0 ]; then
    failed=1
    grep -aE 'panicked at|ERROR|assert|SUMMARY|Test unit written' -A2 "$log" | head -20 >&2
    cp "$log" "artifacts/$target/last.log"
  fi
  rm -f "$log"
done
exit $failed
