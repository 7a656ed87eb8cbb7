#!/bin/bash
# Makes the responses of this directory again, with openssl and faketime: a root, an issuer, a leaf and what an OCSP
# responder may say of it on 2026-11-01 at 12:00 UTC.
set -euo pipefail
cd "$(dirname "$0")"
out=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

then='2026-11-01 12:00:00'
at_then() { TZ=UTC faketime -f "$then" "$@"; }

# certificate NAME SIGNER EXTENSIONS: a P-256 key and a certificate of that common name.
certificate() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
  printf '%s\n' "$3" > "$1.ext"
  local signer=(-CA "$2.crt" -CAkey "$2.key")
  [ "$1" != "$2" ] || signer=(-signkey "$1.key")
  TZ=UTC faketime -f '2026-10-01 12:00:00' openssl x509 -req -in "$1.csr" "${signer[@]}" -set_serial "0x$(openssl rand -hex 8 | sed 's/^./4/')" -days 365 \
    -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}
authority='basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign,digitalSignature'
certificate root root "$authority"
certificate issuer root "$authority"
certificate stranger stranger "$authority"
certificate leaf issuer 'subjectAltName=DNS:origin.example.com
extendedKeyUsage=serverAuth'
certificate sibling issuer 'subjectAltName=DNS:www.example.com'
certificate responder issuer 'extendedKeyUsage=OCSPSigning'
certificate powerless issuer 'extendedKeyUsage=serverAuth'
certificate unsigned stranger 'extendedKeyUsage=OCSPSigning'

serial() { openssl x509 -in "$1.crt" -noout -serial | cut -d= -f2; }
status() { printf '%s\t261231235959Z\t%s\t%s\tunknown\t/CN=leaf\n' "$1" "${2-}" "$(serial "${3-leaf}")"; }
status V > good
status R 261020080000Z > revoked
status R 261020080000Z,keyCompromise > reason
status R 261020080000Z,certificateHold > hold
: > unknown
status V '' sibling > sibling

# response FILE INDEX SIGNER [OPTIONS...]: what a responder says at that time.
response() {
  local file=$1 index=$2 signer=$3
  shift 3
  at_then openssl ocsp -index "$index" -CA issuer.crt -rsigner "$signer.crt" -rkey "$signer.key" -issuer issuer.crt \
    -no_nonce -noverify -respout "$out/$file.der" "$@" >/dev/null 2>&1
}
week=(-ndays 7)
response good good issuer -cert leaf.crt "${week[@]}"
response good-by-key good issuer -cert leaf.crt "${week[@]}" -resp_key_id -resp_no_certs
response good-delegated good responder -cert leaf.crt "${week[@]}"
response good-of-two good issuer -cert sibling.crt -cert leaf.crt "${week[@]}"
response good-sha256 good issuer -sha256 -cert leaf.crt "${week[@]}"
response good-without-next-update good issuer -cert leaf.crt
response revoked revoked issuer -cert leaf.crt "${week[@]}"
response revoked-key-compromise reason issuer -cert leaf.crt "${week[@]}"
response revoked-hold-delegated hold responder -cert leaf.crt "${week[@]}"
response unknown unknown issuer -cert leaf.crt "${week[@]}"
response other-certificate sibling issuer -cert sibling.crt "${week[@]}"
response by-powerless good powerless -cert leaf.crt "${week[@]}"
response by-unsigned good unsigned -cert leaf.crt "${week[@]}"
response by-stranger good stranger -cert leaf.crt "${week[@]}"
response delegated-unsent good responder -cert leaf.crt "${week[@]}" -resp_no_certs
# OCSPResponse { responseStatus tryLater }.
printf '\x30\x03\x0a\x01\x03' > "$out/try-later.der"
cat leaf.crt issuer.crt > "$out/chain.pem"
cp root.crt "$out/root.pem"
