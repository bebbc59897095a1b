/*
 * atomic.h - variables that any number of goroutines and threads use at once.
 *
 *	static leat_atomic_i64 hits;
 *	static leat_atomic_ptr(const struct config) current = LEAT_ATOMIC(&fallback);
 *
 *	leat_atomic_add(&hits, 1);
 *	work(leat_atomic_load(&current));
 *
 * An atomic acts on one variable, a mutex protects a region.  Each step below is
 * right with both at any moment; on the right, nobody sees one without the other:
 *
 *	one variable: an atomic            two that belong together: a mutex
 *
 *	leat_atomic_i64 hits;              leat_mutex m;
 *	                                   long hits, bytes;
 *
 *	leat_atomic_add(&hits, 1);         leat_mutex_lock(&m);
 *	                                   hits++;
 *	                                   bytes += n;
 *	                                   leat_mutex_unlock(&m);
 *
 * Two atomics are two: between the steps others see the first without the
 * second, and what was loaded may be old by the time it is used.  To go from a
 * value to the next one that depends on it, leat_atomic_cas in a loop:
 *
 *	do
 *		was = leat_atomic_load(&top);
 *	while (was < n && !leat_atomic_cas(&top, was, n));
 *
 *	type                 holds        operations
 *	leat_atomic_bool     bool         load store swap cas
 *	leat_atomic_i32      int32_t      load store swap cas add and or
 *	leat_atomic_i64      int64_t      load store swap cas add and or
 *	leat_atomic_u32      uint32_t     load store swap cas add and or
 *	leat_atomic_u64      uint64_t     load store swap cas add and or
 *	leat_atomic_uintptr  uintptr_t    load store swap cas add and or
 *	leat_atomic_ptr(T)   T *          load store swap cas
 *
 * All-zero is ready to use and means 0, false, NULL; LEAT_ATOMIC(v) in a
 * definition means v.  It belongs to the caller and must stay in place while
 * anybody uses it.  There is no plain access: = 3 and ++ do not compile, nor does
 * a pointer to another type; what copies a structure with an atomic in it copies
 * that plainly, while nobody else may use it.  Nothing here waits or takes a
 * lock: each is one instruction of the CPU, or a short loop around one.  All of
 * it works in threads that are not the runtime's and in signal handlers too.
 *
 * What is seen, as in Go's memory model:
 *
 *	- All operations on all atomics are in one order, the same for all, in
 *	  which each goroutine's stand as it made them (sequentially consistent).
 *	  Who sets his flag and then finds another's clear knows that the other,
 *	  who does the same, finds his set.
 *	- What happened before a change of an atomic happens before whatever
 *	  sees that change or a later one.  So plain data may be handed over: filled
 *	  in first, and its address stored, or a flag set, after that.
 *	- The rest of Leat orders too: a send happens before the end of its
 *	  receive, a close before the receive that reports it, the Done of a group
 *	  before the end of its Wait, an unlock before the next lock, the function
 *	  of a once before the end of every call.
 *	- Plain data that two use at once, one of them writing, is a bug, whatever
 *	  values come out.
 *
 * Whoever reads through a pointer needs to know that it is not freed meanwhile;
 * an atomic does not say when the last reader is done with the old one.  Keep
 * the old ones, count references under a mutex, or have it replaced by whom the
 * readers wait for.
 *
 * After Go's sync/atomic, without its Value, which holds any type, since Go's
 * interfaces know theirs: here, leat_atomic_ptr(const T) of a T that is filled
 * in, stored, and not changed any more; with types checked by the compiler.
 */
#ifndef LEAT_ATOMIC_H
#define LEAT_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Aligned to their size also where int64_t is not. */
typedef struct leat_atomic_bool {
	bool atomic_[1]; /* private, and in those below */
} leat_atomic_bool;
typedef struct leat_atomic_i32 {
	int32_t atomic_[1];
} leat_atomic_i32;
typedef struct leat_atomic_i64 {
	__attribute__((aligned(8))) int64_t atomic_[1];
} leat_atomic_i64;
typedef struct leat_atomic_u32 {
	uint32_t atomic_[1];
} leat_atomic_u32;
typedef struct leat_atomic_u64 {
	__attribute__((aligned(8))) uint64_t atomic_[1];
} leat_atomic_u64;
typedef struct leat_atomic_uintptr {
	uintptr_t atomic_[1];
} leat_atomic_uintptr;

/*
 * leat_atomic_ptr(T) - the type of an atomic pointer to T; the same type wherever
 * it is written.
 *
 * LEAT_ATOMIC(v) - the initialiser of any of them.  Not an atomic operation.
 *
 * leat_atomic_load(p) - the value of the atomic at p.
 * leat_atomic_store(p, v) - it is v from now on.
 * leat_atomic_swap(p, v) - the same; the value before.
 * leat_atomic_cas(p, old, v) - if it is old it is v from now on: true.  If it is
 * not, nothing changes: false.  (CompareAndSwap)
 * leat_atomic_add(p, delta) - add delta; the new value, as in Go.  Signed ones,
 * too, wrap around; to subtract from unsigned ones, add -n.
 * leat_atomic_and(p, mask), leat_atomic_or(p, mask) - keep only, and set, the bits
 * of mask; the value before, as in Go.
 *
 * Each argument is evaluated once.
 */
#define LEAT_ATOMIC(...)            \
	{                           \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

#ifdef __cplusplus

#include <type_traits>

template <class T> struct leat_atomic_to_ {
	T *atomic_[1];
};

#define leat_atomic_ptr(...) leat_atomic_to_<__VA_ARGS__>

/* What an atomic holds; a number, for those that compute. */
template <class A>
using leat_atomic_t_ = std::remove_extent_t<decltype(A::atomic_)>;
template <class A>
using leat_atomic_n_ =
	std::enable_if_t<std::is_integral<leat_atomic_t_<A>>::value &&
				 !std::is_same<leat_atomic_t_<A>, bool>::value,
			 leat_atomic_t_<A>>;

template <class A> inline leat_atomic_t_<A> leat_atomic_load(const A *p)
{
	return __atomic_load_n(p->atomic_, __ATOMIC_SEQ_CST);
}

template <class A> inline void leat_atomic_store(A *p, leat_atomic_t_<A> v)
{
	__atomic_store_n(p->atomic_, v, __ATOMIC_SEQ_CST);
}

template <class A>
inline leat_atomic_t_<A> leat_atomic_swap(A *p, leat_atomic_t_<A> v)
{
	return __atomic_exchange_n(p->atomic_, v, __ATOMIC_SEQ_CST);
}

template <class A>
inline bool leat_atomic_cas(A *p, leat_atomic_t_<A> old, leat_atomic_t_<A> v)
{
	return __atomic_compare_exchange_n(p->atomic_, &old, v, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

template <class A>
inline leat_atomic_n_<A> leat_atomic_add(A *p, leat_atomic_n_<A> delta)
{
	return __atomic_add_fetch(p->atomic_, delta, __ATOMIC_SEQ_CST);
}

template <class A>
inline leat_atomic_n_<A> leat_atomic_and(A *p, leat_atomic_n_<A> mask)
{
	return __atomic_fetch_and(p->atomic_, mask, __ATOMIC_SEQ_CST);
}

template <class A>
inline leat_atomic_n_<A> leat_atomic_or(A *p, leat_atomic_n_<A> mask)
{
	return __atomic_fetch_or(p->atomic_, mask, __ATOMIC_SEQ_CST);
}

#else

/* A pointer in two boxes: of types without a name, one that has no value and is
 * the same wherever it is written. */
#define leat_atomic_ptr(T) __typeof__(__typeof__(T) *[1][1])

/* Any atomic as a value in two boxes, at the same address. */
#define leat_atomic_boxes_(p, at)                                  \
	_Generic(*(p), leat_atomic_box_(bool, bool, at),           \
		 leat_atomic_box_(i32, int32_t, at),               \
		 leat_atomic_box_(i64, int64_t, at),               \
		 leat_atomic_box_(u32, uint32_t, at),              \
		 leat_atomic_box_(u64, uint64_t, at),              \
		 leat_atomic_box_(uintptr, uintptr_t, at), default \
		 : (p))
#define leat_atomic_box_(name, T, at) \
	leat_atomic_##name : (T(*)[1][1])(uintptr_t)(at)

/* The type of the value; v as one, converted as in an assignment; the same if it
 * is a number. */
#define leat_atomic_t_(p)    __typeof__(***leat_atomic_boxes_(p, p))
#define leat_atomic_v_(p, v) ((leat_atomic_t_(p)){ (v) })
#define leat_atomic_n_(p, v)                                             \
	(leat_atomic_v_(p, v) |                                          \
	 0 * (int)sizeof(struct {                                        \
		 _Static_assert(_Generic(leat_atomic_v_(p, 0), bool : 0, \
					 default : 1),                   \
				"leat: add, and, or of a bool");         \
		 int leat_unused_;                                       \
	 }))

/* Where the value is, to be read; to be written: then p points to no const. */
#define leat_atomic_from_(p) leat_atomic_at_(p, p)
#define leat_atomic_in_(p)   leat_atomic_at_(p, ((void *){ (p) }))
#define leat_atomic_at_(p, at)             \
	_Generic(leat_atomic_boxes_(p, p), \
		 leat_atomic_is_(p, **leat_atomic_boxes_(p, at)))
#define leat_atomic_is_(p, at) leat_atomic_t_(p)(*)[1][1] : at

#define leat_atomic_load(p) \
	__atomic_load_n(leat_atomic_from_(p), __ATOMIC_SEQ_CST)
#define leat_atomic_store(p, v)                                    \
	__atomic_store_n(leat_atomic_in_(p), leat_atomic_v_(p, v), \
			 __ATOMIC_SEQ_CST)
#define leat_atomic_swap(p, v)                                                \
	(__extension__({                                                      \
		__atomic_exchange_n(leat_atomic_in_(p), leat_atomic_v_(p, v), \
				    __ATOMIC_SEQ_CST);                        \
	}))
#define leat_atomic_cas(p, old, v)                           \
	__atomic_compare_exchange_n(                         \
		leat_atomic_in_(p), &leat_atomic_v_(p, old), \
		leat_atomic_v_(p, v), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define leat_atomic_add(p, delta)                                        \
	__atomic_add_fetch(leat_atomic_in_(p), leat_atomic_n_(p, delta), \
			   __ATOMIC_SEQ_CST)
#define leat_atomic_and(p, mask)                                        \
	__atomic_fetch_and(leat_atomic_in_(p), leat_atomic_n_(p, mask), \
			   __ATOMIC_SEQ_CST)
#define leat_atomic_or(p, mask)                                        \
	__atomic_fetch_or(leat_atomic_in_(p), leat_atomic_n_(p, mask), \
			  __ATOMIC_SEQ_CST)

#endif

#endif
