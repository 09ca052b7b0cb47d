package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// MaxHeader is the largest header that is read, in bytes: the limit of the format's own library.
const MaxHeader = 100_000_000

// metadataKey is the header's entry that is no tensor.
const metadataKey = "__metadata__"

// names are the format's names of dtypes. complex128 has none.
var names = map[dtypes.DType]string{
	dtypes.Bool: "BOOL",
	dtypes.Int8: "I8", dtypes.Int16: "I16", dtypes.Int32: "I32", dtypes.Int64: "I64",
	dtypes.Uint8: "U8", dtypes.Uint16: "U16", dtypes.Uint32: "U32", dtypes.Uint64: "U64",
	dtypes.Float16: "F16", dtypes.BFloat16: "BF16", dtypes.Float32: "F32", dtypes.Float64: "F64",
	dtypes.Complex64:    "C64",
	dtypes.Float8E4M3FN: "F8_E4M3", dtypes.Float8E5M2: "F8_E5M2",
}

func dtypeOf(name string) (dtypes.DType, bool) {
	for d, n := range names {
		if n == name {
			return d, true
		}
	}
	return dtypes.Invalid, false
}

// Entry is what a header says of a tensor.
type Entry struct {
	Name       string
	Shape      shapes.Shape
	Begin, End int64 // place of the elements, in bytes from the end of the header
	Unreadable error // why it cannot be read, such as a dtype that tensors do not have; nil if it can
}

// Header is the header of a file.
type Header struct {
	Entries  []Entry // in the order of their places
	Metadata map[string]string
}

// entryJSON is an entry as it is written.
type entryJSON struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// ParseHeader reads the JSON of a header, for a file with so many bytes of elements. It returns an error
// unless the entries cover these exactly, without overlap or hole.
func ParseHeader(text []byte, dataSize int64) (*Header, error) {
	if len(text) == 0 || text[0] != '{' {
		return nil, errors.New("the header does not begin with {")
	}
	h := &Header{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.Token() // the {
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("the header is no JSON: %w", err)
		}
		name := key.(string)
		if seen[name] {
			return nil, fmt.Errorf("%q stands twice in the header", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := d.Decode(&h.Metadata); err != nil {
				return nil, fmt.Errorf("the header's metadata is no map of text: %w", err)
			}
			continue
		}
		e, err := parseEntry(d, name)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		h.Entries = append(h.Entries, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("the header is no JSON: %w", err)
	}
	if rest := text[d.InputOffset():]; strings.Trim(string(rest), " ") != "" {
		return nil, fmt.Errorf("the header has %d bytes after its end", len(rest))
	}
	return h, h.check(dataSize)
}

func parseEntry(d *json.Decoder, name string) (Entry, error) {
	j := entryJSON{Offsets: [2]int64{-1, -1}}
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return Entry{}, fmt.Errorf("the header is no JSON: %w", err)
	}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&j); err != nil {
		return Entry{}, err
	}
	dtype, ok := dtypeOf(j.DType)
	if !ok {
		e := Entry{Name: name, Begin: j.Offsets[0], End: j.Offsets[1]}
		if e.Begin < 0 || e.End < e.Begin {
			return Entry{}, fmt.Errorf("its offsets are %d and %d", e.Begin, e.End)
		}
		e.Unreadable = fmt.Errorf("the dtype %q is none that tensors have: convert it to F16, BF16 or F32 first", j.DType)
		return e, nil
	}
	s := shapes.Shape{DType: dtype}
	for _, n := range j.Shape {
		if n < 0 || n > math.MaxInt {
			return Entry{}, fmt.Errorf("the shape has an axis of size %d", n)
		}
		s.Dimensions = append(s.Dimensions, int(n))
	}
	if err := s.Check(); err != nil {
		return Entry{}, err
	}
	e := Entry{Name: name, Shape: s, Begin: j.Offsets[0], End: j.Offsets[1]}
	if e.Begin < 0 || e.End < e.Begin || e.End-e.Begin != int64(s.ByteSize()) {
		return Entry{}, fmt.Errorf("%s has %d bytes, its offsets are %d and %d", s, s.ByteSize(), e.Begin, e.End)
	}
	return e, nil
}

// check sorts the entries by place and reports whether they cover the elements.
func (h *Header) check(dataSize int64) error {
	slices.SortStableFunc(h.Entries, func(a, b Entry) int {
		switch {
		case a.Begin != b.Begin:
			return int(min(1, max(-1, a.Begin-b.Begin)))
		default: // empty tensors before what begins at their place
			return int(min(1, max(-1, a.End-b.End)))
		}
	})
	var end int64
	for _, e := range h.Entries {
		switch {
		case e.Begin < end:
			return fmt.Errorf("%q overlaps the tensor before it", e.Name)
		case e.Begin > end:
			return fmt.Errorf("there is a hole of %d bytes before %q", e.Begin-end, e.Name)
		}
		end = e.End
	}
	if end != dataSize {
		return fmt.Errorf("the tensors have %d bytes, the file has %d", end, dataSize)
	}
	return nil
}

// text writes the header: sorted, and padded with spaces so that elements begin at a multiple of 8 bytes.
func (h *Header) text() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	field := func(key string, value any) error {
		k, _ := json.Marshal(key)
		v, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
		return nil
	}
	if len(h.Metadata) > 0 {
		if err := field(metadataKey, h.Metadata); err != nil {
			return nil, err
		}
	}
	for _, e := range h.Entries {
		j := entryJSON{DType: names[e.Shape.DType], Shape: make([]int64, 0, e.Shape.Rank()), Offsets: [2]int64{e.Begin, e.End}}
		for _, d := range e.Shape.Dimensions {
			j.Shape = append(j.Shape, int64(d))
		}
		if err := field(e.Name, j); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	for (8+b.Len())%64 != 0 { // the length of the header stands before it; so that elements can be mapped
		b.WriteByte(' ')
	}
	if b.Len() > MaxHeader {
		return nil, fmt.Errorf("the header has %d bytes, more than the %d that readers take", b.Len(), MaxHeader)
	}
	return b.Bytes(), nil
}
