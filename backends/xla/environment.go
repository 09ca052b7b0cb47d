//go:build cgo

package xla

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/quire-ml/quire/backends/xla/plugins"
)

// flagsVariable is where XLA reads its flags. It reads them once per process, and ends the process over one that it
// does not know.
const flagsVariable = "XLA_FLAGS"

// exactMinMax keeps XLA's CPU compiler from ignoring NaN in maxima and minima.
const exactMinMax = "--xla_cpu_enable_fast_min_max=false"

// logVariable is the least severity that XLA writes: 0 all, 1 warnings, 2 errors, 3 what ends the process.
const logVariable = "TF_CPP_MIN_LOG_LEVEL"

// setEnvironment tells a plugin what it only takes from the environment, before it is loaded.
func setEnvironment(cfg config, p plugins.Plugin) error {
	if level, given := cfg.values["log"]; given {
		os.Setenv(logVariable, map[string]string{"0": "3", "1": "1", "2": "0"}[level])
	} else if _, set := os.LookupEnv(logVariable); !set {
		os.Setenv(logVariable, "3")
	}
	for name, value := range p.Env {
		if _, set := os.LookupEnv(name); !set && name != flagsVariable {
			os.Setenv(name, value)
		}
	}
	return setFlags(cfg, p)
}

// setFlags adds to the user's flags those that the plugin and the engine need, unless the user gives them
// otherwise, and returns an error for a flag that the plugin does not know.
func setFlags(cfg config, p plugins.Plugin) error {
	flags, err := userFlags()
	if err != nil {
		return err
	}
	added := strings.Fields(p.Env[flagsVariable])
	if cfg.kind == "cpu" {
		added = append(added, exactMinMax)
	}
	all := flags
	for _, flag := range added {
		if !hasFlag(flags, flagName(flag)) {
			all = append(all, flag)
		}
	}
	if len(all) == 0 {
		return nil
	}
	unknown, err := unknownFlags(p.Path, all)
	if err != nil {
		return err
	}
	if len(unknown) > 0 && hasFlag(all, flagName(exactMinMax)) && len(unknown) == 1 && unknown[0] == exactMinMax && !hasFlag(flags, flagName(exactMinMax)) {
		all = all[:len(all)-1] // a compiler of another time: its maxima are its own affair
	} else if len(unknown) > 0 {
		return fmt.Errorf("%s holds %s, which the plugin %s does not know and would end the process over: correct it or leave it out",
			flagsVariable, strings.Join(unknown, " and "), p.Path)
	}
	return os.Setenv(flagsVariable, strings.Join(all, " "))
}

// userFlags returns the flags that the environment gives, itself or in a file that it names.
func userFlags() ([]string, error) {
	text := strings.TrimSpace(os.Getenv(flagsVariable))
	if text != "" && !strings.HasPrefix(text, "--") {
		data, err := os.ReadFile(text)
		if err != nil {
			return nil, fmt.Errorf("%s does not begin with -- and so names a file of flags: %w", flagsVariable, err)
		}
		text = string(data)
	}
	return strings.Fields(text), nil
}

// flagName returns what stands between "--" and "=".
func flagName(flag string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
	return name
}

func hasFlag(flags []string, name string) bool {
	for _, f := range flags {
		if flagName(f) == name {
			return true
		}
	}
	return false
}

// knownFlags remembers by library and name what was found.
var knownFlags = map[string]bool{}

// unknownFlags returns the flags whose names do not stand in the library, where the names of all that it knows do.
// It is called with clients locked.
func unknownFlags(path string, flags []string) (unknown []string, err error) {
	var data []byte
	for _, f := range flags {
		key := path + "\x00" + flagName(f)
		known, done := knownFlags[key]
		if !done {
			if data == nil {
				release := func() {}
				if data, release, err = mapFile(path); err != nil {
					return nil, fmt.Errorf("reading the plugin: %w", err)
				}
				defer release()
			}
			known = bytes.Contains(data, []byte(flagName(f)+"\x00"))
			knownFlags[key] = known
		}
		if !known {
			unknown = append(unknown, f)
		}
	}
	return unknown, nil
}
