//go:build cgo && (linux || darwin)

package capi_test

import (
	"slices"
	"testing"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/quire-ml/quire/backends/xla/internal/capi"
	"github.com/quire-ml/quire/backends/xla/internal/double"
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
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.CacheOff() != nil {
		t.Fatal(a.CacheOff())
	}
	if err := pjrt.RegisterPreloadedPlugin("double of capi", a.Pointer()); err != nil {
		t.Fatal(err)
	}
	p, err := pjrt.GetPlugin("double of capi")
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.NewClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	a.MemoryStats(1)
	for range 3 {
		negate(t, c)
	}
	if _, err := c.Compile().WithStableHLO([]byte("no program")).Done(); err == nil {
		t.Error("what is no program compiles")
	}
	if err := c.Destroy(); err != nil {
		t.Error(err)
	}
	if s := a.CacheStats(); s.Hits != 2 || s.Misses != 2 || s.Errors != 0 {
		t.Errorf("counters %+v, want 2 hits and 2 misses", s)
	}
	if v := d.Violations(); len(v) > 0 {
		t.Error(v)
	}
	if s := d.Stats(); s.Live() > 0 {
		t.Errorf("left: %+v", s)
	}
}

func negate(t *testing.T, c *pjrt.Client) {
	t.Helper()
	e, err := c.Compile().WithStableHLO([]byte(negated)).Done()
	if err != nil {
		t.Fatal(err)
	}
	x, err := pjrt.ArrayToBuffer(c, []float32{1, 2, 3}, 3)
	if err != nil {
		t.Fatal(err)
	}
	y, err := e.Execute(x).Done()
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := pjrt.BufferToArray[float32](y[0])
	if err != nil || !slices.Equal(got, []float32{-1, -2, -3}) {
		t.Errorf("got %v %v", got, err)
	}
	for _, b := range []*pjrt.Buffer{x, y[0]} {
		if err := b.Destroy(); err != nil {
			t.Error(err)
		}
	}
	if err := e.Destroy(); err != nil {
		t.Error(err)
	}
}
