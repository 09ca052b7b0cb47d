package assets

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake is a package in an archive, and its pin.
func fake(t *testing.T, library, licence string) (Pin, string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range [][2]string{{"package/dist/lib.js", library}, {"package/LICENSE", licence}, {"package/../../evil", "x"}} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1]))}))
		_, err := w.Write([]byte(f[1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	pin := Pin{Name: "fake", Version: "1.0", Size: int64(b.Len()), SHA256: sumOf(b.Bytes()), Files: []File{
		{"package/dist/lib.js", int64(len(library)), sumOf([]byte(library))}, {"package/LICENSE", int64(len(licence)), sumOf([]byte(licence))}}}
	path := filepath.Join(t.TempDir(), pin.Archive())
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	return pin, path
}

// withPin adds a pin to what can be installed.
func withPin(t *testing.T, p Pin) {
	t.Helper()
	before := Pins
	t.Cleanup(func() { Pins = before })
	Pins = append([]Pin{p}, Pins...)
}

func TestInstallAndFind(t *testing.T) {
	pin, archive := fake(t, "library", "licence")
	withPin(t, pin)
	dir := t.TempDir()
	t.Setenv("QUIRE_ASSETS", filepath.Join(dir, "none")+string(filepath.ListSeparator)+dir)
	_, err := Library("fake")
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	assert.EqualError(t, err, "the script library fake is not installed: quire assets install fake")
	assert.False(t, Installed(pin, dir))
	require.NoError(t, Install(pin, archive, dir))
	assert.True(t, Installed(pin, dir))
	data, err := Library("fake")
	require.NoError(t, err)
	assert.Equal(t, "library", string(data))
	entries, err := os.ReadDir(filepath.Join(dir, "fake"))
	require.NoError(t, err)
	assert.Len(t, entries, 2, "what is not pinned was unpacked")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "fake", "lib.js"), []byte("Library"), 0o644))
	_, err = Library("fake")
	assert.ErrorContains(t, err, "is not fake 1.0: install it again by quire assets install fake")
	assert.False(t, Installed(pin, dir))
	require.NoError(t, Install(pin, archive, dir))
	assert.True(t, Installed(pin, dir))
	_, err = Library("other")
	assert.EqualError(t, err, `there is no script library "other"`)
}

func TestInstallOfWhatIsNotPinnedChangesNothing(t *testing.T) {
	pin, archive := fake(t, "library", "licence")
	for name, change := range map[string]func(p *Pin){
		"another archive": func(p *Pin) { p.SHA256 = sumOf([]byte("x")) },
		"another library": func(p *Pin) { p.Files[0].SHA256 = sumOf([]byte("x")) },
		"a file too many": func(p *Pin) { p.Files = append(p.Files, File{"package/NOTICE", 1, sumOf([]byte("x"))}) },
		"a larger one":    func(p *Pin) { p.Size = 3 },
	} {
		p := pin
		p.Files = append([]File(nil), pin.Files...)
		change(&p)
		dir := t.TempDir()
		assert.Error(t, Install(p, archive, dir), name)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries, name)
	}
	assert.Error(t, Install(pin, filepath.Join(t.TempDir(), "none.tgz"), t.TempDir()))
}

func TestPinsAreWhole(t *testing.T) {
	for _, p := range Pins {
		assert.Len(t, p.SHA256, 64, p.Name)
		assert.NotEmpty(t, p.Files, p.Name)
		for _, f := range p.Files {
			assert.Len(t, f.SHA256, 64, f.Path)
			assert.Positive(t, f.Size, f.Path)
		}
	}
	t.Setenv("QUIRE_ASSETS", "")
	t.Setenv("XDG_DATA_HOME", filepath.FromSlash("/data"))
	assert.Contains(t, Dirs(), filepath.FromSlash("/data/quire/assets"))
}
