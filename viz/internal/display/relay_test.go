//go:build linux || darwin

package display

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/cellwire"
)

// relayKernel is the kernel at the other end of a relay's socket, for one connection.
type relayKernel struct {
	conn net.Conn
	r    *cellwire.Reader
}

// startRelay returns the path of a socket, at which a kernel does what it is told once somebody connects.
func startRelay(t *testing.T, do func(k *relayKernel)) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "relay")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err == nil {
			defer conn.Close()
			do(&relayKernel{conn, cellwire.NewReader(conn, cellwire.MaxLine)})
		}
	}()
	return path
}

func (k *relayKernel) say(l cellwire.Line) {
	if text, err := l.Encode(); err == nil {
		k.conn.Write(text)
	}
}

// welcome hears hello, and answers it; then it passes on what it hears, and answers syncs.
func (k *relayKernel) welcome(heard chan<- cellwire.Line) {
	for {
		l, err := k.r.Next()
		if err != nil {
			close(heard)
			return
		}
		switch l.Op {
		case cellwire.Hello:
			k.say(cellwire.Line{Op: cellwire.Welcome, Version: cellwire.Version, Live: true})
		case cellwire.Sync:
			k.say(cellwire.Line{Op: cellwire.Synced, N: l.N})
		default:
			heard <- l
		}
	}
}

func TestRelay(t *testing.T) {
	heard, told := make(chan cellwire.Line, 100), make(chan cellwire.Line, 100)
	path := startRelay(t, func(k *relayKernel) {
		if _, err := k.r.Next(); err != nil { // hello
			return
		}
		k.say(cellwire.Line{Op: cellwire.Welcome, Version: cellwire.Version, Live: true})
		k.say(cellwire.Line{Op: cellwire.CommMsg, Comm: "c", Data: json.RawMessage(`{}`)})
		k.welcome(heard)
	})
	r, err := DialRelay(path, func(l cellwire.Line) { told <- l })
	require.NoError(t, err)
	assert.True(t, r.Live)
	assert.Equal(t, "c", (<-told).Comm)
	id := t.Name()
	require.NoError(t, r.Send(Message{Data: map[string]any{"text/plain": "a", "image/png": []byte{1, 2}, "application/vnd.x+json": json.RawMessage(`{"a":1}`)}, ID: id,
		Meta: map[string]any{"image/png": map[string]any{"width": 3}, "lost": func() {}}}))
	require.NoError(t, r.Send(Message{Data: map[string]any{"text/plain": "b"}, ID: id}))
	require.NoError(t, r.Send(Message{Data: map[string]any{"text/plain": "c"}}))
	require.NoError(t, r.Sync())
	l := <-heard
	assert.Equal(t, cellwire.Display, l.Op)
	assert.JSONEq(t, `{"text/plain":"a","image/png":"AQI=","application/vnd.x+json":{"a":1}}`, string(l.Data))
	assert.JSONEq(t, `{"image/png":{"width":3}}`, string(l.Meta))
	assert.Equal(t, cellwire.Update, (<-heard).Op)
	assert.Equal(t, cellwire.Display, (<-heard).Op)
	r.Close()
	_, open := <-heard
	assert.False(t, open)
	assert.Error(t, r.Send(Message{}))
	assert.Error(t, r.Sync())
	assert.Equal(t, cellwire.End, (<-told).Op, "who listens is told of the end")
	assert.Error(t, r.Detach(), "there is no guard")
}

// A display that went by gonb's pipe is updated by the relay.
func TestADisplayIsKnownWhicheverWayItWent(t *testing.T) {
	_, to, from := startKernel(t)
	p, err := Dial(to, from)
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.Send(Message{Data: map[string]any{"text/plain": "a"}, ID: t.Name()}))
	heard := make(chan cellwire.Line, 100)
	r, err := DialRelay(startRelay(t, func(k *relayKernel) { k.welcome(heard) }), func(cellwire.Line) {})
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, r.Send(Message{Data: map[string]any{"text/plain": "b"}, ID: t.Name()}))
	assert.Equal(t, cellwire.Update, (<-heard).Op)
}

func TestRelaysThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(k *relayKernel)
		want string
	}{
		"one that refuses": {func(k *relayKernel) {
			k.say(cellwire.Line{Op: cellwire.End, Text: "no cell is running"})
			io.Copy(io.Discard, k.conn)
		}, "no cell is running"},
		"one of another version": {func(k *relayKernel) {
			k.say(cellwire.Line{Op: cellwire.Welcome, Version: 99})
			io.Copy(io.Discard, k.conn)
		}, "version 99"},
		"one that says nonsense": {func(k *relayKernel) { k.conn.Write([]byte("HTTP/1.1 400\r\n")); io.Copy(io.Discard, k.conn) }, "no message"},
		"one that goes":          {func(k *relayKernel) {}, "connecting to the kernel"},
	} {
		_, err := DialRelay(startRelay(t, c.do), func(cellwire.Line) {})
		require.ErrorContains(t, err, c.want, name)
	}
	_, err := DialRelay(filepath.Join(t.TempDir(), "none"), func(cellwire.Line) {})
	require.Error(t, err)
	_, err = DialRelay("/"+strings.Repeat("x", 300), func(cellwire.Line) {})
	require.Error(t, err)
}

// A kernel that dies is an end, for those who wait too.
func TestARelayThatEnds(t *testing.T) {
	goOn := make(chan bool)
	path := startRelay(t, func(k *relayKernel) {
		k.say(cellwire.Line{Op: cellwire.Welcome, Version: cellwire.Version})
		<-goOn
	})
	told := make(chan cellwire.Line, 1)
	r, err := DialRelay(path, func(l cellwire.Line) { told <- l })
	require.NoError(t, err)
	waited := make(chan error, 1)
	go func() { waited <- r.Sync() }()
	close(goOn)
	require.Error(t, <-waited)
	select {
	case l := <-told:
		assert.Equal(t, cellwire.End, l.Op)
	case <-time.After(time.Minute):
		t.Fatal("nobody is told")
	}
	select {
	case <-r.Done():
	default:
		t.Error("the relay is not done")
	}
}
