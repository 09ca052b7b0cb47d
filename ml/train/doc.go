// Package train trains models: a [Trainer] makes one step of all that a step is (prediction, loss,
// gradient, update, metrics) as a single compiled program; a [Loop] makes many, evaluates, tells
// listeners, and stops when it should.
//
//	backend := backends.MustNew()
//	store := model.NewStore()
//	trainer := train.NewTrainer(backend, store, modelFn, losses.SparseCategoricalCrossEntropyLogits,
//		optimizers.Adam().Done(), metrics.NewSparseCategoricalAccuracy())
//	loop := train.NewLoop(trainer)
//	loop.EvalEachEpoch(testSet)
//	results, err := loop.RunEpochs(trainSet, 5)
//
// The model is a function that builds a graph, see [ModelFn]. What it learns lies in the store and stays
// there: [Trainer.Predict], or a model.Exec on the same store and function, uses it.
//
// # Several devices
//
// [Trainer.WithMesh] lets a trainer run over the devices of a mesh; model, data and loop stay as they are.
//
// # Several steps by one call
//
// [Trainer.StepsPerCall] lets a loop have several steps made by one call of the backend, where a step is so short that calls cost
// more than a few per cent of it. Losses, metrics and what is learnt stay what they are.
//
// # Interrupts
//
// While a loop runs, an interrupt (Ctrl-C, or the stop button of a notebook) or the end of its context
// lets it finish the step at hand, or the steps of the call at hand, and return what it has, with an error for which
// errors.Is(err, train.ErrInterrupted) holds. The store then holds the model as it was after that step. It is
// on disk only if checkpoints are attached to the loop (package checkpoints), which save it at the end of an interrupted
// run too; without them it is lost when the process, or a notebook's cell, ends. A second interrupt ends the program.
//
// # Before and around a run
//
// [CheckData] looks at data, [Overfit] at whether a model can learn at all, [DryRun] at whether everything builds, runs and fits into memory, and
// [FindRate] for a learning rate; all leave trainer and store as they were. [EarlyStopping], [KeepBest] and [ReduceOnPlateau] decide by evaluations, and
// [CrossValidate] trains once for each fold. [Tasks] makes one loss of several, and [Trainer.SetObjectives] trains several with an optimizer each.
//
// # Names of the loss
//
// "Batch loss" is that of one batch, "Mean loss" a mean over many: [Event] says over which. [Trainer.TrainStep], which
// knows no passes, returns an average that forgets.
//
// # What goes wrong
//
// A step whose loss, gradients or new values are NaN or infinite changes nothing, and ends the loop with a
// [NotFiniteError] that names the first variable: the model, and the state of the optimizer, are still what they
// were before that step. So does a label that is no class, which the error gives with its place. A loop may have begun one
// step more by then, which changes nothing either, see [Event]. With [Trainer.LocateNotFinite] the error names the first node that was not finite, and its line.
package train
