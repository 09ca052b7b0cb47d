//go:build cgo

package xla

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/go-xla/pjrt"
)

// maxHostDevices is how many devices the processor may be divided into: more have not been tried.
const maxHostDevices = 64

// defaultCacheMiB bounds the folder of compiled programs, unless cache_size does.
const defaultCacheMiB = 1024

// config is a configuration, parsed.
type config struct {
	plugin string // a name or the absolute path of a library; "" for the best there is
	kind   string // "cpu", "cuda" or "tpu" as the plugin's name says; "" if it says nothing
	values map[string]string
}

// option is one of the settings that follow the plugin's name in a configuration.
type option struct {
	name, values, doc string
	kinds             []string // of plugins that take it, nil for all
	check             func(value string) error
}

// optionTable holds every option. Plugins die of client options of the wrong type and take unknown ones in
// silence, so nothing reaches them that does not stand here.
var optionTable = []option{
	{"devices", "1 to 64", "how many devices the processor is divided into, for programs on a mesh; 1 unless given", []string{"cpu"}, wantInt(1, maxHostDevices)},
	{"cache", "a folder, or off", "where compiled programs are kept for the next process; a folder of the user's cache unless given", nil, wantFolder},
	{"cache_size", "1 to 1048576", "how many MiB that folder may grow to; 1024 unless given", nil, wantInt(1, 1<<20)},
	{"log", "0 to 2", "what XLA writes to standard error: nothing, warnings, or everything; 0 unless given or TF_CPP_MIN_LOG_LEVEL is set. It counts where a process opens the plugin first", nil, wantInt(0, 2)},
	{"preallocate", "true or false", "whether most of the device's memory is taken at once; false unless given", []string{"cuda"}, wantBool},
	{"memory_fraction", "above 0 to 1", "how much of the device's memory may be taken; 0.75 unless given", []string{"cuda"}, wantFraction},
	{"allocator", "default, platform, bfc or cuda_async", "how memory of the device is handed out", []string{"cuda"}, wantOneOf("default", "platform", "bfc", "cuda_async")},
}

func wantInt(lo, hi int) func(string) error {
	return func(v string) error {
		if n, err := strconv.Atoi(v); err != nil || n < lo || n > hi {
			return fmt.Errorf("want a whole number from %d to %d", lo, hi)
		}
		return nil
	}
}

func wantBool(v string) error {
	if v != "true" && v != "false" {
		return fmt.Errorf("want true or false")
	}
	return nil
}

func wantFraction(v string) error {
	if f, err := strconv.ParseFloat(v, 32); err != nil || !(f > 0 && f <= 1) {
		return fmt.Errorf("want a number above 0, up to 1")
	}
	return nil
}

func wantOneOf(names ...string) func(string) error {
	return func(v string) error {
		if !slices.Contains(names, v) {
			return fmt.Errorf("want one of %s", strings.Join(names, ", "))
		}
		return nil
	}
}

func wantFolder(v string) error {
	if v != "off" && !filepath.IsAbs(v) {
		return fmt.Errorf("want off or the absolute path of a folder")
	}
	return nil
}

// parseConfig reads what follows "xla:" in a configuration: a plugin's name or path, then options.
func parseConfig(text string) (config, error) {
	c := config{values: map[string]string{}}
	for i, part := range strings.Split(text, ",") {
		name, value, isOption := strings.Cut(part, "=")
		switch {
		case part == "":
		case i == 0 && (!isOption || filepath.IsAbs(part)):
			c.plugin = part
		case !isOption:
			return c, fmt.Errorf("%q is no option: options are written name=value", part)
		default:
			if err := c.set(name, value); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func (c *config) set(name, value string) error {
	o := slices.IndexFunc(optionTable, func(o option) bool { return o.name == name })
	if o < 0 {
		return fmt.Errorf("the option %q is unknown: the known ones are %s", name, strings.Join(optionNames(), ", "))
	}
	if _, twice := c.values[name]; twice {
		return fmt.Errorf("the option %s is given twice", name)
	}
	if err := optionTable[o].check(value); err != nil {
		return fmt.Errorf("the option %s=%s: %w", name, value, err)
	}
	c.values[name] = value
	return nil
}

func optionNames() (names []string) {
	for _, o := range optionTable {
		names = append(names, o.name)
	}
	return names
}

// checkKind returns an error for options that plugins of the kind do not have.
func (c *config) checkKind() error {
	for _, o := range optionTable {
		if _, given := c.values[o.name]; given && o.kinds != nil && !slices.Contains(o.kinds, c.kind) {
			return fmt.Errorf("the option %s is for %s, not for the plugin %s", o.name, strings.Join(o.kinds, " and "), c.plugin)
		}
	}
	return nil
}

// kindOf returns what a plugin is for, by its name or the name of its file.
func kindOf(plugin string) string {
	base := strings.ToLower(filepath.Base(plugin))
	for _, kind := range []string{"cpu", "cuda", "tpu"} {
		if base == kind || filepath.IsAbs(plugin) && strings.Contains(base, kind) {
			return kind
		}
	}
	return ""
}

// int returns a numeric option, or otherwise.
func (c *config) int(name string, otherwise int) int {
	if n, err := strconv.Atoi(c.values[name]); err == nil {
		return n
	}
	return otherwise
}

// clientOptions returns what the plugin is told, in the types that it wants.
func (c *config) clientOptions() pjrt.NamedValuesMap {
	switch c.kind {
	case "cpu":
		return pjrt.NamedValuesMap{"cpu_device_count": int64(c.int("devices", 1))}
	case "cuda":
		m := pjrt.NamedValuesMap{"preallocate": c.values["preallocate"] == "true"}
		if f, err := strconv.ParseFloat(c.values["memory_fraction"], 32); err == nil {
			m["memory_fraction"] = float32(f)
		}
		if a := c.values["allocator"]; a != "" {
			m["allocator"] = a
		}
		return m
	}
	return nil
}

// cacheDir returns the folder of compiled programs, "" for none.
func (c *config) cacheDir() string {
	switch dir := c.values["cache"]; dir {
	case "off":
		return ""
	case "":
		if user, err := os.UserCacheDir(); err == nil {
			return filepath.Join(user, "quire", "xla")
		}
		return ""
	default:
		return dir
	}
}

// key names the client that the configuration needs: equal keys can share one.
func (c *config) key() string {
	parts := []string{c.plugin}
	for _, o := range optionTable {
		if v, ok := c.values[o.name]; ok && o.name != "log" {
			parts = append(parts, o.name+"="+v)
		}
	}
	return strings.Join(parts, ",")
}
