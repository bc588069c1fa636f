#!/bin/sh
# Recompute a kept call (phala-call-v1, as `phala call --receipt FILE` writes it) with openssl, jq and
# xxd, without any code of this project; with cast the signature too. What each step does, and why:
# docs/receipts.md.
#
# usage: sh recompute.sh CALL.json
# Exit status: 0 everything that was recomputed agrees, 1 something does not.
set -eu
call=$1
status=0

get() { jq -er "$1" "$call"; }
sha256() { openssl dgst -sha256 -r | cut -d' ' -f1; }
sha256_hex() { xxd -r -p | sha256; }
same() { # NAME RECOMPUTED CLAIMED
    if [ "$2" = "$3" ]; then
        printf 'PASS  %s  %s\n' "$1" "$2"
    else
        printf 'FAIL  %s\n      recomputed  %s\n      claimed     %s\n' "$1" "$2" "$3"
        status=1
    fi
}

# 1. What was asked and what came back: SHA-256 over text lines and the body. A line that held a line
# feed would be two.
get '[(.request | .method, .target, .content_type), (.response | .content_type, .content_encoding, .location)
    | explode[] | . < 32 and . != 9 or . == 127] | any | not' >/dev/null || {
    echo 'FAIL  control characters in a line'
    exit 1
}
request_hash=$({
    printf 'phala-request-v1\n%s\n%s\n%s\n' \
        "$(get .request.method)" "$(get .request.target)" "$(get .request.content_type)"
    get .request.body | base64 -d
} | sha256)
same request-hash "$request_hash" "$(get .receipt.leaf.request_hash)"
response_hash=$({
    printf 'phala-response-v1\n%s\n%s\n%s\n%s\n' "$(get .response.status)" "$(get .response.content_type)" \
        "$(get .response.content_encoding)" "$(get .response.location)"
    get .response.body | base64 -d
} | sha256)
same response-hash "$response_hash" "$(get .receipt.leaf.response_hash)"

# 2. The leaf: 234 bytes, integers big-endian.
case $(get .receipt.leaf.outcome) in
answered) outcome=0 ;;
failed) outcome=1 ;;
cut) outcome=2 ;;
*) exit 1 ;;
esac
leaf=$(printf '%s%02x' "$(printf phala-leaf | xxd -p)" "$(get .receipt.leaf.version)")
leaf=$leaf$(get '.receipt.leaf | .phat + .bundle_hash')
leaf=$leaf$(printf '%016x%s%048x' "$(get .receipt.leaf.commit_index)" "$(get .receipt.leaf.state_root)" 0)
leaf=$leaf$(printf '%02x%04x%016x' "$outcome" "$(get .receipt.leaf.status)" "$(get .receipt.leaf.time_ms)")
leaf=$leaf$(get '.receipt.leaf | .request_hash + .response_hash + .nonce')
printf '      leaf  %s\n' "$leaf"

# 3. Its hash, and the way up: a node is SHA-256(01 left right); one without a sibling moves up as is.
hash=$(printf '00%s' "$leaf" | sha256_hex)
printf '      leaf hash  %s\n' "$hash"
index=$(get .receipt.batch.index)
count=$(get .receipt.batch.count)
used=0
while [ "$count" -gt 1 ]; do
    if [ "$((index ^ 1))" -lt "$count" ]; then
        sibling=$(get ".receipt.batch.path[$used]")
        used=$((used + 1))
        if [ "$((index % 2))" -eq 0 ]; then
            hash=$(printf '01%s%s' "$hash" "$sibling" | sha256_hex)
        else
            hash=$(printf '01%s%s' "$sibling" "$hash" | sha256_hex)
        fi
    fi
    index=$((index / 2))
    count=$(((count + 1) / 2))
done
same path-length "$used" "$(get '.receipt.batch.path | length')"
printf '      root  %s\n' "$hash"

# 4. The signature: EIP-712 typed data over root, count and time.
signer=$(get .attestation.identity.signer)
typed=$(jq -n --arg root "0x$hash" --argjson count "$(get .receipt.batch.count)" \
    --arg time "$(get .receipt.batch.time_ms)" '{
      types: {EIP712Domain: [{name: "name", type: "string"}, {name: "version", type: "string"}],
              ReceiptBatch: [{name: "root", type: "bytes32"}, {name: "count", type: "uint32"},
                             {name: "time", type: "uint64"}]},
      primaryType: "ReceiptBatch", domain: {name: "Phala", version: "1"},
      message: {root: $root, count: $count, time: $time}}')
if command -v cast >/dev/null 2>&1; then
    if cast wallet verify --data --address "$signer" "$typed" "$(get .receipt.batch.signature)" >/dev/null; then
        printf 'PASS  batch-signature  %s\n' "$signer"
    else
        printf 'FAIL  batch-signature  not by %s\n' "$signer"
        status=1
    fi
else
    printf 'SKIP  batch-signature  needs cast (Foundry) or any EIP-712 library; the typed data is\n%s\n' "$typed"
fi

# 5. That the signer is a TEE's: report data is SHA-256 over the identity and the nonce of whoever asked
# for the evidence; a TDX quote carries it at byte 568. Whether the quote is genuine is the next
# question: phala verify, or any verifier of Intel quotes.
spki=3059301306072a8648ce3d020106082a8648ce3d03010703420004$(get .attestation.identity.tls_pub)
ohttp=$(get '.attestation.identity.ohttp_keys // ""')
address() { get ".attestation.identity.$1" | cut -c3-; }
bind=$(printf '%s%s%s%s%s' "$(printf phala.bind.v%d "$([ -n "$ohttp" ] && echo 3 || echo 2)" | xxd -p)" \
    "$(get .attestation.nonce)" "$(printf %s "$spki" | sha256_hex)" "$(address cluster)" \
    "$([ -z "$ohttp" ] || printf %s "$ohttp" | sha256_hex)" | sha256_hex)
report_data=$(printf '%s%064x%s%s%s%s%s' "$(printf phala.worker.v1 | xxd -p)" \
    "$(get .attestation.identity.chain_id)" "$(address registry)" "$(address signer)" \
    "$(get .attestation.identity.caller_x25519)" "$(address operator)" "$bind" | sha256_hex)
quoted=$(get .attestation.evidence.quote | base64 -d | xxd -p -s 568 -l 32 -c 32)
same report-data "$report_data" "$quoted"
exit $status
