package resnet_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/ml/zoo/resnet"
)

// reference is what transformers computes by the checkpoints in testdata, written by testdata/make.py.
//
//go:embed testdata/reference.json
var reference []byte

func TestLogitsAreThoseOfTransformers(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	var file map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(reference, &file))
	for _, name := range []string{"basic", "bottleneck"} {
		var r struct {
			Images, Logits []float32
			Channels       int
		}
		require.NoError(t, json.Unmarshal(file[name], &r))
		c, store, err := resnet.Open("testdata/" + name)
		require.NoError(t, err)
		got, err := model.CallOnce(backend, store, c.Logits, tensors.FromFlatDataAndDimensions(r.Images, 2, 37, 32, r.Channels))
		require.NoError(t, err)
		require.NotEmpty(t, r.Logits)
		assert.InDeltaSlice(t, r.Logits, tensors.Flat[float32](got), 1e-4)
	}
}

// TestOfOneClass opens a net of one class from a file system in memory: that of more classes, with one row of its classifier.
func TestOfOneClass(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	file, err := safetensors.Open("testdata/basic/model.safetensors")
	require.NoError(t, err)
	defer file.Close()
	all := map[string]*tensors.Tensor{}
	for _, name := range file.Names() {
		if all[name], err = file.Tensor(name); strings.HasPrefix(name, "classifier.") {
			all[name], err = file.Rows(name, 0, 1)
		}
		require.NoError(t, err)
	}
	var weights bytes.Buffer
	require.NoError(t, safetensors.Write(&weights, all, nil))
	raw, err := os.ReadFile("testdata/basic/config.json")
	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, json.Unmarshal(raw, &config))
	config["id2label"] = map[string]string{"0": "LABEL_0"} // as transformers 5.24 writes it for one class
	raw, err = json.Marshal(config)
	require.NoError(t, err)
	c, store, err := resnet.OpenFS(fstest.MapFS{"one/config.json": {Data: raw}, "one/model.safetensors": {Data: weights.Bytes()}}, "one")
	require.NoError(t, err)
	assert.Equal(t, 1, c.Classes)
	x := tensors.FromScalarAndDimensions(float32(0.5), 2, 37, 32, 3)
	got, err := model.CallOnce(backend, store, c.Logits, x)
	require.NoError(t, err)
	whole, fourStore, err := resnet.Open("testdata/basic")
	require.NoError(t, err)
	want, err := model.CallOnce(backend, fourStore, whole.Logits, x)
	require.NoError(t, err)
	four := tensors.Flat[float32](want)
	assert.InDeltaSlice(t, []float32{four[0], four[4]}, tensors.Flat[float32](got), 1e-6)
	_, _, err = resnet.OpenFS(nil, ".")
	assert.EqualError(t, err, "resnet.Open: the file system is nil")
}

// TestTraining trains a small net to tell left from right.
func TestTraining(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	const n = 64
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := tensors.FromScalarAndDimensions(float32(0), n, 8, 8, 1), make([][]int32, n)
	for i := range n {
		y[i] = []int32{int32(i % 2)}
		for range 6 {
			tensors.Flat[float32](x)[i*64+rng.IntN(8)*8+rng.IntN(4)+4*(i%2)] = 1
		}
	}
	ds, err := data.InMemory("sides", x, y)
	require.NoError(t, err)
	c := resnet.Config{Channels: 1, Stem: 8, Widths: []int{8, 16}, Depths: []int{1, 1}, Classes: 2, Small: true}
	trainer := train.NewTrainer(backend, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node { return c.Logits(scope, x) },
		losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().LearningRate(0.01).Done())
	metrics, err := train.NewLoop(trainer).RunSteps(ds.BatchSize(16, true).Shuffle(1).Infinite(true), 60)
	require.NoError(t, err)
	assert.Less(t, metrics[0].Value, 0.1, "the loss")
}

func TestMistakes(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	x := tensors.FromScalarAndDimensions(float32(0), 1, 8, 8, 1)
	for want, c := range map[string]resnet.Config{
		"ResNet: 0 channels, a stem of 0 and 0 classes, want 1 and more":                                 {},
		"ResNet: widths [4] and depths [], want one of each for each stage":                              {Channels: 1, Stem: 1, Classes: 1, Widths: []int{4}},
		"ResNet: stage 0 has the width 6 and the depth 1, want 1 and more, and the width of bottlenecks": {Channels: 1, Stem: 1, Classes: 1, Widths: []int{6}, Depths: []int{1}, Bottleneck: true},
		"ResNet: images are float32[1 8 8 1], want floats of [batch, height, width, 3]":                  resnet.New18(3, 2),
	} {
		_, err := model.CallOnce(backend, model.NewStore(), c.Logits, x)
		assert.ErrorContains(t, err, want)
	}
}
