#!/usr/bin/env bash
# Checks a trail against signed checkpoints without mendd: ssh-keygen beside what verify.sh needs.
#   audit/checkpoints.sh TRAIL CHECKPOINTS SIGNERS
# SIGNERS is an allowed_signers file (`mendd audit key`); take it, and CHECKPOINTS, from elsewhere
# than the machine that wrote the trail. Ends with 1 at the first thing that is wrong.
set -euo pipefail
shopt -s nullglob
export LC_ALL=C
trail=$1 checkpoints=$2 signers=$3 number=0
[[ -r $checkpoints && -r $signers ]] || { echo "$checkpoints or $signers is not there"; exit 1; }
said=$("$(dirname "$0")/verify.sh" "$trail") || { echo "$said"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat "${trail%.jsonl}"-[0-9]*.jsonl /dev/null "$trail" 2>"$work/missing" |
  jq -r '"\(.seq) \(.hash)"' >"$work/records" || [[ ! -e $trail ]]
held=$(wc -l <"$work/records")

while IFS=$'\t' read -r count hash time signature; do
  number=$((number + 1))
  printf 'mendd checkpoint\n%s %s\n%s\n' "$count" "$hash" "$time" >"$work/statement"
  printf -- '-----BEGIN SSH SIGNATURE-----\n%s\n-----END SSH SIGNATURE-----\n' \
    "$(fold -w 70 <<<"$signature")" >"$work/signature"
  ssh-keygen -Y verify -f "$signers" -I mendd -n mendd-checkpoint -s "$work/signature" \
    <"$work/statement" >"$work/said" 2>&1 || { echo "checkpoint $number is false"; exit 1; }
  [[ $count -le $held ]] || { echo "record $((held + 1)): gone, there were $count"; exit 1; }
  grep -qx "$count $hash" "$work/records" || { echo "record $count: not as signed"; exit 1; }
done < <(grep -a '}$' "$checkpoints" |
  jq -Rr '(fromjson? | objects | [.count, .hash, .time, .signature] | @tsv) // "-\t-\t-\t-"')
echo "$said; $number checkpoints agree"
