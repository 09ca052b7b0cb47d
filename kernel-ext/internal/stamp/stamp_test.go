package stamp_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/stamp"
)

// module makes one with a package in sub/p, which embeds data/a.txt, and returns its folder. Its files are old enough to be known again.
func module(t *testing.T) (root, dir string) {
	root = t.TempDir()
	dir = filepath.Join(root, "sub", "p")
	write(t, filepath.Join(root, "go.mod"), "module example.com/m\n")
	write(t, filepath.Join(dir, "p.go"), "package p\n")
	write(t, filepath.Join(dir, "p_test.go"), "package p\n")
	write(t, filepath.Join(dir, "data", "a.txt"), "a")
	return root, dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}

// stamps returns those of the package of module, when they can be told from later ones.
func stamps(t *testing.T, root, dir string) (list []stamp.Stamp) {
	t.Helper()
	require.Eventually(t, func() bool {
		list = stamp.Of(dir, filepath.Join(root, "go.mod"), []string{"data/a.txt"}, time.Now())
		return stamp.Same(list)
	}, time.Minute, time.Millisecond)
	return list
}

func TestWhatChangesAPackageChangesItsStamps(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, root, dir string)
		same   bool
	}{
		{"nothing", func(*testing.T, string, string) {}, true},
		{"a file with other text", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "p.go"), "package p // more\n") }, false},
		{"a file with other text of the same length", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "p.go"), "package q\n") }, false},
		{"a file of the same length and time", func(t *testing.T, _, dir string) {
			name := filepath.Join(dir, "p.go")
			info, err := os.Stat(name)
			require.NoError(t, err)
			if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
				t.Skip("there is no time that programs do not set")
			}
			write(t, name, "package q\n")
			require.NoError(t, os.Chtimes(name, info.ModTime(), info.ModTime()))
		}, false},
		{"another file in its place", func(t *testing.T, _, dir string) {
			write(t, filepath.Join(dir, "new"), "package q\n")
			require.NoError(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "p.go")))
		}, false},
		{"one file more", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "more.go"), "package p\n") }, false},
		{"one file less", func(t *testing.T, _, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "p.go"))) }, false},
		{"another name", func(t *testing.T, _, dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, "p.go"), filepath.Join(dir, "p_linux.go")))
		}, false},
		{"a header", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "p.h"), "") }, false},
		{"the package is gone", func(t *testing.T, _, dir string) { require.NoError(t, os.RemoveAll(dir)) }, false},
		{"an embedded file", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "data", "a.txt"), "b") }, false},
		{"one more embedded file", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "data", "b.txt"), "") }, false},
		{"one more embedded folder", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "data", "more", "b.txt"), "") }, false},
		{"what the module requires", func(t *testing.T, root, _ string) {
			write(t, filepath.Join(root, "go.mod"), "module example.com/m\n\ngo 1.26\n")
		}, false},
		{"sums of the module", func(t *testing.T, root, _ string) { write(t, filepath.Join(root, "go.sum"), "") }, false},
		{"the package is a module of its own", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "go.mod"), "module m\n") }, false},
		{"a folder above is a module of its own", func(t *testing.T, root, _ string) { write(t, filepath.Join(root, "sub", "go.mod"), "module m\n") }, false},
		{"its tests", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "p_test.go"), "package p // more\n") }, true},
		{"a notebook beside it", func(t *testing.T, _, dir string) { write(t, filepath.Join(dir, "n.ipynb"), "{}") }, true},
		{"a package beside it", func(t *testing.T, root, _ string) { write(t, filepath.Join(root, "q", "q.go"), "package q\n") }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, dir := module(t)
			list := stamps(t, root, dir)
			file := filepath.Join(t.TempDir(), "stamps")
			require.NoError(t, stamp.Packages{"example.com/m/sub/p": list, "fmt": nil}.Write(file))
			c.change(t, root, dir)
			assert.Equal(t, c.same, stamp.Same(list))
			read, err := stamp.Read(file)
			require.NoError(t, err)
			assert.Equal(t, stamp.Packages{"example.com/m/sub/p": list, "fmt": nil}, read)
		})
	}
}

// What was changed since somebody began to read it is not known again, in whatever order both did it.
func TestWhatWasChangedSinceItWasReadIsNotKnownAgain(t *testing.T) {
	began := time.Now()
	root, dir := module(t)
	for _, s := range stamp.Of(dir, filepath.Join(root, "go.mod"), []string{"data/a.txt"}, began) {
		_, err := os.Stat(s.Path)
		assert.Equal(t, err == nil, s.Saw == "", "%s %s: %q", s.Kind, s.Path, s.Saw)
	}
	name := filepath.Join(dir, "p.go")
	require.NoError(t, os.Chtimes(name, time.Now().Add(time.Hour), time.Now().Add(time.Hour)))
	require.Eventually(t, func() bool { return stamp.Same([]stamp.Stamp{stamp.At(stamp.File, name, time.Now())}) }, time.Minute, time.Millisecond, "a time to come")
}

func TestWhatIsNoFileOfStamps(t *testing.T) {
	name := filepath.Join(t.TempDir(), "stamps")
	_, err := stamp.Read(name)
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, text := range []string{"what\n", "file\t1\t/a\n", "package\ta\nfile\t1\n", "package\ta\nfile\t1\t/a\tb\n"} {
		write(t, name, text)
		_, err := stamp.Read(name)
		assert.ErrorContains(t, err, "is no stamp", "%q", text)
	}
	require.NoError(t, stamp.Packages{"p": {{Kind: stamp.File, Path: "/a\nb", Saw: "1"}}, "q": nil}.Write(name))
	read, err := stamp.Read(name)
	require.NoError(t, err)
	assert.Equal(t, stamp.Packages{"q": nil}, read, "one whose path has no line of its own is not known")
}
