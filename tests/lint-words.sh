#!/bin/sh
# lint-words.sh - words and sizes that a reader should not meet.
#
#	what                                where it may be
#	XXX HACK FIXME TODO                 nowhere
#	paths of one machine                nowhere
#	volatile                            arch/, tests/, perf/
#	errno                               core/os.c
#	_Thread_local, __thread             arch/*/*.S
#	#if ...                             arch/, include/, core/sanitize/; else
#	                                    include guards, defaults of a
#	                                    constant (#ifndef X, #define X), NDEBUG
#	a file of over 600 lines            nowhere
#	a function of over 60 lines         nowhere

# The "file:line: text" lines on standard input, with what is wrong.
wrong() {
	sed "s/^/$1: /"
}
sources() { # folders
	find "$@" -name '*.[chS]' -o -name '*.cc' -o -name '*.go' |
		grep -v tests/lint- | sort
}
# file:line: code, without comments and strings.
code() {
	awk '
	FNR == 1 { inside = 0 }
	{
		rest = $0; line = ""
		gsub(/"([^"\\]|\\.)*"/, "\"\"", rest)
		while (rest != "") {
			at = index(rest, inside ? "*/" : "/*")
			if (!inside)
				line = line (at ? substr(rest, 1, at - 1) : rest)
			rest = at ? substr(rest, at + 2) : ""
			if (at)
				inside = !inside
		}
		if (line ~ /[^ \t]/)
			print FILENAME ":" FNR ": " line
	}' "$@"
}

everything=$(sources arch core sync include tests perf examples
	ls Makefile README.md tools/*.sh .ci/run 2>/dev/null)
library=$(sources core sync include)

rules() {
	grep -nEw 'XXX|HACK|FIXME|TODO' $everything | wrong 'unfinished'
	grep -nE '/(work|home|root|Users)/' $everything | wrong 'a path of one machine'
	code $library $(sources examples) | grep -w volatile | wrong 'volatile'
	code $(echo "$library" | grep -v '^core/os\.c$') | grep -w errno |
		grep -v '#[ 	]*include' | wrong 'errno'
	code $(sources arch core sync include | grep -v 'S$') |
		grep -Ew '_Thread_local|__thread|thread_local' | wrong 'thread-local'

	for f in $(sources core sync | grep -v '^core/sanitize/'); do
		awk '
		/^[ \t]*#[ \t]*(if|elif|ifdef|ifndef)/ {
			name = $NF
			if ($0 ~ /ndef/) { guard = name; at = FNR; text = $0; next }
			if (name !~ /NDEBUG/)
				print FILENAME ":" FNR ": " $0
		}
		guard {
			if ($2 != guard && guard != "NDEBUG")
				print FILENAME ":" at ": " text
			guard = ""
		}' "$f"
	done | wrong 'a conditional'

	wc -l $everything | awk '$1 > 600 && $2 != "total" { print $2 ": " $1 }' |
		wrong 'over 600 lines'
}

lengths() {
	ctags -f - --fields=+ne --c-kinds=f --c++-kinds=f \
		$(echo "$everything" | grep -E '\.(c|h|cc)$') | awk -F '\t' '{
		line = end = 0
		for (i = 4; i <= NF; i++) {
			if ($i ~ /^line:/) line = substr($i, 6)
			if ($i ~ /^end:/) end = substr($i, 5)
		}
		if (end - line + 1 > 60)
			print $2 ":" line ": " $1 ", " end - line + 1 " lines"
	}' | wrong 'over 60 lines'
}

ctags --version 2>/dev/null | grep -q Universal ||
	echo 'lint-words: NO universal-ctags: length of functions NOT checked'
found=$(rules; ctags --version 2>/dev/null | grep -q Universal && lengths)
[ -z "$found" ] || {
	echo "$found"
	exit 1
}
