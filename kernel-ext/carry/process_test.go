package carry_test

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

const endEnv = "CARRY_TEST_END"

// ends are the ways in which a cell may end behind a change of the large variable s.
var ends = map[string]func(){
	"as usual":          func() {},
	"panic":             func() { panic("x") },
	"nil pointer":       func() { var p *point; p.x = 1 },
	"os.Exit":           func() { carry.End(); os.Exit(3) }, // as the relay writes it
	"log.Fatal":         func() { carry.End(); log.Fatal("x") },
	"os.Exit elsewhere": func() { os.Exit(3) }, // in a library: nothing can be put before it
	"panic elsewhere":   func() { done := make(chan bool); go func() { panic("x") }(); <-done },
	"deep recursion":    func() { var f func(int) int; f = func(n int) int { return f(n+1) + 1 }; f(0) },
}

// TestEnd is a cell that ends in some way, in a process that TestHoweverACellEnds starts.
func TestEnd(t *testing.T) {
	end := ends[os.Getenv(endEnv)]
	if end == nil {
		t.Skip("only as a process of another test")
	}
	carry.Begin(1)
	defer carry.End()
	n, s := 1, slices.Clone(long)
	carry.Out("n", &n)
	carry.Out("s", &s)
	n, s[150_000] = 2, -1
	end()
}

func TestHoweverACellEndsItLeavesWhatItHad(t *testing.T) {
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range ends {
			if !yield(name) {
				return
			}
		}
	}) {
		t.Run(name, func(t *testing.T) {
			dir := private(t)
			c := exec.Command(os.Args[0], "-test.run=^TestEnd$")
			c.Env = append(os.Environ(), carry.DirEnv+"="+dir, endEnv+"="+name)
			out, err := c.CombinedOutput()
			assert.Equal(t, name == "as usual", err == nil, "%.500s", out)
			t.Setenv(carry.DirEnv, dir)
			carry.Fresh(2)
			var n int
			var s []float64
			carry.In("n", &n)
			carry.In("s", &s)
			require.Len(t, s, len(long))
			if strings.Contains(name, "elsewhere") || name == "deep recursion" {
				assert.Equal(t, 1, n, "as it was declared")
				assert.Equal(t, long[150_000], s[150_000])
				return
			}
			assert.Equal(t, 2, n)
			assert.Equal(t, -1.0, s[150_000])
		})
	}
}

// TestCount is a cell that counts, again and again.
func TestCount(t *testing.T) {
	if os.Getenv(endEnv) != "count" {
		t.Skip("only as a process of another test")
	}
	for i := range 60 {
		carry.Fresh(i)
		var s []int
		carry.In("s", &s)
		for j, first := 0, s[0]; j < len(s); j++ {
			if s[j] != first {
				t.Fatalf("half of %d and half of %d", first, s[j])
			}
			s[j]++
		}
		carry.End()
	}
}

// Kernels have folders of their own and see nothing of each other; processes of one kernel never read half a value, and lose no file, also
// while variables are spilled.
func TestKernelsAndProcessesAtOnce(t *testing.T) {
	for _, c := range []struct {
		name    string
		kernels int
		quota   string
	}{{"two kernels", 2, ""}, {"one kernel", 1, ""}, {"one kernel that spills", 1, "250000"}} {
		t.Run(c.name, func(t *testing.T) {
			var running []*exec.Cmd
			var dirs []string
			for range c.kernels {
				dirs = append(dirs, private(t))
			}
			spill := private(t)
			for i := range 2 {
				dir := dirs[i%len(dirs)]
				env := append(os.Environ(), carry.DirEnv+"="+dir, endEnv+"=count", carry.QuotaEnv+"="+c.quota, carry.SpillEnv+"="+spill)
				if c.kernels > 1 {
					env = append(env, carry.SpillEnv+"=")
				}
				t.Setenv(carry.DirEnv, dir)
				carry.Fresh(0)
				s := make([]int, 20_000)
				carry.Out("s", &s)
				other := make([]int, 20_000)
				carry.Out("other", &other)
				p := exec.Command(os.Args[0], "-test.run=^TestCount$")
				p.Env = env
				out := &strings.Builder{}
				p.Stdout, p.Stderr = out, out
				require.NoError(t, p.Start())
				t.Cleanup(func() { p.Process.Kill() })
				running = append(running, p)
			}
			for _, p := range running {
				assert.NoError(t, p.Wait(), "%s", p.Stdout)
			}
			for _, dir := range dirs {
				t.Setenv(carry.DirEnv, dir)
				t.Setenv(carry.SpillEnv, spill)
				carry.Fresh(0)
				var s []int
				carry.In("s", &s)
				if c.kernels > 1 {
					assert.Equal(t, 60, s[0])
				}
			}
		})
	}
}

// TestRead reads what another user has.
func TestRead(t *testing.T) {
	dir := os.Getenv("CARRY_TEST_READ")
	if dir == "" {
		t.Skip("only as a process of another test")
	}
	_, err1 := os.ReadDir(dir)
	_, err2 := os.ReadFile(filepath.Join(dir, "x"))
	err3 := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600)
	err4 := os.Rename(dir, dir+".mine")
	fmt.Println(os.IsPermission(err1), os.IsPermission(err2), os.IsPermission(err3), os.IsPermission(err4))
}
