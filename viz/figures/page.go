package figures

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"time"

	"codeberg.org/go-pdf/fpdf"
	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// page is what a figure is drawn on. Places are in points from the lower left corner.
type page interface {
	io.WriterTo
	fill(path vg.Path, c color.Color)
	stroke(path vg.Path, c color.Color, width vg.Length, dashes []vg.Length)
	write(face font.Face, at vg.Point, upwards bool, c color.Color, s string) // at is the left end of the line
	draw(where vg.Rectangle, img image.Image) error
}

// vgPage is a page of a backend of gonum/plot.
type vgPage struct {
	vg.Canvas
	io.WriterTo
}

func (p vgPage) fill(path vg.Path, c color.Color) {
	p.SetColor(c)
	p.Fill(path)
}

func (p vgPage) stroke(path vg.Path, c color.Color, width vg.Length, dashes []vg.Length) {
	p.SetColor(c)
	p.SetLineWidth(width)
	p.SetLineDash(dashes, 0)
	p.Stroke(path)
}

func (p vgPage) write(face font.Face, at vg.Point, upwards bool, c color.Color, s string) {
	p.SetColor(c)
	if !upwards {
		p.FillString(face, at, s)
		return
	}
	p.Push()
	p.Translate(at)
	p.Rotate(math.Pi / 2)
	p.FillString(face, vg.Point{}, s)
	p.Pop()
}

func (p vgPage) draw(where vg.Rectangle, img image.Image) error {
	p.DrawImage(where, img)
	return nil
}

// pdfPage is a PDF by fpdf. That of gonum/plot 0.17 has the file of one font for all of them, and the letters of Windows-1252 alone; here each
// font is embedded as far as its letters are used.
type pdfPage struct {
	doc    *fpdf.Fpdf
	height float64
	fonts  map[string]bool
	images int
	alpha  float64
}

func newPDF(w, h vg.Length) *pdfPage {
	doc := fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: float64(w), Ht: float64(h)}})
	doc.SetMargins(0, 0, 0)
	doc.SetAutoPageBreak(false, 0)
	doc.SetCatalogSort(true) // the same figure is the same file
	doc.SetCreationDate(time.Unix(0, 0).UTC())
	doc.SetModificationDate(time.Unix(0, 0).UTC())
	doc.SetProducer("quire", true)
	doc.AddPage()
	doc.SetLineJoinStyle("round")
	return &pdfPage{doc: doc, height: float64(h), fonts: map[string]bool{}, alpha: 1}
}

// rgb returns a colour for fpdf, and sees to how much shines through.
func (p *pdfPage) rgb(c color.Color) (r, g, b int) {
	v := color.NRGBAModel.Convert(c).(color.NRGBA)
	if a := float64(v.A) / 255; a != p.alpha {
		p.alpha = a
		p.doc.SetAlpha(a, "Normal")
	}
	return int(v.R), int(v.G), int(v.B)
}

func (p *pdfPage) trace(path vg.Path) {
	for _, c := range path {
		x, y := float64(c.Pos.X), p.height-float64(c.Pos.Y)
		switch c.Type {
		case vg.MoveComp:
			p.doc.MoveTo(x, y)
		case vg.LineComp:
			p.doc.LineTo(x, y)
		case vg.CurveComp: // the painter makes cubic ones
			p.doc.CurveBezierCubicTo(float64(c.Control[0].X), p.height-float64(c.Control[0].Y), float64(c.Control[1].X), p.height-float64(c.Control[1].Y), x, y)
		case vg.CloseComp:
			p.doc.ClosePath()
		}
	}
}

func (p *pdfPage) fill(path vg.Path, c color.Color) {
	if len(path) == 0 {
		return
	}
	p.doc.SetFillColor(p.rgb(c))
	p.trace(path)
	p.doc.DrawPath("F")
}

func (p *pdfPage) stroke(path vg.Path, c color.Color, width vg.Length, dashes []vg.Length) {
	if len(path) == 0 {
		return
	}
	p.doc.SetDrawColor(p.rgb(c))
	p.doc.SetLineWidth(float64(width))
	var pattern []float64
	for _, d := range dashes {
		pattern = append(pattern, float64(d))
	}
	p.doc.SetDashPattern(pattern, 0)
	p.trace(path)
	p.doc.DrawPath("D")
}

func (p *pdfPage) write(face font.Face, at vg.Point, upwards bool, c color.Color, s string) {
	name, style := "Liberation"+string(face.Font.Variant), ""
	if face.Font.Weight == stdfont.WeightBold {
		style = "B"
	}
	if !p.fonts[name+style] {
		p.fonts[name+style] = true
		var ttf bytes.Buffer
		if _, err := face.Face.WriteSourceTo(nil, &ttf); err != nil {
			p.doc.SetError(err)
			return
		}
		p.doc.AddUTF8FontFromBytes(name, style, ttf.Bytes())
	}
	p.doc.SetFont(name, style, float64(face.Font.Size))
	p.doc.SetTextColor(p.rgb(c))
	x, y := float64(at.X), p.height-float64(at.Y)
	if upwards {
		p.doc.TransformBegin()
		p.doc.TransformRotate(90, x, y)
		defer p.doc.TransformEnd()
	}
	p.doc.Text(x, y, s)
}

func (p *pdfPage) draw(where vg.Rectangle, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return err
	}
	p.images++
	name := fmt.Sprintf("image%d", p.images)
	o := fpdf.ImageOptions{ImageType: "png"}
	p.rgb(color.Black)
	p.doc.RegisterImageOptionsReader(name, o, &b)
	p.doc.ImageOptions(name, float64(where.Min.X), p.height-float64(where.Max.Y), float64(where.Max.X-where.Min.X), float64(where.Max.Y-where.Min.Y), false, o, 0, "")
	return p.doc.Error()
}

// WriteTo writes the file.
func (p *pdfPage) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	if err := p.doc.Output(&b); err != nil {
		return 0, err
	}
	return b.WriteTo(w)
}
