package train

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/ml/data"
)

// Folding says how [CrossValidate] divides examples.
type Folding struct {
	Folds     int    // 5 if 0
	BatchSize int    // 32 if 0
	Seed      uint64 // of the division, and of the order of the examples that are trained on
	Classes   []int  // the class of each example, to have the same part of each in every fold; nil for folds at random
}

// CrossValidation is what [CrossValidate] measured.
type CrossValidation struct {
	Folds []Metrics // of each fold
}

// Mean returns the mean of a metric over the folds and its standard deviation, that of a sample (divided by the number of folds less one); NaN if a fold does not have it.
func (c *CrossValidation) Mean(metric string) (mean, std float64) {
	n := float64(len(c.Folds))
	for _, m := range c.Folds {
		mean += m.Value(metric) / n
	}
	for _, m := range c.Folds {
		d := m.Value(metric) - mean
		std += d * d / (n - 1)
	}
	return mean, math.Sqrt(std)
}

// String is a table: a row for each fold, and mean ± standard deviation.
func (c *CrossValidation) String() string {
	if len(c.Folds) == 0 {
		return "no folds"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(first string, cell func(m Metric) string) {
		cells := []string{first}
		for _, m := range c.Folds[0] {
			cells = append(cells, cell(m))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	row("fold", func(m Metric) string { return m.Name })
	for i, fold := range c.Folds {
		row(fmt.Sprint(i), func(m Metric) string {
			m.Value = fold.Value(m.Name)
			return m.Format()
		})
	}
	row("mean ± std", func(m Metric) string {
		mean, std := m, m
		mean.Value, std.Value = c.Mean(m.Name)
		return mean.Format() + " ± " + std.Format()
	})
	w.Flush()
	return strings.TrimRight(b.String(), "\n")
}

// CrossValidate divides examples into folds, and lets run train and measure once for each: on all other folds, and on that one. run makes store and trainer anew,
// so that all folds begin with the same seed, and returns what it measured, mostly of the data set to test on:
//
//	result, err := train.CrossValidate(flowers, train.Folding{Folds: 5}, func(fold int, trainSet, testSet data.Dataset) (train.Metrics, error) {
//		trainer := train.NewTrainer(backend, model.NewStore(), classify, loss, optimizers.Adam().Done(), metrics.NewSparseCategoricalAccuracy())
//		if _, err := train.NewLoop(trainer).RunEpochs(trainSet, 20); err != nil {
//			return nil, err
//		}
//		return trainer.Eval(testSet)
//	})
//	fmt.Println(result) // a table with mean ± standard deviation
//
// The data sets are called "train" and "test"; what is trained on comes in another order in each pass. See [data.KFold] and [data.StratifiedKFold] for the division.
// It returns an error if that is not possible, or that of the first fold that goes wrong, a panic too, with what was measured before.
func CrossValidate(examples data.Indexed, how Folding, run func(fold int, trainSet, testSet data.Dataset) (Metrics, error)) (*CrossValidation, error) {
	if how.Folds == 0 {
		how.Folds = 5
	}
	if how.BatchSize == 0 {
		how.BatchSize = 32
	}
	switch {
	case examples == nil || run == nil:
		return nil, errors.New("train.CrossValidate: the examples or the function is nil")
	case how.BatchSize < 1:
		return nil, fmt.Errorf("train.CrossValidate: batches of %d examples, want 1 or more", how.BatchSize)
	case how.Classes != nil && len(how.Classes) != examples.Len():
		return nil, fmt.Errorf("train.CrossValidate: classes of %d examples, of which there are %d", len(how.Classes), examples.Len())
	}
	divide := func() ([]data.Fold, error) { return data.KFold(examples.Len(), how.Folds, how.Seed) }
	if how.Classes != nil {
		divide = func() ([]data.Fold, error) { return data.StratifiedKFold(how.Classes, how.Folds, how.Seed) }
	}
	folds, err := divide()
	if err != nil {
		return nil, fmt.Errorf("train.CrossValidate: %w", err)
	}
	c := &CrossValidation{}
	for i, f := range folds {
		err := guard.Call(func() error {
			trainSet, err := how.part(examples, "train", f.Train, true)
			if err != nil {
				return err
			}
			testSet, err := how.part(examples, "test", f.Test, false)
			if err != nil {
				return err
			}
			m, err := run(i, trainSet, testSet)
			c.Folds = append(c.Folds, m)
			return err
		})
		if err != nil {
			return c, fmt.Errorf("train.CrossValidate: fold %d of %d: %w", i, len(folds), err)
		}
	}
	return c, nil
}

// part returns some of the examples as batches.
func (how Folding) part(examples data.Indexed, name string, rows []int, shuffled bool) (data.Dataset, error) {
	some, err := data.Subset(examples, rows)
	if err != nil {
		return nil, err
	}
	var order *data.Sampler
	if shuffled {
		order = data.Permuted(len(rows), how.Seed)
	}
	return renamed{data.Batched(data.ByIndex(some, order, 0), how.BatchSize, false), name}, nil
}

// renamed is a pipeline by another name.
type renamed struct {
	*data.Pipeline
	name string
}

func (r renamed) Name() string { return r.name }
