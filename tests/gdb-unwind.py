# gdb-unwind.py - step through gdb-unwind.c; every instruction must unwind.
#
# Run by gdb.  Prints one line per wrong instruction and "N right, N wrong".
#
#	whole         the chain of callers is one of WHOLE or IN_FLIGHT
#	seen          each of those occurs
#	kept          the register that visit and trip keep is found in their
#	              frames wherever somebody runs above them

import os

import gdb

# Outermost first.
WHOLE = [
    "main", "main visit", "main visit hop",
    "arch_start", "arch_start arch_begin", "arch_start trip",
    "arch_start trip back", "arch_start arch_end",
]

# Between the two stacks: who leaves, on top of where it goes.
IN_FLIGHT = [
    "arch_start hop", "main visit hop back", "arch_start trip back hop",
    "main visit hop arch_end",
]

KEPT = {"visit": 0x5157, "trip": 0x7219}
STEPS = 1000


def callers():
    """The frames of functions, innermost first; inlined ones belong to them."""
    frame = gdb.newest_frame()
    while frame:
        if frame.type() != gdb.INLINE_FRAME:
            yield frame
        frame = frame.older()


def wrong_in(frames, names):
    chain = " ".join(reversed(names))
    if chain not in WHOLE + IN_FLIGHT:
        return chain
    for frame, name in list(zip(frames, names))[1:]:
        if name in KEPT:
            value = int(frame.read_register(register))
            if value != KEPT[name]:
                return "%s: %s is %#x in %s" % (chain, register, value, name)
    seen.add(chain)
    return None


def step():
    """Whether the next instruction unwinds as it should."""
    try:
        frames = list(callers())
        names = [f.name() or "?" for f in frames]
        what = wrong_in(frames, names)
    except gdb.error as e:
        what = str(e)
    if what:
        pc = gdb.selected_frame().pc()
        print("wrong at %#x: %s" % (pc, what))
    return not what


def done():
    return gdb.selected_frame().name() == "end_steps"


gdb.execute("set confirm off")
gdb.execute("set pagination off")
gdb.execute("set backtrace limit 20")
seen = set()
right = wrong = 0

gdb.execute("break begin_steps")
if os.environ.get("UNWIND_TARGET"):
    gdb.execute("target remote " + os.environ["UNWIND_TARGET"])
    gdb.execute("continue")
else:
    gdb.execute("run")
gdb.execute("finish")
arch = gdb.selected_frame().architecture().name()
register = "x19" if "aarch64" in arch else "rbx"
for _ in range(STEPS):
    if step():
        right += 1
    else:
        wrong += 1
    gdb.execute("stepi", to_string=True)
    if done():
        break
else:
    print("wrong: no end after %d instructions" % STEPS)
    wrong += 1
for chain in WHOLE + IN_FLIGHT:
    if chain not in seen:
        print("wrong: never seen: " + chain)
        wrong += 1
print("%d right, %d wrong" % (right, wrong))
gdb.execute("kill")
gdb.execute("quit")
