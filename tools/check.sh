#!/bin/sh
# check.sh - every test there is, and one line that counts them.
#
#	tools/check.sh once [word]     lint, and every suite in every mode
#	tools/check.sh long [word]     every suite N=1000 times, in release
#	tools/check.sh behind [word]   what goes on behind `once`
#
# A suite is a CUnit program and counts as many as it says; one that crashes,
# hangs or says nothing counts as a failure more.  Anything else that is run
# counts as one.  With a word, only tests that have it in their name or rows,
# and nothing but suites.  Output of everything: build/check/.  (say= keeps
# make from naming every file.)
set -u
unset MAKEFLAGS MFLAGS # no mode but those below
how=${1:-once} word=${2-}
passed=0 failed=0
log=build/check
jobs=$(nproc)
mkdir -p $log

# label, seconds, the result in words; then what went wrong, from the output.
tell_ok() {
	printf '  ok      %-44s %4s s   %s\n' "$1" "$2" "$3"
}
tell_failed() {
	printf '  FAILED  %-44s %4s s   %s\n' "$1" "$2" "$3"
	if grep -q FAILED "$log/$1"; then
		grep -A 4 FAILED "$log/$1" | head -n 60
	else
		head -n 30 "$log/$1"
	fi | sed 's/^/          /'
	echo "          all of it: $log/$1"
}

# run label command...: its output in $log/label, and after that
# "status seconds" in $log/label.ended.
run() {
	label=$1
	shift
	began=$(date +%s)
	timeout -k 10 900 "$@" >"$log/$label" 2>&1
	echo $? $(($(date +%s) - began)) >"$log/$label.ended"
}

# count label: waits until it has ended.  It counts as its last line,
# "N passed, N failed", says; else it is one, which passes by exit status 0.
count() {
	label=$1
	while [ ! -s "$log/$label.ended" ]; do
		sleep 0.2
	done
	read -r status took <"$log/$label.ended"
	set -- $(tail -n 1 "$log/$label" |
		sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p')
	good=${1-0} bad=${2-0}
	if [ "$status" = 0 ]; then
		[ $# = 2 ] || good=1
	elif [ "$bad" = 0 ]; then
		bad=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	if [ "$bad" = 0 ]; then
		tell_ok "$label" "$took" "$good passed"
	else
		tell_failed "$label" "$took" "$good passed, $bad failed"
	fi
}

# step label command...: now.
step() {
	[ -z "$word" ] || return 0
	run "$@"
	count "$1"
}

# "ran passed failed" from the last summary that CUnit printed.
summary() {
	awk '$1 == "tests" && NF == 6 { s = $3 " " $4 " " $5 + $2 - $3 }
		END { print s ? s : "0 0 0" }' "$1"
}

# "ran passed failed" of a suite that has ended, as count says it.
tally() {
	label=$1
	while [ ! -s "$log/$label.ended" ]; do
		sleep 0.1
	done
	read -r status took <"$log/$label.ended"
	set -- $(summary "$log/$label")
	bad=$3 why=
	if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		bad=1 why=", exit status $status"
	elif [ "$1" = 0 ] && [ -z "$word" ]; then
		bad=1 why=', no summary'
	fi
	passed=$((passed + $2))
	failed=$((failed + bad))
	if [ "$bad" != 0 ]; then
		tell_failed "$label" "$took" "$2 passed, $bad failed$why"
	elif [ "$1" != 0 ] && [ "$how" = once ]; then
		tell_ok "$label" "$took" "$2 passed"
	fi
	return "$bad"
}

# suite label command...: now; adds what its summary says.
suite() {
	run "$@" "$word"
	tally "$1"
}

names() {
	for s in tests/unit_*.c tests/test_*.c tests/test_*.cc; do
		[ -e "$s" ] && basename "${s%.*}"
	done
}

# build row what to tell make...
build() {
	row=$1
	shift
	run "$row-build" make say= -k -j"$jobs" "$@"
}

# each verb row folder slowness "values of LEAT_PROCS" "what starts a program":
# verb label command..., for every suite of what build has made.
each() {
	verb=$1 row=$2 out=build/$3 slow=$4 procs=$5 start=$6
	for p in $procs; do
		for name in $(names); do
			# A part looked at from inside starts no Ps.
			case $name in unit_*) [ "$p" = "${procs%% *}" ] ;; esac ||
				continue
			[ ! -x "$out/tests/$name" ] ||
				$verb "$row-$p-$name" env LEAT_PROCS="$p" \
					LEAT_TEST_SLOW="$slow" \
					LEAT_TEST_DEATHS=$PWD/$log/last-words \
					$start "$out/tests/$name" "$word"
		done
	done
}

# lane "each's arguments"...: these rows, one after the other.
lane() {
	for arguments; do
		eval "set -- $arguments"
		while [ ! -s "$log/$1-build.ended" ]; do
			sleep 0.2
		done
		each run "$@"
	done
}

# The same, as they end: what they say.
report() {
	for arguments; do
		eval "set -- $arguments"
		count "$1-build"
		each tally "$@"
	done
}

finish() {
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
	exit
}

cpu=$(uname -m)
if [ "$how" = long ]; then
	make say= -j"$jobs" suites >"$log/long-build" 2>&1 || exit 1
	for name in $(names); do
		for p in 1 2 16; do
			i=0
			while [ $i -lt "${N:-1000}" ]; do
				i=$((i + 1))
				suite "long-$p-$name" env LEAT_PROCS=$p \
					"build/$cpu-gcc-release/tests/$name" ||
					mv "$log/long-$p-$name" \
						"$log/long-$p-$name.$i"
			done
			echo "  $name with LEAT_PROCS=$p: $i times," \
				"so far $passed passed, $failed failed"
		done
	done
	finish
fi

arm=aarch64-linux-gnu
explorers=$(ls tests/explore/explore_*.c | sed 's|.*/\(.*\)\.c|\1|')

# What only needs a CPU runs while the suites, which often wait, leave one: in
# the class of threads that anybody else's go before.
behind() {
	build lto MODE=lto CC=clang suites
	build asan MODE=asan suites
	build tsan MODE=tsan suites
	[ "$cpu" = aarch64 ] || build aarch64 CROSS=$arm- suites
	[ -z "$word" ] || return 0
	run lint-selftest tests/lint-selftest.sh
	build explore MODE=lto explore
	for name in $explorers; do
		run "$name" "build/$cpu-gcc-lto/tests/explore/$name"
	done
	run examples-build make say= -j"$jobs" examples
	run perf-build make say= "build/$cpu-gcc-release/perf/bench"
}

if [ "$how" = behind ]; then
	behind
	exit
fi

rm -f $log/*.ended $log/last-words
step lint make say= -k lint
build release suites
low='chrt -i 0'
$low true 2>/dev/null || low='nice -n 19'
$low "$0" behind "$word" &
trap 'kill $(jobs -p) 2>/dev/null' EXIT

#        label    folder               slow  LEAT_PROCS   start
release="release  $cpu-gcc-release     1     '1 2 16'     ''"
lto="    lto      $cpu-clang-lto       4     '2'          ''"
asan="   asan     $cpu-gcc-asan        8     '16' \
		'env ASAN_OPTIONS=detect_stack_use_after_return=1'"
# (its runtime would sleep a second at the end of each test)
tsan="   tsan     $cpu-gcc-tsan        20    '2' \
		'env TSAN_OPTIONS=atexit_sleep_ms=10'"
aarch64="aarch64  aarch64-gcc-release  20    '2' \
		'qemu-aarch64 -L build/sysroot-aarch64 -E LD_LIBRARY_PATH=/usr/lib/$arm'"
[ "$cpu" = aarch64 ] && aarch64=

# What is as fast as it will be is tested alone; then, two suites at a time.
lane "$release" &
report "$release"
lane "$lto" "$tsan" &
lane "$asan" ${aarch64:+"$aarch64"} &
report "$lto" "$asan" "$tsan" ${aarch64:+"$aarch64"}
[ -z "$word" ] || finish

step misuse tests/lint-misuse.sh
step copies tests/lint-copies.sh
step deaths tests/lint-deaths.sh $log/last-words
step gdb-unwind tests/gdb-unwind.sh
step deaths-go tests/deaths-go.sh "build/$cpu-gcc-release/libleat.a"
step gdb-goroutines tests/gdb-goroutines.sh \
	"build/$cpu-gcc-release/libleat.a"
step install tests/lint-install.sh
step perf-go sh -c 'cd perf/go && go vet ./... && go test ./...'
for label in lint-selftest explore-build $explorers examples-build perf-build; do
	count "$label"
done
step treesum-odd tests/treesum-verify.sh \
	"build/$cpu-gcc-release/examples/treesum"
step treesum-real "build/$cpu-gcc-release/examples/treesum" --verify --quiet
finish
