package layers_test

import (
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// everything sets all that depends on positions.
func everything(b *layers.MultiHeadAttentionBuilder) *layers.MultiHeadAttentionBuilder {
	return b.NumKVHeads(2).CausalMask(true).SlidingWindow(4).ALiBi(true).RotaryPositions(layers.Rotary{}).QKNorm(true)
}

// The last queries of a sequence, said to be where they are, see what they see in the whole; and nothing depends on where it begins.
func TestAttentionByPositions(t *testing.T) {
	store := model.NewStore()
	attend := func(queries, begin int) []float64 {
		y, err := run(store, false, func(s *model.Scope, x *Node) *Node {
			q := SliceAxis(x, 1, AxisRangeToEnd(6-queries))
			at := func(from, to int) *Node {
				var p []int32
				for i := from; i < to; i++ {
					p = append(p, int32(begin+i))
				}
				return Const(x.Graph(), p)
			}
			b := everything(layers.MultiHeadAttention(s, q, x, x, 4, 4))
			if begin >= 0 {
				b = b.Positions(at(6-queries, 6), at(0, 6))
			}
			return SliceAxis(b.Done(), 1, AxisRangeToEnd(queries-2))
		}, ramp(2, 6, 5))
		require.NoError(t, err)
		return float64s(y)
	}
	want := attend(6, -1)
	require.InDeltaSlice(t, want, attend(6, 0), 1e-12)
	require.InDeltaSlice(t, want, attend(2, 0), 1e-12)
	require.InDeltaSlice(t, want, attend(2, 100), 1e-9)
}

// Keys and values that were projected before are those that the layer would project, for one query after the other.
func TestAttentionWithKeysAndValuesOfBefore(t *testing.T) {
	store := model.NewStore()
	memory := ramp(2, 5, 3)
	whole := func(s *model.Scope, q, m *Node) *layers.MultiHeadAttentionBuilder {
		return layers.MultiHeadAttention(s, q, m, m, 4, 2).NumKVHeads(2).ValueDim(3).QKNorm(true).RotaryPositions(layers.Rotary{})
	}
	want, err := model.CallOnce(graphtest.Reference(), store, func(s *model.Scope, q, m *Node) *Node { return whole(s, q, m).Done() }, ramp(2, 3, 4), memory)
	require.NoError(t, err)
	vars := store.NumVariables()
	kv, err := model.CallOnceN(graphtest.Reference(), store, func(s *model.Scope, q, m *Node) []*Node {
		k, v := whole(s, q, m).DoneKeysAndValues()
		return []*Node{k, v}
	}, ramp(2, 3, 4), memory)
	require.NoError(t, err)
	require.Equal(t, []int{2, 5, 2, 2}, kv[0].Shape().Dimensions)
	require.Equal(t, []int{2, 5, 2, 3}, kv[1].Shape().Dimensions)
	got, err := model.CallOnce(graphtest.Reference(), store, func(s *model.Scope, q, m, k, v *Node) *Node {
		return whole(s, q, m).KeysAndValues(k, v).Done()
	}, ramp(2, 3, 4), memory, kv[0], kv[1])
	require.NoError(t, err)
	require.InDeltaSlice(t, float64s(want), float64s(got), 1e-12)
	require.Equal(t, vars, store.NumVariables())
}

// With all settings the layer returns the same with and without its coefficients, which are 0 where a mask hides.
func TestAllSettingsOfAttentionWithAndWithoutCoefficients(t *testing.T) {
	store := model.NewStore()
	outputs := func(coefficients bool) []*tensors.Tensor {
		out, err := model.CallOnceN(graphtest.Reference(), store, func(s *model.Scope, x, bias *Node) []*Node {
			b := everything(layers.SelfAttention(s, x, 4, 4)).ScoreBias(bias).KeyMask(Const(x.Graph(), [][]bool{{true, false, true, true, true, true}, {true, true, true, true, true, false}}))
			if coefficients {
				y, c := b.DoneWithCoefficients()
				return []*Node{y, c}
			}
			return []*Node{b.Done()}
		}, ramp(2, 6, 5), ramp(4, 6, 6))
		require.NoError(t, err)
		return out
	}
	all := outputs(true)
	require.InDeltaSlice(t, float64s(all[0]), float64s(outputs(false)[0]), 1e-12)
	for b := range 2 {
		for q := range 6 {
			for k := range 6 {
				hidden := k > q || q-k >= 4 || b == 0 && k == 1 || b == 1 && k == 5
				c := all[1].Float64At(((b*4+3)*6+q)*6 + k)
				require.Equal(t, hidden, c == 0, "example %d, query %d, key %d: %g", b, q, k, c)
			}
		}
	}
}

// Dropped paths and blocks are of the shape that is asked for, and keep the mean.
func TestDropPathAndDropBlockKeepTheMean(t *testing.T) {
	x := tensors.FromScalarAndDimensions(float32(1), 400, 8, 8, 1)
	y, err := run(model.NewStore(), true, func(s *model.Scope, x *Node) *Node { return layers.DropPath(s, x, 0.25) }, x)
	require.NoError(t, err)
	kept := 0
	for b := range 400 {
		first := y.Float64At(64 * b)
		for i := range 64 {
			require.Equal(t, first, y.Float64At(64*b+i))
		}
		if first != 0 {
			require.InDelta(t, 4./3, first, 1e-6)
			kept++
		}
	}
	require.InDelta(t, 300, kept, 45) // more than 5 standard deviations of 8.7

	y, err = run(model.NewStore(), true, func(s *model.Scope, x *Node) *Node { return layers.DropBlock(s, x, 0.1, 3) }, x)
	require.NoError(t, err)
	sum, zeros := 0.0, 0
	for b := range 400 {
		at := func(i, j int) bool { return y.Float64At(64*b+8*i+j) == 0 }
		for i := range 8 {
			for j := range 8 {
				sum += y.Float64At(64*b + 8*i + j)
				if !at(i, j) {
					continue
				}
				zeros++
				inBlock := false // one of the squares of 3 by 3 around it is 0
				for top := max(0, i-2); top <= min(5, i); top++ {
					for left := max(0, j-2); left <= min(5, j); left++ {
						all := true
						for k := range 9 {
							all = all && at(top+k/3, left+k%3)
						}
						inBlock = inBlock || all
					}
				}
				require.True(t, inBlock, "%d: %d %d", b, i, j)
			}
		}
	}
	require.InDelta(t, 400*64, sum, 1)
	require.InDelta(t, 0.1*400*64, zeros, 0.2*0.1*400*64) // blocks overlap a little
	narrow, err := run(model.NewStore(), true, func(s *model.Scope, x *Node) *Node { return layers.DropBlock(s, x, 0.1, 3) }, must(x.ConvertDType(dtypes.BFloat16)))
	require.NoError(t, err)
	require.Equal(t, dtypes.BFloat16, narrow.DType())
}
