// Package optimizers changes the variables of a model against their gradients.
//
//	trainer := train.NewTrainer(backend, store, modelFn, lossFn,
//		optimizers.AdamW().LearningRate(3e-4).ClipGlobalNorm(1).
//			Schedule(optimizers.Cosine(10_000).WarmUp(500)).Done())
//
// An optimizer adds its update to the graph of the training step, so a whole step is one compiled
// program. Its state (momenta, number of steps) is kept in variables of the store, below
// "/optimizers", and so is saved in checkpoints.
//
// The hyperparameter "learning_rate", where it is set, replaces the learning rate given in code.
package optimizers
