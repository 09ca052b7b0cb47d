//go:build cgo && (linux || darwin)

package capi_test

import (
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/xla/internal/capi"
	"github.com/quire-ml/quire/backends/xla/internal/double"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const negated = `module @negated {
  func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
    %y = stablehlo.negate %x : tensor<3xf32>
    return %y : tensor<3xf32>
  }
}`

// The double notes every call that breaks the rules of the interface, and everything that is left: the interposer
// and the cache break none and leave nothing.
func TestNoRuleIsBroken(t *testing.T) {
	d := double.New(double.Options{Devices: 2})
	defer d.Close()
	a, err := capi.Wrap(d.Table(), capi.Options{CacheDir: t.TempDir(), CacheKey: "double"})
	require.NoError(t, err)
	defer a.Close()
	require.NoError(t, a.CacheOff())
	require.NoError(t, pjrt.RegisterPreloadedPlugin("double of capi", a.Pointer()))
	p, err := pjrt.GetPlugin("double of capi")
	require.NoError(t, err)
	c, err := p.NewClient(nil)
	require.NoError(t, err)
	a.MemoryStats(1)
	for range 3 {
		negate(t, c)
	}
	_, err = c.Compile().WithStableHLO([]byte("no program")).Done()
	assert.Error(t, err, "what is no program compiles")
	assert.NoError(t, c.Destroy())
	if s := a.CacheStats(); s.Hits != 2 || s.Misses != 2 || s.Errors != 0 {
		t.Errorf("counters %+v, want 2 hits and 2 misses", s)
	}
	v := d.Violations()
	assert.Empty(t, v, v)
	s := d.Stats()
	assert.LessOrEqual(t, s.Live(), 0, "left: %+v", s)
}

func negate(t *testing.T, c *pjrt.Client) {
	t.Helper()
	e, err := c.Compile().WithStableHLO([]byte(negated)).Done()
	require.NoError(t, err)
	x, err := pjrt.ArrayToBuffer(c, []float32{1, 2, 3}, 3)
	require.NoError(t, err)
	y, err := e.Execute(x).Done()
	require.NoError(t, err)
	got, _, err := pjrt.BufferToArray[float32](y[0])
	if err != nil || !slices.Equal(got, []float32{-1, -2, -3}) {
		t.Errorf("got %v %v", got, err)
	}
	for _, b := range []*pjrt.Buffer{x, y[0]} {
		assert.NoError(t, b.Destroy())
	}
	assert.NoError(t, e.Destroy())
}
