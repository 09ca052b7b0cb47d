package kernelspec

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstallAndUninstall(t *testing.T) {
	data := t.TempDir()
	if _, err := Uninstall(data); !errors.Is(err, ErrNone) {
		t.Errorf("uninstalling nothing: %v", err)
	}
	for range 2 { // again replaces
		dir, err := Install(data, New("/x/quire", "/src"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	spec, err := Read(Dir(data))
	if err != nil || spec.Argv[0] != "/x/quire" || spec.Argv[3] != "{connection_file}" || spec.DisplayName != "Quire (Go)" || spec.Env["QUIRE_MODULE"] != "/src" {
		t.Errorf("%+v, %v", spec, err)
	}
	t.Setenv("JUPYTER_PATH", data)
	if found := Find(); len(found) == 0 || found[0] != Dir(data) {
		t.Errorf("found %q", found)
	}
	theirs := filepath.Join(Dir(data), "notes.txt")
	if err := os.WriteFile(theirs, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Uninstall(data); err != nil {
		t.Fatal(err)
	}
	left, _ := os.ReadDir(Dir(data))
	if len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("left: %v", left)
	}
}

func TestAnotherKernelIsLeftAlone(t *testing.T) {
	data := t.TempDir()
	if err := os.MkdirAll(Dir(data), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(Dir(data), "kernel.json"), []byte(`{"display_name":"Other"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(data, New("q", "m")); err == nil || !strings.Contains(err.Error(), "holds another kernel (Other)") {
		t.Errorf("install: %v", err)
	}
	if _, err := Uninstall(data); err == nil || !strings.Contains(err.Error(), "it is left alone") {
		t.Errorf("uninstall: %v", err)
	}
}

func TestLogoHasItsSheets(t *testing.T) {
	for _, size := range []int{32, 64} {
		data, err := logoPNG(size)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil || img.Bounds().Dx() != size {
			t.Fatalf("%v, %v", img.Bounds(), err)
		}
		if _, _, _, a := img.At(0, 0).RGBA(); a != 0 {
			t.Errorf("%d: the corner is not transparent", size)
		}
		for _, s := range sheets { // the middle of each fold
			x, y := size/2, int((s.fold-4)*float64(size)/64)
			if r, g, b, _ := img.At(x, y).RGBA(); uint8(r>>8) != s.colour.R || uint8(g>>8) != s.colour.G || uint8(b>>8) != s.colour.B {
				t.Errorf("%d: at the fold %g the colour is %v", size, s.fold, img.At(x, y))
			}
		}
	}
}
