package modelcodec_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/kernel-ext/carry"
	_ "github.com/quire-ml/quire/kernel-ext/carry/datacodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/modelcodec"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// run is what a notebook carries of its training: it makes the trainer anew in each cell.
type run struct {
	Store *model.Store
	Data  *data.InMemoryDataset
}

func newRun(t testing.TB) *run {
	set, _, err := digits.Datasets(32)
	require.NoError(t, err)
	return &run{model.NewStore(), set}
}

func (r *run) trainer() *train.Trainer {
	mlp := func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = graph.Relu(layers.Dense(scope.In("hidden"), graph.Reshape(x, x.Dim(0), -1), true, 32))
		return layers.Dense(scope.In("readout"), layers.Dropout(scope.In("drop"), x, 0.1), true, 10)
	}
	return train.NewTrainer(gocpu.New(), r.Store, mlp, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
}

// steps trains a few steps with a trainer of its own, and returns their losses.
func (r *run) steps(t testing.TB, n int) (list []float64) {
	loop := train.NewLoop(r.trainer())
	for range n {
		m, err := loop.RunSteps(r.Data, 1)
		require.NoError(t, err)
		list = append(list, m.Value("loss"))
	}
	return list
}

// Weights, the state of the optimizer, of the random generator and of the data set flow: training goes on as if there were one cell.
func TestTrainingGoesOnInTheNextCell(t *testing.T) {
	whole := newRun(t).steps(t, 9)
	here := newRun(t)
	var got []float64
	for range 3 {
		got = append(got, here.steps(t, 3)...)
		var file bytes.Buffer
		require.NoError(t, carry.Encode(&file, &here))
		here = nil
		require.NoError(t, carry.Decode(&file, &here))
	}
	require.Equal(t, whole, got)
	require.NotContains(t, whole, 0.0, "no loss was read")
}

// BenchmarkTrainerMadeAgain is what a cell pays that goes on training: the trainer, its program, the first step; in a process that did so
// before, and, as a cell is, in a new one, which has the store from a file. It prints least and median in ms.
//
//	go test ./kernel-ext/carry/modelcodec -run '^$' -bench TrainerMadeAgain -benchtime 50x
func BenchmarkTrainerMadeAgain(b *testing.B) {
	r := newRun(b)
	r.steps(b, 1)
	file := r.kept(b)
	for name, again := range map[string]func() float64{
		"warm": func() float64 { return r.again(b) },
		"cell": func() float64 { return inANewProcess(b, file) },
	} {
		b.Run(name, func(b *testing.B) {
			var times []float64
			for b.Loop() {
				times = append(times, again())
			}
			slices.Sort(times)
			b.ReportMetric(times[0], "ms/least")
			b.ReportMetric(times[len(times)/2], "ms/median")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// againEnv names, in a new process, the file of a run that goes on there.
const againEnv = "QUIRE_TEST_AGAIN"

// A process that has nothing but the file makes the trainer and a step.
func TestATrainerInANewProcess(t *testing.T) {
	if file := os.Getenv(againEnv); file != "" {
		f, err := os.Open(file)
		require.NoError(t, err)
		defer f.Close()
		var r *run
		require.NoError(t, carry.Decode(f, &r))
		fmt.Println(r.again(t))
		return
	}
	r := newRun(t)
	r.steps(t, 1)
	require.Positive(t, inANewProcess(t, r.kept(t)))
}

// kept writes the run to a file.
func (r *run) kept(t testing.TB) (path string) {
	path = filepath.Join(t.TempDir(), "run")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, carry.Encode(f, &r))
	require.NoError(t, f.Close())
	return path
}

// again makes a trainer and a step, and returns the time in ms.
func (r *run) again(t testing.TB) float64 {
	began := time.Now()
	r.steps(t, 1)
	return 1e3 * time.Since(began).Seconds()
}

// inANewProcess does so in another process, with the run of a file.
func inANewProcess(t testing.TB, file string) (took float64) {
	c := exec.Command(os.Args[0], "-test.run", "^TestATrainerInANewProcess$")
	c.Env = append(os.Environ(), againEnv+"="+file)
	said, err := c.Output()
	require.NoError(t, err, "%s", said)
	_, err = fmt.Sscan(string(said), &took)
	require.NoError(t, err, "%s", said)
	return took
}
