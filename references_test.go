package quire_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"
)

// reference says what the functions of some packages are compared with: values that other programs computed, in files of test data, and the tests
// that read them.
type reference struct {
	title string
	dirs  []string
	is    func(name, signature string) bool
	files map[string]string // of values, with the test that reads each
}

var references = []reference{
	{"Layers", below("ml/layers"), func(_, signature string) bool {
		return strings.Contains(signature, "*graph.Node") || strings.Contains(signature, "*model.Store")
	}, map[string]string{"ml/layers/testdata/reference/reference.json": "ml/layers/reference_test.go TestLayersEqualTheirReference"}},
	{"Optimizers, and what is around them", []string{"ml/optimizers"}, func(name, signature string) bool {
		schedule := strings.HasSuffix(signature, "Schedule") || strings.HasSuffix(signature, "ScheduleConfig")
		return !schedule && (strings.HasSuffix(signature, "Config") || returns("Interface", "Transform", "*Optimizer")(name, signature) || strings.HasPrefix(name, "Fit"))
	}, map[string]string{
		"ml/optimizers/testdata/vectors.json": "ml/optimizers/vectors_test.go TestOptimizersAreThoseOfOtherLibraries",
	}},
	{"Schedules", []string{"ml/optimizers"}, returns("Schedule", "*ScheduleConfig"), map[string]string{
		"ml/optimizers/testdata/schedules.json": "ml/optimizers/schedule_test.go TestSchedulesAreThoseOfPyTorch",
	}},
	{"Losses", []string{"ml/losses"}, func(name, signature string) bool {
		return strings.HasSuffix(signature, ") Fn") || signature == "([]*graph.Node, []*graph.Node) *graph.Node"
	}, map[string]string{"ml/losses/testdata/vectors.json": "ml/losses/vectors_test.go TestLossesAreThoseOfPyTorch"}},
	{"Metrics", []string{"ml/metrics"}, returns("*Metric", "*Stream", "float64, error", "Interface"), map[string]string{
		"ml/metrics/testdata/vectors.json": "ml/metrics/vectors_test.go TestMetricsAreThoseOfScikitLearn",
	}},
}

// comparedOtherwise are those that no file of values names: with what they are compared, and in which test.
var comparedOtherwise = map[string][2]string{
	"layers.LeakyRelu":   {"torch 2.6.0, as layers.Activation", "ml/layers/reference_test.go TestLayersEqualTheirReference"},
	"layers.Elu":         {"torch 2.6.0, as layers.Activation", "ml/layers/reference_test.go TestLayersEqualTheirReference"},
	"layers.Selu":        {"torch 2.6.0, as layers.Activation", "ml/layers/reference_test.go TestLayersEqualTheirReference"},
	"layers.HardSigmoid": {"torch 2.6.0, as layers.Activation", "ml/layers/reference_test.go TestLayersEqualTheirReference"},
	"layers.HardSwish":   {"torch 2.6.0, as layers.Activation", "ml/layers/reference_test.go TestLayersEqualTheirReference"},
	"layers.Mish":        {"torch 2.6.0, as layers.Activation", "ml/layers/reference_test.go TestLayersEqualTheirReference"},
	"norm.ColumnNorms":   {"torch 2.6.0, as norm.Weight", "ml/layers/reference_test.go TestLayersEqualTheirReference"},
	"norm.Lengths":       {"lengths of columns, which stay", "ml/layers/adapters/adapters_test.go TestDoRAKeepsLengths"},

	"adapters.LoRA":         {"its equation", "ml/layers/adapters/adapters_test.go TestLoRAIsTheEquation"},
	"adapters.DoRA":         {"lengths of columns, which stay", "ml/layers/adapters/adapters_test.go TestDoRAKeepsLengths"},
	"adapters.QLoRA":        {"LoRA on weights that are quantized and back", "ml/layers/adapters/adapters_test.go TestQLoRA"},
	"adapters.SpectralNorm": {"the largest singular value, 1", "ml/layers/adapters/adapters_test.go TestSpectralNormOfALayer"},
	"adapters.WeightNorm":   {"the model without it, and torch 2.6.0 as norm.Weight", "ml/layers/adapters/adapters_test.go TestAdaptersBeginAsTheModelWas"},
	"adapters.Bottleneck":   {"the model without it", "ml/layers/adapters/adapters_test.go TestAdaptersBeginAsTheModelWas"},

	"optimizers.New":      {"those of one's own: Lion, by its equations", "ml/optimizers/outside_test.go TestLionIsItsEquations"},
	"optimizers.Groups":   {"the steps of each group, by hand", "ml/train/shelves_test.go TestGroupsAndFrozenVariables"},
	"optimizers.Frozen":   {"the steps of each group, by hand", "ml/train/shelves_test.go TestGroupsAndFrozenVariables"},
	"optimizers.Noise":    {"its variance, over 20,000 draws", "ml/optimizers/vectors_test.go TestNoiseIsOfItsVariance"},
	"optimizers.FitLBFGS": {"torch 2.6.0 after each iteration, scipy 1.17.1 at the end", "ml/optimizers/fit_test.go TestFitsAreThoseOfPyTorch"},

	"losses.WithReduction": {"sums by hand", "ml/losses/vectors_test.go TestReductions"},
	"losses.TotalWeight":   {"sums by hand", "ml/losses/losses_test.go TestTotalWeight"},

	"metrics.New":          {"means by hand", "ml/metrics/metrics_test.go TestMeansOverBatches"},
	"metrics.NewSums":      {"scikit-learn 1.9.1, by what is made of it", "ml/metrics/vectors_test.go TestMetricsAreThoseOfScikitLearn"},
	"metrics.NewCollected": {"scikit-learn 1.9.1, by what is made of it", "ml/metrics/vectors_test.go TestMetricsAreThoseOfScikitLearn"},
	"metrics.FromLoss":     {"the loss, over batches of any size", "ml/metrics/table_test.go TestMasksAndBatches"},
	"metrics.Unweighted":   {"numbers by hand", "ml/metrics/vectors_test.go TestUnweighted"},
	"metrics.BLEU":         {"nltk 3.10.4", "ml/metrics/vectors_test.go TestBLEUIsThatOfNLTK"},
}

// below returns the folders of the packages at and below one.
func below(root string) (dirs []string) {
	_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if files, _ := filepath.Glob(filepath.Join(path, "*.go")); err == nil && d.IsDir() && len(files) > 0 {
			dirs = append(dirs, filepath.ToSlash(path))
		}
		return err
	})
	return dirs
}

// TestReferences writes docs/references.md: of every exported function that makes a layer, an optimizer, a schedule, a loss or a metric, with what its
// values are compared, and by which test. One without fails.
func TestReferences(t *testing.T) {
	var page strings.Builder
	page.WriteString("# What is compared with what\n\nEvery function that makes a layer, an optimizer, a schedule, a loss or a metric, with where the values come from that it is held to, and the test that does\n" +
		"it. Written by `go test . -run References -update`; one without fails that test.\n")
	tests, seen := testFunctions{}, map[string]bool{}
	for _, r := range references {
		sources := map[string][2]string{} // of the names in the files of values: source and test
		for file, test := range r.files {
			tests.need(t, test)
			for name, source := range namesOfValues(t, file) {
				sources[name] = [2]string{source, test}
			}
		}
		rows := 0
		var table strings.Builder
		for _, dir := range r.dirs {
			pkg := filepath.Base(dir)
			functions := testenv.Functions(t, dir)
			for _, name := range slices.Sorted(maps.Keys(functions)) {
				if !r.is(name, functions[name]) {
					continue
				}
				own := pkg + "." + name
				seen[own] = true
				found, ok := sources[own]
				if other, known := comparedOtherwise[own]; known {
					assert.False(t, ok, "%s is in a file of values: take it out of comparedOtherwise", own)
					tests.need(t, other[1])
					found, ok = other, true
				}
				if assert.True(t, ok, "%s is compared with nothing: let the make.py beside the tests make a vector of it, or say in comparedOtherwise by which test", own) {
					rows++
					fmt.Fprintf(&table, "| `%s` | %s | %s |\n", own, found[0], strings.Replace(found[1], " ", " `", 1)+"`")
				}
			}
		}
		fmt.Fprintf(&page, "\n## %s\n\n%d functions.\n\n| function | compared with | test |\n|---|---|---|\n%s", r.title, rows, table.String())
	}
	for own := range comparedOtherwise {
		assert.True(t, seen[own], "comparedOtherwise has %s, which there is not", own)
	}
	golden.Check(t, "docs/references.md", page.String())
}

// namesOfValues returns the functions that a file of values is about, as package.Function, with the source of the values.
func namesOfValues(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	out := map[string]string{}
	var layers struct {
		Versions map[string]string
		Cases    []struct{ Layer string }
	}
	if json.Unmarshal(text, &layers) == nil && layers.Cases != nil {
		for _, c := range layers.Cases {
			name, _, _ := strings.Cut(c.Layer, "/")
			out[name] = "torch " + layers.Versions["torch"]
		}
		return out
	}
	var vectors []struct{ Name, Source string }
	require.NoError(t, json.Unmarshal(text, &vectors), path)
	pkg := filepath.Base(filepath.Dir(filepath.Dir(path)))
	for _, v := range vectors {
		name, _, _ := strings.Cut(v.Name, ",")
		out[pkg+"."+name] = v.Source
	}
	return out
}

// testFunctions are those of files of tests, once they were read.
type testFunctions map[string][]string

// need fails unless there is a test "file function".
func (f testFunctions) need(t *testing.T, test string) {
	t.Helper()
	path, name, _ := strings.Cut(test, " ")
	if f[path] == nil {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				f[path] = append(f[path], fn.Name.Name)
			}
		}
	}
	assert.Contains(t, f[path], name, path)
}
