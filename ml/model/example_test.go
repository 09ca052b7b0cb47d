package model_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

func Example() {
	// A running mean of all values seen: the graph reads and sets two variables.
	mean := func(scope *model.Scope, x *graph.Node) *graph.Node {
		sum, count := scope.VariableWithValue("sum", 0.0), scope.VariableWithValue("count", 0.0)
		sum.SetNodeValue(graph.Add(sum.NodeValue(x), x))
		count.SetNodeValue(graph.OnePlus(count.NodeValue(x)))
		return graph.Div(sum.NodeValue(x), count.NodeValue(x))
	}
	store := model.NewStore()
	exec := model.MustNewExec1(gocpu.New(), store, mean)
	for _, x := range []float64{1, 2, 6} {
		fmt.Println(exec.MustCall(x).Value())
	}
	for v := range store.IterVariables() {
		fmt.Println(v, "=", v.MustValue().Value())
	}
	// Output:
	// 1
	// 1.5
	// 3
	// /count float64[] = 3
	// /sum float64[] = 9
}

func ExampleStore_ParseParams() {
	store := model.NewStore()
	if err := store.DeclareParam("width", 64, "size of the hidden layer"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(store.ParseParams("width=128"))
	width, _ := store.GetParam("width")
	fmt.Println(width)
	fmt.Println(store.ParseParams("width=wide"))
	// Output:
	// <nil>
	// 128
	// model: hyperparameter "width", set at example_test.go:44: "wide" is no int
}

// A snapshot holds a model as it was, for whoever saves or evaluates it, while training goes on.
func ExampleStore_Snapshot() {
	store := model.NewStore()
	count := model.MustNewExec1(gocpu.New(), store, func(scope *model.Scope, g *graph.Graph) *graph.Node {
		n := scope.VariableWithValue("n", 0.0)
		n.SetNodeValue(graph.AddScalar(n.NodeValue(g), 1))
		return n.NodeValue(g)
	})
	count.MustCall()
	snapshot := store.Snapshot()
	defer snapshot.Close()
	count.MustCall()
	count.MustCall()
	for path, value := range snapshot.Values() {
		t, err := value.ToHost()
		fmt.Println("then:", path, t.Value(), err)
	}
	fmt.Println("now:", store.GetVariable("n").MustValue().Value())
	// Output:
	// then: /n 1 <nil>
	// now: 3
}

func ExampleStore_MoveVariable() {
	store := model.NewStore()
	store.CreateVariable("/dense_1/kernel", tensors.FromValue([]float32{1, 2}))
	if err := store.MoveVariable("/dense_1/kernel", "/hidden/weights"); err != nil {
		fmt.Println(err)
		return
	}
	for v := range store.IterVariables() {
		fmt.Println(v)
	}
	// Output: /hidden/weights float32[2]
}

func ExampleSnapshot_Restore() {
	store := model.NewStore()
	w, _ := store.CreateVariable("/w", tensors.FromValue([]float32{1, 2}))
	before := store.Snapshot()
	defer before.Close()
	w.MustSetValue(tensors.FromValue([]float32{7, 7})) // as training would
	if err := before.Restore(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.MustValue().Value())
	// Output: [1 2]
}
