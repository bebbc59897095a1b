#!/bin/sh
# lint-tls.sh - one thread-local word, its address never kept.
#
#	tests/lint-tls.sh file [objdump]
#
# A goroutine may go on upon another thread, and a compiler may keep the
# address of a thread-local variable over the switch.  So the library has none
# that a compiler knows of, and whoever looks at the thread's register (%fs,
# tpidr_el0) does it in one piece with the offset of arch_word, as arch_self
# and arch_self_set are written, or is reader_here, which calls nothing:
#
#	x86-64     mov arch_word@gottpoff(%rip), %r; mov %fs:(%r), %r
#	aarch64    mrs tpidr_el0; adrp, ldr :gottprel:arch_word; ldr
#
# The stack protector's word, %fs:0x28, is the same in every thread.
set -u
"${2:-objdump}" -dr --no-show-raw-insn "$1" | awk '
function wrong(what) {
	print name ": " what
	bad = 1
}
/^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name); next }
name == "reader_here" { if (/\t(call|bl)/) wrong($0); next }
/__tls_get_addr|tlsdesc|TPOFF|TLS/ && !/arch_word/ { wrong($0) }
/\t[0-9a-f]+: R_/ { word = /arch_word/; next }
/%fs:0x28/ { next }
/%fs:/ { if (word) seen++; else wrong($0) }
wants && /^ *[0-9a-f]+:/ { if (!/adrp/) wrong("tpidr_el0, then" $0); wants = 0 }
/tpidr_el0/ { seen++; wants = 1 }
/^ *[0-9a-f]+:/ { word = 0 }
END {
	if (!seen) wrong("no access seen")
	exit bad
}'
