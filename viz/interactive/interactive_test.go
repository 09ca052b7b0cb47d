package interactive

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/assets"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/internal/untrusted"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svg"
	"github.com/quire-ml/quire/viz/plots"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runs are a few runs of a search.
func runs(n int) (list []*viz.Run) {
	for i := range n {
		r := viz.NewRun(fmt.Sprintf("trial <%d>", i+1))
		r.Set("rate", math.Pow(10, -float64(i+1)))
		r.Set("optimizer", []string{"adam", "sgd"}[i%2])
		for step := int64(1); step <= 40; step++ {
			v := 1/float64(step) + float64(i)
			r.Add(train.Event{Kind: train.Step, GlobalStep: step, Metrics: []train.Metric{{Name: "Batch loss", Short: "batch", Kind: "loss", Value: v}}})
			if step%10 == 0 {
				r.Add(train.Event{Kind: train.Eval, GlobalStep: step, Dataset: "test", Metrics: []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: v + 0.1}}})
			}
		}
		list = append(list, r)
	}
	return list
}

// shown are values of all kinds that have a page, and how many charts it has.
func shown() map[string]struct {
	value  any
	charts int
} {
	points := plots.Points{Name: "a</script>", X: []float64{1, 2, 3}, Y: []float64{1, math.NaN(), 4}}
	model := func(x *graph.Node) *graph.Node { return graph.Tanh(graph.Neg(x)) }
	return map[string]struct {
		value  any
		charts int
	}{
		"one run":   {runs(1)[0], 1},
		"curves":    {viz.Curves(runs(3)...), 1},
		"many runs": {viz.Curves(runs(8)...), 2},
		"a sweep":   {viz.Sweep(runs(5)...), 1},
		"vector":    {tensors.FromValue([]float32{1, 2, 3}), 1},
		"matrix":    {tensors.FromValue([][]float32{{1, 2}, {3, float32(math.Inf(1))}}), 1},
		"huge":      {tensors.FromValue([][]float64{{1e300, -1e-300}, {math.MaxFloat64, math.NaN()}}), 1},
		"no number": {tensors.FromValue([][]float64{{math.NaN(), math.Inf(1)}}), 1},
		"graph":     {viz.Graph(model, shapes.Make(dtypes.Float32, 3)), 1},
		"scatter":   {plots.Scatter(plots.Options{Title: "scatter"}, points), 1},
		"bars":      {plots.Bars(plots.Options{}, []string{"x", "y"}, plots.Points{Name: "n", Y: []float64{1, 2}}), 1},
		"boxes":     {plots.Boxes(plots.Options{}, []string{"x", "y"}, []float64{1, 2, 3}, []float64{2, 3}), 1},
		"heat map":  {plots.HeatMap(plots.Options{}, [][]float64{{1, -2}}, nil, []string{"p", "q"}), 1},
		"contour":   {plots.Contour(plots.Options{}, plots.SurfaceOf(func(x, y float64) float64 { return x * y }, [2]float64{0, 1}, [2]float64{0, 1}, 9)), 1},
		"log axes":  {plots.Lines(plots.Options{LogX: true, LogY: true, YLimits: [2]float64{0.1, 10}}, plots.Points{X: []float64{1, 10}, Y: []float64{1, 5}}), 1},
		"a stack":   {viz.Stack(runs(1)[0], viz.Titled("t", tensors.FromValue([]float32{1, 2}))), 2},
	}
}

// withLibrary has pages hold a script in the place of the library.
func withLibrary(t *testing.T, script string) {
	t.Helper()
	before := library
	t.Cleanup(func() { library = before })
	library = func() ([]byte, error) { return []byte(script), nil }
}

var (
	options = regexp.MustCompile(`c\.setOption\((.*)\);addEventListener`)
	script  = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
)

func TestPagesOfAllViews(t *testing.T) {
	withLibrary(t, `var echarts="</script>"`)
	t.Chdir(t.TempDir())
	for name, c := range shown() {
		b := viz.Interactive(c.value, viz.InteractiveOptions{Title: "<" + name + ">"})
		first, static, _ := strings.Cut(b.Text(), "\n")
		path, ok := strings.CutPrefix(first, "interactive: ")
		require.True(t, ok, "%s: %s", name, first)
		assert.Equal(t, viz.Text(c.value), static, "%s: the static view", name)
		assert.Contains(t, b.HTML(), `<a href="views/`, name)
		assert.Nil(t, untrusted.Lost(b.HTML()), name)
		data, err := os.ReadFile(path)
		require.NoError(t, err, name)
		page := string(data)
		assert.Contains(t, page, "<title>&lt;"+name+"&gt;</title>")
		assert.NotRegexp(t, `(?i)(src|href)\s*=`, page, "%s asks for something", name)
		assert.Contains(t, page, `content="default-src 'none';`, name)
		found := options.FindAllStringSubmatch(page, -1)
		require.Len(t, found, c.charts, name)
		assert.Len(t, script.FindAllString(page, -1), c.charts+1, "%s: scripts", name)
		for _, o := range found {
			var tell struct{ Series []map[string]any }
			require.NoError(t, json.Unmarshal([]byte(o[1]), &tell), name)
			assert.NotEmpty(t, tell.Series, name)
		}
		again := viz.Interactive(c.value, viz.InteractiveOptions{Title: "<" + name + ">"})
		assert.Equal(t, b.Text(), again.Text(), "%s: the page of the same values has another name", name)
	}
}

// An axis of parallel coordinates holds the values of all lines, not those of the first alone.
func TestAxesOfASweepHoldAllValues(t *testing.T) {
	for _, values := range [][]float64{{1, 2}, {0.15, 0.51, 0.27}, {3, 3}, {-7, 1e-300, math.NaN()}, {-math.MaxFloat64, math.MaxFloat64}, {5e-324, 1}, {1e300, math.MaxFloat64}, {math.NaN()}} {
		for _, log := range []bool{false, true} {
			p := svg.Parallel{Axes: []svg.ParallelAxis{{Name: "loss", Values: values, Log: log}}, Names: make([]string, len(values))}
			text, err := optionOf(p)
			require.NoError(t, err, "%v", values)
			var tell struct {
				ParallelAxis []struct{ Min, Max *float64 }
			}
			require.NoError(t, json.Unmarshal(text, &tell))
			require.Len(t, tell.ParallelAxis, 1)
			axis := tell.ParallelAxis[0]
			require.NotNil(t, axis.Min, "%v", values)
			require.NotNil(t, axis.Max, "%v", values)
			assert.Less(t, *axis.Min, *axis.Max, "%v", values)
			for _, v := range values {
				assert.False(t, v < *axis.Min || v > *axis.Max, "%v from %v to %v", v, *axis.Min, *axis.Max)
			}
		}
	}
}

func TestPagesThatCannotBeWritten(t *testing.T) {
	t.Setenv("QUIRE_ASSETS", t.TempDir())
	t.Chdir(t.TempDir())
	text := viz.Interactive(tensors.FromValue([]float32{1, 2})).Text()
	assert.True(t, strings.HasPrefix(text, "no interactive page: the script library echarts is not installed: quire assets install echarts\nfloat32[2]"), text)
	withLibrary(t, "")
	text = viz.Interactive(tensors.FromValue([]float32{1, 2}), viz.InteractiveOptions{Path: "page.txt"}).Text()
	assert.Contains(t, text, `no interactive page: the page's path "page.txt": want a name that ends in .html`)
	text = viz.Interactive(tensors.FromValue([]float32{1, 2}), viz.InteractiveOptions{Path: "sub/page.html"}).Text()
	assert.Contains(t, text, "interactive: "+filepath.Join("sub", "page.html"))
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

// A browser draws every page, and asks for nothing: whatever it asked for would come to the proxy that it is told of.
func TestABrowserDrawsThePagesWithoutAnyRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser: left out by -short")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		testenv.Missing(t, "assets", "chromium is not on this machine")
	}
	if _, err := assets.Library("echarts"); err != nil {
		testenv.Missing(t, "assets", err.Error())
	}
	var mu sync.Mutex
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Host)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, c := range shown() {
		page, err := filepath.Abs(strings.ReplaceAll(name, " ", "_") + ".html")
		require.NoError(t, err)
		text := viz.Interactive(c.value, viz.InteractiveOptions{Path: page}).Text()
		require.True(t, strings.HasPrefix(text, "interactive: "), text)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
			"--user-data-dir="+filepath.Join(dir, "profile"), "--proxy-server="+proxy.URL, "--proxy-bypass-list=<-loopback>", "--virtual-time-budget=5000", "--dump-dom", "file://"+page)
		cmd.WaitDelay = time.Second
		out, err := cmd.Output()
		cancel()
		require.NoError(t, err, name)
		assert.GreaterOrEqual(t, strings.Count(string(out), "<canvas"), c.charts, "%s: charts that were drawn", name)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, a := range asked { // what the browser asks on its own account does not come from a page: those have file addresses
		assert.NotContains(t, a, "echarts", "a page asks for something")
		assert.NotContains(t, a, "views", "a page asks for something")
	}
}
