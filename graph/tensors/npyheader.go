package tensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// npyInfo is what the header of a .npy file says.
type npyInfo struct {
	shape     shapes.Shape
	fortran   bool // the first axis varies fastest
	bigEndian bool
}

func readNpyHeader(r io.Reader) (npyInfo, error) {
	var start [len(npyMagic) + 2]byte
	if n, err := io.ReadFull(r, start[:]); err != nil {
		return npyInfo{}, fmt.Errorf("no .npy file: it ends after %d bytes, within the first words", n)
	}
	if string(start[:len(npyMagic)]) != npyMagic {
		return npyInfo{}, fmt.Errorf("no .npy file: it begins with %q instead of %q", start[:len(npyMagic)], npyMagic)
	}
	var size [4]byte
	var length uint32
	switch major := start[len(npyMagic)]; major {
	case 1:
		if _, err := io.ReadFull(r, size[:2]); err != nil {
			return npyInfo{}, fmt.Errorf("the .npy file ends within its header")
		}
		length = uint32(binary.LittleEndian.Uint16(size[:]))
	case 2, 3:
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return npyInfo{}, fmt.Errorf("the .npy file ends within its header")
		}
		length = binary.LittleEndian.Uint32(size[:])
	default:
		return npyInfo{}, fmt.Errorf("the .npy file has format version %d.%d: versions 1 to 3 can be read", major, start[len(npyMagic)+1])
	}
	if length > npyMaxHeader {
		return npyInfo{}, fmt.Errorf("the .npy header claims %d bytes: more than %d cannot be right", length, npyMaxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return npyInfo{}, fmt.Errorf("the .npy file ends within its header")
	}
	h, err := parseNpyHeader(string(text))
	if err != nil {
		return npyInfo{}, fmt.Errorf("the .npy header: %w", err)
	}
	return h, nil
}

// parseNpyHeader reads the Python dictionary, such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
func parseNpyHeader(text string) (npyInfo, error) {
	p := &literal{rest: text}
	var h npyInfo
	var descr string
	var dims []int
	var order bool
	seen := map[string]bool{}
	if err := p.expect("{"); err != nil {
		return h, err
	}
	for !p.next("}") {
		key, err := p.str()
		if err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("key %q comes twice", key)
		}
		seen[key] = true
		if err = p.expect(":"); err != nil {
			return h, err
		}
		switch key {
		case "descr":
			if p.next("[") {
				return h, errNoTensor("records (structured arrays) cannot be read: save their fields one by one")
			}
			descr, err = p.str()
		case "fortran_order":
			order, err = p.boolean()
		case "shape":
			dims, err = p.tuple()
		default:
			err = fmt.Errorf("key %q is unknown", key)
		}
		if err != nil {
			return h, err
		}
		if !p.next(",") {
			if err = p.expect("}"); err != nil {
				return h, err
			}
			break
		}
	}
	if rest := strings.TrimSpace(p.rest); rest != "" {
		return h, fmt.Errorf("%s follows the dictionary", quoteShort(rest))
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return h, fmt.Errorf("key %q is missing", key)
		}
	}
	h.fortran = order
	dtype, big, err := parseDescr(descr)
	if err != nil {
		return h, err
	}
	h.bigEndian, h.shape = big, shapes.Shape{DType: dtype, Dimensions: dims}
	return h, h.shape.Check()
}

// parseDescr reads an element type such as "<f4".
func parseDescr(descr string) (dtype dtypes.DType, big bool, err error) {
	code := descr
	big = bigEndian
	if code != "" && strings.ContainsRune("<>=|", rune(code[0])) {
		switch code[0] {
		case '<':
			big = false
		case '>':
			big = true
		}
		code = code[1:]
	}
	for d, c := range npyCodes {
		if c == code {
			return d, big, nil
		}
	}
	what := "is no dtype of ours"
	switch {
	case strings.HasPrefix(code, "O"):
		what = "means Python objects, which cannot be read"
	case strings.HasPrefix(code, "U"), strings.HasPrefix(code, "S"):
		what = "means text, which is no tensor"
	case strings.HasPrefix(code, "M"), strings.HasPrefix(code, "m"):
		what = "means dates: convert them to int64 first"
	case code == "f16", code == "c32":
		what = "is longer than 64 bits: convert it to float64 or complex128 first"
	}
	return dtypes.Invalid, false, errNoTensor(fmt.Sprintf("element type %s %s", quoteShort(descr), what))
}

// literal reads the few forms of Python literals that headers have.
type literal struct{ rest string }

// next skips white space and, if it comes next, the token.
func (p *literal) next(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	after, ok := strings.CutPrefix(p.rest, token)
	p.rest = after
	return ok
}

func (p *literal) expect(token string) error {
	if !p.next(token) {
		return fmt.Errorf("want %q before %s", token, quoteShort(p.rest))
	}
	return nil
}

// str reads a string without escapes, in either kind of quotes.
func (p *literal) str() (string, error) {
	for _, quote := range []string{"'", `"`} {
		if p.next(quote) {
			if s, rest, ok := strings.Cut(p.rest, quote); ok {
				p.rest = rest
				return s, nil
			}
		}
	}
	return "", fmt.Errorf("want a string before %s", quoteShort(p.rest))
}

func (p *literal) boolean() (bool, error) {
	switch {
	case p.next("True"):
		return true, nil
	case p.next("False"):
		return false, nil
	}
	return false, fmt.Errorf("want True or False before %s", quoteShort(p.rest))
}

// tuple reads integers in parentheses, such as (3, 4) or (3,); Python 2 wrote (3L,).
func (p *literal) tuple() ([]int, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var out []int
	for !p.next(")") {
		p.next("") // white space
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		n, err := strconv.ParseInt(p.rest[:digits], 10, 0)
		if err != nil {
			return nil, fmt.Errorf("want a dimension before %s", quoteShort(p.rest))
		}
		out = append(out, int(n))
		p.rest = p.rest[digits:]
		p.next("L")
		if !p.next(",") {
			return out, p.expect(")")
		}
	}
	return out, nil
}

// quoteShort quotes the beginning of s.
func quoteShort(s string) string {
	if len(s) > 20 {
		return strconv.Quote(s[:20]) + "…"
	}
	return strconv.Quote(s)
}
