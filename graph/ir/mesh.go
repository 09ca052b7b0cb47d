package ir

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/shapes"
)

// MeshAxis is a named axis of a [Mesh].
type MeshAxis struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// Mesh arranges the devices of a backend along named axes, such as "data" and "model". Device numbers
// run in row-major order: the last axis is the fastest. A mesh is immutable.
//
// A mesh and the shardings over it say where values live and never what they are: a program computes the
// same numbers on one device, up to the order in which sums are taken.
type Mesh struct {
	Axes []MeshAxis `json:"axes"`
}

// NewMesh returns the mesh with the given axes. It returns an error if there are none, a name is empty,
// taken or not made of letters, digits and underscores, or a size is not positive.
func NewMesh(axes ...MeshAxis) (*Mesh, error) {
	m := &Mesh{Axes: slices.Clone(axes)}
	return m, m.Check()
}

// maxDevices bounds the devices of a mesh: larger numbers are mistakes.
const maxDevices = 1 << 16

// Check returns what is wrong with the mesh, see [NewMesh].
func (m *Mesh) Check() error {
	if len(m.Axes) == 0 {
		return fmt.Errorf("a mesh without axes")
	}
	n := 1
	for i, a := range m.Axes {
		if !isIdentifier(a.Name) {
			return fmt.Errorf("mesh axis %d: the name %q is not made of letters, digits and underscores", i, a.Name)
		}
		if slices.ContainsFunc(m.Axes[:i], func(b MeshAxis) bool { return b.Name == a.Name }) {
			return fmt.Errorf("mesh axis %d: the name %q is taken", i, a.Name)
		}
		if a.Size < 1 || a.Size > maxDevices/n {
			return fmt.Errorf("mesh axis %q has size %d: the sizes must be positive, with a product of at most %d", a.Name, a.Size, maxDevices)
		}
		n *= a.Size
	}
	return nil
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}

// NumDevices returns the number of devices, the product of the axes' sizes.
func (m *Mesh) NumDevices() int {
	n := 1
	for _, a := range m.Axes {
		n *= a.Size
	}
	return n
}

// AxisSize returns the size of an axis, 0 if the mesh has no such axis.
func (m *Mesh) AxisSize(name string) int {
	for _, a := range m.Axes {
		if a.Name == name {
			return a.Size
		}
	}
	return 0
}

// Equal reports whether both meshes have the same axes.
func (m *Mesh) Equal(o *Mesh) bool {
	if m == nil || o == nil {
		return m == o
	}
	return slices.Equal(m.Axes, o.Axes)
}

// String writes the mesh as "mesh[data=2 model=4]".
func (m *Mesh) String() string {
	var parts []string
	for _, a := range m.Axes {
		parts = append(parts, fmt.Sprintf("%s=%d", a.Name, a.Size))
	}
	return "mesh[" + strings.Join(parts, " ") + "]"
}

// Sharding says how a value is divided over a [Mesh]: per axis of the value the mesh axis that it is split
// along, or several separated by commas, the first one outermost; "" for an axis that is not split. The mesh
// axes that it does not name hold copies; nil is a whole copy on every device. Inside a program an axis may be
// left [Open].
type Sharding []string

// Replicated reports whether every device holds the whole value.
func (s Sharding) Replicated() bool {
	return !slices.ContainsFunc(s, func(axes string) bool { return axes != "" })
}

// Equal reports whether both divide a value in the same way.
func (s Sharding) Equal(o Sharding) bool {
	return s.Replicated() && o.Replicated() || slices.Equal(s, o)
}

// Axes returns the mesh axes that the given axis of a value is split along, outermost first.
func (s Sharding) Axes(axis int) []string {
	if axis < 0 || axis >= len(s) || s[axis] == "" || s[axis] == Open {
		return nil
	}
	return strings.Split(s[axis], ",")
}

// Check returns what is wrong with dividing a value of the given shape over m: an entry too few or too many,
// an axis that the mesh does not have or that is used twice, a dimension that cannot be divided evenly.
func (s Sharding) Check(m *Mesh, shape shapes.Shape) error {
	if s == nil {
		return nil
	}
	if len(s) != shape.Rank() {
		return fmt.Errorf("the sharding %s has %d entries for the %d axes of %s", s, len(s), shape.Rank(), shape)
	}
	if m == nil {
		return fmt.Errorf("the sharding %s has no mesh", s)
	}
	var used []string
	for axis := range s {
		n := 1
		for _, name := range s.Axes(axis) {
			size := m.AxisSize(name)
			if size == 0 {
				return fmt.Errorf("the sharding %s names the axis %q, which %s does not have", s, name, m)
			}
			if slices.Contains(used, name) {
				return fmt.Errorf("the sharding %s uses the mesh axis %q twice", s, name)
			}
			used = append(used, name)
			n *= size
		}
		if d := shape.Dimensions[axis]; d%n != 0 {
			return fmt.Errorf("axis %d of %s cannot be divided evenly over %d devices (%s of %s): choose a multiple of %d, or leave it whole",
				axis, shape, n, s[axis], m, n)
		}
	}
	return nil
}

// String writes the sharding as [data - model].
func (s Sharding) String() string {
	parts := slices.Clone([]string(s))
	for i, p := range parts {
		if p == "" {
			parts[i] = "-"
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// Block returns which part of a value of the given shape a device holds: where it begins along each axis, and
// its dimensions. The sharding must have passed [Sharding.Check], and the device be one of the mesh.
func (s Sharding) Block(m *Mesh, shape shapes.Shape, device int) (start, dims []int) {
	if m == nil || m.Check() != nil || s.Check(m, shape) != nil || device < 0 || device >= m.NumDevices() {
		panic(fmt.Sprintf("ir: Sharding.Block: %s does not divide %s over %s, or there is no device %d", s, shape, m, device))
	}
	at := map[string]int{} // the device's place on each mesh axis
	for i := len(m.Axes) - 1; i >= 0; i-- {
		at[m.Axes[i].Name] = device % m.Axes[i].Size
		device /= m.Axes[i].Size
	}
	start, dims = make([]int, shape.Rank()), slices.Clone(shape.Dimensions)
	for axis := range start {
		index := 0
		for _, name := range s.Axes(axis) {
			size := m.AxisSize(name)
			dims[axis] /= size
			index = index*size + at[name]
		}
		start[axis] = index * dims[axis]
	}
	return start, dims
}

// Closed returns s with the axes that it leaves open whole.
func (s Sharding) Closed() Sharding {
	c := slices.Clone(s)
	for i, axes := range c {
		if axes == Open {
			c[i] = ""
		}
	}
	return c
}

// Open, as an entry of the sharding of a value inside a program, leaves it to the backend how the axis is divided.
const Open = "?"
