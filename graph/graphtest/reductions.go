package graphtest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"
)

// Reductions checks, on a backend, every row of the families reduce, softmax and pool that takes floats against values
// of package math/big, for every float dtype: over long axes, along every axis of a matrix, and with elements at the
// ends of the range. A row that is new fails until it has its truth in reductionTruths.
//
// An element may be off by a few units in its own last place, and where terms cancel by a thousandth of the dtype's
// epsilon of the sum of their sizes: the error does not grow with the number of elements.
//
// QUIRE_SWEEP=1 makes the axes longer, for some minutes.
func Reductions(t *testing.T, newBackend func() ir.Backend) {
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	for _, op := range ir.Ops() {
		if !slices.Contains([]string{"reduce", "softmax", "pool"}, op.Family) || op.DTypes&dtypes.Floats == 0 {
			continue
		}
		truth, known := reductionTruths[op]
		if !known {
			t.Errorf("%s has no truth: add it to reductionTruths", op.Name)
			continue
		}
		if truth.why != "" {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			for _, d := range dtypes.Floats.List() {
				for _, c := range reductionCases(d) {
					if err := truth.check(b, op, d, c); err != nil {
						t.Errorf("%s %s %v along axis %d: %v", d, c.name, c.dims, c.axis, err)
					}
				}
			}
		})
	}
}

// A reductionTruth says what a row makes of the elements along an axis.
type reductionTruth struct {
	of     func(x []*big.Float) (y []*big.Float)  // one result, or as many as elements
	size   func(x []float64, eps float64) float64 // sum of the sizes of what is added up; nil if nothing cancels
	ulps   float64                                // how many units in the last place a result may be off
	attrs  func(axis int, dims []int) any
	only   func(x []float64) bool         // whether the row has this domain; nil for all
	more   func(c reductionCase) ir.Input // the second operand, of rows along the last axis alone; nil for none
	masked bool                           // with a mask, see shows
	rest   float64                        // what a masked element gets
	why    string                         // why there is nothing to check
}

var reductionTruths = map[*ir.Op]reductionTruth{
	ops.ReduceSum:                   {of: one(bigSum), size: sizes, ulps: 0.75, attrs: axisAttrs},
	ops.ReduceMean:                  {of: one(bigMean), size: meanSize, ulps: 1.5, attrs: axisAttrs},
	ops.ReduceMultiply:              {of: one(bigProduct), ulps: 1, attrs: axisAttrs},
	ops.ReduceMax:                   {of: one(bigMax), attrs: axisAttrs},
	ops.ReduceMin:                   {of: one(bigMin), attrs: axisAttrs},
	ops.Variance:                    {of: one(bigVariance), size: meanPlace, ulps: 3, attrs: axisAttrs},
	ops.LogSumExp:                   {of: one(bigLogSumExp), size: largestSize, ulps: 2, attrs: axisAttrs, only: moderate},
	ops.Softmax:                     {of: bigSoftmax, ulps: 4, attrs: axisAttrs, only: moderate},
	ops.LogSoftmax:                  {of: bigLogSoftmax, ulps: 2, attrs: axisAttrs, only: moderate},
	ops.MaskedSoftmax:               {of: bigSoftmax, ulps: 4, attrs: axisAttrs, only: moderate, masked: true},
	ops.MaskedLogSoftmax:            {of: bigLogSoftmax, ulps: 2, attrs: axisAttrs, only: moderate, masked: true, rest: math.Inf(-1)},
	ops.SoftmaxCrossEntropy:         {of: one(bigCrossEntropy), ulps: 4, attrs: noAttrs, only: moderate, more: lastClass},
	ops.SoftmaxCrossEntropyGradient: {why: "a Softmax, less what is given"},
	ops.CumSum:                      {of: bigRunning, size: sizes, ulps: 0.75, attrs: func(axis int, _ []int) any { return ir.AxisAttrs{Axis: axis} }},
	ops.L2Normalize:                 {of: bigNormalize, ulps: 4, attrs: func(axis int, _ []int) any { return ir.NormalizeAttrs{Axes: []int{axis}} }},
	ops.ReduceWindow: {of: one(bigSum), size: sizes, ulps: 0.75, attrs: func(axis int, dims []int) any {
		a := ir.WindowAttrs{Kind: ir.WindowSum, Window: make([]int, len(dims)), Strides: make([]int, len(dims)), Paddings: make([][2]int, len(dims))}
		for i := range dims {
			a.Window[i], a.Strides[i] = 1, 1
		}
		a.Window[axis] = dims[axis]
		return a
	}},
	ops.ArgMax:           {why: "it compares"},
	ops.ArgMin:           {why: "it compares"},
	ops.SelectAndScatter: {why: "windows add up a few values each; the row's samples check them"},
	ops.SelectAndGather:  {why: "it copies"},
}

func noAttrs(int, []int) any { return nil }

// lastClass labels each row with its last element.
func lastClass(c reductionCase) ir.Input {
	rows := c.dims[:c.axis]
	k := make([]float64, len(c.data)/c.dims[c.axis])
	for i := range k {
		k[i] = float64(c.dims[c.axis] - 1)
	}
	return ir.Array(rows, k...).As(dtypes.Int32)
}

func axisAttrs(axis int, _ []int) any { return ir.ReduceAttrs{Axes: []int{axis}} }

// reductionCase is an operand and the axis to go along.
type reductionCase struct {
	name string
	dims []int
	axis int
	data []float64
}

// reductionCases are operands of which every element is a number of d.
func reductionCases(d dtypes.DType) (list []reductionCase) {
	rng := rand.New(rand.NewPCG(11, 12))
	round := func(x float64) float64 { return ir.ScalarValue(x).Tensor(d).Float64At(0) }
	add := func(name string, f func(i int) float64, axis int, dims ...int) {
		n := 1
		for _, k := range dims {
			n *= k
		}
		data := make([]float64, n)
		for i := range data {
			data[i] = round(f(i))
		}
		list = append(list, reductionCase{name, dims, axis, data})
	}
	positive := func(int) float64 { return rng.Float64() }
	signed := func(int) float64 { return 2*rng.Float64() - 1 }
	hundreds := func(int) float64 { return 100 }
	middle := 211
	if sweep() || d == dtypes.Float64 {
		add("positive", positive, 0, 100_003)
		if sweep() {
			add("both signs", signed, 0, 100_003, 2)
			middle = 20_011
		}
	}
	for axis, dims := range [][]int{{middle, 3}, {3, middle}} {
		add("positive", positive, axis, dims...)
		add("both signs", signed, axis, dims...)
		add("powers of ten", func(int) float64 { return math.Copysign(math.Pow(10, 4*rng.Float64()-2), signed(0)) }, axis, dims...)
	}
	add("both signs, in the middle", signed, 1, 2, middle, 3)
	add("next to 1", func(int) float64 { return 1 + 8*dtypes.Epsilon(d)*math.Round(4*signed(0)) }, 0, middle, 2)
	if sweep() || d == dtypes.Float64 {
		add("beside each other", positive, 0, 67, 600)
	}
	add("hundreds", hundreds, 0, 2048)
	_, high := dtypes.Limits(d)
	largest, least := high.(float64), numberOf(1, d)
	add("largest", func(i int) float64 { return largest }, 0, 64, 2)
	add("largest, both signs", func(i int) float64 { return math.Copysign(largest, float64(i%4)-1.5) }, 0, 64)
	add("least", func(i int) float64 { return least * float64(1+i%3) }, 0, 64, 2)
	add("largest and least", func(i int) float64 { return []float64{largest, least, -largest, 1}[i%4] }, 0, 64)
	add("large, then small", func(i int) float64 { return math.Pow(float64(largest), 0.9-1.8*float64(i/32)) }, 0, 64)
	return list
}

// sweep tells whether tests may take minutes.
func sweep() bool { return os.Getenv("QUIRE_SWEEP") != "" }

// shows is the mask that tests use: whether it lets element k of the axis through.
func shows(k int) bool { return k%3 != 1 }

func (r reductionTruth) check(b ir.Backend, op *ir.Op, d dtypes.DType, c reductionCase) error {
	if r.only != nil && !r.only(c.data) || r.masked && len(c.data) > 10_000 && !sweep() {
		return nil
	}
	if r.more != nil && c.axis < len(c.dims)-1 {
		return nil
	}
	sample := ir.Sample{In: []ir.Input{ir.Array(c.dims, c.data...)}, Attrs: r.attrs(c.axis, c.dims)}
	if r.more != nil {
		sample.In = append(sample.In, r.more(c))
	}
	if r.masked {
		mask, dims := make([]float64, c.dims[c.axis]), make([]int, len(c.dims)-c.axis)
		for k := range mask {
			if shows(k) {
				mask[k] = 1
			}
		}
		for i := range dims {
			dims[i] = 1
		}
		dims[0] = len(mask)
		sample.In = append(sample.In, ir.Array(dims, mask...).As(dtypes.Bool))
	}
	in := sample.Tensors(d)
	got, err := runOn(b, func(g *graph.Graph, in []*graph.Node) []*graph.Node { return call{op, sample, d}.apply(g, in) }, in)
	if err != nil {
		return err
	}
	return r.compare(got[0], c, d)
}

func (r reductionTruth) compare(got *tensors.Tensor, c reductionCase, d dtypes.DType) error {
	inner := 1
	for _, k := range c.dims[c.axis+1:] {
		inner *= k
	}
	n := c.dims[c.axis]
	for o := range len(c.data) / (n * inner) {
		for i := range inner {
			x := make([]float64, n)
			for k := range x {
				x[k] = c.data[(o*n+k)*inner+i]
			}
			if err := r.compareLane(x, d, func(k int) float64 { return got.Float64At((o*n+k)*inner + i) }, func(int) float64 { return got.Float64At(o*inner + i) }); err != nil {
				return fmt.Errorf("lane %d %d: %w", o, i, err)
			}
		}
	}
	return nil
}

// compareLane compares what was made of x: each, one result per element, or all, one result.
func (r reductionTruth) compareLane(x []float64, d dtypes.DType, each, all func(k int) float64) error {
	var at []int
	for k, v := range x {
		if !r.masked || shows(k) {
			at = append(at, k)
			x[len(at)-1] = v
		} else if v := each(k); v != r.rest {
			return fmt.Errorf("element %d, which is masked, is %v", k, v)
		}
	}
	x = x[:len(at)]
	size := 0.0
	if r.size != nil {
		size = r.size(x, dtypes.Epsilon(d))
	}
	want := r.of(bigs(x))
	if len(want) == 1 && len(x) > 1 {
		return r.near(all(0), want[0], size, d)
	}
	for i, w := range want {
		if err := r.near(each(at[i]), w, size, d); err != nil {
			return fmt.Errorf("element %d: %w", at[i], err)
		}
	}
	return nil
}

func (r reductionTruth) near(got float64, want *big.Float, size float64, d dtypes.DType) error {
	w, _ := want.Float64()
	rounded := ir.ScalarValue(w).Tensor(d).Float64At(0)
	if got == rounded {
		return nil
	}
	off, _ := new(big.Float).Sub(want, big.NewFloat(finite(got))).Float64()
	place := lastPlace(w, d)
	if math.IsInf(got, 0) || got != got || math.Abs(off) > r.ulps*place+dtypes.Epsilon(d)*size/1024 {
		return fmt.Errorf("got %v, want %v: off by %.2f units in the last place, allowed %.2f", got, w, math.Abs(off)/place, r.ulps)
	}
	return nil
}

func finite(x float64) float64 {
	if x-x != 0 {
		return 0
	}
	return x
}

// The sizes of what is added up.

func sizes(x []float64, _ float64) (s float64) {
	for _, v := range x {
		s += math.Abs(v) / 1024
	}
	return s * 1024
}

func meanSize(x []float64, _ float64) (s float64) {
	for _, v := range x {
		s += math.Abs(v) / float64(len(x))
	}
	return s
}

func largestSize(x []float64, _ float64) float64 { return 1024 * slices.Max(x) } // the logarithm may cancel the largest

// meanPlace is what the rounding of the mean, to half a unit, adds to the mean of squares.
func meanPlace(x []float64, eps float64) float64 {
	m := meanSize(x, eps)
	return 1024 * eps / 4 * m * m
}

// moderate tells whether exponentials are far from the ends of the range.
func moderate(x []float64) bool { return slices.Max(x)-slices.Min(x) < 80 && slices.Max(x) < 1e4 }
