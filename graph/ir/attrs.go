package ir

import (
	"encoding/json"
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/codes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// The attributes of the ops, as their rows name them.

// ArgAttrs holds the axis that is searched, counted from 0, and the dtype of the index.
type ArgAttrs struct {
	Axis  int
	DType dtypes.DType
}

// AttentionAttrs holds what products of queries and keys are multiplied by, and whether a query sees the keys up to its own place
// only.
type AttentionAttrs struct {
	Scale  float64
	Causal bool
}

// AxesAttrs holds axes, counted from 0 and sorted.
type AxesAttrs struct{ Axes []int }

// AxisAttrs holds the axis along which operands are put together or summed, counted from 0.
type AxisAttrs struct{ Axis int }

// CholeskyAttrs says which triangle is read and returned.
type CholeskyAttrs struct{ Lower bool }

// SplitAttrs holds the axis that is cut and the number of parts.
type SplitAttrs struct{ Axis, NumSplits int }

// ConstAttrs holds the value of a constant.
type ConstAttrs struct{ Value *tensors.Tensor }

// ConvAttrs holds what a convolution is told, one element per spatial axis; see ConvGeneral of package graph.
type ConvAttrs struct {
	Axes                            ConvolveAxesConfig
	Strides                         []int
	Paddings                        [][2]int
	InputDilations, KernelDilations []int
	ChannelGroups, BatchGroups      int
}

// DTypeAttrs holds the dtype of a result.
type DTypeAttrs struct{ DType dtypes.DType }

// BitcastAttrs holds the dtype that bits are taken for.
type BitcastAttrs struct{ DType dtypes.DType }

// DotAttrs holds the axes of a product, counted from 0 and paired by their place, and dtypes, of which
// Invalid stands for the default.
type DotAttrs struct {
	LhsContract, LhsBatch, RhsContract, RhsBatch []int
	Accumulator, Output                          dtypes.DType
}

// EinsumAttrs holds the equation, and dtypes, of which Invalid stands for the default.
type EinsumAttrs struct {
	Equation            string
	Accumulator, Output dtypes.DType
}

// FFTAttrs holds the sizes of the axes that are transformed: the last ones, of what is the longer side of a real
// transform.
type FFTAttrs struct{ Lengths []int }

// GatherAttrs holds what is known of the indices.
type GatherAttrs struct{ Sorted bool }

// GatherSlicesAttrs holds the axes that are sliced, the sizes of the slices along them, and what is known
// of the indices.
type GatherSlicesAttrs struct {
	Axes, Sizes []int
	Sorted      bool
}

// CustomAttrs says how many of the operands of a custom gradient are inputs; the others are the values.
type CustomAttrs struct{ NumInputs int }

// NameAxesAttrs holds the names of the axes.
type NameAxesAttrs struct{ Names []string }

// IotaAttrs holds the shape of the result and the axis along which it counts.
type IotaAttrs struct {
	Shape shapes.Shape
	Axis  int
}

// OneHotAttrs holds the length of the vectors and their dtype.
type OneHotAttrs struct {
	Depth int
	DType dtypes.DType
}

// MatMulAttrs holds the dtypes of a product; Invalid stands for the default.
type MatMulAttrs struct{ Accumulator, Output dtypes.DType }

// NormalizeAttrs holds the axes along which something is normalised, counted from 0 and sorted, and what is added to
// the square of the length, or to the mean square.
type NormalizeAttrs struct {
	Axes    []int
	Epsilon float64
}

// PadAttrs holds the padding of every axis.
type PadAttrs struct{ Axes []PadAxis }

// PermutationAttrs holds the number of elements.
type PermutationAttrs struct{ N int }

// QuantizedDotAttrs holds what codes are, of how many bits, how many numbers share a scale, and what scales are if they are codes of 8
// bits, "" if they are floats.
type QuantizedDotAttrs struct {
	Codes       codes.Kind
	Bits, Group int
	Scales      codes.Kind
}

// RandomAttrs holds the shape of random values.
type RandomAttrs struct{ Shape shapes.Shape }

// ReduceAttrs holds the axes that are reduced, counted from 0 and sorted.
type ReduceAttrs struct{ Axes []int }

// PrecisionAttrs holds the widths of a float's two parts.
type PrecisionAttrs struct{ ExponentBits, MantissaBits int }

// ShapeAttrs holds the dimensions of a result.
type ShapeAttrs struct{ Dims []int }

// ScanAttrs holds how many of the operands and results are carried from turn to turn, the number of turns, at least 1, whether
// they go from the last slices to the first, and whether a gradient computes what the body has computed again, and does not
// store it.
type ScanAttrs struct {
	Carries, Length    int
	Reverse, Recompute bool
}

// ScatterAttrs holds what is known of the indices.
type ScatterAttrs struct{ Sorted, Unique bool }

// ShardAttrs says how a value is divided, and over what.
type ShardAttrs struct {
	Mesh     *Mesh
	Sharding Sharding
}

// SliceAttrs holds, per axis, the first index, the index to stop before, and the step, which is at least 1.
type SliceAttrs struct{ Start, Limit, Stride []int }

// SortAttrs holds the axis, the direction, and whether floats are in the total order of IEEE 754, in which signs count of
// zeros and NaN too: -NaN, -Inf, …, -0, 0, …, Inf, NaN.
type SortAttrs struct {
	Axis       int
	Descending bool
	Total      bool
}

// TopKAttrs holds the axis, how many elements are taken, and whether they are the smallest.
type TopKAttrs struct {
	Axis, K  int
	Smallest bool
}

// Sort returns the order of which the first K elements are taken.
func (a TopKAttrs) Sort() SortAttrs {
	return SortAttrs{Axis: a.Axis, Descending: !a.Smallest, Total: true}
}

// TransposeAttrs says from which axis of the operand each axis of the result comes.
type TransposeAttrs struct{ Perm []int }

// TriangularSolveAttrs says on which side of the unknown the matrix stands, which triangle of it is read, whether its
// diagonal is taken for 1, and what is done to it first.
type TriangularSolveAttrs struct {
	LeftSide, Lower, UnitDiagonal bool
	TransposeA                    TransposeKind
}

// WindowAttrs describes windows that are moved over a tensor: per axis their size, the step between two of
// them, and how many elements {before, after} are put around. Elements put around never count: they are
// 0 for sums and lose against every other for the largest and smallest.
type WindowAttrs struct {
	Kind     WindowKind
	Window   []int
	Strides  []int
	Paddings [][2]int
}

// ConvolveAxesConfig says what each axis of a convolution's input, kernel and result is. The spatial axes
// are in the same order in all three.
type ConvolveAxesConfig struct {
	InputBatch, InputChannels                 int
	InputSpatial                              []int
	KernelInputChannels, KernelOutputChannels int
	KernelSpatial                             []int
	OutputBatch, OutputChannels               int
	OutputSpatial                             []int
}

// PadAxis says how many elements the op Pad puts before an axis, after it, and between any two of its
// elements. Negative Start and End take elements away.
type PadAxis struct{ Start, End, Interior int }

// TransposeKind is what the op TriangularSolve does to its matrix before it solves.
type TransposeKind string

// WindowKind is what the op ReduceWindow makes of a window's elements.
type WindowKind string

// The matrix itself, its transpose, and the conjugate of that.
const (
	NotTransposed TransposeKind = "no"
	Transposed    TransposeKind = "transpose"
	Adjoint       TransposeKind = "adjoint"
)

// The reductions of windows.
const (
	WindowSum WindowKind = "sum"
	WindowMax WindowKind = "max"
	WindowMin WindowKind = "min"
)

type constJSON struct {
	Shape shapes.Shape `json:"shape"`
	Data  []byte       `json:"data"`
}

// MarshalJSON writes shape and bytes of the constant.
func (c ConstAttrs) MarshalJSON() ([]byte, error) {
	j := constJSON{Shape: c.Value.Shape()}
	if err := c.Value.ConstBytes(func(data []byte) { j.Data = append(j.Data, data...) }); err != nil {
		return nil, err
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads shape and bytes of the constant.
func (c *ConstAttrs) UnmarshalJSON(data []byte) error {
	var j constJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if err := j.Shape.Check(); err != nil {
		return err
	}
	if len(j.Data) != j.Shape.ByteSize() {
		return fmt.Errorf("constant %s has %d bytes, want %d", j.Shape, len(j.Data), j.Shape.ByteSize())
	}
	t, err := tensors.FromBytes(j.Shape, j.Data)
	c.Value = t
	return err
}
