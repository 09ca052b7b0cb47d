package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	constrain(func(t *typed) {
		rank := t.in[0].tensor().Rank()
		t.needs("slice_sizes")
		sizes := t.list("slice_sizes", rank)
		t.reach("slice_sizes", sizes, 0)
		t.gather(sizes)
	}, "gather")
	constrain(func(t *typed) {
		rank := t.in[0].tensor().Rank()
		t.vector("slice sizes", t.in[2], rank)
		t.gather(slices.Repeat([]int{-1}, rank))
	}, "dynamic_gather")
	constrainAll(-1, (*typed).scatter, "scatter")
}

// vector checks that an operand that holds n numbers, which say sizes, is a list of whole numbers; n is negative for any.
func (t *typed) vector(what string, ty mlirType, n int) {
	s := ty.tensor()
	if s.Rank() != 1 || !s.DType.IsInt() || n >= 0 && !meet(s.Dimensions[0], n) {
		t.fail("the operand with %s is %s: it must be a list of whole numbers, one for each axis", what, ty.text)
	}
}

// indexed is what gather and scatter say of their indices, by the names that it has there.
type indexed struct {
	*typed
	at             map[string]any
	axes           string // of the operand, by place in an index vector
	batch, inIndex string // axes that go along with each other
	gone           string // axes of the operand that no slice keeps
	kept           string // axes of the slices
}

func (x indexed) list(name string) []int { return x.intsOf(name, x.at[name]) }

// vectors checks the settings, with the axes of operand, indices and slices, and returns the sizes of the batches.
func (x indexed) vectors(operand, indices, sliced shapes.Shape) (batches []int) {
	axes, batch, inIndex, gone, kept := x.list(x.axes), x.list(x.batch), x.list(x.inIndex), x.list(x.gone), x.list(x.kept)
	if n := len(kept) + len(gone) + len(batch); n != operand.Rank() {
		x.fail("the operand has %d axes, and %s, %s and %s name %d", operand.Rank(), x.kept, x.gone, x.batch, n)
	}
	vector, ok := x.at["index_vector_dim"].(int64)
	if v := int(vector); !ok {
		vector = 0
	} else if v < 0 || v > indices.Rank() {
		x.fail("index_vector_dim is %d, and the indices have %d axes", v, indices.Rank())
	}
	dims := slices.Clone(indices.Dimensions)
	if int(vector) == len(dims) {
		dims = append(dims, 1)
	}
	if n := dims[vector]; !meet(n, len(axes)) {
		x.fail("index vectors have %d elements, and %s names %d axes", n, x.axes, len(axes))
	}
	x.typed.ascending(x.kept, kept)
	x.typed.axes(x.kept, kept, sliced.Rank())
	x.ascending(x.gone, gone)
	x.ascending(x.batch, batch)
	x.typed.axes(x.gone+" and "+x.batch, slices.Concat(gone, batch), operand.Rank())
	x.typed.axes(x.inIndex, inIndex, indices.Rank())
	if slices.Contains(inIndex, int(vector)) {
		x.fail("the attribute %s: %v must not name the axis of index vectors, %d", x.inIndex, inIndex, vector)
	}
	if len(batch) != len(inIndex) {
		x.fail("%d batch axes of the operand, %d of the indices", len(batch), len(inIndex))
	}
	for i, a := range batch {
		if m, n := operand.Dimensions[a], dims[inIndex[i]]; !meet(m, n) {
			x.fail("axes %d of the operand and %d of the indices are one batch, and have %d and %d elements", a, inIndex[i], m, n)
		}
	}
	x.typed.axes(x.axes+" and "+x.batch, slices.Concat(axes, batch), operand.Rank())
	return slices.Delete(dims, int(vector), int(vector)+1)
}

// gather checks a gather of slices whose sizes may be open.
func (t *typed) gather(sizes []int) {
	at, ok := t.op.attrs["dimension_numbers"].(map[string]any)
	if !ok {
		t.fail("the attribute dimension_numbers is missing")
	}
	operand, indices, result := t.in[0].tensor(), t.in[1].tensor(), t.out[0].tensor()
	t.elements("the operand with indices", dtypes.Ints, t.in[1])
	t.oneElement("operand and result", t.in[0], t.out[0])
	x := indexed{t, at, "start_index_map", "operand_batching_dims", "start_indices_batching_dims", "collapsed_slice_dims", "offset_dims"}
	batches := x.vectors(operand, indices, result)
	gone, offset := slices.Concat(x.list(x.gone), x.list(x.batch)), x.list(x.kept)
	var kept []int
	for a, n := range sizes {
		m := operand.Dimensions[a]
		if n >= 0 && m >= 0 && n > m || slices.Contains(gone, a) && n > 1 {
			t.fail("axis %d: a slice of %d of %d elements", a, n, m)
		}
		if !slices.Contains(gone, a) {
			kept = append(kept, n)
		}
	}
	if n := len(batches) + len(kept); n != result.Rank() {
		t.fail("the result has %d axes, and batches and slices %d", result.Rank(), n)
	}
	dims := make([]int, result.Rank())
	for i := range dims {
		if slices.Contains(offset, i) {
			dims[i], kept = kept[0], kept[1:]
		} else {
			dims[i], batches = batches[0], batches[1:]
		}
	}
	t.resultIs(0, shapes.Shape{DType: operand.DType, Dimensions: dims})
}

func (t *typed) scatter() {
	at, ok := t.op.attrs["scatter_dimension_numbers"].(map[string]any)
	if !ok {
		t.fail("the attribute scatter_dimension_numbers is missing")
	}
	n := len(t.in) / 2
	if len(t.in) != 2*n+1 || n == 0 || len(t.out) != n {
		t.fail("%d operands and %d results: it takes values, indices and as many updates, and has as many results", len(t.in), len(t.out))
	}
	inputs, updates := t.in[:n], t.in[n+1:]
	operand, indices, update := inputs[0].tensor(), t.in[n].tensor(), updates[0].tensor()
	t.elements("the operand with indices", dtypes.Ints, t.in[n])
	t.oneShape("the values", inputs...)
	t.oneShape("the updates", updates...)
	x := indexed{t, at, "scatter_dims_to_operand_dims", "input_batching_dims", "scatter_indices_batching_dims", "inserted_window_dims", "update_window_dims"}
	window := x.list(x.kept)
	batches := x.vectors(operand, indices, update)
	if want := len(batches) + len(window); update.Rank() != want {
		t.fail("the updates have %d axes, and batches and windows %d", update.Rank(), want)
	}
	gone := slices.Concat(x.list(x.gone), x.list(x.batch))
	var whole []int
	for a, size := range operand.Dimensions {
		if !slices.Contains(gone, a) {
			whole = append(whole, size)
		}
	}
	for a, size := range update.Dimensions {
		if k := slices.Index(window, a); k >= 0 {
			if whole[k] >= 0 && size > whole[k] {
				t.fail("axis %d of the updates: a window of %d of %d elements", a, size, whole[k])
			}
			continue
		}
		if !meet(size, batches[0]) {
			t.fail("axis %d of the updates has %d elements, and that of the indices %d", a, size, batches[0])
		}
		batches = batches[1:]
	}
	starts := make([]mlirType, n)
	for i, ty := range updates {
		starts[i] = scalarOf(ty)
	}
	t.regions(1)
	t.reducer(0, inputs, starts)
	for i := range t.out {
		t.oneShape("value and result", inputs[i], t.out[i])
		t.oneElement("what the body makes, and the result", t.returns[0][i], t.out[i])
	}
}
