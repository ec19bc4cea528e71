"""The census of machine code, on recorded assembly of both families of processors."""

import functools

import numpy as np
import pytest

from matbench.errors import KernelError
from matbench.kernels import Rung, kernel
from matbench.kernels.jit import njit
from matbench.kernels.machine_code import (
    Instruction,
    assembly,
    census,
    code_of,
    counted,
    hot_loop,
    instructions,
    why_no_assembly,
)
from matbench.model import Caches, Census

# numba_ikj_fma for a processor with AVX-512, cut down to its loops.
X86 = """
_ZN8matbench7kernels11numba_loops:
	subq	$72, %rsp
	movq	%rdi, 40(%rsp)
.LBB0_5:
	movq	%rax, 16(%rsp)
	vmulsd	(%r13), %xmm1, %xmm1
.LBB0_31:
	vmovupd	-96(%rsi,%r8,8), %ymm2
	vfmadd213pd	-96(%r13,%r8,8), %ymm1, %ymm2
	vfmadd213pd	-64(%r13,%r8,8), %ymm1, %ymm3
	vmovupd	%ymm2, -96(%r13,%r8,8)
	addq	$16, %r8
	cmpq	%r8, %r9
	jne	.LBB0_31
	je	.LBB0_42
.LBB0_39:
	vmovsd	(%rdx,%r8,8), %xmm1
	vfmadd213sd	(%r12,%r8,8), %xmm0, %xmm1
	vaddsd	%xmm1, %xmm2, %xmm2
	incq	%r8
	jne	.LBB0_39
.LBB0_42:
	cmpq	%rax, 136(%rsp)
	jne	.LBB0_5
	retq
"""
# The same for an Arm core with NEON, as GNU's assembler has it; and Apple's way of writing the vector lines.
GNU = """
.LBB0_9:
	ldp	q1, q2, [x10, #-16]
	fmla	v3.2d, v1.2d, v0.d[0]
	fmla	v4.2d, v2.2d, v0.d[0]
	str	x8, [sp, #24]
	subs	x11, x11, #4
	b.ne	.LBB0_9
.LBB0_12:
	fmadd	d1, d2, d0, d1
	cbnz	x9, .LBB0_12
	ret
"""
APPLE = GNU.replace("v3.2d, v1.2d, v0.d[0]", "v3, v1, v0[0]").replace("v4.2d, v2.2d, v0.d[0]", "v4, v2, v0[0]")
APPLE = APPLE.replace("fmla", "fmla.2d").replace(".LBB", "LBB")


def test_the_hot_loop_is_the_innermost_that_does_most_an_iteration():
    lines = hot_loop(X86, "float64").splitlines()
    assert (lines[0], lines[-1].split()) == (".LBB0_31:", ["jne", ".LBB0_31"])


def test_the_census_of_a_loop_tells_vectors_from_single_elements():
    assert census(hot_loop(X86, "float64"), "float64") == Census(
        fused=2, packed=2, scalar=0, width=32, stack=0, work=16
    )
    assert census(X86, "float64") == Census(fused=3, packed=2, scalar=3, width=32, stack=3, work=20)


def test_elements_of_another_type_do_not_count():
    assert census(X86, "float32") == Census(fused=0, packed=0, scalar=0, width=0, stack=3, work=0)
    assert hot_loop(X86, "float32") == ""


@pytest.mark.parametrize("text", [GNU, APPLE], ids=["GNU", "Apple"])
def test_arm_is_read_in_either_spelling(text):
    assert census(hot_loop(text, "float64"), "float64") == Census(
        fused=2, packed=2, scalar=0, width=16, stack=1, work=8
    )
    assert census(text, "float64").scalar == 1


def test_an_outer_loop_is_not_hot_however_much_arithmetic_it_has():
    outer = ".LBB0_1:\n" + "\tvmulpd\t%zmm1, %zmm2, %zmm3\n" * 9
    inner = ".LBB0_2:\n\tvaddsd\t%xmm1, %xmm2, %xmm2\n\tjne\t.LBB0_2\n"
    assert hot_loop(f"{outer}{inner}\tjne\t.LBB0_1\n", "float64").startswith(".LBB0_2:")


def test_of_equal_loops_the_shorter_is_taken():
    work = "\tvaddpd\t%zmm1, %zmm2, %zmm2\n"
    long = f".LBB0_1:\n{work}\tmovq\t8(%rsp), %rax\n\tjne\t.LBB0_1\n"
    short = f".LBB0_2:\n{work}\tjne\t.LBB0_2\n"
    assert hot_loop(long + short, "float64") == short.rstrip()


@pytest.mark.parametrize(
    ("line", "dtype", "told"),
    [
        ("vmulpd  (%rax,%rcx,8), %ymm0, %ymm1", "float64", ("multiply", True, 8, 32)),
        ("mulps %xmm1, %xmm0", "float32", ("multiply", True, 4, 16)),
        ("vaddsd  %xmm1, %xmm2, %xmm2", "float64", ("add", False, 8, 16)),
        ("vfnmadd231ss  %xmm3, %xmm4, %xmm5", "float32", ("multiply-add", False, 4, 16)),
        ("vfmadd231pd (%rax){1to8}, %zmm31, %zmm5", "float64", ("multiply-add", True, 8, 64)),
        ("vsubpd %ymm1, %ymm2, %ymm2", "float64", ("add", True, 8, 32)),
        ("vdivsd %xmm1, %xmm2, %xmm2", "float64", ("multiply", False, 8, 16)),
        ("vpaddq %zmm1, %zmm2, %zmm2", "int64", ("add", True, 8, 64)),
        ("vpmullq %ymm1, %ymm2, %ymm2", "int64", ("multiply", True, 8, 32)),
        ("imulq (%rax,%rcx,8), %rdx", "int64", ("multiply", False, 8, 8)),
        ("fmul v0.4s, v1.4s, v2.4s", "float32", ("multiply", True, 4, 16)),
        ("fadd d0, d1, d2", "float64", ("add", False, 8, 8)),
        ("fmad z0.d, p0/m, z1.d, z2.d", "float64", ("multiply-add", True, 8, 16)),
        ("madd x0, x1, x2, x3", "int64", ("multiply-add", False, 8, 8)),
        ("add v0.2d, v1.2d, v2.2d", "int64", ("add", True, 8, 16)),
    ],
)
def test_one_instruction_is_read(line, dtype, told):
    assert instructions(f"\t{line}", dtype) == (Instruction(*told),)


@pytest.mark.parametrize(
    ("line", "dtype"),
    [
        ("addq $8, %rax", "float64"),
        ("addq $8, %rax", "int64"),
        ("add x0, x1, #8", "int64"),
        ("vpaddd %ymm1, %ymm2, %ymm2", "int64"),
        ("vmovupd %ymm1, (%rax)", "float64"),
        ("vxorpd %xmm0, %xmm0, %xmm0", "float64"),
        ("fmov d0, xzr", "float64"),
        (".addpd", "float64"),
    ],
)
def test_what_moves_data_or_counts_addresses_is_no_arithmetic(line, dtype):
    assert instructions(f"\t{line}", dtype) == ()


def test_text_without_a_loop_has_no_hot_loop():
    assert hot_loop("", "float64") == ""
    assert hot_loop("\tvaddpd\t%zmm1, %zmm2, %zmm2\n\tjmp\t.LBB0_1\n", "float64") == ""
    assert census("", "float64") == Census(0, 0, 0, 0, 0, 0)


# -- whose code can be had ---------------------------------------------------------------------------------------------


@kernel("plain", rung=Rung.NUMPY, idea="any")
def plain(a, b, out):
    out[:] = a @ b


@kernel("foreign", rung=Rung.NUMBA, idea="any", compiled=True)
def foreign(a, b, out):
    out[:] = a @ b


@kernel("broken", rung=Rung.NUMBA, idea="any", compiled=True)
@njit(nogil=True)
def broken(a, b, out):
    out[:] = a.no_such_attribute @ b


@pytest.mark.parametrize(
    ("made", "dtype", "reason"),
    [
        (plain, "float64", "it is not compiled"),
        (foreign, "float64", "it was not compiled by Numba"),
    ],
)
def test_a_kernel_without_machine_code_of_its_own_says_why(made, dtype, reason):
    assert why_no_assembly(made, dtype, Caches()) == reason
    with pytest.raises(KernelError, match=f"{made.name} has no machine code to be shown: {reason}"):
        assembly(made, dtype, Caches())


def test_a_kernel_that_does_not_compile_is_told_in_one_line():
    with pytest.raises(KernelError, match=r"\Abroken can't be compiled for float64: .*no_such_attribute") as caught:
        assembly(broken, "float64", Caches())
    assert "\n" not in str(caught.value)


# -- what is stored with a measurement ---------------------------------------------------------------------------------


class Compiled:
    """What Numba makes of a function, as far as it is asked here."""

    def __init__(self, *signatures, error=None):
        self.signatures = signatures
        self.error = error

    def __call__(self):
        """Whatever it computes."""

    def inspect_asm(self, signature):
        if self.error is not None:
            raise self.error
        return {"first": X86, "second": GNU}[signature]


def test_the_code_of_a_function_is_that_of_its_first_version():
    found = code_of(Compiled("first", "second"), "float64")
    assert found == counted(X86, "float64")
    assert (found.loop.fused, found.whole.scalar) == (2, 3)


def test_a_function_that_serves_several_types_has_the_code_of_each():
    @njit
    def doubled(a):
        for i in range(a.size):
            a[i] = a[i] + a[i]

    doubled(np.ones(8))
    doubled(np.ones(8, np.float32))
    for signature, dtype, other in zip(doubled.signatures, ("float64", "float32"), ("float32", "float64"), strict=True):
        found = code_of(doubled, dtype)
        assert found == counted(doubled.inspect_asm(signature), dtype)
        assert found.whole.work > counted(doubled.inspect_asm(signature), other).whole.work
    assert code_of(doubled, "int64") is None


def test_a_wrapper_that_hands_over_arguments_has_the_code_of_what_it_calls():
    assert code_of(functools.partial(Compiled("second"), 1), "float64") == counted(GNU, "float64")


@pytest.mark.parametrize(
    "function",
    [
        print,
        Compiled(),
        Compiled("first", error=RuntimeError("Inspection disabled for cached code")),
        Compiled("first", error=ValueError("a stranger's")),
    ],
    ids=["python", "never called", "loaded", "strange"],
)
def test_what_was_not_compiled_here_has_no_code(function):
    assert code_of(function, "float64") is None
