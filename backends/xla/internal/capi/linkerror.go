//go:build cgo && (linux || darwin)

package capi

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	// What glibc, musl and macOS say about a library that another one needs.
	missingLibrary = []*regexp.Regexp{
		regexp.MustCompile(`^([^/:\s][^:\s]*): cannot open shared object file`),
		regexp.MustCompile(`^Error loading shared library ([^/:\s][^:\s]*): .*\(needed by `),
		regexp.MustCompile(`Library not loaded: (\S+)`),
	}
	missingVersion = regexp.MustCompile("^([^:]+): version `([^']+)' not found")
	missingSymbol  = regexp.MustCompile(`^[^:]+: (undefined symbol: \S+)`)
)

// linkError turns what the dynamic linker says about the library at path into a sentence that goes on where the
// path ends.
func linkError(path, text string) error {
	text = strings.TrimSpace(text)
	for _, r := range missingLibrary {
		if m := r.FindStringSubmatch(text); m != nil {
			return fmt.Errorf("it needs the library %s, which is not found here%s", m[1], packageOf(m[1]))
		}
	}
	if m := missingVersion.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("it needs version %s of %s, which is older here: use a newer system, or a plugin built for an older one", m[2], m[1])
	}
	if m := missingSymbol.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("it does not fit the libraries of this system (%s)", strings.TrimSuffix(m[1], ","))
	}
	if text == "" {
		return fmt.Errorf("the dynamic linker refuses it and does not say why")
	}
	text, _, _ = strings.Cut(strings.TrimPrefix(text, path+": "), "\n")
	return fmt.Errorf("the dynamic linker refuses it: %s", text)
}

// packageOf says where the libraries of the C++ compiler come from, which slim images lack and plugins need.
func packageOf(library string) string {
	switch {
	case strings.HasPrefix(library, "libstdc++"):
		return ": install it (Debian and Ubuntu: apt install libstdc++6)"
	case strings.HasPrefix(library, "libgcc_s"):
		return ": install it (Debian and Ubuntu: apt install libgcc-s1)"
	}
	return ": install it, or add its folder to LD_LIBRARY_PATH before the program starts"
}
