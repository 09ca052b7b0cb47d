package gopls

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startFake starts a server that behaves as how says.
func startFake(t *testing.T, how string) *Server {
	t.Helper()
	if !scratch.Available {
		t.Skip("this system does not run kernels")
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	s, err := Start(Options{
		Workspace: &workspace.Workspace{Module: t.TempDir(), Cache: t.TempDir(), Go: "/no/go"},
		Env:       []string{"QUIRE_TEST_GOPLS=" + how, "QUIRE_TEST_MARKER=" + filepath.Join(t.TempDir(), "m")},
		exec:      []string{exe}, silence: time.Nanosecond,
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func minute(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A gopls that fails once is started again, and the request that it failed is answered; one that goes on failing is not.
func TestAGoplsThatFails(t *testing.T) {
	for _, c := range []struct{ how, want string }{
		{"behave", ""},
		{"answers of others", "no JSON-RPC"},
		{"answers of others once", ""},
		{"die", "panic: on purpose"},
		{"die once", ""},
		{"garbage", "reading from gopls"},
		{"garbage once", ""},
		{"no json", "no JSON-RPC"},
		{"no json once", ""},
		{"absurd length", "want 0 to"},
		{"absurd length once", ""},
		{"close", "reading from gopls"},
		{"close once", ""},
		{"no start", "not today"},
	} {
		t.Run(c.how, func(t *testing.T) {
			s := startFake(t, c.how)
			h, found, err := s.Hover(minute(t), "the text", 0)
			if c.want == "" {
				require.NoError(t, err)
				assert.True(t, found)
				assert.Equal(t, "the text", h.Markdown)
				return
			}
			require.ErrorContains(t, err, c.want)
			s.watch.Wait() // no session is left, nor one to come
			_, _, err = s.Hover(minute(t), "the text", 0)
			require.ErrorContains(t, err, "restart the kernel")
		})
	}
}

// One that hangs is told to give up, keeps nobody longer than his deadline, and is replaced.
func TestAGoplsThatHangs(t *testing.T) {
	s := startFake(t, "hang once")
	require.NoError(t, s.Ready(minute(t)))
	first, err := s.current()
	require.NoError(t, err)
	for range patience {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		_, _, err := s.Hover(ctx, "x", 0)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	require.NoError(t, s.after(minute(t), first))
	_, found, err := s.Hover(minute(t), "x", 0)
	require.NoError(t, err)
	require.True(t, found)
}

func TestARequestThatIsCancelled(t *testing.T) {
	s := startFake(t, "behave")
	require.NoError(t, s.Ready(minute(t)))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, _, err := s.Hover(ctx, "hang", 0)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	h, _, err := s.Hover(minute(t), "go on", 0) // the others are served
	require.NoError(t, err)
	require.Equal(t, "go on", h.Markdown)
	session, err := s.current()
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.HasPrefix(session.said.last(), "cancelled ") }, time.Minute, time.Millisecond)
}

// Many requests at once, of texts of their own, each get their own answer.
func TestManyRequestsAtOnce(t *testing.T) {
	s := startFake(t, "behave")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			text := fmt.Sprintf("text %d", i%20)
			h, _, err := s.Hover(minute(t), text, 3)
			assert.NoError(t, err)
			assert.Equal(t, text, h.Markdown)
		})
	}
	wg.Wait()
}

func TestNothingIsLeft(t *testing.T) {
	s := startFake(t, "behave")
	require.NoError(t, s.Ready(minute(t)))
	session, err := s.current()
	require.NoError(t, err)
	s.Close()
	s.Close()
	assert.True(t, isClosed(session.child.Done()), "the process lives")
	assert.NoDirExists(t, session.child.Dir)
	_, _, err = s.Hover(minute(t), "x", 0)
	assert.ErrorContains(t, err, "closed")
}

// One that takes too much memory makes room for another, which may not go on so.
func TestTooMuchMemory(t *testing.T) {
	s := startFake(t, "behave")
	first, err := s.current()
	require.NoError(t, err)
	if first.memory() == 0 {
		t.Skip("this system does not tell how much memory a process has")
	}
	opts := s.opts
	opts.Memory, opts.look = 1, time.Millisecond
	greedy, err := Start(opts)
	require.NoError(t, err)
	t.Cleanup(greedy.Close)
	greedy.watch.Wait()
	_, _, err = greedy.Hover(minute(t), "x", 0)
	require.ErrorContains(t, err, "gopls took ")
	require.ErrorContains(t, err, "restart the kernel")
	_, found, err := s.Hover(minute(t), "x", 0)
	require.NoError(t, err)
	require.True(t, found)
}

func TestPositions(t *testing.T) {
	const text = "ab\nä🎉x\n\nend"
	for _, c := range []struct {
		offset int
		want   Position
	}{
		{0, Position{0, 0}}, {2, Position{0, 2}}, {3, Position{1, 0}}, {5, Position{1, 1}}, {9, Position{1, 3}}, {10, Position{1, 4}},
		{11, Position{2, 0}}, {12, Position{3, 0}}, {15, Position{3, 3}},
	} {
		assert.Equal(t, c.want, PositionAt(text, c.offset), "offset %d", c.offset)
		assert.Equal(t, c.offset, OffsetAt(text, c.want), "%+v", c.want)
	}
	assert.Equal(t, Position{1, 1}, PositionAt(text, 6), "within a character")
	assert.Equal(t, Position{3, 3}, PositionAt(text, 99))
	assert.Equal(t, Position{0, 0}, PositionAt(text, -1))
	assert.Equal(t, len(text), OffsetAt(text, Position{9, 0}))
	assert.Equal(t, 2, OffsetAt(text, Position{0, 9}))
}

func FuzzPositions(f *testing.F) {
	f.Add("ab\nä🎉x\n\nend", 5)
	f.Add("\xff\xfe\r\n", 1)
	f.Fuzz(func(t *testing.T, text string, offset int) {
		p := PositionAt(text, offset)
		if back := OffsetAt(text, p); PositionAt(text, back) != p {
			t.Errorf("%q at %d: %+v is at %d, which is %+v", text, offset, p, back, PositionAt(text, back))
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\n{}"))
	f.Add([]byte("Content-Type: x\ncontent-length: 2\n\n{}"))
	f.Add([]byte("Content-Length: -1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := readFrame(bufio.NewReader(strings.NewReader(string(data))))
		if err == nil && len(body) > len(data) {
			t.Errorf("%d bytes of %d", len(body), len(data))
		}
	})
}

func TestFrames(t *testing.T) {
	for _, c := range []struct{ in, want, wantErr string }{
		{"Content-Length: 2\r\n\r\n{}", "{}", ""},
		{"content-length:2\nContent-Type: x; charset=utf-8\n\n{}", "{}", ""},
		{"Content-Length: 0\r\n\r\n", "", ""},
		{"Content-Length: 3\r\n\r\n{}", "", "unexpected EOF"},
		{"\r\n{}", "", "without a Content-Length"},
		{"Content-Length: x\r\n\r\n", "", "want 0 to"},
		{"Content-Length: 99999999999\r\n\r\n", "", "want 0 to"},
		{strings.Repeat("a: b\n", 1000), "", "more than 4096 bytes of headers"},
		{strings.Repeat("a", 1<<20), "", "without an end"},
	} {
		body, err := readFrame(bufio.NewReader(strings.NewReader(c.in)))
		if c.wantErr != "" {
			assert.ErrorContains(t, err, c.wantErr, "%.40q", c.in)
			continue
		}
		assert.NoError(t, err, "%.40q", c.in)
		assert.Equal(t, c.want, string(body), "%.40q", c.in)
	}
}

func TestTheFileThatKeepsAPackage(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"doc.go": "package p", "a_test.go": "p", "b_linux.go": "p", "big.go": "package p // with more in it", "c.txt": "",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	path, text := smallFile(dir)
	assert.Equal(t, filepath.Join(dir, "doc.go"), path)
	assert.Equal(t, "package p", text)
	path, _ = smallFile(filepath.Join(dir, "none"))
	assert.Empty(t, path)
	assert.Equal(t, []string{"fmt", "a/b"}, imports("package main\nimport \"fmt\"\nimport (\n x \"a/b\"\n _ \"c\"\n)\nfunc {{{"))
	assert.Empty(t, imports("}}"))
}
