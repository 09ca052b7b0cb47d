// Package search tries hyperparameters: at random, spread evenly, or many for a short time and the best of them longer.
//
//	space := search.Space{
//		"learning_rate": search.LogUniform(1e-4, 1e-1),
//		"width":         search.Ints(16, 256),
//		"activation":    search.Choice("relu", "gelu"),
//	}
//	trials, err := search.Run(ctx, search.Options{Trials: 30, Halton: true}, space, func(ctx context.Context, t *search.Trial) (float64, error) {
//		store := model.NewStore()
//		if err := t.SetParams(store); err != nil { // for layers and optimizers that read them from the scope
//			return 0, err
//		}
//		…                                            // t.Float("learning_rate") and the like
//		return loss, nil
//	})
//	fmt.Println(trials)        // a table, the best first
//	best := trials.Best()
//
// A trial's values depend on the seed and its number alone, so a search that is longer begins with the same trials.
package search
