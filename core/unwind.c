/*
 * unwind.c - libdw, told that the process has one thread: the stack asked for.
 *
 *	libdw asks for              it gets
 *
 *	what is loaded where        /proc/self/maps, at each unwind_ready
 *	the threads                 one
 *	its registers               those of the stack that is walked
 *	a word of memory            if it is of that stack: nothing else is needed
 *	debugging information       what is in the files, or lies below
 *	elsewhere                   /usr/lib/debug by its build id; never the network
 */
#include "core/unwind.h"

#include "core/base.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Dwfl *session;
static bool attached;

/* The walk under way. */
static struct {
	const struct unwind_from *from;
	bool (*visit)(void *arg, uintptr_t pc);
	void *arg;
} walk;

/* -- what libdw asks for -- */

static int find_debug(Dwfl_Module *module, void **data, const char *name,
		      Dwarf_Addr base, const char *file, const char *link,
		      GElf_Word crc, char **found)
{
	const unsigned char *id;
	GElf_Addr at;
	char path[128] = "/usr/lib/debug/.build-id/";
	size_t end = strlen(path);
	int fd, n = dwfl_module_build_id(module, &id, &at);

	(void)data, (void)name, (void)base, (void)file, (void)link, (void)crc;
	if (n < 2 || n > 32)
		return -1;
	for (int i = 0; i < n; i++)
		end += (size_t)snprintf(path + end, sizeof(path) - end,
					i == 0 ? "%02x/" : "%02x", id[i]);
	strcpy(path + end, ".debug");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		*found = strdup(path);
	return fd;
}

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	(void)dwfl;
	(void)arg;
	if (*thread)
		return 0;
	*thread = &walk;
	return getpid();
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread)
{
	(void)dwfl;
	(void)tid;
	(void)arg;
	*thread = &walk;
	return true;
}

static bool is_code(uintptr_t at)
{
	return dwfl_addrmodule(session, at) != NULL;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *word, void *arg)
{
	const struct unwind_from *from = walk.from;
	uintptr_t value;

	(void)dwfl;
	(void)arg;
	if (at < from->at || at - from->at > from->n ||
	    from->n - (at - from->at) < sizeof(value))
		return false;
	memcpy(&value, from->bytes + (at - from->at), sizeof(value));
	/* A return address that its function has signed: libdw does not know. */
	if (arch_code(value) != value && is_code(arch_code(value)))
		value = arch_code(value);
	*word = value;
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct unwind_from *from = walk.from;
	const int saved[] = { ARCH_REGISTER_FP, ARCH_REGISTER_SP };
	bool ok = true;

	(void)arg;
	if (from->whole)
		ok = dwfl_thread_state_registers(thread, 0, ARCH_REGISTERS,
						 from->reg);
	for (size_t i = 0; !from->whole && i < ARRAY_LEN(saved); i++)
		ok &= dwfl_thread_state_registers(thread, saved[i], 1,
						  &from->reg[saved[i]]);
	dwfl_thread_state_register_pc(thread, from->pc);
	return ok;
}

static const Dwfl_Thread_Callbacks threads = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_word,
	.set_initial_registers = set_registers,
};

/* -- frames -- */

static int frame(Dwfl_Frame *state, void *arg)
{
	Dwarf_Addr pc;

	(void)arg;
	if (!dwfl_frame_pc(state, &pc, NULL))
		return DWARF_CB_ABORT;
	return walk.visit(walk.arg, arch_code(pc)) ? DWARF_CB_OK
						   : DWARF_CB_ABORT;
}

void unwind_walk(const struct unwind_from *from,
		 bool (*visit)(void *arg, uintptr_t pc), void *arg)
{
	walk.from = from;
	walk.visit = visit;
	walk.arg = arg;
	dwfl_getthread_frames(session, getpid(), frame, NULL);
}

/* -- names -- */

/* In C++, if that is there; else as it is. */
char *__cxa_demangle(const char *name, char *buffer, size_t *n, int *status)
	__attribute__((weak));

struct name {
	char *text;
	size_t room;
};

static const char *readable(struct name *to, const char *name)
{
	int status;
	char *out;

	if (!name || !__cxa_demangle || strncmp(name, "_Z", 2) != 0)
		return name;
	out = __cxa_demangle(name, to->text, &to->room, &status);
	if (!out)
		return name;
	to->text = out;
	return out;
}

static const char *die_name(Dwarf_Die *die)
{
	static struct name text;
	Dwarf_Attribute a;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &a))
		return readable(&text, dwarf_formstring(&a));
	return dwarf_diename(die);
}

/* Where in its source an inlined function is called. */
static void call_place(Dwarf_Die *unit, Dwarf_Die *die,
		       struct unwind_place *place)
{
	Dwarf_Attribute a;
	Dwarf_Files *files;
	Dwarf_Word file, line;
	size_t n;

	place->file = NULL;
	if (dwarf_getsrcfiles(unit, &files, &n) != 0 ||
	    dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &a), &file) != 0 ||
	    dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &a), &line) != 0)
		return;
	place->file = dwarf_filesrc(files, file, NULL, NULL);
	place->line = (int)line;
}

/* -- whose -- */

/* The folder that the library was compiled in, with its "/"; as a place of its own
 * says.  "": unknown. */
static char root[PATH_MAX];

static const char *full(const struct unwind_place *at, char *to, size_t room)
{
	bool relative = at->dir && at->file[0] != '/';
	char *dot;

	snprintf(to, room, "%s%s%s", relative ? at->dir : "",
		 relative ? "/" : "", at->file);
	while ((dot = strstr(to, "/./")))
		memmove(dot, dot + 2, strlen(dot + 2) + 1);
	return to;
}

static bool is_ours(const struct unwind_place *at)
{
	static const char *const rooms[] = { "core/", "sync/", "arch/" };
	char path[PATH_MAX];
	size_t n = strlen(root);

	if (n == 0 || !at->file ||
	    strncmp(full(at, path, sizeof(path)), root, n) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(rooms); i++)
		if (strncmp(path + n, rooms[i], strlen(rooms[i])) == 0)
			return true;
	return false;
}

static bool place_of(Dwfl_Module *module, uintptr_t pc,
		     struct unwind_place *place)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, pc);

	if (!line)
		return false;
	place->file = dwfl_lineinfo(line, NULL, &place->line, NULL, NULL, NULL);
	place->dir = dwfl_line_comp_dir(line);
	return place->file != NULL;
}

static void find_root(void)
{
	uintptr_t here = (uintptr_t)unwind_ready;
	Dwfl_Module *module = dwfl_addrmodule(session, here);
	struct unwind_place place = { 0 };
	size_t n;

	if (!module || !place_of(module, here, &place))
		return;
	full(&place, root, sizeof(root));
	n = strlen(root) - strlen("core/unwind.c");
	root[strcmp(root + n, "core/unwind.c") == 0 ? n : 0] = '\0';
}

/* -- all places of one instruction -- */

struct visitor {
	void (*visit)(void *, const struct unwind_place *);
	void *arg;
};

static void say_place(const struct visitor *v, struct unwind_place *place)
{
	place->ours = is_ours(place);
	v->visit(v->arg, place);
}

/* The functions that are inlined there, and the one that they are inlined into,
 * are what the scopes from the innermost to the whole unit are of. */
static void name_scopes(Dwarf_Die *unit, Dwarf_Die *scope, int n,
			struct unwind_place *place, const struct visitor *v)
{
	const char *symbol = place->function;

	for (int i = 0; i < n; i++) {
		int tag = dwarf_tag(&scope[i]);

		if (tag == DW_TAG_subprogram) {
			place->function = die_name(&scope[i]);
			if (!place->function)
				place->function = symbol;
			break;
		}
		if (tag != DW_TAG_inlined_subroutine)
			continue;
		place->inlined = true;
		place->function = die_name(&scope[i]);
		say_place(v, place);
		call_place(unit, &scope[i], place);
		place->inlined = false;
		place->function = symbol;
	}
	say_place(v, place);
}

/* The same from the outermost tag that is known there, if any. */
static void name_all(Dwfl_Module *module, uintptr_t pc,
		     struct unwind_place *place, const struct visitor *v)
{
	Dwarf_Die *inner = NULL, *scopes = NULL;
	Dwarf_Addr bias;
	Dwarf_Die *unit = dwfl_module_addrdie(module, pc, &bias);
	int n = unit ? dwarf_getscopes(unit, pc - bias, &inner) : 0;

	if (n > 0)
		n = dwarf_getscopes_die(&inner[0], &scopes);
	name_scopes(unit, scopes, n, place, v);
	free(scopes);
	free(inner);
}

bool unwind_name(uintptr_t pc,
		 void (*visit)(void *arg, const struct unwind_place *place),
		 void *arg)
{
	static struct name text;
	const struct visitor v = { visit, arg };
	struct unwind_place place = { 0 };
	Dwfl_Module *module = dwfl_addrmodule(session, pc);
	GElf_Off offset;
	GElf_Sym symbol;

	if (!module)
		return false;
	place.function = readable(
		&text, dwfl_module_addrinfo(module, pc, &offset, &symbol, NULL,
					    NULL, NULL));
	place.offset = place.function ? offset : 0;
	if (!place_of(module, pc, &place) && !place.function)
		return false;
	name_all(module, pc, &place, &v);
	return true;
}

const char *unwind_file(uintptr_t pc, uintptr_t *offset)
{
	const char *file;
	Dwarf_Addr start;
	Dwfl_Module *module = dwfl_addrmodule(session, pc);

	if (!module)
		return NULL;
	dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, &file, NULL);
	*offset = pc - start;
	return file;
}

/* -- the session -- */

/* By a file of its own: else libdw keeps what it knows of the CPU with the first
 * module, and that may go. */
static bool attach(void)
{
	static Elf *self;

	if (!self) {
		int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

		elf_version(EV_CURRENT);
		self = elf_begin(fd, ELF_C_READ_MMAP, NULL);
		if (!self && fd >= 0)
			close(fd);
	}
	return self &&
	       dwfl_attach_state(session, self, getpid(), &threads, NULL);
}

bool unwind_ready(void)
{
	static char *no_path;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = find_debug,
		.debuginfo_path = &no_path,
	};

	if (!session && !(session = dwfl_begin(&callbacks)))
		return false;
	dwfl_report_begin(session);
	if (dwfl_linux_proc_report(session, getpid()) != 0 ||
	    dwfl_report_end(session, NULL, NULL) != 0)
		return false;
	if (!attached)
		attached = attach();
	if (!root[0])
		find_root();
	return attached;
}
