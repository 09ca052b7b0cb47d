package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	constrainAll(-1, (*typed).reduce, "reduce")
	constrainAll(-1, (*typed).reduceWindow, "reduce_window")
	constrain((*typed).selectAndScatter, "select_and_scatter")
	constrain((*typed).mapped, "map")
	constrainAll(-1, (*typed).sort, "sort")
}

// reducer checks the body of a reduction of inputs, each with what it starts from: scalars (E…, E…) → (E…), E being
// floats of any width or as wide as the input's elements. StableHLO lets bodies work on tensors too.
func (t *typed) reducer(region int, inputs, inits []mlirType) {
	n, args, out := len(inputs), t.op.regions[region].types, t.returns[region]
	if len(args) != 2*n || len(out) != n {
		t.fail("the body takes %d values and returns %d, not %d and %d", len(args), len(out), 2*n, n)
	}
	for i, y := range out {
		a, b := args[i], args[n+i]
		switch {
		case !compatible(y, a):
			t.fail("the body takes %s and returns %s", a.text, y.text)
		case !shapesMeet(y, b) || !sameElement(y, b) && !floats(y, b):
			t.fail("the body takes %s and returns %s", b.text, y.text)
		case !shapesMeet(inits[i], y):
			t.fail("the body returns %s, and the reduction starts from %s", y.text, inits[i].text)
		case !widens(inits[i], y):
			t.fail("the body returns %s, which does not hold the %s that the reduction starts from", y.text, inits[i].text)
		case !widens(inputs[i], b):
			t.fail("the body takes %s, which does not hold the elements of %s", b.text, inputs[i].text)
		case b.tensor().Rank() > 0 || a.tensor().Rank() > 0:
			t.fail("the body takes %s: Quire reduces by scalars", b.text)
		}
	}
}

func floats(t, u mlirType) bool { return isFloat(t.tensor()) && isFloat(u.tensor()) }

// widens reports whether elements of u hold those of t: floats of any width, others of their kind that are no narrower.
func widens(t, u mlirType) bool {
	d, e := t.tensor().DType, u.tensor().DType
	switch {
	case isFloat(t.tensor()) || isFloat(u.tensor()):
		return floats(t, u)
	case d.IsComplex() != e.IsComplex(), d.IsUnsigned() != e.IsUnsigned() && d != dtypes.Bool && e != dtypes.Bool:
		return false
	}
	return t.bits() <= u.bits()
}

// halves returns the values and what they start from, of as many operands each as there are results.
func (t *typed) halves() (inputs, inits []mlirType) {
	n := len(t.in) / 2
	if len(t.in) != 2*n || n == 0 || len(t.out) != n {
		t.fail("%d operands and %d results: it takes values and then as many to start from, and has as many results", len(t.in), len(t.out))
	}
	t.regions(1)
	inputs, inits = t.in[:n], t.in[n:]
	t.oneShape("the values", inputs...)
	for i, x := range inits {
		if x.tensor().Rank() != 0 {
			t.fail("what a reduction starts from must be a scalar, not %s", x.text)
		}
		if !widens(x, inputs[i]) && !widens(inputs[i], x) {
			t.fail("a reduction of %s starts from %s", inputs[i].text, x.text)
		}
	}
	return inputs, inits
}

func (t *typed) reduce() {
	inputs, inits := t.halves()
	s := inputs[0].tensor()
	t.needs("dimensions")
	axes := t.axes("dimensions", t.list("dimensions", -1), s.Rank())
	var dims []int
	for a, n := range s.Dimensions {
		if !slices.Contains(axes, a) {
			dims = append(dims, n)
		}
	}
	t.reducer(0, inputs, inits)
	t.reduced(dims)
}

// reduced checks that results have the given dimensions, and the elements that the body returns.
func (t *typed) reduced(dims []int) {
	for i, y := range t.returns[0] {
		t.resultIs(i, shapes.Shape{DType: y.tensor().DType, Dimensions: dims})
	}
}

// window checks the settings of windows over a tensor and returns how many there are along each axis.
func (t *typed) window(s shapes.Shape, dilated bool) []int {
	setting := func(name string) []int {
		list := t.list(name, s.Rank())
		if list == nil {
			return slices.Repeat([]int{1}, s.Rank())
		}
		t.reach(name, list, 1)
		return list
	}
	t.needs("window_dimensions")
	size, stride := setting("window_dimensions"), setting("window_strides")
	base, spread := slices.Repeat([]int{1}, s.Rank()), slices.Repeat([]int{1}, s.Rank())
	if dilated {
		base, spread = setting("base_dilations"), setting("window_dilations")
	}
	return windows(s.Dimensions, size, stride, base, spread, t.pads(s.Rank()))
}

// windows returns how many windows there are along each axis, -1 where that is open.
func windows(dims, size, stride, base, spread []int, padding [][2]int) []int {
	out := make([]int, len(dims))
	for a, n := range dims {
		if n < 0 || size[a] < 0 {
			out[a] = -1
			continue
		}
		if n > 0 {
			n = (n-1)*base[a] + 1
		}
		n += padding[a][0] + padding[a][1]
		reach := 0
		if size[a] > 0 {
			reach = (size[a]-1)*spread[a] + 1
		}
		if out[a] = 0; n > 0 && reach <= n {
			out[a] = (n-reach)/stride[a] + 1
		}
	}
	return out
}

func (t *typed) reduceWindow() {
	inputs, inits := t.halves()
	dims := t.window(inputs[0].tensor(), true)
	t.reducer(0, inputs, inits)
	t.reduced(dims)
}

func (t *typed) selectAndScatter() {
	t.regions(2)
	x, source, init := t.in[0], t.in[1], t.in[2]
	t.oneElement("operand and source", x, source)
	t.oneElement("operand and what it starts from", x, init)
	t.scalar("what it starts from", init)
	e := scalarOf(x)
	t.takes(0, []mlirType{e, e})
	t.returned(0, []mlirType{typeOfShape(shapes.Scalar(dtypes.Bool))})
	dims := t.window(x.tensor(), false)
	if want := typeOfShape(shapes.Shape{DType: x.tensor().DType, Dimensions: dims}); !shapesMeet(want, source) {
		t.fail("the source is %s, and there are %v windows", source.text, dims)
	}
	t.reducer(1, []mlirType{x}, []mlirType{init})
	t.oneShape("operand and result", x, t.out[0])
	t.oneElement("what the body makes, and the result", t.returns[1][0], t.out[0])
}

func (t *typed) mapped() {
	t.atLeast(1)
	t.regions(1)
	t.needs("dimensions")
	s := t.in[0].tensor()
	if dims := t.list("dimensions", -1); !slices.Equal(dims, upTo(0, s.Rank())) {
		t.fail("the attribute dimensions: %v are not all axes of %d in their order", dims, s.Rank())
	}
	t.oneShape("operands and result", slices.Concat(t.in, t.out)...)
	args := make([]mlirType, len(t.in))
	for i, ty := range t.in {
		args[i] = scalarOf(ty)
	}
	t.takes(0, args)
	t.returned(0, []mlirType{scalarOf(t.out[0])})
}

func (t *typed) sort() {
	t.atLeast(1)
	t.regions(1)
	if len(t.in) != len(t.out) {
		t.fail("%d operands and %d results", len(t.in), len(t.out))
	}
	t.oneShape("operands and results", slices.Concat(t.in, t.out)...)
	rank := t.in[0].tensor().Rank()
	if d := t.int("dimension", -1); d < -rank || d >= rank {
		t.fail("the attribute dimension: %d is not an axis of %d", d, rank)
	}
	var args []mlirType
	for i, ty := range t.in {
		t.oneElement("operand and result", ty, t.out[i])
		args = append(args, scalarOf(ty), scalarOf(ty))
	}
	t.takes(0, args)
	t.returned(0, []mlirType{typeOfShape(shapes.Scalar(dtypes.Bool))})
}
