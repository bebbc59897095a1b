/*
 * treesum.c - sum up trees of files, one goroutine per directory and file.
 *
 *	main --> directory --> file:  take a desk, open, read ..., close
 *	  |          |-------> file
 *	  |          '-------> directory --> ...
 *	  |
 *	  '--- one WaitGroup: the sum is ready when the last of them ends
 *
 * Whoever finds a name starts a goroutine for it and never waits for it.
 * There may be a hundred thousand of them at a time, but a process may have
 * only so many files open: a goroutine first takes a *desk*, which is a buffer
 * and the right to hold one descriptor, and parks in a queue when all are
 * taken.  Nobody asks for a second desk, so the queue always moves.
 *
 * Every call that may block in the kernel stands between leat_block_enter and
 * leat_block_exit; what computes (the CRC) stands outside, where the number of
 * running goroutines is the number of CPUs.
 *
 * The checksum must not depend on who finishes first: it is the sum, modulo
 * 2^64, of a CRC-32 per file, over its path below the tree's root, a NUL and
 * its contents.  A sum, because an exclusive or would lose equal pairs.
 */
#include "treesum.h"

#include "leat.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMED = 10 }; /* failures reported by name */

static const char usage[] =
	"usage: treesum [--verify] [--quiet] [DIR...]\n"
	"Sum up the files below each DIR (/usr/include).\n"
	"\n"
	"  -v, --verify  compare with a sequential run, and with find, cat, wc\n"
	"  -q, --quiet   no progress, no names, no time\n"
	"  -h, --help    this text\n"
	"\n"
	"Links are counted and not followed; fifos, sockets and devices are\n"
	"counted and not opened; what cannot be read is counted and named.\n"
	"\n"
	"Status: 0 fine, 1 --verify found a mismatch, 2 wrong use.\n";

/*
 * The calls that may block.  errno belongs to a thread, and leat_block_exit
 * may return on another one, so errno is read before it; and none of these is
 * inlined, because a compiler keeps the address of errno in a register for as
 * long as a function runs.  Each returns -errno.
 */
#define BLOCKING static __attribute__((noinline))

BLOCKING int open_path(const char *path, int flags)
{
	leat_block_enter();
	int fd = open(path, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int result = fd < 0 ? -errno : fd;
	leat_block_exit();
	return result;
}

BLOCKING ssize_t read_some(int fd, char *buffer)
{
	leat_block_enter();
	ssize_t n = TEMP_FAILURE_RETRY(read(fd, buffer, DESK_SIZE));
	ssize_t result = n < 0 ? -errno : n;
	leat_block_exit();
	return result;
}

BLOCKING ssize_t list_some(int fd, char *buffer)
{
	leat_block_enter();
	ssize_t n = getdents64(fd, buffer, DESK_SIZE);
	ssize_t result = n < 0 ? -errno : n;
	leat_block_exit();
	return result;
}

/* A DT_ constant, for the file systems that do not tell it while listing. */
BLOCKING int type_at(int fd, const char *name)
{
	struct stat stat;

	leat_block_enter();
	int failed = fstatat(fd, name, &stat, AT_SYMLINK_NOFOLLOW);
	int result = failed ? -errno : (int)IFTODT(stat.st_mode);
	leat_block_exit();
	return result;
}

BLOCKING void close_fd(int fd)
{
	leat_block_enter();
	close(fd);
	leat_block_exit();
}

/* A directory or a file, and what went wrong with it. */
struct item {
	int error;
	size_t below; /* path + below: without the root */
	char path[];
};

static struct item *item_make(const struct item *dir, const char *name)
{
	size_t head = dir ? strlen(dir->path) + 1 : 0;
	size_t tail = strlen(name) + 1;
	struct item *item = allocate(sizeof *item + head + tail);

	item->below = dir ? dir->below : tail;
	if (dir) {
		memcpy(item->path, dir->path, head - 1);
		item->path[head - 1] = '/';
	}
	memcpy(item->path + head, name, tail);
	return item;
}

struct tree {
	struct tally sum;
	leat_wg group;             /* every directory and file */
	_Atomic uint64_t started;  /* of those */
	_Atomic uint64_t peak;     /* most goroutines seen at a time */
	_Atomic uint64_t failures; /* unreadable or vanished */
	struct item *failed[NAMED];
	int done[2]; /* a pipe, closed when the sum is ready */
	double seconds;
	int procs;
};

/* The last that happens to an item; 0 or -errno says how it went. */
static void settle(struct tree *tree, struct item *item, enum kind kind,
		   int error)
{
	bool vanished = error == -ENOENT;

	add(&tree->sum.of[vanished ? VANISHED : kind], 1);
	add(&tree->sum.of[UNREADABLE], error && !vanished);
	uint64_t place = error ? add(&tree->failures, 1) : NAMED;
	if (place < NAMED) {
		item->error = error;
		tree->failed[place] = item;
	} else {
		free(item);
	}
}

static uint64_t newlines(const char *text, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += text[i] == '\n';
	return n;
}

static int file_sum(struct tally *sum, const struct item *item, char *buffer)
{
	/* O_NONBLOCK: it may have become a fifo since it was listed. */
	int fd = open_path(item->path, O_NONBLOCK);
	if (fd < 0)
		return fd;

	uint32_t crc = crc_begin(item->path + item->below);
	uint64_t bytes = 0, lines = 0;
	ssize_t n;
	while ((n = read_some(fd, buffer)) > 0) {
		crc = crc32(crc, (const Bytef *)buffer, n);
		bytes += n;
		lines += newlines(buffer, n);
	}
	close_fd(fd);
	add(&sum->of[BYTES], bytes);
	add(&sum->of[LINES], lines);
	add(&sum->of[CHECKSUM], crc);
	return n;
}

static void file(struct tree *tree, struct item *item)
{
	struct desk *desk = desk_take();
	int error = file_sum(&tree->sum, item, desk->buffer);

	desk_give(desk);
	settle(tree, item, FILES, error);
}

static void directory(struct tree *tree, struct item *item);

/* Start a goroutine for what was found, or only count it. */
static void meet(struct tree *tree, struct item *item, int type)
{
	int error;

	if (type == DT_DIR) {
		error = leat_wg_go(&tree->group, directory, tree, item);
	} else if (type == DT_REG) {
		error = leat_wg_go(&tree->group, file, tree, item);
	} else {
		settle(tree, item, type == DT_LNK ? LINKS : OTHERS,
		       type < 0 ? type : 0);
		return;
	}
	if (!error)
		add(&tree->started, 1);
	else
		settle(tree, item, type == DT_DIR ? DIRS : FILES, error);
}

static void raise_to(_Atomic uint64_t *peak, uint64_t now)
{
	uint64_t was = get(peak);

	while (was < now && !atomic_compare_exchange_weak(peak, &was, now))
		;
}

static int directory_list(struct tree *tree, const struct item *dir,
			  char *buffer)
{
	int fd = open_path(dir->path, O_DIRECTORY);
	if (fd < 0)
		return fd;

	ssize_t n;
	while ((n = list_some(fd, buffer)) > 0) {
		struct dirent64 *entry;
		for (ssize_t at = 0; at < n; at += entry->d_reclen) {
			entry = (struct dirent64 *)(buffer + at);
			if (dots(entry->d_name))
				continue;
			int type = entry->d_type;
			if (type == DT_UNKNOWN)
				type = type_at(fd, entry->d_name);
			meet(tree, item_make(dir, entry->d_name), type);
		}
		raise_to(&tree->peak, leat_goroutine_count());
	}
	close_fd(fd);
	return n;
}

static void directory(struct tree *tree, struct item *item)
{
	struct desk *desk = desk_take();
	int error = directory_list(tree, item, desk->buffer);

	desk_give(desk);
	settle(tree, item, DIRS, error);
}

/* Wait a tenth of a second, or less if the sum is ready: then true.  This is
 * known to last, so it goes through leat_block, which gives the P away. */
static intptr_t tick(void *arg)
{
	struct tree *tree = arg;
	struct pollfd done = { .fd = tree->done[0], .events = POLLIN };

	return poll(&done, 1, 100) > 0;
}

static intptr_t say(void *text)
{
	return fputs(text, stderr);
}

static void progress(struct tree *tree)
{
	const struct tally *sum = &tree->sum;
	char text[160];

	while (!leat_block(tick, tree)) {
		snprintf(text, sizeof text,
			 "\r%" PRIu64 " directories, %" PRIu64
			 " files, %" PRIu64 " MB, %zu goroutines\033[K",
			 get(&sum->of[DIRS]), get(&sum->of[FILES]),
			 get(&sum->of[BYTES]) / 1000000,
			 leat_goroutine_count());
		leat_block(say, text);
	}
	leat_block(say, "\r\033[K");
}

/* The main goroutine. */
static int sum_up(struct tree *tree, char **roots, bool watched)
{
	leat_wg watcher = { 0 };
	double start = now();

	if (watched)
		leat_wg_go(&watcher, progress, tree);
	for (; *roots; roots++)
		meet(tree, item_make(NULL, *roots), DT_DIR);
	leat_wg_wait(&tree->group);
	tree->seconds = now() - start;
	tree->procs = leat_procs_get();
	close(tree->done[1]);
	leat_wg_wait(&watcher);
	return 0;
}

/* Names may hold anything: keep them on one line, as ls does. */
static void failures_print(struct tree *tree)
{
	uint64_t n = get(&tree->failures);

	for (uint64_t i = 0; i < n && i < NAMED; i++) {
		struct item *item = tree->failed[i];
		for (char *p = item->path; *p; p++)
			if (iscntrl((unsigned char)*p))
				*p = '?';
		fprintf(stderr, "treesum: %s: %s\n", item->path,
			strerror(-item->error));
	}
	if (n > NAMED)
		fprintf(stderr, "treesum: and %" PRIu64 " more\n", n - NAMED);
}

static void refuse(const char *name)
{
	fprintf(stderr, "treesum: %s: %s\n", name, strerror(errno));
	exit(2);
}

/* Absolute names without links, so that one path means one thing to all. */
static char **roots_find(char **names, int n)
{
	static char *standard[] = { "/usr/include" };
	if (!n) {
		names = standard;
		n = 1;
	}
	char **roots = allocate((n + 1) * sizeof *roots);
	for (int i = 0; i < n; i++) {
		roots[i] = realpath(names[i], NULL);
		int fd = roots[i] ? open(roots[i], O_DIRECTORY) : -1;
		if (fd < 0)
			refuse(names[i]);
		close(fd);
	}
	roots[n] = NULL;
	return roots;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "verify", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static struct tree tree;
	static char **roots;
	bool verified = false, quiet = false;

	for (int c; (c = getopt_long(argc, argv, "vqh", options, NULL)) != -1;)
		if (c == 'v') {
			verified = true;
		} else if (c == 'q') {
			quiet = true;
		} else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}

	roots = roots_find(argv + optind, argc - optind);
	desks_make();
	if (pipe2(tree.done, O_CLOEXEC))
		refuse("pipe");
	leat_run(sum_up, &tree, roots, !quiet && isatty(STDERR_FILENO));

	bool same = true;
	if (!quiet)
		failures_print(&tree);
	if (verified)
		same = table_verify(&tree.sum, roots);
	else
		table_print(&tree.sum);
	if (!quiet)
		printf("%.3f s, %" PRIu64
		       " goroutines started, at most %" PRIu64
		       " at a time, on %d Ps\n",
		       tree.seconds, get(&tree.started), get(&tree.peak),
		       tree.procs);
	return !same;
}
