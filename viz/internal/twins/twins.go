// Package twins joins views to what they show, for package interactive: viz knows how views keep it, interactive how a page of it is
// written, and neither imports the other, so that cells link no page writer.
package twins

import (
	"sync/atomic"

	"github.com/quire-ml/quire/viz/internal/svg"
)

// attach is how package viz adds drawings to one of its views.
var attach func(view any, drawings []svg.Drawing) any

// SetAttach tells how drawings are added to a view. Package viz calls it once.
func SetAttach(f func(view any, drawings []svg.Drawing) any) { attach = f }

// drawings is how package viz tells what the pictures of a value show, and its view as HTML.
var drawings func(value any) (list []svg.Drawing, html string)

// SetDrawings tells how. Package viz calls it once.
func SetDrawings(f func(value any) ([]svg.Drawing, string)) { drawings = f }

// Drawings returns what the pictures of a value's view show, as far as it is known, and the view as HTML.
func Drawings(value any) (list []svg.Drawing, html string) { return drawings(value) }

// Attach returns a view of package viz with what its pictures show.
func Attach[T any](view T, drawings ...svg.Drawing) T {
	if attach == nil {
		return view
	}
	return attach(view, drawings).(T)
}

// Page is a page to be written: what is shown, and its title.
type Page struct {
	Title    string
	Drawings []svg.Drawing
}

// Writer writes a page as one file that needs nothing else.
type Writer func(Page) ([]byte, error)

var writer atomic.Pointer[Writer]

// SetWriter says who writes pages. Package interactive calls it once.
func SetWriter(w Writer) { writer.Store(&w) }

// PageWriter returns who writes pages, nil if package interactive is not linked.
func PageWriter() Writer {
	if w := writer.Load(); w != nil {
		return *w
	}
	return nil
}
