package runlog_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/ml/train/runlog"
)

// script is a loop that tells what it is told to.
type script struct{ fn func(train.Event) }

func (s *script) Listen(fn func(train.Event)) (cancel func()) {
	s.fn = fn
	return func() { s.fn = func(train.Event) {} }
}

type written struct {
	Kind    string
	Step    int64
	Epoch   int
	Dataset string
	Metrics map[string]float64
	Others  map[string]string `json:"not_finite"`
	Error   string
}

func linesOf(t *testing.T, dir string) (list []written) {
	f, err := os.Open(filepath.Join(dir, "events.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var w written
		require.NoError(t, json.Unmarshal(s.Bytes(), &w), s.Text())
		list = append(list, w)
	}
	return list
}

// scalarsOf reads event files as TensorBoard does: lengths, checksums and fields.
func scalarsOf(t *testing.T, dir string) map[string]map[int64]float32 {
	out := map[string]map[int64]float32{}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	table := crc32.MakeTable(crc32.Castagnoli)
	check := func(sum uint32, data []byte) {
		sum -= 0xa282ead8
		require.Equal(t, crc32.Checksum(data, table), sum>>17|sum<<15)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		for first := true; len(raw) > 0; first = false {
			n := binary.LittleEndian.Uint64(raw)
			check(binary.LittleEndian.Uint32(raw[8:]), raw[:8])
			data := raw[12:][:n]
			check(binary.LittleEndian.Uint32(raw[12+n:]), data)
			raw = raw[16+n:]
			var step int64
			eachField(t, data, func(number int, value uint64, data []byte) {
				switch number {
				case 1:
					assert.InDelta(t, float64(time.Now().Unix()), math.Float64frombits(value), 1000)
				case 2:
					step = int64(value)
				case 3:
					assert.True(t, first)
					assert.Equal(t, "brain.Event:2", string(data))
				case 5:
					eachField(t, data, func(_ int, _ uint64, data []byte) {
						tag := ""
						eachField(t, data, func(number int, value uint64, data []byte) {
							if number == 1 {
								tag = string(data)
								return
							}
							if out[tag] == nil {
								out[tag] = map[int64]float32{}
							}
							out[tag][step] = math.Float32frombits(uint32(value))
						})
					})
				}
			})
		}
	}
	return out
}

func eachField(t *testing.T, data []byte, fn func(number int, value uint64, data []byte)) {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		data = data[n:]
		switch key & 7 {
		case 0:
			v, n := binary.Uvarint(data)
			fn(int(key>>3), v, nil)
			data = data[n:]
		case 1:
			fn(int(key>>3), binary.LittleEndian.Uint64(data), nil)
			data = data[8:]
		case 2:
			size, n := binary.Uvarint(data)
			fn(int(key>>3), 0, data[n:][:size])
			data = data[n+int(size):]
		case 5:
			fn(int(key>>3), uint64(binary.LittleEndian.Uint32(data)), nil)
			data = data[4:]
		default:
			t.Fatalf("a field of the kind %d", key&7)
		}
	}
}

func TestARunIsWrittenDown(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	x, y := [][]float32{{1}, {2}, {3}, {4}}, [][]float32{{2}, {4}, {6}, {8}}
	ds, err := data.InMemory("lines", x, y)
	require.NoError(t, err)
	trainer := train.NewTrainer(backend, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node { return layers.Dense(scope.In("line"), x, true, 1) },
		losses.MeanSquaredError, optimizers.SGD().LearningRate(0.01).Done(), metrics.NewMeanAbsoluteError())
	loop := train.NewLoop(trainer)
	told := map[int64]float64{}
	loop.Listen(func(e train.Event) {
		if e.Kind == train.Step {
			told[e.GlobalStep] = e.Metrics[0].Value
		}
	})
	dir := filepath.Join(t.TempDir(), "runs", "first")
	log, err := runlog.Attach(loop, dir, runlog.Options{Every: 2})
	require.NoError(t, err)
	_, err = loop.RunSteps(ds.BatchSize(2, true).Infinite(true), 9)
	require.NoError(t, err)
	require.NoError(t, log.Close())
	require.NoError(t, log.Close())
	_, err = loop.RunSteps(ds, 2) // after the end nothing is written
	require.NoError(t, err)

	var steps []int64
	kinds := map[string]int{}
	scalars := scalarsOf(t, dir)
	for _, w := range linesOf(t, dir) {
		kinds[w.Kind]++
		if w.Kind == "step" {
			steps = append(steps, w.Step)
			assert.Equal(t, told[w.Step], w.Metrics["Batch loss"])
			assert.Equal(t, float32(told[w.Step]), scalars["train/Batch loss"][w.Step])
			assert.Contains(t, w.Metrics, "Mean absolute error")
		}
	}
	assert.Equal(t, []int64{2, 4, 6, 8}, steps)
	assert.Equal(t, 1, kinds["start"])
	assert.Equal(t, 1, kinds["end"])
	assert.Len(t, scalars["train/Batch loss"], 4)

	again, err := runlog.Attach(loop, dir, runlog.Options{})
	require.NoError(t, err)
	_, err = loop.RunSteps(ds, 3)
	require.NoError(t, err)
	require.NoError(t, again.Close())
	assert.Len(t, scalarsOf(t, dir)["train/Batch loss"], 4+3, "a run that goes on adds a file")
}

func TestWhatEventsSay(t *testing.T) {
	s := &script{}
	dir := t.TempDir()
	log, err := runlog.Attach(s, dir, runlog.Options{})
	require.NoError(t, err)
	now := time.Now()
	s.fn(train.Event{Kind: train.Step, Time: now, GlobalStep: 1, Metrics: []train.Metric{{Name: "Mean loss", Value: math.NaN()}, {Name: "Grösse", Value: math.Inf(1)}}})
	s.fn(train.Event{Kind: train.Epoch, Time: now, GlobalStep: 1, Epoch: 1, Metrics: []train.Metric{{Name: "Mean loss", Value: 7}}})
	s.fn(train.Event{Kind: train.Eval, Time: now, GlobalStep: 1, Dataset: "test", Metrics: []train.Metric{{Name: "Accuracy", Value: 0.5}}})
	s.fn(train.Event{Kind: train.End, Time: now, GlobalStep: 1, Err: os.ErrClosed})
	lines := linesOf(t, dir) // before Close: what is not a step is written at once
	require.Len(t, lines, 4)
	assert.Equal(t, map[string]string{"Mean loss": "NaN", "Grösse": "+Inf"}, lines[0].Others)
	assert.Equal(t, written{Kind: "eval", Step: 1, Dataset: "test", Metrics: map[string]float64{"Accuracy": 0.5}}, lines[2])
	assert.Equal(t, os.ErrClosed.Error(), lines[3].Error)
	require.NoError(t, log.Close())
	scalars := scalarsOf(t, dir)
	assert.Equal(t, map[int64]float32{1: 0.5}, scalars["test/Accuracy"])
	assert.True(t, math.IsNaN(float64(scalars["train/Mean loss"][1])), "an epoch's is that of its last step")
	assert.True(t, math.IsInf(float64(scalars["train/Grösse"][1]), 1))
}

func TestMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for want, c := range map[string]struct {
		loop runlog.Loop
		dir  string
		o    runlog.Options
	}{
		"runlog.Attach: the loop is nil":                                    {nil, "x", runlog.Options{}},
		"runlog.Attach: the name of the folder is empty":                    {&script{}, "", runlog.Options{}},
		"runlog.Attach: Every is -1, want 0 and more":                       {&script{}, "x", runlog.Options{Every: -1}},
		"runlog.Attach: both forms are left out: there is nothing to write": {&script{}, "x", runlog.Options{NoJSON: true, NoTensorBoard: true}},
		"runlog.Attach: mkdir ":                                             {&script{}, file, runlog.Options{}},
	} {
		_, err := runlog.Attach(c.loop, c.dir, c.o)
		if assert.Error(t, err) {
			assert.True(t, strings.HasPrefix(err.Error(), want), err.Error())
		}
	}
	assert.NoError(t, (*runlog.Log)(nil).Close())
	assert.NoError(t, new(runlog.Log).Close())
	assert.NoError(t, (*runlog.Log)(nil).Err())
}
