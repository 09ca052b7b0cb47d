package vae_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/ml/zoo/internal/reference"
	"github.com/quire-ml/quire/ml/zoo/vae"
)

var small = vae.Config{Height: 8, Width: 12, Channels: 1, Widths: []int{4, 6}, Codes: 3, Beta: 0.5}

func TestPicturesAreThoseOfPyTorch(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	r := reference.Of(t, "vae")
	store := reference.Store(t, func(scope *model.Scope, in []*graph.Node) { small.Train(scope, in[0]) }, shapes.Make(dtypes.Float32, r["x"].Dims...))
	got, err := model.CallOnceN(backend, store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		mean, logVariance := small.Encode(scope, in[0])
		logits := small.Decode(scope, in[1])
		return []*graph.Node{mean, logVariance, logits, vae.KullbackLeibler(mean, logVariance)}
	}, r["x"].Float32(), r["codes"].Float32())
	require.NoError(t, err)
	for i, name := range []string{"mean", "logVariance", "logits", "kl"} {
		reference.Equal(t, r[name], got[i], 1e-5, name)
	}
	reconstructed, err := model.CallOnce(backend, store, small.Reconstruct, r["x"].Float32())
	require.NoError(t, err)
	reference.Equal(t, r["reconstructed"], reconstructed, 1e-5, "reconstructed")
	loss, err := model.CallOnce(backend, store, func(scope *model.Scope, x, codes *graph.Node) *graph.Node { // as a trainer has it, with codes that are known
		mean, logVariance := small.Encode(scope, x)
		losses.SetInputs(x.Graph(), []*graph.Node{x})
		losses.SetOutput("vae/mean", mean)
		losses.SetOutput("vae/log_variance", logVariance)
		return small.Loss(nil, []*graph.Node{small.Decode(scope, codes)})
	}, r["x"].Float32(), r["codes"].Float32())
	require.NoError(t, err)
	reference.Equal(t, r["loss"], loss, 1e-4, "loss")
}

// TestTraining learns pictures of bars, of which a code of two numbers tells where they are.
func TestTraining(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	const n = 128
	rng := rand.New(rand.NewPCG(1, 2))
	x := tensors.FromScalarAndDimensions(float32(0), n, 8, 8, 1)
	for i := range n {
		at := rng.IntN(6)
		for y := range 8 {
			for k := range 3 {
				tensors.Flat[float32](x)[i*64+y*8+at+k] = 1
			}
		}
	}
	ds, err := data.InMemory("bars", x, nil)
	require.NoError(t, err)
	c := vae.Config{Height: 8, Width: 8, Channels: 1, Widths: []int{8, 8}, Codes: 2}
	store := model.NewStore()
	trainer := train.NewTrainer(backend, store, c.Train, c.Loss, optimizers.Adam().LearningRate(0.01).Done())
	_, err = train.NewLoop(trainer).RunSteps(ds.BatchSize(32, true).Shuffle(1).Infinite(true), 200)
	require.NoError(t, err)
	again, err := model.CallOnce(backend, store, c.Reconstruct, x)
	require.NoError(t, err)
	wrong := 0
	for i, v := range tensors.Flat[float32](again) {
		if (v > 0.5) != (tensors.Flat[float32](x)[i] > 0.5) {
			wrong++
		}
	}
	assert.Less(t, float64(wrong)/float64(n*64), 0.05, "the part of places that come out wrong")
}

func TestMistakes(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	x := tensors.FromScalarAndDimensions(float32(0), 2, 8, 8, 1)
	for want, c := range map[string]vae.Config{
		"VAE: pictures of 0x0x0, widths [], 0 codes and a Beta of 0: want 1 and more, and a Beta of 0 and more": {},
		"VAE: pictures of 10x12 cannot be halved 2 times: want multiples of 4":                                  {Height: 10, Width: 12, Channels: 1, Widths: []int{1, 1}, Codes: 1},
		"VAE: images are float32[2 8 8 1], want floats of [batch, 8, 12, 1]":                                    small,
	} {
		_, err := model.CallOnce(backend, model.NewStore(), c.Train, x)
		assert.ErrorContains(t, err, want)
	}
	_, err := model.CallOnce(backend, model.NewStore(), small.Decode, x)
	assert.ErrorContains(t, err, "VAE: codes are float32[2 8 8 1], want floats of [batch, 3]")
}

// ExampleConfig makes pictures of codes.
func ExampleConfig() {
	backend := backends.MustNew("go")
	defer backend.Close()
	c := vae.Config{Height: 28, Width: 28, Channels: 1, Widths: []int{16, 32}, Codes: 8}
	logits := model.MustCallOnce(backend, model.NewStore(), c.Decode, tensors.FromScalarAndDimensions(float32(0), 3, 8))
	fmt.Println(logits.Shape())
	// Output: float32[3 28 28 1]
}
