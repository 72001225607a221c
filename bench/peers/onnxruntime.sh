#!/bin/sh
# Puts ONNX Runtime's library into bench/peers/build/libonnxruntime.so.1, out of the npm package onnxruntime-node, unless it is there already.
# Tests compare with it, and a peer of the benchmarks is linked with it. ORT_VERSION=… chooses another version. Ends with 1 where it cannot be had.
set -u

ORT_VERSION=${ORT_VERSION:-1.30.0}          # known to work
build=$(cd "$(dirname "$0")" && pwd)/build || exit 1
mkdir -p "$build" || exit 1

case $(uname -m) in
x86_64) cpu=x64 ;;
aarch64) cpu=arm64 ;;
*) exit 1 ;;
esac
[ "$(cat "$build/onnxruntime.version" 2>/dev/null)" = "$ORT_VERSION" ] && [ -f "$build/libonnxruntime.so.1" ] && exit 0
command -v npm >/dev/null 2>&1 || {
    echo "npm is not installed" >&2
    exit 1
}
rm -rf "$build/npm" && mkdir "$build/npm" || exit 1
# Only the archive is fetched: the package's own install script and what it depends on are of no use here.
(cd "$build/npm" && npm pack "onnxruntime-node@$ORT_VERSION" && tar xzf ./*.tgz) || exit 1
found=$(find "$build/npm/package/bin" -path "*/linux/$cpu/libonnxruntime.so.1" | head -n 1)
[ -n "$found" ] && mv "$found" "$build/libonnxruntime.so.1" || exit 1
rm -rf "$build/npm"
echo "$ORT_VERSION" >"$build/onnxruntime.version"
