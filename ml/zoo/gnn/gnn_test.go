package gnn_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/ml/zoo/gnn"
	"github.com/quire-ml/quire/ml/zoo/internal/reference"
)

// all returns what each kind of layer makes of one graph.
func all(scope *model.Scope, in []*graph.Node) []*graph.Node {
	x, e := in[0], gnn.Edges{From: in[1], To: in[2]}
	return []*graph.Node{gnn.GCN(scope.In("gcn"), x, e, 5), gnn.SAGE(scope.In("sage"), x, e, 5), gnn.GAT(scope.In("gat"), x, e, 3, 5), gnn.GIN(scope.In("gin"), x, e, 5)}
}

var kinds = []string{"gcn", "sage", "gat", "gin"}

// TestLayersAreThoseOfDenseMatrices compares with PyTorch over adjacency matrices; edges of nobody change nothing.
func TestLayersAreThoseOfDenseMatrices(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	r := reference.Of(t, "gnn")
	edges := shapes.Make(dtypes.Int32, r["start"].Dims...)
	store := reference.Store(t, func(scope *model.Scope, in []*graph.Node) { all(scope, in) }, shapes.Make(dtypes.Float32, r["x"].Dims...), edges, edges)
	from, to := tensors.Flat[int32](r["start"].Int32()), tensors.Flat[int32](r["end"].Int32())
	for name, more := range map[string][2]int32{"as it is": {}, "with edges of nobody": {3, -1}} {
		from, to := append([]int32(nil), from...), append([]int32(nil), to...)
		if name != "as it is" {
			from, to = append(from, more[0], 0), append(to, more[1], -1)
		}
		got, err := model.CallOnceN(backend, store, all, r["x"].Float32(), from, to)
		require.NoError(t, err)
		for i, kind := range kinds {
			reference.Equal(t, r[kind], got[i], 1e-5, kind+" "+name)
		}
	}
}

// TestNodes has nodes of two groups, which hardly say by themselves in which they are, but have edges within them: labels of a third of them do for all.
func TestNodes(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	const n = 60
	rng := rand.New(rand.NewPCG(3, 4))
	x, y, known := make([][]float32, n), make([][]int32, n), make([]bool, n)
	var from, to []int32
	for i := range n {
		y[i], known[i] = []int32{int32(i % 2)}, i%6 < 2
		x[i] = []float32{float32(rng.NormFloat64()) + 1.0*float32(i%2), float32(rng.NormFloat64())}
		for range 5 {
			from, to = append(from, int32(i)), append(to, int32((i+2*rng.IntN(n/2))%n)) // to one as odd as it is
		}
	}
	for _, kind := range []gnn.Kind{gnn.Convolution, gnn.Sample, gnn.Attention, gnn.Isomorphism} {
		c := gnn.Config{Kind: kind, Widths: []int{16, 16}, Heads: 2, Classes: 2}
		store := model.NewStore()
		trainer := train.NewTrainer(backend, store, c.Nodes, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().LearningRate(0.01).Done())
		batch := func() data.Batch {
			tensor := func(v any) *tensors.Tensor {
				out, err := tensors.FromAnyValue(v)
				require.NoError(t, err)
				return out
			}
			return data.Batch{Inputs: []*tensors.Tensor{tensor(x), tensor(from), tensor(to)}, Labels: []*tensors.Tensor{tensor(y), tensor(known)}}
		}
		for range 60 {
			_, err := trainer.TrainStep(batch())
			require.NoError(t, err)
		}
		logits, err := model.CallOnce(backend, store, c.Nodes, x, from, to)
		require.NoError(t, err)
		right := 0
		for i := range n {
			row := tensors.Flat[float32](logits)[2*i : 2*i+2]
			if (row[1] > row[0]) == (i%2 == 1) {
				right++
			}
		}
		assert.GreaterOrEqual(t, right, n*8/10, "%s: of %d nodes", kind, n)
	}
}

// stars makes graphs that are a star or a path, whose nodes say nothing of that.
func stars(count int, rng *rand.Rand) (list []gnn.Graph, labels [][]int32) {
	for range count {
		n := 4 + rng.IntN(4)
		g := gnn.Graph{}
		kind := rng.IntN(2)
		for i := range n {
			g.Nodes = append(g.Nodes, []float32{1})
			if i == 0 {
				continue
			}
			other := int32(0) // a star
			if kind == 1 {
				other = int32(i - 1) // a path
			}
			g.Edges = append(g.Edges, [2]int32{int32(i), other}, [2]int32{other, int32(i)})
		}
		list, labels = append(list, g), append(labels, []int32{int32(kind)})
	}
	return list, labels
}

// TestGraphs tells stars from paths, in batches that are filled up to one size.
func TestGraphs(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	const size = 16
	rng := rand.New(rand.NewPCG(5, 6))
	c := gnn.Config{Kind: gnn.Isomorphism, Widths: []int{8, 8}, Classes: 2}
	store := model.NewStore()
	trainer := train.NewTrainer(backend, store, c.Graphs(size), losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().LearningRate(0.02).Done())
	for range 200 {
		list, labels := stars(size, rng)
		j, err := gnn.Join(list, 7*size, 12*size)
		require.NoError(t, err)
		y, err := tensors.FromAnyValue(labels)
		require.NoError(t, err)
		_, err = trainer.TrainStep(data.Batch{Inputs: j.Inputs(), Labels: []*tensors.Tensor{y}})
		require.NoError(t, err)
	}
	list, labels := stars(size, rng)
	j, err := gnn.Join(list, 0, 0)
	require.NoError(t, err)
	logits, err := model.CallOnce(backend, store, c.Graphs(size), j.Nodes, j.From, j.To, j.Of)
	require.NoError(t, err)
	for i, label := range labels {
		row := tensors.Flat[float32](logits)[2*i : 2*i+2]
		assert.Equal(t, label[0] == 1, row[1] > row[0], "graph %d", i)
	}
	filled, err := gnn.Join(list, 7*size, 12*size)
	require.NoError(t, err)
	same, err := model.CallOnce(backend, store, c.Graphs(size), filled.Nodes, filled.From, filled.To, filled.Of)
	require.NoError(t, err)
	assert.InDeltaSlice(t, tensors.Flat[float32](logits), tensors.Flat[float32](same), 1e-5, "what fills up changes nothing")
}

func TestMistakes(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	x := [][]float32{{1, 2}, {3, 4}}
	for _, c := range []struct {
		c    gnn.Config
		args []any
		want string
	}{
		{gnn.Config{}, []any{x, []int32{0}, []int32{1}}, "gnn: layers of [], 0 heads and 0 classes, want one layer and one class at least"},
		{gnn.Config{Kind: "gnc", Widths: []int{2}, Classes: 2}, []any{x, []int32{0}, []int32{1}}, `gnn: the layer "gnc" is not known: known are gcn, sage, gat and gin`},
		{gnn.Config{Kind: gnn.Attention, Heads: 3, Widths: []int{4}, Classes: 2}, []any{x, []int32{0}, []int32{1}}, "gnn: 3 heads do not divide a width of 4"},
		{gnn.Config{Widths: []int{2}, Classes: 2}, []any{x, []int32{0}, []int32{1, 1}}, "GCN: edges are from int32[1] to int32[2], want the numbers of two nodes for each, integers"},
		{gnn.Config{Widths: []int{2}, Classes: 2}, []any{x}, "gnn: 1 inputs, want three: nodes, and from where to where edges go"},
	} {
		_, err := model.CallOnce(backend, model.NewStore(), c.c.Nodes, c.args...)
		assert.ErrorContains(t, err, c.want)
	}
	for want, list := range map[string][]gnn.Graph{
		"gnn.Join: there are no nodes":                                           {{}},
		"gnn.Join: node 1 of graph 0 has 1 features, and those before it have 2": {{Nodes: [][]float32{{1, 2}, {3}}}},
		"gnn.Join: edge 0 of graph 1 is from 0 to 2, and the graph has 1 nodes":  {{}, {Nodes: [][]float32{{1}}, Edges: [][2]int32{{0, 2}}}},
		"gnn.Join: there are 3 nodes and 0 edges, more than 2 and 4":             {{Nodes: [][]float32{{1}, {1}, {1}}}},
	} {
		_, err := gnn.Join(list, 2, 4)
		assert.EqualError(t, err, want)
	}
	_, err := gnn.Join(nil, -1, 1<<40)
	assert.EqualError(t, err, "gnn.Join: room for -1 nodes and 1099511627776 edges, want 0 to 16777216")
}

// ExampleJoin joins a pair and a triangle.
func ExampleJoin() {
	pair := gnn.Graph{Nodes: [][]float32{{1}, {2}}, Edges: [][2]int32{{0, 1}, {1, 0}}}
	triangle := gnn.Graph{Nodes: [][]float32{{3}, {4}, {5}}, Edges: [][2]int32{{0, 1}, {1, 2}, {2, 0}}}
	j, err := gnn.Join([]gnn.Graph{pair, triangle}, 0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(j.From.Value(), j.To.Value(), j.Of.Value())
	// Output: [0 1 2 3 4] [1 0 3 4 2] [0 0 1 1 1]
}

// ExampleGCN has each of two nodes become the mean of both.
func ExampleGCN() {
	backend := backends.MustNew("go")
	defer backend.Close()
	store := model.NewStore()
	if _, err := store.RootScope().CreateVariable("weights", tensors.FromValue([][]float32{{1}})); err != nil {
		fmt.Println(err)
		return
	}
	y := model.MustCallOnce(backend, store, func(scope *model.Scope, x, from, to *graph.Node) *graph.Node {
		return gnn.GCN(scope, x, gnn.Edges{From: from, To: to}, 1)
	}, [][]float32{{1}, {5}}, []int32{0, 1}, []int32{1, 0})
	fmt.Printf("%.3f\n", tensors.Flat[float32](y))
	// Output: [3.000 3.000]
}
