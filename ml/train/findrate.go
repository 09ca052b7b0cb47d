package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/optimizers"
)

// RateRange says which learning rates [FindRate] tries. The zero value tries 100 from 1e-7 to 10.
type RateRange struct {
	From, To float64 // the first and the last rate
	Steps    int     // of training, each with a larger rate
	Diverged float64 // ends at a smoothed loss of so many times the least one; 4 if 0
}

// RateCurve is what [FindRate] found: the loss over the learning rate, which viz.RateFinder draws.
type RateCurve struct {
	Rates    []float64
	Losses   []float64 // of the batch that was trained on with each rate, before that step
	Smoothed []float64 // the mean of losses that forgets with a factor of 0.9, corrected for its beginning

	// Suggested is the rate at which the smoothed loss falls fastest; 0 if it nowhere falls.
	Suggested float64
	Diverged  bool // it ended since the loss had grown, or was not finite
}

// rateSmoothing is how much of the mean of losses remains with each step: an average over about ten.
const rateSmoothing = 0.9

// String says it in a sentence.
func (c *RateCurve) String() string {
	if len(c.Rates) == 0 {
		return "no rate was tried"
	}
	text := fmt.Sprintf("%d learning rates from %.3g to %.3g", len(c.Rates), c.Rates[0], c.Rates[len(c.Rates)-1])
	if c.Diverged {
		text += ", where the loss grows"
	}
	if c.Suggested == 0 {
		return text + ": the loss nowhere falls: try larger rates, or look at model and data with Overfit"
	}
	return text + fmt.Sprintf(": the loss falls fastest at %.3g", c.Suggested)
}

// FindRate trains with learning rates that grow from step to step by the same factor, until the loss grows, and suggests the one at which it falls
// fastest. A tenth of the rate at which it is least is about the same. The rates take the place of what the optimizer was given; its schedule, if it has one, multiplies them: give the
// trainer one without. Store, trainer and data set are afterwards what they were, bit for bit; variables that were made meanwhile are deleted.
//
//	curve, err := train.FindRate(trainer, trainSet, train.RateRange{})
//	fmt.Println(curve)
//	viz.Show(viz.RateFinder(curve))
//
// Source: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, arXiv:1506.01186, section 3.3, by a geometric range as
// fastai's lr_find and Lightning's lr_find have it.
func FindRate(t *Trainer, ds data.Dataset, over RateRange) (*RateCurve, error) {
	for _, d := range []struct {
		v *float64
		d float64
	}{{&over.From, 1e-7}, {&over.To, 10}, {&over.Diverged, 4}} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
	if over.Steps == 0 {
		over.Steps = 100
	}
	switch {
	case !(over.From > 0 && over.To > over.From) || math.IsInf(over.To, 0) || over.Steps < 10 || !(over.Diverged > 1):
		return nil, fmt.Errorf("train.FindRate: %d rates from %g to %g, until the loss is %g times the least: want 10 and more, growing numbers above 0, and more than 1", over.Steps, over.From, over.To, over.Diverged)
	case ds == nil:
		return nil, fmt.Errorf("train.FindRate: %w", errNilDataset)
	}
	c := &RateCurve{}
	err := t.aside("FindRate", func() (err error) {
		release, err := t.rateByFactor()
		if err != nil {
			return err
		}
		defer func() { err = unjoin(errors.Join(err, release())) }() // after a panic of the data set too
		return c.sweep(t, ds, over)
	})
	if err != nil {
		return nil, fmt.Errorf("train.FindRate: %w", err)
	}
	c.suggest()
	return c, nil
}

// rateByFactor makes the factor of all learning rates the learning rate itself, until release is called.
func (t *Trainer) rateByFactor() (release func() error, err error) {
	scope := t.store.Scope(optimizers.StatePath)
	path := optimizers.StatePath + "/" + optimizers.ParamLearningRate
	var old any
	for p, value := range t.store.IterParams() {
		if p == path {
			old = value
		}
	}
	if err := scope.SetParam(optimizers.ParamLearningRate, 1.0); err != nil {
		return nil, err
	}
	return func() error {
		if old != nil {
			return scope.SetParam(optimizers.ParamLearningRate, old)
		}
		t.store.DeleteParam(path)
		return nil
	}, nil
}

// sweep trains with growing rates.
func (c *RateCurve) sweep(t *Trainer, ds data.Dataset, over RateRange) error {
	mean, least := 0.0, math.Inf(1)
	updates, inUpdate, sum := 0, 0, 0.0
	for batch, err := range glance(ds) {
		if err != nil {
			return err
		}
		rate := over.From * math.Pow(over.To/over.From, float64(updates)/float64(over.Steps-1))
		if err = optimizers.SetRateFactor(t.store, rate); err != nil {
			return errors.Join(err, batch.Close())
		}
		m, err := t.TrainStep(batch)
		closing := batch.Close()
		if bad := (*NotFiniteError)(nil); errors.As(err, &bad) && updates > 0 {
			c.Diverged = true
			return closing
		}
		if err = errors.Join(err, closing); err != nil {
			return unjoin(err)
		}
		sum += m[0].Value
		if inUpdate++; inUpdate < t.accumulate {
			continue
		}
		loss := sum / float64(inUpdate)
		updates, inUpdate, sum = updates+1, 0, 0
		mean = rateSmoothing*mean + (1-rateSmoothing)*loss
		smoothed := mean / (1 - math.Pow(rateSmoothing, float64(updates)))
		c.Rates, c.Losses, c.Smoothed = append(c.Rates, rate), append(c.Losses, loss), append(c.Smoothed, smoothed)
		least = min(least, smoothed)
		if updates > 10 && smoothed > over.Diverged*least {
			c.Diverged = true
			return nil
		}
		if updates >= over.Steps {
			return nil
		}
	}
	return nil
}

// suggest finds the rate at which the smoothed loss falls fastest, before it is least; the rates are even by their logarithms. The first tenth does not
// count, of which the mean is noisy.
func (c *RateCurve) suggest() {
	least := 0
	for i, v := range c.Smoothed {
		if v <= c.Smoothed[least] {
			least = i
		}
	}
	steepest := 0.0
	for i := max(1, len(c.Smoothed)/10); i <= min(least, len(c.Smoothed)-2); i++ {
		if slope := c.Smoothed[i+1] - c.Smoothed[i-1]; slope < steepest {
			steepest, c.Suggested = slope, c.Rates[i]
		}
	}
}
