package train

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
)

// Objective is a loss with an optimizer and variables of its own, see [Trainer.SetObjectives].
type Objective struct {
	Name      string // of its loss among the metrics, such as "generator"
	Loss      losses.Fn
	Optimizer optimizers.Interface

	// Variables are patterns of the variables that are trained against it, each that of a path or of a scope around it, as [model.Matches] takes it; none
	// stands for all variables that no other objective has.
	Variables []string
}

// SetObjectives lets a step of training lower several losses, each with an optimizer and variables of its own, from the next step on: of a generator and a
// discriminator, or of an actor and a critic. It takes the place of the loss and the optimizer of [NewTrainer], which may be nil then.
//
//	trainer := train.NewTrainer(backend, store, gan, nil, nil)
//	err := trainer.SetObjectives(
//		train.Objective{Name: "discriminator", Loss: real, Optimizer: optimizers.Adam().Done(), Variables: []string{"/discriminator"}},
//		train.Objective{Name: "generator", Loss: fooled, Optimizer: optimizers.Adam().Done(), Variables: []string{"/generator"}})
//
// All losses are of one forward pass, and all updates of one program: each gradient is at the variables before the step. With [Trainer.InTurn] steps
// follow each other instead. "Mean loss" is the sum of the losses, and each is measured beside it, under its name. Loops, evaluations, checkpoints and all
// else are as with one loss.
//
// It returns an error if an objective lacks something, if a name is taken, if more than one has no patterns, or between the steps of a loop. A trainable variable that no
// objective has, or that two have, is an error of the next step; freeze what is to stay as it is.
func (t *Trainer) SetObjectives(list ...Objective) error {
	switch {
	case t == nil || t.execs == nil:
		return errors.New("train.SetObjectives: the trainer is nil or a zero value: make it with NewTrainer")
	case len(t.flights) > 0 || t.pending > 0:
		return errors.New("train.SetObjectives: called between the steps of a loop, or the batches of an update: call it before the run")
	case len(list) == 0:
		return errors.New("train.SetObjectives: there are no objectives")
	}
	own := slices.DeleteFunc(slices.Clone(t.metrics), func(m metrics.Interface) bool { _, of := m.(*objectiveLoss); return of })
	names, rest := map[string]bool{lossName: true, batchLossName: true, "loss": true, "batch": true}, 0
	for _, m := range own {
		names[m.Name()] = true
	}
	var ms []metrics.Interface
	for i, o := range list {
		switch {
		case o.Name == "" || o.Loss == nil || o.Optimizer == nil:
			return fmt.Errorf("train.SetObjectives: objective %d, %q, lacks a name, a loss or an optimizer", i, o.Name)
		case names[o.Name]:
			return fmt.Errorf("train.SetObjectives: two losses or metrics are called %q", o.Name)
		}
		names[o.Name] = true
		if len(o.Variables) == 0 {
			rest++
		}
		ms = append(ms, &objectiveLoss{o.Name, i})
	}
	if rest > 1 {
		return fmt.Errorf("train.SetObjectives: %d objectives have no patterns of variables: only one can have those that are left", rest)
	}
	t.objectives = slices.Clone(list)
	t.metrics = append(own, ms...)
	t.loss, t.optimizer = t.sumOfObjectives, (*objectiveOptimizers)(t)
	t.invalid = t.check(t.given + len(ms)) // one of those given may be nil
	t.ResetComputationGraphs()
	t.ResetTrainMetrics()
	return nil
}

// InTurn lets each step be of one of the objectives of [Trainer.SetObjectives] alone, one after the other, each on a batch of its own: with two, every
// other step trains the discriminator, and those between the generator. Steps are counted each; [Trainer.StepsPerCall] has no effect. It returns t.
func (t *Trainer) InTurn(on bool) *Trainer {
	t.inTurn = on
	return t
}

// turnOf returns the objective of the step of a number, from 1; -1 for all of them.
func (t *Trainer) turnOf(number int64) int {
	if !t.inTurn || len(t.objectives) == 0 {
		return -1
	}
	return int((number - 1) % int64(len(t.objectives)))
}

type objectivesKey struct{}

// sumOfObjectives is the loss of a trainer with objectives.
func (t *Trainer) sumOfObjectives(labels, predictions []*graph.Node) *graph.Node {
	var all []*graph.Node
	var sum *graph.Node
	for _, o := range t.objectives {
		loss := scalarLoss(o.Loss(labels, predictions), labels)
		all = append(all, loss)
		if sum == nil {
			sum = loss
		} else {
			sum = graph.Add(sum, graph.ConvertDType(loss, sum.DType()))
		}
	}
	sum.Graph().AttachState(objectivesKey{}, all)
	return sum
}

// objectiveLoss measures the loss of one objective.
type objectiveLoss struct {
	name   string
	number int
}

func (m *objectiveLoss) Name() string      { return m.name }
func (m *objectiveLoss) ShortName() string { return m.name }
func (m *objectiveLoss) Kind() string      { return "loss" }
func (m *objectiveLoss) Percent() bool     { return false }

func (m *objectiveLoss) UpdateGraph(_ *model.Scope, labels, predictions []*graph.Node) (value, weight *graph.Node) {
	weight = losses.TotalWeight(labels, predictions)
	return weight.Graph().State(objectivesKey{}).([]*graph.Node)[m.number], weight
}

// part is the variables of one optimizer among all that a step updates.
type part struct {
	optimizer optimizers.Interface
	from, to  int
}

// gradients returns the variables that a step updates, the gradients of what each is trained against, and whose they are.
func (t *Trainer) gradients(key execKey, s *scale, loss, total *graph.Node) (variables []*model.Variable, gradients []*graph.Node, parts []part) {
	if len(t.objectives) == 0 {
		variables, gradients = optimizers.GradientsFor(t.optimizer, t.store, s.up(total))
		return variables, gradients, []part{{t.optimizer, 0, len(variables)}}
	}
	if err := t.store.CheckFrozen(); err != nil {
		graph.Errorf("%w", err)
	}
	all := loss.Graph().State(objectivesKey{}).([]*graph.Node)
	sets := t.variablesOfObjectives(loss.Graph())
	for i, o := range t.objectives {
		if key.turn >= 0 && key.turn != i || len(sets[i]) == 0 {
			continue
		}
		of := all[i]
		if extra := losses.Extra(loss.Graph()); extra != nil { // what layers add is a matter of their own variables
			of = graph.Add(of, graph.ConvertDType(extra, of.DType()))
		}
		nodes := make([]*graph.Node, len(sets[i]))
		for k, v := range sets[i] {
			nodes[k] = v.NodeBefore(loss)
		}
		parts = append(parts, part{o.Optimizer, len(variables), len(variables) + len(nodes)})
		variables, gradients = append(variables, sets[i]...), append(gradients, graph.Gradient(s.up(of), nodes...)...)
	}
	if len(variables) == 0 {
		graph.Errorf("no objective has a trainable variable of the model: there is nothing to train")
	}
	return variables, gradients, parts
}

// variablesOfObjectives returns the trainable variables of each objective.
func (t *Trainer) variablesOfObjectives(g *graph.Graph) [][]*model.Variable {
	sets := make([][]*model.Variable, len(t.objectives))
	matched := make([]bool, len(t.objectives))
	for _, v := range t.store.VariablesOf(g) {
		own, rest := -1, -1
		for i, o := range t.objectives {
			if len(o.Variables) == 0 {
				rest = i
			}
			if !slices.ContainsFunc(o.Variables, func(p string) bool { return model.Matches(p, v.Path()) }) {
				continue
			}
			if matched[i] = true; own >= 0 {
				graph.Errorf("the variable %q is one of the objectives %q and %q: let it be of one", v.Path(), t.objectives[own].Name, o.Name)
			}
			own = i
		}
		if own < 0 {
			own = rest
		}
		switch {
		case !v.Trainable():
		case own < 0:
			graph.Errorf("the variable %q is of no objective: give one a pattern for it, or freeze it with FreezeVariables", v.Path())
		default:
			sets[own] = append(sets[own], v)
		}
	}
	for i, o := range t.objectives {
		if len(o.Variables) > 0 && !matched[i] {
			graph.Errorf("objective %q: the model has no variable of %q", o.Name, strings.Join(o.Variables, `" or "`))
		}
	}
	return sets
}

// objectiveOptimizers is the optimizer of a trainer with objectives, for those who ask it.
type objectiveOptimizers Trainer

// UpdateGraphWithGradients lets each objective's optimizer update its variables.
func (o *objectiveOptimizers) UpdateGraphWithGradients(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node) {
	graph.Errorf("the optimizer of a trainer with objectives updates variables in its steps alone")
}

// Clear deletes the state of all.
func (o *objectiveOptimizers) Clear(scope *model.Scope) (err error) {
	for _, x := range o.objectives {
		err = errors.Join(err, x.Optimizer.Clear(scope))
	}
	return err
}

// Task is one of several losses that are lowered together, see [Tasks].
type Task struct {
	Name   string // of its loss among the metrics
	Loss   losses.Fn
	Weight float64 // of its loss in the sum; 1 if 0

	// Labels and Predictions are the numbers of those that it is about, which its loss gets as the first ones; its own number if nil.
	Labels, Predictions []int
}

// Tasks returns the loss of a model that is trained for several things at once, and a metric for each of them, which is its loss without the weight:
//
//	loss = Σ weight · loss of the task
//
//	loss, measures := train.Tasks(
//		train.Task{Name: "digit", Loss: losses.SparseCategoricalCrossEntropyLogits},
//		train.Task{Name: "angle", Loss: losses.MeanSquaredError, Weight: 0.1})
//	trainer := train.NewTrainer(backend, store, model, loss, optimizer, measures...)
//
// The model returns a prediction for each task. Building panics with [graph.Error] if there is no task, if one has no loss, or if there is no label or prediction of its number.
func Tasks(tasks ...Task) (losses.Fn, []metrics.Interface) {
	tasks = slices.Clone(tasks)
	var ms []metrics.Interface
	for i := range tasks {
		k := &tasks[i]
		if k.Weight == 0 {
			k.Weight = 1
		}
		if k.Labels == nil {
			k.Labels = []int{i}
		}
		if k.Predictions == nil {
			k.Predictions = []int{i}
		}
		if k.Name == "" {
			k.Name = fmt.Sprintf("task %d", i)
		}
		ms = append(ms, taskLoss{k})
	}
	return func(labels, predictions []*graph.Node) *graph.Node {
		var sum *graph.Node
		for i := range tasks {
			loss, _ := tasks[i].loss(labels, predictions)
			if loss = graph.MulScalar(loss, tasks[i].Weight); sum != nil {
				loss = graph.Add(sum, graph.ConvertDType(loss, sum.DType()))
			}
			sum = loss
		}
		if sum == nil {
			graph.Errorf("train.Tasks: there are no tasks")
		}
		return sum
	}, ms
}

// loss returns the loss of a task and what it weighs.
func (k *Task) loss(labels, predictions []*graph.Node) (loss, weight *graph.Node) {
	if k.Loss == nil {
		graph.Errorf("train.Tasks: the task %q has no loss", k.Name)
	}
	labels, predictions = k.pick("label", k.Labels, labels), k.pick("prediction", k.Predictions, predictions)
	return scalarLoss(k.Loss(labels, predictions), labels), losses.TotalWeight(labels, predictions)
}

func (k *Task) pick(what string, numbers []int, from []*graph.Node) (list []*graph.Node) {
	for _, i := range numbers {
		if i < 0 || i >= len(from) {
			graph.Errorf("train.Tasks: the task %q is about %s %d, of which there are %d", k.Name, what, i, len(from))
		}
		list = append(list, from[i])
	}
	return list
}

// taskLoss measures the loss of one task.
type taskLoss struct{ *Task }

func (m taskLoss) Name() string      { return m.Task.Name }
func (m taskLoss) ShortName() string { return m.Task.Name }
func (m taskLoss) Kind() string      { return "loss" }
func (m taskLoss) Percent() bool     { return false }

func (m taskLoss) UpdateGraph(_ *model.Scope, labels, predictions []*graph.Node) (value, weight *graph.Node) {
	return m.loss(labels, predictions)
}
