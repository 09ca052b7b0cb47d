package rbg_test

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
	"github.com/quire-ml/quire/graph/random/rbg"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Keys, bits and uniform numbers are JAX's to the bit; normal ones differ by the rounding of erf⁻¹, of which JAX has another polynomial.
func TestNumbersAreThoseOfJAX(t *testing.T) {
	text, err := os.ReadFile("testdata/jax.json")
	require.NoError(t, err)
	var file struct {
		Cases []struct {
			Fn, Seed, DType, Algorithm string
			Out, State                 []string
			Dims                       []int
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	require.NotEmpty(t, file.Cases)
	number := func(s string) uint64 {
		v, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		return v
	}
	for _, c := range file.Cases {
		d, _ := dtypes.Parse(c.DType)
		shape := shapes.Make(d, c.Dims...)
		made := func(g *graph.Graph) *graph.Node {
			key := rbg.Key(g, number(c.Seed))
			switch c.Fn {
			case "key":
				return key
			case "split":
				return graph.Concatenate(rbg.Split(key, 5), 0)
			case "fold_in":
				return rbg.FoldIn(key, graph.Const(g, int32(7)))
			case "bits":
				return rbg.Bits(key, shape)
			case "uniform":
				return rbg.Uniform(key, shape)
			case "normal":
				return rbg.Normal(key, shape)
			}
			var state []uint64
			for _, s := range c.State {
				state = append(state, number(s))
			}
			next, bits := rbg.Generate(rbg.Algorithm(c.Algorithm), graph.Const(g, state), shape)
			return graph.Concatenate([]*graph.Node{next, graph.Reshape(graph.ConvertDType(bits, dtypes.Uint64), shape.Size())}, 0)
		}
		for _, b := range []ir.Backend{graphtest.Reference(), gocpu.New()} {
			name := fmt.Sprintf("%s of %s %s %v, %s%v, on %s", c.Fn, c.Seed, c.Algorithm, c.State, c.DType, c.Dims, b.Name())
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
			for i := range got.Size() {
				want, err := strconv.ParseFloat(c.Out[i], 64)
				require.NoError(t, err)
				off := 0.0
				if c.Fn == "normal" {
					off = 64 * dtypes.Epsilon(d)
				}
				require.InDelta(t, want, got.Float64At(i), off, "%s: %d", name, i)
			}
		}
	}
}

// A generator's signed integers are its unsigned ones, a state of three words counts past 64 bits, and nothing asks for no bits.
func TestBitsOfOtherShapes(t *testing.T) {
	out, err := graph.CallOnceN(gocpu.New(), func(g *graph.Graph) []*graph.Node {
		state := graph.Const(g, []uint64{3, 1<<64 - 1, 4})
		next, bits := rbg.Generate(rbg.Philox, state, shapes.Make(dtypes.Uint32, 8))
		_, signed := rbg.Generate(rbg.Default, state, shapes.Make(dtypes.Int32, 8))
		same, none := rbg.Generate(rbg.ThreeFry, graph.Const(g, []uint64{3, 4}), shapes.Make(dtypes.Uint16, 0, 2))
		return []*graph.Node{next, graph.ReduceLogicalAnd(graph.Equal(graph.Bitcast(bits, dtypes.Int32), signed)), same, none}
	})
	require.NoError(t, err)
	require.Equal(t, []uint64{3, 1, 5}, out[0].Value())
	require.Equal(t, true, out[1].Value())
	require.Equal(t, []uint64{3, 4}, out[2].Value())
	require.Zero(t, out[3].Size())
}

func TestWhatDoesNotFit(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	state, key := graph.Const(g, []uint64{1, 2}), rbg.Key(g, 1)
	u32 := shapes.Make(dtypes.Uint32, 2)
	for want, fn := range map[string]func(){
		`rbg.Generate: the algorithm "MT" is unknown: there are DEFAULT, PHILOX and THREE_FRY`: func() { rbg.Generate("MT", state, u32) },
		"rbg.Generate: the state is nil": func() { rbg.Generate(rbg.Default, nil, u32) },
		"rbg.Generate: the state is uint32[4]: want a uint64[2] of key and counter, or for PHILOX a uint64[3]": func() { rbg.Generate(rbg.Default, key, u32) },
		"rbg.Generate: the state is uint64[3]: want a uint64[2]":                                               func() { rbg.Generate(rbg.ThreeFry, graph.Const(g, []uint64{1, 2, 3}), u32) },
		"rbg.Generate: the shape of the bits, float32[2], is none of integers":                                 func() { rbg.Generate(rbg.Default, state, u32.WithDType(dtypes.Float32)) },
		"rbg.Bits: the shape of the bits, int32[2], is none of unsigned integers":                              func() { rbg.Bits(key, u32.WithDType(dtypes.Int32)) },
		"rbg.Uniform: the shape of the numbers, uint32[2], is none of floats":                                  func() { rbg.Uniform(key, u32) },
		"rbg.Normal: a key is a uint32[4], not uint64[2]: see rbg.Key":                                         func() { rbg.Normal(state, u32.WithDType(dtypes.Float32)) },
		"rbg.Split: a key is a uint32[4], not nil":                                                             func() { rbg.Split(nil, 2) },
	} {
		require.ErrorContains(t, graph.Catch(fn), want)
	}
}
