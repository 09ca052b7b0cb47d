package plugins

import (
	"debug/macho"
	"errors"
	"fmt"
	"io"
)

var machoCPUs = map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}

// inspectMachO says whether a Mach-O file, perhaps with several processors' libraries in it, can be a plugin.
func inspectMachO(r io.ReaderAt, size int64, goarch string) error {
	fat, err := macho.NewFatFile(r)
	if errors.Is(err, macho.ErrNotFat) {
		f, err := macho.NewFile(r)
		if err != nil {
			return damaged(err)
		}
		return inspectThin(f, size, goarch)
	}
	if err != nil {
		return damaged(err)
	}
	of := ""
	for _, a := range fat.Arches {
		if err := within(size, []extent{{"the part for " + machoArch(a.Cpu), uint64(a.Offset), uint64(a.Size)}}); err != nil {
			return err
		}
		if a.Cpu == machoCPUs[goarch] {
			return inspectThin(a.File, int64(a.Size), goarch)
		}
		of += " and " + machoArch(a.Cpu)
	}
	return wrongArch(of[len(" and "):], archName(goarch))
}

// inspectThin says whether the library of one processor can be a plugin.
func inspectThin(f *macho.File, size int64, goarch string) error {
	if f.Cpu != machoCPUs[goarch] {
		return wrongArch(machoArch(f.Cpu), archName(goarch))
	}
	if f.Type != macho.TypeDylib && f.Type != macho.TypeBundle {
		return fmt.Errorf("is no shared library but a Mach-O file of type %v", f.Type)
	}
	var parts []extent
	for _, l := range f.Loads {
		if s, ok := l.(*macho.Segment); ok {
			parts = append(parts, extent{fmt.Sprintf("the segment %q", s.Name), s.Offset, s.Filesz})
		}
	}
	if err := within(size, parts); err != nil {
		return err
	}
	if f.Symtab != nil {
		const external, kind, undefined = 0x01, 0x0e, 0x00 // N_EXT, N_TYPE, N_UNDF of mach-o/nlist.h
		for _, s := range f.Symtab.Syms {
			if s.Name == "_"+entry && s.Type&external != 0 && s.Type&kind != undefined {
				return nil
			}
		}
	}
	return errNoEntry
}

func machoArch(cpu macho.Cpu) string {
	for goarch, c := range machoCPUs {
		if c == cpu {
			return archName(goarch)
		}
	}
	return "another processor (" + cpu.String() + ")"
}
