package traces

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sample() File {
	s := shapes.Make(dtypes.Float32, 32, 10)
	return File{Version: version, Time: time.Unix(1, 0).UTC(), Dropped: 1,
		Lines:     []Line{{Place: "In[3]:5", Text: "y := f(x)", Seen: []Seen{{Out: []shapes.Shape{s.WithAxisNames("batch", "")}, In: []shapes.Shape{s}, Op: "Tanh", Count: 2}}, More: 1}},
		Variables: []Variable{{Path: "/w", Shape: s}}}
}

func TestAFileComesBack(t *testing.T) {
	path, err := Create(filepath.Join(t.TempDir(), "d"), time.Unix(7, 0))
	require.NoError(t, err)
	require.NoError(t, Write(path, sample()))
	f, err := Read(path)
	require.NoError(t, err)
	require.Equal(t, sample(), f)
	require.Equal(t, []string{path}, list(filepath.Dir(path)))
}

func TestADamagedFileIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "no JSON": "{", "another version": `{"version":2}`, "too large": strings.Repeat(" ", maxFile+1),
		"a shape of no dtype":    `{"version":1,"lines":[{"seen":[{"out":[{"dims":[1]}]}]}]}`,
		"a shape of no size":     `{"version":1,"lines":[{"seen":[{"in":[{"dtype":"float32","dims":[-1]}]}]}]}`,
		"a variable of no dtype": `{"version":1,"variables":[{"path":"/w"}]}`,
	} {
		path := filepath.Join(t.TempDir(), "1.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Read(path)
		assert.ErrorContains(t, err, "reading the shapes of a program, 1.json: ", name)
	}
}

// The latest file counts, of each line and variable; one that is of another version, or gone, is passed over.
func TestTheLatestIsRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	r := NewReader(dir)
	assert.Empty(t, r.Latest().Lines, "no directory yet")
	write := func(at int64, f File) string {
		path, err := Create(dir, time.Unix(at, 0))
		require.NoError(t, err)
		f.Time = time.Unix(at, 0)
		require.NoError(t, Write(path, f))
		return path
	}
	write(1, sample())
	later := sample()
	later.Lines[0].Text = "y := g(x)"
	later.Variables = nil
	second := write(2, later)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "9.json"), []byte("{"), 0o600))
	got := r.Latest()
	place := sample().Lines[0].Place
	assert.Equal(t, "y := g(x)", got.Lines[place].Value.Text)
	assert.Equal(t, time.Unix(2, 0).UTC(), got.Lines[place].At.UTC())
	assert.Equal(t, time.Unix(1, 0).UTC(), got.Variables["/w"].At.UTC(), "the other one has none")
	require.NoError(t, os.Remove(second))
	assert.Equal(t, sample().Lines[0].Text, r.Latest().Lines[place].Value.Text)
	assert.Equal(t, "y := g(x)", got.Lines[place].Value.Text, "what was read before stays")
}

func TestCut(t *testing.T) {
	assert.Equal(t, "ab", Cut("ab"))
	long := Cut(strings.Repeat("ä", MaxText) + "x")
	assert.True(t, utf8.ValidString(long))
	assert.LessOrEqual(t, len(long), MaxText)
	assert.True(t, utf8.ValidString(Cut("x"+strings.Repeat("ä", MaxText))))
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version":1,"lines":[{"place":"In[1]:1","seen":[{"out":[{"dtype":"float32","dims":[1]}]}]}]}`))
	f.Add([]byte(`{"version":1,"variables":[{"path":"/w","shape":{"dtype":"float32","dims":[1],"names":["a","b"]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var file File
		if file.decode(data) != nil {
			return
		}
		for _, l := range file.Lines {
			for _, s := range l.Seen {
				for _, o := range append(s.Out, s.In...) {
					_ = o.String()
				}
			}
		}
	})
}
