package pictures

import (
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // these are the formats
	_ "image/jpeg" // that image.Decode
	_ "image/png"  // knows
	"io"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/graph/tensors/images"
	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/internal/folder"
)

// Options say what pictures become. The zero value leaves their sizes and gives three channels.
type Options struct {
	// Height and Width are what pictures are resized to, see [Resize]; both 0 to leave their sizes as they are.
	Height, Width int

	// Crop cuts the middle out of a picture whose sides have another ratio, so that it keeps its proportions; otherwise it is stretched.
	Crop bool

	// Channels are 3 for red, green and blue, which 0 is too, 1 for the luminance, 4 for colour and opacity.
	Channels int
}

// Limits of a file: what is beyond is no picture to learn from, and might be meant to fill the memory.
const (
	maxFile   = 256 << 20 // bytes
	maxPixels = 1 << 28
)

// Files are the pictures below a folder, in the order of their paths. They are data.Indexed: example i is the picture as float32
// [H W C], from 0 to 1, and its class as the label, int32 [1].
type Files struct {
	tree folder.Tree
	o    Options
}

// Folder lists the files .png, .jpg, .jpeg and .gif below a folder. The folders directly below it are the classes, numbered in the order of their names.
// Names that begin with a dot are passed over, and folders that are links. The turn that a camera notes in a picture (EXIF) is not
// made. It returns an error if there are no pictures, if one is in no folder while others are, or the options make no sense.
func Folder(dir string, o Options) (*Files, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("pictures.Folder: %w", err)
	}
	t, err := folder.Walk(dir, ".png", ".jpg", ".jpeg", ".gif")
	if err != nil {
		return nil, fmt.Errorf("pictures.Folder: %w", err)
	}
	if err := t.CheckClasses(); err != nil {
		return nil, fmt.Errorf("pictures.Folder: %w", err)
	}
	return &Files{*t, o}, nil
}

func (o Options) check() error {
	switch {
	case o.Channels != 0 && o.Channels != 1 && o.Channels != 3 && o.Channels != 4:
		return fmt.Errorf("%d channels: want 1, 3 or 4", o.Channels)
	case o.Height < 0 || o.Width < 0 || (o.Height == 0) != (o.Width == 0):
		return fmt.Errorf("pictures of %d×%d pixels: want both sizes, or neither to leave them as they are", o.Width, o.Height)
	case o.Height > 1<<14 || o.Width > 1<<14:
		return fmt.Errorf("pictures of %d×%d pixels: want %d or fewer on a side", o.Width, o.Height, 1<<14)
	case o.Crop && o.Height == 0:
		return errors.New("a crop has no size: set Height and Width")
	}
	return nil
}

// Name returns the folder.
func (p *Files) Name() string { return p.tree.Root }

// Len returns the number of pictures.
func (p *Files) Len() int { return len(p.tree.Paths) }

// Classes returns the names of the classes.
func (p *Files) Classes() []string { return p.tree.Classes }

// Labels returns the class of each picture, for data.StratifiedKFold and its kin; -1 if the pictures are in no folders.
func (p *Files) Labels() []int { return p.tree.Class }

// Path returns the path of picture i below the folder, with slashes, "" if there is none.
func (p *Files) Path(i int) string { return p.tree.Name(i) }

// Example reads picture i. The label is left out if the pictures are in no folders. The error names the file.
func (p *Files) Example(i int) (data.Batch, error) {
	if i < 0 || i >= p.Len() {
		return data.Batch{}, fmt.Errorf("pictures: there is no picture %d of %d in %s", i, p.Len(), p.tree.Root)
	}
	f, err := safefile.Open(p.tree.Path(i))
	if err != nil {
		return data.Batch{}, fmt.Errorf("pictures: %w", err)
	}
	defer f.Close()
	x, err := Read(f, p.o)
	if err != nil {
		return data.Batch{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	b := data.Batch{Inputs: []*tensors.Tensor{x}}
	if c := p.tree.Class[i]; c >= 0 {
		b.Labels = []*tensors.Tensor{tensors.FromValue([]int32{int32(c)})}
	}
	return b, nil
}

// Read reads one picture as float32 [H W C], from 0 to 1. Of a GIF that moves it is the first frame. It returns an error if r holds no PNG,
// JPEG or GIF, or one of more than 2²⁸ pixels or 256 MiB.
func Read(r io.ReadSeeker, o Options) (*tensors.Tensor, error) {
	if r == nil {
		return nil, errors.New("pictures.Read: the reader is nil")
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("pictures.Read: %w", err)
	}
	size, err := r.Seek(0, io.SeekEnd)
	if err == nil && size > maxFile {
		err = fmt.Errorf("it has %d bytes: want %d or fewer", size, maxFile)
	}
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("pictures.Read: %w", err)
	}
	head, kind, err := image.DecodeConfig(r)
	if err != nil {
		return nil, fmt.Errorf("pictures.Read: no PNG, JPEG or GIF: %w", err)
	}
	if head.Width < 1 || head.Height < 1 || head.Width > maxPixels/head.Height {
		return nil, fmt.Errorf("pictures.Read: a picture of %d×%d pixels: want 1 to %d", head.Width, head.Height, maxPixels)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("pictures.Read: %w", err)
	}
	img, _, err := image.Decode(r)
	if err != nil {
		return nil, fmt.Errorf("pictures.Read: %s: %w", kind, err)
	}
	if b := img.Bounds(); b.Dx() < 1 || b.Dy() < 1 { // a GIF's frame may be smaller than the GIF
		return nil, errors.New("pictures.Read: the picture has no pixels")
	}
	to := images.ToTensor(dtypes.Float32)
	switch o.Channels {
	case 1:
		to = to.Gray()
	case 4:
		to = to.WithAlpha()
	}
	x, err := to.Single(img)
	if err != nil || o.Height == 0 {
		return x, err
	}
	defer x.Close()
	return resize(x, o.Height, o.Width, o.Crop)
}
