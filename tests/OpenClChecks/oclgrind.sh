#!/bin/sh
# Runs every kernel of every family in oclgrind, which interprets them and watches each access: no race, no access out of bounds, no wrong use of the API, and the
# CPU's results. About half an hour.   oclgrind.sh [FAMILY…]   (Debian: oclgrind)
set -u
cd "$(dirname "$0")/../.." || exit 1
runtime=${OCLGRIND_RUNTIME:-/usr/lib/oclgrind/liboclgrind-rt.so}
[ -f "$runtime" ] || { echo "$runtime is missing: install oclgrind, or name its liboclgrind-rt.so in OCLGRIND_RUNTIME" >&2; exit 2; }
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
dotnet build tests/OpenClChecks -c Release --nologo -v quiet || exit 1
failed=0
for family in ${*:-vector local gpu single}; do
    : >"$log"
    FASTRNN_OPENCL_LIBRARY=$runtime OCLGRIND_DATA_RACES=1 OCLGRIND_CHECK_API=1 OCLGRIND_LOG=$log \
        dotnet run -c Release --no-build --project tests/OpenClChecks -- kernels "$family" || failed=1
    if [ -s "$log" ]; then
        echo "$family: oclgrind found:" >&2
        head -n 40 "$log" >&2
        failed=1
    else
        echo "$family: oclgrind found nothing"
    fi
done
exit $failed
