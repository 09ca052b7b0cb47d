package plugins

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// library describes a small ELF file: enough of one for the checks, and nothing that could run.
type library struct {
	machine elf.Machine
	kind    elf.Type
	symbol  string // the one symbol
	section uint16 // where the symbol is defined; 0: nowhere
	bind    elf.SymBind
}

// plugin is a library that passes all checks on x86-64.
var plugin = library{elf.EM_X86_64, elf.ET_DYN, entry, 1, elf.STB_GLOBAL}

// bytes returns the file: header, a segment over all of it, the sections .text, .dynsym, .dynstr and .shstrtab, and
// at the end, as linkers do, the table of sections.
func (l library) bytes() []byte {
	const headers = 64 + 56
	names := "\x00.text\x00.dynsym\x00.dynstr\x00.shstrtab\x00"
	text := bytes.Repeat([]byte{0xc3}, 16)
	symbols := encode(elf.Sym64{}, elf.Sym64{Name: 1, Info: elf.ST_INFO(l.bind, elf.STT_FUNC), Shndx: l.section, Value: headers, Size: 16})
	strings := []byte("\x00" + l.symbol + "\x00")
	var body []byte
	var sections []any
	add := func(name uint32, kind elf.SectionType, content []byte, link, entry uint64) {
		sections = append(sections, elf.Section64{Name: name, Type: uint32(kind), Off: uint64(headers + len(body)),
			Size: uint64(len(content)), Link: uint32(link), Entsize: entry, Addralign: 1})
		body = append(body, content...)
	}
	sections = append(sections, elf.Section64{})
	add(1, elf.SHT_PROGBITS, text, 0, 0)
	add(7, elf.SHT_DYNSYM, symbols, 3, 24)
	add(15, elf.SHT_STRTAB, strings, 0, 0)
	add(23, elf.SHT_STRTAB, []byte(names), 0, 0)
	table := encode(sections...)
	end := uint64(headers + len(body))
	header := elf.Header64{Type: uint16(l.kind), Machine: uint16(l.machine), Version: 1, Phoff: 64, Shoff: end, Ehsize: 64,
		Phentsize: 56, Phnum: 1, Shentsize: 64, Shnum: uint16(len(sections)), Shstrndx: 4}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	return append(append(encode(header, elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: 5, Filesz: end, Memsz: end}), body...), table...)
}

func encode(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		if err := binary.Write(&b, binary.LittleEndian, p); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// write writes a file and returns its path.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAPluginOfThisMachinePasses(t *testing.T) {
	p := Plugin{Name: "cpu", Path: write(t, "cpu.so", plugin.bytes())}
	if err := p.check("linux", "amd64"); err != nil {
		t.Fatal(err)
	}
}
