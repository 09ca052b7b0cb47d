package checkpoints

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/augment"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// The environment of a process that trains, to be killed: where its checkpoints are, and where it writes what it came to.
const (
	killedDir     = "QUIRE_KILLED_DIR"
	killedOutcome = "QUIRE_KILLED_OUTCOME"
)

// killedRun trains with all that a loop may have: prefetch, augmentation, dropout, a schedule, averages of weights, a loss scale, evaluations of two data sets, one by
// steps and one by epochs, early stopping that puts back the best model, a plateau rule, and checkpoints, of which the best is kept, in the background.
func killedRun(dir string) (*train.Loop, *Handler, data.Dataset, error) {
	trainSet, testSet, err := digits.Datasets(16)
	if err != nil {
		return nil, nil, nil, err
	}
	some := data.Prefetch(augment.Images(trainSet.Take(150).Shuffle(5), 1, augment.Affine{Shift: 1, Rotate: 10}.Apply), 3)
	net := func(scope *model.Scope, images *graph.Node) *graph.Node {
		x := graph.Reshape(images, images.Dim(0), -1)
		x = layers.Dropout(scope.In("dropout"), graph.Relu(layers.Dense(scope.In("hidden"), x, true, 24)), 0.2)
		x = layers.BatchNorm(scope.In("norm"), x, -1).Done()
		return layers.Dense(scope.In("readout"), x, true, 10)
	}
	trainer := train.NewTrainer(gocpu.New(), model.NewStore(), net, losses.SparseCategoricalCrossEntropyLogits,
		optimizers.EMA(optimizers.AdamW().LearningRate(0.02).Schedule(optimizers.WarmUp(5, optimizers.Cosine(80))).Done(), 0.95),
		metrics.NewSparseCategoricalAccuracy(), metrics.NewF1(metrics.Macro))
	if err := trainer.SetPrecision(train.Precision{LossScale: train.LossScale{Dynamic: true, Every: 7}}); err != nil {
		return nil, nil, nil, err
	}
	loop := train.NewLoop(trainer)
	loop.EvalEvery(4, testSet.Take(100).WithName("test").Shuffle(2))
	loop.EvalEachEpoch(testSet.Take(60).WithName("validation").Shuffle(3))
	train.EarlyStopping(loop, train.EarlyStop{Dataset: "test", Patience: 2, MinDelta: 0.05, RestoreBest: true})
	if err := train.ReduceOnPlateau(loop, train.Plateau{Dataset: "test", Metric: "acc", Factor: 0.5, Patience: 1}); err != nil {
		return nil, nil, nil, err
	}
	h, err := Build(trainer.Store()).Dir(dir).Keep(2).KeepBest("validation", "acc").InBackground().Done()
	if err != nil {
		return nil, nil, nil, err
	}
	return loop, h, some, h.Attach(loop, 3)
}

// cameTo is all that a run has measured, saved and decided.
func cameTo(loop *train.Loop, h *Handler) (map[string]any, error) {
	history, err := json.Marshal(loop.History())
	if err != nil {
		return nil, err
	}
	list, err := h.List()
	if err != nil {
		return nil, err
	}
	files := map[string]string{} // the checksum of the variables is part of the text
	for _, c := range list {
		if err := c.Verify(); err != nil {
			return nil, err
		}
		meta, err := c.ReadMeta()
		if err != nil {
			return nil, err
		}
		meta.Saved = time.Time{}
		text, err := encodeMeta(meta)
		if err != nil {
			return nil, err
		}
		files[c.Name] = string(text)
	}
	variables := map[string]string{}
	for v := range loop.Trainer().Store().IterVariables() {
		variables[v.Path()] = fmt.Sprintf("%x", v.MustValue().Value())
	}
	return map[string]any{"history": string(history), "files": files, "variables": variables, "stop": loop.StopReason(), "step": loop.Step(), "results": bits(loop.Results())}, nil
}

// TestKilledChild is the process that is killed.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		t.Skip("it is started by TestKilledAtRandomMoments")
	}
	loop, h, ds, err := killedRun(dir)
	require.NoError(t, err)
	loop.Listen(func(e train.Event) {
		if e.Kind == train.Step {
			fmt.Printf("step %d\n", e.Step) // not buffered
		}
	})
	_, err = loop.RunToEpoch(ds, 8)
	require.NoError(t, err)
	got, err := cameTo(loop, h)
	require.NoError(t, err)
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(os.Getenv(killedOutcome), text, 0o666))
}

// killedLife starts the process, kills it when it has told so many steps, at some moment within a step, and reports whether it came to its end before.
func killedLife(t *testing.T, dir, outcome string, steps int, within time.Duration) (ended bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "-test.v")
	cmd.Env = append(os.Environ(), killedDir+"="+dir, killedOutcome+"="+outcome)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines, told := bufio.NewScanner(out), ""
	for n := 0; steps < 0 || n < steps; {
		if !lines.Scan() {
			break
		}
		told += lines.Text() + "\n"
		if len(lines.Text()) > 5 && lines.Text()[:5] == "step " {
			n++
		}
	}
	if steps >= 0 {
		time.Sleep(within) // any moment will do
		_ = cmd.Process.Kill()
	}
	for lines.Scan() {
		told += lines.Text() + "\n"
	}
	err = cmd.Wait()
	if _, failed := os.Stat(outcome); failed == nil {
		return true
	}
	if steps < 0 || cmd.ProcessState.Exited() {
		t.Fatalf("the process failed: %v\n%s", err, told)
	}
	return false
}

// Training that is killed by signal 9 at random moments, as often as it takes, comes to what it would have come to undisturbed, bit for bit: all that it measured, saved and
// decided. With QUIRE_SWEEP=1 it is killed 50 times.
func TestKilledAtRandomMoments(t *testing.T) {
	kills := 8
	switch {
	case os.Getenv("QUIRE_SWEEP") != "":
		kills = 50
	case testing.Short():
		kills = 3
	}
	if n, err := strconv.Atoi(os.Getenv("QUIRE_TEST_KILLS")); err == nil {
		kills = n
	}
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("QUIRE_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("%d kills, seed %d", kills, seed)
	r := rand.New(rand.NewPCG(seed, 0))

	read := func(outcome string) (m map[string]any) {
		text, err := os.ReadFile(outcome)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &m))
		return m
	}
	base := t.TempDir()
	undisturbed := filepath.Join(base, "undisturbed.json")
	require.True(t, killedLife(t, filepath.Join(base, "undisturbed"), undisturbed, -1, 0))
	want := read(undisturbed)
	require.NotEmpty(t, want["stop"], "the run is to be stopped early")
	require.Less(t, want["step"], 80.0)

	for run, left := 0, kills; left > 0; run++ {
		dir, outcome := filepath.Join(base, fmt.Sprint("run", run)), filepath.Join(base, fmt.Sprintf("run%d.json", run))
		for ended := false; !ended; {
			steps := -1 // to its end, when the kills are used up
			if left > 0 {
				steps = r.IntN(24)
			}
			if ended = killedLife(t, dir, outcome, steps, time.Duration(r.Int64N(int64(3*time.Millisecond)))); !ended {
				left--
			}
		}
		got := read(outcome)
		for name := range want {
			require.Equal(t, want[name], got[name], "%s of run %d, seed %d", name, run, seed)
		}
		t.Logf("run %d: as undisturbed; %d kills left", run, left)
	}
}
