#!/bin/sh
# lint-deaths.sh - every way in which the library ends a process is reached by a
# test: the words of each fatal(), refuse() and panics() in core/ and sync/ are
# among the last words that the tests have left in a file, or what one expects.
#
#	tests/lint-deaths.sh build/check/last-words
#
# Of a message with parts that vary, the longest that does not.  Those listed
# below cannot be had by any test, for the reason given.
set -eu

unreached() {
	cat <<-END
	runtime: cannot allocate memory: malloc fails at the start, where hwloc does
	not survive it either
	leat_map: a value that is the library's own: no program can name it
	leat_map: no memory for a thread: pthread_setspecific fails
	END
}

# The text of C files on one line, neighbouring strings made one.
joined() {
	cat "$@" | tr '\n' ' ' |
		sed -E 's/"[ \t]*(TEXT|HWLOC_FORM)[ \t]*([,);"])/%s"\2/g
			s/%s""/%s/g; s/"[ \t]+"//g'
}

reached=$(mktemp "${TMPDIR:-/tmp}/deaths.XXXX")
trap 'rm -f "$reached"' EXIT
unreached >"$reached"
joined tests/test_*.c tests/test_*.cc tests/unit_*.c >>"$reached"
cat "$1" >>"$reached"

for file in core/*.[ch] sync/*.[ch]; do
	joined "$file" | grep -oE '\b(fatal|refuse|panics)\("([^"\\]|\\.)*"' |
		sed -E 's/^[a-z]*\("//; s/"$//; s/\\"/"/g'
done | sort -u | awk -v reached="$reached" '
	BEGIN {
		while ((getline line <reached) > 0)
			text = text "\n" line
	}
	{
		n = split($0, part, /%[-0-9.*]*[lzt]*[a-z]/)
		long = ""
		for (i = 1; i <= n; i++)
			if (length(part[i]) > length(long))
				long = part[i]
		if (!index(text, long)) {
			print "no test reaches: " $0
			bad = 1
		}
	}
	END { exit bad }'
