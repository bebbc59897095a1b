# leat-gdb.py - goroutines and channels for gdb, of a process or of its core file.
#
#	(gdb) source leat-gdb.py
#	(gdb) info goroutines           all, with what each does, and where
#	(gdb) goroutine 7 bt            a command on the stack of goroutine 7
#	(gdb) goroutine all bt          the same for each
#	(gdb) info channel c            buffer and queues of a channel
#
# What runs is a thread of gdb's, which is selected for the command.  What waits has
# no thread: its saved registers are given to gdb's unwinder as those of the caller
# of the innermost frame of the current thread.  Nothing is written, neither to the
# process nor to its registers, so a core file will do: the kernel's.  That of gcore
# lacks stacks where their guards are not mappings of their own (Linux 6.13 and
# later).

import re

import gdb
import gdb.unwinder

SHUT = 8  # CHAN_SHUT
DEAD, RUNNABLE, RUNNING, WAITING = range(4)
OURS = re.compile(r"(^|/)(core|sync|arch)/[^/]+(/[^/]+)?\.[chS]$")
REGISTERS = {"x86": ("rip", "rsp", "rbp"), "aarch64": ("pc", "sp", "x29")}


def static(name, field):
    """The library's static variable of that name that has such a field."""
    for symbol in gdb.lookup_static_symbols(name):
        value = symbol.value()
        kind = value.type.strip_typedefs()
        if kind.code == gdb.TYPE_CODE_ARRAY and not field:
            return value
        if kind.code == gdb.TYPE_CODE_STRUCT and any(
            f.name == field for f in kind.fields()
        ):
            return value
    raise gdb.GdbError("libleat has no debugging information here")


def plain(value):
    """An _Atomic as what it holds."""
    return value.cast(value.type.unqualified())


def machines():
    """All Ms: threads that run goroutines."""
    chunk = static("pool", "chunks")["chunks"]
    while chunk:
        ms = chunk["m"]
        for i in range(ms.type.range()[1] + 1):
            yield ms[i]
        chunk = chunk["next"]


class Goroutine:
    def __init__(self, g):
        self.g = g
        self.id = int(g["id"])
        self.state = int(g["state"])

    def what(self):
        if self.state == RUNNABLE:
            return "runnable"
        if self.state == RUNNING:
            return "running"
        return static("reasons", None)[int(self.g["reason"])].string()

    def name(self):
        return self.g["name"].string() if self.g["name"] else ""

    def thread(self):
        """gdb's thread that runs it, or None."""
        for m in machines():
            if int(m["tid"]) and m["g"] == self.g.address:
                return thread_of(int(m["tid"]))
        return None

    def fresh(self):
        """It has not run yet: there is no stack."""
        return not self.g["stack"]

    def saved(self):
        ctx = self.g["ctx"]
        return ctx["pc"], ctx["sp"], ctx["fp"]


def thread_of(tid):
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == tid:
            return thread
    return None


def goroutines():
    everything = static("all", "chunk")
    for i in range(int(everything["chunks"])):
        chunk = plain(everything["chunk"][i])
        for k in range(4096):
            if int(chunk[k]["state"]) != DEAD:
                yield Goroutine(chunk[k])


def goroutine(number):
    for it in goroutines():
        if it.id == number:
            return it
    raise gdb.GdbError("there is no goroutine %d" % number)


class Frame:
    """What names a frame to gdb."""

    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class SavedContext(gdb.unwinder.Unwinder):
    """The caller of the newest frame is what has been saved."""

    def __init__(self):
        super().__init__("leat goroutine")
        self.saved = None

    def __call__(self, pending):
        if not self.saved:
            return None
        for family, names in REGISTERS.items():
            if family in pending.architecture().name():
                break
        sp = pending.read_register(names[1])
        if self.newest is None:
            self.newest = int(sp)
        if int(sp) != self.newest:
            return None
        info = pending.create_unwind_info(
            Frame(sp, pending.read_register(names[0]))
        )
        for name, value in zip(names, self.saved):
            kind = pending.read_register(name).type
            info.add_saved_register(name, value.cast(kind))
        return info

    def use(self, saved):
        self.saved = saved
        self.newest = None
        gdb.invalidate_cached_frames()


unwinder = SavedContext()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def first_saved():
    """The frame that has been saved, and how many come before it: the newest of
    the thread, with what is inlined there."""
    frame, n = gdb.newest_frame(), 1
    while frame.type() == gdb.INLINE_FRAME:
        frame, n = frame.older(), n + 1
    return frame.older(), n


def renumbered(text, n):
    """A backtrace without its first n frames, which are another's."""
    frames = re.split(r"(?m)^#(?=\d)", text)[1 + n:]
    for i, frame in enumerate(frames):
        frames[i] = "#%-3d" % i + re.sub(r"^\d+\s+", "", frame)
    return "".join(frames)


def on_saved(it, command):
    unwinder.use(it.saved())
    try:
        frame, n = first_saved()
        if re.match(r"(bt|backtrace|where)\b", command):
            text = gdb.execute(command, to_string=True)
            print(renumbered(text, n), end="")
        else:
            frame.select()
            gdb.execute(command)
    finally:
        unwinder.use(None)


def on_thread(thread, command):
    before = gdb.selected_thread()
    thread.switch()
    try:
        gdb.execute(command)
    finally:
        before.switch()


def on(it, command):
    thread = it.thread() if it.state == RUNNING else None
    if thread:
        on_thread(thread, command)
    elif it.fresh():
        print("has not run yet: %s" % it.g["call"]["fn"])
    else:
        on_saved(it, command)


def place():
    """Of the selected frame's callers, the first that is not the library's."""
    frame = gdb.selected_frame()
    while frame:
        at = frame.find_sal()
        file = at.symtab.filename if at.symtab else None
        if frame.name() and file and not OURS.search(file):
            return "%s () at %s:%d" % (frame.name(), file, at.line)
        frame = frame.older()
    return "?"


class LeatWhere(gdb.Command):
    """Where in the program is the selected frame?  Used by `info goroutines'."""

    def __init__(self):
        super().__init__("leat-where", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        print(place())


class InfoGoroutines(gdb.Command):
    """All goroutines: number, what each does or waits for, and where."""

    def __init__(self):
        super().__init__("info goroutines", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for it in goroutines():
            name = " (%s)" % it.name() if it.name() else ""
            mark = "*" if it.state == RUNNING else " "
            print("%s %-4d%s [%s] " % (mark, it.id, name, it.what()), end="")
            try:
                on(it, "leat-where")
            except gdb.error as e:
                print(e)


class OneGoroutine(gdb.Command):
    """Run a command on the stack of a goroutine: goroutine N|all COMMAND"""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        number, _, command = argument.partition(" ")
        if number == "all" and command:
            for it in goroutines():
                print("\ngoroutine %d [%s]:" % (it.id, it.what()))
                on(it, command)
        elif number.isdigit() and command:
            on(goroutine(int(number)), command)
        else:
            raise gdb.GdbError("goroutine N|all COMMAND")


def queue(q):
    """The goroutines in a channel's queue."""
    party = q["first"]
    while party:
        who = party["who"]["g"]
        text = "goroutine %d" % int(who["id"]) if who else "a thread"
        yield text + (" (select)" if party["choice"] else "")
        party = party["next"]


class InfoChannel(gdb.Command):
    """The buffer and the queues of a channel: info channel EXPRESSION"""

    def __init__(self):
        super().__init__("info channel", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        kind = gdb.lookup_type("struct leat_chan_").pointer()
        c = gdb.parse_and_eval(argument).cast(kind)
        if not c:
            print("nil channel")
            return
        ring = c["ring"]
        lap, cap = int(ring["lap"]), int(ring["cap"])
        shut = int(c["word"]) & SHUT
        print("channel %#x%s" % (int(c), ", closed" if shut else ""))
        if cap:
            tail, head = int(ring["tail"]) & ~(1 << 63), int(ring["head"])
            laps = tail // lap - head // lap
            count = laps * cap + tail % lap - head % lap
            print("  buffer: %d of %d, each of %d bytes"
                  % (count, cap, int(ring["size"])))
            print("  sendx: %d, recvx: %d" % (tail % lap, head % lap))
        else:
            print("  no buffer, elements of %d bytes" % int(ring["size"]))
        for name in "sendq", "recvq":
            print("  %s: %s" % (name, ", ".join(queue(c[name])) or "empty"))


LeatWhere()
InfoGoroutines()
OneGoroutine()
InfoChannel()
