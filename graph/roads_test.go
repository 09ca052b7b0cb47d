package graph_test

import (
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/require"
)

// wholes returns a float64 tensor of small whole numbers, with which sums are exact in any order.
func wholes(rng *rand.Rand, dims ...int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Float64, dims...))
	for i, flat := 0, tensors.Flat[float64](t); i < len(flat); i++ {
		flat[i] = float64(rng.IntN(19) - 9)
	}
	return t
}

// distinct returns a float64 tensor in which no number comes twice.
func distinct(rng *rand.Rand, dims ...int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Float64, dims...))
	for i, p := range rng.Perm(t.Size()) {
		tensors.Flat[float64](t)[i] = float64(p - t.Size()/2)
	}
	return t
}

// checkRoads compares value and gradients of an op with those of its expansion.
func checkRoads(t *testing.T, op string, attrs any, in ...*tensors.Tensor) {
	t.Helper()
	row := ir.OpByName(op)
	args := make([]any, len(in))
	for i, x := range in {
		args[i] = x
	}
	out, err := graph.CallOnceN(graphtest.Reference(), func(x []*graph.Node) []*graph.Node {
		var results []*graph.Node
		for _, y := range []*graph.Node{graph.Apply(row, attrs, x...), graph.RuleOf(row).Expand(attrs, x)[0]} {
			w := graph.AddScalar(graph.IotaFull(y.Graph(), y.Shape()), 1)
			results = append(append(results, y), graph.Gradient(graph.ReduceAllSum(graph.Mul(w, y)), x...)...)
		}
		return results
	}, args...)
	require.NoError(t, err, "%s %+v", op, attrs)
	half := len(out) / 2
	for i := range half {
		require.True(t, out[i].Equal(out[half+i]), "%s %+v of %v: result %d is\n%s\nits expansion has\n%s", op, attrs, in, i, out[i], out[half+i])
	}
}

func TestConvolutionsOfAllKinds(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 1 + rng.IntN(2)
		a := ir.ConvAttrs{ChannelGroups: 1, BatchGroups: 1}
		groups := 1 + rng.IntN(3)
		batch, channels, kin, kout := 1+rng.IntN(2), 1+rng.IntN(2), 0, groups*(1+rng.IntN(2))
		switch rng.IntN(3) {
		case 0:
			a.ChannelGroups, channels = groups, channels*groups
		case 1:
			a.BatchGroups, batch = groups, batch*groups
		}
		kin = channels / a.ChannelGroups
		// The axes of each operand in any order: batch or input channels, channels, spatial ones.
		xDims, kDims := []int{batch, channels}, []int{kin, kout}
		for range n {
			window, dilation := 1+rng.IntN(3), 1+rng.IntN(2)
			reach := (window-1)*dilation + 1
			size, spread := 1+rng.IntN(5), 1+rng.IntN(2)
			pad := [2]int{rng.IntN(4) - 1, rng.IntN(4) - 1}
			if missing := reach - ((size-1)*spread + 1 + pad[0] + pad[1]); missing > 0 {
				pad[1] += missing
			}
			xDims, kDims = append(xDims, size), append(kDims, window)
			a.Strides, a.KernelDilations = append(a.Strides, 1+rng.IntN(3)), append(a.KernelDilations, dilation)
			a.InputDilations, a.Paddings = append(a.InputDilations, spread), append(a.Paddings, pad)
		}
		place := func(dims []int) (to, placed []int) {
			to, placed = rng.Perm(n+2), make([]int, n+2)
			for i, p := range to {
				if dims != nil {
					placed[p] = dims[i]
				}
			}
			return to, placed
		}
		px, xDims := place(xDims)
		pk, kDims := place(kDims)
		py, _ := place(nil)
		a.Axes = ir.ConvolveAxesConfig{
			InputBatch: px[0], InputChannels: px[1], InputSpatial: px[2:],
			KernelInputChannels: pk[0], KernelOutputChannels: pk[1], KernelSpatial: pk[2:],
			OutputBatch: py[0], OutputChannels: py[1], OutputSpatial: py[2:],
		}
		checkRoads(t, "ConvGeneral", a, wholes(rng, xDims...), wholes(rng, kDims...))
	}
}

func TestWindowsOfAllKinds(t *testing.T) {
	kinds := []ir.WindowKind{ir.WindowSum, ir.WindowMax, ir.WindowMin}
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var dims []int
		a := ir.WindowAttrs{Kind: kinds[rng.IntN(3)]}
		for range 1 + rng.IntN(3) {
			d, w := 1+rng.IntN(5), 1+rng.IntN(3)
			pad := [2]int{rng.IntN(w), rng.IntN(w)}
			if d+pad[0]+pad[1] < w {
				d = w
			}
			dims, a.Window, a.Strides, a.Paddings = append(dims, d), append(a.Window, w), append(a.Strides, 1+rng.IntN(3)), append(a.Paddings, pad)
		}
		checkRoads(t, "ReduceWindow", a, distinct(rng, dims...))
		if a.Kind == ir.WindowSum {
			continue
		}
		x := distinct(rng, dims...)
		values := wholes(rng, dims...)
		checkSelected(t, "SelectAndGather", a, x, values)
		var windows shapes.Shape
		require.NoError(t, graph.Catch(func() {
			g := graph.NewGraph(nil, "")
			windows = graph.ReduceWindow(graph.Const(g, x), a).Shape()
		}))
		checkSelected(t, "SelectAndScatter", a, x, wholes(rng, windows.Dimensions...))
	}
}

// checkSelected is checkRoads for ops that choose by x, which gets no gradient.
func checkSelected(t *testing.T, op string, a ir.WindowAttrs, x, values *tensors.Tensor) {
	t.Helper()
	row := ir.OpByName(op)
	out, err := graph.CallOnceN(graphtest.Reference(), func(x, v *graph.Node) []*graph.Node {
		var results []*graph.Node
		for _, y := range []*graph.Node{graph.Apply(row, a, x, v), graph.RuleOf(row).Expand(a, []*graph.Node{x, v})[0]} {
			w := graph.AddScalar(graph.IotaFull(y.Graph(), y.Shape()), 1)
			results = append(results, y, graph.Gradient(graph.ReduceAllSum(graph.Mul(w, y)), v)[0])
		}
		return results
	}, x, values)
	require.NoError(t, err, "%s %+v", op, a)
	if !out[0].Equal(out[2]) || !out[1].Equal(out[3]) {
		t.Fatalf("%s %+v of %s and %s: %s with gradient %s, its expansion %s with gradient %s", op, a, x, values, out[0], out[1], out[2], out[3])
	}
}

func TestProductsOfAllKinds(t *testing.T) {
	letters := "abcdef"
	sizes := map[byte]int{}
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 3))
		for i := range letters {
			sizes[letters[i]] = 1 + rng.IntN(3)
		}
		var equation string
		var in []*tensors.Tensor
		used := map[byte]bool{}
		for k := range 1 + rng.IntN(4) {
			if k > 0 {
				equation += ","
			}
			var dims []int
			for range rng.IntN(4) {
				l := letters[rng.IntN(len(letters))]
				equation += string(l)
				used[l] = true
				dims = append(dims, sizes[l])
			}
			in = append(in, wholes(rng, dims...))
		}
		equation += "->"
		for _, i := range rng.Perm(len(letters)) {
			if used[letters[i]] && rng.IntN(2) == 0 {
				equation += string(letters[i])
			}
		}
		checkRoads(t, "Einsum", ir.EinsumAttrs{Equation: equation}, in...)
	}
}
