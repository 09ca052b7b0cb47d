package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/zmtp"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever strangers send, who knows the key is served.
func TestStrangersDoNotStopTheKernel(t *testing.T) {
	s := play(t, nil)
	good := s.connect("good")
	m, err := jupyter.NewMessage("x", jupyter.ExecuteRequest, jupyter.Header{}, jupyter.Execute{Code: "die"})
	require.NoError(t, err)
	signed, err := good.signer.Encode(m)
	require.NoError(t, err)
	wrong, err := jupyter.NewSigner("", "another key")
	require.NoError(t, err)
	forged, err := wrong.Encode(m)
	require.NoError(t, err)
	unsigned := append([][]byte{signed[0], nil}, signed[2:]...)
	changed := append([][]byte{}, signed...)
	changed[5] = bytes.Replace(changed[5], []byte("die"), []byte("did"), 1)
	kill, err := jupyter.NewMessage("x", jupyter.ShutdownRequest, jupyter.Header{}, jupyter.Shutdown{})
	require.NoError(t, err)
	killing, err := wrong.Encode(kill)
	require.NoError(t, err)
	for _, ch := range []jupyter.Channel{jupyter.Shell, jupyter.Control, jupyter.Stdin} {
		network, addr := s.Connection().Endpoint(ch)
		stranger, err := zmtp.Dial(within(t), network, addr, zmtp.Dealer, zmtp.Options{Identity: "good"})
		require.NoError(t, err)
		defer stranger.Close()
		for _, frames := range [][][]byte{
			forged, unsigned, changed, killing, signed[:5], signed[1:], {[]byte(jupyter.Delimiter)}, {{}}, {[]byte("x"), []byte("y")},
			{[]byte(jupyter.Delimiter), signed[1], []byte("{"), []byte("{}"), []byte("{}"), []byte("{}")},
		} {
			require.NoError(t, stranger.Send(frames))
		}
		idle, err := net.Dial(network, addr) // says nothing
		require.NoError(t, err)
		defer idle.Close()
		raw, err := net.Dial(network, addr)
		require.NoError(t, err)
		defer raw.Close()
		_, _ = raw.Write(append([]byte("\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL"), make([]byte, 48)...))
		_, _ = raw.Write([]byte{2, 0x40, 0, 0, 0, 0, 0, 0, 0}) // a frame of 2⁶² bytes
		require.NoError(t, stranger.Flush(within(t)))
	}
	reply, heard := good.run("say alive")
	assert.Equal(t, "ok", reply.Status, tell(heard))
	assert.Equal(t, 1, reply.ExecutionCount)
	assert.Equal(t, 1, s.started(), "gonb has ended")
}

// A subscriber that does not read and one who never reads replies cost the others nothing.
func TestClientsThatDoNotReadAreWaitedForByNobody(t *testing.T) {
	s := play(t, nil)
	good := s.connect("good")
	network, addr := s.Connection().Endpoint(jupyter.IOPub)
	stopped, err := net.Dial(network, addr)
	require.NoError(t, err)
	defer stopped.Close()
	hello := append([]byte("\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL"), make([]byte, 48)...)
	ready := "\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"
	_, err = stopped.Write(append(append(hello, 4, byte(len(ready))), ready+"\x00\x01\x01"...)) // and subscribes to all
	require.NoError(t, err)
	requests, messages := 20_000, 1280 // 80 MB
	if testing.Short() {
		requests, messages = 1000, 64
	}
	network, addr = s.Connection().Endpoint(jupyter.Shell)
	unread, err := zmtp.Dial(within(t), network, addr, zmtp.Dealer, zmtp.Options{Identity: "unread"})
	require.NoError(t, err)
	defer unread.Close()
	m, err := jupyter.NewMessage("unread", jupyter.KernelInfoRequest, jupyter.Header{}, map[string]any{})
	require.NoError(t, err)
	frames, err := good.signer.Encode(m)
	require.NoError(t, err)
	for range requests {
		require.NoError(t, unread.Send(frames))
	}
	id := good.execute(fmt.Sprint("big ", messages))
	var reply jupyter.Reply
	require.NoError(t, good.reply(good.shell, id).Decode(&reply))
	assert.Equal(t, "ok", reply.Status)
	good.await("the end", func() bool { return good.ended(id) })
	printed := 0
	for _, m := range good.of(id) {
		if m.Header.Type == jupyter.StreamOutput {
			printed++
		}
	}
	assert.Equal(t, messages, printed)
}

func TestReconnects(t *testing.T) {
	s := play(t, nil)
	good := s.connect("good")
	for range 200 {
		for _, ch := range []jupyter.Channel{jupyter.Shell, jupyter.Control, jupyter.Stdin, jupyter.IOPub} {
			role := zmtp.Dealer
			if ch == jupyter.IOPub {
				role = zmtp.Sub
			}
			network, addr := s.Connection().Endpoint(ch)
			c, err := zmtp.Dial(within(t), network, addr, role, zmtp.Options{Identity: "comes and goes"})
			require.NoError(t, err)
			c.Close()
		}
	}
	reply, _ := good.run("say alive")
	assert.Equal(t, "ok", reply.Status)
}

// A long queue is held here: gonb has one cell at a time.
func TestTheQueueHasAnyLength(t *testing.T) {
	s := play(t, nil)
	f := s.connect("a")
	first := f.execute("hold")
	f.await("the first", func() bool { return f.printed(first, "execute_input") })
	n := 3000
	if testing.Short() {
		n = 300
	}
	var last string
	for range n {
		last = f.execute("say x")
	}
	f.reply(f.control, f.send(f.control, jupyter.KernelInfoRequest, map[string]any{}))
	executes := 0
	for _, frames := range s.gonb().came() {
		if bytes.Contains(bytes.Join(frames, nil), []byte(`"code":"say x"`)) {
			executes++
		}
	}
	assert.Zero(t, executes, "gonb was given cells that wait")
	s.gonb().release <- struct{}{}
	var reply jupyter.Reply
	require.NoError(t, f.reply(f.shell, last).Decode(&reply))
	assert.Equal(t, n+1, reply.ExecutionCount)
}

// Over ten thousand cells memory stays as it is.
func TestMemoryIsFlat(t *testing.T) {
	s := play(t, nil)
	f := s.connect("a")
	cells := 10_000
	if testing.Short() {
		cells = 1_500
	}
	inUse := func() uint64 {
		f.mu.Lock()
		f.heard = nil
		f.mu.Unlock()
		g := s.gonb()
		g.mu.Lock()
		g.ran, g.raw = nil, nil
		g.mu.Unlock()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var before uint64
	for i := range cells {
		if i == cells/5 { // the history is full
			before = inUse()
		}
		if i%500 == 0 {
			inUse()
		}
		id := f.execute("x")
		f.reply(f.shell, id)
	}
	after := inUse()
	assert.Less(t, after, before+1<<20, "%d bytes after %d cells, %d after all", before, cells/5, after)
}

// steady gives what differs in every run a fixed text.
func steady(text string, names ...string) string {
	for i := 0; i+1 < len(names); i += 2 {
		text = strings.ReplaceAll(text, names[i], names[i+1])
	}
	return text
}

// What passes, passes as it came, byte for byte: from a front end to gonb, and from gonb to front ends. The frames of what
// is answered are as in the golden file.
func TestFrames(t *testing.T) {
	s := play(t, all(&hooks{}))
	f := s.connect("a")
	network, addr := s.Connection().Endpoint(jupyter.IOPub)
	sub, err := zmtp.Dial(within(t), network, addr, zmtp.Sub, zmtp.Options{})
	require.NoError(t, err)
	defer sub.Close()
	echo := encoded(t, f, "echo_request", `{"a" : 1.0, "b":"\u00e4"}`)
	var heard [][]byte
	for heard == nil { // until the subscription is there
		require.NoError(t, f.shell.Send(echo))
		short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		heard, _ = sub.Recv(short)
		cancel()
	}
	g := s.gonb()
	g.mu.Lock()
	echoed := g.echoed
	g.mu.Unlock()
	text := func(frames [][]byte) string { return string(bytes.Join(frames, []byte("\n"))) }
	assert.Equal(t, text(echo), text(echoed[2:]), "what passes to gonb is changed") // the first two are names of connections
	assert.Equal(t, text(echoed), text(heard), "what passes from gonb is changed")

	var b strings.Builder
	for _, c := range []struct{ kind, content string }{
		{"kernel_info_request", `{}`}, {"history_request", `{"hist_access_type":"tail"}`}, {"comm_info_request", `{}`},
		{"is_complete_request", `{"code":"%%"}`}, {"inspect_request", `{"code":"x","cursor_pos":0}`}, {"complete_request", `{"code":"x","cursor_pos":1}`},
		{"execute_request", `{"code":"say a"}`}, {"execute_request", `{"code":"fail a"}`}, {"execute_request", `{"code":"result 3"}`}, {"execute_request", `{"code":7}`}, {"execute_request", `{"code":"say b","silent":true}`},
		{"interrupt_request", `{}`}, {"is_complete_request", `[]`}, {"history_request", `{"n":"x"}`}, {"inspect_request", `7`}, {"complete_request", `null`},
	} {
		f.mu.Lock()
		f.heard = nil
		f.mu.Unlock()
		frames := encoded(t, f, c.kind, c.content)
		require.NoError(t, f.shell.Send(frames))
		var head jupyter.Header
		require.NoError(t, json.Unmarshal(frames[2], &head))
		reply := f.reply(f.shell, head.ID)
		f.await("idle", func() bool { return f.idle(head.ID) })
		b.WriteString("> " + c.kind + " " + c.content + "\n")
		for _, m := range append(f.of(head.ID), reply) {
			assert.Equal(t, head, m.Parent)
			where := "iopub "
			if strings.HasSuffix(m.Header.Type, "_reply") {
				where = "shell "
			}
			b.WriteString(where + m.Header.Type + " " + steady(string(m.Content), runtime.Version(), "GO") + "\n")
		}
	}
	golden.Check(t, filepath.Join("testdata", "frames.golden"), b.String())
}

// encoded returns the frames of a request whose content is the given text; its header is always the same for a text.
func encoded(t testing.TB, f *front, kind, content string) [][]byte {
	head, err := json.Marshal(jupyter.Header{ID: kind + content, Session: f.session, Username: "u", Type: kind, Version: "5.3", Date: "2026-01-01T00:00:00Z"})
	require.NoError(t, err)
	return f.signer.Frames(jupyter.Envelope{Header: head, Parent: []byte(`{}`), Metadata: []byte(`{ }`), Content: []byte(content)})
}

// FuzzFrames: whatever is sent with the right signature, or without, the relay lives and answers the next request.
func FuzzFrames(f *testing.F) {
	for _, kind := range []string{"execute_request", "inspect_request", "complete_request", "history_request", "is_complete_request", "comm_msg", "comm_info_request", "input_reply", "x"} {
		f.Add(kind, `{"code":"say a","cursor_pos":3}`, `{}`, `{}`, true)
	}
	f.Add("execute_request", `{"code":"%greet\n%%\n"}`, `{"msg_id":7}`, `[`, true)
	f.Add("echo_request", `{}`, "\n}", `{}`, true) // which ends a gonb that sees it
	f.Add("echo_request", `7`, `{}`, `{}`, true)
	f.Add("history_request", `{"hist_access_type":"search","pattern":"[","n":-1}`, ``, ``, false)
	h := &hooks{}
	s := play(f, func(o *Options) {
		all(h)(o)
		o.Magics = o.Magics[:2]
		start := o.start
		o.start = func() (engine, error) {
			e, err := start()
			e.(*fake).tame = true
			return e, err
		}
	})
	front := s.connect("a")
	f.Fuzz(func(t *testing.T, kind, content, parent, metadata string, signed bool) {
		if kind == jupyter.ShutdownRequest {
			t.Skip("that ends the relay")
		}
		front.t = t
		frames := encoded(t, front, kind, content)
		frames = front.signer.Frames(jupyter.Envelope{Header: frames[2], Parent: []byte(parent), Metadata: []byte(metadata), Content: []byte(content)})
		if !signed {
			frames[1] = []byte("x")
		}
		require.NoError(t, front.shell.Send(frames))
		require.NoError(t, front.control.Send(frames))
		front.reply(front.control, front.send(front.control, jupyter.KernelInfoRequest, map[string]any{}))
		front.mu.Lock()
		front.heard = nil
		front.mu.Unlock()
		select {
		case <-s.Done():
			t.Fatal("the relay has ended")
		default:
		}
	})
}

// A private directory is gone when the relay is.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	s := play(t, func(o *Options) { o.Ended = func() { _ = os.Remove(dir) } })
	s.Close()
	assert.NoDirExists(t, dir)
}
