//go:build cgo && (linux || darwin)

package capi

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/internal/testenv"
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
	if err := pjrt.RegisterPreloadedPlugin(name, a.Pointer()); err != nil {
		t.Fatal(err)
	}
	p, err := pjrt.GetPlugin(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.NewClient(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func load(t testing.TB, path string, o Options) *API {
	t.Helper()
	a, err := Load(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if a.CacheOff() != nil {
		t.Fatal(a.CacheOff())
	}
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
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Destroy(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// run executes scaled on 1, 2, 3, 4.
func run(t testing.TB, c *pjrt.Client, e *pjrt.LoadedExecutable, factor float32) {
	t.Helper()
	x, err := pjrt.ArrayToBuffer(c, []float32{1, 2, 3, 4}, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Destroy()
	out, err := e.Execute(x).Done()
	if err != nil {
		t.Fatal(err)
	}
	defer out[0].Destroy()
	got, _, err := pjrt.BufferToArray[float32](out[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{factor, 2 * factor, 3 * factor, 4 * factor}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestRealPlugin(t *testing.T) {
	path := realPlugin(t)
	a := load(t, path, Options{})
	if again := load(t, path, Options{}); again != a {
		t.Error("the same library loaded again is another API")
	}
	if major, minor := a.Version(); major != 0 || minor < MinMinor {
		t.Errorf("version %d.%d", major, minor)
	}
	c := newClient(t, a, nil)
	run(t, c, compile(t, c, scaled(3), nil), 3)
	if _, ok := a.MemoryStats(0); ok {
		t.Log("the CPU plugin counts memory now: the doc comment of MemoryStats says that it does not")
	}
	if s := a.CacheStats(); s != (CacheStats{}) {
		t.Errorf("without a cache: %+v", s)
	}
	if _, err := c.Compile().WithStableHLO([]byte("module @m { nonsense }")).Done(); err == nil {
		t.Error("a program that is none compiles")
	}
}

// A plugin of version 0.81 has no Bitcast: without the interposer, the call ends the process.
func TestRealPluginLacksFunctions(t *testing.T) {
	a := load(t, realPlugin(t), Options{})
	if _, minor := a.Version(); minor >= 98 {
		t.Skipf("the plugin of version 0.%d has all functions", minor)
	}
	c := newClient(t, a, nil)
	x, err := pjrt.ArrayToBuffer(c, []float32{1, 2, 3, 4}, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Destroy()
	if _, err = x.Bitcast(2); err == nil {
		t.Fatal("Bitcast works")
	}
	checkError(t, err, "code=12", "the plugin is too old for, or lacks, the function PJRT_Buffer_Bitcast")
}
