package studio

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// desk is a real kernel, and a front end of it.
type desk struct {
	*relay.Relay
	*kernel.Client
	t   *testing.T
	tmp string // where all private directories are

	mu      sync.Mutex
	printed strings.Builder
	streams map[string]string // the same by stream
}

func open(t *testing.T) *desk {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("only Linux tells of the processes of a cell")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ws, err := workspace.Open(ctx, workspace.Options{})
	var tools workspace.Tools
	if err == nil {
		tools, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	tmp, err := os.MkdirTemp("/tmp", "st")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(tmp) })
	t.Setenv("TMPDIR", tmp)
	d := &desk{t: t, tmp: tmp, streams: map[string]string{}}
	d.Relay, err = Start(ctx, Options{Workspace: ws, Tools: tools})
	require.NoError(t, err)
	t.Cleanup(d.Relay.Close)
	d.Client, err = kernel.Connect(ctx, d.Connection(), d.Relay.Done(), kernel.Handlers{IOPub: func(m jupyter.Message) {
		var s jupyter.Stream
		if m.Header.Type == jupyter.StreamOutput && m.Decode(&s) == nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.printed.WriteString(s.Text)
			d.streams[s.Name] += s.Text
		}
	}})
	require.NoError(t, err)
	t.Cleanup(d.Client.Close)
	return d
}

func (d *desk) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.printed.String()
}

func (d *desk) await(what string, cond func() bool) {
	d.t.Helper()
	for end := time.Now().Add(3 * time.Minute); !cond(); time.Sleep(5 * time.Millisecond) {
		require.False(d.t, time.Now().After(end), "%s: not within three minutes", what)
	}
}

// slow is a cell whose compilation takes many seconds.
func slow() string {
	var b strings.Builder
	b.WriteString("%%\nvar x [16]int\n")
	for range 60_000 {
		b.WriteString("x[len(os.Args)&7] += x[x[3]&15]*x[x[1]&15] + len(os.Args)\n")
	}
	return b.String()
}

// An interrupt ends whatever a cell is at, and aborts the cells behind it; the kernel goes on, and nothing of the cell
// is left.
func TestAnInterruptEndsWhateverACellIsAt(t *testing.T) {
	d := open(t)
	running := func() bool {
		list, _ := filepath.Glob(filepath.Join(d.tmp, "quire-run-*", "g", "run", "*"))
		return len(list) > 0
	}
	says := func() bool { return strings.Contains(d.text(), "on") }
	const loop = "for { time.Sleep(time.Millisecond) }"
	for _, c := range []struct {
		name, code string
		begun      func() bool
		want       string // "" means that it ends well
	}{
		{"a build", slow(), running, "the cell was interrupted"},
		{"a program", "%%\nn := 1\nfmt.Println(\"on\", n); " + loop, says, "In[#]:3: the cell was interrupted"},
		{"a program that waits in a function", "func wait() {\n\tfmt.Println(\"on\"); select {}\n}\n%%\ngo func() { " + loop + " }()\nwait()", says, "In[#]:2: the cell was interrupted"},
		{"a program that computes", "%%\nfmt.Println(\"on\")\nn := 0\nfor {\n\tn++\n}", says, "In[#]:"},
		{"a program that could train, and does not", "import \"github.com/quire-ml/quire/ml/train\"\n\n%%\nfmt.Println(train.Step)\nfmt.Println(\"on\"); " + loop, says, "In[#]:5: the cell was interrupted"},
		{"a program that takes notice", "%%\nctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)\ndefer stop()\nfmt.Println(\"on\")\n<-ctx.Done()\nfmt.Println(\"saved\")", says, ""},
		{"a program that takes none", "%%\nsignal.Ignore(os.Interrupt)\nfmt.Println(\"on\")\n" + loop, says, "the cell was interrupted"},
		{"a command of the shell", "!echo on; sleep 600; echo never", says, "the cell was interrupted"},
		{"one that starts others", "!(echo on; sleep 600) | cat", says, "the cell was interrupted"},
		{"one that takes no notice", "!trap '' INT; echo on; sleep 600", says, "the cell was interrupted"},
		{"one that comes to an end", "!trap 'echo saved; exit 0' INT; echo on; sleep 600", says, ""},
		{"a command before Go", "!echo on; sleep 600\n%%\nfmt.Println(\"never\")", says, "the cell was interrupted"},
		{"a script", "%%bash\necho on\nsleep 600", says, "the cell was interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.mu.Lock()
			d.printed.Reset()
			d.mu.Unlock()
			cell, err := d.Execute(jupyter.Execute{Code: c.code, StoreHistory: true})
			require.NoError(t, err)
			next, err := d.Execute(jupyter.Execute{Code: "%%\nfmt.Println(\"never\")", StoreHistory: true})
			require.NoError(t, err)
			d.await("the begin", c.begun)
			require.NoError(t, d.Client.Interrupt())
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			reply, err := cell.Wait(ctx)
			require.NoError(t, err)
			if c.want == "" {
				assert.Equal(t, "ok", reply.Status, "%+v", reply)
				assert.Contains(t, d.text(), "saved")
			} else if here := strings.Replace(c.want, "#", strconv.Itoa(reply.ExecutionCount), 1); here == c.want {
				assert.Equal(t, "KeyboardInterrupt: "+c.want, reply.EName+": "+reply.EValue)
				assert.Equal(t, []string{c.want}, reply.Traceback)
			} else {
				assert.Equal(t, "KeyboardInterrupt", reply.EName)
				assert.True(t, strings.HasPrefix(reply.EValue, here), "%s: %s", here, reply.EValue)
				assert.NotContains(t, d.text(), "goroutine ")
			}
			reply, err = next.Wait(ctx)
			require.NoError(t, err)
			assert.Equal(t, "aborted", reply.Status)
			assert.NotContains(t, d.text(), "never")
			for _, name := range []string{"compile", "sleep", "link"} {
				d.await("the end of "+name, func() bool { return !d.has(name) })
			}
			reply, err = d.Run(ctx, jupyter.Execute{Code: "%%\nfmt.Println(\"alive\")", StoreHistory: true})
			require.NoError(t, err)
			assert.Equal(t, "ok", reply.Status, "%+v", reply)
			assert.Contains(t, d.text(), "alive")
		})
	}
}

// has reports whether a process of the kernel has the name.
func (d *desk) has(name string) bool {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range procs {
		comm, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "comm"))
		if strings.TrimSpace(string(comm)) != name {
			continue
		}
		if env, err := os.ReadFile(p); err == nil && strings.Contains(string(env), "TMPDIR="+d.tmp) {
			return true
		}
	}
	return false
}
