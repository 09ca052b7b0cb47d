//go:build linux || darwin

package wire

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// pair returns the two ends of a connection.
func pair(t testing.TB) (a, b *Link) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "quire-wire-") // whose path is short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := Listen(path)
	require.NoError(t, err)
	defer l.Close()
	first, err := Dial(path)
	require.NoError(t, err)
	second, err := l.Accept()
	require.NoError(t, err)
	for _, c := range []*Conn{first, second} {
		c.Greeted()
	}
	a, b = NewLink(first), NewLink(second)
	t.Cleanup(a.End)
	t.Cleanup(b.End)
	return a, b
}

// next receives a frame that is not about segments.
func next(t testing.TB, l *Link) Frame {
	t.Helper()
	for {
		f, err := l.Receive()
		require.NoError(t, err)
		handled, err := l.Handle(&f)
		require.NoError(t, err)
		if !handled {
			return f
		}
	}
}

func ramp(n int) *tensors.Tensor {
	x := tensors.FromScalarAndDimensions(int32(0), n)
	for i := range tensors.Flat[int32](x) {
		tensors.Flat[int32](x)[i] = int32(i * 7)
	}
	return x
}

// Values of all sizes arrive as they are; large ones lie in segments that are used again when their values are released.
func TestValuesArrive(t *testing.T) {
	a, b := pair(t)
	for range 3 {
		for _, n := range []int{0, 1, 1000, SharedFrom/4 - 1, SharedFrom / 4, SharedFrom, 1 << 20} {
			x := ramp(n)
			require.NoError(t, a.SendValue(KindPut, uint64(n), Writer{}, x))
			f := next(t, b)
			y, err := b.ReceiveValue(&f, NewReader(f.Payload))
			f.Close()
			require.NoError(t, err)
			assert.True(t, x.Equal(y), "%s", x.Shape())
			y.Close()
			require.NoError(t, b.Flush())
			if n*4 >= SharedFrom {
				g, err := a.Receive()
				require.NoError(t, err)
				handled, err := a.Handle(&g)
				require.NoError(t, err)
				require.True(t, handled)
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	assert.LessOrEqual(t, len(a.made), 3, "segments are used again")
}

// A value that came by shared memory stays when the connection ends, and goes with its last tensor.
func TestAValueOutlivesItsConnection(t *testing.T) {
	a, b := pair(t)
	x := ramp(1 << 18)
	require.NoError(t, a.SendValue(KindPut, 1, Writer{}, x))
	f := next(t, b)
	y, err := b.ReceiveValue(&f, NewReader(f.Payload))
	f.Close()
	require.NoError(t, err)
	a.End()
	b.End()
	runtime.GC()
	assert.True(t, x.Equal(y))
	require.NoError(t, y.Close())
	assert.ErrorIs(t, a.SendValue(KindPut, 1, Writer{}, x), errEnded)
}

func TestThePeerMustBeTheSameUser(t *testing.T) {
	a, b := pair(t)
	for _, c := range []*Conn{a.Conn, b.Conn} {
		pid, err := c.CheckPeer(os.Geteuid())
		require.NoError(t, err)
		assert.Equal(t, os.Getpid(), pid)
		_, err = c.CheckPeer(os.Geteuid() + 1)
		assert.ErrorContains(t, err, "nothing is taken from it")
	}
}

func TestErrorsArriveAsWhatTheyAre(t *testing.T) {
	for _, c := range []struct {
		err  error
		want error
	}{
		{context.Canceled, context.Canceled}, {context.DeadlineExceeded, context.DeadlineExceeded},
		{errors.New("the buffer is closed"), nil}, {Unknownf("nothing"), nil},
	} {
		var w Writer
		w.Err(c.err)
		r := NewReader(w.Body)
		got := r.Error()
		require.NoError(t, r.Done())
		assert.EqualError(t, got, c.err.Error())
		assert.Equal(t, IsUnknown(c.err), IsUnknown(got))
		if c.want != nil {
			assert.ErrorIs(t, got, c.want)
		}
	}
}

func TestASocketIsItsUsersAlone(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "quire-wire-")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	l, err := Listen(filepath.Join(dir, "s"))
	require.NoError(t, err)
	defer l.Close()
	info, err := os.Stat(filepath.Join(dir, "s"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// The first frame must not make the receiver keep much of what a stranger sends.
func TestBeforeTheGreetingFramesAreShort(t *testing.T) {
	_, err := ParseHeader(Header{Kind: KindHello, Body: MaxHello + 1}.Append(nil), MaxHello)
	assert.ErrorContains(t, err, "want 16384 at most")
}

func TestADeviceHasItsOwnFiles(t *testing.T) {
	known := map[string]string{}
	for _, device := range []string{"go", "go:workers=2", "go:workers=3", "xla:cpu", "xla-cpu", "xla:cuda", "../../etc", "", "ä"} {
		path := SocketPath("/d", device)
		assert.Equal(t, "/d", filepath.Dir(path), "%q", device)
		assert.Empty(t, known[path], "%q", device)
		known[path] = device
		assert.LessOrEqual(t, len(filepath.Base(path)), 104-maxDir-1, "%q", device)
	}
}

// FuzzHeader: what is read as a header is written as the same bytes.
func FuzzHeader(f *testing.F) {
	f.Add(Header{Kind: KindRun, ID: 7, Body: 100, Descriptor: true}.Append(nil))
	f.Add(make([]byte, HeaderBytes))
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b, MaxBody)
		if err == nil {
			assert.Equal(t, b[:HeaderBytes], h.Append(nil))
		}
	})
}

// FuzzReader: no body breaks who reads it, and what is read was there.
func FuzzReader(f *testing.F) {
	var w Writer
	w.Shape(shapes.Make(dtypes.Float32, 3, 0, 5).WithAxisNames("a", "", "b"))
	w.Text("name")
	w.Err(context.Canceled)
	f.Add(w.Body)
	f.Add([]byte{10, 2, 255, 255, 255, 255, 255, 255, 255, 255, 127, 3})
	f.Fuzz(func(t *testing.T, body []byte) {
		r := NewReader(body)
		s := r.Shape()
		text := r.Text()
		e := r.Error()
		list := r.Numbers()
		if r.Done() == nil {
			var w Writer
			w.Shape(s)
			w.Text(text)
			w.Err(e)
			w.Uint(uint64(len(list)))
			for _, x := range list {
				w.Uint(x)
			}
			again := NewReader(w.Body)
			assert.True(t, s.Equal(again.Shape()))
			assert.Equal(t, text, again.Text())
			assert.Equal(t, e, again.Error())
			assert.Equal(t, list, again.Numbers())
			assert.NoError(t, again.Done())
		}
		var hello Hello
		_ = Unmarshal(body, &hello) // whatever it says
	})
}

// FuzzFrames: no bytes break who receives them.
func FuzzFrames(f *testing.F) {
	free := Writer{}
	free.Uint(1)
	free.Uint(9)
	f.Add(append(Header{Kind: KindSegmentFree, Body: len(free.Body)}.Append(nil), free.Body...))
	f.Add(append(Header{Kind: KindPut, Body: 3, Descriptor: true}.Append(nil), 1, 2, 3))
	f.Fuzz(func(t *testing.T, sent []byte) {
		a, b := pair(t)
		go func() {
			_ = a.Raw(sent) // the receiver may have had enough
			a.Conn.Close()
		}()
		for {
			f, err := b.Receive()
			if err != nil {
				return
			}
			if handled, err := b.Handle(&f); !handled && err == nil {
				r := NewReader(f.Payload)
				if x, err := b.ReceiveValue(&f, r); err == nil {
					assert.True(t, x.Ok())
				}
			}
			f.Close()
		}
	})
}

// A frame that was not received has no descriptor: 0 is another file's.
func TestTheZeroFrameClosesNothing(t *testing.T) {
	before, err := os.Stdin.Stat()
	require.NoError(t, err)
	(&Frame{}).Close()
	after, err := os.Stdin.Stat()
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))
}
