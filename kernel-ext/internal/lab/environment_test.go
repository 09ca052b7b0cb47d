package lab

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/safefile"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// world is a machine without JupyterLab whose python3 makes environments, and whose pip "installs" a jupyter-lab. The
// variables FAIL and HANG name steps (venv, pip, probe) that fail or never end; with REACHED=file a step that hangs says so.
func world(t *testing.T) Options {
	t.Helper()
	needShell(t)
	bin := t.TempDir()
	t.Setenv("QUIRE_JUPYTER", "")
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	for _, name := range []string{"FAIL", "HANG", "REACHED", "NEAR", "JUPYTER_PATH"} {
		t.Setenv(name, "")
	}
	t.Setenv("JUPYTER_DATA_DIR", t.TempDir())
	const step = `step() {
case " $FAIL " in *" $1 "*) echo "$1 has failed" >&2; exit 1;; esac
case " $HANG " in *" $1 "*) touch "$REACHED"; exec sleep 300;; esac
}
`
	script(t, bin, "python3", step+`[ "$2" = venv ] || exit 1
step venv
mkdir -p "$3/bin"; cat > "$3/bin/python" <<'X'
#!/bin/sh
`+step+`step pip
case "$*" in *ipywidgets*) step ipywidgets;; esac
case "$*" in *"jupyterlab=="*) [ -z "$NEAR" ] || { echo "no such version" >&2; exit 1; };; esac
case "$*" in *ipywidgets*)
	ext="${0%/*}/../share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager"
	mkdir -p "$ext"; echo "$*" > "$ext/package.json";;
esac
case "$*" in *jupyterlab*) ;; *) exit 0;; esac
echo "Installing collected packages: x"
cat > "${0%/*}/jupyter-lab" <<'Y'
#!/bin/sh
`+step+`step probe
echo 4.6.9
Y
chmod +x "${0%/*}/jupyter-lab"
X
chmod +x "$3/bin/python"
`)
	return Options{Cache: t.TempDir(), Setup: true, Python: "python3"}
}

func TestSetupMakesAnEnvironmentOrSaysWhyNot(t *testing.T) {
	opts := world(t)
	var notes []string
	opts.Note = func(s string) { notes = append(notes, s) }
	t.Setenv("FAIL", "pip")
	if _, err := Find(context.Background(), opts); err == nil || !strings.Contains(err.Error(), "installing JupyterLab: ") || !strings.Contains(err.Error(), "pip has failed") {
		t.Errorf("a broken network: %v", err)
	}
	left, _ := os.ReadDir(opts.Cache)
	assert.Empty(t, left, "half an environment is left: %v", left)
	t.Setenv("FAIL", "")
	t.Setenv("NEAR", "yes")
	j, err := Find(context.Background(), opts)
	require.NoError(t, err, "%+v", j)
	require.Equal(t, "4.6.9", j.Version, "%+v", j)
	all := strings.Join(notes, "\n")
	require.Contains(t, all, "setting up JupyterLab "+Version, "notes")
	assert.Contains(t, all, "trying a version near it", "notes")
	notes = nil
	if again, err := Find(context.Background(), opts); err != nil || !slices.Equal(again.Command, j.Command) || len(notes) > 0 {
		t.Errorf("the second time: %+v, %v, %q", again, err, notes)
	}
}

// Controls move at once in a JupyterLab that quire set up: it has ipywidgets, also one that an earlier quire made without. Where the
// index cannot be reached or lacks it, JupyterLab starts all the same, and a note says what to do.
func TestJupyterLabHasWidgets(t *testing.T) {
	opts := world(t)
	var notes []string
	opts.Note = func(s string) { notes = append(notes, s) }
	for _, c := range []struct {
		name, near, fail string
		old              bool // there is an environment, without ipywidgets
		has              bool
		note             string
	}{
		{"a new one", "", "", false, true, "setting up JupyterLab"},
		{"a new one of another version", "yes", "", false, true, "trying a version near it"},
		{"an index without ipywidgets", "", "ipywidgets", false, false, "-m pip install ipywidgets==" + Widgets},
		{"one that is there", "", "", true, true, ""},
		{"one that is there, offline", "", "pip", true, false, "controls (viz.Interact) show their first values and do not move: when the package index can be reached, "},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, left := range names(opts.Cache) {
				require.NoError(t, os.RemoveAll(filepath.Join(opts.Cache, left)))
			}
			notes = nil
			t.Setenv("FAIL", "")
			t.Setenv("NEAR", c.near)
			if c.old {
				j, err := Find(context.Background(), opts)
				require.NoError(t, err)
				require.NoError(t, os.RemoveAll(filepath.Join(filepath.Dir(filepath.Dir(j.Command[0])), "share")))
				require.False(t, j.HasWidgets())
				notes = nil
			}
			t.Setenv("FAIL", c.fail)
			j, err := Find(context.Background(), opts)
			require.NoError(t, err)
			assert.Equal(t, c.has, j.HasWidgets())
			assert.Contains(t, strings.Join(notes, "\n"), c.note)
			if c.near == "" {
				assert.NotContains(t, strings.Join(notes, "\n"), "trying a version near it")
			}
			if c.note == "" {
				assert.Empty(t, notes)
			}
		})
	}
}

// TestNothingThatWorksIsRemoved goes through what a probe of an installation may do, and where the way to another one may
// end. The installation is there afterwards, unless another one is, which works.
func TestNothingThatWorksIsRemoved(t *testing.T) {
	opts := world(t)
	defer func(old time.Duration) { probeTime = old }(probeTime)
	const works, never = "echo 4.6.6", "exit 1"
	for _, probe := range []struct{ name, script string }{
		{"works", works},
		{"fails once", `[ -e "$0.tried" ] || { touch "$0.tried"; exit 1; }; ` + works},
		{"always fails", `echo "No module named jupyterlab" >&2; ` + never},
		{"is killed", "kill -9 $$"},
		{"takes too long", "exec sleep 300"},
		{"says nothing", "exit 0"},
	} {
		for _, marked := range []bool{true, false} {
			for _, way := range []struct{ name, fail, hang string }{
				{"online", "", ""}, {"offline", "pip", ""}, {"no venv", "venv", ""}, {"a new one that does not work", "probe", ""},
				{"interrupted at venv", "", "venv"}, {"interrupted at pip", "", "pip"}, {"interrupted at probe", "", "probe"},
			} {
				name := probe.name + ", " + way.name
				dir := filepath.Join(opts.Cache, envPrefix+Version)
				if marked {
					dir += "-1"
					name += ", marked"
				}
				t.Run(name, func(t *testing.T) {
					for _, left := range names(opts.Cache) {
						require.NoError(t, os.RemoveAll(filepath.Join(opts.Cache, left)))
					}
					exe := script(t, filepath.Join(dir, "bin"), "jupyter-lab", probe.script)
					if marked {
						require.NoError(t, writeMark(dir, "4.6.6"))
					}
					reached := filepath.Join(t.TempDir(), "reached")
					t.Setenv("FAIL", way.fail)
					t.Setenv("HANG", way.hang)
					t.Setenv("REACHED", reached)
					probeTime = 30 * time.Second
					if probe.name == "takes too long" {
						probeTime = 50 * time.Millisecond
					}
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					go func() { // Ctrl-C when the step has been reached
						for ctx.Err() == nil {
							if _, err := os.Stat(reached); err == nil {
								cancel()
							}
							time.Sleep(2 * time.Millisecond)
						}
					}()
					j, err := Find(ctx, opts)
					_, gone := os.Stat(exe)
					good := probe.name == "works" || probe.name == "fails once" || probe.name == "takes too long"
					switch {
					case good:
						if err != nil || gone != nil || j.Command[0] != exe {
							t.Errorf("it is not used: %+v, %v; %v", j, err, gone)
						}
					case way.name == "online":
						if err != nil || j.Version != "4.6.9" || gone == nil {
							t.Errorf("no new one: %+v, %v; the old one: %v", j, err, gone)
						}
					default:
						assert.NoError(t, gone, "the old one was removed, and there is no new one: %v", err)
						if way.hang == "" && marked && (err != nil || j.Command[0] != exe) {
							t.Errorf("one that was complete is not even tried: %+v, %v", j, err)
						}
						if !marked && err == nil {
							t.Error("no error")
						}
					}
					assert.Len(t, names(opts.Cache), 1, "in the cache are %q", names(opts.Cache))
				})
			}
		}
	}
}

// names returns the environments in the cache.
func names(cache string) (list []string) {
	entries, _ := os.ReadDir(cache)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestWhatAKilledSetupLeftIsNoInstallation: it is not used, and removed by the next one; what is being made is waited for.
func TestWhatAKilledSetupLeftIsNoInstallation(t *testing.T) {
	opts := world(t)
	half := filepath.Join(opts.Cache, envPrefix+Version+"-7")
	script(t, filepath.Join(half, "bin"), "jupyter-lab", "echo 4.6.6")
	lock, err := safefile.TryLock(filepath.Join(opts.Cache, ".jupyter.lock"), 0o644)
	require.NoError(t, err)
	_, err = Find(context.Background(), Options{Cache: opts.Cache})
	assert.ErrorIs(t, err, ErrNone, "half an environment is used")
	opts.Note = func(s string) {
		if strings.Contains(s, "waiting for it") {
			lock.Unlock()
		}
	}
	j, err := Find(context.Background(), opts)
	require.NoError(t, err, "%+v", j)
	assert.Equal(t, "4.6.9", j.Version, "%+v", j)
	_, err = os.Stat(half)
	assert.True(t, os.IsNotExist(err), "half an environment stays: %v", err)
}

// TestAMarkThatIsNone: a link, a pipe or a directory marks nothing, and nobody waits for it.
func TestAMarkThatIsNone(t *testing.T) {
	opts := world(t)
	for name, put := range marks {
		dir := filepath.Join(opts.Cache, envPrefix+Version+"-"+name)
		script(t, filepath.Join(dir, "bin"), "jupyter-lab", "echo 4.6.6")
		require.NoError(t, put(filepath.Join(dir, mark)))
	}
	got := environments(opts.Cache)
	assert.Empty(t, got, "complete are %q", got)
}

var marks = map[string]func(path string) error{
	"link":      func(path string) error { return os.Symlink("/dev/zero", path) },
	"directory": func(path string) error { return os.Mkdir(path, 0o755) },
}
