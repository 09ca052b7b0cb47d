package viz

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// ImageOptions say how [Images] shows a sheet of pictures.
type ImageOptions struct {
	Title         string
	Captions      []string // below the pictures
	Truth         any      // class numbers as in [Confusion], written below: green if Predicted agrees, red if not
	Predicted     any      // likewise; may be scores, of which the largest counts
	Classes       []string // names of the numbers in Truth and Predicted
	Columns       int      // 0: as many as fit
	Limit         int      // pictures shown; 60, not above 2000
	Width         float64  // of the sheet in pixels; 860
	Side          float64  // longer side of a picture on the page, in pixels; 0: as fits
	ChannelsFirst bool     // the tensor is [N C H W], not [N H W C]
	Channels      bool     // show every channel as a picture of its own, as for filters and feature maps

	// Range is the values that are black and white; those beyond are as black and as white. The zero value takes it from the values.
	Range [2]float64

	// Clip is the share of the values, below 0.5, that may be beyond black, and likewise beyond white: Range is then the quantiles
	// Clip and 1-Clip. 0 clips 0.005 if values must be spread and a few of them, far out, would leave the others a third of the greys; a
	// negative value never clips.
	Clip float64
}

// maxPictures bounds a sheet: a notebook keeps every picture of it.
const maxPictures = 2000

// Images shows a tensor as a sheet of pictures: [H W], [N H W] in grey, or [N H W C] with one (grey), three
// (RGB) or four (RGBA) channels. Values are 0 to 255 for integers and 0 to 1 for floats; others are spread from
// black to white, and the view says so, and how many are clipped ([ImageOptions].Clip). It takes one ImageOptions at most. Truth and Predicted may have fewer
// elements than there are pictures: the first ones.
func Images(t *tensors.Tensor, options ...ImageOptions) Bundle {
	var o ImageOptions
	if len(options) > 0 {
		o = options[0]
	}
	p, err := newPixels(t, o)
	if err != nil {
		return Error(err)
	}
	v, err := newVerdicts(o)
	if err != nil {
		return Error(err)
	}
	limit := o.Limit
	if limit <= 0 {
		limit = 60
	}
	limit = min(limit, maxPictures)
	sheet := svg.Tiles{Title: o.Title, Columns: o.Columns, Width: o.Width, Side: o.Side}
	shown := min(p.n, limit)
	for i := range shown {
		tile := svg.Tile{Image: p.image(i)}
		if i < len(o.Captions) {
			tile.Lines = append(tile.Lines, svg.Caption{Text: o.Captions[i], Color: -1})
		}
		if i < len(v.truth) {
			tile.Lines = append(tile.Lines, v.caption(i))
		}
		sheet.Items = append(sheet.Items, tile)
	}
	var said []string
	if shown < p.n {
		said = append(said, fmt.Sprintf("%d of %s pictures are shown", shown, count(int64(p.n))))
	}
	if p.stretched {
		said = append(said, p.rangeText())
	}
	text := strings.TrimSpace(fmt.Sprintf("%s %s of %d×%d from %s", o.Title, amount(p.n, "picture"), p.h, p.w, t.Shape()))
	var captions []string
	for i := range shown {
		for _, l := range sheet.Items[i].Lines {
			captions = append(captions, l.Text)
		}
	}
	if captions != nil {
		text += "\n" + strings.Join(captions, " | ")
	}
	if n := len(v.truth); n > 0 && len(v.predicted) >= n {
		right := 0
		for i := range v.truth {
			if v.truth[i] == v.predicted[i] {
				right++
			}
		}
		said = append(said, fmt.Sprintf("%d of %d right", right, n))
	}
	h := picture(sheet.SVG(), text)
	if said != nil {
		h += note(strings.Join(said, "; "))
		text += "\n" + strings.Join(said, "; ")
	}
	return HTML(h, text+"\n")
}

// verdicts are the true and the predicted classes of pictures.
type verdicts struct {
	truth, predicted []int
	classes          []string
}

func newVerdicts(o ImageOptions) (verdicts, error) {
	v := verdicts{classes: o.Classes}
	var err error
	if o.Truth != nil {
		if v.truth, err = classNumbers(o.Truth); err != nil {
			return v, fmt.Errorf("viz.Images: Truth: %w", err)
		}
	}
	if o.Predicted != nil {
		if v.predicted, err = classNumbers(o.Predicted); err != nil {
			return v, fmt.Errorf("viz.Images: Predicted: %w", err)
		}
	}
	return v, nil
}

func (v verdicts) caption(i int) svg.Caption {
	truth := className(v.classes, v.truth[i])
	if i >= len(v.predicted) {
		return svg.Caption{Text: truth, Color: -1}
	}
	if v.predicted[i] == v.truth[i] {
		return svg.Caption{Text: truth, Color: 2}
	}
	return svg.Caption{Text: className(v.classes, v.predicted[i]) + ", is " + truth, Color: 4}
}

func className(classes []string, i int) string {
	if i >= 0 && i < len(classes) {
		return classes[i]
	}
	return fmt.Sprint(i)
}

// pixels is a tensor seen as n pictures.
type pixels struct {
	values     []float64
	n, h, w, c int
	first      bool // channels before rows
	lo, hi     float64
	stretched  bool
}

// rangeText says which values are black and white, and how many are beyond.
func (p *pixels) rangeText() string {
	lo, hi := numberPair(p.lo, p.hi)
	s := fmt.Sprintf("values %s to %s are shown from black to white", lo, hi)
	beyond := 0
	for _, v := range p.values {
		if v < p.lo || v > p.hi {
			beyond++
		}
	}
	if beyond > 0 {
		s += fmt.Sprintf(", %s of them, beyond, as these", percent(float64(beyond)/float64(len(p.values)), 1))
	}
	return s
}

func newPixels(t *tensors.Tensor, o ImageOptions) (*pixels, error) {
	if err := t.CheckValid(); err != nil {
		return nil, fmt.Errorf("viz.Images: %w", err)
	}
	d := t.Shape().Dimensions
	p := &pixels{c: 1, n: 1, first: o.ChannelsFirst}
	switch {
	case t.DType().IsComplex():
		return nil, fmt.Errorf("viz.Images: %s is complex: show its parts", t.Shape())
	case len(d) == 2:
		p.h, p.w = d[0], d[1]
	case len(d) == 3:
		p.n, p.h, p.w = d[0], d[1], d[2]
	case len(d) == 4 && o.ChannelsFirst:
		p.n, p.c, p.h, p.w = d[0], d[1], d[2], d[3]
	case len(d) == 4:
		p.n, p.h, p.w, p.c = d[0], d[1], d[2], d[3]
	default:
		return nil, fmt.Errorf("viz.Images: %s has %d axes: want [H W], [N H W] or [N H W C]", t.Shape(), len(d))
	}
	if t.Size() == 0 {
		return nil, fmt.Errorf("viz.Images: %s has no elements", t.Shape())
	}
	if said := tooLarge(t); said != "" {
		return nil, fmt.Errorf("viz.Images: %s", said)
	}
	if err := checkRange(o); err != nil {
		return nil, fmt.Errorf("viz.Images: %w", err)
	}
	p.values = float64s(t)
	if o.Channels {
		p.splitChannels()
	}
	if p.c != 1 && p.c != 3 && p.c != 4 {
		return nil, fmt.Errorf("viz.Images: %s has %d channels: want 1, 3 or 4, or ImageOptions.Channels for a picture per channel", t.Shape(), p.c)
	}
	s := statsOf(p.values)
	p.lo, p.hi = s.min, s.max
	switch {
	case o.Range != [2]float64{}:
		p.lo, p.hi, p.stretched = o.Range[0], o.Range[1], true
	case o.Clip > 0:
		p.lo, p.hi = p.clipped(o.Clip)
		p.stretched = true
	case s.min >= 0 && s.max <= 1 && !t.DType().IsInt():
		p.lo, p.hi = 0, 1
	case s.min >= 0 && s.max <= 255 && s.max > 16 && t.DType().IsInt() || t.DType() == dtypes.Uint8 && s.max > 16:
		p.lo, p.hi = 0, 255
	case t.DType() == dtypes.Bool:
		p.lo, p.hi = 0, 1
	default:
		if lo, hi := p.clipped(outlierShare); o.Clip == 0 && hi > lo && hi-lo < (s.max-s.min)/3 {
			p.lo, p.hi = svg.Widened(lo, hi, 0.05)
		}
		if p.lo < 0 && p.hi > 0 { // zero is the middle grey
			p.hi = max(-p.lo, p.hi)
			p.lo = -p.hi
		}
		p.stretched = true
	}
	switch {
	case math.IsNaN(p.lo): // no value is finite
		p.lo, p.hi, p.stretched = 0, 1, false
	case !(p.hi > p.lo):
		p.hi = p.lo + 1
	}
	return p, nil
}

// outlierShare is the share of values, at either end, that may be outliers: of a picture of 28 by 28 pixels four.
const outlierShare = 0.005

// clipped returns the quantiles share and 1-share of the finite values.
func (p *pixels) clipped(share float64) (lo, hi float64) {
	sorted := slices.DeleteFunc(slices.Clone(p.values), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	if len(sorted) == 0 {
		return 0, 0
	}
	slices.Sort(sorted)
	return quantile(sorted, share), quantile(sorted, 1-share)
}

// quantile returns the quantile q of sorted values, between two of them by their distances.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	k := min(int(at), len(sorted)-1)
	return svg.Between(sorted[k], sorted[min(k+1, len(sorted)-1)], at-float64(k))
}

// checkRange returns what is wrong with Range and Clip.
func checkRange(o ImageOptions) error {
	lo, hi := o.Range[0], o.Range[1]
	switch {
	case o.Range != [2]float64{} && !(lo < hi && !math.IsInf(lo, 0) && !math.IsInf(hi, 0)):
		return fmt.Errorf("the range is from %v to %v: want two finite numbers, the second larger", lo, hi)
	case math.IsNaN(o.Clip) || o.Clip >= 0.5:
		return fmt.Errorf("the clipped share is %v: want one of the values below 0.5, such as 0.01", o.Clip)
	case o.Range != [2]float64{} && o.Clip > 0:
		return errors.New("both Range and Clip are set: want one of them")
	}
	return nil
}

// splitChannels turns n pictures of c channels into n·c pictures of one.
func (p *pixels) splitChannels() {
	if !p.first {
		moved := make([]float64, len(p.values))
		area := p.h * p.w
		for i, v := range p.values {
			img, rest := i/(area*p.c), i%(area*p.c)
			moved[img*area*p.c+(rest%p.c)*area+rest/p.c] = v
		}
		p.values = moved
	}
	p.n, p.c, p.first = p.n*p.c, 1, false
}

// maxSide bounds the pixels of one picture on a sheet: larger ones are thinned.
const maxSide = 256

func (p *pixels) image(i int) image.Image {
	rows, cols := pick(p.h, maxSide), pick(p.w, maxSide)
	rect := image.Rect(0, 0, len(cols), len(rows))
	if p.c == 1 {
		img := image.NewRGBA(rect)
		plain := true
		for y, r := range rows {
			for x, c := range cols {
				v := p.values[(i*p.h+r)*p.w+c]
				plain = plain && !math.IsNaN(v) && !math.IsInf(v, 0)
				img.SetRGBA(x, y, svg.Range{Lo: p.lo, Hi: p.hi, Map: svg.Gray}.Color(v))
			}
		}
		if plain { // a third of the bytes
			gray := image.NewGray(rect)
			for k := range gray.Pix {
				gray.Pix[k] = img.Pix[4*k]
			}
			return gray
		}
		return img
	}
	img := image.NewNRGBA(rect)
	for y, r := range rows {
		for x, c := range cols {
			ch := [4]uint8{3: 255}
			for k := range p.c {
				index := ((i*p.h+r)*p.w+c)*p.c + k
				if p.first {
					index = ((i*p.c+k)*p.h+r)*p.w + c
				}
				v := svg.Unit(p.values[index], p.lo, p.hi)
				if math.IsNaN(v) {
					v = 0
				}
				ch[k] = uint8(math.Round(255 * min(1, max(0, v))))
			}
			img.SetNRGBA(x, y, color.NRGBA{ch[0], ch[1], ch[2], ch[3]})
		}
	}
	return img
}
