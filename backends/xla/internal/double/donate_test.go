//go:build cgo && (linux || darwin)

package double_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/xla/internal/double"

	"github.com/gomlx/compute/dtypes"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const step = `
module @step {
  func.func public @main(%w: tensor<4xf32> {tf.aliasing_output = 0 : i32}, %g: tensor<4xf32>, %m: tensor<8xf32> {jax.buffer_donor = true}) -> (tensor<4xf32>, tensor<4xf32>) {
    %0 = stablehlo.add %w, %g : tensor<4xf32>
    %1 = stablehlo.slice %m [0:4] : (tensor<8xf32>) -> tensor<4xf32>
    return %0, %1 : tensor<4xf32>, tensor<4xf32>
  }
}`

func TestDonatedMemoryIsUsedAgain(t *testing.T) {
	for _, async := range []bool{false, true} {
		d, c := open(t, double.Options{Async: async})
		e := compile(t, c, step)
		assert.Equal(t, int64(16), e.OnDeviceMemoryUsageStats.Aliases, "bytes are aliased")
		w, g, m := put(t, c, 0, make([]float32, 4), 4), put(t, c, 0, []float32{1, 2, 3, 4}, 4), put(t, c, 0, make([]float32, 8), 8)
		p := must(w.UnsafePointer())(t)
		for range 5 {
			out := must(e.Execute(w, g, m).Donate(0).Done())(t)
			assert.Error(t, w.Check(), "the donated buffer is still there")
			w = out[0]
			destroyAll(t, out[1])
		}
		if q := must(w.UnsafePointer())(t); p != q {
			t.Errorf("the memory moved from %v to %v", p, q)
		}
		assert.Equal(t, []float32{5, 10, 15, 20}, values(t, w))
		out := must(e.Execute(w, g, m).Donate(0, 2).Done())(t)
		assert.Equal(t, int64(3*16), d.Stats().DeviceBytes, "bytes are in use: a donor's memory is not freed")
		destroyAll(t, g, out[0], out[1])
	}
}

func TestKeptInputsStay(t *testing.T) {
	_, c := open(t, double.Options{})
	e := compile(t, c, step)
	w, g, m := put(t, c, 0, []float32{1, 1, 1, 1}, 4), put(t, c, 0, []float32{1, 2, 3, 4}, 4), put(t, c, 0, make([]float32, 8), 8)
	out := must(e.Execute(w, g, m).Done())(t)
	assert.Equal(t, []float32{1, 1, 1, 1}, values(t, w), "the input is now")
	destroyAll(t, out...)

	e = compile(t, c, addMul) // says nothing of donation: who gives up inputs gains nothing, and loses them
	out = must(e.Execute(w, g).DonateAll().Done())(t)
	assert.Equal(t, []float32{2, 3, 4, 5}, values(t, out[0]))
	destroyAll(t, append(out, m)...)
}

func TestOneBufferIsNotDonatedTwice(t *testing.T) {
	_, c := open(t, double.Options{})
	e := compile(t, c, step)
	w, m := put(t, c, 0, make([]float32, 4), 4), put(t, c, 0, make([]float32, 8), 8)
	_, err := e.Execute(w, w, m).Donate(0).Done()
	wantError(t, err, "code=3", "argument 1 is the buffer that argument 0 gives up")
	assert.NoError(t, w.Check())
	destroyAll(t, w, m)
}

func TestViewsAreNotDonated(t *testing.T) {
	d, c := unchecked(t, double.Options{})
	e := compile(t, c, step)
	w, _, err := c.NewSharedBuffer(dtypes.Float32, []int{4})
	require.NoError(t, err)
	g, m := put(t, c, 0, make([]float32, 4), 4), put(t, c, 0, make([]float32, 8), 8)
	_, err = e.Execute(w, g, m).Donate(0).Done()
	wantError(t, err, "argument 0 is given up, and its memory is the host's")
	wantViolations(t, d, "PJRT_LoadedExecutable_Execute: argument 0 is given up, and its memory is the host's")
	destroyAll(t, w, g, m)
}

func TestDonationIsForAllDevices(t *testing.T) {
	d, c := unchecked(t, double.Options{})
	e, err := c.Compile().WithStableHLO([]byte(step)).WithSPMD(2).Done()
	require.NoError(t, err)
	defer e.Destroy()
	in := func() (list []*pjrtBuffer) {
		for dev := range 2 {
			list = append(list, put(t, c, dev, make([]float32, 4), 4), put(t, c, dev, make([]float32, 4), 4), put(t, c, dev, make([]float32, 8), 8))
		}
		return list
	}
	x := in()
	_, err = e.Execute(x...).Donate(0).Done()
	wantError(t, err, "argument 0 is given up on one device and not on another")
	wantViolations(t, d, "PJRT_LoadedExecutable_Execute: argument 0 is given up on one device and not on another, which invalidates it on all")
	out := must(e.Execute(x...).Donate(0, 3).Done())(t)
	destroyAll(t, append(out, x[1], x[2], x[4], x[5])...)
	assert.Zero(t, d.Stats().Buffers, "buffers are left")
}
