#!/bin/sh
# treesum-verify.sh TREESUM - does the program count right, whatever it meets?
#
#	odd/       names with spaces, newlines, quotes, a leading dash
#	wide/      100 directories of 100 files, some empty, some without a
#	           last newline
#	deep/      a chain of 300 directories with a file at its end
#	links/     to nothing, to itself, to the parent, to a file
#	fifo       which nobody writes to: opening it would wait for ever
#	closed/    a file and a directory that may not be read
#
# root may read everything, so for root the program runs as nobody.

set -u
umask 022
LC_ALL=C
export LC_ALL

[ $# -eq 1 ] && [ -x "$1" ] || {
	echo "usage: $0 TREESUM" >&2
	exit 2
}

top=$(mktemp -d)
churn=
passed=0
failed=0

clean()
{
	[ -z "$churn" ] || kill "$churn" 2>/dev/null
	chmod -R u+rwx "$top"
	rm -rf "$top"
}
trap clean EXIT
trap 'exit 1' INT TERM

chmod 755 "$top"
cp "$1" "$top/treesum"
tree=$top/tree
out=$top/out
err=$top/err

as=
if [ "$(id -u)" = 0 ]; then
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
fi

# run ARG... - the program, not as root; sets status, fills $out and $err
run()
{
	timeout -k 5 120 $as "$top/treesum" "$@" >"$out" 2>"$err" </dev/null
	status=$?
}

# expect WHAT COMMAND... - one result; shows what was printed if it is bad
expect()
{
	what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $what (status $status)"
		head -n 20 "$out" "$err" | cat -v
	fi
}

# row NAME - the first number of that row, or 0
row()
{
	awk -v name="$1" '$1 == name { n = $2 } END { print n ? n : 0 }' "$out"
}

is() { [ "$1" = "$2" ]; }
lines_are() { [ "$(wc -l <"$1")" -eq "$2" ]; }

newline='
'

make_tree()
{
	mkdir -p "$tree/odd" "$tree/wide" "$tree/links" "$tree/closed/dir"
	for name in ' ' 'two words' "a${newline}b" "$newline" "it's" '"' '-n' \
		'*' '\' "$(printf '\001\033\377')"; do
		printf 'text\n' >"$tree/odd/$name.c"
		mkdir "$tree/odd/$name"
		printf 'no newline' >"$tree/odd/$name/$name"
	done
	d=0
	while [ $d -lt 100 ]; do
		mkdir "$tree/wide/$d"
		f=0
		while [ $f -lt 100 ]; do
			case $((f % 3)) in
			0) : >"$tree/wide/$d/$f" ;;
			1) printf 'int f%d;\n\nend' $d >"$tree/wide/$d/$f" ;;
			2) printf '%d\n%d\n' $d $f >"$tree/wide/$d/$f" ;;
			esac
			f=$((f + 1))
		done
		d=$((d + 1))
	done
	head -c 1000000 /dev/zero | tr '\0' 'a\n' >"$tree/large"

	chain=$tree/deep
	d=0
	while [ $d -lt 300 ]; do
		chain=$chain/d$d
		d=$((d + 1))
	done
	mkdir -p "$chain"
	echo bottom >"$chain/file"

	ln -s nowhere "$tree/links/broken"
	ln -s self "$tree/links/self"
	ln -s .. "$tree/links/parent"
	ln -s ../large "$tree/links/file"
	mkfifo "$tree/fifo"

	f=0
	while [ $f -lt 12 ]; do
		echo secret >"$tree/closed/$f"
		chmod 0 "$tree/closed/$f"
		f=$((f + 1))
	done
	echo secret >"$tree/closed/dir/file"
	chmod 0 "$tree/closed/dir"
	[ -z "$as" ] || chown -R 65534:65534 "$tree"
}

# What the four ways of counting must agree on, however many Ps there are.
agree()
{
	checksum=
	for procs in 1 2 16; do
		export LEAT_PROCS=$procs
		run --verify "$tree"
		expect "agrees at LEAT_PROCS=$procs" is $status 0
		expect "over 10,000 files at $procs" \
			[ "$(row files)" -gt 10000 ]
		expect "says the Ps" grep -q " on $procs Ps\$" "$out"
		expect "links are not followed" is "$(row links)" 4
		expect "the fifo is skipped" is "$(row others)" 1
		expect "unreadable ones are counted" is "$(row unreadable)" 13
		expect "ten are named, and how many more" \
			grep -qx 'treesum: and 3 more' "$err"
		expect "one line each" lines_are "$err" 11
		: "${checksum:=$(row checksum)}"
		expect "the order does not matter" \
			is "$(row checksum)" "$checksum"
	done
	unset LEAT_PROCS
	run --verify "$tree/odd" "$tree/odd/it's" "$tree/links/parent/odd"
	expect "several roots, one through a link" is $status 0
	expect "nothing on stderr when all is well" [ ! -s "$err" ]
	cp -R "$tree/odd" "$top/copy"
	run -q "$tree/odd"
	checksum=$(row checksum)
	run -q "$top/copy"
	expect "a copy elsewhere has the same sum" \
		is "$(row checksum)" "$checksum"
	mv "$top/copy/two words.c" "$top/copy/three words.c"
	run -q "$top/copy"
	expect "another name has another sum" \
		[ "$(row checksum)" != "$checksum" ]
}

few_descriptors()
{
	hard=$(ulimit -Hn)
	for limit in 20 40; do
		(
			ulimit -n $limit
			run --verify "$tree/wide"
			exit $status
		)
		status=$?
		expect "agrees with $limit descriptors" is $status 0
	done
	(
		ulimit -S -n 30
		run "$tree/wide"
		exit $status
	)
	status=$?
	expect "raises the soft limit from 30 (hard: $hard)" is $status 0
	expect "and reads all with it" is "$(row unreadable)" 0
}

# A find that sees nothing: the comparison must notice.
mismatch()
{
	mkdir "$top/bin"
	printf '#!/bin/sh\n' >"$top/bin/find"
	chmod 755 "$top/bin/find"
	old=$PATH
	PATH=$top/bin:$PATH
	run --verify "$tree/wide"
	PATH=$old
	expect "a mismatch is status 1" is $status 1
	expect "and is marked" grep -q 'DIFFERS$' "$out"
}

wrong_use()
{
	run "$tree" "$top/missing"
	expect "a missing root is status 2" is $status 2
	expect "in one line" lines_are "$err" 1
	expect "that names it" grep -q "$top/missing: No such file" "$err"
	expect "and no totals" [ ! -s "$out" ]
	run "$tree/large"
	expect "a file as root is status 2" is $status 2
	expect "in one line, too" lines_are "$err" 1
	run --nonsense
	expect "an unknown option is status 2" is $status 2
	run --help
	expect "--help is status 0" is $status 0
	expect "and tells the statuses" grep -q '^Status:' "$out"
}

on_a_terminal()
{
	command -v script >/dev/null || return
	script -qec "$as '$top/treesum' '$tree/wide'" /dev/null \
		>"$out" 2>"$err" </dev/null
	status=$?
	expect "works on a terminal" is $status 0
	expect "shows and erases its progress" \
		grep -q "$(printf '\033\\[K')" "$out"
}

changes()
{
	while :; do
		mkdir -p "$tree/churn/a" "$tree/churn/b/c"
		i=0
		while [ $i -lt 300 ]; do
			: >"$tree/churn/a/$i"
			echo $i >"$tree/churn/b/c/$i"
			i=$((i + 1))
		done
		rm -rf "$tree/churn"
	done
}

# Files come and go while it runs: counted, perhaps named, never fatal.
changing_tree()
{
	changes 2>/dev/null &
	churn=$!
	bad=0
	vanished=0
	for procs in 1 2 16; do
		export LEAT_PROCS=$procs
		run "$tree"
		[ $status -eq 0 ] || bad=$((bad + 1))
		vanished=$((vanished + $(row vanished)))
		n=0
		while [ $n -lt 30 ]; do
			run "$tree/wide/0" "$tree/churn"
			[ $status -eq 0 ] || [ $status -eq 2 ] ||
				bad=$((bad + 1))
			vanished=$((vanished + $(row vanished)))
			n=$((n + 1))
		done
	done
	unset LEAT_PROCS
	kill "$churn"
	wait "$churn" 2>/dev/null
	churn=
	status=$bad
	expect "a changing tree is never fatal" is $bad 0
	echo "$vanished vanished while 93 runs looked at a changing tree"
	rm -rf "$tree/churn"
	run --verify "$tree"
	expect "and when it is quiet again, all agree" is $status 0
}

make_tree
agree
few_descriptors
mismatch
wrong_use
on_a_terminal
changing_tree
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
