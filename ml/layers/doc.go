// Package layers is the parts that models are made of: functions from a scope and nodes to nodes, which
// keep what they learn in variables of the scope.
//
//	func cnn(scope *model.Scope, x *graph.Node) *graph.Node { // [B, H, W, C]
//		x = layers.Convolution(scope.In("conv"), x).Channels(16).KernelSize(3).PadSame().Done()
//		x = graph.Relu(layers.BatchNorm(scope.In("norm"), x, -1).Done())
//		x = graph.MaxPool(x).Window(2).Done()
//		x = graph.Reshape(x, x.Dim(0), -1)
//		x = layers.Dropout(scope.In("dropout"), x, 0.25)
//		return layers.Dense(scope.In("readout"), x, true, 10)
//	}
//
// # Builders
//
// A layer without settings is a function. One with settings returns a builder, all of one form:
//
//   - a setter has the name of what it sets, without With, Set or Use: Epsilon, LearnedGain, Bias, Mask;
//   - what may be there or not is set by a bool, so that it can be a hyperparameter: Bias(false);
//   - one thing has one name in all layers, and every setter returns the builder;
//   - what it cannot do without is an argument of the constructor, what it can has a default that trains well;
//   - Done adds the layer to the graph and returns its result.
//
// [Dense] is a function, and its useBias an argument, as in GoMLX.
//
// Before, there was a second form (WithEpsilon, UseBias); those names are aliases for one release more.
//
// # Scopes
//
// Each layer gets a scope of its own, whose path begins the names of its variables: "/conv/weights". A
// scope that is used twice is an error that names both lines; see [model.Scope.Shared].
//
// Variables have the dtype of the layer's input. Layers panic with [graph.Error] if something does not
// fit, which the entry points of packages model and train return.
//
// # Packages below
//
// Here is what most models use. Recurrent layers, other convolutions and norms, blocks of several layers, Kolmogorov–Arnold networks, vector
// neurons, calibration, and adapters such as LoRA are packages below this one: cells link what they use. docs/layers.md has the
// equations of all.
package layers
