/*
 * entry.S - the bottom of a stack and the thread's word, on x86-64.
 *
 *	top ->  ---------------------
 *	        return to arch_start       pushed by its calls
 *	        rbp = 0                    fn's frame: the last link
 *	        fn's locals
 *
 * Unwinding ends in arch_start, by the rule "no return address" and by the
 * zero in rbp.  A fresh context begins past the nop, because unwinders look up
 * a saved pc minus one, and that shall be arch_start too.
 *
 * Every entry that an indirect branch may reach is an endbr64, and the file
 * says so in its property note; without the note the linker would withdraw it
 * from the whole program.  It says nothing of shadow stacks.
 */
	.text

	.globl	arch_start
	.hidden	arch_start
	.hidden	arch_begin
	.hidden	arch_end
	.type	arch_start, @function
	.p2align 4
arch_start:
	.cfi_startproc
	.cfi_undefined %rip
	nopl	0(%rax)
	endbr64
	movq	%rax, %rdi		/* with */
	call	arch_begin
	movq	(%rax), %r11		/* struct arch_call: fn, arg[6] */
	movq	8(%rax), %rdi
	movq	16(%rax), %rsi
	movq	24(%rax), %rdx
	movq	32(%rax), %rcx
	movq	40(%rax), %r8
	movq	48(%rax), %r9
	xorl	%eax, %eax		/* no vector registers, if variadic */
	call	*%r11
	movq	%rax, %rdi
	/* Not call: whoever goes on after the switch in there returns by a call
	 * of its own, which the predictor would find below ours. */
	leaq	1f(%rip), %rax
	pushq	%rax
	jmp	arch_end
1:	ud2				/* arch_end returned */
	.cfi_endproc
	.size	arch_start, . - arch_start

	.globl	arch_self_set
	.hidden	arch_self_set
	.type	arch_self_set, @function
	.p2align 4
arch_self_set:
	.cfi_startproc
	endbr64
	movq	arch_word@gottpoff(%rip), %rax
	movq	%rdi, %fs:(%rax)
	ret
	.cfi_endproc
	.size	arch_self_set, . - arch_self_set

/* leat_recoverable: keep what a function may change only if it puts it back, and
 * return 0; arch_jump returns 1 from there once more.  The frame: sp as it is
 * then, pc, rbx, rbp, r12 to r15. */
	.globl	leat_frame_enter_
	.type	leat_frame_enter_, @function
	.p2align 4
leat_frame_enter_:
	.cfi_startproc
	endbr64
	movq	(%rsp), %rdx
	leaq	8(%rsp), %rcx
	movq	%rcx, (%rdi)
	movq	%rdx, 8(%rdi)
	movq	%rbx, 16(%rdi)
	movq	%rbp, 24(%rdi)
	movq	%r12, 32(%rdi)
	movq	%r13, 40(%rdi)
	movq	%r14, 48(%rdi)
	movq	%r15, 56(%rdi)
	xorl	%eax, %eax
	ret
	.cfi_endproc
	.size	leat_frame_enter_, . - leat_frame_enter_

	.globl	arch_jump
	.hidden	arch_jump
	.type	arch_jump, @function
	.p2align 4
arch_jump:
	.cfi_startproc
	endbr64
	movq	8(%rdi), %rdx
	.cfi_register %rip, %rdx
	movq	16(%rdi), %rbx
	movq	24(%rdi), %rbp
	movq	32(%rdi), %r12
	movq	40(%rdi), %r13
	movq	48(%rdi), %r14
	movq	56(%rdi), %r15
	movq	(%rdi), %rsp
	.cfi_def_cfa %rsp, 0
	movl	$1, %eax
	notrack jmp *%rdx
	.cfi_endproc
	.size	arch_jump, . - arch_jump

/* Where functions return that return elsewhere (core/dispatch.h); the name is
 * the compiler's. */
	.globl	__x86_return_thunk
	.hidden	__x86_return_thunk
	.type	__x86_return_thunk, @function
	.p2align 4
__x86_return_thunk:
	.cfi_startproc
	popq	%rcx
	.cfi_def_cfa_offset 0
	.cfi_register rip, rcx
	notrack jmp *%rcx
	.cfi_endproc
	.size	__x86_return_thunk, . - __x86_return_thunk

	.section .tbss, "awT", @nobits
	.p2align 3
	.globl	arch_word		/* context.h reads it */
	.hidden	arch_word
	.type	arch_word, @object
	.size	arch_word, 8
arch_word:
	.zero	8

	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4, 16, 5		/* name, descriptor, PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002, 4, 1, 0	/* X86_FEATURE_1_AND: IBT */

	.section .note.GNU-stack, "", @progbits
