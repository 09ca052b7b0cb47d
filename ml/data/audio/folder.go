package audio

import (
	"fmt"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/internal/folder"
)

// Options say what sounds become. The zero value leaves them as they are.
type Options struct {
	Rate   int  // frames a second that all files must have; any if 0
	Frames int  // of an example: longer sounds are cut at their end, silence follows shorter ones; 0 leaves their lengths
	Mono   bool // the mean of the channels, as one
}

// Sounds are the sounds below a folder, in the order of their paths. They are data.Indexed: example i is the sound as float32 [frames
// channels], and its class as the label, int32 [1].
type Sounds struct {
	tree folder.Tree
	o    Options
}

// maxFrames is how long a sound may be that is read as a whole: six hours at 44.1 kHz.
const maxFrames = 1 << 30

// Folder lists the files .wav below a folder. The folders directly below it are the classes, numbered in the order of their names. Names that
// begin with a dot are passed over, and folders that are links. It returns an error if there are no files, if one is in no folder while
// others are, or the options make no sense.
func Folder(dir string, o Options) (*Sounds, error) {
	if o.Rate < 0 || o.Frames < 0 || o.Frames > maxFrames {
		return nil, fmt.Errorf("audio.Folder: %d frames at %d a second: want 0 or more, %d at most", o.Frames, o.Rate, maxFrames)
	}
	t, err := folder.Walk(dir, ".wav")
	if err != nil {
		return nil, fmt.Errorf("audio.Folder: %w", err)
	}
	if err := t.CheckClasses(); err != nil {
		return nil, fmt.Errorf("audio.Folder: %w", err)
	}
	return &Sounds{*t, o}, nil
}

// Name returns the folder.
func (s *Sounds) Name() string { return s.tree.Root }

// Len returns the number of sounds.
func (s *Sounds) Len() int { return len(s.tree.Paths) }

// Classes returns the names of the classes.
func (s *Sounds) Classes() []string { return s.tree.Classes }

// Labels returns the class of each sound, for data.StratifiedKFold and its kin; -1 if the sounds are in no folders.
func (s *Sounds) Labels() []int { return s.tree.Class }

// Path returns the path of sound i below the folder, with slashes, "" if there is none.
func (s *Sounds) Path(i int) string { return s.tree.Name(i) }

// Example reads sound i. The label is left out if the sounds are in no folders. The error names the file.
func (s *Sounds) Example(i int) (data.Batch, error) {
	if i < 0 || i >= s.Len() {
		return data.Batch{}, fmt.Errorf("audio: there is no sound %d of %d in %s", i, s.Len(), s.tree.Root)
	}
	path := s.tree.Path(i)
	w, err := Open(path)
	if err != nil {
		return data.Batch{}, err
	}
	defer w.Close()
	x, err := s.o.read(w)
	if err != nil {
		return data.Batch{}, fmt.Errorf("audio: %s: %w", path, err)
	}
	b := data.Batch{Inputs: []*tensors.Tensor{x}}
	if c := s.tree.Class[i]; c >= 0 {
		b.Labels = []*tensors.Tensor{tensors.FromValue([]int32{int32(c)})}
	}
	return b, nil
}

// read reads a sound as the options have it.
func (o Options) read(w *Sound) (*tensors.Tensor, error) {
	if o.Rate > 0 && w.Rate != o.Rate {
		return nil, fmt.Errorf("it has %d frames a second, want %d: convert the file, as sox -r %d does", w.Rate, o.Rate, o.Rate)
	}
	n := w.Frames
	if o.Frames > 0 {
		n = min(n, o.Frames)
	}
	if n > maxFrames/w.Channels {
		return nil, fmt.Errorf("%d frames of %d channels: set Options.Frames to what is wanted of them", n, w.Channels)
	}
	x, err := w.Read(0, n)
	if err != nil || !o.Mono && n >= o.Frames {
		return x, err
	}
	defer x.Close()
	channels, frames := w.Channels, max(n, o.Frames)
	if o.Mono {
		channels = 1
	}
	out := make([]float32, frames*channels)
	err = tensors.ConstFlatData(x, func(in []float32) {
		if !o.Mono {
			copy(out, in)
			return
		}
		for i := range n {
			sum := 0.0
			for _, v := range in[i*w.Channels:][:w.Channels] {
				sum += float64(v)
			}
			out[i] = float32(sum / float64(w.Channels))
		}
	})
	if err != nil {
		return nil, err
	}
	return tensors.FromFlatDataAndDimensions(out, frames, channels), nil
}
