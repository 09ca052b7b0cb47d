//go:build unix

package nbrun

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/carry/place"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"

	"github.com/stretchr/testify/require"
)

// TestTheNextStartSweepsWhatKilledRunsLeft kills runs at random moments from their first milliseconds to the end, every
// second one together with its watchdogs; then a start leaves no directory and no process. QUIRE_TEST_KILLS=n makes n rounds.
func TestTheNextStartSweepsWhatKilledRunsLeft(t *testing.T) {
	needKernel(t)
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("this system does not show the environment of processes")
	}
	tmp, err := os.MkdirTemp("/tmp", "qk")
	require.NoError(t, err)
	defer os.RemoveAll(tmp)
	path := write(t, "import \"github.com/quire-ml/quire/graph\"", "%%\nfmt.Println(graph.Version)", "%%\ntime.Sleep(time.Minute)")
	t.Setenv("TMPDIR", tmp)
	rounds, seed := 8, uint64(time.Now().UnixNano())
	if n := os.Getenv("QUIRE_TEST_KILLS"); n != "" {
		fmt.Sscan(n, &rounds)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "QUIRE_TEST_RUN="+path)
		require.NoError(t, cmd.Start())
		span := 60 * time.Millisecond // where directories are made
		if i%2 == 1 {
			span = 2500 * time.Millisecond // where the kernel starts and cells run
		}
		time.Sleep(time.Duration(random.Int64N(int64(span))))
		if i%4 < 2 {
			for _, pid := range guards(tmp) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	var left []os.DirEntry
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		place.Sweep(tmp)
		scratch.Sweep() // as every start does; watchdogs may still be at work, so once is not enough
		if left, _ = os.ReadDir(tmp); len(left) == 0 && len(holders(t, tmp)) == 0 {
			return
		}
	}
	t.Errorf("seed %d: left %v and %v", seed, left, holders(t, tmp))
}

// guards returns the watchdogs of runs whose temporary directory is tmp.
func guards(tmp string) (pids []int) {
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range procs {
		line, _ := os.ReadFile(p)
		env, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "environ"))
		var pid int
		if bytes.Contains(line, []byte("quire-watchdog")) && strings.Contains(string(env), tmp) {
			fmt.Sscan(filepath.Base(filepath.Dir(p)), &pid)
			pids = append(pids, pid)
		}
	}
	return pids
}
