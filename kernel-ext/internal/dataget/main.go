// Command dataget downloads public data sets into the cache. It does the work of "quire data get" in a
// program of its own, so that the other commands are built without net/http.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/internal/statusline"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/csv"
	"github.com/quire-ml/quire/ml/data/fetch"
	"github.com/quire-ml/quire/ml/data/mnist"
	"github.com/quire-ml/quire/ml/data/text"
)

// sets are the data sets that can be had, by the folder that they have in the cache.
var sets = map[string]func() []data.File{"mnist": mnist.Files, "text": text.Files, "tabular": csv.Files}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := get(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quire:", err)
		os.Exit(1)
	}
}

func get(ctx context.Context, names []string) error {
	var files []data.File
	for _, name := range names {
		set := sets[name]
		if set == nil {
			return fmt.Errorf("there is no data set %q: the names are mnist, text and tabular", name)
		}
		files = append(files, set()...)
	}
	line := statusline.New(os.Stderr)
	defer line.Close()
	f := &fetch.Fetcher{Progress: func(p fetch.Progress) {
		text := fmt.Sprintf("%s: %s of %s", p.File.Path, bytesize.Text(p.Done), bytesize.Text(p.Total))
		if p.Done == p.Total {
			line.Note(text)
		} else {
			line.Show(text)
		}
	}}
	if err := f.All(ctx, files...); err != nil {
		return err
	}
	dir, err := data.CacheDir()
	if err != nil {
		return err
	}
	fmt.Printf("%d files in %s\n", len(files), dir)
	return nil
}
