#!/bin/sh
# lint-names.sh libleat.so leat.o - what the library shows to the world.
#
#	names          only leat_*, in both
#	stack          not executable
#	landing pads   IBT (x86-64), BTI (aarch64): one object file without the
#	               note would switch it off for the whole program
so=$1 object=$2 rc=0
wrong() {
	echo "$*"
	rc=1
}

names() { # file, options of nm
	file=$1
	shift
	nm "$@" --defined-only "$file" | awk '{ print $NF }' |
		grep -v '^leat_' | sed "s|^|$file shows |"
}
found=$(names "$so" -D; names "$object" -g)
[ -z "$found" ] || wrong "$found"
nm -D --defined-only "$so" | grep -q ' T leat_run_$' ||
	wrong "$so: no leat_run_"

for file in "$so" "$object"; do
	readelf -SlW "$file" | grep -E 'GNU_STACK.*E|\.note\.GNU-stack.* X ' &&
		wrong "$file: executable stack"
done
readelf -SW "$object" | grep -q 'note.GNU-stack' ||
	wrong "$object: no GNU-stack note"
readelf -n "$object" 2>/dev/null | grep -qE 'IBT|BTI' ||
	wrong "$object: no IBT or BTI note"
exit $rc
