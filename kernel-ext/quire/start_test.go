package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// TestMain lets this test binary be the quire command.
func TestMain(m *testing.M) {
	if os.Getenv("QUIRE_TEST_MAIN") != "" {
		main()
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
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(tmp)
			conn := jupyter.Private(filepath.Join(tmp, "s"), "key")
			file := filepath.Join(tmp, "kernel-0123abcd-0000-4000-8000-000000000000.json")
			if err := conn.Write(file); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(os.Args[0], "kernel", "start", file)
			cmd.Env = append(os.Environ(), "QUIRE_TEST_MAIN=1", "QUIRE_GOPLS=off", "TMPDIR="+tmp)
			var said bytes.Buffer
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			gone := make(chan struct{})
			go func() { _ = cmd.Wait(); close(gone) }()
			var printed strings.Builder
			c, err := kernel.Connect(ctx, conn, gone, kernel.Handlers{IOPub: func(m jupyter.Message) {
				var s jupyter.Stream
				if m.Header.Type == jupyter.StreamOutput && m.Decode(&s) == nil {
					printed.WriteString(s.Text)
				}
			}})
			if err != nil {
				t.Fatalf("%v: %s", err, said.String())
			}
			defer c.Close()
			reply, err := c.Run(ctx, jupyter.Execute{Code: "%%\nfmt.Println(os.Getenv(\"GONB_JUPYTER_KERNEL_ID\"), os.Getenv(\"GOPROXY\"))", StoreHistory: true})
			if want := "0123abcd-0000-4000-8000-000000000000 off\n"; err != nil || reply.Status != "ok" || printed.String() != want {
				t.Errorf("%+v, %v, printed %q, want %q", reply, err, printed.String(), want)
			}
			if how == "SIGKILL" {
				_ = cmd.Process.Kill()
			} else if err := c.Shutdown(); err != nil {
				t.Error(err)
			}
			select {
			case <-gone:
			case <-time.After(20 * time.Second):
				t.Fatal("kernel start does not end")
			}
			left := func() []string {
				list, _ := filepath.Glob(filepath.Join(tmp, "quire-run-*"))
				return list
			}
			for end := time.Now().Add(10 * time.Second); len(left()) > 0 && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			if list := left(); len(list) > 0 {
				t.Errorf("left: %q", list)
			}
		})
	}
}

// TestAKernelThatDiedComesBack ends gonb under the launcher: the launcher fails, so that the front end starts it again,
// and then the kernel knows what was declared, and says what happened.
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
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	conn := jupyter.Private(filepath.Join(tmp, "s"), "key")
	file := filepath.Join(tmp, "kernel-0123abcd-0000-4000-8000-000000000001.json")
	if err := conn.Write(file); err != nil {
		t.Fatal(err)
	}
	start := func() (*exec.Cmd, <-chan error, *bytes.Buffer) {
		cmd := exec.Command(os.Args[0], "kernel", "start", file)
		cmd.Env = append(os.Environ(), "QUIRE_TEST_MAIN=1", "QUIRE_GOPLS=off", "TMPDIR="+tmp)
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		return cmd, ended, &said
	}
	var printed strings.Builder
	connect := func() *kernel.Client {
		c, err := kernel.Connect(ctx, conn, nil, kernel.Handlers{IOPub: func(m jupyter.Message) {
			var s jupyter.Stream
			if m.Header.Type == jupyter.StreamOutput && m.Decode(&s) == nil {
				printed.WriteString(s.Text)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	_, ended, said := start()
	c := connect()
	for _, code := range []string{"func f() int { return 7 }", "func g() int { return f() }"} {
		if reply, err := c.Run(ctx, jupyter.Execute{Code: code, StoreHistory: true}); err != nil || reply.Status != "ok" {
			t.Fatalf("%+v, %v", reply, err)
		}
	}
	if _, err := c.Execute(jupyter.Execute{Code: "!kill -KILL $PPID", StoreHistory: true}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(said.String(), "the kernel (gonb) ended: signal: killed") {
			t.Errorf("the launcher ended with %v: %s", err, said)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the launcher goes on without a kernel")
	}
	c.Close()
	_, ended, said = start()
	c = connect()
	defer c.Close()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(printed.String(), "started again") && time.Now().Before(end); {
		reply, err := c.Run(ctx, jupyter.Execute{Code: "%%\nfmt.Println(g())", StoreHistory: true})
		if err != nil {
			t.Fatal(err)
		}
		if reply.Status == "ok" && reply.ExecutionCount < 4 {
			t.Errorf("it is In[%d], want 4 or more", reply.ExecutionCount)
		}
	}
	if got := printed.String(); !strings.Contains(got, "The kernel had ended and was started again") || !strings.HasSuffix(got, "7\n") {
		t.Errorf("printed %q", got)
	}
	if err := c.Shutdown(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%v: %s", err, said)
	}
	if left, _ := filepath.Glob(filepath.Join(ws.Cache, "ended", "0123abcd*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
