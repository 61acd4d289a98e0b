#!/bin/sh
# The layer rule of docs/architecture.md, and the functions and habits we do not use.
# usage: tools/layers.sh [root]
set -eu
cd "${1:-.}"
fail=0
say() { echo "layers: $*" >&2; fail=1; }

allowed() {
  case "$1" in
    base) echo "base" ;;
    os) echo "base os" ;;
    format) echo "base format" ;;
    log) echo "base os format log" ;;
    state) echo "base os format state" ;;
    behaviour) echo "base os format behaviour" ;;
    identity) echo "base format identity" ;;
    profile) echo "base format identity profile" ;;
    segment) echo "base format behaviour identity profile segment" ;;
    report) echo "base format behaviour identity profile segment report" ;;
    apply) echo "base os format log state behaviour identity profile segment report apply" ;;
    collect) echo "base os format log state behaviour identity profile segment apply collect" ;;
    deliver) echo "base os format log state behaviour identity profile segment apply deliver" ;;
    api) echo "base os format log state behaviour identity profile segment report apply deliver api" ;;
    server) echo "base os format log state behaviour identity profile segment report apply collect deliver api server" ;;
    cli) echo "base os format log state behaviour identity profile segment report apply collect deliver api server cli" ;;
    *) echo "" ;;
  esac
}

for dir in src/*/; do
  room=$(basename "$dir")
  list=" $(allowed "$room") "
  [ "$list" = "  " ] && { say "room $room has no place in the layers"; continue; }
  for edge in $(grep -rhoE '^#include "[a-z_]+/' "$dir" | sed 's/.*"//; s,/,,' | sort -u); do
    case "$list" in *" $edge "*) ;; *) say "$room may not include $edge" ;; esac
  done
done

os_headers='<(unistd|pthread|time|fcntl|dirent|poll|signal|sys/[a-z]+|netinet/[a-z]+|arpa/[a-z]+)\.h>'
grep -rnE "#include $os_headers" src --include='*.[ch]' | grep -vE '^src/(os|server|cli)/' &&
  say "operating system headers belong in src/os, src/server and src/cli"
grep -rnE '[^_a-z](malloc|calloc|realloc|free|strdup)\(' src --include='*.c' |
  grep -vE '^src/base/mem\.c|^[^:]+:[0-9]+: *(/?\*)' && say "memory comes from base/mem.h"
grep -rnwE '(strtol|strtoul|strtod|atoi|atol|sscanf|strcpy|strcat|strncpy|sprintf|vsprintf|localtime|gmtime|rand|alloca|gets)\(' \
  src --include='*.[ch]' && say "these functions are not used here"
grep -rnE '^[[:space:]]*//' src sim tests fuzz bench --include='*.[ch]' --exclude-dir=node_modules 2>/dev/null && say "comments are /* */"
for f in $(find src sim tests fuzz bench web sdk -name '*.[ch]' -o -name '*.cpp' -o -name '*.ts' 2>/dev/null | grep -v node_modules); do
  n=$(wc -l <"$f")
  [ "$n" -gt 800 ] && say "$f has $n lines (at most 800)"
done
exit $fail
