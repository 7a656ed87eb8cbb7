#!/usr/bin/env bash
# Builds why502 by what it does (profile-guided optimization), where it has to be fast: `benches/profiled.sh [DIR]`, in
# target/profiled where DIR is not given. It takes as long as four plain releases.
#
# A build that counts how often each branch is taken reads the captures of the repository, in each format and on one thread
# and two, and a flood of SYNs; the next build goes by those counts: what is called often is compiled into its callers, and
# what is seldom gone through lies out of the way. Counts belong to sources and compiler, so they are made anew and not kept.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(realpath -m "${1:-target/profiled}")
host=$(rustc -vV | sed -n 's/^host: //p')
merge=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
[ -x "$merge" ] || rustup component add llvm-tools

# The program alone: with a target named, flags are not for what runs while it is built.
build() {
  RUSTFLAGS="${RUSTFLAGS:-} $*" cargo build --release --locked --bin why502 --target "$host" --target-dir "$work"
}
program=$work/$host/release/why502

# The counts are written at the end, when the program has let go of its right to write. 1 says that a connection failed:
# most captures were made to show how.
learn() {
  "$program" --no-sandbox "$@" >/dev/null 2>&1 || [ $? = 1 ]
}

build "-Cprofile-generate=$work/counts"
rm -rf "$work/counts"
echo "reading the captures of the repository"
find captures -name '*.pcap*' | sort | while read -r capture; do
  for format in text json ndjson html; do
    for threads in 1 2; do
      learn --threads "$threads" --format "$format" "$capture"
    done
  done
done
# More than there is room for.
PYTHONPATH=benches python3 -B -c 'import hostile, sys; hostile.syn_flood(hostile.Tape(sys.argv[1]), 20_000)' "$work/flood.pcap"
learn --threads 1 --max-connections 8192 "$work/flood.pcap"
"$merge" merge -o "$work/why502.profdata" "$work/counts"

build "-Cprofile-use=$work/why502.profdata"
echo "$program"
