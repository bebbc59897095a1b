#!/bin/sh
# lint-misuse.sh - calls that the compiler must refuse, and one that it takes.
#
# Each line is a statement; what stands in front says who must refuse it:
# both languages, or C++ alone.  The first line has to compile, or the others
# would prove nothing.
rc=0
compile() { # statement, compiler and flags
	statement=$1
	shift
	"$@" -Iinclude -D_GNU_SOURCE -Wall -Werror -fsyntax-only - 2>/dev/null <<-END
	#include "leat.h"
	static inline void nothing(void) { }
	static inline void text(const char *s) { (void)s; }
	static inline void two(const char *s, long n) { (void)s; (void)n; }
	static inline int seven(int a, int b, int c, int d, int e, int f, int g)
	{ return a + b + c + d + e + f + g; }
	static inline void real(double x) { (void)x; }
	static inline int run(int n) { return n; }
	struct pair { long a, b; };
	static inline void pair(struct pair p) { (void)p; }
	int test(leat_wg *group, int *number, struct pair *p, int (*unknown)(int));
	int test(leat_wg *group, int *number, struct pair *p, int (*unknown)(int))
	{
		(void)nothing; (void)text; (void)two; (void)seven; (void)real;
		(void)run; (void)pair; (void)group; (void)number; (void)p;
		(void)unknown;
		$statement;
		return 0;
	}
	END
}

while IFS='	' read -r who statement; do
	for compiler in 'gcc -x c -std=gnu11' 'clang -x c -std=gnu11' \
		'g++ -x c++ -std=c++17' 'clang++ -x c++ -std=c++17'; do
		taken=no
		compile "$statement" $compiler && taken=yes
		case $who,$compiler,$taken in
		good,*,no)
			echo "$compiler: refuses $statement"
			rc=1 ;;
		bad,*,yes | 'bad in C++',*c++*,yes)
			echo "$compiler: takes $statement"
			rc=1 ;;
		esac
	done
done <<'END'
good	leat_go(nothing)
good	leat_go(text, "a")
good	leat_go(two, "a", 3)
good	leat_go_with(NULL, two, "a", *number)
good	leat_wg_go(group, text, "a")
good	return leat_run(unknown, 7)
good	return leat_run_with(NULL, run, 7)
bad	leat_go(text, 3)
bad	leat_go(text, number)
bad	leat_go(text)
bad	leat_go(two, "a")
bad	leat_go(two, "a", 3, 4)
bad	leat_go(nothing, 1)
bad	leat_go(two, 3, "a")
bad	leat_go(two, "a", 3.0)
bad	leat_go(text, 1.5f)
bad	leat_go(real, 1.5)
bad in C++	leat_go(real, 1)
bad	leat_go(pair, *p)
bad	leat_go(seven, 1, 2, 3, 4, 5, 6, 7)
bad	leat_go(3)
bad	leat_go(number, 3)
bad	leat_go_with(number, nothing)
bad	leat_wg_go(group, text, 3)
bad	leat_wg_go(group, text)
bad	leat_wg_go(number, nothing)
bad	return leat_run(nothing)
bad	return leat_run(text, "a")
bad	return leat_run(run)
bad	return leat_run(run, 1, 2)
bad	return leat_run(run, 1.5)
bad	return leat_run(run, "a")
bad	return leat_run_with(3, run, 7)
END
exit $rc
