package viz

import (
	"errors"
	"fmt"
	"image/color"
	"math"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// Confusion shows how predictions relate to the truth: the matrix of counts, true classes down and predicted
// ones across, and per class
//
//	precision = right / predicted as it,  recall = right / of it,  F1 = their harmonic mean
//
// truth and predicted are []int, other slices of whole numbers, or tensors [N]; predicted may be scores [N K], of
// which the largest counts. Cells are coloured by their share of the row. classes are the names of the numbers.
func Confusion(truth, predicted any, classes ...string) Bundle {
	t, err := classNumbers(truth)
	if err != nil {
		return Error(fmt.Errorf("viz.Confusion: truth: %w", err))
	}
	p, err := classNumbers(predicted)
	if err != nil {
		return Error(fmt.Errorf("viz.Confusion: predicted: %w", err))
	}
	if len(t) != len(p) {
		return Error(fmt.Errorf("viz.Confusion: %d true classes, but %d predicted ones", len(t), len(p)))
	}
	n := len(classes)
	for i := range t {
		n = max(n, t[i]+1, p[i]+1)
	}
	if n == 0 || n > 1000 {
		return Error(fmt.Errorf("viz.Confusion: %d classes: want 1 to 1000", n))
	}
	counts := make([]int, n*n)
	for i := range t {
		counts[t[i]*n+p[i]]++
	}
	names := make([]string, n)
	for i := range names {
		names[i] = className(classes, i)
	}
	table, right := perClass(counts, names)
	title := fmt.Sprintf("accuracy %s (%s of %s)", percent(float64(right)/float64(max(len(t), 1)), 2), count(int64(right)), count(int64(len(t))))
	matrix := confusionGrid(counts, names)
	h := heading(title) + tag("div", "", inline(picture(matrix.SVG(), title)), inline(table.html()))
	return HTML(h, title+"\n\n"+confusionText(counts, names)+"\n"+table.text())
}

func confusionGrid(counts []int, names []string) svg.Grid {
	n := len(names)
	g := svg.Grid{Rows: n, Cols: n, RowLabels: names, ColLabels: names, RowName: "true", ColName: "predicted",
		MaxWidth: 460, NoBar: true}
	if n <= 16 {
		g.Cell = 30
	}
	g.Colors = func(i int) color.NRGBA { // what is right in blue, what is wrong in red, on the page's own ground
		c := color.NRGBA{217, 60, 60, uint8(230 * g.Values[i])}
		if i/n == i%n {
			c = color.NRGBA{60, 130, 220, uint8(170 * g.Values[i])}
		}
		return c
	}
	for i := range n {
		total := 0
		for _, c := range counts[i*n : (i+1)*n] {
			total += c
		}
		for _, c := range counts[i*n : (i+1)*n] {
			// The square root, since the errors are what one looks for: 1 % is seen, 0 is not coloured.
			g.Values = append(g.Values, math.Sqrt(float64(c)/float64(max(total, 1))))
			s := ""
			if c > 0 {
				s = fmt.Sprint(c)
			}
			g.Numbers = append(g.Numbers, s)
		}
	}
	return g
}

// perClass returns the table of precision and recall, and the number of right predictions.
func perClass(counts []int, names []string) (*grid, int) {
	n := len(names)
	g := &grid{header: []string{"class", "count", "precision", "recall", "F1", "mostly taken for"}, left: []bool{true, false, false, false, false, true}}
	right := 0
	for i, name := range names {
		of, as, worst := 0, 0, -1
		for k := range n {
			of += counts[i*n+k]
			as += counts[k*n+i]
			if k != i && counts[i*n+k] > 0 && (worst < 0 || counts[i*n+k] > counts[i*n+worst]) {
				worst = k
			}
		}
		hit := counts[i*n+i]
		right += hit
		wrong := ""
		if worst >= 0 {
			wrong = fmt.Sprintf("%s (%d)", names[worst], counts[i*n+worst])
		}
		g.rows = append(g.rows, []string{name, count(int64(of)), share(hit, as), share(hit, of), share(2*hit, as+of), wrong})
	}
	return g, right
}

func share(a, b int) string {
	if b == 0 {
		return "–"
	}
	return percent(float64(a)/float64(b), 1)
}

func confusionText(counts []int, names []string) string {
	n := len(names)
	if n > 30 {
		return fmt.Sprintf("(%d classes: the matrix is too large for text)\n", n)
	}
	g := &grid{header: append([]string{"true \\ predicted"}, names...), left: []bool{true}}
	for i, name := range names {
		row := []string{name}
		for _, c := range counts[i*n : (i+1)*n] {
			s := "·"
			if c > 0 {
				s = fmt.Sprint(c)
			}
			row = append(row, s)
		}
		g.rows = append(g.rows, row)
	}
	return g.text()
}

// classNumbers returns v as class numbers.
func classNumbers(v any) ([]int, error) {
	t, err := tensors.FromAnyValue(v)
	if err != nil {
		return nil, err
	}
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	if t.DType().IsComplex() || t.Rank() == 0 {
		return nil, fmt.Errorf("%s: want [N] class numbers or [N K] scores", t.Shape())
	}
	if said := tooLarge(t); said != "" {
		return nil, errors.New(said)
	}
	values := perSample(t, t.Shape().Dimensions[0])
	if values == nil && t.Size() > 0 {
		return nil, fmt.Errorf("%s: want [N] class numbers or [N K] scores", t.Shape())
	}
	out := make([]int, len(values))
	for i, x := range values {
		if x < 0 || x != math.Trunc(x) || x > 1e6 {
			return nil, fmt.Errorf("sample %d has class %v: want a whole number from 0 on", i, number(x))
		}
		out[i] = int(x)
	}
	return out, nil
}
