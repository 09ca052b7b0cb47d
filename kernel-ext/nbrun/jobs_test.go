package nbrun

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/jobs"
	"github.com/quire-ml/quire/kernel-ext/keep"
)

// outside gives the cells, and this test, folders of their own.
func outside(t *testing.T) (env []string) {
	t.Helper()
	for _, name := range []string{keep.DirEnv, jobs.DirEnv} {
		dir := filepath.Join(t.TempDir(), "d")
		t.Setenv(name, dir)
		env = append(env, name+"="+dir)
	}
	return env
}

// What one kernel kept the next one has; what made it and has changed is made again, whatever else the cells are.
func TestKeptValuesOutliveTheKernel(t *testing.T) {
	needKernel(t)
	env := outside(t)
	const imports = "import \"github.com/quire-ml/quire/kernel-ext/keep\"\n\n"
	const load = "func load() ([]int, error) {\n\tfmt.Println(\"loading\")\n\treturn []int{1, 2}, nil\n}"
	const use = "%%\nv, err := keep.Once(\"numbers\", load)\nfmt.Println(v, err)"
	for _, c := range []struct {
		name  string
		cells []string
		want  string
	}{
		{"the first kernel", []string{imports + load, use, use}, "loading\n[1 2] <nil>\n[1 2] <nil>\n"},
		{"the second kernel, other cells", []string{imports + load + "\n\nfunc other() {}", "%%\nother()\nfmt.Println(7)", use}, "7\n[1 2] <nil>\n"},
		{"an edited function", []string{imports + strings.Replace(load, "2}", "3}", 1), use}, "keep: \"numbers\" is made again: func load has changed\nloading\n[1 3] <nil>\n"},
	} {
		result, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t, c.cells...), Env: env})
		require.NoError(t, err, c.name)
		var said strings.Builder
		for _, cell := range result.Cells {
			said.WriteString(cell.Text())
		}
		assert.Equal(t, c.want, said.String(), c.name)
	}
}

// %keep says which kept values the next run of their cells would make again, and why; %jobs says what has ended, and how.
func TestCommandsSayWhatIsStaleAndWhatDied(t *testing.T) {
	needKernel(t)
	env := outside(t)
	const load = "func load() (*tensors.Tensor, error) { // its package is imported by no cell\n\treturn tensors.FromValue([]float32{1, 2}), nil\n}"
	result, err := Run(within(t, 4*time.Minute), Options{Env: env, Notebook: write(t,
		"import (\n\t\"github.com/quire-ml/quire/kernel-ext/jobs\"\n\t\"github.com/quire-ml/quire/kernel-ext/keep\"\n)\n\nvar scale = 2\n\nfunc scaled() (int, error) { return 10 * scale, nil }",
		load,
		"a, err := keep.Once(\"named\", load)\nb, err := keep.Once(\"literal\", func() (string, error) {\n\tx, err := load()\n\treturn strings.ToUpper(x.Shape().String()), err\n})\nc, err := keep.Once(\"given\", scaled, keep.On(scale))\nerr = keep.Put(\"by hand\", 7)\nfmt.Println(a != nil, b, c, err)",
		"fmt.Println(1)",
		"%keep",
		strings.Replace(load, "2}", "3}", 1),
		"%keep",
		"var m map[string]int\nj, err := jobs.Start(\"dies\", func(w *jobs.Work) error {\n\tfmt.Println(\"last words\")\n\tm[\"a\"] = 1\n\treturn nil\n})\nfmt.Println(err)\n_ = j.Wait()",
		"_, err = jobs.Start(\"stopped\", func(w *jobs.Work) error {\n\t<-w.Context().Done()\n\treturn nil\n})\nfmt.Println(err, jobs.Stop(\"stopped\"))",
		"%jobs",
	)})
	require.NoError(t, err)
	assert.Equal(t, "true FLOAT32[2] 20 <nil>\n", result.Cells[2].Text())
	require.NotContains(t, result.Cells[4].Text(), "stale", "nothing has changed")
	text := result.Cells[6].Text()
	for _, name := range []string{"named", "literal"} {
		assert.Regexp(t, "(?m)^"+name+" .* stale: func load has changed$", text)
	}
	for _, name := range []string{"given", "by hand"} {
		assert.Regexp(t, "(?m)^"+name+" .*\\d s$", text, "what it was made of is as it was")
	}
	text = result.Cells[9].Text()
	assert.Regexp(t, "(?m)^dies .* failed: it ended with exit status 2: panic: assignment to entry in nil map .* last words$", text)
	assert.Regexp(t, "(?m)^stopped +stopped: jobs\\.Stop ", text)
}

// A job outlives its cell and the program of the cell that is written over, has the variables of earlier cells, is shown in a later one, and ends
// with the run; its log remains.
func TestJobsOfANotebook(t *testing.T) {
	needKernel(t)
	env := outside(t)
	mark := filepath.Join(t.TempDir(), "go on")
	result, err := Run(within(t, 3*time.Minute), Options{Env: env, Notebook: write(t,
		"import (\n\t\"github.com/quire-ml/quire/kernel-ext/jobs\"\n\t\"github.com/quire-ml/quire/kernel-ext/keep\"\n)\n\nfunc load() (int, error) {\n\tfmt.Println(\"loading\")\n\treturn 5, nil\n}",
		"%%\nepochs := 3\nfmt.Println(\"set\")",
		"%%\nepochs++\nj, err := jobs.Start(\"quick\", func(w *jobs.Work) error {\n\tfor {\n\t\tif _, err := os.Stat("+quoted(mark)+"); err == nil {\n\t\t\tbreak\n\t\t}\n\t\ttime.Sleep(10 * time.Millisecond)\n\t}\n\tv, err := keep.Once(\"five\", load)\n\tfmt.Println(\"epochs\", epochs, v, err)\n\tvar m map[string]int\n\tm[\"x\"] = 1\n\treturn nil\n})\nfmt.Println(j.Name(), err)",
		"%%\nfmt.Println(\"another cell\", epochs)\n_ = os.WriteFile("+quoted(mark)+", nil, 0o600)\nj, err := jobs.Attach(\"quick\")\nfmt.Println(err, j.Err())\nv, err := keep.Once(\"five\", load)\nfmt.Println(v, err)",
		"%%\n_, err := jobs.Start(\"long\", func(w *jobs.Work) error {\n\t<-w.Context().Done()\n\treturn nil\n})\nfmt.Println(err)",
	)})
	require.NoError(t, err)
	assert.Equal(t, "quick <nil>\n", result.Cells[2].Text())
	text := result.Cells[3].Text()
	assert.Contains(t, text, "another cell 4\n")
	for _, said := range []string{"loading\n", "epochs 4 5 <nil>\n"} { // its panic may come between them: that is printed elsewhere
		assert.Contains(t, text, said, "the job has what the cell had, and changes nothing for later ones")
	}
	assert.Contains(t, text, `<nil> job "quick": it ended with exit status 2: panic: assignment to entry in nil map`)
	assert.True(t, strings.HasSuffix(text, "\n5 <nil>\n"), "the cell of the job is known, though another one stands in its place: %s", text)
	assert.Equal(t, 1, strings.Count(text, "loading"))
	assert.Contains(t, text, "In[3]:13", "the place in the cell that started it")
	assert.Equal(t, "<nil>\n", result.Cells[4].Text())
	assert.ErrorContains(t, jobs.Wait("long"), "stopped: the notebook server has ended")
	for end := time.Now().Add(time.Minute); carriers(os.Getenv(jobs.DirEnv)) > 0; time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "processes of jobs remain")
	}
}

func quoted(s string) string { return `"` + s + `"` }

// carriers counts the processes of jobs below a folder, on Linux.
func carriers(dir string) (n int) {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range procs {
		if env, err := os.ReadFile(path); err == nil && strings.Contains("\x00"+string(env), "\x00QUIRE_JOB="+dir) {
			n++
		}
	}
	return n
}
