/*
 * call.h - how a call travels to another goroutine; behind leat_go, leat_run
 * and their kin, not for use by itself.
 *
 *	leat_go(worker, queue, 3)
 *
 *	        sizeof(worker(queue, 3))      the compiler checks the call,
 *	                                      which is not made
 *	        { queue, 3 }                  the values, evaluated once, here
 *
 *	        goroutine entry: registers 1-6 := the values, call worker
 *
 * Up to six arguments, each an integer, a bool, an enum or a pointer, as both
 * calling conventions (System V x86-64, AAPCS64) pass exactly those six in
 * registers.  A floating-point argument or a structure is a compile-time
 * error: pass a pointer to it.  In C a *parameter* of floating type given an
 * integer argument cannot be seen here and is the caller's mistake; in C++ it
 * is an error too.
 */
#ifndef LEAT_CALL_H
#define LEAT_CALL_H

#include <stdint.h>

/* A function of any type; cast back by the registers it is called with. */
typedef void leat_fn_(void);

#define leat_paste_(a, b)  leat_paste2_(a, b)
#define leat_paste2_(a, b) a##b

#ifdef __cplusplus

#include <type_traits>

/* A floating argument would be cut to fit an integer parameter. */
/* Even unoptimized: who is called by it wants to know where in the program. */
#define LEAT_INLINE_ __attribute__((always_inline)) inline

template <class... A> inline constexpr bool leat_no_floats_()
{
	return (!std::is_floating_point<std::decay_t<A>>::value && ...);
}

template <class P> inline uintptr_t leat_word_(P value)
{
	static_assert(std::is_integral<P>::value || std::is_enum<P>::value ||
			      std::is_pointer<P>::value,
		      "leat: an argument must be an integer or a pointer; "
		      "pass a pointer to anything else");
	if constexpr (std::is_pointer<P>::value)
		return reinterpret_cast<uintptr_t>(value);
	else
		return static_cast<uintptr_t>(value);
}

#else

/* How many arguments follow the function: 0 to 6, or "too_many". */
#define leat_count_(...)                                                       \
	leat_nth_(__VA_ARGS__, too_many, too_many, too_many, 6, 5, 4, 3, 2, 1, \
		  0, 0)
#define leat_nth_(f, a, b, c, d, e, g, h, i, j, n, ...) n

#define leat_first_(...)     leat_first2_(__VA_ARGS__, 0)
#define leat_first2_(f, ...) f

/* The call itself, to be checked and never made. */
#define leat_call_(...) \
	leat_paste_(leat_call_, leat_count_(__VA_ARGS__))(__VA_ARGS__)
#define leat_call_0(f)                   (f)()
#define leat_call_1(f, a)                (f)(a)
#define leat_call_2(f, a, b)             (f)(a, b)
#define leat_call_3(f, a, b, c)          (f)(a, b, c)
#define leat_call_4(f, a, b, c, d)       (f)(a, b, c, d)
#define leat_call_5(f, a, b, c, d, e)    (f)(a, b, c, d, e)
#define leat_call_6(f, a, b, c, d, e, g) (f)(a, b, c, d, e, g)

/* The arguments as words. */
#define leat_words_(...) \
	leat_paste_(leat_words_, leat_count_(__VA_ARGS__))(__VA_ARGS__)
#define leat_words_0(f)             0
#define leat_words_1(f, a)          leat_word_(a)
#define leat_words_2(f, a, b)       leat_word_(a), leat_word_(b)
#define leat_words_3(f, a, b, c)    leat_words_2(f, a, b), leat_word_(c)
#define leat_words_4(f, a, b, c, d) leat_words_3(f, a, b, c), leat_word_(d)
#define leat_words_5(f, a, b, c, d, e) \
	leat_words_4(f, a, b, c, d), leat_word_(e)
#define leat_words_6(f, a, b, c, d, e, g) \
	leat_words_5(f, a, b, c, d, e), leat_word_(g)

#define leat_word_(a)                                                        \
	((uintptr_t)(a) +                                                    \
	 0 * sizeof(struct {                                                 \
		 _Static_assert(_Generic((a), float : 0, double : 0,         \
					 long double : 0, default : 1),      \
				"leat: an argument must be an integer or a " \
				"pointer; pass a pointer to anything else"); \
		 int leat_unused_;                                           \
	 }))

#endif

#endif
