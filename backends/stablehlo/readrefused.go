package stablehlo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/names"
)

// Operations that Quire knows and does not take, with the reason.

func init() {
	const (
		others = "it speaks with other devices in a way that Quire does not read: export the function without it"
		host   = "it speaks with the host while the program runs: export the function without callbacks and debugging prints"
		bits   = "its random numbers are the compiler's own, and would be others here: export with a generator of JAX's (jax_default_prng_impl=threefry2x32 or rbg)"
		old    = "it is deprecated, and StableHLO's tools write it by other operations (stablehlo-opt --stablehlo-legalize-deprecated-ops)"
	)
	for reason, names := range map[string]string{
		others: "async_done async_start collective_reduce recv send",
		host:   "infeed outfeed",
		bits:   "rng",
		old:    "broadcast cross-replica-sum einsum torch_index_select unary_einsum",
	} {
		for _, name := range strings.Fields(names) {
			refuse("stablehlo."+name, reason)
		}
	}
}

// refused holds the reasons by operation.
var refused = map[string]string{}

// refuse makes an operation an error that says why.
func refuse(name, reason string) { refused[name] = reason }

// customTargets are reasons for custom calls, by how the name of what is called begins.
var customTargets = []struct{ prefix, reason string }{
	{"lapack_sgees", schur}, {"lapack_dgees", schur}, {"lapack_cgees", schur}, {"lapack_zgees", schur},
	{"lapack_", "a routine of LAPACK's that Quire has no function for: it has those of LU, QR, Hessenberg form, Cholesky, SVD, eigenvalues, triangular and tridiagonal systems"},
	{"cusolver_", "a linear algebra routine of the GPU's: export for the platform \"cpu\" or \"tpu\", whose routines are read (jax.export.export(f, platforms=[\"cpu\"]))"},
	{"xla_ffi_python_", "a function of the exporting process, which is not in the text"},
	{"xla_python_", "a function of the exporting process, which is not in the text"},
	{"__gpu$xla.gpu.triton", "a kernel of the GPU's: export without Pallas and Triton kernels"},
	{"tridiagonal_solve_perturbed_ffi", "a tridiagonal system that is changed where it is singular: export lax.linalg.tridiagonal_solve, which is read"},
	{"cpu_csr_sparse_dense", "a product with a sparse matrix: export with a dense one"},
	{"stablehlo.dynamic_rng_bit_generator", "random bits of a shape that the text leaves open: export for a shape, or with JAX's default generator"},
	{"stablehlo.dynamic_approx_top_k", "a number of largest elements that the text leaves open: export for a number"},
	{"AllocateBuffer", buffers}, {"CreateBuffer", buffers}, {"Pin", buffers}, {"Unpin", buffers},
	{"xla_ffi_partitioned_python", "a function of the exporting process, which is not in the text"},
	{"xla_buffer_python", "a function of the exporting process, which is not in the text"},
	{"tpu_custom_call", "a kernel of the TPU's: export without Pallas kernels"},
}

const buffers = "memory that is written to, which jax.new_ref makes: export a function that returns what it changes"

const schur = "a Schur decomposition, which Quire has no function for: export eigenvalues (jnp.linalg.eig), or compute with what they make"

// structure are the operations that a text is made of, which compute nothing.
var structure = map[string]bool{
	"module": true, "builtin.module": true, "func.func": true, "func.return": true, "return": true, "func.call": true, "call": true,
	"stablehlo.return": true, "sdy.return": true, "sdy.mesh": true,
}

// cannotRead says why an operation is not read, "" if it is.
func cannotRead(name string) string {
	_, known := rules[name]
	switch reason := refused[name]; {
	case reason != "":
		return fmt.Sprintf("op %q: %s", name, reason)
	case known || structure[name] || flattened[name]:
		return ""
	}
	text := name + " is not an op that Read knows"
	if near := nearest(name); len(near) > 0 {
		text += " (known: " + strings.Join(near, ", ") + ")"
	}
	return text
}

// nearest returns the names of operations that are spelled most like one that is not known, at most three.
func nearest(name string) (list []string) {
	best := 1 + len(name)/4 // more letters than that are another word
	for _, known := range slices.Sorted(maps.Keys(rules)) {
		switch d := names.Distance(name, known); {
		case d < best:
			best, list = d, []string{known}
		case d == best && len(list) < 3:
			list = append(list, known)
		}
	}
	return list
}
