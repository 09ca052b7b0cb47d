package graph_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a slope is made of may not overflow or vanish on the way where the slope itself does not: of each elementwise row of
// floats the gradients at float16 and float32 are those at float64, at numbers of every size.
func TestSlopesOfEverySize(t *testing.T) {
	for _, d := range []dtypes.DType{dtypes.Float16, dtypes.BFloat16, dtypes.Float32} {
		units := 8.0
		if d == dtypes.Float32 {
			units = 64 // a power has its exponent less 1 in float32, whose rounding counts log(1e30) times
		}
		sizes := []float64{1e-30, 1e-20, 1e-6, 1e-2, 0.7, 1.9, 300, 1e18, 1e20, 1e30}
		if d == dtypes.Float16 {
			sizes = []float64{1e-7, 1e-5, 1e-3, 0.1, 0.7, 1.9, 40, 300, 2e4, 6e4}
		}
		for _, op := range ir.Ops() {
			n := smoothOperands(op, d)
			if n == 0 {
				continue
			}
			in := everyPair(t, d, sizes, n)
			got, want := slopesOf(t, op, in), slopesOf(t, op, asDouble(t, in))
			for k := range got {
				wrong, first := 0, ""
				for i, w := range want[k] {
					rounded := ir.ScalarValue(w).Tensor(d).Float64At(0)
					if math.IsNaN(w) || math.IsInf(rounded, 0) || math.Abs(got[k][i]-w) <= dtypes.Epsilon(d)*(units*math.Abs(w)+1)+8*leastOf(d) {
						continue
					}
					if wrong++; wrong == 1 {
						x := []float64{}
						for _, v := range in {
							x = append(x, v.Float64At(i))
						}
						first = fmt.Sprintf("at %v it is %v, want %v", x, got[k][i], w)
					}
				}
				if wrong > 0 {
					t.Errorf("%s: the slope of %s in operand %d: %s (and %d more)", d, op.Name, k, first, wrong-1)
				}
			}
		}
	}
}

// The slope of a power is 0 at an exponent of 0, also of a base that is 0 or has no reciprocal.
func TestSlopesOfPowersOfZero(t *testing.T) {
	for _, base := range []float64{0, 5e-324, -5e-324, 1e-300, 0.5, -2, 1e300} {
		x := []*tensors.Tensor{tensors.FromValue([]float64{base}), tensors.FromValue([]float64{0})}
		assert.Equal(t, 0.0, slopesOf(t, ir.OpByName("Pow"), x)[0][0], "at %v", base)
	}
}

func leastOf(d dtypes.DType) float64 {
	if d == dtypes.Float16 {
		return 0x1p-24
	}
	return 0x1p-149
}

// smoothOperands returns how many operands an elementwise row with a gradient has at a dtype, 0 for other rows.
func smoothOperands(op *ir.Op, d dtypes.DType) int {
	if op.Attrs != nil || op.Infer == nil || graph.RuleOf(op).VJP == nil || op.DTypes != 0 && !op.DTypes.Has(d) || len(op.Samples) == 0 || op.Samples[0].Build != nil {
		return 0
	}
	n := len(op.Samples[0].In)
	if n == 0 || n > 2 {
		return 0
	}
	for _, dims := range [][]int{{2, 3}, {5}, nil} {
		s := shapes.Make(d, dims...)
		if out, err := op.Infer(nil, []shapes.Shape{s, s}[:n]); err != nil || !out.Equal(s) {
			return 0
		}
	}
	return n
}

// everyPair returns n vectors in which every size of either sign meets every other.
func everyPair(t *testing.T, d dtypes.DType, sizes []float64, n int) []*tensors.Tensor {
	data := make([][]float64, n)
	for i, x := range append(sizes, negated(sizes)...) {
		others := append(sizes, negated(sizes)...)
		if n == 1 {
			others = others[i : i+1]
		}
		for _, y := range others {
			for k, v := range []float64{x, y}[:n] {
				data[k] = append(data[k], v)
			}
		}
	}
	var in []*tensors.Tensor
	for _, v := range data {
		x, err := tensors.MustFromAnyValue(v).ConvertDType(d)
		require.NoError(t, err)
		in = append(in, x)
	}
	return in
}

func negated(list []float64) (y []float64) {
	for _, v := range list {
		y = append(y, -v)
	}
	return y
}

func asDouble(t *testing.T, in []*tensors.Tensor) (out []*tensors.Tensor) {
	for _, x := range in {
		y, err := x.ConvertDType(dtypes.Float64)
		require.NoError(t, err)
		out = append(out, y)
	}
	return out
}

// slopesOf returns the gradients of the sum of op's elements with respect to each operand.
func slopesOf(t *testing.T, op *ir.Op, in []*tensors.Tensor) [][]float64 {
	t.Helper()
	exec := graph.MustNewExec(graphtest.Reference(), func(in []*node) []*node {
		y := graph.Apply(op, nil, in...)
		return graph.Gradient(graph.ReduceAllSum(y), in...)
	})
	defer exec.Close()
	args := make([]any, len(in))
	for i, x := range in {
		args[i] = x
	}
	out, err := exec.Call(args...)
	require.NoError(t, err, op.Name)
	list := make([][]float64, len(out))
	for k, y := range out {
		for i := range y.Size() {
			list[k] = append(list[k], y.Float64At(i))
		}
	}
	return list
}
