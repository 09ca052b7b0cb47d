//go:build cgo && (linux || darwin)

package capi

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// realPlugin returns the path of the installed CPU plugin.
func realPlugin(t testing.TB) string {
	t.Helper()
	p, err := plugins.Find("cpu")
	if err == nil {
		err = p.Check()
	}
	if err != nil {
		testenv.Missing(t, "xla", err.Error())
	}
	return p.Path
}

// go-xla's list of plugins is not safe for several goroutines, and keeps names for ever.
var (
	registering sync.Mutex
	registered  atomic.Int64
)

// newClient makes a client of go-xla on what Load returned.
func newClient(t testing.TB, a *API, options pjrt.NamedValuesMap) *pjrt.Client {
	t.Helper()
	registering.Lock()
	defer registering.Unlock()
	name := fmt.Sprintf("cpu capi %d", registered.Add(1))
	require.NoError(t, pjrt.RegisterPreloadedPlugin(name, a.Pointer()))
	p, err := pjrt.GetPlugin(name)
	require.NoError(t, err)
	c, err := p.NewClient(options)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, c.Destroy())
	})
	return c
}

func load(t testing.TB, path string, o Options) *API {
	t.Helper()
	a, err := Load(path, o)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	require.NoError(t, a.CacheOff())
	return a
}

// scaled is a program that multiplies four numbers by a factor.
func scaled(factor int) []byte {
	return fmt.Appendf(nil, `module @scaled {
  func.func @main(%%x: tensor<4xf32>) -> tensor<4xf32> {
    %%c = stablehlo.constant dense<%d.0> : tensor<4xf32>
    %%y = stablehlo.multiply %%x, %%c : tensor<4xf32>
    return %%y : tensor<4xf32>
  }
}`, factor)
}

// compile compiles a program and destroys it at the end of the test.
func compile(t testing.TB, c *pjrt.Client, text []byte, with func(*pjrt.CompileConfig) *pjrt.CompileConfig) *pjrt.LoadedExecutable {
	t.Helper()
	config := c.Compile().WithStableHLO(text)
	if with != nil {
		config = with(config)
	}
	e, err := config.Done()
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, e.Destroy())
	})
	return e
}

// run executes scaled on 1, 2, 3, 4.
func run(t testing.TB, c *pjrt.Client, e *pjrt.LoadedExecutable, factor float32) {
	t.Helper()
	x, err := pjrt.ArrayToBuffer(c, []float32{1, 2, 3, 4}, 4)
	require.NoError(t, err)
	defer x.Destroy()
	out, err := e.Execute(x).Done()
	require.NoError(t, err)
	defer out[0].Destroy()
	got, _, err := pjrt.BufferToArray[float32](out[0])
	require.NoError(t, err)
	require.Equal(t, []float32{factor, 2 * factor, 3 * factor, 4 * factor}, got)
}

func TestRealPlugin(t *testing.T) {
	path := realPlugin(t)
	a := load(t, path, Options{})
	assert.Same(t, a, load(t, path, Options{}), "the same library loaded again is another API")
	if major, minor := a.Version(); major != 0 || minor < MinMinor {
		t.Errorf("version %d.%d", major, minor)
	}
	c := newClient(t, a, nil)
	run(t, c, compile(t, c, scaled(3), nil), 3)
	if _, ok := a.MemoryStats(0); ok {
		t.Log("the CPU plugin counts memory now: the doc comment of MemoryStats says that it does not")
	}
	assert.Equal(t, CacheStats{}, a.CacheStats(), "without a cache")
	_, err := c.Compile().WithStableHLO([]byte("module @m { nonsense }")).Done()
	assert.Error(t, err, "a program that is none compiles")
}

// A plugin of version 0.81 has no Bitcast: without the interposer, the call ends the process.
func TestRealPluginLacksFunctions(t *testing.T) {
	a := load(t, realPlugin(t), Options{})
	if _, minor := a.Version(); minor >= 98 {
		t.Skipf("the plugin of version 0.%d has all functions", minor)
	}
	c := newClient(t, a, nil)
	x, err := pjrt.ArrayToBuffer(c, []float32{1, 2, 3, 4}, 4)
	require.NoError(t, err)
	defer x.Destroy()
	_, err = x.Bitcast(2)
	require.Error(t, err, "Bitcast works")
	checkError(t, err, "code=12", "the plugin is too old for, or lacks, the function PJRT_Buffer_Bitcast")
}
