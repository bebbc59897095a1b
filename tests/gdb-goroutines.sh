#!/bin/sh
# gdb-goroutines.sh - leat-gdb.py shows goroutines and channels, in a process and in
# its core file.
#
# Prints what is missing, then "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
tmp=$(mktemp -d "${TMPDIR:-/tmp}/gdb.XXXX")
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# pattern: an extended regular expression, over lines.
expect() {
	if tr '\n' '~' <"$tmp/said" | grep -qE "$1"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$where: no $1 in:"
		cat "$tmp/said"
	fi
}

look() {
	cat <<-END
		source tools/leat-gdb.py
		info goroutines
		goroutine 3 bt
		goroutine 3 info locals
		goroutine 4 up
		info channel none
		info channel some
		info channel (void *) 0
		goroutine all bt
		python
		try:
		    gdb.execute("goroutine 99 bt")
		except gdb.error as e:
		    print(e)
		end
	END
}

all() {
	expect '\* 1 +\(main\) \[running\] everybody_waits \(\) at [^~]*gdb-goroutines.c:'
	expect '  3 +\(reader\) \[chan receive\] receives \(\) at [^~]*.c:'
	expect '  4 +\[select\] selects \(\) at '
	expect '\* 5 +\[running\] computes \(\) at '
	expect '#0 [^~]*~([^~]*~)*#[0-9]+ [^~]*receives \(depth=0\)[^~]*~#[0-9]+ [^~]*receives \(depth=1\)[^~]*~#[0-9]+ [^~]*receives \(depth=2\)[^~]*~#[0-9]+ [^~]*arch_start'
	expect 'channel 0x[0-9a-f]+~  no buffer, elements of 4 bytes~  sendq: empty~  recvq: goroutine 3, goroutine 4 \(select\)~'
	expect 'channel 0x[0-9a-f]+~  buffer: 4 of 4, each of 4 bytes~  sendx: 2, recvx: 2~  sendq: goroutine 4 \(select\)~  recvq: empty~'
	expect 'nil channel~'
	expect 'goroutine 5 \[running\]:~#0 [^~]*computes \(\)'
	expect 'there is no goroutine 99'
}

gcc -std=gnu11 -g -O0 -D_GNU_SOURCE -Iinclude tests/gdb-goroutines.c \
	-fstack-clash-protection "$1" -lhwloc -lurcu-memb -lurcu-cds \
	-lurcu-common -ldw -lelf -pthread -o "$tmp/program" || exit 1

{
	printf '%s\n' 'set pagination off' 'set confirm off' 'break everybody_waits' run
	look
	printf '%s\n' "gcore $tmp/core" 'delete' 'continue'
} >"$tmp/live"
# With guards that are mappings of their own: gcore leaves out what it cannot read in
# pieces of a megabyte; the kernel's core files have it all.
LEAT_FAIL=advise:every:1 LEAT_PROCS=2 gdb -q -nx -x "$tmp/live" "$tmp/program" </dev/null \
	>"$tmp/said" 2>&1
where=process
all
expect 'exited normally'

look >"$tmp/dead"
gdb -q -nx -batch -x "$tmp/dead" "$tmp/program" "$tmp/core" </dev/null \
	>"$tmp/said" 2>&1
where='core file'
all

echo "$passed passed, $failed failed"
[ $failed = 0 ]
