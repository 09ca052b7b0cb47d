package data

import (
	"errors"
	"iter"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPaddedShapesValuesAndMasks(t *testing.T) {
	ds := Generate("lines", 3, func(p Position) (Batch, error) {
		n := int(p.Batch) + 1
		x := make([]float32, 2*n)
		for i := range x {
			x[i] = float32(i + 1)
		}
		return Batch{Inputs: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(x, n, 2), tensors.FromValue([]int32{7})},
			Labels: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(make([]int64, n), n)}}, nil
	})
	for _, c := range []struct {
		name string
		p    Padding
		want string
	}{
		{"to the longest", Padding{Inputs: []int{0}, Labels: []int{0}}, "inputs [float32[3 3 2] int32[3 1]], labels [int64[3 3]]"},
		{"to a multiple", Padding{Inputs: []int{0}, Labels: []int{0}, Multiple: 4}, "inputs [float32[3 4 2] int32[3 1]], labels [int64[3 4]]"},
		{"to a length", Padding{Inputs: []int{0}, Labels: []int{0}, Length: 5}, "inputs [float32[3 5 2] int32[3 1]], labels [int64[3 5]]"},
		{"with masks", Padding{Inputs: []int{0}, Labels: []int{0}, Masks: true}, "inputs [float32[3 3 2] int32[3 1] bool[3 3]], labels [int64[3 3] bool[3 3]]"},
	} {
		b, err := First(Padded(ds, 3, true, c.p))
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, b.String(), c.name)
		b.Close()
	}
	b, err := First(Padded(ds, 2, true, Padding{Inputs: []int{0}, Labels: []int{0}, Value: -1, LabelValue: -100, Masks: true}))
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2, -1, -1, 1, 2, 3, 4}, tensors.Flat[float32](b.Inputs[0]))
	assert.Equal(t, []int64{0, -100, 0, 0}, tensors.Flat[int64](b.Labels[0]))
	assert.Equal(t, []bool{true, false, true, true}, tensors.Flat[bool](b.Inputs[2]))
	assert.Equal(t, []bool{true, false, true, true}, tensors.Flat[bool](b.Labels[1]))
}

func TestBucketsAreOfTheirLengthAndLoseNothing(t *testing.T) {
	ds := Bucketed(sentences(t, 50), []int{1, 2, 4}, 4, false, bothPadded)
	count := map[int]int{}
	for b, err := range ds.Iter() {
		require.NoError(t, err)
		s := b.Inputs[0].Shape()
		require.Contains(t, []int{1, 2, 4}, s.Dim(1))
		for i := range s.Dim(0) {
			v := int(b.Inputs[0].Float64At(i * s.Dim(1)))
			length := 1 + v%4
			require.LessOrEqual(t, length, s.Dim(1))
			require.True(t, s.Dim(1) == 4 && length > 2 || s.Dim(1) == length, "%d of length %d is in the bucket of %d", v, length, s.Dim(1))
			for j := range s.Dim(1) {
				want := float64(v)
				if j >= length {
					want = 0
				}
				require.Equal(t, want, b.Inputs[0].Float64At(i*s.Dim(1)+j))
			}
			count[v]++
		}
		b.Close()
	}
	for v := range 50 {
		assert.Equal(t, 1, count[v], "example %d", v)
	}
}

func TestWhatStagesYield(t *testing.T) {
	odd := func(b Batch) (bool, error) { return int(b.Inputs[0].Float64At(0))%2 == 1, nil }
	for name, c := range map[string]struct {
		ds   Dataset
		want [][]int
	}{
		"Filter":                {Filter(numbers(t, 6), odd), [][]int{{1}, {3}, {5}}},
		"Window":                {Window(numbers(t, 5), 3, 1), [][]int{{0, 1, 2}, {1, 2, 3}, {2, 3, 4}}},
		"Window apart":          {Window(numbers(t, 8), 2, 3), [][]int{{0, 1}, {3, 4}, {6, 7}}},
		"Unbatch":               {Unbatch(numbers(t, 5).BatchSize(2, false)), [][]int{{0}, {1}, {2}, {3}, {4}}},
		"Interleave":            {Interleave("x", 1, numbers(t, 2), numbers(t, 4)), [][]int{{0}, {0}, {1}, {1}, {2}, {3}}},
		"Interleave in blocks":  {Interleave("x", 2, numbers(t, 3), numbers(t, 5)), [][]int{{0}, {1}, {0}, {1}, {2}, {2}, {3}, {4}}},
		"ByIndex":               {ByIndex(numbers(t, 3), nil, 2), [][]int{{0}, {1}, {2}}},
		"Subset":                {must(numbers(t, 9).Subset([]int{8, 2, 2})), [][]int{{8}, {2}, {2}}},
		"Subset of a part":      {must(must(numbers(t, 9).Subset([]int{8, 2, 3})).Subset([]int{2, 0})), [][]int{{3}, {8}}},
		"Subset of what is not": {ByIndex(must(Subset(numbers(t, 9), []int{4, 4, 1})), nil, 0), [][]int{{4}, {4}, {1}}},
	} {
		assert.Equal(t, c.want, values(t, c.ds, -1), name)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestZipJoinsBatches(t *testing.T) {
	ds := Zip("both", numbers(t, 2).BatchSize(2, true), numbers(t, 9).BatchSize(3, true).WithSpec("second"))
	assert.Equal(t, 1, ds.NumBatches())
	n := 0
	for b, err := range ds.Iter() {
		require.NoError(t, err)
		assert.Equal(t, "inputs [float32[2] float32[3]], labels [int32[2] int32[3]]", b.String())
		assert.Nil(t, b.Spec)
		b.Close()
		n++
	}
	assert.Equal(t, 1, n)
}

// Interleave goes to any place without reading what is before it, also where a place is far beyond all ends.
func TestInterleaveSeeks(t *testing.T) {
	sets := func() []Dataset {
		return []Dataset{numbers(t, 7), numbers(t, 2), Repeat(numbers(t, 3), -1), numbers(t, 11)}
	}
	for _, block := range []int{1, 2, 3, 5} {
		ds := Interleave("x", block, sets()...)
		want := values(t, ds, 60)
		for at := range 50 {
			assert.Equal(t, want[at:60], read(t, ds.IterFrom(Position{Batch: int64(at)}), 60-at), "block %d, from %d", block, at)
		}
		assert.Len(t, read(t, ds.IterFrom(Position{Batch: 1 << 32}), 4), 4)
		assert.Empty(t, read(t, Interleave("x", block, numbers(t, 5), numbers(t, 9)).IterFrom(Position{Batch: 1<<63 - 1}), -1))
	}
}

// What is looked at is what comes next, and it comes next all the same.
func TestPeekTakesNothing(t *testing.T) {
	for name, make := range pipelines {
		t.Run(name, func(t *testing.T) {
			reference, ds := make(t), make(t)
			for pass := range 2 {
				want := values(t, reference, -1)
				for range 2 {
					state, err := ds.(Resumable).State()
					require.NoError(t, err)
					b, err := Peek(ds)
					require.NoError(t, err)
					var got []int
					for i := range b.Inputs[0].Size() {
						got = append(got, int(b.Inputs[0].Float64At(i)))
					}
					require.Equal(t, want[0], got, "pass %d", pass)
					require.NoError(t, b.Close())
					after, err := ds.(Resumable).State()
					require.NoError(t, err)
					require.Equal(t, state, after)
				}
				require.Equal(t, want, values(t, ds, -1))
			}
		})
	}
	ds := numbers(t, 6).BatchSize(2, true)
	values(t, ds, 2) // left: the next iteration is the next pass
	require.NoError(t, ds.SetState([]byte(`{"epoch":0,"batch":3}`)))
	b, err := Peek(ds)
	require.NoError(t, err, "behind the last batch of a pass")
	assert.Equal(t, 0.0, b.Inputs[0].Float64At(0))
}

// An error in the middle comes at its place, once, and ends the iteration; a resumed one comes to it too.
func TestErrorsInTheMiddle(t *testing.T) {
	broken := errors.New("disk on fire")
	source := func(t testing.TB) Dataset {
		return MapIndexed(numbers(t, 12), 0, func(p Position, b Batch) (Batch, error) {
			if p.Batch == 6 {
				return b, broken
			}
			return b, nil
		})
	}
	for name, make := range map[string]func(ds Dataset) Dataset{
		"Batched":    func(ds Dataset) Dataset { return Batched(ds, 2, false) },
		"Shuffled":   func(ds Dataset) Dataset { return Shuffled(ds, 3, 1) },
		"Map":        func(ds Dataset) Dataset { return Map(ds, identity) },
		"MapIndexed": func(ds Dataset) Dataset { return ParallelMap(ds, identity) },
		"Prefetch":   func(ds Dataset) Dataset { return Prefetch(ds, 2) },
		"Take":       func(ds Dataset) Dataset { return Take(ds, 9) },
		"Repeat":     func(ds Dataset) Dataset { return Repeat(ds, 2) },
		"Concat":     func(ds Dataset) Dataset { return Concat("x", numbers(t, 2), ds) },
		"Collate":    func(ds Dataset) Dataset { return Collate(ds, 2, false, pairs) },
		"Padded":     func(ds Dataset) Dataset { return Padded(Batched(ds, 1, true), 2, false, Padding{}) },
		"Bucketed":   func(ds Dataset) Dataset { return Bucketed(Batched(ds, 1, true), []int{1}, 2, false, Padding{}) },
		"Filter":     func(ds Dataset) Dataset { return Filter(ds, func(Batch) (bool, error) { return true, nil }) },
		"Window":     func(ds Dataset) Dataset { return Window(ds, 2, 1) },
		"Unbatch":    func(ds Dataset) Dataset { return Unbatch(Batched(ds, 2, false)) },
		"Zip":        func(ds Dataset) Dataset { return Zip("x", numbers(t, 20), ds) },
		"Interleave": func(ds Dataset) Dataset { return Interleave("x", 1, numbers(t, 2), ds) },
		"Cached":     func(ds Dataset) Dataset { return Cached(ds, t.TempDir()) },
	} {
		for _, from := range []int64{0, 1} {
			var got error
			after := 0
			for b, err := range iterFrom(make(source(t)), Position{Batch: from}) {
				b.Close()
				if got != nil {
					after++
				}
				if err != nil {
					got = err
				}
			}
			assert.ErrorIs(t, got, broken, "%s from %d", name, from)
			assert.Zero(t, after, "%s: something came after the error", name)
		}
	}
}

// nothing is a data set without batches that can be sought in.
type nothing struct{}

func (nothing) Name() string                              { return "nothing" }
func (nothing) Iter() iter.Seq2[Batch, error]             { return func(func(Batch, error) bool) {} }
func (nothing) IterFrom(Position) iter.Seq2[Batch, error] { return nothing{}.Iter() }
func (nothing) NumBatches() int                           { return 0 }

// Of no data come no batches, or a sentence; never a panic, or a loop without end.
func TestStagesOfNothing(t *testing.T) {
	for name, ds := range map[string]Dataset{
		"Batched": Batched(nothing{}, 2, true), "Shuffled": Shuffled(nothing{}, 3, 1), "Map": Map(nothing{}, identity),
		"ParallelMap": ParallelMap(nothing{}, identity), "Prefetch": Prefetch(nothing{}, 2), "Take": Take(nothing{}, 3),
		"Repeat": Repeat(nothing{}, 2), "endless": Repeat(nothing{}, -1), "Concat": Concat("x", nothing{}, nothing{}),
		"Collate": Collate(nothing{}, 2, false, pairs), "Padded": Padded(nothing{}, 2, true, Padding{}),
		"Bucketed": Bucketed(nothing{}, []int{3}, 2, true, Padding{}), "Filter": Filter(nothing{}, func(Batch) (bool, error) { return true, nil }),
		"Window": Window(nothing{}, 2, 1), "Unbatch": Unbatch(nothing{}), "Zip": Zip("x", nothing{}, numbers(t, 3)),
		"Interleave": Interleave("x", 2, nothing{}, nothing{}), "Cached": Cached(nothing{}, t.TempDir()),
	} {
		n := 0
		for b, err := range ds.Iter() {
			if err == nil {
				n++
			}
			b.Close()
		}
		assert.Zero(t, n, name)
	}
}

func TestFlowCountsWhatStagesDo(t *testing.T) {
	ds := Prefetch(Batched(numbers(t, 10).Shuffle(1), 3, false), 2)
	for range 2 {
		values(t, ds, -1)
	}
	f := FlowOf(ds)
	assert.Equal(t, "Prefetch 2", f.Stage)
	assert.Equal(t, []int64{8, 20, 0}, []int64{f.Batches, f.Rows, f.Errors})
	assert.True(t, f.Ahead)
	assert.Equal(t, []int{0, 2}, []int{f.Buffered, f.Capacity})
	batched := f.Sources[0]
	assert.Equal(t, []any{"Batched 3", int64(8), int64(20)}, []any{batched.Stage, batched.Batches, batched.Rows})
	assert.GreaterOrEqual(t, batched.Time, batched.Own)
	memory := batched.Sources[0]
	assert.Equal(t, []any{"InMemory", int64(20), int64(0)}, []any{memory.Stage, memory.Batches, memory.Rows})
	assert.Equal(t, "data set", FlowOf(plain{numbers(t, 1)}).Stage)
	failed := Map(numbers(t, 3), func(b Batch) (Batch, error) { return b, errors.New("no") })
	assert.Error(t, iterError(failed))
	assert.EqualValues(t, 1, FlowOf(failed).Errors)
}

// A stage that works ahead is seen to wait, and to be waited for.
func TestFlowSeesWhoWaits(t *testing.T) {
	gate := make(chan struct{})
	slow := Prefetch(Map(numbers(t, 4), func(b Batch) (Batch, error) { <-gate; return b, nil }), 2)
	go func() {
		for i := range int64(4) {
			for FlowOf(slow).Stalls <= i { // until somebody waits for the batch
				runtime.Gosched()
			}
			gate <- struct{}{}
		}
	}()
	values(t, slow, -1)
	assert.GreaterOrEqual(t, FlowOf(slow).Stalls, int64(4))
	fast := Prefetch(numbers(t, 6), 2)
	for b, err := range fast.Iter() {
		require.NoError(t, err)
		b.Close()
		for FlowOf(fast).Buffered < 2 && FlowOf(fast).Sources[0].Batches < 6 { // until the goroutine has nothing to do but wait
			runtime.Gosched()
		}
	}
	assert.Zero(t, FlowOf(fast).Buffered)
	assert.EqualValues(t, 6, FlowOf(fast).Batches)
}

func TestSamplers(t *testing.T) {
	assert.Equal(t, []int{0, 1, 2}, Sequential(3).Order(5))
	assert.Equal(t, Permutation(7, 2, 9), Permuted(9, 7).Order(2))
	for _, s := range []*Sampler{Permuted(9, 7), WithReplacement(9, 20, 7), Weighted([]float64{1, 2, 3}, 20, 7), Balanced([]int{1, 1, 2}, 20, 7)} {
		assert.Equal(t, s.Order(3), s.Order(3), "%v", s)
		assert.NotEqual(t, s.Order(3), s.Order(4), "%v", s)
		assert.Len(t, s.Order(0), s.Len(), "%v", s)
	}
	count := func(order []int, n int) []float64 {
		out := make([]float64, n)
		for _, i := range order {
			out[i] += 1 / float64(len(order))
		}
		return out
	}
	// 40,000 draws: the deviation of a share is below 0.0025.
	assert.InDeltaSlice(t, []float64{0.25, 0.25, 0.25, 0.25}, count(WithReplacement(4, 40000, 1).Order(0), 4), 0.0125)
	assert.InDeltaSlice(t, []float64{0.2, 0, 0.6, 0.2}, count(Weighted([]float64{1, 0, 3, 1}, 40000, 1).Order(0), 4), 0.0125)
	assert.InDeltaSlice(t, []float64{0.5, 1. / 6, 1. / 6, 1. / 6}, count(Balanced([]int{9, 4, 4, 4}, 40000, 1).Order(0), 4), 0.0125)
	assert.Zero(t, count(Weighted([]float64{1, 0, 3, 1}, 40000, 1).Order(0), 4)[1], "of weight 0")
	assert.Zero(t, count(Weighted([]float64{0, math.SmallestNonzeroFloat64, 0}, 100, 1).Order(0), 3)[2], "of weight 0, behind a sum that rounds")
}

// whole reports whether the two lists have each of the numbers below n once.
func whole(t *testing.T, n int, f Fold) {
	t.Helper()
	both := slices.Sorted(slices.Values(slices.Concat(f.Train, f.Test)))
	require.Equal(t, Sequential(n).Order(0), both)
}

func TestFolds(t *testing.T) {
	classes := make([]int, 103)
	for i := range classes {
		if classes[i] = 5; i%3 == 0 {
			classes[i] = -2
		}
		if i%25 == 0 {
			classes[i] = 8
		}
	}
	shares := func(rows []int) map[int]int {
		out := map[int]int{}
		for _, i := range rows {
			out[classes[i]]++
		}
		return out
	}
	all := shares(Sequential(len(classes)).Order(0))
	for _, seed := range []uint64{1, 2} {
		f, err := TrainTest(103, 0.2, seed)
		require.NoError(t, err)
		whole(t, 103, f)
		assert.Len(t, f.Test, 21)
		f, err = StratifiedTrainTest(classes, 0.2, seed)
		require.NoError(t, err)
		whole(t, 103, f)
		assert.Len(t, f.Test, 21)
		for c, n := range all {
			assert.InDelta(t, 0.2*float64(n), shares(f.Test)[c], 1, "class %d", c)
		}
		for _, k := range []int{2, 5, 103} {
			for name, make := range map[string]func() ([]Fold, error){
				"KFold":           func() ([]Fold, error) { return KFold(103, k, seed) },
				"StratifiedKFold": func() ([]Fold, error) { return StratifiedKFold(classes, k, seed) },
			} {
				folds, err := make()
				require.NoError(t, err)
				require.Len(t, folds, k)
				var tested []int
				for _, f := range folds {
					whole(t, 103, f)
					assert.InDelta(t, 103/float64(k), len(f.Test), 1, name)
					tested = append(tested, f.Test...)
					if name == "StratifiedKFold" {
						for c, n := range all {
							assert.InDelta(t, float64(n)/float64(k), shares(f.Test)[c], 1, "class %d", c)
						}
					}
				}
				assert.Equal(t, Sequential(103).Order(0), slices.Sorted(slices.Values(tested)), "%s: each example is tested once", name)
			}
		}
		b, err := Bootstrap(1000, seed)
		require.NoError(t, err)
		assert.Len(t, b.Train, 1000)
		assert.InDelta(t, 368, len(b.Test), 50) // e⁻¹ of them; the deviation is about 10
		for _, i := range b.Test {
			require.NotContains(t, b.Train, i)
		}
	}
	ds, err := InMemory("x", [][]float32{{1}, {2}, {3}}, [][]int64{{4}, {5}, {6}})
	require.NoError(t, err)
	part, err := ds.Subset([]int{2, 0})
	require.NoError(t, err)
	got, err := part.Classes()
	require.NoError(t, err)
	assert.Equal(t, []int{6, 4}, got)
}

// Of few examples it is said what is wrong with the fraction, and what would be right.
func TestFractionsThatLeaveAPartEmpty(t *testing.T) {
	for _, c := range []struct {
		n        int
		fraction float64
		want     string
	}{
		{3, 0.1, "a fraction of 0.1 of 3 examples, which is 0, leaves a part empty: take one that is nearer to a half, or more examples"},
		{2, 0.8, "a fraction of 0.8 of 2 examples, which is 2, leaves a part empty: take one that is nearer to a half, or more examples"},
		{9, 20, "a fraction of 20: want one between 0 and 1"},
		{9, math.NaN(), "a fraction of NaN: want one between 0 and 1"},
	} {
		_, err := TrainTest(c.n, c.fraction, 1)
		assert.EqualError(t, err, "data.TrainTest: "+c.want)
		_, err = StratifiedTrainTest(make([]int, c.n), c.fraction, 1)
		assert.EqualError(t, err, "data.StratifiedTrainTest: "+c.want)
		_, _, err = numbers(t, c.n).Split(c.fraction)
		assert.EqualError(t, err, `data.Split "numbers": `+c.want)
	}
	f, err := TrainTest(2, 0.5, 1)
	require.NoError(t, err)
	whole(t, 2, f)
}

func TestExamplesOfRecords(t *testing.T) {
	src := Examples("words", words{"a", "bcd", "boom", "fail"}, func(i int, w string) (Batch, error) {
		if w == "boom" {
			panic("it explodes")
		}
		return Batch{Inputs: []*tensors.Tensor{tensors.FromValue([]int32{int32(i), int32(len(w))})}}, nil
	})
	assert.Equal(t, []any{"words", 4}, []any{src.Name(), src.Len()})
	b, err := src.Example(1)
	require.NoError(t, err)
	assert.Equal(t, []int32{1, 3}, tensors.Flat[int32](b.Inputs[0]))
	_, err = src.Example(2)
	assert.ErrorContains(t, err, `data.Examples "words", example 2: panic`)
	_, err = src.Example(3)
	assert.EqualError(t, err, `data.Examples "words", example 3: cannot be read`)
	assert.EqualError(t, iterError(ByIndex(must(Subset(src, []int{0, 3})), nil, 2)),
		`data.ByIndex "words", batch 1 of epoch 0: data.Examples "words", example 3: cannot be read`)
}

type words []string

func (w words) Len() int { return len(w) }

func (w words) At(i int) (string, error) {
	if w[i] == "fail" {
		return "", errors.New("cannot be read")
	}
	return w[i], nil
}
