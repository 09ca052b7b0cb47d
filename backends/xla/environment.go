//go:build cgo

package xla

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/xla/plugins"
)

// flagsVariable is where XLA reads its flags. It reads them once per process, and ends the process over one that it
// does not know.
const flagsVariable = "XLA_FLAGS"

// exactFlags make XLA's compilers compute what programs mean. The first keeps the CPU compiler from ignoring NaN in
// maxima and minima. Without the second, version 0.81 computes an elementwise op of a transposed value wrongly where
// all comes from constants: the pass moves the transpose, and folding then takes the elements in the wrong order.
var exactFlags = []string{"--xla_cpu_enable_fast_min_max=false", "--" + disabledPasses + "=reshape-mover"}

// disabledPasses is a flag with a list for its value.
const disabledPasses = "xla_disable_hlo_passes"

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
	return setFlags(p)
}

// added are the flags that this package has put into the environment, which are not the user's.
var added = map[string]bool{}

// setFlags adds to the user's flags those that the plugin and the engine need, unless the user gives them
// otherwise or the plugin does not know them. It returns an error for a flag of the user that the plugin does not
// know. It is called with clients locked.
func setFlags(p plugins.Plugin) error {
	flags, err := userFlags()
	if err != nil {
		return err
	}
	unknown, err := unknownFlags(p.Path, flags)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%s holds %s, which the plugin %s does not know and would end the process over: correct it or leave it out",
			flagsVariable, strings.Join(unknown, " and "), p.Path)
	}
	for _, own := range append(strings.Fields(p.Env[flagsVariable]), exactFlags...) {
		if i := slices.IndexFunc(flags, func(f string) bool { return flagName(f) == flagName(own) }); i >= 0 {
			if _, pass, _ := strings.Cut(own, "="); flagName(own) == disabledPasses && !strings.Contains(flags[i], pass) {
				flags[i] += "," + pass
			}
			continue
		}
		unknown, err := unknownFlags(p.Path, []string{own})
		if err != nil {
			return err
		}
		if len(unknown) == 0 {
			flags = append(flags, own)
			added[own] = true
		}
	}
	if len(flags) == 0 {
		return nil
	}
	return os.Setenv(flagsVariable, strings.Join(flags, " "))
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
	return slices.DeleteFunc(strings.Fields(text), func(f string) bool { return added[f] }), nil
}

// flagName returns what stands between "--" and "=".
func flagName(flag string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
	return name
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
				var release func()
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
