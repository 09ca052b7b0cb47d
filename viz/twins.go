package viz

import (
	"github.com/quire-ml/quire/viz/internal/svg"
	"github.com/quire-ml/quire/viz/internal/twins"
)

func init() {
	twins.SetAttach(func(view any, drawings []svg.Drawing) any {
		return view.(Bundle).drawing(drawings)
	})
	twins.SetDrawings(func(v any) ([]svg.Drawing, string) {
		b := Render(v)
		return b.drawings, b.HTML()
	})
}
