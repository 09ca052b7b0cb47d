//go:build cgo

package xla_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// special are values with rules of their own, extreme those at the ends of ranges besides. What a type cannot hold
// becomes what its conversion makes of it.
var (
	special = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1, 0.5, -2.5, 3, 127, -128, 64, 31}
	extreme = append([]float64{1e30, -1e30, 255, 32768, 2147483648, -2147483649}, special...)
)

// elementwise are the families of ops that take extreme values: sums over them would be of nothing but rounding.
var elementwise = []string{"activation", "arithmetic", "comparison", "complex", "logical", "select", "shape", "unary"}

// specialTypes are those that rules differ for, elementwise and elsewhere; the conformance suite runs all.
var specialTypes = map[bool]dtypes.Set{
	true:  dtypes.SetOf(dtypes.Bool, dtypes.Int8, dtypes.Int64, dtypes.Uint8, dtypes.BFloat16, dtypes.Float32, dtypes.Float64, dtypes.Complex64),
	false: dtypes.SetOf(dtypes.Int8, dtypes.Uint8, dtypes.Float32, dtypes.Complex64),
}

// shiftedTypes are those whose values are paired in a second way.
var shiftedTypes = []dtypes.DType{dtypes.Int8, dtypes.Float32, dtypes.Float64, dtypes.Complex64}

// specialCall is a row's sample with special values for the operands whose type varies.
type specialCall struct {
	op     *ir.Op
	sample ir.Sample
	dtype  dtypes.DType
	in     []*tensors.Tensor
}

// specialCalls returns the row's samples, at every type that they have.
func specialCalls(op *ir.Op) (list []specialCall) {
	values, shifts := special, []int{0}
	each := slices.Contains(elementwise, op.Family)
	if each {
		values, shifts = extreme, []int{0, 7}
	}
	for _, s := range op.Samples {
		set := op.DTypes
		if s.DTypes != 0 {
			set = s.DTypes
			if op.DTypes != 0 {
				set &= op.DTypes
			}
		}
		if set == 0 || op.Typed >= len(s.In) || s.In[op.Typed].DType != dtypes.Invalid {
			continue
		}
		for _, d := range (set & specialTypes[each]).List() {
			for _, shift := range shifts {
				if shift > 0 && !slices.Contains(shiftedTypes, d) {
					continue
				}
				c := specialCall{op, s, d, nil}
				for k, x := range s.In {
					if x.DType == dtypes.Invalid {
						data := make([]float64, len(x.Data))
						for i := range data {
							data[i] = values[(i*(2*k+1)+k*7+shift)%len(values)]
						}
						x.Data = data
					}
					c.in = append(c.in, x.Tensor(d))
				}
				list = append(list, c)
			}
		}
	}
	return list
}

// runCalls runs calls as one program and returns the results of each.
func runCalls(b ir.Backend, calls []specialCall) ([][]*tensors.Tensor, error) {
	var args []any
	for _, c := range calls {
		for _, t := range c.in {
			args = append(args, t)
		}
	}
	g := graph.NewGraph(b, "special")
	counts := make([]int, len(calls))
	var all []*graph.Node
	if err := graph.Catch(func() {
		for i, c := range calls {
			var in []*graph.Node
			for _, t := range c.in {
				in = append(in, graph.Parameter(g, "", t.Shape()))
			}
			out := graphtest.Apply(g, c.op, c.sample, in)
			counts[i], all = len(out), append(all, out...)
		}
	}); err != nil {
		return nil, err
	}
	if err := g.Compile(all...); err != nil {
		return nil, err
	}
	defer g.Close()
	out, err := g.Run(args...)
	if err != nil {
		return nil, err
	}
	results := make([][]*tensors.Tensor, len(calls))
	for i, n := range counts {
		results[i], out = out[:n], out[n:]
	}
	return results, nil
}

// NaN, infinities, zeros of both signs and the ends of integer ranges mean on XLA what they mean everywhere, in every
// row, except where the table of differences says otherwise.
func TestSpecialValues(t *testing.T) {
	long(t)
	needPlugin(t)
	var mu sync.Mutex
	differed := map[string]bool{} // by row of the table and op
	t.Run("ops", func(t *testing.T) {
		specialValues(t, func(row int, op string) { mu.Lock(); differed[fmt.Sprint(row, op)] = true; mu.Unlock() })
	})
	if !t.Failed() {
		xla.EachDifference(func(row int, op string) {
			assert.True(t, differed[fmt.Sprint(row, op)], "row %d of the table of differences names %s, which does not differ", row, op)
		})
	}
}

func specialValues(t *testing.T, note func(row int, op string)) {
	e := open(t, "")
	for _, op := range ir.Ops() {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			var calls []specialCall
			var want [][]*tensors.Tensor
			for _, c := range specialCalls(op) {
				w, err := runCalls(graphtest.Reference(), []specialCall{c})
				if err == nil { // an error is what an integer division by zero is
					calls, want = append(calls, c), append(want, w[0])
				}
			}
			if len(calls) == 0 {
				return
			}
			got, err := runCalls(e, calls)
			require.NoError(t, err)
			for i, c := range calls {
				for k := range want[i] {
					err := graphtest.Diff(got[i][k], want[i][k], c.op.Tol)
					if err == nil {
						continue
					}
					if row := xla.Differs(op.Name, c.dtype); row >= 0 {
						note(row, op.Name)
					} else {
						t.Errorf("%s %q, result %d: %v%s", c.dtype, c.sample.Name, k, err, operands(c))
					}
				}
			}
		})
	}
}

func operands(c specialCall) (text string) {
	for i, x := range c.in {
		if x.Size() < 40 {
			text += fmt.Sprintf("\n\toperand %d: %v", i, x.Value())
		}
	}
	return text
}
