package checkpoints

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// noisy has all that must be saved besides weights: random numbers, moving averages.
func noisy(scope *model.Scope, x *graph.Node) *graph.Node {
	x = layers.Dense(scope.In("hidden"), x, true, 4)
	x = layers.BatchNorm(scope.In("norm"), x, -1).Done()
	x = layers.Dropout(scope.In("dropout"), graph.Tanh(x), 0.2)
	return layers.Dense(scope.In("out"), x, true, 1)
}

func line(t testing.TB, name string) *data.InMemoryDataset {
	x, y := make([][]float32, 37), make([][]float32, 37)
	for i := range x {
		a, b := float32(i%7), float32(i%5)
		x[i], y[i] = []float32{a, b}, []float32{2*a - 3*b}
	}
	ds, err := data.InMemory(name, x, y)
	require.NoError(t, err)
	return ds.Shuffle(3).BatchSize(5, false)
}

// process is one process's worth of training.
type process struct {
	store   *model.Store
	trainer *train.Trainer
	loop    *train.Loop
	ds      data.Dataset
	curve   []string // every step's metrics, bit by bit
}

func newProcess(t testing.TB, accumulate int) *process {
	s := &process{store: model.NewStore()}
	s.trainer = train.NewTrainer(gocpu.New(), s.store, noisy, losses.MeanSquaredError,
		optimizers.Adam().LearningRate(0.1).Schedule(optimizers.Cosine(30)).Done(), metrics.NewMeanAbsoluteError())
	require.NoError(t, s.trainer.AccumulateGradients(accumulate))
	s.loop = train.NewLoop(s.trainer)
	s.ds = data.Prefetch(line(t, "line"), 3)
	s.loop.Listen(func(e train.Event) {
		if e.Kind == train.Step || e.Kind == train.Epoch {
			text := e.Kind.String()
			for _, m := range e.Metrics {
				text += fmt.Sprintf(" %x", math.Float64bits(m.Value))
			}
			s.curve = append(s.curve, text)
		}
	})
	return s
}

func (s *process) run(t testing.TB, steps int) {
	_, err := s.loop.RunSteps(s.ds, steps)
	require.NoError(t, err)
}

func sameVariables(t *testing.T, a, b *model.Store) {
	t.Helper()
	require.Equal(t, a.NumVariables(), b.NumVariables())
	for v := range a.IterVariables() {
		require.Equal(t, v.MustValue().Value(), b.GetVariable(v.Path()).MustValue().Value(), v.Path())
	}
}

func TestResumingGivesTheSameCurveBitForBit(t *testing.T) {
	for _, c := range []struct{ first, second, accumulate int }{{10, 10, 1}, {8, 12, 1}, {16, 4, 1}, {7, 13, 3}, {1, 19, 2}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			whole := newProcess(t, c.accumulate)
			whole.run(t, c.first+c.second)

			dir := t.TempDir()
			a := newProcess(t, c.accumulate)
			require.NoError(t, Build(a.store).Dir(dir).MustDone().Attach(a.loop, 1000))
			a.run(t, c.first)

			b := newProcess(t, c.accumulate)
			h, err := Load(b.store).Dir(dir).Done()
			require.NoError(t, err)
			require.NoError(t, h.Attach(b.loop, 1000))
			b.run(t, c.second)
			require.Equal(t, whole.curve, append(a.curve, b.curve...))
			sameVariables(t, whole.store, b.store)
			require.Equal(t, 0, len(h.Warnings()))
			want, _ := whole.loop.History().Get("step", "loss")
			got, _ := b.loop.History().Get("step", "loss")
			require.Equal(t, want, got)
		})
	}
}

func TestHyperparametersAndFlagsComeBack(t *testing.T) {
	dir := t.TempDir()
	store := model.NewStore()
	require.NoError(t, store.SetParams(map[string]any{"learning_rate": 2, "layers": []int{3, 4}, "/a/name": "x", "on": true, "mine": 1.5}))
	_, err := store.CreateVariable("frozen", tensors.FromScalar(float32(1)))
	require.NoError(t, err)
	store.GetVariable("frozen").SetTrainable(false)
	require.NoError(t, store.SetRNGStateFromSeed(77))
	_, err = Build(store).Dir(dir).MustDone().Save()
	require.NoError(t, err)

	back := model.NewStore()
	require.NoError(t, back.SetParam("mine", 2.5))
	_, err = Load(back).Dir(dir).Done()
	require.NoError(t, err)
	for path, want := range map[string]any{"learning_rate": 2.0, "layers": []int{3, 4}, "/a/name": "x", "on": true, "mine": 2.5} {
		got, _ := back.GetParam(path)
		require.Equal(t, want, got, path)
	}
	require.NoError(t, back.CheckParams())
	require.True(t, !back.GetVariable("frozen").Trainable())
	require.Equal(t, int64(77), back.Seed())
}

// What a run works with, such as the caches of a model that generates, is no part of a checkpoint, and stays as it is when one is restored.
func TestTransientVariablesAreNotSaved(t *testing.T) {
	dir := t.TempDir()
	store := model.NewStore()
	create := func(store *model.Store, path string, value float32) *model.Variable {
		v, err := store.CreateVariable(path, tensors.FromScalar(value))
		require.NoError(t, err)
		return v
	}
	create(store, "/weight", 1)
	create(store, "/cache/cached_keys", 2).SetTrainable(false).SetTransient(true)
	_, err := Build(store).Dir(dir).MustDone().Save()
	require.NoError(t, err)
	other := model.NewStore()
	cache := create(other, "/cache/cached_keys", 7).SetTransient(true)
	_, err = Load(other).Dir(dir).Done()
	require.NoError(t, err)
	require.Equal(t, float32(1), other.GetVariable("/weight").MustValue().Value())
	require.Equal(t, float32(7), cache.MustValue().Value())
}

func TestKeepLastAndBest(t *testing.T) {
	dir := t.TempDir()
	s := newProcess(t, 1)
	h := Build(s.store).Dir(dir).Keep(2).KeepBest("test", "loss").MustDone()
	require.NoError(t, h.Attach(s.loop, 5))
	var saved, best []int64
	s.loop.Listen(func(e train.Event) {
		if e.Kind == train.Checkpoint {
			saved = append(saved, e.GlobalStep)
			if e.Best {
				best = append(best, e.GlobalStep)
			}
		}
	})
	s.loop.EvalEvery(10, line(t, "test").Shuffle(0))
	s.run(t, 40)
	list, err := h.List()
	require.NoError(t, err)
	require.True(t, len(list) == 2 || len(list) == 3, list)
	require.Equal(t, int64(40), list[len(list)-1].GlobalStep)
	b, found := h.Best()
	require.True(t, found)
	require.Equal(t, best[len(best)-1], b.GlobalStep)
	series, _ := s.loop.History().Get("test", "loss")
	for i, v := range series.Values {
		m, _ := h.judge(b)
		require.True(t, m.Value <= v, "step %v", series.Steps[i])
	}
	require.True(t, len(saved) >= 8, saved)

	again := model.NewStore()
	l, err := Load(again).Dir(dir).KeepBest("test", "loss").LoadBest().Done()
	require.NoError(t, err)
	_, from := l.Loaded()
	require.Equal(t, b.Name, from.Name)
}

func TestAStepThatIsSavedForSeveralReasonsIsSavedOnce(t *testing.T) {
	for _, every := range []int{0, 8, 4} { // an epoch has 8 steps
		t.Run(fmt.Sprint("every ", every), func(t *testing.T) {
			dir := t.TempDir()
			s := newProcess(t, 1)
			h := Build(s.store).Dir(dir).Keep(-1).KeepBest("test", "loss").MustDone()
			require.NoError(t, h.Attach(s.loop, every))
			s.loop.EvalEachEpoch(line(t, "test"))
			_, err := s.loop.RunEpochs(s.ds, 6)
			require.NoError(t, err)
			list, err := h.List()
			require.NoError(t, err)
			steps := map[int64]bool{}
			for i, c := range list {
				require.Equal(t, i+1, c.Number)
				require.True(t, !steps[c.GlobalStep], c)
				steps[c.GlobalStep] = true
				require.NoError(t, c.Verify())
			}
			want := 6
			if every == 4 {
				want = 12
			}
			require.Equal(t, want, len(list))
			best, found := h.Best()
			series, _ := s.loop.History().Get("test", "loss")
			require.True(t, found)
			lowest := slices.Index(series.Values, slices.Min(series.Values))
			require.Equal(t, series.Steps[lowest], best.GlobalStep)
			// The last checkpoint has what came after its variables were written.
			meta, err := list[len(list)-1].ReadMeta()
			require.NoError(t, err)
			saved, _ := meta.History.Get("test", "loss")
			require.Equal(t, series.Steps, saved.Steps)
		})
	}
}

func TestVariablesThatChangeWithinAStepAreSavedAgain(t *testing.T) {
	dir := t.TempDir()
	s := newProcess(t, 1)
	h := Build(s.store).Dir(dir).Keep(-1).MustDone()
	require.NoError(t, h.Attach(s.loop, 5))
	s.loop.OnSettled("change", func(*train.Loop) error {
		return s.store.GetVariable("/out/biases").SetValue(tensors.FromValue([]float32{7}))
	})
	s.run(t, 5)
	list, err := h.List()
	require.NoError(t, err)
	require.Equal(t, 2, len(list))
	back := model.NewStore()
	_, err = Load(back).Dir(dir).Done()
	require.NoError(t, err)
	require.Equal(t, []float32{7}, back.GetVariable("/out/biases").MustValue().Value())
}

func TestKeepBestOfWhatIsNotEvaluatedIsAnError(t *testing.T) {
	for _, c := range []struct {
		dataset, metric string
		sets            []string
		want            string
		steps           int
	}{
		{"validatoin", "loss", []string{"test", "validation"}, `checkpoints: KeepBest("validatoin", "loss"): the loop does not evaluate "validatoin": do you mean "validation"? (it evaluates "test", "validation")`, 0},
		{"test", "loss", nil, `the loop does not evaluate "test" (it evaluates nothing: call its EvalEachEpoch or EvalEvery)`, 0},
		{"test", "acc", []string{"validation", "test"}, `checkpoints: KeepBest("test", "acc"): the evaluation of "test" has no metric "acc" (known: "loss" or "Mean loss", "mae" or "Mean absolute error")`, 3},
		{"test", "los", []string{"test"}, `has no metric "los": do you mean "loss"?`, 3},
	} {
		s := newProcess(t, 1)
		h := Build(s.store).Dir(t.TempDir()).KeepBest(c.dataset, c.metric).MustDone()
		require.NoError(t, h.Attach(s.loop, 0))
		for _, name := range c.sets {
			s.loop.EvalEvery(3, line(t, name))
		}
		_, err := s.loop.RunSteps(s.ds, 10)
		require.ErrorContains(t, err, c.want)
		require.Equal(t, c.steps, s.loop.Step())
	}
}

func TestLoadBestKnowsWhatKeepBestWas(t *testing.T) {
	dir := t.TempDir()
	s := newProcess(t, 1)
	h := Build(s.store).Dir(dir).Keep(2).KeepBest("test", "loss").MustDone()
	require.NoError(t, h.Attach(s.loop, 0))
	s.loop.EvalEachEpoch(line(t, "test"))
	_, err := s.loop.RunEpochs(s.ds, 4)
	require.NoError(t, err)
	want, _ := h.Best()
	l, err := Load(model.NewStore()).Dir(dir).LoadBest().Done()
	require.NoError(t, err)
	_, from := l.Loaded()
	require.Equal(t, want, from)

	// A program that goes on without KeepBest, and without evaluations, keeps the best one.
	again := newProcess(t, 1)
	l, err = Load(again.store).Dir(dir).Done()
	require.NoError(t, err)
	require.NoError(t, l.Attach(again.loop, 1))
	again.run(t, 5)
	kept, found := l.Best()
	require.True(t, found)
	require.Equal(t, want, kept)
}

func TestInterruptedRunsAreSavedAndGoOn(t *testing.T) {
	whole := newProcess(t, 1)
	whole.run(t, 12)
	dir := t.TempDir()
	a := newProcess(t, 1)
	require.NoError(t, Build(a.store).Dir(dir).MustDone().Attach(a.loop, 1000))
	ctx, cancel := context.WithCancel(context.Background())
	a.loop.Listen(func(e train.Event) {
		if e.Kind == train.Step && e.Step == 5 {
			cancel()
		}
	})
	_, err := a.loop.RunStepsContext(ctx, a.ds, 12)
	require.ErrorIs(t, err, train.ErrInterrupted)
	b := newProcess(t, 1)
	require.NoError(t, Load(b.store).Dir(dir).MustDone().Attach(b.loop, 1000))
	_, err = b.loop.RunToGlobalStep(b.ds, 12)
	require.NoError(t, err)
	require.Equal(t, whole.curve, append(a.curve, b.curve...))
}

func TestRunToEpochGoesOnInTheMiddleOfAnEpoch(t *testing.T) {
	whole := newProcess(t, 1)
	_, err := whole.loop.RunToEpoch(whole.ds, 3)
	require.NoError(t, err)
	require.Equal(t, int64(24), whole.trainer.GlobalStep())
	dir := t.TempDir()
	a := newProcess(t, 1)
	require.NoError(t, Build(a.store).Dir(dir).MustDone().Attach(a.loop, 0))
	a.run(t, 11)
	b := newProcess(t, 1)
	require.NoError(t, Load(b.store).Dir(dir).MustDone().Attach(b.loop, 0))
	_, err = b.loop.RunToEpoch(b.ds, 3)
	require.NoError(t, err)
	require.Equal(t, whole.curve, append(a.curve, b.curve...))
	list, _ := List(dir)
	require.Equal(t, int64(24), list[len(list)-1].GlobalStep)
}

func TestRunsThatFailAreNotSaved(t *testing.T) {
	dir := t.TempDir()
	s := newProcess(t, 1)
	require.NoError(t, Build(s.store).Dir(dir).MustDone().Attach(s.loop, 1000))
	train.EveryNSteps(s.loop, 3, "stop", func(*train.Loop) error { return errors.New("broken") })
	_, err := s.loop.RunSteps(s.ds, 10)
	require.ErrorContains(t, err, "stop: broken")
	list, _ := List(dir)
	require.Equal(t, 0, len(list))
}

// damage applies f to a file's bytes.
func damage(t *testing.T, path string, f func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, f(b), 0o644))
}

func twoCheckpoints(t *testing.T, dir string) []Checkpoint {
	s := newProcess(t, 1)
	require.NoError(t, Build(s.store).Dir(dir).Keep(2).MustDone().Attach(s.loop, 5))
	s.run(t, 10)
	list, err := List(dir)
	require.NoError(t, err)
	require.Equal(t, 2, len(list))
	return list
}

func TestDamageIsFoundAndTheOlderOneOffered(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)/2] ^= 4; return b }
	for name, f := range map[string]func(c Checkpoint){
		"a bit of the data":      func(c Checkpoint) { damage(t, c.DataPath(), flip) },
		"a bit of the metadata":  func(c Checkpoint) { damage(t, c.Path(), flip) },
		"the end of the data":    func(c Checkpoint) { damage(t, c.DataPath(), func(b []byte) []byte { return b[:len(b)-1] }) },
		"half of the metadata":   func(c Checkpoint) { damage(t, c.Path(), func(b []byte) []byte { return b[:len(b)/2] }) },
		"all of the metadata":    func(c Checkpoint) { damage(t, c.Path(), func(b []byte) []byte { return nil }) },
		"the data file is gone":  func(c Checkpoint) { os.Remove(c.DataPath()) },
		"the metadata are zeros": func(c Checkpoint) { damage(t, c.Path(), func(b []byte) []byte { clear(b); return b }) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			list := twoCheckpoints(t, dir)
			f(list[1])
			_, err := Load(model.NewStore()).Dir(dir).Done()
			var damaged *DamagedError
			require.True(t, errors.As(err, &damaged), err)
			require.Equal(t, list[1], damaged.Checkpoint)
			require.Equal(t, list[0], *damaged.Older)
			require.ErrorContains(t, err, list[0].Name+" (step 5) is whole: load it with FallBack()")

			h, err := Load(model.NewStore()).Dir(dir).FallBack().Done()
			require.NoError(t, err)
			_, from := h.Loaded()
			require.Equal(t, list[0], from)
			require.Equal(t, 1, len(h.Warnings()))

			f(list[0])
			_, err = Load(model.NewStore()).Dir(dir).FallBack().Done()
			require.ErrorContains(t, err, "there is no older one")
		})
	}
}

// full is a file on a disk that has room for some more bytes.
type full struct {
	file
	room *int
}

var errFull = errors.New("no space left on device")

func (f full) Write(p []byte) (int, error) {
	if len(p) > *f.room {
		n, _ := f.file.Write(p[:*f.room])
		*f.room = 0
		return n, errFull
	}
	*f.room -= len(p)
	return f.file.Write(p)
}

func TestAFullDiskKeepsTheOldCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := newProcess(t, 1)
	h := Build(s.store).Dir(dir).MustDone()
	s.run(t, 5)
	first, err := h.Save()
	require.NoError(t, err)
	size := func(p string) int { i, _ := os.Stat(p); return int(i.Size()) }
	total := size(first.Path()) + size(first.DataPath())
	s.run(t, 1)
	for room := 0; room < total; room += 97 {
		left := room
		h.create = func(path string) (file, error) {
			f, err := createFile(path)
			return full{f, &left}, err
		}
		_, err := h.Save()
		require.ErrorIs(t, err, errFull)
		require.ErrorContains(t, err, first.Name+" is as it was")
		files, _ := os.ReadDir(dir)
		require.Equal(t, 2, len(files), "with room for %v", room)
		require.NoError(t, first.Verify())
	}
	h.create = createFile
	second, err := h.Save()
	require.NoError(t, err)
	list, _ := h.List()
	require.Equal(t, []Checkpoint{second}, list)
}

func TestACrashWhileAStepIsRenewedLosesNothing(t *testing.T) {
	dir := t.TempDir()
	s := newProcess(t, 1)
	h := Build(s.store).Dir(dir).MustDone()
	require.NoError(t, h.Attach(s.loop, 5))
	s.run(t, 5)
	c := h.last
	old, err := c.ReadMeta()
	require.NoError(t, err)
	for left := range 3 {
		room := 1000 * left
		h.create = func(path string) (file, error) {
			f, err := createFile(path)
			return crashing{full{f, &room}}, err
		}
		require.True(t, crash(func() { renew(t, h) }), "with room for %v", 1000*left)
		require.NoError(t, c.Verify())
		meta, err := c.ReadMeta()
		require.NoError(t, err)
		require.Equal(t, old.Saved, meta.Saved)
	}
	h.create = createFile
	require.True(t, renew(t, h))
	require.NoError(t, c.Verify())
	require.Equal(t, c, h.last)
	meta, err := c.ReadMeta()
	require.NoError(t, err)
	require.True(t, meta.Saved.After(old.Saved))
	files, _ := os.ReadDir(dir)
	require.Equal(t, 2, len(files), "leavings are swept")
}

func renew(t *testing.T, h *Handler) (done bool) {
	p, err := h.collect(false)
	require.NoError(t, err)
	defer p.close()
	done, err = h.renew(p)
	require.NoError(t, err)
	return done
}

// TestACrashAtAnyByteLosesNothing cuts a save off after every operation on files, as a crash would: what
// was written stays, nothing is cleaned up.
func TestACrashAtAnyByteLosesNothing(t *testing.T) {
	s := newProcess(t, 1)
	s.run(t, 5)
	for cut := 0; ; cut += 61 {
		dir := t.TempDir()
		h := Build(s.store).Dir(dir).MustDone()
		first, err := h.Save()
		require.NoError(t, err)
		left := cut
		h.create = func(path string) (file, error) {
			f, err := createFile(path)
			return crashing{full{f, &left}}, err
		}
		crashed := crash(func() { h.Save() })
		next, err := Load(model.NewStore()).Dir(dir).Done()
		require.NoError(t, err, "cut off after %v", cut)
		_, from := next.Loaded()
		require.True(t, from == first || !crashed)
		_, err = next.Save()
		require.NoError(t, err)
		files, _ := os.ReadDir(dir)
		require.Equal(t, 2, len(files), "leavings are swept")
		if !crashed {
			return
		}
	}
}

type crashing struct{ full }

type crashPanic struct{}

func (c crashing) Write(p []byte) (int, error) {
	n, err := c.full.Write(p)
	if err != nil {
		panic(crashPanic{})
	}
	return n, nil
}

func crash(fn func()) (crashed bool) {
	defer func() {
		if r := recover(); r != nil {
			_ = r.(crashPanic)
			crashed = true
		}
	}()
	fn()
	return false
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	list := twoCheckpoints(t, dir)
	evaluated := filepath.Join(dir, "evaluated")
	s := newProcess(t, 1)
	require.NoError(t, Build(s.store).Dir(evaluated).KeepBest("test", "loss").MustDone().Attach(s.loop, 0))
	s.loop.EvalEachEpoch(line(t, "test"))
	s.run(t, 8)
	var got strings.Builder
	for _, c := range []struct {
		name string
		err  func() error
	}{
		{"no directory", func() error { _, err := Build(model.NewStore()).Done(); return err }},
		{"keep nothing", func() error { _, err := Build(model.NewStore()).Dir(dir).Keep(0).Done(); return err }},
		{"best of what", func() error { _, err := Build(model.NewStore()).Dir(dir).LoadBest().Done(); return err }},
		{"best of nothing", func() error { _, err := Build(model.NewStore()).Dir(dir).KeepBest("", "loss").Done(); return err }},
		{"none is the best", func() error {
			_, err := Load(model.NewStore()).Dir(dir).KeepBest("test", "loss").LoadBest().Done()
			return err
		}},
		{"the best of another name", func() error {
			_, err := Load(model.NewStore()).Dir(evaluated).KeepBest("tset", "loss").LoadBest().Done()
			return err
		}},
		{"the best by another metric", func() error {
			_, err := Load(model.NewStore()).Dir(evaluated).KeepBest("test", "acc").LoadBest().Done()
			return err
		}},
		{"nothing there", func() error { _, err := Load(model.NewStore()).Dir(filepath.Join(dir, "none")).Done(); return err }},
		{"another shape", func() error {
			store := model.NewStore()
			store.CreateVariable("/hidden/weights", tensors.FromValue([]float32{1}))
			_, err := Load(store).Dir(dir).Done()
			return err
		}},
		{"another type of a hyperparameter", func() error {
			store := newProcess(t, 1).store
			other := filepath.Join(dir, "other")
			store.SetParam("depth", "deep")
			Build(store).Dir(other).MustDone().Save()
			store = model.NewStore()
			store.DeclareParam("depth", 1, "")
			_, err := Load(store).Dir(other).Done()
			return err
		}},
		{"another store", func() error {
			return Build(model.NewStore()).Dir(dir).MustDone().Attach(newProcess(t, 1).loop, 1)
		}},
		{"a checksum", func() error {
			damage(t, list[1].DataPath(), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
			_, err := Load(model.NewStore()).Dir(dir).Done()
			return err
		}},
		{"cut off", func() error {
			damage(t, list[1].Path(), func(b []byte) []byte { return b[:len(b)/3] })
			_, err := Load(model.NewStore()).Dir(dir).Done()
			return err
		}},
	} {
		err := c.err()
		require.True(t, err != nil, c.name)
		got.WriteString(c.name + ":\n\t" + mask(err.Error(), dir) + "\n")
	}
	golden.Check(t, "testdata/errors.golden", got.String())
}

// mask hides what differs from run to run.
func mask(s, dir string) string {
	s = strings.ReplaceAll(filepath.ToSlash(strings.ReplaceAll(s, `\\`, `\`)), filepath.ToSlash(dir), "DIR")
	s = regexp.MustCompile(`[0-9a-f]{8}…`).ReplaceAllString(s, "SUM…")
	return regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(s, "_test.go:N")
}

// FuzzDecodeMeta also decodes with the right checksum, so that fuzzing gets behind it.
func FuzzDecodeMeta(f *testing.F) {
	h := train.NewHistory()
	h.Record(train.Event{Kind: train.Step, GlobalStep: 1, Metrics: train.Metrics{{Name: "Mean loss", Value: math.NaN()}}})
	text, _ := encodeMeta(&Meta{GlobalStep: 3, Params: []Param{{"/a", "int", 1}, {"/b", "[]string", []string{"x"}}}, History: h,
		Evals: map[string]train.Metrics{"test": {{Name: "Accuracy", Value: 0.5, Percent: true}}}})
	f.Add(text)
	var e envelope
	json.Unmarshal(text, &e)
	f.Add([]byte(e.Body))
	f.Add([]byte(`{"history":[{"steps":[1,2],"values":["NaN"]},null]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := decodeMeta(in)
		if err != nil {
			var body bytes.Buffer
			if json.Compact(&body, in) != nil {
				return
			}
			sum := sha256.Sum256(body.Bytes())
			whole, _ := json.Marshal(envelope{formatVersion, hex.EncodeToString(sum[:]), body.Bytes()})
			if m, err = decodeMeta(whole); err != nil {
				return
			}
		}
		newProcess(t, 1).trainer.SetState(m.Trainer)
		again, err := encodeMeta(m)
		require.NoError(t, err)
		_, err = decodeMeta(again)
		require.NoError(t, err)
	})
}

// build builds the program that the following tests stop.
func build(t *testing.T) (program string) {
	if testing.Short() {
		t.Skip("builds a program and stops it again and again, which takes half a minute: not with -short")
	}
	if runtime.GOOS == "js" {
		t.Skip("there are no processes here")
	}
	program = filepath.Join(t.TempDir(), "crashtest")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", program, "./testdata/crashtest").CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// TestInterruptAProgram holds what Ctrl-C does: the step is finished, the model is saved, and the program
// ends within two seconds.
func TestInterruptAProgram(t *testing.T) {
	program, dir := build(t), t.TempDir()
	if runtime.GOOS == "windows" {
		t.Skip("one process cannot interrupt another here")
	}
	cmd := exec.Command(program, "-dir", dir, "-steps", "1000000")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var step int64
	var sent time.Time
	for scan := bufio.NewScanner(stdout); scan.Scan(); {
		fmt.Sscan(scan.Text(), &step)
		if step == 20 {
			sent = time.Now()
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
		}
	}
	require.True(t, cmd.Wait() != nil && time.Since(sent) < 30*time.Second, time.Since(sent))
	require.True(t, strings.HasPrefix(stderr.String(), "training was interrupted at step "), stderr.String())
	list, err := List(dir)
	require.NoError(t, err)
	require.Equal(t, step, list[len(list)-1].GlobalStep)
}

// TestKill kills a program that trains and saves, waiting for its saves or in the background, fifty times, at random moments,
// and each time lets it go on: every loss must have the bits of a run that nobody disturbed.
func TestKill(t *testing.T) {
	program := build(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	var lines []string
	resumed, last := 0, 0
	for i := range 50 {
		cmd := exec.Command(program, "-dir", dir, "-steps", "1000000", fmt.Sprintf("-background=%v", i%2 == 1))
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(20+r.IntN(200)) * time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		cmd.Wait()
		require.Equal(t, "", stderr.String(), "seed %v", seed)
		var step int
		for scan := bufio.NewScanner(&stdout); scan.Scan(); {
			if line := scan.Text(); strings.Count(line, " ") == 2 && !strings.HasSuffix(line, " ") {
				lines = append(lines, line)
				fmt.Sscan(line, &step)
			}
		}
		if step > last {
			resumed, last = resumed+1, step
		}
	}
	require.True(t, resumed >= 10, "training moved on after %v of 50 kills; the last step is %v", resumed, last)
	t.Logf("%d kills moved on, to step %d, %d steps in all", resumed, last, len(lines))

	want := map[string]string{}
	whole, err := exec.Command(program, "-dir", t.TempDir(), "-steps", fmt.Sprint(last)).Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(whole)) {
		step, bits, _ := strings.Cut(strings.TrimSpace(line), " ")
		want[step] = bits
	}
	for _, line := range lines {
		step, bits, _ := strings.Cut(line, " ")
		if w := want[step]; !strings.HasPrefix(w, bits) || len(bits) < 10 { // a killed program's last line may be cut off
			t.Fatalf("seed %d: step %s: bits %s, undisturbed %s", seed, step, bits, w)
		}
	}
}
