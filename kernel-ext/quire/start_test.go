package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// instead is what this test binary is for tests that start it with a variable of that name: the quire command, say.
var instead = map[string]func(){"QUIRE_TEST_MAIN": main}

func TestMain(m *testing.M) {
	for name, be := range instead {
		if os.Getenv(name) != "" {
			be()
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// TestKernelStartServesAFrontEnd starts the kernel as Jupyter does, from a connection file, runs cells
// over its sockets, and ends it in the two ways in which front ends do: by request, and by SIGKILL.
func TestKernelStartServesAFrontEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	for _, how := range []string{"a request", "SIGKILL"} {
		t.Run("ended by "+how, func(t *testing.T) {
			tmp, err := os.MkdirTemp("", "qs")
			require.NoError(t, err)
			defer os.RemoveAll(tmp)
			conn := jupyter.Private(filepath.Join(tmp, "s"), "key")
			file := filepath.Join(tmp, "kernel-0123abcd-0000-4000-8000-000000000000.json")
			require.NoError(t, conn.Write(file))
			cmd := exec.Command(os.Args[0], "kernel", "start", file)
			cmd.Env = append(os.Environ(), "QUIRE_TEST_MAIN=1", "QUIRE_GOPLS=off", "TMPDIR="+tmp)
			var said bytes.Buffer
			cmd.Stderr = &said
			require.NoError(t, cmd.Start())
			gone := make(chan struct{})
			go func() { _ = cmd.Wait(); close(gone) }()
			var printed strings.Builder
			c, err := kernel.Connect(ctx, conn, gone, kernel.Handlers{IOPub: func(m jupyter.Message) {
				var s jupyter.Stream
				if m.Header.Type == jupyter.StreamOutput && m.Decode(&s) == nil {
					printed.WriteString(s.Text)
				}
			}})
			require.NoError(t, err, "%v: %s", err, said.String())
			defer c.Close()
			reply, err := c.Run(ctx, jupyter.Execute{Code: "%%\nfmt.Println(os.Getenv(\"GONB_JUPYTER_KERNEL_ID\"), os.Getenv(\"GOPROXY\"))", StoreHistory: true})
			require.NoError(t, err, "%+v", reply)
			assert.Equal(t, "ok", reply.Status, "%+v", reply)
			assert.Equal(t, "0123abcd-0000-4000-8000-000000000000 off\n", printed.String(), "%+v", reply)
			if how == "SIGKILL" {
				_ = cmd.Process.Kill()
			} else if err := c.Shutdown(); err != nil {
				t.Error(err)
			}
			select {
			case <-gone:
			case <-time.After(time.Minute):
				t.Fatal("kernel start does not end")
			}
			left := func() []string {
				list, _ := filepath.Glob(filepath.Join(tmp, "quire-run-*"))
				return list
			}
			for end := time.Now().Add(time.Minute); len(left()) > 0 && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			list := left()
			assert.Empty(t, list, "left: %q", list)
		})
	}
}

// TestAKernelThatDiedComesBack ends gonb twice, by a cell and between cells: front ends stay connected, the kernel knows
// what was declared, and people read what happened.
func TestAKernelThatDiedComesBack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("asks /proc for the kernel")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	tmp, err := os.MkdirTemp("", "qs")
	require.NoError(t, err)
	defer os.RemoveAll(tmp)
	conn := jupyter.Private(filepath.Join(tmp, "s"), "key")
	file := filepath.Join(tmp, "kernel-0123abcd-0000-4000-8000-000000000001.json")
	require.NoError(t, conn.Write(file))
	cmd := exec.Command(os.Args[0], "kernel", "start", file)
	cmd.Env = append(os.Environ(), "QUIRE_TEST_MAIN=1", "QUIRE_GOPLS=off", "TMPDIR="+tmp)
	var said bytes.Buffer
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	printed := map[string]string{}
	c, err := kernel.Connect(ctx, conn, nil, kernel.Handlers{IOPub: func(m jupyter.Message) {
		var s jupyter.Stream
		if m.Header.Type == jupyter.StreamOutput && m.Decode(&s) == nil {
			printed[s.Name] += s.Text
		}
	}})
	require.NoError(t, err)
	defer c.Close()
	run := func(code string) jupyter.Reply {
		clear(printed)
		reply, err := c.Run(ctx, jupyter.Execute{Code: code, StoreHistory: true})
		require.NoError(t, err)
		return reply
	}
	for _, code := range []string{"func f() int { return 7 }", "func g() int { return f() }"} {
		require.Equal(t, "ok", run(code).Status, code)
	}
	const killed = "the kernel (gonb) ended: signal: killed: another one has its place, with the declarations of earlier cells"
	reply := run("%%bash\nkill -KILL $(cut -d' ' -f4 /proc/$PPID/stat)")
	require.Equal(t, "error", reply.Status)
	require.Contains(t, reply.EValue, killed)
	reply = run("%%\nfmt.Println(g())")
	require.Equal(t, "ok", reply.Status, "%+v", reply)
	require.Equal(t, map[string]string{"stdout": "7\n"}, printed)
	require.Equal(t, 4, reply.ExecutionCount)
	require.Equal(t, "ok", run("%%bash\ncut -d' ' -f4 /proc/$PPID/stat").Status)
	pid, err := strconv.Atoi(strings.TrimSpace(printed["stdout"]))
	require.NoError(t, err)
	gonb, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, gonb.Kill())
	reply = run("%%\nfmt.Println(g())")
	require.Contains(t, reply.EValue+printed["stderr"], killed) // whether the cell was there first or not
	require.Equal(t, "ok", run("%%\nfmt.Println(g())").Status)
	require.Equal(t, "7\n", printed["stdout"])
	require.NoError(t, c.Shutdown())
	err = <-ended
	require.NoError(t, err, "%v: %s", err, said.String())
}
