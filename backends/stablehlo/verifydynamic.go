package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	constrain(func(t *typed) {
		x, y := t.in[0].tensor(), t.out[0].tensor()
		t.needs("broadcast_dimensions")
		t.vector("sizes", t.in[1], y.Rank())
		t.oneElement("operand and result", t.in[0], t.out[0])
		t.broadcastDims(x, y)
		hints := slices.Concat(t.list("known_expanding_dimensions", -1), t.list("known_nonexpanding_dimensions", -1))
		t.axes("known_expanding_dimensions and known_nonexpanding_dimensions", hints, x.Rank())
	}, "dynamic_broadcast_in_dim")
	constrain(func(t *typed) {
		t.vector("sizes", t.in[1], t.out[0].tensor().Rank())
		t.oneElement("operand and result", t.in[0], t.out[0])
		t.sameSize(t.in[0], t.out[0])
	}, "dynamic_reshape")
	constrain(func(t *typed) {
		t.vector("sizes", t.in[0], t.out[0].tensor().Rank())
		t.elements("the result", dtypes.Numbers, t.out[0])
		t.axis("iota_dimension", t.out[0].tensor().Rank())
	}, "dynamic_iota")
	constrain(func(t *typed) {
		x := t.in[0].tensor()
		t.oneElement("operand, padding and result", t.in[0], t.in[1], t.out[0])
		t.scalar("the padding", t.in[1])
		for _, ty := range t.in[2:] {
			t.vector("paddings", ty, x.Rank())
		}
		t.alike("the operands with paddings", t.in[2:]...)
		t.sameRank(x, t.out[0])
	}, "dynamic_pad")
	constrain(func(t *typed) {
		x := t.in[0].tensor()
		t.oneElement("operand and result", t.in[0], t.out[0])
		for _, ty := range t.in[1:] {
			t.vector("starts, limits or strides", ty, x.Rank())
		}
		t.alike("starts, limits and strides", t.in[1:]...)
		t.sameRank(x, t.out[0])
	}, "real_dynamic_slice")
	constrain(func(t *typed) {
		s := t.in[0].tensor()
		axis := t.axis("dimension", s.Rank())
		t.elements("the size", dtypes.SetOf(dtypes.Int32), t.in[1])
		t.scalar("the size", t.in[1])
		dims := slices.Clone(s.Dimensions)
		dims[axis] = -1
		t.oneElement("operand and result", t.in[0], t.out[0])
		t.resultIs(0, shapes.Shape{DType: s.DType, Dimensions: dims})
	}, "set_dimension_size")
}

// sameRank checks that a result has as many axes as the operand.
func (t *typed) sameRank(x shapes.Shape, y mlirType) {
	if y.tensor().Rank() != x.Rank() {
		t.fail("the result is %s, and must have as many axes as the operand, %d", y.text, x.Rank())
	}
}
