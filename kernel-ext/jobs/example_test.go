package jobs_test

import (
	"fmt"

	"github.com/quire-ml/quire/kernel-ext/jobs"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

// What a cell has made: a store, a trainer and data.
var (
	store   *model.Store
	trainer *train.Trainer
	set     data.Dataset
)

// Training goes on in the background; the cell ends at once.
func ExampleStart() {
	job, err := jobs.Start("mlp", func(w *jobs.Work) error {
		w.Set("epochs", 20)
		loop := train.NewLoop(trainer)
		viz.Live(loop)
		if _, err := loop.RunEpochs(set, 20); err != nil {
			return err
		}
		return w.Keep(store)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name(), "is under way")
}

// In a later cell: the curves up to now, and as they go on.
func ExampleAttach() {
	job, err := jobs.Attach("mlp")
	if err != nil {
		fmt.Println(err)
		return
	}
	trained, err := job.Store() // when it has ended
	fmt.Println(trained, err)
}

// Runs are compared by what was set for them.
func ExampleJob_Run() {
	var runs []*viz.Run
	list, err := jobs.List()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, j := range list {
		runs = append(runs, j.Run())
	}
	viz.Show(viz.Runs(runs...))
}

// A script waits for what it has started.
func ExampleWait() {
	if err := jobs.Wait("mlp"); err != nil {
		fmt.Println(err) // job "mlp": it was ended by a signal: killed, as the system does when memory runs out
	}
}

func ExampleStop() {
	if err := jobs.Stop("mlp", "wide mlp"); err != nil {
		fmt.Println(err)
	}
}

func ExampleOutlive() {
	_, err := jobs.Start("over the weekend", func(w *jobs.Work) error {
		<-w.Context().Done() // until somebody stops it
		return nil
	}, jobs.Outlive())
	fmt.Println(err)
}

func ExampleList() {
	fmt.Println(jobs.List())
}

// A program that is no kernel, and starts jobs, does as kernels do.
func ExampleSweep() {
	if err := jobs.Sweep(); err != nil {
		fmt.Println(err)
	}
}
