#!/usr/bin/env bash
# Make the certificates of the end-to-end tests: an authority, a server on this machine that it signed, and
# another authority that signed nothing. They are good for a century and for nothing but tests; run this again
# only to change what they say.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/ca.cnf" <<EOF
[ca]
default_ca = tests
[tests]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
default_startdate = 20200101000000Z
default_enddate = 21200101000000Z
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:false
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
EOF
: > "$work/index"

request() { # key file, name
    openssl ecparam -name prime256v1 -genkey -noout -out "$1"
    openssl req -new -key "$1" -subj "/CN=$2" -out "$work/request"
}
sign() { # certificate file, further arguments of openssl ca
    openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/request" -out "$1" "${@:2}" 2> "$work/said" ||
        { cat "$work/said" >&2; exit 1; }
}

for name in authority other-authority; do
    request "$work/$name.key" "Vedette tests: $name"
    sign "$name.pem" -selfsign -keyfile "$work/$name.key" -extensions authority
done
request server.key localhost
sign server.pem -cert authority.pem -keyfile "$work/authority.key" -extensions server
openssl verify -CAfile authority.pem server.pem
