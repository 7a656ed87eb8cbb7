#!/usr/bin/env bash
# Builds why502 by what it does (profile-guided optimization), where it has to be fast: `benches/profiled.sh [DIR]`, in
# target/profiled where DIR is not given. It takes as long as three or four plain releases.
#
# A build that counts how often each branch is taken reads the captures of the repository, on one thread and two, and a flood
# of SYNs; the next build goes by those counts: what is called often is compiled into its callers, and what is seldom gone
# through lies out of the way. Counts belong to sources and compiler, so they are made anew and not kept.
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

# Cargo would not see that the counts have changed.
rm -rf "$work/counts" "$work/$host"
build "-Cprofile-generate=$work/counts"
echo "reading the captures of the repository"
mapfile -t captures < <(find captures -name '*.pcap*' | sort)
learn --threads 1 "${captures[@]}"
learn --threads 2 "${captures[@]}"
learn --threads 1 --format ndjson "${captures[@]}"
# More SYNs than there is room for.
PYTHONPATH=benches python3 -B -c 'import hostile, sys; hostile.syn_flood(hostile.Tape(sys.argv[1]), 2_000)' "$work/flood.pcap"
learn --threads 1 --max-connections 1000 "$work/flood.pcap"
"$merge" merge -o "$work/why502.profdata" "$work/counts"

build "-Cprofile-use=$work/why502.profdata"
echo "$program"
