package stablehlo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// cpuTargets are the custom calls that JAX 0.10.2 writes for platform "cpu", of jax.numpy, jax.lax, jax.scipy, jax.random and jax.experimental.sparse:
// those of jaxlib's LAPACK and sparse kernels, and those in the sources of jax/_src. A star stands for the letters s, d, c and z.
var cpuTargets = []struct{ names, reason string }{
	{"lapack_*getrf_ffi lapack_*geqrf_ffi lapack_*orgqr_ffi lapack_*ungqr_ffi lapack_*ormqr_ffi lapack_*unmqr_ffi lapack_*potrf_ffi lapack_*gesdd_ffi lapack_*gesvd_ffi lapack_*syevd_ffi " +
		"lapack_*heevd_ffi lapack_*geev_ffi lapack_*gehrd_ffi lapack_*trsm_ffi lapack_*gtsv_ffi", ""},
	{"shape_assertion Sharding SPMDFullToShardShape SPMDShardToFullShape LayoutConstraint annotate_device_placement ApproxTopK mhlo.erf " +
		"stablehlo.dynamic_reduce_window stablehlo.dynamic_top_k", ""},
	{"lapack_*gees_ffi", "a Schur decomposition"},
	{"lapack_*geqp3_ffi lapack_*sytrd_ffi lapack_*hetrd_ffi", "a routine of LAPACK's that Quire has no function for"},
	{"tridiagonal_solve_perturbed_ffi", "export lax.linalg.tridiagonal_solve"},
	{"cpu_csr_sparse_dense_ffi", "export with a dense one"},
	{"stablehlo.dynamic_rng_bit_generator stablehlo.dynamic_approx_top_k", "that the text leaves open"},
	{"AllocateBuffer CreateBuffer Pin Unpin", "export a function that returns what it changes"},
	{"xla_python_cpu_callback xla_ffi_python_cpu_callback xla_ffi_partitioned_python_cpu_callback xla_buffer_python_cpu_callback", "a function of the exporting process"},
}

// TestCustomCalls: each of them is read, or refused by a sentence that says what to do. What is read has values in TestExports.
func TestCustomCalls(t *testing.T) {
	for _, c := range cpuTargets {
		for _, name := range strings.Fields(c.names) {
			for _, letter := range "sdcz" {
				target := strings.Replace(name, "*", string(letter), 1)
				_, err := Read(fmt.Sprintf("func.func @main(%%x: tensor<3xi32>) -> tensor<3xi32> {\n%%0 = stablehlo.custom_call @%s(%%x) : (tensor<3xi32>) -> tensor<3xi32>\nreturn %%0 : tensor<3xi32>\n}", target))
				unknown := err != nil && strings.Contains(err.Error(), fmt.Sprintf("(target %q) is not known", target))
				assert.False(t, BrokeDown(err), target)
				if c.reason == "" {
					_, library := libraries[target]
					_, plain := named[target]
					assert.True(t, library || plain, "%s is not read: %v", target, err)
					continue
				}
				assert.True(t, unknown, "%s: %v", target, err)
				assert.ErrorContains(t, err, c.reason, target)
			}
		}
	}
}
