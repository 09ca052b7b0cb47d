package optimizers_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
)

// The steps of AMSGrad never grow again.
func ExampleAMSGrad() {
	descend(optimizers.AMSGrad().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.800 0.702 0.604
}

// Adamax divides by the largest gradient.
func ExampleAdamax() {
	descend(optimizers.Adamax().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.805 0.715 0.631
}

// NAdam looks ahead.
func ExampleNAdam() {
	descend(optimizers.NAdam().LearningRate(0.1).Done())
	// Output:
	// 0.894 0.820 0.753 0.688
}

// RAdam makes steps of momentum until it has seen enough.
func ExampleRAdam() {
	descend(optimizers.RAdam().LearningRate(0.1).Done())
	// Output:
	// 0.800 0.621 0.462 0.323
}

// A step of LAMB is a tenth of the variable, whatever its gradient.
func ExampleLAMB() {
	descend(optimizers.LAMB().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.810 0.729 0.656
}

// LARS is made for large steps of large variables.
func ExampleLARS() {
	descend(optimizers.LARS().LearningRate(1).Trust(0.1).Momentum(0).Done())
	// Output:
	// 0.900 0.810 0.729 0.656
}

// RMSProp begins with large steps, as it is not corrected for its beginning.
func ExampleRMSProp() {
	descend(optimizers.RMSProp().LearningRate(0.01).Done())
	// Output:
	// 0.900 0.833 0.780 0.735
}

// The steps of Adagrad become smaller with all that it has seen.
func ExampleAdagrad() {
	descend(optimizers.Adagrad().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.833 0.780 0.736
}

// Adadelta finds the size of steps by itself, from very small ones on.
func ExampleAdadelta() {
	descend(optimizers.Adadelta().Epsilon(1e-2).Done())
	// Output:
	// 0.688 0.429 0.249 0.138
}

// Steps of Adafactor are relative to the variable.
func ExampleAdafactor() {
	descend(optimizers.Adafactor().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.814 0.740 0.675
}

// What is no matrix takes steps of Adam.
func ExampleMuon() {
	descend(optimizers.Muon().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.800 0.702 0.604
}

// What is no matrix takes steps of Adagrad, with momentum.
func ExampleShampoo() {
	descend(optimizers.Shampoo().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.743 0.554 0.349
}

// What is no matrix takes steps of Adam.
func ExampleSOAP() {
	descend(optimizers.SOAP().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.800 0.701 0.601
}

// Once the curvature is known, steps are divided by it.
func ExampleSophia() {
	descend(optimizers.Sophia().LearningRate(0.1).Every(1).Gamma(1).Betas(0.9, 0).Done())
	// Output:
	// 0.900 0.805 0.716 0.631
}

// w is where the gradient is taken, between the steps and their mean.
func ExampleScheduleFree() {
	descend(optimizers.ScheduleFree().LearningRate(0.1).Done())
	// Output:
	// 0.900 0.848 0.797 0.747
}

// A first step of length 1 at most ends, by chance, at the bottom of this parabola.
func ExampleLBFGS() {
	descend(optimizers.LBFGS().Done())
	// Output:
	// 0.000 0.000 0.000 0.000
}

// The optimizer goes on as it does; the average follows it.
func ExampleEMA() {
	descend(optimizers.EMA(optimizers.SGD().LearningRate(0.1).Done(), 0.9))
	// Output:
	// 0.800 0.640 0.512 0.410
}

// The optimizer goes on as it does; the mean is that of every other step.
func ExampleSWA() {
	descend(optimizers.SWA(optimizers.SGD().LearningRate(0.1).Done(), 0, 2))
	// Output:
	// 0.800 0.640 0.512 0.410
}

// After every second step, half of the way of both is taken back.
func ExampleLookahead() {
	descend(optimizers.Lookahead(optimizers.SGD().LearningRate(0.1).Done(), 2, 0.5))
	// Output:
	// 0.800 0.820 0.656 0.672
}

// The mean of the values after each step is put in the variable's place, to look at, and then it gets its own back.
func ExampleUseAverages() {
	store := model.NewStore()
	step := model.MustNewExec(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		w := scope.VariableWithValue("w", float32(1))
		optimizers.Minimize(optimizers.SWA(optimizers.SGD().LearningRate(0.25).Done(), 0, 1), store, graph.Mul(x, w.NodeValue(x)))
		return nil
	})
	for range 2 {
		step.MustCall(float32(1))
	}
	w := store.GetVariable("/w")
	fmt.Println(w.MustValue().Value())
	restore, err := optimizers.UseAverages(store)
	fmt.Println(w.MustValue().Value(), err)
	fmt.Println(restore(), w.MustValue().Value())
	// Output:
	// 0.5
	// 0.625 <nil>
	// <nil> 0.5
}

// twoLayers makes one step of an optimizer of two variables, of gradient 1 each, and prints both.
func twoLayers(optimizer optimizers.Interface) {
	store := model.NewStore()
	step := model.MustNewExec(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		a, b := scope.In("body").VariableWithValue("w", float32(1)), scope.In("head").VariableWithValue("w", float32(1))
		optimizers.Minimize(optimizer, store, graph.Mul(x, graph.Add(a.NodeValue(x), b.NodeValue(x))))
		return nil
	})
	step.MustCall(float32(1))
	fmt.Println(store.GetVariable("/body/w").MustValue().Value(), store.GetVariable("/head/w").MustValue().Value())
}

// The body moves a tenth as fast as the head.
func ExampleGroups() {
	twoLayers(optimizers.Groups(
		optimizers.Group{Pattern: "/body", Optimizer: optimizers.SGD().LearningRate(0.025).Done()},
		optimizers.Group{Optimizer: optimizers.SGD().LearningRate(0.25).Done()}))
	// Output:
	// 0.975 0.75
}

// The body stays as it is.
func ExampleFrozen() {
	twoLayers(optimizers.Frozen(optimizers.SGD().LearningRate(0.25).Done(), "body"))
	// Output:
	// 1 0.75
}

// Only what the optimizer trains gets a gradient.
func ExampleGradientsFor() {
	store := model.NewStore()
	model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		a, b := scope.VariableWithValue("a", float32(1)), scope.VariableWithValue("b", float32(1))
		loss := graph.Mul(x, graph.Add(a.NodeValue(x), b.NodeValue(x)))
		variables, _ := optimizers.GradientsFor(optimizers.Frozen(optimizers.SGD().Done(), "/a"), store, loss)
		fmt.Println(len(variables), variables[0].Path())
		return loss
	}, float32(1))
	// Output:
	// 1 /b
}

// transformed prints the step that SGD makes of a gradient of 3 and 4.
func transformed(transform optimizers.Transform) {
	store := model.NewStore()
	step := model.MustNewExec(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		w := scope.VariableWithValue("w", [][]float32{{0}, {0}})
		optimizers.Minimize(optimizers.SGD().LearningRate(1).Gradients(transform).Done(), store, graph.ReduceAllSum(graph.Mul(x, w.NodeValue(x))))
		return nil
	})
	step.MustCall([][]float32{{3}, {4}})
	fmt.Printf("%.2f\n", store.GetVariable("/w").MustValue().Value())
}

// Each element is limited.
func ExampleLimitValue() {
	transformed(optimizers.LimitValue(3.5))
	// Output:
	// [[-3.00] [-3.50]]
}

// The norm, 5, becomes 1.
func ExampleLimitNorm() {
	transformed(optimizers.LimitNorm(1))
	// Output:
	// [[-0.60] [-0.80]]
}

// Of one variable this is the same as LimitNorm.
func ExampleLimitGlobalNorm() {
	transformed(optimizers.LimitGlobalNorm(1))
	// Output:
	// [[-0.60] [-0.80]]
}

// The mean of the gradients of an output, 3.5, goes.
func ExampleCentralize() {
	transformed(optimizers.Centralize())
	// Output:
	// [[0.50] [-0.50]]
}

// Of a variable of zeros nothing decays.
func ExampleDecay() {
	transformed(optimizers.Decay(0.1, nil))
	// Output:
	// [[-3.00] [-4.00]]
}

// Without any noise the gradient stays as it is.
func ExampleNoise() {
	transformed(optimizers.Noise(0, 0.55))
	// Output:
	// [[-3.00] [-4.00]]
}

// Half of the learning rate from the next step on, without compiling anything again.
func ExampleSetRateFactor() {
	store := model.NewStore()
	fmt.Println(optimizers.SetRateFactor(store, 0.5))
	factor, err := optimizers.RateFactor(store)
	fmt.Println(factor, err)
	// Output:
	// <nil>
	// 0.5 <nil>
}

// Unless it was set, it is 1.
func ExampleRateFactor() {
	fmt.Println(optimizers.RateFactor(model.NewStore()))
	// Output:
	// 1 <nil>
}

// Up in the first third, then down, almost to nothing.
func ExampleOneCycle() {
	show(optimizers.OneCycle(11), 2)
	// Output:
	// 0.040 0.960 0.884 0.531 0.157 0.000
}

// Up in two steps, then down as the root of steps.
func ExampleInverseSqrt() {
	show(optimizers.InverseSqrt(2), 1)
	// Output:
	// 0.500 1.000 0.816 0.707 0.632 0.577
}

// Up, level, down.
func ExampleWSD() {
	show(optimizers.WSD(2, 4, 4), 2)
	// Output:
	// 0.333 1.000 1.000 1.000 0.293 0.000
}

// The second time takes twice as long.
func ExampleCosineRestarts() {
	show(optimizers.CosineRestarts(4, 2), 2)
	// Output:
	// 1.000 0.500 1.000 0.854 0.500 0.146
}

// A tenth from step 3 on, a hundredth from step 5.
func ExampleStepAt() {
	show(optimizers.StepAt(0.1, 3, 5), 1)
	// Output:
	// 1.000 1.000 1.000 0.100 0.100 0.010
}
