/*
 * hash.h - hashes of words, bytes and strings.
 *
 * One step multiplies two words into two and folds those together, as in
 * wyhash (Wang Yi) and FoldHash: every bit of the product depends on most bits
 * of both.  The seed is by chance for each process, and no secret worth the
 * name: who can measure how long operations take can find keys that collide.  It
 * goes into both sides of each step, so that no key makes one of them zero without
 * knowing it.
 */
#ifndef SYNC_HASH_H
#define SYNC_HASH_H

#include "core/base.h"

#include <stdint.h>
#include <string.h>

/* Odd words without a pattern: of pi, of e, of the square root of 2. */
#define HASH_A UINT64_C(0x243f6a8885a308d3)
#define HASH_B UINT64_C(0xadf85458a2bb4a9b)
#define HASH_C UINT64_C(0x6a09e667f3bcc909)

static ALWAYS_INLINE uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 wide = (unsigned __int128)a * b;

	return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

static ALWAYS_INLINE uint64_t hash_word(uint64_t word, uint64_t seed)
{
	return hash_fold(word ^ seed, HASH_A);
}

static inline uint64_t hash_load8(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint64_t hash_load4(const char *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* n bytes: sixteen at a time, and the last one to sixteen as two words that
 * may overlap. */
static inline uint64_t hash_bytes(const char *at, size_t n, uint64_t seed)
{
	uint64_t h = seed ^ HASH_C, first = seed ^ HASH_A, a = 0, b = 0;
	size_t left = n;

	for (; left > 16; left -= 16, at += 16)
		h = hash_fold(hash_load8(at) ^ first, hash_load8(at + 8) ^ h);
	if (left >= 8) {
		a = hash_load8(at);
		b = hash_load8(at + left - 8);
	} else if (left >= 4) {
		a = hash_load4(at);
		b = hash_load4(at + left - 4);
	} else if (left > 0) {
		a = (uint64_t)(unsigned char)at[0] << 16 |
		    (uint64_t)(unsigned char)at[left / 2] << 8 |
		    (unsigned char)at[left - 1];
	}
	return hash_fold(hash_fold(a ^ first, b ^ h), n ^ HASH_B);
}

#endif
