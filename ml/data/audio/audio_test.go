package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wav writes a WAV file as its specification has it.
func wav(code, channels, bits, rate int, samples []byte, extra ...string) []byte {
	format := binary.LittleEndian.AppendUint16(nil, uint16(code))
	format = binary.LittleEndian.AppendUint16(format, uint16(channels))
	format = binary.LittleEndian.AppendUint32(format, uint32(rate))
	format = binary.LittleEndian.AppendUint32(format, uint32(rate*channels*bits/8))
	format = binary.LittleEndian.AppendUint16(format, uint16(channels*bits/8))
	format = binary.LittleEndian.AppendUint16(format, uint16(bits))
	if code == extensible {
		format = append(format, 22, 0, byte(bits), 0, 0, 0, 0, 0, pcm, 0)
		format = append(format, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	}
	var body []byte
	chunk := func(name string, text []byte) {
		body = binary.LittleEndian.AppendUint32(append(body, name...), uint32(len(text)))
		body = append(body, text...)
		if len(text)%2 == 1 {
			body = append(body, 0)
		}
	}
	for _, name := range extra {
		chunk(name, []byte("abc"))
	}
	chunk("fmt ", format)
	chunk("data", samples)
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body)))
	return append(append(head, "WAVE"...), body...)
}

func floats(t *testing.T, file []byte) (*Sound, []float32) {
	t.Helper()
	s, err := Parse(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	x, err := s.Read(0, s.Frames)
	require.NoError(t, err)
	return s, tensors.MustCopyFlatData[float32](x)
}

func TestSamplesOfEveryKind(t *testing.T) {
	le := binary.LittleEndian
	for name, c := range map[string]struct {
		code, bits int
		raw        []byte
		want       []float32
	}{
		"8 bits":     {pcm, 8, []byte{0, 128, 255, 64}, []float32{-1, 0, 127. / 128, -0.5}},
		"16 bits":    {pcm, 16, []byte{0, 0x80, 0xff, 0x7f, 0, 0, 0, 0x40}, []float32{-1, 32767. / 32768, 0, 0.5}},
		"24 bits":    {pcm, 24, []byte{0, 0, 0x80, 0xff, 0xff, 0x7f, 1, 0, 0, 0, 0, 0xc0}, []float32{-1, 8388607. / 8388608, 1. / 8388608, -0.5}},
		"32 bits":    {pcm, 32, []byte{0, 0, 0, 0x80, 0, 0, 0, 0x40}, []float32{-1, 0.5}},
		"extensible": {extensible, 16, []byte{0, 0x80, 0, 0x40}, []float32{-1, 0.5}},
		"float32":    {ieeeFloat, 32, le.AppendUint32(le.AppendUint32(nil, math.Float32bits(1.5)), math.Float32bits(-0.25)), []float32{1.5, -0.25}},
		"float64":    {ieeeFloat, 64, le.AppendUint64(le.AppendUint64(nil, math.Float64bits(0.1)), math.Float64bits(-2)), []float32{0.1, -2}},
	} {
		for _, channels := range []int{1, 2} {
			s, got := floats(t, wav(c.code, channels, c.bits, 8000, c.raw, "LIST", "cue "))
			assert.Equal(t, c.want, got, name)
			assert.Equal(t, []any{8000, channels, c.bits, c.code == ieeeFloat, len(c.want) / channels}, []any{s.Rate, s.Channels, s.Bits, s.Float, s.Frames}, name)
			part, err := s.Read(1, s.Frames-1)
			require.NoError(t, err)
			assert.Equal(t, c.want[channels:], tensors.MustCopyFlatData[float32](part), "%s from frame 1", name)
			_, err = s.Read(1, s.Frames)
			assert.ErrorContains(t, err, "of a sound that has")
		}
	}
}

func TestWhatIsNoWAV(t *testing.T) {
	good := wav(pcm, 1, 16, 8000, make([]byte, 8))
	streamedFile := bytes.Clone(good)
	copy(streamedFile[40:], "\xff\xff\xff\xff")
	s, _ := floats(t, streamedFile)
	assert.Equal(t, 4, s.Frames, "of a file whose writer did not know its length")
	change := func(at int, b byte) []byte {
		c := bytes.Clone(good)
		c[at] = b
		return c
	}
	for want, file := range map[string][]byte{
		"audio: no WAV file: it has 3 bytes":                                                                                 good[:3],
		`audio: no WAV file: it begins with "RIFX" and "WAVE", want "RIFF" and "WAVE"`:                                       change(3, 'X'),
		"audio: it is cut off: 8 bytes of samples are announced, 5 are there":                                                good[:len(good)-3],
		"audio: there is no chunk \"data\" with samples":                                                                     good[:36],
		"audio: samples of 12 bits in format 1: want integers (format 1) of 8, 16, 24 or 32 bits, or floats (3) of 32 or 64": change(34, 12),
		"audio: samples of 16 bits in format 7: want integers (format 1) of 8, 16, 24 or 32 bits, or floats (3) of 32 or 64": change(20, 7),
		"audio: 0 channels at 8000 frames a second: want 1 to 1024 channels, and a rate":                                     change(22, 0),
		"audio: frames of 3 bytes for 1 channels of 16 bits: want 2":                                                         change(32, 3),
		`audio: the samples come before the chunk "fmt ", which says what they are`:                                          change(12, 'x'),
	} {
		_, err := Parse(bytes.NewReader(file), int64(len(file)))
		assert.EqualError(t, err, want)
	}
	_, err := Parse(nil, 0)
	assert.EqualError(t, err, "audio: the reader is nil")
	_, err = Open(filepath.Join(t.TempDir(), "none.wav"))
	assert.Error(t, err)
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, file []byte) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, file, 0o600))
	}
	put("yes/1.wav", wav(pcm, 2, 8, 8000, []byte{128, 255, 0, 128, 64, 192}))
	put("no/1.WAV", wav(pcm, 1, 8, 8000, []byte{64}))
	for _, c := range []struct {
		name string
		o    Options
		want [][]float32
	}{
		{"as they are", Options{}, [][]float32{{-0.5}, {0, 127. / 128, -1, 0, -0.5, 0.5}}},
		{"two frames, one channel", Options{Frames: 2, Mono: true}, [][]float32{{-0.5, 0}, {127. / 256, -0.5}}},
		{"four frames", Options{Frames: 4, Rate: 8000}, [][]float32{{-0.5, 0, 0, 0}, {0, 127. / 128, -1, 0, -0.5, 0.5, 0, 0}}},
	} {
		sounds, err := Folder(dir, c.o)
		require.NoError(t, err)
		assert.Equal(t, []string{"no", "yes"}, sounds.Classes())
		var got [][]float32
		for b, err := range data.ByIndex(sounds, nil, 2).Iter() {
			require.NoError(t, err, c.name)
			assert.Equal(t, int32(len(got)), tensors.Flat[int32](b.Labels[0])[0])
			got = append(got, tensors.MustCopyFlatData[float32](b.Inputs[0]))
			b.Close()
		}
		assert.Equal(t, c.want, got, c.name)
	}
	sounds, err := Folder(dir, Options{Rate: 16000})
	require.NoError(t, err)
	_, err = sounds.Example(0)
	assert.EqualError(t, err, "audio: "+filepath.Join(dir, "no", "1.WAV")+": it has 8000 frames a second, want 16000: convert the file, as sox -r 16000 does")
	_, err = sounds.Example(2)
	assert.ErrorContains(t, err, "there is no sound 2 of 2")
	put("stray.wav", nil)
	_, err = Folder(dir, Options{})
	assert.ErrorContains(t, err, "is in no folder")
	_, err = Folder(dir, Options{Frames: -1})
	assert.Error(t, err)
}

func FuzzParse(f *testing.F) {
	f.Add(wav(pcm, 2, 16, 8000, make([]byte, 8), "LIST"))
	f.Add(wav(extensible, 1, 24, 8000, make([]byte, 9)))
	f.Add(wav(ieeeFloat, 1, 64, 8000, make([]byte, 16)))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := Parse(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		x, err := s.Read(0, s.Frames)
		require.NoError(t, err)
		require.Equal(t, s.Frames*s.Channels, x.Size())
	})
}
