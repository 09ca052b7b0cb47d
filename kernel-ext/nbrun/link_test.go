package nbrun

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/require"
)

// linked are programs as those of cells are, in pairs: one without, and one with what the name says.
var linked = []struct{ name, without, with string }{
	{"carry", `package main

import "fmt"

func main() {
	x := 1
	fmt.Println(x)
}
`, `package main

import "fmt"
import carryʹ "github.com/quire-ml/quire/kernel-ext/carry"

func main() {
	carryʹ.Begin(1)
	defer carryʹ.End()
	var yʹ = new([]float64)
	carryʹ.In("y", yʹ)
	x := 1
	carryʹ.Hold("x", x)
	fmt.Println(x, *yʹ)
}
`},
	{"session", graphs, graphs},
	{"the place of an error", `package main

import "fmt"
import "log"

func main() {
	if _, err := fmt.Println(1); err != nil {
		log.Fatal(err)
	}
}
`, `package main

import "fmt"
import "log"
import fmtʹ "fmt"
import osʹ "os"
import debugʹ "runtime/debug"
import syscallʹ "syscall"

func stackʹ() {
	if osʹ.Getenv("QUIRE_JOB") == "" {
		syscallʹ.Write(2, fmtʹ.Appendf(nil, "%s", debugʹ.Stack()))
	}
}

func main() {
	if _, err := fmt.Println(1); err != nil {
		stackʹ()
		log.Fatal(err)
	}
}
`},
}

const graphs = `package main

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
)

func main() {
	fmt.Println(graph.CallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node { return graph.Sin(x) }, float32(1)))
}
`

// linker returns what links a program once more, and the seconds of processor time that this took. Files of the module in overlay have
// the text given there.
func linker(t testing.TB, program string, overlay map[string]string) (link func() float64) {
	t.Helper()
	module, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(file, []byte(program), 0o600))
	replace := map[string]string{}
	for path, text := range overlay {
		at := filepath.Join(dir, fmt.Sprintf("overlay%d.go", len(replace)))
		require.NoError(t, os.WriteFile(at, []byte(text), 0o600))
		replace[filepath.Join(module, path)] = at
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, text, 0o600))
	build := exec.Command("go", "build", "-x", "-work", "-overlay", list, "-o", filepath.Join(dir, "program"), file)
	build.Dir = module
	build.Env = append(os.Environ(), "GOFLAGS="+cells.BuildFlags, "CGO_ENABLED=0", "GOTMPDIR="+dir)
	said, err := build.CombinedOutput()
	require.NoError(t, err, "%s", said)
	work := regexp.MustCompile(`(?m)^WORK=(.*)$`).FindStringSubmatch(string(said))
	command := regexp.MustCompile(`(?m)^.*/link -o \$WORK.*$`).FindString(string(said))
	require.NotEmpty(t, command)
	require.NotNil(t, work)
	return func() float64 {
		c := exec.Command("/bin/sh", "-c", "exec env "+command)
		c.Dir, c.Env = module, append(os.Environ(), "WORK="+work[1])
		said, err := c.CombinedOutput()
		require.NoError(t, err, "%s", said)
		return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
	}
}

// withoutSession is package backends without the engine session.
var withoutSession = map[string]string{"backends/session.go": "package backends\n"}

// BenchmarkLink links programs as cells are, in turns without and with what each name says, and prints the least and the median CPU time of
// both in ms, and the difference of these:
//
//	go test ./kernel-ext/nbrun -run '^$' -bench 'Link$' -benchtime 40x
func BenchmarkLink(b *testing.B) {
	for _, c := range linked {
		b.Run(c.name, func(b *testing.B) {
			var without map[string]string
			if c.name == "session" {
				without = withoutSession
			}
			arms := []func() float64{linker(b, c.without, without), linker(b, c.with, nil)}
			times := make([][]float64, len(arms))
			for i, link := range arms {
				link()
				times[i] = nil
			}
			for b.Loop() {
				for i, link := range arms {
					times[i] = append(times[i], 1e3*link())
				}
			}
			for i := range times {
				slices.Sort(times[i])
			}
			least, median := func(i int) float64 { return times[i][0] }, func(i int) float64 { return times[i][len(times[i])/2] }
			b.ReportMetric(least(0), "ms/without")
			b.ReportMetric(least(1), "ms/with")
			b.ReportMetric(least(1)-least(0), "ms/more")
			b.ReportMetric(median(1)-median(0), "ms/median-more")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// Programs of cells link what they name: package carry where variables flow, the session with package backends alone, and neither brings an engine
// or what draws.
func TestWhatCellsLink(t *testing.T) {
	module, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	deps := func(program string) []string {
		file := filepath.Join(t.TempDir(), "main.go")
		require.NoError(t, os.WriteFile(file, []byte(program), 0o600))
		list := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", file)
		list.Dir = module
		said, err := list.Output()
		require.NoError(t, err)
		return slices.DeleteFunc(strings.Fields(string(said)), func(p string) bool { return !strings.HasPrefix(p, workspace.ModulePath+"/") })
	}
	only := func(names ...string) (list []string) {
		for _, n := range names {
			list = append(list, workspace.ModulePath+"/"+n)
		}
		return list
	}
	require.Empty(t, deps(linked[0].without))
	require.ElementsMatch(t, only("internal/bytesize", "internal/leave", "internal/showing", "kernel-ext/carry", "kernel-ext/carry/kinds"), deps(linked[0].with))
	require.Empty(t, deps(linked[2].with))
	for _, p := range deps(graphs) {
		for _, not := range []string{"viz", "ml/", "backends/xla", "backends/session/internal/serve", "kernel-ext/"} {
			require.False(t, strings.HasPrefix(p, workspace.ModulePath+"/"+not), p)
		}
	}
}
