package stablehlo

import (
	"strings"

	"github.com/quire-ml/quire/graph"
)

// Operations that Quire knows and does not take, with the reason.

func init() {
	const (
		others = "it speaks with other devices, and a program read here runs on one: export the function without pmap and shard_map"
		host   = "it speaks with the host while the program runs: export the function without callbacks and debugging prints"
		bits   = "its random bits are the compiler's own, and would be others here: export with JAX's default generator (jax_default_prng_impl=threefry2x32), which is written in integer arithmetic"
	)
	for reason, names := range map[string]string{
		others: "all_gather all_reduce all_to_all collective_broadcast collective_permute partition_id recv reduce_scatter replica_id send",
		host:   "infeed outfeed",
		bits:   "rng rng_bit_generator",
		"Quire has no quantised types: export the model in floats": "uniform_quantize uniform_dequantize",
	} {
		for _, name := range strings.Fields(names) {
			refuse("stablehlo."+name, reason)
		}
	}
	for _, name := range []string{"bessel_i1e", "next_after"} {
		refuse("chlo."+name, "Quire has no op for it, nor ops to make it of")
	}
	refuse("chlo.ragged_dot", "Quire's products are of groups of one size: export with a loop over the groups")
}

// refuse makes an operation an error that says why.
func refuse(name, reason string) {
	rules[name] = rule{-1, true, func(c *reading) []*graph.Node {
		c.fail("%s", reason)
		return nil
	}}
}

// customTargets are reasons for custom calls, by how the name of what is called begins.
var customTargets = []struct{ prefix, reason string }{
	{"lapack_", "a linear algebra routine of the CPU's: export for the platform \"tpu\", whose texts hold operations instead (jax.export.export(f, platforms=[\"tpu\"]))"},
	{"cusolver_", "a linear algebra routine of the GPU's: export for the platform \"tpu\", whose texts hold operations instead (jax.export.export(f, platforms=[\"tpu\"]))"},
	{"xla_ffi_python_", "a function of the exporting process, which is not in the text"},
	{"xla_python_", "a function of the exporting process, which is not in the text"},
	{"__gpu$xla.gpu.triton", "a kernel of the GPU's: export without Pallas and Triton kernels"},
	{"tpu_custom_call", "a kernel of the TPU's: export without Pallas kernels"},
}
