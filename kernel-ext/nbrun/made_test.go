package nbrun

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeedsAndPinsOfANotebook(t *testing.T) {
	nb := notebook.New()
	for _, src := range []string{
		"%%\nstore.SetRNGStateFromSeed(42) // store.SetRNGStateFromSeed(1)\ns.SetRNGStateFromSeed(0x10)",
		"%require a.org/b@v1.0.0\n%%\nerr := store.SetRNGStateFromSeed(42)\nstore.SetRNGStateFromSeed(seed)\n_ = \"SetRNGStateFromSeed(3)\"",
		"%%script sh\n%require no.org/b@v1.0.0",
	} {
		nb.Cells = append(nb.Cells, &notebook.Cell{Kind: notebook.Code, Source: src})
	}
	nb.Cells = append(nb.Cells, &notebook.Cell{Kind: notebook.Markdown, Source: "%require no.org/b@v1.0.0\nSetRNGStateFromSeed(5)"})
	assert.Equal(t, []int64{16, 42}, seeds(nb))
	assert.Equal(t, []string{"a.org/b@v1.0.0"}, pins(nb))
}

func TestBackendOfAnEnvironment(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want string
	}{
		{nil, "go"}, {[]string{"A=b", "QUIRE_BACKEND="}, "go"}, {[]string{"QUIRE_BACKEND=xla:cpu"}, "xla:cpu"},
		{[]string{"QUIRE_BACKEND=xla:cpu", "QUIRE_BACKEND=go:workers=2"}, "go:workers=2"},
	} {
		assert.Equal(t, c.want, backendOf(c.env), "%v", c.env)
	}
}

// A run writes down with what it was made; another one says what is different, and refuses if it is locked.
func TestARunTellsWhatIsDifferent(t *testing.T) {
	needKernel(t)
	path := write(t, "%%\nfmt.Println(1)")
	_, err := Run(within(t, time.Minute), Options{Notebook: path, Locked: true})
	require.ErrorIs(t, err, ErrLocked)
	assert.ErrorContains(t, err, "it records nothing: save it once by quire run -inplace")

	result, err := Run(within(t, time.Minute), Options{Notebook: path, Output: path})
	require.NoError(t, err)
	nb, err := notebook.Read(path)
	require.NoError(t, err)
	recorded, ok := nb.Made()
	require.True(t, ok)
	assert.Equal(t, result.Made, recorded)
	assert.NotEmpty(t, recorded.GoNB)
	assert.NotEmpty(t, recorded.Machine.Tier)
	_, err = Run(within(t, time.Minute), Options{Notebook: path, Locked: true})
	require.NoError(t, err, "nothing is different")

	recorded.Quire = "v0.0.1"
	recorded.Machine.CPU = "another"
	require.NoError(t, nb.SetMade(recorded))
	require.NoError(t, nb.Write(path))
	var notes []string
	tell := func(e Event) {
		if e.Kind == Note {
			notes = append(notes, e.Text)
		}
	}
	result, err = Run(within(t, time.Minute), Options{Notebook: path, Progress: tell})
	require.NoError(t, err)
	assert.Equal(t, []string{"Quire: recorded with v0.0.1, now " + result.Made.Quire, "processor: recorded with another, now " + orNone(result.Made.Machine.CPU)}, notes)
	_, err = Run(within(t, time.Minute), Options{Notebook: path, Locked: true})
	require.ErrorIs(t, err, ErrLocked)
	assert.ErrorContains(t, err, "Quire: recorded with v0.0.1")
	assert.NotContains(t, err.Error(), "processor", "a processor of the same kind is no reason")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// needed is a module that the kernel itself is made of, so that the module cache has it.
const needed = "github.com/mattn/go-isatty@v0.0.20"

func TestRequiredModulesAreThere(t *testing.T) {
	needKernel(t)
	path := write(t,
		"%require "+needed+"\nimport \"github.com/mattn/go-isatty\"\n\n%%\nfmt.Println(isatty.IsTerminal(0))",
		"import \"github.com/quire-ml/quire/graph/dtypes\"\n\n%%\nfmt.Println(isatty.IsTerminal(0), dtypes.Float32)",
		"#raises-exception\n%%\n%require example.org/absent@v1.0.0",
		"#raises-exception\n!kill -KILL $(cut -d' ' -f4 /proc/$PPID/stat)",
		"%%\nfmt.Println(isatty.IsTerminal(0))")
	out := filepath.Join(filepath.Dir(path), "out.ipynb")
	result, err := Run(within(t, 2*time.Minute), Options{Notebook: path, Output: out})
	require.NoError(t, err)
	assert.Equal(t, "false\n", result.Cells[0].Text())
	assert.Equal(t, "false float32\n", result.Cells[1].Text())
	assert.Contains(t, result.Cells[2].Text(), "In[3]:2: %require example.org/absent@v1.0.0: the module cache lacks it")
	assert.Equal(t, "false\n", result.Cells[4].Text(), "after a new start of the kernel")
	assert.Equal(t, "v0.0.20", result.Made.Modules["github.com/mattn/go-isatty"])
}

// A renderer that a cell registers in a function init holds for later cells.
func TestARegisteredViewHoldsForLaterCells(t *testing.T) {
	needKernel(t)
	result, err := Run(within(t, 2*time.Minute), Options{Notebook: write(t,
		"import \"github.com/quire-ml/quire/viz\"\n\ntype Point struct{ X, Y int }\n\nfunc init() {\n\tviz.Register(func(p Point) viz.Bundle { return viz.Plain(fmt.Sprintf(\"(%d | %d)\", p.X, p.Y)) })\n}",
		"%%\nviz.Show(Point{1, 2})",
		"%%\nviz.Show([]any{Point{3, 4}}[0])")})
	require.NoError(t, err)
	assert.Equal(t, "(1 | 2)\n", result.Cells[1].Text())
	assert.Equal(t, "(3 | 4)\n", result.Cells[2].Text())
}
