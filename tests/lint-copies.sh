#!/bin/sh
# lint-copies.sh - tools/leat-copies finds every copy that is marked in two
# programs and nothing else; and none in ours.
set -u
good=0 bad=0

for f in tests/lint-copies.c tests/lint-copies.cc; do
	wanted=$(grep -n '/\* found \*/' $f | cut -d: -f1)
	got=$(tools/leat-copies -Iinclude $f | cut -d: -f2 | sort -nu)
	if [ "$wanted" = "$got" ]; then
		good=$((good + 1))
	else
		bad=$((bad + 1))
		echo "$f: copies in lines" $wanted "and found in" $got
	fi
done

if tools/leat-copies -Iinclude -I. -Iarch/x86_64 -Icore/sanitize/none \
	sync/*.c examples/*.c; then
	good=$((good + 1))
else
	bad=$((bad + 1))
fi
echo "$good passed, $bad failed"
[ $bad = 0 ]
