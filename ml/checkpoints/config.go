package checkpoints

import (
	"errors"
	"fmt"
	"os"

	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
)

// Config is a [Handler] to be set up.
type Config struct {
	store    *model.Store
	dir      string
	must     bool
	fallBack bool
	loadBest bool
	keep     int
	patience int // failed saves in a row that end a run
	behind   bool

	bestMetric, bestDataset string
	bestMode                train.Mode
	bestChosen              bool // by the program, not by a checkpoint
	exclude                 func(v *model.Variable) bool
}

// Build returns the configuration of a handler for the checkpoints of a store. Done loads the newest one
// if there is any.
func Build(store *model.Store) *Config { return &Config{store: store, keep: 1, patience: 3} }

// Load is [Build] for programs that need a checkpoint: without one Done returns an error.
func Load(store *model.Store) *Config {
	c := Build(store)
	c.must = true
	return c
}

// Dir sets the directory of the checkpoints. It is made if it does not exist.
func (c *Config) Dir(dir string) *Config {
	c.dir = dir
	return c
}

// Keep sets how many checkpoints are kept, the newest ones: 1 unless set; -1 for all of them.
func (c *Config) Keep(n int) *Config {
	c.keep = n
	return c
}

// KeepBest saves a checkpoint whenever an evaluation in the loop is the best so far, and keeps the best one
// beside the newest ones. metric is the name or short name of a metric, dataset the name of the data set
// evaluated. Metrics of kind "accuracy" and "score" are better when larger, others when smaller, unless [Config.BestMode] says so. A run of a
// loop that does not evaluate that data set, and an evaluation of it without that metric, end with an error.
//
// Checkpoints remember both names: who loads them need not repeat KeepBest.
func (c *Config) KeepBest(dataset, metric string) *Config {
	c.bestDataset, c.bestMetric, c.bestChosen = dataset, metric, true
	return c
}

// BestMode says whether smaller or larger values of KeepBest's metric are better: train.Min or train.Max.
func (c *Config) BestMode(mode train.Mode) *Config {
	c.bestMode = mode
	return c
}

// LoadBest lets Done load the best checkpoint instead of the newest one: by KeepBest, or if that is not called by
// what KeepBest was when the newest one was saved. Done returns an error if there are checkpoints of which
// none is the best.
func (c *Config) LoadBest() *Config {
	c.loadBest = true
	return c
}

// FallBack lets Done load the newest checkpoint that is whole, when newer ones are damaged. Which these
// are is then told by [Handler.Warnings]. Only damage is passed over: a checkpoint in a newer format
// ([NewerFormatError]), or one that the system does not let be read, is an error all the same.
func (c *Config) FallBack() *Config {
	c.fallBack = true
	return c
}

// FailedSaves sets how many saves in a row may go wrong before a run ends with the error of the last one: 3 unless set.
// Those before are reported, by a train.Warning event and by [Handler.Warnings], and training goes on. A save goes wrong
// too if an old checkpoint cannot be deleted. The save at the end of a run is the last chance: its error is the run's.
func (c *Config) FailedSaves(n int) *Config {
	c.patience = n
	return c
}

// InBackground lets a loop go on while a checkpoint is written. What is saved is a snapshot of its step, so that the files are
// those of a save that is waited for; meanwhile a step takes other memory than that of the values being saved. One save is
// under way at a time: the next one waits for it, and so does the end of the run, whose own save is made before it returns.
// The event of a checkpoint comes, and a save that went wrong is reported, at the first step after it was written, or at the end.
func (c *Config) InBackground() *Config {
	c.behind = true
	return c
}

// Exclude leaves the variables that filter accepts out of what is saved.
func (c *Config) Exclude(filter func(v *model.Variable) bool) *Config {
	c.exclude = filter
	return c
}

// Done returns the handler, and loads a checkpoint into the store if there is one: variables that exist
// get its values, others are made. What the program has set before, hyperparameters and which variables are
// trained, stays as it is.
//
// It returns a [DamagedError] if the checkpoint to load is damaged, an error that shows both shapes if a
// variable has another shape, and then has not changed the store.
func (c *Config) Done() (*Handler, error) {
	switch {
	case c.store == nil || c.dir == "":
		return nil, errors.New("checkpoints: a store and a directory (Dir) are needed")
	case c.keep < 1 && c.keep != -1:
		return nil, fmt.Errorf("checkpoints: Keep(%d): want 1 or more, or -1 for all", c.keep)
	case c.patience < 1:
		return nil, fmt.Errorf("checkpoints: FailedSaves(%d): want 1 or more", c.patience)
	case c.bestMode < train.Auto || c.bestMode > train.Max:
		return nil, fmt.Errorf("checkpoints: BestMode(%s): want train.Auto, train.Min or train.Max", c.bestMode)
	case c.bestChosen && (c.bestDataset == "" || c.bestMetric == ""):
		return nil, fmt.Errorf("checkpoints: KeepBest(%q, %q): want the names of a data set and of a metric", c.bestDataset, c.bestMetric)
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	h := &Handler{config: *c, create: createFile}
	if err := h.loadFirst(); err != nil {
		return nil, err
	}
	return h, nil
}

// MustDone is [Config.Done]; it panics on an error.
func (c *Config) MustDone() *Handler {
	h, err := c.Done()
	if err != nil {
		panic(err)
	}
	return h
}
