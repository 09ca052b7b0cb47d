package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/zmtp"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hooks is one of each, which do what the words of a cell say.
type hooks struct {
	mu    sync.Mutex
	ended []string
	comms []string
}

func (h *hooks) Prepare(_ context.Context, c Cell) (Sent, error) {
	switch {
	case strings.HasPrefix(c.Source, "refuse"):
		return Sent{}, errors.New("no such thing")
	case strings.HasPrefix(c.Source, "blame"):
		return Sent{}, &jupyter.Failure{EName: "Blame", EValue: "In[1]:1: it is you", Traceback: []string{"a", "b"}}
	case strings.HasPrefix(c.Source, "break"):
		panic("a bug")
	case strings.HasPrefix(c.Source, "show"):
		return Sent{Outputs: []Output{{jupyter.StreamOutput, jupyter.Stream{Name: "stdout", Text: "shown"}}}, Done: true}, nil
	}
	return Sent{Code: strings.ReplaceAll(c.Source, "bare", "say dressed")}, nil
}

func (h *hooks) Ended(c Cell, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = append(h.ended, fmt.Sprint(c.Count, " ", ok))
}

func (h *hooks) Inspect(_ context.Context, code string, cursor, detail int) (map[string]any, bool) {
	if code == "break" {
		panic("a bug")
	}
	return map[string]any{"text/plain": fmt.Sprint("at ", cursor, " detail ", detail)}, code != ""
}

func (h *hooks) Complete(_ context.Context, code string, cursor int) jupyter.Completion {
	return jupyter.Completion{Matches: []string{code + "!"}, CursorStart: 0, CursorEnd: cursor}
}

func (h *hooks) Comm(m jupyter.Message) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.comms = append(h.comms, m.Header.Type+string(m.Content))
	return !strings.Contains(string(m.Content), "gonb")
}

func (h *hooks) CommInfo(target string) map[string]string { return map[string]string{"id": target} }

func (h *hooks) Begin(Cell) Report { return &report{} }

func (h *hooks) Mistake(c Cell, err error) *jupyter.Failure {
	if strings.Contains(err.Error(), "line 1") {
		return &jupyter.Failure{EName: "Mistake", EValue: fmt.Sprintf("In[%d]: %v", c.Count, err)}
	}
	return nil
}

type report struct{ held string }

func (r *report) Output(kind string, content json.RawMessage) ([]Output, bool) {
	var s jupyter.Stream
	if json.Unmarshal(content, &s) != nil || !strings.HasPrefix(s.Text, "secret") {
		return nil, false
	}
	r.held = s.Text
	return nil, true
}

func (r *report) End(f *jupyter.Failure) []Output {
	if f != nil {
		f.EValue = "plainly: " + f.EValue
	}
	if r.held == "" {
		return nil
	}
	return []Output{{jupyter.StreamOutput, jupyter.Stream{Name: "stdout", Text: "[held]"}}}
}

func magics() []Magic {
	return []Magic{
		{Name: "greet", Args: "[NAME]", Short: "greets", Long: "Greets somebody.", Twin: "fmt.Println", Run: func(_ context.Context, c *Call) error {
			c.Print("hi " + c.Args)
			return nil
		}},
		{Name: "picture", Short: "shows one", Run: func(_ context.Context, c *Call) error {
			c.Display(map[string]any{"text/plain": "picture"})
			return nil
		}},
		{Name: "wrong", Run: func(context.Context, *Call) error { return errors.New("it went wrong") }},
		{Name: "buggy", Run: func(context.Context, *Call) error { panic("a bug") }},
		{Name: "wait", Run: func(ctx context.Context, _ *Call) error { <-ctx.Done(); return ctx.Err() }},
	}
}

func all(h *hooks) func(*Options) {
	return func(o *Options) {
		o.Cells, o.Inspector, o.Comms, o.Failures, o.Magics = h, h, h, h, magics()
	}
}

// What a front end hears of a cell, in which order, and what it is replied.
func TestCells(t *testing.T) {
	silent := func(c map[string]any) { c["silent"] = true }
	for _, c := range []struct {
		name, code   string
		plain, hooks string // what is heard without hooks and with them; "" is the same
		status       string
		change       func(map[string]any)
	}{
		{"prints", "say a\nsay b", "busy | execute_input | print a | print b | idle", "", "ok", nil},
		{"has a result", "say a\nresult 3", "busy | execute_input | print a | execute_result | idle", "", "ok", nil},
		{"is empty", " \n", "busy | execute_input | idle", "", "ok", nil},
		{"is silent", "say a", "busy | print a | idle", "", "ok", silent},
		{"fails", "say a\nfail badly", "busy | execute_input | print a | ERROR: badly | idle",
			"busy | execute_input | print a | ERROR: plainly: badly | idle", "error", nil},
		{"has an unknown command", "say a\n%nosuch", "busy | execute_input | ERROR: line 2: there is no command %nosuch (%help lists those there are) | idle", "", "error", nil},
		{"is made other", "bare", "busy | execute_input | idle", "busy | execute_input | print dressed | idle", "ok", nil},
		{"is refused", "refuse", "busy | execute_input | idle", "busy | execute_input | ERROR: no such thing | idle", "", nil},
		{"is refused by name", "blame", "busy | execute_input | idle", "busy | execute_input | Blame: In[1]:1: it is you | idle", "", nil},
		{"meets a bug of a hook", "break", "busy | execute_input | idle", "busy | execute_input | ERROR: preparing the cell: the kernel's own code broke: a bug | idle", "", nil},
		{"needs no gonb", "show", "busy | execute_input | idle", "busy | execute_input | print shown | idle", "ok", nil},
		{"prints what is held back", "say secret\nsay b", "busy | execute_input | print secret | print b | idle", "busy | execute_input | print b | print [held] | idle", "ok", nil},
		{"has a magic", "say b\n%greet you", "", "busy | execute_input | print hi you | print b | idle", "ok", nil},
		{"has magics alone", "%greet you\n%picture\n", "", "busy | execute_input | print hi you | display_data | idle", "ok", nil},
		{"has a magic in a string", "x := `\n%greet you\n`", "busy | execute_input | idle", "", "ok", nil},
		{"has a magic that fails", "%wrong\nsay b", "", "busy | execute_input | Mistake: In[1]: line 1: it went wrong | idle", "error", nil},
		{"has a magic with a bug", "%buggy", "", "busy | execute_input | Mistake: In[1]: line 1: %buggy: the kernel's own code broke: a bug | idle", "error", nil},
		{"has a magic before a mistake", "%greet\n%nosuch", "", "busy | execute_input | ERROR: line 2: there is no command %nosuch (%help lists those there are) | idle", "error", nil},
	} {
		t.Run("a cell that "+c.name, func(t *testing.T) {
			for _, hooked := range []bool{false, true} {
				want, change := c.plain, func(*Options) {}
				if hooked {
					change = all(&hooks{})
					if c.hooks != "" {
						want = c.hooks
					}
				}
				if want == "" {
					continue
				}
				f := play(t, change).connect("a")
				change2 := c.change
				if change2 == nil {
					change2 = func(map[string]any) {}
				}
				reply, heard := f.run(c.code, change2)
				assert.Equal(t, want, tell(heard), "hooked: %v", hooked)
				assert.Equal(t, 1, reply.ExecutionCount)
				if c.status != "" {
					assert.Equal(t, c.status, reply.Status, "hooked: %v", hooked)
				}
			}
		})
	}
}

func TestHelpListsOurOwnMagicsToo(t *testing.T) {
	f := play(t, all(&hooks{})).connect("a")
	_, heard := f.run("%help")
	assert.Contains(t, tell(heard), "%greet [NAME]            greets")
}

// What gonb counts is what the front end counts, however many cells gonb never saw.
func TestGonbCountsAsFrontEndsDo(t *testing.T) {
	h := &hooks{}
	s := play(t, all(h))
	f := s.connect("a")
	for i, code := range []string{"say a", "", "%greet", "show", "refuse", "say b", "fail x", "say c"} {
		reply, _ := f.run(code)
		assert.Equal(t, i+1, reply.ExecutionCount, code)
	}
	reply, _ := f.run("say quietly", func(c map[string]any) { c["store_history"] = false })
	assert.Equal(t, 9, reply.ExecutionCount)
	reply, _ = f.run("say d")
	assert.Equal(t, 9, reply.ExecutionCount)
	assert.Equal(t, 9, s.gonb().counted())
	h.mu.Lock()
	defer h.mu.Unlock()
	assert.Equal(t, []string{"1 true", "4 true", "6 true", "7 false", "8 true", "9 true", "9 true"}, h.ended)
}

// A queue goes on after an error only if the cell says so; cells that are aborted are busy and idle too.
func TestTheQueueIsAbortedAfterAnError(t *testing.T) {
	s := play(t, nil)
	f := s.connect("a")
	goOn := func(c map[string]any) { c["stop_on_error"] = false }
	first := f.execute("hold\nfail a")
	ids := []string{f.execute("say b"), f.execute("say c")}
	f.await("the first cell", func() bool { return f.printed(first, "execute_input") })
	s.gonb().release <- struct{}{}
	statuses := func(ids ...string) (list []string) {
		for _, id := range ids {
			var r jupyter.Reply
			require.NoError(t, f.reply(f.shell, id).Decode(&r))
			list = append(list, r.Status)
		}
		return list
	}
	require.Equal(t, []string{"error", "aborted", "aborted"}, statuses(append([]string{first}, ids...)...))
	f.await("the end", func() bool { return f.idle(ids[1]) })
	assert.Equal(t, "busy | idle", tell(f.of(ids[0])))
	ids = []string{f.execute("fail a", goOn), f.execute("say b"), f.execute("say c")}
	require.Equal(t, []string{"error", "ok", "ok"}, statuses(ids...))
	reply, _ := f.run("say d")
	assert.Equal(t, 5, reply.ExecutionCount, "aborted cells count")
}

// What is asked while a cell runs is answered at once, between busy and idle, and the kernel is busy again after it.
func TestQuestionsAreAnsweredWhileACellRuns(t *testing.T) {
	h := &hooks{}
	s := play(t, all(h))
	f := s.connect("a")
	f.run("say first")
	cell := f.execute("hold")
	f.await("the cell", func() bool { return f.printed(cell, "execute_input") })
	for _, c := range []struct {
		kind    string
		content map[string]any
		want    string
	}{
		{"kernel_info", map[string]any{}, `"implementation":"quire"`},
		{"history", map[string]any{"hist_access_type": "tail", "n": 1}, `[[0,2,"hold"]]`},
		{"history", map[string]any{"hist_access_type": "range", "start": 1, "stop": 2, "output": true}, `[[0,1,["say first",null]]]`},
		{"history", map[string]any{"hist_access_type": "search", "pattern": "say*"}, `[[0,1,"say first"]]`},
		{"comm_info", map[string]any{"target_name": "x"}, `{"id":{"target_name":"x"}}`},
		{"is_complete", map[string]any{"code": "x := 1"}, `"status":"complete"`},
		{"is_complete", map[string]any{"code": "f("}, `"indent":"\t","status":"incomplete"`},
		{"inspect", map[string]any{"code": "äx", "cursor_pos": 1, "detail_level": 1}, "at 1 detail 1"},
		{"inspect", map[string]any{"code": "äx", "cursor_pos": 99}, "at 2 detail 0"},
		{"inspect", map[string]any{"code": "", "cursor_pos": 0}, `"found":false`},
		{"inspect", map[string]any{"code": "break"}, `"found":false`},
		{"inspect", map[string]any{"code": "x\n%greet you", "cursor_pos": 5}, `Greets somebody.\n\nThe same in Go: fmt.Println`},
		{"complete", map[string]any{"code": "ab", "cursor_pos": 1}, `"matches":["ab!"],"cursor_start":0,"cursor_end":1`},
		{"complete", map[string]any{"code": "x\n%gr", "cursor_pos": 5}, `"matches":["%greet"],"cursor_start":2,"cursor_end":5`},
		{"complete", map[string]any{"code": "%noauto", "cursor_pos": 7}, `"matches":["%noautoget"]`},
		{"complete", map[string]any{"code": "%x y", "cursor_pos": -4}, `"matches":["%x y!"],"cursor_start":0,"cursor_end":0`},
		{"interrupt_not", map[string]any{}, ""},
	} {
		if c.want == "" {
			continue
		}
		for _, sock := range []*zmtp.Socket{f.shell, f.control} {
			id := f.send(sock, c.kind+"_request", c.content)
			m := f.reply(sock, id)
			assert.Equal(t, c.kind+"_reply", m.Header.Type)
			assert.Contains(t, string(m.Content), c.want)
			f.await("idle", func() bool { return f.idle(id) })
			assert.Equal(t, "busy | idle", tell(f.of(id)), c.kind)
			f.await("busy again", func() bool { return strings.HasSuffix(tell(f.of(cell)), "busy") })
		}
	}
	s.gonb().release <- struct{}{}
	f.await("the end", func() bool { return f.idle(cell) })
}

func TestInterrupts(t *testing.T) {
	interrupt := func(f *front) {
		f.reply(f.control, f.send(f.control, jupyter.InterruptRequest, map[string]any{}))
	}
	s := play(t, func(o *Options) { o.Magics, o.grace = magics(), 50*time.Millisecond })
	f := s.connect("a")
	interrupt(f) // nothing runs
	for i, c := range []struct{ code, want string }{
		{"say on\nhold", "KeyboardInterrupt: the cell was interrupted"},
		{"%greet\n%wait", "KeyboardInterrupt: the cell was interrupted"},
		{"say on\ndeaf", "KeyboardInterrupt: the cell was interrupted; it took no notice for 50ms and was killed together with gonb" + again},
		{"say on\nhold", "KeyboardInterrupt: the cell was interrupted"},
	} {
		cell, next := f.execute(c.code, func(c map[string]any) { c["stop_on_error"] = false }), f.execute("say b")
		f.await("the cell", func() bool { return f.printed(cell, "print ") })
		interrupt(f)
		f.await("the end", func() bool { return f.idle(cell) && f.idle(next) })
		assert.Contains(t, strings.ReplaceAll(tell(f.of(cell)), " | busy", ""), c.want+" | idle", "cell %d", i)
		assert.Equal(t, "busy | idle", tell(f.of(next)), "what waits is aborted")
	}
	reply, heard := f.run("say alive")
	assert.Equal(t, "ok", reply.Status, tell(heard))
	assert.Equal(t, 2, s.started(), "only the deaf one is killed")
}

// gonb's death is an error of the running cell, or a line before the next; another one knows what it knew, and front ends
// stay connected.
func TestGonbsDeath(t *testing.T) {
	s := play(t, nil)
	f := s.connect("a")
	f.run("say declared")
	reply, heard := f.run("die")
	assert.Equal(t, "error", reply.Status)
	assert.Equal(t, "busy | execute_input | KernelEnded: the kernel (gonb) ended: signal: killed"+again+" | idle", tell(heard))
	reply, heard = f.run("say again")
	assert.Equal(t, 3, reply.ExecutionCount)
	assert.Equal(t, "busy | execute_input | print again | idle", tell(heard))
	assert.Equal(t, []string{"say declared"}, s.gonb().told())
	assert.Equal(t, 3, s.gonb().counted())
	was := s.gonb()
	was.Kill()
	ctx := within(t)
	for s.gonb() == was && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	_, heard = f.run("say later")
	assert.Equal(t, "busy | execute_input | print the kernel (gonb) ended: signal: killed"+again+"\n | print later | idle", tell(heard))
	assert.Equal(t, []string{"say replayed\nsay again"}, s.gonb().told())
}

// What cells have set is set again in the gonb that takes the place of one that died, in whatever way it died.
func TestSettingsOutliveGonb(t *testing.T) {
	s := play(t, nil)
	f := s.connect("a")
	for _, cell := range []string{
		"%env A=1\n%cd /tmp", "%cd sub\n%cd ..", "%env B 2 3", "%env A=4", "%env", "%cd", "%goflags \"-race\"", "%autoget", "fail no\n%env C=5",
		"%env MULTI \\\nlines", "%%bash\n%env NOT=1", "say `\n%env NOT=1\n`", "%autoget\n%noautoget",
	} {
		f.run(cell)
	}
	require.NoError(t, s.Setenv(within(t), map[string]string{"D": "6"}))
	want := []string{"%noautoget", "%cd /tmp", "%cd sub", "%cd ..", "%env B 2 3", "%env A 4", "%goflags \"-race\"", "%env C 5", "%env MULTI  lines", "%noautoget", "%env D=6"}
	f.run("%env E=7\ndie")
	f.run("say there")
	assert.Equal(t, append(want, "%env E 7"), s.gonb().commanded())
	reply, _ := f.run("%cd /\n%env E=8\ndie")
	assert.Equal(t, "error", reply.Status)
	f.run("say there")
	want = []string{"%noautoget", "%env B 2 3", "%env A 4", "%goflags \"-race\"", "%env C 5", "%env MULTI  lines", "%noautoget", "%env D=6", "%cd /", "%env E 8"}
	assert.Equal(t, want, s.gonb().commanded())
}

// A cell that comes while gonb dies runs, in this one or in the next, or says that gonb ended: at no moment anything else.
func TestGonbDiesAroundACell(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	s := play(t, nil)
	f := s.connect("a")
	f.run("say declared")
	ran, ended := 0, 0
	for i := range rounds {
		was := s.gonb()
		before := make(chan bool)
		go func() {
			defer close(before)
			time.Sleep(rand.N(400 * time.Microsecond))
			if i%2 == 0 {
				was.Kill()
			} else { // its sockets go one after the other, and its process stays
				was.shell.Close()
			}
		}()
		time.Sleep(rand.N(400 * time.Microsecond))
		reply, heard := f.run("say x")
		<-before
		told := tell(heard)
		switch {
		case reply.Status == "ok":
			ran++
			assert.Contains(t, told, "print x | idle", "round %d", i)
		default:
			ended++
			assert.Contains(t, told, "KernelEnded: the kernel (gonb) ended: signal: killed"+again, "round %d: %+v", i, reply)
		}
		assert.Equal(t, 2*i+2, reply.ExecutionCount)
		reply, heard = f.run("say y") // one that worked, or the relay gives up
		assert.True(t, reply.Status == "ok" || strings.Contains(reply.EValue, "gonb) ended"), "%+v %s", reply, tell(heard))
	}
	t.Logf("%d ran, %d ended with gonb", ran, ended)
}

// One that cannot live is not started for ever.
func TestAGonbThatNeverWorksEndsTheRelay(t *testing.T) {
	n := 0
	s := play(t, func(o *Options) {
		start := o.start
		o.start = func() (engine, error) {
			n++
			e, err := start()
			e.Kill()
			return e, err
		}
	})
	select {
	case <-s.Done():
	case <-within(t).Done():
		t.Fatal("it goes on")
	}
	assert.EqualError(t, s.Err(), "the kernel (gonb) ended: signal: killed")
	assert.Equal(t, deaths, n)
}

func TestShutdown(t *testing.T) {
	for _, restart := range []bool{false, true} {
		s := play(t, nil)
		f := s.connect("a")
		cell := f.execute("hold")
		f.await("the cell", func() bool { return f.printed(cell, "execute_input") })
		m := f.reply(f.control, f.send(f.control, jupyter.ShutdownRequest, jupyter.Shutdown{Restart: restart}))
		assert.JSONEq(t, fmt.Sprintf(`{"status": "ok", "restart": %v}`, restart), string(m.Content))
		select {
		case <-s.Done():
		case <-within(t).Done():
			t.Fatal("it goes on")
		}
		assert.NoError(t, s.Err())
		select {
		case <-s.gonb().Done():
		default:
			t.Error("gonb goes on")
		}
		for _, ch := range []jupyter.Channel{jupyter.Shell, jupyter.Control, jupyter.Stdin, jupyter.IOPub, jupyter.Heartbeat} {
			_, addr := s.Connection().Endpoint(ch)
			_, err := os.Stat(addr)
			assert.ErrorIs(t, err, os.ErrNotExist, "a socket is left")
		}
	}
}

// Input is asked of the front end that sent the cell, and of no other session.
func TestInputGoesToWhoAsked(t *testing.T) {
	s := play(t, nil)
	a, b := s.connect("a"), s.connect("b")
	id := a.execute("ask")
	frames, err := a.stdin.Recv(within(t))
	require.NoError(t, err)
	m, err := a.signer.Decode(frames)
	require.NoError(t, err)
	assert.Equal(t, id, m.Parent.ID)
	a.send(a.stdin, jupyter.InputReply, map[string]any{"value": "Ann"})
	a.await("the end", func() bool { return a.idle(id) })
	assert.Contains(t, tell(a.of(id)), "print hello Ann")
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = b.stdin.Recv(short)
	assert.ErrorIs(t, err, context.DeadlineExceeded, "another session is asked too")
}

// Two windows of one session: each gets the replies to what it sent, both hear all, and input is asked also of the one
// that was there first.
func TestTwoClientsOfOneSession(t *testing.T) {
	s := play(t, nil)
	a, b := s.connect("same"), s.connect("same")
	id, other := a.execute("say a"), b.execute("say b")
	a.reply(a.shell, id)
	b.reply(b.shell, other)
	for _, f := range []*front{a, b} {
		f.await("both", func() bool { return f.idle(id) && f.idle(other) })
	}
	id = a.execute("ask")
	for _, f := range []*front{a, b} { // only one of them knows the cell, and nobody else knows which
		frames, err := f.stdin.Recv(within(t))
		require.NoError(t, err)
		m, err := f.signer.Decode(frames)
		require.NoError(t, err)
		require.Equal(t, id, m.Parent.ID)
	}
	b.stdin.Close()
	a.send(a.stdin, jupyter.InputReply, map[string]any{"value": "Ann"})
	a.await("the end", func() bool { return a.idle(id) })
	id = a.execute("ask")
	_, err := a.stdin.Recv(within(t))
	require.NoError(t, err, "the one that was there first is forgotten")
	a.send(a.stdin, jupyter.InputReply, map[string]any{"value": "Ann"})
	a.await("the end", func() bool { return a.idle(id) })
}

func TestCommsGoToTheHookOrToGonb(t *testing.T) {
	h := &hooks{}
	s := play(t, all(h))
	f := s.connect("a")
	mine, theirs := f.send(f.shell, jupyter.CommMsg, map[string]any{"comm_id": "1"}), f.send(f.shell, jupyter.CommOpen, map[string]any{"comm_id": "gonb"})
	f.await("idle", func() bool { return f.idle(mine) && f.idle(theirs) })
	f.run("say x") // what came before it has come
	var kinds []string
	for _, frames := range s.gonb().came() {
		h, _ := hear(frames)
		var head jupyter.Header
		for i := range frames {
			if string(frames[i]) == jupyter.Delimiter {
				_ = json.Unmarshal(frames[i+2], &head)
			}
		}
		if strings.HasPrefix(head.Type, "comm_") {
			kinds = append(kinds, head.Type+string(h.content))
		}
	}
	assert.Equal(t, []string{`comm_open{"comm_id":"gonb"}`}, kinds)
	h.mu.Lock()
	defer h.mu.Unlock()
	assert.Equal(t, []string{`comm_msg{"comm_id":"1"}`, `comm_open{"comm_id":"gonb"}`}, h.comms)
}
