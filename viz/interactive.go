package viz

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/viz/internal/twins"
)

// InteractiveOptions say where [Interactive] writes its page.
type InteractiveOptions struct {
	Title string // of the page; "quire"
	Path  string // of the page; a file in the folder views, named by what is in it
}

var (
	errNoWriter  = errors.New("interactive pages are written by a package of their own, so that other cells stay small: import _ \"github.com/quire-ml/quire/viz/interactive\"")
	errNoDrawing = errors.New("there is nothing in it that an interactive page could show: curves, runs, plots, tensors of one or two axes and graphs are shown")
)

// Interactive writes what a view shows (curves, runs, plots, tensors of one or two axes, graphs) as a page to zoom, to choose series and to
// point at values, and returns a link to it with the view as it is otherwise. The page is one file that needs nothing else: no request
// leaves it. It needs
//
//	import _ "github.com/quire-ml/quire/viz/interactive"
//
// and the script library that "quire assets install echarts" installs; where either is missing the view says so, and shows what it
// otherwise shows. The page of the same values has the same name, so that a cell that runs again leaves one. It takes one
// InteractiveOptions at most.
func Interactive(v any, options ...InteractiveOptions) Bundle {
	var o InteractiveOptions
	if len(options) > 0 {
		o = options[0]
	}
	b := Render(v)
	path, err := writePage(b, o)
	if err != nil {
		said := "no interactive page: " + err.Error()
		return HTML(note(said)+b.HTML(), said+"\n"+b.Text()).drawing(b.drawings)
	}
	link := `<div style="font-size:12px;margin:2px 0"><a href="` + esc(filepath.ToSlash(path)) + `" target="_blank">interactive: ` + esc(path) + "</a></div>"
	return HTML(link+b.HTML(), "interactive: "+path+"\n"+b.Text()).drawing(b.drawings)
}

// writePage writes the page of a view and returns its path.
func writePage(b Bundle, o InteractiveOptions) (string, error) {
	write := twins.PageWriter()
	switch {
	case len(b.drawings) == 0:
		return "", errNoDrawing
	case write == nil:
		return "", errNoWriter
	}
	if o.Title == "" {
		o.Title = "quire"
	}
	page, err := write(twins.Page{Title: o.Title, Drawings: b.drawings})
	if err != nil {
		return "", err
	}
	if o.Path == "" {
		o.Path = filepath.Join("views", fmt.Sprintf("%x", sha256.Sum256(page))[:12]+".html")
	}
	if !strings.HasSuffix(strings.ToLower(o.Path), ".html") && !strings.HasSuffix(strings.ToLower(o.Path), ".htm") {
		return "", fmt.Errorf("the page's path %q: want a name that ends in .html", o.Path)
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o755); err != nil {
		return "", err
	}
	return o.Path, safefile.WriteAtomic(o.Path, 0o644, func(w io.Writer) error {
		_, err := w.Write(page)
		return err
	})
}
