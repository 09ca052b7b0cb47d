package parquet

import (
	"errors"
	"fmt"
	"io"
)

// What a page may be when it is unpacked: writers make pages of about a megabyte, and gzip, which packs best among the usual codecs, makes no more than
// 1032 bytes of one.
const (
	smallPage  = 1 << 26 // bytes that are let pass
	mostPacked = 1100    // bytes of each byte in the file
)

// checkPages returns an error unless the pages of a column of a row group, size bytes from begin on, lie within these, and unpack to what they can hold. The package
// that reads them makes room for as much as their headers say.
//
// Source: Apache Parquet, parquet.thrift, PageHeader.
func checkPages(r io.ReaderAt, begin, size int64) error {
	for page := 0; size > 0; page++ {
		packed, unpacked, header, err := pageHeader(r, begin, size)
		if err != nil {
			return fmt.Errorf("the header of page %d: %w", page, err)
		}
		left := size - header
		if packed < 0 || packed > left {
			return fmt.Errorf("page %d has %d bytes of the %d that are left of its column: the file is damaged", page, packed, left)
		}
		if unpacked < 0 || unpacked > max(smallPage, mostPacked*packed) {
			return fmt.Errorf("page %d has %d bytes, and %d when it is unpacked, want %d at most: the file is damaged", page, packed, unpacked, max(smallPage, mostPacked*packed))
		}
		begin, size = begin+header+packed, left-packed
	}
	return nil
}

// checkPages looks at the pages of a column of a row group.
func (f *file) checkPages(group, leaf int) error {
	m := f.table.Metadata().RowGroups[group].Columns[leaf].MetaData
	begin := m.DataPageOffset
	if m.DictionaryPageOffset != 0 {
		begin = m.DictionaryPageOffset
	}
	if left := f.table.Size() - begin; begin < 0 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > left {
		return fmt.Errorf("its %d bytes begin at %d of %d: the file is damaged", m.TotalCompressedSize, begin, f.table.Size())
	}
	return checkPages(f.f, begin, m.TotalCompressedSize)
}

// pageHeader returns what the header at a place says of the sizes of its page, and its own size, of most bytes at most.
func pageHeader(r io.ReaderAt, at, most int64) (packed, unpacked, size int64, err error) {
	for room := int64(1 << 12); ; room <<= 6 { // statistics may be long
		text := make([]byte, min(room, most))
		if n, err := r.ReadAt(text, at); err != nil && (err != io.EOF || n < len(text)) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, 0, 0, err
		}
		w := &walk{rest: text}
		packed, unpacked = -1, -1
		w.fields(0, func(field int, kind byte) bool {
			if kind != intKind || field != 2 && field != 3 {
				return false
			}
			if n := w.signed(); field == 2 {
				unpacked = n
			} else {
				packed = n
			}
			return true
		})
		if w.err == nil {
			return packed, unpacked, int64(len(text) - len(w.rest)), nil
		}
		if int64(len(text)) == most || room > maxFooter {
			return 0, 0, 0, w.err
		}
	}
}
