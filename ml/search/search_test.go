package search_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/search"
)

var space = search.Space{
	"rate":  search.LogUniform(1e-4, 1),
	"width": search.Ints(3, 5),
	"size":  search.LogInts(1, 64),
	"kind":  search.Choice("a", "b"),
	"drop":  search.Uniform(-1, 1),
}

// value is least at a rate of 0.01.
func value(_ context.Context, t *search.Trial) (float64, error) {
	return math.Abs(math.Log10(t.Float("rate")) + 2), nil
}

func TestTrialsAreOfTheSpaceAndBestFirst(t *testing.T) {
	for _, halton := range []bool{false, true} {
		trials, err := search.Run(t.Context(), search.Options{Trials: 300, Seed: 3, Halton: halton, Parallel: 4}, space, value)
		require.NoError(t, err)
		require.Len(t, trials.All, 300)
		counts := map[any]int{}
		for i, k := range trials.All {
			assert.True(t, i == 0 || trials.All[i-1].Value <= k.Value)
			assert.True(t, 1e-4 <= k.Float("rate") && k.Float("rate") < 1)
			assert.True(t, -1 <= k.Float("drop") && k.Float("drop") < 1)
			assert.True(t, 1 <= k.Int("size") && k.Int("size") <= 64)
			counts[k.Int("width")]++
			counts[k.Text("kind")]++
			if k.Float("rate") < 1e-3 {
				counts["small rate"]++
			}
			if k.Int("size") <= 8 {
				counts["small size"]++
			}
		}
		// An evenly spread sample is within a few of the share; one at random within five standard deviations.
		for what, share := range map[any]float64{3: 1. / 3, 4: 1. / 3, 5: 1. / 3, "a": 0.5, "b": 0.5, "small rate": 0.25, "small size": math.Log(17) / math.Log(129)} {
			limit := 5 * math.Sqrt(300*share*(1-share))
			if halton {
				limit = 12
			}
			assert.InDelta(t, 300*share, counts[what], limit, "%v, Halton %v", what, halton)
		}
		assert.Equal(t, trials.All[0], trials.Best())
		assert.InDelta(t, 0, trials.Best().Value, 0.1)
	}
}

// A trial depends on the seed and its number alone.
func TestALongerSearchBeginsWithTheSameTrials(t *testing.T) {
	byNumber := func(o search.Options) map[int]map[string]any {
		trials, err := search.Run(t.Context(), o, space, value)
		require.NoError(t, err)
		out := map[int]map[string]any{}
		for _, k := range trials.All {
			out[k.Number] = k.Params
		}
		return out
	}
	for _, halton := range []bool{false, true} {
		short, long := byNumber(search.Options{Trials: 5, Seed: 7, Halton: halton}), byNumber(search.Options{Trials: 9, Seed: 7, Halton: halton, Parallel: 3})
		other := byNumber(search.Options{Trials: 5, Seed: 8, Halton: halton})
		for i := range 5 {
			assert.Equal(t, short[i], long[i])
			assert.NotEqual(t, short[i], other[i])
		}
	}
}

// TestHalving has trials whose values tell early how good they will be: few go to their end, the best one among them.
func TestHalving(t *testing.T) {
	const last = 27
	run := func(maximize bool) (search.Trials, int) {
		var steps atomic.Int64
		trials, err := search.Run(t.Context(), search.Options{Trials: 81, Seed: 1, Halving: 3, Maximize: maximize}, search.Space{"x": search.Uniform(0, 1)}, func(_ context.Context, k *search.Trial) (float64, error) {
			v := k.Float("x")
			for step := 1; step <= last; step++ {
				steps.Add(1)
				if err := k.Report(step, v+1/float64(step)); err != nil {
					return 0, err
				}
			}
			return v, nil
		})
		require.NoError(t, err)
		return trials, int(steps.Load())
	}
	for _, maximize := range []bool{false, true} {
		trials, steps := run(maximize)
		require.Len(t, trials.All, 81)
		assert.Less(t, steps, 81*last/3, "most end early")
		best := trials.Best()
		require.NotNil(t, best)
		stopped := 0
		for _, k := range trials.All {
			if k.Stopped {
				stopped++
			}
			if maximize {
				assert.LessOrEqual(t, k.Float("x"), best.Float("x"))
			} else {
				assert.GreaterOrEqual(t, k.Float("x"), best.Float("x"))
			}
		}
		assert.Greater(t, stopped, 40)
		assert.False(t, trials.All[0].Stopped)
		assert.True(t, slices.IsSortedFunc(trials.All, func(a, b *search.Trial) int {
			switch {
			case a.Stopped == b.Stopped:
				return 0
			case a.Stopped:
				return 1
			}
			return -1
		}), "those that went to their end come first")
	}
}

func TestWhatGoesWrong(t *testing.T) {
	no := errors.New("no")
	trials, err := search.Run(t.Context(), search.Options{Trials: 4}, space, func(_ context.Context, k *search.Trial) (float64, error) {
		switch k.Number {
		case 0:
			return 0, no
		case 1:
			panic("kaboom")
		case 2:
			return float64(k.Int("kind")), nil
		}
		return math.NaN(), nil
	})
	require.NoError(t, err)
	require.Len(t, trials.All, 4)
	assert.Equal(t, 3, trials.Best().Number, "NaN is worst but no error")
	assert.ErrorIs(t, trials.All[1].Err, no)
	assert.ErrorContains(t, trials.All[2].Err, "kaboom")
	assert.ErrorContains(t, trials.All[3].Err, `the hyperparameter "kind" is string: it was asked for as int`)
	assert.Contains(t, trials.String(), "kaboom")

	trials, err = search.Run(t.Context(), search.Options{Trials: 2}, space, func(context.Context, *search.Trial) (float64, error) { return 0, no })
	assert.ErrorIs(t, err, no)
	assert.ErrorContains(t, err, "all 2 trials went wrong")
	assert.Nil(t, trials.Best())

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	trials, err = search.Run(ctx, search.Options{Trials: 1000, Done: func(k *search.Trial) {
		if k.Number == 3 {
			cancel()
		}
	}}, space, value)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Less(t, len(trials.All), 7, "what has ended is there")
	assert.GreaterOrEqual(t, len(trials.All), 4)

	for want, c := range map[string]struct {
		o search.Options
		s search.Space
	}{
		"search.Run: the space has no hyperparameters":                                                                        {},
		"search.Run: x: a zero Range: use Uniform, LogUniform, Ints, LogInts or Choice":                                       {s: search.Space{"x": {}}},
		"search.Run: x: a uniform range from 1 to 1: want finite numbers, the first less than the second":                     {s: search.Space{"x": search.Uniform(1, 1)}},
		"search.Run: x: a logarithmic range from 0 to 1: want finite numbers above 0, the first less than the second":         {s: search.Space{"x": search.LogUniform(0, 1)}},
		"search.Run: x: integers from 3 to 2: want the first no more than the second":                                         {s: search.Space{"x": search.Ints(3, 2)}},
		"search.Run: x: integers from 0 to 2, by their logarithm: want 1 and more, the first no more than the second":         {s: search.Space{"x": search.LogInts(0, 2)}},
		"search.Run: x: a choice of nothing: give one value and more":                                                         {s: search.Space{"x": search.Choice[int]()}},
		"search.Run: -1 trials, 1 at once, Halving 0 from step 1: want 1 to 1048576, 1 and more, 0 or 2 and more, 1 and more": {o: search.Options{Trials: -1}, s: space},
	} {
		_, err := search.Run(t.Context(), c.o, c.s, value)
		assert.EqualError(t, err, want)
	}
	assert.EqualError(t, new(search.Trial).Report(1, 1), "search: this Trial is of no search")
	_, err = search.Run(t.Context(), search.Options{Trials: 1}, space, func(_ context.Context, k *search.Trial) (float64, error) {
		return 0, errors.Join(k.Report(2, 1), k.Report(2, 1))
	})
	assert.ErrorContains(t, err, "search: trial 0 reports step 2 after step 2: want more steps each time")
}

func TestParamsOfAStore(t *testing.T) {
	trials, err := search.Run(t.Context(), search.Options{Trials: 3}, search.Space{layers.ParamActivation: search.Choice("relu", "tanh"), layers.ParamDropoutRate: search.Uniform(0, 0.5)}, func(_ context.Context, k *search.Trial) (float64, error) {
		store := model.NewStore()
		if err := k.SetParams(store); err != nil {
			return 0, err
		}
		got, _ := store.GetParam(layers.ParamActivation)
		if got != k.Text(layers.ParamActivation) {
			return 0, fmt.Errorf("the store has %v", got)
		}
		return model.GetParamOr(store.RootScope(), layers.ParamDropoutRate, -1.0), nil
	})
	require.NoError(t, err)
	for _, k := range trials.All {
		assert.NoError(t, k.Err)
		assert.Equal(t, k.Float(layers.ParamDropoutRate), k.Value)
	}
}

func Example() {
	space := search.Space{"rate": search.LogUniform(1e-3, 1), "layers": search.Ints(1, 4)}
	trials, err := search.Run(context.Background(), search.Options{Trials: 200, Halton: true}, space, func(_ context.Context, t *search.Trial) (float64, error) {
		return math.Abs(math.Log10(t.Float("rate"))+2) + math.Abs(float64(t.Int("layers")-3)), nil // as if it had been trained
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	best := trials.Best()
	fmt.Printf("%d layers, a rate of about %.2f\n", best.Int("layers"), best.Float("rate"))
	// Output:
	// 3 layers, a rate of about 0.01
}
