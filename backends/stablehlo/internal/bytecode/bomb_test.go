package bytecode

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// number writes a whole number, flag one with a flag below it.
func number(n int) string {
	if n < 1<<7 {
		return string([]byte{byte(n<<1 | 1)})
	}
	return "\x00" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func flag(n, flag int) string { return number(n<<1 | flag) }

// written is bytecode of version 6 with one dialect, and operations of one name.
type written struct {
	strings      []string // the first is the dialect, the second the operation
	names        int      // how often the operation's name is listed
	attrs, types []string
	ops          []string
}

func (w written) String() string {
	var b strings.Builder
	b.WriteString(magic + number(6) + "test\x00")
	section := func(kind int, content string) {
		b.WriteString(string([]byte{byte(kind)}) + number(len(content)) + content)
	}
	sizes, text := "", ""
	for _, s := range w.strings {
		sizes, text = number(len(s)+1)+sizes, text+s+"\x00"
	}
	section(stringSection, number(len(w.strings))+sizes+text)
	section(dialectSection, number(1)+flag(0, 0)+number(w.names)+number(0)+number(w.names)+strings.Repeat(flag(1, 1), w.names))
	offsets := number(len(w.attrs)) + number(len(w.types))
	for _, list := range [][]string{w.attrs, w.types} {
		if len(list) > 0 {
			offsets += number(0) + number(len(list))
		}
		for _, e := range list {
			offsets += flag(len(e), 1)
		}
	}
	section(attrTypeSection, strings.Join(w.attrs, "")+strings.Join(w.types, ""))
	section(offsetSection, offsets)
	section(irSection, flag(len(w.ops), 0)+strings.Join(w.ops, ""))
	return b.String()
}

// TestShortBytecodeAsksForLittle reads bytecode whose every byte names something large once more: it is an error before it fills the memory.
func TestShortBytecodeAsksForLittle(t *testing.T) {
	op := func(has int, rest string) string { return number(0) + string([]byte{byte(has)}) + number(0) + rest }

	keys := written{strings: []string{"builtin", "x"}, names: 1}
	dictionary := number(1) + number(1000)
	for i := range 1000 {
		keys.strings = append(keys.strings, fmt.Sprint("key", i))
		keys.attrs = append(keys.attrs, number(2)+number(2+i))
		dictionary += number(i) + number(i)
	}
	keys.attrs = append(keys.attrs, dictionary)
	for range 5000 {
		keys.ops = append(keys.ops, op(hasAttrs, number(1000)))
	}

	types := written{strings: []string{"builtin", "x"}, names: 1, types: []string{number(1)}}
	for i := range 12 {
		types.types = append(types.types, number(15)+number(2)+number(i)+number(i))
	}
	results := number(1000)
	for i := range 1000 {
		types.types = append(types.types, number(9)+number(12))
		results += number(13 + i)
	}
	types.ops = []string{op(hasResults, results)}

	regions := written{strings: []string{"builtin", "x"}, names: 1}
	for range 1000 {
		regions.ops = append(regions.ops, op(hasRegions, flag(1, 0)+number(1)+number(8000)+flag(0, 0)))
	}

	for _, c := range []struct {
		name string
		code written
		want string
	}{
		{"a dialect of many letters, in many names", written{strings: []string{strings.Repeat("d", 1<<16), "x"}, names: 4096}, "names and types of more than 16777216 letters"},
		{"a dictionary of many attributes, of many operations", keys, "more than 4194304 attributes"},
		{"a type of many letters, in many types", types, "names and types of more than 16777216 letters"},
		{"many regions that announce many values", regions, "8000 values are announced, and "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.code.String())
			assert.ErrorContains(t, err, c.want)
		})
	}
}
