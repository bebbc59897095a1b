#!/bin/sh
# aarch64.sh - a small arm64 Debian to compile against, in a folder.
#
#	tools/aarch64.sh build/sysroot-aarch64
#
#	<folder>/            usr/include, usr/lib/aarch64-linux-gnu ...
#	<folder>/done        it is complete; nothing is fetched again
#	<folder>/apt         the archives, and the state of a private apt
#
# apt keeps its lists, its idea of what is installed (nothing) and its lock
# in the folder, so the system's own packages, and which architectures it
# has, stay as they are.  Needs no root.
set -eu

packages='libhwloc-dev liburcu-dev libcunit1-dev zlib1g-dev libc6-dev libdw-dev
	libstdc++-12-dev'

sys=${1:?usage: aarch64.sh folder}
[ -e "$sys/done" ] && exit 0
echo "fetching arm64 libraries into $sys, for the aarch64 half"

rm -rf "$sys"
mkdir -p "$sys/apt/state/lists/partial" "$sys/apt/cache/archives/partial"
sys=$(cd "$sys" && pwd)

apt() {
	apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
		-o Dir::State="$sys/apt/state" \
		-o Dir::State::status=/dev/null \
		-o Dir::Cache="$sys/apt/cache" \
		-o APT::Sandbox::User="$(id -un)" \
		-o Debug::NoLocking=1 "$@" >>"$sys/apt/log" 2>&1 || {
		tail -n 5 "$sys/apt/log" >&2
		echo "aarch64.sh: apt-get $1 failed" >&2
		exit 1
	}
}
apt update
apt install -y --no-install-recommends --download-only $packages

for archive in "$sys"/apt/cache/archives/*.deb; do
	dpkg -x "$archive" "$sys"
done
rm -rf "$sys/apt"
touch "$sys/done"
