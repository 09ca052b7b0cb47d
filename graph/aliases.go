package graph

import "github.com/quire-ml/quire/graph/ir"

// What users of graphs name of package ir, where it is documented.
type (
	Op       = ir.Op       // a row of the table of operations
	Program  = ir.Program  // what a graph becomes
	Backend  = ir.Backend  // an engine
	Buffer   = ir.Buffer   // a value that an engine holds
	Mesh     = ir.Mesh     // the devices that a program runs on
	MeshAxis = ir.MeshAxis // a named axis of a mesh
	Position = ir.Place    // a place in the user's code

	ConvolveAxesConfig = ir.ConvolveAxesConfig // which axes of a convolution are what
	PadAxis            = ir.PadAxis            // the padding of an axis
	TransposeKind      = ir.TransposeKind      // how a matrix is used
	WindowAttrs        = ir.WindowAttrs        // windows that are moved over a tensor
	WindowKind         = ir.WindowKind         // what is made of the elements of a window
)

// Open, as an entry of the sharding of a value inside a program, leaves it to the backend how the axis is divided.
const Open = ir.Open

// The reductions of windows.
const (
	WindowSum = ir.WindowSum
	WindowMax = ir.WindowMax
	WindowMin = ir.WindowMin
)

// The matrix itself, its transpose, and the conjugate of that.
const (
	NotTransposed = ir.NotTransposed
	Transposed    = ir.Transposed
	Adjoint       = ir.Adjoint
)

// NewMesh returns the mesh with the given axes, or what is wrong with them; see [ir.Mesh].
func NewMesh(axes ...MeshAxis) (*Mesh, error) { return ir.NewMesh(axes...) }
