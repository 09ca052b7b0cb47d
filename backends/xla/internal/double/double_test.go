//go:build cgo && (linux || darwin)

package double_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quire-ml/quire/backends/xla/internal/double"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var registered atomic.Int64

// open registers a double with go-xla and makes a client. When the test ends, the client is destroyed, and there must
// be no violations and nothing alive, unless the test has looked at them itself.
func open(t *testing.T, o double.Options) (*double.Double, *pjrt.Client) {
	t.Helper()
	d := double.New(o)
	t.Cleanup(d.Close)
	c, err := client(d, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, c.Destroy())
		clean(t, d)
	})
	return d, c
}

// client registers a double under a name of its own and makes a client.
func client(d *double.Double, options pjrt.NamedValuesMap) (*pjrt.Client, error) {
	name := fmt.Sprintf("double-cpu-%d", registered.Add(1))
	if err := pjrt.RegisterPreloadedPlugin(name, d.Table()); err != nil {
		return nil, err
	}
	p, err := pjrt.GetPlugin(name)
	if err != nil {
		return nil, err
	}
	return p.NewClient(options)
}

// clean checks that the callers of a double made no mistakes and destroyed what they had.
func clean(t *testing.T, d *double.Double) {
	t.Helper()
	for _, v := range d.Violations() {
		t.Errorf("violation: %s", v)
	}
	if s := d.Stats(); s.Live() != 0 || s.DeviceBytes != 0 || s.HostBytes != 0 {
		t.Errorf("something is left: %+v", s)
	}
}

// must fails the test on an error.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

// wantError checks that err says what it must.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, p := range parts {
		assert.Contains(t, err.Error(), p, "the error is %q, want %q in it", err, p)
	}
}

// destroyAll destroys buffers.
func destroyAll(t *testing.T, buffers ...*pjrt.Buffer) {
	t.Helper()
	for _, b := range buffers {
		assert.NoError(t, b.Destroy())
	}
}

const addMul = `
module @addmul {
  func.func public @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0 = stablehlo.add %x, %y : tensor<4xf32>
    %1 = stablehlo.multiply %x, %y : tensor<4xf32>
    return %0, %1 : tensor<4xf32>, tensor<4xf32>
  }
}`

func compile(t *testing.T, c *pjrt.Client, text string) *pjrt.LoadedExecutable {
	t.Helper()
	e, err := c.Compile().WithStableHLO([]byte(text)).Done()
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, e.Destroy())
	})
	return e
}

func put(t *testing.T, c *pjrt.Client, device int, flat []float32, dims ...int) *pjrt.Buffer {
	t.Helper()
	b, err := c.BufferFromHost().FromFlatDataWithDimensions(flat, dims).ToDeviceNum(device).Done()
	require.NoError(t, err)
	return b
}

func values(t *testing.T, b *pjrt.Buffer) []float32 {
	t.Helper()
	flat, _, err := pjrt.BufferToArray[float32](b)
	require.NoError(t, err)
	return flat
}

func TestProgramsRun(t *testing.T) {
	for _, async := range []bool{false, true} {
		t.Run(fmt.Sprintf("async=%v", async), func(t *testing.T) {
			d, c := open(t, double.Options{Async: async})
			e := compile(t, c, addMul)
			if e.Name != "addmul" || e.NumOutputs != 2 || e.OnDeviceMemoryUsageStats.Inputs != 32 || e.OnDeviceMemoryUsageStats.Outputs != 32 {
				t.Errorf("the executable is %q with %d outputs, %+v", e.Name, e.NumOutputs, e.OnDeviceMemoryUsageStats)
			}
			x, y := put(t, c, 0, []float32{1, 2, 3, 4}, 4), put(t, c, 0, []float32{5, 6, 7, 8}, 4)
			for range 3 {
				out, err := e.Execute(x, y).Done()
				require.NoError(t, err)
				assert.Equal(t, []float32{6, 8, 10, 12}, values(t, out[0]), "the sum")
				assert.Equal(t, []float32{5, 12, 21, 32}, values(t, out[1]), "the product")
				destroyAll(t, out...)
			}
			destroyAll(t, x, y)
			if s := d.Stats(); s.Executed != 3 || s.Compiled != 1 || s.ToDevice != 2 || s.ToHost != 6 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

type pjrtBuffer = pjrt.Buffer

// unchecked is open for tests that make mistakes.
func unchecked(t *testing.T, o double.Options) (*double.Double, *pjrt.Client) {
	t.Helper()
	d := double.New(o)
	t.Cleanup(d.Close)
	c, err := client(d, nil)
	require.NoError(t, err)
	return d, c
}

// wantViolations checks the violations, each by its beginning.
func wantViolations(t *testing.T, d *double.Double, want ...string) {
	t.Helper()
	got := d.Violations()
	if len(got) != len(want) {
		t.Errorf("the violations are %q, want %q", got, want)
		return
	}
	for i, w := range want {
		assert.True(t, strings.HasPrefix(got[i], w), "violation %d is %q, want %q", i, got[i], w)
	}
}
