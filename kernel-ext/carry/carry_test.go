package carry

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// begin makes a folder for variables and begins a cell.
func begin(t *testing.T, cell int) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	t.Setenv(DirEnv, dir)
	Fresh(cell)
	t.Cleanup(func() { Fresh(0) })
	return dir
}

// refused calls In, which must panic with an [*Error], and returns its text.
func refused(t *testing.T, name string, p any) (text string) {
	t.Helper()
	defer func() {
		err, ok := recover().(error)
		var e *Error
		require.True(t, ok && errors.As(err, &e), "In(%q) did not panic with an Error", name)
		text = e.Error()
	}()
	In(name, p)
	return ""
}

func TestWhatDoesNotFlowSaysWhy(t *testing.T) {
	type options struct {
		Rate     float64
		Callback func()
	}
	fn, ch := func() {}, make(chan int)
	file, timer := os.Stdout, time.NewTimer(time.Hour)
	defer timer.Stop()
	opts := []options{{1, nil}, {2, fn}}
	var held any = []error{fmt.Errorf("x"), &fs.PathError{}}
	unknown := struct{ s fmt.Stringer }{&strings.Builder{}}
	var m sync.Map
	for _, c := range []struct {
		name string
		at   any
		want string
	}{
		{"function", &fn, "a function lives only in the cell"},
		{"channel", &ch, "a channel lives only in the cell"},
		{"file", &file, "an open file lives only in the cell that opened it: carry its name"},
		{"timer", &timer, "runs only in the cell"},
		{"field", &opts, "its field carry.options.Callback: a function"},
		{"slice of errors in any", &held, ""},
		{"unknown", &unknown, "behind an interface (fmt.Stringer)"},
		{"fields of another package", &m, "a sync.Map is locked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := begin(t, 3)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "v"), []byte("an older value"), 0o600))
			Out("v", c.at)
			if c.want == "" {
				assert.FileExists(t, filepath.Join(dir, "v"))
				return
			}
			assert.NoFileExists(t, filepath.Join(dir, "v"), "an older value of another type")
			text, err := os.ReadFile(filepath.Join(dir, "v.why"))
			require.NoError(t, err)
			assert.Contains(t, string(text), c.want)
			assert.NotContains(t, string(text), "\n")
			var x int
			assert.Equal(t, "v could not be brought from the cell that made it: "+string(text), refused(t, "v", &x))
			Out("v", &x) // the name has another value now
			assert.NoFileExists(t, filepath.Join(dir, "v.why"))
		})
	}
}

func TestWhatIsNotThereSaysWhatToDo(t *testing.T) {
	var x int
	begin(t, 1)
	assert.Equal(t, "x could not be brought from the cell that made it: no cell has left it: run the cell that declares it", refused(t, "x", &x))
	y := 3.5
	Out("y", &y)
	assert.Contains(t, refused(t, "y", &x), "it is a int here, but cell 1 left a float64")
	for _, name := range []string{"", "../x", ".x", "a/b", "x.why"} {
		assert.Contains(t, refused(t, name, &x), "is no name of a variable")
	}
	t.Setenv(DirEnv, "")
	Fresh(1)
	assert.Contains(t, refused(t, "x", &x), "QUIRE_CARRY is not set")
	Out("x", &x) // does nothing
	End()
}

func TestATypeThatWasDeclaredAnew(t *testing.T) {
	begin(t, 4)
	{
		type config struct{ Rate float64 }
		v := config{1}
		Out("v", &v)
	}
	type config struct{ Rate int64 }
	var v config
	assert.Contains(t, refused(t, "v", &v), "its type carry.config has been declared anew since cell 4 made the value")
}

func TestDescribe(t *testing.T) {
	var nothing *int
	var err error = errors.New("two\nlines")
	for _, c := range []struct {
		at           any
		typ, summary string
		bytesAtLeast int64
	}{
		{new(42), "int", "42", 8},
		{new("héllo"), "string", `"héllo"`, 6},
		{new(strings.Repeat("ab", 1000)), "string", `"` + strings.Repeat("ab", 24) + `"…, 2 kB`, 2000},
		{new(make([]float64, 1000)), "[]float64", "1000 elements, 8 kB", 8000},
		{new([]string{"a"}), "[]string", "1 element", 1},
		{new(map[string]int{"a": 1, "b": 2}), "map[string]int", "2 elements", 1},
		{&nothing, "*int", "nil", 0},
		{&err, "error", "two…", 1},
		{new(any(2.5)), "interface {}", "2.5", 1},
		{new(struct{ a, b int }{1, 2}), "struct { a int; b int }", "16 B", 16},
	} {
		t.Run(c.typ, func(t *testing.T) {
			dir := begin(t, 7)
			Out("v", c.at)
			d, err := Describe(filepath.Join(dir, "v"))
			require.NoError(t, err)
			assert.Equal(t, 7, d.Cell)
			assert.Equal(t, c.typ, d.Type)
			assert.Equal(t, c.summary, d.Summary)
			assert.GreaterOrEqual(t, d.Bytes, c.bytesAtLeast)
			assert.WithinDuration(t, time.Now(), d.Written, time.Minute)
		})
	}
	dir := begin(t, 1)
	_, err = Describe(filepath.Join(dir, "v"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "v"), []byte("something else"), 0o600))
	_, err = Describe(filepath.Join(dir, "v"))
	assert.ErrorContains(t, err, "no file of a variable")
}

// What is on pages of the file is not read to find out that nobody has changed it, and what was changed is found, wherever it is.
func TestOneElementOfALargeValueChanges(t *testing.T) {
	dir := begin(t, 1)
	n := 100_003
	s := make([]float64, n)
	for i := range s {
		s[i] = rand.Float64()
	}
	Out("s", &s)
	for _, i := range []int{0, 1, n / 2, n - 1} {
		Fresh(2)
		var v []float64
		In("s", &v)
		require.True(t, slices.Equal(s, v))
		before := stat(t, dir, "s")
		End()
		require.True(t, os.SameFile(before, stat(t, dir, "s")), "it is written again though nothing changed")
		s[i]++
		v[i]++
		End()
		require.False(t, os.SameFile(before, stat(t, dir, "s")), "element %d changed", i)
		before = stat(t, dir, "s")
		v[i] += 0
		End()
		require.True(t, os.SameFile(before, stat(t, dir, "s")), "saved twice")
	}
}

func stat(t *testing.T, dir, name string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, name))
	require.NoError(t, err)
	return info
}

// The pages of one variable's file say nothing about another one's, which has the same bytes at first.
func TestTwoVariablesOfOneMemory(t *testing.T) {
	begin(t, 1)
	s := make([]float64, 50_000)
	Out("s", &s)
	Fresh(2)
	var v []float64
	In("s", &v)
	u := v
	Out("u", &u)
	u[7] = 1
	End()
	for _, name := range []string{"s", "u"} {
		Fresh(3)
		var w []float64
		In(name, &w)
		assert.Equal(t, 1.0, w[7], name)
	}
}

// A later declaration of a name is the variable, for the loads of later cells too.
func TestANameThatIsDeclaredTwice(t *testing.T) {
	begin(t, 1)
	a, b := 1, "b"
	Out("x", &a)
	Out("x", &b)
	a = 2
	End()
	var s string
	Fresh(2)
	In("x", &s)
	assert.Equal(t, "b", s)
}

func TestACodecsTemporariesAreKept(t *testing.T) {
	begin(t, 1)
	var all []maker
	for i := range 200 {
		all = append(all, maker{i})
	}
	Out("all", &all)
	var got []maker
	In("all", &got)
	assert.Equal(t, all, got)
}

// maker is carried by memory that its codec makes.
type maker struct{ n int }

func init() {
	Register(Codec[maker, []*int]{
		Pack:   func(m maker) ([]*int, error) { return []*int{new(m.n), new(1), new(2)}, nil },
		Unpack: func(s []*int) (maker, error) { return maker{*s[0]}, nil },
	})
	Register(Codec[broken, int]{
		Pack:   func(broken) (int, error) { return 0, errors.New("its pieces are lost") },
		Unpack: func(int) (broken, error) { return broken{}, nil },
	})
}

type broken struct{ N int }

func TestACodecsErrorIsTheReason(t *testing.T) {
	dir := begin(t, 1)
	v := map[string]broken{"a": {}}
	Out("v", &v)
	text, err := os.ReadFile(filepath.Join(dir, "v.why"))
	require.NoError(t, err)
	assert.Equal(t, "its pieces are lost", string(text))
	assert.Panics(t, func() { Register(Codec[broken, int]{}) })
}
