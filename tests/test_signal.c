/*
 * test_signal.c - signals as values and as the end of a context.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS LEAT_MILLISECOND

static int next(leat_chan(int) c)
{
	int sig = 0;

	leat_recv_until(c, &sig, leat_after_now(60 * LEAT_SECOND));
	return sig;
}

/* Nothing more comes: what was sent after it has come before. */
static bool quiet(leat_chan(int) c)
{
	return leat_len(c) == 0;
}

static bool is_default(int sig)
{
	struct sigaction sa;

	sigaction(sig, NULL, &sa);
	return sa.sa_handler == SIG_DFL;
}

/* -- channels -- */

GO_TEST(a_signal_is_sent_to_a_channel_that_wants_it, "B.7")
{
	leat_chan(int) c = leat_make(int, 1);

	EXPECT_EQ(leat_signal_notify(c, SIGUSR1), 0);
	for (int i = 0; i < 10; i++) {
		raise(SIGUSR1);
		EXPECT_EQ(next(c), SIGUSR1);
	}
	leat_signal_stop(c);
	EXPECT(is_default(SIGUSR1));
	leat_release(c);
}

GO_TEST(each_channel_gets_what_it_wants_and_no_more, "B.7")
{
	leat_chan(int) a = leat_make(int, 4), b = leat_make(int, 4);

	EXPECT_EQ(leat_signal_notify(a, SIGUSR1, SIGUSR2), 0);
	EXPECT_EQ(leat_signal_notify(b, SIGUSR2), 0);
	raise(SIGUSR1);
	EXPECT_EQ(next(a), SIGUSR1);
	raise(SIGUSR2);
	EXPECT_EQ(next(a), SIGUSR2);
	EXPECT_EQ(next(b), SIGUSR2);
	EXPECT(quiet(a) && quiet(b));
	/* What it wants adds up. */
	EXPECT_EQ(leat_signal_notify(b, SIGUSR1), 0);
	raise(SIGUSR1);
	EXPECT_EQ(next(b), SIGUSR1);
	EXPECT_EQ(next(a), SIGUSR1);
	leat_signal_stop(a);
	raise(SIGUSR2);
	EXPECT_EQ(next(b), SIGUSR2);
	EXPECT(quiet(a));
	leat_signal_stop(b);
	leat_signal_stop(b);
	leat_release(a);
	leat_release(b);
}

GO_TEST(no_names_are_all_that_can_be_had, "B.7")
{
	/* The emulator keeps two for itself. */
	const int last = SIGRTMAX - (test_under("qemu") ? 2 : 0);
	const int some[] = { SIGHUP,   SIGINT,  SIGTERM,  SIGCHLD,
			     SIGWINCH, SIGTSTP, SIGRTMIN, last };
	leat_chan(int) c = leat_make(int, 1);

	EXPECT_EQ(leat_signal_notify(c), 0);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		raise(some[i]);
		EXPECT_EQ(next(c), some[i]);
	}
	EXPECT(is_default(SIGKILL));
	leat_signal_stop(c);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		EXPECT(is_default(some[i]));
	leat_release(c);
}

GO_TEST(who_is_full_gets_none_and_holds_up_nobody, "B.7")
{
	leat_chan(int) full = leat_make(int, 1), c = leat_make(int, 1);
	leat_chan(int) none = leat_make(int, 0);

	leat_signal_notify(full, SIGUSR1);
	leat_signal_notify(none, SIGUSR1);
	leat_signal_notify(c, SIGUSR1);
	for (int i = 0; i < 3; i++) {
		raise(SIGUSR1);
		EXPECT_EQ(next(c), SIGUSR1);
	}
	leat_signal_stop(full);
	EXPECT_EQ(leat_len(full), 1);
	leat_signal_stop(none);
	leat_signal_stop(c);
	leat_release(full);
	leat_release(none);
	leat_release(c);
}

GO_TEST(what_came_before_the_stop_is_there_after_it, "B.7")
{
	leat_chan(int) c = leat_make(int, 1);

	for (size_t i = 0; i < test_count(1000); i++) {
		int sig = 0;

		leat_signal_notify(c, SIGUSR1);
		raise(SIGUSR1);
		leat_signal_stop(c);
		EXPECT_EQ(leat_try_recv(c, &sig), 0);
		EXPECT_EQ(sig, SIGUSR1);
	}
	leat_release(c);
}

static atomic_int caught;

static void on_signal(int sig)
{
	atomic_store(&caught, sig);
}

GO_TEST(stop_brings_back_what_was_there_before, "B.7")
{
	leat_chan(int) c = leat_make(int, 1);

	signal(SIGUSR1, on_signal);
	leat_signal_notify(c, SIGUSR1);
	raise(SIGUSR1);
	EXPECT_EQ(next(c), SIGUSR1);
	EXPECT_EQ(atomic_load(&caught), 0);
	leat_signal_stop(c);
	raise(SIGUSR1);
	EXPECT_EQ(atomic_load(&caught), SIGUSR1);
	leat_release(c);
}

GO_TEST(an_ignored_signal_is_nobodys_until_it_is_reset, "B.7")
{
	leat_chan(int) c = leat_make(int, 1);

	leat_signal_notify(c, SIGUSR1, SIGUSR2);
	EXPECT(!leat_signal_ignored(SIGUSR1));
	EXPECT_EQ(leat_signal_ignore(SIGUSR1), 0);
	EXPECT(leat_signal_ignored(SIGUSR1));
	raise(SIGUSR1);
	raise(SIGUSR2);
	EXPECT_EQ(next(c), SIGUSR2);
	EXPECT(quiet(c));
	EXPECT_EQ(leat_signal_reset(SIGUSR1, SIGUSR2), 0);
	EXPECT(!leat_signal_ignored(SIGUSR1));
	EXPECT(is_default(SIGUSR1) && is_default(SIGUSR2));
	/* And can be had again. */
	leat_signal_notify(c, SIGUSR1);
	raise(SIGUSR1);
	EXPECT_EQ(next(c), SIGUSR1);
	leat_signal_stop(c);
	leat_release(c);
}

GO_TEST(what_cannot_be_had_is_refused, "B.7")
{
	leat_chan(int) c = leat_make(int, 1);

	EXPECT_EQ(leat_signal_notify(c, SIGKILL), -EINVAL);
	EXPECT_EQ(leat_signal_notify(c, SIGSTOP), -EINVAL);
	EXPECT_EQ(leat_signal_notify(c, SIGSEGV), -EINVAL);
	EXPECT_EQ(leat_signal_notify(c, SIGUSR1, 0), -EINVAL);
	EXPECT_EQ(leat_signal_notify(c, 65), -EINVAL);
	EXPECT_EQ(leat_signal_notify(c, -1), -EINVAL);
	EXPECT_EQ(leat_signal_ignore(SIGKILL), -EINVAL);
	EXPECT_EQ(leat_signal_reset(32), -EINVAL);
	EXPECT(leat_signal_ctx(leat_background(), SIGSTOP) == NULL);
	EXPECT(is_default(SIGUSR1));
	EXPECT(!leat_signal_ignored(-1));
	leat_release(c);
}

TEST_DIES(a_nil_channel_gets_no_signals, "B.7",
	  "panic: os/signal: Notify using nil channel")
{
	leat_signal_notify((leat_chan(int))NULL, SIGUSR1);
}

TEST(texts_are_those_of_go, "B.7")
{
	EXPECT(!strcmp(leat_signal_text(SIGINT), "interrupt"));
	EXPECT(!strcmp(leat_signal_text(SIGTERM), "terminated"));
	EXPECT(!strcmp(leat_signal_text(SIGHUP), "hangup"));
	EXPECT(!strcmp(leat_signal_text(16), "signal 16"));
	EXPECT(!strcmp(leat_signal_text(0), "signal 0"));
	EXPECT(!strcmp(leat_signal_text(42), "signal 42"));
	EXPECT(!strcmp(leat_signal_text(64), "signal 64"));
	EXPECT(!strcmp(leat_signal_text(65), "unknown signal"));
	EXPECT(!strcmp(leat_signal_text(-3), "unknown signal"));
}

/* -- contexts -- */

GO_TEST(a_signal_ends_a_context_and_says_so, "B.2 B.7")
{
	leat_ctx *ctx = leat_signal_ctx(leat_background(), SIGINT, SIGTERM);

	EXPECT(leat_ctx_err(ctx) == NULL);
	raise(SIGINT);
	leat_recv(leat_ctx_done(ctx), NULL);
	EXPECT(leat_ctx_err(ctx) == LEAT_CANCELED);
	EXPECT(!strcmp(leat_error_text(leat_ctx_cause(ctx)),
		       "interrupt signal received"));
	/* Not by default yet; then it is. */
	raise(SIGTERM);
	EXPECT(!is_default(SIGTERM));
	leat_signal_ctx_stop(ctx);
	EXPECT(is_default(SIGTERM) && is_default(SIGINT));
	leat_signal_ctx_stop(ctx);
	leat_ctx_release(ctx);
}

GO_TEST(stop_ends_a_context_without_a_signal, "B.2 B.7")
{
	leat_ctx *ctx = leat_signal_ctx(leat_background(), SIGUSR1);

	leat_signal_ctx_stop(ctx);
	EXPECT(leat_ctx_err(ctx) == LEAT_CANCELED);
	EXPECT(leat_ctx_cause(ctx) == LEAT_CANCELED);
	leat_ctx_release(ctx);
}

GO_TEST(a_parent_ends_it_like_any_other, "B.2 B.7 R133")
{
	leat_ctx *parent = leat_with_cancel(leat_background());
	leat_ctx *ctx = leat_signal_ctx(parent, SIGUSR1);
	leat_ctx *other = leat_signal_ctx(leat_background(), SIGUSR1);

	leat_cancel(parent);
	EXPECT(leat_ctx_err(ctx) == LEAT_CANCELED);
	raise(SIGUSR1);
	leat_recv(leat_ctx_done(other), NULL);
	EXPECT(leat_ctx_cause(ctx) == LEAT_CANCELED);
	EXPECT(!strcmp(leat_error_text(leat_ctx_cause(other)),
		       "user defined signal 1 signal received"));
	leat_signal_ctx_stop(ctx);
	leat_signal_ctx_stop(other);
	leat_ctx_release(ctx);
	leat_ctx_release(other);
	leat_ctx_release(parent);
}

TEST_DIES(a_nil_context_is_not_stopped, "B.7",
	  "fatal error: leat_signal_ctx_stop: nil context")
{
	leat_signal_ctx_stop(NULL);
}

/* -- all at once -- */

static void comes_and_goes(atomic_bool *stop, leat_wg *all)
{
	leat_chan(int) c = leat_make(int, 1);

	while (!atomic_load(stop)) {
		leat_signal_notify(c, SIGUSR1);
		leat_yield();
		leat_signal_stop(c);
		leat_try_recv(c, NULL);
		EXPECT(leat_len(c) == 0);
	}
	leat_release(c);
	leat_wg_done(all);
}

static void is_cancelled(atomic_bool *stop, leat_wg *all)
{
	while (!atomic_load(stop)) {
		leat_ctx *ctx = leat_signal_ctx(leat_background(), SIGUSR1);

		leat_ctx_sleep(ctx, MS / 10);
		leat_signal_ctx_stop(ctx);
		leat_ctx_release(ctx);
	}
	leat_wg_done(all);
}

GO_TEST(all_goes_well_while_signals_pour, "B.7")
{
	leat_chan(int) c = leat_make(int, 1);
	atomic_bool stop = false;
	leat_wg all = { 0 };

	leat_signal_notify(c, SIGUSR1);
	leat_wg_add(&all, 6);
	for (int i = 0; i < 3; i++) {
		leat_go(comes_and_goes, &stop, &all);
		leat_go(is_cancelled, &stop, &all);
	}
	for (size_t i = 0; i < test_count(2000); i++) {
		raise(SIGUSR1);
		EXPECT_EQ(next(c), SIGUSR1);
	}
	atomic_store(&stop, true);
	leat_wg_wait(&all);
	leat_signal_stop(c);
	leat_release(c);
}

/* -- from outside -- */

#ifndef __SANITIZE_THREAD__ /* keeps signals back while a thread sleeps */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KEEPS_SIGNALS
#endif
#endif
#else
#define KEEPS_SIGNALS
#endif

/* While every thread sleeps, and one goroutine blocks in the kernel. */
GO_TEST(a_signal_of_another_process_wakes_the_one_that_waits, "B.7")
{
#ifdef KEEPS_SIGNALS
	SKIP("ThreadSanitizer keeps signals back while a thread sleeps");
#else
	leat_chan(int) c = leat_make(int, 1);
	pid_t us = getpid(), child;

	leat_signal_notify(c, SIGTERM);
	child = fork();
	if (child == 0) {
		usleep(20000);
		kill(us, SIGTERM);
		_exit(0);
	}
	EXPECT_EQ(next(c), SIGTERM);
	waitpid(child, NULL, 0);
	leat_signal_stop(c);
	leat_release(c);
#endif
}

SUITE("signal")
