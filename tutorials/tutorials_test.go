// Package tutorials_test runs the tutorials in the real kernel, as "quire run" does, and checks what readers see.
package tutorials_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/nbrun"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// file is what of a notebook's JSON the tests look at.
type file struct {
	Cells []struct {
		ID       string `json:"id"`
		Kind     string `json:"cell_type"`
		Count    *int   `json:"execution_count"`
		Outputs  []any  `json:"outputs"`
		Metadata map[string]any
		Source   []string
	}
	Metadata struct {
		Kernelspec struct {
			Name     string
			Display  string `json:"display_name"`
			Language string
		}
	}
	Format int `json:"nbformat"`
	Minor  int `json:"nbformat_minor"`
}

// committed returns the notebooks of a directory as git has them, or is about to, by name: what somebody saves here while
// they work through a lesson is theirs. ok is false outside of a repository.
func committed(t *testing.T, dir string) (notebooks map[string][]byte, ok bool) {
	t.Helper()
	git := func(args ...string) ([]byte, error) {
		return exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
	}
	list, err := git("ls-files", "-z", "--", "*.ipynb")
	if err != nil || len(list) == 0 {
		return nil, false
	}
	notebooks = map[string][]byte{}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		notebooks[name], err = git("show", ":./"+name)
		require.NoError(t, err, name)
	}
	return notebooks, true
}

// TestCommittedForm checks that tutorials are committed without outputs, for our kernel, in a form that Jupyter
// does not change when it saves them, and that they say what each cell is for.
func TestCommittedForm(t *testing.T) {
	if _, ok := committed(t, "."); !ok {
		testenv.Missing(t, "git", "this is no repository of git: nothing is committed")
	}
	for dir, least := range map[string]int{".": 2, "../notebooks": len(small)} {
		notebooks, _ := committed(t, dir)
		assert.GreaterOrEqual(t, len(notebooks), least, "notebooks in %s", dir)
		for name, text := range notebooks {
			for _, what := range faults(text) {
				t.Errorf("%s: %s", name, what)
			}
		}
	}
}

// faults says what keeps a notebook from being committed.
func faults(text []byte) (list []string) {
	fault := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	var nb file
	if err := json.Unmarshal(text, &nb); err != nil {
		return []string{err.Error()}
	}
	if nb.Format != 4 || nb.Minor != 5 {
		fault("nbformat %d.%d, want 4.5", nb.Format, nb.Minor)
	}
	if k := nb.Metadata.Kernelspec; k.Name != "quire" || k.Language != "go" || k.Display != "Quire (Go)" {
		fault("kernelspec is %+v, want quire's", k)
	}
	ids := map[string]bool{}
	for i, c := range nb.Cells {
		if c.ID == "" || ids[c.ID] {
			fault("cell %d has no id of its own: %q", i+1, c.ID)
		}
		ids[c.ID] = true
		if c.Kind == "code" && (c.Count != nil || len(c.Outputs) > 0) {
			fault("cell %d (%s) is committed with outputs", i+1, c.ID)
		}
		if len(c.Source) == 0 {
			fault("cell %d (%s) is empty", i+1, c.ID)
		}
	}
	if len(nb.Cells) == 0 || nb.Cells[0].Kind != "markdown" || len(nb.Cells[0].Source) == 0 || !strings.HasPrefix(nb.Cells[0].Source[0], "# ") {
		fault("the first cell is no title")
	}
	return list
}

// TestWhatIsSavedHereIsTheReaders saves what JupyterLab saves in a lesson's directory: only what is about to be committed
// is looked at.
func TestWhatIsSavedHereIsTheReaders(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "git %s: %v\n%s", args[0], err, out)
	}
	save := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	all := func() (list []string) {
		notebooks, ok := committed(t, dir)
		require.True(t, ok, "no notebooks")
		for _, text := range notebooks {
			list = append(list, faults(text)...)
		}
		return list
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	lesson, err := os.ReadFile("00-start.ipynb")
	require.NoError(t, err)
	clean := regexp.MustCompile(`"execution_count": \d+`).ReplaceAllString(string(lesson), `"execution_count": null`)
	clean = regexp.MustCompile(`(?s)"outputs": \[\n.*?\n   \]`).ReplaceAllString(clean, `"outputs": []`)
	git("init", "-q")
	save("00-start.ipynb", clean)
	git("add", ".")
	git("commit", "-q", "-m", "x")
	got := all()
	require.Empty(t, got, "a committed lesson: %q", got)
	ran := strings.Replace(clean, `"execution_count": null`, `"execution_count": 7`, 1)
	ran = strings.Replace(ran, `"outputs": []`, `"outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}]`, 1)
	save("00-start.ipynb", ran)
	save("Untitled.ipynb", `{"cells": [{"cell_type": "code", "source": "", "outputs": [], "metadata": {}}], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 4}`)
	save(".ipynb_checkpoints/00-start-checkpoint.ipynb", "not even JSON")
	save("00-start.executed.ipynb", ran)
	if got := all(); len(got) > 0 {
		t.Errorf("a lesson that was saved: %q", got)
	}
	git("add", "00-start.ipynb")
	if got := all(); len(got) != 1 || !strings.Contains(got[0], "is committed with outputs") {
		t.Errorf("a lesson with outputs that is about to be committed: %q", got)
	}
}

// execute runs a tutorial with a cache of its own for what its cells save, and returns the cells by id, and the page
// that readers get.
func execute(t *testing.T, notebook string) (map[string]nbrun.Cell, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("trains networks in the real kernel: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	result, err := nbrun.Run(ctx, nbrun.Options{
		Notebook: notebook,
		Output:   filepath.Join(dir, "executed.ipynb"),
		HTML:     page,
		Env:      []string{"QUIRE_CACHE=" + filepath.Join(dir, "cache")},
	})
	var failed *nbrun.CellError
	switch {
	case errors.As(err, &failed):
		t.Fatalf("%v\n%s", failed, strings.Join(failed.Details, "\n"))
	case err != nil && (result == nil || len(result.Cells) == 0):
		testenv.Missing(t, "kernel", err.Error())
	case err != nil:
		t.Fatal(err)
	}
	cells := map[string]nbrun.Cell{}
	for _, c := range result.Cells {
		cells[c.ID] = c
		assert.NotContains(t, c.Text(), "error: viz.", "cell %q shows an error in place of a view", c.ID) // a view that says how it was called wrongly fails no cell
	}
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	t.Logf("%s: %d cells in %.1f s", notebook, len(result.Cells), (result.Elapsed - result.Setup).Seconds())
	return cells, string(html)
}

// wants checks that the text of a cell's outputs has all the parts.
func wants(t *testing.T, cells map[string]nbrun.Cell, id string, parts ...string) {
	t.Helper()
	c, ok := cells[id]
	if !ok || !c.Ran {
		t.Errorf("there is no cell %q that ran", id)
		return
	}
	for _, part := range parts {
		assert.Contains(t, c.Text(), part, "cell %q does not show", id)
	}
}

// wantsPictures checks that the last view of a cell has so many pictures or more, and no script.
func wantsPictures(t *testing.T, cells map[string]nbrun.Cell, id string, n int) {
	t.Helper()
	html := cells[id].MIME("text/html")
	assert.GreaterOrEqual(t, strings.Count(html, `src="data:image/`), n, "cell %q shows", id)
	assert.NotContains(t, html, "<script", "the view of cell %q has a script", id)
}

// percent returns the number before " %" in what a cell claims.
func percent(t *testing.T, c nbrun.Cell, claim string) float64 {
	t.Helper()
	m := regexp.MustCompile(`✓ ` + claim + ` (\d+(?:\.\d+)?) %`).FindStringSubmatch(c.Text())
	require.NotNil(t, m, "there is no claim %q in:\n%s", claim, c.Text())
	v, err := strconv.ParseFloat(m[1], 64)
	require.NoError(t, err)
	return v
}

// scripts finds what a page would run.
var scripts = regexp.MustCompile(`(?i)<script|\son\w+\s*=\s*["']|javascript:`)

// static checks that a page needs no script and nothing from elsewhere.
func static(t *testing.T, page string) {
	t.Helper()
	assert.Empty(t, scripts.FindString(page), "the page has a script")
	found := regexp.MustCompile(`(?i)(src|href)="(https?:)?//[^"]*"`).FindString(page)
	assert.False(t, strings.HasPrefix(found, "src"), "the page loads from elsewhere: %s", found)
}

// TestStart runs 00-start. Its claims are checked in its cells; here is checked that readers see them.
func TestStart(t *testing.T) { start(t) }

// TestStartOnXLA runs the same notebook, unchanged and with the same claims, on the engine xla: backends.MustNew
// opens what QUIRE_BACKEND names or fails.
func TestStartOnXLA(t *testing.T) {
	if _, err := plugins.Find("cpu"); err != nil {
		testenv.Missing(t, "xla", err.Error())
	}
	t.Setenv("QUIRE_BACKEND", "xla:cpu")
	start(t)
}

func start(t *testing.T) {
	t.Helper()
	cells, page := execute(t, "00-start.ipynb")

	wants(t, cells, "next-again", "✓ now it is 44")
	wants(t, cells, "who", "answer  int   42", "next    int   44")
	wants(t, cells, "shapes", "hidden := graph.MatMul(x, w1)", "float32[32 128]")
	wants(t, cells, "drawing", "MatMul")
	wantsPictures(t, cells, "drawing", 1)
	wants(t, cells, "mistake-show", "return graph.MatMul(x, w)", "MatMul [32 64] · [10 64]: inner axes differ")
	wants(t, cells, "names-show", "float32[height=8 width=8]", `the names differ: "width" meets "height"`)
	wantsPictures(t, cells, "gradient-drawing", 1)
	wants(t, cells, "differences", "✓ both agree")
	wantsPictures(t, cells, "batch", 1)
	wants(t, cells, "summary", "layers.Dense", "/hidden", "19,210 parameters")

	if v := percent(t, cells["train-mlp"], "the MLP reads"); v < 96 {
		t.Errorf("the MLP reads %g %%, want 96", v)
	}
	cnn := percent(t, cells["train-cnn"], "the CNN reads")
	if cnn < 97.5 {
		t.Errorf("the CNN reads %g %%, want 97.5", cnn)
	}
	for _, id := range []string{"train-mlp", "train-cnn"} {
		wants(t, cells, id, "epoch", "train loss", "test acc")
		wantsPictures(t, cells, id, 2)
		assert.Contains(t, cells[id].MIME("text/html"), "<table", "cell %q shows no table of epochs", id)
	}
	wants(t, cells, "load-run", strconv.FormatFloat(cnn, 'f', 2, 64)+" % here")
	wants(t, cells, "confusion", "accuracy "+strconv.FormatFloat(cnn, 'f', 2, 64)+"%")
	wants(t, cells, "worst-show", "0 of 12 right")
	for _, id := range []string{"show-tensor", "confusion", "worst-show", "filters"} {
		wantsPictures(t, cells, id, 1)
	}
	static(t, page)
}

// TestMNIST runs 01-mnist, which needs the digits of MNIST, and checks as TestStart does.
func TestMNIST(t *testing.T) {
	testenv.Data(t, "mnist")
	cells, page := execute(t, "01-mnist.ipynb")

	if v := percent(t, cells["train-mlp"], "the MLP reads"); v < 95 {
		t.Errorf("the MLP reads %g %%, want 95", v)
	}
	if v := percent(t, cells["test"], "the CNN reads"); v < 98 {
		t.Errorf("the CNN reads %g %%, want 98", v)
	}
	for _, id := range []string{"train-mlp", "train-cnn"} {
		wantsPictures(t, cells, id, 2)
	}
	wants(t, cells, "stopped", "✓ stopped by an interrupt")
	wants(t, cells, "same", "bit for bit")
	for _, id := range []string{"look", "cnn-graph", "filters", "maps", "confusion", "worst-show"} {
		wantsPictures(t, cells, id, 1)
	}
	static(t, page)
}

// small are the notebooks of ../notebooks: what readers see in their cells, and the cells that show a picture.
var small = map[string]struct {
	says     map[string]string
	pictures []string
}{
	"calculator":  {map[string]string{"statistics": "✓ columns are centred", "mistakes": "In[5]:1: MatMul [3 4] · [3 4]: inner axes differ", "closer": "✓ three windows, one program", "learn": "✓ 300 steps, one compile", "flow": "✓ gradient descent came close", "memory": "the array was released at In[11]:7"}, []string{"learn"}},
	"curvature":   {map[string]string{"symmetric": "✓ H is symmetric", "after": "✓ Hv = λv", "walk": "✓ within 0.1"}, []string{"training", "walk"}},
	"per-example": {map[string]string{"run": "✓ their mean is the gradient of the batch", "find": "✓ of the 30 longest gradients"}, []string{"train", "find", "look"}},
	"neural-ode":  {map[string]string{"memory": "✓ storing every 20th step", "compare": "✓ over 400 steps", "unseen": "✓ it is off"}, []string{"train", "compare"}},
	"implicit":    {map[string]string{"agree": "✓ all three agree", "memory": "✓ through the loop it takes", "choose": "none of the curve is better"}, []string{"choose"}},
	"lstm":        {map[string]string{"train": "✓ the sonnet has 39 characters", "say-run": "Rough winds do shake"}, []string{"train"}},

	"shapes": {map[string]string{"train": "✓ the velocity is off by a square of", "walk-run": "step 25: what the pictures are taken to be", "judge": "painted shapes it reads", "reuse": "✓ a walk that was cancelled at step 3 makes no other one"}, []string{"show", "train", "walk-run", "judge", "nearest-run", "reuse"}},

	"three_executors": {map[string]string{"run": "✓ 294 by channels", "queue": "✓ one of two readers never gets it", "step": "✓ held before the last sum", "live": ": done; ", "training": "nodes computed a gradient", "bits": "✓ channels gives the same bits", "io": "✓ all 4 waited at once", "errors": "waits for files: the file is gone", "cost": "channels"}, []string{"step", "live", "training", "io"}},
}

// TestNotebooks runs ../notebooks, as many at a time as there are processors. Their claims are checked in their cells.
func TestNotebooks(t *testing.T) {
	found, err := filepath.Glob("../notebooks/*.ipynb")
	require.NoError(t, err)
	found = slices.DeleteFunc(found, func(path string) bool { return strings.HasSuffix(path, ".executed.ipynb") })
	require.Len(t, found, len(small))
	for _, path := range found {
		name := strings.TrimSuffix(filepath.Base(path), ".ipynb")
		want, ok := small[name]
		if !assert.True(t, ok, "nobody says what readers see in %s", path) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cells, page := execute(t, path)
			for id, part := range want.says {
				wants(t, cells, id, part)
			}
			for _, id := range want.pictures {
				wantsPictures(t, cells, id, 1)
			}
			static(t, page)
		})
	}
}
