package testenv

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"fmt"
)

// Library describes a file that looks like a shared library: headers, one segment and a table with one symbol, and
// nothing that could run.
type Library struct {
	GOOS, GOARCH string // amd64 or arm64; any system without a format of its own has ELF
	Symbol       string // the one that it exports
	Imports      bool   // it only imports the symbol
	Program      bool   // it is a program instead
}

// Bytes returns the file.
func (l Library) Bytes() []byte {
	switch l.GOOS {
	case "darwin":
		return l.machO()
	case "windows":
		return l.pe()
	}
	return l.elf()
}

// elf has the sections .text, .dynsym, .dynstr and .shstrtab, and at the end, as linkers do, the table of sections.
func (l Library) elf() []byte {
	header := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64,
		Phentsize: 56, Phnum: 1, Shentsize: 64, Shnum: 5, Shstrndx: 4}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	if l.GOARCH == "arm64" {
		header.Machine = uint16(elf.EM_AARCH64)
	}
	if l.Program {
		header.Type = uint16(elf.ET_EXEC)
	}
	const headers = 64 + 56
	symbol := elf.Sym64{Name: 1, Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: 1, Value: headers, Size: 16}
	if l.Imports {
		symbol.Shndx, symbol.Value = uint16(elf.SHN_UNDEF), 0
	}
	var body []byte
	table := []any{elf.Section64{}}
	add := func(name uint32, kind elf.SectionType, content []byte, link uint32, entry uint64) {
		table = append(table, elf.Section64{Name: name, Type: uint32(kind), Off: uint64(headers + len(body)),
			Size: uint64(len(content)), Link: link, Entsize: entry, Addralign: 1})
		body = append(body, content...)
	}
	add(1, elf.SHT_PROGBITS, bytes.Repeat([]byte{0xc3}, 16), 0, 0)
	add(7, elf.SHT_DYNSYM, encode(elf.Sym64{}, symbol), 3, 24)
	add(15, elf.SHT_STRTAB, []byte("\x00"+l.Symbol+"\x00"), 0, 0)
	add(23, elf.SHT_STRTAB, []byte("\x00.text\x00.dynsym\x00.dynstr\x00.shstrtab\x00"), 0, 0)
	header.Shoff = uint64(headers + len(body))
	segment := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: 5, Filesz: header.Shoff, Memsz: header.Shoff}
	return append(append(encode(header, segment), body...), encode(table...)...)
}

// machO has a segment over all of the file, and a table of symbols.
func (l Library) machO() []byte {
	header := macho.FileHeader{Magic: macho.Magic64, Cpu: macho.CpuAmd64, Type: macho.TypeDylib, Ncmd: 2, Cmdsz: 72 + 24}
	if l.GOARCH == "arm64" {
		header.Cpu = macho.CpuArm64
	}
	if l.Program {
		header.Type = macho.TypeExec
	}
	symbol := macho.Nlist64{Name: 1, Type: 0x0f, Sect: 1} // N_SECT and N_EXT
	if l.Imports {
		symbol.Type, symbol.Sect = 0x01, 0
	}
	const symbols = 32 + 72 + 24
	names := []byte("\x00_" + l.Symbol + "\x00")
	size := uint64(symbols + 16 + len(names))
	segment := macho.Segment64{Cmd: macho.LoadCmdSegment64, Len: 72, Memsz: size, Filesz: size}
	copy(segment.Name[:], "__TEXT")
	table := macho.SymtabCmd{Cmd: macho.LoadCmdSymtab, Len: 24, Symoff: symbols, Nsyms: 1, Stroff: symbols + 16, Strsize: uint32(len(names))}
	return encode(header, uint32(0), segment, table, symbol, names)
}

// pe has one section, with the table of exports.
func (l Library) pe() []byte {
	dos := make([]byte, 64)
	copy(dos, "MZ")
	dos[0x3c] = 64 // where the header is
	header := pe.FileHeader{Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: 1, SizeOfOptionalHeader: 240,
		Characteristics: pe.IMAGE_FILE_EXECUTABLE_IMAGE | pe.IMAGE_FILE_DLL}
	if l.GOARCH == "arm64" {
		header.Machine = pe.IMAGE_FILE_MACHINE_ARM64
	}
	if l.Program {
		header.Characteristics &^= pe.IMAGE_FILE_DLL
	}
	const address = 0x1000 // of the section, once loaded
	exports := [10]uint32{6: 1, 8: address + 40}
	section := encode(exports, uint32(address+44), []byte(l.Symbol+"\x00"))
	optional := pe.OptionalHeader64{Magic: 0x20b, NumberOfRvaAndSizes: 16}
	if !l.Imports {
		optional.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT] = pe.DataDirectory{VirtualAddress: address, Size: uint32(len(section))}
	}
	place := pe.SectionHeader32{VirtualSize: uint32(len(section)), VirtualAddress: address, SizeOfRawData: uint32(len(section)),
		PointerToRawData: uint32(64 + 4 + 20 + 240 + 40)}
	copy(place.Name[:], ".edata")
	return encode(dos, []byte("PE\x00\x00"), header, optional, place, section)
}

// encode returns the parts one after the other, in little-endian order.
func encode(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		if err := binary.Write(&b, binary.LittleEndian, p); err != nil {
			panic(fmt.Sprintf("testenv: a header that is no fixed size: %v", err))
		}
	}
	return b.Bytes()
}
