//go:build cgo && (linux || darwin)

package capi

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// about returns what every key of a plugin's programs begins with: plugin, machine, and the settings that it takes
// from the environment. Executables are native code, chosen for the processor that they were compiled on.
func about(lib library, o Options, major, minor int) []byte {
	plugin := o.CacheKey
	if plugin == "" {
		plugin = lib.file
	}
	h := sha256.New()
	for _, field := range [][2]string{
		{"format of keys", "1"},
		{"plugin", plugin},
		{"interface", fmt.Sprintf("%d.%d", major, minor)},
		{"system", runtime.GOOS + "/" + runtime.GOARCH},
		{"processor", processor()},
		{"processors", fmt.Sprint(runtime.NumCPU())}, // XLA divides loops by their number
		{"settings", lib.settings},
	} {
		hashField(h, field[0], []byte(field[1]))
	}
	return h.Sum(nil)
}

// fileMark tells a library from another one at the same place.
func fileMark(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	return fmt.Sprintf("%d bytes of %d", info.Size(), info.ModTime().UnixNano())
}

// settings returns what XLA reads from the environment: its flags, which may be in a file that the variable names, and
// those of the TPU's library.
func settings() string {
	flags := os.Getenv("XLA_FLAGS")
	if text, err := os.ReadFile(flags); err == nil {
		flags = string(text)
	}
	return flags + "\x00" + os.Getenv("LIBTPU_INIT_ARGS")
}

// processorLines are the lines of /proc/cpuinfo that say what code a processor can run: those of amd64, then arm64.
var processorLines = []string{
	"vendor_id", "cpu family", "model", "model name", "stepping", "flags",
	"Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision",
}

// processor describes the processor's model and instructions.
func processor() string {
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		return firstProcessor(text)
	}
	return systemProcessor()
}

// firstProcessor returns processorLines of the first processor in /proc/cpuinfo.
func firstProcessor(cpuinfo []byte) string {
	var b strings.Builder
	for s := bufio.NewScanner(bytes.NewReader(cpuinfo)); s.Scan() && s.Text() != ""; {
		name, value, _ := strings.Cut(s.Text(), ":")
		for _, known := range processorLines {
			if strings.TrimSpace(name) == known {
				b.WriteString(known + ":" + strings.TrimSpace(value) + "\n")
			}
		}
	}
	return b.String()
}
