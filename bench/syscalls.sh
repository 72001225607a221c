#!/bin/bash
# System calls of a thread while it steps: none are allowed. Needs strace and a built bench/FastRnn.Bench.
# bench/syscalls.sh [steps = 1000000]
set -euo pipefail
cd "$(dirname "$0")/.."
trace=$(mktemp -d)
trap 'rm -rf "$trace"' EXIT
strace -f -ff -o "$trace/t" dotnet bench/FastRnn.Bench/bin/Release/net10.0/FastRnn.Bench.dll contract silent-steps "${1:-1000000}"
file=$(grep -l fastrnn-steps-begin "$trace"/t.* || true)
[ -n "$file" ] && grep -q fastrnn-steps-end "$file" || { echo "the marks of the stepping thread were not seen"; exit 1; }
calls=$(sed -n '/fastrnn-steps-begin/,/fastrnn-steps-end/p' "$file" | sed '1d;$d')
count=$(printf '%s' "$calls" | grep -c . || true)
echo "$count system calls of the stepping thread in ${1:-1000000} steps"
printf '%s\n' "$calls" | head -20
[ "$count" -eq 0 ]
