package plugins

import (
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var peMachines = map[string]uint16{
	"386": pe.IMAGE_FILE_MACHINE_I386, "amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64,
}

// inspectPE says whether a PE file can be a plugin.
func inspectPE(r io.ReaderAt, size int64, goarch string) error {
	f, err := pe.NewFile(r)
	if err != nil {
		return damaged(err)
	}
	if f.Machine != peMachines[goarch] {
		of := fmt.Sprintf("another processor (PE machine %#x)", f.Machine)
		for name, machine := range peMachines {
			if machine == f.Machine {
				of = archName(name)
			}
		}
		return wrongArch(of, archName(goarch))
	}
	if f.Characteristics&pe.IMAGE_FILE_DLL == 0 {
		return errors.New("is no shared library but another kind of PE file")
	}
	var parts []extent
	for _, s := range f.Sections {
		parts = append(parts, extent{fmt.Sprintf("the section %q", s.Name), uint64(s.Offset), uint64(s.Size)})
	}
	if err := within(size, parts); err != nil {
		return err
	}
	found, err := peExportsEntry(f)
	if err != nil {
		return damaged(err)
	}
	if !found {
		return errNoEntry
	}
	return nil
}

// peExportsEntry reports whether a DLL exports GetPjrtApi, since debug/pe reads imports only. The layout is that of
// Microsoft's "PE Format", the section on the export directory table.
func peExportsEntry(f *pe.File) (bool, error) {
	var table pe.DataDirectory
	switch h := f.OptionalHeader.(type) {
	case *pe.OptionalHeader64:
		table = h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT]
	case *pe.OptionalHeader32:
		table = h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT]
	}
	if table.Size == 0 {
		return false, nil
	}
	directory, err := peAt(f, table.VirtualAddress, 40)
	if err != nil {
		return false, err
	}
	count, first := binary.LittleEndian.Uint32(directory[24:]), binary.LittleEndian.Uint32(directory[32:])
	if count > 1<<20 {
		return false, fmt.Errorf("%d exported names", count)
	}
	pointers, err := peAt(f, first, 4*count)
	if err != nil {
		return false, err
	}
	for ; len(pointers) > 0; pointers = pointers[4:] {
		// An error is that of a shorter name at the very end of a section.
		text, err := peAt(f, binary.LittleEndian.Uint32(pointers), uint32(len(entry)+1))
		if err == nil && string(text) == entry+"\x00" {
			return true, nil
		}
	}
	return false, nil
}

// peAt returns n bytes at an address of the loaded library.
func peAt(f *pe.File, address, n uint32) ([]byte, error) {
	for _, s := range f.Sections {
		if address >= s.VirtualAddress && uint64(address)+uint64(n) <= uint64(s.VirtualAddress)+uint64(s.Size) {
			b := make([]byte, n)
			_, err := s.ReadAt(b, int64(address-s.VirtualAddress))
			return b, err
		}
	}
	return nil, fmt.Errorf("no section holds %d bytes at address %#x", n, address)
}
