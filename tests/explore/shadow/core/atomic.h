/*
 * atomic.h - the words of core/atomic.h, under the explorer of interleavings.
 *
 * This folder comes first on the include path, so core/ is compiled as it is,
 * with every access to shared memory a step of the explorer.  Each use of a
 * word is a site: it knows its file, line, text and order, and the order can
 * be weakened while the program runs, which is how mutants are made.
 *
 * A system header to the compiler, so that these macros may nest.
 */
#ifndef SHADOW_ATOMIC_H
#define SHADOW_ATOMIC_H
#pragma GCC system_header

#include "arch/arch.h"
#include "core/base.h"
#include "tests/explore/explore.h"
#include "tests/explore/site.h"

#include <stdatomic.h>

#define SITE(verb, what, mo)                                                  \
	({                                                                    \
		static struct explore_site here = { __FILE__, __LINE__, verb, \
						    what,     mo,       mo,   \
						    0 };                      \
		__attribute__((                                               \
			used,                                                 \
			section("explore_sites"))) static struct explore_site \
			*listed = &here;                                      \
		&here;                                                        \
	})
#define ORDER(mo)  EXPLORE_##mo
#define VALUE(p)   __typeof__((void)0, *(p)) /* without _Atomic */
#define ROOM(p, v) (&(VALUE(p)){ v })
#define RESULT(p)  *(VALUE(p) *)
#define WHERE(p)   (const volatile void *)(p), sizeof(*(p))

#define a_load(p, mo)                                 \
	(RESULT(p) explore_load(WHERE(p), ROOM(p, 0), \
				SITE("a_load", #p, ORDER(mo))))
#define a_store(p, v, mo)                   \
	explore_store(WHERE(p), ROOM(p, v), \
		      SITE("a_store", #p ", " #v, ORDER(mo)))
#define a_change(verb, p, v, mo)                                        \
	(RESULT(p) explore_change(WHERE(p), ROOM(p, v), EXPLORE_##verb, \
				  SITE("a_" #verb, #p ", " #v, ORDER(mo))))
#define a_add(p, v, mo)  a_change(add, p, v, mo)
#define a_sub(p, v, mo)  a_change(sub, p, v, mo)
#define a_or(p, v, mo)   a_change(or, p, v, mo)
#define a_and(p, v, mo)  a_change(and, p, v, mo)
#define a_swap(p, v, mo) a_change(swap, p, v, mo)
#define a_cas(p, want, v, mo)                     \
	explore_cas(WHERE(p), (want), ROOM(p, v), \
		    SITE("a_cas", #p ", " #v, ORDER(mo)))
#define a_fence(mo) explore_fence(SITE("a_fence", "", ORDER(mo)))
#define a_light()   explore_fence(SITE("a_light", "", EXPLORE_light))
#define a_heavy()   explore_fence(SITE("a_heavy", "", EXPLORE_heavy))
#define a_spin()    explore_spin(SITE("a_spin", "", EXPLORE_relaxed))
#define a_yield()   explore_spin(SITE("a_yield", "", EXPLORE_relaxed))

#define d_read(p)                                     \
	(RESULT(p) explore_read(WHERE(p), ROOM(p, 0), \
				SITE("d_read", #p, EXPLORE_relaxed)))
#define d_write(p, v)                       \
	explore_write(WHERE(p), ROOM(p, v), \
		      SITE("d_write", #p ", " #v, EXPLORE_relaxed))

#endif
