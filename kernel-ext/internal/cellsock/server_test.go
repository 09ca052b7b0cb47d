//go:build linux || darwin

package cellsock

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/cellwire"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// pages notes what is published to front ends.
type pages struct {
	mu   sync.Mutex
	got  []jupyter.Message
	more chan struct{} // sent to, without waiting, when there is more
}

func (p *pages) send(m jupyter.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, m)
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// wait returns the first message that is as wanted.
func (p *pages) wait(t testing.TB, kind, contains string) jupyter.Message {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		p.mu.Lock()
		i := slices.IndexFunc(p.got, func(m jupyter.Message) bool {
			return m.Header.Type == kind && strings.Contains(string(m.Content), contains)
		})
		if i >= 0 {
			defer p.mu.Unlock()
			return p.got[i]
		}
		p.mu.Unlock()
		select {
		case <-p.more:
		case <-deadline:
			t.Fatalf("no %s with %q was published", kind, contains)
		}
	}
}

// forget drops what was published.
func (p *pages) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = nil
}

// socketDir returns a private directory whose path is short enough for a socket.
func socketDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/tmp", "cellsock")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func listen(t testing.TB, opts Options) (*Server, *pages) {
	t.Helper()
	p := &pages{more: make(chan struct{}, 1)}
	opts.Dir, opts.Send = socketDir(t), p.send
	s, err := Listen(opts)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s, p
}

// cell is the program of a cell.
type cell struct {
	t    *testing.T
	conn net.Conn
	r    *cellwire.Reader
}

func dial(t *testing.T, s *Server) *cell {
	t.Helper()
	conn, err := net.Dial("unix", s.path)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return &cell{t, conn, cellwire.NewReader(conn, cellwire.MaxLine)}
}

// greet is dial of a program whose cell runs.
func greet(t *testing.T, s *Server, key string) *cell {
	t.Helper()
	s.Begin(Cell{Request: jupyter.Header{ID: "request-" + key}, Key: key})
	c := dial(t, s)
	c.say(cellwire.Line{Op: cellwire.Hello, Version: cellwire.Version})
	c.hears(cellwire.Welcome)
	return c
}

func (c *cell) say(lines ...cellwire.Line) {
	c.t.Helper()
	for _, l := range lines {
		text, err := l.Encode()
		require.NoError(c.t, err)
		_, err = c.conn.Write(text)
		require.NoError(c.t, err)
	}
}

// hears returns the next line, which has to be of the operation.
func (c *cell) hears(op string) cellwire.Line {
	c.t.Helper()
	l, err := c.r.Next()
	require.NoError(c.t, err)
	require.Equal(c.t, op, l.Op, "%+v", l)
	return l
}

// left waits until the server has ended the connection.
func (c *cell) left() {
	c.t.Helper()
	for {
		if _, err := c.r.Next(); err != nil {
			require.NotErrorIs(c.t, err, os.ErrDeadlineExceeded, "the server keeps the connection")
			return
		}
	}
}

// synced returns when the server has taken all that was said.
func (c *cell) synced() {
	c.t.Helper()
	c.say(cellwire.Line{Op: cellwire.Sync, N: 42})
	require.EqualValues(c.t, 42, c.hears(cellwire.Synced).N)
}

var slider = cellwire.Line{Op: cellwire.CommOpen, Comm: "slider", Target: widgetTarget, Meta: json.RawMessage(`{"version":"2.1.0"}`),
	Data: json.RawMessage(`{"state":{"_model_name":"FloatSliderModel","_model_module":"m","_model_module_version":"2.0.0","value":1},"buffer_paths":[]}`)}

func page(kind, content string) jupyter.Message {
	return jupyter.Message{Header: jupyter.Header{ID: "page", Type: kind}, Content: json.RawMessage(content)}
}

func TestMessages(t *testing.T) {
	s, p := listen(t, Options{Live: true})
	c := greet(t, s, "a")
	c.say(slider,
		cellwire.Line{Op: cellwire.Display, ID: "d", Data: json.RawMessage(`{"text/plain":"one"}`)},
		cellwire.Line{Op: cellwire.Update, ID: "d", Data: json.RawMessage(`{"text/plain":"two"}`), Meta: json.RawMessage(`{"image/png":{"width":3}}`)},
		cellwire.Line{Op: cellwire.Stream, Name: "stdout", Text: "a line\n"},
		cellwire.Line{Op: cellwire.CommMsg, Comm: "slider", Data: json.RawMessage(`{"method":"update","state":{"value":2}}`)})
	c.synced()
	require.True(t, s.Comm(page(commMsg, `{"comm_id":"slider","data":{"method":"update","state":{"value":3}}}`)))
	require.JSONEq(t, `{"method":"update","state":{"value":3}}`, string(c.hears(cellwire.CommMsg).Data))
	require.True(t, s.Comm(page(commOpen, `{"comm_id":"ctl","target_name":"jupyter.widget.control","data":{}}`)))
	require.True(t, s.Comm(page(commMsg, `{"comm_id":"ctl","data":{"method":"request_states"}}`)))
	c.hears(cellwire.Joined)
	require.True(t, s.Comm(page(commClose, `{"comm_id":"ctl","data":{}}`)))
	require.True(t, s.Comm(page(commMsg, `{"comm_id":"slider","data":{"method":"request_state"}}`)))
	require.Equal(t, map[string]string{"slider": widgetTarget}, s.CommInfo(widgetTarget))
	c.say(cellwire.Line{Op: cellwire.CommClose, Comm: "slider"})
	c.synced()
	require.Empty(t, s.CommInfo(""))

	var text strings.Builder
	for _, m := range p.got {
		text.WriteString(m.Header.Type + " to " + m.Parent.ID + "\n  " + string(orEmpty(m.Metadata)) + "\n  " + string(m.Content) + "\n")
	}
	golden.Check(t, "testdata/messages.txt", text.String())
}

func TestWhatIsNotForCells(t *testing.T) {
	s, _ := listen(t, Options{Live: true})
	greet(t, s, "a").synced()
	for _, m := range []jupyter.Message{
		page(commMsg, `{"comm_id":"other","data":{}}`),
		page(commClose, `{"comm_id":"other"}`),
		page(commOpen, `{"comm_id":"x","target_name":"gonb_comm","data":{}}`),
		page(commOpen, `{"target_name":"jupyter.widget.control"}`),
		page(commMsg, `[]`),
		page(commMsg, `{"comm_id":3}`),
	} {
		assert.False(t, s.Comm(m), "%s %s", m.Header.Type, m.Content)
	}
}

// What a page says of a comm whose program does not read is dropped with the program, and nobody waits.
func TestAPeerThatDoesNotRead(t *testing.T) {
	s, p := listen(t, Options{Live: true})
	c := greet(t, s, "a")
	c.say(slider)
	c.synced()
	big := `{"comm_id":"slider","data":{"x":"` + strings.Repeat("x", 10_000) + `"}}`
	for range 10 * maxQueued {
		if !s.Comm(page(commMsg, big)) {
			break
		}
	}
	p.wait(t, commClose, "slider")
	require.False(t, s.Comm(page(commMsg, big)))
}

func TestHostilePeers(t *testing.T) {
	open := func(id string) string {
		return `{"op":"comm_open","comm":"` + id + `","target":"jupyter.widget","data":{}}` + "\n"
	}
	var many strings.Builder
	for i := range maxComms + 1 {
		many.WriteString(open("c" + strings.Repeat("x", i%100) + string(rune('a'+i/100))))
	}
	for name, text := range map[string]string{
		"no hello":              `{"op":"display","data":{}}` + "\n",
		"another version":       `{"op":"hello","version":99}` + "\n",
		"no JSON":               "GET / HTTP/1.1\r\n\r\n",
		"binary":                "\x00\xff\x01\n",
		"unknown":               "HELLO" + `{"op":"reboot"}` + "\n",
		"hello twice":           "HELLO" + `{"op":"hello","version":1}` + "\n",
		"a display of nothing":  "HELLO" + `{"op":"display"}` + "\n",
		"an update of nothing":  "HELLO" + `{"op":"update","data":{}}` + "\n",
		"a third stream":        "HELLO" + `{"op":"stream","name":"stdin","text":"x"}` + "\n",
		"a comm without name":   "HELLO" + open(""),
		"a comm with long name": "HELLO" + open(strings.Repeat("x", maxID+1)),
		"a comm twice":          "HELLO" + open("a") + open("a"),
		"a comm of another":     "HELLO" + open("slider"),
		"too many comms":        "HELLO" + many.String(),
		"detached for nothing":  "HELLO" + `{"op":"detach"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := listen(t, Options{Live: true, patience: 10 * time.Millisecond})
			good := greet(t, s, "good")
			good.say(slider)
			good.synced()
			bad := dial(t, s)
			if rest, ok := strings.CutPrefix(text, "HELLO"); ok {
				bad.say(cellwire.Line{Op: cellwire.Hello, Version: cellwire.Version})
				bad.hears(cellwire.Welcome)
				text = rest
			}
			go io.WriteString(bad.conn, text) // the server may end before it has read all
			bad.left()
			good.synced()
			require.Equal(t, map[string]string{"slider": widgetTarget}, s.CommInfo(""), "what others opened is gone or more is left")
		})
	}
}

func TestALineMayBeLongAndNotEndless(t *testing.T) {
	s, p := listen(t, Options{Live: true})
	c := greet(t, s, "a")
	c.say(cellwire.Line{Op: cellwire.Stream, Name: "stdout", Text: strings.Repeat("x", 5<<20) + "END"})
	c.synced()
	p.wait(t, jupyter.StreamOutput, "END")
	go func() {
		part := []byte(strings.Repeat("x", 1<<20))
		for {
			if _, err := c.conn.Write(part); err != nil {
				return
			}
		}
	}()
	c.left()
	p.wait(t, jupyter.StreamOutput, "too long")
}

func TestNobodyGreetsWithoutACell(t *testing.T) {
	s, _ := listen(t, Options{Live: true, patience: 10 * time.Millisecond})
	c := dial(t, s)
	c.say(cellwire.Line{Op: cellwire.Hello, Version: cellwire.Version})
	assert.Equal(t, "no cell is running", c.hears(cellwire.End).Text)
	s.Begin(Cell{Key: "a"})
	s.Ended()
	c = dial(t, s)
	c.say(cellwire.Line{Op: cellwire.Hello, Version: cellwire.Version})
	assert.Equal(t, "no cell is running", c.hears(cellwire.End).Text)
}

func TestWhyADetachedProgramEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		opts Options
		why  string
		do   func(s *Server)
	}{
		{"its cell runs again", Options{}, "its cell is run again", func(s *Server) { s.Begin(Cell{Key: "a"}) }},
		{"the page has closed its comms", Options{}, "its controls are closed", func(s *Server) { s.Comm(page(commClose, `{"comm_id":"slider"}`)) }},
		{"nobody uses it", Options{Idle: time.Millisecond}, "nobody has used it for 1ms", func(s *Server) {}},
		{"the kernel ends", Options{}, "the kernel ends", func(s *Server) { go s.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.Live = true
			s, p := listen(t, c.opts)
			stays := greet(t, s, "b")
			stays.synced()
			goes := greet(t, s, "a")
			goes.say(slider, cellwire.Line{Op: cellwire.Detach})
			if c.opts.Idle == 0 {
				goes.synced()
				s.Ended()
			}
			c.do(s)
			for {
				l, err := goes.r.Next()
				require.NoError(t, err)
				if l.Op == cellwire.End {
					require.Equal(t, c.why, l.Text)
					break
				}
			}
			goes.say(cellwire.Line{Op: cellwire.Update, ID: "d", Data: json.RawMessage(`{"text/plain":"last words"}`)})
			p.wait(t, jupyter.UpdateDisplayData, "last words")
			goes.conn.Close()
			if c.why != "the kernel ends" {
				stays.synced()
			}
		})
	}
}

// One that is used stays, the one that nobody has used for longest goes.
func TestTooManyDetachedPrograms(t *testing.T) {
	s, _ := listen(t, Options{Live: true})
	var all []*cell
	for i := range maxDetached + 1 {
		name := "c" + string(rune('A'+i))
		c := greet(t, s, name)
		open := slider
		open.Comm = name
		c.say(open, cellwire.Line{Op: cellwire.Detach})
		all = append(all, c)
		if i == maxDetached {
			break
		}
		c.synced()
		if i == 1 { // the first is used again, so the second is the one that is unused for longest
			require.True(t, s.Comm(page(commMsg, `{"comm_id":"cA","data":{}}`)))
		}
	}
	assert.Contains(t, all[1].hears(cellwire.End).Text, "more than 32 programs")
	all[0].hears(cellwire.CommMsg)
	all[0].synced()
}

func TestAProgramThatDiesIsMissed(t *testing.T) {
	s, p := listen(t, Options{Live: true})
	c := greet(t, s, "a")
	c.say(slider, cellwire.Line{Op: cellwire.Detach})
	c.synced()
	c.conn.Close()
	p.wait(t, commClose, "slider")
	m := p.wait(t, jupyter.StreamOutput, "run the cell again")
	assert.Equal(t, "request-a", m.Parent.ID)
	assert.Empty(t, s.CommInfo(""))
}

// TestADetachedProgramThatDoesNotGoIsKilled runs itself as the program.
func TestADetachedProgramThatDoesNotGoIsKilled(t *testing.T) {
	s, _ := listen(t, Options{Live: true})
	s.Begin(Cell{Key: "a"})
	cmd := exec.Command(os.Args[0], "-test.run=TestStubborn")
	cmd.Env = append(os.Environ(), "CELLSOCK_STUBBORN="+s.path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 8)
	_, err = io.ReadFull(out, line)
	require.NoError(t, err)
	require.Equal(t, "detached", string(line))
	s.Close()
	require.ErrorContains(t, cmd.Wait(), "killed")
}

// TestStubborn is the program of the test before.
func TestStubborn(t *testing.T) {
	path := os.Getenv("CELLSOCK_STUBBORN")
	if path == "" {
		t.Skip("it is another test's program")
	}
	c := dial(t, &Server{path: path})
	c.say(cellwire.Line{Op: cellwire.Hello, Version: cellwire.Version}, slider, cellwire.Line{Op: cellwire.Detach}, cellwire.Line{Op: cellwire.Sync})
	for c.anything().Op != cellwire.Synced {
	}
	os.Stdout.WriteString("detached")
	select {}
}

func (c *cell) anything() cellwire.Line {
	l, err := c.r.Next()
	require.NoError(c.t, err)
	return l
}

func TestOnlyThisUserReachesTheSocket(t *testing.T) {
	s, _ := listen(t, Options{})
	info, err := os.Lstat(s.path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.Equal(t, cellwire.RelayEnv+"="+filepath.Join(s.opts.Dir, "cells"), s.Env())
	conn, err := net.Dial("unix", s.path)
	require.NoError(t, err)
	defer conn.Close()
	peer, ok := conn.(*net.UnixConn)
	require.True(t, ok)
	uid, pid, err := whoIs(peer)
	require.NoError(t, err)
	assert.Equal(t, []int{os.Getuid(), os.Getpid()}, []int{uid, pid})
}

// Whatever comes on the socket, the server lives and others are served.
func FuzzServer(f *testing.F) {
	for _, seed := range []string{
		`{"op":"comm_open","comm":"a","target":"jupyter.widget","data":{"state":{"value":1}}}` + "\n" + `{"op":"comm_msg","comm":"a","data":{"method":"update","state":{"value":2}}}` + "\n" + `{"op":"detach"}` + "\n",
		`{"op":"display","data":{"text/plain":"x"}}` + "\n" + `{"op":"sync","n":1}` + "\n", `{"op":"comm_close","comm":"a"}` + "\n", "\n\n", "\xff",
	} {
		f.Add([]byte(seed), []byte(`{"comm_id":"a","data":{"method":"update","state":{"value":3}}}`))
	}
	f.Fuzz(func(t *testing.T, lines, fromPage []byte) {
		s := &Server{opts: Options{Send: func(m jupyter.Message) { require.True(t, json.Valid(m.Content)) }, Idle: time.Hour}, peers: map[*peer]bool{}, comms: map[string]*comm{}, controls: map[string]bool{}}
		ours, theirs := net.Pipe()
		defer ours.Close()
		go io.Copy(io.Discard, ours)
		p := &peer{server: s, conn: theirs, greeted: true, lines: make(chan []byte, maxQueued), gone: make(chan struct{})}
		s.peers[p] = true
		r := cellwire.NewReader(strings.NewReader(string(lines)), 1<<16)
		for {
			l, err := r.Next()
			if err == nil {
				err = p.heard(l)
			}
			if err != nil {
				p.left(err)
				break
			}
			if json.Valid(fromPage) {
				s.Comm(page(commMsg, string(fromPage)))
			}
		}
		require.Empty(t, s.comms)
		require.Empty(t, s.peers)
	})
}
