#!/bin/sh
# The static checks: clang-tidy and cppcheck over src/, and every header on its own.
# usage: tools/lint.sh tidy|cppcheck|headers; wants the build of the preset clang for the first.
set -eu
cd "$(dirname "$0")/.."
jobs="$(nproc)"

case "${1:-}" in
  tidy)
    git ls-files 'src/*.c' | xargs -P "$jobs" -n 8 clang-tidy --quiet -p build-clang >build-clang/tidy.log 2>/dev/null ||
      { grep -E 'error: ' build-clang/tidy.log | sort -u; exit 1; }
    ;;
  cppcheck)
    # Its notion of what is not initialised knows nothing of KN_TRY; the analyser of clang and the
    # sanitizers look after that. Signed shifts right are arithmetic in both compilers.
    cppcheck --quiet -j "$jobs" --std=c17 --language=c --inline-suppr --error-exitcode=1 \
      --enable=warning,performance,portability -D__GNUC__=12 -I src \
      --suppress=missingIncludeSystem --suppress=uninitvar --suppress=legacyUninitvar \
      --suppress=uninitStructMember --suppress=shiftTooManyBitsSigned \
      --suppress=internalAstError:src/collect/routes.c \
      $(git ls-files 'src/*.c')
    ;;
  headers)
    flags="$(pkg-config --cflags libmicrohttpd lmdb libzstd libxxhash libsodium libpcre2-8) -Isrc -I. -Itests"
    git ls-files '*.h' | while read -r header; do
      printf '#include "%s"\n' "$header" |
        # shellcheck disable=SC2086
        gcc -x c -std=gnu17 -D_GNU_SOURCE -DKERN_VERSION='""' -Wall -Wextra -Werror -fsyntax-only $flags - ||
        { echo "lint: $header does not stand alone"; exit 1; }
    done
    ;;
  *)
    echo "usage: tools/lint.sh tidy|cppcheck|headers" >&2
    exit 2
    ;;
esac
