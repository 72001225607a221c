#!/bin/sh
# Installs and builds the peers of FastRnn's benchmarks into bench/peers/build, which git ignores:
#
#   onnxruntime  the library of the npm package onnxruntime-node and ort_peer.cpp
#   onednn       Debian's libdnnl-dev and onednn_peer.cpp
#   onednn3      the newer oneDNN of Debian 13 with the libraries it needs, unpacked into the folder where the machine's own oneDNN is older
#   torch        Debian's python3-torch with libopenblas0-openmp and torch_peer.py
#
# Packages that Debian lacks on this machine are installed as root or through sudo; nothing is installed where neither is possible. Each peer
# is tried on its own: what cannot be had is reported as missing, with the reason, and the others are built all the same. Ends with 0 however
# many are missing; 1 says that this script itself failed. ORT_VERSION=… chooses another ONNX Runtime.
set -u

# Known to work: oneDNN 2.6.3 and PyTorch 1.13.1 (Debian 12), and the ONNX Runtime that onnxruntime.sh names.
here=$(cd "$(dirname "$0")" && pwd) || exit 1
build=$here/build
log=$build/install.log
mkdir -p "$build" && : >"$log" || exit 1
cd "$here" || exit 1

flags="-std=c++17 -O2 -ftree-vectorize -march=native -Wall -Wextra -Werror"
common="work.cpp reference.cpp protocol.cpp"

missing() { # PEER REASON…
    peer=$1
    shift
    echo "$*" >"$build/$peer.missing"
    return 1
}

# Installs those of the Debian packages named that are not there yet.
debian() {
    wanted=
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>>"$log")" = installed ] || wanted="$wanted $package"
    done
    [ -z "$wanted" ] && return 0
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # words are wanted
    $as_root apt-get install -y --no-install-recommends $wanted >>"$log" 2>&1 && return 0
    # shellcheck disable=SC2086
    $as_root apt-get update >>"$log" 2>&1 && $as_root apt-get install -y --no-install-recommends $wanted >>"$log" 2>&1
}

have() { command -v "$1" >/dev/null 2>&1; }

compiler() { have g++ || debian g++; }

library_of_onnxruntime() {
    have npm || debian npm || return 1
    ./onnxruntime.sh >>"$log" 2>&1
}

onnxruntime() {
    compiler || missing onnxruntime "no C++ compiler, and g++ could not be installed" || return
    library_of_onnxruntime || missing onnxruntime "onnxruntime-node could not be had through npm, see build/install.log" || return
    # shellcheck disable=SC2086
    g++ $flags $common onnx_model.cpp ort_peer.cpp -o build/ort_peer -Lbuild -l:libonnxruntime.so.1 '-Wl,-rpath,$ORIGIN' >>"$log" 2>&1 ||
        missing onnxruntime "ort_peer does not compile, see build/install.log"
}

onednn() {
    compiler || missing onednn "no C++ compiler, and g++ could not be installed" || return
    debian libdnnl-dev || missing onednn "Debian package libdnnl-dev could not be installed" || return
    # shellcheck disable=SC2086
    g++ $flags -fopenmp $common onednn_plan.cpp onednn_peer.cpp -o build/onednn_peer -ldnnl >>"$log" 2>&1 ||
        missing onednn "onednn_peer does not compile, see build/install.log"
}

# Debian 13's packages, fetched by a package list of their own and only unpacked: the system stays as it is.
packages_of_debian_13() {
    [ -f "$build/debian13/complete" ] && return 0
    rm -rf "$build/debian13"
    mkdir -p "$build/debian13/lists/partial" "$build/debian13/cache/archives/partial" "$build/debian13/root" || return 1
    cd "$build/debian13" || return 1
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" >sources.list
    set -- -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$PWD/lists" \
        -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=
    apt-get "$@" update >>"$log" 2>&1 &&
        apt-get "$@" download libdnnl-dev libdnnl3.6 libc6 libstdc++6 libgcc-s1 libgomp1 >>"$log" 2>&1 || return 1
    for package in *.deb; do
        dpkg -x "$package" root || return 1
    done
    rm -rf lists cache ./*.deb
    touch complete
}

onednn3() {
    [ "$(uname -m)" = x86_64 ] || missing onednn3 "only for x86-64" || return
    compiler || missing onednn3 "no C++ compiler, and g++ could not be installed" || return
    (packages_of_debian_13) || missing onednn3 "the packages of Debian 13 could not be fetched" || return
    root=$build/debian13/root
    libraries=$root/usr/lib/x86_64-linux-gnu
    # shellcheck disable=SC2086
    g++ $flags -fopenmp -DPEER_NAME='"onednn3"' -isystem "$root/usr/include" $common onednn_plan.cpp onednn_peer.cpp -o build/onednn3_program \
        "$libraries/libdnnl.so" -Wl,--allow-shlib-undefined >>"$log" 2>&1 || missing onednn3 "onednn_peer does not compile, see build/install.log" || return
    printf '#!/bin/sh\nexec "%s/ld-linux-x86-64.so.2" --library-path "%s" "%s/onednn3_program" "$@"\n' "$libraries" "$libraries" "$build" >build/onednn3_peer &&
        chmod +x build/onednn3_peer
}

torch() {
    /usr/bin/python3 -c 'import torch' >>"$log" 2>&1 && [ -e "$(echo /usr/lib/*/libopenblas.so.0)" ] || debian python3-torch libopenblas0-openmp ||
        missing torch "Debian packages python3-torch and libopenblas0-openmp could not be installed" || return
    printf '#!/bin/sh\nexec /usr/bin/python3 "%s/torch_peer.py" "$@"\n' "$here" >build/torch_peer && chmod +x build/torch_peer
}

# Builds a peer and lets it say what it is and verify one row; a peer that does neither is missing.
peer() {
    rm -f "$build/$1.missing" "$build/$2"
    if "$1"; then
        answer=$(printf 'prepare a step lstm 5 9 2 1 1\nverify a\nquit\n' | ./start.sh "$1" 1 2>>"$log")
        case $answer in
        *"verified a"*)
            echo "$1: $(echo "$answer" | head -n 1)"
            return
            ;;
        esac
        echo "$answer" >>"$log"
        rm -f "$build/$2"
        missing "$1" "it does not run or its results are wrong, see build/install.log"
    fi
    echo "$1: missing: $(cat "$build/$1.missing")"
}

peer onnxruntime ort_peer
peer onednn onednn_peer
peer onednn3 onednn3_peer
peer torch torch_peer
exit 0
