#!/bin/sh
# gdb-unwind.sh - a debugger sees through a switch, at each instruction.
#
# gdb steps through a first entry, a round trip and an end (gdb-unwind.c) and
# asks for the callers each time (gdb-unwind.py).  Then two programs in which
# something is missing are to be found wrong: the rules of the switch itself,
# and the one by which unwinding ends at the bottom of a stack.  The other CPU
# is done too where gdb-multiarch and qemu-user are installed.
#
# Prints what went wrong, then "N passed, N failed": programs, not steps.
set -u
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
flags='-std=gnu11 -g -I. -fno-omit-frame-pointer'

# Step through $tmp/program; "N right, N wrong" ends the log.
steps() {
	UNWIND_TARGET= timeout 120 gdb -nx -batch -x tests/gdb-unwind.py \
		"$tmp/program" >"$tmp/log" 2>&1 </dev/null
}

# The same in qemu, which the program waits in for gdb.
steps_emulated() {
	qemu-aarch64 -cpu cortex-a57 -g "$tmp/gdb" "$tmp/program" 2>/dev/null &
	qemu=$!
	tries=0
	until [ -S "$tmp/gdb" ] || [ $tries = 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	UNWIND_TARGET=$tmp/gdb timeout 120 gdb-multiarch -nx -batch \
		-x tests/gdb-unwind.py "$tmp/program" >"$tmp/log" 2>&1 \
		</dev/null
	kill $qemu 2>/dev/null
	wait $qemu 2>/dev/null
	rm -f "$tmp/gdb"
}

# outcome right|wrong label: what the log should say.
outcome() {
	if ! grep -q '^[0-9]* right, [0-9]* wrong$' "$tmp/log"; then
		said=nothing
	elif grep -q '^[1-9][0-9]* right, 0 wrong$' "$tmp/log"; then
		said=right
	else
		said=wrong
	fi
	if [ $said = "$1" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "$2: expected to be $1, gdb says:"
	grep -E '^wrong|right,' "$tmp/log" >"$tmp/short" ||
		cp "$tmp/log" "$tmp/short"
	tail -n 20 "$tmp/short" | sed 's/^/	/'
}

# unwind right|wrong label steps compiler flags...
unwind() {
	wanted=$1 label=$2 run=$3
	shift 3
	: >"$tmp/log"
	"$@" tests/gdb-unwind.c -o "$tmp/program" >"$tmp/log" 2>&1 && $run
	outcome "$wanted" "$label"
}

finish() {
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
	exit
}

# cpu name steps flags...: right with every compiler, and wrong when broken.
cpu() {
	cpu=$1 run=$2
	shift 2
	entry=arch/$cpu/entry.S
	for cc in $compilers; do
		for o in -O0 -O2; do
			unwind right "$cpu $cc $o" $run \
				$cc $flags -Iarch/$cpu "$@" $o $entry
		done
	done
	cc=${compilers%% *}
	unwind wrong "$cpu without the rules in flight" $run \
		$cc $flags -Iarch/$cpu "$@" -O2 $entry \
		-U__GCC_HAVE_DWARF2_CFI_ASM
	sed '/cfi_undefined/d' $entry >"$tmp/entry.S"
	unwind wrong "$cpu without an end" $run \
		$cc $flags -Iarch/$cpu "$@" -O2 "$tmp/entry.S"
}

if ! command -v gdb >/dev/null; then
	echo 'skipped: no gdb'
	finish
fi
compilers=gcc
command -v clang >/dev/null && compilers='gcc clang'
case $(uname -m) in
x86_64)
	cpu x86_64 steps -fcf-protection=branch -DKEPT='"rbx"' ;;
aarch64)
	cpu aarch64 steps -mbranch-protection=standard -DKEPT='"x19"' ;;
esac

compilers=aarch64-linux-gnu-gcc
for tool in gdb-multiarch qemu-aarch64 $compilers; do
	if [ "$(uname -m)" != aarch64 ] && ! command -v $tool >/dev/null; then
		echo "skipped: aarch64, no $tool"
		finish
	fi
done
[ "$(uname -m)" = aarch64 ] ||
	cpu aarch64 steps_emulated -mbranch-protection=standard \
		-DKEPT='"x19"' -nostdlib -static -Wl,-e,main
finish
