#!/bin/sh
# lint-selftest.sh - every rule of the lint, broken once, must be noticed.
#
# Works on a copy of the tree.  First the copy must pass; then each case adds
# one fault, runs the lint that should see it, and looks for the words that
# say so.
set -u
here=$PWD
copy=$(mktemp -d "${TMPDIR:-/tmp}/selftest.XXXX")
trap 'rm -rf "$copy"' EXIT
rc=0 cases=0

fresh() {
	rm -rf "$copy/t"
	mkdir "$copy/t"
	cp -r "$here"/Makefile "$here"/README.md "$here"/.clang-format \
		"$here"/include "$here"/arch "$here"/core "$here"/sync \
		"$here"/tests "$here"/tools "$here"/examples "$here"/perf \
		"$copy/t"
	cd "$copy/t" || exit 1
}

order() {
	make -s lint-order
}
layers() {
	tests/lint-layers.sh includes
}
headers() {
	tests/lint-layers.sh
}
words() {
	tests/lint-words.sh
}
format() {
	make -s lint-format
}

# notices lint words: the lint fails and says the words.
notices() {
	cases=$((cases + 1))
	if said=$("$1" 2>&1); then
		echo "$1 did not notice: $2"
		rc=1
	elif ! echo "$said" | grep -qF -e "$2"; then
		echo "$1 noticed something else than: $2"
		echo "$said" | head -n 5
		rc=1
	fi
	fresh
}

fresh
for lint in order headers words format; do
	said=$($lint 2>&1) || {
		echo "the tree itself does not pass $lint"
		rc=1
	}
done
# Layers.
echo '#include "sync/waitgroup.h"' >>core/base.h
notices layers 'core/base.h'
echo '#include "core/base.h"' >>arch/x86_64/cpu.h
notices layers 'arch/x86_64/cpu.h'
echo '#include "core/runq.h"' >>sync/waitgroup.c
notices layers 'sync/waitgroup.c'
echo '#include "core/base.h"' >>include/leat/go.h
notices layers 'include/leat/go.h'
echo '#include "core/base.h"' >tests/test_inside.c
notices layers 'tests/test_inside.c'
echo '#include "core/runtime.h"' >>core/runq.c
notices layers 'runtime.h comes after runq'
echo 'int x;' >core/novelty.c
notices layers 'core/novelty.c: has no place'
echo 'size_of_nothing f(void);' >>core/runq.h
notices headers 'core/runq.h: not complete for gcc'
echo 'int *class;' >>include/leat/go.h
notices headers 'leat/go.h: not complete for g'

# Orders.
fault() { # text of a file of its own
	printf '%s\n' "$1" >core/zz.c
}
fault 'void f(void) { a_store(&x, 1, release); }'
notices order 'core/zz.c:1: an order without'
fault '/* [zz.a] pairs with [zz.b]: no such thing. */
void f(void) { a_store(&x, 1, release); }'
notices order '[zz.a] pairs with [zz.b], which is nowhere'
fault '/* [zz.a] pairs with [zz.b]: one way. */
void f(void) { a_store(&x, 1, release); }
/* [zz.b] pairs with [zz.c]: the other. */
int g(void) { return a_load(&x, acquire); }
/* [zz.c] pairs with [zz.b]: fine. */
int h(void) { return a_load(&x, acquire); }'
notices order '[zz.b] does not name [zz.a]'
fault '/* [zz.a] pairs with [zz.a]: itself. */
void f(void) { a_store(&x, 1, release); }
/* [zz.a] pairs with [zz.a]: again. */
void g(void) { a_store(&x, 1, release); }'
notices order '[zz.a] is used at core/zz.c:1 too'
fault '/* [zz.a] pairs with [zz.a]: only the first store. */
void f(void) { a_store(&x, 1, release);
	a_store(&x, 2, release); }'
notices order 'core/zz.c:3: an order without'
fault '/* [zz.a] pairs with [zz.a]: long ago. */
int a;
int b;
int c;
int d;
void f(void) { a_fence(seq_cst); }'
notices order 'core/zz.c:6: an order without'
fault '/* [zz.a] pairs with nobody. */
void f(void) { a_fence(seq_cst); }'
notices order '[zz.a] names no partner'
fault '/* It pairs with [zz.a]. */
void f(void) { a_fence(seq_cst); }'
notices order 'no [label] before it'

# Words and sizes.
f=core/runq.c
echo '/* TO''DO: later */' >>$f
notices words 'unfinished: core/runq.c'
echo '/* see /ho''me/me/notes */' >>$f
notices words 'a path of one machine: core/runq.c'
echo 'static vol''atile int x;' >>$f
notices words 'volatile: core/runq.c'
echo 'int f(void) { return errno; }' >>$f
notices words 'errno: core/runq.c'
echo 'static _Thread_local int x;' >>$f
notices words 'thread-local: core/runq.c'
printf '#ifdef FAST\n#endif\n' >>$f
notices words 'a conditional: core/runq.c'
printf '#ifndef FAST\nint x;\n#endif\n' >>$f
notices words 'a conditional: core/runq.c'
printf '#if FAST\n#endif\n' >>$f
notices words 'a conditional: core/runq.c'
yes '' | head -n 600 >>$f
notices words 'over 600 lines: core/runq.c'
(echo 'void f(void)' && echo '{' && yes '	g();' | head -n 60 && echo '}') >>$f
notices words 'over 60 lines: core/runq.c'

# Format.
echo 'int  x ;' >>$f
notices format 'core/runq.c'

# Names and notes, on a library of one function.
cc() {
	gcc -fPIC -fcf-protection=branch -c -o zz.o zz.c "$@" &&
		gcc -shared -o zz.so zz.o $hard
}
names() {
	tests/lint-names.sh zz.so zz.o
}
hard=
if [ "$(uname -m)" = x86_64 ]; then
	echo 'int leat_run_(void) { return 1; }' >zz.c
	cc
	names || rc=1
	echo 'int leat_run_(void) { return 1; } int oops;' >zz.c
	cc
	notices names 'zz.so shows oops'
	echo 'int leat_run_(void) { return 1; }' >zz.c
	cc -fcf-protection=none
	notices names 'no IBT or BTI note'
	echo 'int leat_run_(void) { return 1; }' >zz.c
	hard='-z execstack'
	cc
	notices names 'zz.so: executable stack'
fi

echo "$cases faults"
exit $rc
