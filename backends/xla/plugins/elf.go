package plugins

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// elfMachines are processors that may have plugins, by GOARCH.
var elfMachines = map[string]elf.Machine{
	"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64, "loong64": elf.EM_LOONGARCH,
	"ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

// inspectELF says whether an ELF file can be a plugin.
func inspectELF(r io.ReaderAt, size int64, goarch string) error {
	// The section headers stand at the end of the file, so a file that was cut off lacks them, and debug/elf would
	// only say EOF: they are looked at first.
	if err := elfTables(r, size); err != nil {
		return err
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return damaged(err)
	}
	if machine := elfMachines[goarch]; f.Machine != machine {
		return wrongArch(elfArch(f.Machine), archName(goarch))
	}
	if f.Type != elf.ET_DYN {
		return fmt.Errorf("is no shared library but an ELF file of type %v", f.Type)
	}
	var parts []extent
	for _, p := range f.Progs {
		parts = append(parts, extent{"a segment", p.Off, p.Filesz})
	}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL {
			parts = append(parts, extent{fmt.Sprintf("the section %q", s.Name), s.Offset, s.FileSize})
		}
	}
	if err := within(size, parts); err != nil {
		return err
	}
	symbols, err := f.DynamicSymbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		return errNoEntry
	}
	if err != nil {
		return damaged(err)
	}
	for _, s := range symbols {
		if s.Name == entry && s.Section != elf.SHN_UNDEF && elf.ST_BIND(s.Info) != elf.STB_LOCAL {
			return nil
		}
	}
	return errNoEntry
}

// elfTables says whether the tables that the ELF header names lie in the file.
func elfTables(r io.ReaderAt, size int64) error {
	h := make([]byte, 64)
	n, err := r.ReadAt(h, 0)
	if err != nil && err != io.EOF {
		return unreadable(err)
	}
	if n < 20 || n < 52 && elf.Class(h[elf.EI_CLASS]) == elf.ELFCLASS32 || n < 64 && elf.Class(h[elf.EI_CLASS]) == elf.ELFCLASS64 {
		return fmt.Errorf("is cut off: it has %d bytes, less than its header", size)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(h[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	var segments, sections extent // by the layout of the header, elf(5)
	if elf.Class(h[elf.EI_CLASS]) == elf.ELFCLASS64 {
		segments = extent{"the table of segments", order.Uint64(h[32:]), uint64(order.Uint16(h[54:])) * uint64(order.Uint16(h[56:]))}
		sections = extent{"the table of sections", order.Uint64(h[40:]), uint64(order.Uint16(h[58:])) * uint64(order.Uint16(h[60:]))}
	} else {
		segments = extent{"the table of segments", uint64(order.Uint32(h[28:])), uint64(order.Uint16(h[42:])) * uint64(order.Uint16(h[44:]))}
		sections = extent{"the table of sections", uint64(order.Uint32(h[32:])), uint64(order.Uint16(h[46:])) * uint64(order.Uint16(h[48:]))}
	}
	return within(size, []extent{segments, sections})
}

func elfArch(m elf.Machine) string {
	for goarch, machine := range elfMachines {
		if machine == m {
			return archName(goarch)
		}
	}
	return "another processor (" + m.String() + ")"
}
