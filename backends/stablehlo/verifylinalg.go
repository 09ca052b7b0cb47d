package stablehlo

import (
	"slices"
	"strconv"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	constrain((*typed).dotGeneral, "dot_general")
	constrain(func(t *typed) {
		x, y := t.in[0].tensor(), t.in[1].tensor()
		if x.Rank() < 1 || x.Rank() > 2 || y.Rank() < 1 || y.Rank() > 2 {
			t.fail("it takes vectors and matrices, not %s and %s", t.in[0].text, t.in[1].text)
		}
		n := x.Rank() - 1
		if !meet(x.Dimensions[n], y.Dimensions[0]) {
			t.fail("%d columns against %d rows", x.Dimensions[n], y.Dimensions[0])
		}
		t.precision()
		t.resultIs(0, shapes.Shape{DType: t.out[0].tensor().DType, Dimensions: slices.Concat(x.Dimensions[:n], y.Dimensions[1:])})
	}, "dot")
	constrain(func(t *typed) { t.convolution(t.pads(max(0, t.in[0].tensor().Rank()-2)), false) }, "convolution")
	constrain(func(t *typed) {
		n := max(0, t.in[0].tensor().Rank()-2)
		if s := t.in[2].tensor(); s.Rank() != 2 || !s.DType.IsInt() || !meet(s.Dimensions[0], n) || !meet(s.Dimensions[1], 2) {
			t.fail("the operand with paddings is %s, and must have two whole numbers for each of %d axes", t.in[2].text, n)
		}
		t.pads(n) // an attribute of that name is checked too
		t.convolution(nil, true)
	}, "dynamic_conv")
	constrain((*typed).fourier, "fft")
	constrain(func(t *typed) {
		t.elementwise(dtypes.Inexact)
		t.square(t.in[0])
	}, "cholesky")
	constrain((*typed).triangular, "triangular_solve")
	constrain(func(t *typed) {
		t.normalised(t.in[1:5], t.in[:1])
		t.alike("operand and result", t.in[0], t.out[0])
	}, "batch_norm_inference")
	constrainAll(3, func(t *typed) {
		t.normalised(slices.Concat(t.in[1:], t.out[1:]), t.in[:1])
		t.alike("operand and result", t.in[0], t.out[0])
	}, "batch_norm_training")
	constrainAll(3, func(t *typed) {
		t.normalised(slices.Concat(t.in[1:4], t.out[1:]), []mlirType{t.in[0], t.in[4], t.out[0]})
	}, "batch_norm_grad")
}

func (t *typed) dotGeneral() {
	x, y := t.in[0].tensor(), t.in[1].tensor()
	numbers, ok := t.op.attrs["dot_dimension_numbers"].(map[string]any)
	if !ok {
		t.fail("the attribute dot_dimension_numbers is missing")
	}
	list := func(name string) []int { return t.intsOf(name, numbers[name]) }
	xBatch, yBatch := list("lhs_batching_dimensions"), list("rhs_batching_dimensions")
	xContract, yContract := list("lhs_contracting_dimensions"), list("rhs_contracting_dimensions")
	if len(xBatch) != len(yBatch) || len(xContract) != len(yContract) {
		t.fail("%d and %d batch axes, %d and %d axes to sum over: they come in pairs", len(xBatch), len(yBatch), len(xContract), len(yContract))
	}
	t.axes("the left operand's axes", slices.Concat(xBatch, xContract), x.Rank())
	t.axes("the right operand's axes", slices.Concat(yBatch, yContract), y.Rank())
	dims := []int{}
	for i, a := range slices.Concat(xBatch, xContract) {
		b := slices.Concat(yBatch, yContract)[i]
		if !meet(x.Dimensions[a], y.Dimensions[b]) {
			t.fail("axis %d of the left operand has %d elements, axis %d of the right one %d", a, x.Dimensions[a], b, y.Dimensions[b])
		}
		if i < len(xBatch) {
			dims = append(dims, x.Dimensions[a])
		}
	}
	for a, n := range x.Dimensions {
		if !slices.Contains(xBatch, a) && !slices.Contains(xContract, a) {
			dims = append(dims, n)
		}
	}
	for a, n := range y.Dimensions {
		if !slices.Contains(yBatch, a) && !slices.Contains(yContract, a) {
			dims = append(dims, n)
		}
	}
	t.precision()
	t.algorithm()
	t.resultIs(0, shapes.Shape{DType: t.out[0].tensor().DType, Dimensions: dims})
}

// algorithms are the ways to make a product that some hardware has: types of the operands' parts and of the sum, and
// how many products.
var algorithms = map[string][]int64{
	"f16 f16": {1}, "f16 f32": {1}, "bf16 bf16": {1}, "bf16 f32": {1, 3, 6, 9}, "tf32 f32": {1, 3}, "f32 f32": {1}, "f64 f64": {1},
}

// algorithm checks how a product is to be made.
func (t *typed) algorithm() {
	m, ok := t.op.attrs["algorithm"].(map[string]any)
	if !ok {
		return
	}
	for _, name := range []string{"precision_config", "precision"} {
		list, _ := t.op.attrs[name].([]any)
		for _, p := range list {
			if p != keyword("DEFAULT") {
				t.fail("the attribute algorithm and a precision other than DEFAULT exclude each other")
			}
		}
	}
	number := func(name string) int64 {
		n, _ := m[name].(int64)
		if n < 1 {
			t.fail("the attribute algorithm: %s is %v, and must be at least 1", name, m[name])
		}
		return n
	}
	name := func(name string) string {
		switch v := m[name].(type) {
		case keyword:
			return string(v)
		case mlirType:
			return v.text
		}
		return ""
	}
	lhs, rhs, sum := name("lhs_precision_type"), name("rhs_precision_type"), name("accumulation_type")
	products, imprecise := number("num_primitive_operations"), m["allow_imprecise_accumulation"] == true
	one := number("lhs_component_count") == 1 && number("rhs_component_count") == 1
	eight := func(s string) bool { return len(s) > 2 && s[:2] == "f8" }
	known := lhs == rhs && !imprecise && slices.Contains(algorithms[lhs+" "+sum], products) || eight(lhs) && eight(rhs) && sum == "f32" && products == 1
	if !known || !one {
		t.fail("the attribute algorithm: no hardware is known to multiply %s by %s into %s by %d products of these parts", lhs, rhs, sum, products)
	}
}

// convolution checks a convolution, whose padding may be open.
func (t *typed) convolution(padding [][2]int, open bool) {
	dims, ok := t.op.attrs["dimension_numbers"].(convDim)
	if !ok {
		t.fail("the attribute dimension_numbers is missing")
	}
	x, k, y := t.in[0].tensor(), t.in[1].tensor(), t.out[0].tensor()
	n := x.Rank() - 2
	if n < 0 || k.Rank() != x.Rank() {
		t.fail("operands must have as many axes as each other, and at least 2, not %s and %s", t.in[0].text, t.in[1].text)
	}
	if y.Rank() != x.Rank() {
		t.fail("the result is %s, and must have as many axes as the operands, %d", t.out[0].text, x.Rank())
	}
	t.oneElement("the operands", t.in[0], t.in[1])
	in, kernel, out := t.convAxes("input", dims.input, "b", "f", n), t.convAxes("kernel", dims.kernel, "i", "o", n), t.convAxes("output", dims.output, "b", "f", n)
	setting := func(name string) []int {
		list := t.list(name, n)
		if list == nil {
			return slices.Repeat([]int{1}, n)
		}
		return list
	}
	strides, base, spread := setting("window_strides"), setting("lhs_dilation"), setting("rhs_dilation")
	t.reach("window_strides", strides, 1)
	t.reach("lhs_dilation", base, 1)
	t.reach("rhs_dilation", spread, 1)
	setting("window_reversal")
	t.needs("feature_group_count", "batch_group_count")
	groups, batchGroups := t.int("feature_group_count", 1), t.int("batch_group_count", 1)
	divides := func(what string, size, by int) {
		if size >= 0 && size%by != 0 {
			t.fail("%s, %d, must be a multiple of the groups, %d", what, size, by)
		}
	}
	switch {
	case groups < 1 || batchGroups < 1:
		t.fail("%d groups of channels and %d of batches: there must be at least one", groups, batchGroups)
	case groups > 1 && batchGroups > 1:
		t.fail("%d groups of channels and %d of batches exclude each other", groups, batchGroups)
	}
	batch, channels := x.Dimensions[in[0]], x.Dimensions[in[1]]
	inputs, outputs := k.Dimensions[kernel[0]], k.Dimensions[kernel[1]]
	divides("the size of the batch", batch, batchGroups)
	divides("the channels of the input", channels, groups)
	divides("the channels of the output", outputs, groups)
	divides("the channels of the output", outputs, batchGroups)
	if channels >= 0 && !meet(channels/groups, inputs) {
		t.fail("the input has %d channels in %d groups, the kernel takes %d", channels, groups, inputs)
	}
	t.precision()
	size, window := make([]int, n), make([]int, n)
	for i := range n {
		size[i], window[i] = x.Dimensions[in[2+i]], k.Dimensions[kernel[2+i]]
		if window[i] == 0 {
			t.fail("a kernel without elements along axis %d", kernel[2+i])
		}
	}
	want := make([]int, n+2)
	if want[out[0]] = batch; batch >= 0 {
		want[out[0]] = batch / batchGroups
	}
	want[out[1]] = outputs
	if open {
		size = slices.Repeat([]int{-1}, n)
		padding = make([][2]int, n)
	}
	for i, m := range windows(size, window, strides, base, spread, padding) {
		want[out[2+i]] = m
	}
	t.resultIs(0, shapes.Shape{DType: y.DType, Dimensions: want})
}

// convAxes returns the axes that have the given names, and those of space, in their order.
func (t *typed) convAxes(what string, names []string, first, second string, n int) []int {
	if len(names) != n+2 {
		t.fail("dimension_numbers: %d axes of the %s, which has %d", len(names), what, n+2)
	}
	list := []int{slices.Index(names, first), slices.Index(names, second)}
	for i := range n {
		list = append(list, slices.Index(names, strconv.Itoa(i)))
	}
	if slices.Contains(list, -1) {
		t.fail("dimension_numbers: %v must name each axis of the %s once", names, what)
	}
	return list
}

func (t *typed) fourier() {
	s := t.in[0].tensor()
	kind := t.word("fft_type")
	lengths := t.list("fft_length", -1)
	n := len(lengths)
	switch {
	case transformOf(kind) == nil:
		t.fail("the type of a transform is FFT, IFFT, RFFT or IRFFT, not %q", kind)
	case n < 1 || n > 3:
		t.fail("a transform over %d axes: it must be over 1, 2 or 3", n)
	case n > s.Rank():
		t.fail("a transform over %d axes of an operand of %d", n, s.Rank())
	}
	t.reach("fft_length", lengths, 0)
	set := dtypes.Complexes
	if kind == "RFFT" {
		set = dtypes.SetOf(dtypes.Float32, dtypes.Float64)
	}
	t.elements("the operand", set, t.in[0])
	want := shapes.Shape{DType: s.DType, Dimensions: slices.Clone(s.Dimensions)}
	for i, length := range lengths {
		a, last := s.Rank()-n+i, i == n-1
		size := length
		if kind == "IRFFT" && last {
			if size = length/2 + 1; length == 0 {
				size = 0
			}
		}
		if !meet(s.Dimensions[a], size) {
			t.fail("axis %d has %d elements, a transform of length %d takes %d", a, s.Dimensions[a], length, size)
		}
		switch {
		case kind == "IRFFT" && last:
			want.Dimensions[a] = length
		case kind == "RFFT" && last && length > 0:
			want.Dimensions[a] = length/2 + 1
		}
	}
	switch kind {
	case "RFFT":
		want.DType = complexOf(s.DType)
	case "IRFFT":
		want.DType = s.DType.Real()
	}
	t.resultIs(0, want)
}

// square checks that a type is of matrices with as many rows as columns.
func (t *typed) square(ty mlirType) {
	s := ty.tensor()
	if n := s.Rank(); n < 2 || !meet(s.Dimensions[n-1], s.Dimensions[n-2]) {
		t.fail("%s is no square matrix", ty.text)
	}
}

func (t *typed) triangular() {
	t.needs("left_side", "lower", "unit_diagonal", "transpose_a")
	t.elements("an operand", dtypes.Inexact, t.in...)
	t.oneElement("operands and result", slices.Concat(t.in, t.out)...)
	t.square(t.in[0])
	a, b := t.in[0].tensor(), t.in[1].tensor()
	if b.Rank() != a.Rank() {
		t.fail("operands must have as many axes as each other, not %s and %s", t.in[0].text, t.in[1].text)
	}
	n := a.Rank()
	side := n - 1
	if t.bool("left_side") {
		side = n - 2
	}
	if !meet(a.Dimensions[n-1], b.Dimensions[side]) || !slices.EqualFunc(a.Dimensions[:n-2], b.Dimensions[:n-2], meet) {
		t.fail("%s and %s: batches and the side that is solved for must have the same sizes", t.in[0].text, t.in[1].text)
	}
	word := t.word("transpose_a")
	if _, ok := transposes[word]; !ok {
		t.fail("transpose_a is NO_TRANSPOSE, TRANSPOSE or ADJOINT, not %q", word)
	}
	t.alike("operand and result", t.in[1], t.out[0])
}

// normalised checks a batch normalisation of tensors, with what there is one of per feature.
func (t *typed) normalised(perFeature, list []mlirType) {
	s := list[0].tensor()
	t.elements("an operand", dtypes.Floats, slices.Concat(t.in, t.out)...)
	t.oneElement("operands and results", slices.Concat(t.in, t.out)...)
	feature := t.axis("feature_index", s.Rank())
	t.needs("epsilon")
	t.oneShape("what is normalised, and what belongs to it,", list...)
	for _, ty := range perFeature {
		if d := ty.tensor().Dimensions; len(d) != 1 || !meet(d[0], s.Dimensions[feature]) {
			t.fail("%s must hold one number for each of the %d features", ty.text, s.Dimensions[feature])
		}
	}
}
