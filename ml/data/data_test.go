package data

import (
	"errors"
	"fmt"
	"go/ast"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbers is a data set of n examples, the numbers 0 to n-1 as inputs, their tenfold as labels.
func numbers(t testing.TB, n int) *InMemoryDataset {
	t.Helper()
	in, out := make([]float32, n), make([]int32, n)
	for i := range in {
		in[i], out[i] = float32(i), int32(10*i)
	}
	ds, err := InMemory("numbers", in, out)
	require.NoError(t, err)
	t.Cleanup(func() { ds.Close() })
	return ds
}

// values reads up to limit batches (all if negative) and returns the numbers in them, checking the labels.
func values(t testing.TB, ds Dataset, limit int) [][]int {
	t.Helper()
	return read(t, ds.Iter(), limit)
}

func read(t testing.TB, seq iter.Seq2[Batch, error], limit int) [][]int {
	t.Helper()
	out := [][]int{}
	if limit == 0 {
		return out
	}
	for b, err := range seq {
		require.NoError(t, err)
		var got []int
		for i := range b.Inputs[0].Size() {
			v := b.Inputs[0].Float64At(i)
			if l := b.Labels[0].Float64At(i); l != 10*v {
				t.Fatalf("label %v beside input %v", l, v)
			}
			got = append(got, int(v))
		}
		out = append(out, got)
		require.NoError(t, b.Close())
		if len(out) == limit {
			break
		}
	}
	return out
}

func flatten(batches [][]int) []int { return slices.Concat(batches...) }

// plain hides everything of a data set but Name and Iter: a user's own simple data set.
type plain struct{ ds Dataset }

func (p plain) Name() string                  { return p.ds.Name() }
func (p plain) Iter() iter.Seq2[Batch, error] { return p.ds.Iter() }

func identity(b Batch) (Batch, error) { return b, nil }

// slowly makes later batches finish first.
func slowly(b Batch) (Batch, error) {
	time.Sleep(time.Duration(3-int(b.Inputs[0].Float64At(0))%4) * time.Millisecond / 4)
	return b, nil
}

// pipelines are made over 10 numbers; each must be a function of the position.
var pipelines = map[string]func(t testing.TB) Dataset{
	"in memory":           func(t testing.TB) Dataset { return numbers(t, 10).BatchSize(3, false) },
	"in memory, shuffled": func(t testing.TB) Dataset { return numbers(t, 10).BatchSize(3, false).Shuffle(7) },
	"in memory, dropping": func(t testing.TB) Dataset { return numbers(t, 10).BatchSize(3, true).Shuffle(7) },
	"one by one":          func(t testing.TB) Dataset { return numbers(t, 10).Shuffle(7) },
	"infinite, taken": func(t testing.TB) Dataset {
		return Take(numbers(t, 10).BatchSize(3, true).Shuffle(7).Infinite(true), 11)
	},
	"batched":               func(t testing.TB) Dataset { return Batched(numbers(t, 10).Shuffle(7), 4, false) },
	"batched, dropping":     func(t testing.TB) Dataset { return Batched(numbers(t, 10).Shuffle(7), 4, true) },
	"shuffled by a buffer":  func(t testing.TB) Dataset { return Shuffled(numbers(t, 10), 4, 5) },
	"mapped":                func(t testing.TB) Dataset { return Map(numbers(t, 10).Shuffle(7), identity) },
	"mapped in parallel":    func(t testing.TB) Dataset { return ParallelMap(numbers(t, 10).Shuffle(7), slowly) },
	"prefetched":            func(t testing.TB) Dataset { return Prefetch(numbers(t, 10).Shuffle(7), 3) },
	"repeated":              func(t testing.TB) Dataset { return Repeat(numbers(t, 4).Shuffle(7), 3) },
	"repeated, plain":       func(t testing.TB) Dataset { return Repeat(plain{numbers(t, 4)}, 3) },
	"endless, prefetched":   func(t testing.TB) Dataset { return Take(Prefetch(Repeat(numbers(t, 4).Shuffle(7), -1), 3), 14) },
	"one after the other":   func(t testing.TB) Dataset { return Concat("both", numbers(t, 4).Shuffle(7), numbers(t, 3)) },
	"plain after plain":     func(t testing.TB) Dataset { return Concat("both", plain{numbers(t, 4)}, plain{numbers(t, 3)}) },
	"generated":             func(t testing.TB) Dataset { return Generate("generated", 5, generate) },
	"generated, endless":    func(t testing.TB) Dataset { return Take(Generate("generated", -1, generate), 4) },
	"all of it":             func(t testing.TB) Dataset { return all(t) },
	"a plain one in a pipe": func(t testing.TB) Dataset { return Prefetch(Batched(plain{numbers(t, 10)}, 3, false), 2) },
	"mapped with its place": func(t testing.TB) Dataset {
		return MapIndexed(numbers(t, 10), 2, func(p Position, b Batch) (Batch, error) { return generate(p) })
	},
	"collated":          func(t testing.TB) Dataset { return Collate(numbers(t, 10).Shuffle(7), 4, false, pairs) },
	"padded":            func(t testing.TB) Dataset { return Padded(sentences(t, 10), 4, false, bothPadded) },
	"padded, dropping":  func(t testing.TB) Dataset { return Padded(sentences(t, 10), 4, true, bothPadded) },
	"in buckets":        func(t testing.TB) Dataset { return Bucketed(sentences(t, 11), []int{1, 3, 4}, 2, false, bothPadded) },
	"in buckets, whole": func(t testing.TB) Dataset { return Bucketed(sentences(t, 11), []int{1, 3, 4}, 2, true, bothPadded) },
	"filtered": func(t testing.TB) Dataset {
		return Filter(numbers(t, 10).Shuffle(7), func(b Batch) (bool, error) { return int(b.Inputs[0].Float64At(0))%3 > 0, nil })
	},
	"windows":            func(t testing.TB) Dataset { return Window(numbers(t, 10).Shuffle(7), 3, 1) },
	"windows apart":      func(t testing.TB) Dataset { return Window(numbers(t, 10).Shuffle(7), 2, 3) },
	"windows of batches": func(t testing.TB) Dataset { return Window(numbers(t, 12).BatchSize(2, true).Shuffle(7), 2, 2) },
	"unbatched":          func(t testing.TB) Dataset { return Unbatch(numbers(t, 10).BatchSize(4, false).Shuffle(7)) },
	"zipped":             func(t testing.TB) Dataset { return Zip("both", numbers(t, 5).Shuffle(7), numbers(t, 7).Shuffle(8)) },
	"zipped, endless":    func(t testing.TB) Dataset { return Zip("both", Repeat(numbers(t, 5).Shuffle(7), -1), numbers(t, 7)) },
	"in turns": func(t testing.TB) Dataset {
		return Interleave("both", 2, numbers(t, 5).Shuffle(7), numbers(t, 3), numbers(t, 8))
	},
	"in turns, one": func(t testing.TB) Dataset { return Interleave("both", 1, numbers(t, 2), numbers(t, 7).Shuffle(7)) },
	"in turns, endless": func(t testing.TB) Dataset {
		return Take(Interleave("both", 2, numbers(t, 5), Repeat(numbers(t, 4).Shuffle(7), -1)), 17)
	},
	"in turns, plain": func(t testing.TB) Dataset {
		return Interleave("both", 2, plain{numbers(t, 5)}, numbers(t, 4).Shuffle(1))
	},
	"one again and again": func(t testing.TB) Dataset {
		b, err := generate(Position{})
		require.NoError(t, err)
		return Const("one", b, 4)
	},
	"by number":           func(t testing.TB) Dataset { return ByIndex(numbers(t, 10), nil, 0) },
	"by number, permuted": func(t testing.TB) Dataset { return ByIndex(numbers(t, 10), Permuted(10, 3), 2) },
	"by number, again": func(t testing.TB) Dataset {
		return Batched(ByIndex(numbers(t, 10), WithReplacement(10, 14, 3), 0), 3, false)
	},
	"by number, with weight": func(t testing.TB) Dataset { return ByIndex(numbers(t, 4), Weighted([]float64{0, 1, 3, 1}, 9, 3), 3) },
	"by number, balanced":    func(t testing.TB) Dataset { return ByIndex(numbers(t, 5), Balanced([]int{7, 7, 7, 7, -1}, 9, 3), 0) },
	"from a file":            func(t testing.TB) Dataset { return Cached(numbers(t, 10).BatchSize(3, false), t.TempDir(), 1) },
	"from a file, changed": func(t testing.TB) Dataset {
		return Prefetch(Shuffled(Cached(sentences(t, 6), t.TempDir(), 1), 3, 7), 2)
	},
}

// bothPadded pads inputs with 0, labels with 0 too, so that each label is ten times its input.
var bothPadded = Padding{Inputs: []int{0}, Labels: []int{0}}

// sentences is a data set of n examples of lengths 1 to 4: example i has 1 + i mod 4 times the number i, shuffled.
func sentences(t testing.TB, n int) Dataset {
	return MapIndexed(numbers(t, n).Shuffle(7), 0, func(_ Position, b Batch) (Batch, error) {
		v := int(b.Inputs[0].Float64At(0))
		in, out := make([]float32, 1+v%4), make([]int32, 1+v%4)
		for i := range in {
			in[i], out[i] = float32(v), int32(10*v)
		}
		return Batch{Inputs: []*tensors.Tensor{tensors.FromValue(in)}, Labels: []*tensors.Tensor{tensors.FromValue(out)}}, nil
	})
}

// pairs is a collate function that returns an example's own tensors where there is but one.
func pairs(examples []Batch) (Batch, error) {
	if len(examples) == 1 {
		return examples[0], nil
	}
	return Stack(examples...)
}

// Each function that makes a pipeline has its place among those that are resumed, left and broken.
func TestEveryStageIsAmongThePipelines(t *testing.T) {
	seen := map[string]bool{}
	var visit func(f Flow)
	visit = func(f Flow) {
		name, _, _ := strings.Cut(f.Stage, " ")
		seen[name] = true
		for _, s := range f.Sources {
			visit(s)
		}
	}
	for name, make := range pipelines {
		f := FlowOf(make(t))
		require.NotEqual(t, "error", f.Stage, name)
		visit(f)
	}
	alias := map[string]string{"ParallelMap": "Map", "MapIndexed": "Map"} // are Map with more arguments
	for _, name := range stageNames(t) {
		if a, ok := alias[name]; ok {
			name = a
		}
		assert.True(t, seen[name], "no pipeline in the table of pipelines is made by %s: add one", name)
	}
}

// stageNames returns the exported functions of the package that return a pipeline.
func stageNames(t testing.TB) (names []string) {
	for _, f := range testenv.Files(t, ".") {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() || fn.Type.Results == nil || len(fn.Type.Results.List) != 1 {
				continue
			}
			if star, ok := fn.Type.Results.List[0].Type.(*ast.StarExpr); ok {
				if id, ok := star.X.(*ast.Ident); ok && id.Name == "Pipeline" {
					names = append(names, fn.Name.Name)
				}
			}
		}
	}
	require.Greater(t, len(names), 15)
	return names
}

func generate(p Position) (Batch, error) {
	v := Rand(1, p.Epoch, p.Batch).IntN(1000)
	return Batch{Inputs: []*tensors.Tensor{tensors.FromValue([]int64{int64(v)})}, Labels: []*tensors.Tensor{tensors.FromValue([]int64{10 * int64(v)})}}, nil
}

func all(t testing.TB) Dataset {
	ds := Shuffled(Concat("both", numbers(t, 14).Shuffle(1), numbers(t, 9).Shuffle(2)), 5, 3)
	return Prefetch(ParallelMap(Repeat(Take(Batched(ds, 3, false), 6), 2), slowly), 2)
}

func TestAPassCanBeResumedAtAnyBatch(t *testing.T) {
	for name, make := range pipelines {
		t.Run(name, func(t *testing.T) {
			reference := make(t)
			var want [][]int // of three passes
			ends := []int{}
			for range 3 {
				want = append(want, values(t, reference, -1)...)
				ends = append(ends, len(want))
			}
			if n := reference.(Sized).NumBatches(); n >= 0 && n != ends[0] {
				t.Errorf("NumBatches is %d, a pass has %d", n, ends[0])
			}
			for stop := 0; stop <= ends[1]; stop++ {
				first := make(t)
				got := values(t, first, min(stop, ends[0]))
				if stop > ends[0] {
					if stop == ends[0]+1 && len(got) != ends[0] {
						t.Fatalf("%d batches, want %d", len(got), ends[0])
					}
					got = append(got, values(t, first, stop-ends[0])...)
				}
				state, err := first.(Resumable).State()
				require.NoError(t, err)
				second := make(t)
				require.NoError(t, second.(Resumable).SetState(state))
				for len(got) < ends[2] {
					before := len(got)
					got = append(got, values(t, second, -1)...)
					if !slices.Contains(ends, len(got)) || len(got) == before {
						t.Fatalf("after %s: a pass ended at batch %d, want one of %v", state, len(got), ends)
					}
				}
				require.Equal(t, want, got, "stopped after %d, state %s", stop, state)
			}
		})
	}
}

func TestStoppingEarlyDoesNotChangeTheNextPass(t *testing.T) {
	for name, make := range pipelines {
		t.Run(name, func(t *testing.T) {
			full, early := make(t), make(t)
			values(t, full, -1)
			values(t, early, 2)
			a, b := values(t, full, -1), values(t, early, -1)
			assert.Equal(t, b, a, "second pass after a full one")
		})
	}
}

func TestShuffleSeesEveryExampleInAnOrderOfThePass(t *testing.T) {
	ds := numbers(t, 100).BatchSize(7, false).Shuffle(3)
	a, b := flatten(values(t, ds, -1)), flatten(values(t, ds, -1))
	assert.False(t, reflect.DeepEqual(a, b), "two passes have the same order")
	for _, got := range [][]int{a, b} {
		slices.Sort(got)
		for i, v := range got {
			if i != v {
				t.Fatalf("place %d of the sorted pass holds %d", i, v)
			}
		}
	}
}

func TestPermutationIsTheDocumentedOne(t *testing.T) {
	// Fixed numbers: they must not change with the platform or the version of Go, or resumed trainings break.
	for _, c := range []struct {
		seed  uint64
		epoch int64
		want  []int
	}{
		{0, 0, []int{9, 7, 2, 4, 1, 5, 8, 0, 3, 6}},
		{1, 0, []int{8, 7, 5, 0, 3, 4, 6, 9, 2, 1}},
		{1, 1, []int{6, 5, 0, 4, 9, 2, 1, 8, 3, 7}},
	} {
		assert.Equal(t, c.want, Permutation(c.seed, c.epoch, 10), "Permutation(%d, %d, 10)", c.seed, c.epoch)
	}
}

func TestBatchShapes(t *testing.T) {
	x := tensors.FromValue([][]float32{{1, 2}, {3, 4}, {5, 6}})
	ds, err := InMemory("x", []any{x, []int32{7, 8, 9}}, [][]bool{{true}, {false}, {true}})
	require.NoError(t, err)
	x.Close() // the data set has its own share
	for _, c := range []struct {
		size int
		want string
	}{
		{0, "inputs [float32[2] int32[]], labels [bool[1]]"},
		{1, "inputs [float32[1 2] int32[1]], labels [bool[1 1]]"},
		{2, "inputs [float32[2 2] int32[2]], labels [bool[2 1]]"},
		{5, "inputs [float32[3 2] int32[3]], labels [bool[3 1]]"},
	} {
		for b, err := range ds.BatchSize(c.size, false).Iter() {
			require.NoError(t, err)
			if got := b.String(); got != c.want {
				t.Errorf("batch size %d: %s, want %s", c.size, got, c.want)
			}
			if got := b.Inputs[0].Float64At(1); got != 2 {
				t.Errorf("element 1 is %v, want 2", got)
			}
			break
		}
	}
}

func TestSplitAndTake(t *testing.T) {
	a, b, err := numbers(t, 10).Split(0.7)
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6}, flatten(values(t, a, -1)), "first part")
	assert.Equal(t, []int{7, 8}, flatten(values(t, b.Take(2), -1)), "two of the rest")
	c, d, err := numbers(t, 10).Shuffle(4).Split(0.5)
	require.NoError(t, err)
	both := append(flatten(values(t, c, -1)), flatten(values(t, d, -1))...)
	slices.Sort(both)
	assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, both, "a random split has %v in all", both)
	first := flatten(values(t, c, -1))
	slices.Sort(first)
	assert.False(t, reflect.DeepEqual(first, []int{0, 1, 2, 3, 4}), "a random split took the first ones")
}

func TestCollect(t *testing.T) {
	for name, ds := range map[string]Dataset{
		"batches": numbers(t, 10).BatchSize(4, false), "examples": numbers(t, 10)} {
		got, err := Collect(ds, name == "batches")
		require.NoError(t, err)
		if got.NumExamples() != 10 || !reflect.DeepEqual(flatten(values(t, got, -1)), flatten(values(t, numbers(t, 10), -1))) {
			t.Errorf("%s: %d examples", name, got.NumExamples())
		}
	}
	_, err := Collect(Repeat(numbers(t, 3), -1), false)
	assert.Error(t, err, "collecting an endless data set gave no error")
}

// big yields batches whose tensors are outside the Go heap, where tensors.Stats counts them.
func big(t testing.TB, n int) *InMemoryDataset {
	t.Helper()
	x := tensors.FromScalarAndDimensions(float32(1), n, 16*1024)
	ds, err := InMemory("big", x, nil)
	require.NoError(t, err)
	x.Close()
	t.Cleanup(func() { ds.Close() })
	return ds
}

func TestStoppingEarlyLeaksNothing(t *testing.T) {
	source := big(t, 20)
	twice := func(b Batch) (Batch, error) {
		x, err := b.Inputs[0].Clone()
		return Batch{Inputs: []*tensors.Tensor{x}}, err
	}
	broken := func(b Batch) (Batch, error) { return b, errors.New("broken") }
	for name, ds := range map[string]Dataset{
		"Prefetch":             Prefetch(source, 3),
		"ParallelMap":          ParallelMap(source, twice),
		"Prefetch ParallelMap": Prefetch(ParallelMap(source, twice), 2),
		"Batched":              Prefetch(Batched(source, 3, false), 2),
		"Shuffled":             Shuffled(source, 6, 1),
		"Map":                  Map(source, twice),
		"broken Map":           Map(source, broken),
		"broken ParallelMap":   Prefetch(ParallelMap(source, broken), 2),
		"a jump":               skipping{Shuffled(source, 6, 1)},
		"Collate":              Collate(source, 3, false, func(list []Batch) (Batch, error) { return list[0], nil }),
		"broken Collate":       Collate(source, 3, false, func(list []Batch) (Batch, error) { return list[0], errors.New("broken") }),
		"Padded":               Padded(source, 3, true, Padding{Multiple: 5, Masks: true}),
		"broken Padded":        Padded(source, 3, true, Padding{Inputs: []int{2}}),
		"Bucketed":             Bucketed(source, []int{16 * 1024, 1 << 15}, 3, false, Padding{}),
		"broken Bucketed":      Bucketed(source, []int{3}, 3, false, Padding{}),
		"Filter":               Filter(source, func(b Batch) (bool, error) { return b.Inputs[0].Ok(), nil }),
		"broken Filter":        Filter(source, func(b Batch) (bool, error) { panic("broken") }),
		"Window":               Window(source, 3, 2),
		"Window apart":         Window(source, 2, 4),
		"Unbatch":              Unbatch(Batched(source, 3, false)),
		"Zip":                  Zip("two", source, Prefetch(source, 2), Take(source, 7)),
		"broken Zip":           Zip("two", source, Map(source, broken)),
		"Interleave":           Interleave("two", 2, Take(source, 3), Prefetch(source, 2)),
		"ByIndex":              ByIndex(source, nil, 0),
		"ByIndex in parallel":  ByIndex(source, Permuted(20, 1), 3),
		"Cached":               Cached(source, t.TempDir()),
		"broken Cached":        Cached(Map(source, broken), t.TempDir()),
	} {
		for _, stop := range []int{1, 4, 100} {
			goroutines, storages := runtime.NumGoroutine(), tensors.Stats().Storages
			n := 0
			for b, err := range ds.Iter() {
				if err == nil {
					b.Close()
				} else if !strings.Contains(name, "broken") {
					t.Fatal(err)
				}
				if n++; n == stop {
					break
				}
			}
			if got := tensors.Stats().Storages; got != storages {
				t.Errorf("%s, stopped after %d: %d tensors were not released", name, stop, got-storages)
			}
			for try := 0; runtime.NumGoroutine() > goroutines; try++ { // one that has done its last step may still be seen
				if try == 100 {
					t.Fatalf("%s, stopped after %d: %d goroutines, %d before", name, stop, runtime.NumGoroutine(), goroutines)
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
}

// skipping begins in the middle.
type skipping struct{ Seekable }

func (s skipping) Iter() iter.Seq2[Batch, error] { return s.IterFrom(Position{Batch: 3}) }

func TestAPanicOfTheConsumerStopsThePrefetcher(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	func() {
		defer func() { recover() }()
		for range Prefetch(ParallelMap(numbers(t, 50), identity), 2).Iter() {
			panic("mine")
		}
	}()
	for try := 0; runtime.NumGoroutine() > goroutines; try++ {
		require.NotEqual(t, 100, try, "%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		time.Sleep(time.Millisecond)
	}
}

func TestMapReleasesWhatIsNotReturned(t *testing.T) {
	var in *tensors.Tensor
	ds := Map(numbers(t, 3), func(b Batch) (Batch, error) {
		in = b.Inputs[0]
		y, err := b.Inputs[0].Clone()
		b.Inputs[0] = y
		return b, err
	})
	for b, err := range ds.Iter() {
		require.NoError(t, err)
		require.False(t, in.Ok(), "the input is still alive")
		if !b.Inputs[0].Ok() || !b.Labels[0].Ok() {
			t.Fatal("what was returned is not alive")
		}
	}
}

func TestErrors(t *testing.T) {
	_, mismatch := InMemory("train", [][]float32{{1}, {2}, {3}}, []int32{1, 2})
	_, empty := InMemory("train", [][]float32{}, nil)
	_, none := InMemory("train", nil, []int32{1})
	_, scalar := InMemory("train", 3.0, nil)
	_, ragged := InMemory("train", [][]float32{{1}, {2, 3}}, nil)
	_, _, split := numbers(t, 3).Split(1.5)
	_, collect := Collect(Repeat(numbers(t, 3), -1), false)
	mixed, err := Collect(numbers(t, 3), false)
	require.NoError(t, err)
	mixed.Close()
	other, err := InMemory("others", [][]float32{{1, 2}}, []int32{1})
	require.NoError(t, err)
	crash := func(Batch) (Batch, error) { var x []int; return Batch{}, fmt.Errorf("%d", x[3]) }
	refuse := func(Batch) (Batch, error) { return Batch{}, errors.New("no such word: \"quire\"") }
	_, firstOfNone := First(plain{failing("nothing", nil).drained()})
	checkGolden(t, []namedError{
		{"label count differs", mismatch},
		{"no examples", empty},
		{"no inputs", none},
		{"a scalar as input", scalar},
		{"ragged input", ragged},
		{"a fraction beyond 1", split},
		{"collecting without end", collect},
		{"a batch larger than the data", iterError(numbers(t, 10).BatchSize(64, true))},
		{"a negative batch size", iterError(numbers(t, 10).BatchSize(-1, true))},
		{"taking no examples", iterError(numbers(t, 10).Take(0))},
		{"reading after Close", iterError(mixed)},
		{"taking no batches", iterError(Take(numbers(t, 10), 0))},
		{"repeating 0 times", iterError(Repeat(numbers(t, 10), 0))},
		{"repeating nothing", iterError(Repeat(plain{failing("nothing", nil).drained()}, -1))},
		{"Concat of nothing", iterError(Concat("none"))},
		{"the first batch of none", firstOfNone},
		{"Batched by 0", iterError(Batched(numbers(t, 10), 0, false))},
		{"Batched larger than the data", iterError(Batched(numbers(t, 10), 64, true))},
		{"Batched different shapes", iterError(Batched(Concat("both", numbers(t, 2), other), 3, true))},
		{"Batched different specs", iterError(Batched(Concat("both", numbers(t, 2), numbers(t, 2).WithSpec("b")), 4, true))},
		{"Shuffled by a buffer of 0", iterError(Shuffled(numbers(t, 10), 0, 1))},
		{"Prefetch of 0", iterError(Prefetch(numbers(t, 10), 0))},
		{"a map that fails", iterError(Map(numbers(t, 10), refuse))},
		{"a parallel map that fails", iterError(Prefetch(ParallelMap(numbers(t, 10), refuse), 2))},
		{"a parallel map that panics", iterError(ParallelMap(numbers(t, 10), crash))},
		{"padding that an integer has not", iterError(Padded(sentences(t, 4), 2, false, Padding{Inputs: []int{0}, Labels: []int{0}, LabelValue: 0.5}))},
		{"padding what is not there", iterError(Padded(sentences(t, 4), 2, false, Padding{Inputs: []int{3}}))},
		{"padding to too short a length", iterError(Padded(sentences(t, 4), 2, false, Padding{Inputs: []int{0}, Labels: []int{0}, Length: 1}))},
		{"padding inputs alone", iterError(Padded(sentences(t, 4), 4, false, Padding{}))},
		{"padding a scalar", iterError(Padded(numbers(t, 4), 2, false, Padding{}))},
		{"buckets that do not ascend", iterError(Bucketed(sentences(t, 4), []int{4, 2}, 2, false, bothPadded))},
		{"no buckets", iterError(Bucketed(sentences(t, 4), nil, 2, false, bothPadded))},
		{"an example longer than all buckets", iterError(Bucketed(sentences(t, 4), []int{1, 2}, 2, false, bothPadded))},
		{"buckets that are never full", iterError(Bucketed(sentences(t, 4), []int{4}, 8, true, bothPadded))},
		{"a collate function that panics", iterError(Collate(numbers(t, 4), 2, false, func([]Batch) (Batch, error) { return crash(Batch{}) }))},
		{"a filter that fails", iterError(Filter(numbers(t, 4), func(Batch) (bool, error) { return false, errors.New("who knows") }))},
		{"a filter of nothing", iterError(Filter(numbers(t, 4), nil))},
		{"windows of 0", iterError(Window(numbers(t, 4), 0, 1))},
		{"windows larger than the data", iterError(Window(numbers(t, 4), 5, 1))},
		{"rows of scalars", iterError(Unbatch(numbers(t, 4)))},
		{"Zip of nothing", iterError(Zip("none"))},
		{"Interleave by 0", iterError(Interleave("both", 0, numbers(t, 4)))},
		{"Const of nothing", iterError(Const("none", Batch{}, -1))},
		{"a pass of 0 constants", iterError(Const("none", Batch{Inputs: []*tensors.Tensor{tensors.FromValue(1)}}, 0))},
		{"by number of nil", iterError(ByIndex(nil, nil, 0))},
		{"more examples chosen than there are", iterError(ByIndex(numbers(t, 4), Permuted(5, 1), 0))},
		{"no draws", iterError(ByIndex(numbers(t, 4), WithReplacement(4, 0, 1), 0))},
		{"a weight below 0", iterError(ByIndex(numbers(t, 2), Weighted([]float64{1, -1}, 3, 1), 0))},
		{"no weight", iterError(ByIndex(numbers(t, 2), Weighted([]float64{0, 0}, 3, 1), 0))},
		{"a subset beyond", second(numbers(t, 3).Subset([]int{0, 3}))},
		{"a subset of nothing", second(Subset(numbers(t, 3), nil))},
		{"classes of no numbers", second(noClasses(t).Classes())},
		{"one fold", second(KFold(10, 1, 1))},
		{"more folds than examples", second(StratifiedKFold([]int{1, 1, 2}, 4, 1))},
		{"a test of everything", second(TrainTest(10, 1, 1))},
		{"a bootstrap of one", second(Bootstrap(1, 1))},
		{"a cache of what never ends", iterError(Cached(Repeat(numbers(t, 3), -1), t.TempDir()))},
		{"a cache of what has specs", iterError(Cached(numbers(t, 3).WithSpec("b"), t.TempDir()))},
		{"a cache with a key that is no text", iterError(Cached(numbers(t, 3), t.TempDir(), func() {}))},
		{"a look at a data set of one's own", second(Peek(plain{numbers(t, 3)}))},
		{"a look at nothing", second(Peek(failing("nothing", nil).drained()))},
		{"generating nothing", iterError(Generate("x", 0, generate))},
		{"a generator that fails", iterError(Generate("x", 3, func(Position) (Batch, error) { return Batch{}, errors.New("no more") }))},
		{"a state of something else", numbers(t, 3).SetState([]byte(`{"step": 3}`))},
		{"a state and more", numbers(t, 3).SetState([]byte(`{"epoch":3,"batch":1} x`))},
		{"a negative state", numbers(t, 3).SetState([]byte(`{"epoch":-3,"batch":1}`))},
	})
}

// drained makes a pipeline without any batch.
func (p *Pipeline) drained() *Pipeline {
	p.from = func(Position) iter.Seq2[Batch, error] { return func(func(Batch, error) bool) {} }
	return p
}

func second[T any](_ T, err error) error { return err }

func noClasses(t testing.TB) *InMemoryDataset {
	ds, err := InMemory("x", []float32{1, 2}, []float32{1, 2})
	require.NoError(t, err)
	return ds
}

func iterError(ds Dataset) error {
	for b, err := range ds.Iter() {
		if err != nil {
			return err
		}
		b.Close()
	}
	return nil
}

type namedError struct {
	name string
	err  error
}

// checkGolden compares error texts with testdata/errors.golden, which the flag -update rewrites.
func checkGolden(t *testing.T, list []namedError) {
	t.Helper()
	var out strings.Builder
	here, _ := os.Getwd()
	for _, c := range list {
		if c.err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		text := strings.ReplaceAll(c.err.Error(), here+string(filepath.Separator), "")
		if i := strings.Index(text, "data_test.go:"); i >= 0 { // the line may move
			text = text[:i] + "data_test.go:LINE" + strings.TrimLeft(text[i+len("data_test.go:"):], "0123456789")
		}
		fmt.Fprintf(&out, "%s\n\t%s\n", c.name, text)
	}
	golden.Check(t, "testdata/errors.golden", out.String())
}

func FuzzSetState(f *testing.F) {
	f.Add([]byte(`{"epoch":3,"batch":17}`))
	f.Add([]byte(`{"epoch":9223372036854775807,"batch":9223372036854775807}`))
	f.Add([]byte(`{"epoch":0,"batch":5} x`))
	f.Fuzz(func(t *testing.T, state []byte) {
		ds := Prefetch(Repeat(numbers(t, 5).BatchSize(2, false).Shuffle(1), 2), 2)
		if ds.SetState(state) != nil {
			return
		}
		for b, err := range ds.Iter() {
			require.NoError(t, err)
			b.Close()
		}
	})
}

func BenchmarkGather(b *testing.B) {
	x := tensors.FromScalarAndDimensions(float32(1), 10_000, 28, 28, 1)
	ds, err := InMemory("x", x, nil)
	require.NoError(b, err)
	ds.BatchSize(128, true).Shuffle(1).Infinite(true)
	b.SetBytes(128 * 28 * 28 * 4)
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for batch, err := range ds.Iter() {
		if err != nil {
			b.Fatal(err)
		}
		batch.Close()
		if n++; n >= b.N {
			break
		}
	}
}

func TestItsOwnStateLetsADataSetGoOn(t *testing.T) {
	ds := Prefetch(numbers(t, 10).BatchSize(2, true).Shuffle(7), 2)
	whole := values(t, Prefetch(numbers(t, 10).BatchSize(2, true).Shuffle(7), 2), -1)
	got := values(t, ds, 2)
	state, err := ds.State()
	require.NoError(t, err)
	require.NoError(t, ds.SetState(state))
	got = append(got, values(t, ds, -1)...)
	assert.Equal(t, whole, got, "in two parts")
}

func TestFirstTakesAPass(t *testing.T) {
	ds := numbers(t, 6).BatchSize(2, true)
	first, err := First(ds)
	require.NoError(t, err)
	defer first.Close()
	if got := first.Inputs[0].Float64At(1); first.Inputs[0].Size() != 2 || got != 1 {
		t.Errorf("first batch %v, its second number %v: want 2 numbers, the second 1", first, got)
	}
	require.Len(t, values(t, ds, -1), 3, "afterwards a pass")
	assert.Equal(t, int64(2), ds.Epoch(), "afterwards a pass")
	broken := errors.New("disk on fire")
	_, err = First(failing("broken", broken))
	assert.ErrorIs(t, err, broken)
}
