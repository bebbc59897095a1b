#!/bin/sh
# deaths-go.sh - who ends a process says what Go says, and with Go's status.
#
#	tests/deaths-go.sh libleat.a
#
# Compares, for each way to end in deaths.c and in go/deaths: the exit status, the
# words before the first goroutine, and what that one does, but for its name and the
# address of what it waits at, which Go does not tell.  Of a Go before 1.25, which had
# other words for some, the first line.
#
# Prints what differs, then "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
tmp=$(mktemp -d "${TMPDIR:-/tmp}/deaths.XXXX")
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

gcc -std=gnu11 -g -O1 -D_GNU_SOURCE -Iinclude tests/deaths.c \
	-fstack-clash-protection "$1" -lhwloc -lurcu-memb -lurcu-cds \
	-lurcu-common -ldw -lelf -pthread -o "$tmp/ours" || exit 1
(cd tests/go/deaths && go vet ./... && go build -o "$tmp/theirs") || exit 1

minor=$(go env GOVERSION | sed -nE 's/^go1\.([0-9]+).*/\1/p')
said() { # of a file
	if [ "${minor:-99}" -lt 25 ]; then
		head -n 1 "$1"
	else
		sed -nE '1,/^goroutine /{ s/^(goroutine) [0-9]+/\1/; s/ gp=0x[0-9a-f]+ m=[^[]*//
			s/^goroutine \(.*\) \[/goroutine [/; s/, 0x[0-9a-f]+//; p }' "$1"
	fi
}

if [ "$("$tmp/ours")" != "$("$tmp/theirs")" ]; then
	echo "the two have not the same ways to end"
	failed=1
fi
for name in $("$tmp/ours"); do
	for p in 1 2; do
		for who in ours theirs; do
			LEAT_PROCS=$p GOMAXPROCS=$p timeout 60 "$tmp/$who" "$name" \
				>"$tmp/out" 2>"$tmp/$who.err"
			{
				echo "status $?"
				said "$tmp/$who.err"
			} >"$tmp/$who.said"
		done
		if diff "$tmp/ours.said" "$tmp/theirs.said" >"$tmp/diff"; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "$name with $p Ps: ours (<) and Go's (>)"
			cat "$tmp/diff"
		fi
	done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
