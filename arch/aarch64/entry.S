/*
 * entry.S - the bottom of a stack and the thread's word, on AArch64.
 *
 *	top ->  ---------------------
 *	        x30 = in arch_start        fn's frame record: the last link
 *	        x29 = 0
 *	        fn's locals
 *
 * Unwinding ends in arch_start, by the rule "no return address" and by the
 * zero in x29.  A fresh context begins past the nop, because unwinders look up
 * a saved pc minus one, and that shall be arch_start too.
 *
 * Every entry that an indirect branch may reach is a bti c, and the file says
 * so in its property note; without the note the linker would withdraw it from
 * the whole program.  Of a function here that has a frame of its own none is left
 * by a return address in it, so there is none to sign, and the note says that too.
 */
	.text

	.globl	arch_start
	.hidden	arch_start
	.hidden	arch_begin
	.hidden	arch_end
	.type	arch_start, %function
	.p2align 4
arch_start:
	.cfi_startproc
	.cfi_undefined x30
	nop
	hint	#34			/* bti c */
	bl	arch_begin		/* x0 is with */
	ldr	x9, [x0]		/* struct arch_call: fn, arg[6] */
	ldp	x4, x5, [x0, #40]
	ldp	x2, x3, [x0, #24]
	ldp	x0, x1, [x0, #8]
	blr	x9
	/* Not bl: whoever goes on after the switch in there returns by a call
	 * of its own, which the predictor would find below ours. */
	adr	x30, 1f
	b	arch_end
1:	brk	#1			/* arch_end returned */
	.cfi_endproc
	.size	arch_start, . - arch_start

	.globl	arch_self_set
	.hidden	arch_self_set
	.type	arch_self_set, %function
	.p2align 4
arch_self_set:
	.cfi_startproc
	hint	#34			/* bti c */
	mrs	x2, tpidr_el0
	adrp	x1, :gottprel:arch_word
	ldr	x1, [x1, #:gottprel_lo12:arch_word]
	str	x0, [x2, x1]
	ret
	.cfi_endproc
	.size	arch_self_set, . - arch_self_set

/* leat_recoverable: keep what a function may change only if it puts it back, and
 * return 0; arch_jump returns 1 from there once more.  The frame: sp, pc, x19 to
 * x29, d8 to d15.  The return address is kept in memory here, unsigned, as
 * setjmp's is; a caller that signs its own does that in its own frame. */
	.globl	leat_frame_enter_
	.type	leat_frame_enter_, %function
	.p2align 4
leat_frame_enter_:
	.cfi_startproc
	hint	#34			/* bti c */
	mov	x2, sp
	stp	x2, x30, [x0]
	stp	x19, x20, [x0, #16]
	stp	x21, x22, [x0, #32]
	stp	x23, x24, [x0, #48]
	stp	x25, x26, [x0, #64]
	stp	x27, x28, [x0, #80]
	stp	x29, xzr, [x0, #96]
	stp	d8, d9, [x0, #112]
	stp	d10, d11, [x0, #128]
	stp	d12, d13, [x0, #144]
	stp	d14, d15, [x0, #160]
	mov	w0, #0
	ret
	.cfi_endproc
	.size	leat_frame_enter_, . - leat_frame_enter_

	.globl	arch_jump
	.hidden	arch_jump
	.type	arch_jump, %function
	.p2align 4
arch_jump:
	.cfi_startproc
	hint	#34			/* bti c */
	ldp	x2, x30, [x0]
	ldp	x19, x20, [x0, #16]
	ldp	x21, x22, [x0, #32]
	ldp	x23, x24, [x0, #48]
	ldp	x25, x26, [x0, #64]
	ldp	x27, x28, [x0, #80]
	ldr	x29, [x0, #96]
	ldp	d8, d9, [x0, #112]
	ldp	d10, d11, [x0, #128]
	ldp	d12, d13, [x0, #144]
	ldp	d14, d15, [x0, #160]
	mov	sp, x2
	mov	w0, #1
	ret				/* not br: no landing pad is needed */
	.cfi_endproc
	.size	arch_jump, . - arch_jump

	.section .tbss, "awT", %nobits
	.p2align 3
	.globl	arch_word		/* context.h reads it */
	.hidden	arch_word
	.type	arch_word, %object
	.size	arch_word, 8
arch_word:
	.zero	8

	.section .note.gnu.property, "a", %note
	.p2align 3
	.long	4, 16, 5		/* name, descriptor, PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000000, 4, 3, 0	/* AARCH64_FEATURE_1_AND: BTI, PAC */

	.section .note.GNU-stack, "", %progbits
