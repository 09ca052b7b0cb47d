package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	define("stablehlo.gather", 2, one(readGather))
	define("stablehlo.scatter", 3, one(readScatter))
}

// indexing is what gather and scatter are told of their indices: which axes of the operand an index vector speaks of,
// and which axes of operand and indices are batches that go along with each other.
type indexing struct {
	axes           []int // of the operand, by place in an index vector
	batch, inIndex []int
	indices        *graph.Node // [b…, k], k being the places for axes and then for batch
}

// indexVectors brings the indices into the form in which their last axis holds an index for each of axes and batch.
func (c *reading) indexVectors(indices *graph.Node, at map[string]any, axes, batch, inIndex string, rank int) indexing {
	list := func(name string) []int { return slices.Clone(c.intsOf(name, at[name])) }
	ix := indexing{axes: list(axes), batch: list(batch), inIndex: list(inIndex)}
	c.axes(axes+" and "+batch, slices.Concat(ix.axes, ix.batch), rank)
	if !indices.DType().IsInt() {
		c.fail("indices must be integers, not %s", typeName(indices.DType()))
	}
	vector := 0 // if the text leaves it out
	if v, ok := at["index_vector_dim"].(int64); ok {
		vector = c.small("index_vector_dim", v)
	}
	switch {
	case vector < 0 || vector > indices.Rank():
		c.fail("index_vector_dim is %d, and the indices have %d axes", vector, indices.Rank())
	case vector == indices.Rank():
		indices = graph.ExpandAxes(indices, -1)
	default:
		perm := slices.Delete(upTo(0, indices.Rank()), vector, vector+1)
		indices = transposed(indices, append(perm, vector))
	}
	if len(ix.batch) != len(ix.inIndex) {
		c.fail("%d batch axes of the operand, %d of the indices", len(ix.batch), len(ix.inIndex))
	}
	for i, a := range ix.inIndex {
		if a == vector || a < 0 || a > indices.Rank() {
			c.fail("%s: %d is not a batch axis of the indices", inIndex, a)
		}
		if a > vector {
			ix.inIndex[i]--
		}
	}
	if n := indices.Dim(-1); n != len(ix.axes) {
		c.fail("index vectors have %d elements, and %s names %d axes", n, axes, len(ix.axes))
	}
	c.axes(inIndex, ix.inIndex, indices.Rank()-1)
	if len(ix.batch) > 0 { // an index for each batch axis: the place in the batch
		if indices.DType().Size() < 4 {
			indices = graph.ConvertDType(indices, dtypes.Int32)
		}
		parts := []*graph.Node{indices}
		dims := slices.Clone(indices.Shape().Dimensions)
		dims[len(dims)-1] = 1
		for _, a := range ix.inIndex {
			parts = append(parts, graph.Iota(c.g, shapes.Make(indices.DType(), dims...), a))
		}
		if len(ix.axes) == 0 {
			parts = parts[1:]
		}
		indices = graph.Concatenate(parts, -1)
	}
	ix.indices = indices
	return ix
}

// readGather takes a slice of the operand for each index vector, without the axes that are collapsed or batches, and
// puts its axes where offset_dims says.
func readGather(c *reading) *graph.Node {
	x := c.in[0]
	at, ok := c.op.attrs["dimension_numbers"].(map[string]any)
	if !ok {
		c.fail("the attribute dimension_numbers is missing")
	}
	ix := c.indexVectors(c.in[1], at, "start_index_map", "operand_batching_dims", "start_indices_batching_dims", x.Rank())
	offset, collapsed := c.intsOf("offset_dims", at["offset_dims"]), c.intsOf("collapsed_slice_dims", at["collapsed_slice_dims"])
	gone := c.axes("collapsed_slice_dims", slices.Concat(collapsed, ix.batch), x.Rank())
	sizes := c.perAxis("slice_sizes", x.Rank(), 1)
	all := slices.Concat(ix.axes, ix.batch)
	limit := slices.Clone(x.Shape().Dimensions)
	for a, size := range sizes {
		if size < 0 || size > x.Shape().Dimensions[a] || slices.Contains(gone, a) && size > 1 {
			c.fail("axis %d: a slice of %d of %d elements", a, size, x.Shape().Dimensions[a])
		}
		if !slices.Contains(all, a) { // no index speaks of it: it begins at 0
			limit[a] = size
		}
	}
	x = sliced(x, slices.Repeat([]int{0}, x.Rank()), limit, slices.Repeat([]int{1}, x.Rank()))
	batches := ix.indices.Shape().Dimensions[:ix.indices.Rank()-1]
	var kept []int // sizes of the axes of a slice that stay
	for a, size := range sizes {
		if !slices.Contains(gone, a) {
			kept = append(kept, size)
		}
	}
	var y *graph.Node // [batches…, kept…]
	leading := slices.Equal(all, upTo(0, len(all))) && !slices.ContainsFunc(all, func(a int) bool { return sizes[a] != 1 })
	switch {
	case len(all) == 0:
		y = graph.BroadcastToDims(reshaped(x, kept), slices.Concat(batches, kept)...)
	case leading && slices.Equal(slices.Sorted(slices.Values(gone)), all):
		y = graph.Gather(x, ix.indices, c.bool("indices_are_sorted"))
	default:
		along := make([]int, len(all))
		for i, a := range all {
			along[i] = sizes[a]
		}
		y = graph.GatherSlices(x, all, ix.indices, along, c.bool("indices_are_sorted"))
		y = reshaped(y, slices.Concat(batches, kept))
	}
	if len(offset) != len(kept) {
		c.fail("offset_dims names %d axes, and slices keep %d", len(offset), len(kept))
	}
	c.axes("offset_dims", offset, y.Rank())
	perm := make([]int, y.Rank())
	batch, k := 0, 0
	for i := range perm {
		if slices.Contains(offset, i) {
			perm[i] = len(batches) + k
			k++
		} else {
			perm[i] = batch
			batch++
		}
	}
	return transposed(y, perm)
}

// readScatter combines elements of the operand with updates: for each index vector there is a window of updates, which
// begins where the vector says.
func readScatter(c *reading) *graph.Node {
	c.wantRegions(1, 2)
	r := c.op.regions[0]
	x, updates := c.promoted(r, 1, c.in[:1])[0], c.promoted(r, 1, c.in[2:])[0]
	at, ok := c.op.attrs["scatter_dimension_numbers"].(map[string]any)
	if !ok {
		c.fail("the attribute scatter_dimension_numbers is missing")
	}
	ix := c.indexVectors(c.in[1], at, "scatter_dims_to_operand_dims", "input_batching_dims", "scatter_indices_batching_dims", x.Rank())
	window, inserted := c.intsOf("update_window_dims", at["update_window_dims"]), c.intsOf("inserted_window_dims", at["inserted_window_dims"])
	gone := c.axes("inserted_window_dims", slices.Concat(inserted, ix.batch), x.Rank())
	c.axes("update_window_dims", window, updates.Rank())
	indices := ix.indices
	b := indices.Rank() - 1
	if updates.Rank() != b+len(window) || x.Rank() != len(window)+len(gone) {
		c.fail("updates of %d axes, of which %d are of windows, do not fit %d index axes and an operand of %d", updates.Rank(), len(window), b, x.Rank())
	}
	// updates become [b…, window…], the window's axes in the order of the operand's.
	order := slices.DeleteFunc(upTo(0, updates.Rank()), func(a int) bool { return slices.Contains(window, a) })
	updates = transposed(updates, append(order, window...))
	sizes := slices.Repeat([]int{1}, x.Rank())
	for a, k := 0, 0; a < x.Rank(); a++ {
		if !slices.Contains(gone, a) {
			sizes[a] = updates.Shape().Dimensions[b+k]
			k++
		}
	}
	// Axes that windows cover whole stay behind the index; each element along the others gets an index of its own.
	all := slices.Concat(ix.axes, ix.batch)
	var rest []int
	for a, size := range sizes {
		switch {
		case slices.Contains(all, a):
		case size == x.Shape().Dimensions[a]:
			rest = append(rest, a)
		default:
			all = append(all, a)
		}
	}
	batches := indices.Shape().Dimensions[:b]
	if missing := len(all) - len(ix.axes) - len(ix.batch); missing > 0 || len(all) == 0 {
		if len(all) == 0 { // the index says nothing: scatter into a new first axis of size 1
			return c.scatterWhole(x, updates, b)
		}
		zeros := graph.Zeros(c.g, shapes.Make(indices.DType(), slices.Concat(batches, []int{missing})...))
		if indices.Dim(-1) == 0 {
			indices = zeros
		} else {
			indices = graph.Concatenate([]*graph.Node{indices, zeros}, -1)
		}
	}
	along := make([]int, len(all))
	wide := false
	for i, a := range all {
		along[i] = sizes[a]
		wide = wide || sizes[a] != 1
	}
	if wide {
		indices = graph.ConvertDType(indices, dtypes.Int64)
		indices = reshaped(indices, slices.Concat(batches, slices.Repeat([]int{1}, len(all)), []int{len(all)}))
		parts := make([]*graph.Node, len(all))
		for i := range all {
			parts[i] = graph.Iota(c.g, shapes.Make(dtypes.Int64, append(slices.Clone(along), 1)...), i)
		}
		indices = graph.Add(indices, graph.Concatenate(parts, -1))
	} else {
		along = nil
	}
	// updates: [b…, sizes by operand axis…] → [b…, all…, rest…]
	full := reshaped(updates, slices.Concat(batches, sizes))
	perm := upTo(0, b)
	for _, a := range slices.Concat(all, rest) {
		perm = append(perm, b+a)
	}
	full = transposed(full, perm)
	var restDims []int
	for _, a := range rest {
		restDims = append(restDims, x.Shape().Dimensions[a])
	}
	full = reshaped(full, slices.Concat(batches, along, restDims))
	y := c.scatter(transposed(x, slices.Concat(all, rest)), indices, full)
	return transposed(y, inverted(slices.Concat(all, rest)))
}

// scatterWhole is a scatter whose index vectors are empty: every window covers the operand.
func (c *reading) scatterWhole(x, updates *graph.Node, b int) *graph.Node {
	batches := updates.Shape().Dimensions[:b]
	indices := graph.Zeros(c.g, shapes.Make(dtypes.Int32, append(slices.Clone(batches), 1)...))
	y := c.scatter(reshaped(x, slices.Concat([]int{1}, x.Shape().Dimensions)), indices, updates)
	return reshaped(y, x.Shape().Dimensions)
}

// scatter combines by what the operation's region does with an element and an update.
func (c *reading) scatter(x, indices, updates *graph.Node) *graph.Node {
	c.wantRegions(1, 2)
	r := c.op.regions[0]
	sorted, unique := c.bool("indices_are_sorted"), c.bool("unique_indices")
	isBool := x.DType() == dtypes.Bool
	switch name := combiner(r); {
	case name == "second":
		return graph.ScatterUpdate(x, indices, updates, sorted, unique)
	case isBool && (name == "stablehlo.or" || name == "stablehlo.add" || name == "stablehlo.maximum"), isBool && (name == "stablehlo.and" || name == "stablehlo.multiply" || name == "stablehlo.minimum"):
		f := graph.ScatterMax
		if name == "stablehlo.and" || name == "stablehlo.multiply" || name == "stablehlo.minimum" {
			f = graph.ScatterMin
		}
		y := f(graph.ConvertDType(x, dtypes.Uint8), indices, graph.ConvertDType(updates, dtypes.Uint8), sorted, unique)
		return graph.ConvertDType(y, dtypes.Bool)
	case name == "stablehlo.add":
		return graph.ScatterSum(x, indices, updates, sorted, unique)
	case name == "stablehlo.maximum":
		return graph.ScatterMax(x, indices, updates, sorted, unique)
	case name == "stablehlo.minimum":
		return graph.ScatterMin(x, indices, updates, sorted, unique)
	case unique: // each element meets one update at most
		old := graph.Gather(x, indices)
		out := c.lift(r, []*graph.Node{old, updates})
		if len(out) != 1 {
			c.fail("its body returns %d values, not one", len(out))
		}
		return graph.ScatterUpdate(x, indices, out[0], sorted, true)
	case name == "stablehlo.subtract": // from an element everything that is taken away from it
		return graph.ScatterSum(x, indices, graph.Neg(updates), sorted, unique)
	case !associative[name]:
		c.fail("Quire scatters by add, subtract, multiply, maximum, minimum, and, or, xor or by putting the update in the element's place, unless indices are unique")
	}
	return graph.ScatterFunc(x, indices, updates, func(a, b *graph.Node) *graph.Node {
		out := c.lift(r, []*graph.Node{a, b})
		if len(out) != 1 {
			c.fail("its body returns %d values, not one", len(out))
		}
		return out[0]
	})
}

// associative are the bodies, as combiner names them, by which updates of one element may be joined before they meet it.
var associative = map[string]bool{"first": true, "stablehlo.multiply": true, "stablehlo.and": true, "stablehlo.or": true, "stablehlo.xor": true}

// inverted returns the permutation that undoes perm.
func inverted(perm []int) []int {
	out := make([]int, len(perm))
	for i, a := range perm {
		out[a] = i
	}
	return out
}

// combiner says what a region of two scalars does: the name of its one operation, whose operands may stand in either order, or the second
// be subtracted from the first; "first" or "second" if it returns an argument, "" if it is anything else. Conversions to a wider float and back around a sum are looked through.
func combiner(r *region) string {
	if len(r.args) != 2 || len(r.ops) == 0 {
		return ""
	}
	made := map[string]*operation{}
	plain := func(name string) string {
		for op := made[name]; op != nil && op.name == "stablehlo.convert" && len(op.operands) == 1; op = made[name] {
			if !op.out[0].shape.DType.IsFloat() || !r.types[0].shape.DType.IsFloat() || op.out[0].shape.DType.Size() < r.types[0].shape.DType.Size() {
				break
			}
			name = op.operands[0]
		}
		return name
	}
	for _, op := range r.ops[:len(r.ops)-1] {
		if len(op.results) != 1 {
			return ""
		}
		made[op.results[0]] = op
	}
	last := r.ops[len(r.ops)-1]
	if len(last.operands) != 1 {
		return ""
	}
	y := plain(last.operands[0])
	switch op := made[y]; {
	case y == r.args[0]:
		return "first"
	case y == r.args[1]:
		return "second"
	case op == nil || len(op.operands) != 2:
		return ""
	default:
		x, y := plain(op.operands[0]), plain(op.operands[1])
		if op.name == "stablehlo.subtract" && x == r.args[0] && y == r.args[1] {
			return op.name
		}
		if x == r.args[0] && y == r.args[1] || x == r.args[1] && y == r.args[0] {
			switch op.name {
			case "stablehlo.add", "stablehlo.multiply", "stablehlo.maximum", "stablehlo.minimum", "stablehlo.and", "stablehlo.or", "stablehlo.xor":
				return op.name
			}
		}
	}
	return ""
}
