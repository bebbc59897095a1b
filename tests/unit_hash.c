/*
 * unit_hash.c - keys that are unlike have hashes that are unlike, whatever
 * stands in them.
 */
#include "sync/hash.h"

#include "test.h"

enum { KEYS = 4096, LONGEST = 48 };

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Keys of n bytes that differ in two bytes at `from`, with a word of the hash's
 * own at `at`: how many hashes there are. */
static size_t hashes(size_t n, size_t at, uint64_t word, size_t from,
		     uint64_t seed)
{
	static uint64_t hash[KEYS];
	char key[LONGEST] = { 0 };
	size_t unlike = 1;

	for (unsigned i = 0; i < KEYS; i++) {
		key[from] = (char)i;
		key[from + 1] = (char)(i >> 8);
		memcpy(key + at, &word, sizeof(word));
		hash[i] = hash_bytes(key, n, seed);
	}
	qsort(hash, KEYS, sizeof(hash[0]), by_value);
	for (int i = 1; i < KEYS; i++)
		unlike += hash[i] != hash[i - 1];
	return unlike; /* all, or nearly: it is no permutation */
}

TEST(no_word_in_a_key_hides_the_rest, "R173")
{
	const uint64_t words[] = { HASH_A,  HASH_B,  HASH_C, HASH_A ^ HASH_C,
				   ~HASH_A, ~HASH_B, 0,      ~0ull };
	const uint64_t seeds[] = { 1, 0x123456789abcdef0, HASH_A * 3 };

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
		for (size_t s = 0; s < 3; s++)
			for (size_t n = 10; n <= LONGEST; n++)
				for (size_t at = 0; at + 10 <= n; at += 2)
					EXPECT(hashes(n, at, words[w], at + 8,
						      seeds[s]) > KEYS - 16);
}

TEST(short_keys_differ, "R173")
{
	static uint64_t hash[3 * 256];
	size_t n = 0;

	for (size_t length = 1; length <= 3; length++)
		for (int c = 0; c < 256; c++) {
			char key[4] = { (char)c, (char)c, (char)c };

			hash[n++] = hash_bytes(key, length, HASH_B);
		}
	qsort(hash, n, sizeof(hash[0]), by_value);
	for (size_t i = 1; i < n; i++)
		EXPECT(hash[i] != hash[i - 1]);
}

SUITE("hash")
