package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/internal/plugininstall"
)

type pluginFlags struct {
	from, to string
	wheels   bool
	verify   bool
}

// What can be installed, and for what; tests have their own.
var (
	pins     = plugininstall.Pins()
	platform = runtime.GOOS + "/" + runtime.GOARCH
)

var pluginInstall = &command{
	name:  "plugin install",
	args:  "cpu|cuda|tpu",
	short: "install the plugin that the engine xla needs, for CPU, CUDA or TPU",
	long: `
Installs a PJRT plugin, through which the engine xla compiles and runs programs:

  cpu    63 MB to download, 0.3 GB on the disk
  cuda   2.5 GB to download, 4.0 GB on the disk: the plugin and the NVIDIA libraries of its version
  tpu    0.2 GB to download, 0.6 GB on the disk

Versions and SHA-256 sums are pinned. The wheels come from the package index that pip's configuration names
(PIP_INDEX_URL, PIP_CONFIG_FILE, pip.conf; proxy and certificates too), or with -from out of a folder, without a
network. What is downloaded is said before it starts. A download that is broken off goes on the next time; the
plugin appears when it is complete and checked, and takes the place of one of its name.

To bring the wheels to a machine without a network, elsewhere:

  quire plugin install -wheels cpu > cpu.txt     the first line of cpu.txt is the command for the next step
  pip download --no-deps … -d DIR -r cpu.txt

Plugins are looked for in the folders of QUIRE_PLUGINS, else in quire/plugins in the user's data folder and in
/usr/local/share/quire/plugins. A library from elsewhere needs no installation: xla:/path/of/the/library.so`,
	run: runPluginInstall,
	flags: func(f *flag.FlagSet, env *environment) {
		f.StringVar(&env.plug.from, "from", "", "take the wheels from the folder `DIR`, and use no network")
		f.StringVar(&env.plug.to, "to", "", "install into `DIR` instead of the first folder of plugins")
		f.BoolVar(&env.plug.wheels, "wheels", false, "only print the wheels as a requirements file for pip")
	},
}

var pluginList = &command{
	name:  "plugin list",
	short: "list the plugins that are installed, and those that can be",
	long: `
Lists the installed plugins with version, size on the disk, state and folder, and what can be installed on this machine
with the sizes. A plugin is broken if its library is missing, cut off, of another processor, or no plugin: the exit
status is 1 then.`,
	run: runPluginList,
	flags: func(f *flag.FlagSet, env *environment) {
		f.BoolVar(&env.plug.verify, "verify", false, "also compare the SHA-256 sums of the libraries, which reads all of them")
	},
}

var pluginRemove = &command{
	name:  "plugin remove",
	args:  "NAME",
	short: "remove an installed plugin",
	long:  "Removes the folder of a plugin, and what is kept of a download that was broken off.",
	run:   runPluginRemove,
}

func runPluginInstall(ctx context.Context, env *environment, args []string) error {
	if len(args) != 1 {
		return usageError{"plugin install needs one name: cpu, cuda or tpu"}
	}
	pin, err := plugininstall.PinOf(pins, args[0], platform)
	if err != nil {
		return err
	}
	if env.plug.wheels {
		fmt.Fprint(env.stdout, pin.Requirements())
		return nil
	}
	to, err := plugininstall.Target(env.plug.to)
	if err != nil {
		return err
	}
	if plugininstall.Current(to, pin) {
		fmt.Fprintf(env.stdout, "the plugin %s %s is installed already in %s, and whole: nothing is to be done\n", pin.Name, pin.Version(), filepath.Join(to, pin.Name))
		return nil
	}
	if env.plug.from != "" {
		return plugininstall.Tell(ctx, pin, plugininstall.Folder(env.plug.from), to, env.stdout, env.stderr)
	}
	return runHelper(ctx, env, "pluginget", "downloads plugins", "-to", to, pin.Name)
}

func runPluginList(_ context.Context, env *environment, args []string) error {
	if len(args) > 0 {
		return usageError{"plugin list takes no arguments"}
	}
	list, unreadable := plugins.List()
	w := tabwriter.NewWriter(env.stdout, 0, 8, 2, ' ', 0)
	broken := unreadable != nil
	var seen []string
	for _, p := range list {
		state, why := "ok", p.Check()
		if why == nil && env.plug.verify {
			why = p.Verify()
		}
		switch {
		case why != nil:
			state, broken = "broken", true
		case slices.Contains(seen, p.Name):
			state, why = "hidden", fmt.Errorf("a plugin of this name comes before it")
		}
		seen = append(seen, p.Name)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Version, size(p.Dir), state, p.Dir)
		if why != nil {
			fmt.Fprintf(w, "\t\t\t\t→ %v\n", why)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if unreadable != nil {
		fmt.Fprintln(env.stdout, unreadable)
	}
	if len(list) == 0 && unreadable == nil {
		fmt.Fprintf(env.stdout, "no plugin is installed in %s\n", strings.Join(plugins.Dirs(), " or "))
	}
	fmt.Fprintf(env.stdout, "\ncan be installed on %s by quire plugin install:\n", platform)
	any := false
	for _, pin := range pins {
		if pin.Platform == platform {
			any = true
			fmt.Fprintf(w, "  %s\t%s\t%s to download, %s on the disk\tneeds %s\n", pin.Name, pin.Version(),
				bytesize.Text(pin.Download()), bytesize.Text(pin.Unpacked), pin.Needs)
		}
	}
	if !any {
		fmt.Fprintln(w, "  none; a library built for it can be named by its path: xla:/path/of/the/library")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if broken {
		return exitError(1)
	}
	return nil
}

func runPluginRemove(ctx context.Context, env *environment, args []string) error {
	if len(args) != 1 {
		return usageError{"plugin remove needs one name: see quire plugin list"}
	}
	dir, err := plugininstall.Remove(ctx, args[0])
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "removed the plugin %s from %s\n", args[0], dir)
	return nil
}
