package norm_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/model"
)

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

// show prints the shape of what a layer makes of ones, and how many parameters it has.
func show(fn func(scope *model.Scope, x *graph.Node) *graph.Node, dims ...int) {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, fn, tensors.FromScalarAndDimensions(float32(1), dims...))
	fmt.Println(y.Shape(), store.NumParameters())
}

// Two groups of two channels, which have mean 0 and variance 1.
func ExampleGroup() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), func(s *model.Scope, x *graph.Node) *graph.Node {
		return norm.Group(s, x, 2).Done()
	}, [][][]float64{{{0, 2, 10, 30}}})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [[[-1.000 1.000 -1.000 1.000]]]
}

// Each channel over its places.
func ExampleInstance() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), func(s *model.Scope, x *graph.Node) *graph.Node {
		return norm.Instance(s, x).Done()
	}, [][][]float64{{{0, 10}, {2, 30}}})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [[[-1.000 -1.000] [1.000 1.000]]]
}

// tanh(1/2), before anything is learned.
func ExampleDyT() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), norm.DyT, []float64{0, 1})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [0.000 0.462]
}

// A gain alone.
func ExampleByName() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return norm.ByName(s, "rms", x) }, 2, 4)
	// Output:
	// float32[2 4] 4
}

// A hyperparameter chooses the norm.
func ExampleFromScope() {
	store := model.NewStore()
	if err := store.SetParam(norm.ParamNormalization, "none"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(model.MustCallOnce(gocpu.New(), store, norm.FromScope, []float32{1, 2}).Value())
	// Output:
	// [1 2]
}

// The names that ByName knows.
func ExampleNames() {
	fmt.Println(norm.Names())
	// Output:
	// [batch dyt group instance layer none rms]
}

// Columns of length 1, times a gain that begins with 1.
func ExampleWeight() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), norm.Weight, [][]float64{{3, 1}, {4, 0}})
	fmt.Printf("%.1f\n", y.Value())
	// Output:
	// [[0.6 1.0] [0.8 0.0]]
}

// The largest singular value becomes 1 while steps of training go on.
func ExampleSpectral() {
	store := model.NewStore()
	exec := model.MustNewExec1(gocpu.New(), store, func(s *model.Scope, w *graph.Node) *graph.Node {
		store.SetTraining(w.Graph(), true)
		return norm.Spectral(s, w)
	})
	var y *tensors.Tensor
	for range 20 {
		y = exec.MustCall([][]float64{{4, 0}, {0, 2}})
	}
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [[1.000 0.000] [0.000 0.500]]
}

// 3² + 4² = 5².
func ExampleColumnNorms() {
	fmt.Println(graph.MustCallOnce(gocpu.New(), norm.ColumnNorms, [][]float64{{3, 1}, {4, 0}}).Value())
	// Output:
	// [5 1]
}

// Without a variable at the scope's path, a number for each column that begins with 1.
func ExampleLengths() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return norm.Lengths(s, "gain", x) }, 3, 2)
	// Output:
	// float32[2] 2
}
