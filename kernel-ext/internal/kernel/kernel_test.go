package kernel

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/zmtp"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake is a kernel that answers kernel_info, and to an execute_request repeats its code on stdout.
type fake struct {
	conn   jupyter.Connection
	signer *jupyter.Signer
	shell  *zmtp.Socket
	iopub  *zmtp.Socket
}

func startFake(t *testing.T) *fake {
	t.Helper()
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "fk")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &fake{conn: jupyter.Private(filepath.Join(dir, "k"), "key")}
	f.signer, err = jupyter.NewSigner("", "key")
	require.NoError(t, err)
	listen := func(ch jupyter.Channel, role zmtp.Role) *zmtp.Socket {
		network, addr := f.conn.Endpoint(ch)
		s, err := zmtp.Listen(ctx, network, addr, role, zmtp.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	f.shell, f.iopub = listen(jupyter.Shell, zmtp.Router), listen(jupyter.IOPub, zmtp.Pub)
	listen(jupyter.Control, zmtp.Router)
	listen(jupyter.Stdin, zmtp.Router)
	go f.serve()
	return f
}

func (f *fake) say(s *zmtp.Socket, to [][]byte, kind string, parent jupyter.Header, content any) {
	m, _ := jupyter.NewMessage("fake", kind, parent, content)
	m.Identities = to
	frames, _ := f.signer.Encode(m)
	_ = s.Send(frames)
}

func (f *fake) serve() {
	for {
		frames, err := f.shell.Recv(context.Background())
		if err != nil {
			return
		}
		m, err := f.signer.Decode(frames)
		if err != nil {
			continue
		}
		topic := [][]byte{[]byte("topic")}
		f.say(f.iopub, topic, jupyter.StatusUpdate, m.Header, jupyter.Status{State: "busy"})
		switch m.Header.Type {
		case jupyter.KernelInfoRequest:
			f.say(f.shell, m.Identities, jupyter.KernelInfoReply, m.Header, jupyter.KernelInfo{Implementation: "fake"})
		case jupyter.ExecuteRequest:
			var e jupyter.Execute
			_ = json.Unmarshal(m.Content, &e)
			// A message of a stranger without the key is dropped by the client.
			_ = f.iopub.Send([][]byte{[]byte("topic"), []byte(jupyter.Delimiter), []byte("bad"), []byte("{}"), []byte("{}"), []byte("{}"), []byte("{}")})
			f.say(f.shell, m.Identities, jupyter.ExecuteReply, m.Header, jupyter.Reply{Status: "ok", ExecutionCount: 1})
			f.say(f.iopub, topic, jupyter.StreamOutput, m.Header, jupyter.Stream{Name: "stdout", Text: e.Code})
		}
		f.say(f.iopub, topic, jupyter.StatusUpdate, m.Header, jupyter.Status{State: "idle"})
	}
}

func TestClientHearsAllThatACellPublishes(t *testing.T) {
	f := startFake(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	var heard []string
	parent := ""
	c, err := Connect(ctx, f.conn, nil, Handlers{IOPub: func(m jupyter.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Header.Type == jupyter.StreamOutput && m.Parent.ID == parent {
			heard = append(heard, string(m.Content))
		}
	}})
	require.NoError(t, err)
	defer c.Close()
	assert.Equal(t, "fake", c.Info.Implementation, "info: %+v", c.Info)
	for range 50 { // the last publication is always there when Wait returns
		e, err := c.Execute(jupyter.Execute{Code: "text"}, func(id string) {
			mu.Lock()
			defer mu.Unlock()
			parent, heard = id, nil
		})
		require.NoError(t, err)
		reply, err := e.Wait(ctx)
		mu.Lock()
		require.NoError(t, err, "%+v", reply)
		assert.Equal(t, "ok", reply.Status, "%+v", reply)
		assert.Len(t, heard, 1, "%+v", reply)
		mu.Unlock()
	}
	f.shell.Close()
	_, err = c.Run(ctx, jupyter.Execute{Code: "x"})
	assert.Error(t, err, "a request to a kernel that is gone succeeds")
}

func TestConnectEndsWithTheKernel(t *testing.T) {
	gone := make(chan struct{})
	close(gone)
	began := time.Now()
	_, err := Connect(context.Background(), jupyter.Private("/tmp/there-is-no-such-socket", "k"), gone, Handlers{})
	if err == nil || time.Since(began) > time.Minute {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestLogsTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, c := range []struct{ text, want string }{
		{"I1121 06:56:43.949211 1 main.go:191] fine\nF1121 06:56:43.949211 1 main.go:191] it broke\nmore\n", "it broke"},
		{"E1121 06:56:43.949211 1 main.go:191] it broke\npanic: worse\n\ngoroutine 7:\nmain.f()\n", "panic: worse"},
		{"F1121 06:56:43.949211 1 main.go:191] far away\n" + strings.Repeat("x", 2*keepLog) + "\nlast line\n", "last line"},
		{"", ""},
	} {
		require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
		assert.Equal(t, c.want, lastError(path))
	}
}
