#!/bin/sh
# pkg_config.sh PKG_CONFIG LIBRARY-FOLDER COMPILER SOURCE PROGRAM ARGUMENTS...: builds by what pkg-config says, and runs.
set -eu
export PKG_CONFIG_PATH="$2/pkgconfig"
pkg="$1" folder="$2" compiler="$3" source="$4" program="$5"
shift 5
"$pkg" --modversion fastrnn
# shellcheck disable=SC2046 # words are meant
"$compiler" "$source" -o "$program" $("$pkg" --cflags --libs fastrnn)
LD_LIBRARY_PATH="$folder" "$program" "$@"
