package train

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
)

// DryRunReport is what [DryRun] found.
type DryRunReport struct {
	Programs []DryRunProgram // a step of training, then an evaluation of each data set

	Parameters     int   // numbers in variables of the model
	Trainable      int   // of these, what is trained
	ParameterBytes int64 // of the model's variables
	StateBytes     int64 // of what optimizers and the trainer keep besides
}

// DryRunProgram is a program that was built, compiled and run once.
type DryRunProgram struct {
	Name    string         // "train", or "eval" and the name of the data set
	Batch   []shapes.Shape // of inputs and labels
	FLOPs   float64        // of one run, a multiplication and an addition counting one each; what is in a loop counts once
	Memory  capability.Memory
	Planned bool    // the backend says what memory a run needs
	Metrics Metrics // that the run measured
}

// String is a table.
func (r *DryRunReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d parameters, %d of them trained: %s, and %s of state\n", r.Parameters, r.Trainable, bytesize.Text(r.ParameterBytes), bytesize.Text(r.StateBytes))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "program\tbatch\tFLOPs\targuments\ttemporary\tresults\tmeasured")
	for _, p := range r.Programs {
		memory := []string{"not known", "", ""}
		if p.Planned {
			memory = []string{bytesize.Text(int64(p.Memory.Arguments)), bytesize.Text(int64(p.Memory.Temporary)), bytesize.Text(int64(p.Memory.Results - p.Memory.Donatable))}
		}
		fmt.Fprintf(w, "%s\t%s\t%.3g\t%s\t%s\n", p.Name, strings.Trim(fmt.Sprint(p.Batch), "[]")+"]", p.FLOPs, strings.Join(memory, "\t"), p.Metrics)
	}
	w.Flush()
	return strings.TrimRight(b.String(), "\n")
}

// DryRun builds, compiles and runs once all that a training needs: a step on the first batch of ds, and an evaluation of the first batch of each of
// the other data sets. It tells what they measured, what memory runs need ([graph.Exec.MemoryPlan]), how much they compute, and how many parameters there are. So what is wrong
// with shapes, losses, metrics or an evaluation is found before the first epoch. Store, trainer and data sets are afterwards what they were, bit for bit;
// variables that were made meanwhile are deleted. The data sets must be [data.Seekable], as those of package data are.
//
// It is Lightning's fast_dev_run, with a summary of the model.
func DryRun(t *Trainer, ds data.Dataset, evals ...data.Dataset) (*DryRunReport, error) {
	r := &DryRunReport{}
	err := t.aside("DryRun", func() error {
		if t.optimizer == nil {
			return errNoOptimizer
		}
		for i, d := range append([]data.Dataset{ds}, evals...) {
			if d == nil {
				return errNilDataset
			}
			run := t.dryStep
			if i > 0 {
				run = t.dryEval
			}
			if err := r.add(d, run); err != nil {
				return err
			}
		}
		r.count(t.store)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("train.DryRun: %w", err)
	}
	return r, nil
}

// add runs a program on the first batch of a data set.
func (r *DryRunReport) add(ds data.Dataset, run func(ds string, b data.Batch) (DryRunProgram, error)) (err error) {
	b, err := data.Peek(ds)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	p, err := run(ds.Name(), b)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	r.Programs = append(r.Programs, p)
	return nil
}

// dryStep makes the steps of one update.
func (t *Trainer) dryStep(_ string, b data.Batch) (p DryRunProgram, err error) {
	p.Name = string(modeTrain)
	for range t.accumulate - t.pending {
		if p.Metrics, err = t.TrainStep(b); err != nil {
			return p, err
		}
	}
	key := keyFor(modeTrain, b)
	key.turn = t.turnOf(t.GlobalStep())
	return p, t.look(&p, key, kindOf(b), shapes.Make(wentWell.DType()))
}

func (t *Trainer) dryEval(ds string, b data.Batch) (p DryRunProgram, err error) {
	p.Name = string(modeEval) + " " + ds
	if p.Metrics, err = t.EvalStep(b); err != nil {
		return p, err
	}
	return p, t.look(&p, keyFor(modeEval, b), kindOf(b))
}

// look fills in what is known of a program that was run.
func (t *Trainer) look(p *DryRunProgram, key execKey, k kind, more ...shapes.Shape) error {
	e, err := t.form(key)
	if err != nil {
		return err
	}
	defer t.execs.Release(e)
	p.Batch = append(append(p.Batch, k.inputs...), k.labels...)
	args := append(append([]shapes.Shape(nil), p.Batch...), more...)
	g, err := e.Compile(args...)
	if err != nil {
		return err
	}
	p.FLOPs = flopsOf(g.Program())
	p.Memory, err = e.MemoryPlan(args...)
	p.Planned = err == nil
	return nil
}

// flopsOf returns what a run of a program computes; the bodies of loops count once.
func flopsOf(p *ir.Program) (n float64) {
	if p == nil {
		return 0
	}
	for i := range p.Instrs {
		in := &p.Instrs[i]
		if in.Op == nil {
			continue
		}
		if len(in.Regions) == 0 {
			n += in.Op.CostOf(in.Attrs, p.ShapesOf(in.In), p.ShapesOf(in.Out)).FLOPs
		}
		for _, r := range in.Regions {
			n += flopsOf(r)
		}
	}
	return n
}

// count counts the variables.
func (r *DryRunReport) count(store *model.Store) {
	for v := range store.IterVariables() {
		if isState(v.Path()) {
			r.StateBytes += int64(v.Shape().ByteSize())
			continue
		}
		r.ParameterBytes += int64(v.Shape().ByteSize())
		r.Parameters += v.Shape().Size()
		if v.Trainable() {
			r.Trainable += v.Shape().Size()
		}
	}
}

// isState reports whether a variable is no part of the model: optimizers, the trainer or the random generator keep something in it.
func isState(path string) bool {
	for _, scope := range []string{optimizers.StatePath, accumulatorsPath, lossScalePath, BestPath} {
		if strings.HasPrefix(path, scope+"/") {
			return true
		}
	}
	return path == GlobalStepPath || path == accumulatedWeightPath || path == model.RNGStatePath
}
