#!/bin/sh
# lint-layers.sh - who may include whom, and that every header stands alone.
#
#	include/leat <--- examples, tests/test_*
#	include/leat <--- core <--- sync
#	arch         <--- core
#
# Inside core/ a file includes only what stands before it in the rows below;
# the names of one row may know each other's headers in their .c files.
# From sync/ only the doors of core/ may be entered.
#
#	tests/lint-layers.sh [includes]     the includes only
order='
base out atomic fault os lock clock
unwind
value error
options quota machine topology
guard pool arena stack sanitize
own live runq deque wait wheel cell
timer
g
inject idle trim
p backoff m
carry
sched dispatch park due wake worker spare procs fake fork
say
queues shot
schedtrace stall show
dump deadlock
crash sysmon
panic
block go runtime
'
doors='base atomic backoff lock os clock own park g go panic timer due fake deadlock say'

rc=0
says() {
	echo "$*"
	rc=1
}

# folder's files, what they may include between quotes
allow() {
	what=$1
	shift
	found=$(grep -nE '^[ 	]*#[ 	]*include[ 	]*"' "$@" /dev/null |
		grep -vE "include[ 	]*\"($what)\"")
	[ -z "$found" ] || says "$found
	(only $what)"
}
files() {
	find "$@" -name '*.[chS]' 2>/dev/null
}
either=$(echo $doors | tr ' ' '|')
allow 'leat/[a-z]*\.h' $(files include)
allow '(arch/arch|cpu|context)\.h' $(files arch)
allow '(arch/arch|core/[a-z_]*|sanitize|leat|leat/[a-z]*)\.h' $(files core)
allow "(core/($either)|sync/[a-z_]*|leat|leat/[a-z]*)\.h" $(files sync)
allow '(leat/)?[a-z-]*\.h' $(find tests -name 'test_*.c*') $(files examples)

# The inner order: each line "row file", then every include against it.
echo "$order" | awk '
	NF { row++; for (i = 1; i <= NF; i++) print row, ++place, $i }
' >"${TMPDIR:-/tmp}/layers.$$"
trap 'rm -f "${TMPDIR:-/tmp}/layers.$$"' EXIT
awk '
	FNR == NR { row[$3] = $1; place[$3] = $2; next }
	FNR == 1 {
		me = FILENAME
		sub(/.*\//, "", me)
		header = me ~ /h$/
		sub(/\.[ch]$/, "", me)
		if (!(me in row)) {
			print FILENAME ": has no place in the order of core/"
			bad = 1
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*"core\// {
		it = $0
		sub(/.*core\//, "", it)
		sub(/\.h".*/, "", it)
		if (it == me || !(me in row))
			next
		if (header ? place[it] > place[me] : row[it] > row[me]) {
			print FILENAME ":" FNR ": " it ".h comes after " me
			bad = 1
		}
	}
	END { exit bad }
' "${TMPDIR:-/tmp}/layers.$$" $(files core) || rc=1

[ "${1-}" = includes ] && exit $rc

# Every header by itself, with both compilers; the public ones as C++ too.
arch=$(uname -m)
alone() { # header, compiler and its flags
	it=$1
	shift
	wrong=$(echo "#include \"$it\"" | "$@" -D_GNU_SOURCE -Wall -Wextra \
		-Werror -fsyntax-only -Iinclude -I. -Iarch/"$arch" \
		-Icore/sanitize/none - 2>&1) ||
		says "$it: not complete for $1: $(echo "$wrong" |
			grep error | head -n 1)"
}
for header in $(files core sync include | grep 'h$' | sort) arch/arch.h; do
	name=${header#include/}
	for cc in gcc clang; do
		# clang's sanitizers are not among what is installed.
		case $cc$header in clang*/?san/*) continue ;; esac
		alone "$name" $cc -x c -std=gnu11
		case $header in
		include/*) alone "$name" $cc -x c++ -std=c++17 -pedantic ;;
		esac
	done
done
exit $rc
