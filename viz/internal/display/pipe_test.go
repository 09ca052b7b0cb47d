//go:build linux || darwin

package display

import (
	"encoding/gob"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// kernel is the other end of the pipes: it notes displays in order, and acknowledges.
type kernel struct {
	mu    sync.Mutex
	got   []protocol.DisplayData
	ended chan struct{}
}

func startKernel(t *testing.T) (k *kernel, to, from string) {
	t.Helper()
	dir := t.TempDir()
	to, from = filepath.Join(dir, "to"), filepath.Join(dir, "from")
	for _, p := range []string{to, from} {
		require.NoError(t, unix.Mkfifo(p, 0o600))
	}
	k = &kernel{ended: make(chan struct{})}
	go k.run(to, from)
	return k, to, from
}

func (k *kernel) run(to, from string) {
	defer close(k.ended)
	in, err := os.Open(to)
	if err != nil {
		return
	}
	defer in.Close()
	out, err := os.OpenFile(from, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer out.Close()
	dec, enc := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var d protocol.DisplayData
		if dec.Decode(&d) != nil {
			return
		}
		if v, ok := d.Data[protocol.MIMECommValue].(protocol.CommValue); ok && v.Address == protocol.GonbuiSyncAddress {
			enc.Encode(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: v.Value})
			continue
		}
		k.mu.Lock()
		k.got = append(k.got, d)
		k.mu.Unlock()
	}
}

func TestPipe(t *testing.T) {
	k, to, from := startKernel(t)
	p, err := Dial(to, from)
	require.NoError(t, err)
	require.NoError(t, p.Send(Message{Data: map[string]any{"text/plain": "a", "text/html": "<b>a</b>"}}))
	require.NoError(t, p.Send(Message{Data: map[string]any{"text/plain": "b"}, ID: "id1"}))
	require.NoError(t, p.Sync())
	k.mu.Lock() // after Sync everything has arrived
	got := k.got
	k.mu.Unlock()
	if len(got) != 2 || got[0].Data["text/html"] != "<b>a</b>" || got[0].DisplayID != "" || got[1].DisplayID != "id1" || got[1].Data["text/plain"] != "b" {
		t.Errorf("the kernel has got %v", got)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			p.Send(Message{Data: map[string]any{"text/plain": strings.Repeat("x", 100_000)}})
			assert.NoError(t, p.Sync())
		})
	}
	wg.Wait()
	p.Close()
	<-k.ended
	assert.Error(t, p.Send(Message{}), "a closed pipe takes more")
}

func TestPipeToAKernelThatEnds(t *testing.T) {
	dir := t.TempDir()
	to, from := filepath.Join(dir, "to"), filepath.Join(dir, "from")
	for _, p := range []string{to, from} {
		require.NoError(t, unix.Mkfifo(p, 0o600))
	}
	go func() { // opens both, reads nothing, ends
		in, _ := os.Open(to)
		out, _ := os.OpenFile(from, os.O_WRONLY, 0)
		in.Close()
		out.Close()
	}()
	p, err := Dial(to, from)
	require.NoError(t, err)
	assert.Error(t, p.Sync(), "Sync succeeds without a kernel")
}

func TestPipeWithoutAKernel(t *testing.T) {
	_, err := Dial(filepath.Join(t.TempDir(), "none"), "")
	assert.Error(t, err, "a pipe that is not there was opened")
	path := filepath.Join(t.TempDir(), "alone")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	_, err = Dial(path, path)
	assert.ErrorContains(t, err, "nobody is at the other end")
}
