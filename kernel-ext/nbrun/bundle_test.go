package nbrun

import (
	"encoding/json"
	"image"
	imagecolor "image/color"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/viz"
)

// A picture goes from a cell through the real kernel into the saved notebook and the page: the same bytes, and their width
// and height. What the kernel does not carry is left out, and the rest arrives.
func TestAPictureIsInTheSavedNotebook(t *testing.T) {
	needKernel(t)
	dir := t.TempDir()
	out, page := filepath.Join(dir, "out.ipynb"), filepath.Join(dir, "out.html")
	_, err := Run(within(t, 3*time.Minute), Options{Output: out, HTML: page, Notebook: write(t, `import (
	"image"
	"image/color"

	"github.com/quire-ml/quire/viz"
)

func dots() image.Image {
	img := image.NewGray(image.Rect(0, 0, 4, 3))
	img.SetGray(1, 2, color.Gray{200})
	return img
}

%%
viz.Show(dots())
area := viz.NewArea()
area.Update("not yet")
area.Update(dots())
area.Close()
mixed := viz.Plain("mixed")
mixed.Data["application/vnd.vegalite.v5+json"] = []byte("{\"mark\":\"bar\"}")
mixed.Data["image/jpeg"] = []byte{0xff, 0xd8, 0}
mixed.Meta = map[string]any{"image/jpeg": map[string]any{"height": 9, "unconfined": true}, "isolated": true, "list": []int{1}}
viz.Show(mixed)`)})
	require.NoError(t, err)
	var saved struct {
		Cells []struct{ Outputs []viz.Bundle }
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, out)), &saved))
	got := saved.Cells[0].Outputs
	require.Len(t, got, 3)

	dots := image.NewGray(image.Rect(0, 0, 4, 3))
	dots.SetGray(1, 2, imagecolor.Gray{Y: 200})
	want := viz.Image(dots)
	for i := range 2 {
		require.Equal(t, want.Data, got[i].Data)
		require.Equal(t, map[string]any{viz.MIMEPNG: map[string]any{"width": 160.0, "height": 120.0}}, got[i].Meta)
	}
	require.Equal(t, map[string][]byte{viz.MIMEText: []byte("mixed"), "image/jpeg": {0xff, 0xd8, 0}}, got[2].Data)
	require.Equal(t, map[string]any{"image/jpeg": map[string]any{"height": 9.0}, "isolated": true}, got[2].Meta)
	require.Equal(t, 2, strings.Count(read(t, page), `alt="image 4×3" width="160" height="120"`))
}

// Nobody is at a page during a run: controls show where they begin, the cell goes on, and no program stays.
func TestControlsOfARunStandWhereTheyBegin(t *testing.T) {
	needKernel(t)
	out := filepath.Join(t.TempDir(), "out.ipynb")
	_, err := Run(within(t, 3*time.Minute), Options{Output: out, Notebook: write(t, `import (
	"fmt"

	"github.com/quire-ml/quire/viz"
)

%%
err := viz.Interact(func(x float64, n int) any { return fmt.Sprint("drawn ", x*float64(n)) }, viz.Slider("x", 0.0, 1), viz.Choice("n", 4, 5))
fmt.Println("returned", err)`)})
	require.NoError(t, err)
	saved := read(t, out)
	for _, want := range []string{"these are their first values", "drawn 2", "returned <nil>"} {
		require.Contains(t, saved, want)
	}
	require.NotContains(t, saved, "widget-view")
}
