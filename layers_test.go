package quire_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/quire-ml/quire"

// mayImport is the import law: what each package, named by its path below the module or by a folder that
// holds it ("ml/..."), may import of the module. A new edge here is a design decision. Test files are free, and
// so are packages that only they import (testHelpers).
var mayImport = map[string][]string{
	"internal/testenv":     {},
	"internal/golden":      {},
	"internal/untrusted":   {},
	"internal/names":       {},
	"internal/showing":     {},
	"internal/benchmark":   with(graphs, "backends", "ml/data", "ml/layers", "ml/losses", "ml/model", "ml/optimizers", "ml/train", "ml/zoo/..."),
	"internal/elementary":  {},
	"internal/cache":       {},
	"internal/arena":       {},
	"internal/bytesize":    {},
	"internal/visits":      graphs,
	"internal/traces":      values,
	"internal/template":    with(values, "graph/ir", "graph/sizes"),
	"internal/frames":      {}, // whoever names a line of the user's may ask it
	"internal/hostile/...": {},
	"internal/echo":        graphs,
	"internal/safefile":    {},                    // whoever opens or writes a file may use it
	"internal/assets":      {"internal/safefile"}, // script libraries: who writes pages with them, and who installs them
	"internal/interrupts":  {},                    // who catches one in a cell
	"internal/leave":       {},                    // for who stays behind its cell, and who must act before
	"internal/cellwire":    {},                    // what both ends of the socket of cells say
	"internal/slicetext":   {},
	"internal/mapped":      {},                                     // whoever maps a file, or reads what may be mapped
	"internal/guard":       {"internal/frames", "internal/mapped"}, // whoever calls functions of the user's may use it

	"graph/dtypes/float16":        {},
	"graph/dtypes/float8":         {},
	"graph/dtypes/bfloat16":       {},
	"graph/dtypes/codes":          {"graph/dtypes/float8"},
	"graph/dtypes":                {"graph/dtypes/..."},
	"graph/shapes":                {"graph/dtypes"},
	"graph/tensors":               with(values, "internal/slicetext", "internal/mapped"),
	"graph/tensors/...":           values,
	"graph/ir":                    with(values, "internal/arena", "internal/frames"),
	"graph/ir/capability":         with(values, "graph/ir"),
	"graph/ir/runstate":           with(values, "graph/ir"),
	"graph/sizes":                 {},
	"graph":                       with(values, "graph/ir", "graph/ir/capability", "graph/sizes", "internal/arena", "internal/template", "internal/cache", "internal/elementary", "internal/frames", "internal/guard"),
	"graph/ops":                   {"graph", "graph/ir"},
	"graph/ops/generate":          {}, // a test that writes package ops
	"graph/internal/axes":         {"graph"},
	"graph/host":                  {"graph", "graph/ir", "graph/shapes", "graph/tensors", "internal/guard"},
	"graph/fast":                  {"graph", "graph/dtypes", "graph/ir", "graph/internal/axes", "graph/ops", "graph/shapes"},
	"graph/linalg":                {"graph", "graph/dtypes", "graph/ir", "graph/internal/axes", "graph/shapes"},
	"graph/quant":                 {"graph", "graph/dtypes", "graph/dtypes/codes", "graph/ir", "graph/internal/axes", "graph/ops", "graph/shapes"},
	"graph/random":                {"graph", "graph/dtypes", "graph/internal/axes", "graph/shapes"},
	"graph/random/threefry":       {"graph", "graph/dtypes", "graph/random/internal/words", "graph/shapes"},
	"graph/random/rbg":            {"graph", "graph/dtypes", "graph/random/internal/words", "graph/random/threefry", "graph/shapes"},
	"graph/random/internal/words": {"graph", "graph/dtypes", "graph/shapes"},
	"graph/rows":                  with(values, "graph", "graph/ir", "graph/ops"),
	"graph/segment":               {"graph", "graph/dtypes", "graph/internal/axes", "graph/shapes"},
	"graph/signal":                {"graph", "graph/dtypes", "graph/internal/axes", "graph/shapes", "graph/tensors"},
	"graph/stats":                 {"graph", "graph/dtypes", "graph/shapes"},
	"graph/vision":                {"graph", "graph/dtypes", "graph/ir", "graph/internal/axes", "graph/shapes", "graph/tensors", "graph/tensors/..."},
	"graph/graphtest":             with(graphs, "graph/fast", "graph/linalg", "graph/quant", "graph/segment", "graph/signal", "graph/stats", "graph/vision"),
	"graph/ir/irtest":             graphs,
	"graph/live":                  with(graphs, "graph/stats", "backends", "internal/bytesize", "internal/cache", "internal/slicetext", "internal/guard"), // above the engines: it opens the default one

	"backends":              {"graph", "graph/ir", "backends/gocpu", "backends/internal/...", "backends/session"},
	"backends/internal/...": graphs,
	"backends/gocpu/...":    with(graphs, "backends/gocpu/...", "internal/arena", "internal/bytesize", "internal/elementary", "internal/guard", "internal/mapped"),
	"backends/machine":      with(graphs, "graph/host", "graph/ir/runstate", "backends/gocpu", "internal/bytesize", "internal/guard"),
	"backends/session":      with(graphs, "backends/internal/...", "backends/session/internal/wire"), // cells link it: no engine
	"backends/session/...":  with(graphs, "backends", "backends/xla", "backends/session/internal/...", "internal/bytesize", "internal/cache", "internal/mapped"),
	"backends/stablehlo":    with(graphs, "graph/linalg", "graph/random/rbg", "graph/segment", "graph/sizes", "backends/stablehlo/internal/...", "internal/elementary", "internal/names"), // what calls of LAPACK are read as
	"backends/xla":          with(graphs, "backends/internal/...", "backends/stablehlo", "backends/xla/...", "internal/mapped"),
	"backends/xla/...":      with(graphs, "backends/gocpu", "backends/stablehlo", "backends/xla/..."),

	"backends/stablehlo/internal/bytecode": {},
	"backends/internal/jaxexports":         with(graphs, "graph/graphtest"), // of tests

	"ml/data":                   with(values, "ml/data/internal/...", "internal/guard"),
	"ml/data/...":               with(values, "ml/data/...", "ml/internal/ordered", "internal/names"),
	"ml/data/parquet":           with(values, "ml/data/...", "internal/guard", "internal/names"),
	"ml/data/ingraph":           with(graphs, "graph/random", "graph/vision", "ml/data"),
	"ml/initializers":           graphs,
	"ml/model":                  with(graphs, "graph/sizes", "ml/initializers", "ml/internal/ordered", "internal/names"),
	"ml/cache":                  with(graphs, "graph/fast", "ml/initializers", "ml/model"),
	"ml/layers":                 with(graphs, "graph/fast", "ml/model", "ml/initializers", "internal/names"),
	"ml/layers/...":             with(graphs, "graph/quant", "graph/segment", "graph/vision", "ml/model", "ml/initializers", "ml/layers/...", "internal/names"),
	"ml/losses":                 with(graphs, "internal/names", "ml/internal/checks"),
	"ml/metrics":                with(graphs, "internal/names", "ml/model", "ml/losses"),
	"ml/optimizers":             with(graphs, "graph/linalg", "ml/model", "ml/initializers"), // Shampoo's roots and SOAP's axes
	"ml/generation":             {"graph/dtypes", "graph/tensors"},
	"ml/checkpoints/pretrained": with(graphs, "internal/names", "ml/model"),
	"ml/zoo/...":                with(graphs, "graph/fast", "graph/segment", "internal/safefile", "ml/cache", "ml/checkpoints/pretrained", "ml/checkpoints/safetensors", "ml/generation", "ml/initializers", "ml/layers", "ml/layers/...", "ml/losses", "ml/model", "ml/zoo/..."),
	"ml/search":                 {"internal/names", "internal/guard", "ml/model"},
	"ml/train/runlog":           {"ml/train"},
	"ml/tokenizers":             {"graph/tensors", "internal/safefile"},
	"ml/train":                  with(graphs, "internal/bytesize", "internal/cache", "internal/interrupts", "internal/names", "ml/data", "ml/initializers", "ml/model", "ml/losses", "ml/metrics", "ml/optimizers", "ml/internal/checks", "internal/guard", "ml/internal/ordered"),
	"ml/checkpoints":            with(graphs, "ml/data", "ml/model", "ml/train", "ml/checkpoints/...", "internal/guard", "ml/internal/ordered", "internal/names"),
	"ml/internal/...":           with(graphs, "internal/frames"),

	"ml/checkpoints/gguf":        with(values, "graph/quant"),
	"ml/checkpoints/safetensors": with(values, "internal/mapped"),

	"viz":              with(graphs, "graph/ir/runstate", "graph/sizes", "internal/template", "internal/visits", "internal/bytesize", "internal/cellwire", "internal/frames", "internal/leave", "internal/showing", "ml/data", "ml/model", "ml/search", "ml/train", "viz/internal/..."),
	"viz/internal/...": with(values, "internal/cellwire", "viz/internal/..."),
	"viz/plots":        with(values, "viz", "viz/internal/..."),
	"viz/interactive":  with(values, "viz", "viz/internal/...", "internal/assets"), // go-echarts, which viz may not link
	"viz/figures":      with(values, "viz", "viz/internal/..."),                    // gonum/plot, likewise

	"tutorials":               {}, // notebooks, and their tests
	"examples":                {}, // the tests of the programs below
	"examples/internal/curve": {"viz", "viz/figures"},
	"examples/...":            with(graphs, "graph/...", "backends", "examples/internal/curve", "ml/...", "viz", "viz/plots"),
	"docker":                  {}, // images, and their tests

	"kernel-ext/...":                {"kernel-ext/...", "internal/assets", "internal/bytesize", "internal/names", "internal/safefile", "viz/...", "ml/data/...", "backends/xla/plugins", "backends/gocpu/tier", "internal/traces", "internal/cellwire", "internal/interrupts", "backends/session"},
	"kernel-ext/carry":              {"kernel-ext/carry/kinds", "internal/mapped", "internal/bytesize", "internal/showing", "internal/leave"},
	"kernel-ext/carry/kinds":        {},
	"kernel-ext/traces":             with(graphs, "internal/frames", "internal/traces", "internal/visits"),
	"kernel-ext/internal/origin":    {},
	"kernel-ext/keep":               {"internal/bytesize", "internal/safefile", "kernel-ext/carry/...", "kernel-ext/internal/origin"},
	"kernel-ext/jobs":               {"internal/interrupts", "internal/safefile", "kernel-ext/internal/origin", "kernel-ext/keep", "kernel-ext/carry/...", "ml/model", "ml/train", "viz"},
	"kernel-ext/carry/tensorcodec":  {"internal/bytesize", "kernel-ext/carry", "graph/shapes", "graph/tensors"},
	"kernel-ext/carry/modelcodec":   {"internal/bytesize", "kernel-ext/carry/...", "ml/model", "backends/session", "graph"}, // values that stay in a worker
	"kernel-ext/carry/livecodec":    {"internal/bytesize", "kernel-ext/carry/...", "graph/live", "graph/tensors"},
	"kernel-ext/carry/datacodec":    {"internal/bytesize", "kernel-ext/carry/...", "ml/data"},
	"kernel-ext/carry/backendcodec": {"kernel-ext/carry", "backends", "graph/ir"},
	"kernel-ext/carry/imagecodec":   {"kernel-ext/carry"},
	"kernel-ext/carry/randcodec":    {"kernel-ext/carry"},
	"kernel-ext/carry/timecodec":    {"kernel-ext/carry"},
	"kernel-ext/carry/methodcodec":  {"kernel-ext/carry"},
	"kernel-ext/carry/place":        {"kernel-ext/carry", "internal/safefile"},
}

// Groups of packages that belong together.
var (
	values = []string{"graph/dtypes/...", "graph/shapes", "graph/tensors/...", "internal/safefile"}
	graphs = with(values, "graph", "graph/ir", "graph/ir/capability", "graph/ops")
)

func with(group []string, more ...string) []string { return slices.Concat(group, more) }

// testHelpers are imported by tests alone.
var testHelpers = []string{"internal/golden", "internal/testenv", "internal/untrusted", "internal/xlatest", "ml/zoo/internal/reference"}

type listedPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, args ...string) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, args...)...).Output()
	require.NoError(t, err, "go list %v", args)
	var all []listedPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p listedPackage
		require.NoError(t, dec.Decode(&p))
		all = append(all, p)
	}
	return all
}

// within reports whether path is what the pattern names: itself, or with /... itself or anything below it.
func within(pattern, path string) bool {
	root, deep := strings.CutSuffix(pattern, "/...")
	return path == root || deep && strings.HasPrefix(path, root+"/")
}

// law returns the entry of mayImport for a package: its own, or that of the longest folder around it.
func law(path string) (allowed []string, ok bool) {
	best := ""
	for pattern, list := range mayImport {
		if pattern == path {
			return list, true
		}
		if within(pattern, path) && len(pattern) > len(best) {
			best, allowed, ok = pattern, list, true
		}
	}
	return allowed, ok
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range list(t, "./...") {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		if slices.Contains(testHelpers, path) {
			continue
		}
		allowed, ok := law(path)
		if !ok && p.ImportPath != module {
			t.Errorf("package %s has no place in the import law: add it to mayImport in layers_test.go", path)
			continue
		}
		for _, imp := range p.Imports {
			rest, ours := strings.CutPrefix(imp, module+"/")
			if slices.Contains(testHelpers, rest) {
				t.Errorf("%s imports %s, which is for tests alone", path, rest)
			}
			if ours && !slices.ContainsFunc(allowed, func(a string) bool { return within(a, rest) }) {
				t.Errorf("%s imports %s: the import law does not allow it", path, rest)
			}
		}
	}
}

// What a notebook cell pulls in by graph, ml and viz: the standard library, golang.org/x/sys and gonbui alone.
// Every package more is linked into every cell again.
func TestCellsStayLight(t *testing.T) {
	allowed := []string{module, "golang.org/x/sys", "github.com/janpfeifer/gonb/gonbui", "github.com/janpfeifer/gonb/common"}
	heavy := []string{"net/http", "runtime/cgo", "html/template", "text/template", "go/types", "testing"}
	for _, p := range list(t, "./graph", "./graph/tensors/...", "./backends", "./backends/gocpu", "./ml/...", "./viz", "./kernel-ext/carry/...", "./kernel-ext/keep", "./kernel-ext/jobs") {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		// Downloads are opt-in, and so are Parquet files, regular expressions that look ahead and the normal forms of Unicode.
		if path == "ml/data/fetch" || path == "ml/data/parquet" || path == "ml/tokenizers" || slices.Contains(testHelpers, path) {
			continue
		}
		for _, dep := range p.Deps {
			if slices.Contains(heavy, dep) {
				t.Errorf("%s pulls in %s: too heavy for a cell", path, dep)
			}
			first, _, _ := strings.Cut(dep, "/")
			if strings.Contains(first, ".") && !slices.ContainsFunc(allowed, func(a string) bool { return within(a+"/...", dep) }) {
				t.Errorf("%s pulls in %s: cells may link the standard library, golang.org/x/sys and gonbui only", path, dep)
			}
		}
	}
}
