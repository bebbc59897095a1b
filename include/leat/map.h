/*
 * map.h - a map that any number of goroutines and threads use at once.
 *
 *	static leat_map conns = LEAT_MAP_OF(&leat_map_strings);
 *	struct conn *c;
 *
 *	leat_map_store(&conns, "10.0.0.7:80", conn)     0, or -ENOMEM
 *	if (leat_map_load(&conns, "10.0.0.7:80", &c))   it is there, and is c
 *
 * All-zero is ready: an empty map whose keys are integers and pointers.  Other
 * keys: LEAT_MAP_OF(kind).  It belongs to the caller and stays in place while
 * anybody uses it; leat_map_free gives back what is in it.  Each call but
 * leat_map_range and leat_map_len is one step of the map, which happens at one
 * instant between its call and its return (linearizable), and no call but
 * leat_map_range and leat_map_free ever waits for somebody else's.  (The first
 * store of the process starts a thread, and each thread's first use of any map
 * makes it known to liburcu.)  A load takes no lock and does no locked operation.
 * All work on threads that are not the runtime's, too.  A nil map is a fatal error,
 * and a nil key where keys are bytes or strings.  After Go's sync.Map.
 *
 *	what            whose it is
 *	the key given   the caller's again when the call returns; the map has a
 *	                copy: the word, the bytes, or what kind->copy made
 *	the value given the caller's still: the map retains it for itself
 *	the value got   the caller's: retained for him, to be released by him
 *	what the map    released by it a grace period later (milliseconds), on a
 *	lets go of      thread of the library; keys as well.  What could not
 *	                be stored, and the key that a range is the last to
 *	                hold: by who called
 *
 * Where a kind has no retain and release, values are just words and nobody owns
 * them.  What happened before a store happens before a load that sees it.
 *
 * Keys and values are words: an integer or a pointer of any type; an integer is
 * converted to uintptr_t.  All the user's functions of a kind but drop and
 * release are called in the middle of an operation: they must not wait, yield,
 * or use Leat; "leat_map: a callback waited" is fatal where it is seen.  drop
 * and release may use maps, leat_map_free too, and must not wait otherwise.
 *
 * One thread releases for all.  Where many delete faster than their release and
 * drop can follow, what is to be released grows.
 *
 * Who can choose the keys and knows the hash can make all of them collide.  What
 * kind->hash returns is mixed with a number that each process has by chance; but
 * keys that it gives one hash stay in one chain.
 */
#ifndef LEAT_MAP_H
#define LEAT_MAP_H

#include "leat/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keys that are strings: const char *, compared and copied to their end. */
#define LEAT_MAP_STRING ((size_t)-1)

/* What keys and values are.  Must stay as it is while a map is of this kind.
 * Zero in a member is the default. */
struct leat_map_kind {
	size_t bytes; /* 0: the word is the key.  n: it points to n bytes, which
			 are the key (the copy is aligned to 8).
			 LEAT_MAP_STRING: to a string */

	/* Both or neither: other than by the word, the bytes, the string.  What
	 * is equal has the same hash.  kept is the map's copy. */
	uint64_t (*hash)(const void *key);
	bool (*equal)(const void *kept, const void *key);

	/* Both or neither: the map keeps what copy returns (NULL: no memory) and
	 * drops it in the end. */
	const void *(*copy)(const void *key);
	void (*drop)(const void *kept);

	/* Both or neither: one more reference to a value, one less. */
	void (*retain)(void *value);
	void (*release)(void *value);
};

/* Strings; values are words. */
extern const struct leat_map_kind leat_map_strings;

typedef struct leat_map {
	void *table;                      /* private */
	const struct leat_map_kind *kind; /* NULL: words */
} leat_map;

/* The initialiser of a map of this kind. */
#define LEAT_MAP_OF(its_kind)    \
	{                        \
		NULL, (its_kind) \
	}

/*
 * out is the address of a variable of a word's size for the value, or NULL, where
 * it is not wanted (and not retained); it is left alone where nothing is said
 * about it.
 *
 * leat_map_load(map, key, out) - true: the key is there.
 * leat_map_store(map, key, value) - the key has this value from now on.  0.
 * leat_map_load_or_store(map, key, value, out) - 1: it was there, *out is what it
 * has; 0: it was not, and has this value now, so has *out.
 * leat_map_swap(map, key, value, out) - store.  1: it was there, *out is what it
 * had; 0: it was not.
 * leat_map_load_and_delete(map, key, out) - delete.  True: it was there, *out is
 * what it had.
 * leat_map_delete(map, key) - the key is not there any more.  True: it was.
 * leat_map_compare_and_swap(map, key, was, value) - store, if it is there and has
 * the value `was` (the same word).  1: so it was; 0: not, and nothing is done.
 * leat_map_compare_and_delete(map, key, was) - delete likewise; true or false.
 *
 * Those that store return -ENOMEM, or -EAGAIN (no thread could be started, at
 * the first store of the process); then nothing is done.  One value cannot be
 * stored: the address of an object inside the library, which nobody is told.
 */
bool leat_map_load_(leat_map *map, uintptr_t key, void *out);
int leat_map_store_(leat_map *map, uintptr_t key, uintptr_t value);
int leat_map_load_or_store_(leat_map *map, uintptr_t key, uintptr_t value,
			    void *out);
int leat_map_swap_(leat_map *map, uintptr_t key, uintptr_t value, void *out);
bool leat_map_load_and_delete_(leat_map *map, uintptr_t key, void *out);
bool leat_map_delete_(leat_map *map, uintptr_t key);
int leat_map_compare_and_swap_(leat_map *map, uintptr_t key, uintptr_t was,
			       uintptr_t value);
bool leat_map_compare_and_delete_(leat_map *map, uintptr_t key, uintptr_t was);

/* Call fn(key, value, arg) for the keys, in no order, until it returns false.
 * fn may wait and do anything with the map, but must return.  Each key that is
 * there all the time is met once, no key twice, with a value that it has while
 * the range is under way: this is not a picture of one instant, and after a clear
 * some keys that were there may still come.  The key is
 * good until fn returns; so is the value, which is retained meanwhile.  0, or
 * -ENOMEM: not all of them were met. */
int leat_map_range(leat_map *map,
		   bool (*fn)(const void *key, void *value, void *arg),
		   void *arg);

/* No key is there any more, at one instant; what there was is let go of behind
 * the caller's back. */
void leat_map_clear(leat_map *map);

/* How many keys there are.  Right if nobody stores or deletes meanwhile; else it
 * may miss some of what they do. */
size_t leat_map_len(leat_map *map);

/* Clear, and wait until everything that the map, and any map, had let go of
 * before is released; for nobody uses it any more.  (What a range holds that is
 * still under way is released when that ends.)  All-zero but for its kind, it is
 * ready again.
 *
 * Called by drop or release on the library's thread it does not wait; who frees
 * the outer map waits for those in it too, and for maps in these, 16 deep.
 *
 * After a fork there is no such thread in the child: it may use maps, but nothing
 * is released there, and this would wait for ever. */
void leat_map_free(leat_map *map);

#ifdef __cplusplus
}

template <class T> inline void *leat_map_out_(T *out)
{
	static_assert(sizeof(T) == sizeof(uintptr_t),
		      "leat: a value of a map has a word's size");
	static_assert(std::is_integral<T>::value || std::is_enum<T>::value ||
			      std::is_pointer<T>::value,
		      "leat: a value of a map is an integer or a pointer");
	return out;
}

inline void *leat_map_out_(decltype(nullptr))
{
	return nullptr;
}

template <class K, class T>
inline bool leat_map_load(leat_map *map, K key, T out)
{
	return leat_map_load_(map, leat_word_(key), leat_map_out_(out));
}

template <class K, class V>
inline int leat_map_store(leat_map *map, K key, V value)
{
	return leat_map_store_(map, leat_word_(key), leat_word_(value));
}

template <class K, class V, class T>
inline int leat_map_load_or_store(leat_map *map, K key, V value, T out)
{
	return leat_map_load_or_store_(map, leat_word_(key), leat_word_(value),
				       leat_map_out_(out));
}

template <class K, class V, class T>
inline int leat_map_swap(leat_map *map, K key, V value, T out)
{
	return leat_map_swap_(map, leat_word_(key), leat_word_(value),
			      leat_map_out_(out));
}

template <class K, class T>
inline bool leat_map_load_and_delete(leat_map *map, K key, T out)
{
	return leat_map_load_and_delete_(map, leat_word_(key),
					 leat_map_out_(out));
}

template <class K> inline bool leat_map_delete(leat_map *map, K key)
{
	return leat_map_delete_(map, leat_word_(key));
}

template <class K, class W, class V>
inline int leat_map_compare_and_swap(leat_map *map, K key, W was, V value)
{
	return leat_map_compare_and_swap_(map, leat_word_(key), leat_word_(was),
					  leat_word_(value));
}

template <class K, class W>
inline bool leat_map_compare_and_delete(leat_map *map, K key, W was)
{
	return leat_map_compare_and_delete_(map, leat_word_(key),
					    leat_word_(was));
}

#else

#define leat_map_out_(p)                                                       \
	((void *)((uintptr_t)(p) +                                             \
		  0 * sizeof(struct {                                          \
			  _Static_assert(                                      \
				  _Generic((p), void * : 1, default            \
					   : sizeof(*(p)) ==                   \
						     sizeof(uintptr_t)),       \
				  "leat: a value of a map has a word's size"); \
			  int leat_unused_;                                    \
		  })))

#define leat_map_load(map, key, out) \
	leat_map_load_((map), leat_word_(key), leat_map_out_(out))
#define leat_map_store(map, key, value) \
	leat_map_store_((map), leat_word_(key), leat_word_(value))
#define leat_map_load_or_store(map, key, value, out)                       \
	leat_map_load_or_store_((map), leat_word_(key), leat_word_(value), \
				leat_map_out_(out))
#define leat_map_swap(map, key, value, out)                       \
	leat_map_swap_((map), leat_word_(key), leat_word_(value), \
		       leat_map_out_(out))
#define leat_map_load_and_delete(map, key, out) \
	leat_map_load_and_delete_((map), leat_word_(key), leat_map_out_(out))
#define leat_map_delete(map, key) leat_map_delete_((map), leat_word_(key))
#define leat_map_compare_and_swap(map, key, was, value)                     \
	leat_map_compare_and_swap_((map), leat_word_(key), leat_word_(was), \
				   leat_word_(value))
#define leat_map_compare_and_delete(map, key, was) \
	leat_map_compare_and_delete_((map), leat_word_(key), leat_word_(was))

#endif

#endif
