#!/bin/sh
# lint-misuse.sh - what the compiler must refuse, and what it must take.
#
# Each line is a statement; what stands in front says who must refuse it:
#
#	good         nobody, or the others would prove nothing
#	never        both languages, even without any warning
#	bad          both languages; C as a warning, here with -Wall -Werror
#	bad in C++   C++ alone
compile() { # statement, compiler and flags
	statement=$1
	shift
	"$@" -Iinclude -D_GNU_SOURCE -fsyntax-only - 2>/dev/null <<-END
	#include "leat.h"
	void nothing(void);
	void text(const char *s);
	void two(const char *s, long n);
	int seven(int a, int b, int c, int d, int e, int f, int g);
	void real(double x);
	int run(int n);
	struct pair { long a, b; };
	void pair(struct pair p);
	int *find(void);
	extern leat_wg *group;
	extern leat_once *once;
	leat_error fails(void);
	leat_error breaks(const char *s, long n);
	extern leat_group *all;
	extern int *number, (*unknown)(int);
	extern const int *fixed;
	extern long *big;
	extern bool *open;
	extern struct pair *p;
	extern leat_atomic_bool yes;
	extern leat_atomic_i32 small;
	extern leat_atomic_u64 large;
	extern const leat_atomic_i64 still;
	extern leat_atomic_ptr(struct pair) at;
	extern leat_atomic_ptr(const int) seen;
	extern int **deep;
	extern leat_flight flight;
	leat_error load(void *arg, const char *key, void **value);

	void user(leat_chan(int) c);
	void sender(leat_sender(int) c);
	void receiver(leat_receiver(int) c);
	extern leat_chan(int) c, other;
	extern leat_sender(int) tx;
	extern leat_receiver(int) rx;
	extern leat_chan(long) longs;
	extern leat_chan(char) chars;
	extern leat_chan(const char *) texts;
	extern leat_chan(struct pair) pairs;
	extern leat_chan(leat_signal) signals;
	extern leat_chan(leat_chan(int)) chans;
	int test(void)
	{
		$statement;
		return 0;
	}
	END
}

judge() { # compiler; the list on stdin
	rc=0
	while IFS='	' read -r who statement; do
		flags='-Wall -Werror' taken=no
		case $who in '#'* | '') continue ;; never) flags= ;; esac
		compile "$statement" $1 $flags && taken=yes
		case $who,$1,$taken in
		good,*,no)
			echo "$1: refuses $statement"
			rc=1 ;;
		never,*,yes | bad,*,yes | 'bad in C++',*c++*,yes)
			echo "$1: takes $statement"
			rc=1 ;;
		esac
	done
	return $rc
}

list=$(cat <<'END'
# Calls in a goroutine.
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
good	leat_timer_stop(leat_after_func(LEAT_SECOND, two, "a", 3))
good	return leat_go_after(LEAT_SECOND, nothing)
good	leat_recv(leat_timer_chan(leat_timer_new(3)), NULL)
good	leat_select(leat_on_recv(leat_after(3), NULL))
good	leat_ctx *x = leat_with_timeout(leat_background(), LEAT_SECOND); leat_recv_ctx(x, c, number)
good	leat_recv(leat_ctx_done(leat_todo()), NULL)
good	leat_ctx_func_stop(leat_ctx_after_func(leat_todo(), two, "a", 3))
bad	leat_ctx_after_func(leat_todo(), two, "a")
bad	leat_send_ctx(leat_todo(), pairs, 3)
never	leat_send_ctx(leat_todo(), rx, 3)
never	leat_recv_ctx(leat_todo(), tx, number)
never	leat_close(leat_ctx_done(leat_todo()))
bad	leat_after_func(LEAT_SECOND, two, "a")
bad	leat_after_func_at(leat_now(), two, 3, "a")
bad	leat_go_after(LEAT_SECOND, seven, 1, 2, 3, 4, 5, 6, 7)
never	leat_close(leat_after(3))
never	leat_send(leat_tick(3), 4)
bad	leat_go(3)
bad	leat_go(number, 3)
bad	leat_go_with(number, nothing)
bad	leat_wg_go(group, text, 3)
bad	leat_wg_go(group, text)
bad	leat_wg_go(number, nothing)
good	leat_once_do(once, nothing); leat_once_do(once, two, "a", *number)
good	leat_once_value(int *) v = LEAT_ONCE_VALUE(find); return *leat_once_get(&v)
bad	leat_once_do(once, text, 3)
bad	leat_once_do(once, two, "a")
bad	leat_once_do(once, pair, *number)
bad	leat_once_do(once, seven, 1, 2, 3, 4, 5, 6)
bad	leat_once_do(number, nothing)
bad	leat_once_do(once, 3)
bad	leat_once_value(int) v = LEAT_ONCE_VALUE(find)
bad	leat_once_value(int) v = LEAT_ONCE_VALUE(run)
bad	leat_once_get(once)
good	leat_group_go(all, fails); return leat_group_try_go(all, breaks, "a", *number)
good	return leat_group_go_ctx(leat_todo(), all, fails) + (leat_group_wait(all) != 0)
bad	leat_group_go(all, nothing)
bad	leat_group_go(all, run, 3)
bad	leat_group_go(all, find)
bad	leat_group_go(all, fails, 3)
bad	leat_group_go(all, breaks, "a")
bad	leat_group_try_go(all, breaks, 3, "a")
bad	leat_group_go_ctx(leat_todo(), all, breaks, "a", 1.5)
bad	leat_group_go_ctx(all, leat_todo(), fails)
bad	leat_group_go(group, fails)
bad	return leat_run(nothing)
bad	return leat_run(text, "a")
bad	return leat_run(run)
bad	return leat_run(run, 1, 2)
bad	return leat_run(run, 1.5)
bad	return leat_run(run, "a")
bad	return leat_run_with(3, run, 7)

# Channels: all that they are for.
good	c = leat_make(int, 3)
good	leat_send(c, 1); leat_send(tx, *number); leat_send(texts, "a")
good	leat_send(pairs, *p); leat_send(chans, c)
good	leat_signal s = {}; leat_send(signals, s)
good	return leat_offer(c, 1) + leat_try_send(tx, 1)
good	return (int)(leat_send_n(c, fixed, 2) + leat_send_n(tx, number, 2))
good	(void)leat_recv(c, number); leat_recv(rx, NULL)
good	return leat_try_recv(rx, number) + (int)leat_recv_n(rx, number, 2)
good	return leat_send_until(tx, 1, leat_now()) + leat_recv_until(rx, number, 0)
good	return leat_select_until(0, leat_on_send(tx, 1), leat_on_recv(rx, number))
good	return leat_select_first_until(LEAT_NEVER, leat_on_recv(pairs, p))
good	leat_range(v, rx) *number += v
good	leat_range(inner, chans) leat_range(v, inner) *number += v
good	leat_close(c); leat_close(tx); return leat_shut(c) + leat_shut(tx)
good	return (int)(leat_len(c) + leat_len(tx) + leat_len(rx))
good	return (int)(leat_cap(c) + leat_cap(tx) + leat_cap(rx))
good	c = leat_retain(c); tx = leat_retain(tx); rx = leat_retain(rx)
good	leat_release(c); leat_release(tx); leat_release(rx)
good	tx = leat_send_end(c); rx = leat_recv_end(c)
good	tx = leat_send_end(tx); rx = leat_recv_end(rx)
good	leat_chan(int) nil = 0; return nil == c && c == other
good	leat_chan(int (*)(int)) f = leat_make(int (*)(int), 1); leat_send(f, run)
good	leat_go(user, c)
good	leat_go(sender, leat_send_end(c)); leat_go(sender, tx)
good	leat_go(receiver, leat_recv_end(c)); leat_go(receiver, rx)
good	return leat_select()
good	return leat_try_select() + leat_select_first() + leat_try_select_first()
good	return leat_select(leat_on_send(c, 1), leat_on_send(tx, 1), leat_on_recv(rx, number), leat_on_recv(c, NULL), leat_on_recv_ok(c, NULL, open))
good	return leat_try_select(leat_on_send(pairs, *p), leat_on_recv(pairs, p))

# Directions: the errors of Go's test/chan/perm.go, in its order.
bad	c = rx
bad	c = tx
bad	rx = tx
bad	tx = rx
never	leat_recv(*number, number)
never	leat_send(*number, 2)
never	leat_send(rx, 0)
never	leat_recv(tx, NULL)
never	*open = leat_recv(tx, number)
never	leat_select(leat_on_send(rx, 0))
never	leat_select(leat_on_recv(tx, number))
never	leat_range(v, tx) *number = v
never	leat_range(v, tx) (void)v
never	leat_close(rx)
never	leat_close(*number)

# And those of the words that Go does not have.
bad	tx = c
bad	rx = c
bad	c = leat_send_end(c)
bad	c = leat_recv_end(c)
bad	tx = leat_recv_end(c)
never	tx = leat_send_end(rx)
never	rx = leat_recv_end(tx)
never	leat_offer(rx, 1)
never	leat_try_send(rx, 1)
never	leat_send_until(rx, 1, 0)
never	leat_send_n(rx, number, 1)
never	leat_shut(rx)
never	leat_try_recv(tx, number)
never	leat_recv_until(tx, number, 0)
never	leat_recv_n(tx, number, 1)
never	leat_select(leat_on_recv_ok(tx, number, open))
never	leat_try_select(leat_on_send(rx, 0))
never	leat_select_until(0, leat_on_send(rx, 0))
never	leat_select_first(leat_on_recv(tx, number))
bad	leat_go(receiver, c)
bad	leat_go(receiver, tx)
bad	leat_go(receiver, leat_send_end(c))
bad	leat_go(sender, c)
bad	leat_go(sender, rx)
bad	leat_go(user, leat_send_end(c))
bad	leat_go(user, rx)
bad	leat_go(user, longs)
bad	leat_go(receiver, leat_recv_end(longs))
bad	leat_go(receiver, number)

# Elements of another type.
bad	c = longs
bad	c = leat_make(long, 1)
bad	leat_send(c, "a")
bad	leat_send(c, number)
bad	leat_send(c, c)
bad	leat_send(chars, "a")
bad	leat_send(texts, 3)
bad	leat_send(texts, number)
bad	leat_send(chans, tx)
never	leat_send(c, *p)
never	leat_send(pairs, 3)
never	leat_send(pairs, p)
never	leat_send(signals, 1)
bad	leat_offer(c, number)
bad	leat_try_send(c, number)
never	leat_send_n(c, big, 1)
never	leat_send_n(c, 3, 1)
never	leat_recv(c, big)
never	leat_recv(c, *number)
never	leat_recv(c, fixed)
never	leat_recv(c, p)
never	leat_try_recv(c, big)
never	leat_recv_until(c, big, 0)
never	leat_recv_n(c, big, 1)
never	leat_recv_n(c, fixed, 1)
bad	leat_select(leat_on_send(c, number))
never	leat_select(leat_on_recv(c, big))
never	leat_select(leat_on_recv(c, fixed))
bad	leat_select(leat_on_recv_ok(c, number, number))
never	leat_range(v, c) *p = v
never	leat_make(int[3], 1)
never	leat_make(void, 1)
bad in C++	struct own { own(); ~own(); }; leat_make(own, 1)
bad	leat_make(int, "3")

# What is no channel.
never	leat_send(number, 2)
never	leat_recv(number, number)
never	leat_close(number)
never	leat_len(number)
never	leat_cap(3)
never	leat_retain(number)
never	leat_release(number)
never	leat_send_end(number)
never	leat_recv_end(number)
never	leat_range(v, number) (void)v
never	leat_send(text, "a")
never	leat_recv(text, NULL)
never	leat_close(text)
never	leat_len(text)
never	leat_retain(text)
never	leat_release(text)
never	leat_send_end(text)
never	leat_select(leat_on_recv(number, number))
bad	leat_select(c)
bad	leat_select(3)
never	leat_send(c)
never	leat_send(c, 1, 2)
never	leat_make(int)

# Atomics.
good	leat_atomic_store(&small, leat_atomic_load(&small) + 1)
good	leat_atomic_add(&small, -1); leat_atomic_add(&large, -1); leat_atomic_or(&large, 4); leat_atomic_and(&small, *number)
good	*big = leat_atomic_swap(&small, 3); leat_atomic_swap(&at, p); leat_atomic_swap(&yes, *open)
good	*big = leat_atomic_load(&still)
good	p = leat_atomic_load(&at); leat_atomic_store(&at, p); leat_atomic_store(&at, NULL)
good	leat_atomic_store(&seen, number); fixed = leat_atomic_load(&seen)
good	return leat_atomic_cas(&at, p, NULL) && leat_atomic_cas(&yes, false, true)
good	leat_atomic_i32 x = LEAT_ATOMIC(3); leat_atomic_ptr(struct pair) y = LEAT_ATOMIC(p); leat_atomic_store(&y, leat_atomic_swap(&at, p)); leat_atomic_add(&x, 1)
never	small = 3
never	small++
never	small += 1
never	*number = small
never	return small == 3
never	if (yes) return 1
never	yes = true
never	at = p
never	at = NULL
bad	p = at
bad	return at == p
never	at->a = 3
never	leat_atomic_load(number)
never	leat_atomic_load(deep)
never	leat_atomic_load(&deep)
never	leat_atomic_add(number, 1)
never	leat_atomic_load(c)
never	leat_atomic_load(small)
never	leat_atomic_add(3, 1)
never	leat_atomic_add(&yes, true)
never	leat_atomic_or(&yes, true)
never	leat_atomic_and(&yes, true)
never	leat_atomic_add(&at, 1)
never	leat_atomic_and(&at, 1)
bad	leat_atomic_add(&still, 1)
bad	leat_atomic_store(&still, 1)
bad	leat_atomic_cas(&still, 1, 2)
bad	leat_atomic_store(&small, number)
bad	leat_atomic_cas(&small, number, 3)
bad	leat_atomic_add(&small, number)
never	leat_atomic_store(&small, *p)
bad	leat_atomic_store(&at, number)
bad	leat_atomic_store(&at, 3)
bad	leat_atomic_swap(&at, &at)
bad	leat_atomic_cas(&at, p, number)
bad	leat_atomic_cas(&at, number, p)
bad	number = leat_atomic_load(&at)
bad	number = leat_atomic_load(&seen)
bad	leat_atomic_ptr(struct pair) x = LEAT_ATOMIC(number); leat_atomic_load(&x)
bad	leat_atomic_i32 x = LEAT_ATOMIC(number); leat_atomic_load(&x)

# One call for all.
good	leat_landing_release(leat_flight_do(&flight, "k", load, number))
bad	leat_flight_do(&flight, "k", text, number)
bad	leat_flight_start(&flight, 3, load, number)
END
)
pids=
for compiler in 'gcc -x c -std=gnu11' 'clang -x c -std=gnu11' \
	'g++ -x c++ -std=c++17' 'clang++ -x c++ -std=c++17'; do
	echo "$list" | judge "$compiler" &
	pids="$pids $!"
done
rc=0
for pid in $pids; do
	wait "$pid" || rc=1
done
exit $rc
