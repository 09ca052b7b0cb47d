package keep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/carry"
	"github.com/quire-ml/quire/kernel-ext/internal/origin"
)

// Environment variables.
const (
	DirEnv   = "QUIRE_KEEP"       // the folder with what is kept
	QuotaEnv = "QUIRE_KEEP_QUOTA" // how much there may be
)

// store is the folder. Of each name there are
//
//	BASE.json          what is known of the value, and the name of its file
//	BASE.RANDOM.value  the value, as package carry writes it
//	BASE.lock          while somebody makes or writes it
//
// The value is written first, under a name that nothing else has, and synced; what makes it the value is that BASE.json, which
// appears at once, names it. Whatever else begins with BASE is left over from a program that ended while it was writing, or from an
// older value, and goes with the next one.
type store struct{ dir string }

// open returns the folder, which it makes if it is not there.
func open() (*store, error) {
	dir := os.Getenv(DirEnv)
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("%w: set %s to a folder of your own", err, DirEnv)
		}
		dir = filepath.Join(cache, "quire", "keep")
	}
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("$%s is %q: want an absolute path, since cells run in several folders", DirEnv, dir)
	}
	if err := safefile.MkdirPrivate(dir); err != nil {
		return nil, err
	}
	return &store{dir}, nil
}

const maxName = 200 // bytes

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > maxName:
		return fmt.Errorf("the name has %d bytes, want at most %d", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("the name has bytes that are no text of one line")
	}
	return nil
}

// key is one name of the store.
type key struct {
	*store
	name, base string
}

func (s *store) key(name string) *key {
	readable := []byte(name)
	readable = readable[:min(len(readable), 40)]
	for i, c := range readable {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			readable[i] = '_'
		}
	}
	sum := sha256.Sum256([]byte(name))
	return &key{s, name, string(readable) + "-" + hex.EncodeToString(sum[:12])}
}

func (s *store) path(name string) string { return filepath.Join(s.dir, name) }

const (
	recordSuffix = ".json"
	valueSuffix  = ".value"
	lockSuffix   = ".lock"
	maxRecord    = 4 << 20 // bytes
)

// record is what is known of a value.
type record struct {
	Format  int               `json:"format"`
	Name    string            `json:"name"`
	Type    string            `json:"type"`
	Summary string            `json:"summary"`
	Bytes   int64             `json:"bytes"`
	Value   string            `json:"value"` // the name of its file
	Made    time.Time         `json:"made"`
	Took    time.Duration     `json:"took,omitempty"`
	ByHand  bool              `json:"byHand,omitempty"`
	Func    string            `json:"func,omitempty"`
	Parts   map[string]string `json:"parts,omitempty"`
	Given   string            `json:"given,omitempty"`
	Version string            `json:"version,omitempty"`

	from *origin.Origin // of what is wanted
}

const format = 1

// read returns what is known of the value.
func (k *key) read() (*record, error) {
	r, err := readRecord(k.path(k.base + recordSuffix))
	if err == nil && r.Name != k.name {
		err = errors.New("its file is damaged: it is that of another name")
	}
	return r, err
}

func readRecord(path string) (*record, error) {
	text, err := safefile.ReadOwn(path, maxRecord)
	if err != nil {
		return nil, err
	}
	return parseRecord(text, strings.TrimSuffix(filepath.Base(path), recordSuffix))
}

// parseRecord reads the record of the files that begin with base.
func parseRecord(text []byte, base string) (*record, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("its file is damaged: %w", err)
	}
	rest, ok := strings.CutPrefix(r.Value, base+".")
	switch {
	case r.Format != format:
		return nil, fmt.Errorf("it was kept by another version of quire (format %d, not %d)", r.Format, format)
	case !ok || !strings.HasSuffix(rest, valueSuffix) || strings.ContainsAny(rest, `/\`) || checkName(r.Name) != nil || r.Bytes < 0:
		return nil, errors.New("its file is damaged")
	}
	return &r, nil
}

// load sets the value that p points to. The record is returned also if only the value cannot be read.
func (k *key) load(p any) (*record, error) {
	var before string
	for {
		r, err := k.read()
		if err != nil {
			return nil, err
		}
		err = carry.LoadFile(k.path(r.Value), p)
		if errors.Is(err, fs.ErrNotExist) && r.Value != before { // it was replaced in between
			before = r.Value
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("its file is gone")
		}
		if err == nil {
			now := time.Now()
			_ = os.Chtimes(k.path(r.Value), now, now) // for the quota
		}
		return r, err
	}
}

// missing is why a value is made that was not there.
const missing = "it is not there"

// take sets the value that p points to if what is kept is what is wanted. Otherwise it says why it is to be made; an error means that it
// must not be made.
func (k *key) take(want *record, p any) (why string, err error) {
	r, err := k.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing, nil
	case err != nil:
		return err.Error(), nil
	case r.ByHand:
		return "", errors.New("a value was put under this name by hand: drop it (keep.Drop), or take another name")
	}
	if t := reflect.TypeOf(p).Elem().String(); r.Type != t {
		return fmt.Sprintf("it was a %s and is a %s", typeText(r.Type), typeText(t)), nil
	}
	if why := want.differs(r); why != "" {
		return why, nil
	}
	if _, err := k.load(p); errors.Is(err, fs.ErrNotExist) {
		return missing, nil
	} else if err != nil {
		zero(p)
		return err.Error(), nil
	}
	return "", nil
}

// typeText writes a type for people: the two values of Once2 without what holds them.
func typeText(t string) string { return strings.TrimPrefix(t, "keep.pair") }

// differs says in a few words what has changed since a value was made, "" if nothing has.
func (r *record) differs(old *record) string {
	switch {
	case old.Version != r.Version:
		return fmt.Sprintf("its version was %s and is %s", quoteOr(old.Version, "none"), quoteOr(r.Version, "none"))
	case old.Given != r.Given:
		return "the values that are given by keep.On are others"
	}
	return changed(r.from.Differs(old.Parts))
}

// changed says what has changed in the source of a value, "" if nothing has.
func changed(names []string) string {
	switch {
	case len(names) == 0:
		return ""
	case len(names) == 1:
		return names[0] + " has changed"
	case len(names) <= 3:
		return list(names) + " have changed"
	}
	return fmt.Sprintf("%s and %d more have changed", strings.Join(names[:2], ", "), len(names)-2)
}

func quoteOr(s, none string) string {
	if s == "" {
		return none
	}
	return strconv.Quote(s)
}

// save writes the value that p points to, and makes it the name's. The name is locked.
func (k *key) save(r *record, p any) error {
	if r.from != nil {
		r.Parts = r.from.WithProgram()
	}
	r.Format, r.Value = format, k.base+"."+strconv.FormatUint(rand.Uint64(), 36)+valueSuffix
	path := k.path(r.Value)
	done := false
	defer func() {
		if !done {
			os.Remove(path)
		}
	}()
	if err := carry.SaveFile(path, p); err != nil {
		return err
	}
	about, err := carry.Describe(path)
	if err != nil {
		return err
	}
	r.Type, r.Summary, r.Bytes = about.Type, about.Summary, about.Bytes
	if err := k.makeRoom(path); err != nil {
		return err
	}
	if err := k.commit(r); err != nil {
		if now, e := k.read(); e != nil || now.Value != r.Value { // it may be there, though not yet on disk
			return err
		}
	}
	done = true
	k.sweep(r.Value)
	return nil
}

// commit makes a record the name's.
func (k *key) commit(r *record) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return safefile.WriteAtomic(k.path(k.base+recordSuffix), 0o600, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// sweep removes all files of the name but its record and the value of that name. The name is locked.
func (k *key) sweep(value string) {
	entries, _ := os.ReadDir(k.dir)
	for _, e := range entries {
		name := e.Name()
		ours := strings.HasPrefix(name, k.base+".") || strings.HasPrefix(name, "."+k.base+".")
		if ours && name != value && name != k.base+recordSuffix && name != k.base+lockSuffix {
			os.Remove(k.path(name))
		}
	}
}

// drop removes a name.
func (s *store) drop(name string) error {
	k := s.key(name)
	unlock, err := k.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return k.remove()
}

// remove removes the record first: without it the rest is nothing. The name is locked.
func (k *key) remove() error {
	err := os.Remove(k.path(k.base + recordSuffix))
	k.sweep("")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("nothing is kept under this name: keep.List() says what is (%w)", fs.ErrNotExist)
	}
	return err
}
