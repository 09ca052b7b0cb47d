package signal

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// frames are the settings that short-time transforms share.
type frames struct {
	op        string
	x, window *graph.Node
	hop, size int
	center    bool
}

func framesOf(op string, x, window *graph.Node, takes dtypes.Set) frames {
	f := frames{op: op, x: need(op, x, takes), window: need(op, window, reals)}
	switch {
	case f.window.Rank() != 1 || f.window.Dim(0) < 1 || f.window.Dim(0) > most:
		graph.Errorf("signal.%s %s · %s: a window is a vector of 1 to %d elements", op, x.Shape(), window.Shape(), most)
	case f.window.DType() != f.x.DType().Real():
		graph.Errorf("signal.%s %s · %s: the window must be %s (convert it with ConvertDType)", op, x.Shape(), window.Shape(), f.x.DType().Real())
	}
	f.size = f.window.Dim(0)
	return f
}

func (f *frames) fail(format string, args ...any) {
	graph.Errorf("signal.%s %s · %s: "+format, append([]any{f.op, f.x.Shape(), f.window.Shape()}, args...)...)
}

func (f *frames) setHop(n int) {
	if n < 1 || n > most {
		f.fail("the hop from one frame to the next cannot be %d", n)
	}
	f.hop = n
}

func (f *frames) setLength(n int) {
	if n < f.window.Dim(0) || n > most {
		f.fail("a transform of length %d cannot be: want the %d elements of the window at least", n, f.window.Dim(0))
	}
	f.size = n
}

// mostBlocks is how many hops a piece may be long: each is a slice of its own.
const mostBlocks = 1 << 12

// step returns the hop.
func (f *frames) step() int {
	hop := f.hop
	if hop == 0 {
		hop = max(1, f.size/4)
	}
	if (f.size+hop-1)/hop > mostBlocks {
		f.fail("frames of %d elements, %d after one another, overlap more than %d times (set a longer Hop)", f.size, hop, mostBlocks)
	}
	return hop
}

// margin is what is put before and after the signal.
func (f *frames) margin() int {
	if f.center {
		return f.size / 2
	}
	return 0
}

// weights returns the window with zeros around to the length of the transform.
func (f *frames) weights() *graph.Node {
	free := f.size - f.window.Dim(0)
	return padLast(f.window, free/2, free-free/2)
}

// STFTBuilder makes a short-time Fourier transform, see [STFT].
type STFTBuilder struct{ frames }

// STFT starts a short-time Fourier transform of x along its last axis, which Done makes: the transforms of pieces of n elements, each under a window,
// that begin H elements after one another:
//
//	y[…, m, k] = Σ_j w[j] · x[…, m·H + j] · exp(-2πi·j·k/n),  k = 0 … n/2
//
// x is [batch…, T], float32 or float64, window a vector of the same dtype, for instance [Hann] with periodic; the result, [batch…, frames, n/2 + 1],
// is complex and has 1 + ⌊(T - n)/H⌋ frames. n is the length of the window unless FFTLength says otherwise, H is n/4 unless Hop does. It is
// PyTorch's stft, where Center is the default, but for the order of its last two axes.
//
// It panics with [graph.Error] if x is shorter than a piece.
func STFT(x, window *graph.Node) *STFTBuilder {
	b := &STFTBuilder{framesOf("STFT", x, window, reals)}
	if b.x.Rank() < 1 {
		b.fail("a scalar has no axis to go along")
	}
	return b
}

// Hop sets H, from the begin of one piece to that of the next.
func (b *STFTBuilder) Hop(n int) *STFTBuilder {
	b.setHop(n)
	return b
}

// FFTLength sets n, the length of the pieces. Zeros are put around a window that is shorter.
func (b *STFTBuilder) FFTLength(n int) *STFTBuilder {
	b.setLength(n)
	return b
}

// Center puts n/2 elements before and after the signal, which are its reflection, so that piece m is around element m·H. The signal must be longer
// than that.
func (b *STFTBuilder) Center() *STFTBuilder {
	b.center = true
	return b
}

// Done adds the transform to the graph and returns its result.
func (b *STFTBuilder) Done() *graph.Node {
	if b.x == nil {
		graph.Errorf("signal.STFT: an operand is nil")
	}
	x, p := b.x, b.margin()
	if t := x.Dim(-1); p > 0 && p >= t {
		b.fail("a signal of %d elements has no reflection of %d to put around (leave Center out, or take shorter frames)", t, p)
	}
	if p > 0 {
		t := x.Dim(-1)
		x = graph.Concatenate([]*graph.Node{graph.Reverse(part(x, 1, p+1), -1), x, graph.Reverse(part(x, t-p-1, t-1), -1)}, -1)
	}
	if t := x.Dim(-1); t < b.size {
		b.fail("a signal of %d elements is shorter than a frame of %d (pad it with Pad)", t, b.size)
	}
	return graph.RealFFT(graph.Mul(pieces(x, b.size, b.step()), b.weights()), b.size)
}

// InverseSTFTBuilder undoes a short-time Fourier transform, see [InverseSTFT].
type InverseSTFTBuilder struct {
	frames
	length int
}

// InverseSTFT starts the inverse of [STFT] with the same window and settings, which Done makes: pieces of n elements under the window, added up where
// they overlap, divided by the squares of the windows there:
//
//	y[…, t] = Σ_m w[t - m·H] · z[…, m, t - m·H] / Σ_m w[t - m·H]²
//
// where z[…, m, :] are the inverse transforms of x[…, m, :]. Of all signals it has the transform nearest to x. x is [batch…, frames, n/2 + 1], complex;
// the result, [batch…, (frames - 1)·H + n], is real, and 0 where all windows are. n is the length of the window unless FFTLength says otherwise, H is
// n/4 unless Hop does. It is PyTorch's istft, but for the order of axes.
//
// Source: Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984, eq. 6.
func InverseSTFT(x, window *graph.Node) *InverseSTFTBuilder {
	b := &InverseSTFTBuilder{frames: framesOf("InverseSTFT", x, window, dtypes.Complexes)}
	if b.x.Rank() < 2 || b.x.Dim(-2) < 1 {
		b.fail("the operand must have an axis of frames, one at least, and one of frequencies")
	}
	return b
}

// Hop sets H, from the begin of one piece to that of the next.
func (b *InverseSTFTBuilder) Hop(n int) *InverseSTFTBuilder {
	b.setHop(n)
	return b
}

// FFTLength sets n, the length of the pieces. Zeros are put around a window that is shorter.
func (b *InverseSTFTBuilder) FFTLength(n int) *InverseSTFTBuilder {
	b.setLength(n)
	return b
}

// Center takes away n/2 elements before and after, which STFT put there.
func (b *InverseSTFTBuilder) Center() *InverseSTFTBuilder {
	b.center = true
	return b
}

// Length sets the length of the result: zeros follow a shorter one, a longer one is cut.
func (b *InverseSTFTBuilder) Length(n int) *InverseSTFTBuilder {
	if n < 1 || n > most {
		b.fail("a signal cannot have %d elements: want 1 to %d", n, most)
	}
	b.length = n
	return b
}

// Done adds the inverse to the graph and returns its result.
func (b *InverseSTFTBuilder) Done() *graph.Node {
	if b.x == nil {
		graph.Errorf("signal.InverseSTFT: an operand is nil")
	}
	n, m, hop := b.size, b.x.Dim(-2), b.step()
	switch have := b.x.Dim(-1); {
	case have != n/2+1:
		b.fail("there are %d frequencies, a transform of length %d has %d (FFTLength sets it)", have, n, n/2+1)
	case m > most || (m-1)*hop+n > most:
		b.fail("%d frames of %d elements are more than a signal of %d has", m, n, most)
	}
	w := b.weights()
	y := overlapped(graph.Mul(graph.InverseRealFFT(b.x, n), w), hop)
	square := overlapped(graph.BroadcastPrefix(graph.Square(w), m), hop) // a vector
	zero := graph.IsZero(square)
	y = graph.Div(y, graph.Where(zero, graph.OnesLike(square), square))
	p := b.margin()
	length := y.Dim(-1) - 2*p
	if b.length > 0 {
		length = b.length
	}
	if length < 1 {
		b.fail("nothing is left of %d elements without the %d at each end (leave Center out)", y.Dim(-1), p)
	}
	y = part(y, p, min(y.Dim(-1), p+length))
	return padLast(y, 0, length-y.Dim(-1))
}

// pieces returns the pieces of n elements of x's last axis that begin hop elements after one another, as many as there are whole ones:
// [batch…, pieces, n]. Each is made of blocks of hop elements, which are slices of x.
func pieces(x *graph.Node, n, hop int) *graph.Node {
	x.Graph().BranchOn("signal.STFT", x.Dim(-1), n, hop)
	count, blocks := (x.Dim(-1)-n)/hop+1, (n+hop-1)/hop
	whole := (count + blocks - 1) * hop
	x = padLast(x, 0, whole-x.Dim(-1))
	dims := x.Shape().Dimensions
	x = graph.Reshape(x, append(dims[:len(dims)-1:len(dims)-1], count+blocks-1, hop)...)
	if blocks == 1 {
		return part(x, 0, n)
	}
	parts := make([]*graph.Node, blocks)
	for i := range parts {
		parts[i] = graph.SliceAxis(x, -2, graph.AxisRange(i, i+count))
	}
	return part(graph.Concatenate(parts, -1), 0, n)
}

// overlapped adds up the pieces along x's last but one axis, each hop elements after the one before: the transposition of [pieces].
func overlapped(x *graph.Node, hop int) *graph.Node {
	count, n := x.Dim(-2), x.Dim(-1)
	blocks := (n + hop - 1) / hop
	x = padLast(x, 0, blocks*hop-n)
	var y *graph.Node
	for i := range blocks {
		axes := make([]graph.PadAxis, x.Rank())
		axes[x.Rank()-2] = graph.PadAxis{Start: i, End: blocks - 1 - i}
		part := graph.Pad(part(x, i*hop, (i+1)*hop), graph.ScalarZero(x.Graph(), x.DType()), axes...)
		if y == nil {
			y = part
		} else {
			y = graph.Add(y, part)
		}
	}
	dims := y.Shape().Dimensions
	y = graph.Reshape(y, append(dims[:len(dims)-2:len(dims)-2], (count+blocks-1)*hop)...)
	return part(y, 0, (count-1)*hop+n)
}
