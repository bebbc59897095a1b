/*
 * unit_options.c - settings that make sense, and the words for the others.
 */
#include "core/options.h"
#include "core/stack.h"
#include "core/topology.h"
#include "test.h"

/* Suites run with settings of their own. */
__attribute__((constructor)) static void forget(void)
{
	unsetenv("LEAT_PROCS");
	unsetenv("LEAT_IDLE");
	unsetenv("LEAT_STACK");
	unsetenv("LEAT_PIN");
	unsetenv("LEAT_CLOCK");
	unsetenv("LEAT_TOPOLOGY");
}

static struct options with(struct leat_options given)
{
	struct options o;

	options_read(&o, &given);
	return o;
}

static struct options set(const char *name, const char *value)
{
	struct options o;

	setenv(name, value, 1);
	options_read(&o, NULL);
	unsetenv(name);
	return o;
}

static void expect_defaults(struct options o)
{
	EXPECT_EQ(o.procs, 0);
	EXPECT_EQ(o.idle, LEAT_IDLE_ADAPTIVE);
	EXPECT_EQ(o.stack, STACK_DEFAULT);
	EXPECT_EQ(o.pin, LEAT_PIN_YES);
	EXPECT_EQ(o.clock, LEAT_CLOCK_REAL);
	EXPECT(!o.topology);
}

TEST(nothing_given_means_the_defaults, "R30")
{
	struct options o;

	options_read(&o, NULL);
	expect_defaults(o);
	expect_defaults(with((struct leat_options){ 0 }));
}

TEST(the_struct_is_taken, "R11 R30")
{
	struct options o = with((struct leat_options){
		.procs = 3,
		.idle = LEAT_IDLE_SPIN,
		.stack = 100000,
		.pin = LEAT_PIN_NO,
		.topology = "pu:4",
		.clock = LEAT_CLOCK_FAKE,
	});

	EXPECT_EQ(o.clock, LEAT_CLOCK_FAKE);
	EXPECT_EQ(o.procs, 3);
	EXPECT_EQ(o.idle, LEAT_IDLE_SPIN);
	EXPECT_EQ(o.stack, 131072);
	EXPECT_EQ(o.pin, LEAT_PIN_NO);
	EXPECT_STR(o.topology, "pu:4");
}

TEST(the_environment_wins_over_the_struct, "R30")
{
	setenv("LEAT_PROCS", "7", 1);
	setenv("LEAT_IDLE", "park", 1);
	setenv("LEAT_STACK", "64K", 1);
	setenv("LEAT_PIN", "yes", 1);
	setenv("LEAT_TOPOLOGY", "pu:2", 1);
	struct options o = with((struct leat_options){
		.procs = 3,
		.idle = LEAT_IDLE_SPIN,
		.stack = 100000,
		.pin = LEAT_PIN_NO,
		.topology = "pu:4",
	});

	EXPECT_EQ(o.procs, 7);
	EXPECT_EQ(o.idle, LEAT_IDLE_PARK);
	EXPECT_EQ(o.stack, 65536);
	EXPECT_EQ(o.pin, LEAT_PIN_YES);
	EXPECT_STR(o.topology, "pu:2");
}

TEST(numbers_of_ps_go_from_1_to_1024, "R30")
{
	EXPECT_EQ(set("LEAT_PROCS", "1").procs, 1);
	EXPECT_EQ(set("LEAT_PROCS", "1024").procs, TOPOLOGY_PROCS_MAX);
	EXPECT_EQ(set("LEAT_PROCS", "0008").procs, 8);
	EXPECT_EQ(with((struct leat_options){ .procs = 1024 }).procs, 1024);
}

TEST(stacks_go_from_16_kib_to_1_gib_in_powers_of_two, "R11")
{
	EXPECT_EQ(set("LEAT_STACK", "16K").stack, STACK_MIN);
	EXPECT_EQ(set("LEAT_STACK", "16384").stack, STACK_MIN);
	EXPECT_EQ(set("LEAT_STACK", "16385").stack, 2 * STACK_MIN);
	EXPECT_EQ(set("LEAT_STACK", "100K").stack, 128 << 10);
	EXPECT_EQ(set("LEAT_STACK", "3M").stack, 4 << 20);
	EXPECT_EQ(set("LEAT_STACK", "1G").stack, STACK_MAX);
	EXPECT_EQ(set("LEAT_STACK", "1024M").stack, STACK_MAX);
	EXPECT_EQ(set("LEAT_STACK", "1073741824").stack, STACK_MAX);
	EXPECT_EQ(set("LEAT_STACK", "1000M").stack, STACK_MAX);
	EXPECT_EQ(with((struct leat_options){ .stack = STACK_MIN }).stack,
		  STACK_MIN);
	EXPECT_EQ(with((struct leat_options){ .stack = STACK_MAX }).stack,
		  STACK_MAX);
	EXPECT_EQ(with((struct leat_options){ .stack = STACK_MAX - 1 }).stack,
		  STACK_MAX);
}

TEST(words_are_taken, "R18")
{
	EXPECT_EQ(set("LEAT_IDLE", "park").idle, LEAT_IDLE_PARK);
	EXPECT_EQ(set("LEAT_IDLE", "adaptive").idle, LEAT_IDLE_ADAPTIVE);
	EXPECT_EQ(set("LEAT_IDLE", "spin").idle, LEAT_IDLE_SPIN);
	EXPECT_EQ(set("LEAT_PIN", "yes").pin, LEAT_PIN_YES);
	EXPECT_EQ(set("LEAT_PIN", "no").pin, LEAT_PIN_NO);
	EXPECT_EQ(set("LEAT_CLOCK", "fake").clock, LEAT_CLOCK_FAKE);
	EXPECT_EQ(set("LEAT_CLOCK", "real").clock, LEAT_CLOCK_REAL);
	EXPECT_STR(set("LEAT_TOPOLOGY", "numa:2 core:4 pu:2").topology,
		   "numa:2 core:4 pu:2");
}

TEST(other_names_are_left_alone, "R30")
{
	set("LEAT_COLOUR", "mauve");
	set("LEAT_TEST_SLOW", "");
	set("LEAT_PROCSX", "-1");
}

#define VARIABLE(name, variable, value, says)                              \
	TEST_DIES(name, "R30", "leat: " variable "=" value ": " says "\n") \
	{                                                                  \
		set(variable, value);                                      \
	}

#define PROCS(name, value) \
	VARIABLE(name, "LEAT_PROCS", value, "want a number from 1 to 1024")
PROCS(no_number_of_ps, "abc")
PROCS(an_empty_number_of_ps, "")
PROCS(no_ps_at_all, "0")
PROCS(fewer_than_no_ps, "-1")
PROCS(a_number_of_ps_with_a_sign, "+4")
PROCS(a_number_of_ps_after_a_blank, " 4")
PROCS(a_number_of_ps_before_a_blank, "4 ")
PROCS(a_number_of_ps_with_junk, "4x")
PROCS(a_number_of_ps_with_a_unit, "1K")
PROCS(half_a_p, "1.5")
PROCS(a_hexadecimal_number_of_ps, "0x4")
PROCS(one_p_too_many, "1025")
PROCS(ps_beyond_an_int, "4294967297")
PROCS(ps_beyond_any_integer, "18446744073709551617")
PROCS(ps_beyond_all_bounds, "99999999999999999999999999999999999999999999999")

#define IDLE(name, value) \
	VARIABLE(name, "LEAT_IDLE", value, "want park, adaptive or spin")
IDLE(no_way_to_idle, "sleep")
IDLE(an_empty_way_to_idle, "")
IDLE(a_way_to_idle_in_capitals, "PARK")
IDLE(a_way_to_idle_with_junk, "park ")
IDLE(the_beginning_of_a_way_to_idle, "spi")
IDLE(the_number_of_a_way_to_idle, "1")

#define STACK(name, value)                  \
	VARIABLE(name, "LEAT_STACK", value, \
		 "want 16K to 1G bytes, as digits and K, M, G or nothing")
STACK(no_size, "big")
STACK(an_empty_size, "")
STACK(a_unit_without_a_size, "K")
STACK(a_size_of_zero, "0")
STACK(a_negative_size, "-64K")
STACK(a_size_with_a_sign, "+64K")
STACK(a_size_after_a_blank, " 64K")
STACK(a_blank_before_the_unit, "64 K")
STACK(two_units, "64KB")
STACK(a_unit_we_have_not, "1T")
STACK(a_unit_in_lower_case, "64k")
STACK(half_a_size, "0.5M")
STACK(a_size_just_too_small, "16383")
STACK(a_size_too_small, "15K")
STACK(a_size_just_too_large, "1073741825")
STACK(a_size_too_large, "1025M")
STACK(two_gigabytes, "2G")
STACK(a_size_that_overflows_by_its_unit, "17179869184G")
STACK(a_size_that_overflows, "18446744073709617152")

#define PIN(name, value) VARIABLE(name, "LEAT_PIN", value, "want yes or no")
PIN(no_way_to_pin, "maybe")
PIN(an_empty_way_to_pin, "")
PIN(a_way_to_pin_in_capitals, "Yes")
PIN(the_number_of_a_way_to_pin, "1")

VARIABLE(no_clock, "LEAT_CLOCK", "slow", "want real or fake")
VARIABLE(an_empty_clock, "LEAT_CLOCK", "", "want real or fake")

VARIABLE(an_empty_machine, "LEAT_TOPOLOGY", "",
	 "want a machine as hwloc writes it, such as \"numa:2 core:4 pu:2\"")

TEST_DIES(a_long_value_leaves_room_for_the_reason, "R30",
	  ": want park, adaptive or spin\n")
{
	char text[5001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	set("LEAT_IDLE", text);
}

TEST_DIES(a_bad_member_dies_though_a_variable_overrides_it, "R30",
	  "leat: leat_options.procs = -3: ")
{
	setenv("LEAT_PROCS", "2", 1);
	with((struct leat_options){ .procs = -3 });
}

#define MEMBER(name, member, value, says)                                \
	TEST_DIES(name, "R30", "leat: leat_options." #member " = " says) \
	{                                                                \
		with((struct leat_options){ .member = value });          \
	}

MEMBER(a_member_of_fewer_than_no_ps, procs, -3,
       "-3: want 1 to 1024, or 0 for one per CPU\n")
MEMBER(a_member_of_one_p_too_many, procs, 1025, "1025: want 1 to 1024, ")
MEMBER(a_member_of_no_way_to_idle, idle, (enum leat_idle)3,
       "3: want LEAT_IDLE_PARK, LEAT_IDLE_ADAPTIVE or LEAT_IDLE_SPIN\n")
MEMBER(a_member_of_a_negative_way_to_idle, idle, (enum leat_idle) - 1,
       "-1: want ")
MEMBER(a_member_of_no_way_to_pin, pin, (enum leat_pin)2,
       "2: want LEAT_PIN_YES or LEAT_PIN_NO\n")
MEMBER(a_member_of_no_clock, clock, (enum leat_clock)2,
       "2: want LEAT_CLOCK_REAL or LEAT_CLOCK_FAKE\n")
MEMBER(a_member_of_a_size_too_small, stack, 16383,
       "16383: want 16384 to 1073741824 bytes, or 0 for 262144\n")
MEMBER(a_member_of_a_size_too_large, stack, STACK_MAX + 1, "1073741825: want ")
MEMBER(a_member_of_a_size_of_minus_one, stack, (size_t)-1,
       "18446744073709551615: want ")
MEMBER(a_member_of_an_empty_machine, topology, "",
       "\"\": want a machine as hwloc writes it, such as "
       "\"numa:2 core:4 pu:2\", or NULL\n")

SUITE("options")
