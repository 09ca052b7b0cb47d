package kernelspec

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInstallAndUninstall(t *testing.T) {
	data := t.TempDir()
	if _, err := Uninstall(data); !errors.Is(err, ErrNone) {
		t.Errorf("uninstalling nothing: %v", err)
	}
	for range 2 { // again replaces
		dir, err := Install(data, New("/x/quire", "/src"))
		require.NoError(t, err)
		for _, name := range []string{"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"} {
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err, name)
			assert.NotZero(t, info.Size(), name)
		}
	}
	spec, err := Read(Dir(data))
	if err != nil || spec.Argv[0] != "/x/quire" || spec.Argv[3] != "{connection_file}" || spec.DisplayName != "Quire (Go)" || spec.Env["QUIRE_MODULE"] != "/src" {
		t.Errorf("%+v, %v", spec, err)
	}
	t.Setenv("JUPYTER_PATH", data)
	found := Find()
	require.NotEmpty(t, found, "found")
	assert.Equal(t, Dir(data), found[0], "found")
	theirs := filepath.Join(Dir(data), "notes.txt")
	require.NoError(t, os.WriteFile(theirs, []byte("mine"), 0o644))
	_, err = Uninstall(data)
	require.NoError(t, err)
	left, _ := os.ReadDir(Dir(data))
	require.Len(t, left, 1, "left")
	assert.Equal(t, "notes.txt", left[0].Name(), "left")
}

func TestAnotherKernelIsLeftAlone(t *testing.T) {
	data := t.TempDir()
	require.NoError(t, os.MkdirAll(Dir(data), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(Dir(data), "kernel.json"), []byte(`{"display_name":"Other"}`), 0o644))
	_, err := Install(data, New("q", "m"))
	assert.ErrorContains(t, err, "holds another kernel (Other)", "install")
	_, err = Uninstall(data)
	assert.ErrorContains(t, err, "it is left alone", "uninstall")
}

func TestLogoHasItsSheets(t *testing.T) {
	for _, size := range []int{32, 64} {
		data, err := logoPNG(size)
		require.NoError(t, err)
		img, err := png.Decode(bytes.NewReader(data))
		require.NoError(t, err, img.Bounds())
		require.Equal(t, size, img.Bounds().Dx(), img.Bounds())
		_, _, _, a := img.At(0, 0).RGBA()
		assert.Zero(t, a, "%d: the corner is not transparent", size)
		for _, s := range sheets { // the middle of each fold
			x, y := size/2, int((s.fold-4)*float64(size)/64)
			if r, g, b, _ := img.At(x, y).RGBA(); uint8(r>>8) != s.colour.R || uint8(g>>8) != s.colour.G || uint8(b>>8) != s.colour.B {
				t.Errorf("%d: at the fold %g the colour is %v", size, s.fold, img.At(x, y))
			}
		}
	}
}
