package train

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/cache"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
)

// Trainer makes steps of training and evaluation on the variables of a store. It is for one goroutine, but for
// [Trainer.EvalSnapshot] and [Trainer.Predict], which others may call while it trains.
type Trainer struct {
	backend   graph.Backend
	store     *model.Store
	model     canonicalModel
	loss      losses.Fn
	optimizer optimizers.Interface
	metrics   []metrics.Interface
	invalid   error // what is wrong with the arguments
	given     int   // how many metrics were given, nil or not

	objectives []Objective // instead of one loss and one optimizer
	inTurn     bool        // each step is of one of them

	execs cache.Cache[execKey, *form]

	mesh    *graph.Mesh
	divided bool // a batch was seen that can be divided over mesh

	precision Precision

	derives    bool // programs for batches of other sizes
	accumulate int  // number of batches per update
	pending    int  // batches since the last update

	perCall int  // steps that a loop may make by one call
	alike   kind // of the batches of the last steps
	single  int  // how many of these were made by a call each, one after the other; more than accumulate do not matter
	logs    bool // the model logs nodes
	locates bool // batches are kept to find where values that are not finite begin

	flights []*flight // calls whose reports are not all read yet, oldest first
	steps   int64     // updates that are known to have been made
	counted int64     // the version of the global step's variable when steps was its value; 0 if that is not known

	moving []metrics.MovingAverage
	means  []metrics.Mean
	midway bool // means are of a part of an epoch that goes on
}

// execKey tells the compiled forms of the model apart.
type execKey struct {
	mode      mode
	spec      any
	numInputs int
	modes     modes // of the steps of a call that makes several; mode is that of the first
	turn      int   // the objective that a step is of, -1 for all
}

// form is a compiled form of the model.
type form struct {
	*model.Exec
	uses cache.Uses
}

func (f *form) Hold() bool { return f.uses.Begin() }

// Release closes what a call has compiled after Close.
func (f *form) Release() error {
	if f.uses.End() {
		return f.Exec.Close()
	}
	return nil
}

func (f *form) Drop() error { return f.Close() }

// Close closes the programs, each when its last run has ended.
func (f *form) Close() error {
	f.uses.Close()
	return f.Exec.Close()
}

type mode string

const (
	modeTrain      mode = "train"      // a step with update
	modeAccumulate mode = "accumulate" // a step that only adds to the accumulated gradients
	modeEval       mode = "eval"
	modePredict    mode = "predict"
)

// movingWeight is the part of the newest batch in the metrics of a step: their curve is smoothed over
// about a hundred steps.
const movingWeight = 0.01

// GlobalStepPath is the path of the variable that counts the updates of a model, over all runs.
const GlobalStepPath = "/global_step"

// NewTrainer returns a trainer for a model, see [ModelFn], whose variables are kept in store. lossFn is
// made small by the optimizer; it returns the mean over the batch, or a loss for each example, of which
// the mean is taken as [losses.Reduce] does. The metrics are measured in training and evaluation, beside the loss. The optimizer may
// be nil for a trainer that only evaluates and predicts, on a model that was loaded: its TrainStep returns an
// error.
//
// Arguments that make no sense are reported by [Trainer.Err], and by whatever the trainer is first asked to do.
func NewTrainer[F ModelFn](backend graph.Backend, store *model.Store, modelFn F, lossFn losses.Fn, optimizer optimizers.Interface, trainMetrics ...metrics.Interface) *Trainer {
	t := &Trainer{backend: backend, store: store, model: canonical(modelFn), loss: lossFn, optimizer: optimizer, metrics: trainMetrics,
		execs: cache.New[execKey, *form](graph.DefaultMaxCache, func(a, b execKey) bool { return a == b }), accumulate: 1, perCall: 1}
	t.metrics = slices.DeleteFunc(slices.Clone(trainMetrics), func(m metrics.Interface) bool { return m == nil })
	t.given = len(trainMetrics)
	t.invalid = t.check(t.given)
	t.ResetTrainMetrics()
	return t
}

// check returns an error if the arguments make no sense, of which so many were metrics.
func (t *Trainer) check(numMetrics int) error {
	var missing []string
	for _, a := range []struct {
		name  string
		isNil bool
	}{{"backend", t.backend == nil}, {"store", t.store == nil}, {"model", t.model == nil}, {"loss", t.loss == nil}} {
		if a.isNil {
			missing = append(missing, a.name)
		}
	}
	switch {
	case len(missing) == 1:
		return fmt.Errorf("train.NewTrainer: the %s is nil", missing[0])
	case len(missing) > 1:
		return fmt.Errorf("train.NewTrainer: %s are nil", strings.Join(missing, " and "))
	case len(t.metrics) < numMetrics:
		return errors.New("train.NewTrainer: a metric is nil")
	}
	names := map[string]bool{batchLossName: true, lossName: true}
	for _, m := range t.metrics {
		if names[m.Name()] {
			return fmt.Errorf("train.NewTrainer: two metrics are called %q: give one another name, with Named", m.Name())
		}
		names[m.Name()] = true
	}
	return nil
}

// Err returns what is wrong with the arguments of [NewTrainer], nil if nothing is. It need not be asked: steps, evaluations and
// runs return the same error before they do anything.
func (t *Trainer) Err() error { return t.invalid }

// Backend returns the backend.
func (t *Trainer) Backend() graph.Backend { return t.backend }

// Store returns the store.
func (t *Trainer) Store() *model.Store { return t.store }

// Metrics returns the metrics that are measured beside the loss.
func (t *Trainer) Metrics() []metrics.Interface { return slices.Clone(t.metrics) }

// Optimizer returns the optimizer, nil if the trainer has none.
func (t *Trainer) Optimizer() optimizers.Interface { return t.optimizer }

// AccumulateGradients lets an update be made only after every n batches, against the mean of their
// gradients: as if they were one batch, in less memory. Each batch weighs what was counted in it, see
// [losses.TotalWeight]. It returns an error if n is below 1 or
// if gradients of earlier batches wait for their update.
func (t *Trainer) AccumulateGradients(n int) error {
	if n < 1 {
		return fmt.Errorf("train.AccumulateGradients(%d): want 1 or more batches for an update", n)
	}
	if len(t.flights) > 0 {
		return fmt.Errorf("train.AccumulateGradients(%d): called by a listener while a loop makes its steps: call it before the run", n)
	}
	if t.pending > 0 {
		return fmt.Errorf("train.AccumulateGradients(%d): gradients of earlier batches wait for the last of the %d of an update: call it after that one", n, t.accumulate)
	}
	t.accumulate = n
	t.ResetComputationGraphs()
	return nil
}

// WithMesh lets the trainer run over the devices of m, and returns t; nil for one device. Nothing else changes: the
// model, its store and the data stay as they are, and the steps are those of one device, up to the order in which
// sums are taken. Batches are dealt over the mesh axis "data", and variables are divided as [model.Store.ShardVariables]
// says; see [model.Exec.WithMesh]. Losses, metrics, batch statistics and dropout are those of the whole batch.
//
//	mesh, err := graph.NewMesh(graph.MeshAxis{Name: "data", Size: 4})
//	trainer := train.NewTrainer(backend, store, model, loss, optimizer).WithMesh(mesh)
//
// The first batch that is trained on must be one that the axis "data" divides evenly. Batches that it does not, such as
// the last of an epoch, are computed whole by every device: right, but no faster than on one. A mesh that makes no sense,
// or has more devices than the backend, is reported by the first step.
func (t *Trainer) WithMesh(m *graph.Mesh) *Trainer {
	t.ResetComputationGraphs()
	t.mesh, t.divided = m, false
	return t
}

// DeriveSizes has programs for batches of further sizes, such as the last one of an epoch, derived from those for the first three: they
// cost the backend's compilation, and neither the model's function nor its gradient. What the model asks of sizes in Go must not lead it
// another way, see [graph.Exec.DeriveSizes].
func (t *Trainer) DeriveSizes() *Trainer {
	t.ResetComputationGraphs()
	t.derives = true
	return t
}

// Mesh returns the devices that the trainer runs on, nil if that was not said.
func (t *Trainer) Mesh() *graph.Mesh { return t.mesh }

// checkDivides returns an error if the mesh makes no sense, or the first batch cannot be divided over it: those that
// follow are mostly of the same size.
func (t *Trainer) checkDivides(batch data.Batch) error {
	if t.mesh == nil || t.divided {
		return nil
	}
	if err := t.mesh.Check(); err != nil {
		return err
	}
	n := t.mesh.AxisSize(model.BatchAxis)
	for _, x := range batch.Inputs {
		if n > 0 && x.Rank() > 0 && x.Shape().Dimensions[0]%n != 0 {
			return fmt.Errorf("the batch of %d examples cannot be divided over the %d devices of %q (%s): choose a multiple of %d as the size of batches",
				x.Shape().Dimensions[0], n, model.BatchAxis, t.mesh, n)
		}
	}
	t.divided = true
	return nil
}

// ResetComputationGraphs drops all compiled programs: the next step builds the model anew.
func (t *Trainer) ResetComputationGraphs() {
	_ = t.execs.Close()
	t.single = 0
}

// ResetTrainMetrics empties the means of the training metrics.
func (t *Trainer) ResetTrainMetrics() {
	t.moving = make([]metrics.MovingAverage, 1+len(t.metrics))
	for i := range t.moving {
		t.moving[i].NewWeight = movingWeight
	}
	t.resetMeans()
}

// beginEpoch empties the means over an epoch, unless the epoch is one that goes on from a checkpoint.
func (t *Trainer) beginEpoch() {
	if !t.midway {
		t.resetMeans()
	}
	t.midway = false
}

// resetMeans empties the means over an epoch.
func (t *Trainer) resetMeans() { t.means = make([]metrics.Mean, 1+len(t.metrics)) }

// form returns the form of the model for a kind of batch, for the caller to release.
func (t *Trainer) form(key execKey) (*form, error) {
	if t.invalid != nil {
		return nil, t.invalid
	}
	if t.execs == nil {
		return nil, errors.New("train: the trainer is a zero value: make it with NewTrainer")
	}
	if key.spec != nil && !reflect.ValueOf(key.spec).Comparable() {
		return nil, fmt.Errorf("train: the batch's Spec is a %T, which cannot be compared: use a string or a struct of plain fields", key.spec)
	}
	if f, ok := t.execs.Find(key); ok {
		return f, nil
	}
	nothing := func() error { return nil }
	return t.execs.Get(context.Background(), key, nothing, func() (*form, error) { return t.newForm(key) })
}

func (t *Trainer) newForm(key execKey) (*form, error) {
	e, err := model.NewExec(t.backend, t.store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		if key.modes != "" {
			return t.buildMany(key, in)
		}
		return t.build(scope, key, in)
	})
	if err != nil {
		return nil, err
	}
	e.WithName(string(key.mode)).WithMesh(t.mesh).WithGraphSetup(func(g *graph.Graph) {
		t.store.SetTraining(g, key.mode == modeTrain || key.mode == modeAccumulate)
	})
	if key.mode == modeEval || key.mode == modePredict {
		e.AllowUnknownParams()
	}
	if t.derives {
		e.DeriveSizes()
	}
	return &form{Exec: e}, nil
}

// OnExec calls fn with every compiled form of the model that exists, for inspection.
func (t *Trainer) OnExec(fn func(e *model.Exec)) {
	for _, f := range t.execs.Values() {
		fn(f.Exec)
	}
}

// EpochMetrics returns the means of loss and metrics over the training steps since the last reset: in a
// loop, since the beginning of the epoch. The model has changed all the while, so they lag behind an
// evaluation.
func (t *Trainer) EpochMetrics() Metrics { return metricsOf(t.means, t.metrics) }

// EvalStep returns loss and metrics of one batch, which stays the caller's. The model does not change. Where
// nothing is counted, since the mask hides all, they are 0, as they are for a step of training. A label that
// is no class is an error.
func (t *Trainer) EvalStep(batch data.Batch) (Metrics, error) {
	sums := t.newTally()
	if err := t.evalStep(context.Background(), batch, sums); err != nil {
		return nil, err
	}
	return sums.metrics(t.metrics), nil
}

func (t *Trainer) evalStep(ctx context.Context, batch data.Batch, sums *tally) error {
	e, err := t.form(keyFor(modeEval, batch))
	if err != nil {
		return err
	}
	defer t.execs.Release(e)
	results, g, err := e.CallWithGraphContext(ctx, t.argumentsOf(batch)...)
	if err != nil {
		return err
	}
	out := reportsOf(g)[0].read(results[0], 0)
	results[0].Close()
	if out.label != nil {
		return out.label
	}
	sums.add(out, t.metrics)
	return nil
}

// Eval returns the means of loss and metrics over one pass of a data set. The model does not change. It returns
// an error if nothing was counted, and as [Trainer.EvalStep] does.
func (t *Trainer) Eval(ds data.Dataset) (Metrics, error) {
	return t.EvalContext(context.Background(), ds)
}

var (
	errNilContext = errors.New("train: the context is nil: give context.Background()")
	errNilDataset = errors.New("train: the data set is nil: was the error of the function that makes it looked at?")
)

// EvalContext is [Trainer.Eval] with a context that can end it.
func (t *Trainer) EvalContext(ctx context.Context, ds data.Dataset) (Metrics, error) {
	switch {
	case ctx == nil:
		return nil, errNilContext
	case ds == nil:
		return nil, errNilDataset
	}
	sums := t.newTally()
	batches := 0
	for batch, err := range ds.Iter() {
		if err == nil {
			err = t.evalStep(ctx, batch, sums)
			err = errors.Join(err, batch.Close())
		}
		if err != nil {
			return nil, fmt.Errorf("evaluating %q, batch %d: %w", ds.Name(), batches+1, err)
		}
		batches++
	}
	if batches == 0 {
		return nil, fmt.Errorf("evaluating %q: the data set has no batches", ds.Name())
	}
	if sums.means[0].Weight == 0 {
		return nil, fmt.Errorf("evaluating %q: %w", ds.Name(), errNothingCounted)
	}
	return sums.metrics(t.metrics), nil
}

// EvalSnapshot is [Trainer.EvalContext] on the values of a snapshot of the trainer's store: it may be called from any goroutine
// while the model is trained, and evaluates the model of that moment. The data set must be nobody else's meanwhile; the model's
// function may be called from that goroutine, to build the graph.
//
//	snapshot := trainer.Store().Snapshot()
//	go func() {
//		defer snapshot.Close()
//		results, err := trainer.EvalSnapshot(ctx, snapshot, ds)
//		…
//	}()
func (t *Trainer) EvalSnapshot(ctx context.Context, snapshot *model.Snapshot, ds data.Dataset) (Metrics, error) {
	switch {
	case ctx == nil:
		return nil, errNilContext
	case snapshot == nil || snapshot.Store() != t.store:
		return nil, errors.New("train.EvalSnapshot: the snapshot is nil or of another store than the trainer's: take it with trainer.Store().Snapshot()")
	}
	return t.EvalContext(snapshot.Context(ctx), ds)
}

// Predict returns the model's predictions for inputs, as [graph.Exec.Call] takes them. The model does not
// change; layers behave as in evaluation.
func (t *Trainer) Predict(inputs ...any) ([]*tensors.Tensor, error) {
	e, err := t.form(execKey{mode: modePredict, numInputs: len(inputs)})
	if err != nil {
		return nil, err
	}
	defer t.execs.Release(e)
	return e.Call(inputs...)
}
