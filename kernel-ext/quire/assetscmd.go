package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/internal/assets"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

type assetFlags struct{ from, to string }

var assetsInstall = &command{
	name:  "assets install",
	args:  "echarts",
	short: "install the script library of interactive pages",
	long: `
Installs Apache ECharts, which viz.Interactive writes into the pages that it makes, so that these ask for nothing from
outside: 10 MB to download, 1 MB on the disk. Version and SHA-256 sums are pinned.

The archive is brought by npm, from the registry that npm's configuration names, or with -from out of a folder, without a
network: there it is what, elsewhere,

  npm pack echarts@5.6.0

has written. The library is looked for in the folders of QUIRE_ASSETS, else in quire/assets in the user's data folder and in
/usr/local/share/quire/assets.`,
	run: runAssetsInstall,
	flags: func(f *flag.FlagSet, env *environment) {
		f.StringVar(&env.assets.from, "from", "", "take the archive from the folder `DIR`, and use no network")
		f.StringVar(&env.assets.to, "to", "", "install into `DIR` instead of the first folder of assets")
	},
}

// npm is the program that brings archives; tests have their own.
var npm = "npm"

func runAssetsInstall(ctx context.Context, env *environment, args []string) error {
	if len(args) != 1 {
		return usageError{"assets install needs one name: echarts"}
	}
	pin, ok := assets.PinOf(args[0])
	if !ok {
		return usageError{fmt.Sprintf("there is no script library %q: want echarts", args[0])}
	}
	to := env.assets.to
	if to == "" {
		dirs := assets.Dirs()
		if len(dirs) == 0 {
			return fmt.Errorf("there is no folder for script libraries, since the user has no home: set QUIRE_ASSETS to one")
		}
		to = dirs[0]
	}
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	if assets.Installed(pin, to) {
		fmt.Fprintf(env.stdout, "%s %s is installed already in %s, and whole: nothing is to be done\n", pin.Name, pin.Version, filepath.Join(to, pin.Name))
		return nil
	}
	from := env.assets.from
	if from == "" {
		own, err := scratch.New()
		if err != nil {
			return err
		}
		defer own.Close()
		from = own.Dir
		if err := fetchArchive(ctx, env, pin, from); err != nil {
			return err
		}
	}
	archive := filepath.Join(from, pin.Archive())
	if _, err := os.Stat(archive); err != nil {
		return fmt.Errorf("there is no %s in %s: npm pack %s@%s writes it", pin.Archive(), from, pin.Name, pin.Version)
	}
	if err := assets.Install(pin, archive, to); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "installed %s %s in %s\n", pin.Name, pin.Version, filepath.Join(to, pin.Name))
	return nil
}

// fetchArchive has npm bring a package's archive into a folder.
func fetchArchive(ctx context.Context, env *environment, pin assets.Pin, dir string) error {
	program, err := exec.LookPath(npm)
	if err != nil {
		return fmt.Errorf("npm, which brings %s, is not on this machine: run npm pack %s@%s elsewhere, bring %s here, and use quire assets install %s -from DIR",
			pin.Name, pin.Name, pin.Version, pin.Archive(), pin.Name)
	}
	fmt.Fprintf(env.stderr, "%s %s: npm brings %s, %s, as its configuration says\n", pin.Name, pin.Version, pin.Archive(), bytesize.Text(pin.Size))
	cmd := exec.CommandContext(ctx, program, "pack", pin.Name+"@"+pin.Version, "--silent", "--pack-destination", dir)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted (%w)", ctx.Err())
	}
	if err != nil {
		said := strings.TrimSpace(string(out))
		if said == "" {
			said = err.Error()
		}
		return fmt.Errorf("npm could not bring %s@%s: %s", pin.Name, pin.Version, said)
	}
	return nil
}
