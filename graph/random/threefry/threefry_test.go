package threefry_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/random/threefry"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Keys, bits and uniform numbers are JAX's to the bit; normal ones differ by the rounding of erf⁻¹, of which JAX has another polynomial.
func TestNumbersAreThoseOfJAX(t *testing.T) {
	text, err := os.ReadFile("testdata/jax.json")
	require.NoError(t, err)
	var file struct {
		Cases []struct {
			Fn, Seed, DType string
			Out             []string
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	require.NotEmpty(t, file.Cases)
	for _, c := range file.Cases {
		seed, err := strconv.ParseUint(c.Seed, 10, 64)
		require.NoError(t, err)
		d, _ := dtypes.Parse(c.DType)
		shape := shapes.Make(d, 3, 5)
		made := func(g *graph.Graph) *graph.Node {
			key := threefry.Key(g, seed)
			switch c.Fn {
			case "split":
				return graph.Concatenate(threefry.Split(key, 5), 0)
			case "fold_in":
				return threefry.FoldIn(key, graph.Const(g, int32(7)))
			case "bits":
				return threefry.Bits(key, shape)
			case "uniform":
				return threefry.Uniform(key, shape)
			}
			return threefry.Normal(key, shape)
		}
		for _, b := range []ir.Backend{graphtest.Reference(), gocpu.New()} {
			name := fmt.Sprintf("%s of %s, %s, on %s", c.Fn, c.Seed, c.DType, b.Name())
			got, err := graph.CallOnce(b, made)
			require.NoError(t, err, name)
			if !dtypes.Floats.Has(got.DType()) {
				wide, err := got.ConvertDType(dtypes.Uint64)
				require.NoError(t, err)
				for i, v := range tensors.MustCopyFlatData[uint64](wide) {
					require.Equal(t, c.Out[i], strconv.FormatUint(v, 10), "%s: %d", name, i)
				}
				continue
			}
			values := make([]float64, len(c.Out))
			for i, s := range c.Out {
				values[i], err = strconv.ParseFloat(s, 64)
				require.NoError(t, err)
			}
			want, err := tensors.FromFlatDataAndDimensions(values, 3, 5).ConvertDType(d)
			require.NoError(t, err)
			tolerance := ir.Tolerance{}
			if c.Fn == "normal" {
				tolerance = ir.ULP(16, "another polynomial")
			}
			require.NoError(t, graphtest.Diff(got, want, tolerance), name)
		}
	}
}

func TestWhatIsNoKey(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	for want, fn := range map[string]func(){
		"threefry.Split: a key is a uint32[2], not uint64[3]: see threefry.Key":          func() { threefry.Split(graph.Const(g, []uint64{1, 2, 3}), 2) },
		"threefry.Bits: a key is a uint32[2], not nil: see threefry.Key":                 func() { threefry.Bits(nil, shapes.Make(dtypes.Uint32, 2)) },
		"threefry.Bits: the shape of the bits, float32[2], is none of unsigned integers": func() { threefry.Bits(threefry.Key(g, 1), shapes.Make(dtypes.Float32, 2)) },
		"threefry.FoldIn: the number that is folded in must be an integer scalar":        func() { threefry.FoldIn(threefry.Key(g, 1), graph.Const(g, 1.5)) },
	} {
		require.ErrorContains(t, graph.Catch(fn), want)
	}
}
