#!/bin/sh
# Every relative link in the Markdown files leads somewhere.
set -eu
cd "$(dirname "$0")/.."
bad=0
for file in $(git ls-files '*.md'); do
  for link in $(grep -oE '\]\([^)#: ]+' "$file" | cut -c3-); do
    [ -e "$(dirname "$file")/$link" ] || { echo "docs: $file links to $link, which is not there"; bad=1; }
  done
done
exit $bad
