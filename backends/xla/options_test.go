//go:build cgo

package xla

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/xla/plugins"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConfigurations(t *testing.T) {
	for _, c := range []struct {
		text, plugin string
		client       pjrt.NamedValuesMap // of what the plugin is told
		wantErr      string
	}{
		{"", "", nil, ""},
		{"cpu", "cpu", pjrt.NamedValuesMap{"cpu_device_count": int64(1)}, ""},
		{"cpu,devices=8,cache=off,log=1", "cpu", pjrt.NamedValuesMap{"cpu_device_count": int64(8)}, ""},
		{"devices=8", "", nil, ""},
		{"/opt/a=b/pjrt_c_api_cpu_plugin.so,devices=2", "/opt/a=b/pjrt_c_api_cpu_plugin.so", pjrt.NamedValuesMap{"cpu_device_count": int64(2)}, ""},
		{"/opt/other.so", "/opt/other.so", nil, ""},
		{"tpu,cache=/var/cache/x", "tpu", nil, ""},
		{"cuda", "cuda", pjrt.NamedValuesMap{"preallocate": false}, ""},
		{"cuda,preallocate=true,memory_fraction=0.5,allocator=bfc", "cuda", pjrt.NamedValuesMap{"preallocate": true, "memory_fraction": float32(0.5), "allocator": "bfc"}, ""},

		{"cpu,devices=0", "", nil, "the option devices=0: want a whole number from 1 to 64"},
		{"cpu,devices=-1", "", nil, "want a whole number from 1 to 64"},
		{"cpu,devices=65", "", nil, "want a whole number from 1 to 64"},
		{"cpu,devices=two", "", nil, "want a whole number from 1 to 64"},
		{"cpu,devices", "", nil, `"devices" is no option: options are written name=value`},
		{"cpu,cores=2", "", nil, `the option "cores" is unknown: the known ones are devices, cache, cache_size, log, preallocate, memory_fraction, allocator`},
		{"cpu,cpu_device_count=2", "", nil, "is unknown"},
		{"cpu,devices=2,devices=3", "", nil, "the option devices is given twice"},
		{"cpu,cache=here", "", nil, "want off or the absolute path of a folder"},
		{"cpu,log=loud", "", nil, "want a whole number from 0 to 2"},
		{"cpu,cache_size=0", "", nil, "want a whole number from 1"},
		{"cuda,preallocate=1", "", nil, "want true or false"},
		{"cuda,memory_fraction=0", "", nil, "want a number above 0, up to 1"},
		{"cuda,memory_fraction=NaN", "", nil, "want a number above 0, up to 1"},
		{"cuda,allocator=mine", "", nil, "want one of default, platform, bfc, cuda_async"},
		{"cuda,devices=2", "", nil, "the option devices is for cpu, not for the plugin cuda"},
		{"cpu,preallocate=true", "", nil, "the option preallocate is for cuda, not for the plugin cpu"},
		{"/opt/other.so,devices=2", "", nil, "the option devices is for cpu, not for the plugin /opt/other.so"},
	} {
		cfg, err := parseConfig(c.text)
		if cfg.kind = kindOf(cfg.plugin); err == nil && cfg.plugin != "" {
			err = cfg.checkKind()
		}
		if c.wantErr != "" {
			assert.ErrorContains(t, err, c.wantErr, "%q", c.text)
			continue
		}
		require.NoError(t, err, "%q: plugin", c.text)
		assert.Equal(t, c.plugin, cfg.plugin, "%q: plugin", c.text)
		assert.Equal(t, c.client, cfg.clientOptions(), "%q: the plugin is told", c.text)
	}
}

// What makes another client makes another key; what only decides what is written to standard error does not.
func TestConfigurationsShareClients(t *testing.T) {
	key := func(text string) string {
		cfg, err := parseConfig(text)
		require.NoError(t, err)
		return cfg.key()
	}
	assert.Equal(t, key("cpu,log=2,cache=off,devices=2"), key("cpu,devices=2,cache=off"), "the order of options, or log, makes another client")
	require.NotEqual(t, key("cpu,devices=3"), key("cpu,devices=2"), "other devices or another plugin have the same client")
	assert.NotEqual(t, key("cuda"), key("cpu"), "other devices or another plugin have the same client")
}

// XLA ends the process over a flag that it does not know, so the flags are looked for in the library first.
func TestFlags(t *testing.T) {
	dir := t.TempDir()
	library := filepath.Join(dir, "cpu.so")
	write := func(path, text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	write(library, "…xla_dump_to\x00xla_cpu_enable_fast_min_max\x00xla_disable_hlo_passes\x00xla_gpu_cuda_data_dir\x00")
	old := filepath.Join(dir, "old.so")
	write(old, "…xla_dump_to\x00")
	flagFile := filepath.Join(dir, "flags")
	write(flagFile, "--xla_dump_to=/a\n")
	ours := strings.Join(exactFlags, " ")
	for _, c := range []struct {
		name, flags, path string
		env               string // of the plugin
		want, wantErr     string
	}{
		{"ours are set", "", library, "", ours, ""},
		{"the user's stay", "--xla_dump_to=/tmp/x", library, "", "--xla_dump_to=/tmp/x " + ours, ""},
		{"the user's come before ours", "--xla_cpu_enable_fast_min_max=true", library, "", "--xla_cpu_enable_fast_min_max=true " + exactFlags[1], ""},
		{"passes are added to the user's", "--xla_disable_hlo_passes=cse", library, "", "--xla_disable_hlo_passes=cse,reshape-mover " + exactFlags[0], ""},
		{"the plugin's are added", "", library, "--xla_gpu_cuda_data_dir=/n", "--xla_gpu_cuda_data_dir=/n " + ours, ""},
		{"what a plugin does not know of ours is left out", "", old, "", "", ""},
		{"a file of flags", flagFile, library, "", "--xla_dump_to=/a " + ours, ""},
		{"a flag that is not known", "--xla_nonsense=1 --xla_dump_to=/a", library, "", "", "XLA_FLAGS holds --xla_nonsense=1, which the plugin " + library + " does not know"},
		{"a part of a known name", "--xla_dump=1", library, "", "", "does not know"},
		{"a file that is not there", filepath.Join(dir, "none"), library, "", "", "does not begin with -- and so names a file of flags"},
		{"a library that is not there", "--xla_dump_to=/a", filepath.Join(dir, "none.so"), "", "", "reading the plugin"},
	} {
		t.Setenv(flagsVariable, c.flags)
		p := plugins.Plugin{Path: c.path}
		if c.env != "" {
			p.Env = map[string]string{flagsVariable: c.env}
		}
		err := setFlags(p)
		if c.wantErr != "" {
			assert.ErrorContains(t, err, c.wantErr, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, os.Getenv(flagsVariable), c.name)
		require.NoError(t, setFlags(p), "%s: set again: %q", c.name, os.Getenv(flagsVariable))
		assert.Len(t, os.Getenv(flagsVariable), len(c.want), "%s: set again: %q", c.name, os.Getenv(flagsVariable))
	}
}

// XLA's log is held back unless it is asked for.
func TestLogLevel(t *testing.T) {
	for _, c := range []struct{ option, before, want string }{
		{"", "", "3"}, {"", "1", "1"}, {"0", "1", "3"}, {"1", "", "1"}, {"2", "3", "0"},
	} {
		t.Setenv(logVariable, c.before)
		if c.before == "" {
			os.Unsetenv(logVariable)
		}
		t.Setenv(flagsVariable, "")
		cfg := config{values: map[string]string{}}
		if c.option != "" {
			cfg.values["log"] = c.option
		}
		path := filepath.Join(t.TempDir(), "empty.so")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		t.Setenv("QUIRE_TEST_A", "user's")
		p := plugins.Plugin{Path: path, Env: map[string]string{"QUIRE_TEST_A": "plugin's"}}
		require.NoError(t, setEnvironment(cfg, p))
		assert.Equal(t, c.want, os.Getenv(logVariable), "log=%s with %s=%s", c.option, logVariable, c.before)
		got := os.Getenv("QUIRE_TEST_A")
		assert.Equal(t, "user's", got, "a plugin's variable is %q in place of the user's", got)
	}
}
