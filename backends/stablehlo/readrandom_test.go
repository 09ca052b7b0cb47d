package stablehlo_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/random/rbg"
	"github.com/quire-ml/quire/graph/shapes"
)

// A text's random bits are those of package rbg, which are JAX's: in both forms, and for each algorithm.
func TestRandomBitsOfTexts(t *testing.T) {
	for _, form := range []string{
		`%%1, %%2 = stablehlo.rng_bit_generator %%s, algorithm = %s : (tensor<2xui64>) -> (tensor<2xui64>, tensor<2x3xui32>)`,
		`%%1, %%2 = "stablehlo.rng_bit_generator"(%%s) {rng_algorithm = #stablehlo<rng_algorithm %s>} : (tensor<2xui64>) -> (tensor<2xui64>, tensor<2x3xui32>)`,
	} {
		for _, a := range []rbg.Algorithm{rbg.Default, rbg.Philox, rbg.ThreeFry} {
			text := "func.func @main(%s: tensor<2xui64>) -> (tensor<2xui64>, tensor<2x3xui32>) {\n" + fmt.Sprintf(form, a) + "\nreturn %1, %2 : tensor<2xui64>, tensor<2x3xui32>\n}"
			m, err := stablehlo.Read(text)
			require.NoError(t, err)
			state := []uint64{12345, 1<<64 - 2}
			got, err := graph.CallOnceN(gocpu.New(), func(x []*graph.Node) []*graph.Node { return m.Main().Call(x...) }, state)
			require.NoError(t, err)
			want, err := graph.CallOnceN(gocpu.New(), func(x []*graph.Node) []*graph.Node {
				next, bits := rbg.Generate(a, x[0], shapes.Make(dtypes.Uint32, 2, 3))
				return []*graph.Node{next, bits}
			}, state)
			require.NoError(t, err)
			require.True(t, got[0].Equal(want[0]) && got[1].Equal(want[1]), "%s: %s, want %s", a, got, want)
		}
	}
}
