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
#include <sys/auxv.h>
#include <unistd.h>

enum { SCOPES = 64 }; /* within each other */

static Dwfl *session;
static bool attached;

/* The walk under way. */
static struct {
	const struct unwind_from *from;
	unwind_visit *visit;
	void *arg;
	bool returned; /* its first pc is where a call returns to */
} walk;

/* -- what libdw asks for -- */

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

/* A return address that its function may have signed: libdw does not know. */
static uintptr_t unsigned_code(uintptr_t value)
{
	return arch_code(value) != value && is_code(arch_code(value))
		       ? arch_code(value)
		       : value;
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
	*word = unsigned_code(value);
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct unwind_from *from = walk.from;
	const int saved[] = { ARCH_REGISTER_FP, ARCH_REGISTER_SP,
			      ARCH_REGISTER_PC };
	bool ok = true;

	(void)arg;
	if (from->whole)
		ok = dwfl_thread_state_registers(thread, 0, ARCH_REGISTERS,
						 from->reg);
	for (size_t i = 0; !from->whole && i < ARRAY_LEN(saved); i++)
		ok &= saved[i] < 0 ||
		      dwfl_thread_state_registers(thread, saved[i], 1,
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
	bool interrupted, call;

	(void)arg;
	if (!dwfl_frame_pc(state, &pc, &interrupted))
		return DWARF_CB_ABORT;
	call = !interrupted || walk.returned;
	walk.returned = false;
	return walk.visit(walk.arg, arch_code(pc), call) ? DWARF_CB_OK
							 : DWARF_CB_ABORT;
}

/* Is it known how to unwind from there? */
static bool has_rules(uintptr_t pc)
{
	Dwfl_Module *module = dwfl_addrmodule(session, pc);
	Dwarf_Addr bias = 0;
	Dwarf_CFI *rules = module ? dwfl_module_eh_cfi(module, &bias) : NULL;
	Dwarf_Frame *frame;

	if (rules && dwarf_cfi_addrframe(rules, pc - bias, &frame) == 0) {
		free(frame);
		return true;
	}
	rules = module ? dwfl_module_dwarf_cfi(module, &bias) : NULL;
	if (!rules || dwarf_cfi_addrframe(rules, pc - bias, &frame) != 0)
		return false;
	free(frame);
	return true;
}

/* One of the registers; NULL: this CPU has none for that. */
static uintptr_t *reg(struct unwind_from *from, int i)
{
	return i < 0 ? NULL : &from->reg[i];
}

/* Where a call leaves where it returns to; NULL: on the stack. */
static uintptr_t *link_of(struct unwind_from *from)
{
	return reg(from, ARCH_REGISTER_LINK);
}

/* As after the return from a function that has done nothing yet. */
static bool step_back(struct unwind_from *from)
{
	Dwarf_Word word;

	if (link_of(from)) {
		from->pc = *link_of(from);
		return true;
	}
	if (!read_word(NULL, from->reg[ARCH_REGISTER_SP], &word, NULL))
		return false;
	from->pc = word;
	from->reg[ARCH_REGISTER_SP] += sizeof(word);
	return true;
}

void unwind_walk(const struct unwind_from *start, unwind_visit *visit,
		 void *arg)
{
	struct unwind_from from = *start;

	walk.from = &from;
	walk.visit = visit;
	walk.arg = arg;
	walk.returned = false;
	if (link_of(&from))
		*link_of(&from) = unsigned_code(*link_of(&from));
	/* A call of what is no code, such as NULL; or by a table of calls to
	 * shared libraries, for which there may be no rules. */
	if (from.whole &&
	    (!is_code(from.pc) || (link_of(&from) && !has_rules(from.pc)))) {
		if (!visit(arg, from.pc, false) || !step_back(&from))
			return;
		walk.returned = true;
	}
	/* Rules for the tables of calls to shared libraries want it as such. */
	if (reg(&from, ARCH_REGISTER_PC))
		*reg(&from, ARCH_REGISTER_PC) = from.pc;
	dwfl_getthread_frames(session, getpid(), frame, NULL);
}

/* -- names -- */

/* Of C++, if that is there; else as it is. */
char *__cxa_demangle(const char *name, char *buffer, size_t *n, int *status)
	__attribute__((weak));

struct name {
	char *text;
	size_t room;
};

/* From the bracket that the last one closes. */
static void cut_parameters(char *name)
{
	char *at = strrchr(name, ')');
	int depth = 0;

	for (; at && at > name; at--) {
		depth += (*at == ')') - (*at == '(');
		if (depth == 0) {
			*at = '\0';
			return;
		}
	}
}

/* Templates begin with what they return: a word, then the name. */
static const char *after_result(const char *name)
{
	const char *start = name;
	int depth = 0;

	for (const char *at = name; *at; at++) {
		depth +=
			(*at == '(' || *at == '<') - (*at == ')' || *at == '>');
		if (*at == 'o' && strncmp(at, "operator", 8) == 0)
			break; /* what follows may be any sign */
		if (*at == ' ' && depth == 0)
			start = at + 1;
	}
	return start;
}

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
	cut_parameters(out);
	return after_result(out);
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

static Dwfl_Module *library, *program;

/* By its source; or by its file, if that is not the program's. */
static bool is_ours(const Dwfl_Module *module, const struct unwind_place *at)
{
	static const char *const rooms[] = { "core/", "sync/", "arch/" };
	char path[PATH_MAX];
	size_t n = strlen(root);

	if (module == library && module != program)
		return true;
	if (n == 0 || !at->file ||
	    strncmp(full(at, path, sizeof(path)), root, n) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(rooms); i++)
		if (strncmp(path + n, rooms[i], strlen(rooms[i])) == 0)
			return true;
	return false;
}

/* The unit that pc is in.  libdw looks in .debug_aranges, which clang leaves out;
 * and what lies in no unit it takes for the one before. */
static Dwarf_Die *unit_of(Dwfl_Module *module, uintptr_t pc, Dwarf_Addr *bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, pc, bias);

	if (unit && dwarf_haspc(unit, pc - *bias) > 0)
		return unit;
	for (unit = NULL; (unit = dwfl_module_nextcu(module, unit, bias));)
		if (dwarf_haspc(unit, pc - *bias) > 0)
			return unit;
	return NULL;
}

/* Of the instruction at pc, which the unit counts from 0. */
static bool place_of(Dwarf_Die *unit, uintptr_t pc, struct unwind_place *place)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, pc);
	Dwarf_Attribute a;

	if (!line || dwarf_lineno(line, &place->line) != 0)
		return false;
	place->file = dwarf_linesrc(line, NULL, NULL);
	place->dir = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &a));
	return place->file != NULL;
}

static void find_root(void)
{
	uintptr_t here = (uintptr_t)unwind_ready;
	struct unwind_place place = { 0 };
	Dwarf_Addr bias;
	Dwarf_Die *unit = library ? unit_of(library, here, &bias) : NULL;
	size_t n;

	if (!unit || !place_of(unit, here - bias, &place))
		return;
	full(&place, root, sizeof(root));
	n = strlen(root) - strlen("core/unwind.c");
	root[strcmp(root + n, "core/unwind.c") == 0 ? n : 0] = '\0';
}

/* -- all places of one instruction -- */

struct visitor {
	Dwfl_Module *module;
	void (*visit)(void *, const struct unwind_place *);
	void *arg;
};

static void say_place(const struct visitor *v, struct unwind_place *place)
{
	place->ours = is_ours(v->module, place);
	v->visit(v->arg, place);
}

/* Those around an instruction, from the unit's to the innermost. */
struct scopes {
	Dwarf_Die die[SCOPES];
	int n;
};

static bool may_hold(Dwarf_Die *die, uintptr_t pc)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		return dwarf_haspc(die, pc) > 0;
	case DW_TAG_namespace:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
		return true; /* functions may be in there */
	default:
		return false;
	}
}

/* By dwarf_getscopes a function that is inlined from another unit is not found, as
 * optimization at link time leaves many. */
static bool find_scopes(struct scopes *s, Dwarf_Die *parent, uintptr_t pc)
{
	Dwarf_Die die;
	int n = s->n;

	if (n == SCOPES || dwarf_child(parent, &die) != 0)
		return false;
	do {
		if (!may_hold(&die, pc))
			continue;
		s->die[n] = die;
		s->n = n + 1;
		if (find_scopes(s, &die, pc) || dwarf_haspc(&die, pc) > 0)
			return true;
		s->n = n;
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

/* The functions that are inlined there, and the one that they are inlined into. */
static void say_scopes(Dwarf_Die *unit, struct scopes *s,
		       struct unwind_place *place, const struct visitor *v)
{
	const struct unwind_place symbol = *place;

	for (int i = s->n - 1; i >= 0; i--) {
		Dwarf_Die *scope = &s->die[i];
		int tag = dwarf_tag(scope);

		if (tag != DW_TAG_subprogram &&
		    tag != DW_TAG_inlined_subroutine)
			continue;
		/* What has no linkage may have no name for it either: then
		 * the symbol says more. */
		if (tag == DW_TAG_inlined_subroutine || !symbol.function ||
		    symbol.function == symbol.plain)
			place->function = die_name(scope);
		place->plain = dwarf_diename(scope);
		if (tag == DW_TAG_subprogram)
			break;
		place->inlined = true;
		say_place(v, place);
		call_place(unit, scope, place);
		place->inlined = false;
		place->function = symbol.function;
		place->plain = symbol.plain;
	}
	say_place(v, place);
}

/* pc: as the unit counts. */
static void say_all(Dwarf_Die *unit, uintptr_t pc, struct unwind_place *place,
		    const struct visitor *v)
{
	struct scopes scopes = { .n = 0 };

	place_of(unit, pc, place);
	find_scopes(&scopes, unit, pc);
	say_scopes(unit, &scopes, place, v);
}

bool unwind_name(uintptr_t pc,
		 void (*visit)(void *arg, const struct unwind_place *place),
		 void *arg)
{
	static struct name text;
	struct visitor v = { dwfl_addrmodule(session, pc), visit, arg };
	struct unwind_place place = { 0 };
	Dwarf_Addr bias;
	Dwarf_Die *unit;
	GElf_Off offset = 0;
	GElf_Sym symbol;

	if (!v.module)
		return false;
	place.plain = dwfl_module_addrinfo(v.module, pc, &offset, &symbol, NULL,
					   NULL, NULL);
	if (place.plain && place.plain[0] == '$')
		place.plain = NULL; /* where code begins, and data */
	place.function = readable(&text, place.plain);
	place.offset = place.function ? offset : 0;
	unit = unit_of(v.module, pc, &bias);
	if (unit)
		say_all(unit, pc - bias, &place, &v);
	else if (place.function)
		say_place(&v, &place);
	return unit || place.function;
}

const char *unwind_file(uintptr_t pc, uintptr_t *offset)
{
	const char *file = NULL, *name;
	Dwarf_Addr start;
	Dwfl_Module *module = dwfl_addrmodule(session, pc);

	if (!module)
		return NULL;
	name = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, &file,
				NULL);
	*offset = pc - start;
	return file ? file : name;
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
		.find_debuginfo = dwfl_build_id_find_debuginfo,
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
	library = dwfl_addrmodule(session, (uintptr_t)unwind_ready);
	program = dwfl_addrmodule(session, getauxval(AT_ENTRY));
	if (!root[0])
		find_root();
	return attached;
}
