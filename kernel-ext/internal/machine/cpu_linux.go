package machine

import (
	"os"
	"strings"
)

func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	return named(string(text))
}

// named finds the name in the words of Linux: a line for each core, which on arm64 names none.
func named(text string) string {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); name == "model name" || name == "Model" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
