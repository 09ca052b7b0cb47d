package viz_test

import (
	"errors"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/untrusted"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
)

// sanitize returns what a notebook that is not trusted takes away from html.
func sanitize(html string) []string { return untrusted.Lost(html) }

func TestViewsSurviveAnUntrustedNotebook(t *testing.T) {
	for name, v := range views() {
		assert.Nil(t, sanitize(viz.Render(v).HTML()), "%s: the sanitizer takes away", name)
	}
}

// Strings from data, names and errors must never become HTML.
func TestStringsAreEscaped(t *testing.T) {
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>' & ` + "\x00"
	h := viz.NewRun(evil)
	for _, e := range events(10, 10, 1) {
		for i := range e.Metrics {
			e.Metrics[i].Name, e.Metrics[i].Short, e.Metrics[i].Kind = evil, evil, evil
		}
		if e.Dataset != "" {
			e.Dataset = evil
		}
		h.Add(e)
	}
	g := graph.NewGraph(nil, evil)
	graph.Tanh(graph.Parameter(g, evil, f32(3)))
	for name, v := range map[string]any{
		"history": h, "two": viz.Curves(h, h), "runs": viz.Runs(having(h, evil, evil), viz.NewRun(evil)), "graph": g, "node": g.LastNode(), "summary": viz.Summary(g),
		"table": viz.Table([][]string{{evil}}, evil), "map": map[string]string{evil: evil}, "error": errors.New(evil),
		"string": evil, "titled": viz.Titled(evil, evil), "struct": struct{ A string }{evil},
		"images":    viz.Images(rings(1, 8), viz.ImageOptions{Title: evil, Captions: []string{evil}}),
		"confusion": viz.Confusion([]int{0}, []int{1}, evil, evil),
		"svg":       viz.SVG(`<svg xmlns="http://www.w3.org/2000/svg"><style>@media(prefers-color-scheme:dark){}</style></svg>`, evil),
	} {
		assert.Nil(t, sanitize(viz.Render(v).HTML()), name)
	}
}
