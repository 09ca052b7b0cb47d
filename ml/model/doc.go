// Package model holds what a model learns: a [Store] of named variables and hyperparameters.
//
// A [Scope] is a path in a store. Layers take one, and make or find their variables in it:
//
//	func mlp(scope *model.Scope, x *graph.Node) *graph.Node {
//		x = layers.Dense(scope.In("hidden"), x, true, 128)
//		x = graph.Relu(x)
//		return layers.Dense(scope.In("readout"), x, true, 10)
//	}
//
// An [Exec] runs such a function; it feeds the variables to the compiled graph and takes back those that
// the graph changed:
//
//	store := model.NewStore()
//	exec, err := model.NewExec(backend, store, mlp)
//	logits, err := exec.Call1(images)
//
// Package train does the same for training. Between calls values stay on the backend, and a changed
// variable takes the memory of its old value.
//
// # Snapshots
//
// What a variable holds at one time is a [Value], which never changes. [Store.Snapshot] holds those of one moment, without a
// copy: checkpoints, evaluations and jobs in the background read it, or run graphs on it, while training goes on.
//
// # Names
//
// Building a graph again, for other input shapes or in a cell that is run again, reuses the variables of
// the same path and shape. Another shape is an error that shows both. Using a name twice in one graph is
// an error too, unless it is said to be meant, with [Scope.Shared].
//
// # Looking in, and changing from outside
//
// Layers tell their results to their scopes ([Scope.Result]), and [Capture] returns them by their paths. [Store.WrapResults],
// [Store.WrapVariables], [Store.ReplaceVariables] and [Store.TieVariables] change what layers make and read; [Store.FreezeVariables] says what is not trained. All take
// patterns of paths, and hold for what is made later, too: the model's function stays as it is.
//
// # Hyperparameters
//
// [Scope.SetParam] sets a hyperparameter below a scope, [GetParamOr] reads it where it is used. They are
// typed, and a name that nobody asks for is an error once the model is built: it is mostly a typing
// mistake. Changing one compiles anew what was built with its old value.
//
// # Several devices
//
// [Exec.WithMesh] lets graphs run over a mesh of devices: batches are dealt over the axis "data", and variables
// are divided as [Store.ShardVariables] says. Functions and layers stay as they are.
//
// # Randomness
//
// A store's seed ([Store.SetRNGStateFromSeed], 42 unless set) fixes the first values of all variables and
// the random numbers of its graphs, such as those of dropout. The state of the latter is a variable, so
// it is saved in checkpoints.
package model
