package plots_test

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/plots"
)

// moons returns two half circles.
func moons() (a, b plots.Points) {
	a.Name, b.Name = "upper", "lower"
	for i := range 60 {
		t := math.Pi * float64(i) / 59
		a.X, a.Y = append(a.X, math.Cos(t)), append(a.Y, math.Sin(t))
		b.X, b.Y = append(b.X, 1-math.Cos(t)), append(b.Y, 0.5-math.Sin(t))
	}
	return a, b
}

// pictureOf returns the SVG of a view, checked to be well-formed and to need nothing from outside.
func pictureOf(t *testing.T, b viz.Bundle) string {
	t.Helper()
	m := regexp.MustCompile(`data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)`).FindStringSubmatch(b.HTML())
	if m == nil {
		t.Fatalf("no picture: %s", b.Text())
	}
	data, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(string(data)))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return string(data)
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "data:") {
					t.Errorf("a link to %s", a.Value)
				}
			}
		}
	}
}

func TestPlots(t *testing.T) {
	a, b := moons()
	classify := func(x, y []float64) ([]int, error) {
		out := make([]int, len(x))
		for i := range x {
			if y[i] < 0.25 {
				out[i] = 1
			}
		}
		return out, nil
	}
	for name, c := range map[string]struct {
		view viz.Bundle
		text string
	}{
		"scatter": {plots.Scatter(plots.Options{Title: "two moons", XLabel: "x"}, a, b), "two moons\nupper: 60 points, x -1 to 1, y 0 to 0.9996\n"},
		"lines":   {plots.Lines(plots.Options{LogY: true}, plots.Points{Name: "loss", X: []float64{1, 2, 3, 4}, Y: []float64{1, math.NaN(), 0.1, 0.01}}), "loss: 4 points"},
		"boxes":   {plots.Boxes(plots.Options{}, []string{"one", "two"}, []float64{1, 2, 3, 4, 50}, []float64{2, 2, 3}), "one: 5 values"},
		"regions": {plots.Regions(plots.Options{}, classify, a, b), "lower: 60 points"},
	} {
		if s := pictureOf(t, c.view); len(s) < 1000 || len(s) > 200_000 {
			t.Errorf("%s: a picture of %d bytes", name, len(s))
		}
		if !strings.HasPrefix(c.view.Text(), strings.Split(c.text, ":")[0]) && !strings.Contains(c.view.Text(), c.text) {
			t.Errorf("%s: text %q, want %q", name, c.view.Text(), c.text)
		}
	}
}

func TestWhatCannotBeDrawn(t *testing.T) {
	a, _ := moons()
	for _, c := range []struct {
		view viz.Bundle
		want string
	}{
		{plots.Scatter(plots.Options{}, plots.Points{Name: "p", X: []float64{1}}), `plots: "p" has 1 x and 0 y`},
		{plots.Boxes(plots.Options{}, []string{"a"}), "1 names for 0 sets"},
		{plots.Boxes(plots.Options{}, []string{"a"}, []float64{math.NaN()}), `"a" has no finite values`},
		{plots.Regions(plots.Options{}, nil), "no points"},
		{plots.Regions(plots.Options{}, func(x, y []float64) ([]int, error) { return nil, errors.New("no model") }, a), "no model"},
		{plots.Regions(plots.Options{}, func(x, y []float64) ([]int, error) { return []int{1}, nil }, a), "1 classes for 14400 points"},
		{plots.Lines(plots.Options{LogY: true}, plots.Points{X: []float64{1, 2}, Y: []float64{0, 1}}), "plots:"},
	} {
		if got := c.view.Text(); !strings.HasPrefix(got, "error: ") || !strings.Contains(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
