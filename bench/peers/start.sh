#!/bin/sh
# Starts a peer: start.sh onnxruntime|onednn|onednn3|torch [THREADS]. It then speaks the line protocol of README.md on stdin and stdout.
# A peer that is not installed says so in its first line and in every answer.
here=$(cd "$(dirname "$0")" && pwd)
name=$1
threads=${2:-1}

# Read by the OpenMP and BLAS libraries when they are loaded. With one thread nothing waits. With more, a waiting thread spins for some
# milliseconds before it sleeps: two threads of oneDNN that sleep at once were no faster than one (42 ms, spinning 21 ms), and threads that never
# sleep would take the core from the other peers, which live side by side with this one and run in turn.
export OMP_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads" MKL_NUM_THREADS="$threads" OMP_DYNAMIC=false
if [ "$threads" = 1 ]; then
    export OMP_WAIT_POLICY=passive PEER_ORT_SPIN="${PEER_ORT_SPIN:-0}"
else
    unset OMP_WAIT_POLICY
    export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-1000000}" PEER_ORT_SPIN="${PEER_ORT_SPIN:-1}"
fi
export ONEDNN_VERBOSE=0 DNNL_VERBOSE=0

# Large blocks in huge pages, as FastRnn asks for its own: weights that stream need fewer translations then. The C library knows how from 2.35 on.
case $(getconf GNU_LIBC_VERSION 2>/dev/null) in
"glibc 2.3"[5-9]* | "glibc 2."[4-9][0-9]*) export GLIBC_TUNABLES="${GLIBC_TUNABLES:+$GLIBC_TUNABLES:}glibc.malloc.hugetlb=1" ;;
esac

case $name in
onnxruntime) program=$here/build/ort_peer ;;
onednn) program=$here/build/onednn_peer ;;
onednn3) program=$here/build/onednn3_peer ;;
torch) program=$here/build/torch_peer ;;
*)
    echo "usage: start.sh onnxruntime|onednn|onednn3|torch [THREADS]" >&2
    exit 2
    ;;
esac
[ -x "$program" ] && exec "$program" --threads "$threads"

reason="not installed; run bench/peers/install.sh"
[ -f "$here/build/$name.missing" ] && reason=$(tr -d '"\\' <"$here/build/$name.missing" | head -n 1)
echo "{\"peer\": \"$name\", \"version\": null, \"threads\": $threads, \"missing\": \"$reason\"}"
while read -r command id rest; do
    [ "$command" = quit ] && exit 0
    echo "missing ${id:--} $reason"
done
