/*
 * treesum-verify.c - the table of totals, and the same by other means.
 *
 *	              treesum       sequential    shell
 *	lists by      getdents64    scandir       find
 *	reads by      read          fread         cat
 *	counts by     a loop        memchr        wc
 *	at a time     as many       one           one
 *
 * The trees must not change meanwhile, or the ways differ with good reason.
 */
#include "treesum.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>

static const char *const kind_name[KINDS] = {
	"directories", "files",    "links",      "others",   "bytes",
	"lines",       "checksum", "unreadable", "vanished",
};

/* What the shell is asked; a file's name may hold anything but a NUL. */
static const char *const kind_ask[KINDS] = {
	[DIRS] = "-type d -printf x | wc -c",
	[FILES] = "-type f -printf x | wc -c",
	[LINKS] = "-type l -printf x | wc -c",
	[OTHERS] = "! -type d ! -type f ! -type l -printf x | wc -c",
	[BYTES] = "-type f -print0 | xargs -0 -r cat | wc -c",
	[LINES] = "-type f -print0 | xargs -0 -r cat | wc -l",
};

static void plain_file(struct tally *sum, const char *path, size_t below)
{
	static char buffer[DESK_SIZE];
	uint32_t crc = crc_begin(path + below);
	uint64_t bytes = 0, lines = 0;
	FILE *file = fopen(path, "re");
	size_t n = 0;

	while (file && (n = fread(buffer, 1, sizeof buffer, file)) > 0) {
		const char *end = buffer + n;
		for (char *p = buffer; (p = memchr(p, '\n', end - p)); p++)
			lines++;
		crc = crc32_z(crc, (const Bytef *)buffer, n);
		bytes += n;
	}
	add(&sum->of[FILES], 1);
	add(&sum->of[BYTES], bytes);
	add(&sum->of[LINES], lines);
	add(&sum->of[CHECKSUM], file ? crc : 0);
	add(&sum->of[UNREADABLE], !file || ferror(file));
	if (file)
		fclose(file);
}

static int plain_type(const char *path, const struct dirent *entry)
{
	struct stat stat;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	return lstat(path, &stat) ? DT_UNKNOWN : (int)IFTODT(stat.st_mode);
}

static int not_dots(const struct dirent *entry)
{
	return !dots(entry->d_name);
}

static void plain_directory(struct tally *sum, const char *path, size_t below)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, not_dots, NULL);

	add(&sum->of[DIRS], 1);
	add(&sum->of[UNREADABLE], n < 0);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		char *child = allocate(strlen(path) + strlen(name) + 2);
		sprintf(child, "%s/%s", path, name);
		int type = plain_type(child, entries[i]);
		if (type == DT_DIR)
			plain_directory(sum, child, below);
		else if (type == DT_REG)
			plain_file(sum, child, below);
		else
			add(&sum->of[type == DT_LNK ? LINKS : OTHERS], 1);
		free(child);
		free(entries[i]);
	}
	free(entries);
}

/* The roots as words of a shell command. */
static char *quoted(char **roots)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (; *roots; roots++) {
		fputs(" '", out);
		for (const char *p = *roots; *p; p++)
			fputs(*p == '\'' ? "'\\''" : (char[]){ *p, 0 }, out);
		putc('\'', out);
	}
	fclose(out);
	return text;
}

/* An answer that does not come is no number that could agree. */
static uint64_t shell_answer(const char *roots, const char *ask)
{
	uint64_t answer = UINT64_MAX;
	char *command = allocate(strlen(roots) + strlen(ask) + 32);

	sprintf(command, "{ find %s %s; } 2>/dev/null", roots, ask);
	FILE *out = popen(command, "re");
	if (out) {
		if (fscanf(out, "%" SCNu64, &answer) != 1)
			answer = UINT64_MAX;
		pclose(out);
	}
	free(command);
	return answer;
}

static void cell_print(enum kind kind, const struct tally *sum)
{
	uint64_t n = get(&sum->of[kind]);

	printf(kind == CHECKSUM ? "  %016" PRIx64 : "  %16" PRIu64, n);
}

void table_print(const struct tally *sum)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		printf("%-12s", kind_name[kind]);
		cell_print(kind, sum);
		putchar('\n');
	}
}

static bool row_compare(enum kind kind, const struct tally *sum,
			const struct tally *plain, const struct tally *shell)
{
	uint64_t n = get(&sum->of[kind]);
	bool same = n == get(&plain->of[kind]) &&
		    (!kind_ask[kind] || n == get(&shell->of[kind]));

	printf("%-12s", kind_name[kind]);
	cell_print(kind, sum);
	cell_print(kind, plain);
	if (kind_ask[kind])
		cell_print(kind, shell);
	else
		printf("  %16s", "-");
	puts(same ? "  same" : "  DIFFERS");
	return same;
}

bool table_verify(const struct tally *sum, char **roots)
{
	struct tally plain = { 0 }, shell = { 0 };
	char *words = quoted(roots);
	double start = now();
	bool same = true;

	for (; *roots; roots++)
		plain_directory(&plain, *roots, strlen(*roots) + 1);
	double end = now();
	printf("%-12s  %16s  %16s  %16s\n", "", "treesum", "sequential",
	       "find, cat, wc");
	for (enum kind kind = 0; kind <= UNREADABLE; kind++) {
		if (kind_ask[kind])
			add(&shell.of[kind],
			    shell_answer(words, kind_ask[kind]));
		same &= row_compare(kind, sum, &plain, &shell);
	}
	printf("%.3f s sequential\n", end - start);
	free(words);
	return same;
}
