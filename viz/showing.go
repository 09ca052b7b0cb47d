package viz

import "github.com/quire-ml/quire/internal/showing"

// What a cell's last expression is worth is shown as everything else that is drawn, where the cell links this package.
func init() { showing.By = func(v any) { Show(v) } }
