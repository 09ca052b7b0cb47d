package figures_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/viz/figures"
	"github.com/quire-ml/quire/viz/plots"
)

func ExampleSave() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	loss := plots.Points{Name: "adam", X: []float64{0, 1, 2}, Y: []float64{1, 0.1, 0.01}}
	path := filepath.Join(dir, "loss.pdf")
	fmt.Println(figures.Save(path, plots.Lines(plots.Options{LogY: true, YLabel: "loss"}, loss), figures.Options{Width: 85, Font: figures.Serif}))
	data, err := os.ReadFile(path)
	fmt.Println(string(data[:5]), err)
	// Output:
	// <nil>
	// %PDF- <nil>
}

func ExampleWrite() {
	var b bytes.Buffer
	err := figures.Write(&b, "svg", plots.Scatter(plots.Options{}, plots.Points{X: []float64{1, 2}, Y: []float64{3, 4}}), figures.Options{})
	fmt.Println(bytes.Contains(b.Bytes(), []byte("@font-face")), err)
	// Output: true <nil>
}
