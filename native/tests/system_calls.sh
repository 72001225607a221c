#!/bin/sh
# system_calls.sh STRACE PROGRAM MODELS ROUNDS: the stepping thread makes no system call between its two marks.
set -eu
trace=$(mktemp)
trap 'rm -f "$trace"' EXIT
"$1" -o "$trace" "$2" "$3" "$4"
calls=$(awk '/^getppid\(/ { inside = !inside; marks++; next } inside && /^[a-z]/ { n++; print > "/dev/stderr" } END { print marks == 2 ? n + 0 : "no marks" }' "$trace")
echo "$4 rounds: $calls system calls"
[ "$calls" = 0 ]
