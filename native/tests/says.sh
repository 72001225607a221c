#!/bin/sh
# says.sh CODE TEXT COMMAND...: the command ends with that code and says that text.
set -u
code="$1" text="$2"
shift 2
said=$("$@" 2>&1)
ended=$?
printf '%s\n' "$said"
if [ "$ended" != "$code" ]; then
    echo "ended with $ended, expected $code" >&2
    exit 1
fi
case "$said" in
*"$text"*) ;;
*)
    echo "did not say: $text" >&2
    exit 1
    ;;
esac
