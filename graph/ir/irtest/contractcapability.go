package irtest

import (
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
)

const placedIsPut = "A value that is put on a mesh is the value that Put would have made, and what does not fit the mesh is an error."

var capabilityRules = []rule{
	{"a tensor is put on a mesh", placedIsPut, placed},
}

// placed has a mesh of one device, which every engine has, and goes through [capability.PutOn], so that an engine without
// the capability is tested too.
func placed(c *check) {
	b := c.engine()
	mesh := &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: 1}}}
	for _, n := range sizes {
		x := ramp(n, 1)
		exe := c.compile(b, shapesOf(x), twice)
		for _, s := range []ir.Sharding{nil, {""}, {"data"}} {
			in, err := capability.PutOn(b, x, mesh, s)
			c.ok(err, "PutOn %s with the sharding %s", mesh, s)
			if in == nil {
				c.failf("PutOn returned neither a buffer nor an error")
			}
			c.isRamp(in, 1, "a value on a mesh")
			c.isRamp(c.run(exe, in)[0], 2, "the result of a value on a mesh")
			c.ok(in.Close(), "Close of a value on a mesh")
			c.closed(in, "a closed value on a mesh")
		}
	}
	_, err := capability.PutOn(b, ramp(5, 1), mesh, ir.Sharding{"model"})
	c.refused(err, "PutOn with a sharding that names another axis")
	_, err = capability.PutOn(b, nil, mesh, nil)
	c.refused(err, "PutOn of nil")
	_, err = capability.PutOn(b, ramp(5, 1), &ir.Mesh{}, nil)
	c.refused(err, "PutOn a mesh without axes")
}
