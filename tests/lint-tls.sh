#!/bin/sh
# lint-tls.sh - one thread-local word, behind arch_self and arch_self_set.
#
#	tests/lint-tls.sh file [objdump]
#
# A goroutine may go on upon another thread, and a compiler may keep the
# address of a thread-local variable over the switch.  So no other function of
# the library, as compiled, may look at the thread's register (%fs, tpidr_el0)
# or ask for such an address.  The stack protector's word, %fs:0x28, is the
# same in every thread.
set -u
"${2:-objdump}" -dr --no-show-raw-insn "$1" | awk '
/^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name) }
/%fs:0x28/ { next }
/%fs:|tpidr_el0|__tls_get_addr|tlsdesc/ && !/^[0-9a-f]+ </ {
	if (name == "arch_self" || name == "arch_self_set") {
		seen[name] = 1
	} else {
		print name ": " $0
		bad = 1
	}
}
END {
	if (!("arch_self" in seen && "arch_self_set" in seen)) {
		print "arch_self or arch_self_set: no access seen"
		bad = 1
	}
	exit bad
}'
