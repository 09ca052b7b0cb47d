// Package examples_test runs the programs, compares what they reach with what their twins in PyTorch reached, and counts lines.
package examples_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program is one of them, and the band that its figure must lie in, for seeds 1 to 3.
type program struct {
	name, what string
	figure     string     // what the figure stands behind in the last lines
	twin       [3]float64 // the twin's, by PyTorch 2.6.0 with seeds 1 to 3
	better     float64    // 1 if more is better, -1 if less is
	slack      float64    // how much worse than the twin's mean ours may be: seeds are not the same
	data       string     // a file that it needs; "" for none
}

var programs = []program{
	{"gpt", "a transformer of two blocks on Shakespeare's plays, by character; writes", "validation loss", [3]float64{2.2438, 2.2557, 2.2448}, -1, 0.03, "text/tinyshakespeare.txt"},
	{"gru", "a gated recurrent unit on the same", "validation loss", [3]float64{2.1905, 2.1979, 2.2045}, -1, 0.03, "text/tinyshakespeare.txt"},
	{"names", "first names, by letter; makes up others", "validation loss", [3]float64{2.1305, 2.1179, 2.1133}, -1, 0.03, "text/names.txt"},
	{"cnn", "10,000 of MNIST's digits, turned and moved; reads the 10,000 test digits", "test accuracy", [3]float64{0.9923, 0.9916, 0.9917}, 1, 0.0018, "mnist/t10k-labels-idx1-ubyte.gz"},
	{"vae", "a variational autoencoder of digits of 8 by 8", "test loss", [3]float64{24.371, 24.448, 24.537}, -1, 0.3, ""},
	{"gan", "two networks and two optimizers in one step; draws digits", "energy distance", [3]float64{0.1027, 0.1476, 0.1938}, -1, 0.2, ""},
	{"flow", "flow matching: from noise to two moons", "energy distance", [3]float64{0.0040, 0.0045, 0.0045}, -1, 0.01, ""},
	{"pinn", "the heat equation, by derivatives of a network in its loss", "relative error", [3]float64{0.00185, 0.00314, 0.00268}, -1, 0.004, ""},
	{"lora", "a reader of digits learns those that lie on their side, by thin matrices beside its own", "lying on their side: accuracy", [3]float64{0.9182, 0.9399, 0.9494}, 1, 0.03, ""},
	{"tabular", "penguins, with hyperparameters found by cross-validation", "test accuracy", [3]float64{0.9880, 0.9880, 0.9759}, 1, 0.03, "tabular/penguins.csv"},
	{"policy", "a pole on a cart, by the gradient of a policy", "mean length", [3]float64{497.1, 491.1, 500.0}, 1, 100, ""},
}

// run returns the figure of a program for a seed.
func run(t *testing.T, p program, seed int) float64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t, p.name), "-seed", strconv.Itoa(seed))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	found := regexp.MustCompile(regexp.QuoteMeta(p.figure) + ` ([0-9.]+)`).FindSubmatch(out)
	require.NotNil(t, found, "%s prints no %q: %s", p.name, p.figure, out)
	value, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(t, err)
	return value
}

func binary(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./"+name).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// TestBands trains with seeds 1 to 3, those that take more than a few seconds with QUIRE_SWEEP=1 alone, else with seed 1; with -short only the quick ones, with
// seed 1.
func TestBands(t *testing.T) {
	slow := map[string]bool{"gpt": true, "gru": true, "cnn": true}
	whole := os.Getenv("QUIRE_SWEEP") != ""
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			if p.data != "" {
				testenv.Data(t, p.data)
			}
			if testing.Short() && slow[p.name] {
				t.Skip("takes half a minute and more")
			}
			for seed := 1; seed <= 3; seed++ {
				got := run(t, p, seed)
				t.Logf("seed %d: %s %g, the twin's mean %.4g", seed, p.figure, got, p.mean())
				assert.GreaterOrEqual(t, p.better*got, p.better*p.bound(), "seed %d", seed)
				if testing.Short() || slow[p.name] && !whole {
					break
				}
			}
		})
	}
}

// TestLinesAreNoMoreThanTheTwins: at most 1.2 times as many, without empty lines, comments, imports and what closes a block.
func TestLinesAreNoMoreThanTheTwins(t *testing.T) {
	require.Len(t, programs, 11)
	for _, p := range programs {
		ours, twins := lines(t, p.name+"/main.go"), lines(t, p.name+"/twin.py")
		assert.LessOrEqual(t, float64(ours), 1.2*float64(twins), "%s: %d lines, the twin %d", p.name, ours, twins)
	}
}

// lines counts the lines of a program that say something.
func lines(t *testing.T, path string) (n int) {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	require.NoError(t, err)
	source, _, _ := strings.Cut(string(text), "\nfunc check(err error) {") // which the first cell of a notebook has once
	source = regexp.MustCompile(`(?s)\nimport \(.*?\n\)`).ReplaceAllString(source, "")
	for line := range strings.SplitSeq(source, "\n") {
		line = strings.TrimSpace(line)
		comment := strings.HasPrefix(line, "//") || strings.HasPrefix(line, "#")
		module := strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "from ") || strings.HasPrefix(line, "package ")
		if !comment && !module && strings.Trim(line, "(){}[],") != "" {
			n++
		}
	}
	return n
}

// head is what README.md says before its table.
const head = `# Programs

Eleven small programs as one writes them in a seminar, each with its twin in PyTorch beside it (twin.py): the same model, optimizer, rates and
number of steps.

    go run ./examples/gan                     # all take -seed, and -curve FILE for the curve of the training; -help lists the others
    python examples/gan/twin.py FOLDER        # with torch and numpy; FOLDER, or file, is that of the data

gpt, gru, names, cnn and tabular need data: QUIRE_DATA, or "quire data get". "QUIRE_SWEEP=1 go test ./examples -v -timeout 30m" runs all of them with three
seeds (without QUIRE_SWEEP the longest with one) and holds them to the bands of this table, which it was made from: what PyTorch 2.6.0 reached, and how much worse another seed may be. Lines are those that
say something: without imports, closing brackets, check and must.

`

// TestPage holds README.md. With -update it writes it.
func TestPage(t *testing.T) {
	var page strings.Builder
	page.WriteString(head)
	page.WriteString("| program | what it does | figure, of seeds 1 to 3 | PyTorch's mean | lines, PyTorch's |\n|---|---|---|---:|---:|\n")
	for _, p := range programs {
		limit := "at most"
		if p.better > 0 {
			limit = "at least"
		}
		fmt.Fprintf(&page, "| [%s](%s/main.go) | %s | %s %s %.4g | %.4g | %d, %d |\n", p.name, p.name, p.what, p.figure, limit, p.bound(), p.mean(),
			lines(t, p.name+"/main.go"), lines(t, p.name+"/twin.py"))
	}
	page.WriteString("\n## Curves\nOf seed 1.\n")
	for _, p := range programs {
		if p.name != "tabular" { // a search
			picture := "curves/" + p.name + ".png"
			require.FileExists(t, picture)
			fmt.Fprintf(&page, "\n**%s**\n\n![%s](%s)\n", p.name, p.what, picture)
		}
	}
	golden.Check(t, "README.md", page.String())
}

// mean is that of the twin's figures.
func (p program) mean() float64 { return (p.twin[0] + p.twin[1] + p.twin[2]) / 3 }

// bound is the worst figure that is good enough.
func (p program) bound() float64 { return p.mean() - p.better*p.slack }
