package optimizers_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
)

// descend lets an optimizer make w² small, from w = 1, and prints w after each of four steps.
func descend(optimizer optimizers.Interface) {
	store := model.NewStore()
	step := model.MustNewExec1(gocpu.New(), store, func(scope *model.Scope, start *graph.Node) *graph.Node {
		w := scope.VariableWithValue("w", float32(1))
		loss := graph.Mul(start, graph.Square(w.NodeValue(start)))
		optimizers.Minimize(optimizer, store, loss)
		return w.NodeValue(start)
	})
	for range 4 {
		fmt.Printf("%.3f ", step.MustCall(float32(1)).Value())
	}
}

// show prints the factors of a schedule in steps 0, every, 2·every and so on.
func show(schedule optimizers.Schedule, every int) {
	for i := range 6 {
		fmt.Printf("%.3f ", schedule.Value(float64(i*every)))
	}
}

// The gradient is 2w: each step of rate 0.1 takes a fifth of w away.
func ExampleSGD() {
	descend(optimizers.SGD().LearningRate(0.1).Done())
	// Output:
	// 0.800 0.640 0.512 0.410
}

// Steps of Adam are about the learning rate, however large gradients are.
func ExampleAdam() {
	descend(optimizers.Adam().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.800 0.702 0.604
}

// With weight decay a bit more of w goes in each step.
func ExampleAdamW() {
	descend(optimizers.AdamW().LearningRate(0.1).WeightDecay(0.5).Done())
	// Output:
	// 0.850 0.708 0.575 0.451
}

// Steps of Lion are exactly the learning rate.
func ExampleLion() {
	descend(optimizers.Lion().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.800 0.700 0.600
}

// An optimizer of one's own, by its rule: Adagrad, which divides by the root of all squares so far. It has all settings
// that the optimizers of this package have.
func ExampleNew() {
	adagrad := optimizers.New("adagrad", func(u *optimizers.Update) *graph.Node {
		sum := u.State("sum")
		sum.Set(graph.Add(sum.Value(), graph.Square(u.Gradient)))
		return graph.Div(u.Gradient, graph.AddScalar(graph.Sqrt(sum.Value()), 1e-8))
	})
	descend(adagrad.LearningRate(0.1).Schedule(optimizers.Cosine(8)).ClipGlobalNorm(1).Done())
	// Output:
	// 0.900 0.832 0.783 0.748
}

// One step of an optimizer is part of any graph: this one fits a line to three points.
func ExampleMinimize() {
	store := model.NewStore()
	fit := model.MustNewExec1(gocpu.New(), store, func(scope *model.Scope, x, y *graph.Node) *graph.Node {
		slope, offset := scope.VariableWithValue("slope", float32(0)), scope.VariableWithValue("offset", float32(0))
		line := graph.Add(graph.Mul(x, slope.NodeValue(x)), offset.NodeValue(x))
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(line, y)))
		optimizers.Minimize(optimizers.SGD().LearningRate(0.1).Momentum(0.9).Done(), store, loss)
		return loss
	})
	for range 300 {
		fit.MustCall([]float32{0, 1, 2}, []float32{1, 3, 5})
	}
	fmt.Printf("y = %.2f x + %.2f\n", store.GetVariable("/slope").MustValue().Value(), store.GetVariable("/offset").MustValue().Value())
	// Output:
	// y = 2.00 x + 1.00
}

// The gradients by themselves, without a step: d(w·x)/dw is x.
func ExampleGradients() {
	store := model.NewStore()
	gradient := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		loss := graph.Mul(scope.VariableWithValue("w", float32(2)).NodeValue(x), x)
		variables, gradients := optimizers.Gradients(store, loss)
		fmt.Println(variables[0].Path())
		return gradients[0]
	}, float32(5))
	fmt.Println(gradient.Value())
	// Output:
	// /w
	// 5
}

// All gradients together have the norm 5, and are made as much smaller as it takes for a norm of 1.
func ExampleClipGlobalNorm() {
	out := graph.MustCallOnceN(gocpu.New(), func(a, b *graph.Node) []*graph.Node {
		return optimizers.ClipGlobalNorm([]*graph.Node{a, b}, 1)
	}, []float32{3}, []float32{0, 4})
	fmt.Printf("%.2f %.2f\n", out[0].Value(), out[1].Value())
	// Output:
	// [0.60] [0.00 0.80]
}

// Each element is limited by itself.
func ExampleClipValue() {
	out := graph.MustCallOnceN(gocpu.New(), func(a *graph.Node) []*graph.Node {
		return optimizers.ClipValue([]*graph.Node{a}, 1)
	}, []float32{0.5, -7, 3})
	fmt.Println(out[0].Value())
	// Output:
	// [0.5 -1 1]
}

// The norm of a gradient of one variable and of two of another: √(3² + 0² + 4²).
func ExampleGlobalNorm() {
	norm := graph.MustCallOnce(gocpu.New(), func(a, b *graph.Node) *graph.Node {
		return optimizers.GlobalNorm([]*graph.Node{a, b})
	}, []float32{3}, []float32{0, 4})
	fmt.Printf("%.2f\n", norm.Value())
	// Output:
	// 5.00
}

// The learning rate stays.
func ExampleConstant() {
	show(optimizers.Constant(), 1)
	// Output:
	// 1.000 1.000 1.000 1.000 1.000 1.000
}

// Slowly at first, slowly at the end.
func ExampleCosine() {
	show(optimizers.Cosine(10), 2)
	// Output:
	// 1.000 0.905 0.655 0.345 0.095 0.000
}

// The same amount in each step.
func ExampleLinear() {
	show(optimizers.Linear(10), 2)
	// Output:
	// 1.000 0.800 0.600 0.400 0.200 0.000
}

// A parabola that touches 0 at its end.
func ExamplePolynomial() {
	show(optimizers.Polynomial(10, 2), 2)
	// Output:
	// 1.000 0.640 0.360 0.160 0.040 0.000
}

// Half of the rate every two steps, smoothly.
func ExampleExponential() {
	show(optimizers.Exponential(2, 0.5), 1)
	// Output:
	// 1.000 0.707 0.500 0.354 0.250 0.177
}

// Half of the rate every two steps, at once.
func ExampleStep() {
	show(optimizers.Step(2, 0.5), 1)
	// Output:
	// 1.000 1.000 0.500 0.500 0.250 0.250
}

// Three steps of warm-up, then a cosine: what most models are trained with.
func ExampleWarmUp() {
	show(optimizers.WarmUp(3, optimizers.Cosine(4)), 1)
	// Output:
	// 0.250 0.500 0.750 1.000 0.854 0.500
}

// Two steps at the whole rate, then a line down to 0.
func ExampleThen() {
	show(optimizers.Then(2, optimizers.Constant(), optimizers.Linear(2)), 1)
	// Output:
	// 1.000 1.000 1.000 0.500 0.000 0.000
}

// A line down, and again from the top.
func ExampleRepeat() {
	show(optimizers.Repeat(3, optimizers.Linear(3)), 1)
	// Output:
	// 1.000 0.667 0.333 1.000 0.667 0.333
}

// A tenth of the learning rate is left at the end.
func ExampleDownTo() {
	show(optimizers.DownTo(0.1, optimizers.Linear(10)), 2)
	// Output:
	// 1.000 0.820 0.640 0.460 0.280 0.100
}
