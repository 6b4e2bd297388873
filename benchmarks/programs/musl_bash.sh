#!/usr/bin/env bash
# Builds .benchmarks/bash-musl from Debian's source of bash, against musl. As root on Debian;
# takes about a minute. For the row that compares shells; nothing else needs it.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/.benchmarks
make_in=$here/musl
mkdir -p "$make_in/lists/partial"

command -v musl-gcc bison > /dev/null || {
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends musl-tools bison
}

# The sources that this machine has packages from, as sources of source.
sources=$make_in/sources.sources
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources > "$sources"
from=(-o "Dir::Etc::sourcelist=$sources" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$make_in/lists")
cd "$make_in"
apt-get -qq "${from[@]}" update
apt-get -qq "${from[@]}" source --download-only bash
rm -rf source
mkdir source
tar xf bash_*.orig.tar.gz -C source --strip-components=1

cd source
# bash brings a strtoimax of its own, musl has one, too.
CC=musl-gcc CFLAGS="-O2 -std=gnu89 -w" \
  ./configure --without-bash-malloc --enable-static-link --disable-nls > configure.log
make -j"$(nproc)" LDFLAGS="-static -Wl,--allow-multiple-definition" > make.log 2>&1
strip bash
mv bash "$here/bash-musl"
cd "$here"
rm -rf "$make_in"
"$here/bash-musl" -c 'echo "built bash $BASH_VERSION against musl"'
