/*
 * panic.h - defer, panic, recover: what is done at the end, however it comes.
 *
 *	static void rescue(int *rc)
 *	{
 *		struct leat_value v;
 *
 *		if (leat_recover(&v))
 *			*rc = -EINVAL;
 *	}
 *
 *	int parse(FILE *f)
 *	{
 *		int rc = 0;
 *
 *		leat_recoverable(rc);        recovered: parse returns rc
 *		leat_defer(rescue, &rc);
 *		leat_defer(fclose, f);       the last one runs first
 *		...
 *		leat_panic("no header");     fclose(f); rescue(&rc); return rc
 *	}
 *
 *	                            deferred calls, newest first
 *	leat_panic ----------> call ----------> call ----------> none left: the
 *	                         | leat_recover                  process ends
 *	                         v
 *	        the rest of that function's deferred calls,
 *	        then it returns to its caller
 *
 * The deferred calls of a panic run where it was raised, below all frames that
 * are there, so nothing that they point to is gone.  A recovered panic leaves
 * these frames without a word: what is in them and is to be released has to be
 * deferred (in C++: destructors do not run; use exceptions where you have them).
 *
 * A goroutine recovers its own panics only.  One that nobody recovers ends the
 * process: "panic: ", its value and the goroutine on stderr, status 2.  Fatal
 * errors ("fatal error: ...") are no panics and nothing stops them.  After Go's
 * defer, panic and recover, with two differences.  A deferred call belongs to its
 * block and not to its function: in a loop it runs in each turn, as an
 * __attribute__((cleanup)) does, which it is.  And leat_recover works in what a
 * deferred function calls as well.
 *
 * All of this works on threads that are not the runtime's, too, and nothing of it
 * waits.  An exception of C++ that nobody catches in a goroutine ends the process
 * like a panic, and says so.  One that passes through frames in C runs what they
 * deferred if they were compiled with -fexceptions; else it must not pass.  Out of
 * a deferred call that a panic or leat_goexit runs it is a fatal error.  A recovered
 * panic ends and frees those that were caught in the frames that it leaves.  Of one
 * that was still on its way - the panic came out of a destructor that the exception
 * ran - only its frames know where it is: it is over, but its memory is not freed.
 */
#ifndef LEAT_PANIC_H
#define LEAT_PANIC_H

#include "leat/call.h"
#include "leat/error.h"
#include "leat/go.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define LEAT_PANIC_TSAN_
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LEAT_PANIC_TSAN_
#endif
#endif

#ifdef LEAT_PANIC_TSAN_
#include <setjmp.h>
#endif
#ifdef __cplusplus
#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <typeinfo>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* -- values -- */

enum leat_value_kind {
	LEAT_VALUE_NONE,
	LEAT_VALUE_BOOL,
	LEAT_VALUE_INT,
	LEAT_VALUE_UINT,
	LEAT_VALUE_FLOAT,
	LEAT_VALUE_TEXT,
	LEAT_VALUE_POINTER,
	LEAT_VALUE_ERROR,
};

/* What a panic is about.  A text, and what a pointer leads to, is the program's
 * and has to outlive the frame that raised it.  An error is a reference. */
struct leat_value {
	enum leat_value_kind kind;
	union {
		bool b;
		intmax_t i;
		uintmax_t u;
		double f;
		const char *text;
		const void *pointer;
		leat_error error;
	};
};

/* v as text of at most n - 1 bytes, as snprintf would do it. */
int leat_value_text(const struct leat_value *v, char *text, size_t n);

/* -- panic -- */

#ifdef __cplusplus
#define leat_noreturn_ [[noreturn]]
#else
#define leat_noreturn_ _Noreturn
#endif

/*
 * leat_panic(v) - stop here: run the deferred calls, newest first.
 *
 * v is a bool, a number, a text, a pointer, a leat_error or a struct leat_value
 * (to raise again what was recovered).  Of a counted error it takes the caller's
 * reference.  NULL is a value like others, for which Go has the words "panic
 * called with nil argument".
 */
leat_noreturn_ void leat_panic_(struct leat_value v);

/* The same with an error that has this text. */
leat_noreturn_ __attribute__((format(printf, 1, 2))) void
leat_panicf(const char *format, ...);

/*
 * In a deferred call: true if a panic made it run, which is over when that call
 * returns; its value in *v, and v may be NULL.  Else false: there is no panic, or
 * another call has recovered it, or it is a goroutine's end.  If v->kind is
 * LEAT_VALUE_ERROR the caller releases v->error, or raises it again.
 *
 * If the function that deferred the call does not say where it goes on, by
 * leat_recoverable before, this is a fatal error.
 */
bool leat_recover(struct leat_value *v);

/* -- defer; what is behind it -- */

leat_noreturn_ void leat_terminate_(const char *what, const char *text);

struct leat_frame {
#ifdef LEAT_PANIC_TSAN_
	void *sp_;
	jmp_buf env_;
#else
	void *sp_, *pc_, *saved_[22];
#endif
	/* In C++: the exceptions that were caught, and on their way, then. */
	bool counts_;
	unsigned on_their_way_;
	void *caught_;
};

struct leat_deferred_ {
	struct leat_deferred_ *next;
	struct leat_frame *frame; /* where its function returns; NULL */
	leat_fn_ *fn;
	uintptr_t word[6];
};

/* Of a goroutine, or of a thread. */
struct leat_defers_ {
	struct leat_deferred_ *last;
	struct leat_panic_state_ *panic;
};

/* The caller's.  A function runs in one goroutine from its first line to its last,
 * so asking once is enough for the whole of it, and the compiler may know that. */
__attribute__((const)) struct leat_defers_ *leat_defers_of_caller_(void);
void leat_deferred_covered_(struct leat_deferred_ *d);
leat_noreturn_ void leat_defer_nil_(void);

/* Inline, all of it: what is not looked at in between is not stored either. */
static inline void leat_defer_(struct leat_deferred_ *d)
{
	struct leat_defers_ *ds = leat_defers_of_caller_();

	if (__builtin_expect(!d->fn, 0))
		leat_defer_nil_();
	d->next = ds->last;
	ds->last = d;
}

typedef void leat_six_(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t,
		       uintptr_t);

/* As a goroutine's first frame calls it: in registers, of which it takes some. */
static inline void leat_deferred_call_(const struct leat_deferred_ *d)
{
	((leat_six_ *)d->fn)(d->word[0], d->word[1], d->word[2], d->word[3],
			     d->word[4], d->word[5]);
}

/* Its block is left. */
static inline void leat_deferred_run_(struct leat_deferred_ *d)
{
	struct leat_defers_ *ds = leat_defers_of_caller_();

	ds->last = d->next;
	if (__builtin_expect(ds->panic != NULL, 0))
		leat_deferred_covered_(d);
	else
		leat_deferred_call_(d);
}

/* Where functions return that do not say it: nowhere. */
__attribute__((unused)) static struct leat_frame *const leat_frame_ = NULL;

#ifdef LEAT_PANIC_TSAN_
/* It has to know which calls are left, and learns it from these. */
#define leat_frame_enter_(frame) \
	((frame)->sp_ = __builtin_frame_address(0), _setjmp((frame)->env_))
#else
/* 0; and 1 when it returns once more. */
__attribute__((returns_twice)) int leat_frame_enter_(struct leat_frame *frame);
#endif

/* An exception that was caught, or was on its way, below the frame is over once
 * that is where things go on; only C++ can look. */
void leat_frame_count_(struct leat_frame *frame);

#ifdef __cplusplus
}
#define leat_frame_look_(frame) leat_frame_count_(frame)
#else
#define leat_frame_look_(frame) ((void)((frame)->counts_ = false))
#endif

/*
 * leat_recoverable(result); - if a call that is deferred below recovers a panic,
 * this function returns `result`, a variable of it, as it is then; in a function
 * without a result: leat_recoverable();  Once in a function, in front of what it
 * defers, and of anything else that is done at its end: a variable that stands
 * before it and has a destructor, or a cleanup, must not change after it.  Costs a
 * few stores, and the function is not inlined.
 */
#define leat_recoverable(...)                                            \
	struct leat_frame leat_saved_;                                   \
	_Pragma("GCC diagnostic push") _Pragma(                          \
		"GCC diagnostic ignored \"-Wshadow\"") struct leat_frame \
		*const leat_frame_ = &leat_saved_;                       \
	_Pragma("GCC diagnostic pop") leat_paste_(                       \
		leat_keep_, leat_is_none_(__VA_ARGS__))(__VA_ARGS__);    \
	leat_frame_look_(leat_frame_);                                   \
	if (__builtin_expect(leat_frame_enter_(leat_frame_), 0))         \
	return __VA_ARGS__

/* The variable is read again after the second return, from memory. */
#define leat_keep_0(result) __asm__("" : : "r"(&(result)) : "memory")
#define leat_keep_1()       (void)leat_frame_

/* Nothing between the parentheses: 1; else 0. */
#define leat_is_none_(...)        leat_none2_(leat_comma_ __VA_ARGS__(), 1, 0, )
#define leat_none2_(...)          leat_third_(__VA_ARGS__)
#define leat_third_(a, b, c, ...) c
#define leat_comma_()             ,

/*
 * leat_defer(fn, args...); - call fn(args...) when the enclosing block is left: by
 * its end, return, break, continue, goto, a panic or leat_goexit.  A declaration:
 * it cannot be the only statement of an if, and no goto or case jumps past it into
 * its block (which gcc lets pass).  The arguments are evaluated here and
 * checked as those of leat_go; the result is dropped.  A nil function is fatal
 * here.
 */
#define leat_defer(...) leat_defer_at_(__COUNTER__, __VA_ARGS__)

#ifdef __cplusplus

/* An exception that nobody catches ends the process, too: the program's handler
 * of std::terminate, if it sets one itself, or else what stood there before is
 * called for threads that are not the runtime's only. */
inline void leat_terminated_();
inline const std::terminate_handler leat_terminate_before_ =
	std::set_terminate(leat_terminated_);

inline void leat_terminated_()
{
	const std::type_info *type = abi::__cxa_current_exception_type();
	int failed;

	if (leat_goid() == 0) {
		if (leat_terminate_before_)
			leat_terminate_before_();
		std::abort();
	}
	if (!type)
		leat_terminate_(nullptr, nullptr);

	char *name =
		abi::__cxa_demangle(type->name(), nullptr, nullptr, &failed);
	const char *what = name ? name : type->name();

#ifdef __cpp_exceptions
	try {
		throw;
	} catch (const std::exception &e) {
		leat_terminate_(what, e.what());
	} catch (...) {
	}
#endif
	leat_terminate_(what, nullptr);
}

template <class R, class... P> struct leat_deferred_of_ : leat_deferred_ {
	template <class... A>
	leat_deferred_of_(struct leat_frame *f, R (*function)(P...),
			  A &&...args)
	    : leat_deferred_{ nullptr,
			      f,
			      reinterpret_cast<leat_fn_ *>(function),
			      { leat_word_<P>(static_cast<A &&>(args))... } }
	{
		static_assert(sizeof...(P) == sizeof...(A),
			      "leat_defer: wrong number of arguments");
		static_assert(sizeof...(P) <= 6,
			      "leat_defer: at most six arguments");
		static_assert(leat_no_floats_<A...>(),
			      "leat_defer: pass a floating value by pointer");
		leat_defer_(this);
	}
	leat_deferred_of_(const leat_deferred_of_ &) = delete;
	~leat_deferred_of_() noexcept(false)
	{
		leat_deferred_run_(this);
	}
};

template <class R, class... P, class... A>
leat_deferred_of_(struct leat_frame *, R (*)(P...), A &&...)
	-> leat_deferred_of_<R, P...>;

#define leat_defer_at_(n, ...)                                        \
	leat_deferred_of_ leat_paste_(leat_deferred_, n)(leat_frame_, \
							 __VA_ARGS__)

inline struct leat_value leat_value_of_(bool b)
{
	struct leat_value v = { LEAT_VALUE_BOOL, {} };

	v.b = b;
	return v;
}
inline struct leat_value leat_value_of_(double f)
{
	struct leat_value v = { LEAT_VALUE_FLOAT, {} };

	v.f = f;
	return v;
}
inline struct leat_value leat_value_of_(const char *text)
{
	struct leat_value v = { LEAT_VALUE_TEXT, {} };

	v.text = text;
	return v;
}
inline struct leat_value leat_value_of_(leat_error error)
{
	struct leat_value v = { LEAT_VALUE_ERROR, {} };

	v.error = error;
	return v;
}
inline struct leat_value leat_value_of_(const void *pointer)
{
	struct leat_value v = { LEAT_VALUE_POINTER, {} };

	v.pointer = pointer;
	return v;
}
inline struct leat_value leat_value_of_(char *text)
{
	return leat_value_of_(static_cast<const char *>(text));
}
template <class R, class... P>
inline struct leat_value leat_value_of_(R (*function)(P...))
{
	return leat_value_of_(reinterpret_cast<const void *>(function));
}
inline struct leat_value leat_value_of_(std::nullptr_t)
{
	return leat_value_of_(static_cast<const void *>(nullptr));
}
inline struct leat_value leat_value_of_(struct leat_value v)
{
	return v;
}
template <class T>
inline std::enable_if_t<std::is_integral<T>::value, struct leat_value>
leat_value_of_(T n)
{
	struct leat_value v = { LEAT_VALUE_INT, {} };

	if constexpr (std::is_signed<T>::value) {
		v.i = n;
	} else {
		v.kind = LEAT_VALUE_UINT;
		v.u = n;
	}
	return v;
}

template <class T> [[noreturn]] inline void leat_panic(T value)
{
	leat_panic_(leat_value_of_(value));
}

#else

#define leat_defer_at_(n, ...)                                                 \
	__attribute__((cleanup(leat_deferred_run_))) struct leat_deferred_     \
		leat_paste_(leat_deferred_, n) = {                             \
			.frame = leat_frame_,                                  \
			.fn = ((void)sizeof(                                   \
				       __typeof__(leat_call_(__VA_ARGS__)) *), \
			       (leat_fn_ *)leat_first_(__VA_ARGS__)),          \
			.word = { leat_words_(__VA_ARGS__) },                  \
		};                                                             \
	leat_defer_(&leat_paste_(leat_deferred_, n))

#define LEAT_VALUE_MAKES_(name, type, what, field)                      \
	static inline struct leat_value leat_value_##name##_(type x) {  \
		return (struct leat_value){ .kind = what, .field = x }; \
	}
LEAT_VALUE_MAKES_(bool, bool, LEAT_VALUE_BOOL, b)
LEAT_VALUE_MAKES_(int, intmax_t, LEAT_VALUE_INT, i)
LEAT_VALUE_MAKES_(uint, uintmax_t, LEAT_VALUE_UINT, u)
LEAT_VALUE_MAKES_(float, double, LEAT_VALUE_FLOAT, f)
LEAT_VALUE_MAKES_(text, const char *, LEAT_VALUE_TEXT, text)
LEAT_VALUE_MAKES_(pointer, const void *, LEAT_VALUE_POINTER, pointer)
LEAT_VALUE_MAKES_(error, leat_error, LEAT_VALUE_ERROR, error)
static inline struct leat_value leat_value_value_(struct leat_value v)
{
	return v;
}

/* clang-format off */
#define leat_value_of_(v)                                            \
	_Generic((v),                                                \
		bool: leat_value_bool_,                              \
		char: leat_value_int_,                               \
		signed char: leat_value_int_,                        \
		short: leat_value_int_,                              \
		int: leat_value_int_,                                \
		long: leat_value_int_,                               \
		long long: leat_value_int_,                          \
		unsigned char: leat_value_uint_,                     \
		unsigned short: leat_value_uint_,                    \
		unsigned: leat_value_uint_,                          \
		unsigned long: leat_value_uint_,                     \
		unsigned long long: leat_value_uint_,                \
		float: leat_value_float_,                            \
		double: leat_value_float_,                           \
		char *: leat_value_text_,                            \
		const char *: leat_value_text_,                      \
		leat_error: leat_value_error_,                       \
		struct leat_error_value *: leat_value_error_,        \
		struct leat_value: leat_value_value_,                \
		default: leat_value_pointer_)(v)
/* clang-format on */

#define leat_panic(v) leat_panic_(leat_value_of_(v))

#endif

#endif
