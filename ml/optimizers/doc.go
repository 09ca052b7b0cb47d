// Package optimizers changes the variables of a model against their gradients.
//
//	trainer := train.NewTrainer(backend, store, modelFn, lossFn,
//		optimizers.AdamW().LearningRate(3e-4).ClipGlobalNorm(1).
//			Schedule(optimizers.WarmUp(500, optimizers.Cosine(10_000))).Done())
//
// An optimizer adds its update to the graph of the training step, so a whole step is one compiled
// program. Its state (momenta, number of steps) is kept in variables of the store, below
// "/optimizers", and so is saved in checkpoints.
//
// # Optimizers of one's own
//
// An optimizer is a [Rule]: a function that returns the direction of a step for one variable, from its value, its
// gradient and state that it names. [New] makes an optimizer of it with all that those here have: learning rate and
// [Schedule], clipping, weight decay, state in checkpoints and over meshes, narrow variables. Those here are made in
// the same way; lion.go is one of 40 lines.
//
// # Several optimizers
//
// State belongs to a kind of optimizer and a variable: that of Adam for "/hidden/weights" lies in
// "/optimizers/adam/m/hidden/weights", "/optimizers/adam/v/hidden/weights" and
// "/optimizers/adam/step/hidden/weights". So optimizers of different variables, such as those of a generator
// and a discriminator, keep apart in one graph or in several, and an optimizer made anew goes on where the last
// one was. Two of a kind that update the same variable in one graph keep apart too: the second one's state lies
// in "/optimizers/adam_2". In several graphs, give them scopes of their own:
//
//	optimizer.UpdateGraphWithGradients(store.Scope("/optimizers/pretraining"), variables, gradients)
//
// [Groups] gives variables to optimizers by patterns of their paths, and [Frozen] to none.
//
// # Transforms, and averages of weights
//
// A [Transform] changes gradients before the rule, or directions after it. [EMA], [SWA] and [Lookahead] go around any optimizer; with the averages that
// the first two keep, and [ScheduleFree], [UseAverages] evaluates and saves the model.
//
// # Narrow variables
//
// For float16 and bfloat16 variables all is computed in float32, and a master copy of the variable in float32 is
// kept as state: most updates are less than half of the last place of a narrow variable, and would be lost. A
// variable that is set by anyone else is taken as it is then.
//
// # Hyperparameters
//
// The hyperparameter "learning_rate", where it is set, replaces the learning rate given in code; the step is then built anew. [SetRateFactor]
// changes it while training is under way, without that.
package optimizers
