#!/bin/sh
# need.sh - install what this machine lacks, saying what and why.
#
#	tools/need.sh run      to build the library and run the example
#	tools/need.sh check    the above, and all that the tests use
#	tools/need.sh perf     to measure beside Go
#
# Debian 12 and its kin.  Asks dpkg first: where nothing is missing it prints
# nothing, changes nothing and needs no network.  LEAT_NEED=no skips it, for
# systems without dpkg on which everything is there already.
set -eu

die() {
	echo "need.sh: $*" >&2
	exit 1
}

# One line a group, what for: packages.
groups() {
	cat <<-END
	the compiler: gcc libc6-dev
	the build: make
	which CPUs there are and how near each other (hwloc): libhwloc-dev
	read-copy-update, for maps (liburcu): liburcu-dev
	stacks with functions, files and lines (libdw): libdw-dev
	treesum's checksums (zlib): zlib1g-dev
	END
	[ "$1" = run ] && return
	cat <<-END
	C++: g++
	the benchmarks' harness: libbenchmark-dev
	END
	# Any Go on the PATH is better than Debian's.
	command -v go >/dev/null || echo 'the benchmarks in Go: golang-go'
	[ "$1" = perf ] && return
	cat <<-END
	the test suites' harness: libcunit1-dev
	the other compiler, and linking with it across files: clang lld llvm
	layout of the source, length of functions: clang-format universal-ctags
	stepping through a switch: gdb gdb-multiarch
	finding the installed library: pkg-config
	END
	[ "$(uname -m)" = aarch64 ] || cat <<-END
	the aarch64 half: gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user
	END
}

# The packages among "$@" that are not installed.
missing() {
	for p; do
		case $(dpkg-query -Wf '${Status}' "$p" 2>/dev/null) in
		*' installed') ;;
		*) printf ' %s' "$p" ;;
		esac
	done
}

case ${1-} in
run | check | perf) ;;
*) die "usage: need.sh run | check | perf" ;;
esac
[ "${LEAT_NEED-}" = no ] && exit 0
command -v dpkg-query >/dev/null || die "this is no Debian; have these \
yourself, then set LEAT_NEED=no:$(groups "$1" | sed 's/.*://' | tr -d '\n')"

lacking=
groups "$1" >"${TMPDIR:-/tmp}/need.$$"
trap 'rm -f "${TMPDIR:-/tmp}/need.$$"' EXIT
while IFS=: read -r why packages; do
	new=$(missing $packages)
	[ -n "$new" ] || continue
	echo "installing$new - $why"
	lacking="$lacking$new"
done <"${TMPDIR:-/tmp}/need.$$"
[ -n "$lacking" ] || exit 0

command -v apt-get >/dev/null ||
	die "no apt-get here; install by other means:$lacking"
root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null ||
		die "neither root nor sudo; as root: apt-get install$lacking"
	root=sudo
fi

mkdir -p build
log=build/need.log
apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -y \
		-o DPkg::Lock::Timeout=120 "$@" >>$log 2>&1
}
: >$log
apt update || true # an old list may do
apt install --no-install-recommends $lacking || {
	grep '^[EW]:' $log | tail -n 5 >&2
	die "apt-get could not install$lacking; its words are in $log"
}
