package failure_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/require"
)

var record = flag.Bool("record", false, "write down anew what the real kernel publishes")

// recording is what the kernel published of one cell.
type recording struct {
	Kind     string
	Source   string
	Count    int // the cell's execution count
	Messages []published
	Reply    jupyter.Reply
}

// published is a message.
type published struct {
	Type    string
	Content json.RawMessage
}

// recorded are the files of what the kernel published: with errors as text, and as HTML.
func recorded(raw bool) string {
	if raw {
		return "testdata/recorded.text.json"
	}
	return "testdata/recorded.html.json"
}

// run runs all kinds in a real kernel.
func run(t *testing.T, raw bool) []recording {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	var tools workspace.Tools
	if err == nil {
		tools, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	own := ownModule(t)
	_, modules := ws.GoCache()
	mask := strings.NewReplacer(own, ownPath, ws.Module, "/src/quire", modules, "/modules")
	p, err := kernel.Start(kernel.Options{
		Workspace: ws, Tools: tools, Dir: t.TempDir(), RawErrors: raw, Env: []string{"QUIRE_TEST_MODULE=" + own},
	})
	require.NoError(t, err)
	defer p.Close(0)
	var mu sync.Mutex
	heard := map[string][]published{}
	begun := make(chan struct{}, 1000)
	c, err := kernel.Connect(ctx, p.Connection, p.Done(), kernel.Handlers{IOPub: func(m jupyter.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Header.Type != jupyter.StatusUpdate && m.Header.Type != jupyter.ExecuteInput {
			heard[m.Parent.ID] = append(heard[m.Parent.ID], published{m.Header.Type, json.RawMessage(mask.Replace(string(m.Content)))})
		}
		if strings.Contains(string(m.Content), "begun") && m.Header.Type == jupyter.StreamOutput {
			begun <- struct{}{}
		}
	}})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Run(ctx, jupyter.Execute{Code: "%noautoget", Silent: true})
	require.NoError(t, err)
	var all []recording
	for _, k := range kinds {
		for _, source := range k.cells {
			r := recording{Kind: k.name, Source: source}
			e, err := c.Execute(jupyter.Execute{Code: source, StoreHistory: true, StopOnError: true})
			require.NoError(t, err)
			if k.name == "an interrupted cell" {
				<-begun
				require.NoError(t, c.Interrupt())
			}
			r.Reply, err = e.Wait(ctx)
			require.NoError(t, err, "%s: %s", k.name, source)
			masked, _ := json.Marshal(r.Reply)
			require.NoError(t, json.Unmarshal([]byte(mask.Replace(string(masked))), &r.Reply))
			mu.Lock()
			r.Messages, r.Count = heard[e.ID], r.Reply.ExecutionCount
			mu.Unlock()
			all = append(all, r)
		}
	}
	return all
}

// ownPath stands for the directory of a module of the user's own in what is recorded.
const ownPath = "/home/somebody/own"

// ownModule makes that module, whose one package has a mistake.
func ownModule(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "own")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/own\n\ngo 1.26\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "own.go"), []byte("package own\n\nfunc Wrong() int {\n\treturn missing\n}\n"), 0o644))
	return dir
}

func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("-record writes down what the kernel says")
	}
	for _, raw := range []bool{true, false} {
		text, err := json.MarshalIndent(run(t, raw), "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(recorded(raw), append(text, '\n'), 0o644))
	}
}
