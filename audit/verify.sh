#!/usr/bin/env bash
# Checks a trail without mendd: bash, jq, sha256sum and sed only.
#   audit/verify.sh TRAIL [COUNT HASH]     COUNT HASH: a head that was noted elsewhere
# TRAIL is trail.jsonl; closed files (trail-0000000001.jsonl) beside it are read before it.
# Prints the first bad record and ends with 1, or the head and ends with 0.
set -euo pipefail
shopt -s nullglob
export LC_ALL=C
d='[0-9]' want_count=${2:-} want_hash=${3:-}
files=("${1%.jsonl}"-$d$d$d$d$d$d$d$d$d$d.jsonl) && [[ ! -e $1 ]] || files+=("$1")
[[ ${#files[@]} -gt 0 ]] || { echo "there is no $1"; exit 1; }
count=0 last=$(printf '0%.0s' {1..64})

bad() { echo "record $((count + 1)) (line $((count + 1))): $1"; exit 1; }
# seq, prev and hash as jq reads them, one line per line of the trail ("-" where it is no JSON),
# beside the bytes that were hashed: the line without its last "hash" member.
while IFS=$'\t' read -r seq prev hash <&3; do
  IFS= read -r line <&4 || bad "half a line"
  [[ $seq == "$((count + 1))" ]] || bad "not a record, or not the next one (seq $seq)"
  [[ $prev == "$last" ]] || bad "does not follow on record $count"
  body=$(sed -E 's/^(.*),"hash":"[0-9a-f]{64}",("prev":")/\1,\2/' <<<"$line")
  [[ $(printf %s "$body" | sha256sum) == "$hash  -" ]] || bad "content does not match its hash"
  count=$seq last=$hash
  [[ $count != "$want_count" || $hash == "$want_hash" ]] || bad "not the hash noted in the head"
done 3< <(cat "${files[@]}" | jq -Rr '(fromjson? | [.seq, .prev, .hash] | @tsv) // "-\t-\t-"') \
  4< <(cat "${files[@]}")

control=$(cat "${files[@]}" | tr -d '\n\040-\377' | wc -c)
[[ $control == 0 ]] || { echo "the trail holds $control control characters"; exit 1; }
[[ -z $(tail -qc 1 "${files[@]}" | tr -d '\n') ]] || bad "half a line at the end"
[[ -z $want_count || $count -ge $want_count ]] || bad "gone: there were $want_count records"
echo "$count records, unbroken; head: $count $last"
