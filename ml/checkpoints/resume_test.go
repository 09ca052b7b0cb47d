package checkpoints

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// hooksOfTrain lists every way of package train to be called by a loop. Each entry attaches one that writes down when it
// was called; all of them are attached to the runs of the tests below.
var hooksOfTrain = map[string]func(r *recorded){
	"EveryNSteps":      func(r *recorded) { train.EveryNSteps(r.loop, 3, "x", r.note("every 3")) },
	"NTimesDuringLoop": func(r *recorded) { train.NTimesDuringLoop(r.loop, 7, "x", r.note("7 times")) },
	"PeriodicCallback": func(r *recorded) { train.PeriodicCallback(r.loop, time.Hour, false, "x", r.note("hourly")) }, // its clock is not saved
	"EarlyStopping": func(r *recorded) {
		train.EarlyStopping(r.loop, train.EarlyStop{Dataset: "test", Patience: 2, MinDelta: 6, RestoreBest: r.restores})
		train.EarlyStopping(r.loop, train.EarlyStop{Dataset: "validation", Patience: 50})
	},
	"KeepBest": func(r *recorded) { // EarlyStopping keeps one already, if asked to
		if !r.restores {
			if err := train.KeepBest(r.loop, train.Best{Dataset: "test", Metric: "mae", Mode: train.Max}); err != nil {
				panic(err)
			}
		}
	},
	"ReduceOnPlateau": func(r *recorded) {
		if err := train.ReduceOnPlateau(r.loop, train.Plateau{Dataset: "test", Factor: 0.5, Patience: 1, MinDelta: 0.5}); err != nil {
			panic(err)
		}
	},
	"OnStart": func(r *recorded) { r.loop.OnStart("x", func(*train.Loop) error { return nil }) }, // once per process
	"OnEnd": func(r *recorded) {
		r.loop.OnEnd("x", func(*train.Loop, error, bool) error { return nil }) // once per process
	},
	"OnDataset": func(r *recorded) { r.loop.OnDataset("x", func(*train.Loop, data.Dataset) error { return nil }) }, // once per process
	"OnStep":    func(r *recorded) { r.loop.OnStep("x", r.note("step")) },
	"OnEpoch":   func(r *recorded) { r.loop.OnEpoch("x", r.note("epoch hook")) },
	"OnSettled": func(r *recorded) {}, // called where the pass is known to end, or else twice; what it is for is tested by all of this
	"OnSettledIf": func(r *recorded) {
		r.loop.OnSettledIf("x", func(l *train.Loop) bool { return l.Step()%4 == 1 }, func(*train.Loop) error { return nil }) // as OnSettled
	},
	"OnEval": func(r *recorded) {
		r.loop.OnEval("x", func(_ *train.Loop, dataset string, m train.Metrics) error {
			return r.note(fmt.Sprint("eval hook ", dataset, bits(m)))(r.loop)
		})
	},
	"EvalEvery":     func(r *recorded) { r.loop.EvalEvery(4, r.test) },
	"EvalEachEpoch": func(r *recorded) { r.loop.EvalEachEpoch(r.validation) },
	"Listen": func(r *recorded) {
		r.loop.Listen(func(e train.Event) {
			if e.Kind != train.Start && e.Kind != train.End {
				r.note(fmt.Sprint("event ", e.Kind, " ", e.Step, "/", e.Steps, " ", e.Epoch, "/", e.Epochs, " ", e.Dataset, bits(e.Metrics), " ", filepath.Base(e.Path), e.Best))(r.loop)
			}
		})
	},
}

func bits(m []train.Metric) (text string) {
	for _, x := range m {
		text += fmt.Sprintf(" %s %x", x.Name, math.Float64bits(x.Value))
	}
	return text
}

// recorded is a run whose every call of a hook is written down.
type recorded struct {
	*process
	h                *Handler
	test, validation data.Dataset
	restores         bool // the best model by early stopping
	notes            []note
}

type note struct {
	step int64
	text string
}

func (r *recorded) note(text string) train.Hook {
	return func(loop *train.Loop) error {
		r.notes = append(r.notes, note{loop.Trainer().GlobalStep(), text})
		return nil
	}
}

// unsized hides how many batches there are.
type unsized struct{ ds data.Dataset }

func (u unsized) Name() string { return u.ds.Name() }
func (u unsized) Iter() iter.Seq2[data.Batch, error] {
	return u.ds.(data.Seekable).IterFrom(data.Position{})
}
func (u unsized) IterFrom(p data.Position) iter.Seq2[data.Batch, error] {
	return u.ds.(data.Seekable).IterFrom(p)
}

func small(scope *model.Scope, x *graph.Node) *graph.Node {
	return layers.Dense(scope.In("out"), layers.Dropout(scope.In("dropout"), x, 0.1), true, 1)
}

// variant is a way of training that changes nothing of what comes of it.
type variant struct {
	epochs, sized bool
	ahead         bool // no hook makes the loop wait for its steps
	together      bool // two steps are made by one call, where nothing is due between them
	restores      bool // early stopping puts back the best model; else the one with the largest error is
	behind        bool // checkpoints are saved in the background; sized, or a note would not tell whether it comes before the save of its step
}

func newRecorded(t testing.TB, dir string, v variant) *recorded {
	r := &recorded{process: &process{store: model.NewStore()}, restores: v.restores}
	r.trainer = train.NewTrainer(gocpu.New(), r.store, small, losses.MeanSquaredError,
		optimizers.Adam().LearningRate(0.3).Schedule(optimizers.Cosine(30)).Done(), metrics.NewMeanAbsoluteError())
	if v.together {
		require.NoError(t, r.trainer.StepsPerCall(2))
	}
	r.loop = train.NewLoop(r.trainer)
	r.ds = line(t, "line")
	if !v.sized {
		r.ds = data.Map(unsized{r.ds}, func(b data.Batch) (data.Batch, error) { return b, nil })
	}
	r.test, r.validation = line(t, "test").Shuffle(9), line(t, "validation").Shuffle(9)
	config := Build(r.store).Dir(dir).Keep(2).KeepBest("test", "loss")
	if v.behind {
		config.InBackground()
	}
	r.h = config.MustDone()
	require.NoError(t, r.h.Attach(r.loop, 3))
	for _, name := range []string{"Listen", "EvalEvery", "EvalEachEpoch", "EarlyStopping", "KeepBest", "ReduceOnPlateau", "EveryNSteps", "NTimesDuringLoop", "PeriodicCallback",
		"OnStart", "OnStep", "OnEpoch", "OnSettled", "OnSettledIf", "OnEval", "OnEnd", "OnDataset"} {
		if v.ahead && (name == "OnStep" || name == "OnSettled") {
			continue
		}
		hooksOfTrain[name](r)
	}
	return r
}

func (r *recorded) goOn(ctx context.Context, epochs bool) error {
	var err error
	if epochs {
		_, err = r.loop.RunToEpochContext(ctx, r.ds, 3)
	} else {
		_, err = r.loop.RunToGlobalStepContext(ctx, r.ds, 26)
	}
	return err
}

// outcome is all that a run came to.
func (r *recorded) outcome(t testing.TB) map[string]any {
	history, err := json.Marshal(r.loop.History())
	require.NoError(t, err)
	files := map[string]string{}
	list, err := r.h.List()
	require.NoError(t, err)
	for _, c := range list {
		meta, err := c.ReadMeta()
		require.NoError(t, err)
		meta.Saved = time.Time{}
		text, err := encodeMeta(meta)
		require.NoError(t, err)
		files[c.Name] = string(text)
	}
	var notes []string
	for _, n := range r.notes {
		if r.h.config.behind && strings.HasPrefix(n.text, "event checkpoint") {
			continue // it comes when the file is written
		}
		notes = append(notes, fmt.Sprint(n.step, ": ", n.text))
	}
	return map[string]any{"notes": notes, "history": string(history), "files": files, "stop": r.loop.StopReason(),
		"step": r.loop.Step(), "results": bits(r.loop.Results())}
}

var errKilled = errors.New("killed")

// Every fifth step, which meets the hooks' periods of 2, 3 and 7 steps at each of their phases, or with QUIRE_SWEEP=1 every
// step, which is a minute.
func TestAResumedRunEqualsAnUndisturbedOne(t *testing.T) {
	stride := 5
	if os.Getenv("QUIRE_SWEEP") != "" {
		stride = 1
	} else if testing.Short() {
		stride = 8
	}
	for _, c := range []struct {
		name string
		variant
	}{
		{"to a global step", variant{sized: true}},
		{"to an epoch", variant{epochs: true, sized: true}},
		{"to a global step, passes of unknown length", variant{}},
		{"to an epoch, passes of unknown length", variant{epochs: true}},
		{"a step ahead, with the best model put back", variant{sized: true, ahead: true, restores: true}},
		{"a step ahead, passes of unknown length", variant{epochs: true, ahead: true}},
		{"two steps by one call", variant{sized: true, ahead: true, together: true}},
		{"two steps by one call, passes of unknown length", variant{epochs: true, ahead: true, together: true}},
		{"saved in the background", variant{epochs: true, sized: true, behind: true}},
		{"a step ahead and saved in the background, with the best model put back", variant{restores: true, sized: true, ahead: true, behind: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stride := stride
			if c.ahead || c.behind {
				stride += 4
			}
			whole := newRecorded(t, t.TempDir(), c.variant)
			require.NoError(t, whole.goOn(context.Background(), c.epochs))
			want := whole.outcome(t)
			last := whole.trainer.GlobalStep()
			if !c.epochs {
				require.NotEqual(t, "", whole.loop.StopReason(), "the run is to be stopped early")
			}
			for how, stop := range map[string]func(r *recorded, at int64, cancel func()){
				"killed before its evaluations": func(r *recorded, at int64, _ func()) {
					train.EveryNSteps(r.loop, int(at), "kill", killAt(at))
				},
				"killed when all was done": func(r *recorded, at int64, _ func()) {
					r.loop.OnSettledIf("kill", func(l *train.Loop) bool { return int64(l.Step())+1 == at }, killAt(at))
				},
				"interrupted": func(r *recorded, at int64, cancel func()) {
					train.EveryNSteps(r.loop, int(at), "interrupt", func(loop *train.Loop) error {
						if loop.Trainer().GlobalStep() == at {
							cancel()
						}
						return nil
					})
				},
			} {
				for at := int64(1); at <= last; at += int64(stride) {
					t.Run(fmt.Sprintf("%s at step %d", how, at), func(t *testing.T) {
						dir := t.TempDir()
						a := newRecorded(t, dir, c.variant)
						ctx, cancel := context.WithCancel(context.Background())
						stop(a, at, cancel)
						err := a.goOn(ctx, c.epochs)
						cancel()
						if err == nil { // it came to its end before
							require.Equal(t, last, at)
						}
						b := newRecorded(t, dir, c.variant)
						_, from := b.h.Loaded()
						b.notes = before(a.notes, from.GlobalStep, how == "interrupted" || c.behind)
						// What an interrupt saved, an undisturbed run does not save.
						b.notes = slices.DeleteFunc(b.notes, func(n note) bool {
							return strings.HasPrefix(n.text, "event checkpoint") && how == "interrupted" && n.step == at && b.h.interim != ""
						})
						require.NoError(t, b.goOn(context.Background(), c.epochs))
						got := b.outcome(t)
						if at == last && err != nil || err == nil {
							return // its End comes once more: only that it ends is the same
						}
						if how == "interrupted" { // it saved the step before its evaluations, which an undisturbed run does once, after them
							got["notes"] = withoutEarlier(got["notes"].([]string), fmt.Sprintf("%d: event checkpoint", at))
						}
						require.Equal(t, want["notes"], got["notes"])
						require.Equal(t, want["files"], got["files"])
						require.Equal(t, want, got)
						sameVariables(t, whole.store, b.store)
					})
				}
			}
		})
	}
}

// before returns what a process wrote down before it saved the checkpoint of a step: what it did afterwards is lost, and
// done again. An interrupted one saved when all was done.
func before(notes []note, saved int64, interrupted bool) []note {
	end := 0
	for i, n := range notes {
		if n.step <= saved && (interrupted || n.step == saved && strings.HasPrefix(n.text, "event checkpoint")) {
			end = i + 1
		}
	}
	return slices.Clone(notes[:end])
}

// withoutEarlier removes the first of two notes that begin so.
func withoutEarlier(notes []string, prefix string) []string {
	is := func(s string) bool { return strings.HasPrefix(s, prefix) }
	if i := slices.IndexFunc(notes, is); i >= 0 && slices.ContainsFunc(notes[i+1:], is) {
		return slices.Delete(slices.Clone(notes), i, i+1)
	}
	return notes
}

func killAt(at int64) train.Hook {
	return func(loop *train.Loop) error {
		if loop.Trainer().GlobalStep() == at {
			return errKilled
		}
		return nil
	}
}

// A hook of package train that the table lacks is not tested for what it remembers.
func TestEveryHookOfTrainIsInTheTable(t *testing.T) {
	var found []string
	for _, file := range testenv.Files(t, "../train") {
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() {
				continue
			}
			takesLoop := fn.Recv == nil && len(fn.Type.Params.List) > 0 && isLoop(fn.Type.Params.List[0].Type)
			ofLoop := fn.Recv != nil && isLoop(fn.Recv.List[0].Type)
			name := fn.Name.Name
			if takesLoop || ofLoop && (strings.HasPrefix(name, "On") || strings.HasPrefix(name, "Eval") && name != "EvalDatasets" || name == "Listen") {
				found = append(found, name)
				if hooksOfTrain[name] == nil {
					t.Errorf("%s is not in hooksOfTrain: add it, with what it is called for", name)
				}
			}
		}
	}
	require.Equal(t, len(hooksOfTrain), len(found), found)
}

func isLoop(e ast.Expr) bool {
	star, ok := e.(*ast.StarExpr)
	if !ok {
		return false
	}
	id, ok := star.X.(*ast.Ident)
	return ok && id.Name == "Loop"
}
