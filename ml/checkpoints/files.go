package checkpoints

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/ml/train"
)

const (
	jsonSuffix = ".json"
	dataSuffix = ".safetensors"
	tempSuffix = ".tmp"
)

// namePattern is the form of a checkpoint's name: a number that only grows, and the global step. The
// number keeps apart what differs at one step, so that no variables are ever written over.
var namePattern = regexp.MustCompile(`^checkpoint-(\d{6,})-step-(\d+)$`)

// Checkpoint is one that lies in a directory.
type Checkpoint struct {
	Dir        string
	Name       string // of both files, without their endings
	Number     int    // larger is newer
	GlobalStep int64
}

// Path returns the path of the checkpoint's JSON file.
func (c Checkpoint) Path() string { return filepath.Join(c.Dir, c.Name+jsonSuffix) }

// DataPath returns the path of the checkpoint's safetensors file.
func (c Checkpoint) DataPath() string { return filepath.Join(c.Dir, c.Name+dataSuffix) }

func checkpointName(number int, step int64) string {
	return fmt.Sprintf("checkpoint-%06d-step-%d", number, step)
}

// List returns the checkpoints in a directory, oldest first, whole or not. A directory that does not
// exist has none.
func List(dir string) ([]Checkpoint, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	return among(dir, entries), nil
}

// among returns the checkpoints among the entries of a directory, oldest first.
func among(dir string, entries []fs.DirEntry) (list []Checkpoint) {
	for _, e := range entries {
		name, isJSON := cutSuffix(e.Name(), jsonSuffix)
		if m := namePattern.FindStringSubmatch(name); isJSON && m != nil {
			number, err1 := strconv.Atoi(m[1])
			step, err2 := strconv.ParseInt(m[2], 10, 64)
			if err1 == nil && err2 == nil {
				list = append(list, Checkpoint{dir, name, number, step})
			}
		}
	}
	// Two have one number while one that an interrupt made is replaced.
	slices.SortFunc(list, func(a, b Checkpoint) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.GlobalStep, b.GlobalStep))
	})
	return list
}

func cutSuffix(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || s[len(s)-len(suffix):] != suffix {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

// envelope is the JSON file: the metadata, and their checksum.
type envelope struct {
	Format int             `json:"quire_checkpoint"`
	SHA256 string          `json:"sha256"` // of the compact form of Body
	Body   json.RawMessage `json:"body"`
}

const formatVersion = 1

// Meta is what a checkpoint holds beside the variables' values.
type Meta struct {
	GlobalStep   int64                    `json:"global_step"`
	Saved        time.Time                `json:"saved"`
	Seed         int64                    `json:"seed"`
	Params       []Param                  `json:"params,omitempty"`
	NotTrainable []string                 `json:"not_trainable,omitempty"`
	DataSize     int64                    `json:"data_size"`   // of the safetensors file, in bytes
	DataSHA256   string                   `json:"data_sha256"` // of the safetensors file
	Trainer      json.RawMessage          `json:"trainer,omitempty"`
	Dataset      string                   `json:"dataset,omitempty"`       // name of the data set trained on
	DatasetState []byte                   `json:"dataset_state,omitempty"` // the place in it
	Metrics      train.Metrics            `json:"metrics,omitempty"`       // of the last step
	Evals        map[string]train.Metrics `json:"evals,omitempty"`         // of this very step, by data set
	History      *train.History           `json:"history,omitempty"`
	BestDataset  string                   `json:"best_dataset,omitempty"` // what KeepBest was
	BestMetric   string                   `json:"best_metric,omitempty"`
	BestMode     train.Mode               `json:"best_mode,omitempty"`
	Loop         json.RawMessage          `json:"loop,omitempty"`    // where it was, see train.Loop.State
	Interim      bool                     `json:"interim,omitempty"` // an interrupt made it: the next one takes its place
}

// encodeMeta writes the JSON file.
func encodeMeta(m *Meta) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	return json.Marshal(envelope{formatVersion, hex.EncodeToString(sum[:]), body})
}

// decodeMeta reads the JSON file and checks that it is what was written.
func decodeMeta(text []byte) (*Meta, error) {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("it is cut off or no JSON: %w", err)
	}
	if e.Format > formatVersion {
		return nil, &NewerFormatError{e.Format, formatVersion}
	}
	if e.Format != formatVersion {
		return nil, fmt.Errorf("it has format %d, this program reads format %d", e.Format, formatVersion)
	}
	var body bytes.Buffer
	if err := json.Compact(&body, e.Body); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body.Bytes())
	if got := hex.EncodeToString(sum[:]); got != e.SHA256 {
		return nil, fmt.Errorf("checksum %.8s… differs from %.8s…", got, e.SHA256)
	}
	m := &Meta{}
	d := json.NewDecoder(&body)
	if err := d.Decode(m); err != nil {
		return nil, err
	}
	return m, nil
}

// maxMeta is the most that a JSON file may have: its largest part, the history, is bounded at some megabytes.
const maxMeta = 1 << 30

// ReadMeta reads what a checkpoint holds beside the variables' values. It returns an error if the file is
// damaged. The variables' file is not looked at.
func (c Checkpoint) ReadMeta() (*Meta, error) {
	text, err := safefile.ReadOwn(c.Path(), maxMeta)
	if err != nil {
		return nil, err
	}
	m, err := decodeMeta(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path(), err)
	}
	return m, nil
}

// Verify returns an error unless both files are what was written.
func (c Checkpoint) Verify() error {
	m, err := c.ReadMeta()
	if err != nil {
		return err
	}
	f, err := safefile.OpenOwn(c.DataPath())
	if err != nil {
		return err
	}
	defer f.Close()
	return m.verify(f, c.DataPath())
}

// verify compares the variables' file with size and checksum.
func (m *Meta) verify(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return m.verifyData(f, info.Size(), path)
}

func (m *Meta) verifyData(r io.Reader, size int64, path string) error {
	if size != m.DataSize {
		return fmt.Errorf("%s: it has %d bytes, %d were written", path, size, m.DataSize)
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != m.DataSHA256 {
		return fmt.Errorf("%s: checksum %.8s… differs from %.8s…", path, got, m.DataSHA256)
	}
	return nil
}

// remove deletes a checkpoint: first the file that makes it one.
func (c Checkpoint) remove() error {
	err := os.Remove(c.Path())
	if errData := os.Remove(c.DataPath()); err == nil && !errors.Is(errData, os.ErrNotExist) {
		err = errData
	}
	return err
}

// file is what a checkpoint is written to.
type file interface {
	io.Writer
	Sync() error
	Close() error
}

func createFile(path string) (file, error) { return safefile.Recreate(path, 0o666) }

// writeFile lets write fill a file that appears under its name only when it is complete and on disk.
func writeFile(create func(path string) (file, error), path string, write func(w io.Writer) error) (err error) {
	temp := path + tempSuffix
	f, err := create(temp)
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Sync()); err != nil {
		f.Close()
		os.Remove(temp)
		return err
	}
	if err = f.Close(); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return safefile.SyncDir(filepath.Dir(path))
}
