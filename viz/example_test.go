package viz_test

import (
	"errors"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data/csv"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/viz"
)

func Example() {
	viz.Show(tensors.FromValue([][]float32{{1, 2, 3}, {4, 5, 6.5}}))
	viz.Show(viz.Confusion([]int{0, 0, 1, 1}, []int{0, 1, 1, 1}, "cat", "dog"))
	// Output:
	// float32[2 3]  24 B
	// min 1, max 6.5, mean 3.583, std 1.835
	// [[1.0 2.0 3.0]
	//  [4.0 5.0 6.5]]
	// accuracy 75.00% (3 of 4)
	//
	// true \ predicted  cat  dog
	// ──────────────────────────
	// cat                 1    1
	// dog                 ·    2
	//
	// class  count  precision  recall     F1  mostly taken for
	// ────────────────────────────────────────────────────────
	// cat        2     100.0%   50.0%  66.7%  dog (1)
	// dog        2      66.7%  100.0%  80.0%
}

func ExampleShapes() {
	layer := func(x, w *graph.Node) *graph.Node {
		h := graph.MatMul(x, w)
		return graph.Tanh(h)
	}
	viz.Show(viz.Shapes(layer, shapes.Make(dtypes.Float32, 32, 64), shapes.Make(dtypes.Float32, 64, 10)))
	// Output:
	//       layer := func(x, w *graph.Node) *graph.Node {  x float32[32 64], w float32[64 10]
	//           h := graph.MatMul(x, w)                    float32[32 10]
	//           return graph.Tanh(h)                       float32[32 10]
	//       }
}

func ExampleShow() {
	load := func(name string) (*tensors.Tensor, error) { return nil, errors.New("no data set " + name) }
	viz.Show(load("mnist")) // what comes with an error is left out
	viz.Show("text", 42, map[string]int{"a": 1})
	// Output:
	// error: no data set mnist
	// text
	// 42
	// key  value
	// ──────────
	// a        1
}

func ExampleTable() {
	type run struct {
		Name     string
		Accuracy float64 `viz:"accuracy"`
	}
	viz.Show(viz.Table([]run{{"linear", 0.92}, {"deep", 0.9815}}))
	// Output:
	// Name    accuracy
	// ────────────────
	// linear      0.92
	// deep      0.9815
}

func ExampleRegister() {
	type temperature float64
	viz.Register(func(t temperature) viz.Bundle { return viz.Plain("warm") })
	viz.Show(temperature(21))
	// Output: warm
}

// people is a table of package csv.
func people() *csv.Table {
	t, err := csv.Read(strings.NewReader("name,height,team\nAda,1.7,red\nBo,,blue\nCy,1.85,red\n"), csv.Options{Missing: csv.Keep})
	if err != nil {
		panic(err)
	}
	return t
}

func ExampleDescribe() {
	viz.Show(viz.Describe(people()))
	// Output:
	// column  missing  min    25%    50%    75%   max   mean    std  different  most frequent
	// ───────────────────────────────────────────────────────────────────────────────────────
	// name                                                                   3  Ada (1)
	// height        1  1.7  1.738  1.775  1.812  1.85  1.775  0.075
	// team                                                                   2  red (2)
}

func ExampleHead() {
	viz.Show(viz.Head(people(), 2))
	// Output:
	// the first 2 rows
	// name  height  team
	// ──────────────────
	// Ada      1.7  red
	// Bo            blue
}

func ExampleValueCounts() {
	viz.Show(viz.ValueCounts(people(), "team"))
	// Output:
	// value  count  share
	// ─────────────────────────────────────────
	// red        2  66.7%  ████████████████████
	// blue       1  33.3%  ██████████░░░░░░░░░░
}

func ExampleStore() {
	store := model.NewStore()
	if _, err := store.CreateVariable("/dense/weights", tensors.FromValue([][]float32{{1, 2}, {3, 4}})); err != nil {
		panic(err)
	}
	viz.Show(viz.Store(store)) // in a notebook a tree with pictures of the values
	// Output:
	// variable        shape         parameters  bytes  values
	// ──────────────────────────────────────────────────────────────────────────────────
	// /dense/weights  float32[2 2]           4   16 B  min 1, max 4, mean 2.5, std 1.118
	// total                                  4   16 B
	// 1 variable, 4 parameters trained
}
