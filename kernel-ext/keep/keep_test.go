package keep

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fresh gives the test a store of its own and returns what is said.
func fresh(t *testing.T) (said *lines) {
	t.Helper()
	t.Setenv(DirEnv, filepath.Join(t.TempDir(), "keep"))
	t.Setenv(QuotaEnv, "")
	said = &lines{}
	out.Lock()
	old := out.w
	out.w, out.over = said, false
	out.Unlock()
	t.Cleanup(func() {
		out.Lock()
		out.w = old
		out.Unlock()
	})
	return said
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// taken returns what was said since the last call.
func (l *lines) taken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

var calls atomic.Int64

func seven() (int, error) { calls.Add(1); return 7, nil }

func words() ([]string, map[string]int, error) {
	calls.Add(1)
	return []string{"a", "b"}, map[string]int{"a": 1}, nil
}

func TestOnceCallsOnce(t *testing.T) {
	said := fresh(t)
	calls.Store(0)
	for range 3 {
		v, err := Once("n", seven)
		require.NoError(t, err)
		assert.Equal(t, 7, v)
		a, b, err := Once2("words/both", words)
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b"}, a)
		assert.Equal(t, map[string]int{"a": 1}, b)
	}
	assert.EqualValues(t, 2, calls.Load())
	assert.Empty(t, said.taken())
}

func TestAnErrorIsNotKept(t *testing.T) {
	fresh(t)
	n := 0
	broken := errors.New("no network")
	f := func() (int, error) {
		if n++; n == 1 {
			return 3, broken
		}
		return 4, nil
	}
	v, err := Once("n", f, Version("1"))
	assert.Equal(t, broken, err)
	assert.Zero(t, v)
	v, err = Once("n", f, Version("1"))
	require.NoError(t, err)
	assert.Equal(t, 4, v)
}

func TestAPanicKeepsNothing(t *testing.T) {
	fresh(t)
	assert.Panics(t, func() { _, _ = Once("n", func() (int, error) { panic("on purpose") }) })
	v, err := Once("n", seven)
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

// What makes a value again says so, and why, in one line.
func TestWhatMakesAgain(t *testing.T) {
	said := fresh(t)
	n := 1
	f := func() (int, error) { calls.Add(1); return n, nil }
	calls.Store(0)
	for _, c := range []struct {
		name    string
		once    func() (any, error)
		line    string // "" for none
		isMade  bool
		want    any
		wantErr string
	}{
		{"the first time", func() (any, error) { return Once("n", f, On(n)) }, "", true, 1, ""},
		{"the second time", func() (any, error) { return Once("n", f, On(n)) }, "", false, 1, ""},
		{"another value given", func() (any, error) { n = 2; return Once("n", f, On(n)) }, "keep: \"n\" is made again: the values that are given by keep.On are others\n", true, 2, ""},
		{"of another type", func() (any, error) { return Once("n", f, On(int64(n))) }, "keep: \"n\" is made again: the values that are given by keep.On are others\n", true, 2, ""},
		{"a version", func() (any, error) { return Once("n", f, Version("a b")) }, "keep: \"n\" is made again: its version was none and is \"a b\"\n", true, 2, ""},
		{"the same version", func() (any, error) { n = 3; return Once("n", f, Version("a b")) }, "", false, 2, ""},
		{"another version", func() (any, error) { return Once("n", f, Version("c")) }, "keep: \"n\" is made again: its version was \"a b\" and is \"c\"\n", true, 3, ""},
		{"another function", func() (any, error) { return Once("n", seven, Version("c")) }, "keep: \"n\" is made again: func seven and the function have changed\n", true, 7, ""},
		{"another type", func() (any, error) { return Once("n", func() (string, error) { return "x", nil }, Version("c")) }, "keep: \"n\" is made again: it was a int and is a string\n", false, "x", ""},
		{"neither", func() (any, error) { return Once("n", f) }, "", false, 0, "keep.Once \"n\": the function uses n, and its source does not say what that is: add keep.On(n), so that another value makes it again; or keep.Version(\"v1\"), and another version whenever it must be made again"},
	} {
		before := calls.Load()
		v, err := c.once()
		if c.wantErr != "" {
			assert.EqualError(t, err, c.wantErr, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, v, c.name)
		assert.Equal(t, c.isMade, calls.Load() > before, c.name)
		assert.Equal(t, c.line, said.taken(), c.name)
	}
}

func TestPutAndGet(t *testing.T) {
	fresh(t)
	type point struct{ X, Y float64 }
	require.NoError(t, Put("p", point{1, 2}))
	require.NoError(t, Put("p", point{3, 4}))
	p, err := Get[point]("p")
	require.NoError(t, err)
	assert.Equal(t, point{3, 4}, p)
	_, err = Get[int]("p")
	assert.EqualError(t, err, `keep.Get "p": a value of type keep.point is kept under this name, not int`)
	_, err = Get[int]("q")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, `keep.Get "q": nothing is kept under this name: keep.List() says what is`)
	_, err = Once("p", seven)
	assert.EqualError(t, err, `keep.Once "p": a value was put under this name by hand: drop it (keep.Drop), or take another name`)
	require.NoError(t, Drop("p"))
	assert.ErrorContains(t, Drop("p"), `keep.Drop "p": nothing is kept`)
	_, err = Get[point]("p")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// A value that is changed after it was taken is changed here alone.
func TestValuesAreTheCallersOwn(t *testing.T) {
	fresh(t)
	big := make([]float64, 50_000)
	require.NoError(t, Put("big", big))
	a, err := Get[[]float64]("big")
	require.NoError(t, err)
	a[0], a[49_999] = 1, 2
	b, err := Get[[]float64]("big")
	require.NoError(t, err)
	assert.Zero(t, b[0])
	assert.Zero(t, b[49_999])
}

func TestBadInput(t *testing.T) {
	fresh(t)
	for _, c := range []struct {
		name string
		call func() error
		want string
	}{
		{"no name", func() error { return Put("", 1) }, `keep.Put "": the name is empty`},
		{"a long name", func() error { return Put(strings.Repeat("x", 201), 1) }, "the name has 201 bytes, want at most 200"},
		{"a name of two lines", func() error { _, err := Get[int]("a\nb"); return err }, "the name has bytes that are no text of one line"},
		{"no function", func() error { _, err := Once[int]("n", nil); return err }, `keep.Once "n": the function is nil`},
		{"an empty version", func() error { _, err := Once("n", seven, Version("")); return err }, "keep.Version: an empty version says nothing"},
		{"a function given", func() error { _, err := Once("n", seven, On(func() {})); return err }, "keep.On: value 1, a func(): "},
		{"a value that holds a function", func() error { return Put("n", map[string]func(){"a": func() {}}) }, `keep.Put "n": a function lives only in the cell that made it`},
	} {
		err := c.call()
		require.Error(t, err, c.name)
		assert.Contains(t, err.Error(), c.want, c.name)
	}
	t.Setenv(QuotaEnv, "much")
	assert.ErrorContains(t, Put("n", 1), `$QUIRE_KEEP_QUOTA is "much": want a number of bytes, such as "500MB" or "2TiB"`)
	t.Setenv(DirEnv, "here")
	assert.ErrorContains(t, Put("n", 1), `$QUIRE_KEEP is "here": want an absolute path`)
}

// A value that cannot be kept is returned all the same.
func TestWhatCannotBeKeptIsReturned(t *testing.T) {
	said := fresh(t)
	f, err := Once("f", func() (func() int, error) { return func() int { return 5 }, nil })
	require.NoError(t, err)
	assert.Equal(t, 5, f())
	assert.Contains(t, said.taken(), `keep: "f" is not kept: a function lives only in the cell that made it`)
	t.Setenv(QuotaEnv, "100 kB")
	v, err := Once("v", func() ([]byte, error) { return make([]byte, 200_000), nil })
	require.NoError(t, err)
	assert.Len(t, v, 200_000)
	assert.Contains(t, said.taken(), `keep: "v" is not kept: it takes 20`)
	list, err := List()
	require.NoError(t, err)
	assert.Empty(t, list)
}

func block() ([]byte, error) { return make([]byte, 1<<20), nil }

// Those that were not used for longest go first, with a line; what was put by hand stays.
func TestQuota(t *testing.T) {
	said := fresh(t)
	t.Setenv(QuotaEnv, "4.5MiB")
	require.NoError(t, Put("hand", make([]byte, 1<<20)))
	for i, name := range []string{"a", "b", "c"} {
		_, err := Once(name, block)
		require.NoError(t, err)
		s, err := open()
		require.NoError(t, err)
		r, err := s.key(name).read()
		require.NoError(t, err)
		used := time.Now().Add(time.Duration(i-10) * time.Hour) // a is the oldest
		require.NoError(t, os.Chtimes(s.path(r.Value), used, used))
	}
	_, err := Once("a", block) // used now: b is the oldest
	require.NoError(t, err)
	require.Empty(t, said.taken())
	_, err = Once("d", block)
	require.NoError(t, err)
	line := said.taken()
	assert.Equal(t, 1, strings.Count(line, "\n"), line)
	assert.Contains(t, line, `keep: "b" is dropped, 1.05 MB that were last used 9 hours ago: there may be 4.72 MB ($QUIRE_KEEP_QUOTA)`)
	assert.Equal(t, "a c d hand", names(t))
	require.NoError(t, Put("hand 2", make([]byte, 2<<20)))
	assert.Contains(t, said.taken(), `"c" is dropped`)
	err = Put("hand 3", make([]byte, 3<<20))
	assert.ErrorContains(t, err, `keep.Put "hand 3": it takes 3.1`)
	assert.ErrorContains(t, err, "drop something (keep.Drop), or set QUIRE_KEEP_QUOTA")
	assert.Equal(t, "d hand hand 2", strings.TrimPrefix(names(t), "a "))
	require.ErrorContains(t, Put("hand", make([]byte, 4<<20)), "more than")
	old, err := Get[[]byte]("hand")
	require.NoError(t, err, "what was there before a Put without room is still there")
	assert.Len(t, old, 1<<20)
}

func names(t *testing.T) string {
	t.Helper()
	list, err := List()
	require.NoError(t, err)
	var all []string
	for _, e := range list {
		all = append(all, e.Name)
	}
	return strings.Join(all, " ")
}

func TestListSaysWhatIsStale(t *testing.T) {
	fresh(t)
	_, err := Once("n", seven)
	require.NoError(t, err)
	require.NoError(t, Put("hand", "text"))
	list, err := List()
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, "hand", list[0].Name)
	assert.True(t, list[0].ByHand)
	assert.Equal(t, "", list[1].Stale)
	assert.Equal(t, "7", list[1].Summary)
	stale, err := Stale()
	require.NoError(t, err)
	assert.Empty(t, stale)

	s, err := open()
	require.NoError(t, err)
	r, err := s.key("n").read()
	require.NoError(t, err)
	for part := range r.Parts {
		if part == "func seven" {
			r.Parts[part] = "0123"
		}
	}
	require.NoError(t, s.key("n").commit(r))
	stale, err = Stale()
	require.NoError(t, err)
	require.Len(t, stale, 1)
	assert.Equal(t, "func seven has changed", stale[0].Stale)
	assert.Equal(t, "name  type    value   made      used\nhand  string  \"text\"  just now  just now  by hand\nn     int     7       just now  just now  stale: func seven has changed", must(List()).String())
	assert.Equal(t, "nothing", Entries{}.String())
}

func must(e Entries, err error) Entries {
	if err != nil {
		panic(err)
	}
	return e
}

// Nobody else may enter the folder, and a folder of which that is not so is not used.
func TestTheFolderIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	fresh(t)
	require.NoError(t, Put("n", 1))
	dir := os.Getenv(DirEnv)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
	require.NoError(t, os.Chmod(dir, 0o755))
	_, err = Get[int]("n")
	assert.ErrorContains(t, err, "others can get into it")
	require.NoError(t, os.Chmod(dir, 0o700))
	require.NoError(t, os.Rename(dir, dir+"2"))
	require.NoError(t, os.Symlink(dir+"2", dir))
	_, err = Get[int]("n")
	assert.ErrorContains(t, err, "it is a symbolic link, want a folder")
}

// However a file was cut or changed, what is returned is the value or an error, and Once makes it again.
func TestDamagedFiles(t *testing.T) {
	said := fresh(t)
	made := func() ([]int, error) { return []int{1, 2, 3}, nil }
	s := &store{os.Getenv(DirEnv)}
	for _, suffix := range []string{recordSuffix, valueSuffix} {
		for i := 0; ; i++ {
			_, err := Once("n", made)
			require.NoError(t, err)
			said.taken()
			r, err := s.key("n").read()
			require.NoError(t, err)
			path := s.path(r.Value)
			if suffix == recordSuffix {
				path = s.path(s.key("n").base + recordSuffix)
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			cut := i * 7
			if cut >= len(text)-1 {
				break
			}
			require.NoError(t, os.WriteFile(path, text[:cut], 0o600))
			_, err = Get[[]int]("n")
			require.Error(t, err, "%s cut to %d of %d bytes is read", suffix, cut, len(text))
			v, err := Once("n", made)
			require.NoError(t, err)
			require.Equal(t, []int{1, 2, 3}, v)
			require.Contains(t, said.taken(), "is made again")
		}
	}
	r, err := s.key("n").read()
	require.NoError(t, err)
	require.NoError(t, os.Remove(s.path(r.Value)))
	_, err = Get[[]int]("n")
	assert.ErrorContains(t, err, "its file is gone")
	v, err := Once("n", made)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 2, 3}, v)
}

func TestOneMakesAndTheOthersWait(t *testing.T) {
	fresh(t)
	calls.Store(0)
	var wg sync.WaitGroup
	begin, entered := make(chan bool), make(chan bool, 1)
	f := func() (int, error) {
		calls.Add(1)
		entered <- true
		<-begin
		return 7, nil
	}
	for range 20 {
		wg.Go(func() {
			v, err := Once("n", f, Version("1"))
			assert.NoError(t, err)
			assert.Equal(t, 7, v)
		})
	}
	<-entered
	close(begin)
	wg.Wait()
	assert.EqualValues(t, 1, calls.Load())
}

func TestAFunctionThatAsksForItsOwnValue(t *testing.T) {
	fresh(t)
	var f func() (int, error)
	f = func() (int, error) { return Once("n", f, Version("1")) }
	_, err := Once("n", f, Version("1"))
	assert.EqualError(t, err, `keep.Once "n": it is called by the function that makes this very value`)
	v, err := Once("outer", func() (int, error) { return Once("inner", seven) }, Version("1"))
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

func TestLongFunctionsAreSaid(t *testing.T) {
	said := fresh(t)
	old := patience
	patience = time.Millisecond
	defer func() { patience = old }()
	_, err := Once("n", func() (int, error) {
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			said.mu.Lock()
			begun := said.b.Len() > 0
			said.mu.Unlock()
			if begun {
				break
			}
			runtime.Gosched()
		}
		return 7, nil
	}, Version("1"))
	require.NoError(t, err)
	assert.Regexp(t, "^keep: making \"n\"\nkeep: \"n\" is made, in [0-9.]+m?s: 7\n$", said.taken())
}

// What is left over from a program that died while it was writing goes with the next value of the name.
func TestLeftoversGo(t *testing.T) {
	fresh(t)
	require.NoError(t, Put("n", 1))
	s := &store{os.Getenv(DirEnv)}
	base := s.key("n").base
	for _, name := range []string{base + ".zzz.value", "." + base + ".x.value.77.ab.new", "." + base + ".json.123.tmp"} {
		require.NoError(t, os.WriteFile(s.path(name), []byte("half"), 0o600))
	}
	require.NoError(t, Put("other", 1))
	require.NoError(t, Put("n", 2))
	files, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	assert.Len(t, files, 4, "%v", files)
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"format":1,"name":"n","type":"int","summary":"7","bytes":8,"value":"n-1.ab.value","made":"2026-01-02T03:04:05Z"}`), "n-1")
	f.Add([]byte(`{"format":1,"value":"n-1./../x.value"}`), "n-1")
	f.Add([]byte(`[]`), "")
	f.Fuzz(func(t *testing.T, text []byte, base string) {
		r, err := parseRecord(text, base)
		if err == nil && (filepath.Base(r.Value) != r.Value || checkName(r.Name) != nil) {
			t.Errorf("%+v", r)
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"1", "500MB", "2 TiB", "1e9", "-1", "NaN", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseSize(text); err == nil && n < 0 {
			t.Errorf("%q is %d", text, n)
		}
	})
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "500MB": 5e8, "2 TiB": 2 << 40, "1.5kB": 1500, "0": 0, "3B": 3} {
		n, err := parseSize(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, n, text)
	}
	for _, text := range []string{"", "MB", "-1", "5 apples", "99999999999TB"} {
		_, err := parseSize(text)
		assert.Error(t, err, text)
	}
}

func TestLinesThatAreWrittenOver(t *testing.T) {
	var b bytes.Buffer
	r := &running{name: "n", stop: make(chan struct{}), done: make(chan struct{}), width: 30}
	close(r.done)
	out.Lock()
	old, over := out.w, out.over
	out.w, out.over = &b, true
	out.Unlock()
	r.end("keep: done")
	out.Lock()
	out.w, out.over = old, over
	out.Unlock()
	assert.Equal(t, fmt.Sprintf("\r%-30s\n", "keep: done"), b.String())
}

var _ io.Writer = (*lines)(nil)
