/*
 * deaths.c - each way to end that Go has words for; the twin of tests/go/deaths.
 *
 * deaths-go.sh runs both and compares.
 */
#include "leat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static leat_chan(int) none;
static leat_mutex mutex;
static leat_rwmutex rw;
static leat_wg group;
static leat_cond cond;

static leat_chan(int) made(void)
{
	return leat_make(int, 0);
}

static void receive(void)
{
	int got;

	leat_recv(made(), &got);
}

static void send(void)
{
	leat_send(made(), 1);
}

static void receive_nil(void)
{
	int got;

	leat_recv(none, &got);
}

static void send_nil(void)
{
	leat_send(none, 1);
}

static void select_two(void)
{
	leat_chan(int) c = made();
	int got;

	leat_select(leat_on_recv(c, &got), leat_on_send(c, 1));
}

static void select_none(void)
{
	leat_select_(NULL, 0, 0);
}

static void range(void)
{
	leat_chan(int) c = made();

	leat_range(n, c)
		printf("%d\n", n);
}

static void lock_twice(void)
{
	leat_mutex_lock(&mutex);
	leat_mutex_lock(&mutex);
}

static void write_twice(void)
{
	leat_rwmutex_lock(&rw);
	leat_rwmutex_lock(&rw);
}

static void write_and_read(void)
{
	leat_rwmutex_lock(&rw);
	leat_rwmutex_rlock(&rw);
}

static void wait_for_nobody(void)
{
	leat_wg_add(&group, 1);
	leat_wg_wait(&group);
}

static void wait_for_no_signal(void)
{
	leat_mutex_lock(&mutex);
	leat_cond_wait(&cond, &mutex);
}

static void exit_with_others(void)
{
	leat_go(receive_nil);
	leat_goexit();
}

static void close_nil(void)
{
	leat_close(none);
}

static void close_closed(void)
{
	leat_chan(int) c = made();

	leat_close(c);
	leat_close(c);
}

static void send_closed(void)
{
	leat_chan(int) c = made();

	leat_close(c);
	leat_send(c, 1);
}

static void unlock(void)
{
	leat_mutex_unlock(&mutex);
}

static void unlock_rw(void)
{
	leat_rwmutex_unlock(&rw);
}

static void runlock(void)
{
	leat_rwmutex_runlock(&rw);
}

static void done(void)
{
	leat_wg_done(&group);
}

static void panic_text(void)
{
	leat_panic("enough");
}

static void panic_lines(void)
{
	leat_panic("one\ntwo");
}

static void panic_number(void)
{
	leat_panic(42);
}

static void panic_error(void)
{
	leat_panicf("no such file");
}

static void panic_failure(void)
{
	leat_panic(leat_errorf("failure %d", 7));
}

static void panic_again(void)
{
	leat_panic("second");
}

static void panic_twice(void)
{
	leat_defer(panic_again);
	leat_panic("first");
}

static void elsewhere(void)
{
	leat_panic("elsewhere");
}

static void panic_in_goroutine(void)
{
	leat_go(elsewhere);
	leat_sleep(LEAT_MINUTE);
}

static void fatal_in_goroutine(void)
{
	leat_go(unlock);
	leat_sleep(LEAT_MINUTE);
}

static void rescue(void)
{
	leat_recover(NULL);
	exit(3);
}

static void recovered(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_panic("nobody sees it");
}

static const struct {
	const char *name;
	void (*fn)(void);
} ends[] = {
	{ "close-closed", close_closed },
	{ "close-nil", close_nil },
	{ "cond", wait_for_no_signal },
	{ "fatal-in-goroutine", fatal_in_goroutine },
	{ "goexit", leat_goexit },
	{ "goexit-others", exit_with_others },
	{ "mutex", lock_twice },
	{ "negative", done },
	{ "panic-error", panic_error },
	{ "panic-failure", panic_failure },
	{ "panic-in-goroutine", panic_in_goroutine },
	{ "panic-lines", panic_lines },
	{ "panic-number", panic_number },
	{ "panic-text", panic_text },
	{ "panic-twice", panic_twice },
	{ "range", range },
	{ "receive", receive },
	{ "receive-nil", receive_nil },
	{ "recovered", recovered },
	{ "runlock", runlock },
	{ "rwmutex", write_twice },
	{ "rwmutex-read", write_and_read },
	{ "rwmutex-unlock", unlock_rw },
	{ "select", select_two },
	{ "select-none", select_none },
	{ "send", send },
	{ "send-closed", send_closed },
	{ "send-nil", send_nil },
	{ "unlock", unlock },
	{ "waitgroup", wait_for_nobody },
};

enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

static int go_main(const char *name)
{
	for (int i = 0; i < ENDS; i++)
		if (strcmp(ends[i].name, name) == 0)
			ends[i].fn();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return leat_run(go_main, (const char *)argv[1]);
	for (int i = 0; i < ENDS; i++)
		puts(ends[i].name);
	return 0;
}
