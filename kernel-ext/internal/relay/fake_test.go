package relay

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/zmtp"

	"github.com/stretchr/testify/require"
)

// fake is a gonb that does what the words of a cell say:
//
//	say TEXT    prints it          fail TEXT  fails            hold       runs until it is released
//	deaf        as hold, and heeds no interrupt                die        ends gonb
//	result TEXT shows it as the value of the last expression
//	ask         asks for input, and prints it                  big N      prints N messages of 64 KiB
type fake struct {
	conn   jupyter.Connection
	signer *jupyter.Signer

	shell, control, stdin, iopub *zmtp.Socket

	dir       string
	tame      bool // says and fails alone
	done      chan struct{}
	end       sync.Once
	interrupt chan struct{}
	release   chan struct{}
	inputs    chan string
	replayed  []string // what Replay was given
	commands  []string // that begin with %

	mu     sync.Mutex
	count  int
	ran    []string
	echoed [][]byte   // what was published last of what is not known
	raw    [][][]byte // all that came on shell, as it came
}

func newFake(t testing.TB, key string) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "fg")
	require.NoError(t, err)
	f := &fake{
		dir: dir, conn: jupyter.Private(filepath.Join(dir, "k"), key), done: make(chan struct{}),
		interrupt: make(chan struct{}, 1), release: make(chan struct{}), inputs: make(chan string, 1),
	}
	f.signer, err = jupyter.NewSigner("", key)
	require.NoError(t, err)
	listen := func(ch jupyter.Channel, role zmtp.Role) *zmtp.Socket {
		network, addr := f.conn.Endpoint(ch)
		s, err := zmtp.Listen(context.Background(), network, addr, role, zmtp.Options{Limits: zmtp.Limits{Message: 1 << 30}})
		require.NoError(t, err)
		return s
	}
	f.shell, f.iopub = listen(jupyter.Shell, zmtp.Router), listen(jupyter.IOPub, zmtp.Pub)
	f.control, f.stdin = listen(jupyter.Control, zmtp.Router), listen(jupyter.Stdin, zmtp.Router)
	go f.serve()
	go f.listenToInput()
	return f
}

func (f *fake) Done() <-chan struct{} { return f.done }

func (f *fake) Err() error { return errors.New("the kernel (gonb) ended: signal: killed") }

func (f *fake) Kill() { f.Close(0) }

func (f *fake) Close(time.Duration) {
	f.end.Do(func() {
		close(f.done)
		for _, s := range []*zmtp.Socket{f.shell, f.control, f.stdin, f.iopub} {
			s.Close()
		}
		os.RemoveAll(f.dir)
	})
}

func (f *fake) Interrupt() {
	select {
	case f.interrupt <- struct{}{}:
	default:
	}
}

func (f *fake) CutShort() bool { return true }

func (f *fake) Resume() {}

func (f *fake) Remember() kernel.Memory {
	f.mu.Lock()
	defer f.mu.Unlock()
	return kernel.Memory{Program: strings.Join(f.ran, "\n")}
}

func (f *fake) Replay(m kernel.Memory, run func(jupyter.Execute) (jupyter.Reply, error)) error {
	f.mu.Lock()
	f.replayed = append(f.replayed, m.Program)
	f.mu.Unlock()
	_, err := run(jupyter.Execute{Code: "say replayed", Silent: true})
	return err
}

// told returns what Replay was given.
func (f *fake) told() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replayed
}

// commanded returns the commands that it was given.
func (f *fake) commanded() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.commands)
}

func (f *fake) counted() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// came returns all that came on shell.
func (f *fake) came() [][][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.raw
}

func (f *fake) connection() jupyter.Connection { return f.conn }

func (f *fake) offline() bool { return true }

func (f *fake) say(s *zmtp.Socket, to [][]byte, kind string, parent jupyter.Header, content any) {
	m, _ := jupyter.NewMessage(parent.Session, kind, parent, content)
	m.Identities = to
	frames, _ := f.signer.Encode(m)
	_ = s.Send(frames)
}

func (f *fake) serve() {
	defer f.Close(0)
	for {
		frames, err := f.shell.Recv(context.Background())
		if err != nil {
			return
		}
		m, err := f.signer.Decode(frames)
		if err != nil { // as the real one
			return
		}
		f.mu.Lock()
		f.raw = append(f.raw, frames[1:])
		f.mu.Unlock()
		switch m.Header.Type {
		case jupyter.KernelInfoRequest, jupyter.ExecuteRequest:
			f.say(f.iopub, m.Identities, jupyter.StatusUpdate, m.Header, jupyter.Status{State: "busy"})
			if m.Header.Type == jupyter.KernelInfoRequest {
				f.say(f.shell, m.Identities, jupyter.KernelInfoReply, m.Header, map[string]any{})
			} else if !f.execute(m) {
				return
			}
			f.say(f.iopub, m.Identities, jupyter.StatusUpdate, m.Header, jupyter.Status{State: "idle"})
		case "echo_request": // something that the relay does not know
			f.mu.Lock()
			f.echoed = frames
			f.mu.Unlock()
			_ = f.iopub.Send(frames)
		}
	}
}

// execute runs a cell; false means that it ended gonb.
func (f *fake) execute(m jupyter.Message) bool {
	var e jupyter.Execute
	_ = json.Unmarshal(m.Content, &e)
	reply := jupyter.Reply{Status: "ok"}
	f.mu.Lock()
	if e.StoreHistory {
		f.count++
	}
	reply.ExecutionCount = f.count
	if e.Code != "" && !e.Silent || strings.HasPrefix(e.Code, "say") {
		f.ran = append(f.ran, e.Code)
	}
	f.mu.Unlock()
	print := func(text string) {
		f.say(f.iopub, m.Identities, jupyter.StreamOutput, m.Header, jupyter.Stream{Name: "stdout", Text: text})
	}
	for line := range strings.Lines(e.Code) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(word, "%") {
			f.mu.Lock()
			f.commands = append(f.commands, strings.TrimSpace(line))
			f.mu.Unlock()
		}
		if f.tame && word != "say" && word != "fail" {
			continue
		}
		switch word {
		case "say":
			print(rest)
		case "result":
			f.say(f.iopub, m.Identities, jupyter.DisplayData, m.Header, map[string]any{
				"data": map[string]any{"text/plain": rest}, "metadata": map[string]any{ResultMark: true}, "transient": map[string]any{}})
		case "fail":
			reply = jupyter.Reply{Status: "error", EName: "ERROR", EValue: rest, Traceback: []string{rest}, ExecutionCount: f.count}
			f.say(f.iopub, m.Identities, jupyter.ErrorOutput, m.Header, jupyter.Failure{EName: "ERROR", EValue: rest, Traceback: []string{rest}})
		case "hold":
			select {
			case <-f.release:
			case <-f.interrupt:
				reply = jupyter.Reply{Status: "error", EName: "ERROR", EValue: "signal: interrupt"}
			case <-f.done:
				return false
			}
		case "deaf":
			select {
			case <-f.release:
			case <-f.done:
				return false
			}
		case "die":
			return false
		case "ask":
			f.say(f.stdin, m.Identities, jupyter.InputRequest, m.Header, jupyter.Input{Prompt: "name? "})
			print("hello " + <-f.inputs)
		case "big":
			n, text := 0, strings.Repeat("x", 64<<10)
			_ = json.Unmarshal([]byte(rest), &n)
			for range n {
				print(text)
			}
		}
	}
	f.say(f.shell, m.Identities, jupyter.ExecuteReply, m.Header, reply)
	return true
}

func (f *fake) listenToInput() {
	for {
		frames, err := f.stdin.Recv(context.Background())
		if err != nil {
			return
		}
		if m, err := f.signer.Decode(frames); err == nil {
			var in struct{ Value string }
			_ = json.Unmarshal(m.Content, &in)
			f.inputs <- in.Value
		}
	}
}

// stage is a relay in front of fakes.
type stage struct {
	*Relay
	t     testing.TB
	fakes []*fake
	mu    sync.Mutex
}

// play starts a relay; change may set options.
func play(t testing.TB, change func(*Options)) *stage {
	t.Helper()
	dir, err := os.MkdirTemp("", "rl")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &stage{t: t}
	opts := Options{Front: jupyter.Private(filepath.Join(dir, "f"), "secret")}
	opts.start = func() (engine, error) {
		f := newFake(t, "secret")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fakes = append(s.fakes, f)
		return f, nil
	}
	if change != nil {
		change(&opts)
	}
	s.Relay, err = Start(context.Background(), opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		s.Close()
		for _, f := range s.fakes {
			f.Close(0)
		}
	})
	return s
}

// gonb returns the fake that was started last.
func (s *stage) gonb() *fake {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fakes[len(s.fakes)-1]
}

func (s *stage) started() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.fakes)
}

// front is a front end that keeps all it hears.
type front struct {
	t       testing.TB
	session string
	signer  *jupyter.Signer

	shell, control, stdin, iopub *zmtp.Socket

	mu    sync.Mutex
	heard []jupyter.Message
	more  chan struct{}
}

// connect connects a front end and waits until it hears what is published. name is its session.
func (s *stage) connect(name string) *front {
	s.t.Helper()
	f := &front{t: s.t, session: name, signer: s.signer, more: make(chan struct{}, 1)}
	dial := func(ch jupyter.Channel, role zmtp.Role) *zmtp.Socket {
		network, addr := s.Connection().Endpoint(ch)
		sock, err := zmtp.Dial(within(s.t), network, addr, role, zmtp.Options{Identity: name, Limits: zmtp.Limits{Message: 1 << 30}})
		require.NoError(s.t, err)
		s.t.Cleanup(func() { sock.Close() })
		return sock
	}
	f.iopub, f.shell = dial(jupyter.IOPub, zmtp.Sub), dial(jupyter.Shell, zmtp.Dealer)
	f.control, f.stdin = dial(jupyter.Control, zmtp.Dealer), dial(jupyter.Stdin, zmtp.Dealer)
	go func() {
		for {
			frames, err := f.iopub.Recv(context.Background())
			if err != nil {
				return
			}
			m, err := f.signer.Decode(frames)
			if err != nil {
				m.Header.Type = err.Error()
			}
			f.mu.Lock()
			f.heard = append(f.heard, m)
			f.mu.Unlock()
			select {
			case f.more <- struct{}{}:
			default:
			}
		}
	}()
	for {
		id := f.send(f.shell, jupyter.KernelInfoRequest, map[string]any{})
		f.reply(f.shell, id)
		deadline := time.After(20 * time.Millisecond)
		for waiting := true; waiting; {
			select {
			case <-f.more:
				if f.idle(id) {
					return f
				}
			case <-deadline: // the subscription came late
				waiting = false
			}
		}
	}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (f *front) send(s *zmtp.Socket, kind string, content any) (id string) {
	f.t.Helper()
	m, err := jupyter.NewMessage(f.session, kind, jupyter.Header{}, content)
	require.NoError(f.t, err)
	frames, err := f.signer.Encode(m)
	require.NoError(f.t, err)
	require.NoError(f.t, s.Send(frames))
	return m.Header.ID
}

// execute sends a cell.
func (f *front) execute(code string, change ...func(map[string]any)) (id string) {
	f.t.Helper()
	content := map[string]any{"code": code, "silent": false, "store_history": true, "stop_on_error": true, "allow_stdin": true, "user_expressions": map[string]any{}}
	for _, c := range change {
		c(content)
	}
	return f.send(f.shell, jupyter.ExecuteRequest, content)
}

// reply waits for the reply to a request; those to others are passed over.
func (f *front) reply(s *zmtp.Socket, id string) jupyter.Message {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		frames, err := s.Recv(ctx)
		require.NoError(f.t, err)
		m, err := f.signer.Decode(frames)
		require.NoError(f.t, err)
		if m.Parent.ID == id {
			return m
		}
	}
}

// run runs a cell and waits until it is idle again.
func (f *front) run(code string, change ...func(map[string]any)) (reply jupyter.Reply, heard []jupyter.Message) {
	f.t.Helper()
	id := f.execute(code, change...)
	require.NoError(f.t, f.reply(f.shell, id).Decode(&reply))
	f.await("idle", func() bool { return f.idle(id) })
	return reply, f.of(id)
}

// await waits until something is heard.
func (f *front) await(what string, cond func() bool) {
	f.t.Helper()
	ctx := within(f.t)
	for !cond() {
		select {
		case <-f.more:
		case <-ctx.Done():
			require.FailNow(f.t, "not within a minute: "+what)
		}
	}
}

// of returns what was heard of a request.
func (f *front) of(id string) (list []jupyter.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.heard {
		if m.Parent.ID == id {
			list = append(list, m)
		}
	}
	return list
}

func (f *front) idle(id string) bool { return strings.HasSuffix(tell(f.of(id)), "idle") }

// ended is idle for one who heard much.
func (f *front) ended(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.heard) - 1; i >= 0; i-- {
		m := f.heard[i]
		if m.Parent.ID == id && m.Header.Type != jupyter.StatusUpdate {
			return false
		}
		if m.Parent.ID == id && strings.Contains(string(m.Content), "idle") {
			return true
		}
	}
	return false
}

func (f *front) printed(id, text string) bool { return strings.Contains(tell(f.of(id)), text) }

// tell writes down what was heard, in short.
func tell(list []jupyter.Message) string {
	var words []string
	for _, m := range list {
		var c struct {
			State  string `json:"execution_state"`
			Text   string `json:"text"`
			EName  string `json:"ename"`
			EValue string `json:"evalue"`
			Count  int    `json:"execution_count"`
		}
		_ = m.Decode(&c)
		switch m.Header.Type {
		case jupyter.StatusUpdate:
			words = append(words, c.State)
		case jupyter.StreamOutput:
			words = append(words, "print "+c.Text)
		case jupyter.ErrorOutput:
			words = append(words, c.EName+": "+c.EValue)
		default:
			words = append(words, m.Header.Type)
		}
	}
	return strings.Join(words, " | ")
}
