package stablehlo

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// How values are divided over devices is written in Shardy's dialect: one mesh, a sharding for each input and
// output of main, and sharding constraints. A module says of every input and output how it is divided, of whole
// ones too, so that no compiler chooses.
//
// Source: https://openxla.org/shardy/sdy_dialect.

// meshName is the mesh's symbol.
const meshName = "mesh"

func init() {
	lowerings[ops.Shard] = func(f *function, c call) []value {
		a := c.Attrs.(ir.ShardAttrs)
		return []value{f.split(c.in[0], a.Sharding)}
	}
}

// meshText writes the operation that defines m.
func meshText(m *ir.Mesh) string {
	axes := make([]string, len(m.Axes))
	for i, a := range m.Axes {
		axes[i] = fmt.Sprintf("%q=%d", a.Name, a.Size)
	}
	return fmt.Sprintf("  sdy.mesh @%s = <[%s]>\n", meshName, strings.Join(axes, ", "))
}

// shardingText writes the sharding of a value with the given number of axes: <@mesh, [{"data"}, {}]>.
func shardingText(s ir.Sharding, rank int) string {
	dims := make([]string, rank)
	for axis := range dims {
		var names []string
		for _, name := range s.Axes(axis) {
			names = append(names, fmt.Sprintf("%q", name))
		}
		if s != nil && s[axis] == ir.Open {
			names = []string{"?"}
		}
		dims[axis] = "{" + strings.Join(names, ", ") + "}"
	}
	return fmt.Sprintf("<@%s, [%s]>", meshName, strings.Join(dims, ", "))
}

// shardings returns the attributes of main's inputs or outputs that say how they are divided, none without a mesh.
func shardings(p *ir.Program, ids []ir.Value, list []ir.Sharding) []string {
	attrs := make([]string, len(ids))
	if p.Mesh == nil {
		return attrs
	}
	for i, id := range ids {
		var s ir.Sharding
		if list != nil {
			s = list[i]
		}
		attrs[i] = "sdy.sharding = #sdy.sharding" + shardingText(s, p.Values[id].Rank())
	}
	return attrs
}

// guard returns which axes of a call's operands and results may be divided; all others are kept whole on every device.
// nil for a value leaves all its axes open.
type guard func(c call) (in, out [][]bool)

// guards are for operations that XLA's partitioner gets wrong along some axes, or dies of, and for those beside them.
// They were found by TestRowsOnAMesh of package xla.
var guards = map[*ir.Op]guard{
	ops.ConvGeneral:     guardConvolution,
	ops.FFT:             guardTransform,
	ops.InverseFFT:      guardTransform,
	ops.RealFFT:         guardTransform,
	ops.InverseRealFFT:  guardTransform,
	ops.Cholesky:        guardMatrices,
	ops.TriangularSolve: guardMatrices,
	ops.GatherSlices:    guardGatherSlices,

	// An index that lies on several devices makes broadcasts that XLA's verifier refuses.
	ops.Gather:        guardIndices,
	ops.ScatterSum:    guardIndices,
	ops.ScatterMax:    guardIndices,
	ops.ScatterMin:    guardIndices,
	ops.ScatterUpdate: guardIndices,

	// These are joined between devices by operations that collectives do not have.
	ops.ReduceBitwiseAnd: guardReduced,
	ops.ReduceBitwiseOr:  guardReduced,
	ops.ReduceBitwiseXor: guardReduced,
	ops.ReduceLogicalXor: guardReduced,

	ops.DynamicSlice: func(c call) (in, out [][]bool) { // a start that is moved so that the slice fits is moved for a part of it
		same := equalAxes(c.in[0].shape, c.out[0])
		return [][]bool{same}, [][]bool{same}
	},
	ops.Pad: func(c call) (in, out [][]bool) { // elements that are spread are lost
		open := make([]bool, c.out[0].Rank())
		for i, a := range c.Attrs.(ir.PadAttrs).Axes {
			open[i] = a.Interior == 0
		}
		return [][]bool{open}, [][]bool{open}
	},
	ops.DynamicUpdateSlice: func(c call) (in, out [][]bool) {
		same := equalAxes(c.in[0].shape, c.in[1].shape)
		return [][]bool{same, same}, [][]bool{same}
	},
}

// guardConvolution keeps windows whole, along which XLA's sums are wrong, and of grouped convolutions all but the examples:
// fewer groups than devices end the process. In the gradient of a grouped kernel the groups are among the examples.
func guardConvolution(c call) (in, out [][]bool) {
	a := c.Attrs.(ir.ConvAttrs)
	x, k, y := make([]bool, c.in[0].shape.Rank()), make([]bool, c.in[1].shape.Rank()), make([]bool, c.out[0].Rank())
	if a.BatchGroups == 1 {
		x[a.Axes.InputBatch], y[a.Axes.OutputBatch] = true, true
		if a.ChannelGroups == 1 {
			x[a.Axes.InputChannels], k[a.Axes.KernelInputChannels] = true, true
			k[a.Axes.KernelOutputChannels], y[a.Axes.OutputChannels] = true, true
		}
	}
	return [][]bool{x, k}, [][]bool{y}
}

// guardTransform keeps the axes whole that a Fourier transform runs over: fewer elements than devices end the process.
func guardTransform(c call) (in, out [][]bool) {
	batch := batchAxes(c.in[0].shape, len(c.Attrs.(ir.FFTAttrs).Lengths))
	return [][]bool{batch}, [][]bool{batch}
}

// guardIndices keeps the last axis of indices whole, which is one index.
func guardIndices(c call) (in, out [][]bool) {
	return [][]bool{nil, batchAxes(c.in[1].shape, 1)}, nil
}

// guardReduced keeps the axes whole that are reduced.
func guardReduced(c call) (in, out [][]bool) {
	open := batchAxes(c.in[0].shape, 0)
	for _, axis := range c.Attrs.(ir.ReduceAttrs).Axes {
		open[axis] = false
	}
	return [][]bool{open}, nil
}

// guardMatrices keeps matrices whole.
func guardMatrices(c call) (in, out [][]bool) {
	for _, x := range c.in {
		in = append(in, batchAxes(x.shape, 2))
	}
	return in, [][]bool{batchAxes(c.out[0], 2)}
}

// batchAxes opens all axes but the last n.
func batchAxes(s shapes.Shape, n int) []bool {
	open := make([]bool, s.Rank())
	for i := range s.Rank() - n {
		open[i] = true
	}
	return open
}

// guardGatherSlices keeps the axes whole of which slices are a part: see DynamicSlice.
func guardGatherSlices(c call) (in, out [][]bool) {
	x, y := c.in[0].shape, c.out[0]
	batch := y.Rank() - x.Rank() // the axes of a slice are the last ones
	slice := shapes.Make(x.DType, y.Dimensions[batch:]...)
	same := equalAxes(x, slice)
	result := make([]bool, batch, y.Rank())
	for i := range result {
		result[i] = true
	}
	return [][]bool{same, batchAxes(c.in[1].shape, 1)}, [][]bool{append(result, same...)}
}

// equalAxes reports for each axis of two values of the same rank whether they have the same dimension.
func equalAxes(x, y shapes.Shape) []bool {
	same := make([]bool, x.Rank())
	for i := range same {
		same[i] = x.Dimensions[i] == y.Dimensions[i]
	}
	return same
}

// guarded writes a call whose operands and results are kept whole along some axes.
func (f *function) guarded(c call, lower lowering) []value {
	if f.devices == 1 {
		return lower(f, c)
	}
	var in, out [][]bool
	if g := guards[c.Op]; g != nil {
		in, out = g(c)
	}
	c.in = slices.Clone(c.in)
	for i := range in {
		c.in[i] = f.keep(c.in[i], in[i])
	}
	results := lower(f, c)
	if c.Op == ops.ReduceMax || c.Op == ops.ReduceMin {
		results[0] = f.mendNaN(c.in[0], results[0], c.Attrs.(ir.ReduceAttrs).Axes)
	}
	for i := range min(len(out), len(results)) {
		results[i] = f.keep(results[i], out[i])
	}
	return results
}

// mendNaN returns y, the maximum or minimum of x over the axes, or NaN where x holds one: devices that tell each other
// their maxima do not all pass NaN on.
func (f *function) mendNaN(x, y value, axes []int) value {
	if !x.shape.DType.IsFloat() || len(axes) == 0 || f.err != nil {
		return y
	}
	b := shapes.Scalar(dtypes.Bool)
	found := f.reduce(ops.ReduceSum.HLO, ops.BitwiseOr.HLO, f.isNaN(x), f.fill(b, 0), axes, y.shape.WithDType(dtypes.Bool))
	return f.choose(found, f.fill(y.shape, math.NaN()), y)
}

// keep makes a value whole along the axes that are not open.
func (f *function) keep(v value, open []bool) value {
	if open == nil {
		return v
	}
	s := make(ir.Sharding, len(open))
	whole := false
	for i := range s {
		if s[i] = ir.Open; !open[i] {
			s[i], whole = "", true
		}
	}
	if !whole || f.err != nil {
		return v
	}
	return f.split(v, s)
}

// split divides a value.
func (f *function) split(v value, s ir.Sharding) value {
	text := shardingText(s, v.shape.Rank())
	if v.split == text { // it just was: texts that are read and written again do not grow
		return v
	}
	out := f.op(v.shape, ops.Shard.HLO+" %s %s : %s", v, text, tensorType(v.shape))
	out.split, out.nonzero = text, v.nonzero
	return out
}

// numDevices returns the number of devices that p runs on.
func numDevices(p *ir.Program) int {
	if p.Mesh == nil {
		return 1
	}
	return p.Mesh.NumDevices()
}

// dictionary joins attributes to what follows a type.
func dictionary(attrs ...string) string {
	var present []string
	for _, a := range attrs {
		if a != "" {
			present = append(present, a)
		}
	}
	if present == nil {
		return ""
	}
	return " {" + strings.Join(present, ", ") + "}"
}
