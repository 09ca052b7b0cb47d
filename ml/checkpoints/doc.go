// Package checkpoints saves models while they train, and goes on from what was saved.
//
//	store := model.NewStore()
//	trainer := train.NewTrainer(backend, store, modelFn, lossFn, optimizer)
//	loop := train.NewLoop(trainer)
//	handler, err := checkpoints.Build(store).Dir("runs/digits").Keep(3).Done() // loads the newest, if any
//	handler.Attach(loop, 500)                                                   // saves every 500 steps
//	results, err := loop.RunToGlobalStep(trainSet, 20_000)                      // what is left of it
//
// Killed at any moment and started again, this program ends with the same bits as if nothing had
// happened: a checkpoint holds the variables (with the state of the optimizer and of the random
// generator), the hyperparameters, the means of the metrics, the history, and the place in the data set
// (if it is a [data.Resumable]).
//
// What is saved is a snapshot of the step (see model.Store.Snapshot): with [Config.InBackground] training goes on while it is
// written.
//
// # Files
//
// A checkpoint is two files: NAME.safetensors with the variables by path, for any program to read, and
// NAME.json with all else. Each is written under a temporary name, synced and renamed, the JSON last:
// only with it does the checkpoint exist, so a crash at any byte leaves the checkpoints before it as they
// are. The JSON holds the SHA-256 of both. A checkpoint that does not agree with it is never loaded: [Build]
// returns a [DamagedError] that names the newest whole one, which [Config.FallBack] takes.
package checkpoints
