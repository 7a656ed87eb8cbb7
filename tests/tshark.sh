#!/bin/sh
# Writes captures/suites/*/tshark.txt: what tshark tells of the same files with the same keys, one exchange a line, as
#   stream method target host status reason frame-of-request frame-of-response
# The answers are kept, so that the tests need no tshark. To make them again: sh tests/tshark.sh
set -eu
cd "$(dirname "$0")/../captures/suites"
tab=$(printf '\t')
for folder in */; do
    folder=${folder%/}
    [ "$folder" = not-opened ] && continue
    tell() { tshark -d tcp.port==8001-8020,tls -r "$folder/capture.pcap" -o "tls.keylog_file:$folder/keys.log" -T fields "$@" 2>/dev/null; }
    tell -Y http.request -e frame.number -e tcp.stream -e http.request.method -e http.request.uri -e http.host |
        sort -t "$tab" -k1,1 > "/tmp/requests.$$"
    tell -Y http.response -e http.request_in -e http.response.code -e http.response.phrase -e frame.number |
        sort -t "$tab" -k1,1 |
        join -t "$tab" "/tmp/requests.$$" - |
        awk -F "$tab" '{ print $2, $3, $4, $5, $6, $7, $1, $8 }' | sort > "$folder/tshark.txt"
    rm "/tmp/requests.$$"
    echo "$folder: $(wc -l < "$folder/tshark.txt") exchanges"
done
