package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data/internal/near"
)

// Sound is a sound in a WAV file, which is read as it is wanted. It may be used by several goroutines if its reader may.
type Sound struct {
	Rate     int // frames a second
	Channels int
	Bits     int  // of a sample in the file
	Float    bool // samples are floats, not integers
	Frames   int  // a frame is a sample of each channel

	r  io.ReaderAt
	at int64 // of the samples
}

// Open opens a WAV file, see [Parse]; Close closes it.
func Open(path string) (*Sound, error) {
	f, err := near.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		var s *Sound
		if s, err = parse(f, info.Size()); err == nil {
			return s, nil
		}
	}
	f.Close()
	return nil, fmt.Errorf("audio: %s: %w", path, err)
}

// Parse reads the head of a WAV file of the given number of bytes: samples of 8, 16, 24 or 32 bits, or floats of 32 or 64
// bits, also in the extensible form. It returns an error if r holds no such file, or ends before its samples do.
func Parse(r io.ReaderAt, size int64) (*Sound, error) {
	if r == nil {
		return nil, errors.New("audio: the reader is nil")
	}
	s, err := parse(r, size)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	return s, nil
}

// Codes of formats.
const (
	pcm        = 1
	ieeeFloat  = 3
	extensible = 0xfffe // the code stands at the beginning of a GUID further on
)

// streamed is what programs write for a size that they do not know yet.
const streamed = 0xffffffff

func parse(r io.ReaderAt, size int64) (*Sound, error) {
	var head [12]byte
	if size < int64(len(head)) {
		return nil, fmt.Errorf("no WAV file: it has %d bytes", size)
	}
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, fmt.Errorf("no WAV file: it begins with %q and %q, want \"RIFF\" and \"WAVE\"", head[:4], head[8:])
	}
	s := &Sound{r: r}
	for at := int64(len(head)); at+8 <= size; {
		var chunk [8]byte
		if _, err := r.ReadAt(chunk[:], at); err != nil {
			return nil, err
		}
		name, n := string(chunk[:4]), int64(binary.LittleEndian.Uint32(chunk[4:]))
		at += 8
		switch name {
		case "fmt ":
			if err := s.format(at, min(n, size-at)); err != nil {
				return nil, err
			}
		case "data":
			if s.Channels == 0 {
				return nil, errors.New("the samples come before the chunk \"fmt \", which says what they are")
			}
			if n == streamed {
				n = size - at
			}
			if n > size-at {
				return nil, fmt.Errorf("it is cut off: %d bytes of samples are announced, %d are there", n, size-at)
			}
			s.at, s.Frames = at, int(n/int64(s.frame()))
			return s, nil
		}
		at += n + n&1 // chunks begin at even places
	}
	return nil, errors.New("there is no chunk \"data\" with samples")
}

// frame returns the bytes of a frame.
func (s *Sound) frame() int { return s.Channels * s.Bits / 8 }

// format reads the chunk of n bytes that says what samples are.
func (s *Sound) format(at, n int64) error {
	if s.Channels != 0 {
		return errors.New("there are two chunks \"fmt \"")
	}
	var f [26]byte
	if n < 16 {
		return fmt.Errorf("the chunk \"fmt \" has %d bytes, want 16 or more", n)
	}
	if _, err := s.r.ReadAt(f[:min(n, int64(len(f)))], at); err != nil {
		return err
	}
	code, channels, rate := binary.LittleEndian.Uint16(f[:]), binary.LittleEndian.Uint16(f[2:]), binary.LittleEndian.Uint32(f[4:])
	align, bits := binary.LittleEndian.Uint16(f[12:]), binary.LittleEndian.Uint16(f[14:])
	if code == extensible {
		if n < int64(len(f)) {
			return fmt.Errorf("the chunk \"fmt \" of the extensible form has %d bytes, want %d or more", n, len(f))
		}
		code = binary.LittleEndian.Uint16(f[24:])
	}
	switch {
	case code == pcm && (bits == 8 || bits == 16 || bits == 24 || bits == 32):
	case code == ieeeFloat && (bits == 32 || bits == 64):
	default:
		return fmt.Errorf("samples of %d bits in format %d: want integers (format 1) of 8, 16, 24 or 32 bits, or floats (3) of 32 or 64", bits, code)
	}
	if channels == 0 || channels > 1024 || rate == 0 || rate > math.MaxInt32 {
		return fmt.Errorf("%d channels at %d frames a second: want 1 to 1024 channels, and a rate", channels, rate)
	}
	s.Rate, s.Channels, s.Bits, s.Float = int(rate), int(channels), int(bits), code == ieeeFloat
	if int(align) != s.frame() {
		return fmt.Errorf("frames of %d bytes for %d channels of %d bits: want %d", align, channels, bits, s.frame())
	}
	return nil
}

// Close closes the file that Open opened.
func (s *Sound) Close() error {
	if f, ok := s.r.(*os.File); ok {
		return f.Close()
	}
	return nil
}

// Read returns the n frames from frame from on as float32 [n Channels]. Integers become numbers from -1 to below 1: those of 8 bits, which
// have no sign, by (v - 128)/128, those of b bits by v / 2^(b-1). Floats are as they are. It returns an error if the sound has no such frames.
func (s *Sound) Read(from, n int) (*tensors.Tensor, error) {
	if s.r == nil {
		return nil, errors.New("audio: no sound is open: audio.Open opens one")
	}
	if from < 0 || n < 0 || from > s.Frames || n > s.Frames-from {
		return nil, fmt.Errorf("audio: frames %d to %d of a sound that has %d", from, from+n-1, s.Frames)
	}
	raw := make([]byte, n*s.frame())
	if _, err := s.r.ReadAt(raw, s.at+int64(from)*int64(s.frame())); err != nil && len(raw) > 0 {
		return nil, fmt.Errorf("audio: frame %d: %w", from, err)
	}
	out := make([]float32, n*s.Channels)
	for i := range out {
		out[i] = s.sample(raw[i*s.Bits/8:])
	}
	return tensors.FromFlatDataAndDimensions(out, n, s.Channels), nil
}

// sample returns the sample at the beginning of b.
func (s *Sound) sample(b []byte) float32 {
	switch {
	case s.Float && s.Bits == 32:
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	case s.Float:
		return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	switch s.Bits {
	case 8:
		return (float32(b[0]) - 128) / 128
	case 16:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case 24:
		return float32(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 31) // 24 bits fit a float32
	}
	return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
}
