//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/require"
)

// alive returns the processes that were started below a temporary directory, and are no zombies.
func alive(tmp string) (names []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range procs {
		if env, err := os.ReadFile(p); err == nil && strings.Contains(string(env), "TMPDIR="+tmp) {
			comm, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "comm"))
			names = append(names, strings.TrimSpace(string(comm)))
		}
	}
	return names
}

// TestNothingIsLeftWhoeverIsKilledFirst kills the launcher, gonb, the running cell, and the front end that started the
// launcher with signal 9, in all orders. Then no process and no directory is left.
func TestNothingIsLeftWhoeverIsKilledFirst(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	for _, order := range orders("front", "relay", "gonb", "cell") {
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			tmp, err := os.MkdirTemp("/tmp", "qc")
			require.NoError(t, err)
			defer os.RemoveAll(tmp)
			t.Setenv("TMPDIR", tmp)
			pids, c := running(t, ctx, tmp)
			defer c.Close()
			for _, who := range order {
				_ = syscall.Kill(pids[who], syscall.SIGKILL)
			}
			for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				scratch.Sweep() // as every start does
				left, _ := filepath.Glob(filepath.Join(tmp, "quire-run-*"))
				if len(left) == 0 && len(alive(tmp)) == 0 {
					return
				}
				require.False(t, time.Now().After(end), "left: %q, %q", left, alive(tmp))
			}
		})
	}
}

// orders returns all orders of names.
func orders(names ...string) (list [][]string) {
	if len(names) == 0 {
		return [][]string{nil}
	}
	for i := range names {
		rest := append(append([]string{}, names[:i]...), names[i+1:]...)
		for _, order := range orders(rest...) {
			list = append(list, append([]string{names[i]}, order...))
		}
	}
	return list
}

// running starts a kernel as a front end does, with a cell that runs and heeds no signal, and returns the processes.
func running(t *testing.T, ctx context.Context, tmp string) (pids map[string]int, c *kernel.Client) {
	t.Helper()
	conn := jupyter.Private(filepath.Join(tmp, "s"), "key")
	file := filepath.Join(tmp, "kernel-0123abcd-0000-4000-8000-000000000002.json")
	require.NoError(t, conn.Write(file))
	front := exec.Command("/bin/sh", "-c", `"$0" kernel start "$1" & echo $! >"$2"; wait`, os.Args[0], file, filepath.Join(tmp, "pid"))
	front.Env = append(os.Environ(), "QUIRE_TEST_MAIN=1", "QUIRE_GOPLS=off")
	require.NoError(t, front.Start())
	go func() { _ = front.Wait() }()
	var mu sync.Mutex
	printed, all := "", ""
	c, err := kernel.Connect(ctx, conn, nil, kernel.Handlers{IOPub: func(m jupyter.Message) {
		var s jupyter.Stream
		mu.Lock()
		defer mu.Unlock()
		all += m.Header.Type + string(m.Content) + "\n"
		if m.Header.Type == jupyter.StreamOutput && m.Decode(&s) == nil {
			printed += s.Text
		}
	}})
	require.NoError(t, err)
	_, err = c.Execute(jupyter.Execute{Code: "import (\"fmt\"; \"os\"; \"os/exec\"; \"os/signal\"; \"syscall\"; \"time\")\n!cut -d' ' -f4 /proc/$PPID/stat\n%%\nsignal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)\n" +
		"exec.Command(\"setsid\", \"sleep\", \"600\").Start()\nfmt.Println(os.Getpid())\ntime.Sleep(10*time.Minute)", StoreHistory: true})
	require.NoError(t, err)
	words := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Fields(printed)
	}
	heard := func() string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
	for end := time.Now().Add(time.Minute); len(words()) < 2; time.Sleep(5 * time.Millisecond) {
		require.False(t, time.Now().After(end), "the cell does not begin: %q, %q", words(), heard())
	}
	launcher, err := os.ReadFile(filepath.Join(tmp, "pid"))
	require.NoError(t, err)
	pids = map[string]int{"front": front.Process.Pid}
	for who, text := range map[string]string{"relay": string(launcher), "gonb": words()[0], "cell": words()[1]} {
		pids[who], err = strconv.Atoi(strings.TrimSpace(text))
		require.NoError(t, err)
	}
	return pids, c
}
