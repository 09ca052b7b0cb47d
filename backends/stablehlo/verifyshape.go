package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	constrain(func(t *typed) {
		t.static()
		t.needs("broadcast_dimensions")
		t.oneElement("operand and result", t.in[0], t.out[0])
		t.broadcastDims(t.in[0].tensor(), t.out[0].tensor())
	}, "broadcast_in_dim")
	constrain(func(t *typed) {
		t.static()
		t.oneElement("operand and result", t.in[0], t.out[0])
		t.sameSize(t.in[0], t.out[0])
	}, "reshape")
	constrain(func(t *typed) {
		t.static()
		t.elements("the result", dtypes.Numbers, t.out[0])
		t.axis("iota_dimension", t.out[0].tensor().Rank())
	}, "iota")
	constrain(func(t *typed) {
		s := t.in[0].tensor()
		perm := t.axes("permutation", t.list("permutation", s.Rank()), s.Rank())
		if len(perm) != s.Rank() {
			t.fail("the attribute permutation is missing")
		}
		dims := make([]int, len(perm))
		for i, a := range perm {
			dims[i] = s.Dimensions[a]
		}
		t.oneElement("operand and result", t.in[0], t.out[0])
		t.resultIs(0, shapes.Shape{DType: s.DType, Dimensions: dims})
	}, "transpose")
	constrain(func(t *typed) {
		t.needs("dimensions")
		t.axes("dimensions", t.list("dimensions", -1), t.in[0].tensor().Rank())
		t.alike("operand and result", t.in[0], t.out[0])
	}, "reverse")
	constrain((*typed).slice, "slice")
	constrain((*typed).dynamicSlice, "dynamic_slice")
	constrain(func(t *typed) {
		t.atLeast(2)
		x, update := t.in[0].tensor(), t.in[1].tensor()
		t.oneElement("operand, update and result", t.in[0], t.in[1], t.out[0])
		t.starts(t.in[2:], x.Rank())
		if update.Rank() != x.Rank() {
			t.fail("the update is %s, and must have as many axes as the operand, %s", t.in[1].text, t.in[0].text)
		}
		for a, n := range update.Dimensions {
			if m := x.Dimensions[a]; m >= 0 && n > m {
				t.fail("axis %d: an update of %d elements of %d", a, n, m)
			}
		}
		t.alike("operand and result", t.in[0], t.out[0])
	}, "dynamic_update_slice")
	constrain(func(t *typed) {
		t.atLeast(1)
		s := t.in[0].tensor()
		axis := t.axis("dimension", s.Rank())
		t.oneElement("operands and result", slices.Concat(t.in, t.out)...)
		dims := slices.Clone(s.Dimensions)
		for _, ty := range t.in[1:] {
			other := ty.tensor().Dimensions
			if len(other) != len(dims) {
				t.fail("operands must have as many axes as each other, not %s and %s", t.in[0].text, ty.text)
			}
			for a, n := range other {
				switch {
				case a == axis && (n < 0 || dims[a] < 0):
					dims[a] = -1
				case a == axis:
					dims[a] += n
				case !meet(n, dims[a]):
					t.fail("axis %d: operands of %d and %d elements can be put beside each other along axis %d only", a, dims[a], n, axis)
				case dims[a] < 0:
					dims[a] = n
				}
			}
		}
		t.resultIs(0, shapes.Shape{DType: s.DType, Dimensions: dims})
	}, "concatenate")
	constrain(func(t *typed) {
		s := t.in[0].tensor()
		t.oneElement("operand, padding and result", t.in[0], t.in[1], t.out[0])
		t.scalar("the padding", t.in[1])
		t.needs("edge_padding_low", "edge_padding_high", "interior_padding")
		t.resultIs(0, shapes.Shape{DType: s.DType, Dimensions: t.padded(s.Dimensions,
			t.list("edge_padding_low", s.Rank()), t.list("edge_padding_high", s.Rank()), t.list("interior_padding", s.Rank()))})
	}, "pad")
	constrain(func(t *typed) {
		t.axis("dimension", t.in[0].tensor().Rank())
		t.resultIs(0, shapes.Scalar(dtypes.Int32))
	}, "get_dimension_size")
	constrainAll(2, func(t *typed) {
		s := t.in[0].tensor()
		if s.Rank() == 0 {
			t.fail("a scalar has no axis to take elements of")
		}
		k := t.int("k", -1)
		if n := s.Dimensions[s.Rank()-1]; k < 0 || n >= 0 && k > n {
			t.fail("the attribute k is %d, and the last axis has %d elements", k, n)
		}
		dims := append(slices.Clone(s.Dimensions[:s.Rank()-1]), k)
		t.oneElement("operand and values", t.in[0], t.out[0])
		t.resultIs(0, shapes.Shape{DType: s.DType, Dimensions: dims})
		t.resultIs(1, shapes.Shape{DType: dtypes.Int32, Dimensions: dims})
	}, "chlo.top_k")
}

// static checks that the result has no open sizes: nothing else says them.
func (t *typed) static() {
	if !t.out[0].known() {
		t.fail("the type of its result, %s, leaves a size open, which nothing else says", t.out[0].text)
	}
}

// sameSize checks that tensors can have as many elements as each other.
func (t *typed) sameSize(x, y mlirType) {
	if x.known() && y.known() && x.shape.Size() != y.shape.Size() {
		t.fail("%d elements cannot be dealt over %v", x.shape.Size(), y.shape.Dimensions)
	}
}

// broadcastDims checks that the operand's axes are different ones of the result, of the same size or 1.
func (t *typed) broadcastDims(x, y shapes.Shape) {
	dims := t.axes("broadcast_dimensions", t.list("broadcast_dimensions", x.Rank()), y.Rank())
	for i, d := range dims {
		if n := x.Dimensions[i]; n != 1 && !meet(n, y.Dimensions[d]) {
			t.fail("axis %d has %d elements and cannot be repeated to %d", i, n, y.Dimensions[d])
		}
	}
}

func (t *typed) slice() {
	s := t.in[0].tensor()
	t.needs("start_indices", "limit_indices")
	start, limit := t.list("start_indices", s.Rank()), t.list("limit_indices", s.Rank())
	strides := t.list("strides", s.Rank())
	if strides == nil {
		strides = slices.Repeat([]int{1}, s.Rank())
	}
	dims := make([]int, s.Rank())
	for a, n := range s.Dimensions {
		switch {
		case start[a] < 0 || limit[a] < start[a] || n >= 0 && limit[a] > n:
			t.fail("axis %d: elements %d to %d of %d", a, start[a], limit[a], n)
		case strides[a] < 1:
			t.fail("axis %d: a stride of %d", a, strides[a])
		}
		dims[a] = (limit[a] - start[a] + strides[a] - 1) / strides[a]
	}
	t.oneElement("operand and result", t.in[0], t.out[0])
	t.resultIs(0, shapes.Shape{DType: s.DType, Dimensions: dims})
}

func (t *typed) dynamicSlice() {
	t.atLeast(1)
	s := t.in[0].tensor()
	t.starts(t.in[1:], s.Rank())
	t.needs("slice_sizes")
	sizes := t.list("slice_sizes", s.Rank())
	for a, n := range s.Dimensions {
		if sizes[a] < 0 || n >= 0 && sizes[a] > n {
			t.fail("axis %d: a slice of %d of %d elements", a, sizes[a], n)
		}
	}
	t.oneElement("operand and result", t.in[0], t.out[0])
	t.resultIs(0, shapes.Shape{DType: s.DType, Dimensions: sizes})
}

// starts checks that list holds a start for each of an operand's axes: integer scalars of one type.
func (t *typed) starts(list []mlirType, rank int) {
	if len(list) != rank {
		t.fail("%d start indices for an operand of %d axes", len(list), rank)
	}
	t.elements("a start index", dtypes.Ints, list...)
	t.scalar("a start index", list...)
	if len(list) > 0 {
		t.oneElement("the start indices", list...)
	}
}

func (t *typed) atLeast(n int) {
	if len(t.in) < n {
		t.fail("%d operands, it needs at least %d", len(t.in), n)
	}
}

// padded returns the sizes of what is padded: a negative padding takes away.
func (t *typed) padded(dims, low, high, interior []int) []int {
	out := make([]int, len(dims))
	for a, n := range dims {
		if interior[a] < 0 {
			t.fail("axis %d: %d elements between two others", a, interior[a])
		}
		if out[a] = -1; n >= 0 {
			if out[a] = n + low[a] + high[a] + max(n-1, 0)*interior[a]; out[a] < 0 {
				t.fail("axis %d: padding takes away more than the %d elements", a, n)
			}
		}
	}
	return out
}
