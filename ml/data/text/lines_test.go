package text

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestLines(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 1<<17) // more than a buffer has
	a := write(t, dir, "a.txt", "\ufefffirst\n\nthird\r\n"+long+"\n")
	b := write(t, dir, "b.txt", "without an end")
	l, err := OpenLines(a, b)
	require.NoError(t, err)
	defer l.Close()
	want := []string{"first", "", "third", long, "without an end"}
	require.Equal(t, len(want), l.Len())
	for i := range want {
		got, err := l.At(i)
		require.NoError(t, err)
		assert.Equal(t, want[i], got, "line %d", i)
	}
	assert.Equal(t, a+":3", l.Place(2))
	assert.Equal(t, b+":1", l.Place(4))
	_, err = l.At(5)
	assert.EqualError(t, err, "text: there is no line 5 of 5")
	bad, err := OpenLines(write(t, dir, "bad.txt", "good\nab\xff\n"))
	require.NoError(t, err)
	defer bad.Close()
	_, err = bad.At(1)
	assert.EqualError(t, err, "text: "+filepath.Join(dir, "bad.txt")+":2: byte 2 (0xff) is not UTF-8")
	require.NoError(t, os.Truncate(filepath.Join(dir, "bad.txt"), 5))
	_, err = bad.At(1)
	assert.ErrorContains(t, err, "shorter since it was opened")
	for name, paths := range map[string][]string{"no files": {}, "no lines": {write(t, dir, "empty.txt", "")}, "no such file": {filepath.Join(dir, "none")}} {
		_, err := OpenLines(paths...)
		assert.ErrorContains(t, err, name)
	}
}

func TestDocuments(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "good/2.txt", "two")
	write(t, dir, "good/1.TXT", "one")
	write(t, dir, "bad/deep/3.txt", "three")
	write(t, dir, "bad/.hidden.txt", "no")
	write(t, dir, "bad/4.md", "no")
	write(t, dir, "0.txt", "\xff")
	d, err := OpenDocuments(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"bad", "good"}, d.Classes())
	assert.Equal(t, []int{-1, 0, 1, 1}, d.Labels())
	var got []string
	for i := range d.Len() {
		text, err := d.At(i)
		got = append(got, fmt.Sprint(d.Path(i), " ", text, " ", err != nil))
	}
	assert.Equal(t, []string{"0.txt  true", "bad/deep/3.txt three false", "good/1.TXT one false", "good/2.txt two false"}, got)
	_, err = d.At(4)
	assert.EqualError(t, err, "text: there is no document 4 of 4")
	_, err = OpenDocuments(dir, ".html")
	assert.ErrorContains(t, err, "there are no files .html")
}

// Lines put together again are the file, whatever it holds.
func FuzzLines(f *testing.F) {
	f.Add("a\nb\r\n\nc")
	f.Add("\n\n")
	f.Add("\r\r\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		l, err := OpenLines(write(t, dir, "x.txt", text))
		if err != nil {
			require.Empty(t, text)
			return
		}
		defer l.Close()
		want := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
		if strings.HasSuffix(text, "\n") {
			want = want[:len(want)-1]
		}
		require.Equal(t, len(want), l.Len())
		for i := range want {
			if got, err := l.At(i); err == nil {
				require.Equal(t, strings.TrimSuffix(want[i], "\r"), got)
			}
		}
	})
}
