#!/bin/bash
# Makes the three captures that speed is measured with: make.sh DIR [bulk|small|http]...
#
#   bulk    few connections that carry much: downloads of 1 to 8 MiB over TLS 1.2 and 1.3
#   small   very many short connections: TLS and plain HTTP, one to four requests each, and four kinds of failure
#   http    few connections that are kept alive: 250 exchanges each, bodies by length, in chunks and compressed
#
# The traffic is real: nginx as the origin, wrk, curl and Python as its edges, in two network namespaces that know
# nothing but each other. It takes some four minutes on two cores and 3 GB in DIR. SCALE=0.1 makes a tenth of it.
# Needs root, nginx, wrk, curl, python3, tcpdump, openssl, ethtool and iproute2.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 1 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- bulk small http

scale() { awk -v n="$1" -v s="${SCALE:-1}" 'BEGIN { n = int(n * s); print n < 1 ? 1 : n }'; }

scratch=$(mktemp -d)
edge=why502-edge-$$
origin=why502-origin-$$
capturing=
clean() {
  [ -z "$capturing" ] || kill "$capturing" 2>/dev/null || true
  [ ! -f "$scratch/nginx.pid" ] || kill "$(cat "$scratch/nginx.pid")" 2>/dev/null || true
  ip netns del "$edge" 2>/dev/null || true
  ip netns del "$origin" 2>/dev/null || true
  rm -rf "$scratch"
}
trap clean EXIT
at_edge() { ip netns exec "$edge" "$@"; }
at_origin() { ip netns exec "$origin" "$@"; }

# --- What is served. Bytes that do not compress, and text that does; the same in every run.
noise() { openssl enc -aes-128-ctr -K "$(printf '%032x' 502)" -iv "$(printf '%032x' "$1")" -in /dev/zero 2>/dev/null | head -c "$1"; }
mkdir -p "$scratch/www"
for n in 200 500 900 1400 4000 9000; do { noise "$n" | base64 -w 76 | head -c "$n"; } > "$scratch/www/$n.html" || true; done
for n in 16000 33000 65000 1048576 2097152 4194304 8388608; do noise "$n" > "$scratch/www/$n.bin" || true; done

# --- Who serves it: an ECDSA certificate of its own, and one of an authority that nobody trusts.
(
  cd "$scratch"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.crt -days 3650 \
    -subj /CN=origin.example -addext 'subjectAltName=DNS:origin.example,DNS:*.example'
  openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.crt -days 3650 -subj '/CN=Root of nobody'
  openssl req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=rsa.example
  openssl x509 -req -in leaf.csr -CA root.crt -CAkey root.key -CAcreateserial -out leaf.crt -days 3650
  cat leaf.crt root.crt > chain.crt
) > "$scratch/openssl.log" 2>&1

# --- Two hosts and a cable. Each kind of traffic has an address at both ends, so that ports suffice; what goes over the
# cable is cut and checksummed as on a wire.
ip netns add "$edge"
ip netns add "$origin"
ip link add edge0 netns "$edge" type veth peer name origin0 netns "$origin"
plug() { # NAMESPACE INTERFACE
  ip netns exec "$1" ip link set lo up
  ip netns exec "$1" ethtool -K "$2" tso off gso off gro off tx off rx off sg off > /dev/null 2>&1 || true
  ip netns exec "$1" ip link set "$2" mtu 1500 txqueuelen 10000 up
  ip netns exec "$1" sysctl -qw net.ipv4.ip_local_port_range='1025 65000' net.core.somaxconn=8192 \
    net.ipv4.tcp_max_syn_backlog=8192
}
plug "$edge" edge0
plug "$origin" origin0
for n in $(seq 10 21); do
  at_origin ip addr add "198.18.0.$n/15" dev origin0
  at_edge ip addr add "198.18.1.$n/15" dev edge0
  at_edge ip route add "198.18.0.$n/32" dev edge0 src "198.18.1.$n"
done
at_origin ip -6 addr add 2001:db8::10/64 dev origin0 nodad
at_edge ip -6 addr add 2001:db8::1/64 dev edge0 nodad
for file in nginx.conf paths.conf; do sed "s#@DIR@#$scratch#g" "$here/$file" > "$scratch/$file"; done
chmod -R a+rX "$scratch"
at_origin nginx -c "$scratch/nginx.conf"

capture() { # FILE
  # Not by the function above, which would be a process of its own: the signal that ends it must reach tcpdump.
  ip netns exec "$origin" tcpdump -i origin0 -s 0 -B 524288 -n --immediate-mode -w "$1" tcp 2> "$scratch/tcpdump.log" &
  capturing=$!
  sleep 1.5
}
stop() {
  sleep 2
  kill "$capturing"
  wait "$capturing" || true
  capturing=
  grep -E '[0-9]+ packets (captured|dropped)' "$scratch/tcpdump.log"
}
asking=()
ask() { # REQUESTS CONNECTIONS URL HOST close|keep|mixed
  ip netns exec "$edge" wrk -t1 -c"$2" -d300s --timeout 10s -s "$here/requests.lua" "$3" -- "$(scale "$1")" "$4" "$5" > /dev/null 2>&1 &
  asking+=($!)
}

for kind in "$@"; do
  asking=()
  capture "$out/$kind.pcap"
  case $kind in
    bulk)
      python3 "$here/downloads.py" "$(scale 300)" | at_edge xargs -P 16 -L 1 curl -sk || true
      ;;
    small)
      ask 18000 24 https://198.18.0.10/ tls12.example close
      ask 18000 24 https://198.18.0.11/ tls13.example close
      ask 6000 12 https://198.18.0.12/ rsa.example close
      ask 12000 16 https://198.18.0.13/ resumed.example close
      ask 5000 12 'https://[2001:db8::10]/' v6.example close
      ask 10000 12 'http://[2001:db8::10]/' v6.example close
      for n in 14 15 16 17; do ask 29000 14 "http://198.18.0.$n/" plain.example close; done
      ask 40000 24 http://198.18.0.18/ kept.example keep
      ask 24000 16 https://198.18.0.19/ kept.example keep
      at_edge python3 "$here/failures.py" 198.18.0.10 198.18.0.11 "$(scale 1200)" &
      asking+=($!)
      ;;
    http)
      ask 17000 24 http://198.18.0.20/ origin.example mixed
      ask 11000 40 http://198.18.0.21/ origin.example mixed
      ;;
    *)
      echo "make.sh: no such capture: $kind" >&2
      exit 2
      ;;
  esac
  for asker in "${asking[@]}"; do wait "$asker" || true; done
  stop
  echo "$out/$kind.pcap: $(stat -c %s "$out/$kind.pcap") bytes"
done
