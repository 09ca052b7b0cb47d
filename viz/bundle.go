package viz

import (
	"encoding/base64"
	"fmt"
	"image"
	"reflect"
	"strings"

	"github.com/quire-ml/quire/viz/internal/svg"
)

// Bundle is one thing to look at in several forms, and what is said about them, as Jupyter's protocol has it.
// text/plain is always there. [Bundle.MarshalJSON] writes the protocol's form, where binary data is base64.
//
// GoNB's kernel does not carry all of it: [Show] leaves out data of the types that are JSON, and of the metadata what is
// neither a text, a number, a truth value nor an object of texts alone or numbers alone; of another object its numbers
// arrive. So width and height of a picture are in the saved notebook.
//
//	b := viz.Plain("a picture of 640×480 pixels")
//	b.Data["image/jpeg"] = bytes
//	b.Meta = map[string]any{"image/jpeg": map[string]any{"width": 320, "height": 240}}
type Bundle struct {
	Data map[string][]byte // by MIME type: text as UTF-8, the types that are JSON as JSON text, others as they are
	Meta map[string]any    // what can be written as JSON; under a MIME type, what concerns that form

	drawings []svg.Drawing // what its pictures show, for [Interactive]
}

// The MIME types that views consist of.
const (
	MIMEText     = "text/plain"
	MIMEHTML     = "text/html"
	MIMEMarkdown = "text/markdown"
	MIMEPNG      = "image/png"
)

// Displayer is what knows how it looks.
type Displayer interface{ Bundle() Bundle }

// Bundle returns b, so that a Bundle is a [Displayer].
func (b Bundle) Bundle() Bundle { return b }

// Text returns the form for terminals, tests and diffs.
func (b Bundle) Text() string { return string(b.Data[MIMEText]) }

// HTML returns the form for notebooks, made from the picture or the text if there is no other.
func (b Bundle) HTML() string {
	if h := b.Data[MIMEHTML]; len(h) > 0 {
		return string(h)
	}
	if p := b.Data[MIMEPNG]; len(p) > 0 {
		return b.pictureHTML(p)
	}
	return pre(b.Text())
}

// pictureHTML returns a picture as an element that needs nothing else.
func (b Bundle) pictureHTML(png []byte) string {
	size := ""
	if about, ok := b.Meta[MIMEPNG].(map[string]any); ok {
		for _, side := range []string{"width", "height"} {
			if pixels, ok := about[side].(int); ok {
				size += fmt.Sprintf(` %s="%d"`, side, pixels)
			}
		}
	}
	return fmt.Sprintf(`<img src="data:image/png;base64,%s"%s alt="%s" style="max-width:100%%"/>`,
		base64.StdEncoding.EncodeToString(png), size, esc(firstLine(b.Text())))
}

// String returns the text, so that printing a Bundle does the same as showing it outside a notebook.
func (b Bundle) String() string { return b.Text() }

// drawing returns b with what its pictures show.
func (b Bundle) drawing(list []svg.Drawing) Bundle {
	b.drawings = append(b.drawings[:len(b.drawings):len(b.drawings)], list...)
	return b
}

// drawn returns b with charts that its pictures show.
func (b Bundle) drawn(charts ...svg.Chart) Bundle {
	for _, ch := range charts {
		b.drawings = append(b.drawings, ch)
	}
	return b
}

// Plain returns text as a view.
func Plain(text string) Bundle { return Bundle{Data: map[string][]byte{MIMEText: []byte(text)}} }

// with returns b with one form more.
func (b Bundle) with(mime string, data []byte) Bundle {
	b.Data[mime] = data
	return b
}

// HTML returns a view from HTML source and its text form. The source is taken as it is: escape with
// html.EscapeString what comes from elsewhere.
func HTML(source, text string) Bundle { return Plain(text).with(MIMEHTML, []byte(source)) }

// Markdown returns Markdown source as a view.
func Markdown(source string) Bundle { return Plain(source).with(MIMEMarkdown, []byte(source)) }

// SVG returns a picture as a view; text is what terminals show for it. The picture must be self-contained.
func SVG(source, text string) Bundle { return HTML(picture(source, text), text) }

// maxImageSide bounds the pixels of a picture that is shown: more are not seen, and stay in the notebook.
const maxImageSide = 2000

// Image returns a view of a picture. Pictures with few pixels are enlarged, pixel by pixel; of one of more than 2000 pixels a
// side evenly spaced ones are shown. The view is a PNG, with its width and height on the page.
func Image(img image.Image) Bundle {
	if isNil(img) {
		return Plain("nil image")
	}
	r := img.Bounds()
	text := fmt.Sprintf("image %d×%d", r.Dx(), r.Dy())
	if r.Empty() {
		return Plain(text)
	}
	if max(r.Dx(), r.Dy()) > maxImageSide {
		img = thinned(img)
		r = img.Bounds()
		text += fmt.Sprintf(", of which %d×%d pixels are shown", r.Dx(), r.Dy())
	}
	factor := max(1, 160/max(r.Dx(), r.Dy()))
	b := Plain(text).with(MIMEPNG, svg.EncodePNG(enlarge(img, factor)))
	b.Meta = map[string]any{MIMEPNG: map[string]any{"width": r.Dx() * factor, "height": r.Dy() * factor}}
	return b
}

// thinned returns evenly spaced pixels of a picture.
func thinned(img image.Image) image.Image {
	r := img.Bounds()
	longer := max(r.Dx(), r.Dy())
	w, h := max(1, r.Dx()*maxImageSide/longer), max(1, r.Dy()*maxImageSide/longer)
	xs, ys := pick(r.Dx(), w), pick(r.Dy(), h)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for j, y := range ys {
		for i, x := range xs {
			out.Set(i, j, img.At(r.Min.X+x, r.Min.Y+y))
		}
	}
	return out
}

// Error returns an error as a view: the sentence, set apart so that nobody overlooks it.
func Error(err error) Bundle {
	if err == nil {
		return Plain("no error")
	}
	if isNil(err) {
		return Plain("nil " + typeName(reflect.TypeOf(err)))
	}
	return failure("error: ", err.Error())
}

func failure(prefix, message string) Bundle {
	return HTML(tag("div", "border-left:4px solid #c9313f;padding:4px 12px;margin:4px 0;background-color:rgba(201,49,63,0.08)",
		tag("pre", "margin:0;white-space:pre-wrap;background-color:transparent;font-size:12px", esc(message))), prefix+message)
}

// Stack returns several views as one, one below the other.
func Stack(views ...any) Bundle {
	var texts []string
	var h strings.Builder
	var drawings []svg.Drawing
	for _, v := range views {
		b := Render(v)
		texts = append(texts, strings.TrimRight(b.Text(), "\n"))
		h.WriteString(tag("div", "margin:2px 0 8px 0", b.HTML()))
		drawings = append(drawings, b.drawings...)
	}
	return HTML(h.String(), strings.Join(texts, "\n\n")).drawing(drawings)
}

// Row returns several views as one, side by side where there is room.
func Row(views ...any) Bundle {
	var texts []string
	var h strings.Builder
	var drawings []svg.Drawing
	for _, v := range views {
		b := Render(v)
		texts = append(texts, strings.TrimRight(b.Text(), "\n"))
		h.WriteString(tag("div", "display:inline-block;vertical-align:top;margin:0 16px 8px 0;max-width:100%", b.HTML()))
		drawings = append(drawings, b.drawings...)
	}
	return HTML(tag("div", "", h.String()), strings.Join(texts, "\n\n")).drawing(drawings)
}

// Titled returns a view with a heading.
func Titled(title string, v any) Bundle {
	b := Render(v)
	return HTML(heading(title)+b.HTML(), title+"\n"+b.Text()).drawing(b.drawings)
}
