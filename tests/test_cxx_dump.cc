/*
 * test_cxx_dump.cc - stacks of C++: names, templates, unnamed namespaces.
 */
#include "leat.h"

#include "test.h"

#include <string>

#define FOUND __attribute__((noinline))
#define HERE  __asm__ volatile("" ::: "memory")

namespace
{

leat_chan(int) line;

class reader
{
      public:
	FOUND void reads(int)
	{
		int got;

		leat_recv(line, &got);
		HERE;
	}
	template <class T> FOUND void hands_on(T n)
	{
		reads(static_cast<int>(n));
		HERE;
	}
};

FOUND void begins(long n)
{
	reader().hands_on(n);
	HERE;
}

FOUND void starts()
{
	leat_go(begins, 1L);
	HERE;
}

FOUND void starts_in_a_group(leat_wg *group)
{
	leat_wg_go(group, begins, 2L);
	HERE;
}

std::string dumped()
{
	static char text[1 << 16];
	long n = leat_stack(text, sizeof(text), true);

	EXPECT(n > 0);
	return "\n" + std::string(text, static_cast<size_t>(n));
}

/* All parts in this order, as soon as it is so. */
void await(std::initializer_list<const char *> parts)
{
	std::string all;

	for (int i = 0; i < 2000; i++, leat_sleep(LEAT_MILLISECOND)) {
		size_t at = 0;

		all = dumped();
		for (const char *part : parts)
			if (at != std::string::npos)
				at = all.find(part, at);
		if (at != std::string::npos)
			return;
	}
	test_fail(__FILE__, __LINE__, "%.900s", all.c_str());
}

} // namespace

GO_TEST(names_have_their_scopes_and_no_parameters, "B.1")
{
	line = leat_make(int, 0);
	starts();
	await({ "[chan receive, 0x",
		"]:\n(anonymous namespace)::reader::reads()\n\t",
		"(anonymous namespace)::reader::hands_on<long>()\n\t",
		"(anonymous namespace)::begins()\n\t",
		"created by (anonymous namespace)::starts in goroutine 1\n\t" });
	leat_send(line, 1);
}

GO_TEST(who_starts_one_in_a_group_is_named, "B.1")
{
	leat_wg group = {};

	line = leat_make(int, 0);
	starts_in_a_group(&group);
	await({ "[chan receive, 0x",
		"created by (anonymous namespace)::starts_in_a_group in "
		"goroutine 1\n\t" });
	leat_send(line, 1);
	leat_wg_wait(&group);
}

SUITE("cxx_dump")
