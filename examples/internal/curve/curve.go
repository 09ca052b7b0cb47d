// Package curve gives the programs beside it the flag -curve.
package curve

import (
	"flag"
	"log"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/figures"
)

var file = flag.String("curve", "", "file for the curve of the training, such as loss.svg")

// Save writes a view of a training as the file that -curve names, if it names one.
func Save(view interface{ Bundle() viz.Bundle }) {
	if *file == "" {
		return
	}
	if err := figures.Save(*file, view.Bundle(), figures.Options{Width: 85}); err != nil {
		log.Fatal(err)
	}
}
