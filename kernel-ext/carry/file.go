package carry

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"time"
	"unsafe"
)

// A file is: 72 bytes of the places below, the head's strings and the lengths of its blocks, a byte if it lends (see Codec.Lend), the body,
// and from the next page on the blocks of large plain memory, each beginning at a page.
//
//	 0  magic, 16 bytes: the format and its version
//	16  uint32  length of the head, with these 72 bytes
//	20  uint32  CRC-32 of the head from 24 on and of the body
//	24  uint64  length of the body
//	32  int64   number of the cell that wrote it
//	40  uint64  hash of what the type is made of
//	48  int64   number of bytes of the value, for people
//	56  uint32  number of blocks
//	60  uint32  how this machine writes numbers, see machine
//	64  int64   when it was written, in nanoseconds since 1970
const (
	magic     = "quire carry 1\r\n\x00"
	fixedHead = 72
	page      = 4096
	blockMin  = 64 << 10 // plain memory from this size on is a block of its own
	maxHead   = 1 << 20  // no head is as long
	maxBlocks = 1 << 16  // a value of more is written into the body: each costs a mapping's page
)

// whySuffix ends the name of a file that says why a variable did not flow.
const whySuffix = ".why"

// machine tells machines apart that lay out memory differently.
var machine = binary.NativeEndian.Uint32([]byte{1, 2, 3, byte(unsafe.Sizeof(uintptr(0)))})

// head is the beginning of a file.
type head struct {
	cell    int
	hash    uint64
	bytes   int64
	typ     string
	summary string
	written time.Time
	body    int
	blocks  []int // lengths
	lent    bool  // it names what lives as long as this very file: it is not to be copied
}

var errDamaged = errors.New("its file is damaged: run the cell that makes it again")

func roundUp(n int) int { return (n + page - 1) &^ (page - 1) }

// append writes the head and the body behind each other.
func (h *head) append(body []byte) []byte {
	text := appendText(appendText(nil, h.typ), h.summary)
	for _, n := range h.blocks {
		text = binary.AppendUvarint(text, uint64(n))
	}
	if h.lent {
		text = append(text, 1)
	}
	b := make([]byte, fixedHead, fixedHead+len(text)+len(body))
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[16:], uint32(fixedHead+len(text)))
	binary.LittleEndian.PutUint64(b[24:], uint64(len(body)))
	binary.LittleEndian.PutUint64(b[32:], uint64(h.cell))
	binary.LittleEndian.PutUint64(b[40:], h.hash)
	binary.LittleEndian.PutUint64(b[48:], uint64(h.bytes))
	binary.LittleEndian.PutUint32(b[56:], uint32(len(h.blocks)))
	binary.LittleEndian.PutUint32(b[60:], machine)
	binary.LittleEndian.PutUint64(b[64:], uint64(h.written.UnixNano()))
	b = append(append(b, text...), body...)
	binary.LittleEndian.PutUint32(b[20:], crc32.ChecksumIEEE(b[24:]))
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// parseHead reads the head at the beginning of b, which need not hold more, and returns the head's length.
func parseHead(b []byte) (h *head, size int, err error) {
	if len(b) < fixedHead || string(b[:len(magic)-2]) != magic[:len(magic)-2] {
		return nil, 0, errors.New("it is no file of a variable")
	}
	if string(b[:16]) != magic {
		return nil, 0, errors.New("its file was written by another version of quire: run the cell that makes it again")
	}
	size = int(binary.LittleEndian.Uint32(b[16:]))
	body := binary.LittleEndian.Uint64(b[24:])
	blocks := binary.LittleEndian.Uint32(b[56:])
	if size < fixedHead || size > len(b) || body > maxMemory || blocks > maxBlocks {
		return nil, 0, errDamaged
	}
	h = &head{cell: int(binary.LittleEndian.Uint64(b[32:])), hash: binary.LittleEndian.Uint64(b[40:]),
		bytes: int64(binary.LittleEndian.Uint64(b[48:])), body: int(body),
		written: time.Unix(0, int64(binary.LittleEndian.Uint64(b[64:])))}
	rest, ok := b[fixedHead:size], true
	h.typ, rest, ok = cutText(rest, ok)
	h.summary, rest, ok = cutText(rest, ok)
	for range blocks {
		n, k := binary.Uvarint(rest)
		if !ok || k <= 0 || n < blockMin || n > maxMemory {
			return nil, 0, errDamaged
		}
		h.blocks, rest = append(h.blocks, int(n)), rest[k:]
	}
	if !ok || len(rest) > 1 {
		return nil, 0, errDamaged
	}
	h.lent = len(rest) == 1
	return h, size, nil
}

func cutText(b []byte, ok bool) (string, []byte, bool) {
	n, k := binary.Uvarint(b)
	if !ok || k <= 0 || n > uint64(len(b)-k) {
		return "", nil, false
	}
	return string(b[k : k+int(n)]), b[k+int(n):], true
}

// content is a file's memory, cut into its parts.
type content struct {
	*head
	body   []byte
	blocks [][]byte
}

// parse cuts the memory of a file into its parts, if it is whole.
func parse(b []byte) (*content, error) {
	h, size, err := parseHead(b)
	if err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(b[60:]) != machine {
		return nil, errors.New("its file was written on another kind of machine")
	}
	if h.body > len(b)-size || crc32.ChecksumIEEE(b[24:size+h.body]) != binary.LittleEndian.Uint32(b[20:]) {
		return nil, errDamaged
	}
	if end(h, size) > len(b) {
		return nil, errDamaged
	}
	return cut(h, size, b), nil
}

// end returns where the last block of a file ends, whose head has size bytes.
func end(h *head, size int) int {
	at := size + h.body
	for _, n := range h.blocks {
		at = roundUp(at) + n
	}
	return at
}

// cut cuts the memory of a whole file into its parts.
func cut(h *head, size int, b []byte) *content {
	c := &content{head: h, body: b[size : size+h.body : size+h.body]}
	at := size + h.body
	for _, n := range h.blocks {
		at = roundUp(at)
		c.blocks = append(c.blocks, b[at:at+n:at+n])
		at += n
	}
	return c
}

// Description is what a variable's file says of it without its value being read.
type Description struct {
	Cell    int    // that wrote it
	Type    string // such as "[]float64"
	Summary string // the value in one line: "float32[128 784], 401 kB"
	Bytes   int64  // that the value takes
	Written time.Time
	Used    time.Time // when a cell last loaded it, or wrote it
}

// Describe reads the head of a variable's file.
func Describe(path string) (Description, error) {
	f, err := openOwn(path)
	if err != nil {
		return Description{}, err
	}
	defer f.Close()
	info, err := statFile(f)
	if err != nil {
		return Description{}, err
	}
	h, err := headOf(f, info)
	if err != nil {
		return Description{}, &os.PathError{Op: "describe", Path: path, Err: err}
	}
	return Description{h.cell, h.typ, h.summary, h.bytes, h.written, time.Unix(0, info.used)}, nil
}

// fileInfo is what this package asks of a file. An os.FileInfo would link the texts of times and time zones into every cell.
type fileInfo struct {
	size         int64
	used         int64 // when it was last written to, ns since 1970
	regular, dir bool
	open         bool // others may read or write it
	others       bool // it belongs to another user
}

// headOf reads the head of a file.
func headOf(f *os.File, info fileInfo) (*head, error) {
	b := make([]byte, min(info.size, maxHead))
	if n, err := f.ReadAt(b[:min(len(b), page)], 0); err != nil && err != io.EOF {
		return nil, err
	} else if n >= fixedHead {
		if size := int(binary.LittleEndian.Uint32(b[16:])); size > n && size <= len(b) {
			if _, err := f.ReadAt(b[:size], 0); err != nil {
				return nil, err
			}
		}
	}
	h, _, err := parseHead(b)
	return h, err
}
