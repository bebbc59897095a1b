/*
 * error.h - errors as values.
 *
 *	static const struct leat_error_value full = LEAT_ERROR("queue full");
 *
 *	leat_error e = leat_error_wrap(&full, "job %d", 7);     "job 7: queue full"
 *	leat_error_is(e, &full)                                 true
 *	leat_error_release(e);
 *
 * An error is a pointer; NULL is none.  Two are the same if the pointers are, so
 * an error that others are to recognise is a constant, as above, whose text is
 * the caller's and is never freed.  One that is made at run time has a text of
 * its own and is counted: leat_errorf and leat_error_wrap give one reference.
 * Whoever is handed an error by somebody else has it only as long as that one
 * has, and retains it to keep it.  Nothing here waits; any thread may call it.
 * After Go's errors.
 */
#ifndef LEAT_ERROR_H
#define LEAT_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef const struct leat_error_value *leat_error;

struct leat_error_value {
	const char *text;
	leat_error wrapped_;
	uint32_t *users_; /* NULL: a constant */
};

#ifdef __cplusplus
#define LEAT_ERROR(text)                 \
	{                                \
		(text), nullptr, nullptr \
	}
#else
#define LEAT_ERROR(text_)       \
	{                       \
		.text = (text_) \
	}
#endif

/* "context canceled", "context deadline exceeded", "out of memory". */
extern const struct leat_error_value leat_canceled_, leat_deadline_exceeded_,
	leat_no_memory_;
#define LEAT_CANCELED          (&leat_canceled_)
#define LEAT_DEADLINE_EXCEEDED (&leat_deadline_exceeded_)
#define LEAT_NO_MEMORY         (&leat_no_memory_)

/* A new error with that text; LEAT_NO_MEMORY if there is none. */
__attribute__((format(printf, 1, 2))) leat_error leat_errorf(const char *format,
							     ...);

/* The same with ": " and inner's text behind it; it has a reference to inner,
 * which may be NULL. */
__attribute__((format(printf, 2, 3))) leat_error
leat_error_wrap(leat_error inner, const char *format, ...);

/* Is e that one, or does it wrap it, however deep?  (errors.Is) */
bool leat_error_is(leat_error e, leat_error that);

/* What e wraps, as long as e lives; NULL. */
leat_error leat_error_unwrap(leat_error e);

/* Its text, which lives as long as e; "<nil>". */
const char *leat_error_text(leat_error e);

/* One reference more, and less; of constants and of NULL, nothing. */
leat_error leat_error_retain(leat_error e);
void leat_error_release(leat_error e);

#ifdef __cplusplus
}
#endif

#endif
